"""Protocol `tool_call`: reasoning in think tags, then one JSON call as Hermes and Qwen write it.

    <think>
    The sum of a list is sum(xs).
    </think>

    <tool_call>
    {"name": "python", "arguments": {"code": "print(sum([1, 2]))"}}
    </tool_call>

A message without a call is the final answer, as with any tool-calling model; so what R1 writes in a
single turn (`<think>…</think>`, then the answer) is of this form too. Arguments are one line of
JSON, in which the tags of a call are escaped (`\\u003ctool_call>`): they survive exactly. In an
answer they are broken by a zero-width space, like `</think>` inside reasoning; an answer without
reasoning loses the white space before it. Observations are user messages in `<tool_response>` tags.
Several calls in one message are not written: a step has one action.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from deepcoder.rendering.calls import foreign_call, read_call
from deepcoder.rendering.protocols import (
    ARGUMENT_OF,
    BREAK,
    FINISH,
    Piece,
    Salvage,
    action_text,
    make_action,
    pieces,
    settle,
    unreadable,
)
from deepcoder.types import Action, Completion, Message, Observation, Role, SpanKind, Step

__all__ = ["ToolCall", "calls_text"]

THINK, END_THINK = "<think>", "</think>"
OPEN, CLOSE = "<tool_call>", "</tool_call>"
SEEN, END_SEEN = "<tool_response>", "</tool_response>"

_CANONICAL = re.compile(r"<think>\n(?P<reason>.+?)\n</think>\n\n(?P<rest>.*)", re.S)
_TAG = re.compile(r"<(?=/?tool_call>)")


class ToolCall:
    """See the module's text. Stateless."""

    name = "tool_call"

    def instructions(self, tools: Sequence[str]) -> str:
        lines = [
            "Each of your messages has two parts: your reasoning between <think> and </think>, "
            "then either one call of a tool or your final answer, and nothing after it.",
            "A call is one JSON object in tags:",
            f'{OPEN}\n{{"name": "tool", "arguments": {{"argument": "…"}}}}\n{CLOSE}',
            "You are then shown what the tool returned. The tools and their arguments:",
        ]
        lines += [
            f"- {tool}: {ARGUMENT_OF.get(tool, 'query')} (text)" for tool in tools if tool != FINISH
        ]
        if FINISH in tools:
            lines.append(
                "A message without a call is your final answer: only the answer, after "
                "</think>. It ends the conversation."
            )
        return "\n".join(lines)

    def write(self, step: Step) -> tuple[Piece, ...]:
        if step.action is None:
            raise ValueError("a step without an action has no canonical text")
        thinking = _thinking(step.reason)
        if step.action.tool == FINISH:
            answer = _TAG.sub(f"<{BREAK}", action_text(step.action))
            if not thinking:
                # Tags of reasoning would be read as such; and white space would be joined to the
                # newline that ends a template's header: other tokens than are fed and sampled.
                answer = re.sub(r"<(?=/?think>)", f"<{BREAK}", answer)
                answer = answer.lstrip()
            return thinking + pieces((answer, SpanKind.ACT_ANSWER))
        return thinking + _call(step.action)

    def parse(self, completion: Completion) -> Step:
        salvaged: list[Salvage] = []
        sampled = completion.text
        if completion.reasoning:
            apart = completion.reasoning.replace(END_THINK, f"<{BREAK}/think>")
            sampled = f"{THINK}\n{apart}\n{END_THINK}\n\n{sampled}"
            salvaged.append(Salvage.REASONING_FIELD)
        reason, rest, repairs = _split_thinking(sampled)
        salvaged += repairs
        read = _find_call(rest, cut_off=completion.finish == "length")
        if read is not None:
            before, action, found = read
            salvaged += found
            if before:
                if Salvage.MISSING_THINK not in repairs and Salvage.UNCLOSED_THINK not in repairs:
                    salvaged.append(Salvage.TEXT_BEFORE_ACTION)
                reason = f"{reason}\n{before}" if reason else before
        elif (
            OPEN in rest
            or not rest.strip()
            or Salvage.UNCLOSED_THINK in repairs
            or completion.finish == "length"  # half an answer is not an answer
        ):
            return unreadable(sampled, completion, reason)
        else:
            action = make_action(FINISH, rest)
        step = Step(
            reason=reason,
            action=action,
            salvaged=tuple(salvaged),
            token_ids=completion.token_ids,
            logprobs=completion.logprobs,
        )
        return settle(self, step, sampled)

    def observe(self, observation: Observation) -> Message:
        note = f"\n[{observation.omitted} characters omitted]" if observation.truncated else ""
        return Message(role=Role.USER, content=f"{SEEN}\n{observation.content}{note}\n{END_SEEN}")


