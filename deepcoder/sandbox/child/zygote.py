"""The script of a worker: a pre-imported interpreter that forks once per run.

Started as `python -s -S -P -B zygote.py <settings as JSON>` with an empty environment and a
socket to the parent as file descriptor 0. It builds the walls of its tier, says hello, then waits
for fork orders. An order carries four descriptors (request, results, stdout, stderr) and no
content: code and inputs go from the parent straight to the forked child, so that the zygote's
memory, which every later run inherits, never holds anything of an earlier one.

Orders are 24 bytes, reports 48. The zygote kills on the wall clock, on the parent's word, when
the parent goes away, and (where the kernel cannot bound it) when a run has written too much.
"""

from __future__ import annotations

import array
import contextlib
import importlib.util
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from types import ModuleType
from typing import Any

ORDER = struct.Struct("=cB6xdq")
"""Kind (F fork, K kill), writable directory or not, wall seconds, disk bytes."""
REPORT = struct.Struct("=cB2xiddqd4x")
"""X, why it was ended, wait status, user and system CPU seconds, peak KiB, wall seconds."""
ENDED, WALL, ASKED, DISK, NO_FORK = range(5)
"""Why a run ended: by itself, wall clock, the parent's word, disk, it never began."""

_HERE = os.path.dirname(os.path.abspath(__file__))


