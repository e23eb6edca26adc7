"""Programs judged by standard input and output: APPS, TACO, CodeContests, LiveCodeBench.

The layout is told by the fields of a record, which is `{"question": …, "input_output": …}` (APPS
and TACO, the cases as JSON text or as an object), `{"description": …, "public_tests": …}`
(CodeContests), or `{"question_content": …, "public_test_cases": …, "private_test_cases": …}`
(LiveCodeBench). Records with a function name become problems of form `call`; a record without a
single case is left out and counted in the log.

LiveCodeBench ships its private cases as pickled text. **They are never unpickled**: the pickle is
read instruction by instruction, and only one that does nothing but load a text is accepted.
"""

from __future__ import annotations

import ast
import base64
import json
import logging
import pickletools
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from deepcoder import values
from deepcoder.errors import ConfigError, DataError
from deepcoder.problems.rows import rows, spread
from deepcoder.types import Case, Difficulty, Problem, ProblemForm

__all__ = ["livecodebench", "pickled_text", "program", "read_programs"]

log = logging.getLogger(__name__)

_DIFFICULTY = {
    **dict.fromkeys(("introductory", "easy", "very_easy"), Difficulty.EASY),
    **dict.fromkeys(("competition", "hard", "very_hard"), Difficulty.HARD),
}
_LOADS_TEXT = {"PROTO", "FRAME", "STOP", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"}
_TEXTS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"}
_MOST = 512 << 20
"""Bytes that compressed cases may unfold to."""


class _NoCases(ValueError):
    """The record has no test."""


def livecodebench(path: str | None, split: str, limit: int | None = None) -> tuple[Problem, ...]:
    """LiveCodeBench, as the held-out split.

    Raises:
        ConfigError: for the train split.
        MissingError, DataError: as `read_programs`.
    """
    if split == "train":
        raise ConfigError(
            "LiveCodeBench is a benchmark and never a training set.",
            fix="train on problems=apps or another set; keep LiveCodeBench for evaluation.",
        )
    return read_programs(path, "livecodebench/code_generation_lite", limit)


def read_programs(path: str | None, hub: str, limit: int | None = None) -> tuple[Problem, ...]:
    """All problems of a file (or of the set `hub`) that have a case, in its order.

    Raises:
        MissingError: there is no such file, and the hub cannot be reached.
        DataError: a record that cannot be read, or none with a case.
    """
    problems: list[Problem] = []
    without: list[str] = []
    for where, row in rows(path or hub):
        try:
            problems.append(program(row, where, limit))
        except _NoCases:
            without.append(where)
    if without:
        log.warning("%d records without cases are left out, first %s.", len(without), without[0])
    if not problems:
        raise DataError(f"{path or hub} holds no program with cases.", fix="name another file.")
    return tuple(problems)


def program(row: Mapping[str, Any], where: str, limit: int | None = None) -> Problem:
    """The problem of one record. Raises DataError."""
    if "question_content" in row:
        fields, visible, hidden = _livecodebench(row, where)
    elif "public_tests" in row:
        fields, visible, hidden = _code_contests(row, where)
    elif "input_output" in row or "question" in row:
        fields, visible, hidden = _apps(row, where)
    else:
        raise DataError(
            f"{where}: neither input_output, public_tests nor question_content; the fields are "
            f"{', '.join(sorted(map(str, row)))[:200]}.",
            fix="use problems=mapped for another layout.",
        )
    if not hidden:
        raise _NoCases
    difficulty = _DIFFICULTY.get(str(row.get("difficulty", "")).lower(), Difficulty.MEDIUM)
    hidden = spread(hidden, limit)
    return Problem(visible=tuple(visible), hidden=hidden, difficulty=difficulty, **fields)


Read = tuple[dict[str, Any], Sequence[Case], Sequence[Case]]
"""(fields of the problem, visible cases, hidden cases)."""


def _apps(row: Mapping[str, Any], where: str) -> Read:
    tests = _json(row.get("input_output"), f"{where}: input_output") or {}
    if not isinstance(tests, dict):
        raise DataError(f"{where}: input_output is no object.", fix="use the file as published.")
    name = tests.get("fn_name") or None
    pairs = list(zip(tests.get("inputs") or [], tests.get("outputs") or [], strict=False))
    number = next((row[key] for key in ("problem_id", "task_id", "id") if key in row), where)
    fields = _fields(row, "apps", f"apps/{number}", _text(row, "question", where), name)
    solutions = _json(row.get("solutions"), f"{where}: solutions", strict=False) or []
    if solutions and isinstance(solutions, list) and isinstance(solutions[0], str):
        fields["reference"] = _function(solutions[0], name) if name else solutions[0]
    if name is None:
        return fields, (), [_program_case(given, wanted) for given, wanted in pairs]
    # APPS wraps the value of a call into a list of one.
    wrapped = all(isinstance(wanted, list) and len(wanted) == 1 for _, wanted in pairs)
    return (
        fields,
        (),
        [_call_case(given, wanted[0] if wrapped else wanted) for given, wanted in pairs],
    )


def _code_contests(row: Mapping[str, Any], where: str) -> Read:
    def cases(name: str) -> list[Case]:
        tests = row.get(name) or {}
        pairs = zip(tests.get("input") or [], tests.get("output") or [], strict=False)
        return [_program_case(given, wanted) for given, wanted in pairs]

    visible = cases("public_tests")
    fields = _fields(
        row, "code_contests", f"code_contests/{row.get('name', where)}",
        _text(row, "description", where), None,
    )  # fmt: skip
    hidden = [*visible, *cases("private_tests"), *cases("generated_tests")]
    return fields, visible[:2], hidden


def _livecodebench(row: Mapping[str, Any], where: str) -> Read:
    public = _json(row.get("public_test_cases"), f"{where}: public_test_cases") or []
    private = _private(row.get("private_test_cases"), where)
    metadata = _json(row.get("metadata"), f"{where}: metadata", strict=False) or {}
    tests = [test for test in [*public, *private] if isinstance(test, Mapping)]
    functional = any(test.get("testtype") == "functional" for test in tests)
    name = metadata.get("func_name") if isinstance(metadata, Mapping) else None
    starter = str(row.get("starter_code") or "")
    if functional and not name:
        found = re.search(r"def\s+(\w+)\s*\(\s*self", starter)
        name = found[1] if found else None
        if name is None:
            raise DataError(
                f"{where}: tests call a function, and neither metadata.func_name nor starter_code "
                "names it.",
                fix="use the file as published.",
            )
    number = row.get("question_id", where)
    prompt = _text(row, "question_content", where)
    if functional and name:
        prompt = f"{prompt.strip()}\n\nWrite a function (not a class): {_signature(starter, name)}"
    fields = _fields(row, "livecodebench", f"livecodebench/{number}", prompt, name)
    make = _functional_case if functional else _stdio_case
    cases = [make(test, where) for test in tests]
    shown = [make(test, where) for test in public if isinstance(test, Mapping)]
    return fields, shown[:2], cases


def _private(value: Any, where: str) -> list[Any]:
    """Private cases: JSON text, or the compressed pickle of one."""
    if not value:
        return []
    if isinstance(value, list):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        try:
            unfolding = zlib.decompressobj()
            data = unfolding.decompress(base64.b64decode(value, validate=True), _MOST)
            found = json.loads(pickled_text(data))
        except (ValueError, zlib.error, RecursionError) as error:
            raise DataError(
                f"{where}: private_test_cases cannot be read: {error}.",
                fix="use the file as published; nothing but text is ever unpickled.",
            ) from None
    return found if isinstance(found, list) else []


def pickled_text(data: bytes) -> str:
    """The text in a pickle that holds nothing else. No instruction of it is carried out.

    Raises:
        ValueError: for a pickle of anything else.
    """
    text: str | None = None
    try:
        instructions = list(pickletools.genops(data))
    except ValueError as error:
        raise ValueError(f"no pickle: {error}") from None
    for instruction, argument, _ in instructions:
        if instruction.name in _TEXTS and text is None:
            text = str(argument)
        elif instruction.name not in _LOADS_TEXT:
            raise ValueError(f"the pickle does more than hold a text ({instruction.name})")
    if text is None:
        raise ValueError("the pickle holds no text")
    return text


# ------------------------------------------------------------------------------ cases


def _fields(
    row: Mapping[str, Any], source: str, name: str, prompt: str, entry_point: str | None
) -> dict[str, Any]:
    return {
        "id": name,
        "prompt": prompt.strip(),
        "form": ProblemForm.CALL if entry_point else ProblemForm.STDIN,
        "entry_point": entry_point,
        "topic": source,
        "source": source,
        "licence": str(row.get("license") or "unknown"),
    }


def _program_case(given: Any, wanted: Any) -> Case:
    return Case(stdin=_lines(given), stdout=_lines(wanted))


def _lines(value: Any) -> str:
    """Standard input or output: a text, or a list of its lines."""
    if isinstance(value, list):
        return "\n".join(str(line) for line in value)
    return str(value)


def _call_case(given: Any, wanted: Any) -> Case:
    arguments = given if isinstance(given, list) else [given]
    return Case(args=tuple(map(values.encode, arguments)), expected=values.encode(wanted))


def _stdio_case(test: Mapping[str, Any], where: str) -> Case:
    return _program_case(test.get("input", ""), test.get("output", ""))


def _functional_case(test: Mapping[str, Any], where: str) -> Case:
    """One argument a line, as JSON."""
    try:
        given = [json.loads(line) for line in str(test["input"]).split("\n") if line.strip()]
        return _call_case(given, json.loads(test["output"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{where}: a functional test is no JSON: {error}.", fix="use the file as published."
        ) from None


def _signature(starter: str, name: str) -> str:
    """The method of the starter code as a plain function."""
    found = re.search(
        rf"def\s+{re.escape(name)}\s*\((?P<rest>.*?)\)\s*(?P<to>->[^:\n]+)?:", starter, re.S
    )
    if not found:
        return f"def {name}(...)"
    arguments = re.sub(r"^\s*self\s*,?\s*", "", found["rest"])
    return f"def {name}({arguments}){' ' + found['to'].strip() if found['to'] else ''}"


def _function(solution: str, name: str) -> str | None:
    """A solution that defines `name` at its top level; methods of a class are not called here."""
    try:
        body = ast.parse(solution).body
    except (SyntaxError, ValueError):
        return None
    defined = any(isinstance(node, ast.FunctionDef) and node.name == name for node in body)
    return solution if defined else None


def _json(value: Any, what: str, strict: bool = True) -> Any:
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        if not strict:
            return None
        raise DataError(f"{what} is no JSON: {error}.", fix="use the file as published.") from None


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: {name} is missing.", fix="use the file as published.")
    return value.replace("\r\n", "\n")
