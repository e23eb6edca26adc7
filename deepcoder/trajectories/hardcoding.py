"""Whether an answer looks the expected values up instead of computing them.

    await hard_coded(code, problem, pool)    # 'looks up 5 of 6 hidden cases', or None

The evidence is execution, not style. Two questions are asked:

1. Are there cases whose arguments and expected value both stand in the code as literals? Then those
   arguments are made unrecognisable in the code, and it is run again. If exactly such cases now
   fail and every other one still passes, they were looked up. A table that the algorithm uses (the
   values of Roman numerals) fails other cases as well; a guard for a corner case fails none, or
   only one with short arguments; a table of which the cases are a small part (the names of the
   months) is a task's own table.
2. With a reference: does the code agree with it on neighbours of the hidden inputs? An answer that
   is right on all hidden inputs and wrong on nearly all of their neighbours has been fitted to
   them, however the lookup is disguised.

What the reference itself does is no hard-coding: then the task is a table. Problems of form
`asserts` have no cases as data and are not examined.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Protocol

from deepcoder import values
from deepcoder.sandbox import judge
from deepcoder.sandbox.records import Request, Result
from deepcoder.types import Case, Problem, ProblemForm

__all__ = ["hard_coded", "looked_up", "neighbours"]

_NEIGHBOURS = 24
_FEWEST = 6
"""Neighbours that the reference must answer for a verdict."""
_AGREE = 0.2
"""Share of neighbours below which an answer knows nothing but the hidden inputs."""
_ENOUGH = 24
"""Cases of a kind that are run: some suites have a thousand."""
_OWN_TABLE = 0.7
"""Share of a table's entries that are cases, below which the table is the task's own."""
_UNKNOWN = "\ue000"  # a private character: no input holds it


class _Pool(Protocol):
    async def run(self, request: Request) -> Result: ...


async def hard_coded(code: str, problem: Problem, pool: _Pool) -> str | None:
    """How an answer that passes all hidden cases cheats, or None. One run for each question."""
    if problem.form is ProblemForm.ASSERTS or not problem.hidden:
        return None
    found = await _by_literals(code, problem, pool)
    if found is not None:
        if problem.reference and await _by_literals(problem.reference, problem, pool):
            return None
        return found
    return await _by_neighbours(code, problem, pool)


# ------------------------------------------------------------------------------- literals


async def _by_literals(code: str, problem: Problem, pool: _Pool) -> str | None:
    cases = list(dict.fromkeys(_hashable(case) for case in problem.hidden))
    distinct = [Case.model_validate_json(text) for text in cases]
    suspects = looked_up(code, problem, distinct)
    if not suspects.cases:
        return None
    # Innocent ones first: one of them that fails ends the question.
    others = [index for index in range(len(distinct)) if index not in suspects.cases]
    for index in others[:_ENOUGH]:
        if not (await judge(pool, problem, suspects.blinded, cases=[distinct[index]])).solved:
            return None
    failing = [
        index
        for index in sorted(suspects.cases)[:_ENOUGH]
        if not (await judge(pool, problem, suspects.blinded, cases=[distinct[index]])).solved
    ]
    if not failing:
        return None
    if len(failing) == 1 and not _telling(distinct[failing[0]]):
        return None
    return f"looks up {len(failing)} of {len(distinct)} hidden cases"


class Suspects:
    """Indices of cases that may be looked up, and the code in which they cannot be."""

    def __init__(self, cases: set[int], blinded: str) -> None:
        self.cases, self.blinded = cases, blinded


def looked_up(code: str, problem: Problem, cases: Sequence[Case]) -> Suspects:
    """Cases whose arguments and expected value stand in `code`, beside each other or apart."""
    nothing = Suspects(set(), code)
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return nothing
    literals = _literals(tree)
    known = {key for _, key in literals}
    suspected: set[int] = set()
    inputs: set[str] = set()
    for index, case in enumerate(cases):
        given, wanted = _keys(problem, case)
        whole = next((keys for keys in given if keys and keys <= known), None)
        if whole is not None and wanted & known:
            suspected.add(index)
            inputs |= whole
    if not suspected or _own_table(tree, inputs):
        return nothing
    return Suspects(suspected, _blind(tree, inputs))


def _literals(tree: ast.AST) -> list[tuple[ast.expr, str]]:
    """Every expression that is constant data, with its key."""
    found: list[tuple[ast.expr, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict | ast.UnaryOp):
            try:
                found.append((node, _key(ast.literal_eval(node))))
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                continue
    return found


def _key(value: Any) -> str:
    """Text that is the same for a value however it is written: lists and tuples alike."""
    if isinstance(value, list | tuple):
        return "[" + ",".join(_key(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        return f"={value}"
    if isinstance(value, int | float):
        return f"n{float(value)}" if abs(value) < 1e15 else f"n{value}"
    return f"{type(value).__name__}:{value!r}"


def _keys(problem: Problem, case: Case) -> tuple[list[set[str]], set[str]]:
    """(ways to write the arguments, each a set of literals; ways to write the expected value)."""
    if problem.form is ProblemForm.STDIN:
        given, wanted = (case.stdin or "").strip(), (case.stdout or "").strip()
        written = [{_key(text)} for text in (given, f"{given}\n", case.stdin or "") if text]
        return written, {_key(text) for text in (wanted, f"{wanted}\n") if text} | _number(wanted)
    try:
        arguments = [values.decode(value) for value in case.args]
        arguments += [values.decode(value) for value in case.kwargs.values()]
        expected = values.decode(case.expected)
    except ValueError:
        return [], set()
    each = {_key(value) for value in arguments}
    ways = [{_key(arguments)}, each]
    for text in (str(tuple(arguments)), repr(arguments), *map(repr, arguments[:1])):
        ways.append({_key(text)})
    with contextlib.suppress(TypeError, ValueError, IndexError):
        ways += [{_key(json.dumps(arguments))}, {_key(json.dumps(arguments[0]))}]
    return ways, {_key(expected)}


def _number(text: str) -> set[str]:
    try:
        return {_key(float(text))}
    except ValueError:
        return set()


def _own_table(tree: ast.AST, inputs: set[str]) -> bool:
    """Whether the literals stand in a dict that has many more entries than there are cases."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict) or len(node.keys) < 3:
            continue
        keys = {key for part in node.keys if part is not None for _, key in _literals(part)[:1]}
        inside = keys & inputs
        if inside and len(inside) < _OWN_TABLE * len(node.keys):
            return True
    return False


