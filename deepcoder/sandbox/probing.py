"""Which tiers this machine offers, found by trying, and whether a small escape attempt fails.

for probe in probe_tiers():
    print(probe.tier, probe.available, probe.detail)
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import Any

from deepcoder.sandbox import execution
from deepcoder.sandbox.records import Request, Settings, Tier
from deepcoder.sandbox.worker import Worker, WorkerLost

__all__ = ["Probe", "probe_tiers"]

_ATTEMPTS = """
import os, socket, subprocess
done = []
def attempt(name, action):
    try:
        action()
    except OSError:
        return
    done.append(name)
def write(path):
    with open(path, "a") as file:
        file.write("")
attempt("read a host file", lambda: open(HOST_FILE).read())
attempt("write beside it", lambda: write(HOST_FILE + ".escaped"))
attempt("list the root", lambda: [open("/etc/passwd").read()])
attempt("open a socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close())
attempt("fork", lambda: os.fork() or os._exit(0))
attempt("run a program", lambda: subprocess.run(["/bin/true"]))
attempt("signal its parent", lambda: os.kill(os.getppid(), 0))
def answer():
    return done
"""


@dataclass(frozen=True)
class Probe:
    """What was found out about one tier. `escapes` names what succeeded inside it and should not;
    `detail` is one line for people."""

    tier: Tier
    available: bool
    detail: str
    escapes: tuple[str, ...] = ()


def probe_tiers(config: Any = None) -> list[Probe]:
    """Start a worker in every tier, strongest first, and let it try to get out."""
    settings = Settings.from_config(config)
    return [_probe(settings, tier) for tier in Tier]


def _probe(settings: Settings, tier: Tier) -> Probe:
    with tempfile.TemporaryDirectory(prefix="deepcoder-probe-") as folder:
        path = os.path.join(folder, "secret")
        with open(path, "w", encoding="ascii") as file:
            file.write("host")
        os.chmod(folder, 0o755)
        try:
            worker = Worker(settings, tier, tempfile.gettempdir())
        except WorkerLost as error:
            return Probe(tier, False, f"not available: {error}")
        request = Request(
            code=f"HOST_FILE = {path!r}\n{_ATTEMPTS}", entry_point="answer", calls=(((), {}),)
        )
        exchange = execution.exchange(request, settings, tier)
        try:
            worker.run(exchange)
        except WorkerLost as error:
            return Probe(tier, False, f"the worker was lost in the probe: {error}")
        finally:
            worker.kill()
        result = execution.result(exchange, request, settings, tier)
    if not result.ok:
        why = result.failure.message if result.failure else result.status
        return Probe(tier, False, f"the probe did not run: {why}")
    escapes = tuple(str(name) for name in result.returns[0].value)
    if tier is Tier.RLIMITS:
        return Probe(tier, True, "limits only; nothing is contained", escapes)
    if escapes:
        return Probe(tier, False, f"NOT CONTAINED: a probe could {', '.join(escapes)}", escapes)
    return Probe(tier, True, "contained: no read, write, socket, process or signal got out")
