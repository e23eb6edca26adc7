"""One worker: the process that forks runs, and the parent's conversation with each of them.

The parent makes four pipes for a run and hands the far ends to the worker; code, inputs, results
and output go through them, past the worker. `Worker.run` moves bytes until the worker reports the
end, and knows nothing of what they mean: `deepcoder.sandbox.execution` makes and reads them.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from deepcoder.sandbox import stdlib
from deepcoder.sandbox.channel import Report
from deepcoder.sandbox.child import zygote
from deepcoder.sandbox.records import Settings, Tier

__all__ = ["Exchange", "Worker", "WorkerLost", "interpreter"]

_START_SECONDS = 60.0
"""Seconds a worker may take to say hello."""
_GRACE_SECONDS = 5.0
"""Seconds beyond the wall limit after which a silent worker is given up."""
_DRAIN_BYTES = 8
"""Output is read up to this many times its limit while the kill is on its way."""


class WorkerLost(Exception):
    """The worker cannot be used any more; the message says what was seen."""


@dataclass
class Stream:
    """Bounded capture of an output stream."""

    limit: int
    kept: bytearray = field(default_factory=bytearray)
    omitted: int = 0

    def take(self, data: bytes) -> None:
        room = max(0, self.limit - len(self.kept))
        self.kept += data[:room]
        self.omitted += max(0, len(data) - room)

    @property
    def text(self) -> str:
        return self.kept.decode("utf-8", "replace")


@dataclass
class Exchange:
    """One run as bytes: what to send, and what came back.

    `inputs` are sent when the run reports that its code is loaded, not before.
    """

    body: bytes
    inputs: bytes | None
    writable: bool
    wall_seconds: float
    disk_bytes: int
    report: Report
    stdout: Stream
    stderr: Stream
    why: int = 0
    wait_status: int = 0
    cpu_seconds: float = 0.0
    elapsed: float = 0.0
    peak_kib: int = 0

    @property
    def excess(self) -> bool:
        streams = self.stdout.omitted > 0 or self.stderr.omitted > 0
        return streams or self.report.over_limit or self.report.broken is not None


@cache
def interpreter() -> str:
    """The real interpreter under a virtual environment or a version manager's shim.

    A shim is a shell script: it needs an environment and costs 50 ms.

    Raises:
        FileNotFoundError: when none of the usual places has a binary.
    """
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    base = Path(sys.base_exec_prefix)
    guesses = [
        getattr(sys, "_base_executable", None),
        str(base / "bin" / version),
        str(base / "bin" / "python3"),
        sys.executable,
    ]
    for guess in guesses:
        if not guess or not os.path.isfile(guess):
            continue
        real = os.path.realpath(guess)
        with open(real, "rb") as file:
            if file.read(2) != b"#!":
                return real
    raise FileNotFoundError(f"no Python binary among {guesses}")


def _worker_settings(settings: Settings, tier: Tier, temporary: str) -> dict[str, object]:
    paths = sysconfig.get_paths()
    return {
        "tier": str(tier),
        "library": os.path.realpath(os.path.dirname(os.__file__)),
        "readable": [p for p in stdlib.READABLE if os.path.exists(p)],
        "modules": stdlib.MODULES,
        "preload": list(settings.preload),
        "site": sorted({paths["purelib"], paths["platlib"], *_extra_site()}),
        "values": str(Path(__file__).resolve().parent.parent / "values.py"),
        "disk_mb": settings.disk_mb,
        "temporary": temporary,
    }


def _extra_site() -> list[str]:
    return [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]


class Worker:
    """A running zygote of one tier. Not thread-safe: one run at a time.

    Raises:
        WorkerLost: when it cannot start, with what the zygote said.
    """

    def __init__(self, settings: Settings, tier: Tier, temporary: str) -> None:
        self.tier = tier
        self.runs = 0
        self.scratch: str | None = None
        ours, theirs = socket.socketpair()
        self.control = ours
        arguments = json.dumps(_worker_settings(settings, tier, temporary))
        try:
            self.process = subprocess.Popen(
                [interpreter(), *stdlib.FLAGS, str(zygote.__file__), arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PYTHONHASHSEED": "0", **stdlib.THREADS},
                cwd="/",
                close_fds=True,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise WorkerLost(f"{interpreter()} cannot be started: {error}") from None
        finally:
            theirs.close()
        try:
            hello = self._hello()
        except BaseException:
            self.kill()
            raise
        self.scratch = hello.get("scratch")
        self.pid = int(hello["pid"])

    def _hello(self) -> dict[str, str]:
        self.control.settimeout(_START_SECONDS)
        data = b""
        while not data.endswith(b"\n"):
            try:
                part = self.control.recv(65536)
            except OSError as error:
                raise WorkerLost(f"it did not start: {error or 'no answer'}") from None
            if not part:
                raise WorkerLost("it ended while starting")
            data += part
        hello: dict[str, str] = json.loads(data)
        if not hello["ok"]:
            raise WorkerLost(hello["error"])
        return hello

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def run(self, exchange: Exchange) -> None:
        """Carry out one run. On return the run has ended and nothing of it is left.

        Raises:
            WorkerLost: the worker died or fell silent; the run was killed with it.
        """
        self.runs += 1
        near: list[int] = []
        far: list[int] = []
        try:
            for reads in (False, True, True, True):  # request; results, stdout, stderr
                reader, writer = os.pipe()
                near.append(reader if reads else writer)
                far.append(writer if reads else reader)
            wall, disk = exchange.wall_seconds, exchange.disk_bytes
            order = zygote.ORDER.pack(b"F", exchange.writable, wall, disk)
            try:
                self.control.settimeout(_GRACE_SECONDS)
                socket.send_fds(self.control, [order], far)
            except OSError as error:
                raise WorkerLost(f"it does not take orders: {error}") from None
            while far:
                os.close(far.pop())
            _Conversation(self, exchange, near).hold()
        finally:
            for descriptor in near + far:
                if descriptor >= 0:
                    os.close(descriptor)

    def ask_to_kill(self) -> None:
        with contextlib.suppress(OSError):
            self.control.send(zygote.ORDER.pack(b"K", 0, 0.0, 0))

    def close(self) -> None:
        """Let it end by itself: it does when its socket closes."""
        self.control.close()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._sweep()

    def kill(self) -> None:
        """End it now, with whatever it runs."""
        self.process.kill()
        self.control.close()
        self.process.wait()
        self._sweep()

    def _sweep(self) -> None:
        if self.scratch is not None and os.path.isdir(self.scratch):
            from deepcoder.sandbox.child.walls import empty_directory

            with contextlib.suppress(OSError):
                empty_directory(self.scratch)
                os.rmdir(self.scratch)


class _Conversation:
    """The bytes of one run, moved until the worker reports its end."""

    def __init__(self, worker: Worker, exchange: Exchange, near: list[int]) -> None:
        self.worker = worker
        self.exchange = exchange
        self.near = near
        self.pending = memoryview(exchange.body)
        self.inputs = exchange.inputs
        self.poll = select.poll()
        self.control = worker.control.fileno()
        self.killing = False
        for descriptor in near:
            os.set_blocking(descriptor, False)
        self.poll.register(self.control, select.POLLIN)
        for descriptor in near[1:]:
            self.poll.register(descriptor, select.POLLIN)

    def hold(self) -> None:
        deadline = time.monotonic() + self.exchange.wall_seconds + _GRACE_SECONDS
        self._send()
        while True:
            left = deadline - time.monotonic()
            ready = self.poll.poll(max(0.0, left) * 1000 + 1)
            if not ready and left <= 0:
                raise WorkerLost("it does not answer")
            for descriptor, _ in ready:
                if descriptor == self.near[0]:
                    self._send()
                elif descriptor != self.control:
                    self._receive(descriptor)
            if any(descriptor == self.control for descriptor, _ in ready):
                self._ended()
                return
            if self.exchange.excess and not self.killing:
                self.killing = True
                self.worker.ask_to_kill()

    def _send(self) -> None:
        """Write what is waiting as far as the pipe takes it."""
        try:
            while self.pending:
                self.pending = self.pending[os.write(self.near[0], self.pending) :]
        except BlockingIOError:
            self.poll.register(self.near[0], select.POLLOUT)
            return
        except OSError:
            self.pending = memoryview(b"")  # the run has ended or closed its end
        with contextlib.suppress(KeyError):
            self.poll.unregister(self.near[0])

    def _receive(self, descriptor: int) -> bool:
        """Read once. False when there is nothing (more) to read."""
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.poll.unregister(descriptor)
            os.close(descriptor)
            self.near[self.near.index(descriptor)] = -1
            return False
        if descriptor == self.near[1]:
            report = self.exchange.report
            report.feed(data)
            if report.loaded and self.inputs is not None:
                self.pending, self.inputs = memoryview(self.inputs), None
                self._send()
        else:
            (self.exchange.stdout if descriptor == self.near[2] else self.exchange.stderr).take(
                data
            )
        return True

    def _ended(self) -> None:
        """Take the worker's report of the end, then what is left in the pipes."""
        data = b""
        while len(data) < zygote.REPORT.size:
            try:
                part = self.worker.control.recv(zygote.REPORT.size - len(data))
            except OSError:
                part = b""
            if not part:
                raise WorkerLost("it died during the run")
            data += part
        exchange = self.exchange
        _, why, status, user, system, peak, elapsed = zygote.REPORT.unpack(data)
        exchange.why, exchange.wait_status, exchange.elapsed = why, status, elapsed
        exchange.cpu_seconds, exchange.peak_kib = user + system, peak
        for descriptor in self.near[1:]:
            left = 4096
            while descriptor >= 0 and left and self._receive(descriptor):
                left -= 1
