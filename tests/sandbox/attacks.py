"""Our own attacks: programs that print a line with LEAK when something got out.

`weak=True` marks those that resource limits and outside judgement alone must hold, so that they
also run in the tier `rlimits`. `status` lists the endings that are right; None accepts any but a
failure of the sandbox itself. The programs of `data/attacks.jsonl` come on top of these.
"""

# ruff: noqa: E501 - programs are kept on the lines they have as programs

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    id: str
    code: str
    status: tuple[str, ...] | None = None
    weak: bool = False


_RAW = """import ctypes, os, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[
        ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return result, ctypes.get_errno()
def expect_denied(name, number, *arguments):
    result, error = call(number, *arguments)
    if result >= 0 or error not in (errno.EPERM, errno.ENOSYS, errno.EACCES):
        print("LEAK:", name, result, error)
"""


def _raw(id_: str, body: str) -> Attack:
    return Attack(id_, _RAW + body)


def _denied(id_: str, expression: str, setup: str = "") -> Attack:
    """Leaks unless evaluating the expression raises OSError (or the module cannot be had)."""
    code = f"import os, sys\n{setup}\ntry:\n    value = {expression}\n    print('LEAK:', value)\n"
    return Attack(id_, code + "except (OSError, ImportError) as error:\n    print('denied')\n")


