"""Attacks on what a first list forgets: odd arguments of allowed calls, reopened descriptors,
traces left for the next run, loops in C, and the channel, found through the interpreter's frames.

Same rules as `attacks`: a line with LEAK is a failure, `status` lists the endings that are right.
"""

# ruff: noqa: E501 - programs are kept on the lines they have as programs

from __future__ import annotations

from sandbox.attacks import Attack, _denied, _raw

ARGUMENTS = [
    _raw(
        "sub-number-high-bits", "expect_denied('fork', (7 << 32) | 57)\nexpect_denied('none', -1)"
    ),
    _raw(
        "sub-clone-odd-flags",
        "thread = 0x10000 | 0x800 | 0x100\n"
        "for flag in (0x1000, 0x2000, 0x4000, 0x8000, 0x800000, 0x1000000, 0x80000000):\n"
        "    expect_denied(hex(flag), 56, thread | flag, 0, 0, 0, 0)",
    ),
    _raw(
        "sub-futex-pi",
        "word = ctypes.c_int(0)\nfor op in (6, 7, 8, 11, 12, 13, 134, 140):\n"
        "    expect_denied(f'futex {op}', 202, ctypes.addressof(word), op, 0, 0, 0, 0)",
    ),
    _raw(
        "sub-descriptor-makers",
        "for n in (222, 282, 283, 289, 253, 294, 300, 319, 323, 425, 434, 447):\n"
        "    expect_denied(str(n), n, 0, 0, 0, 0, 0)",
    ),
    _raw("sub-pipe-movers", "for n in (275, 276, 278):\n    expect_denied(str(n), n, 0, 1, 1, 0)"),
    _raw(
        "sub-memory-pinning",
        "for n in (149, 150, 151, 152, 237, 238, 256, 279, 325, 329, 440, 448, 450):\n"
        "    expect_denied(str(n), n, 0, 0, 0, 0, 0, 0)",
    ),
    _raw(
        "sub-segments", "for n in (154, 158, 205, 211, 212):\n    expect_denied(str(n), n, 1, 0, 0)"
    ),
    _raw("sub-send-many", "for n in (46, 47, 299, 307):\n    expect_denied(str(n), n, 0, 0, 0, 0)"),
    _raw(
        "sub-rename-flags",
        "import os\npath = os.__file__.encode()\nfor flags in (1, 2, 4):\n"
        "    r, e = call(316, -100, path, -100, b'mine', flags)\n"
        "    if r == 0: print('LEAK: renamed', flags)",
    ),
    _raw(
        "sub-core-pattern",
        "for name in (b'/proc/sys/kernel/core_pattern', b'/proc/sysrq-trigger', b'/proc/self/oom_score_adj',\n"
        "             b'/proc/self/attr/current', b'/proc/self/setgroups', b'/proc/self/uid_map'):\n"
        "    r, e = call(2, name, 1, 0)\n    if r >= 0: print('LEAK: opened', name)",
    ),
]

SOCKETS = [
    _denied("sub-datagram-to-path", "[a.sendto(b'x', p) for p in ('/dev/log', '/run/systemd/notify')]",
            "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"),
    _denied("sub-datagram-to-abstract", "a.sendto(b'x', '\\0/tmp/dbus')",
            "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"),
    _denied("sub-packet-to-path", "a.sendto(b'x', '/dev/log')",
            "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)"),
    _denied("sub-out-of-band", "a.send(b'x', socket.MSG_OOB)",
            "import socket\na, b = socket.socketpair()"),
    _denied("sub-out-of-band-receive", "a.recv(1, socket.MSG_OOB)",
            "import socket\na, b = socket.socketpair()"),
    _denied("sub-pair-inet", "socket.socketpair(socket.AF_INET)", "import socket"),
    _denied("sub-pair-netlink", "socket.socketpair(socket.AF_NETLINK, socket.SOCK_RAW)", "import socket"),
    _denied("sub-socket-options", "a.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)",
            "import socket\na, b = socket.socketpair()"),
    _denied("sub-descriptor-as-socket", "[socket.socket(fileno=n).connect('/dev/log') for n in (0, 1, 2)]",
            "import socket"),
]  # fmt: skip

