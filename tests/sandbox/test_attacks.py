"""No program gets out, and none brings the sandbox down: 35 attacks from outside, then our own."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from sandbox import attacks, attacks_subtle
from sandbox.attacks import Attack
from sandbox.cheats import ADD, ADD_BY_ASSERTS, CAUGHT_IN_PROCESS, CHEATS
from sandbox.conftest import PATIENT, QUICK

from deepcoder.sandbox import Request, Result, Sandbox, Status, judge_sync
from deepcoder.types import Case, Problem

_FILE = Path(__file__).parent / "data" / "attacks.jsonl"
GIVEN = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]
ALL = [*attacks.ALL, *attacks_subtle.ALL]
PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/")
WEAK_CATEGORIES = ("crash", "hang", "output", "resource", "signals")


def attack(sandbox: Sandbox, code: str, endings: tuple[str, ...] | None = ()) -> Result:
    """Programs that may end at the clock get little time, so that the suite is quick; others get
    plenty, so that a busy machine does not change how they end."""
    patient = bool(endings) and "timeout" not in (endings or ())
    result = sandbox.run(Request(code=code, limits=PATIENT if patient else QUICK))
    assert result.status is not Status.SANDBOX_FAILURE, result.failure
    left = [p for place in PLACES for p in Path(place).glob("SBX_*")]
    assert not left
    return result


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: given["id"])
def test_given_attack_is_contained(strong: Sandbox, given: dict) -> None:
    result = attack(strong, given["code"])
    text = result.stdout + result.stderr
    assert not [bad for bad in given.get("must_not_contain", []) if bad in text], text
    if given["category"] == "hang" or given["id"] in ("sig-ignore-term", "dos-bigpow"):
        assert result.status in (Status.TIMEOUT, Status.OUT_OF_MEMORY)
    if given["id"] == "dos-stderr":
        assert result.status is Status.OUTPUT_LIMIT
    json.dumps(result.stdout).encode()


@pytest.mark.parametrize(
    "given", [g for g in GIVEN if g["category"] in WEAK_CATEGORIES], ids=lambda given: given["id"]
)
def test_given_attack_is_bounded_by_limits_alone(weak: Sandbox, given: dict) -> None:
    attack(weak, given["code"])


@pytest.mark.parametrize("own", ALL, ids=lambda own: own.id)
def test_own_attack_is_contained(strong: Sandbox, own: Attack) -> None:
    result = attack(strong, own.code, own.status)
    assert "LEAK" not in result.stdout + result.stderr
    assert own.status is None or result.status in own.status, (result.status, result.failure)


@pytest.mark.parametrize("own", [a for a in ALL if a.weak], ids=lambda own: own.id)
def test_own_attack_is_bounded_by_limits_alone(weak: Sandbox, own: Attack) -> None:
    result = attack(weak, own.code, own.status)
    assert own.status is None or result.status in own.status, (result.status, result.failure)


@pytest.mark.parametrize("given", [g for g in GIVEN if g["category"] == "cheat"], ids=str)
def test_given_cheat_does_not_pass(sandbox: Sandbox, given: dict) -> None:
    cases = (Case(args=(1, 2), expected=3), Case(args=(2, 2), expected=4))
    problem = Problem(id="cheat", prompt="", entry_point=given["entry_point"], hidden=cases)
    outcome = judge_sync(sandbox, problem, given["code"], limits=QUICK)
    assert not outcome.solved
    assert outcome.status != "sandbox_failure"


@pytest.mark.parametrize("name", CHEATS)
def test_cheat_does_not_pass_outside(sandbox: Sandbox, name: str) -> None:
    outcome = judge_sync(sandbox, ADD, CHEATS[name], limits=QUICK)
    assert not outcome.solved
    assert outcome.total == 3
    assert outcome.passed <= 1  # a constant may be right once


@pytest.mark.parametrize("name", CAUGHT_IN_PROCESS)
def test_cheat_does_not_pass_in_process(strongest: Sandbox, name: str) -> None:
    outcome = judge_sync(strongest, ADD_BY_ASSERTS, CHEATS[name], limits=QUICK)
    assert not outcome.solved
    assert outcome.trust == "in_process"


def test_there_are_many_more_than_were_given() -> None:
    assert len(GIVEN) == 35
    assert len({own.id for own in ALL}) == len(ALL) >= 60


def test_honest_candidate_passes(sandbox: Sandbox) -> None:
    assert judge_sync(sandbox, ADD, "def add(a, b): return a + b").solved


def test_a_run_finds_nothing_of_the_one_before(strong: Sandbox) -> None:
    first = f"secret = 'earlier-run-{os.getpid()}'\nopen('left', 'w').write(secret)\n"
    strong.run(Request(code=first, writable=True))
    hunt = (
        "import os, gc\nmark = ['earlier', '-run']\n"
        "print(os.listdir('.'), [o for o in gc.get_objects() if isinstance(o, dict)\n"
        "      for v in list(o.values()) if isinstance(v, str) and ''.join(mark) in v])\n"
    )
    result = strong.run(Request(code=hunt, writable=True))
    assert result.stdout == "[] []\n", result.failure


def test_hidden_inputs_arrive_after_the_module_body(strong: Sandbox) -> None:
    """The candidate waits for them in its module body: they never come."""
    code = "import os\nos.read(1022, 1)\ndef add(a, b): return a + b\n"
    outcome = judge_sync(strong, ADD, code, limits=QUICK)
    assert outcome.status == "timeout"
    assert outcome.passed == 0


def test_a_named_datagram_socket_of_the_host_hears_nothing(strong: Sandbox, tmp_path: Path) -> None:
    """A pair of datagram sockets needs no `connect` to reach one: an address is enough."""
    os.chmod(tmp_path, 0o755)
    names = [str(tmp_path / "log"), f"\0deepcoder-{os.getpid()}"]
    ears = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in names]
    for ear, name in zip(ears, names, strict=True):
        ear.bind(name)
        ear.setblocking(False)
    os.chmod(names[0], 0o777)
    code = (
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        f"for name in {names!r}:\n    try: a.sendto(b'x', name)\n    except OSError: pass\n"
        "print('tried')\n"
    )
    try:
        assert strong.run(Request(code=code)).stdout == "tried\n"
        for ear in ears:
            with pytest.raises(BlockingIOError):
                ear.recv(10)
    finally:
        for ear in ears:
            ear.close()


def test_not_even_a_time_is_left_for_the_next_run(strong: Sandbox) -> None:
    leave = (
        "import os\ntry:\n    os.utime('.', (12345, 12345))\n"
        "except OSError:\n    open('x', 'w').close()\n"
    )
    strong.run(Request(code=leave, writable=True))
    look = (
        "import os, time\ns = os.stat('.')\n"
        "print(abs(time.time() - s.st_mtime) < 60, s.st_atime != 12345)\n"
    )
    assert strong.run(Request(code=look, writable=True)).stdout == "True True\n"


@pytest.mark.parametrize("flag", ["os.O_APPEND", "os.O_NONBLOCK"])
def test_no_flag_of_standard_input_is_left_for_the_next_run(sandbox: Sandbox, flag: str) -> None:
    """Flags are of the open file: were it the zygote's, every later run would read them."""
    leave = f"import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETFL, {flag})\n"
    look = f"import fcntl, os\nprint(fcntl.fcntl(0, fcntl.F_GETFL) & {flag})\n"
    for _ in range(4):  # whichever worker takes them
        assert sandbox.run(Request(code=leave)).ok
    assert [sandbox.run(Request(code=look)).stdout for _ in range(4)] == ["0\n"] * 4


