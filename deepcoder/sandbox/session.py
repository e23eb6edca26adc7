"""`PythonSession`: a notebook in the sandbox, for an agent's `python` tool.

    session = PythonSession(pool)
    (await session.run("x = 6")).text        # ''
    (await session.run("x * 7")).text        # '42\\n'

State is kept by replaying: each cell runs in a fresh process after all earlier cells have run
there silently, in the same order, from the same seed. A held process would be exact for code that
reads clocks too, but would occupy a worker while the model thinks, and lose everything at the
first timeout; replay repeats everything else exactly, and says so when it does not (`diverged`).
A cell that was killed (time, memory, output) is not replayed: the state is the one before it.

`peek` runs a cell and forgets it: the state changes only when the result is given to `keep`.

The text of a cell is what a person would see: output, the value of a last expression, and a
traceback through the cells' own lines. It holds no addresses, paths of the host or timings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Protocol

from deepcoder.sandbox.records import Limits, Request, Result, Settings, Status

__all__ = ["CellResult", "PythonSession"]

_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{5,}")
_KEPT = (Status.OK, Status.ERROR)
"""After these the cell's effects stand, also those of a cell that raised halfway."""


class _Pool(Protocol):
    settings: Settings

    async def run(self, request: Request) -> Result: ...


@dataclass(frozen=True)
class CellResult:
    """`text` is the observation, cut in the middle to the session's size; `omitted` counts the
    characters that were cut. `result` is the run as a whole, replay included, of `code` after the
    first `after` cells of the session."""

    status: Status
    text: str
    omitted: int
    diverged: bool
    result: Result
    code: str
    after: int

    @property
    def ok(self) -> bool:
        return self.status is Status.OK

    @property
    def truncated(self) -> bool:
        return self.omitted > 0


class PythonSession:
    """Cells of one episode. `max_chars` bounds the text of an observation.

    `limits` hold for each cell. Replaying gets as much time again as the earlier cells took, and
    a little more, so that a long session does not eat into the time of its last cell.
    """

    def __init__(self, pool: _Pool, *, limits: Limits | None = None, max_chars: int = 4000) -> None:
        self.pool = pool
        self.limits = limits or pool.settings.limits
        self.max_chars = max_chars
        self.cells: list[str] = []
        self._digests: list[str] = []
        self._spent = 0.0

    async def run(self, code: str) -> CellResult:
        """Run one cell on the state that the earlier ones left."""
        cell = await self.peek(code)
        self.keep(cell)
        return cell

    def keep(self, cell: CellResult) -> None:
        """Let the effects of a peeked cell stand; those of one that was killed never do.

        Raises ValueError when the session has gone on since: the result would not be true any more.
        """
        if cell.after != len(self.cells):
            raise ValueError("the session has changed since this cell was run")
        if cell.status in _KEPT:
            self.cells.append(cell.code)
            self._digests.append(cell.result.digest)
            self._spent = cell.result.cpu_seconds

    async def peek(self, code: str) -> CellResult:
        """Run one cell on the state that the earlier ones left, and leave that state as it is."""
        after = len(self.cells)
        extra = 2 * self._spent
        limits = replace(
            self.limits,
            wall_seconds=self.limits.wall_seconds + extra,
            cpu_seconds=self.limits.cpu_seconds + extra,
        )
        cells = (*self.cells, code)
        result = await self.pool.run(Request(cells=cells, limits=limits))
        diverged = list(result.replayed) != self._digests[: len(result.replayed)]
        text, omitted = cut(self._text(result, diverged), self.max_chars)
        return CellResult(result.status, text, omitted, diverged, result, code, after)

    def _text(self, result: Result, diverged: bool) -> str:
        parts = [result.stdout]
        failure = result.failure
        if failure is not None and failure.traceback:
            parts.append(failure.traceback)
        elif failure is not None:
            kept = "" if result.status in _KEPT else self._kept()
            parts.append(f"{self._name(result)}{kept}\n")
        if diverged:
            parts.append("[note: an earlier cell did something else when it was run again]\n")
        text = ""
        for part in parts:
            text += "\n" if text and not text.endswith("\n") else ""
            text += part
        return _ADDRESS.sub("at 0x…", text)

    def _name(self, result: Result) -> str:
        """A last line in words of Python where the run ended without a traceback."""
        failure = result.failure
        assert failure is not None
        if result.status is Status.TIMEOUT:
            return f"TimeoutError: the cell ran longer than {self.limits.wall_seconds:g} seconds"
        if result.status is Status.OUT_OF_MEMORY:
            return f"MemoryError: the cell needed more than {self.limits.memory_mb} MiB"
        return f"{failure.type}: {failure.message}".rstrip(": ")

    def _kept(self) -> str:
        return ". The variables are as they were before this cell." if self.cells else "."


def cut(text: str, limit: int) -> tuple[str, int]:
    """At most about `limit` characters of `text`, the middle left out with a note of how much."""
    if len(text) <= limit:
        return text, 0
    head = limit // 2
    tail = limit - head
    omitted = len(text) - head - tail
    end = text[-tail:] if tail else ""
    return f"{text[:head]}\n[... {omitted} characters omitted ...]\n{end}", omitted
