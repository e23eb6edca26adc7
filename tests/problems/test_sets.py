"""Public sets in their published layouts, and any other set by a mapping of its columns."""

from __future__ import annotations

import base64
import gzip
import json
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from deepcoder import values
from deepcoder.config import ProblemsConfig, ProblemsKind, compose, validate
from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.problems import bank
from deepcoder.problems.loaders import load_problems
from deepcoder.problems.plus import _typed
from deepcoder.problems.programs import pickled_text
from deepcoder.problems.show import task_text
from deepcoder.sandbox import Sandbox, judge_sync
from deepcoder.types import Difficulty, ProblemForm


def config(kind: str, path: Path | str | None, **changes: Any) -> ProblemsConfig:
    return ProblemsConfig(kind=ProblemsKind(kind), path=path and str(path), **changes)


def lines(path: Path, *records: Any) -> Path:
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_the_bank_is_as_large_as_it_says() -> None:
    assert len(bank.load()) >= 200
    assert len({problem.topic for problem in bank.load()}) >= 15


# --------------------------------------------------------------------------- EvalPlus

MEAN = {
    "task_id": "HumanEval/4",
    "prompt": 'from typing import List\n\n\ndef mean(xs: List[float]) -> float:\n    """Mean."""\n',
    "entry_point": "mean",
    "canonical_solution": "    return sum(xs) / len(xs)\n",
    "contract": "    assert xs\n",
    "base_input": [[[1.0, 2.0]], [[3.0]]],
    "plus_input": [[[0.1, 0.2, 0.3]], [[]], [[5.0]]],
    "atol": 0,
}
SIMILAR = {
    "task_id": "Mbpp/2",
    "prompt": '"""\nShared elements.\nassert similar((1, 2), (2, 3)) == (2,)\n"""\n',
    "entry_point": "similar",
    "canonical_solution": "def similar(a, b):\n    assert isinstance(a, tuple)\n"
    "    return tuple(sorted(set(a) & set(b)))\n",
    "base_input": [[[1, 2], [2, 3]]],
    "plus_input": [[[1], [2]], [[4, 5], [5, 4]]],
    "atol": 0,
}


def test_humaneval_plus_is_answered_by_its_solution(tmp_path: Path, caplog) -> None:
    path = lines(tmp_path / "HumanEvalPlus.jsonl.gz", MEAN)
    (problem,) = load_problems(config("humaneval_plus", path), "heldout")
    assert [case.expected for case in problem.hidden][:2] == [1.5, 3.0]
    assert len(problem.hidden) == 4  # the empty list divides by zero, and is no case
    assert "1 inputs that the canonical solutions do not answer" in caplog.text
    assert problem.tolerance == 1e-6
    assert problem.id == "HumanEvalPlus/4"
    with Sandbox() as sandbox:
        assert judge_sync(sandbox, problem, problem.reference or "").solved
        wrong = (problem.reference or "").replace("len(xs)", "2")
        assert not judge_sync(sandbox, problem, wrong).solved
    with pytest.raises(ConfigError, match="never a training set"):
        load_problems(config("humaneval_plus", path), "train")
    (few,) = load_problems(config("humaneval_plus", path, max_cases=2), "heldout")
    assert len(few.hidden) == 2


def test_mbpp_plus_gets_its_tuples_back_and_keeps_the_splits(tmp_path: Path) -> None:
    others = [{**SIMILAR, "task_id": f"Mbpp/{n}", "prompt": "p", "entry_point": "f",
               "canonical_solution": "def f(x):\n    return x\n", "base_input": [[1]],
               "plus_input": []} for n in (11, 511, 601)]  # fmt: skip
    path = lines(tmp_path / "MbppPlus.jsonl", SIMILAR, *others)
    heldout = load_problems(config("mbpp_plus", path), "heldout")
    train = load_problems(config("mbpp_plus", path), "train")
    assert [p.id for p in heldout] == ["mbpp_plus/11"]
    assert [p.id for p in train] == ["mbpp_plus/601"]
    near = lines(tmp_path / "near.jsonl", {**SIMILAR, "task_id": "Mbpp/116"})
    (problem,) = load_problems(config("mbpp_plus", near), "heldout")
    assert [values.decode(case.expected) for case in problem.hidden] == [(2,), (), (4, 5)]
    assert "assert similar" in problem.prompt


