"""EvalPlus' HumanEval+ and MBPP+ (arXiv 2305.01210): the public sets with many more cases.

Read are EvalPlus' own files (`HumanEvalPlus.jsonl.gz`, `MbppPlus.jsonl.gz`: inputs without expected
values) and the sets on the hub, whose `test` holds both as data. Expected values that a file lacks
are computed by its canonical solution in the sandbox, once, when the set is loaded; an input that
the solution does not answer is left out and counted in the log. Floats are compared with the file's
`atol`, or 1e-6 where it is 0, as EvalPlus does.

MBPP+ keeps MBPP's splits by id; HumanEval+ is evaluation only. JSON has no tuples, sets or complex
numbers: which problems take them is the table of `evalplus/data/mbpp.py` at commit 1bd5f4c.
"""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from deepcoder import values
from deepcoder.errors import ConfigError, DataError
from deepcoder.problems.literals import Unreadable, evaluate
from deepcoder.problems.public import MBPP_IDS, entry_point_of
from deepcoder.problems.rows import rows, spread
from deepcoder.types import Case, Difficulty, Problem

__all__ = ["humaneval_plus", "mbpp_plus"]

log = logging.getLogger(__name__)

_CALLS = 40  # inputs per run of the reference, so that one that hangs costs few others
_FLOAT = 1e-6


def humaneval_plus(path: str | None, split: str, limit: int | None = None) -> tuple[Problem, ...]:
    """HumanEval+: all of it, as the held-out split. Raises as `public.humaneval`."""
    if split == "train":
        raise ConfigError(
            "HumanEval+ is a benchmark and never a training set.",
            fix="train on problems=builtin or problems=mbpp; keep HumanEval+ for evaluation.",
        )
    found = [_humaneval(row, where) for where, row in rows(path or "evalplus/humanevalplus")]
    return _with_expected(found, limit)


def mbpp_plus(path: str | None, split: str, limit: int | None = None) -> tuple[Problem, ...]:
    """One split of MBPP+, by MBPP's ids. Raises as `public.mbpp`."""
    chosen = []
    for where, row in rows(path or "evalplus/mbppplus"):
        number = int(str(row.get("task_id", "")).rpartition("/")[2] or -1)
        if number in MBPP_IDS[split]:
            chosen.append(_mbpp(row, number, where))
    return _with_expected(chosen, limit)


class _Unanswered:
    """A problem whose inputs, as tagged values, still want expected values."""

    def __init__(self, problem: dict[str, Any], inputs: list[list[Any]], where: str) -> None:
        self.problem, self.inputs, self.where = problem, inputs, where
        self.expected: list[Any] | None = None


def _humaneval(row: dict[str, Any], where: str) -> _Unanswered:
    stub, entry_point = _text(row, "prompt", where), _text(row, "entry_point", where)
    fields = {
        "id": _text(row, "task_id", where).replace("HumanEval/", "HumanEvalPlus/"),
        "prompt": f"Complete this function.\n{stub}",
        "entry_point": entry_point,
        "reference": stub + _text(row, "canonical_solution", where),
        "setup_code": stub[: max(0, stub.rfind(f"def {entry_point}("))],
        "difficulty": Difficulty.MEDIUM,
        **dict.fromkeys(("topic", "source"), "humaneval_plus"),
        "licence": "Apache-2.0",
    }
    return _inputs(fields, row, where, list)


def _mbpp(row: dict[str, Any], number: int, where: str) -> _Unanswered:
    reference = row.get("canonical_solution") or row.get("code") or ""
    prompt = _text(row, "prompt", where).strip().strip('"').strip()
    entry_point = row.get("entry_point")
    if not isinstance(entry_point, str):
        entry_point = entry_point_of("\n".join(row.get("test_list") or ()), reference)
    shown = row.get("test_list") or ()
    if shown and not any(line in prompt for line in shown[:1]):
        prompt = f"{prompt}\nExample: {shown[0]}"
    fields = {
        "id": f"mbpp_plus/{number}",
        "prompt": prompt,
        "entry_point": entry_point,
        "reference": reference,
        "difficulty": Difficulty.EASY,
        **dict.fromkeys(("topic", "source"), "mbpp_plus"),
        "licence": "Apache-2.0",
    }
    return _inputs(fields, row, where, lambda inputs: [_typed(number, one) for one in inputs])


def _inputs(
    fields: dict[str, Any], row: dict[str, Any], where: str, typed: Callable[[Any], list[Any]]
) -> _Unanswered:
    """The inputs of a row; expected values too where its `test` holds them."""
    if row.get("base_input") is not None:
        inputs = [*_list(row, "base_input", where), *_list(row, "plus_input", where)]
        try:
            right = [[values.encode(v) for v in one] for one in typed(inputs)]
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise DataError(
                f"{where}: an input is not of the types its problem takes: {error}.",
                fix="use the file as published.",
            ) from None
        found = _Unanswered(fields, right, where)
    else:
        given, wanted = _data_of_test(row, where)
        found = _Unanswered(fields, [[values.encode(v) for v in one] for one in given], where)
        found.expected = [values.encode(value) for value in wanted]
    atol = row.get("atol")
    fields["tolerance"] = float(atol) if isinstance(atol, int | float) else 0.0
    return found


