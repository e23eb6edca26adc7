"""Stage `generate`: a teacher plays the training problems; what execution verifies is kept.

Every problem is played `generation.samples` times by the agent graph in the sandbox. A trajectory
whose answer passes the hidden cases goes to `trajectories.jsonl`, every other one to
`rejected.jsonl` with its reason. The stage can be killed at any instant; the same command goes on
where it was and ends with the same set. It does not train and makes no examples: see `prepare`.

    python -m deepcoder.generate                               # oracle teacher, builtin problems
    python -m deepcoder.generate generation.samples=4 generation.limit=100
    python -m deepcoder.generate teacher=local teacher.model=<hub id or folder>
    python -m deepcoder.generate teacher=groq generation.max_usd=2      # needs GROQ_API_KEY
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from deepcoder.errors import ConfigError, DeepcoderError, IncompleteError
from deepcoder.runs import RunFolder, progress, stage, stage_key

if TYPE_CHECKING:
    from deepcoder.chat_models.pricing import Spending
    from deepcoder.config import Config
    from deepcoder.trajectories.store import TrajectoryStore
    from deepcoder.trajectories.verification import Refusal, RejectedStore
    from deepcoder.types import Problem, Trajectory

log = logging.getLogger(__name__)

FILES = {
    "trajectories.jsonl": "accepted trajectories, one JSON object a line",
    "rejected.jsonl": "every other episode, with the reason why it was not accepted",
    "spending.jsonl": "what each request cost, when the teacher is an API",
}


@stage("generate", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Play the training problems with the configured teacher and keep what is verified."""
    if run.done and (run.path / "trajectories.jsonl").exists():
        log.info("Already generated: %s", run.path)
        return
    from deepcoder.problems.loaders import load_problems
    from deepcoder.trajectories.filters import check_filters

    check_filters(cfg.generation.filters)
    problems = select(load_problems(cfg.problems, "train"), cfg.generation.limit, cfg.seed)
    if cfg.problems.path:
        run.record_input("problems", Path(cfg.problems.path))
    try:
        unfinished, why = asyncio.run(_generate(cfg, run, problems))
    except asyncio.CancelledError:  # the second Ctrl-C
        raise KeyboardInterrupt from None
    if unfinished and why is not None:
        raise IncompleteError(
            f"{unfinished} episodes are not played yet: {why.message}", fix=why.fix
        )
    if unfinished:
        log.info("Stopped with %d episodes to go.", unfinished)
        raise KeyboardInterrupt
    _conclude(run)


def select(problems: Sequence[Problem], limit: int | None, seed: int) -> list[Problem]:
    """The first `limit` problems after a seeded shuffle; all of them in their order when None."""
    if limit is None:
        return list(problems)
    if limit <= 0:
        raise ConfigError(f"generation.limit={limit} leaves nothing.", fix="use 1 or more, or null")
    return Random(seed).sample(list(problems), min(limit, len(problems)))


async def _generate(
    cfg: Config, run: RunFolder, problems: Sequence[Problem]
) -> tuple[int, DeepcoderError | None]:
    """Play what is missing; returns how many episodes are still unplayed, and what kept them.

    (None is a person who interrupted.)
    """
    from deepcoder.agent.agent import Agent
    from deepcoder.agent.corpus import retrieve_tool
    from deepcoder.chat_models import build_teacher
    from deepcoder.sandbox import SandboxPool
    from deepcoder.trajectories.collection import collect, plan
    from deepcoder.trajectories.store import TrajectoryStore
    from deepcoder.trajectories.verification import RejectedStore
    from deepcoder.types import Sampling

    left: list[DeepcoderError] = []
    sampling = Sampling(
        max_tokens=cfg.teacher.max_tokens,
        temperature=cfg.teacher.temperature,
        top_p=cfg.teacher.top_p,
    )
    with (
        TrajectoryStore(run.path / "trajectories.jsonl") as accepted,
        RejectedStore(run.path / "rejected.jsonl") as rejected,
        _stop_on_signals() as stop,
    ):
        spending = _account(cfg, run, stop)
        teacher = build_teacher(
            cfg.teacher, problems, cfg.seed, protocol=cfg.agent.protocol, spending=spending
        )
        async with contextlib.aclosing(teacher), SandboxPool(cfg.sandbox) as pool:
            agent = Agent(teacher, cfg.agent, pool, retrieve=retrieve_tool(cfg))
            planned = plan(agent, problems, samples=cfg.generation.samples, seed=cfg.seed)
            todo = planned.missing(accepted, rejected)
            total = len(planned.tasks)
            if len(todo) < total:
                log.info("Continuing: %d of %d episodes are done.", total - len(todo), total)
            with _reporting(run, total, accepted, rejected) as on_done:
                await collect(
                    agent,
                    pool,
                    todo,
                    accepted,
                    rejected,
                    sampling=sampling,
                    seed=cfg.seed,
                    workers=cfg.generation.workers,
                    config_hash=stage_key(cfg, "generate"),
                    filters=cfg.generation.filters,
                    stop=stop,
                    on_done=on_done,
                    on_left=lambda task, error: left.append(error),
                )
        if spending is not None and (budget := spending.exhausted):
            fix = f"raise {budget.partition('=')[0]} and run the same command again"
            left = [IncompleteError(f"{budget} is used up ({_paid(spending)}).", fix=fix)]
        return len(planned.missing(accepted, rejected)), left[-1] if left else None


