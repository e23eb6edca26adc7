"""Ordinary programs run as they do outside, in every tier."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepcoder.sandbox import Limits, Request, Sandbox, Status

_FILE = Path(__file__).parent / "data" / "benign.jsonl"
BENIGN = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]
ROOMY = Limits(wall_seconds=30, cpu_seconds=20)

MORE = {
    "asyncio": ("import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 5\n"
                "print(asyncio.run(f()))\n", "5\n"),
    "threads": ("from concurrent.futures import ThreadPoolExecutor as P\n"
                "with P(4) as p: print(sum(p.map(lambda v: v * v, range(10))))\n", "285\n"),
    "big-stack-thread": ("import sys, threading\nsys.setrecursionlimit(10**6)\n"
                         "threading.stack_size(1 << 27)\n"
                         "def f(n): return 0 if n == 0 else 1 + f(n - 1)\n"
                         "t = threading.Thread(target=lambda: print(f(50000)))\n"
                         "t.start(); t.join()\n", "50000\n"),
    "ctypes": ("import ctypes\nprint(ctypes.CDLL(None).abs(-5))\n", "5\n"),
    "unittest": ("import unittest\nclass T(unittest.TestCase):\n"
                 "    def test(self): self.assertEqual(1, 1)\n"
                 "print(unittest.main(exit=False, argv=['x']).result.testsRun)\n", "1\n"),
    "rarely-imported": ("import csv, argparse, logging, unittest.mock, xml.etree.ElementTree as E,"
                        " html, gettext, doctest, tokenize, zipfile, tarfile, email.message\n"
                        "print(E.fromstring('<a b=\"1\"/>').attrib)\n", "{'b': '1'}\n"),
    "compression": ("import bz2, lzma, zlib, gzip\n"
                    "print(*(m.decompress(m.compress(b'a')) for m in (bz2, lzma, zlib, gzip)))\n",
                    "b'a' b'a' b'a' b'a'\n"),
    "set-order-is-stable": ("print(hash('a') == hash('a'), len({'a', 'b'}))\n", "True 2\n"),
    "environment": ("import os\nprint(sorted(os.environ), os.getcwd() == os.environ['HOME'])\n",
                    "['HOME', 'LC_ALL', 'TMPDIR'] True\n"),
    "exit-text": ("import sys\nprint(1)\nsys.exit(0)\n", "1\n"),
    "no-stdin": ("import sys\nprint(repr(sys.stdin.read()))\n", "''\n"),
    "end-of-stdin": ("try:\n    input()\nexcept EOFError:\n    print('eof')\n", "eof\n"),
    "os-exit-after-output": ("import os\nprint('x', flush=True)\nos._exit(0)\n", "x\n"),
    "cpu-count": ("import os\nprint(os.cpu_count() is None or os.cpu_count() > 0)\n", "True\n"),
    "selectors": ("import selectors, socket\na, b = socket.socketpair()\nb.send(b'x')\n"
                  "s = selectors.DefaultSelector(); s.register(a, selectors.EVENT_READ)\n"
                  "print(len(s.select(1)), a.recv(9))\n", "1 b'x'\n"),
    "subinterpreter-free-memory": ("print(len([0] * 10**7))\n", "10000000\n"),
    "raise-own-signal": ("import signal\nsignal.signal(signal.SIGUSR1, lambda *a: print('got'))\n"
                         "signal.raise_signal(signal.SIGUSR1)\n", "got\n"),
}  # fmt: skip


@pytest.mark.parametrize("program", BENIGN, ids=lambda program: program["id"])
def test_given_program(sandbox: Sandbox, program: dict) -> None:
    writable = program["id"] == "tempfile" or None  # it asks for a directory
    request = Request(code=program["code"], stdin=program["stdin"], limits=ROOMY, writable=writable)
    result = sandbox.run(request)
    assert result.stdout == program["expected_stdout"], result.failure
    assert program.get("expected_stderr_contains", "") in result.stderr
    assert result.exit_code == program.get("expected_exit", 0)
    assert result.ok == (result.exit_code == 0)


@pytest.mark.parametrize("name", MORE)
def test_program(sandbox: Sandbox, name: str) -> None:
    code, expected = MORE[name]
    result = sandbox.run(Request(code=code, limits=ROOMY))
    assert (result.stdout, result.status) == (expected, Status.OK), result.stderr


def test_files_of_the_request(sandbox: Sandbox) -> None:
    files = {"data/a.txt": "é", "b.bin": b"\xff\0"}
    code = "import os\nprint(open('data/a.txt').read(), open('b.bin', 'rb').read())\n"
    result = sandbox.run(Request(code=code, files=files))
    assert result.stdout == "é b'\\xff\\x00'\n", result.stderr
    again = sandbox.run(Request(code="import os; print(os.listdir('.'))"))
    assert again.stdout == "[]\n"


def test_writable_directory_is_empty_again_after_the_run(sandbox: Sandbox) -> None:
    code = "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('x')\nprint(os.listdir('.'))\n"
    for _ in range(2):
        assert sandbox.run(Request(code=code, writable=True)).stdout == "['a']\n"


def test_directory_is_read_only_when_no_disk_is_given(strong: Sandbox) -> None:
    code = "try:\n    open('x', 'w')\nexcept OSError:\n    print('no')\n"
    limits = Limits(disk_mb=0)
    assert strong.run(Request(code=code, limits=limits, writable=True)).stdout == "no\n"


def test_large_standard_input(sandbox: Sandbox) -> None:
    text = "0123456789\n" * 300_000
    result = sandbox.run(Request(code="import sys; print(len(sys.stdin.read()))", stdin=text))
    assert result.stdout == f"{len(text)}\n"


def test_runs_repeat_exactly(sandbox: Sandbox) -> None:
    code = "import random\nprint(random.random(), {'a', 'b', 'c'}, hash('x'))\n"
    assert len({sandbox.run(Request(code=code)).stdout for _ in range(3)}) == 1
