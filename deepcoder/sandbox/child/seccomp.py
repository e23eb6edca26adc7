"""The system-call filter of a run: an allow-list, as a classic BPF program made by hand.

Everything that is not listed answers EPERM. The wrong architecture or the x32 table kills the
process. Some calls are allowed only with certain arguments, because the plain call is an escape:

- `clone`: only the flags of a thread; `clone3` answers ENOSYS, so that glibc falls back to it
- `kill`, `tgkill`: only the run's own process
- `fcntl`: no F_SETOWN or F_SETSIG (they send signals to others), no leases
- `ioctl`: five harmless requests (no TIOCSTI, no FIOSETOWN)
- `open`, `openat`: O_TRUNC only together with writing (old Landlock lets it through otherwise)
- `socketpair`: AF_UNIX; `prlimit64`: the run's own process
- `sendto`: no address (a datagram socket of a pair reaches every socket that has a name, such as
  the system log's), no MSG_OOB; `recvfrom`: no MSG_OOB (CVE-2025-38236)
- `futex`: none of the operations on locks that inherit priority: Python needs none of them

What the filter cannot do: look behind pointers, so paths are Landlock's and the mounts' task.

    Filter(change_metadata=False).install()
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Sequence

__all__ = ["AUDIT_ARCH", "Filter", "program", "syscall_number"]

# fmt: off
# name: (x86-64, aarch64); None where the architecture has no such call.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "poll": (7, None), "lseek": (8, 62), "mmap": (9, 222),
    "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67),
    "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66), "access": (21, None),
    "pipe": (22, None), "select": (23, None), "sched_yield": (24, 124), "mremap": (25, 216),
    "msync": (26, 227), "madvise": (28, 233), "dup": (32, 23), "dup2": (33, None),
    "pause": (34, None), "nanosleep": (35, 101), "getitimer": (36, 102), "alarm": (37, None),
    "setitimer": (38, 103), "getpid": (39, 172), "sendfile": (40, 71),
    "shutdown": (48, 210), "getsockname": (51, 204),
    "getpeername": (52, 205), "getsockopt": (55, 209), "exit": (60, 93), "wait4": (61, 260),
    "uname": (63, 160), "fsync": (74, 82), "fdatasync": (75, 83),
    "ftruncate": (77, 46), "getdents": (78, None), "getcwd": (79, 17), "chdir": (80, 49),
    "fchdir": (81, 50), "rename": (82, None), "mkdir": (83, None), "rmdir": (84, None),
    "unlink": (87, None), "readlink": (89, None), "umask": (95, 166), "gettimeofday": (96, 169),
    "getrlimit": (97, 163), "getrusage": (98, 165), "sysinfo": (99, 179), "times": (100, 153),
    "getuid": (102, 174), "getgid": (104, 176), "geteuid": (107, 175), "getegid": (108, 177),
    "getppid": (110, 173), "getpgrp": (111, None), "getgroups": (115, 158),
    "getresuid": (118, 148), "getresgid": (120, 150), "getpgid": (121, 155), "getsid": (124, 156),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132), "statfs": (137, 43), "fstatfs": (138, 44), "gettid": (186, 178),
    "time": (201, None), "sched_getaffinity": (204, 123),
    "epoll_create": (213, None), "getdents64": (217, 61), "set_tid_address": (218, 96),
    "restart_syscall": (219, 128), "fadvise64": (221, 223), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "exit_group": (231, 94),
    "epoll_wait": (232, None), "epoll_ctl": (233, 21), "waitid": (247, 95), "mkdirat": (258, 34),
    "newfstatat": (262, 79), "unlinkat": (263, 35), "renameat": (264, 38), "readlinkat": (267, 78),
    "faccessat": (269, 48), "pselect6": (270, 72), "ppoll": (271, 73), "set_robust_list": (273, 99),
    "epoll_pwait": (281, 22), "fallocate": (285, 47), "eventfd2": (290, 19),
    "epoll_create1": (291, 20), "dup3": (292, 24), "pipe2": (293, 59), "preadv": (295, 69),
    "pwritev": (296, 70), "getcpu": (309, 168), "renameat2": (316, 276), "getrandom": (318, 278),
    "membarrier": (324, 283), "copy_file_range": (326, 285), "statx": (332, 291),
    "rseq": (334, 293), "close_range": (436, 436), "faccessat2": (439, 439),
}
# Landlock does not govern these: allowed only where the mounts keep the host's files out of reach.
_METADATA: dict[str, tuple[int | None, int | None]] = {
    "truncate": (76, 45), "chmod": (90, None), "fchmod": (91, 52), "utime": (132, None),
    "fchmodat": (268, 53), "utimensat": (280, 88), "fchmodat2": (452, 452),
}
_GUARDED: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None), "openat": (257, 56), "ioctl": (16, 29), "fcntl": (72, 25),
    "socketpair": (53, 199), "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129),
    "tgkill": (234, 131), "prlimit64": (302, 261), "sendto": (44, 206), "recvfrom": (45, 207),
    "futex": (202, 98),
}
# fmt: on

_MACHINES = {"x86_64": 0, "amd64": 0, "aarch64": 1, "arm64": 1}
AUDIT_ARCH = (0xC000003E, 0xC00000B7)
"""Architecture words of the kernel's audit layer: x86-64, aarch64."""

