"""What may be trained on: execution on hidden cases decides, and every refusal has a reason.

`verify` runs the final answer against the problem's hidden cases in the sandbox and fills in
`outcome`; `refusal` says whether a verified trajectory solved its problem. What is asked of a
solved one besides stands in `deepcoder.trajectories.filters`, whose `accept` does all of it.
Judging needs no model and asks none.

Example::

    trajectory = await verify(trajectory, problem, pool)
    refused = refusal(trajectory)
    if refused is None:
        accepted.append(trajectory)
    else:
        rejected.append(RejectedTrajectory.of(trajectory, refused))
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from deepcoder.sandbox import SandboxPool, judge
from deepcoder.trajectories.store import RecordStore
from deepcoder.types import (
    SCHEMA_VERSION,
    ObservationStatus,
    Outcome,
    Problem,
    Step,
    StopReason,
    Trajectory,
)

__all__ = [
    "RECOVERED",
    "Refusal",
    "RejectReason",
    "RejectedStore",
    "RejectedTrajectory",
    "is_invalid",
    "refusal",
    "verify",
]


RECOVERED = "recovered"
"""Tag of a trajectory that went wrong and was repaired: worth keeping, and worth telling apart."""


class RejectReason(StrEnum):
    """Why a trajectory may not be trained on. The order is that of the rules."""

    MODEL_ERROR = "model_error"
    """The model raised an error in the middle of the episode."""
    NOT_FINISHED = "not_finished"
    """A limit of turns, tokens, seconds or unreadable answers ended the episode."""
    NO_ANSWER = "no_answer"
    """It finished with an empty answer."""
    INVALID_ACTIONS = "invalid_actions"
    """A turn could not be read, or called a tool that does not exist."""
    JUDGE_FAILURE = "judge_failure"
    """The answer was never judged to the end: it says nothing about right or wrong."""
    WRONG_ANSWER = "wrong_answer"
    """A hidden case failed."""
    HARD_CODED = "hard_coded"
    """The answer looks expected values up instead of computing them."""
    LEAKED = "leaked"
    """Hidden cases stand in the prompt, or the model knew them before it could."""
    LOOP = "loop"
    """The same action brought the same observation again and again."""
    TOO_LONG = "too_long"
    """The episode, or the reasoning of one step, is longer than allowed."""
    TOO_SHORT = "too_short"
    """There is less reasoning than asked for."""
    LANGUAGE = "language"
    """Reasoning is written in a language that is not wanted."""


class Refusal(BaseModel):
    """One rule that a trajectory breaks, and the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: RejectReason
    detail: str | None = None


class RejectedTrajectory(BaseModel):
    """A line of `rejected.jsonl`: the whole trajectory and why it was refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    reason: RejectReason
    detail: str | None = None
    trajectory: Trajectory

    @property
    def id(self) -> str:
        return self.trajectory.id

    @classmethod
    def of(cls, trajectory: Trajectory, refused: Refusal) -> Self:
        return cls(reason=refused.reason, detail=refused.detail, trajectory=trajectory)


class RejectedStore(RecordStore[RejectedTrajectory]):
    """Refused trajectories with their reasons, one a line."""

    record_type = RejectedTrajectory


# ------------------------------------------------------------------------------------- judging


async def verify(trajectory: Trajectory, problem: Problem, pool: SandboxPool) -> Trajectory:
    """The trajectory with the verdict of the problem's hidden cases in `outcome`.

    A solved one whose run failed on the way, or that first held code which fails the same cases,
    gets the tag `recovered`. An episode without an answer keeps its `outcome`: there is nothing to
    judge.
    """
    if trajectory.problem_id != problem.id:
        raise ValueError(f"{trajectory.id} answers {trajectory.problem_id}, not {problem.id}")
    if trajectory.stop is not StopReason.FINISHED or not (trajectory.answer or "").strip():
        return trajectory
    outcome = await judge(pool, problem, trajectory.answer or "")
    tags = trajectory.tags
    if outcome.solved and RECOVERED not in tags and await _recovered(trajectory, problem, pool):
        tags = (*tags, RECOVERED)
    return trajectory.model_copy(update={"outcome": outcome, "tags": tags})


async def _recovered(trajectory: Trajectory, problem: Problem, pool: SandboxPool) -> bool:
    """Whether an earlier turn of a solved trajectory was wrong."""
    answer = (trajectory.answer or "").strip()
    for step in trajectory.steps:
        failed = (ObservationStatus.ERROR, ObservationStatus.TIMEOUT)
        if step.observation is not None and step.observation.status in failed:
            return True
        if step.action is None or step.action.tool != "python" or not problem.entry_point:
            continue
        code = str(step.action.arguments.get("code", ""))
        if f"def {problem.entry_point}(" not in code or answer in code:
            continue
        if not (await judge(pool, problem, code)).solved:
            return True
    return False


# --------------------------------------------------------------------------------------- rules


def refusal(trajectory: Trajectory, invalid_actions: int = 0) -> Refusal | None:
    """Why a verified trajectory is no solution, or None; so many invalid turns are allowed."""
    return _finished(trajectory) or _readable(trajectory, invalid_actions) or _solved(trajectory)


def is_invalid(step: Step) -> bool:
    """Whether a turn could not be read or called something that may not be called."""
    status = step.observation.status if step.observation else None
    return step.action is None or status in (
        ObservationStatus.FORMAT_ERROR,
        ObservationStatus.REFUSED,
    )


def _finished(trajectory: Trajectory) -> Refusal | None:
    if trajectory.stop is StopReason.MODEL_ERROR:
        detail = trajectory.outcome.detail if trajectory.outcome else None
        return Refusal(reason=RejectReason.MODEL_ERROR, detail=detail)
    if trajectory.stop is not StopReason.FINISHED:
        return Refusal(reason=RejectReason.NOT_FINISHED, detail=trajectory.stop.value)
    if not (trajectory.answer or "").strip():
        return Refusal(reason=RejectReason.NO_ANSWER)
    return None


def _readable(trajectory: Trajectory, allowed: int) -> Refusal | None:
    invalid = [index for index, step in enumerate(trajectory.steps) if is_invalid(step)]
    if len(invalid) <= allowed:
        return None
    detail = "steps " + ", ".join(str(index) for index in invalid)
    return Refusal(reason=RejectReason.INVALID_ACTIONS, detail=detail)


def _solved(trajectory: Trajectory) -> Refusal | None:
    outcome = trajectory.outcome
    if outcome is None or outcome.total == 0:
        detail = "not judged" if outcome is None else _describe(outcome)
        return Refusal(reason=RejectReason.JUDGE_FAILURE, detail=detail)
    if not outcome.solved:
        return Refusal(reason=RejectReason.WRONG_ANSWER, detail=_describe(outcome))
    return None


def _describe(outcome: Outcome) -> str:
    text = f"{outcome.passed}/{outcome.total} hidden cases, {outcome.status}"
    return f"{text}: {outcome.detail}" if outcome.detail else text