KERNEL = [
    _raw(
        "sys-unshare",
        "for f in (0x10000000, 0x20000, 0x40000000, 0):\n    expect_denied('unshare', 272, f)",
    ),
    _raw("sys-setns", "expect_denied('setns', 308, 0, 0)"),
    _raw("sys-clone-newuser", "expect_denied('clone', 56, 0x10000000 | 17, 0, 0, 0, 0)"),
    _raw(
        "sys-clone-fork",
        "r, e = call(56, 17, 0, 0, 0, 0)\nif r == 0: os._exit(0)\nif r > 0: print('LEAK: forked')",
    ),
    _raw(
        "sys-clone-vm-no-thread",
        "r, e = call(56, 0x100 | 17, 0, 0, 0, 0)\n"
        "if r == 0: os._exit(0)\nif r > 0: print('LEAK: clone')",
    ),
    _raw(
        "sys-clone-thread-newns",
        "expect_denied('clone', 56, 0x10000 | 0x800 | 0x100 | 0x20000, 0, 0, 0, 0)",
    ),
    _raw("sys-clone-high-bits", "expect_denied('clone', 56, (1 << 33) | 0x3d0f00, 0, 0, 0, 0)"),
    _raw(
        "sys-clone3",
        "b = (ctypes.c_uint64 * 11)()\nb[4] = 17\n"
        "r, e = call(435, ctypes.byref(b), 88)\nif r == 0: os._exit(0)\n"
        "if r > 0 or e != errno.ENOSYS: print('LEAK: clone3', r, e)",
    ),
    _raw(
        "sys-fork-vfork",
        "for n in (57,):\n    r, e = call(n)\n    if r == 0: os._exit(0)\n"
        "    if r > 0: print('LEAK: fork')",
    ),
    _raw(
        "sys-execve",
        "expect_denied('execve', 59, b'/bin/sh', 0, 0)\n"
        "expect_denied('execveat', 322, -100, b'/bin/sh', 0, 0, 0)",
    ),
    _raw(
        "sys-ptrace",
        "expect_denied('traceme', 101, 0, 0, 0, 0)\n"
        "expect_denied('attach', 101, 16, os.getppid(), 0, 0)\n"
        "expect_denied('seize', 101, 0x4206, os.getppid(), 0, 0)",
    ),
    _raw(
        "sys-process-vm",
        "expect_denied('readv', 310, os.getppid(), 0, 0, 0, 0, 0)\n"
        "expect_denied('writev', 311, os.getppid(), 0, 0, 0, 0, 0)",
    ),
    _raw(
        "sys-pidfd",
        "for n in (434, 424, 438, 440):\n    expect_denied(str(n), n, os.getppid(), 0, 0, 0)",
    ),
    _raw(
        "sys-openat2-handles",
        "expect_denied('openat2', 437, -100, b'/', 0, 0)\n"
        "expect_denied('name_to_handle', 303, -100, b'/', 0, 0, 0)\n"
        "expect_denied('open_by_handle', 304, -100, 0, 0)",
    ),
    _raw("sys-io-uring", "for n in (425, 426, 427):\n    expect_denied(str(n), n, 1, 0, 0, 0)"),
    _raw("sys-aio", "for n in (206, 207, 209):\n    expect_denied(str(n), n, 1, 0, 0)"),
    _raw(
        "sys-userfaultfd-perf-bpf",
        "for n in (323, 298, 321):\n    expect_denied(str(n), n, 0, 0, 0, 0, 0)",
    ),
    _raw("sys-keyring", "for n in (248, 249, 250):\n    expect_denied(str(n), n, 0, 0, 0, 0, 0)"),
    _raw(
        "sys-mount-old",
        "for n in (165, 166, 155, 161):\n    expect_denied(str(n), n, b'/', b'/', 0, 0, 0)",
    ),
    _raw(
        "sys-mount-new",
        "for n in (428, 429, 430, 431, 432, 433, 442):\n"
        "    expect_denied(str(n), n, 0, 0, 0, 0, 0)",
    ),
    _raw(
        "sys-identity",
        "for n in (105, 106, 113, 114, 117, 119, 116, 122, 123, 126):\n"
        "    expect_denied(str(n), n, 0, 0, 0)",
    ),
    _raw(
        "sys-seccomp-landlock-again",
        "for n in (317, 444, 445, 446):\n"
        "    expect_denied(str(n), n, 0, 0, 0, 0)\n"
        "expect_denied('prctl', 157, 38, 0, 0, 0, 0)",
    ),
    _raw(
        "sys-memfd",
        "expect_denied('memfd_create', 319, b'x', 0)\nexpect_denied('memfd_secret', 447, 0)",
    ),
    _raw("sys-sysv-ipc", "for n in (29, 64, 68, 240):\n    expect_denied(str(n), n, 1, 1, 0o1777)"),
    _raw(
        "sys-queue-signal",
        "expect_denied('sigqueue', 129, os.getppid(), 9, 0)\n"
        "expect_denied('tgsigqueue', 297, os.getppid(), os.getppid(), 9, 0)\n"
        "expect_denied('tkill', 200, os.getppid(), 9)",
    ),
    _raw(
        "sys-priority-affinity",
        "expect_denied('setpriority', 141, 0, 0, -20)\n"
        "expect_denied('affinity', 203, 0, 8, 0)\nexpect_denied('scheduler', 144, 0, 1, 0)",
    ),
    _raw(
        "sys-machine",
        "for n in (169, 246, 175, 313, 176, 172, 173, 170, 171, 164, 167, 168):\n"
        "    expect_denied(str(n), n, 0, 0, 0)",
    ),
    _raw("sys-x32-table", "r, e = call(0x40000000 | 39)\nprint('LEAK: x32', r)"),
    _raw(
        "sys-32-bit-entry",
        "import mmap\nm = mmap.mmap(-1, 4096, prot=7)\n"
        "m.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))\n"  # mov eax, 20; int 0x80; ret
        "a = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
        "print('LEAK: int80', ctypes.CFUNCTYPE(ctypes.c_int)(a)())",
    ),
    _raw(
        "sys-machine-code-execve",
        "import mmap\nm = mmap.mmap(-1, 4096, prot=7)\n"
        "path = ctypes.create_string_buffer(b'/bin/sh')\n"
        "m.write(b'\\x48\\xbf' + ctypes.addressof(path).to_bytes(8, 'little')\n"
        "        + bytes([0x31, 0xf6, 0x31, 0xd2, 0xb8, 59, 0, 0, 0, 0x0f, 5, 0xc3]))\n"
        "a = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
        "r = ctypes.CFUNCTYPE(ctypes.c_int)(a)()\nprint('denied' if r == -1 else 'LEAK', r)",
    ),
    _raw(
        "sys-many-numbers",
        "allowed_to_answer = (errno.EPERM, errno.ENOSYS)\n"
        "for n in (*range(158, 186), *range(236, 247), *range(248, 257), *range(272, 273),\n"
        "          *range(298, 302), *range(303, 309), *range(310, 316), *range(319, 324),\n"
        "          *range(325, 326), *range(327, 332), *range(420, 436), 437, 438,\n"
        "          *range(440, 452), *range(453, 470)):\n"
        "    if n in (435,): continue\n"
        "    r, e = call(n, 0, 0, 0, 0, 0, 0)\n"
        "    if e not in allowed_to_answer: print('LEAK: reachable', n, r, e)",
    ),
    _raw(
        "fcntl-owner-signal",
        "import fcntl, socket\na, b = socket.socketpair()\n"
        "for command, value in ((8, os.getppid()), (10, 9), (15, 0), (1024, 0), (1026, 0)):\n"
        "    try:\n        fcntl.fcntl(a, command, value)\n        print('LEAK: fcntl', command)\n"
        "    except OSError as error:\n        assert error.errno == errno.EPERM, error",
    ),
    _raw(
        "ioctl-terminal",
        "import fcntl\nfor request in (0x5412, 0x541C, 0x8901, 0x5602):\n"
        "    for fd in (0, 1, 2):\n        try:\n"
        "            fcntl.ioctl(fd, request, b'x' * 8)\n            print('LEAK: ioctl', request)\n"
        "        except OSError as error:\n            assert error.errno == errno.EPERM, error",
    ),
]