def load(name: str, path: str | None = None) -> ModuleType:
    """A neighbouring file as a module, without the package around it."""
    spec = importlib.util.spec_from_file_location(
        f"_deepcoder_{name}", path or os.path.join(_HERE, f"{name}.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


Order = tuple[bytes, int, float, int]


def receive(source: socket.socket) -> tuple[Order | None, list[int]]:
    """The next order and its descriptors; None when the other side has gone."""
    try:
        data, ancillary, _, _ = source.recvmsg(ORDER.size, socket.CMSG_SPACE(16))
        while 0 < len(data) < ORDER.size:
            data += source.recv(ORDER.size - len(data))
    except OSError:
        return None, []
    descriptors = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(payload[: len(payload) - len(payload) % 4])
    return (ORDER.unpack(data) if len(data) == ORDER.size else None), list(descriptors)


class Zygote:
    """One worker's process after its walls are up.

    One fork is always made ahead: it has given up its privileges and waits for its order, so that
    a run does not wait for the fork.
    """

    def __init__(self, control: socket.socket, walls: Any, runner: Any) -> None:
        self.control = control
        self.walls = walls
        self.runner = runner
        self.spare: tuple[int, socket.socket] | None = None
        self.end: tuple[int, Any] | None = None
        """Wait status and usage of a run, where looking for its end had to take them."""

    def serve(self) -> None:
        """Obey orders until the parent goes away."""
        while True:
            if self.spare is None:
                self._fork()
            order, descriptors = receive(self.control)
            if order is None:
                return
            if order[0] == b"F" and len(descriptors) == 4:  # else a kill that came after the end
                self._run(order, descriptors)
            else:
                for descriptor in descriptors:
                    os.close(descriptor)

    def _fork(self) -> None:
        near, far = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            near.close()
            far.close()
            return
        if pid == 0:
            near.close()
            self._become_child(far)
        far.close()
        self.spare = (pid, near)

    def _become_child(self, source: socket.socket) -> None:
        """Never returns: the run ends inside."""
        try:
            self.control.close()
            self.walls.before_limits()
            order, descriptors = receive(source)
            if order is None or len(descriptors) != 4:
                os._exit(0)
            self.runner.main(self.walls, order[1], descriptors)
        finally:
            os._exit(125)

    def _hand_over(self, order: Order, descriptors: list[int]) -> int:
        """Give the order to the waiting fork, or to a new one if that has died. 0 if none lives."""
        for _ in range(2):
            if self.spare is None:
                self._fork()
            if self.spare is None:
                return 0
            (pid, feed), self.spare = self.spare, None
            try:
                socket.send_fds(feed, [ORDER.pack(*order)], descriptors)
                return pid
            except OSError:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            finally:
                feed.close()
        return 0

    def _run(self, order: Order, descriptors: list[int]) -> None:
        _, _, wall, disk = order
        started = time.monotonic()
        self.walls.fit(disk)
        pid = self._hand_over(order, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        if not pid:
            self.control.sendall(REPORT.pack(b"X", NO_FORK, 0, 0.0, 0.0, 0, 0.0))
            return
        why, gone = self._watch(pid, started + wall, disk)
        status, usage = self.end or os.wait4(pid, 0)[1:]
        self.end = None
        elapsed = time.monotonic() - started
        self.walls.clean(pid)
        if gone:
            raise SystemExit(0)
        peak = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
        self.control.sendall(
            REPORT.pack(b"X", why, status, usage.ru_utime, usage.ru_stime, peak, elapsed)
        )

    def _watch(self, pid: int, deadline: float, disk: int) -> tuple[int, bool]:
        """Wait for the end of a run, or bring it about. Returns why, and whether the parent left.

        The pidfd tells of the end: an end of file on a pipe would not, a run may close its pipes.
        """
        try:
            exit_signal = os.pidfd_open(pid)
        except (AttributeError, OSError):
            exit_signal = -1
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        if exit_signal >= 0:
            poll.register(exit_signal, select.POLLIN)
        slice_ms = 20.0 if disk and self.walls.must_measure_disk else 1e9
        slice_ms = slice_ms if exit_signal >= 0 else 2.0
        try:
            while True:
                left = (deadline - time.monotonic()) * 1000
                if left <= 0:
                    os.kill(pid, signal.SIGKILL)
                    return WALL, False
                ready = {fd for fd, _ in poll.poll(min(left + 1, slice_ms))}
                if exit_signal in ready or (exit_signal < 0 and self._has_ended(pid)):
                    return ENDED, False
                if self.control.fileno() in ready:
                    order, extra = receive(self.control)
                    for descriptor in extra:
                        os.close(descriptor)
                    os.kill(pid, signal.SIGKILL)
                    return ASKED, order is None
                if disk and self.walls.must_measure_disk and not self.walls.disk_fits(disk):
                    os.kill(pid, signal.SIGKILL)
                    return DISK, False
        finally:
            if exit_signal >= 0:
                os.close(exit_signal)

    def _has_ended(self, pid: int) -> bool:
        """Look for the end of a run where there is no pidfd: old kernels, macOS."""
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            self.end = (status, usage)
        return bool(ended)


def preload(settings: dict[str, Any]) -> list[str]:
    """Import what runs commonly import. Returns the folders of the extra modules.

    Raises:
        ImportError: when a module that the settings name cannot be imported.
    """
    for name in settings["modules"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    folders = []
    sys.path.extend(settings["site"] if settings["preload"] else [])
    for name in settings["preload"]:
        module = importlib.import_module(name)
        folders += list(getattr(module, "__path__", [])) or [str(module.__file__)]
    sys.path[:] = [path for path in sys.path if path not in settings["site"]]
    return folders


def main() -> None:
    settings = json.loads(sys.argv[1])
    sys.argv[:] = ["main.py"]
    os.environ.clear()
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    try:
        walls = load("walls")
        built = walls.build(settings, load)
        runner = load("runner")
        runner.prepare(load("values", settings["values"]), settings)
        folders = preload(settings)
        runner.measure()
        built.raise_walls(folders)
        os.environ.update(HOME=built.box, TMPDIR=built.box, LC_ALL="C.UTF-8")
        hello = {"ok": True, "scratch": built.scratch, "pid": os.getpid()}
    except BaseException as error:
        hello = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    with contextlib.suppress(OSError):
        control.sendall(json.dumps(hello).encode() + b"\n")
    if not hello["ok"]:
        os._exit(1)
    runner.settle()
    try:
        Zygote(control, built, runner).serve()
    finally:
        built.tear_down()
        os._exit(0)


if __name__ == "__main__":
    main()