def _blind(tree: ast.Module, inputs: set[str]) -> str:
    """The code with every literal of `inputs` replaced by one that equals no input."""

    class Blinder(ast.NodeTransformer):
        count = 0

        def generic_visit(self, node: ast.AST) -> ast.AST:
            constant = ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict | ast.UnaryOp
            if isinstance(node, constant) and isinstance(getattr(node, "ctx", None), ast.Store):
                return node
            if isinstance(node, constant):
                try:
                    key = _key(ast.literal_eval(node))
                except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                    key = ""
                if key in inputs:
                    Blinder.count += 1
                    name = f"{_UNKNOWN}{Blinder.count}"
                    return ast.copy_location(ast.Constant(name), node)
            return super().generic_visit(node)

        def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
            return self.generic_visit(node)

    blinded = Blinder().visit(copy.deepcopy(tree))
    return ast.unparse(ast.fix_missing_locations(blinded))


def _telling(case: Case) -> bool:
    """Whether a case is long enough that nobody guards against it by chance."""
    given = case.stdin if case.stdin is not None else json.dumps([case.args, case.kwargs])
    return len(given.replace(" ", "")) >= 24


def _hashable(case: Case) -> str:
    return case.model_dump_json()


# ----------------------------------------------------------------------------- neighbours


async def _by_neighbours(code: str, problem: Problem, pool: _Pool) -> str | None:
    if problem.form is not ProblemForm.CALL or not problem.reference:
        return None
    if _same_code(code, problem.reference):
        return None
    inputs = list(neighbours(problem))
    calls = tuple((case.args, case.kwargs) for case in inputs)
    request = Request(
        code=problem.reference,
        setup=problem.setup_code,
        entry_point=problem.entry_point,
        calls=calls,
    )
    answered = await pool.run(request)
    known = [
        case.model_copy(update={"expected": returned.value})
        for case, returned in zip(inputs, answered.returns, strict=False)
        if returned.failure is None
    ]
    if len(known) < _FEWEST or len({json.dumps(case.expected) for case in known}) < 3:
        return None  # too few, or so alike that a constant would agree or disagree by chance
    outcome = await judge(pool, problem, code, cases=known)
    if outcome.total == 0 or outcome.passed >= _AGREE * outcome.total:
        return None
    return (
        f"right on every hidden input, wrong on {outcome.total - outcome.passed} of "
        f"{outcome.total} neighbours"
    )


def _same_code(left: str, right: str) -> bool:
    try:
        return ast.dump(ast.parse(left)) == ast.dump(ast.parse(right))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def neighbours(problem: Problem, count: int = _NEIGHBOURS) -> Iterator[Case]:
    """Inputs a small step away from the hidden ones, of the same types; the same ones every time.

    They keep what can be kept of a hidden rule about inputs: numbers move by one towards a number
    that occurs, lists and texts lose or repeat an item.
    """
    rng = Random(problem.id)
    taken = {_hashable(case.model_copy(update={"expected": None})) for case in problem.hidden}
    for turn in range(4 * count):
        case = problem.hidden[turn % len(problem.hidden)]
        arguments = [_step(value, rng) for value in case.args]
        keep = rng.randrange(len(arguments)) if len(arguments) > 1 else -1
        changed = [
            old if i == keep else new
            for i, (old, new) in enumerate(zip(case.args, arguments, strict=True))
        ]
        moved = Case(args=tuple(changed), kwargs=case.kwargs)
        name = _hashable(moved)
        if name in taken:
            continue
        taken.add(name)
        yield moved
        count -= 1
        if not count:
            return


def _step(value: Any, rng: Random) -> Any:
    """A tagged value near `value`; the value itself where no step is known."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value + 1 if value <= 1 else value + rng.choice((-1, 1))
    if isinstance(value, float):
        return value + rng.choice((-0.5, 0.5)) if abs(value) >= 1 else value
    if isinstance(value, str):
        return _shorter(value, rng, "".join)
    if isinstance(value, list):
        return _shorter(value, rng, list)
    if isinstance(value, dict) and set(value) == {"$tuple"}:
        return value
    return value


def _shorter(items: Any, rng: Random, build: Callable[[list[Any]], Any]) -> Any:
    """A sequence with one item less, one repeated, or two changed about."""
    parts = list(items)
    if len(parts) < 2:
        return items
    where = rng.randrange(len(parts))
    turn = rng.randrange(3)
    if turn == 0:
        del parts[where]
    elif turn == 1:
        parts.insert(where, parts[where])
    else:
        other = rng.randrange(len(parts))
        parts[where], parts[other] = parts[other], parts[where]
    return build(parts)
