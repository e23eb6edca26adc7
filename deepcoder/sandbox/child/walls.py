"""The walls of each tier, as the zygote puts them up and as each forked run puts them on.

    namespaces  own user, pid, mount, net, ipc and uts namespaces; a root of read-only binds of
                the interpreter's library; a small tmpfs to write in; then all of `landlock`
    landlock    Landlock and seccomp; no capability; no writable directory unless asked for
    rlimits     resource limits only: for kernels with nothing better, and only when allowed

`build(settings, load)` gives the object of the tier. `raise_walls` runs once in the zygote,
`enclose` in each run just before the first line of the candidate, `clean` in the zygote after it.
As root the zygote's runs do not stay root: they take an unused user number where they can.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import tempfile
from collections.abc import Callable
from types import ModuleType
from typing import Any

BOX = "/box"
"""The run's own directory in the namespaces tier."""
_INNER = 1000
"""User and group of a run as it sees itself in its user namespace."""
_BUILDER = 1
"""The real root, as seen in the user namespace while the mounts are being made."""


class Rlimits:
    """No wall but resource limits, a process group and an empty directory. Portable."""

    name = "rlimits"
    must_measure_disk = True

    def __init__(self, settings: dict[str, Any], load: Callable[[str], ModuleType]) -> None:
        self.settings = settings
        self.load = load
        self.scratch: str | None = None
        self.user: int | None = None

    def raise_walls(self, folders: list[str]) -> None:
        wanted = self.settings["temporary"]
        place = wanted if os.access(wanted, os.W_OK | os.X_OK) else "/tmp"
        self.scratch = tempfile.mkdtemp(prefix="deepcoder-run-", dir=place)

    @property
    def box(self) -> str:
        assert self.scratch is not None
        return self.scratch

    def before_limits(self) -> None:
        os.setsid()

    def enclose(self, writable: int) -> None:
        """Nothing more can be put on: the caller has set the resource limits."""

    def thread_baseline(self) -> int | None:
        """Tasks that count towards the user's limit besides this run's; None: do not limit."""
        try:
            with open("/proc/loadavg", encoding="ascii") as file:
                return int(file.read().split()[3].split("/")[1])
        except (OSError, ValueError, IndexError):
            return None

    def clean(self, pid: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        if self.scratch is not None:
            if os.listdir(self.scratch):
                empty_directory(self.scratch)
            os.utime(self.scratch)  # not even a time is left for the next run to read

    def fit(self, disk: int) -> None:
        """Make the directory as large as the coming run may fill, where a mount can be."""

    def disk_fits(self, limit: int) -> bool:
        """Whether the scratch directory holds no more than `limit` bytes, 4,096 names, 64 levels.

        A look of bounded length: it stops at the first excess. A directory that the run closed to
        its own user counts as an excess: it would hide what is written.
        """
        used, names, waiting = 0, 0, [(self.box, 0)]
        while waiting:
            folder, depth = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        names += 1
                        info = entry.stat(follow_symlinks=False)
                        used += info.st_blocks * 512
                        if used > limit or names > 4096 or depth > 64:
                            return False
                        if stat.S_ISDIR(info.st_mode):
                            waiting.append((entry.path, depth + 1))
            except PermissionError:
                return False
            except OSError:  # gone since
                continue
        return True

    def tear_down(self) -> None:
        if self.scratch is not None:
            with contextlib.suppress(OSError):
                empty_directory(self.scratch)
                os.rmdir(self.scratch)


class Landlock(Rlimits):
    """Landlock and seccomp on top of the limits; no capability survives."""

    name = "landlock"

    def __init__(self, settings: dict[str, Any], load: Callable[[str], ModuleType]) -> None:
        super().__init__(settings, load)
        self.kernel = load("kernel")
        self.seccomp = load("seccomp")
        self.rulesets: list[int] = []
        self.private_user = False

    def raise_walls(self, folders: list[str]) -> None:
        if self.kernel.landlock_abi() < 1:
            raise OSError("the kernel has no Landlock, or it is switched off (boot option lsm=)")
        if os.geteuid() == 0:
            self._leave_root()
        super().raise_walls(folders)
        self._prepare(folders)

    def _leave_root(self) -> None:
        """Become an unused user, if that one can still read the interpreter's library."""
        with contextlib.suppress(OSError):  # a user namespace may forbid it, and then has no others
            os.setgroups([])
        probe = os.path.join(self.settings["library"], "os.py")
        for user in unused_users():
            try:
                os.setresgid(user, user, user)
                os.seteuid(user)
            except OSError:
                continue
            readable = can_open(probe)
            os.seteuid(0)
            if readable:
                os.setresuid(user, user, user)
                self.private_user = True
            else:
                os.setresgid(0, 0, 0)
            return

    def _prepare(self, folders: list[str]) -> None:
        """Rulesets with the box read-only and writable, the filter, no new privileges."""
        self.read, self.names = visible(self.settings, folders)
        self.rulesets = self._make_rulesets()
        self.filter = self.seccomp.Filter(change_metadata=self.name == "namespaces")
        self.kernel.bound_capabilities()
        self.kernel.no_new_privileges()
        self.kernel.limit_arenas()
        self.kernel.set_dumpable(False)

    def _make_rulesets(self) -> list[int]:
        make = self.kernel.landlock_ruleset
        return [
            make([*self.read, self.box], self.names, [os.devnull]),
            make(self.read, self.names, [self.box, os.devnull]),
        ]

    def before_limits(self) -> None:
        os.setsid()
        self.kernel.die_with_parent()
        self.kernel.drop_capabilities()

    def enclose(self, writable: int) -> None:
        for index, ruleset in enumerate(self.rulesets):
            if index != writable:
                os.close(ruleset)
        self.kernel.restrict(self.rulesets[writable])
        self.filter.install()

    def thread_baseline(self) -> int | None:
        return 1 if self.private_user else super().thread_baseline()


class Namespaces(Landlock):
    """A world of its own: no host process, network, host name or file can be named in it."""

    name = "namespaces"
    must_measure_disk = False

    def __init__(self, settings: dict[str, Any], load: Callable[[str], ModuleType]) -> None:
        super().__init__(settings, load)
        self.launcher = os.getpid()
        kernel = self.kernel
        self._map_users()
        kernel.unshare(kernel.NEW_PIDS)
        child = os.fork()
        if child:
            self._stand_guard(child)
        kernel.die_with_parent()
        kernel.set_dumpable(True)

    def _map_users(self) -> None:
        """Unshare; a helper that stayed outside writes the maps, which the inside may not."""
        kernel, user, group = self.kernel, os.geteuid(), os.getegid()
        if user == 0:
            with contextlib.suppress(OSError):
                os.setgroups([])
        ask_read, ask = os.pipe()
        answer, answer_write = os.pipe()
        target = os.getpid()
        helper = os.fork()
        if helper == 0:
            message = b"the helper failed"
            try:
                os.close(ask)
                os.read(ask_read, 1)
                write_maps(target, user, group)
                message = b"ok"
            except OSError as error:
                message = str(error).encode()
            finally:
                os.write(answer_write, message)
                os._exit(0)
        os.close(answer_write)
        flags = kernel.NEW_USERS | kernel.NEW_MOUNTS | kernel.NEW_IPC
        try:
            kernel.unshare(flags | kernel.NEW_HOSTNAME | kernel.NEW_NET)
            os.write(ask, b"!")
            verdict = os.read(answer, 500)
        finally:
            os.close(ask)
            os.waitpid(helper, 0)
            os.close(ask_read)
            os.close(answer)
        if verdict != b"ok":
            raise OSError(f"user namespace: {verdict.decode(errors='replace')}")
        self.was_root = user == 0
        if self.was_root:
            os.setresgid(_BUILDER, _BUILDER, _BUILDER)

    def _stand_guard(self, child: int) -> None:
        """The launcher: outside the pid namespace, it only waits, and dies with the zygote.

        It takes the zygote's user: else its death would not be allowed to kill the zygote.
        """
        for descriptor in range(64):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        with contextlib.suppress(OSError):
            if self.was_root:
                os.setresgid(_INNER, _INNER, _INNER)
                os.setresuid(_INNER, _INNER, _INNER)
            self.kernel.drop_capabilities()
        os.waitpid(child, 0)
        os._exit(0)

    def raise_walls(self, folders: list[str]) -> None:
        import socket

        with contextlib.suppress(OSError):
            socket.sethostname("sandbox")
        self._build_root(folders)
        if self.was_root:
            os.setresgid(_INNER, _INNER, _INNER)
            os.setresuid(_INNER, _INNER, _INNER)
            self.kernel.die_with_parent()
        self._mount_box()
        self._prepare(folders)

    @property
    def box(self) -> str:
        return BOX

    def _build_root(self, folders: list[str]) -> None:
        """A tmpfs with read-only binds of what a run may read, then nothing else is left.

        It is mounted over /proc, the one directory that surely exists and hides no source.
        """
        kernel, root = self.kernel, "/proc"
        kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        nosuid = kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("tmpfs", root, "tmpfs", nosuid, "size=1m,mode=755")
        os.mkdir(root + BOX)
        shown = [self.settings["library"], *self.settings["readable"], *folders]
        for path in sorted({os.path.realpath(p) for p in shown if os.path.exists(p)}):
            place = root + path
            if os.path.exists(place):
                continue
            if os.path.isdir(path):
                os.makedirs(place)
            else:
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o444))
            kernel.bind_read_only(path, place)
        for link in (p for p in shown if os.path.realpath(p) != p and os.path.exists(p)):
            if not os.path.lexists(root + link):
                os.makedirs(os.path.dirname(root + link), exist_ok=True)
                os.symlink(os.path.realpath(link), root + link)
        for name in ("site-packages", "dist-packages"):
            hidden = root + os.path.join(os.path.realpath(self.settings["library"]), name)
            if os.path.isdir(hidden):
                kernel.mount("tmpfs", hidden, "tmpfs", nosuid | kernel.MS_RDONLY, "size=4k")
        kernel.pivot_root(root)
        os.umask(0o077)
        remount = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY
        kernel.mount("none", "/", None, remount | nosuid)

    def _mount_box(self) -> None:
        flags = self.kernel.MS_NOSUID | self.kernel.MS_NODEV | self.kernel.MS_NOEXEC
        self.size = max(4096, self.settings["disk_mb"] << 20)
        options = f"size={self.size},nr_inodes=4096,mode=700,uid={_INNER},gid={_INNER}"
        self.kernel.mount("tmpfs", BOX, "tmpfs", flags, options)

    def fit(self, disk: int) -> None:
        if disk and disk != self.size:
            flags = self.kernel.MS_NOSUID | self.kernel.MS_NODEV | self.kernel.MS_NOEXEC
            self.kernel.mount("tmpfs", BOX, "tmpfs", flags | self.kernel.MS_REMOUNT, f"size={disk}")
            self.size = disk

    def thread_baseline(self) -> int | None:
        return 2  # the launcher and the zygote: the user namespace counts for itself

    def clean(self, pid: int) -> None:
        """Nothing may be left: no process (this one is pid 1 of its world), no name, no mode."""
        with contextlib.suppress(OSError):
            os.kill(-1, signal.SIGKILL)
            while True:
                os.waitpid(-1, 0)
        if os.listdir(BOX) or stat.S_IMODE(os.stat(BOX).st_mode) != 0o700:
            self.kernel.unmount(BOX)
            self._mount_box()
            self._renew_rulesets()
        os.utime(BOX)  # not even a time is left for the next run to read

    def _renew_rulesets(self) -> None:
        """The rules held the old tmpfs by its inode: name the new one."""
        for ruleset in self.rulesets:
            os.close(ruleset)
        self.rulesets = self._make_rulesets()

    def tear_down(self) -> None:
        """The namespaces end with their last process."""


