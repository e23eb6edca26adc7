"""The same suite as a user who is not root: containment must not depend on being root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox.as_user import CANNOT

HERE = Path(__file__).parent
QUICK = ["test_attacks.py", "test_benign.py", "test_judging.py"]
NAMES = "not rlimits and (sys- or proc or secret or env or honest or tempfile or hello or programs)"
"""One of each kind by default; everything takes minutes and is slow."""
WHOLE = [*QUICK, "test_limits.py", "test_session.py", "test_workers.py"]
USER = 54321


def as_other_user(files: list[str], *options: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("this suite runs unprivileged already")
    root = HERE.parent.parent
    command = [sys.executable, str(HERE / "as_user.py"), str(USER), "-q", "-x"]
    command += ["-p", "no:cacheprovider", "--basetemp", f"/tmp/pytest-{USER}-{os.getpid()}"]
    command += [*options, *(str(HERE / name) for name in files)]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{HERE.parent}"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode == CANNOT:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


def test_some_of_everything_as_another_user() -> None:
    as_other_user(QUICK, "-k", NAMES)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_everything_as_another_user() -> None:
    as_other_user(WHOLE)
