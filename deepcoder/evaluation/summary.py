"""From samples to the figures of `results.json`: rates, means, intervals, pairs.

Figures are of three sorts: means over problems (pass@k), ratios of sums (valid actions per action,
dollars per solved problem), plain means over episodes (turns, tokens, seconds). All intervals
resample problems with the same draws, so figures of one table belong together. Nothing here plays
or prints.

    results = summarise({"base": before, "student": after}, problems, Settings(),
                        pairs=[("student", "base")])
    results["models"]["student"]["all"]["pass@1"]["mean"]
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deepcoder.errors import DataError
from deepcoder.evaluation.agreement import agreement, reason_words
from deepcoder.evaluation.selection import Origin, origin
from deepcoder.evaluation.statistics import (
    Estimate,
    bootstrap,
    mcnemar,
    paired_bootstrap,
    pass_at_k,
    ratio_bootstrap,
)
from deepcoder.sandbox.answers import word_f1
from deepcoder.trajectories.verification import is_invalid
from deepcoder.types import (
    Difficulty,
    ObservationStatus,
    Problem,
    ProblemForm,
    StopReason,
    Trajectory,
)

__all__ = [
    "RESULTS_VERSION",
    "Settings",
    "by_problem",
    "compare",
    "figures",
    "flawed",
    "reasoning",
    "share",
    "solved",
    "summarise",
]

RESULTS_VERSION = 2

FAILED = (ObservationStatus.ERROR, ObservationStatus.TIMEOUT)
Samples = Mapping[str, Sequence[Trajectory]]
"""Problem id to its episodes."""


@dataclass(frozen=True)
class Settings:
    """How figures are made."""

    k: tuple[int, ...] = (1,)
    resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0

    def interval(self) -> dict[str, Any]:
        return {"resamples": self.resamples, "confidence": self.confidence, "seed": self.seed}


def solved(trajectory: Trajectory) -> bool:
    """Whether the episode ended with an answer that passes all hidden cases."""
    return trajectory.outcome is not None and trajectory.outcome.solved


def summarise(
    played: Mapping[str, Sequence[Trajectory]],
    problems: Sequence[Problem],
    settings: Settings,
    trained_families: Collection[str] = (),
    pairs: Sequence[tuple[str, str]] = (),
    teacher: str | None = None,
) -> dict[str, Any]:
    """All figures, ready for JSON: per model overall and by group, and `pairs` of models.

    `teacher` names the model with whose reasoning the others' is compared. Raises DataError when a
    model was not played on every problem equally often, or an episode stands twice.
    """
    grouped = {model: by_problem(model, rows, problems) for model, rows in played.items()}
    origins = {problem.id: origin(problem, trained_families) for problem in problems}
    topics = sorted({problem.topic for problem in problems})
    groups = {
        "by_difficulty": _groups(problems, Difficulty, lambda problem: problem.difficulty),
        "by_origin": _groups(problems, Origin, lambda problem: origins[problem.id]),
        "by_topic": _groups(problems, topics, lambda problem: problem.topic),
    }
    every = [problem.id for problem in problems]
    models = {
        model: {
            "all": figures([samples], every, settings) | _text_score(samples, problems, settings),
            **{
                name: {key: figures([samples], ids, settings) for key, ids in group.items()}
                for name, group in groups.items()
            },
        }
        for model, samples in grouped.items()
    }
    for model in models:
        if teacher is not None and model != teacher:
            both = grouped[model], grouped[teacher]
            models[model]["agreement"] = reasoning(*both, every, settings)
    return {
        "schema_version": RESULTS_VERSION,
        "confidence": settings.confidence,
        "resamples": settings.resamples,
        "problems": [
            {
                "id": problem.id,
                "difficulty": str(problem.difficulty),
                "origin": str(origins[problem.id]),
                "topic": problem.topic,
                "solved": {
                    model: sum(map(solved, samples[problem.id]))
                    for model, samples in grouped.items()
                },
            }
            for problem in problems
        ],
        "models": models,
        "pairs": [
            {"after": a, "before": b, **compare([grouped[a]], [grouped[b]], every, settings)}
            for a, b in pairs
        ],
    }


def figures(seeds: Sequence[Samples], ids: Sequence[str], settings: Settings) -> dict[str, Any]:
    """The figures of one model on some problems. A rate without anything to count is None.

    `seeds` are the samples of each training of it, usually one.
    """
    rows = [row for samples in seeds for name in ids for row in samples[name]]

    def each(count: Callable[[Sequence[Trajectory]], float]) -> list[list[float]]:
        """[seeds, problems]"""
        return [[count(samples[name]) for name in ids] for samples in seeds]

    def total(count: Callable[[Trajectory], float]) -> list[list[float]]:
        return each(lambda group: sum(map(count, group)))

    def ratio(above: list[list[float]], below: list[list[float]]) -> dict[str, Any] | None:
        return _plain(ratio_bootstrap(above, below, **settings.interval()))

    def mean(count: Callable[[Trajectory], float]) -> dict[str, Any] | None:
        return ratio(total(count), episodes)

    def calls(part: Callable[[_Calls], int]) -> list[list[float]]:
        return each(lambda group: part(_calls(group)))

    episodes, passed = each(len), total(solved)
    tokens = total(lambda row: row.usage.completion_tokens)
    seconds = total(lambda row: row.usage.seconds)
    usd = total(lambda row: row.usage.usd)
    paid = any(map(any, usd))
    return {
        "problems": len(ids),
        "episodes": len(rows),
        **{
            f"pass@{k}": _plain(
                bootstrap([_passes(s, ids, k) for s in seeds], **settings.interval())
            )
            for k in settings.k
        },
        "answered_rate": mean(lambda row: row.stop is StopReason.FINISHED),
        "valid_action_rate": ratio(calls(lambda c: c.valid), calls(lambda c: c.steps)),
        "exact_format_rate": ratio(calls(lambda c: c.exact), calls(lambda c: c.steps)),
        "tool_error_rate": ratio(calls(lambda c: c.errors), calls(lambda c: c.tools)),
        "recovery_rate": ratio(total(lambda r: flawed(r) and solved(r)), total(flawed)),
        "turns": mean(lambda row: len(row.steps)),
        "reason_words": mean(reason_words),
        "tokens": mean(lambda row: row.usage.completion_tokens),
        "seconds": mean(lambda row: row.usage.seconds),
        "seconds_median": statistics.median(row.usage.seconds for row in rows),
        "usd": mean(lambda row: row.usage.usd) if paid else None,
        "tokens_per_solved": ratio(tokens, passed),
        "seconds_per_solved": ratio(seconds, passed),
        "usd_per_solved": ratio(usd, passed) if paid else None,
        "stops": dict(Counter(str(row.stop) for row in rows).most_common()),
    }


def _text_score(
    samples: Samples, problems: Sequence[Problem], settings: Settings
) -> dict[str, Any]:
    """Word F1 over the questions among the problems; nothing when there is none."""
    scores = []
    for problem in problems:
        if problem.form is ProblemForm.ANSWER:
            accepted = [str(case.expected) for case in problem.hidden]
            found = [word_f1(row.answer or "", accepted) for row in samples[problem.id]]
            scores.append(sum(found) / len(found))
    return {"f1": _plain(bootstrap(scores, **settings.interval()))} if scores else {}


def compare(
    after: Sequence[Samples], before: Sequence[Samples], ids: Sequence[str], settings: Settings
) -> dict[str, Any]:
    """`after` minus `before` and `after` over `before`, on the same problems resampled together.

    Each is a sequence of seeds. With one sample a problem on both sides also McNemar's test.
    `gained` and `lost` list the problems whose share of solved samples rose or fell.
    """
    result: dict[str, Any] = {}
    for k in settings.k:
        both = [[_passes(samples, ids, k) for samples in seeds] for seeds in (after, before)]
        result[f"pass@{k}"] = _plain(paired_bootstrap(*both, **settings.interval()))
        ratio = ratio_bootstrap(*both, same_seeds=False, **settings.interval())
        result[f"pass@{k} ratio"] = _plain(ratio)
    shares = {name: (share(after, name), share(before, name)) for name in ids}
    result["gained"] = [name for name, (now, then) in shares.items() if now > then]
    result["lost"] = [name for name, (now, then) in shares.items() if now < then]
    if all(len(rows) == 1 for rows in (after, before)) and all(
        len(samples[0][name]) == 1 for samples in (after, before) for name in ids
    ):
        result["mcnemar_p"] = mcnemar(len(result["gained"]), len(result["lost"]))
    return result


def share(seeds: Sequence[Samples], problem: str) -> float:
    """Share of the samples of a problem that solved it, each seed counting alike."""
    return _mean(_mean(map(solved, samples[problem])) for samples in seeds)


def reasoning(
    samples: Samples, teacher: Samples, ids: Sequence[str], settings: Settings
) -> dict[str, Any]:
    """Agreement with the teacher's episodes of the same problem; the i-th sample with its i-th."""
    found = [
        [
            agreement(row, teacher[name][index % len(teacher[name])])
            for index, row in enumerate(samples[name])
        ]
        for name in ids
    ]
    words = [
        [sum(map(reason_words, rows[name])) / len(rows[name]) for name in ids]
        for rows in (samples, teacher)
    ]
    interval = settings.interval()
    length = ratio_bootstrap(*words, same_seeds=False, **interval)
    return {
        "cot_match": _plain(bootstrap([_mean(a.match for a in f) for f in found], **interval)),
        "same_tools": _plain(
            bootstrap([_mean(a.same_tools for a in f) for f in found], **interval)
        ),
        "reason_length_ratio": _plain(length),
    }