FILES = [
    _denied("fs-proc-environ", "open('/proc/self/environ', 'rb').read()"),
    _denied("fs-proc-one", "open('/proc/1/environ', 'rb').read()"),
    _denied("fs-proc-parent", "open(f'/proc/{os.getppid()}/cmdline', 'rb').read()"),
    _denied("fs-proc-mem", "open('/proc/self/mem', 'rb')"),
    _denied("fs-proc-maps", "open('/proc/self/maps').read()"),
    _denied("fs-proc-fd", "os.listdir('/proc/self/fd')"),
    _denied("fs-dotdot", "open('../../../../../../etc/passwd').read()"),
    _denied("fs-list-root", "[n for n in os.listdir('/') if n in ('home', 'root', 'etc')][0]"),
    _denied("fs-dirfd", "os.open('etc/passwd', os.O_RDONLY, dir_fd=os.open('/', os.O_PATH))"),
    _denied("fs-fchdir", "(os.fchdir(os.open('/etc', os.O_PATH)), open('passwd').read())"),
    _denied("fs-hardlink", "os.link('/etc/passwd', 'mine')"),
    _denied("fs-symlink-library", "os.symlink(os.__file__, 'mine')"),
    _denied("fs-fifo", "os.mkfifo('fifo')"),
    _denied("fs-mknod", "os.mknod('device', 0o20666, os.makedev(1, 1))"),
    _denied("fs-rename-out", "(open('a', 'w').close(), os.rename('a', '/tmp/SBX_ESCAPE'))"),
    _denied("fs-write-library", "open(os.__file__, 'a')"),
    _denied("fs-new-in-library", "open(os.path.join(os.path.dirname(os.__file__), 'sbx.py'), 'w')"),
    _denied("fs-truncate-library", "os.truncate(os.__file__, 10)"),
    _denied("fs-open-truncate-library", "os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)"),
    _denied("fs-chmod-library", "os.chmod(os.__file__, 0o777)"),
    _denied("fs-utime-library", "os.utime(os.__file__, (1, 1))"),
    _denied("fs-unlink-library", "os.unlink(os.__file__)"),
    _denied("fs-site-packages",
            "open(os.path.join(os.path.dirname(os.__file__), 'site-packages', 'README.txt')).read()"),
    _denied("fs-shared-memory", "SharedMemory(create=True, size=64)",
            "try:\n    from multiprocessing.shared_memory import SharedMemory\n"
            "except ImportError:\n    sys.exit()"),
    _denied("fs-posix-semaphore", "Lock()",
            "try:\n    from multiprocessing import Lock\nexcept ImportError:\n    sys.exit()"),
    _denied("fs-mmap-host", "mmap.mmap(os.open('/etc/hosts', os.O_RDONLY), 0, prot=1)",
            "import mmap"),
    Attack("fs-sqlite-attach", "import sqlite3\nc = sqlite3.connect(':memory:')\n"
           "for path in ('/tmp/SBX_ESCAPE', '/var/tmp/SBX_ESCAPE', '/dev/shm/SBX_ESCAPE'):\n"
           "    try:\n        c.execute('attach database ? as x', (path,))\n"
           "        c.execute('create table x.t(a)')\n        print('LEAK:', path)\n"
           "    except sqlite3.Error:\n        pass\n"),
    Attack("fs-c-fopen", "import ctypes\nlibc = ctypes.CDLL(None)\n"
           "libc.fopen.restype = ctypes.c_void_p\n"
           "for path in (b'/etc/passwd', b'/etc/hostname', b'/proc/version'):\n"
           "    if libc.fopen(path, b'r'): print('LEAK:', path)\n"),
    Attack("fs-nul-in-path", "try:\n    open('/etc/passwd\\0.txt').read()\n    print('LEAK:')\n"
           "except ValueError:\n    print('denied')\n", ("ok",), weak=True),
    Attack("fs-linecache", "import linecache\nlines = linecache.getlines('/etc/passwd')\n"
           "if lines: print('LEAK:', lines[0])\n", ("ok",)),
    Attack("fs-deep-tree", "import os\ntry:\n    for _ in range(3000):\n        os.mkdir('d')\n"
           "        os.chdir('d')\nexcept OSError as error:\n    print('stopped', error.errno)\n"),
    Attack("fs-locked-tree", "import os\ntry:\n    os.makedirs('a/b/c')\n    os.chmod('a/b', 0)\n"
           "    os.chmod('.', 0)\nexcept OSError:\n    pass\n", ("ok",)),
]  # fmt: skip

