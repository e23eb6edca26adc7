"""Protocol `codeact`: reasoning in think tags, then one fenced block that names its tool.

    <think>
    The sum of a list is sum(xs).
    </think>
    ```python
    print(sum([1, 2]))
    ```

A block called `answer` ends the episode; any other name is the tool that gets the body. The fence
is longer than every run of backticks that starts a line of the body, as in CommonMark, so that
code with fences in it survives. `</think>` inside reasoning is broken by a zero-width space.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deepcoder.rendering.calls import foreign_call
from deepcoder.rendering.protocols import (
    BREAK,
    FINISH,
    Piece,
    Salvage,
    action_text,
    joined_reason,
    make_action,
    observed,
    pieces,
    settle,
    text_kind,
    unreadable,
)
from deepcoder.types import Completion, Message, Observation, SpanKind, Step

__all__ = ["CodeAct"]

OPEN, CLOSE = "<think>", "</think>"
ANSWER = "answer"
"""Info string of the block that carries the final answer."""
PYTHON_NAMES = frozenset({"", "py", "python3", "Python", "tool_code"})
"""Other spellings of `python` that models use."""
ANSWER_NAMES = frozenset({"Answer", "ANSWER", "final", "final_answer"})
"""Other spellings of `answer`."""
CALL_NAMES = frozenset({"json", "tool_call"})
"""Blocks that may hold a call of another protocol."""

_FENCE = re.compile(r"^[ \t]*(?P<ticks>`{3,})[ \t]*(?P<name>[^\s`]*)[^\n`]*(?:\n|\Z)", re.M)
_TICKS = re.compile(r"^[ \t]*(`{3,})", re.M)


@dataclass(frozen=True)
class _Block:
    """A fenced block found in a text: `start` and `end` bound it with its fences."""

    name: str
    body: str
    start: int
    end: int
    closed: bool


class CodeAct:
    """See the module's text. Stateless."""

    name = "codeact"

    def instructions(self, tools: Sequence[str]) -> str:
        lines = [
            "Each of your messages has two parts: your reasoning between <think> and </think>, "
            "then one fenced block, and nothing after it."
        ]
        for tool in tools:
            if tool == "python":
                lines.append(
                    "A ```python block is executed, and you are shown what it prints. Names stay "
                    "defined from one block to the next."
                )
            elif tool == FINISH:
                lines.append("A ```answer block holds your final answer and ends the conversation.")
            else:
                lines.append(f"A ```{tool} block calls the tool `{tool}` with the text in it.")
        first = "python" if "python" in tools else ANSWER
        lines.append(f"For example:\n<think>\nreasoning\n</think>\n```{first}\n…\n```")
        return "\n".join(lines)

    def write(self, step: Step) -> tuple[Piece, ...]:
        if step.action is None:
            raise ValueError("a step without an action has no canonical text")
        tool, text = step.action.tool, action_text(step.action)
        fence = _fence_for(text)
        reason = step.reason.replace(CLOSE, CLOSE[0] + BREAK + CLOSE[1:])
        thinking: tuple[Piece, ...] = ()
        if reason:
            thinking = pieces(
                (f"{OPEN}\n", SpanKind.FORMAT_REASON),
                (reason, SpanKind.REASON),
                (f"\n{CLOSE}\n", SpanKind.FORMAT_REASON),
            )
        return thinking + pieces(
            (fence, SpanKind.FORMAT_ACT),
            (ANSWER if tool == FINISH else tool, SpanKind.ACT_NAME),
            ("\n", SpanKind.FORMAT_ACT),
            (text, text_kind(tool)),
            (f"\n{fence}", SpanKind.FORMAT_ACT),
        )

    def parse(self, completion: Completion) -> Step:
        salvaged: list[Salvage] = []
        sampled = completion.text
        if completion.reasoning:
            sampled = f"{OPEN}\n{completion.reasoning}\n{CLOSE}\n{sampled}"
            salvaged.append(Salvage.REASONING_FIELD)
        reason, rest, repairs = _split_thinking(sampled)
        salvaged += repairs
        blocks = _blocks(rest)
        cut_off = completion.finish == "length"
        if not blocks or blocks[0].name in CALL_NAMES:
            foreign = foreign_call(rest)
            if foreign is not None and not (cut_off and Salvage.REPAIRED_JSON in foreign.salvaged):
                return settle(
                    self,
                    Step(
                        reason=joined_reason(reason, foreign.before),
                        action=foreign.action,
                        salvaged=(*salvaged, *foreign.salvaged),
                        token_ids=completion.token_ids,
                        logprobs=completion.logprobs,
                    ),
                    sampled,
                )
        if not blocks or (cut_off and not blocks[0].closed):
            # Half an action is not an action: what was cut by the token limit is never run.
            return unreadable(sampled, completion, reason)
        block = blocks[0]
        before = rest[: block.start].strip()
        if before:
            if Salvage.MISSING_THINK not in repairs and Salvage.UNCLOSED_THINK not in repairs:
                salvaged.append(Salvage.TEXT_BEFORE_ACTION)
            reason = joined_reason(reason, before)
        if not block.closed:
            salvaged.append(Salvage.UNCLOSED_ACTION)
        if len(blocks) > 1:
            salvaged.append(Salvage.SEVERAL_ACTIONS)
        elif rest[block.end :].strip():
            salvaged.append(Salvage.TEXT_AFTER_ACTION)
        tool = {ANSWER: FINISH}.get(block.name, block.name)
        alias = "python" if tool in PYTHON_NAMES else FINISH if tool in ANSWER_NAMES else None
        if alias is not None:
            tool = alias
            salvaged.append(Salvage.TOOL_ALIAS)
        step = Step(
            reason=reason,
            action=make_action(tool, block.body),
            salvaged=tuple(salvaged),
            token_ids=completion.token_ids,
            logprobs=completion.logprobs,
        )
        return settle(self, step, sampled)

    def observe(self, observation: Observation) -> Message:
        return observed("Observation:\n", observation)


