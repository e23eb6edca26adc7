"""Importer of SWE-agent's `.traj`: an object with `trajectory`, `history` and `info`.

Runs with function calls become protocol `tool_call`, read from `history`, which alone holds the
calls. Others become protocol `codeact` with the tool `bash`, from the thoughts, actions and
observations of `trajectory`. Everything that the model was shown before its first own answer,
demonstrations included, is the task. A step without an action stays as history and is not trained
on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepcoder.rendering.protocols import make_action
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import assemble, clean, finish_trajectory, text_of
from deepcoder.trajectories.importers.openai import turn
from deepcoder.types import Observation, Step, Trajectory

__all__ = ["import_record"]


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one run. Raises UnreadableRecord."""
    system, task, rest = _history(value.get("history"))
    info = value.get("info")
    facts: Mapping[str, Any] = info if isinstance(info, Mapping) else {}
    status, submission = facts.get("exit_status"), facts.get("submission")
    # "submitted (exit_cost)" and the like: something was handed in, but the model did not.
    finished = status == "submitted"
    answer = clean(submission) if finished and isinstance(submission, str) else None
    if any(message.get("tool_calls") for message in rest):
        turns = [turn(message, number) for number, message in enumerate(rest, start=1)]
        return assemble(
            "swe_agent",
            task=task,
            turns=turns,
            system=system,
            finished=finished,
            answer=answer,
            chat=False,
        )
    return finish_trajectory(
        "swe_agent",
        protocol="codeact",
        system=system,
        task=task,
        steps=_steps(value.get("trajectory")),
        done=finished,
        answer=answer,
    )


def _history(value: Any) -> tuple[str | None, str, list[Mapping[str, Any]]]:
    """(system prompt, what else stands before the first own answer, the messages from there)."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise UnreadableRecord("there is no list `history`")
    system: str | None = None
    before: list[str] = []
    for number, message in enumerate(value, start=1):
        if not isinstance(message, Mapping):
            raise UnreadableRecord(f"message {number} of the history is not an object")
        if message.get("role") == "assistant" and not message.get("is_demo"):
            break
        text = text_of(message.get("content"), f"message {number} of the history")
        if message.get("role") == "system" and system is None:
            system = text
        else:
            before.append(text)
    else:
        raise UnreadableRecord("the history has no answer of the model")
    if not before:
        raise UnreadableRecord("the history has no task before the model's first answer")
    return system, "\n\n".join(before), list(value[number - 1 :])


def _steps(value: Any) -> list[Step]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise UnreadableRecord("there is no list `trajectory`")
    steps = []
    for number, entry in enumerate(value, start=1):
        if not isinstance(entry, Mapping):
            raise UnreadableRecord(f"step {number} of the trajectory is not an object")
        texts = {
            key: text_of(entry.get(key), f"{key} of step {number}")
            for key in ("thought", "action", "observation", "response")
        }
        observation = Observation(content=texts["observation"])
        if not texts["action"].strip():
            steps.append(Step(reason="", raw=texts["response"], observation=observation))
            continue
        steps.append(
            Step(
                reason=texts["thought"].strip(),
                action=make_action("bash", texts["action"].strip("\r\n")),
                observation=observation,
                raw=texts["response"] or None,
            )
        )
    return steps
