"""Bad input and every limit: a clear status each, and the next run is not harmed."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from sandbox.conftest import PATIENT, QUICK

from deepcoder.errors import ConfigError, MissingError
from deepcoder.sandbox import Limits, Request, Sandbox, Settings, Status, Tier, core


@pytest.mark.parametrize("name", [item.name for item in fields(Limits) if item.name != "disk_mb"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), True, "9", None])
def test_a_senseless_limit_is_refused_by_name(strongest: Sandbox, name: str, value: object) -> None:
    limits = replace(Limits(), **{name: value})  # type: ignore[arg-type]
    result = strongest.run(Request(code="print(1)", limits=limits))
    assert result.status is Status.REFUSED
    assert result.failure is not None
    assert name in result.failure.message


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\0b", ".", "a/."])
def test_a_file_outside_the_directory_is_refused(strongest: Sandbox, name: str) -> None:
    result = strongest.run(Request(code="print(1)", files={name: "x"}))
    assert result.status is Status.REFUSED


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    [
        (Request(code=""), "ok", None),
        (Request(code="x = (", limits=PATIENT), "error", "SyntaxError"),
        (Request(code="  x = 1"), "error", "IndentationError"),
        (Request(code="x = '" + "a" * 5_000_000 + "'"), "refused", "Refused"),
        (Request(code="\x7fELF\x01\x02\x00\x00"), "error", None),
        (Request(code=b"print(1)"), "refused", "Refused"),  # type: ignore[arg-type]
        (Request(code="", entry_point="f"), "ok", None),
        (Request(code="", entry_point="f", calls=(((), {}),)), "error", "NameError"),
        (Request(code="f = 1", entry_point="f", calls=(((), {}),)), "error", "TypeError"),
        (Request(code="", calls=(((), {}),)), "refused", "Refused"),
        (Request(cells=("1",), code="2"), "refused", "Refused"),
        (Request(code="import sys; sys.exit(3)"), "error", "SystemExit"),
        (Request(code="import sys; sys.exit('bye')"), "error", "SystemExit"),
        (Request(code="raise KeyboardInterrupt"), "error", "KeyboardInterrupt"),
        (Request(code="import nothing_like_this"), "error", "ModuleNotFoundError"),
        (Request(code="x" * 100_000), "error", "NameError"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, Request) else None,
)
def test_bad_code_has_a_clear_end(
    sandbox: Sandbox, request_: Request, status: str, kind: str | None
) -> None:
    result = sandbox.run(request_)
    assert result.status.value == status, result.failure
    if kind is not None:
        assert result.failure is not None
        assert result.failure.type == kind
    assert sandbox.run(Request(code="print(1)")).stdout == "1\n"


def test_traceback_goes_through_own_lines_only(sandbox: Sandbox) -> None:
    code = "import json\ndef f():\n    return json.loads('{')\nf()\n"
    result = sandbox.run(Request(code=code))
    assert result.failure is not None
    lines = result.failure.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert [line for line in lines if "File" in line] == [
        '  File "main.py", line 4, in <module>',
        '  File "main.py", line 3, in f',
    ]
    assert lines[-1].startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert result.stderr == result.failure.traceback


def test_output_is_cut_at_its_limit_and_counted(sandbox: Sandbox) -> None:
    limits = replace(PATIENT, output_bytes=1000)
    result = sandbox.run(Request(code="print('x' * 5000)", limits=limits))
    assert result.status is Status.OUTPUT_LIMIT
    assert result.stdout == "x" * 1000
    assert result.stdout_omitted >= 1


def test_output_of_exactly_the_limit_is_allowed(sandbox: Sandbox) -> None:
    limits = replace(PATIENT, output_bytes=1000)
    result = sandbox.run(Request(code="print('x' * 999)", limits=limits))
    assert (result.status, result.stdout_omitted, len(result.stdout)) == (Status.OK, 0, 1000)


def test_results_are_bounded_too(sandbox: Sandbox) -> None:
    request = Request(
        code="def f(): return 'x' * (8 << 20)",
        entry_point="f",
        calls=(((), {}),),
        limits=PATIENT,
    )
    result = sandbox.run(request)
    assert result.status is Status.OUTPUT_LIMIT
    assert result.returns == ()


def test_a_timeout_keeps_what_came_before(sandbox: Sandbox) -> None:
    code = "def f(n):\n    while n == 2: pass\n    return n\n"
    calls = tuple(((n,), {}) for n in range(4))
    result = sandbox.run(Request(code=code, entry_point="f", calls=calls, limits=QUICK))
    assert result.status is Status.TIMEOUT
    assert [entry.value for entry in result.returns] == [0, 1]


def test_cpu_limit_ends_what_the_clock_would_not(sandbox: Sandbox) -> None:
    limits = Limits(wall_seconds=60, cpu_seconds=1)
    result = sandbox.run(Request(code="while True: pass", limits=limits))
    assert result.status is Status.TIMEOUT
    assert result.cpu_seconds < 10


def test_threads_are_counted_exactly_in_namespaces(strongest: Sandbox) -> None:
    if strongest.start() is not Tier.NAMESPACES:
        pytest.skip("no namespaces here")
    code = (
        "import threading, time\nn = 1\ntry:\n    while n < 99:\n"
        "        threading.Thread(target=time.sleep, args=(9,), daemon=True).start(); n += 1\n"
        "except RuntimeError:\n    pass\nprint(n)\n"
    )
    result = strongest.run(Request(code=code, limits=replace(PATIENT, processes=7)))
    assert result.stdout == "7\n"


def test_memory_within_the_limit_is_given(sandbox: Sandbox) -> None:
    code = "x = bytearray(200 << 20)\nprint(len(x) >> 20)\n"
    assert sandbox.run(Request(code=code, limits=replace(PATIENT, memory_mb=256))).ok
    small = sandbox.run(Request(code=code, limits=replace(PATIENT, memory_mb=128)))
    assert small.status is Status.OUT_OF_MEMORY


def test_a_call_that_runs_out_of_memory_does_not_stop_the_others(sandbox: Sandbox) -> None:
    code = "def f(n): return len(bytearray(n))\n"
    calls = (((1 << 40,), {}), ((5,), {}))
    result = sandbox.run(Request(code=code, entry_point="f", calls=calls, limits=PATIENT))
    assert result.status is Status.OUT_OF_MEMORY
    assert result.returns[1].value == 5


def test_disk_is_bounded(sandbox: Sandbox) -> None:
    code = (
        "n = 0\ntry:\n    while True:\n        with open(f'f{n % 500}', 'ab') as f:\n"
        "            f.write(b'x' * (1 << 18))\n        n += 1\n"
        "except OSError as error:\n    print('full')\n"
    )
    limits = replace(PATIENT, disk_mb=4)
    result = sandbox.run(Request(code=code, limits=limits, writable=True))
    assert result.stdout == "full\n" or result.status is Status.OUTPUT_LIMIT


def test_a_directory_that_cannot_be_listed_hides_nothing(sandbox: Sandbox) -> None:
    """The run may write in it; the zygote, where it is the same user, cannot look."""
    code = (
        "import os, time\nos.mkdir('d', 0o300)\nfor n in range(40):\n"
        "    open(f'd/{n}', 'wb').write(bytes([1]) * (1 << 20))\n    time.sleep(0.02)\n"
        "print('all written')\n"
    )
    limits = replace(PATIENT, disk_mb=4)
    result = sandbox.run(Request(code=code, limits=limits, writable=True))
    assert "all written" not in result.stdout
    after = sandbox.run(Request(code="import os\nprint(os.listdir('.'))", writable=True))
    assert after.stdout == "[]\n"


def test_unserialisable_results_have_a_status_of_their_own(sandbox: Sandbox) -> None:
    code = (
        "def f(k): return {'g': (i for i in ()), 'o': object(), 'f': f, 'm': __import__('os')}[k]"
    )
    calls = tuple(((k,), {}) for k in "gofm")
    result = sandbox.run(Request(code=code, entry_point="f", calls=calls))
    assert result.status is Status.ERROR
    assert {entry.failure.type for entry in result.returns if entry.failure} == {"Unserialisable"}


def test_measurements_are_plausible(sandbox: Sandbox) -> None:
    code = "import time\nx = bytearray(64 << 20)\ntime.sleep(0.05)\n"
    result = sandbox.run(Request(code=code))
    assert result.wall_seconds >= 0.05
    assert 0 < result.cpu_seconds < 60
    assert result.peak_memory_mb > 64


def test_weak_tier_is_refused_unless_allowed() -> None:
    with pytest.raises(ConfigError, match="allow_weak"):
        Sandbox(Settings(tier="rlimits")).start()


def test_unknown_tier_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="namespaces, landlock, rlimits"):
        Sandbox(Settings(tier="docker")).start()


def test_no_tier_at_all_says_why_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    user = os.geteuid()
    reasons = {(tier, user): f"no {tier} here" for tier in core.Tier}
    monkeypatch.setattr(core, "_failed", reasons)
    with pytest.raises(MissingError) as caught:
        Sandbox(Settings()).start()
    text = str(caught.value)
    assert "\n" not in text
    assert "no namespaces here" in text
    assert "no landlock here" in text
    assert "sandbox.allow_weak=true" in text


def test_config_objects_of_any_kind_are_read() -> None:
    class Config:
        tier = Settings(tier="landlock").tier
        workers = 3
        preload = ["math"]  # noqa: RUF012

    read = Settings.from_config(Config())
    assert (read.tier, read.workers, read.preload, read.memory_mb) == (
        "landlock",
        3,
        ("math",),
        512,
    )


def test_a_module_can_be_preloaded(strongest: Sandbox) -> None:
    pytest.importorskip("numpy")
    with Sandbox(Settings(preload=("numpy",), tier=str(strongest.start()), allow_weak=True)) as own:
        code = (
            "import numpy as np\nimport numpy.linalg\n"
            "def f(n): return np.arange(n).sum(), float(np.linalg.det(np.eye(2)))\n"
        )
        result = own.run(Request(code=code, entry_point="f", calls=(((5,), {}),), limits=PATIENT))
        assert result.returns[0].value == {"$tuple": [10, 1.0]}, result.failure
        assert own.run(Request(code="import pytest")).failure.type == "ModuleNotFoundError"  # type: ignore[union-attr]


def test_a_preload_that_does_not_exist_says_so() -> None:
    with pytest.raises(ConfigError, match="no_such_module"):
        Sandbox(Settings(preload=("no_such_module",))).start()
