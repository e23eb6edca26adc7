"""Stage `generate`: a teacher plays the training problems; what execution verifies is kept.

Every problem is played `generation.samples` times by the agent graph in the sandbox. A trajectory
whose answer passes the hidden cases goes to `trajectories.jsonl`, every other one to
`rejected.jsonl` with its reason. The stage can be killed at any instant; the same command goes on
where it was and ends with the same set. It does not train and makes no examples: see `prepare`.

    python -m deepcoder.generate                               # oracle teacher, builtin problems
    python -m deepcoder.generate generation.samples=4 generation.limit=100
    python -m deepcoder.generate teacher=local teacher.model=<hub id or folder>
    python -m deepcoder.generate teacher=groq generation.dry_run=true   # needs GROQ_API_KEY
    python -m deepcoder.generate teacher=groq generation.max_usd=2
    python -m deepcoder.generate generation.shard=3/8                   # and on seven others
    python -m deepcoder.generate 'generation.merge=[shards/*]'          # the whole of them
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from deepcoder.errors import ConfigError, DeepcoderError, IncompleteError
from deepcoder.runs import RunFolder, stage, stage_key
from deepcoder.runs.halting import Halt, for_seconds, stop_on_signals

if TYPE_CHECKING:
    from deepcoder.chat_models.pricing import Spending
    from deepcoder.config import Config
    from deepcoder.trajectories.collection import Task
    from deepcoder.trajectories.store import TrajectoryStore
    from deepcoder.trajectories.verification import Refusal, RejectedStore
    from deepcoder.types import Problem, Trajectory

log = logging.getLogger(__name__)

FILES = {
    "trajectories.jsonl": "accepted trajectories, one JSON object a line",
    "rejected.jsonl": "every other episode, with the reason why it was not accepted",
    "spending.jsonl": "what each request cost, when the teacher is an API",
    "spending.sent": "requests that are in flight now, to be booked should the run be killed",
    "retrieval.json": "which passages the tool `retrieve` never shows, and why",
}


@stage("generate", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Play the training problems with the configured teacher and keep what is verified."""
    if run.done and (run.path / "trajectories.jsonl").exists():
        log.info("Already generated: %s", run.path)
        return
    from deepcoder.problems.loaders import load_problems
    from deepcoder.trajectories.filters import check_filters

    if cfg.generation.merge:
        _merge(cfg, run)
        return
    check_filters(cfg.generation.filters)
    found = load_problems(cfg.problems, "train")
    problems = select(found, cfg.generation.limit, cfg.seed)
    if len(problems) < len(found):
        limit = f"generation.limit={cfg.generation.limit}; null plays all"
        log.info("Playing %d of %d problems (%s).", len(problems), len(found), limit)
    if cfg.problems.path:
        run.record_input("problems", Path(cfg.problems.path))
    try:
        unfinished, why = asyncio.run(_generate(cfg, run, problems))
    except asyncio.CancelledError:  # the second Ctrl-C
        raise KeyboardInterrupt from None
    if isinstance(why, KeyboardInterrupt):
        if unfinished:
            log.info("Stopped with %d episodes to go.", unfinished)
            raise why
    elif unfinished and why is not None:
        raise IncompleteError(
            f"{unfinished} episodes are not played yet: {why.message}", fix=why.fix
        )
    if not cfg.generation.dry_run:
        _conclude(run)