FILES = [
    _denied("sub-reopen-opath", "open(f'/proc/self/fd/{fd}').read()",
            "try:\n    fd = os.open('/etc/passwd', os.O_PATH)\nexcept OSError:\n    sys.exit()"),
    _denied("sub-reopen-dev-fd", "open(f'/dev/fd/{fd}').read()",
            "try:\n    fd = os.open('/etc/passwd', os.O_PATH)\nexcept OSError:\n    sys.exit()"),
    _denied("sub-proc-root", "open('/proc/self/root/etc/passwd').read()"),
    _denied("sub-proc-cwd", "open('/proc/self/cwd/../../../../etc/passwd').read()"),
    _denied("sub-thread-mem", "open('/proc/thread-self/mem', 'r+b')"),
    _denied("sub-task-mem", "open(f'/proc/self/task/{os.getpid()}/mem', 'rb')"),
    _denied("sub-parent-links", "[os.readlink(f'/proc/{os.getppid()}/{n}') for n in ('exe', 'cwd', 'root')]"),
    _denied("sub-parent-descriptors", "os.listdir(f'/proc/{os.getppid()}/fd')"),
    _denied("sub-unnamed-file", "[os.open(p, os.O_TMPFILE | os.O_RDWR) for p in ('/tmp', '/dev/shm', '/var/tmp')]"),
    _denied("sub-unnamed-in-library", "os.open(os.path.dirname(os.__file__), os.O_TMPFILE | os.O_RDWR)"),
    _denied("sub-copy-range", "os.copy_file_range(os.open('/etc/passwd', 0), 1, 10)"),
    _denied("sub-send-file", "os.sendfile(1, os.open('/etc/passwd', 0), 0, 10)"),
    _denied("sub-sysfs", "os.listdir('/sys/kernel')"),
    _denied("sub-cgroup", "open('/sys/fs/cgroup/cgroup.procs', 'a')"),
    _denied("sub-home-of-root", "os.listdir('/root')"),
    _denied("sub-user-database", "pwd.getpwall()[0] if pwd.getpwall() else os.stat('/nothing')",
            "try:\n    import pwd\nexcept ImportError:\n    sys.exit()"),
    _denied("sub-null-device-mode", "os.chmod(0, 0o600)"),
    _denied("sub-null-device-time", "os.utime(0)"),
    _denied("sub-null-device-owner", "os.chown(0, os.getuid(), -1)"),
    _denied("sub-null-device-replaced", "os.rename('/dev/null', '/dev/was-null')"),
    _denied("sub-attributes", "os.setxattr('.', 'user.x', b'1')"),
    _denied("sub-attributes-read", "os.listxattr('.')"),
    _denied("sub-map-library-shared", "mmap.mmap(os.open(os.__file__, 0), 4096, flags=mmap.MAP_SHARED)",
            "import mmap"),
    _denied("sub-loopback-device", "os.open('/dev/loop-control', os.O_RDWR)"),
    _denied("sub-pseudo-terminal", "os.openpty()"),
    _denied("sub-own-package", "__import__('deepcoder')"),
    _denied("sub-own-source", "[open(n).read() for n in names if 'deepcoder' in n or 'sandbox' in n]"
            " or os.stat('/nothing')",
            "names, frame = [], sys._getframe()\nwhile frame:\n"
            "    names.append(frame.f_code.co_filename); frame = frame.f_back"),
    Attack("sub-odd-names", "import os\nfor name in (b'\\xff\\xfe', b'a\\nb', b'x' * 255, b'-rf', b'.', b' '):\n"
           "    try:\n        open(name, 'w').close()\n        os.mkdir(name + b'd')\n    except OSError:\n        pass\n",
           ("ok",)),
    Attack("sub-open-after-rmdir", "import os\ntry:\n    os.mkdir('d'); os.chdir('d'); os.rmdir('../d')\n"
           "    open('x', 'w')\n    print('LEAK: wrote into nothing')\nexcept OSError:\n    print('denied')\n",
           ("ok",)),
    Attack("sub-many-directories", "import os\ntry:\n    for n in range(10**6): os.mkdir(str(n))\n"
           "    print('LEAK:', n)\nexcept OSError as error:\n    print('stopped')\n", ("ok",)),
    Attack("sub-allocate", "import os\ntry:\n    os.posix_fallocate(os.open('f', os.O_CREAT | os.O_RDWR), 0, 1 << 36)\n"
           "    print('LEAK: allocated')\nexcept OSError:\n    print('denied')\n", ("ok",)),
    Attack("sub-map-beyond-disk", "import mmap, os\ntry:\n    maps = []\n    for n in range(8):\n"
           "        f = open(f'm{n}', 'w+b'); f.truncate(8 << 20)\n"
           "        m = mmap.mmap(f.fileno(), 8 << 20); maps.append(m)\n"
           "        for at in range(0, 8 << 20, 4096): m[at] = 1\n"
           "    print('LEAK: 64 MiB')\nexcept OSError:\n    print('denied')\n", ("ok", "killed")),
]  # fmt: skip

