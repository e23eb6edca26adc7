"""What a provider's headers say about its limits and about when to come back.

Every provider writes times in its own way: `7.66s`, `1m2.5s`, `120ms`, bare seconds, seconds or
milliseconds since 1970, dates. What cannot be read says nothing.

Example::

    retry_after({"retry-after": "2"})                                   # 2.0
    quotas({"x-ratelimit-remaining-tokens": "900", "x-ratelimit-reset-tokens": "7.66s"})
"""

from __future__ import annotations

import contextlib
import email.utils
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Quota", "named_limit", "parse_duration", "quotas", "retry_after"]

_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|h|m|s|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AGAIN = re.compile(r"try again in ([\dhms. ]+)", re.I)
_NAMED = re.compile(r"\((?P<kind>[RT]P[MD])\):?\s*Limit:?\s+(?P<limit>\d+)", re.I)
_EPOCH = 1e9
"""A bare number above it is a time since 1970 (2001 or later), not a duration of 31 years."""
_REMAINING = re.compile(r"(?:x-)?ratelimit-remaining(?:-(?P<what>requests|tokens)(?P<per>-\w+)?)?")


@dataclass(frozen=True)
class Quota:
    """What is left of one resource, and the seconds until it is full again."""

    limit: float
    """Infinite when the headers do not say."""
    remaining: float
    resets: float


def parse_duration(text: str) -> float | None:
    """Seconds until the moment that a text names; None when it names none."""
    text = text.strip()
    with contextlib.suppress(ValueError):
        return _seconds(float(text))
    parts = _PARTS.findall(text)
    if parts and not _PARTS.sub("", text).strip():
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return _until(email.utils.parsedate_to_datetime(text))
    with contextlib.suppress(ValueError, OverflowError):
        return _until(datetime.fromisoformat(text))
    return None


def _seconds(number: float) -> float | None:
    if not math.isfinite(number) or number < 0:
        return None
    if number < _EPOCH:
        return number
    since_1970 = number / 1000 if number > 100 * _EPOCH else number
    return max(0.0, since_1970 - time.time())


def _until(when: datetime) -> float:
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - time.time())


def retry_after(headers: Mapping[str, str], detail: str = "") -> float | None:
    """Seconds that a refusal asks to wait: by its headers, else by its text, else None."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = parse_duration(headers.get("retry-after", ""))
    if seconds is None and (match := _AGAIN.search(detail)):
        seconds = parse_duration(match[1].strip(" ."))
    return seconds


def named_limit(detail: str) -> tuple[str, float] | None:
    """(RPM, RPD, TPM or TPD, limit) that a refusal names in its text, as Groq's do."""
    match = _NAMED.search(detail)
    return None if match is None else (match["kind"].upper(), float(match["limit"]))


def quotas(headers: Mapping[str, str]) -> dict[str, Quota]:
    """Each resource that the headers tell of, e.g. `requests`, `tokens`, `tokens-day`.

    One is left out unless both what remains and when it resets can be read.
    """
    found = {}
    for name, value in headers.items():
        match = _REMAINING.fullmatch(name)
        if not match:
            continue
        remaining = _number(value)
        resets = parse_duration(headers.get(name.replace("remaining", "reset"), ""))
        if remaining is None or resets is None:
            continue
        limit = _number(headers.get(name.replace("remaining", "limit"), ""))
        resource = (match["what"] or "requests") + (match["per"] or "")
        found[resource] = Quota(math.inf if limit is None else limit, remaining, resets)
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
