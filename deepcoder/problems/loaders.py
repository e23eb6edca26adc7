"""`load_problems`: the one entrance to problems, for training and for evaluation.

`builtin` is the hand-written bank and the procedural families, `jsonl` a user's own file
(`deepcoder.problems.jsonl`), `mbpp` and `humaneval` the public sets (`deepcoder.problems.public`)
and their + forms (`plus`), `apps` and `livecodebench` programs (`programs`), `mapped` any other set
(`mapped`).

The side of the split that a problem is on never depends on the seed: variants are split by the
hash of their parameters (`families.core`), listed problems by the hash of their id, a fixed share
of every difficulty. So no choice of seeds or sizes lets training and evaluation meet.

Example::

    problems = load_problems(cfg.problems, "heldout")
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

from deepcoder.errors import ConfigError, DataError
from deepcoder.problems.families import FAMILIES, Split, variants
from deepcoder.types import Difficulty, Problem

if TYPE_CHECKING:
    from deepcoder.config import ProblemsConfig

__all__ = ["load_problems", "split_listed"]


def load_problems(cfg: ProblemsConfig, split: Split) -> tuple[Problem, ...]:
    """The problems of one side of the split, in an order fixed by the configuration.

    Raises:
        ConfigError: an unknown family, HumanEval as a training set, a kind without its path.
        DataError: a record that cannot be used, or nothing left on this side.
        MissingError: a public set that is neither at `path`, nor in a package, nor on the hub.
    """
    kind = str(getattr(cfg.kind, "value", cfg.kind))
    problems: tuple[Problem, ...]
    if kind == "builtin":
        problems = _builtin(cfg, split)
    elif kind == "jsonl":
        from deepcoder.problems.jsonl import read_problems

        if not cfg.path:
            raise ConfigError("problems=jsonl needs a file.", fix="give problems.path=FILE.jsonl.")
        problems = split_listed(read_problems(cfg.path), split, cfg.heldout_fraction)
    elif kind == "mbpp":
        from deepcoder.problems.public import mbpp

        problems = mbpp(cfg.path, split)
    elif kind in ("mbpp_plus", "humaneval_plus"):
        from deepcoder.problems.plus import humaneval_plus, mbpp_plus

        plus = mbpp_plus if kind == "mbpp_plus" else humaneval_plus
        problems = plus(cfg.path, split, cfg.max_cases)
    elif kind == "apps":
        from deepcoder.problems.programs import read_programs

        listed = read_programs(cfg.path, "codeparrot/apps", cfg.max_cases)
        problems = split_listed(listed, split, cfg.heldout_fraction)
    elif kind == "livecodebench":
        from deepcoder.problems.programs import livecodebench

        problems = livecodebench(cfg.path, split, cfg.max_cases)
    elif kind == "mapped":
        from deepcoder.problems.mapped import read_mapped

        listed = read_mapped(cfg.path or "", dict(cfg.columns), cfg.subset)
        problems = split_listed(listed, split, cfg.heldout_fraction)
    elif kind == "humaneval":
        from deepcoder.problems.public import humaneval

        problems = humaneval(cfg.path, split)
    elif kind == "hotpotqa":
        from deepcoder.problems.questions import questions

        problems = questions(cfg.path, split)
    else:
        raise ConfigError(
            f"problems.kind is {kind!r}.", fix="use builtin, jsonl, mbpp, humaneval, hotpotqa."
        )
    if not problems:
        raise DataError(
            f"problems={kind} has nothing in its {split} split.",
            fix="raise problems.variants or problems.heldout_variants (builtin), or set "
            "problems.heldout_fraction between 0 and 1.",
        )
    return problems


def split_listed(
    problems: Iterable[Problem], split: Split, heldout_fraction: float
) -> tuple[Problem, ...]:
    """One side of a list of problems: of every difficulty, the share with the lowest hashes of
    their ids is held out. At least one of a difficulty that has two, where the share is above 0.
    """
    if not 0 <= heldout_fraction <= 1:
        raise ConfigError(
            f"problems.heldout_fraction is {heldout_fraction}.", fix="use a share from 0 to 1."
        )
    listed = list(problems)
    heldout: set[str] = set()
    for difficulty in Difficulty:
        ids = sorted((p.id for p in listed if p.difficulty is difficulty), key=_hash)
        size = round(heldout_fraction * len(ids))
        if heldout_fraction > 0 and len(ids) >= 2:
            size = max(size, 1)
        heldout.update(ids[:size])
    return tuple(p for p in listed if (p.id in heldout) == (split == "heldout"))


def _builtin(cfg: ProblemsConfig, split: Split) -> tuple[Problem, ...]:
    names = list(FAMILIES) if cfg.families is None else list(cfg.families)
    for name in names:
        if name not in FAMILIES:
            near = get_close_matches(name, FAMILIES, n=1)
            raise ConfigError(
                f"problems.families names an unknown family {name!r}.",
                fix=f"did you mean {near[0]}?" if near else f"use some of {', '.join(FAMILIES)}.",
            )
    size = cfg.variants if split == "train" else cfg.heldout_variants
    groups: list[Sequence[Problem]] = []
    if cfg.bank:
        from deepcoder.problems import bank

        groups.append(split_listed(bank.load(), split, cfg.heldout_fraction))
    for name in names:
        family = FAMILIES[name]
        drawn = variants(family, split=split, seed=cfg.seed)
        groups.append([variant.problem for variant in islice(drawn, size * family.share)])
    return _interleave(groups)


def _interleave(groups: Sequence[Sequence[Problem]]) -> tuple[Problem, ...]:
    """All groups spread evenly over the result, so that any prefix has something of each."""
    placed = [
        ((index + 0.5) / len(group), number, problem)
        for number, group in enumerate(groups)
        for index, problem in enumerate(group)
    ]
    return tuple(problem for _, _, problem in sorted(placed, key=lambda entry: entry[:2]))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
