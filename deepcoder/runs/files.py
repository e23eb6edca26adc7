"""Hashes of content, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


def content_hash(value: Any, length: int = 10) -> str:
    """Short SHA-256 of a JSON-able value, independent of key order."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def file_hash(path: Path, length: int = 16) -> str:
    """Short SHA-256 of a file's bytes, or of the names and bytes of all files in a folder."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return content_hash({str(f.relative_to(path)): file_hash(f, 64) for f in files}, length)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:length]


def atomic_write(path: Path, data: str | bytes) -> None:
    """Write a whole file or nothing: temporary file in the same folder, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o666 & ~_umask())  # mkstemp makes files that only we can read
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` exclusively among processes; the kernel lets go of it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("waiting for another process that works in %s", path.parent)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def leads() -> bool:
    """Whether this process writes the run folder: false in the other ranks of a distributed run.

    Reads the variables by which torchrun, SLURM and Lightning's own launcher name a rank.
    """
    for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"):
        if (rank := os.environ.get(name, "")).isdigit():
            return int(rank) == 0
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