def build(settings: dict[str, Any], load: Callable[[str], ModuleType]) -> Rlimits:
    """The walls of `settings["tier"]`. May fork: what returns is the process that will serve."""
    tiers: dict[str, type[Rlimits]] = {
        "namespaces": Namespaces,
        "landlock": Landlock,
        "rlimits": Rlimits,
    }
    return tiers[settings["tier"]](settings, load)


def visible(settings: dict[str, Any], folders: list[str]) -> tuple[list[str], list[str]]:
    """Paths to read (with all below), and directories whose names may be listed.

    The library is named child by child, so that installed packages inside it stay unreadable.
    """
    library = settings["library"]
    skip = ("site-packages", "dist-packages")
    read = [os.path.join(library, name) for name in os.listdir(library) if name not in skip]
    return [*read, *settings["readable"], *folders], [library]


def unused_users() -> list[int]:
    """User numbers that own nothing: one of this process alone, or `nobody` where that is not
    mapped (in a container)."""
    return [1_879_048_192 + os.getpid(), 65534]


def write_maps(target: int, user: int, group: int) -> None:
    """Write the user and group maps of the namespace of process `target`.

    Raises:
        OSError: when the kernel or a security policy refuses.
    """
    folder = f"/proc/{target}"
    with contextlib.suppress(FileNotFoundError):
        _write(f"{folder}/setgroups", "deny")
    if user != 0:
        _write(f"{folder}/uid_map", f"{_INNER} {user} 1")
        _write(f"{folder}/gid_map", f"{_INNER} {group} 1")
        return
    for candidate in unused_users():
        try:
            _write(f"{folder}/uid_map", f"{_BUILDER} 0 1\n{_INNER} {candidate} 1")
            _write(f"{folder}/gid_map", f"{_BUILDER} 0 1\n{_INNER} {candidate} 1")
            return
        except PermissionError:
            if candidate == 65534:
                raise


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _is_directory(name: str, folder: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def can_open(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True


def empty_directory(path: str) -> None:
    """Remove all below `path`, however deep and however it is protected, without recursion.

    The entries of a sub-directory are moved up beside it until everything lies at the top.
    """
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(top, 0o700)
        serial = 0
        while names := os.listdir(top):
            for name in names:
                if not _is_directory(name, top):
                    os.unlink(name, dir_fd=top)
                    continue
                os.chmod(name, 0o700, dir_fd=top)
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
                try:
                    for entry in os.listdir(inner):
                        serial += 1
                        if _is_directory(entry, inner):  # to move it, one must own its '..'
                            os.chmod(entry, 0o700, dir_fd=inner)
                        moved = f".{serial}-{os.getpid()}"
                        os.rename(entry, moved, src_dir_fd=inner, dst_dir_fd=top)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
