"""Procedural families: each generates unlimited seeded variants of one kind of task.

`FAMILIES` maps a name to its `Family`; `core` holds the engine and says how the train and
held-out splits are kept apart. Add a family by writing a sketch function and listing it in its
module's `FAMILIES`.
"""

from __future__ import annotations

from deepcoder.problems.families import (
    arithmetic,
    basics,
    coding,
    letters,
    machines,
    number_lists,
    records,
    sequences,
    series,
    sets,
    simulation,
    tables,
    texts,
    times,
)
from deepcoder.problems.families.core import Family, Sketch, Split, Variant, split_of, variants

__all__ = ["FAMILIES", "Family", "Sketch", "Split", "Variant", "split_of", "variants"]

FAMILIES: dict[str, Family] = {
    family.name: family
    for module in (
        basics,
        number_lists,
        series,
        arithmetic,
        sequences,
        sets,
        texts,
        letters,
        coding,
        records,
        tables,
        times,
        simulation,
        machines,
    )
    for family in module.FAMILIES
}
"""Every family by name, in a fixed order."""
