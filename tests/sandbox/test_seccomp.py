"""The filter of both architectures, run by a small interpreter of BPF written for this test."""

from __future__ import annotations

import struct

import pytest

from deepcoder.sandbox.child.seccomp import AUDIT_ARCH, program, syscall_number

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
PID = 4321
MACHINES = {"x86_64": AUDIT_ARCH[0], "aarch64": AUDIT_ARCH[1]}


def decide(
    machine: str, number: int, *arguments: int, arch: int | None = None, **options: bool
) -> int:
    """What the filter returns for one system call."""
    options.setdefault("change_metadata", False)
    code = program(PID, machine=machine, **options)
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number, MACHINES[machine] if arch is None else arch, 0, *padded)
    accumulator, at = 0, 0
    for _ in range(len(code)):
        operation, when_true, when_false, operand = code[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif operation == 0x54:
            accumulator &= operand
        elif operation == 0x06:
            return operand
        else:
            truth = {
                0x15: accumulator == operand,
                0x25: accumulator > operand,
                0x35: accumulator >= operand,
                0x45: bool(accumulator & operand),
            }[operation]
            at += when_true if truth else when_false
    raise AssertionError("the filter does not end")


def nr(name: str, machine: str) -> int:
    number = syscall_number(name, machine)
    assert number is not None
    return number


both = pytest.mark.parametrize("machine", MACHINES)


@both
def test_length_is_within_the_kernels_limit(machine: str) -> None:
    code = program(PID, change_metadata=True, machine=machine)
    assert len(code) < 4096
    assert all(0 <= jump < 256 for _, *jumps, _ in code for jump in jumps)


@both
def test_every_listed_call_and_no_other_is_allowed(machine: str) -> None:
    from deepcoder.sandbox.child import seccomp

    column = list(MACHINES).index(machine)
    listed = {pair[column] for pair in seccomp._ALLOWED.values()}
    guarded = {pair[column] for pair in seccomp._GUARDED.values()}
    for number in range(600):
        if number not in guarded:
            assert decide(machine, number) == (ALLOW if number in listed else EPERM), number


@both
def test_metadata_calls_only_where_mounts_protect_the_host(machine: str) -> None:
    for name in ("truncate", "fchmod", "fchmodat", "utimensat"):
        assert decide(machine, nr(name, machine)) == EPERM
        assert decide(machine, nr(name, machine), change_metadata=True) == ALLOW


@both
def test_threads_but_no_processes(machine: str) -> None:
    clone = nr("clone", machine)
    assert decide(machine, clone, 0x3D0F00) == ALLOW  # what pthread_create passes
    assert decide(machine, clone, 17) == EPERM  # fork
    assert decide(machine, clone, 0x4111) == EPERM  # vfork
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide(machine, clone, 0x3D0F00 | flag) == EPERM
    assert decide(machine, clone, (1 << 32) | 0x3D0F00) == EPERM
    assert decide(machine, nr("clone3", machine)) == ENOSYS


@both
def test_signals_to_itself_only(machine: str) -> None:
    for name in ("kill", "tgkill"):
        assert decide(machine, nr(name, machine), PID, 9) == ALLOW
        for other in (0, 1, PID + 1, 2**32 - 1):
            assert decide(machine, nr(name, machine), other, 9) == EPERM


@both
def test_arguments_decide(machine: str) -> None:
    openat, fcntl, ioctl = (nr(name, machine) for name in ("openat", "fcntl", "ioctl"))
    assert decide(machine, openat, 0, 0, 0o0) == ALLOW
    assert decide(machine, openat, 0, 0, 0o1001) == ALLOW  # write and truncate
    assert decide(machine, openat, 0, 0, 0o1000) == EPERM  # read and truncate
    assert decide(machine, fcntl, 0, 3) == ALLOW
    assert decide(machine, fcntl, 0, 8) == EPERM  # F_SETOWN
    assert decide(machine, fcntl, 0, 10) == EPERM  # F_SETSIG
    assert decide(machine, ioctl, 0, 0x5401) == ALLOW
    assert decide(machine, ioctl, 0, 0x5412) == EPERM  # TIOCSTI
    assert decide(machine, nr("socketpair", machine), 1) == ALLOW
    assert decide(machine, nr("socketpair", machine), 2) == EPERM
    assert decide(machine, nr("prlimit64", machine), 0) == ALLOW
    assert decide(machine, nr("prlimit64", machine), 1) == EPERM


@both
def test_sockets_of_a_pair_reach_nobody_else(machine: str) -> None:
    sendto, recvfrom = nr("sendto", machine), nr("recvfrom", machine)
    assert decide(machine, sendto, 3, 0, 1, 0) == ALLOW
    assert decide(machine, sendto, 3, 0, 1, 0x4040) == ALLOW  # MSG_DONTWAIT, MSG_NOSIGNAL
    assert decide(machine, sendto, 3, 0, 1, 0, 0x1000, 16) == EPERM  # an address
    assert decide(machine, sendto, 3, 0, 1, 0, 1 << 32, 16) == EPERM  # in the high word alone
    assert decide(machine, sendto, 3, 0, 1, 1) == EPERM  # MSG_OOB
    assert decide(machine, recvfrom, 3, 0, 1, 2) == ALLOW  # MSG_PEEK
    assert decide(machine, recvfrom, 3, 0, 1, 1) == EPERM


@both
def test_futexes_without_priority_inheritance(machine: str) -> None:
    futex = nr("futex", machine)
    for operation in (0, 1, 128, 129, 137, 137 | 256, 3, 4):
        assert decide(machine, futex, 0, operation) == ALLOW
    for operation in (2, 6, 7, 8, 11, 12, 13, 134, 140):
        assert decide(machine, futex, 0, operation) == EPERM


def test_wrong_architecture_and_x32_are_killed() -> None:
    assert decide("x86_64", 39, arch=0x40000003) == KILL  # i386
    assert decide("x86_64", 0x40000000 | 39) == KILL
    assert decide("aarch64", 39, arch=0x40000028) == KILL  # 32-bit arm


def test_an_unknown_machine_is_an_error_not_an_open_door() -> None:
    with pytest.raises(OSError, match="riscv64"):
        program(PID, change_metadata=False, machine="riscv64")