NETWORK = [
    *[_denied(f"net-{name}", f"socket.socket({family}, socket.{kind}).fileno()", "import socket")
      for name, family, kind in [("inet6", 10, "SOCK_STREAM"), ("unix", 1, "SOCK_STREAM"),
                                 ("netlink", 16, "SOCK_RAW"), ("packet", 17, "SOCK_RAW"),
                                 ("raw", 2, "SOCK_RAW"), ("vsock", 40, "SOCK_STREAM"),
                                 ("alg", 38, "SOCK_SEQPACKET"), ("bluetooth", 31, "SOCK_RAW")]],
    _denied("net-socketpair-connect", "(a.connect('/run/docker.sock'), 1)",
            "import socket\na, b = socket.socketpair()"),
    _denied("net-socketpair-bind", "(a.bind('\\0deepcoder'), a.listen())",
            "import socket\na, b = socket.socketpair()"),
    _denied("net-pass-descriptor", "socket.send_fds(a, [b'x'], [1])",
            "import socket\na, b = socket.socketpair()"),
    _denied("net-urllib", "urlopen('http://127.0.0.1:1/', timeout=1)",
            "from urllib.request import urlopen"),
]  # fmt: skip

PROCESSES = [
    _denied("proc-fork", "os.fork() or os._exit(0)"),
    _denied("proc-forkpty", "os.forkpty()"),
    _denied("proc-posix-spawn", "os.posix_spawn('/bin/true', ['true'], {})"),
    _denied("proc-execv", "os.execv('/bin/true', ['true'])"),
    _denied("proc-popen", "os.popen('id').read()"),
    _denied("proc-system", "(_ for _ in ()).throw(OSError) if os.system('id') else 1"),
    _denied("proc-multiprocessing", "(p.start(), 1)",
            "try:\n    import multiprocessing\n    p = multiprocessing.Process(target=print)\n"
            "except ImportError:\n    sys.exit()"),
    _denied("proc-kill-parent", "os.kill(os.getppid(), 9)"),
    _denied("proc-kill-all", "os.kill(-1, 9)"),
    _denied("proc-kill-group", "os.killpg(os.getpgrp(), 9)"),
    _denied("proc-kill-one", "os.kill(1, 15)"),
    _denied("proc-setsid", "os.setsid()"),
    _denied("proc-nice", "os.nice(-5)"),
    Attack("proc-thread-bomb", "import threading, time\nn = 0\ntry:\n    while n < 5000:\n"
           "        threading.Thread(target=time.sleep, args=(9,), daemon=True).start(); n += 1\n"
           "    print('LEAK: threads', n)\nexcept (RuntimeError, MemoryError):\n"
           "    print('stopped')\n", ("ok", "out_of_memory", "timeout", "error"), weak=True),
    Attack("proc-thread-outlives", "import threading\ndef spin():\n    while True: pass\n"
           "threading.Thread(target=spin).start()\n", ("timeout",), weak=True),
    Attack("proc-daemon-thread", "import threading, time\n"
           "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n", ("ok",),
           weak=True),
    Attack("proc-atexit-spin", "import atexit\n@atexit.register\ndef spin():\n    while True: pass\n",
           ("timeout",), weak=True),
    Attack("proc-stop-itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
           ("timeout",), weak=True),
    Attack("proc-kill-itself", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
           ("killed",), weak=True),
    Attack("proc-segfault", "import ctypes\nctypes.string_at(0)\n", ("killed",), weak=True),
    Attack("proc-abort", "import os\nos.abort()\n", ("killed",), weak=True),
    Attack("proc-timer-storm", "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\n"
           "signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-5)\nwhile True: pass\n", ("timeout",),
           weak=True),
    Attack("proc-ignore-xcpu", "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
           "while True: pass\n", ("timeout",), weak=True),
]  # fmt: skip

