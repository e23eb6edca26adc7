"""The engine behind the procedural families: from a seeded sketch to a complete `Problem`.

A family is a function that turns a random source into a `Sketch`: one task with its parameters,
its wording, a reference in source text, an independent Python function that gives the expected
values, and wrong solutions in source text. `variants` draws sketches for ever, chooses short
visible cases that catch the wrong solutions, hidden cases that judge, and yields problems.

**How overlap between the splits is excluded.** A variant belongs to exactly one split, decided by
the hash of its family and parameters (`split_of`): one in five parameter settings is held out,
whatever the seed and however many variants are drawn. Wording, names and cases are not part of
that hash, so the same task in other words stays on its side. The two splits also draw from
disjoint seed streams, and within a split no parameters, reference or prompt repeat.

This module executes source text in this process, but only the wrong solutions that the families
themselves wrote, in order to choose cases that tell them from the truth. It never sees a model's
code. It does not prove references right either: the tests do, in the sandbox.

Example::

    family = FAMILIES["filter_aggregate"]
    first = next(variants(family, split="train", seed=0))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any, Literal

from deepcoder import values
from deepcoder.types import Case, Difficulty, Mistake, Problem

__all__ = ["LICENCE", "Family", "Sketch", "Split", "Variant", "split_of", "variants"]

Split = Literal["train", "heldout"]

LICENCE = "Apache-2.0"
"""Licence of every generated problem: that of this project."""

_HELDOUT_ONE_IN = 5
_POOL = 28  # candidate inputs drawn per variant, from which the cases are chosen
_MAX_VISIBLE = 3
_WORDS = range(12, 46)  # words of a prompt; a wordier phrasing is drawn again
_MAX_DRY_DRAWS = 20_000  # draws without a new variant after which a family counts as exhausted


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """One task of a family, before its cases are chosen.

    `params` is everything that changes the right code, as plain JSON. `solve` computes expected
    values and shares no text with `reference`. `draw` gives the arguments of one random case;
    `edges` are corner cases that are always among the candidates. `mistakes` are pairs of source
    text and a sentence that names what is wrong.
    """

    params: Mapping[str, Any]
    entry_point: str
    prompt: str
    reference: str
    solve: Callable[..., Any]
    draw: Callable[[Random], tuple[Any, ...]]
    mistakes: Sequence[tuple[str, str]]
    hint: str
    edges: Sequence[tuple[Any, ...]] = ()
    difficulty: Difficulty = Difficulty.EASY
    tolerance: float = 0.0


@dataclass(frozen=True)
class Family:
    """A named source of sketches about one topic."""

    name: str
    topic: str
    sketch: Callable[[Random], Sketch]


@dataclass(frozen=True)
class Variant:
    """A finished problem with the parameters that identify its task."""

    problem: Problem
    params: str
    """Canonical JSON of the sketch's parameters."""


def split_of(family: str, params: str) -> Split:
    """The one split that a parameter setting belongs to, whatever the seed."""
    digest = hashlib.blake2b(f"{family}\n{params}".encode(), digest_size=8).digest()
    return "heldout" if int.from_bytes(digest, "big") % _HELDOUT_ONE_IN == 0 else "train"


def variants(family: Family, *, split: Split, seed: int) -> Iterator[Variant]:
    """Distinct variants of `family` in `split`, in an order fixed by `seed`.

    The first n of any two calls agree, so a larger set contains the smaller one. The iterator
    ends only when the family's parameters are exhausted, which takes thousands of variants.
    """
    seen: set[str] = set()
    dry = 0
    for index in count():
        rng = Random(f"{seed}/{split}/{family.name}/{index}")
        sketch = family.sketch(rng)
        params = json.dumps(sketch.params, sort_keys=True, separators=(",", ":"))
        new = not seen & {params, sketch.reference, sketch.prompt}
        usable = new and len(sketch.prompt.split()) in _WORDS
        problem = None
        if usable and split_of(family.name, params) == split:
            problem = _finish(family, sketch, rng)
        if problem is None:
            dry += 1
            if dry >= _MAX_DRY_DRAWS:
                return
            continue
        dry = 0
        seen |= {params, sketch.reference, sketch.prompt}
        yield Variant(problem, params)


