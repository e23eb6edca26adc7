"""Execution decides what is accepted, and every refusal says why."""

from __future__ import annotations

import asyncio

import pytest
from trajectories.makers import make_trajectory

from deepcoder.config import SandboxConfig
from deepcoder.sandbox import SandboxPool
from deepcoder.trajectories.store import dump_record
from deepcoder.trajectories.verification import (
    Refusal,
    RejectedStore,
    RejectedTrajectory,
    RejectReason,
    refusal,
    verify,
)
from deepcoder.types import (
    Action,
    Case,
    Observation,
    ObservationStatus,
    Outcome,
    Problem,
    Step,
    StopReason,
    Trajectory,
)

PROBLEM = Problem(
    id="t",
    prompt="Double `x`.",
    entry_point="double",
    hidden=(Case(args=(2,), expected=4), Case(args=(-1,), expected=-2)),
)
RIGHT = "def double(x):\n    return 2 * x"
WRONG = "def double(x):\n    return x * x"


def judged(trajectory: Trajectory) -> Trajectory:
    async def run() -> Trajectory:
        async with SandboxPool(SandboxConfig(workers=1)) as pool:
            return await verify(trajectory, PROBLEM, pool)

    return asyncio.run(run())


def steps(code: str, answer: str, **observation: object) -> tuple[Step, ...]:
    seen = Observation(**({"content": "(no output)"} | observation))  # type: ignore[arg-type]
    run = Action(tool="python", arguments={"code": code})
    finish = Action(tool="finish", arguments={"answer": answer})
    return Step(reason="Try.", action=run, observation=seen), Step(reason="Done.", action=finish)


def test_a_right_answer_is_accepted_with_its_counts() -> None:
    verified = judged(make_trajectory(answer=RIGHT, outcome=None))
    assert verified.outcome is not None
    assert (verified.outcome.passed, verified.outcome.total) == (2, 2)
    assert refusal(verified) is None
    assert verified.tags == ()


def test_a_wrong_answer_is_refused_with_the_evidence() -> None:
    refused = refusal(judged(make_trajectory(answer=WRONG, outcome=None)))
    assert refused is not None
    assert refused.reason is RejectReason.WRONG_ANSWER
    assert "1/2 hidden cases" in (refused.detail or "")


def test_an_answer_that_does_not_run_is_wrong() -> None:
    refused = refusal(judged(make_trajectory(answer="def double(x:", outcome=None)))
    assert refused is not None
    assert refused.reason is RejectReason.WRONG_ANSWER
    assert "SyntaxError" in (refused.detail or "")


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"stop": StopReason.MAX_TURNS, "answer": None}, RejectReason.NOT_FINISHED, "max_turns"),
        ({"stop": StopReason.MAX_INVALID}, RejectReason.NOT_FINISHED, "max_invalid"),
        ({"answer": " \n"}, RejectReason.NO_ANSWER, None),
        (
            {
                "stop": StopReason.MODEL_ERROR,
                "outcome": Outcome(passed=0, total=2, status="model_error", detail="boom"),
            },
            RejectReason.MODEL_ERROR,
            "boom",
        ),
        (
            {"outcome": Outcome(passed=0, total=0, status="sandbox_failure", detail="lost")},
            RejectReason.JUDGE_FAILURE,
            "0/0 hidden cases, sandbox_failure: lost",
        ),
        ({"outcome": None}, RejectReason.JUDGE_FAILURE, "not judged"),
        (
            {"outcome": Outcome(passed=2, total=2, status="timeout")},
            RejectReason.WRONG_ANSWER,
            "2/2 hidden cases, timeout",
        ),
        (
            {"steps": steps(RIGHT, RIGHT, status=ObservationStatus.FORMAT_ERROR)},
            RejectReason.INVALID_ACTIONS,
            "steps 0",
        ),
        (
            {"steps": steps(RIGHT, RIGHT, status=ObservationStatus.REFUSED)},
            RejectReason.INVALID_ACTIONS,
            "steps 0",
        ),
        (
            {"steps": (Step(reason="", raw="?"), *steps(RIGHT, RIGHT))},
            RejectReason.INVALID_ACTIONS,
            "steps 0",
        ),
    ],
)
def test_every_rule_has_its_reason(
    changes: dict[str, object], reason: RejectReason, detail: str | None
) -> None:
    assert refusal(make_trajectory(**changes)) == Refusal(reason=reason, detail=detail)


def test_what_has_no_answer_is_not_judged() -> None:
    unfinished = make_trajectory(stop=StopReason.MAX_TURNS, answer=None, outcome=None)
    assert judged(unfinished) == unfinished


@pytest.mark.parametrize(
    ("code", "observation", "recovered"),
    [
        (RIGHT, {}, False),
        (WRONG, {}, True),  # wrong by the hidden cases, although nothing failed on the way
        ("x = 1 / 0", {"status": ObservationStatus.ERROR}, True),
        ("while True: pass", {"status": ObservationStatus.TIMEOUT}, True),
        ("print(2 + 2)", {"content": "4"}, False),
        (RIGHT.replace("2 * x", "x + x"), {}, False),  # other code, and right as well
    ],
)
def test_a_mistake_that_was_repaired_is_marked(
    code: str, observation: dict[str, object], recovered: bool
) -> None:
    trajectory = make_trajectory(
        steps=steps(code, RIGHT, **observation), answer=RIGHT, outcome=None, tags=("oracle",)
    )
    assert judged(trajectory).tags == (("oracle", "recovered") if recovered else ("oracle",))


def test_an_answer_to_another_problem_is_not_judged() -> None:
    with pytest.raises(ValueError, match="answers other, not t"):
        judged(make_trajectory(problem_id="other"))


def test_rejected_records_keep_the_whole_trajectory(tmp_path) -> None:
    path = tmp_path / "rejected.jsonl"
    record = RejectedTrajectory.of(
        make_trajectory(3), Refusal(reason=RejectReason.NOT_FINISHED, detail="max_turns")
    )
    with RejectedStore(path) as store:
        store.append(record)
    assert list(RejectedStore(path)) == [record]
    assert RejectedStore(path).ids() == {"t/3"}
    assert b'"reason":"not_finished"' in dump_record(record)