RESOURCES = [
    Attack("mem-list", "x = []\nwhile True: x.append(bytearray(1 << 20))\n", ("out_of_memory",),
           weak=True),
    Attack("mem-one-block", "x = b'a' * (1 << 40)\n", ("out_of_memory",), weak=True),
    Attack("mem-swallow", "x = []\nwhile True:\n    try:\n        x.append(bytearray(1 << 20))\n"
           "    except MemoryError:\n        pass\n", ("timeout",), weak=True),
    Attack("mem-mmap", "import mmap\nm = []\ntry:\n    while True: m.append(mmap.mmap(-1, 1 << 28))\n"
           "except OSError:\n    print(len(m) < 9)\n", ("ok",), weak=True),
    Attack("mem-string-growth", "s = 'ab'\nwhile True: s += s\n", ("out_of_memory",), weak=True),
    Attack("mem-in-exception", "class E(Exception):\n    def __str__(self): return 'x' * (1 << 40)\n"
           "raise E\n", ("error", "out_of_memory"), weak=True),
    Attack("stack-python", "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()\n",
           ("killed", "out_of_memory", "error", "timeout"), weak=True),
    Attack("stack-c", "x = []\nfor _ in range(10**5): x = [x]\nrepr(x)\n",
           ("killed", "error", "out_of_memory"), weak=True),
    Attack("stack-pickle", "import pickle\nx = []\nfor _ in range(10**5): x = [x]\npickle.dumps(x)\n",
           ("killed", "error", "out_of_memory"), weak=True),
    Attack("cpu-regex", "import re\nre.match(r'(a+)+$', 'a' * 64 + 'b')\n", ("timeout",), weak=True),
    Attack("cpu-integer", "x = 7 ** (10 ** 7)\nprint(x % 10 ** x.bit_length())\n",
           ("timeout", "out_of_memory", "error"), weak=True),
    Attack("cpu-sleep", "import time\ntime.sleep(3600)\n", ("timeout",), weak=True),
    Attack("cpu-deadlock", "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n",
           ("timeout",), weak=True),
    Attack("cpu-native-sort", "sorted(range(10**9), key=lambda v: -v)\n",
           ("timeout", "out_of_memory"), weak=True),
    Attack("fd-exhaustion", "import os\nn = 0\ntry:\n    while True: os.pipe(); n += 1\n"
           "except OSError:\n    print(n < 600)\n", ("ok",), weak=True),
    Attack("pipe-block", "import os\nr, w = os.pipe()\nwhile True: os.write(w, b'x' * 4096)\n",
           ("timeout",), weak=True),
    Attack("disk-many-small", "n = 0\ntry:\n    while True:\n"
           "        with open(f'f{n}', 'wb') as f: f.write(b'x' * 65536)\n        n += 1\n"
           "except OSError:\n    print(n * 65536 < (64 << 20))\n"),
    Attack("disk-unlinked", "import os, tempfile\nfiles = []\ntry:\n    while True:\n"
           "        f = tempfile.TemporaryFile(); f.write(b'x' * (1 << 20)); f.flush()\n"
           "        files.append(f)\nexcept OSError:\n    print(len(files) < 64)\n"),
    Attack("lower-own-limits", "import resource\n"
           "for n in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NOFILE):\n"
           "    hard = resource.getrlimit(n)[1]\n    try:\n"
           "        resource.setrlimit(n, (hard + 10, hard + 10)); print('LEAK: raised', n)\n"
           "    except (ValueError, OSError):\n        pass\n"),
    Attack("out-flood", "while True: print('x' * 65536)\n", ("output_limit",), weak=True),
    Attack("out-flood-both", "import sys\nwhile True:\n    sys.stdout.write('o' * 999)\n"
           "    sys.stderr.write('e' * 999)\n", ("output_limit",), weak=True),
    Attack("out-one-line", "print('x' * (64 << 20))\n", ("output_limit",), weak=True),
    Attack("out-flood-at-exit", "import atexit\natexit.register(lambda: [print('x' * 65536)"
           " for _ in range(10**6)])\n", ("output_limit",), weak=True),
]  # fmt: skip

