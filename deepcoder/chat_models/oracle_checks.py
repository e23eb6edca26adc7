"""How the oracle tries its code on the visible cases, and how it reads what comes back.

`checks_for` writes the lines that follow the code in a `python` block: asserts, or prints whose
output is compared with the examples, as a person would. `Checks.read` turns the environment's real
words into a `Reading`: did it hold, and what was seen, quoted. Hidden cases are never looked at.

Example::

    checks = checks_for(problem, "assert")
    reading = checks.read("AssertionError")
    reading.held, reading.seen
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import Literal

from deepcoder import values
from deepcoder.problems.show import case_text
from deepcoder.types import Case, Problem, ProblemForm

__all__ = ["Checks", "Reading", "Style", "checks_for"]

Style = Literal["assert", "print"]

MAX_CASES = 3
MAX_QUOTE = 40
"""Characters of a value or a line that a reason quotes; the rest is cut."""
MAX_CALL = 26
"""Characters of a call that a reason quotes; a longer one goes by its place: tokens are dear."""
ORDINALS = ("first", "second", "third")

_ERROR = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception|Interrupt|Exit|Iteration))\b(?::\s*(.*))?$")
_TIMEOUT = re.compile(r"timed? ?out|time limit|TimeoutError", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What an observation says. `seen` is a clause without a full stop, quoting real output."""

    held: bool
    seen: str


@dataclass(frozen=True)
class Checked:
    """A visible case as text and as data."""

    call: str
    expected: str
    case: Case
    name: str
    """How a reason calls it: the call itself, or its place among the examples."""


@dataclass(frozen=True)
class Checks:
    """The lines that follow (or, for standard input, precede) the code in a block."""

    problem: Problem
    style: Style
    cases: tuple[Checked, ...]
    after: str = ""
    before: str = ""
    lines: tuple[str, ...] = field(default=())

    def block(self, code: str) -> str:
        """A whole `python` block: the code, and the checks."""
        body = code.strip("\n")
        if self.before:
            body = f"{self.before}\n{body}"
        if not self.after:
            return body
        separator = "\n\n" if "\n" in body else "\n"
        return f"{body}{separator}{self.after}"

    def read(self, observation: str) -> Reading:
        """What the output of a block says about its code."""
        error = _find_error(observation)
        if error is not None:
            return Reading(False, self._failure(observation, *error))
        if _TIMEOUT.search(observation):
            return Reading(False, "the run does not end in time")
        if self.problem.form is ProblemForm.STDIN and self.cases:
            return self._read_program(observation)
        if self.style == "print" and self.cases:
            return self._read_values(observation)
        if self.cases:
            hold = ("the assertion holds", "both assertions hold", "all assertions hold")
            return Reading(True, hold[min(len(self.cases), 3) - 1])
        return Reading(True, "the code runs without an error")

    # ----------------------------------------------------------------------------- by kind of run

    def _failure(self, observation: str, error: str, message: str) -> str:
        quoted = f"{error}: {_shorten(message)}" if message else error
        if error != "AssertionError":
            return f"the run ends with `{quoted}`"
        shown = [c for c, line in zip(self.cases, self.lines, strict=True) if line in observation]
        if len(shown) == 1:
            return f"the assertion for {shown[0].name} fails with {quoted}"
        return f"a check raises {quoted}"

    def _read_values(self, observation: str) -> Reading:
        printed = observation.strip().split("\n")
        if len(printed) != len(self.cases):
            return Reading(False, f"the run prints {_quote(observation.strip())}")
        for checked, line in zip(self.cases, printed, strict=True):
            if not self._same(checked.case, line.strip()):
                expected = _quote(checked.expected)
                return Reading(False, f"{checked.name} gives {_quote(line)} instead of {expected}")
        verb = "example gives" if len(printed) == 1 else "examples give"
        return Reading(True, f"the {verb} {_join([_quote(line) for line in printed])}")

    def _read_program(self, observation: str) -> Reading:
        expected = (self.cases[0].case.stdout or "").rstrip()
        if observation.rstrip() == expected:
            return Reading(True, f"the program prints {_quote(expected)} for the first input")
        return Reading(
            False,
            f"the program prints {_quote(observation.strip())} instead of {_quote(expected)}",
        )

    def _same(self, case: Case, line: str) -> bool:
        """Whether a printed line shows the expected value: by its text, or by its value."""
        if line == str(values.decode(case.expected)):
            return True
        try:
            shown = values.encode(ast.literal_eval(line))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return False
        problem = self.problem
        return values.equal(
            case.expected, shown, tolerance=problem.tolerance, ordered=problem.ordered
        )


def checks_for(problem: Problem, style: Style) -> Checks:
    """Checks of the visible cases in `style`, or in the other one where that cannot be written."""
    if problem.form is ProblemForm.STDIN:
        return _program_checks(problem)
    cases = tuple(_usable(problem))[:MAX_CASES]
    if not cases:
        return Checks(problem, style, ())
    if problem.tolerance or not problem.ordered:
        style = "print"  # an exact comparison of the values would be wrong
    multiline = any("\n" in str(values.decode(c.case.expected)) for c in cases)
    if multiline and style == "print":
        style = "assert"
    if style == "assert":
        lines = tuple(f"assert {case_text(problem.entry_point or '', c.case)}" for c in cases)
    else:
        lines = tuple(f"print({c.call})" for c in cases)
    return Checks(problem, style, cases, after="\n".join(lines), lines=lines)


def _program_checks(problem: Problem) -> Checks:
    if not problem.visible:
        return Checks(problem, "print", ())
    case = problem.visible[0]
    before = f"import io, sys\nsys.stdin = io.StringIO({case.stdin or ''!r})"
    checked = Checked("the program", _shorten(case.stdout or ""), case, "the program")
    return Checks(problem, "print", (checked,), before=before)


def _usable(problem: Problem) -> list[Checked]:
    """The visible cases whose values are plain literals, as a block needs no import for them."""
    found: list[Checked] = []
    for case in problem.visible if problem.entry_point else ():
        try:
            text = case_text(problem.entry_point or "", case)
            ast.parse(text, mode="eval")
            for tagged in (*case.args, *case.kwargs.values(), case.expected):
                ast.literal_eval(repr(values.decode(tagged)))
        except (ValueError, SyntaxError):
            continue
        expected = repr(values.decode(case.expected))
        call = text.removesuffix(f" == {expected}")
        place = ORDINALS[len(found)] if len(found) < len(ORDINALS) else "next"
        name = f"`{call}`" if len(call) <= MAX_CALL else f"the {place} example"
        found.append(Checked(call, expected, case, name))
    return found


def _find_error(observation: str) -> tuple[str, str] | None:
    """Name and message of the exception that ended a run, if one did."""
    for line in reversed(observation.strip().split("\n")):
        match = _ERROR.match(line.strip())
        if match:
            return match[1], (match[2] or "").strip()
    return None


def _quote(text: str) -> str:
    text = text.strip()
    return f"`{_shorten(text)}`" if text else "nothing"


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1].rstrip() + "…"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
