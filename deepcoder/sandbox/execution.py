"""Requests to bytes, bytes to results: what a worker's exchange means.

`refusal` decides what cannot be run at all, `exchange` writes a request down, `result` reads the
end of a run into a status. None of them touches a process.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import re
import secrets
import signal
import struct
from collections.abc import Iterator
from typing import Any

from deepcoder.sandbox.channel import Report
from deepcoder.sandbox.child.zygote import ASKED, DISK, NO_FORK, WALL
from deepcoder.sandbox.records import Failure, Limits, Request, Result, Settings, Status, Tier
from deepcoder.sandbox.worker import Exchange, Stream

__all__ = ["exchange", "refusal", "result"]


def refusal(request: Request, settings: Settings) -> str | None:
    """Why a request cannot be run, in words, or None."""
    limits = request.limits or settings.limits
    wrong = limits.problem()
    if wrong:
        return wrong
    texts = [request.code, request.setup, request.tests or "", request.stdin, *request.cells]
    if not all(isinstance(text, str) for text in texts):
        return "code, setup, tests, cells and stdin must be text"
    size = sum(map(len, texts)) - len(request.stdin)
    if size > settings.code_bytes:
        return f"code of {size} characters is over the limit of {settings.code_bytes}"
    if request.calls and not request.entry_point:
        return "calls need an entry point"
    if request.cells and (request.code or request.entry_point or request.tests):
        return "cells cannot be mixed with code, calls or tests"
    if not all(isinstance(content, str | bytes) for content in request.files.values()):
        return "files must be text or bytes"
    room = (limits.disk_mb or settings.disk_mb) << 20
    if sum(map(len, request.files.values())) > room:
        return f"the files are larger than disk_mb allows ({room >> 20} MiB)"
    return next((why for name in request.files if (why := _bad_name(name))), None)


def _bad_name(name: str) -> str | None:
    if not isinstance(name, str):
        return "file names must be text"
    parts = name.split("/")
    bad = not name or "\0" in name or any(part in ("", ".", "..") for part in parts)
    if bad:
        return f"file name {name[:100]!r} must be a relative path without '..'"
    try:
        long = len(name.encode()) > 1000 or any(len(part.encode()) > 255 for part in parts)
    except UnicodeEncodeError:
        return f"file name {name[:100]!r} is not valid text"
    return f"file name {name[:100]!r} is too long" if long else None


def exchange(request: Request, settings: Settings, tier: Tier) -> Exchange:
    """The bytes of a request, and empty places for what comes back."""
    limits = request.limits or settings.limits
    wants_inputs = request.entry_point is not None or request.tests is not None
    token = secrets.token_hex(16) if request.tests is not None else None
    writable = _may_write(request, limits, tier)
    body = {
        "setup": request.setup,
        "code": request.code,
        "entry_point": request.entry_point,
        "inputs": wants_inputs,
        "as_main": not wants_inputs,
        "cells": list(request.cells),
        "stdin": request.stdin,
        "files": {name: _bytes(content) for name, content in request.files.items()},
        "seed": request.seed,
        "limits": {
            "cpu_seconds": limits.cpu_seconds,
            "memory_mb": int(limits.memory_mb),
            "processes": int(limits.processes),
            "disk_mb": int(limits.disk_mb),
        },
    }
    calls = [[list(args), dict(kwargs)] for args, kwargs in request.calls]
    inputs = {"calls": calls, "tests": request.tests, "token": token}
    return Exchange(
        body=_frame(body),
        inputs=_frame(inputs) if wants_inputs else None,
        writable=writable,
        wall_seconds=float(limits.wall_seconds),
        disk_bytes=int(limits.disk_mb) << 20 if writable else 0,
        report=Report(int(limits.result_bytes), len(calls), token),
        stdout=Stream(int(limits.output_bytes)),
        stderr=Stream(int(limits.output_bytes)),
    )


def _may_write(request: Request, limits: Limits, tier: Tier) -> bool:
    asked = request.writable
    return limits.disk_mb > 0 and (tier is Tier.NAMESPACES if asked is None else asked)


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _frame(value: dict[str, Any]) -> bytes:
    data = marshal.dumps(value)
    return struct.pack("=I", len(data)) + data


# ----------------------------------------------------------------------------------- results


def result(run: Exchange, request: Request, settings: Settings, tier: Tier) -> Result:
    """The end of a run as a `Result`. Success needs the kernel's word and the run's own."""
    limits = request.limits or settings.limits
    status, failure = _verdict(run, request, limits)
    report = run.report
    ended_by = os.WTERMSIG(run.wait_status) if os.WIFSIGNALED(run.wait_status) else None
    exited = os.WEXITSTATUS(run.wait_status) if os.WIFEXITED(run.wait_status) else None
    return Result(
        status=status,
        stdout=run.stdout.text,
        stderr=run.stderr.text,
        stdout_omitted=run.stdout.omitted,
        stderr_omitted=run.stderr.omitted,
        returns=tuple(report.returns),
        failure=failure,
        exit_code=exited,
        signal=ended_by,
        tests_passed=report.tests_passed and status is Status.OK,
        replayed=tuple(report.replayed),
        digest=_digest(run, report, exited) if request.cells else "",
        wall_seconds=run.elapsed,
        cpu_seconds=run.cpu_seconds,
        peak_memory_mb=run.peak_kib / 1024,
        tier=tier,
    )


def _digest(run: Exchange, report: Report, exited: int | None) -> str:
    """As `digest` of the child's runner: what the cell did, without addresses."""
    traceback = report.failure.traceback if report.failure else ""
    seen = bytes(run.stdout.kept) + b"\0" + traceback.encode() + b"\0%d" % (exited or 0)
    return hashlib.sha256(re.sub(rb"0x[0-9a-fA-F]{5,}", b"0x", seen)).hexdigest()


