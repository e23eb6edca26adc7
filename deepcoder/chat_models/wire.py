"""Our messages in a provider's dialect, and its answer in ours: pure functions, no network.

OpenAI's dialect is spoken by all of them, with accents: where reasoning stands, whether it must be
sent back, how token ids and log-probabilities are laid out. What cannot be read raises `Unreadable`
and is the retry policy's business.

Example::

    body = {"model": name, "messages": encode(messages, replay_reasoning=False)}
    answer = decode(json.loads(reply))
    print(answer.text, answer.reasoning, answer.completion_tokens)
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepcoder.rendering.control import COMMON, ControlGuard
from deepcoder.types import Message, Role

__all__ = ["Answer", "Unreadable", "decode", "encode", "estimate_tokens", "whole_text"]

_THINK = re.compile(r"\s*<think>\n?(?P<reason>.*?)\n?</think>\n?(?P<rest>.*)", re.S)
_CONTROL = ControlGuard(COMMON)
_CHARS_PER_TOKEN = 3.2  # prose has about 4, code about 3: on the safe side
_TOKENS_PER_MESSAGE = 6


class Unreadable(ValueError):
    """The body of a successful response is not an answer."""


@dataclass(frozen=True)
class Answer:
    """What a response said. Token counts are None where the provider gave none."""

    text: str
    reasoning: str | None
    finish: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int
    token_ids: tuple[int, ...] | None
    logprobs: tuple[float, ...] | None


def whole_text(text: str) -> str:
    """The text with halves of surrogate pairs joined, and lone ones replaced by U+FFFD.

    JSON can carry a lone surrogate; UTF-8, and so every request and tokenizer, cannot.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def encode(messages: Sequence[Message], *, replay_reasoning: bool) -> list[dict[str, str]]:
    """The messages as the dialect wants them.

    With `replay_reasoning` an assistant's reasoning travels in `reasoning_content`, taken from the
    message's own field or else from the `<think>` block that the protocol wrote into its text.
    Control tokens of the known families are broken in every content: some servers would obey them.
    """
    encoded = []
    for message in messages:
        content = _CONTROL.protect(whole_text(message.content))
        reasoning = message.reasoning
        if message.role is Role.ASSISTANT and replay_reasoning:
            match = _THINK.fullmatch(content) if reasoning is None else None
            if match:
                reasoning, content = match["reason"], match["rest"]
            record = {"role": "assistant", "content": content}
            record["reasoning_content"] = whole_text(reasoning or "")
        else:
            record = {"role": message.role.value, "content": content}
        encoded.append(record)
    return encoded


def estimate_tokens(messages: Sequence[Mapping[str, str]]) -> int:
    """About how many tokens a prompt has, rather too many than too few."""
    chars = sum(len(m["content"]) + len(m.get("reasoning_content", "")) for m in messages)
    return int(chars / _CHARS_PER_TOKEN) + _TOKENS_PER_MESSAGE * len(messages)


def decode(value: Any) -> Answer:
    """The answer in a response's JSON. Raises Unreadable saying what is missing."""
    if not isinstance(value, dict):
        raise Unreadable(f"a JSON object was expected, not {type(value).__name__}")
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        error = value.get("error")
        raise Unreadable(f"no choices{f', but an error: {error}' if error else ''}")
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Unreadable("the choice holds no message")
    finish = choice.get("finish_reason")
    if finish == "error":
        raise Unreadable(f"the provider ended with an error: {choice.get('error')}")
    counted = value.get("usage")
    usage: dict[str, Any] = counted if isinstance(counted, dict) else {}
    ids, logprobs = _tokens(choice)
    reasoning = _lenient(message.get("reasoning_content")) or _lenient(message.get("reasoning"))
    return Answer(
        text=_text(message.get("content")) + _calls(message.get("tool_calls")),
        reasoning=reasoning or None,
        finish=finish if isinstance(finish, str) else "stop",
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_cached(usage),
        token_ids=ids,
        logprobs=logprobs,
    )


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return whole_text(content)
    if isinstance(content, list):  # parts, as some servers return them
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return whole_text("".join(part for part in parts if isinstance(part, str)))
    raise Unreadable(f"the message's text is a {type(content).__name__}")


def _lenient(content: Any) -> str:
    """Text that an answer can do without: of a form that cannot be read, it is left out."""
    return _text(content) if content is None or isinstance(content, str | list) else ""


def _calls(calls: Any) -> str:
    """Tool calls that came apart from the text, written into it as Hermes models write them."""
    written = []
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            with contextlib.suppress(ValueError):  # else kept as the text that it is
                arguments = json.loads(arguments)
        body = json.dumps({"name": function.get("name"), "arguments": arguments}, default=str)
        written.append(f"<tool_call>\n{body}\n</tool_call>")
    return whole_text("\n".join(written))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _cached(usage: Mapping[str, Any]) -> int:
    details = usage.get("prompt_tokens_details")
    found = details.get("cached_tokens") if isinstance(details, dict) else None
    return _count(found) or _count(usage.get("prompt_cache_hit_tokens")) or 0


def _tokens(choice: Mapping[str, Any]) -> tuple[tuple[int, ...] | None, tuple[float, ...] | None]:
    """Ids and log-probabilities of the answer's tokens, each None unless whole."""
    given = choice.get("logprobs")
    given = given if isinstance(given, dict) else {}
    ids, values = choice.get("token_ids"), None
    content = given.get("content")
    if isinstance(content, list):  # OpenAI, vLLM, SGLang: one object a token
        values = [part.get("logprob") if isinstance(part, dict) else None for part in content]
    elif isinstance(given.get("token_logprobs"), list):  # Together: columns
        values = given["token_logprobs"]
        ids = given.get("token_ids") if ids is None else ids
    found_ids = tuple(ids) if isinstance(ids, list) and all(_is_id(i) for i in ids) else None
    numbers = [float(v) for v in values or () if v is not None and _is_number(v)]
    found_values = tuple(numbers) if values and len(numbers) == len(values) else None
    if found_ids is not None and found_values is not None and len(found_ids) != len(found_values):
        found_values = None  # which token they belong to is not known
    return found_ids or None, found_values or None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < float("inf")  # False for a NaN


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