_LOAD, _AND, _JEQ, _JGT, _JGE, _JSET, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x35, 0x45, 0x06
_ALLOW, _KILL, _EPERM, _ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_NR, _ARCH, _ARG_LOW, _ARG_HIGH = 0, 4, 16, 20

_THREAD = 0x10000
_NOT_A_THREAD = 0xFFFFFFFF & ~0x7D0F00
"""Flags that no pthread_create passes: any of them, or a missing CLONE_THREAD, is refused."""
_IOCTLS = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032, 1034)
"""Duplicate, flags, locks of the process, F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_GET_SEALS.

Locks of the open file (`flock`, F_OFD_SETLK) are refused: they would be on files of the host."""
_FUTEXES = (0, 1, 3, 4, 5, 9, 10)
"""WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET."""
_FUTEX_OPERATION = 0x7F
"""The operation without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME."""
_SEND_FLAGS, _OUT_OF_BAND = 0x4040, 1
"""MSG_DONTWAIT and MSG_NOSIGNAL; MSG_OOB."""

Instruction = tuple[int, int, int, int]


def _machine(machine: str | None) -> int:
    name = (machine or platform.machine()).lower()
    if name not in _MACHINES:
        raise OSError(f"no system-call table for {name}")
    return _MACHINES[name]


def syscall_number(name: str, machine: str | None = None) -> int | None:
    """The number of a call that the filter knows, or None where the architecture lacks it."""
    return {**_ALLOWED, **_METADATA, **_GUARDED}[name][_machine(machine)]


