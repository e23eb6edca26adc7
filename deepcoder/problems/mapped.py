"""Any set of problems by a mapping of its columns: our field to the column that holds it.

    problems=mapped problems.path=owner/name 'problems.columns={prompt: text, tests: test_list}'

Fields are those of `deepcoder.problems.jsonl` (`prompt`, `entry_point`, `tests`, `visible`,
`hidden`, `reference`, `setup_code`, `id`, …) and four more ways to give cases: `inputs` with
`outputs` (lists of the same length: argument lists and values, or texts for programs), `test` (a
`check(candidate)` as in HumanEval), and `input_output` (as in APPS). `tests` may be one text.
A column may lie inside another (`meta.name`); a field that holds JSON text is decoded where a list
is needed. Without `entry_point` it is the function that tests call and the reference defines;
without any, inputs and outputs are those of a program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from deepcoder import values
from deepcoder.errors import ConfigError, DataError
from deepcoder.problems.asserts import Unconvertible, read_check
from deepcoder.problems.jsonl import problem_of
from deepcoder.problems.programs import program
from deepcoder.problems.public import entry_point_of
from deepcoder.problems.rows import rows
from deepcoder.types import Problem

__all__ = ["FIELDS", "read_mapped"]

_CASES = ("tests", "visible", "hidden", "inputs", "outputs", "test", "input_output", "test_code")
FIELDS = ("id", "prompt", "entry_point", "reference", "setup_code", "difficulty", "topic",
          "tolerance", "ordered", "licence", "hint", *_CASES)  # fmt: skip
"""What may stand on the left of the mapping."""
_LISTS = ("tests", "visible", "hidden", "inputs", "outputs")


def read_mapped(
    path: str, columns: Mapping[str, str], subset: str | None = None
) -> tuple[Problem, ...]:
    """All problems of a set, in its order.

    Raises:
        ConfigError: a field that does not exist, or a mapping without prompt or cases.
        MissingError: the set cannot be had.
        DataError: a record lacks a mapped column or cannot be used, with its place; no record.
    """
    _check(columns)
    problems: list[Problem] = []
    places: dict[str, str] = {}
    for where, row in rows(path, subset):
        problem = _mapped(row, columns, where, len(problems))
        if problem.id in places:
            raise DataError(
                f"{where}: the id {problem.id!r} was used in {places[problem.id]}.",
                fix="map `id` to a column that tells rows apart, or do not map it.",
            )
        places[problem.id] = where
        problems.append(problem)
    if not problems:
        raise DataError(f"{path} holds no problem.", fix="name another file or data set.")
    return tuple(problems)


def _check(columns: Mapping[str, str]) -> None:
    for field in columns:
        if field not in FIELDS:
            near = get_close_matches(field, FIELDS, n=1)
            raise ConfigError(
                f"problems.columns has {field!r}, which is no field of a problem.",
                fix=f"did you mean {near[0]}?" if near else f"use some of {', '.join(FIELDS)}.",
            )
    if "prompt" not in columns:
        raise ConfigError("problems.columns does not map `prompt`.", fix="add prompt: <column>.")
    if not any(field in columns for field in _CASES):
        raise ConfigError(
            "problems.columns maps no cases: nothing could be judged.",
            fix="add tests, test, inputs and outputs, input_output, or hidden.",
        )


def _mapped(row: dict[str, Any], columns: Mapping[str, str], where: str, number: int) -> Problem:
    record = {field: _column(row, column, where) for field, column in columns.items()}
    record = {field: value for field, value in record.items() if value is not None}
    for field in _LISTS:
        record.update({field: _list(record[field], field, where)} if field in record else {})
    name = str(record.get("id", f"{where.partition(',')[0].rpartition('/')[2]}/{number + 1}"))
    if "input_output" in record:
        asked = {"question": record["prompt"], "input_output": record["input_output"]}
        return program({**asked, "problem_id": name}, where).model_copy(update={"id": name})
    record["id"] = name
    if not record.get("entry_point"):
        tests = record.get("tests") or [str(record.get("test", ""))]
        found = entry_point_of("\n".join(map(str, tests)), str(record.get("reference", "")))
        record.pop("entry_point", None)
        record.update({"entry_point": found} if found else {})
    if "inputs" in record or "outputs" in record:
        _add_pairs(record, where)
    if "test" in record:
        _add_check(record)
    record.setdefault("source", "mapped")
    return problem_of(record, where)


def _column(row: Mapping[str, Any], column: str, where: str) -> Any:
    """The value of a column, whose name may be a path through objects."""
    node: Any = row
    for part in [column] if column in row else column.split("."):
        if not isinstance(node, Mapping) or part not in node:
            names = ", ".join(sorted(map(str, row)))[:200]
            raise DataError(
                f"{where}: there is no column {column!r}; there are {names}.",
                fix="correct problems.columns.",
            )
        node = node[part]
    return node


def _list(value: Any, field: str, where: str) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            if field != "tests":
                raise DataError(
                    f"{where}: {field} is text that is no JSON list.", fix="map another column."
                ) from None
            return [line for line in value.splitlines() if line.strip()]
    if not isinstance(value, list):
        raise DataError(f"{where}: {field} is no list.", fix="map another column.")
    return value


def _add_pairs(record: dict[str, Any], where: str) -> None:
    inputs, outputs = record.pop("inputs", None), record.pop("outputs", None)
    if inputs is None or outputs is None or len(inputs) != len(outputs):
        raise DataError(
            f"{where}: inputs and outputs are not two lists of the same length.",
            fix="map both, or use another way to give cases.",
        )
    if not record.get("entry_point"):
        record["form"] = "stdin"
        record["hidden"] = [
            {"stdin": str(given), "stdout": str(wanted)}
            for given, wanted in zip(inputs, outputs, strict=True)
        ]
        return
    record["hidden"] = [
        {
            "args": [values.encode(v) for v in (given if isinstance(given, list) else [given])],
            "expected": values.encode(wanted),
        }
        for given, wanted in zip(inputs, outputs, strict=True)
    ]


def _add_check(record: dict[str, Any]) -> None:
    """A `check(candidate)`: as cases where it is data, else as a suite of lower trust."""
    test = str(record.pop("test"))
    try:
        suite = read_check(test)
    except Unconvertible:
        called = f"\n\ncheck({record.get('entry_point')})\n" if "def check" in test else "\n"
        record |= {"form": "asserts", "test_code": test.strip() + called}
        return
    record["hidden"] = [case.model_dump() for case in suite.cases]
    record |= {"tolerance": suite.tolerance, "ordered": suite.ordered}
