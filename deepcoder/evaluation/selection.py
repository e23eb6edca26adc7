"""Which held-out problems are played: a stratified subset that is a function of the seed.

Strata are origin (hand-written, or from a procedural family) and difficulty. Each gives its share
of the limit, so that 48 of 151 problems are as hard, and as new, as the 151.

    chosen = select(load_problems(cfg.problems, "heldout"), 48, seed=0)
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from enum import StrEnum

from deepcoder.errors import ConfigError, DataError
from deepcoder.types import Problem

__all__ = ["Origin", "origin", "select"]


class Origin(StrEnum):
    """How a held-out problem relates to what was trained on."""

    WRITTEN = "hand-written"
    """Written by a person; nothing like it need be in the training set."""
    SEEN_FAMILY = "family in training"
    """Another variant of a procedural family that was trained on."""
    NEW_FAMILY = "family not in training"
    """From a procedural family of which no variant was trained on."""


def origin(problem: Problem, trained_families: Collection[str]) -> Origin:
    """The origin of a problem, given the families that the training set had."""
    if problem.family is None:
        return Origin.WRITTEN
    return Origin.SEEN_FAMILY if problem.family in trained_families else Origin.NEW_FAMILY


def select(problems: Sequence[Problem], limit: int | None, seed: int) -> tuple[Problem, ...]:
    """`limit` problems in proportion to the strata, in their order; all of them when None.

    Raises DataError for no problems or an id that stands twice, ConfigError for a limit below 1.
    """
    if not problems:
        raise DataError(
            "The benchmark has no problems.",
            fix="raise problems.heldout_variants or problems.heldout_fraction",
        )
    counts = Counter(problem.id for problem in problems)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise DataError(
            f"The benchmark has {len(twice)} problem ids more than once, e.g. {twice[0]}.",
            fix="give every problem an id of its own",
        )
    if limit is not None and limit < 1:
        raise ConfigError(
            f"benchmark.limit={limit} leaves nothing to play.", fix="use 1 or more, or null"
        )
    if limit is None or limit >= len(problems):
        return tuple(problems)
    strata: dict[tuple[bool, str], list[Problem]] = defaultdict(list)
    for problem in problems:
        strata[problem.family is None, str(problem.difficulty)].append(problem)
    chosen: set[str] = set()
    for key, share in _shares({key: len(group) for key, group in strata.items()}, limit).items():
        # By hash and not by shuffle: a problem that joins the set does not reshuffle the others.
        ranked = sorted(strata[key], key=lambda problem: _rank(seed, problem.id))
        chosen.update(problem.id for problem in ranked[:share])
    return tuple(problem for problem in problems if problem.id in chosen)


def _shares(sizes: dict[tuple[bool, str], int], limit: int) -> dict[tuple[bool, str], int]:
    """Whole numbers in proportion to `sizes` that add up to `limit` (largest remainder)."""
    total = sum(sizes.values())
    exact = {key: limit * size / total for key, size in sizes.items()}
    shares = {key: int(value) for key, value in exact.items()}
    left = limit - sum(shares.values())
    for key in sorted(exact, key=lambda key: (shares[key] - exact[key], key))[:left]:
        shares[key] += 1
    return shares


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}|{name}".encode()).hexdigest()