TEXT = [
    Attack("text-nul-in-code", "print('a')\0\nprint('b')", ("error",), weak=True),
    Attack("text-surrogate-in-code", "x = '\ud800'\nprint(len(x))", ("error",), weak=True),
    Attack("text-bidi-and-controls", "print('\\u202e\\u2066\\x1b]0;title\\x07\\r\\b\\u0085\\u2028')",
           ("ok",), weak=True),
    Attack("text-bad-utf8", "import os\nos.write(1, b'\\xff\\xfe\\x00\\xc0\\x80' * 1000)\n", ("ok",),
           weak=True),
    Attack("text-exception-surrogates", "raise type('E\\ud800', (Exception,), {})('\\udfff\\0')",
           ("error",), weak=True),
    Attack("text-exception-long", "raise ValueError('x' * 10**6)", ("error",), weak=True),
    Attack("text-exception-hostile", "class E(Exception):\n"
           "    def __str__(self): raise SystemExit(0)\n    __repr__ = __str__\nraise E\n",
           ("error",), weak=True),
    Attack("text-exception-name", "class M(type):\n    __name__ = property(lambda s: 1 / 0)\n"
           "class E(Exception, metaclass=M): pass\nraise E\n", ("error",), weak=True),
    Attack("text-traceback-long", "exec('\\n'.join(f'def f{i}(): f{i+1}()' for i in range(900))"
           " + '\\ndef f900(): 1 / 0\\nf0()')", ("error",), weak=True),
    Attack("text-deep-source", "x = " + "[" * 5000 + "]" * 5000, ("error", "out_of_memory"),
           weak=True),
    Attack("text-coding-cookie", "# -*- coding: utf-7 -*-\nprint('+AGE-')\n", ("ok",), weak=True),
    Attack("text-many-lines", "pass\n" * 50_000, ("ok",), weak=True),
]  # fmt: skip

