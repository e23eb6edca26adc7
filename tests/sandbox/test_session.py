"""The agent's notebook: state between cells, and text that a person would recognise."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sandbox.conftest import settings

from deepcoder.sandbox import CellResult, Limits, PythonSession, Sandbox, SandboxPool, Status
from deepcoder.sandbox.session import cut


def play(tier: Sandbox, cells: Sequence[str], **options: object) -> list[CellResult]:
    """Each cell's result, in one session of its own."""

    async def run() -> list[CellResult]:
        async with SandboxPool(settings(tier.start(), wall_seconds=10.0)) as pool:
            session = PythonSession(pool, **options)  # type: ignore[arg-type]
            return [await session.run(cell) for cell in cells]

    return asyncio.run(run())


def texts(results: Sequence[CellResult]) -> list[str]:
    return [result.text for result in results]


def test_state_lasts_and_the_last_value_is_shown(sandbox: Sandbox) -> None:
    cells = ["x = [1]\nprint('set')", "x.append(2)", "x", "None", "x = 5; x", "_", ""]
    assert texts(play(sandbox, cells)) == ["set\n", "", "[1, 2]\n", "", "5\n", "5\n", ""]


def test_functions_classes_and_imports_last(strongest: Sandbox) -> None:
    cells = [
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int",
        "import math\ndef f(p): return math.sqrt(p.x)",
        "f(P(9)), P(1)",
    ]
    assert texts(play(strongest, cells))[2] == "(3.0, P(x=1))\n"


def test_an_error_shows_its_lines_and_keeps_what_was_done(strongest: Sandbox) -> None:
    cells = ["y = 1\ndef f():\n    raise ValueError('no')\nf()\ny = 2", "y"]
    first, second = play(strongest, cells)
    assert first.status is Status.ERROR
    assert first.text == (
        "Traceback (most recent call last):\n"
        '  File "<cell 1>", line 4, in <module>\n    f()\n'
        "  File \"<cell 1>\", line 3, in f\n    raise ValueError('no')\n"
        "ValueError: no\n"
    )
    assert second.text == "1\n"


def test_assertion_and_syntax_errors_end_as_in_python(strongest: Sandbox) -> None:
    first, second = play(strongest, ["assert 1 == 2, 'one is not two'", "def f(:"])
    assert first.text.splitlines()[-1] == "AssertionError: one is not two"
    assert second.text.splitlines()[0] == '  File "<cell 2>", line 1'
    assert second.text.splitlines()[-1].startswith("SyntaxError: ")


def test_output_and_errors_come_in_their_order(strongest: Sandbox) -> None:
    cell = "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')\n1 / 0"
    lines = play(strongest, [cell])[0].text.splitlines()
    assert lines[:4] == ["a", "b", "c", "Traceback (most recent call last):"]


def test_a_timeout_says_so_and_leaves_the_state_before_it(sandbox: Sandbox) -> None:
    limits = Limits(wall_seconds=1.0, cpu_seconds=1.0)
    cells = ["x = 1", "x = 2\nwhile True: pass", "x"]
    results = play(sandbox, cells, limits=limits)
    assert results[1].status is Status.TIMEOUT
    assert "TimeoutError" in results[1].text
    assert "as they were before" in results[1].text
    assert results[2].text == "1\n"


def test_texts_are_the_same_in_every_session(strongest: Sandbox) -> None:
    cells = ["import random; random.random()", "object()", "{'a', 'b', 'c'}", "print(print)\n1/0",
             "class A: pass\nA()", "random.randint(0, 10**9)", "lambda: 0"]  # fmt: skip
    first, second = play(strongest, cells), play(strongest, cells)
    assert texts(first) == texts(second)
    assert "0x…" in first[1].text
    assert not any(result.diverged for result in first)


def test_a_replay_that_differs_is_noticed(strongest: Sandbox) -> None:
    cells = ["import time\nprint(time.time_ns())", "1"]
    results = play(strongest, cells)
    assert [result.diverged for result in results] == [False, True]
    assert "did something else" in results[1].text


def test_long_output_is_cut_in_the_middle_and_counted(strongest: Sandbox) -> None:
    result = play(strongest, ["print('a' * 600 + 'b' * 600)"], max_chars=100)[0]
    assert result.truncated
    assert result.omitted == 1201 - 100
    assert result.text.startswith("a" * 50 + "\n[... 1101 characters omitted ...]\n")
    assert result.text.endswith("b\n")


def test_exit_does_not_end_the_session(strongest: Sandbox) -> None:
    results = play(strongest, ["x = 1", "raise SystemExit(2)", "x"])
    assert results[1].text == "SystemExit: 2\n"
    assert results[2].text == "1\n"


def test_sessions_do_not_see_each_other(strongest: Sandbox) -> None:
    async def run() -> list[CellResult]:
        async with SandboxPool(settings(strongest.start())) as pool:
            sessions = [PythonSession(pool) for _ in range(6)]
            await asyncio.gather(*(s.run(f"me = {i}") for i, s in enumerate(sessions)))
            return await asyncio.gather(*(s.run("me") for s in sessions))

    assert texts(asyncio.run(run())) == [f"{i}\n" for i in range(6)]


@pytest.mark.parametrize("limit", [0, 1, 5, 6, 7])
def test_cut_counts_what_it_leaves_out(limit: int) -> None:
    text, omitted = cut("abcdef", limit)
    assert omitted == max(0, 6 - limit)
    assert (text == "abcdef") == (omitted == 0)
