"""What a run says about itself, read as the words of a liar.

Every byte on the result channel may come from the candidate. `Report.feed` takes bytes as they
arrive and never raises on any of them; what does not fit marks the report as broken, and a broken
report is never a success. Nothing here builds an object from what was sent, other than JSON's own.

    report = Report(limit=4 << 20, calls=2)
    report.feed(data)
    report.returns, report.failure, report.broken
"""

from __future__ import annotations

import json
import struct
from typing import Any

from deepcoder.sandbox.records import Failure, Returned
from deepcoder.values import MAX_DEPTH

__all__ = ["Report"]

_LENGTH = struct.Struct("=I")
_TYPE, _MESSAGE, _TRACEBACK = 200, 4_000, 17_000
_DEPTH = 3 * MAX_DEPTH + 10
"""Levels of JSON that a value of the deepest allowed nesting has: three for each dict with tags."""


class Report:
    """The frames of one run, checked for kind, order and size.

    `limit` is in bytes over the whole report; `calls` is how many calls were asked for; `token`
    is what the child repeats after the asserts ran through.
    """

    def __init__(self, limit: int, calls: int = 0, token: str | None = None) -> None:
        self.limit = limit
        self.calls = calls
        self.token = token
        self.received = 0
        self.started = False
        self.loaded = False
        self.ended = False
        self.tests_passed = False
        self.tests_failure: Failure | None = None
        self.failure: Failure | None = None
        self.fault: str | None = None
        self.unfit: str | None = None
        self.returns: list[Returned] = []
        self.replayed: list[str] = []
        self.digest = ""
        self.broken: str | None = None
        self._buffer = bytearray()

    @property
    def over_limit(self) -> bool:
        return self.received > self.limit

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Never raises; after `broken` or `over_limit` nothing counts."""
        self.received += len(data)
        if self.broken or self.over_limit:
            self._buffer.clear()
            return
        self._buffer += data
        while not self.broken and len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self.limit:
                self.received += length  # it would be: end the run now
                return
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            self._frame(body)

    def _frame(self, body: bytes) -> None:
        try:
            frame = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError, MemoryError) as error:
            self.broken = f"not JSON: {type(error).__name__}"
            return
        if not isinstance(frame, dict) or self.ended:
            self.broken = "a frame after the end" if self.ended else "a frame that is no object"
            return
        kind = frame.get("t")
        readers = {
            "started": self._started,
            "fault": self._fault,
            "loaded": self._loaded,
            "call": self._call,
            "tests": self._tests,
            "cell": self._cell,
            "end": self._end,
        }
        if not isinstance(kind, str) or kind not in readers:
            self.broken = "a frame of unknown kind"
        elif (kind in ("started", "fault")) == self.started:
            self.broken = f"frame {kind!r} out of order"
        else:
            readers[kind](frame)

    def _started(self, frame: dict[str, Any]) -> None:
        self.started = True

    def _fault(self, frame: dict[str, Any]) -> None:
        message = _text(frame.get("message"), _MESSAGE)
        if frame.get("unfit"):
            self.unfit = message
        else:
            self.fault = message

    def _loaded(self, frame: dict[str, Any]) -> None:
        if self.loaded:
            self.broken = "loaded twice"
        self.loaded = True

    def _call(self, frame: dict[str, Any]) -> None:
        index = frame.get("i")
        if index is not None and (index != len(self.returns) or isinstance(index, bool)):
            self.broken = "a call out of order"
        elif not self.loaded or index is None or index >= self.calls:
            self.broken = "a call that was not asked for"
        elif "v" in frame and not _shallow(frame["v"]):
            self.broken = "a value that is nested too deeply"
        elif "v" in frame:
            self.returns.append(Returned(value=frame["v"]))
        else:
            self.returns.append(Returned(failure=_failure(frame.get("e"))))

    def _tests(self, frame: dict[str, Any]) -> None:
        given = frame.get("token")
        if self.loaded and self.token is not None and given == self.token:
            self.tests_passed = True
        else:
            self.tests_failure = _failure(frame.get("e"))

    def _cell(self, frame: dict[str, Any]) -> None:
        self.replayed.append(_text(frame.get("d"), 64))

    def _end(self, frame: dict[str, Any]) -> None:
        self.ended = True
        if frame.get("e") is not None:
            self.failure = _failure(frame["e"])


def _shallow(value: Any) -> bool:
    """Whether recursion over a value is safe wherever the stack stands."""
    level = [value]
    for _ in range(_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, list):
                inner += item
            elif isinstance(item, dict):
                inner += item.values()
        if not inner:
            return True
        level = inner
    return False


def _failure(value: Any) -> Failure:
    """A failure whatever was sent: a call that did not return a value has failed."""
    if not isinstance(value, dict):
        return Failure("Unknown")
    return Failure(
        type=_text(value.get("type"), _TYPE) or "Exception",
        message=_text(value.get("message"), _MESSAGE),
        traceback=_text(value.get("traceback"), _TRACEBACK),
    )


def _text(value: Any, limit: int) -> str:
    """A bounded string that can be written as UTF-8."""
    if not isinstance(value, str):
        return ""
    return value[:limit].encode("utf-8", "backslashreplace").decode("utf-8")