@pytest.mark.parametrize("value", ["'\\ud800' * 9", "[['\\udfff']]", "10 ** 4200", "float('nan')"])
def test_what_a_candidate_returns_cannot_break_the_judge(sandbox: Sandbox, value: str) -> None:
    outcome = judge_sync(sandbox, ADD, f"def add(a, b): return {value}", limits=QUICK)
    assert (outcome.passed, outcome.status) == (0, "ok")
    outcome.model_dump_json().encode()


@pytest.mark.parametrize("depth", [150, 640, 900, 5000])
def test_a_deep_value_on_the_channel_cannot_break_the_judge(sandbox: Sandbox, depth: int) -> None:
    call = '{"t":"call","i":%d,"v":' + "[" * depth + "]" * depth + "}"
    code = (
        "import os, struct\ndef send(text):\n    data = text.encode()\n"
        "    os.write(1023, struct.pack('=I', len(data)) + data)\n"
        """send('{"t":"loaded"}')\n"""
        f"for i in range(3): send({call!r} % i)\n"
        """send('{"t":"end"}')\nos._exit(0)\n"""
    )
    outcome = judge_sync(sandbox, ADD, code, limits=QUICK)
    assert (outcome.passed, outcome.total) == (0, 3)
    outcome.model_dump_json().encode()