SABOTAGE = [
    Attack("sab-clear-builtins", "import builtins\nbuiltins.__dict__.clear()\n",
           ("ok", "error", "killed"), weak=True),
    Attack("sab-clear-modules", "import sys\nsys.modules.clear()\n", ("ok", "error"), weak=True),
    Attack("sab-no-streams", "import sys\nsys.stdout = sys.stderr = None\n1 / 0\n", ("error",),
           weak=True),
    Attack("sab-close-everything", "import os\nos.closerange(0, 4096)\n1 / 0\n", ("error",),
           weak=True),
    Attack("sab-close-output", "import os\nos.close(1)\nos.close(2)\nprint('lost')\n",
           ("error", "ok"), weak=True),
    Attack("sab-audit-hook", "import sys\nsys.addaudithook(lambda *a: 1 / 0)\n", ("ok", "error"),
           weak=True),
    Attack("sab-trace", "import sys\ndef t(*a): raise SystemExit(0)\nsys.settrace(t)\n"
           "sys.setprofile(t)\n", None, weak=True),
    Attack("sab-import-hook", "import builtins, sys\nbuiltins.__import__ = None\n"
           "sys.meta_path.clear()\nsys.path_hooks.clear()\n", ("ok",), weak=True),
    Attack("sab-exit-hooks", "import atexit, os\natexit.register(os._exit, 0)\n1 / 0\n",
           ("error", "ok"), weak=True),
    Attack("sab-gc-callback", "import gc\ngc.callbacks.append(lambda *a: 1 / 0)\ngc.collect()\n",
           ("ok", "error"), weak=True),
    Attack("sab-switch-interval", "import sys, threading\nsys.setswitchinterval(1e-9)\n"
           "for _ in range(4): threading.Thread(target=lambda: [0 for _ in range(10**5)]).start()\n",
           ("ok", "timeout"), weak=True),
    Attack("sab-patch-everything", "import json, os, struct, traceback, sys, linecache\n"
           "for m in (json, struct, traceback, linecache):\n    for n in list(vars(m)):\n"
           "        if callable(getattr(m, n)) and not n.startswith('__'):\n"
           "            setattr(m, n, lambda *a, **k: b'')\n1 / 0\n", ("error",), weak=True),
    Attack("secret-zygote-heap", "import ctypes, sys, gc\n"
           "marks = ('earlier' + '-run', 'CANARY' + '-')\n"
           "for o in gc.get_objects():\n    try:\n        text = repr(o)[:5000]\n"
           "    except BaseException:\n        continue\n"
           "    if o is marks: continue\n"
           "    if marks[0] in text and 'gc.get_objects' not in text: print('LEAK: heap')\n",
           ("ok", "timeout"), weak=True),
    Attack("secret-arguments", "import sys\nif any('tier' in a for a in sys.argv + sys.orig_argv):\n"
           "    print('seen')\nfor a in sys.argv: assert 'CANARY' not in a\n", ("ok",), weak=True),
]  # fmt: skip

ALL = [*KERNEL, *FILES, *NETWORK, *PROCESSES, *RESOURCES, *TEXT, *SABOTAGE]
