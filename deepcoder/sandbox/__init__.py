"""Runs and judges Python that a model wrote, behind a boundary of the operating system.

It is not a restricted interpreter: the code may do anything Python can, in a process that can
reach nothing. A worker is a pre-imported interpreter that forks once per run; the fork puts its
walls on, and only then runs the code. It knows nothing of agents or problems' sources.

    with Sandbox() as sandbox:
        result = sandbox.run(Request(code="print(6 * 7)"))
        assert result.ok and result.stdout == "42\\n"

Covered in the tiers `namespaces` and `landlock`: reading host files, environment and other
processes; writing outside the run's own directory; sockets; fork and exec; signals to others;
kernel interfaces that a run has no use for; time, CPU, memory, threads, output; a verdict forged
by the code under judgement. Not covered: a bug in the kernel; hardware side channels; in the
tier `landlock` also metadata of host files (their existence and size) and host name; in the tier
`rlimits` anything but accidents. `docs/sandbox.md` has the whole threat model.
"""

from __future__ import annotations

from deepcoder.sandbox.core import Sandbox
from deepcoder.sandbox.judging import judge, judge_sync
from deepcoder.sandbox.pool import SandboxPool
from deepcoder.sandbox.probing import Probe, probe_tiers
from deepcoder.sandbox.records import (
    Failure,
    Limits,
    Request,
    Result,
    Returned,
    Settings,
    Status,
    Tier,
)
from deepcoder.sandbox.session import CellResult, PythonSession

__all__ = [
    "CellResult",
    "Failure",
    "Limits",
    "Probe",
    "PythonSession",
    "Request",
    "Result",
    "Returned",
    "Sandbox",
    "SandboxPool",
    "Settings",
    "Status",
    "Tier",
    "judge",
    "judge_sync",
    "probe_tiers",
]
