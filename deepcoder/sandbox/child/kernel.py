"""The kernel's interfaces that Python has no module for, through ctypes: a thin, checked layer.

Each function raises OSError with the name of the call. Numbers of system calls that differ
between x86-64 and aarch64 are looked up by machine; the Landlock calls are the same on both.

    drop_capabilities(); no_new_privileges(); restrict(landlock_ruleset(read=[...], write=[]))
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterable

__all__ = [
    "bind_read_only",
    "bound_capabilities",
    "die_with_parent",
    "drop_capabilities",
    "landlock_abi",
    "landlock_ruleset",
    "limit_arenas",
    "mount",
    "no_new_privileges",
    "pivot_root",
    "restrict",
    "set_dumpable",
    "unmount",
    "unshare",
]

NEW_MOUNTS, NEW_HOSTNAME, NEW_IPC = 0x00020000, 0x04000000, 0x08000000
NEW_USERS, NEW_PIDS, NEW_NET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_NOATIME, MS_NODIRATIME, MS_RELATIME = 1024, 2048, 1 << 21
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18

_CAPABILITY_HEADER = struct.pack("=Ii", 0x20080522, 0)
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


# ------------------------------------------------------------------------ process attributes


def _prctl(option: int, value: int, what: str) -> None:
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), what)


def no_new_privileges() -> None:
    """No exec can ever gain privileges again; Landlock and seccomp ask for it."""
    _prctl(38, 1, "no_new_privs")


def die_with_parent() -> None:
    """SIGKILL when the process that forked this one dies. Lost on a change of user: call after."""
    _prctl(1, 9, "pdeathsig")


def set_dumpable(value: bool) -> None:
    """Whether others of the same user may trace this process or open its /proc entry."""
    _prctl(4, int(value), "dumpable")


def bound_capabilities() -> None:
    """Make sure that no capability can ever be gained again; those held now stay."""
    for capability in range(64):
        _libc.prctl(24, ctypes.c_ulong(capability), 0, 0, 0)  # EINVAL past the last
    _libc.prctl(47, ctypes.c_ulong(4), 0, 0, 0)  # ambient set: EINVAL on kernels without one


def drop_capabilities() -> None:
    """Give up every capability that is held."""
    _check(_libc.capset(_CAPABILITY_HEADER, bytes(24)), "capset")


def limit_arenas() -> None:
    """Let threads share one glibc heap: each own heap would reserve 64 MB of address space."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(-8, 1)


# --------------------------------------------------------------------------- namespaces, mounts


def unshare(flags: int) -> None:
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    _check(
        _libc.mount(
            source.encode(),
            os.fsencode(target),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        ),
        f"mount {target}",
    )


def unmount(target: str) -> None:
    """Detach a mount now; what is busy goes when it is free."""
    _check(_libc.umount2(os.fsencode(target), 2), f"umount {target}")


def bind_read_only(source: str, target: str) -> None:
    """Show `source` at `target`, read-only, keeping the flags that the host's mount has."""
    mount(source, target, None, MS_BIND)
    kept = 0
    have = os.statvfs(target).f_flag
    names = {2: MS_NOSUID, 4: MS_NODEV, 8: MS_NOEXEC}
    names |= {1024: MS_NOATIME, 2048: MS_NODIRATIME, 4096: MS_RELATIME}
    for seen, flag in names.items():
        kept |= flag if have & seen else 0
    devices = 0 if source.startswith("/dev/") else MS_NODEV
    flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | devices | kept
    mount("none", target, None, flags)


def pivot_root(new_root: str) -> None:
    """Make `new_root` (a mount) the root of this mount namespace and let go of the old one."""
    os.chdir(new_root)
    number = 155 if platform.machine().lower() in ("x86_64", "amd64") else 41
    _check(_libc.syscall(ctypes.c_long(number), b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


# -------------------------------------------------------------------------------- Landlock

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_WRITE_DIR = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE
_WRITE_DIR |= _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE


class _Rule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def landlock_abi() -> int:
    """The version of Landlock that the kernel offers; 0 when it has none or it is switched off."""
    return max(0, _libc.syscall(ctypes.c_long(444), None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def landlock_ruleset(read: Iterable[str], list_only: Iterable[str], write: Iterable[str]) -> int:
    """File descriptor of a ruleset that denies every file access that is not named.

    `read` paths may be read with all below them; of `list_only` directories (and those below)
    the names may be listed; below `write` directories regular files and directories may be made,
    written and removed. TCP, abstract sockets and signals are denied where the kernel can.
    Paths that do not exist are left out.
    """
    abi = landlock_abi()
    if abi < 1:
        raise OSError("landlock: not available")
    handled = (1 << 13) - 1
    handled |= (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    handled |= 1 << 15 if abi >= 5 else 0
    attributes = struct.pack("=QQQ", handled, 3, 3)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = _check(
        _libc.syscall(
            ctypes.c_long(444), attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
        ),
        "landlock_create_ruleset",
    )
    wanted = [(path, _READ_FILE | _READ_DIR) for path in read]
    wanted += [(path, _READ_DIR) for path in list_only]
    wanted += [(path, _WRITE_DIR) for path in write]
    for path, access in wanted:
        _allow(ruleset, path, access & handled)
    return ruleset


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            access &= _READ_FILE | _WRITE_FILE
        rule = _Rule(access, descriptor)
        if access:
            _check(
                _libc.syscall(
                    ctypes.c_long(445),
                    ctypes.c_int(ruleset),
                    ctypes.c_int(1),
                    ctypes.byref(rule),
                    ctypes.c_uint32(0),
                ),
                f"landlock_add_rule {path}",
            )
    finally:
        os.close(descriptor)


def restrict(ruleset: int) -> None:
    """Enforce a ruleset on this thread and all it starts, for good, and close it."""
    number = ctypes.c_long(446)
    _check(_libc.syscall(number, ctypes.c_int(ruleset), ctypes.c_uint32(0)), "landlock_restrict")
    os.close(ruleset)
