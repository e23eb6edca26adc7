"""Evaluates the constant expressions of test suites from their syntax tree, without `eval`.

Known are literals, arithmetic, comparisons, comprehensions, names bound by the suite itself, and a
short list of pure built-ins (`range`, `set`, `sorted`, `sum`, …) with bounds on what they may
build. Everything else (attributes, subscripts, calls of anything unknown) is refused: this is a
reader of data, not an interpreter of Python.

    >>> evaluate(ast.parse("[x * 2 for x in range(3)]", mode="eval").body, {})
    [0, 2, 4]
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["Unreadable", "bind", "evaluate"]

_MAX_ITEMS = 20_000  # of a sequence that an expression may build
_MAX_BITS = 4_096  # of an integer that an expression may build


class Unreadable(ValueError):
    """The expression is not constant data, or is larger than a test needs."""


def evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of `node`, where `names` are the variables bound so far.

    Raises:
        Unreadable: for anything but constant data.
    """
    try:
        return _bounded(_evaluate(node, names))
    except (ArithmeticError, TypeError, ValueError, LookupError, RecursionError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"{ast.unparse(node)[:60]}: {error}") from None


def bind(target: ast.expr, value: Any) -> dict[str, Any]:
    """The variables that assigning `value` to `target` binds: a name, or a tuple of targets."""
    if isinstance(target, ast.Name):
        return {target.id: value}
    if isinstance(target, ast.Tuple | ast.List):
        values = list(value)
        if len(values) != len(target.elts):
            raise Unreadable(f"cannot unpack into {ast.unparse(target)}")
        bound: dict[str, Any] = {}
        for part, item in zip(target.elts, values, strict=True):
            bound |= bind(part, item)
        return bound
    raise Unreadable(f"cannot bind {ast.unparse(target)}")


def _evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value) if value is not ...:
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.List(elts=elts):
            return [evaluate(e, names) for e in elts]
        case ast.Tuple(elts=elts):
            return tuple(evaluate(e, names) for e in elts)
        case ast.Set(elts=elts):
            return {evaluate(e, names) for e in elts}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {
                evaluate(k, names): evaluate(v, names)
                for k, v in zip(keys, values, strict=True)
                if k is not None
            }
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](evaluate(operand, names))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _binary(op, evaluate(left, names), evaluate(right, names))
        case ast.BoolOp(op=op, values=parts):
            results = [evaluate(part, names) for part in parts]
            keep = operator.not_ if isinstance(op, ast.And) else bool
            return next((r for r in results if keep(r)), results[-1])
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return _COMPARE[type(op)](evaluate(left, names), evaluate(right, names))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _CALLS:
            if name in names or any(isinstance(a, ast.Starred) for a in args):
                raise Unreadable(f"{ast.unparse(node)[:60]} is not constant")
            return _call(name, [evaluate(a, names) for a in args])
        case ast.ListComp() | ast.GeneratorExp():
            return _comprehension(node, names)
        case ast.SetComp():
            return set(_comprehension(node, names))
    raise Unreadable(f"{ast.unparse(node)[:60]} is not constant data")


def _comprehension(
    node: ast.ListComp | ast.GeneratorExp | ast.SetComp, names: Mapping[str, Any]
) -> list[Any]:
    items: list[Any] = []
    for inner in _scopes(node.generators, names):
        items.append(evaluate(node.elt, inner))
        if len(items) > _MAX_ITEMS:
            raise Unreadable("a comprehension is too long")
    return items


def _scopes(
    generators: list[ast.comprehension], names: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The variables of every pass through the loops of a comprehension."""
    if not generators:
        yield dict(names)
        return
    first, rest = generators[0], generators[1:]
    for item in evaluate(first.iter, names):
        inner = {**names, **bind(first.target, item)}
        if all(evaluate(condition, inner) for condition in first.ifs):
            yield from _scopes(rest, inner)


def _binary(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Pow):
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        bits = left.bit_length() if isinstance(left, int) else 64
        if not numbers or abs(right) * max(bits, 1) > _MAX_BITS:
            raise Unreadable("a power is too large")
    if isinstance(op, ast.Mult):
        for sequence, times in ((left, right), (right, left)):
            repeats = isinstance(sequence, str | bytes | list | tuple) and isinstance(times, int)
            if repeats and len(sequence) * times > _MAX_ITEMS:
                raise Unreadable("a repetition is too long")
    if isinstance(op, ast.Mod) and isinstance(left, str | bytes):
        raise Unreadable("string formatting is not read")
    return _BINARY[type(op)](left, right)


def _call(name: str, args: list[Any]) -> Any:
    if name == "range" and len(range(*args)) > _MAX_ITEMS:
        raise Unreadable("a range is too long")
    return _CALLS[name](*args)


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise Unreadable("an integer is too large")
    if isinstance(value, str | bytes | list | tuple | set | dict) and len(value) > _MAX_ITEMS:
        raise Unreadable("a value is too long")
    return value


_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_CALLS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "bool": bool,
    "complex": complex,
    "dict": dict,
    "float": float,
    "frozenset": frozenset,
    "int": int,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "range": range,
    "round": round,
    "set": set,
    "sorted": sorted,
    "str": str,
    "sum": sum,
    "tuple": tuple,
}