# ---------------------------------------------------------------------------------- their parts


@dataclass(frozen=True)
class _Calls:
    steps: int
    valid: int
    """Turns that could be carried out, repaired by the parser or not."""
    exact: int
    """Of these, the ones that needed no repair."""
    tools: int
    """Actions that a tool carried out."""
    errors: int
    """Of these, the ones that ended with an exception or a timeout."""


def _calls(rows: Sequence[Trajectory]) -> _Calls:
    steps = [step for row in rows for step in row.steps]
    valid = [step for step in steps if not is_invalid(step)]
    carried = [step.observation for step in valid if step.observation is not None]
    errors = sum(observation.status in FAILED for observation in carried)
    exact = sum(not step.salvaged for step in valid)
    return _Calls(len(steps), len(valid), exact, len(carried), errors)


def flawed(row: Trajectory) -> bool:
    """Whether something went wrong on the way: an unreadable turn or an error of a tool."""
    return any(
        is_invalid(step) or (step.observation is not None and step.observation.status in FAILED)
        for step in row.steps
    )


def _passes(samples: Samples, ids: Sequence[str], k: int) -> list[float]:
    return [pass_at_k(len(samples[i]), sum(map(solved, samples[i])), k) for i in ids]


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)


def _groups(problems: Sequence[Problem], members: Iterable[Any], key: Any) -> dict[str, list[str]]:
    """Problem ids by `key`, in the order of the closed set; empty groups are left out."""
    found = {str(member): [p.id for p in problems if key(p) == member] for member in members}
    return {name: ids for name, ids in found.items() if ids}


def by_problem(
    model: str, rows: Sequence[Trajectory], problems: Sequence[Problem]
) -> dict[str, list[Trajectory]]:
    """A model's episodes by problem.

    Raises DataError when it was played on other problems, unequally often, or twice.
    """
    samples: dict[str, list[Trajectory]] = defaultdict(list)
    for row in rows:
        samples[row.problem_id].append(row)
    wanted = {problem.id for problem in problems}
    if set(samples) != wanted:
        odd = sorted(set(samples) ^ wanted)
        raise DataError(
            f"`{model}` was played on other problems than the benchmark has: they differ in "
            f"{len(odd)}, e.g. {odd[0]}.",
            fix="remove its file in the run folder to play it again",
        )
    counts = {len(group) for group in samples.values()}
    repeated = any(len({r.provenance.sample for r in g}) < len(g) for g in samples.values())
    if len(counts) > 1 or repeated:
        raise DataError(
            f"`{model}` does not have every sample of every problem exactly once.",
            fix="remove its file in the run folder to play it again",
        )
    return dict(samples)


def _plain(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else asdict(estimate)
