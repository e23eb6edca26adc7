"""Problems and trajectories that are made by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deepcoder.types import (
    Action,
    Case,
    Difficulty,
    Fingerprint,
    Observation,
    ObservationStatus,
    Outcome,
    Problem,
    Provenance,
    Step,
    StopReason,
    Trajectory,
    Usage,
)


def _problem(name: str, difficulty: str = "easy", family: str | None = None) -> Problem:
    return Problem(
        id=name,
        prompt="Write f.",
        entry_point="f",
        hidden=(Case(args=(1,), expected=1),),
        difficulty=Difficulty(difficulty),
        family=family,
    )


def _step(kind: str) -> Step:
    """`ok`, `error`, `timeout`: a tool call; `invalid`: an unreadable turn; `answer`.

    `salvaged` is a tool call that the parser had to repair.
    """
    if kind == "invalid":
        refused = Observation(content="no", status=ObservationStatus.FORMAT_ERROR)
        return Step(reason="", raw="?", observation=refused)
    if kind == "answer":
        return Step(reason="", action=Action(tool="finish", arguments={"answer": "x"}))
    repairs = ("missing_think",) if kind == "salvaged" else ()
    status = ObservationStatus.OK if repairs else ObservationStatus(kind)
    return Step(
        reason="",
        action=Action(tool="python", arguments={"code": "x"}),
        observation=Observation(content="", status=status),
        salvaged=repairs,
    )


def _trajectory(
    problem: str,
    steps: str = "answer",
    solved: bool = False,
    sample: int = 0,
    tokens: int = 10,
) -> Trajectory:
    made = tuple(_step(kind) for kind in steps.split())
    finished = steps.endswith("answer")
    return Trajectory(
        id=f"{problem}#{sample}",
        problem_id=problem,
        protocol="codeact",
        prompt_version="codeact-v1",
        system_prompt=None,
        task="Write f.",
        tools=("python", "finish"),
        steps=made,
        answer="x" if finished else None,
        stop=StopReason.FINISHED if finished else StopReason.MAX_INVALID,
        teacher=Fingerprint(kind="student", model="m"),
        outcome=Outcome(passed=int(solved), total=1, status="ok") if finished else None,
        usage=Usage(completion_tokens=tokens, seconds=2.0),
        provenance=Provenance(source="evaluate", sample=sample),
    )


@pytest.fixture
def problem() -> Callable[..., Problem]:
    return _problem


@pytest.fixture
def trajectory() -> Callable[..., Trajectory]:
    return _trajectory
