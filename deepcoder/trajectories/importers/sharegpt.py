"""Importer of ShareGPT conversations: `from` and `value`, calls as text or as turns of their own.

    {"conversations": [{"from": "system", "value": "…"},
                       {"from": "human", "value": "Sum 1 and 2."},
                       {"from": "gpt", "value": "<tool_call>\\n{\\"name\\": …}\\n</tool_call>"},
                       {"from": "tool", "value": "<tool_response>\\n3\\n</tool_response>"},
                       {"from": "gpt", "value": "3"}]}

Calls in Hermes' tags are read from the text; a turn `function_call` or `tool_call` holds one as
JSON. Tags around a tool's answer are taken off, because rendering puts them back. Reasoning may
stand in `<think>` or in the tags of Bespoke-Stratos and Sky-T1 (`<|begin_of_thought|>`).
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import (
    Answer,
    Call,
    Seen,
    assemble,
    text_of,
    tools_text,
)
from deepcoder.types import Trajectory

__all__ = ["import_record"]

SYSTEM, USER = ("system",), ("human", "user", "prompter")
MODEL = ("gpt", "assistant", "model", "ai", "bot", "chatgpt", "bing", "bard")
SEEN = ("tool", "observation", "function_response", "tool_response", "function", "environment")
_WRAPPED = re.compile(
    r"\s*<tool_response>\n?(?P<text>(?:(?!<tool_response>).)*?)\n?</tool_response>\s*", re.S
)


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one conversation. Raises UnreadableRecord."""
    said = _said(value.get("conversations"))
    first = value.get("system")
    system = first if isinstance(first, str) and first else None
    while said and said[0][0] in SYSTEM:
        first = said.pop(0)[1]
        system = f"{system}\n\n{first}" if system else first
    if not said or said[0][0] not in USER:
        raise UnreadableRecord("the conversation does not begin with a human's task")
    task = said.pop(0)[1]
    turns: list[Answer | Seen] = []
    for number, (speaker, text) in enumerate(said, start=1):
        if speaker in MODEL:
            turns.append(Answer(text))
        elif speaker in ("function_call", "tool_call"):
            turns.append(Answer(calls=(_call(text, number),)))
        elif speaker in SEEN or speaker in USER:
            wrapped = _WRAPPED.fullmatch(text)
            turns.append(Seen(wrapped["text"] if wrapped else text, task=speaker in USER))
        else:
            raise UnreadableRecord(f"message {number} after the task is from {speaker!r}")
    return assemble(
        "sharegpt", task=task, turns=turns, system=tools_text(system, value.get("tools"))
    )


def _said(value: Any) -> list[tuple[str, str]]:
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise UnreadableRecord("there is no list `conversations`")
    said = []
    for number, message in enumerate(value, start=1):
        if not isinstance(message, Mapping):
            raise UnreadableRecord(f"message {number} is not an object")
        speaker = message.get("from", message.get("role"))
        if not isinstance(speaker, str):
            raise UnreadableRecord(f"message {number} does not say who it is from")
        text = message.get("value", message.get("content"))
        said.append((speaker, text_of(text, f"message {number}")))
    return said


def _call(text: str, number: int) -> Call:
    try:
        value = json.loads(text)
        return Call(str(value["name"]), value.get("arguments", {}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableRecord(
            f"message {number} after the task is no JSON call with a name"
        ) from error