PROCESSES = [
    _denied("sub-kill-own-group", "os.kill(-os.getpid(), 9)"),
    _denied("sub-kill-zero", "os.kill(0, 9)"),
    _denied("sub-limit-of-parent", "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
            "import resource"),
    _denied("sub-wait-for-others", "os.waitpid(-1, 0)"),
    _denied("sub-affinity-of-parent", "os.sched_setaffinity(os.getppid(), {0})"),
    _denied("sub-setpgid", "os.setpgid(0, os.getppid())"),
    _denied("sub-terminal-group", "os.tcsetpgrp(0, os.getppid())"),
    _denied("sub-spawn-server", "(multiprocessing.get_context('forkserver').Pool(1), 1)",
            "try:\n    import multiprocessing.pool\nexcept ImportError:\n    sys.exit()"),
    Attack("sub-async-descriptor", "import fcntl, os, signal\nr, w = os.pipe()\n"
           "fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC)\nos.write(w, b'x')\n", ("ok", "error"), weak=True),
    Attack("sub-segfault-handler", "import ctypes, signal\nsignal.signal(signal.SIGSEGV, lambda *a: None)\n"
           "ctypes.string_at(0)\n", ("timeout",), weak=True),
    Attack("sub-exit-replaced", "import os, sys\nos._exit = sys.exit = lambda *a: None\nos.abort = os._exit\n",
           ("ok",), weak=True),
    Attack("sub-delayed-exit", "import faulthandler\nfaulthandler.dump_traceback_later(0.01, exit=True)\n"
           "while True: pass\n", ("error",), weak=True),
    Attack("sub-finaliser", "class A:\n    def __del__(self):\n        while True: pass\nkeep = A()\n", ("ok",),
           weak=True),
    Attack("sub-thread-from-thread", "import _thread, time\ndef more():\n    while True:\n        try: _thread.start_new_thread(more, ())\n"
           "        except RuntimeError: time.sleep(0.01)\nmore()\n", ("timeout", "killed", "out_of_memory"), weak=True),
]  # fmt: skip

RESOURCES = [
    Attack("sub-bz2-bomb", "import bz2\nbz2.decompress(bz2.compress(bytes(1 << 25)) * 100)\n",
           ("out_of_memory", "timeout"), weak=True),
    Attack("sub-xml-laughs", "from xml.etree.ElementTree import fromstring\n"
           "e = ''.join(f'<!ENTITY l{i+1} \"{f\"&l{i};\" * 10}\">' for i in range(12))\n"
           "fromstring(f'<!DOCTYPE x [<!ENTITY l0 \"lol\">{e}]><x>&l12;</x>')\n",
           ("error", "out_of_memory", "timeout"), weak=True),
    Attack("sub-colliding-keys", "{n * (2**61 - 1): 0 for n in range(10**6)}\n", ("timeout",), weak=True),
    Attack("sub-long-decimal", "str(10 ** 10 ** 6)\n", ("error",), weak=True),
    Attack("sub-sqlite-loop", "import sqlite3\nsqlite3.connect(':memory:').execute("
           "'with recursive t(a) as (select 1 union all select a from t) select sum(a) from t').fetchall()\n",
           ("timeout",), weak=True),
    Attack("sub-product", "import itertools\nlist(itertools.product(range(10**4), repeat=9))\n",
           ("out_of_memory", "timeout"), weak=True),
    Attack("sub-format-width", "f'{1:{1 << 40}}'\n", ("out_of_memory", "error"), weak=True),
    Attack("sub-decimal-power", "import decimal\ndecimal.getcontext().prec = 10**7\n"
           "decimal.Decimal(3) ** decimal.Decimal('0.123456789')\n", ("timeout", "out_of_memory"), weak=True),
    Attack("sub-key-stretching", "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'x', b'y', 10**9)\n",
           ("timeout",), weak=True),
    Attack("sub-deep-regex", "import re\nre.compile('(' * 5000 + ')' * 5000)\n", ("error",), weak=True),
    Attack("sub-callback-stack", "import ctypes\nT = ctypes.CFUNCTYPE(None)\nimport sys\nsys.setrecursionlimit(10**9)\n"
           "def f(): g()\ng = T(f)\ng()\n", ("killed", "out_of_memory", "timeout", "error", "output_limit"), weak=True),
    Attack("sub-small-stack", "import sys, threading\nthreading.stack_size(32768)\nsys.setrecursionlimit(10**6)\n"
           "def f(x): return repr([f(x)])\nt = threading.Thread(target=f, args=(1,)); t.start(); t.join()\n",
           ("killed", "out_of_memory", "ok", "timeout"), weak=True),
    Attack("sub-socket-buffers", "import socket\nkept = []\ntry:\n    while True:\n        a, b = socket.socketpair()\n"
           "        a.setblocking(False); kept += [a, b]\n        try:\n            while True: a.send(b'x' * 65536)\n"
           "        except BlockingIOError: pass\nexcept OSError:\n    print(len(kept) < 300)\n", ("ok",), weak=True),
    Attack("sub-epoll-chain", "import select\nprevious, kept = None, []\ntry:\n    while True:\n        e = select.epoll()\n"
           "        if previous: e.register(previous)\n        previous = e; kept.append(e)\nexcept OSError:\n    print('stopped')\n",
           ("ok",), weak=True),
]  # fmt: skip

