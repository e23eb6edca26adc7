"""Reads a user's own problems: JSON Lines, one problem a line, `.jsonl` or `.jsonl.gz`.

A record needs a prompt, the name of the function, and cases. Values are plain JSON; what JSON does
not know (tuples, sets, dicts with other keys) is written as in `deepcoder.values`::

    {"id": "sum_even", "prompt": "Return the sum of the even numbers in `xs`.",
     "entry_point": "sum_even",
     "visible": [{"args": [[1, 2]], "expected": 2}],
     "hidden": [{"args": [[]], "expected": 0}, {"args": [[4, 6, 7]], "expected": 10}],
     "reference": "def sum_even(xs):\\n    return sum(x for x in xs if x % 2 == 0)\\n",
     "difficulty": "easy"}

(on one line). Instead of `visible` and `hidden` a record may carry `tests`, a list of assert
statements: the first is shown, all of them judge. A problem of form `stdin` has cases with `stdin`
and `stdout`. All other fields of `types.Problem` are optional; `id` is the file's name and the
line where it is missing. A field that does not exist is an error, so that a typo is seen.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deepcoder import values
from deepcoder.errors import DataError, MissingError
from deepcoder.problems.asserts import Unconvertible, read_asserts
from deepcoder.types import Case, Problem, ProblemForm

__all__ = ["problem_of", "read_problems", "read_records"]

_FORMAT = "see `pydoc deepcoder.problems.jsonl` for the format of a record."


def read_problems(path: str | Path) -> tuple[Problem, ...]:
    """All problems of a file, in its order.

    Raises:
        MissingError: the file does not exist.
        DataError: a record cannot be used (with file, line and field), an id occurs twice, or the
            file holds no problem.
    """
    path = Path(path)
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    for line, record in read_records(path):
        record.setdefault("id", f"{path.name.split('.')[0]}/{line}")
        problem = problem_of(record, f"{path}, line {line}")
        if problem.id in lines:
            raise DataError(
                f"{path}, line {line}: the id {problem.id!r} was used in line {lines[problem.id]}.",
                fix="give every problem its own id.",
            )
        lines[problem.id] = line
        problems.append(problem)
    if not problems:
        raise DataError(f"{path} holds no problem.", fix=f"add a line for each; {_FORMAT}")
    return tuple(problems)


def read_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, record) of every line that is not blank.

    Raises:
        MissingError: the file does not exist.
        DataError: a line is not a JSON object, or the file is not text.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise MissingError(f"The problem file {path} {what}.", fix="set problems.path to the file.")
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read: {error}.", fix="write it as UTF-8, plain or gzipped."
        ) from None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: not JSON: {error}.", fix="write one JSON object a line."
            ) from None
        if not isinstance(record, dict):
            raise DataError(
                f"{path}, line {number}: expected an object, found {type(record).__name__}.",
                fix=_FORMAT,
            )
        yield number, record


def problem_of(record: dict[str, Any], where: str) -> Problem:
    """The problem of a record that stands at `where`. Raises DataError."""
    try:
        record = _with_tests(record)
        problem = Problem.model_validate_json(json.dumps(record))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the record"
        reason = first["msg"].removeprefix("Value error, ")
        raise DataError(f"{where}: {place}: {reason}.", fix=_FORMAT) from None
    except ValueError as error:
        raise DataError(f"{where}: {error}.", fix=_FORMAT) from None
    for group in ("visible", "hidden"):
        for index, case in enumerate(getattr(problem, group)):
            flaw = _flaw(case, problem.form)
            if flaw:
                raise DataError(f"{where}: {group}.{index}{flaw}.", fix=_FORMAT)
    return problem


def _with_tests(record: dict[str, Any]) -> dict[str, Any]:
    """`tests` as cases where they are data, otherwise as an assert suite."""
    if "tests" not in record:
        return record
    record = dict(record)
    tests = record.pop("tests")
    if not isinstance(tests, list) or not tests or not all(isinstance(t, str) for t in tests):
        raise ValueError("tests: expected a list of assert statements")
    if record.get("visible") or record.get("hidden") or record.get("test_code"):
        raise ValueError("tests: give either tests or cases, not both")
    if not isinstance(record.get("entry_point"), str):
        raise ValueError("entry_point: tests need the name of the function")
    try:
        suite = read_asserts("\n".join(tests), record["entry_point"])
    except Unconvertible:
        record |= {"form": "asserts", "test_code": "\n".join(tests) + "\n"}
        return record
    cases = [case.model_dump() for case in suite.cases]
    record |= {"visible": cases[:1], "hidden": cases, "ordered": suite.ordered}
    record["tolerance"] = suite.tolerance
    return record


def _flaw(case: Case, form: ProblemForm) -> str | None:
    """What is wrong with a case, from its field on."""
    if form is ProblemForm.STDIN:
        if case.stdout is None:
            return ".stdout: a problem of form 'stdin' needs it"
        return None
    if case.stdin is not None or case.stdout is not None:
        return ": stdin and stdout belong to problems of form 'stdin'"
    if "expected" not in case.model_fields_set:
        return ".expected: missing"
    tagged = {f"args.{i}": a for i, a in enumerate(case.args)}
    tagged |= {f"kwargs.{name}": v for name, v in case.kwargs.items()}
    for place, value in {**tagged, "expected": case.expected}.items():
        try:
            values.decode(value)
        except ValueError as error:
            return f".{place}: {error}"
    return None
