"""Looking at processes from outside, through /proc."""

from __future__ import annotations

import os


def _fields(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def is_alive(pid: int) -> bool:
    """Running or sleeping; a zombie that waits for its parent is not alive."""
    try:
        return _fields(pid)[0] not in ("Z", "X")
    except OSError:
        return False


def descendants(root: int) -> set[int]:
    """Every process below `root`, itself not included."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)] = int(_fields(int(name))[1])
            except OSError:
                continue
    found = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found - {root}
        found |= more