TEXT = [
    Attack("sub-byte-order-mark", "\ufeffprint(1)", ("error", "ok"), weak=True),
    Attack("sub-wide-letters", "import \uff4f\uff53\ntry:\n    if \uff4f\uff53.listdir('/home') or 1: print('LEAK: home')\n"
           "except OSError:\n    print('denied')\n", ("ok",)),
    Attack("sub-long-sum", "x = " + "1+" * 150_000 + "1", ("error", "killed", "out_of_memory", "ok", "timeout"),
           weak=True),
    Attack("sub-nested-strings", "x = " + "f'{" * 90 + "1" + "}'" * 90, ("error",), weak=True),
    Attack("sub-long-name", "class " + "A" * 300_000 + "(Exception): pass\nraise " + "A" * 300_000, ("error",),
           weak=True),
    Attack("sub-exception-chain", "def f(n):\n    try:\n        raise ValueError(n)\n    except ValueError:\n"
           "        if n: f(n - 1)\n        raise\nf(500)\n", ("error",), weak=True),
    Attack("sub-exception-group", "g = ValueError('x')\nfor _ in range(300): g = ExceptionGroup('g', [g, g])\nraise g\n",
           ("error", "timeout", "out_of_memory"), weak=True),
    Attack("sub-syntax-with-nothing", "raise SyntaxError('x', (None, -1, 10**9, '\\ud800' * 10**5))\n", ("error",),
           weak=True),
    Attack("sub-exit-odd", "import sys\nclass A:\n    def __repr__(self): return '\\ud800' * 10\nsys.exit(A())\n",
           ("error",), weak=True),
    Attack("sub-exit-large", "import sys\nsys.exit(2**80)\n", ("ok", "error"), weak=True),
]  # fmt: skip

_CHANNEL = (
    "import gc, json, os, struct, sys\n"
    "def frame(**body):\n    data = json.dumps(body).encode()\n"
    "    os.write(1023, struct.pack('=I', len(data)) + data)\n"
)

CHANNEL = [
    Attack("sub-forged-end", _CHANNEL + "frame(t='end', code=0)\nos._exit(3)\n", ("error",), weak=True),
    Attack("sub-forged-fault", _CHANNEL + "frame(t='fault', message='x', unfit=True)\n", ("error",), weak=True),
    Attack("sub-forged-started", _CHANNEL + "frame(t='started')\n", ("error",), weak=True),
    Attack("sub-forged-cells", _CHANNEL + "for n in range(30000): frame(t='cell', i=n, d='x' * 64)\n",
           ("ok", "output_limit", "timeout"), weak=True),
    Attack("sub-giant-length", _CHANNEL + "os.write(1023, b'\\xff' * 4)\n", ("output_limit",), weak=True),
    Attack("sub-half-a-frame", _CHANNEL + "os.write(1023, b'\\x50\\0\\0\\0{')\n", ("ok", "error"), weak=True),
    Attack("sub-not-utf8", _CHANNEL + "os.write(1023, struct.pack('=I', 4) + b'\\xff\\xfe\\0\\x80')\n", ("error",),
           weak=True),
    Attack("sub-deep-json", _CHANNEL + "os.write(1023, struct.pack('=I', 60000) + b'[' * 60000)\n", ("error",),
           weak=True),
    Attack("sub-write-after-end", _CHANNEL + "import threading\ndef flood():\n    while True: frame(t='loaded')\n"
           "threading.Thread(target=flood, daemon=True).start()\n", ("ok", "error", "output_limit"), weak=True),
    Attack("sub-channel-replaced", _CHANNEL + "for o in gc.get_objects():\n    if type(o).__name__ == 'Channel':\n"
           "        o.sink = 1\n1 / 0\n", ("error",), weak=True),
    Attack("sub-runner-replaced", _CHANNEL + "f = sys._getframe()\nwhile f:\n    g = f.f_globals\n"
           "    for n in ('_write', '_dumps', '_pack'):\n        if n in g: g[n] = lambda *a: b'{}'\n    f = f.f_back\n1 / 0\n",
           ("error",), weak=True),
    Attack("secret-frames", "import sys\nmark = 'CANARY' + '-GROQ'\nf = sys._getframe(1)\nwhile f:\n"
           "    for v in [*f.f_locals.values(), *f.f_globals.values()]:\n        try: text = repr(v)\n"
           "        except Exception: continue\n        if mark in text: print('LEAK: frame')\n    f = f.f_back\n", ("ok",),
           weak=True),
    Attack("secret-raw-memory", "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.sbrk.restype = ctypes.c_void_p\n"
           "end = libc.sbrk(0)\nheap = ctypes.string_at(end - (1 << 21), 1 << 21) if end else b''\n"
           "start, at = b'CANARY-GRO', 0\nwhile (at := heap.find(start, at) + 1):\n"
           "    if heap[at + 9:at + 10] == b'Q': print('LEAK: memory')\n", ("ok", "killed")),
]  # fmt: skip

