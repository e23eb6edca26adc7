"""The engine behind the procedural families: from a seeded sketch to a complete `Problem`.

A family is a function that turns a random source into a `Sketch`: one task with its parameters,
its wording, a reference in source text, an independent Python function that gives the expected
values, and wrong solutions in source text. `variants` draws sketches for ever, chooses short
visible cases that catch the wrong solutions, hidden cases that judge, and yields problems.

**How overlap between the splits is excluded.** A variant belongs to exactly one split, decided by
the hash of its family and parameters (`split_of`): one in five parameter settings is held out,
whatever the seed and however many variants are drawn. Wording, names and cases are not part of
that hash, so the same task in other words stays on its side. The two splits also draw from
disjoint seed streams, and within a split no parameters, reference or prompt repeat. What this
does not exclude: other parameters can agree on the few cases of one problem. Against 250 training
variants a family, 3% of held-out problems are passed by some training reference as it stands.

No reference is proved right here: the tests do that, in the sandbox.

Example::

    family = FAMILIES["filter_aggregate"]
    first = next(variants(family, split="train", seed=0))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any, Literal

from deepcoder import values
from deepcoder.problems.families.cases import choose_cases, fresh
from deepcoder.types import Case, Difficulty, Mistake, Problem

__all__ = ["LICENCE", "Family", "Sketch", "Split", "Variant", "split_of", "variants"]

Split = Literal["train", "heldout"]

LICENCE = "Apache-2.0"
"""Licence of every generated problem: that of this project."""

_HELDOUT_ONE_IN = 5
_POOL = 40  # candidate inputs drawn per variant, from which the cases are chosen
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
    """A named source of sketches about one topic.

    `share`: how many times the usual number of variants a problem set takes of it.
    """

    name: str
    topic: str
    sketch: Callable[[Random], Sketch]
    share: int = 1


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
    pool = [*sketch.edges, *(sketch.draw(rng) for _ in range(_POOL))]
    pairs = [
        (args, sketch.solve(*fresh(args))) for args in {repr(args): args for args in pool}.values()
    ]
    chosen = choose_cases(sketch.entry_point, sketch.reference, sketch.mistakes, pairs, rng)
    if chosen is None:
        return None
    visible, hidden = chosen.visible, chosen.hidden
    content = f"{sketch.prompt}\n{sketch.reference}\n{visible!r}\n{hidden!r}"
    digest = hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
    return Problem(
        id=f"{family.name}/{digest}",
        prompt=sketch.prompt,
        entry_point=sketch.entry_point,
        visible=tuple(_case(*pair) for pair in visible),
        hidden=tuple(_case(*pair) for pair in hidden),
        reference=sketch.reference,
        mistakes=tuple(Mistake(code=code, description=text) for code, text in chosen.mistakes),
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
