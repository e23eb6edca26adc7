"""Every response that was paid for, on disk, by the hash of the whole request.

A rerun, a run that was killed, or a changed parser asks the same and pays nothing. The key of a
record covers address, model, conversation, sampling and seed, never the API key. Responses are kept
as the provider sent them, so that a better decoder can read them again; `replay` reads the file
without knowing who had answered. A line that cannot be read is an error that names it: what it
holds was paid for.

Example::

    cache = ResponseCache(Path("~/.cache/deepcoder/responses/groq-gpt-oss-120b.jsonl"))
    found = cache.get(request.key)
    if found is None:
        cache.put(request, response, seconds=0.8)
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from deepcoder.chat_models.lines import Line, LineFile

__all__ = ["CachedResponse", "Request", "ResponseCache", "conversation_key"]

VERSION = 1
REMEDY = "restore that line from a copy, or delete it: its request will be asked and paid for again"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def conversation_key(messages: Sequence[Mapping[str, str]]) -> str:
    """Names a conversation, whoever is asked to continue it."""
    return _digest([[m["role"], m["content"]] for m in messages])


@dataclass(frozen=True)
class Request:
    """What is sent. `to` says to whom (kind, preset, address); `seed` counts although not every
    provider takes one, because two samples of one problem are two requests."""

    to: Mapping[str, Any]
    body: Mapping[str, Any]
    seed: int | None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the body that the SDK does not know."""

    @cached_property
    def key(self) -> str:
        return _digest([VERSION, self.to, self.body, self.extra, self.seed])

    @property
    def messages(self) -> Sequence[Mapping[str, str]]:
        return self.body["messages"]


@dataclass(frozen=True)
class CachedResponse:
    """`response` is the provider's JSON, `seconds` how long it took to make."""

    key: str
    conversation: str
    seed: int | None
    model: str
    response: Any
    seconds: float


class ResponseCache:
    """An append-only file of responses, shared by any number of runs; only its index is in memory.

    Two processes that ask the same at the same time both pay; the first answer is then kept.
    """

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path.expanduser(), remedy=REMEDY)
        self._offsets: dict[str, int] = {}
        for line in self._lines():
            self._offsets.setdefault(_response(line.record).key, line.offset)

    def _lines(self) -> Iterator[Line]:
        """The lines that this version wrote. Raises DataError for one that it cannot have written;
        what another version wrote is left alone."""
        for line in self._file.lines():
            if line.record.get("version") != VERSION:
                continue
            try:
                _response(line.record)
            except (LookupError, TypeError, ValueError) as error:
                raise line.unusable(error) from None
            yield line

    def __len__(self) -> int:
        return len(self._offsets)

    def get(self, key: str) -> CachedResponse | None:
        offset = self._offsets.get(key)
        return None if offset is None else _response(self._file.at(offset))

    def put(self, request: Request, response: Any, *, seconds: float) -> None:
        """Keep a response; it is on disk when this returns."""
        record = {
            "version": VERSION,
            "key": request.key,
            "conversation": conversation_key(request.messages),
            "seed": request.seed,
            "to": dict(request.to),
            "model": request.body.get("model"),
            "time": round(time.time(), 3),
            "seconds": round(seconds, 3),
            "response": response,
        }
        offset = self._file.append(json.dumps(record, ensure_ascii=True))
        self._offsets.setdefault(request.key, offset)

    def responses(self) -> Iterator[CachedResponse]:
        """All of them in order of writing, for `replay`."""
        for line in self._lines():
            yield _response(line.record)

    def close(self) -> None:
        self._file.close()


def _response(record: Mapping[str, Any]) -> CachedResponse:
    """Raises LookupError, TypeError or ValueError for a record that is none."""
    seed = record["seed"]
    return CachedResponse(
        key=str(record["key"]),
        conversation=str(record["conversation"]),
        seed=None if seed is None else int(seed),
        model=str(record["model"]),
        response=record["response"],
        seconds=float(record["seconds"]),
    )
