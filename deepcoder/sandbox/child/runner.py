"""One run, inside the forked child: put the walls on, run the code, report what came of it.

Reports are frames on the result descriptor: four bytes of length, then JSON. The parent believes
none of them beyond "the child said so": a frame can be forged by the candidate, and the worst a
forged frame can do is what a return value can do. Frames, in order:

    {"t": "fault", "message": ...}          the walls could not be put on; "unfit": the request
    {"t": "started"}                        the walls are up, the candidate's code comes next
    {"t": "loaded"}                         its module body has run: only now inputs are sent
    {"t": "call", "i": 0, "v": ...}         value of call 0, or "e": its exception
    {"t": "tests", "token": ...}            the assert suite ran through
    {"t": "cell", "i": 0, "d": ...}         a cell ran; digest of what a replayed cell printed
    {"t": "end", "code": 0, "e": ...}       ran to its end, exit code, uncaught exception

Requests come from the parent, which is trusted, as marshalled values: cheaper than JSON here, since
every page of the interpreter that a fork touches is copied. Names that a candidate could replace
are taken before its code runs.
"""

from __future__ import annotations

import ast
import atexit
import builtins
import contextlib
import fcntl
import gc
import hashlib
import json
import linecache
import marshal
import mmap
import os
import random
import re
import resource
import struct
import sys
import tempfile
import threading
import traceback
import types
from typing import Any

_LIBRARY: dict[str, Any] = {}
_MESSAGE, _TRACEBACK = 4_000, 16_000
"""Characters kept of an exception's message and of its traceback."""

_exec, _compile, _exit, _write, _dumps = exec, compile, os._exit, os.write, json.dumps
_pack = struct.Struct("=I").pack
_started, _loaded, _ended = b'{"t":"started"}', b'{"t":"loaded"}', b'{"t":"end","code":0}'
_out_of_memory = b'{"t":"end","code":1,"e":{"type":"MemoryError","message":"","traceback":""}}'


def prepare(values: types.ModuleType, settings: dict[str, Any]) -> None:
    """Keep what every run needs, in the zygote."""
    _LIBRARY.update(encode=values.encode, decode=values.decode)
    _LIBRARY["unserialisable"] = values.Unserialisable
    _LIBRARY["reseed"] = [name for name in ("numpy",) if name in settings["preload"]]
    for name in [name for name in sys.modules if name.startswith("_deepcoder_")]:
        del sys.modules[name]


def settle() -> None:
    """The last step of the zygote: all that is the same for every run, done once.

    The standard streams are made over pipes, as a run's are, so that they take no position. At last
    everything is moved out of the collector's sight: runs do not copy pages by walking.
    """
    for name, value in _FIXED_LIMITS.items():
        _limit(name, value, value)
    null = os.open(os.devnull, os.O_RDWR)  # anew: the one from before the walls is the host's
    os.dup2(null, 0)
    reader, writer = os.pipe()
    for place in (1, 2):
        os.dup2(writer, place)
    _open_streams()
    for place in (1, 2):
        os.dup2(null, place)
    for descriptor in (null, reader, writer):
        os.close(descriptor)
    gc.collect()
    gc.freeze()


def _open_streams() -> None:
    sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
    sys.__stdin__ = sys.stdin  # type: ignore[misc]
    sys.__stdout__ = sys.stdout  # type: ignore[misc]
    sys.__stderr__ = sys.stderr  # type: ignore[misc]


class Channel:
    """The two ends that the parent holds the others of."""

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink

    def receive(self) -> Any:
        length = struct.unpack("=I", self._exactly(4))[0]
        return marshal.loads(self._exactly(length))

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = os.read(self.source, min(count, 1 << 20))
            if not part:
                _exit(124)  # the parent has gone
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def send(self, **frame: Any) -> None:
        self.send_raw(_dumps(frame).encode())

    def send_raw(self, body: bytes) -> None:
        data = memoryview(_pack(len(body)) + body)
        while data:
            data = data[_write(self.sink, data) :]


# ---------------------------------------------------------------------------------- setting up


