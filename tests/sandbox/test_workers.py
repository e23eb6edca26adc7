"""Workers come and go; runs are never lost, never retried, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sandbox.conftest import QUICK, settings
from sandbox.processes import descendants, is_alive

from deepcoder.sandbox import Request, Sandbox, SandboxPool, Status, Tier
from deepcoder.sandbox.child.zygote import ENDED, WALL, Zygote
from deepcoder.sandbox.worker import interpreter


def worker_pid(sandbox: Sandbox) -> int:
    assert sandbox._worker is not None
    return sandbox._worker.process.pid


def wait_for_end(family: set[int]) -> None:
    deadline = time.monotonic() + 10
    while any(map(is_alive, family)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in family if is_alive(pid)]


@pytest.fixture
def own(sandbox: Sandbox) -> Sandbox:
    """A sandbox that the test may break, in the same tier."""
    tier = sandbox.start()
    opened = Sandbox(settings(tier, recycle_after=4))
    opened.start()
    return opened


def test_workers_are_replaced_after_their_runs(own: Sandbox) -> None:
    pids = []
    for _ in range(9):
        assert own.run(Request(code="print(1)")).ok
        pids.append(own._worker.process.pid if own._worker else None)
    assert len({pid for pid in pids if pid}) == 3
    own.close()


def test_a_worker_killed_between_runs_is_replaced(own: Sandbox) -> None:
    os.kill(worker_pid(own), signal.SIGKILL)
    time.sleep(0.1)
    results = [own.run(Request(code="print(1)")) for _ in range(2)]
    assert results[1].ok
    assert results[0].status in (Status.OK, Status.SANDBOX_FAILURE)
    own.close()


def test_a_worker_killed_during_a_run_is_a_sandbox_failure(own: Sandbox) -> None:
    own.run(Request(code="pass"))
    pid = worker_pid(own)
    family = {pid, *descendants(pid)}
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    result = own.run(Request(code="import time; time.sleep(5)"))
    assert result.status is Status.SANDBOX_FAILURE
    assert result.failure is not None
    assert result.failure.type == "WorkerLost"
    assert own.run(Request(code="print(1)")).ok
    wait_for_end(family)
    own.close()


def test_nothing_is_left_after_closing(own: Sandbox) -> None:
    code = "import threading, time\nthreading.Thread(target=time.sleep, args=(9,)).start()\n"
    own.run(Request(code=code, limits=QUICK, writable=True, files={"a": "b"}))
    own.run(Request(code="pass"))
    pid = worker_pid(own)
    scratch = own._worker.scratch if own._worker else None
    family = {pid, *descendants(pid)}
    own.close()
    wait_for_end(family)
    assert scratch is None or not Path(scratch).exists()


def test_a_parent_that_is_killed_leaves_nothing(sandbox: Sandbox) -> None:
    code = (
        "import sys\nfrom deepcoder.sandbox import Request, Sandbox, Settings\n"
        f"sandbox = Sandbox(Settings(tier={str(sandbox.start())!r}, allow_weak=True))\n"
        "sandbox.start()\nprint(sandbox._worker.process.pid, flush=True)\n"
        "sandbox.run(Request(code='import time; time.sleep(60)'))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    family = {pid, *descendants(pid)}
    assert len(family) > 1
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for_end(family)


def test_a_closed_sandbox_refuses_to_run(own: Sandbox) -> None:
    own.close()
    own.close()
    with pytest.raises(RuntimeError, match="closed"):
        own.run(Request(code="pass"))


def test_descriptors_do_not_grow(own: Sandbox) -> None:
    own.run(Request(code="pass"))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for code in ["pass", "1 / 0", "import os; os._exit(1)", "while True: pass"] * 2:
        own.run(Request(code=code, limits=QUICK))
    own.run(Request(code="pass"))
    assert len(os.listdir("/proc/self/fd") if before else []) <= before
    own.close()


def test_threads_share_a_sandbox(sandbox: Sandbox) -> None:
    seen: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: seen.append(sandbox.run(Request(code=f"print({n})")).stdout)
        )
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [f"{n}\n" for n in range(6)]


def test_a_pool_runs_side_by_side_and_survives_cancelling(sandbox: Sandbox) -> None:
    async def run() -> list[str]:
        async with SandboxPool(settings(sandbox.start())) as pool:
            waiting = Request(code="import time; time.sleep(1.5)")
            tasks = [asyncio.create_task(pool.run(waiting)) for _ in range(2)]
            await asyncio.sleep(0.2)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(
                *(pool.run(Request(code=f"print({n})")) for n in range(5))
            )
            return [result.stdout for result in results]

    assert asyncio.run(run()) == [f"{n}\n" for n in range(5)]


def test_the_environment_of_a_worker_is_empty(sandbox: Sandbox) -> None:
    environment = Path(f"/proc/{worker_pid(sandbox)}/environ")
    if not environment.exists():
        pytest.skip("no /proc")
    try:
        held = environment.read_bytes()
    except PermissionError:  # closed even to its own user: a worker cannot be looked into
        assert os.geteuid() != 0
        return
    assert os.environ["GROQ_API_KEY"].encode() not in held


def test_the_interpreter_is_a_binary() -> None:
    with open(interpreter(), "rb") as file:
        assert file.read(2) != b"#!"


def test_a_worker_in_namespaces_shares_none_with_its_parent(strongest: Sandbox) -> None:
    if strongest.start() is not Tier.NAMESPACES:
        pytest.skip("no namespaces here")
    strongest.run(Request(code="pass"))
    zygote = min(descendants(worker_pid(strongest)))
    for name in ("user", "pid", "mnt", "net", "ipc", "uts"):
        assert os.readlink(f"/proc/{zygote}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
    status = Path(f"/proc/{zygote}/status").read_text()
    uid = int(status.split("Uid:")[1].split()[0])
    assert uid != 0


@pytest.mark.parametrize(
    ("code", "why", "status"), [("raise SystemExit(3)", ENDED, 3 << 8), ("input()", WALL, 9)]
)
def test_the_end_is_seen_without_a_pidfd(
    monkeypatch: pytest.MonkeyPatch, code: str, why: int, status: int
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    ours, theirs = socket.socketpair()
    run = subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE)
    zygote = Zygote(ours, None, None)
    wall = 60.0 if why == ENDED else 0.1
    assert zygote._watch(run.pid, time.monotonic() + wall, 0) == (why, False)
    assert (zygote.end or os.wait4(run.pid, 0)[1:])[0] == status
    run.communicate()
    ours.close()
    theirs.close()
