"""What goes into the sandbox and what comes out: plain immutable records, standard library only.

Request(code="def add(a, b): return a + b", entry_point="add", calls=(((1, 2), {}),))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

__all__ = [
    "Call",
    "Failure",
    "Limits",
    "Request",
    "Result",
    "Returned",
    "Settings",
    "Status",
    "Tier",
]

Call = tuple[tuple[Any, ...] | list[Any], Mapping[str, Any]]
"""Positional and keyword arguments of one call, each value tagged JSON (`deepcoder.values`)."""


class Tier(StrEnum):
    """How strongly a run is contained, strongest first. See docs/sandbox.md."""

    NAMESPACES = "namespaces"
    """Own user, pid, mount, net, ipc and uts namespaces, and all of `landlock`."""
    LANDLOCK = "landlock"
    """Landlock, seccomp and resource limits; no writable directory unless asked for."""
    RLIMITS = "rlimits"
    """Resource limits only: stops accidents, not attacks. Runs only with `allow_weak`."""


class Status(StrEnum):
    """How a run ended."""

    OK = "ok"
    """It ran to its end, and every call returned a value."""
    ERROR = "error"
    """An exception nobody caught, a non-zero exit, a call that failed, or a broken report."""
    TIMEOUT = "timeout"
    """Over the limit of wall clock or CPU seconds."""
    OUT_OF_MEMORY = "out_of_memory"
    """Python could not get memory within the limit."""
    OUTPUT_LIMIT = "output_limit"
    """More output, results or files than allowed; it was ended there."""
    KILLED = "killed"
    """A signal ended it, e.g. a segmentation fault; `Result.signal` has the number."""
    REFUSED = "refused"
    """The request cannot be run: a limit of zero, code over the size limit, a bad file name."""
    SANDBOX_FAILURE = "sandbox_failure"
    """The worker died or could not start. Nothing follows about the code; it was not retried."""


@dataclass(frozen=True)
class Limits:
    """What one run may use. All must be positive, except that `disk_mb` may be 0."""

    wall_seconds: float = 5.0
    """Seconds of wall clock from the fork to the end."""
    cpu_seconds: float = 5.0
    """Seconds of CPU of all threads together, rounded up to whole seconds by the kernel."""
    memory_mb: int = 512
    """MiB of address space that the run may add to what the interpreter already maps."""
    output_bytes: int = 1 << 20
    """Bytes of standard output, and as many of standard error; beyond it the run is ended."""
    result_bytes: int = 4 << 20
    """Bytes of returned values as JSON, over all calls."""
    processes: int = 16
    """Threads, the main one included. Other processes are never allowed."""
    disk_mb: int = 16
    """MiB in the run's own directory; 0 makes it read-only."""

    def problem(self) -> str | None:
        """The first limit that makes no sense, in words, or None."""
        for item in fields(self):
            value = getattr(self, item.name)
            lowest = 0 if item.name == "disk_mb" else 1e-9
            if isinstance(value, bool) or not isinstance(value, int | float):
                return f"limit {item.name} must be a number, not {value!r}"
            if not lowest <= value < 2**40:  # nan fails too
                return f"limit {item.name} must be positive, not {value!r}"
        return None


@dataclass(frozen=True)
class Request:
    """One run: a program with its standard input, or a module and calls into it.

    With `entry_point` or `tests` the code is a module named `solution`: inputs and tests enter the
    process only after its body has run. Otherwise it is a program named `__main__`. `cells` are a
    notebook: all but the last are replayed silently.

    `writable` asks for a directory to write in (None: only where its size can be bounded by the
    kernel, that is in the namespaces tier). `seed` seeds `random`, so that runs repeat.
    """

    code: str = ""
    entry_point: str | None = None
    calls: tuple[Call, ...] = ()
    tests: str | None = None
    cells: tuple[str, ...] = ()
    setup: str = ""
    stdin: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    limits: Limits | None = None
    writable: bool | None = None
    seed: int | None = 0


@dataclass(frozen=True)
class Failure:
    """An exception as the run reported it: the traceback goes through its own lines only."""

    type: str
    message: str = ""
    traceback: str = ""


@dataclass(frozen=True)
class Returned:
    """What one call came to: `value` (tagged JSON) if `failure` is None."""

    value: Any = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Result:
    """What a run came to. `returns` has one entry for each call that reported, in order.

    `stdout_omitted` and `stderr_omitted` count bytes that were read and cut. `failure` is the
    uncaught exception, or the reason of any other status than `ok`. `diverged` says that a
    replayed cell did something else than the first time.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    stdout_omitted: int = 0
    stderr_omitted: int = 0
    returns: tuple[Returned, ...] = ()
    failure: Failure | None = None
    exit_code: int | None = None
    signal: int | None = None
    tests_passed: bool = False
    replayed: tuple[str, ...] = ()
    digest: str = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    tier: Tier | None = None

    @property
    def ok(self) -> bool:
        return self.status is Status.OK


@dataclass(frozen=True)
class Settings:
    """How workers are made. `from_config` reads the same names off any configuration object."""

    tier: str = "auto"
    allow_weak: bool = False
    workers: int = 2
    wall_seconds: float = 5.0
    cpu_seconds: float = 5.0
    memory_mb: int = 512
    output_bytes: int = 1 << 20
    processes: int = 16
    disk_mb: int = 16
    recycle_after: int = 1000
    preload: tuple[str, ...] = ()
    code_bytes: int = 2 << 20
    """Bytes of code and tests above which a request is refused."""

    @classmethod
    def from_config(cls, config: Any = None) -> Settings:
        """From a `Settings`, a `SandboxConfig`, an OmegaConf node or None (the defaults)."""
        if isinstance(config, cls):
            return config
        names = [item.name for item in fields(cls)]
        given = {name: getattr(config, name) for name in names if hasattr(config, name)}
        if "preload" in given:
            given["preload"] = tuple(given["preload"])
        if "tier" in given:
            given["tier"] = str(getattr(given["tier"], "value", given["tier"]))
        return cls(**given)

    @property
    def limits(self) -> Limits:
        """The limits of a request that brings none of its own."""
        return Limits(
            wall_seconds=self.wall_seconds,
            cpu_seconds=self.cpu_seconds,
            memory_mb=self.memory_mb,
            output_bytes=self.output_bytes,
            processes=self.processes,
            disk_mb=self.disk_mb,
        )
