"""Many episodes side by side: play, judge, and write down each exactly once.

An episode is named by its id before it is played, and is done when that id stands in the accepted
or in the rejected file. So a run that was killed at any instant continues by playing what is
missing, and because ids, seeds and teachers are deterministic it ends with the same set.

Example::

    with TrajectoryStore(a) as accepted, RejectedStore(r) as rejected:
        todo = plan(agent, problems, samples=2, seed=0).missing(accepted, rejected)
        await collect(agent, pool, todo, accepted, rejected, sampling=Sampling(), workers=8)
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deepcoder.agent.agent import Agent
from deepcoder.config import FiltersConfig
from deepcoder.errors import BackendError, DeepcoderError, UnavailableError
from deepcoder.sandbox import SandboxPool
from deepcoder.trajectories.filters import accept
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.trajectories.verification import Refusal, RejectedStore, RejectedTrajectory
from deepcoder.types import Problem, Sampling, Trajectory

__all__ = ["Plan", "Task", "collect", "plan"]

OnDone = Callable[[Trajectory, Refusal | None], None]


@dataclass(frozen=True)
class Task:
    """One episode that is to be played."""

    id: str
    problem: Problem
    sample: int
    seed: int
    """The seed of its sampling: a function of the run's seed, the problem and the sample."""


@dataclass(frozen=True)
class Plan:
    """All episodes that a run consists of."""

    tasks: tuple[Task, ...]

    def missing(self, accepted: TrajectoryStore, rejected: RejectedStore) -> list[Task]:
        """The tasks that stand in neither file.

        Raises DeepcoderError when the files hold episodes that this plan does not have: they were
        made from other problems or by another teacher, and would be mixed up with these.
        """
        done = accepted.ids() | rejected.ids()
        foreign = sorted(done - {task.id for task in self.tasks})
        if foreign:
            raise DeepcoderError(
                f"{accepted.path.parent} holds {len(foreign)} episodes of other problems or of "
                f"another teacher, e.g. {foreign[0]}: something changed since it was begun.",
                fix="choose another `name=`, or remove the folder",
            )
        return [task for task in self.tasks if task.id not in done]

    def part(self, number: int, count: int) -> Plan:
        """Part `number` of `count` (from 1): the parts are disjoint and together the whole."""
        return Plan(self.tasks[number - 1 :: count])


def plan(agent: Agent, problems: Sequence[Problem], *, samples: int, seed: int) -> Plan:
    """`samples` episodes of every problem; first one of each, then the second, …"""
    return Plan(
        tuple(
            Task(
                id=agent.episode_id(problem, seed=seed, sample=sample),
                problem=problem,
                sample=sample,
                seed=_episode_seed(seed, problem.id, sample),
            )
            for sample in range(samples)
            for problem in problems
        )
    )


OnLeft = Callable[[Task, BackendError], None]


async def collect(
    agent: Agent,
    pool: SandboxPool,
    tasks: Sequence[Task],
    accepted: TrajectoryStore,
    rejected: RejectedStore,
    *,
    sampling: Sampling,
    seed: int = 0,
    workers: int = 8,
    config_hash: str | None = None,
    filters: FiltersConfig | None = None,
    stop: asyncio.Event | None = None,
    on_done: OnDone = lambda trajectory, refused: None,
    on_left: OnLeft = lambda task, error: None,
) -> None:
    """Play `tasks` with `workers` episodes in flight; when `stop` is set, finish those and return.

    Raises the first error of the machinery (sandbox, disk); what was written stays valid. Errors
    of the model are not raised: they are rejected episodes. An episode whose backend did not answer
    is left for another run and told to `on_left`; when that happens to more than `workers` of them
    in a row, the backend is down, and its error is raised. That error, and one that no repetition
    heals (a wrong key), is raised when the episodes in flight are finished: they were paid for.
    """
    queue = iter(tasks)
    left_in_a_row = 0
    stop = stop or asyncio.Event()
    down: list[BackendError] = []

    async def work() -> None:
        nonlocal left_in_a_row
        for task in queue:  # shared: each worker takes the next task when it is free
            try:
                trajectory = await agent.run(
                    task.problem,
                    sampling=sampling.model_copy(update={"seed": task.seed}),
                    seed=seed,
                    sample=task.sample,
                    source="generate",
                    config_hash=config_hash,
                )
            except BackendError as error:
                if stop.is_set() and isinstance(error, UnavailableError):
                    on_left(task, error)  # says nothing of the backend: it was not waited for
                    return
                left_in_a_row += 1
                if not isinstance(error, UnavailableError) or left_in_a_row > workers:
                    down.append(error)
                on_left(task, error)
                if down or stop.is_set():
                    return
                continue
            left_in_a_row = 0
            trajectory, refused = await accept(trajectory, task.problem, pool, filters)
            if refused is None:
                accepted.append(trajectory)
            else:
                rejected.append(RejectedTrajectory.of(trajectory, refused))
            on_done(trajectory, refused)
            if down or stop.is_set():
                return

    if stop.is_set():
        return
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(workers, len(tasks))):
                group.create_task(work())
    except* Exception as errors:
        raise _first(errors) from None
    if down:
        raise down[0]


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    """The error to report: one that a user can act on, if there is one."""
    leaves: list[Exception] = []
    for error in errors.exceptions:
        leaves += [_first(error)] if isinstance(error, BaseExceptionGroup) else [error]
    return next((error for error in leaves if isinstance(error, DeepcoderError)), leaves[0])


def _episode_seed(seed: int, problem_id: str, sample: int) -> int:
    digest = hashlib.sha256(f"{seed}|{problem_id}|{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1  # 31 bits: every backend takes them
