"""Which of the readable trajectories may become examples: what `prepare` asks before it renders.

    screen = Screen.build(cfg)
    screen.refusal(trajectory)      # None, or ('contaminated', 'holds the prompt of HumanEval/3')
    screen.report()                 # what was removed and why, for JSON and Markdown

Decontamination against the evaluation sets, removal of duplicates, and the choice of the best of
several trajectories of one problem. It stands in `prepare`, not in `generate`, because imported
trajectories must pass it as well, and because another evaluation set must not cost another
generation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from deepcoder.config import BestOf, Config
from deepcoder.problems.decontamination import Decontaminator, Hit
from deepcoder.problems.evaluation_sets import evaluation_guard
from deepcoder.rendering.protocols import action_text
from deepcoder.trajectories.deduplication import Deduplicator
from deepcoder.types import Trajectory

__all__ = ["Screen", "choose", "report_text"]

_EXAMPLES = 50
"""Removals that a report lists one by one, of each reason."""


class Screen:
    """Refuses trajectories, and counts what it refused. `best`: ids to keep where several
    trajectories of a problem were compared; None keeps all."""

    def __init__(
        self, sets: dict[str, int], guard: Decontaminator, seen: Deduplicator, best: set[str] | None
    ) -> None:
        self._sets, self._guard, self._seen, self._best = sets, guard, seen, best
        self._counts: Counter[str] = Counter()
        self._by_problem: Counter[str] = Counter()
        self._removed: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._shown = 0

    @classmethod
    def build(cls, cfg: Config, best: set[str] | None = None) -> Screen:
        """The screen that `data` asks for. Raises as `evaluation_guard`."""
        guard, sets = evaluation_guard(
            cfg.data.decontaminate, cfg.problems, "data.decontaminate", Path(cfg.paths.cache)
        )
        seen = Deduplicator(cfg.data.duplicates, cfg.data.duplicate_key)
        return cls(sets, guard, seen, best)

    def refusal(self, trajectory: Trajectory) -> tuple[str, str] | None:
        """(reason in a word, in a sentence) of a trajectory that is left out, or None."""
        self._shown += 1
        found = self._refusal(trajectory)
        if found is not None:
            reason, detail = found
            self._counts[reason] += 1
            if len(self._removed[reason]) < _EXAMPLES:
                self._removed[reason].append(
                    {"id": trajectory.id, "problem": trajectory.problem_id, "why": detail}
                )
        return found

    def _refusal(self, trajectory: Trajectory) -> tuple[str, str] | None:
        hit = self._contaminated(trajectory)
        if hit is not None:
            self._by_problem[hit.name] += 1
            return "contaminated", f"its {hit.part} holds {hit.share:.0%} of that of {hit.name}"
        if self._best is not None and trajectory.id not in self._best:
            return "not_best", "another trajectory of the problem is preferred (data.best_of)"
        earlier = self._seen.duplicate_of(trajectory)
        return None if earlier is None else ("duplicate", f"it repeats {earlier}")

    def _contaminated(self, trajectory: Trajectory) -> Hit | None:
        if not self._guard.texts:
            return None
        hit = self._guard.prompt(trajectory.task)
        if hit is not None:
            return hit
        codes = [action_text(s.action) for s in trajectory.steps if s.action is not None]
        for code in dict.fromkeys([trajectory.answer or "", *codes]):
            if code and (hit := self._guard.code(code)) is not None:
                return hit
        return None

    def report(self) -> dict[str, Any]:
        """Counts, the evaluation problems that were found, and examples of what was removed."""
        return {
            "evaluation_sets": self._sets,
            "trajectories": self._shown,
            "removed": dict(sorted(self._counts.items())),
            "evaluation_problems_found": dict(self._by_problem.most_common()),
            "examples": dict(self._removed),
        }


def report_text(report: dict[str, Any]) -> str:
    """The report as a short page of Markdown."""
    sets = ", ".join(f"{name} ({count})" for name, count in report["evaluation_sets"].items())
    lines = [
        "# What was left out before rendering",
        "",
        f"{report['trajectories']} trajectories were compared with these evaluation sets "
        f"(problems): {sets or 'none'}.",
        "",
        "| reason | trajectories |",
        "|---|---|",
        *(f"| {reason} | {count} |" for reason, count in report["removed"].items()),
    ]
    found = report["evaluation_problems_found"]
    if found:
        lines += ["", "| evaluation problem found | trajectories |", "|---|---|"]
        lines += [f"| `{name}` | {count} |" for name, count in list(found.items())[:_EXAMPLES]]
    for reason, removed in report["examples"].items():
        lines += ["", f"## {reason}", ""]
        lines += [f"- `{one['id']}`: {one['why']}" for one in removed[:10]]
    return "\n".join(lines) + "\n"


# -------------------------------------------------------------------------- the best of several


def choose(
    trajectories: Iterable[Trajectory],
    rule: BestOf,
    surprise: Callable[[Sequence[Trajectory]], Sequence[float]] | None = None,
) -> set[str] | None:
    """The id of the preferred trajectory of each problem; None when all are kept.

    `first` is the order of the file, `shortest` the fewest characters that the model wrote,
    `likeliest` the least mean negative log-likelihood under the student, which `surprise` gives for
    a batch (`deepcoder.spans.likelihood`). Equal ones: the first. Memory: one id a problem.
    """
    if rule is BestOf.all:
        return None
    best: dict[str, tuple[float, str]] = {}
    for batch in _batches(trajectories):
        if rule is BestOf.likeliest:
            if surprise is None:
                raise ValueError("data.best_of=likeliest needs a student that scores")
            scores = list(surprise(batch))
        elif rule is BestOf.shortest:
            scores = [float(_written(one)) for one in batch]
        else:
            scores = [0.0] * len(batch)
        for one, score in zip(batch, scores, strict=True):
            if one.problem_id not in best or score < best[one.problem_id][0]:
                best[one.problem_id] = (score, one.id)
    return {name for _, name in best.values()}


def _batches(trajectories: Iterable[Trajectory], size: int = 64) -> Iterable[list[Trajectory]]:
    batch: list[Trajectory] = []
    for one in trajectories:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _written(trajectory: Trajectory) -> int:
    return sum(
        len(step.reason) + len(action_text(step.action) if step.action else step.raw or "")
        for step in trajectory.steps
    )
