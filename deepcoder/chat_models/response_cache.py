"""Every response that was paid for, on disk, by the hash of the whole request.

A rerun, a run that was killed, or a changed parser asks the same and pays nothing. The key of a
record covers address, model, conversation, sampling and seed, never the API key. Responses are kept
as the provider sent them, so that a better decoder can read them again; `replay` reads the file
without knowing who had answered.

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

from deepcoder.chat_models.lines import LineFile

__all__ = ["CachedResponse", "Request", "ResponseCache", "conversation_key"]

VERSION = 1


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
        self._file = LineFile(path.expanduser())
        self._offsets: dict[str, int] = {}
        for offset, record in self._file.records():
            if record.get("version") == VERSION and "key" in record:
                self._offsets.setdefault(str(record["key"]), offset)

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
        for _, record in self._file.records():
            if record.get("version") == VERSION:
                yield _response(record)

    def close(self) -> None:
        self._file.close()


def _response(record: Mapping[str, Any]) -> CachedResponse:
    return CachedResponse(
        key=record["key"],
        conversation=record["conversation"],
        seed=record["seed"],
        model=str(record["model"]),
        response=record["response"],
        seconds=float(record["seconds"]),
    )