def test_the_sets_on_the_hub_hold_their_values_as_data(tmp_path: Path) -> None:
    test = ("import numpy as np\n\ndef check(candidate):\n"
            "    inputs = [[[1.0, 2.0]], [[3.0]]]\n    results = [1.5, 3.0]\n"
            "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
            "        assertion(candidate(*inp), exp, 1e-06)\n")  # fmt: skip
    row = {key: MEAN[key] for key in ("task_id", "prompt", "entry_point", "canonical_solution")}
    table = pyarrow.Table.from_pylist([{**row, "test": test}])
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    (problem,) = load_problems(config("humaneval_plus", tmp_path / "x.parquet"), "heldout")
    assert [case.expected for case in problem.hidden] == [1.5, 3.0]


@pytest.mark.parametrize(
    ("number", "given", "typed"),
    [
        (2, [[1], [2]], [(1,), (2,)]),
        (63, [[[1, 2]]], [[(1, 2)]]),
        (75, [[[1], [2]], 3], [[(1,), (2,)], 3]),
        (106, [[1], [2]], [[1], (2,)]),
        (115, [[[1], []]], [[{1}, {}]]),
        (124, ["1", "2j"], [1.0, 2j]),
        (250, [[1], 2], [(1,), 2]),
        (259, [[[1]], [[2]]], [((1,),), ((2,),)]),
        (278, [[1, [2]]], [(1, (2,))]),
        (722, [{"a": [1]}, 2], [{"a": (1,)}, 2]),
        (252, ["1+2j"], [1 + 2j]),
        (3, [[1]], [[1]]),
    ],
)
def test_types_that_json_cannot_write(number: int, given: Any, typed: Any) -> None:
    assert repr(_typed(number, given)) == repr(typed)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"prompt": None}, "line 1: prompt is missing"),
        ({"base_input": [1]}, "line 1: base_input is no list of argument lists"),
        ({"base_input": None}, "line 1: test is missing"),
        ({"base_input": None, "test": "x = f(1)"}, "neither base_input nor a test"),
        ({"base_input": None, "test": "inputs = [open('x')]"}, "cannot be read as data"),
        ({"canonical_solution": "    raise ValueError\n"}, "answers none of the inputs"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    path = lines(tmp_path / "x.jsonl", {**MEAN, **change})
    with pytest.raises(DataError, match=complaint):
        load_problems(config("humaneval_plus", path), "heldout")


# --------------------------------------------------------------------------- programs

SUM = {
    "problem_id": 7,
    "question": "Read numbers and print their sum.",
    "solutions": json.dumps(["print(sum(map(int, input().split())))"]),
    "input_output": json.dumps({"inputs": ["1 2\n", ["3 4"]], "outputs": ["3\n", ["7"]]}),
    "difficulty": "introductory",
}


def test_apps_programs_and_calls(tmp_path: Path) -> None:
    called = {**SUM, "problem_id": 8, "solutions": json.dumps(["def f(a, b):\n    return a + b"]),
              "input_output": json.dumps({"fn_name": "f", "inputs": [[1, 2], [3, 4]],
                                          "outputs": [[3], [7]]}),
              "difficulty": "competition"}  # fmt: skip
    method = {**called, "problem_id": 9,
              "solutions": json.dumps(["class Solution:\n    def f(self): ..."])}  # fmt: skip
    empty = {**SUM, "problem_id": 10, "input_output": ""}
    path = lines(tmp_path / "x.jsonl", SUM, called, method, empty)
    problems = load_problems(config("apps", path, heldout_fraction=0.0), "train")
    assert [p.id for p in problems] == ["apps/7", "apps/8", "apps/9"]
    program, call, bare = problems
    assert (program.form, program.difficulty) == (ProblemForm.STDIN, Difficulty.EASY)
    assert (call.form, call.difficulty) == (ProblemForm.CALL, Difficulty.HARD)
    assert bare.reference is None
    with Sandbox() as sandbox:
        for problem in (program, call):
            assert judge_sync(sandbox, problem, problem.reference or "").solved


def test_code_contests(tmp_path: Path) -> None:
    tests = {"input": ["1 2\n"], "output": ["3\n"]}
    row = {"name": "a", "description": "Sum.", "public_tests": tests, "difficulty": 7,
           "private_tests": {"input": ["5 6"], "output": ["11"]},
           "generated_tests": {"input": [], "output": []}}  # fmt: skip
    path = lines(tmp_path / "x.jsonl", row)
    (problem,) = load_problems(config("apps", path, heldout_fraction=1.0), "heldout")
    assert [case.stdout for case in problem.hidden] == ["3\n", "11"]
    assert len(problem.visible) == 1


def packed(cases: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


STDIO = {
    "question_id": "q1",
    "question_content": "Print the sum.",
    "difficulty": "hard",
    "starter_code": "",
    "metadata": "{}",
    "public_test_cases": json.dumps([{"input": "1 2", "output": "3", "testtype": "stdin"}]),
    "private_test_cases": packed([{"input": "4 5", "output": "9", "testtype": "stdin"}]),
}
FUNCTIONAL = {
    **STDIO,
    "question_id": "q2",
    "starter_code": "class Solution:\n    def add(self, a: int, b: int) -> int:\n        ",
    "metadata": json.dumps({"func_name": "add"}),
    "public_test_cases": json.dumps([{"input": "1\n2", "output": "3", "testtype": "functional"}]),
    "private_test_cases": json.dumps([{"input": "4\n5", "output": "9", "testtype": "functional"}]),
}


def test_livecodebench_without_unpickling(tmp_path: Path, monkeypatch) -> None:
    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was unpickled")

    path = lines(tmp_path / "test6.jsonl", STDIO, FUNCTIONAL)
    monkeypatch.setattr(pickle, "loads", forbidden)
    monkeypatch.setattr(pickle, "load", forbidden)
    stdio, functional = load_problems(config("livecodebench", path), "heldout")
    assert [case.stdout for case in stdio.hidden] == ["3", "9"]
    assert stdio.visible == stdio.hidden[:1]
    assert [case.args for case in functional.hidden] == [(1, 2), (4, 5)]
    assert "def add(a: int, b: int) -> int" in task_text(functional)
    with pytest.raises(ConfigError, match="never a training set"):
        load_problems(config("livecodebench", path), "train")
    with Sandbox() as sandbox:
        code = "def add(a, b):\n    return a + b\n"
        assert judge_sync(sandbox, functional, code).solved


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/deepcoder-was-here",)


@pytest.mark.parametrize(
    "data",
    [pickle.dumps(Evil()), pickle.dumps([1]), pickle.dumps(("a", "b")), pickle.dumps(7), b"", b"x"],
)
def test_a_pickle_of_anything_but_a_text_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="pickle"):
        pickled_text(data)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_text_of_every_protocol_is_read(protocol: int) -> None:
    for text in ("", "ä🌕", "x" * 70_000):
        assert pickled_text(pickle.dumps(text, protocol)) == text


def test_hostile_private_cases_are_an_error_with_a_place(tmp_path: Path) -> None:
    evil = base64.b64encode(zlib.compress(pickle.dumps(Evil()))).decode()
    path = lines(tmp_path / "x.jsonl", {**STDIO, "private_test_cases": evil})
    with pytest.raises(DataError, match=r"line 1: private_test_cases .*ever unpickled"):
        load_problems(config("livecodebench", path), "heldout")


# ----------------------------------------------------------------------------- mapped

ROW = {
    "name": "double",
    "meta": {"text": "Double `x`."},
    "code": "def double(x):\n    return 2 * x\n",
    "test_list": ["assert double(2) == 4", "assert double(0) == 0"],
    "checks": "def check(candidate):\n    assert candidate(3) == 6\n",
    "ins": [[2], [5]],
    "outs": [4, 10],
    "io": json.dumps({"inputs": ["1"], "outputs": ["2"]}),
}


@pytest.mark.parametrize(
    ("columns", "hidden"),
    [
        ({"tests": "test_list", "reference": "code"}, [(2, 4), (0, 0)]),
        ({"test": "checks", "entry_point": "name"}, [(3, 6)]),
        ({"inputs": "ins", "outputs": "outs", "entry_point": "name"}, [(2, 4), (5, 10)]),
    ],
)
@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_any_set_by_its_columns(kind: str, columns: dict[str, str], hidden: Any, tmp_path) -> None:
    path = tmp_path / f"x.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([ROW]), path)
    else:
        path.write_text(json.dumps(ROW if kind == "jsonl" else [ROW]))
    columns = {"prompt": "meta.text", **columns}
    cfg = config("mapped", path, columns=columns, heldout_fraction=0.0)
    (problem,) = load_problems(cfg, "train")
    assert problem.prompt == "Double `x`."
    assert problem.entry_point == "double"
    assert [(case.args[0], case.expected) for case in problem.hidden] == hidden
    assert problem.id == f"x.{kind}/1"


def test_programs_by_their_columns(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", ROW)
    for columns in ({"inputs": "ins", "outputs": "outs"}, {"input_output": "io"}):
        cfg = config("mapped", path, columns={"prompt": "name", **columns}, heldout_fraction=1.0)
        (problem,) = load_problems(cfg, "heldout")
        assert problem.form is ProblemForm.STDIN


@pytest.mark.parametrize(
    ("columns", "error", "complaint"),
    [
        ({"prompt": "name", "test": "checks", "promt": "x"}, ConfigError, "did you mean prompt"),
        ({"tests": "test_list"}, ConfigError, "does not map `prompt`"),
        ({"prompt": "name"}, ConfigError, "maps no cases"),
        (
            {"prompt": "text", "tests": "test_list"},
            DataError,
            "line 1: there is no column",
        ),
        ({"prompt": "name", "inputs": "ins", "outputs": "meta"}, DataError, "outputs is no list"),
        ({"prompt": "name", "inputs": "ins"}, DataError, "not two lists of the same length"),
        ({"prompt": "name", "tests": "test_list", "entry_point": "ins"}, DataError, "entry_point"),
        ({"prompt": "name", "hidden": "code"}, DataError, "hidden is text that is no JSON"),
        (
            {"prompt": "name", "id": "name", "tests": "test_list", "entry_point": "name"},
            DataError,
            "the id 'double' was used",
        ),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, columns, error, complaint: str) -> None:
    path = lines(tmp_path / "x.jsonl", ROW, ROW)
    with pytest.raises(error, match=complaint):
        load_problems(config("mapped", path, columns=columns), "train")


def test_a_set_that_is_not_there(tmp_path: Path) -> None:
    mapping = {"prompt": "a", "tests": "b"}
    with pytest.raises(MissingError, match="does not exist"):
        load_problems(config("mapped", tmp_path / "no.jsonl", columns=mapping), "train")
    with pytest.raises(MissingError, match="cannot be had from the hub"):
        load_problems(config("mapped", "nobody/nothing", columns=mapping), "train")
    with pytest.raises(ConfigError, match="needs a file or a hub data set"):
        validate(compose("generate", ["problems=mapped"]))


@pytest.mark.parametrize("kind", ["mbpp_plus", "humaneval_plus", "apps", "livecodebench", "mapped"])
def test_every_kind_has_a_file_of_configuration(kind: str) -> None:
    assert compose("generate", [f"problems={kind}"]).problems.kind == kind


# ------------------------------------------------------------------------------- real

HUMANEVAL = os.environ.get("DEEPCODER_HUMANEVAL")


@pytest.mark.skipif(not HUMANEVAL, reason="DEEPCODER_HUMANEVAL does not name HumanEval.jsonl.gz")
def test_the_real_humaneval_in_the_plus_layout(tmp_path: Path) -> None:
    """Every problem whose cases are data, written as EvalPlus writes them, comes back the same."""
    plain = {p.id: p for p in load_problems(config("humaneval", HUMANEVAL), "heldout")}
    records = []
    for line in gzip.decompress(Path(str(HUMANEVAL)).read_bytes()).decode().splitlines():
        row = json.loads(line)
        cases = plain[row["task_id"]].hidden
        inputs = [[values.decode(v) for v in case.args] for case in cases]
        if cases and json.loads(json.dumps(inputs)) == inputs:
            records.append({**row, "base_input": inputs, "plus_input": [], "atol": 0})
    found = load_problems(
        config("humaneval_plus", lines(tmp_path / "x.jsonl", *records)), "heldout"
    )
    assert len(found) == len(records) > 140
    for problem in found:
        before = plain[problem.id.replace("Plus", "")]
        for old, new in zip(before.hidden, problem.hidden, strict=True):
            assert values.equal(old.expected, new.expected, tolerance=before.tolerance or 1e-6,
                                ordered=before.ordered), problem.id  # fmt: skip
    print(f"\n{len(found)} of {len(plain)}")
