"""Verdicts for the three forms of problem, and the rules of comparison."""

from __future__ import annotations

import asyncio

import pytest
from sandbox.cheats import ADD, ADD_BY_ASSERTS
from sandbox.conftest import QUICK, settings

from deepcoder.sandbox import (
    Limits,
    Request,
    Result,
    Sandbox,
    SandboxPool,
    Status,
    judge,
    judge_sync,
)
from deepcoder.sandbox.judging import same_output
from deepcoder.types import Case, Problem, ProblemForm
from deepcoder.values import encode


def problem(*cases: Case, **changes: object) -> Problem:
    values: dict = {"id": "p", "prompt": "", "entry_point": "f", "hidden": cases, **changes}
    return Problem(**values)


def test_partly_right_is_counted_and_the_first_wrong_case_named(strongest: Sandbox) -> None:
    outcome = judge_sync(strongest, ADD, "def add(a, b): return a + b if a < 15 else 0")
    assert (outcome.passed, outcome.total, outcome.status) == (2, 3, "ok")
    assert outcome.detail == "case 2 of 3: returned 0"
    assert "42" not in outcome.detail


def test_one_failing_call_leaves_the_others(strongest: Sandbox) -> None:
    outcome = judge_sync(strongest, ADD, "def add(a, b): return a + b if a != 20 else 1 / 0")
    assert (outcome.passed, outcome.status) == (2, "error")
    assert outcome.detail == "case 2 of 3: ZeroDivisionError: division by zero"


def test_visible_cases_can_be_judged_instead(strongest: Sandbox) -> None:
    outcome = judge_sync(
        strongest, ADD, "def add(a, b): return 7", cases=[Case(args=(3, 4), expected=7)]
    )
    assert outcome.solved


def test_types_of_values_matter_and_tolerance_and_order_are_the_problems(
    strongest: Sandbox,
) -> None:
    code = "def f(x): return x"

    def right(given: object, expected: object, **rules: object) -> bool:
        case = Case(args=(encode(given),), expected=encode(expected))
        return judge_sync(strongest, problem(case, **rules), code).solved

    assert right((1, 2), (1, 2))
    assert not right([1, 2], (1, 2))
    assert right(1, True)
    assert not right(2, True)
    assert right(1.0, 1)
    assert right(float("nan"), float("nan"))
    assert not right(0.1 + 0.2, 0.3)
    assert right(0.1 + 0.2, 0.3, tolerance=1e-9)
    assert not right([2, 1], [1, 2])
    assert right([2, 1], [1, 2], ordered=False)
    assert right({1: {2, 3}}, {1: {3, 2}})


def test_setup_code_runs_first_and_keeps_line_numbers(strongest: Sandbox) -> None:
    own = problem(Case(args=(2,), expected=6), setup_code="import math\nK = 3\n")
    assert judge_sync(strongest, own, "def f(n): return K * n").solved
    wrong = judge_sync(strongest, own, "x = 1\ny = undefined\ndef f(n): return 6")
    assert wrong.status == "error"


def test_arguments_are_fresh_for_each_call(strongest: Sandbox) -> None:
    cases = [Case(args=([1],), expected=[1, 0]), Case(args=([1],), expected=[1, 0])]
    assert judge_sync(strongest, problem(*cases), "def f(x):\n    x.append(0)\n    return x").solved


def test_classes_of_the_candidate_can_be_arguments(strongest: Sandbox) -> None:
    code = (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n"
        "def f(p): return P(p.x + 1)"
    )
    case = Case(args=({"$dataclass": ["P", {"x": 1}]},), expected={"$dataclass": ["P", {"x": 2}]})
    assert judge_sync(strongest, problem(case), code).solved


def test_methods_can_be_entry_points(strongest: Sandbox) -> None:
    code = "class S:\n    @staticmethod\n    def g(n): return n + 1"
    assert judge_sync(
        strongest, problem(Case(args=(1,), expected=2), entry_point="S.g"), code
    ).solved


def test_programs_are_judged_by_their_output(strongest: Sandbox) -> None:
    own = problem(
        Case(stdin="1 2\n", stdout="3\n"),
        Case(stdin="4 5\n", stdout="9"),
        form=ProblemForm.STDIN,
        entry_point=None,
    )
    good = "print(sum(map(int, input().split())), ' ')"
    assert judge_sync(strongest, own, good).solved
    wrong = judge_sync(strongest, own, "print(3)")
    assert (wrong.passed, wrong.detail) == (1, "case 2 of 2: wrong output")
    crashed = judge_sync(strongest, own, good + "\nraise ValueError('late')")
    assert (crashed.passed, crashed.status) == (0, "error")
    slow = judge_sync(strongest, own, "while True: pass", limits=QUICK)
    assert (slow.passed, slow.total, slow.status) == (0, 2, "timeout")


def test_asserts_run_in_the_process_and_say_so(strongest: Sandbox) -> None:
    good = judge_sync(strongest, ADD_BY_ASSERTS, "def add(a, b): return a + b")
    assert good.solved
    assert good.trust == "in_process"
    bad = judge_sync(strongest, ADD_BY_ASSERTS, "def add(a, b): return 3")
    assert not bad.solved
    assert bad.detail == "AssertionError"


def test_a_failed_sandbox_is_no_verdict() -> None:
    class Broken:
        async def run(self, request: Request) -> Result:
            return Result(Status.SANDBOX_FAILURE)

    for own in (ADD, ADD_BY_ASSERTS):
        outcome = asyncio.run(judge(Broken(), own, "pass"))
        assert (outcome.total, outcome.status, outcome.solved) == (0, "sandbox_failure", False)


def test_expected_values_never_leave_the_judge(strongest: Sandbox) -> None:
    seen: list[Request] = []

    class Recording:
        async def run(self, request: Request) -> Result:
            seen.append(request)
            return strongest.run(request)

    asyncio.run(judge(Recording(), ADD, "def add(a, b): return a + b"))
    assert "987654331" not in repr(seen)
    assert "987654321" in repr(seen)


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance", "same"),
    [
        ("a\n", "a", 0, True),
        ("a \nb\n\n", "a\nb", 0, True),
        ("a\nb", "a b", 0, False),
        (" a", "a", 0, False),
        ("1.0", "1.0000001", 0, False),
        ("x 1.0", "x 1.0000001", 1e-3, True),
        ("x 1.0", "y 1.0", 1e-3, False),
        ("1 2", "1", 1e-3, False),
        ("nan", "nan", 0.1, True),
        ("", "\n\n", 0, True),
    ],
)
def test_same_output(expected: str, actual: str, tolerance: float, same: bool) -> None:
    assert same_output(expected, actual, tolerance) is same


def test_judging_in_a_pool_is_the_same(sandbox: Sandbox) -> None:
    codes = ["def add(a, b): return a + b", "def add(a, b): return 3", "import os; os._exit(0)"] * 4

    async def run() -> list[int]:
        async with SandboxPool(settings(sandbox.start())) as pool:
            limits = Limits(wall_seconds=20)
            outcomes = await asyncio.gather(*(judge(pool, ADD, c, limits=limits) for c in codes))
        return [outcome.passed for outcome in outcomes]

    assert asyncio.run(run()) == [3, 1, 0] * 4
