"""Importer of mini-swe-agent's `.traj.json`: a list of messages, or an object with `messages`.

Runs in which the model writes its command in a fence (```mswea_bash_command, ```bash) or in the tag
of that name become protocol `codeact`: the words before it are reasoning, its name is the tool, as
the system prompt of these runs demands. Runs with tool calls (format 1.1 and later, also through
OpenAI's Responses API) become protocol `tool_call`.

An answer with no command, with several, or with words after it stays in its place word for word and
is not trained on. `exit_status` says whether the run finished, `submission` what it handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from deepcoder.rendering.protocols import make_action
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import (
    Answer,
    Seen,
    assemble,
    finish_trajectory,
    text_of,
)
from deepcoder.trajectories.importers.openai import split, turn
from deepcoder.types import Observation, Step, Trajectory

__all__ = ["import_record", "is_run"]

SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
_COMMAND = re.compile(
    r"^```(?P<name>mswea_bash_command|bash)[ \t]*\r?\n(?P<code>.*?)\r?\n```[ \t]*$", re.S | re.M
)
_TAGGED = re.compile(r"<(?P<name>mswea_bash_command)>(?P<code>.*?)</mswea_bash_command>", re.S)
_SIGNS = ("```mswea_bash_command", "<mswea_bash_command>")


def is_run(value: Mapping[str, Any]) -> bool:
    """Whether a record with `messages` and no format is a run of this agent."""
    info, messages = value.get("info"), value.get("messages")
    if isinstance(info, Mapping) and ("mini_version" in info or "exit_status" in info):
        return True
    if not isinstance(messages, list):
        return False
    if any(isinstance(one, Mapping) and one.get("role") == "exit" for one in messages):
        return True
    return any(
        sign in str(one.get("content"))
        for one in messages
        if isinstance(one, Mapping) and one.get("role") == "assistant"
        for sign in _SIGNS
    )


def import_record(value: Mapping[str, Any] | Sequence[Any]) -> Trajectory:
    """The trajectory of one run. Raises UnreadableRecord."""
    whole: Mapping[str, Any] = value if isinstance(value, Mapping) else {"messages": value}
    system, task, rest = split(whole.get("messages"))
    info = whole.get("info") if isinstance(whole.get("info"), Mapping) else {}
    assert isinstance(info, Mapping)
    left = rest[-1] if rest and rest[-1].get("role") == "exit" else None
    finished, submission = _end(info, left, rest)
    if any(message.get("tool_calls") for message in rest):
        return assemble(
            "mini_swe_agent",
            task=task,
            turns=[_turn(message, number) for number, message in enumerate(rest, start=3)],
            system=system,
            finished=finished,
            answer=submission,
            model=_model(info),
            chat=False,
        )
    return finish_trajectory(
        "mini_swe_agent",
        protocol="codeact",
        system=system,
        task=task,
        steps=_steps(rest),
        done=finished,
        answer=submission,
        model=_model(info),
    )


def _turn(message: Mapping[str, Any], number: int) -> Answer | Seen:
    if message.get("role") == "exit":
        return Seen(text_of(message.get("content"), f"message {number}"))
    return turn(message, number)


def _steps(rest: Sequence[Mapping[str, Any]]) -> list[Step]:
    steps: list[Step] = []
    for number, message in enumerate(rest, start=3):
        role, where = message.get("role"), f"message {number}"
        text = text_of(message.get("content"), where)
        if role == "assistant":
            if steps and steps[-1].observation is None:
                raise UnreadableRecord(f"{where} is the model's, and so is the one before it")
            steps.append(_step(text))
        elif role in ("user", "exit"):
            if not steps:
                raise UnreadableRecord(f"{where} is not the model's")
            before = steps[-1].observation
            seen = text if before is None else f"{before.content}\n{text}"
            steps[-1] = steps[-1].model_copy(update={"observation": Observation(content=seen)})
        else:
            raise UnreadableRecord(f"{where} has the role {role!r}")
    return steps


def _step(text: str) -> Step:
    commands = list(_COMMAND.finditer(text)) or list(_TAGGED.finditer(text))
    if len(commands) != 1 or text[commands[0].end() :].strip():
        return Step(reason="", raw=text)
    reason = text[: commands[0].start()].strip()
    step = Step(
        reason=reason, action=make_action(commands[0]["name"], commands[0]["code"].strip("\r\n"))
    )
    return step.model_copy(update={"raw": text})


def _end(
    info: Mapping[str, Any], left: Mapping[str, Any] | None, rest: Sequence[Mapping[str, Any]]
) -> tuple[bool, str | None]:
    """(whether the agent handed its work in, what it handed in)."""
    extra = left.get("extra") if left is not None else None
    facts = {**(extra if isinstance(extra, Mapping) else {}), **info}
    status, submission = facts.get("exit_status"), facts.get("submission")
    answers = [message for message in rest if message.get("role") == "assistant"]
    if status is None:  # the oldest files hold nothing but messages
        submitted = bool(answers) and SUBMIT in text_of(answers[-1].get("content"), "an answer")
        last = rest[-1] if rest and rest[-1].get("role") != "assistant" else {}
        return submitted, text_of(last.get("content"), "the end") or None if submitted else None
    finished = status == "Submitted"
    return finished, submission if finished and isinstance(submission, str) else None


def _model(info: Mapping[str, Any]) -> str:
    node: Any = info
    for key in ("config", "model", "model_name"):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, str) else "unknown"