def _data_of_test(row: dict[str, Any], where: str) -> tuple[list[Any], list[Any]]:
    """The lists `inputs` and `results` that a test of the hub's sets begins with."""
    found: dict[str, Any] = {}
    try:
        for node in ast.walk(ast.parse(_text(row, "test", where))):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name in ("inputs", "results"):
                    found[name] = evaluate(node.value, {})
    except (SyntaxError, Unreadable, RecursionError, MemoryError) as error:
        raise DataError(
            f"{where}: test cannot be read as data: {error}.",
            fix="use EvalPlus' own file (…Plus.jsonl.gz) in problems.path.",
        ) from None
    inputs, results = found.get("inputs"), found.get("results")
    if not isinstance(inputs, list) or not isinstance(results, list) or len(inputs) != len(results):
        raise DataError(
            f"{where}: neither base_input nor a test with inputs and results.",
            fix="use the file as published.",
        )
    return inputs, results


def _with_expected(found: Sequence[_Unanswered], limit: int | None) -> tuple[Problem, ...]:
    """The problems, with expected values of the references' making where they lack them."""
    problems, lost = [], 0
    runner: Any = None
    try:
        for one in found:
            if one.expected is None and runner is None:
                from deepcoder.sandbox import Sandbox

                runner = Sandbox()
                runner.start()
            cases = _cases(one, limit, runner)
            lost += len(spread([Case(args=tuple(i)) for i in one.inputs], limit)) - len(cases)
            if not cases:
                raise DataError(
                    f"{one.where}: the canonical solution answers none of the inputs.",
                    fix="use the file as published.",
                )
            fields = dict(one.problem)
            if not fields["tolerance"] and any(_has_float(case.expected) for case in cases):
                fields["tolerance"] = _FLOAT
            problems.append(Problem(hidden=cases, **fields))
    finally:
        if runner is not None:
            runner.close()
    if lost:
        log.warning("%d inputs that the canonical solutions do not answer are left out.", lost)
    return tuple(problems)


def _cases(one: _Unanswered, limit: int | None, runner: Any) -> tuple[Case, ...]:
    if one.expected is not None:
        pairs = zip(one.inputs, one.expected, strict=True)
        return spread([Case(args=tuple(i), expected=e) for i, e in pairs], limit)
    from deepcoder.sandbox.records import Request

    inputs = spread([Case(args=tuple(i)) for i in one.inputs], limit)
    cases = []
    for start in range(0, len(inputs), _CALLS):
        part = inputs[start : start + _CALLS]
        request = Request(
            code=one.problem["reference"],
            setup=one.problem.get("setup_code", ""),
            entry_point=one.problem["entry_point"],
            calls=tuple((case.args, {}) for case in part),
        )
        for case, returned in zip(part, runner.run(request).returns, strict=False):
            if returned.failure is None:
                cases.append(case.model_copy(update={"expected": returned.value}))
    return tuple(cases)


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_float(item) for item in value.values())
    return isinstance(value, float) or (isinstance(value, list) and any(map(_has_float, value)))


# ------------------------------------------------------------- what JSON cannot write

_ROWS_OF_TUPLES = {63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780}
_TUPLES = {2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630}
_TUPLES |= {726, 740, 744, 809}
_TUPLE_FIRST = {250, 307, 405, 446, 617, 720, 763, 808}
_ALL_TUPLES = {259, 401, 445, 580, 615, 791}


def _typed(number: int, arguments: list[Any]) -> list[Any]:
    """The arguments of one input of MBPP+ with the types that its problem takes."""
    if not arguments:
        return arguments
    first, rest = arguments[0], arguments[1:]
    if number in _TUPLES:
        return [tuple(value) for value in arguments]
    if number in _ROWS_OF_TUPLES:
        return [[tuple(row) for row in value] for value in arguments]
    if number in {75, 413, 444, 753}:
        return [[tuple(row) for row in first], *rest]
    if number in {106, 750}:
        return [first, tuple(arguments[1])]
    if number == 115:
        return [[set(item) if isinstance(item, list) and item else {} for item in first]]
    if number == 124:
        return [float(first), complex(arguments[1])]
    if number in _TUPLE_FIRST:
        return [tuple(first), *rest]
    if number == 278:
        return [tuple(tuple(item) if isinstance(item, list) else item for item in first)]
    if number == 722:
        return [{key: tuple(value) for key, value in first.items()}, *rest]
    if number == 252:
        return [complex(first)]
    return [_tuples(value) for value in arguments] if number in _ALL_TUPLES else arguments


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _text(row: dict[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise DataError(f"{where}: {name} is missing.", fix="use the file as published.")
    return value.replace("\r\n", "\n")


def _list(row: dict[str, Any], name: str, where: str) -> list[Any]:
    """A list of inputs; some copies hold it as JSON text."""
    value = row.get(name) or []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, list) or not all(isinstance(one, list | tuple) for one in value):
        raise DataError(
            f"{where}: {name} is no list of argument lists.", fix="use the file as published."
        )
    return value