def _merge(cfg: Config, run: RunFolder) -> None:
    """The whole of what its shards played."""
    from omegaconf import OmegaConf

    from deepcoder.trajectories.sharding import merge

    def key_of(shard: str) -> str:
        part = copy.deepcopy(cfg)
        OmegaConf.update(part, "generation.shard", shard)  # type: ignore[arg-type]
        return stage_key(part, "generate")

    folders = merge(run, list(cfg.generation.merge), key_of)
    log.info("Put %d shards together.", len(folders))
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
) -> tuple[int, DeepcoderError | KeyboardInterrupt | None]:
    """Play what is missing; returns how many episodes are still unplayed, and what kept them.

    None when all are played, or a dry run's pilot is.
    """
    from deepcoder.agent.agent import Agent
    from deepcoder.agent.corpus import retrieve_tool
    from deepcoder.chat_models import build_teacher
    from deepcoder.sandbox import SandboxPool
    from deepcoder.trajectories.collection import collect, plan
    from deepcoder.trajectories.forecast import draw
    from deepcoder.trajectories.meter import Following, Meter
    from deepcoder.trajectories.store import TrajectoryStore
    from deepcoder.trajectories.verification import RejectedStore
    from deepcoder.trajectories.watching import reporting, when
    from deepcoder.types import Sampling

    generation = cfg.generation
    sampling = Sampling(
        max_tokens=cfg.teacher.max_tokens,
        temperature=cfg.teacher.temperature,
        top_p=cfg.teacher.top_p,
    )
    with (
        TrajectoryStore(run.path / "trajectories.jsonl") as accepted,
        RejectedStore(run.path / "rejected.jsonl") as rejected,
        stop_on_signals() as halt,
    ):
        following = Following(generation.give_up_after, cfg.agent.protocol, accepted, rejected)
        if (astray := following.error()) is not None:
            raise astray
        spending = _account(cfg, run, halt)
        teacher = build_teacher(
            cfg.teacher, problems, cfg.seed, protocol=cfg.agent.protocol, spending=spending
        )
        async with contextlib.aclosing(teacher), SandboxPool(cfg.sandbox) as pool:
            agent = Agent(teacher, cfg.agent, pool, retrieve=retrieve_tool(cfg, run.path))
            planned = plan(agent, problems, samples=generation.samples, seed=cfg.seed)
            if generation.shard:
                planned = planned.part(*map(int, generation.shard.split("/")))
            todo = planned.missing(accepted, rejected)
            total = len(planned.tasks)
            if len(todo) < total:
                log.info("Continuing: %d of %d episodes are done.", total - len(todo), total)
            pilot = draw(planned.tasks, generation.pilot, cfg.seed)
            playing = [t for t in todo if t in pilot] if generation.dry_run else todo
            playing = _within(generation.max_episodes, playing, total - len(todo), halt)
            meter = Meter(
                total,
                accepted,
                rejected,
                spent=lambda: spending.total if spending is not None else None,
                headroom=getattr(teacher, "headroom", dict),
            )

            def on_done(trajectory: Trajectory, refused: Refusal | None) -> None:
                meter.done(refused)
                halt.because(following.error(trajectory))

            left: list[DeepcoderError] = []
            over = IncompleteError(
                f"generation.max_seconds={generation.max_seconds} are over.",
                fix="run the same command again",
            )
            clock = for_seconds(halt, generation.max_seconds, over)
            hurry = getattr(teacher, "hurry", lambda: None)
            async with reporting(run, meter, on_done) as told, when(halt.event, hurry):
                with clock:
                    await collect(
                        agent,
                        pool,
                        playing,
                        accepted,
                        rejected,
                        sampling=sampling,
                        seed=cfg.seed,
                        workers=generation.workers,
                        config_hash=stage_key(cfg, "generate"),
                        filters=generation.filters,
                        stop=halt.event,
                        on_done=told,
                        on_left=lambda task, error: left.append(error),
                    )
            unfinished = len(planned.missing(accepted, rejected))
            if generation.dry_run and not left and not halt.event.is_set():
                limits = teacher.limits() if hasattr(teacher, "limits") else (None, None)
                _tell(cfg, run, pilot, accepted, rejected, unfinished, limits, spending)
                return unfinished, None
        if spending is not None and (budget := spending.exhausted):
            fix = f"raise {budget.partition('=')[0]} and run the same command again"
            return unfinished, IncompleteError(f"{budget} is used up ({_paid(spending)}).", fix=fix)
        if halt.event.is_set() and halt.reason is None:
            return unfinished, KeyboardInterrupt()  # even if it kept an episode from its end
        return unfinished, halt.reason or (left[-1] if left else None)


def _within(most: int | None, tasks: list[Task], played: int, halt: Halt) -> list[Task]:
    """As many tasks as `generation.max_episodes` leaves."""
    if most is None or played + len(tasks) <= most:
        return tasks
    halt.reason = IncompleteError(
        f"generation.max_episodes={most} is used up.",
        fix="raise generation.max_episodes and run the same command again",
    )
    return tasks[: max(0, most - played)]


def _tell(
    cfg: Config,
    run: RunFolder,
    pilot: Collection[Task],
    accepted: TrajectoryStore,
    rejected: RejectedStore,
    remaining: int,
    limits: tuple[float | None, float | None],
    spending: Spending | None,
) -> None:
    """Print and store what the rest of the run will cost, by the episodes of the pilot."""
    from deepcoder.trajectories.forecast import forecast, show

    ids = {task.id for task in pilot}
    solved = [trajectory for trajectory in accepted if trajectory.id in ids]
    played = [*solved, *(r.trajectory for r in rejected if r.id in ids)]
    used = sum(u.usage.usd for u in (*accepted, *(r.trajectory for r in rejected)))
    ranges = forecast(
        [trajectory.usage for trajectory in played],
        remaining=remaining,
        workers=cfg.generation.workers,
        limits=limits,
        overhead=max(1.0, spending.total.usd / used) if spending is not None and used else 1.0,
        seed=cfg.seed,
    )
    found = {name: asdict(values) for name, values in ranges.items()}
    show(ranges, len(played), len(solved), remaining)
    run.finish("piloted", pilot=len(played), accepted=len(solved), remaining=remaining, **found)


def _account(cfg: Config, run: RunFolder, halt: Halt) -> Spending | None:
    """The account of a teacher that costs money; it stops the run when a budget is used up."""
    if not cfg.teacher.kind.remote:
        return None
    from deepcoder.chat_models.pricing import Spending

    return Spending(
        run.path / "spending.jsonl",
        max_usd=cfg.generation.max_usd,
        max_tokens=cfg.generation.max_tokens,
        on_exhausted=halt.event.set,
    )


def _paid(spending: Spending) -> str:
    total = spending.total
    return f"{total.requests} requests, {spending.tokens} tokens, {total.usd:.4f} dollars"


def _conclude(run: RunFolder) -> None:
    """Print and store the summary. Raises IncompleteError when nothing was accepted."""
    from deepcoder.trajectories.store import TrajectoryStore
    from deepcoder.trajectories.summary import show, summarise
    from deepcoder.trajectories.verification import RejectedStore

    accepted = TrajectoryStore(run.path / "trajectories.jsonl")
    rejected = RejectedStore(run.path / "rejected.jsonl")
    summary = summarise(accepted, rejected)
    show(summary)
    if not summary["accepted"]:
        reasons = ", ".join(f"{name} {count}" for name, count in summary["rejected"].items())
        first = next(iter(rejected), None)
        raise IncompleteError(
            f"No trajectory was accepted: {reasons}. The first: "
            f"{first.trajectory.problem_id if first else '?'}: {first.detail if first else '?'}.",
            fix=f"read {rejected.path}, then change the teacher or the problems",
        )
    run.finish(**summary)
    log.info("Trajectories: %s", accepted.path)


if __name__ == "__main__":
    main()
