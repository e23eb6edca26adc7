"""Trajectories in others' forms: one module per form, each `export_record(trajectory) -> dict`.

An exporter writes what its form can say and raises `Unexportable` for the rest; `writing` reads
every record back with the importer of the form and refuses one that has changed, so that a file
that was written holds what it was made of.
"""

__all__ = ["Unexportable"]


class Unexportable(ValueError):
    """A trajectory that the form has no way to write; the text says what of it."""