def _verdict(run: Exchange, request: Request, limits: Limits) -> tuple[Status, Failure | None]:
    report = run.report
    if run.why == NO_FORK:
        return Status.SANDBOX_FAILURE, Failure("NoProcess", "the worker could not fork")
    if run.why == WALL:
        text = f"ended after {limits.wall_seconds:g} seconds of wall clock"
        return Status.TIMEOUT, Failure("TimeLimit", text)
    if report.unfit is not None:
        return Status.REFUSED, Failure("Refused", report.unfit)
    if not report.started:
        what = report.fault or report.broken or f"it ended with status {run.wait_status}"
        return Status.SANDBOX_FAILURE, Failure("NotStarted", what)
    if run.why == DISK:
        return Status.OUTPUT_LIMIT, Failure("DiskLimit", f"more than {limits.disk_mb} MiB written")
    if run.stdout.omitted or run.stderr.omitted:
        text = f"more than {limits.output_bytes} bytes of output"
        return Status.OUTPUT_LIMIT, Failure("OutputLimit", text)
    if report.over_limit:
        text = f"more than {limits.result_bytes} bytes of results"
        return Status.OUTPUT_LIMIT, Failure("ResultLimit", text)
    if os.WIFSIGNALED(run.wait_status) and run.why != ASKED:
        return _signalled(os.WTERMSIG(run.wait_status), run.cpu_seconds, limits)
    if report.broken:
        return Status.ERROR, Failure("BrokenReport", report.broken)
    return _exited(report, os.waitstatus_to_exitcode(run.wait_status), request)


def _signalled(number: int, cpu: float, limits: Limits) -> tuple[Status, Failure]:
    spent = cpu >= limits.cpu_seconds
    if number == signal.SIGXCPU or (number == signal.SIGKILL and spent):
        text = f"ended after {limits.cpu_seconds:g} seconds of CPU"
        return Status.TIMEOUT, Failure("TimeLimit", text)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return Status.KILLED, Failure("Killed", f"ended by {name}")


def _exited(report: Report, code: int, request: Request) -> tuple[Status, Failure | None]:
    """The run exited by itself, and its report is well formed."""
    if report.failure is not None:
        return _status_of(report.failure), report.failure
    if code != 0:
        return Status.ERROR, Failure("SystemExit", str(code))
    if report.ended and not report.loaded and (request.entry_point or request.tests is not None):
        return Status.ERROR, Failure("SystemExit", "0")
    failed = next(_failures(report), None)
    if failed is not None:
        return _status_of(failed), failed
    asked = len(request.calls) or request.tests is not None or request.entry_point
    complete = len(report.returns) == len(request.calls)
    complete = complete and (request.tests is None or report.tests_passed)
    if asked and not (complete and report.ended):
        return Status.ERROR, Failure("SystemExit", "the code ended the process itself")
    return Status.OK, None


def _failures(report: Report) -> Iterator[Failure]:
    yield from (entry.failure for entry in report.returns if entry.failure is not None)
    if report.tests_failure is not None:
        yield report.tests_failure


def _status_of(failure: Failure) -> Status:
    return Status.OUT_OF_MEMORY if failure.type == "MemoryError" else Status.ERROR
