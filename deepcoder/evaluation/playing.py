"""Plays every (problem, sample) of a benchmark with one model and stores each before the next.

The file is append-only and forced to disk, so a kill costs the episodes in flight and nothing else;
the same command plays what is missing. Every episode is kept whatever came out: a benchmark that
drops the failures measures something else. An error of the model's machinery (out of memory) is no
measurement: it is raised and not stored.

    with TrajectoryStore(path) as store:
        await play(agent, pool, missing(tasks, store), store, sampling=Sampling(), workers=16)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from deepcoder.agent.agent import Agent
from deepcoder.errors import DataError, DeepcoderError
from deepcoder.sandbox import SandboxPool
from deepcoder.trajectories.collection import Task
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.trajectories.verification import verify
from deepcoder.types import Sampling, StopReason, Trajectory

__all__ = ["FENCED_ANSWER", "fenced_answer", "missing", "play", "read_samples", "set_stale_aside"]

log = logging.getLogger(__name__)

FENCED_ANSWER = "fenced_answer"
"""Tag of a single-turn episode whose answer stood in a block that is not called answer."""


async def play(
    agent: Agent,
    pool: SandboxPool,
    tasks: Sequence[Task],
    store: TrajectoryStore,
    *,
    sampling: Sampling,
    seed: int,
    workers: int,
    config_hash: str | None = None,
    single: bool = False,
    on_done: Callable[[Trajectory], None] = lambda trajectory: None,
) -> None:
    """Play, judge and store `tasks` with `workers` episodes in flight.

    With `single` the first block of code of the only turn is the answer, whatever its fence says,
    as in single-turn benchmarks elsewhere.

    Raises the first error of the machinery, the model's included; what was stored stays valid.
    """
    queue = iter(tasks)

    async def work() -> None:
        for task in queue:  # shared: each worker takes the next task when it is free
            trajectory = await agent.run(
                task.problem,
                sampling=sampling.model_copy(update={"seed": task.seed}),
                seed=seed,
                sample=task.sample,
                source="evaluate",
                config_hash=config_hash,
            )
            if trajectory.stop is StopReason.MODEL_ERROR:
                detail = trajectory.outcome.detail if trajectory.outcome else "no reason given"
                raise DeepcoderError(
                    f"The model failed on {task.problem.id}: {detail}",
                    fix="lower benchmark.batch_size if memory ran out, and run the same command "
                    "again: what was played is kept",
                )
            trajectory = await verify(
                fenced_answer(trajectory) if single else trajectory, task.problem, pool
            )
            store.append(trajectory)
            on_done(trajectory)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(workers, len(tasks))):
                group.create_task(work())
    except* DeepcoderError as errors:
        raise _leaf(errors) from None


def fenced_answer(trajectory: Trajectory) -> Trajectory:
    """The trajectory with its last block of code as the answer, if it has one and no answer."""
    action = trajectory.steps[-1].action if trajectory.steps else None
    if trajectory.stop is StopReason.FINISHED or action is None:
        return trajectory
    code = action.arguments.get("code")
    if not isinstance(code, str) or not code.strip():
        return trajectory
    return trajectory.model_copy(
        update={
            "answer": code,
            "stop": StopReason.FINISHED,
            "tags": (*trajectory.tags, FENCED_ANSWER),
        }
    )


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def missing(tasks: Sequence[Task], store: TrajectoryStore) -> list[Task]:
    """The tasks that are not in the store yet."""
    done = store.ids()
    return [task for task in tasks if task.id not in done]


def set_stale_aside(path: Path, tasks: Sequence[Task]) -> bool:
    """Rename a file of samples that another model or another prompt wrote, and say so.

    It happens when the adapter was trained again since: its old samples stay readable beside the
    new ones and are never mixed with them. Returns whether there were any.
    """
    wanted = {task.id for task in tasks}
    if not path.exists() or TrajectoryStore(path).ids() <= wanted:
        return False
    number = 1
    while (aside := path.with_suffix(f".{number}.old")).exists():
        number += 1
    path.rename(aside)
    log.warning("%s was played by another model or with another prompt: kept as %s", path, aside)
    return True


def read_samples(path: Path, tasks: Sequence[Task] | None = None) -> list[Trajectory]:
    """The stored episodes in the order of the tasks (of the file when None).

    Raises DataError when an episode stands twice or one of `tasks` is missing.
    """
    found: dict[str, Trajectory] = {}
    for trajectory in TrajectoryStore(path):
        if trajectory.id in found:
            raise DataError(
                f"{path} holds {trajectory.id} twice.",
                fix="delete one of the two lines, or remove the file to play it again",
            )
        found[trajectory.id] = trajectory
    if tasks is None:
        return list(found.values())
    lost = [task.id for task in tasks if task.id not in found]
    if lost:
        raise DataError(
            f"{path} lacks {len(lost)} episodes, e.g. {lost[0]}.", fix="run the same command again"
        )
    return [found[task.id] for task in tasks]
