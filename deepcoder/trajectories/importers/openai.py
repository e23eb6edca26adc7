"""Importer of OpenAI messages with tool calls, and of plain chats with one task.

    {"messages": [{"role": "system", "content": "…"},
                  {"role": "user", "content": "Sum 1 and 2."},
                  {"role": "assistant", "content": "I add.", "tool_calls": [
                      {"function": {"name": "add", "arguments": "{\\"a\\": 1, \\"b\\": 2}"}}]},
                  {"role": "tool", "tool_call_id": "c1", "content": "3"},
                  {"role": "assistant", "content": "3"}],
     "tools": [{"type": "function", "function": {"name": "add", "parameters": {}}}]}

Arguments may be objects or JSON texts; `function_call` of the older form is read too. Reasoning
comes from `reasoning_content`, `reasoning` or `thinking`, or from think tags in the text; the words
beside a call are reasoning as well. The descriptions in `tools` are appended to the system prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import (
    Answer,
    Call,
    Seen,
    assemble,
    clean,
    text_of,
    tools_text,
)
from deepcoder.types import Trajectory

__all__ = ["import_record", "split", "turn"]

REASONING = ("reasoning_content", "reasoning", "thinking")
SYSTEM, USER, SEEN = ("system", "developer"), ("user",), ("tool", "function")


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one conversation. Raises UnreadableRecord."""
    system, task, rest = split(value.get("messages"))
    turns = [turn(message, number) for number, message in enumerate(rest, start=3)]
    model = value.get("model")
    return assemble(
        "openai",
        task=task,
        turns=turns,
        system=tools_text(system, value.get("tools") or value.get("functions")),
        model=model if isinstance(model, str) else "unknown",
    )


def split(messages: Any) -> tuple[str | None, str, list[Mapping[str, Any]]]:
    """(system prompt, task, the messages after it)."""
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise UnreadableRecord("there is no list of messages")
    rest = []
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, Mapping):
            raise UnreadableRecord(f"message {number} is not an object")
        rest.append(message)
    system = None
    if rest[0].get("role") in SYSTEM:
        system = text_of(rest.pop(0).get("content"), "the system message")
    tasks = []
    while rest and rest[0].get("role") in USER:
        tasks.append(text_of(rest.pop(0).get("content"), "the task"))
    if not tasks:
        raise UnreadableRecord("the conversation does not begin with a user's task")
    return system, "\n\n".join(tasks), rest


def turn(message: Mapping[str, Any], number: int) -> Answer | Seen:
    """One message after the task."""
    role, where = message.get("role"), f"message {number}"
    text = text_of(message.get("content"), where)
    if role == "assistant":
        reasoning = next((message[key] for key in REASONING if message.get(key)), "")
        if not isinstance(reasoning, str):
            raise UnreadableRecord(f"{where} has {type(reasoning).__name__} as reasoning, not text")
        return Answer(text, clean(reasoning), _calls(message, where))
    if role in SEEN or role in USER:
        return Seen(text, task=role in USER)
    raise UnreadableRecord(f"{where} has the role {role!r}")


def _calls(message: Mapping[str, Any], where: str) -> tuple[Call, ...]:
    calls = message.get("tool_calls")
    if not calls and message.get("function_call"):
        calls = [{"function": message["function_call"]}]
    found = []
    for call in calls or ():
        function = call.get("function", call) if isinstance(call, Mapping) else None
        facts: Mapping[str, Any] = function if isinstance(function, Mapping) else {}
        name, arguments = facts.get("name"), facts.get("arguments")
        if not isinstance(name, str) or not name:
            raise UnreadableRecord(f"{where} has a tool call without a name")
        found.append(Call(name, clean(arguments) if isinstance(arguments, str) else arguments))
    return tuple(found)
