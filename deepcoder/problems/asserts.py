"""Reads plain assert suites as data: calls with their arguments, and the values they should give.

With cases as data the verdict is reached outside the process that runs the candidate; a suite that
stays text (`ProblemForm.ASSERTS`) is judged inside it, with lower trust. Nothing is executed here:
the suite's syntax tree is read, and what is not constant data makes it `Unconvertible`.

Read are `assert f(x) == y` (either way round), `is`, bare and negated truth, `and` of these,
`abs(f(x) - y) < eps`, `math.isclose(f(x), y, …)`, `set(f(x)) == set([…])` and the same with
`sorted`, loops over constant data, and the body of a `check(candidate)` function.

Converted verdicts are never looser than the written ones, and stricter in three places: where
truth is asked for, a bool must come; `set(…)` and `sorted(…)` ask for the same items in any order
in a value of the type written inside (repeats count); a tolerance is scaled so that neither its
absolute nor its relative use exceeds the one written.

    >>> suite = read_asserts("assert double(2) == 4", "double")
    >>> suite.cases[0].args, suite.cases[0].expected
    ((2,), 4)
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepcoder import values
from deepcoder.problems.literals import Unreadable, bind, evaluate
from deepcoder.types import Case

__all__ = ["Suite", "Unconvertible", "read_asserts", "read_check"]

_MAX_CASES = 500
_MAX_SCALE = 1e4  # expected values beyond it would make a scaled tolerance meaningless


class Unconvertible(ValueError):
    """The suite says more than data can; the message names the statement."""


@dataclass(frozen=True)
class Suite:
    """A converted suite. `tolerance` and `ordered` are those of `types.Problem`."""

    cases: tuple[Case, ...]
    tolerance: float = 0.0
    ordered: bool = True


def read_asserts(source: str, entry_point: str) -> Suite:
    """The cases of a module of asserts that call `entry_point` by its name.

    Raises:
        Unconvertible: for a statement that is not constant data.
    """
    return _read(_parse(source), entry_point)


def read_check(source: str) -> Suite:
    """The cases in the body of `def check(candidate): …`, the form of HumanEval.

    Raises:
        Unconvertible: without such a function, or for a statement that is not constant data.
    """
    for node in _parse(source):
        if isinstance(node, ast.FunctionDef) and node.name == "check" and node.args.args:
            return _read(node.body, node.args.args[0].arg)
    raise Unconvertible("there is no function check(candidate)")


def _parse(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unconvertible(f"the suite is not Python: {error}") from None


def _read(body: Sequence[ast.stmt], function: str) -> Suite:
    reader = _Reader(function)
    reader.statements(body, {})
    if not reader.found:
        raise Unconvertible(f"no assert calls {function}")
    return reader.suite()


@dataclass
class _Found:
    """One expectation. `eps` are the absolute and relative error allowed, in this order."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    expected: Any
    eps: tuple[float, float] | None = None
    ordered: bool = True


