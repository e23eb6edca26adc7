"""What can go wrong between us and a provider, by what to do about it.

A response is judged by its status and body alone, so that both SDKs and every dialect go through
the same table. What a person must change fails at once; what time heals is asked again.

Example::

    fault = classify(reply)           # None: the status says that all is well
    if fault is Fault.RATE: ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["Fault", "Reply", "SendError", "classify", "describe", "error_of", "failed_generation"]


class Fault(StrEnum):
    """Classes of fault, in the order of how they are met."""

    RATE = "rate"
    """429: too much was asked; the limiter learns from it and the request waits its turn again."""
    CAPACITY = "capacity"
    """498, 503, 529: the provider is full. Retried."""
    SERVER = "server"
    """Other 5xx, 408, 409, 425. Retried."""
    CONNECTION = "connection"
    """Refused, reset or cut off before the body was whole. Retried."""
    TIMEOUT = "timeout"
    """No whole answer in `teacher.timeout_seconds`. Retried."""
    BROKEN = "broken"
    """Status 200 with a body that is no answer: empty, HTML, half of a JSON. Retried."""
    TOOL_USE = "tool_use"
    """400 because the model's tool call was malformed; its text is salvaged."""
    TOO_LONG = "too_long"
    """The conversation does not fit the model: the end of this episode."""
    REQUEST = "request"
    """400, 413, 422 otherwise: the request itself is refused."""
    KEY = "key"
    """401, 403: the key is wrong, or may not use this."""
    MONEY = "money"
    """402: the account is empty."""
    MODEL = "model"
    """404: there is no such model or address."""

    @property
    def retried(self) -> bool:
        return self in (
            Fault.CAPACITY,
            Fault.SERVER,
            Fault.CONNECTION,
            Fault.TIMEOUT,
            Fault.BROKEN,
        )

    @property
    def perhaps_billed(self) -> bool:
        """Whether the answer may have been made, and charged, although it never arrived."""
        return self in (Fault.CONNECTION, Fault.TIMEOUT, Fault.BROKEN)


@dataclass(frozen=True)
class Reply:
    """A response as bytes, with the key already struck out of it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class SendError(Exception):
    """No response arrived. `sent` says whether the provider may have seen the request."""

    def __init__(self, fault: Fault, detail: str, *, sent: bool = True) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.sent = sent


_TOO_LONG_CODES = ("context_length_exceeded", "string_above_max_length", "request_too_large")
_TOO_LONG_WORDS = ("context length", "context window", "maximum context", "too many tokens")
_REQUESTED = re.compile(
    r"Limit:?\s+(?P<limit>\d{1,12})\b.*?Requested:?\s+(?P<requested>\d{1,12})\b", re.S
)
_SHOWN = 300


def classify(reply: Reply) -> Fault | None:
    """The fault that a response declares, or None when its body is to be read as an answer."""
    status = reply.status
    if status < 300:
        return None
    if status == 429 and _never_fits(reply):
        return Fault.TOO_LONG
    if status == 429:
        return Fault.MONEY if _code(reply) == "insufficient_quota" else Fault.RATE
    if status in (498, 503, 529):
        return Fault.CAPACITY
    if status >= 500 or status in (408, 409, 425):
        return Fault.SERVER
    simple = {401: Fault.KEY, 403: Fault.KEY, 402: Fault.MONEY, 404: Fault.MODEL}
    if status in simple:
        return simple[status]
    if status < 400:
        return Fault.MODEL  # redirected away: not the address of an API
    error = error_of(reply)
    if _code(reply) == "tool_use_failed" and failed_generation(reply):
        return Fault.TOOL_USE
    if _code(reply) in ("model_not_found", "model_decommissioned"):
        return Fault.MODEL
    text = str(error.get("message", "")).lower()
    if status == 413 or _code(reply) in _TOO_LONG_CODES or any(w in text for w in _TOO_LONG_WORDS):
        return Fault.TOO_LONG
    return Fault.REQUEST


def _never_fits(reply: Reply) -> bool:
    """Whether a refusal says that this one request is larger than a whole minute's limit."""
    match = _REQUESTED.search(str(error_of(reply).get("message", "")))
    return match is not None and int(match["requested"]) > int(match["limit"])


def error_of(reply: Reply) -> dict[str, Any]:
    """The error object of a body, empty when there is none that can be read."""
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    error = value.get("error", value) if isinstance(value, dict) else {}
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def failed_generation(reply: Reply) -> str | None:
    """What the model wrote when its tool call was refused, if the provider tells."""
    text = error_of(reply).get("failed_generation")
    return text if isinstance(text, str) and text.strip() else None


def describe(reply: Reply) -> str:
    """Status and the provider's words, on one line, short."""
    message = error_of(reply).get("message")
    text = message if isinstance(message, str) else reply.body[:_SHOWN].decode("utf-8", "replace")
    text = " ".join(text.split())
    return f"{reply.status}: {text[:_SHOWN]}" if text else str(reply.status)


def _code(reply: Reply) -> str:
    error = error_of(reply)
    return str(error.get("code") or error.get("type") or "")
