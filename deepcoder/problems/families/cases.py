"""Chooses the cases of a variant: short ones to show, and hidden ones that tell right from wrong.

A hidden suite that lets a near miss pass would put wrong code into the training data. So the
hidden cases are chosen against the variant's wrong solutions and against mutants of its reference
(a bound moved by one, `>` for `>=`, `min` for `max`): greedily, the case that catches most of what
is not caught yet.

This module executes source text in this process, but only texts that the families wrote and
their mutants. It never sees a model's code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from types import CodeType
from typing import Any

__all__ = ["Chosen", "Pair", "choose_cases", "fresh", "mutants"]

Pair = tuple[tuple[Any, ...], Any]
"""Arguments and expected value."""

_MAX_VISIBLE = 3
_HIDDEN = (5, 8)
_MAX_MUTANTS = 16


@dataclass(frozen=True)
class Chosen:
    """`mistakes` are those of the family that some hidden case catches."""

    visible: list[Pair]
    hidden: list[Pair]
    mistakes: list[tuple[str, str]]


def choose_cases(
    entry_point: str,
    reference: str,
    mistakes: Sequence[tuple[str, str]],
    pairs: Sequence[Pair],
    rng: Random,
) -> Chosen | None:
    """Cases out of `pairs`, or None where they do not tell any mistake from the truth."""
    named = list(dict(reversed(mistakes)).items())[::-1]  # no source text twice
    caught = [_caught(compile(code, "<mistake>", "exec"), entry_point, pairs) for code, _ in named]
    kept = [k for k, where in enumerate(caught) if len(where) >= 2]
    if not kept:
        return None
    length = [len(repr(args)) + len(repr(answer)) for args, answer in pairs]
    visible = _visible(pairs, length, [caught[k] for k in kept])

    suspects = [caught[k] for k in kept]
    suspects += [_caught(mutant, entry_point, pairs) for mutant in mutants(reference, rng)]
    rest = [i for i in range(len(pairs)) if i not in visible]
    rng.shuffle(rest)
    hidden = _hidden(pairs, rest, suspects, rng.randint(*_HIDDEN))
    if len(hidden) < _HIDDEN[0] or not all(caught[k] & set(hidden) for k in kept):
        return None
    if len({repr(pairs[i][1]) for i in hidden}) < 2:
        return None
    rng.shuffle(hidden)
    return Chosen([pairs[i] for i in visible], [pairs[i] for i in hidden], [named[k] for k in kept])


def _visible(pairs: Sequence[Pair], length: Sequence[int], caught: Sequence[set[int]]) -> list[int]:
    """Two or three short cases that catch every mistake, if so few can."""
    chosen: list[int] = []
    missing = set(range(len(caught)))
    while len(chosen) < min(_MAX_VISIBLE, len(pairs)) and (missing or len(chosen) < 2):
        shown = [repr(pairs[i][1]) for i in chosen]
        best = max(
            (i for i in range(len(pairs)) if i not in chosen),
            key=lambda i: (  # a catch is worth 60 characters, a telling answer up to 60 more
                sum(i in caught[k] for k in missing)
                + 0.7 * bool(pairs[i][1])
                + 0.3 * (repr(pairs[i][1]) not in shown)
                - length[i] / 60
            ),
        )
        chosen.append(best)
        missing = {k for k in missing if best not in caught[k]}
    return chosen


def _hidden(
    pairs: Sequence[Pair], rest: Sequence[int], suspects: Sequence[set[int]], size: int
) -> list[int]:
    """Up to `size` cases, first those that catch the most suspects, then new answers."""
    chosen: list[int] = []
    missing = [where for where in suspects if where & set(rest)]
    answers: set[str] = set()
    while len(chosen) < _HIDDEN[1] and len(chosen) < len(rest):
        if not missing and len(chosen) >= size:
            break
        best = max(
            (i for i in rest if i not in chosen),
            key=lambda i: (sum(i in where for where in missing), repr(pairs[i][1]) not in answers),
        )
        chosen.append(best)
        answers.add(repr(pairs[best][1]))
        missing = [where for where in missing if best not in where]
    return chosen


def _caught(code: CodeType, entry_point: str, pairs: Sequence[Pair]) -> set[int]:
    """Indices of the cases that `code`, one of the families' own texts, gets wrong."""
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    function = namespace[entry_point]
    wrong = set()
    for index, (args, expected) in enumerate(pairs):
        try:
            same = _same(function(*fresh(args)), expected)
        except Exception:
            same = False
        if not same:
            wrong.add(index)
    return wrong


def fresh(value: Any) -> Any:
    """A copy that a function may change: new lists, tuples and dicts around the same scalars."""
    if isinstance(value, list | tuple):
        return type(value)(fresh(item) for item in value)
    if isinstance(value, dict):
        return {key: fresh(item) for key, item in value.items()}
    return value


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


# ------------------------------------------------------------------------------ mutants

_SWAP: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
}


def mutants(reference: str, rng: Random, limit: int = _MAX_MUTANTS) -> list[CodeType]:
    """Near misses of a reference: one integer moved by one, or one comparison or min/max changed.

    At most `limit`, drawn by `rng`. Nothing inside a `while` is moved by one, and no condition of
    one is changed, so that every mutant of a terminating reference terminates.
    """
    tree = ast.parse(reference)
    edits = list(_edits(tree))
    codes = []
    for node, field, value in rng.sample(edits, min(limit, len(edits))):
        kept = getattr(node, field)
        setattr(node, field, value)
        codes.append(compile(tree, "<mutant>", "exec"))
        setattr(node, field, kept)
    return codes


def _edits(tree: ast.Module) -> Iterator[tuple[ast.AST, str, Any]]:
    """(node, field, new value) of every single change."""
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.While)]
    inside = {id(n) for loop in loops for n in ast.walk(loop)}
    tests = {id(n) for loop in loops for n in ast.walk(loop.test)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) is int and id(node) not in inside:
            yield node, "value", node.value + 1
            yield node, "value", node.value - 1
        elif isinstance(node, ast.Compare) and id(node) not in tests:
            for place, op in enumerate(node.ops):
                if type(op) in _SWAP:
                    swapped = _SWAP[type(op)]()
                    yield node, "ops", [*node.ops[:place], swapped, *node.ops[place + 1 :]]
        elif isinstance(node, ast.Name) and node.id in ("min", "max"):
            yield node, "id", "max" if node.id == "min" else "min"