def _account(cfg: Config, run: RunFolder, stop: asyncio.Event) -> Spending | None:
    """The account of a teacher that costs money; it stops the run when a budget is used up."""
    if not cfg.teacher.kind.remote:
        return None
    from deepcoder.chat_models.pricing import Spending

    return Spending(
        run.path / "spending.jsonl",
        max_usd=cfg.generation.max_usd,
        max_tokens=cfg.generation.max_tokens,
        on_exhausted=stop.set,
    )


def _paid(spending: Spending) -> str:
    total = spending.total
    return f"{total.requests} requests, {spending.tokens} tokens, {total.usd:.4f} dollars"


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that the first SIGINT or SIGTERM sets; the second SIGINT ends everything at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    playing = asyncio.current_task()

    def interrupted() -> None:
        if not stop.is_set():
            stop.set()
            log.info("Stopping: episodes in flight are finished. Once more stops at once.")
        elif playing is not None:
            playing.cancel()

    signals = (signal.SIGINT, signal.SIGTERM)
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in signals:  # only the main thread may
            loop.add_signal_handler(number, interrupted)
    try:
        yield stop
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in signals:
                loop.remove_signal_handler(number)


@contextlib.contextmanager
def _reporting(
    run: RunFolder, total: int, accepted: TrajectoryStore, rejected: RejectedStore
) -> Iterator[Callable[[Trajectory, Refusal | None], None]]:
    """A progress bar with the counts, and the same in `metrics.jsonl` every hundredth."""
    counts = {"accepted": len(accepted.ids()), "rejected": len(rejected.ids())}
    every = max(1, total // 100)
    with progress("generate", total) as advance:
        if any(counts.values()):
            advance(sum(counts.values()), **counts)

        def on_done(trajectory: Trajectory, refused: Refusal | None) -> None:
            counts["accepted" if refused is None else "rejected"] += 1
            advance(1, **counts)
            done = sum(counts.values())
            if done % every == 0 or done == total:
                run.metric(**{f"generate/{name}": count for name, count in counts.items()})

        yield on_done


def _conclude(run: RunFolder) -> None:
    """Print and store the summary. Raises IncompleteError when nothing was accepted."""
    from deepcoder.trajectories.store import TrajectoryStore
    from deepcoder.trajectories.verification import RejectedStore

    accepted = TrajectoryStore(run.path / "trajectories.jsonl")
    rejected = RejectedStore(run.path / "rejected.jsonl")
    summary = summarise(accepted, rejected)
    _print_summary(summary)
    if not summary["accepted"]:
        reasons = ", ".join(f"{name} {count}" for name, count in summary["rejected"].items())
        first = next(iter(rejected), None)
        raise IncompleteError(
            f"No trajectory was accepted: {reasons}. The first: "
            f"{first.trajectory.problem_id if first else '?'}: {first.detail if first else '?'}",
            fix=f"read {rejected.path}, then change the teacher or the problems",
        )
    run.finish(**summary)
    log.info("Trajectories: %s", accepted.path)


def summarise(accepted: TrajectoryStore, rejected: RejectedStore) -> dict[str, Any]:
    """Counts over both files, and means over the accepted trajectories.

    `tokens` stands only where the teacher counts them: the oracle has no tokenizer.
    """
    reasons = Counter(record.reason.value for record in rejected)
    count = turns = recovered = tokens = 0
    seconds = 0.0
    for trajectory in accepted:
        count += 1
        turns += len(trajectory.steps)
        recovered += "recovered" in trajectory.tags
        tokens += trajectory.usage.completion_tokens
        seconds += trajectory.usage.seconds
    summary: dict[str, Any] = {
        "accepted": count,
        "rejected": dict(reasons.most_common()),
        "recovered": recovered,
    }
    if count:
        summary["turns"] = round(turns / count, 2)
        summary["seconds"] = round(seconds / count, 3)
        if tokens:
            summary["tokens"] = round(tokens / count, 1)
    return summary


def _print_summary(summary: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="generate", title_justify="left")
    table.add_column("")
    table.add_column("episodes", justify="right")
    table.add_row("accepted", str(summary["accepted"]))
    table.add_row("  of these recovered from a mistake", str(summary["recovered"]))
    for reason, count in summary["rejected"].items():
        table.add_row(f"rejected: {reason}", str(count))
    for name, label in (("turns", "turns"), ("tokens", "tokens written"), ("seconds", "seconds")):
        if name in summary:
            table.add_row(f"mean {label}", str(summary[name]))
    Console().print(table)


if __name__ == "__main__":
    main()
