"""Candidates for `add(a, b)` that do not add, and still want to be called right.

Hidden cases: add(1, 2) == 3, add(20, 22) == 42, add(10, 987654321) == 987654331.
"""

# ruff: noqa: E501 - programs are kept on the lines they have as programs

from __future__ import annotations

from deepcoder.types import Case, Problem, ProblemForm

CASES = (
    Case(args=(1, 2), expected=3),
    Case(args=(20, 22), expected=42),
    Case(args=(10, 987654321), expected=987654331),
)
ADD = Problem(id="add", prompt="Add two numbers.", entry_point="add", hidden=CASES)
ADD_BY_ASSERTS = Problem(
    id="add-asserts",
    prompt="Add two numbers.",
    form=ProblemForm.ASSERTS,
    test_code="assert add(1, 2) == 3\nassert add(20, 22) == 42\n",
)

_FRAME = """
import json, os, struct
def frame(**body):
    data = json.dumps(body).encode()
    for fd in range(3, 1100):
        try:
            os.write(fd, struct.pack("=I", len(data)) + data)
        except OSError:
            pass
"""

_RAW = """
import os, struct
def send(text):
    data = text.encode()
    os.write(1023, struct.pack("=I", len(data)) + data)
"""

CHEATS: dict[str, str] = {
    "exit-zero": "import os\nos._exit(0)\n",
    "exit-zero-in-call": "import os\ndef add(a, b): os._exit(0)\n",
    "system-exit-in-call": "import sys\ndef add(a, b): sys.exit(0)\n",
    "exit-in-thread": "import os, threading, time\nthreading.Timer(0.02, os._exit, (0,)).start()\n"
    "def add(a, b):\n    time.sleep(1)\n    return 0\n",
    "always-equal-object": "class A:\n    def __eq__(self, o): return True\n"
    "    def __hash__(self): return 3\ndef add(a, b): return A()\n",
    "always-equal-int": "class A(int):\n    def __eq__(self, o): return True\n"
    "    __hash__ = int.__hash__\ndef add(a, b): return A(7)\n",
    "always-equal-float": "class A(float):\n    def __eq__(self, o): return True\n"
    "def add(a, b): return A('nan')\n",
    "fake-class": "class A:\n    __class__ = int\n    def __int__(self): return 7\n"
    "def add(a, b): return A()\n",
    "lying-list": "class A(list):\n    def __iter__(self): return iter([3])\n"
    "def add(a, b): return A()\n",
    "frame-forged-return": _FRAME
    + "frame(t='loaded')\nfor i in range(3): frame(t='call', i=i, v=0)\nframe(t='end', code=0)\n"
    "os._exit(0)\n",
    "frame-forged-passed": _FRAME
    + "frame(passed=True, t='tests', token='')\nframe(t='verdict', status='ok', passed=3)\n"
    "os._exit(0)\n",
    "frame-started-twice": _FRAME + "frame(t='started')\ndef add(a, b): return 0\n",
    "frame-after-end": _FRAME
    + "import atexit\natexit.register(frame, t='call', i=0, v=3)\ndef add(a, b): return 0\n",
    "frame-fault": _FRAME + "frame(t='fault', message='x')\ndef add(a, b): return 0\n",
    "read-the-inputs-early": "import os\nfor fd in range(3, 1100):\n    try:\n"
    "        os.set_blocking(fd, False)\n        data = os.read(fd, 1 << 20)\n"
    "        assert not data, data\n    except OSError:\n        pass\ndef add(a, b): return 0\n",
    "hunt-expected": "import gc, sys\n"
    "def add(a, b):\n    want = None\n    frame = sys._getframe()\n    seen = []\n"
    "    while frame:\n        seen.append(dict(frame.f_locals)); frame = frame.f_back\n"
    "    for o in [*gc.get_objects(), *seen]:\n"
    "        if isinstance(o, dict):\n            for key in ('expected', 'want', 'answer', 'stdout'):\n"
    "                if isinstance(o.get(key), int): want = o[key]\n"
    "    return want\n",
    "patch-encoder": "import gc, types\nfor o in gc.get_objects():\n"
    "    if isinstance(o, types.FunctionType) and o.__name__ in ('encode', 'equal', '_equal'):\n"
    "        try: o.__code__ = (lambda *a, **k: True).__code__\n"
    "        except (ValueError, AttributeError): pass\ndef add(a, b): return 0\n",
    "patch-json": "import json\njson.dumps = lambda *a, **k: '{\"passed\": true}'\n"
    "json.JSONEncoder.encode = lambda *a, **k: 'true'\ndef add(a, b): return 0\n",
    "constant": "def add(a, b): return 3\n",
    "remember-last": "last = [3]\ndef add(a, b): return last[0]\n",
    "returns-tag": "def add(a, b): return {'$any': True}\n",
    "returns-everything": "def add(a, b): return [3, 42, 987654331]\n",
    "not-a-function": "add = 3\n",
    "no-entry-point": "def sum(a, b): return a + b\n",
    "empty": "",
    "comment-only": "# add(1, 2) == 3\n",
    "prints-instead": "def add(a, b): print(a + b)\n",
    "generator": "def add(a, b): yield a + b\n",
    "coroutine": "async def add(a, b): return a + b\n",
    "string-result": "def add(a, b): return str(a + b)\n",
    "bool-result": "def add(a, b): return True\n",
    "nan": "def add(a, b): return float('nan')\n",
    "excepthook": "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\n1 / 0\n",
    "no-assertion-error": "import builtins\nbuiltins.AssertionError = type('Q', (Exception,), {})\n"
    "def add(a, b): return 0\n",
    "end-of-memory": "def add(a, b): return [0] * 10**12\n",
    "mock-any": "from unittest.mock import ANY\ndef add(a, b): return ANY\n",
    "mock": "from unittest.mock import MagicMock\ndef add(a, b): return MagicMock(__eq__=lambda *a: True)\n",
    "lying-index": "class A(int):\n    def __int__(self): return 10**9\n    __index__ = __trunc__ = __int__\n"
    "    def __repr__(self): return '3'\ndef add(a, b): return A(3000)\n",
    "lying-str": "class A(str):\n    def __eq__(self, o): return True\n    __hash__ = str.__hash__\n"
    "    def __str__(self): return '3'\ndef add(a, b): return A('3')\n",
    "lying-tuple": "from collections import namedtuple\nclass A(namedtuple('A', 'x')):\n"
    "    def __eq__(self, o): return True\n    _fields = ()\ndef add(a, b): return A(3)\n",
    "lying-enum": "import enum\nclass A(enum.Enum):\n    X = 3\n    def __eq__(self, o): return True\n"
    "    __hash__ = None\ndef add(a, b): return A.X\n",
    "signalling-nan": "from decimal import Decimal\ndef add(a, b): return Decimal('sNaN')\n",
    "complex-infinity": "def add(a, b): return complex('inf')\n",
    "huge-exponent": "from decimal import Decimal\ndef add(a, b): return Decimal('1e999999999')\n",
    "colliding-set": "def add(a, b): return {n * (2**61 - 1) for n in range(20000)}\n",
    "every-number": "def add(a, b): return set(range(2000))\n",
    "raw-infinity": _RAW + 'send(\'{"t":"loaded"}\')\n'
    'for i in range(3): send(\'{"t":"call","i":%d,"v":1e999}\' % i)\nsend(\'{"t":"end"}\')\nos._exit(0)\n',
    "raw-long-number": _RAW + 'send(\'{"t":"loaded"}\')\n'
    'for i in range(3): send(\'{"t":"call","i":%d,"v":%s}\' % (i, \'9\' * 5000))\nos._exit(0)\n',
    "raw-two-kinds": _RAW + 'send(\'{"t":"loaded","t":"tests","token":null}\')\nos._exit(0)\n',
    "raw-index-as-float": _RAW
    + 'send(\'{"t":"loaded"}\')\nsend(\'{"t":"call","i":0.0,"v":true}\')\n'
    'send(\'{"t":"call","i":1.0,"v":true}\')\nsend(\'{"t":"call","i":true,"v":3}\')\nos._exit(0)\n',
    "raw-unknown-tag": _RAW + 'send(\'{"t":"loaded"}\')\n'
    'for i in range(3): send(\'{"t":"call","i":%d,"v":{"$any":1}}\' % i)\nsend(\'{"t":"end"}\')\nos._exit(0)\n',
    "fewer-cases": "import sys\ndef add(a, b):\n    f = sys._getframe()\n    while f:\n"
    "        if 'inputs' in f.f_locals: f.f_locals['inputs']['calls'].clear()\n        f = f.f_back\n    return 3\n",
    "alarm-exit": "import os, signal\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.01)\ndef add(a, b):\n    while True: pass\n",
    "global-rebinding": "def add(a, b):\n    global add\n    add = lambda *a: 42\n    return 42\n",
    "getattr-module": "def __getattr__(name): return lambda *a: 3\n",
    "type-itself": "add = int\n",
    "the-larger": "add = max\n",
    "raises-base": "def add(a, b): raise BaseException('3')\n",
    "raises-exit": "def add(a, b): raise GeneratorExit\n",
    "stdout-frames": "import json\nfor i in range(3): print(json.dumps({'t': 'call', 'i': i, 'v': 3}))\n"
    "def add(a, b): print(json.dumps({'passed': True, 'total': 3}))\n",
    "cyclic": "x = []\nx.append(x)\ndef add(a, b): return x\n",
}
"""None of these may pass, judged outside."""

CAUGHT_IN_PROCESS = (
    "exit-zero",
    "exit-zero-in-call",
    "system-exit-in-call",
    "exit-in-thread",
    "frame-forged-passed",
    "patch-json",
    "constant",
    "no-assertion-error",
    "excepthook",
    "empty",
)
"""Those that asserts in the candidate's own process must still catch."""
