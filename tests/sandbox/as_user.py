"""Become another user and run pytest: `python as_user.py UID ARGUMENT…` (as root only).

The interpreter may lie where that user cannot go, e.g. below /root. Then a mount namespace of our
own shows it at the same path on an otherwise empty tmpfs; nothing changes outside.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deepcoder.sandbox.child import kernel

CANNOT = 77
"""Exit status when the kernel does not let us arrange it."""


def show_interpreter(user: int) -> None:
    """Make the interpreter's folder reachable for `user`, if it is not."""
    base = Path(sys.base_prefix).resolve()
    closed = next((p for p in reversed(base.parents) if not p.stat().st_mode & 0o001), None)
    if closed is None:
        return
    kernel.unshare(kernel.NEW_MOUNTS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    held = os.open(base, os.O_PATH)
    kernel.mount("tmpfs", str(closed), "tmpfs", 0, "size=1m,mode=755")
    os.makedirs(base)
    kernel.mount(f"/proc/self/fd/{held}", str(base), None, kernel.MS_BIND)
    os.close(held)


def main() -> None:
    user = int(sys.argv[1])
    try:
        show_interpreter(user)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    except OSError as error:
        print(f"cannot become another user: {error}")
        raise SystemExit(CANNOT) from None
    os.environ["HOME"] = "/tmp"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[2:]])


if __name__ == "__main__":
    main()
