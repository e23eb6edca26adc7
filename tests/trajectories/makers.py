"""Trajectories for tests: small, complete, and with text that breaks careless readers."""

from __future__ import annotations

from deepcoder.types import (
    Action,
    Fingerprint,
    Observation,
    Outcome,
    Provenance,
    Step,
    StopReason,
    Trajectory,
)

HOSTILE = 'NUL \x00 line \u2028 sep \u2029 nel \x85 lone \ud800 pair 😀 cr \r lf \n quote " end'


def make_trajectory(number: int = 0, **changes: object) -> Trajectory:
    code = "def double(x):\n    return 2 * x"
    fields: dict[str, object] = {
        "id": f"t/{number}",
        "problem_id": "t",
        "protocol": "codeact",
        "prompt_version": "codeact-v1",
        "system_prompt": "Solve it.",
        "task": "Double `x`.",
        "tools": ("python", "finish"),
        "steps": (
            Step(
                reason=f"Try it {number}.",
                action=Action(tool="python", arguments={"code": code}),
                observation=Observation(content="(no output)"),
            ),
            Step(reason="Done.", action=Action(tool="finish", arguments={"answer": code})),
        ),
        "answer": code,
        "stop": StopReason.FINISHED,
        "teacher": Fingerprint(kind="test", model="scripted"),
        "outcome": Outcome(passed=2, total=2, status="ok"),
        "provenance": Provenance(source="test"),
    }
    return Trajectory(**(fields | changes))  # type: ignore[arg-type]


def with_observation(trajectory: Trajectory, **changes: object) -> Trajectory:
    first, *rest = trajectory.steps
    observation = Observation(**({"content": "x"} | changes))  # type: ignore[arg-type]
    return trajectory.model_copy(
        update={"steps": (first.model_copy(update={"observation": observation}), *rest)}
    )
