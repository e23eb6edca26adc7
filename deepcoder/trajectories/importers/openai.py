"""Importer of OpenAI messages with tool calls, and of plain chats with one task.

    {"messages": [{"role": "system", "content": "…"},
                  {"role": "user", "content": "Sum 1 and 2."},
                  {"role": "assistant", "content": "I add.", "tool_calls": [
                      {"function": {"name": "add", "arguments": "{\\"a\\": 1, \\"b\\": 2}"}}]},
                  {"role": "tool", "tool_call_id": "c1", "content": "3"},
                  {"role": "assistant", "content": "3"}],
     "tools": [{"type": "function", "function": {"name": "add", "parameters": {}}}]}

Arguments may be objects or JSON texts; `function_call` of the older form is read too, and so are
the typed parts of Anthropic's messages (`thinking`, `tool_use`, `tool_result`) and the items of
OpenAI's Responses API. Reasoning comes from `reasoning_content`, `reasoning` or `thinking`, or from
tags in the text; the words beside a call are reasoning as well. The descriptions in `tools` are
appended to the system prompt. The list may be called `messages`, `prompt` with `completion`, and
may be written as JSON text.
"""

from __future__ import annotations

import json
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

__all__ = [
    "MODEL",
    "REASONING",
    "SEEN",
    "SYSTEM",
    "USER",
    "import_record",
    "listed",
    "split",
    "turn",
]

REASONING = ("reasoning_content", "reasoning", "thinking")
SYSTEM, USER = ("system", "developer"), ("user", "human")
MODEL = ("assistant", "ai", "model", "gpt")
SEEN = ("tool", "function", "ipython", "observation", "environment", "tool_response")


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one conversation. Raises UnreadableRecord."""
    messages = value.get("messages")
    if messages is None and isinstance(value.get("completion"), list):
        messages = [*(value.get("prompt") or ()), *value["completion"]]
    system, task, rest = split(messages)
    if system is None and isinstance(value.get("system"), str):
        system = clean(value["system"]) or None
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
    rest = listed(messages)
    systems, tasks = [], []
    while rest and rest[0].get("role") in SYSTEM:
        systems.append(text_of(rest.pop(0).get("content"), "the system message"))
    while rest and rest[0].get("role") in USER:
        tasks.append(text_of(rest.pop(0).get("content"), "the task"))
    if not tasks:
        raise UnreadableRecord("the conversation does not begin with a user's task")
    return "\n\n".join(systems) if systems else None, "\n\n".join(tasks), rest


def listed(messages: Any) -> list[Mapping[str, Any]]:
    """The messages of a list, or of the JSON text of one, items of the Responses API joined."""
    if isinstance(messages, str):
        try:
            messages = json.loads(messages)
        except (ValueError, RecursionError) as error:
            raise UnreadableRecord("the messages are text that is not JSON") from error
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise UnreadableRecord("there is no list of messages")
    flat: list[Mapping[str, Any]] = []
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, Mapping):
            raise UnreadableRecord(f"message {number} is not an object")
        items = message.get("output") if message.get("object") == "response" else None
        for item in items if isinstance(items, list) else [message]:
            if not isinstance(item, Mapping):
                raise UnreadableRecord(f"message {number} has an item that is not an object")
            flat.append(item)
    return _joined(flat)


def _joined(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Items of one answer (reasoning, message, calls) as one message; others as they are."""
    messages: list[Mapping[str, Any]] = []
    opened: dict[str, Any] | None = None
    for item in items:
        kind = item.get("type")
        if kind in ("reasoning", "function_call") or (
            kind == "message" and item.get("role") == "assistant"
        ):
            if opened is None:
                opened = {"role": "assistant", "content": [], "tool_calls": []}
                messages.append(opened)
            if kind == "reasoning":
                thought = item.get("summary") or item.get("content")
                opened["reasoning_content"] = text_of(thought, "a reasoning item")
            elif kind == "function_call":
                opened["tool_calls"].append(item)
            else:
                content = item.get("content")
                opened["content"] += content if isinstance(content, list) else [content or ""]
            continue
        opened = None
        if kind == "function_call_output":
            messages.append({"role": "tool", "content": item.get("output")})
        else:
            messages.append(item)
    return messages


def turn(message: Mapping[str, Any], number: int) -> Answer | Seen:
    """One message after the task."""
    role, where = message.get("role"), f"message {number}"
    content = message.get("content")
    parts = [p for p in content if isinstance(p, Mapping)] if isinstance(content, list) else []
    results = [part for part in parts if part.get("type") == "tool_result"]
    if results and role in USER:
        texts = [text_of(part.get("content"), where) for part in results]
        return Seen("\n".join([*texts, *_texts(parts, where)]))
    if role in MODEL:
        reasoning = next((message[key] for key in REASONING if message.get(key)), "")
        if not isinstance(reasoning, str):
            raise UnreadableRecord(f"{where} has {type(reasoning).__name__} as reasoning, not text")
        thoughts = [str(p.get("thinking", "")) for p in parts if p.get("type") == "thinking"]
        calls = _calls(message, where)
        if thoughts or any(part.get("type") == "tool_use" for part in parts):
            reasoning = reasoning or "\n".join(thoughts)
            calls = calls or tuple(
                Call(str(p.get("name")), p.get("input"))
                for p in parts
                if p.get("type") == "tool_use" and p.get("name")
            )
            return Answer("\n".join(_texts(parts, where)), clean(reasoning), calls)
        return Answer(text_of(content, where), clean(reasoning), calls)
    if role in SEEN or role in USER or role in SYSTEM:
        return Seen(text_of(content, where), task=role in USER)
    raise UnreadableRecord(f"{where} has the role {role!r}")


_APART = ("thinking", "redacted_thinking", "tool_use", "tool_result")


def _texts(parts: Sequence[Mapping[str, Any]], where: str) -> list[str]:
    """The parts that are words, one text each."""
    return [text_of([part], where) for part in parts if part.get("type") not in _APART]


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
