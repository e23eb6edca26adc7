"""Trajectories that others wrote: one module per form, each `import_record(value) -> Trajectory`.

An importer takes one decoded JSON object and either reads all of it or raises `UnreadableRecord`
with the reason. Files, lines and our own format are the business of `trajectories.reading`.
"""

__all__ = ["UnreadableRecord"]


class UnreadableRecord(ValueError):
    """A record that is not of the importer's form; the text says where and why."""
