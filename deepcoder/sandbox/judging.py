"""Verdicts: a candidate's code against a problem's cases, compared outside the candidate's reach.

    outcome = await judge(pool, problem, code)
    outcome.solved

Problems of form `call` and `stdin` are judged outside: inputs go into the process after the
candidate's module has run, values or text come out, and expected values never enter it. Problems
of form `asserts` cannot be: the asserts run in the candidate's process, and a candidate that
looks for them can fool them, so the outcome says `trust='in_process'`. The answer to a question
(form `answer`) is compared as text, and nothing is run.
"""

from __future__ import annotations

import asyncio
import reprlib
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from deepcoder import values
from deepcoder.sandbox.answers import exact_match
from deepcoder.sandbox.core import Sandbox
from deepcoder.sandbox.records import Limits, Request, Result, Status
from deepcoder.types import Case, Outcome, Problem, ProblemForm

__all__ = ["judge", "judge_sync", "same_output"]

_BRIEF = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxlist, _BRIEF.maxdict, _BRIEF.maxother = 4, 12, 8, 60
_BRIEF.maxstring = _BRIEF.maxlong = 60
_DETAIL = 300
"""Characters of an outcome's detail."""


class _Pool(Protocol):
    async def run(self, request: Request) -> Result: ...


async def judge(
    pool: _Pool,
    problem: Problem,
    code: str,
    *,
    cases: Sequence[Case] | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """Run `code` on `cases` (default: the hidden ones) and count what is right.

    The outcome's `status` is that of the first run that did not end well, else 'ok'; a problem is
    solved when all pass and it is 'ok'. `total` is 0 when the sandbox itself failed: then nothing
    is known about the code.
    """
    if problem.form is ProblemForm.ANSWER:
        accepted = [str(case.expected) for case in (problem.hidden if cases is None else cases)]
        right = exact_match(code, accepted)
        return Outcome(
            passed=int(right), total=1, status="ok", detail=None if right else "another answer"
        )
    plan = _plan(problem, code, cases, limits)
    request = next(plan)
    while True:
        result = await pool.run(request)
        try:
            request = plan.send(result)
        except StopIteration as stop:
            return stop.value


def judge_sync(
    sandbox: Sandbox,
    problem: Problem,
    code: str,
    *,
    cases: Sequence[Case] | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """As `judge`, for callers without an event loop."""

    class _Direct:
        async def run(self, request: Request) -> Result:
            return sandbox.run(request)

    return asyncio.run(judge(_Direct(), problem, code, cases=cases, limits=limits))


Plan = Generator[Request, Result, Outcome]
"""A generator that yields requests, is sent results, and returns the outcome."""


def _plan(problem: Problem, code: str, cases: Sequence[Case] | None, limits: Limits | None) -> Plan:
    chosen = list(problem.hidden if cases is None else cases)
    base = Request(code=code, setup=problem.setup_code, limits=limits)
    if problem.form is ProblemForm.ASSERTS:
        return _asserts(replace(base, tests=problem.test_code))
    if problem.form is ProblemForm.CALL:
        return _calls(problem, base, chosen)
    return _programs(problem, base, chosen)


def _calls(problem: Problem, base: Request, cases: Sequence[Case]) -> Plan:
    """All cases in one run: one fork a candidate."""
    calls = tuple((case.args, case.kwargs) for case in cases)
    result = yield replace(base, entry_point=problem.entry_point, calls=calls)
    if result.status in (Status.SANDBOX_FAILURE, Status.REFUSED):
        return _not_judged(result, len(cases))
    passed, detail = 0, None
    for index, case in enumerate(cases):
        right, what = _compare(problem, case, result, index)
        passed += right
        if not right and detail is None:
            detail = f"case {index + 1} of {len(cases)}: {what}"
    if detail is None and not result.ok:
        detail = _why(result)
    return Outcome(
        passed=passed, total=len(cases), status=result.status.value, detail=_short(detail)
    )


def _compare(problem: Problem, case: Case, result: Result, index: int) -> tuple[bool, str]:
    if index >= len(result.returns):
        return False, _why(result)
    returned = result.returns[index]
    if returned.failure is not None:
        return False, f"{returned.failure.type}: {returned.failure.message}"
    right = values.equal(
        case.expected, returned.value, tolerance=problem.tolerance, ordered=problem.ordered
    )
    return right, f"returned {_shown(returned.value)}"


def _shown(value: Any) -> str:
    """What a candidate returned, for people: short and valid text, whatever it is."""
    text = value if isinstance(value, str) else _BRIEF.repr(value)
    return text[:200].encode("utf-8", "backslashreplace").decode()


def _programs(problem: Problem, base: Request, cases: Sequence[Case]) -> Plan:
    """One run a case, each with its own standard input; a timeout ends the series."""
    passed, status, detail = 0, Status.OK, None
    for index, case in enumerate(cases):
        result = yield replace(base, stdin=case.stdin or "")
        if result.status in (Status.SANDBOX_FAILURE, Status.REFUSED):
            return _not_judged(result, len(cases))
        right = result.ok and same_output(case.stdout or "", result.stdout, problem.tolerance)
        passed += right
        if not right and detail is None:
            what = "wrong output" if result.ok else _why(result)
            detail = f"case {index + 1} of {len(cases)}: {what}"
        if not result.ok and status is Status.OK:
            status = result.status
        if result.status is Status.TIMEOUT:
            break
    return Outcome(passed=passed, total=len(cases), status=status.value, detail=_short(detail))


def _asserts(request: Request) -> Plan:
    result = yield request
    if result.status in (Status.SANDBOX_FAILURE, Status.REFUSED):
        return _not_judged(result, 1)
    detail = None if result.tests_passed else _why(result)
    return Outcome(
        passed=int(result.tests_passed),
        total=1,
        status=result.status.value,
        trust="in_process",
        detail=_short(detail),
    )


def _not_judged(result: Result, total: int) -> Outcome:
    """Refused code is wrong; a failed sandbox says nothing about the code."""
    total = 0 if result.status is Status.SANDBOX_FAILURE else total
    return Outcome(passed=0, total=total, status=result.status.value, detail=_short(_why(result)))


def _why(result: Result) -> str:
    if result.failure is None:
        return str(result.status)
    return f"{result.failure.type}: {result.failure.message}".rstrip(": ")


def _short(text: str | None) -> str | None:
    if text is None or len(text) <= _DETAIL:
        return text
    return text[: _DETAIL - 1] + "…"


def same_output(expected: str, actual: str, tolerance: float = 0.0) -> bool:
    """Whether two outputs agree, apart from space at line ends and empty lines at the end.

    With a tolerance, words that are numbers on both sides may differ by it.
    """
    left, right = _lines(expected), _lines(actual)
    if left == right:
        return True
    if tolerance <= 0 or len(left) != len(right):
        return False
    return all(
        len(a) == len(b) and all(_same_word(x, y, tolerance) for x, y in zip(a, b, strict=True))
        for a, b in zip(map(str.split, left), map(str.split, right), strict=True)
    )


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _same_word(expected: str, actual: str, tolerance: float) -> bool:
    if expected == actual:
        return True
    try:
        return values.equal(float(expected), float(actual), tolerance=tolerance)
    except ValueError:
        return False
