"""Importer of SWE-agent's `.traj`: an object with `trajectory`, `history` and `info`.

Runs with function calls become protocol `tool_call`, read from `history`, which alone holds the
calls. Others become protocol `codeact` with the tool `bash`, from the thoughts, actions and
observations of `trajectory`, or from those of `history` where there is nothing else (demonstrations
are such files). Everything that the model was shown before its first own answer, demonstrations
included, is the task. A step without an action stays as history and is not trained on.

Published sets of such runs hold them as a dialogue: a list of `role` and `text` in which the last
fence of an answer is its action.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from deepcoder.rendering.protocols import make_action
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import assemble, clean, finish_trajectory, text_of
from deepcoder.trajectories.importers.openai import turn
from deepcoder.types import Observation, Step, Trajectory

__all__ = ["import_record", "is_dialogue"]

_FENCE = re.compile(r"^```(?:bash|sh)?[ \t]*\r?\n(?P<code>.*?)\r?\n?```[ \t]*$", re.S | re.M)


def is_dialogue(value: Any) -> bool:
    """Whether a `trajectory` is a list of `role` and `text`, not of steps."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, Mapping) and "role" in turn for turn in value)
    )


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one run. Raises UnreadableRecord."""
    if "history" not in value and is_dialogue(value.get("trajectory")):
        return _dialogue(value)
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
        steps=_steps(value.get("trajectory")) if "trajectory" in value else _recorded(rest),
        done=finished,
        answer=answer,
    )


def _recorded(rest: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Steps from the thoughts and actions that a history notes beside its messages."""
    if not any(message.get("action") for message in rest):
        raise UnreadableRecord("there is no list `trajectory`, and the history notes no actions")
    entries: list[dict[str, Any]] = []
    for number, message in enumerate(rest, start=1):
        text = text_of(message.get("content"), f"message {number}")
        if message.get("role") == "assistant":
            noted = {key: message.get(key) for key in ("thought", "action")}
            entries.append({**noted, "response": text})
        elif entries:
            seen = entries[-1].get("observation")
            entries[-1]["observation"] = f"{seen}\n{text}" if seen else text
    return _steps(entries)


def _dialogue(value: Mapping[str, Any]) -> Trajectory:
    system, before, steps = None, [], list[Step]()
    for number, told in enumerate(value["trajectory"], start=1):
        role, where = told["role"], f"turn {number}"
        said = told.get("text") or told.get("content") or told.get("system_prompt")
        text = text_of(said, where)
        if role == "system":
            system = text
        elif role in ("ai", "assistant", "model"):
            fences = list(_FENCE.finditer(text))
            if not fences or text[fences[-1].end() :].strip():
                steps.append(Step(reason="", raw=text))
                continue
            reason = text[: fences[-1].start()].strip()
            action = make_action("bash", fences[-1]["code"].strip("\r\n"))
            steps.append(Step(reason=reason, action=action, raw=text))
        elif role in ("user", "tool", "environment"):
            if not steps:
                before.append(text)
                continue
            seen = steps[-1].observation
            joined = text if seen is None else f"{seen.content}\n{text}"
            steps[-1] = steps[-1].model_copy(update={"observation": Observation(content=joined)})
        else:
            raise UnreadableRecord(f"{where} has the role {role!r}")
    if not before:
        raise UnreadableRecord("there is no task before the model's first answer")
    finished = value.get("exit_status") == "submitted"
    patch, model = value.get("generated_patch"), value.get("model_name")
    return finish_trajectory(
        "swe_agent",
        protocol="codeact",
        system=system,
        task="\n\n".join(before),
        steps=steps,
        done=finished,
        answer=clean(patch) if finished and isinstance(patch, str) else None,
        model=model if isinstance(model, str) else "unknown",
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