def _fence_for(body: str) -> str:
    longest = max((len(run) for run in _TICKS.findall(body)), default=0)
    return "`" * max(3, longest + 1)


def _split_thinking(text: str) -> tuple[str, str, list[Salvage]]:
    """(reasoning, the text in which the action is looked for, repairs)."""
    body = text.lstrip()
    if body.startswith(OPEN):
        inside, close, rest = body[len(OPEN) :].partition(CLOSE)
        if close:
            return _inner(inside), rest, []
        return "", inside, [Salvage.UNCLOSED_THINK]
    opening = _FENCE.search(body)
    closing = body.find(CLOSE)
    # A closing tag inside a block is part of the code, not the end of reasoning.
    if closing >= 0 and (opening is None or closing < opening.start()):
        return (
            _inner(body[:closing]),
            body[closing + len(CLOSE) :],
            [Salvage.UNOPENED_THINK],
        )
    return "", text, [Salvage.MISSING_THINK]


def _inner(text: str) -> str:
    """What stands between tags: exactly one newline on each side belongs to the tags."""
    if text.startswith("\n") and text.endswith("\n") and len(text) > 1:
        return text[1:-1]
    return text.strip()


def _blocks(text: str) -> list[_Block]:
    """The fenced blocks of a text, in order; the last may be unclosed."""
    found: list[_Block] = []
    position = 0
    while opening := _FENCE.search(text, position):
        ticks = opening["ticks"]
        closing = re.compile(rf"^[ \t]*`{{{len(ticks)},}}[ \t]*\r?$", re.M).search(
            text, opening.end()
        )
        if closing is None:
            body = text[opening.end() :]
            found.append(_Block(opening["name"], body.rstrip(), opening.start(), len(text), False))
            break
        body = text[opening.end() : closing.start()].removesuffix("\n")
        found.append(_Block(opening["name"], body, opening.start(), closing.end(), True))
        position = closing.end()
    return found
