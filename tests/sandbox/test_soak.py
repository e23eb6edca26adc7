"""Many runs with faults thrown in leave nothing behind: processes, descriptors, files, memory."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import os
import random
import resource
import signal
import tempfile
import time

import pytest
from sandbox.conftest import probes
from sandbox.processes import descendants, is_alive

from deepcoder.sandbox import Limits, Request, SandboxPool, Settings, Status, Tier

GOOD = Request(code="def f(n): return n + 1", entry_point="f", calls=(((1,), {}), ((2,), {})))
FAULTS = [
    Request(code="x = bytearray(1 << 45)"),
    Request(code="x = []\nwhile True: x.append(bytearray(1 << 24))", limits=Limits(memory_mb=128)),
    Request(code="while True: pass", limits=Limits(wall_seconds=0.02)),
    Request(code="import os; os._exit(9)"),
    Request(code="import ctypes; ctypes.string_at(0)"),
    Request(code="import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
    Request(code="print('x' * (1 << 22))"),
    Request(code="import os; os.closerange(0, 2000)"),
    Request(code="import os\nfor i in range(9): open(f'f{i}', 'w').write('x')", writable=True),
    Request(code="import threading, time\nfor _ in range(5):\n"
            "    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()"),
]  # fmt: skip


def footprint() -> dict[str, int]:
    """What a leak would show in."""
    return {
        "processes": len([pid for pid in descendants(os.getpid()) if is_alive(pid)]),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "directories": len(glob.glob(os.path.join(tempfile.gettempdir(), "deepcoder-run-*"))),
    }


async def soak(tier: Tier, runs: int, seed: int) -> dict[Status, int]:
    """`runs` requests, 1 in 10 faulty, and a worker or a run killed from outside now and then."""
    chance = random.Random(seed)
    count: dict[Status, int] = dict.fromkeys(Status, 0)
    killed = 0
    settings = Settings(tier=tier.value, allow_weak=True, workers=2, recycle_after=300)
    async with SandboxPool(settings) as pool:

        async def one(number: int) -> None:
            nonlocal killed
            faulty = chance.random() < 0.1
            request = chance.choice(FAULTS) if faulty else GOOD
            if number % 211 == 210:
                victims = [pid for pid in descendants(os.getpid()) if is_alive(pid)]
                if victims:
                    with contextlib.suppress(ProcessLookupError):  # it may end by itself first
                        os.kill(chance.choice(victims), signal.SIGKILL)
                        killed += 1
            result = await pool.run(request)
            count[result.status] += 1
            if request is GOOD and result.status not in (Status.SANDBOX_FAILURE, Status.KILLED):
                assert result.status is Status.OK, result
                assert [entry.value for entry in result.returns] == [2, 3]

        for start in range(0, runs, 100):
            await asyncio.gather(*(one(n) for n in range(start, min(runs, start + 100))))
    assert sum(count.values()) == runs
    lost = count[Status.SANDBOX_FAILURE]
    assert lost <= killed + 1, count
    return count


def check(tier: Tier, runs: int) -> None:
    if not probes()[tier].available:
        pytest.skip(f"{tier} is not available")
    asyncio.run(soak(tier, 100, seed=1))  # threads, caches and the pool's own memory
    before, memory = footprint(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asyncio.run(soak(tier, runs, seed=2))
    deadline = time.monotonic() + 10
    while footprint()["processes"] > before["processes"] and time.monotonic() < deadline:
        time.sleep(0.05)
    after = footprint()
    assert after["processes"] <= before["processes"]
    assert after["descriptors"] <= before["descriptors"]
    assert after["directories"] <= before["directories"]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert grown < 48 << 10, f"the parent grew by {grown} KiB"


def test_short_soak() -> None:
    tier = next(tier for tier, probe in probes().items() if probe.available)
    check(tier, 300)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("tier", "runs"), [(Tier.NAMESPACES, 20_000), (Tier.LANDLOCK, 20_000)])
def test_soak(tier: Tier, runs: int) -> None:
    check(tier, runs)
