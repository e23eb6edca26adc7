"""How one step of an agent is written as a message, and how a model's answer is read as a step.

A protocol has a strict writer and a tolerant reader. `write` gives the one canonical text of a
step, in pieces that know their kind; `parse` reads that text back exactly, and also what a model
makes of it: every repair is named in `Step.salvaged`, and `Step.raw` keeps the sampled text
whenever it is not the canonical one. A protocol knows neither chat templates nor tokenizers.

    protocol = get_protocol("codeact")
    step = protocol.parse(Completion(text="<think>\\nAdd.\\n</think>\\n```python\\n1+1\\n```"))
    "".join(piece.text for piece in protocol.write(step))   # the same text

The alternative, a backend's native tool calls, is not used: DeepSeek-R1 has none, Groq refuses
some, and a chat template may drop them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple, Protocol

from deepcoder.errors import ConfigError
from deepcoder.types import (
    Action,
    Completion,
    Message,
    Observation,
    Role,
    SpanKind,
    Step,
)

__all__ = [
    "ARGUMENT_OF",
    "BREAK",
    "FINISH",
    "AgentProtocol",
    "Piece",
    "Salvage",
    "action_text",
    "get_protocol",
    "joined_reason",
    "make_action",
    "observed",
    "settle",
    "unreadable",
]

FINISH = "finish"
"""The tool that ends an episode; its argument is the answer."""

ARGUMENT_OF = {"python": "code", FINISH: "answer"}
"""Tool to the name of its one argument; every tool that is not named takes a `query`."""

BREAK = "\u200b"
"""Zero-width space: put inside a delimiter that occurs in content, so that it is only content."""


class Piece(NamedTuple):
    """A part of a message that has one kind."""

    text: str
    kind: SpanKind


class Salvage(StrEnum):
    """What a parser repaired to read an answer. A strict reader would have refused these."""

    REASONING_FIELD = "reasoning_field"
    """The backend returned the reasoning apart from the text."""
    MISSING_THINK = "missing_think"
    """No reasoning tags: what stands before the action is the reasoning, possibly nothing."""
    UNOPENED_THINK = "unopened_think"
    """`</think>` without `<think>`, as templates produce that open the reasoning themselves."""
    UNCLOSED_THINK = "unclosed_think"
    """`<think>` without `</think>`: the reasoning ends where the action begins."""
    TEXT_BEFORE_ACTION = "text_before_action"
    """Words between reasoning and action; joined to the reasoning."""
    TEXT_AFTER_ACTION = "text_after_action"
    """Words after the action; ignored."""
    SEVERAL_ACTIONS = "several_actions"
    """More than one action; the first is taken, the others are ignored."""
    UNCLOSED_ACTION = "unclosed_action"
    """The closing fence or bracket is missing although the model stopped by itself."""
    TOOL_ALIAS = "tool_alias"
    """The tool has another spelling, e.g. `py` or a fence without a name for python."""
    LABELS = "labels"
    """Labels are numbered, in another case or missing (`Thought 1:`)."""
    UNTAGGED_CALL = "untagged_call"
    """A JSON call without its tags, alone in the message or in a fence."""
    REPAIRED_JSON = "repaired_json"
    """The JSON of a call was not quite JSON: raw newlines, trailing commas, missing braces."""
    FOREIGN_CALL = "foreign_call"
    """A call in the form of another model family (`rendering.calls`)."""
    FENCED_ANSWER = "fenced_answer"
    """The final answer was wrapped in a fence, which is not a part of the code. Marked by the
    agent: the step keeps the answer as it was written."""


class AgentProtocol(Protocol):
    """Writes and reads steps. Stateless; `name` is stored in trajectories."""

    name: str

    def instructions(self, tools: Sequence[str]) -> str:
        """How to write a step with these tools: text for the system prompt."""
        ...

    def write(self, step: Step) -> tuple[Piece, ...]:
        """The canonical assistant message of a step that has an action, in pieces.

        An empty reason is left out together with its tags. Raises ValueError without an action.
        """
        ...

    def parse(self, completion: Completion) -> Step:
        """Read an answer. `action` is None when none can be read; never raises."""
        ...

    def observe(self, observation: Observation) -> Message:
        """How an observation is told to the model."""
        ...


@cache
def _protocols() -> dict[str, AgentProtocol]:
    from deepcoder.rendering.codeact import CodeAct
    from deepcoder.rendering.react import React
    from deepcoder.rendering.tool_call import ToolCall

    return {p.name: p for p in (CodeAct(), React(), ToolCall())}


def get_protocol(name: str) -> AgentProtocol:
    """The protocol called `name`: 'codeact', 'react' or 'tool_call'; else raises ConfigError."""
    protocols = _protocols()
    if name not in protocols:
        raise ConfigError(
            f"There is no agent protocol {name!r}.", fix=f"use one of {', '.join(protocols)}"
        )
    return protocols[name]


# --------------------------------------------------------------- shared by the protocols


def make_action(tool: str, text: str) -> Action:
    """The action of a tool that is called with one text."""
    return Action(tool=tool, arguments={ARGUMENT_OF.get(tool, "query"): text})


def action_text(action: Action) -> str:
    """The one text that an action is called with; several arguments are written as JSON."""
    values: list[Any] = list(action.arguments.values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return json.dumps(action.arguments, ensure_ascii=False) if values else ""


def text_kind(tool: str) -> SpanKind:
    """Kind of an action's text: the final answer, or arguments."""
    return SpanKind.ACT_ANSWER if tool == FINISH else SpanKind.ACT_ARGUMENTS


def pieces(*parts: tuple[str, SpanKind]) -> tuple[Piece, ...]:
    """Pieces of the non-empty parts."""
    return tuple([Piece(*part) for part in parts if part[0]])


def settle(protocol: AgentProtocol, step: Step, sampled: str) -> Step:
    """Set `raw` when the canonical text of `step` is not what was sampled."""
    canonical = "".join(piece.text for piece in protocol.write(step))
    return step if canonical == sampled else step.model_copy(update={"raw": sampled})


def joined_reason(*parts: str) -> str:
    """Reasoning from several places, a paragraph's line each; empty ones are left out."""
    return "\n".join(part for part in parts if part)


def unreadable(sampled: str, completion: Completion, reason: str = "") -> Step:
    """The step of an answer without an action: kept as sampled, never trained on."""
    return Step(
        reason=reason,
        raw=sampled,
        token_ids=completion.token_ids,
        logprobs=completion.logprobs,
    )


def observed(prefix: str, observation: Observation) -> Message:
    """The user message of an observation, with a note of what was cut."""
    note = f"\n[{observation.omitted} characters omitted]" if observation.truncated else ""
    return Message(role=Role.USER, content=f"{prefix}{observation.content}{note}")