def main(walls: Any, writable: int, descriptors: list[int]) -> None:
    """Run one request. Never returns."""
    channel, spare = _descriptors(descriptors, walls)
    unfit = False
    try:
        request = channel.receive()
        unfit = True
        _inputs(request, walls.box, spare)
        unfit = False
        _limits(request["limits"], walls.thread_baseline())
        walls.enclose(writable)
        channel.send_raw(_started)
    except BaseException as error:
        with contextlib.suppress(OSError):
            channel.send(t="fault", message=f"{type(error).__name__}: {error}", unfit=unfit)
        _exit(123)
    Run(request, channel, spare).go()


def _descriptors(descriptors: list[int], walls: Any) -> tuple[Channel, int]:
    """Standard output and error in place, the channel at the top of the table, nothing between.

    Returns the channel, and a spare copy of standard output for cells.
    """
    request, result, out, err = descriptors
    top = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1024) - 1
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.dup2(result, top)
    os.dup2(request, top - 1)
    os.dup2(out, top - 2)
    keep = sorted(getattr(walls, "rulesets", []))
    low = 3
    for kept in [*keep, top - 2]:
        if kept >= low:
            os.closerange(low, kept)
            low = kept + 1
    return Channel(top - 1, top), top - 2


def _inputs(request: dict[str, Any], box: str, spare: int) -> None:
    """Standard input as a sealed file in memory, else /dev/null; the run's files.

    /dev/null is opened anew: flags and locks are of the open file, and would outlive this run in
    the zygote's.
    """
    if request["stdin"]:
        _standard_input(request["stdin"].encode("utf-8", "surrogatepass"))
    else:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)
    os.chdir(box)
    for name, content in request["files"].items():
        if os.path.dirname(name):
            os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)
    if not request["cells"]:
        os.close(spare)
    elif len(request["cells"]) > 1:
        ear = _memory_file("replay")
        for place in (1, 2, spare - 1):
            os.dup2(ear, place)
        os.close(ear)


def _standard_input(data: bytes) -> None:
    descriptor = _memory_file("stdin")
    _fill(descriptor, data)
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, 1 | 2 | 4 | 8)  # no shrink, growth or write
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.dup2(descriptor, 0)
    os.close(descriptor)


def _memory_file(name: str) -> int:
    """A file without a name, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _fill(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


_FIXED_LIMITS = {
    "RLIMIT_STACK": 64 << 20,
    "RLIMIT_CORE": 0,
    "RLIMIT_MEMLOCK": 0,
    "RLIMIT_MSGQUEUE": 0,
}
"""Limits that every run has, and the zygote may have too."""


def _limits(limits: dict[str, Any], other_tasks: int | None) -> None:
    cpu = max(1, int(limits["cpu_seconds"] + 0.999))
    disk = max(1, limits["disk_mb"]) << 20
    _limit("RLIMIT_CPU", cpu, cpu + 1)
    _limit("RLIMIT_FSIZE", disk, disk)
    _limit("RLIMIT_NOFILE", 256, 256)
    if other_tasks is not None:
        tasks = other_tasks + limits["processes"]
        _limit("RLIMIT_NPROC", tasks, tasks)
    memory = _address_space() + (limits["memory_mb"] << 20)
    _limit("RLIMIT_AS", memory, memory)


def _limit(name: str, soft: int, hard: int) -> None:
    """Lower a limit; one that is lower already stays, one that the system lacks is left."""
    number = getattr(resource, name, None)
    if number is None:
        return
    try:
        resource.setrlimit(number, (soft, hard))
    except (ValueError, OSError):
        allowed = resource.getrlimit(number)[1]
        if 0 <= allowed < hard:
            resource.setrlimit(number, (min(soft, allowed), allowed))
        elif name != "RLIMIT_AS":  # macOS has no working limit on address space
            raise


def _address_space() -> int:
    """Bytes that are mapped already: the limit is on what a run adds."""
    return _LIBRARY.get("mapped", 0)


def measure() -> None:
    """Note the zygote's address space, once its imports are done and where /proc still exists."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm", "rb") as file:
        _LIBRARY["mapped"] = int(file.read().split()[0]) * resource.getpagesize()