def _one_of(values: Sequence[int], argument: int, mask: int | None = None) -> list[Instruction]:
    """Allow when the low word of an argument is one of `values`; the accumulator is spent."""
    code: list[Instruction] = [(_LOAD, 0, 0, _ARG_LOW + 8 * argument)]
    if mask is not None:
        code.append((_AND, 0, 0, mask))
    for value in values:
        code += [(_JEQ, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*code, (_RETURN, 0, 0, _EPERM)]


def _guards(own_process: int) -> dict[str, list[Instruction]]:
    """For each guarded call the instructions that decide it; each list ends in a return."""
    thread: list[Instruction] = [
        (_LOAD, 0, 0, _ARG_HIGH),
        (_JEQ, 1, 0, 0),
        (_RETURN, 0, 0, _EPERM),
        (_LOAD, 0, 0, _ARG_LOW),
        (_JSET, 2, 0, _NOT_A_THREAD),
        (_JSET, 0, 1, _THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _EPERM),
    ]

    def opening(argument: int) -> list[Instruction]:
        return [
            (_LOAD, 0, 0, _ARG_LOW + 8 * argument),
            (_JSET, 0, 2, 0o1000),  # no O_TRUNC: allow
            (_JSET, 1, 0, 3),  # O_WRONLY or O_RDWR: allow
            (_RETURN, 0, 0, _EPERM),
            (_RETURN, 0, 0, _ALLOW),
        ]

    sending: list[Instruction] = [
        (_LOAD, 0, 0, _ARG_LOW + 8 * 4),
        (_JEQ, 0, 5, 0),  # an address: refuse
        (_LOAD, 0, 0, _ARG_HIGH + 8 * 4),
        (_JEQ, 0, 3, 0),
        (_LOAD, 0, 0, _ARG_LOW + 8 * 3),
        (_JSET, 1, 0, 0xFFFFFFFF & ~_SEND_FLAGS),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _EPERM),
    ]
    receiving: list[Instruction] = [
        (_LOAD, 0, 0, _ARG_LOW + 8 * 3),
        (_JSET, 1, 0, _OUT_OF_BAND),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _EPERM),
    ]
    own = _one_of((own_process,), 0)
    return {
        "open": opening(1),
        "openat": opening(2),
        "ioctl": _one_of(_IOCTLS, 1),
        "fcntl": _one_of(_FCNTLS, 1),
        "socketpair": _one_of((1,), 0),
        "clone": thread,
        "clone3": [(_RETURN, 0, 0, _ENOSYS)],
        "kill": own,
        "tgkill": own,
        "prlimit64": _one_of((0, own_process), 0),
        "sendto": sending,
        "recvfrom": receiving,
        "futex": _one_of(_FUTEXES, 1, _FUTEX_OPERATION),
    }


def program(
    own_process: int, *, change_metadata: bool, machine: str | None = None
) -> list[Instruction]:
    """The filter as BPF instructions (code, jump if true, jump if false, operand).

    `own_process` is the only process that may be signalled. `change_metadata` allows truncate,
    chmod and utime by path, which is safe only when no host file is in reach.
    """
    column = _machine(machine)
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_JEQ, 1, 0, AUDIT_ARCH[column]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NR),
    ]
    if column == 0:
        code += [(_JGE, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]  # the x32 table
    for name, decision in _guards(own_process).items():
        number = _GUARDED[name][column]
        if number is not None:
            code += [(_JEQ, 0, len(decision), number), *decision]
    table = {**_ALLOWED, **_METADATA} if change_metadata else _ALLOWED
    numbers = sorted(n for pair in table.values() if (n := pair[column]) is not None)
    return code + _search(_intervals(numbers))


def _intervals(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted numbers as first and last of each unbroken series."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _search(allowed: Sequence[tuple[int, int]]) -> list[Instruction]:
    """A balanced search over the allowed intervals: about six comparisons instead of a hundred."""
    if len(allowed) == 1:
        ((first, last),) = allowed
        return [
            (_JGE, 0, 2, first),
            (_JGT, 1, 0, last),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _EPERM),
        ]
    middle = len(allowed) // 2
    low, high = _search(allowed[:middle]), _search(allowed[middle:])
    return [(_JGE, len(low), 0, allowed[middle][0]), *low, *high]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


class Filter:
    """A filter assembled once, in the zygote; `install` only writes the process number into it."""

    def __init__(self, *, change_metadata: bool) -> None:
        mark = 0x7ABBCCDD
        code = program(mark, change_metadata=change_metadata)
        packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
        self.places = [8 * i + 4 for i, (op, _, _, k) in enumerate(code) if (op, k) == (_JEQ, mark)]
        self.buffer = ctypes.create_string_buffer(packed, len(packed))
        self.program = _Program(len(code), ctypes.addressof(self.buffer))
        self.pointer = ctypes.byref(self.program)
        self.prctl = ctypes.CDLL(None, use_errno=True).prctl

    def install(self) -> None:
        """Put the filter on this process, for good. `no_new_privs` must be set.

        Raises:
            OSError: when the kernel refuses it.
        """
        for place in self.places:
            struct.pack_into("=I", self.buffer, place, os.getpid())
        if self.prctl(22, 2, self.pointer, 0, 0):
            number = ctypes.get_errno()
            raise OSError(number, f"seccomp: {os.strerror(number)}")
