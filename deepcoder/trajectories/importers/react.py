"""Importer of ReAct conversations: chat messages with Thought / Action / Observation text.

    {"messages": [{"role": "user", "content": "Who …?"},
                  {"role": "assistant", "content": "Thought: …\\nAction: search[…]"},
                  {"role": "user", "content": "Observation: …"},
                  {"role": "assistant", "content": "Thought: …\\nAction: finish[…]"}]}

A system message may come first; an observation may follow the last action. An answer whose action
cannot be read exactly (none, several, words after it) stays in its place as history, word for word,
and is not trained on. Numbered labels (`Thought 1:`) and a missing `Thought:` are rewritten in
canonical form; every other answer is rendered character by character as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from deepcoder.rendering import Salvage, get_protocol
from deepcoder.rendering.protocols import FINISH, action_text
from deepcoder.runs import content_hash
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.types import (
    Completion,
    Fingerprint,
    Observation,
    Provenance,
    Role,
    Step,
    StopReason,
    Trajectory,
)

__all__ = ["import_record"]

HARMLESS = frozenset({Salvage.LABELS, Salvage.MISSING_THINK})
"""Repairs after which it is still certain what the answer meant."""

_PREFIX = re.compile(r"Observation(?: \d+)?:[ ]?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one ReAct conversation.

    Ids are hashes of the content, so the same record has the same id in every file, and records
    with the same task share a problem id (and therefore a split). Raises UnreadableRecord.
    """
    messages = _messages(value.get("messages"))
    system = messages.pop(0)[1] if messages and messages[0][0] is Role.SYSTEM else None
    if not messages or messages[0][0] is not Role.USER:
        raise UnreadableRecord("the conversation does not begin with a user's task")
    task = messages.pop(0)[1]
    steps = _steps(messages)
    actions = [step.action for step in steps if step.action is not None]
    if not actions:
        raise UnreadableRecord("no message of the assistant has an `Action: tool[argument]`")
    finished = actions[-1].tool == FINISH and steps[-1].action is not None
    return Trajectory(
        id=f"react/{content_hash([system, task, [m[1] for m in messages]], 16)}",
        problem_id=f"react/{content_hash(task, 16)}",
        protocol="react",
        prompt_version="imported",
        system_prompt=system,
        task=task,
        tools=tuple(dict.fromkeys(action.tool for action in actions)),
        steps=tuple(steps),
        answer=action_text(actions[-1]) if finished else None,
        stop=StopReason.FINISHED if finished else StopReason.MAX_TURNS,
        teacher=Fingerprint(kind="imported", model="unknown"),
        provenance=Provenance(source="react"),
    )


def _messages(value: Any) -> list[tuple[Role, str]]:
    """(role, content) of each message, checked; lone surrogates become U+FFFD."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise UnreadableRecord("there is no list `messages`")
    roles = {role.value: role for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT)}
    messages = []
    for number, message in enumerate(value, start=1):
        if not isinstance(message, Mapping):
            raise UnreadableRecord(f"message {number} is not an object")
        role, content = message.get("role"), message.get("content")
        if role not in roles:
            raise UnreadableRecord(f"message {number} has the role {role!r}")
        if not isinstance(content, str):
            raise UnreadableRecord(
                f"message {number} has {type(content).__name__} as content, not text"
            )
        messages.append((roles[role], _SURROGATE.sub("\ufffd", content)))
    return messages


def _steps(messages: Sequence[tuple[Role, str]]) -> list[Step]:
    """The steps after the task: an answer and the observation that follows it, if any."""
    steps: list[Step] = []
    expected = Role.ASSISTANT
    for number, (role, content) in enumerate(messages, start=1):
        if role is not expected:
            raise UnreadableRecord(
                f"message {number} after the task is the {role}'s, where the {expected}'s belongs"
            )
        if role is Role.ASSISTANT:
            steps.append(_step(content))
            expected = Role.USER
        else:
            observation = Observation(content=_PREFIX.sub("", content, count=1))
            steps[-1] = steps[-1].model_copy(update={"observation": observation})
            expected = Role.ASSISTANT
    return steps


def _step(content: str) -> Step:
    step = get_protocol("react").parse(Completion(text=content))
    if step.action is None or not HARMLESS.issuperset(step.salvaged):
        return Step(reason="", raw=content, salvaged=step.salvaged)
    return step
