"""Rows of a data set of problems, from a file of any kind or from the hub, each with its place.

for where, row in rows("problems.parquet"):      # ('problems.parquet, line 1', {...})
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deepcoder.decoding import Undecodable, decoded
from deepcoder.errors import DataError, MissingError
from deepcoder.types import Case

__all__ = ["Row", "rows", "spread"]

Row = tuple[str, dict[str, Any]]
"""Where a record stands, and the record."""

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def rows(path: str, subset: str | None = None) -> Iterator[Row]:
    """The records of a file or of a folder of files; of a hub data set when `path` is no file.

    Raises:
        MissingError: neither a file nor a hub data set that can be had.
        DataError: a line that is no JSON object.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        kinds = ("*.jsonl", "*.jsonl.gz", "*.parquet", "*.json")
        files = sorted({found for kind in kinds for found in file.rglob(kind)})
        if not files:
            raise MissingError(
                f"The folder {path} holds no problems.",
                fix=f"name a file, or a folder with {', '.join(kinds)}",
            )
    elif file.is_file():
        files = [file]
    elif _HUB_NAME.fullmatch(path):
        from deepcoder.problems.public import hub_rows

        yield from hub_rows(path, subset, "the file")
        return
    else:
        raise MissingError(
            f"The problem file {path} does not exist.",
            fix="set problems.path to a file, or to a data set of the hub (owner/name).",
        )
    for one in files:
        for number, value in decoded(one):
            where = f"{one}, line {number}"
            if not isinstance(value, dict):
                detail = value.detail if isinstance(value, Undecodable) else "a list of messages"
                raise DataError(f"{where}: {detail}.", fix="write one JSON object a line.")
            yield where, value


def spread(cases: Sequence[Case], limit: int | None) -> tuple[Case, ...]:
    """At most `limit` cases, evenly over all of them, so that none of a kind is left out."""
    if limit is None or len(cases) <= limit:
        return tuple(cases)
    return tuple(cases[index * len(cases) // limit] for index in range(limit))