def calls_text(reason: str, actions: Sequence[Action]) -> str:
    """A message with any number of calls, as a model would write it: for history, not to train."""
    blocks = ["".join(piece.text for piece in _call(action)) for action in actions]
    return "".join(piece.text for piece in _thinking(reason)) + "\n".join(blocks)


def _thinking(reason: str) -> tuple[Piece, ...]:
    if not reason:
        return ()
    return pieces(
        (f"{THINK}\n", SpanKind.FORMAT_REASON),
        (reason.replace(END_THINK, f"<{BREAK}/think>"), SpanKind.REASON),
        (f"\n{END_THINK}\n\n", SpanKind.FORMAT_REASON),
    )


def _call(action: Action) -> tuple[Piece, ...]:
    return pieces(
        (f'{OPEN}\n{{"name": "', SpanKind.FORMAT_ACT),
        (_json(action.tool)[1:-1], SpanKind.ACT_NAME),
        ('", "arguments":', SpanKind.FORMAT_ACT),
        # Tokenizers join the space to the brace, so it has the kind of what follows it.
        (f" {_json(action.arguments)}", SpanKind.ACT_ARGUMENTS),
        (f"}}\n{CLOSE}", SpanKind.FORMAT_ACT),
    )


def _json(value: Any) -> str:
    """One line of JSON without the tags of a call in it."""
    return _TAG.sub(r"\\u003c", json.dumps(value, ensure_ascii=False))


# ------------------------------------------------------------------------------------- reading


def _split_thinking(text: str) -> tuple[str, str, list[Salvage]]:
    """(reasoning, what follows it, repairs)."""
    canonical = _CANONICAL.fullmatch(text)
    if canonical is not None and END_THINK not in canonical["reason"]:
        return canonical["reason"], canonical["rest"], []
    body = text.lstrip()
    if body.startswith(THINK):
        inside, closed, rest = body[len(THINK) :].partition(END_THINK)
        if closed:
            return inside.strip(), rest.lstrip("\r\n"), []
        return "", inside, [Salvage.UNCLOSED_THINK]
    before, closed, rest = text.partition(END_THINK)
    if closed and OPEN not in before:
        return before.strip(), rest.lstrip("\r\n"), [Salvage.UNOPENED_THINK]
    return "", text, [Salvage.MISSING_THINK]


def _find_call(text: str, *, cut_off: bool) -> tuple[str, Action, list[Salvage]] | None:
    """(text before it, the first call, repairs), or None when there is none to be read."""
    before, opened, rest = text.partition(OPEN)
    if not opened:
        found = foreign_call(text, alone=True)
        return None if found is None else (found.before, found.action, list(found.salvaged))
    body, closed, after = rest.partition(CLOSE)
    repairs: list[Salvage] = []
    if not closed:
        if cut_off:
            return None  # half a call is not a call
        repairs.append(Salvage.UNCLOSED_ACTION)
    action, marks = read_call(body)
    if action is None:
        inner = foreign_call(body, alone=True)  # Qwen's coders put their own form into the tags
        if inner is None:
            return None
        action, marks = inner.action, inner.salvaged
    repairs += [mark for mark in marks if mark is not Salvage.SEVERAL_ACTIONS]
    if OPEN in after or Salvage.SEVERAL_ACTIONS in marks:
        repairs.append(Salvage.SEVERAL_ACTIONS)
    elif after.strip():
        repairs.append(Salvage.TEXT_AFTER_ACTION)
    return before.strip(), action, repairs
