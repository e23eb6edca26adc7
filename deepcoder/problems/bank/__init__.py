"""The hand-written problem bank: one module per topic, each a tuple `ENTRIES`.

Every problem is our own. `load()` turns the entries into `Problem` records; nothing is executed
and nothing is computed from a reference. Procedural problems live in `deepcoder.problems.families`.

Example::

    from deepcoder.problems import bank

    easy = [p for p in bank.load() if p.difficulty == "easy"]
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from deepcoder.types import Problem

__all__ = ["TOPICS", "load"]

TOPICS: tuple[str, ...] = (
    "strings",
    "lists",
    "dictionaries",
    "numbers",
    "recursion",
    "parsing",
    "dates",
    "graphs",
    "simulation",
    "sets",
    "sorting",
    "matrices",
    "text_formatting",
    "intervals",
    "bits",
    "combinatorics",
    "stacks_queues",
    "games",
    "validation",
    "time_units",
    "finance",
    "state_machines",
    "geometry",
    "ciphers",
    "sequences",
)
"""Module names in the order in which `load` returns their problems."""


@cache
def load() -> tuple[Problem, ...]:
    """All problems of the bank, always in the same order. Cached: records are immutable."""
    return tuple(
        entry.to_problem(topic)
        for topic in TOPICS
        for entry in import_module(f"{__name__}.{topic}").ENTRIES
    )