LATER = [
    _raw("later-new-calls", "for n in (440, 441, 442, *range(447, 452), *range(453, 700)):\n"
         "    expect_denied(str(n), n, 0, 0, 0, 0, 0, 0)"),
    _raw("later-privileged-calls",
         "for n in (103, 155, 159, 161, 163, 164, 167, 168, 172, 173, 175, 179, 227, 246, 303, 304,\n"
         "          310, 311, 312, 313, 317, 320, 321, 424, 428, 429, 430, 432, 433, 438):\n"
         "    expect_denied(str(n), n, 0, 0, 0, 0, 0, 0)"),
    _raw("later-process-controls",
         "for op, value in ((1, 0), (4, 1), (24, 0), (28, 0), (35, 1), (36, 1), (47, 2), (59, 1), (0x59616d61, -1)):\n"
         "    r, e = call(157, op, value, 0, 0, 0)\n    if r == 0: print('LEAK: prctl', op)"),
    _denied("later-file-lock", "fcntl.flock(0, fcntl.LOCK_EX)", "import fcntl"),
    _denied("later-file-lock-library", "fcntl.flock(os.open(os.__file__, 0), fcntl.LOCK_SH)", "import fcntl"),
    _denied("later-open-file-lock", "fcntl.fcntl(0, 37, bytes(32))", "import fcntl"),
    _denied("later-pipe-size", "fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)", "import fcntl"),
    Attack("later-what-is-inherited", "import os, stat\nfor fd in range(4096):\n    try: mode = os.fstat(fd).st_mode\n"
           "    except OSError: continue\n    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)): print('LEAK:', fd, oct(mode))\n",
           ("ok",)),
    Attack("later-stop-itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", ("timeout",), weak=True),
    Attack("later-exit-lies", "import sys\nclass A(int):\n    def __eq__(self, o): return True\n"
           "    def __and__(self, o): return 0\n    def __bool__(self): return False\nsys.exit(A(3))\n", ("error",), weak=True),
    Attack("later-exit-without-code", "class E(SystemExit):\n    @property\n    def code(self): raise ValueError\nraise E(0)\n",
           ("error",), weak=True),
    Attack("later-trace-of-the-runner", "import sys\ndef look(f, e, a):\n    if 'error' in f.f_locals: f.f_locals['error'] = None\n"
           "    return look\nsys.settrace(look)\nf = sys._getframe()\nwhile f:\n    f.f_trace = look\n    f = f.f_back\n1 / 0\n",
           ("error",), weak=True),
    Attack("later-audit-hook", "import sys\ndef hook(*a): raise RuntimeError\nsys.addaudithook(hook)\n", ("ok", "error"), weak=True),
    Attack("later-print-into-channel", "import os\nos.dup2(1023, 1)\nprint('x' * 100)\n", ("output_limit", "error"), weak=True),
    Attack("later-close-everything", "import os\nos.closerange(0, 4096)\n", ("error",), weak=True),
    Attack("later-exit-calls-itself", "import atexit\ndef f(): atexit.register(f)\natexit.register(f)\n", ("ok",), weak=True),
    Attack("later-long-type-name", "raise type('E' * 10**6, (Exception,), {})('\\ud800')\n", ("error",), weak=True),
]  # fmt: skip

ALL = [*LATER, *ARGUMENTS, *SOCKETS, *FILES, *PROCESSES, *RESOURCES, *TEXT, *CHANNEL]