def _finish(family: Family, sketch: Sketch, rng: Random) -> Problem | None:
    """The problem of a sketch, or None where no drawn cases tell right from wrong."""
    chosen = _choose_cases(sketch, rng)
    if chosen is None:
        return None
    visible, hidden, mistakes = chosen
    content = f"{sketch.prompt}\n{sketch.reference}\n{visible!r}\n{hidden!r}"
    digest = hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
    return Problem(
        id=f"{family.name}/{digest}",
        prompt=sketch.prompt,
        entry_point=sketch.entry_point,
        visible=tuple(_case(*pair) for pair in visible),
        hidden=tuple(_case(*pair) for pair in hidden),
        reference=sketch.reference,
        mistakes=mistakes,
        hint=sketch.hint,
        tolerance=sketch.tolerance,
        topic=family.topic,
        difficulty=sketch.difficulty,
        source="builtin",
        licence=LICENCE,
        family=family.name,
    )


def _case(args: tuple[Any, ...], expected: Any) -> Case:
    return Case(args=tuple(values.encode(a) for a in args), expected=values.encode(expected))


# --------------------------------------------------------------------------- choosing cases

_Pair = tuple[tuple[Any, ...], Any]  # arguments and expected value


def _choose_cases(
    sketch: Sketch, rng: Random
) -> tuple[list[_Pair], list[_Pair], tuple[Mistake, ...]] | None:
    """Short visible cases that catch every mistake if possible, and hidden ones that do."""
    pool = _distinct([*sketch.edges, *(sketch.draw(rng) for _ in range(_POOL))])
    pairs = [(args, sketch.solve(*deepcopy(args))) for args in pool]
    named = list(dict(reversed(sketch.mistakes)).items())[::-1]  # no source text twice
    caught = [_caught(code, sketch.entry_point, pairs) for code, _ in named]
    kept = [k for k, where in enumerate(caught) if len(where) >= 2]
    if not kept:
        return None
    length = [len(repr(args)) + len(repr(answer)) for args, answer in pairs]
    catches = [{k for k in kept if i in caught[k]} for i in range(len(pairs))]

    visible: list[int] = []
    missing = set(kept)
    while len(visible) < _MAX_VISIBLE and (missing or len(visible) < 2):
        shown = [repr(pairs[i][1]) for i in visible]
        rest = [i for i in range(len(pairs)) if i not in visible]
        if not rest:
            return None
        best = max(
            rest,
            key=lambda i: (  # a catch is worth 60 characters, a telling answer up to 60 more
                len(catches[i] & missing)
                + 0.7 * bool(pairs[i][1])
                + 0.3 * (repr(pairs[i][1]) not in shown)
                - length[i] / 60
            ),
        )
        visible.append(best)
        missing -= catches[best]

    rest = [i for i in range(len(pairs)) if i not in visible]
    hidden: list[int] = []
    for k in kept:
        if not any(k in catches[i] for i in hidden):
            found = [i for i in rest if k in catches[i] and i not in hidden]
            if not found:
                return None
            hidden.append(rng.choice(found))
    edge_count = len(sketch.edges)
    hidden += [i for i in rest if i < edge_count and i not in hidden][:2]
    others = [i for i in rest if i not in hidden]
    rng.shuffle(others)
    others.sort(key=lambda i: repr(pairs[i][1]) in {repr(pairs[j][1]) for j in hidden})
    hidden += others[: max(0, rng.randint(5, 8) - len(hidden))]
    if len(hidden) < 5 or len({repr(pairs[i][1]) for i in hidden}) < 2:
        return None
    rng.shuffle(hidden)
    mistakes = tuple(
        Mistake(code=code, description=text) for k, (code, text) in enumerate(named) if k in kept
    )
    return [pairs[i] for i in visible], [pairs[i] for i in hidden], mistakes


def _caught(code: str, entry_point: str, pairs: Sequence[_Pair]) -> set[int]:
    """Indices of the cases that the wrong solution `code` (a family's own text) gets wrong."""
    namespace: dict[str, Any] = {}
    exec(compile(code, f"<mistake of {entry_point}>", "exec"), namespace)
    function = namespace[entry_point]
    wrong = set()
    for index, (args, expected) in enumerate(pairs):
        try:
            same = _same(function(*deepcopy(args)), expected)
        except Exception:
            same = False
        if not same:
            wrong.add(index)
    return wrong


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-6 * max(1.0, abs(b))
    return type(a) is type(b) and bool(a == b)


def _distinct(pool: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list({repr(args): args for args in pool}.values())