@dataclass
class _Reader:
    """Collects the expectations of a suite, statement by statement."""

    function: str
    found: list[_Found] = field(default_factory=list)

    def statements(self, body: Sequence[ast.stmt], names: dict[str, Any]) -> None:
        for node in body:
            if isinstance(node, ast.Assert):
                self._assert(node.test, names, wanted=True)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                names.update(self._bound(node.targets[0], self._data(node.value, names)))
            elif isinstance(node, ast.For) and not node.orelse:
                for item in self._data(node.iter, names):
                    names.update(self._bound(node.target, item))
                    self.statements(node.body, names)
            elif not _does_nothing(node):
                raise Unconvertible(f"not read: {_brief(node)}")

    def _bound(self, target: ast.expr, item: Any) -> dict[str, Any]:
        try:
            return bind(target, item)
        except (Unreadable, TypeError) as error:
            raise Unconvertible(str(error)) from None

    def _data(self, node: ast.expr, names: Mapping[str, Any]) -> Any:
        try:
            return evaluate(node, names)
        except Unreadable as error:
            raise Unconvertible(str(error)) from None

    def _assert(self, test: ast.expr, names: Mapping[str, Any], wanted: bool) -> None:
        match test:
            case ast.Constant(value=True) if wanted:
                return
            case ast.BoolOp(op=ast.And(), values=parts) if wanted:
                for part in parts:
                    self._assert(part, names, wanted)
                return
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._assert(operand, names, not wanted)
                return
            case ast.Call() if self._calls(test):
                self._add(test, wanted, names)
                return
            case ast.Call(func=func, args=[left, right], keywords=keywords) if wanted and (
                ast.unparse(func) in ("math.isclose", "isclose")
            ):
                given = {k.arg: float(self._data(k.value, names)) for k in keywords}
                eps = (given.get("abs_tol", 0.0), given.get("rel_tol", 1e-9))
                call, value = (left, right) if self._calls(left) else (right, left)
                self._add(call, self._data(value, names), names, eps)
                return
            case ast.Compare(left=left, ops=[op], comparators=[right]) if wanted:
                if isinstance(op, ast.Eq | ast.Is):
                    self._equality(left, right, names)
                    return
                if isinstance(op, ast.Lt | ast.LtE) and self._distance(left, right, names):
                    return
        raise Unconvertible(f"not read: assert {ast.unparse(test)[:80]}")

    def _equality(self, left: ast.expr, right: ast.expr, names: Mapping[str, Any]) -> None:
        if not self._calls(left) and (self._calls(right) or self._wrapped(right)):
            left, right = right, left
        wrapper = self._wrapped(left)
        if wrapper and isinstance(left, ast.Call) and isinstance(right, ast.Call):
            if self._name(right) != wrapper or len(right.args) != 1 or right.keywords:
                raise Unconvertible(f"not read: {wrapper}(…) == {ast.unparse(right)[:60]}")
            expected = self._data(right.args[0], names)
            if not isinstance(expected, list | tuple):
                raise Unconvertible(f"{wrapper}(…) of a {type(expected).__name__} is not read")
            self._add(left.args[0], expected, names, ordered=False)
        else:
            self._add(left, self._data(right, names), names)

    def _distance(self, left: ast.expr, right: ast.expr, names: Mapping[str, Any]) -> bool:
        """`abs(f(x) - y) < eps`."""
        match left:
            case ast.Call(
                func=ast.Name(id="abs"), args=[ast.BinOp(left=a, op=ast.Sub(), right=b)]
            ) if self._calls(a) != self._calls(b):
                call, value = (a, b) if self._calls(a) else (b, a)
                expected = self._data(value, names)
                self._add(call, expected, names, (float(self._data(right, names)), 0.0))
                return True
        return False

    def _add(
        self,
        call: ast.expr,
        expected: Any,
        names: Mapping[str, Any],
        eps: tuple[float, float] | None = None,
        ordered: bool = True,
    ) -> None:
        if not isinstance(call, ast.Call) or not self._calls(call):
            raise Unconvertible(f"not a call of {self.function}: {ast.unparse(call)[:80]}")
        if any(isinstance(a, ast.Starred) for a in call.args):
            raise Unconvertible(f"not read: {ast.unparse(call)[:80]}")
        kwargs = {}
        for keyword in call.keywords:
            if keyword.arg is None:
                raise Unconvertible(f"not read: {ast.unparse(call)[:80]}")
            kwargs[keyword.arg] = self._data(keyword.value, names)
        args = tuple(self._data(a, names) for a in call.args)
        self.found.append(_Found(args, kwargs, expected, eps, ordered))
        if len(self.found) > _MAX_CASES:
            raise Unconvertible(f"more than {_MAX_CASES} cases")

    def _name(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return node.func.id
        return None

    def _calls(self, node: ast.expr) -> bool:
        return self._name(node) == self.function

    def _wrapped(self, node: ast.expr) -> str | None:
        """`set` or `sorted` where `node` is that of a call of the function."""
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            name = self._name(node)
            if name in ("set", "sorted") and self._calls(node.args[0]):
                return name
        return None

    def suite(self) -> Suite:
        if len({f.ordered for f in self.found}) > 1:
            raise Unconvertible("some asserts look at the order and others do not")
        try:
            cases = tuple(
                Case(
                    args=tuple(values.encode(a) for a in f.args),
                    kwargs={k: values.encode(v) for k, v in f.kwargs.items()},
                    expected=values.encode(f.expected),
                )
                for f in self.found
            )
        except values.Unserialisable as error:
            raise Unconvertible(str(error)) from None
        return Suite(cases, _tolerance(self.found), self.found[0].ordered)


def _tolerance(found: Sequence[_Found]) -> float:
    """The one tolerance of a suite; `equal` uses it as absolute and as relative error alike."""
    wanted = set()
    for f in found:
        if f.eps is None:
            if _has_float(f.expected):
                wanted.add((0.0, 0.0))
        elif isinstance(f.expected, int | float):
            wanted.add(f.eps)
        else:
            raise Unconvertible("a tolerance on something that is no number")
    if len(wanted) > 1:
        raise Unconvertible("the asserts have different tolerances")
    absolute, relative = wanted.pop() if wanted else (0.0, 0.0)
    sizes = [abs(f.expected) for f in found if f.eps is not None]
    if max(absolute, relative) == 0.0:
        return 0.0
    if absolute >= relative:
        scale = max(1.0, *sizes)
        tolerance = absolute / scale
    else:
        scale = 1.0 / min(1.0, *(size or 1.0 for size in sizes))
        tolerance = relative / scale
    if scale > _MAX_SCALE:
        raise Unconvertible("a tolerance for values of very different sizes")
    return tolerance


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_float(v) for v in (*value.keys(), *value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(_has_float(v) for v in value)
    return isinstance(value, float | complex)


def _does_nothing(node: ast.stmt) -> bool:
    """Statements that a suite can lose: imports, `pass`, a lone value or name, a docstring."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.Name)


def _brief(node: ast.stmt) -> str:
    return ast.unparse(node).splitlines()[0][:80]