# -------------------------------------------------------------------------------------- running


class Run:
    """The candidate's code in a real module of its own, and the reports about it."""

    def __init__(self, request: dict[str, Any], channel: Channel, spare: int) -> None:
        self.request = request
        self.channel = channel
        self.spare = spare
        self.name = "__main__" if request["as_main"] else "solution"
        self.module = types.ModuleType(self.name)
        self.sources: set[str] = set()
        self.reserve = mmap.mmap(-1, 1 << 20)
        """Given back when memory runs out, so that the report can still be written."""

    def go(self) -> None:
        code = 125
        try:
            code = self._all()
        except MemoryError:
            self.reserve.close()
            self.module.__dict__.clear()
            with contextlib.suppress(BaseException):
                self.channel.send_raw(_out_of_memory)
            code = 1
        except BaseException:
            code = 122  # the channel itself failed: the candidate closed or broke it
        finally:
            _exit(code & 255)

    def _all(self) -> int:
        if self.request["cells"]:
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        sys.modules[self.name] = self.module
        if self.request["seed"] is not None:
            random.seed(self.request["seed"])
            for name in _LIBRARY["reseed"]:
                sys.modules[name].random.seed(self.request["seed"])
        error, code = self._body()
        if error is None and code == 0 and self.request["inputs"]:
            self.channel.send_raw(_loaded)
            self._answer(self.channel.receive())
        failed = self._finish()
        if error is None and not (code or failed):
            self.channel.send_raw(_ended)
        else:
            self.channel.send(t="end", code=code or failed, e=error)
        return code or failed

    def _body(self) -> tuple[dict[str, str] | None, int]:
        """The module body or the cells. Returns the uncaught exception and the exit code."""
        if self.request["cells"]:
            return self._cells()
        error, code = self._guarded(self._program)
        if error is not None:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.write(error["traceback"])
        return error, code

    def _program(self) -> None:
        setup, code = self.request.pop("setup"), self.request.pop("code")
        if setup:
            self._execute(setup, "setup.py")
        self._execute(code, "main.py")

    def _execute(self, source: str, filename: str) -> None:
        self._remember(source, filename)
        _exec(_compile(source, filename, "exec", dont_inherit=True), self.module.__dict__)

    def _remember(self, source: str, filename: str) -> None:
        self.sources.add(filename)
        lines = source.splitlines(keepends=True)
        linecache.cache[filename] = (len(source), None, lines, filename)

    def _guarded(self, action: Any) -> tuple[dict[str, str] | None, int]:
        try:
            action()
        except SystemExit as error:
            return None, _exit_code(error)
        except MemoryError as error:
            self.reserve.close()
            return self._describe(error), 1
        except BaseException as error:
            return self._describe(error), 1
        return None, 0

    def _describe(self, error: BaseException) -> dict[str, str]:
        """Type, message and the traceback through the candidate's own lines."""
        try:
            message = str(error)
        except BaseException:
            message = "<no message: str() of the exception failed>"
        try:
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if frame.filename in self.sources]
            lines = ["Traceback (most recent call last):\n", *traceback.format_list(own)]
            lines = lines if own else []
            text = "".join([*lines, *traceback.format_exception_only(type(error), error)])
        except BaseException:
            text = f"{type(error).__name__}\n"
        kind = type(error).__name__
        return {
            "type": kind if isinstance(kind, str) else "Exception",
            "message": message[:_MESSAGE],
            "traceback": text if len(text) <= _TRACEBACK else "...\n" + text[-_TRACEBACK:],
        }

    # ------------------------------------------------------------------------ calls and asserts

    def _answer(self, inputs: dict[str, Any]) -> None:
        """Make the calls, then run the asserts. Inputs were not in this process before."""
        for index, (args, kwargs) in enumerate(inputs["calls"]):
            value, error = self._call(args, kwargs)
            if error is None:
                self.channel.send(t="call", i=index, v=value)
            else:
                self.channel.send(t="call", i=index, e=error)
        if inputs["tests"] is not None:
            self._test(inputs["tests"], inputs["token"])

    def _test(self, source: str, token: str) -> None:
        """The asserts passed only if their last line was reached: leaving early is a failure."""
        reached: list[None] = []
        error, code = self._guarded(
            lambda: reached.append(self._execute(source, "tests.py"))  # type: ignore[func-returns-value]
        )
        if reached:
            self.channel.send(t="tests", token=token)
        else:
            early = {"type": "SystemExit", "message": str(code), "traceback": ""}
            self.channel.send(t="tests", e=error or early)

    def _call(self, args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, dict[str, str] | None]:
        decode, encode = _LIBRARY["decode"], _LIBRARY["encode"]
        try:
            names = self.module.__dict__
            function = self._entry_point()
            value = function(
                *[decode(arg, names) for arg in args],
                **{key: decode(value, names) for key, value in kwargs.items()},
            )
            return encode(value), None
        except MemoryError as error:
            self.reserve.close()
            return None, self._describe(error)
        except _LIBRARY["unserialisable"] as error:
            return None, {"type": "Unserialisable", "message": str(error), "traceback": ""}
        except BaseException as error:
            return None, self._describe(error)

    def _entry_point(self) -> Any:
        name = self.request["entry_point"]
        head, *rest = name.split(".")
        if head not in self.module.__dict__:
            raise NameError(f"name {head!r} is not defined")
        found = self.module.__dict__[head]
        for part in rest:
            found = getattr(found, part)
        return found

    # -------------------------------------------------------------------------------- cells

    def _cells(self) -> tuple[dict[str, str] | None, int]:
        """Earlier cells again, unheard, then the last one as a notebook would run it.

        What an earlier cell prints goes to a file in memory; its digest tells the parent whether
        the replay did what the cell did the first time.
        """
        *earlier, last = self.request["cells"]
        ear = self.spare - 1
        for index, source in enumerate(earlier):
            error, code = self._guarded(lambda i=index, s=source: self._cell(s, i))
            sys.stdout.flush()
            said = os.pread(ear, os.fstat(ear).st_size, 0)
            os.ftruncate(ear, 0)
            os.lseek(ear, 0, os.SEEK_SET)
            self.channel.send(t="cell", i=index, d=digest(said, error, code))
        if earlier:
            os.close(ear)
        os.dup2(self.spare, 1)
        os.dup2(self.spare, 2)
        os.close(self.spare)
        error, code = self._guarded(lambda: self._cell(last, len(earlier)))
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        return error, code

    def _cell(self, source: str, index: int) -> None:
        filename = f"<cell {index + 1}>"
        self._remember(source, filename)
        tree = ast.parse(source, filename)
        shown = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            shown = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
        names = self.module.__dict__
        _exec(_compile(tree, filename, "exec", dont_inherit=True), names)
        if shown is not None:
            value = builtins.eval(_compile(shown, filename, "eval", dont_inherit=True), names)
            if value is not None:
                names["_"] = value
                print(repr(value))

    def _finish(self) -> int:
        """What an interpreter does at its end: join threads, run atexit, flush. 120 on failure."""
        try:
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            return 120
        return 0


def digest(said: bytes, error: dict[str, str] | None, code: int) -> str:
    """Fingerprint of what a cell did, without the addresses that differ from run to run."""
    trace = error["traceback"] if error else ""
    seen = said + b"\0" + trace.encode("utf-8", "backslashreplace")
    plain = re.sub(rb"0x[0-9a-fA-F]{5,}", b"0x", seen + b"\0%d" % code)
    return hashlib.sha256(plain).hexdigest()


def _exit_code(error: SystemExit) -> int:
    """As the interpreter: None is 0, a number is itself, anything else is printed and is 1."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return int.__and__(error.code, 255)  # its own `&` may lie
    with contextlib.suppress(BaseException):
        print(error.code, file=sys.stderr)
    return 1
