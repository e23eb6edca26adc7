"""Figures by hand: six episodes whose rates can be counted on fingers."""

from __future__ import annotations

import json

import pytest

from deepcoder.errors import DataError
from deepcoder.evaluation.summary import Settings, summarise
from deepcoder.evaluation.table import figure_text, pair_rows, print_table, table_rows
from deepcoder.types import Case, Problem, ProblemForm


@pytest.fixture
def problems(problem):
    return [
        problem("a", "easy"),
        problem("b", "hard", family="seen"),
        problem("c", "hard", family="new"),
    ]


@pytest.fixture
def played(trajectory):
    base = [
        trajectory("a", "answer", solved=True),
        trajectory("b", "invalid invalid", tokens=40),
        trajectory("c", "invalid salvaged answer", solved=False),
    ]
    student = [
        trajectory("a", "error ok answer", solved=False),
        trajectory("b", "error answer", solved=True, tokens=25),
        trajectory("c", "timeout ok answer", solved=True),
    ]
    return {"base": base, "student": student}


@pytest.fixture
def results(played, problems):
    return summarise(
        played,
        problems,
        Settings(resamples=200),
        trained_families={"seen"},
        pairs=[("student", "base")],
    )


def mean(results, model, name, part="all", group=None):
    figures = results["models"][model][part]
    return (figures[group] if group else figures)[name]["mean"]


def test_figures_by_hand(results) -> None:
    assert mean(results, "base", "pass@1") == pytest.approx(1 / 3)
    assert mean(results, "student", "pass@1") == pytest.approx(2 / 3)
    assert mean(results, "base", "answered_rate") == pytest.approx(2 / 3)
    assert mean(results, "base", "valid_action_rate") == pytest.approx(3 / 6)
    assert mean(results, "student", "valid_action_rate") == 1
    assert mean(results, "base", "exact_format_rate") == pytest.approx(2 / 6)
    # Answers are no tool calls: one of base, five of the student, of which three failed.
    assert mean(results, "base", "tool_error_rate") == 0
    assert mean(results, "student", "tool_error_rate") == pytest.approx(3 / 5)
    # Episodes in which something went wrong: 2 of base, none solved; 3 of the student, 2 solved.
    assert mean(results, "base", "recovery_rate") == 0
    assert mean(results, "student", "recovery_rate") == pytest.approx(2 / 3)
    assert mean(results, "base", "turns") == 2
    assert mean(results, "base", "tokens") == 20
    assert mean(results, "base", "seconds") == 2
    assert results["models"]["base"]["all"]["stops"] == {"finished": 2, "max_invalid": 1}


def test_groups(results) -> None:
    assert mean(results, "student", "pass@1", "by_difficulty", "hard") == 1
    assert mean(results, "student", "pass@1", "by_difficulty", "easy") == 0
    assert "medium" not in results["models"]["student"]["by_difficulty"]
    assert set(results["models"]["base"]["by_origin"]) == {
        "hand-written",
        "family in training",
        "family not in training",
    }


def test_pairs(results) -> None:
    (paired,) = results["pairs"]
    assert (paired["after"], paired["before"]) == ("student", "base")
    assert paired["pass@1 ratio"]["mean"] == pytest.approx(2)
    assert paired["pass@1"]["mean"] == pytest.approx(1 / 3)
    assert paired["pass@1"]["low"] <= 0 <= paired["pass@1"]["high"]
    assert (paired["gained"], paired["lost"]) == (["b", "c"], ["a"])
    assert paired["mcnemar_p"] == 1
    assert results["problems"][0]["solved"] == {"base": 1, "student": 0}


def test_nothing_to_count_is_none_and_not_zero(trajectory, problem) -> None:
    results = summarise({"base": [trajectory("a")]}, [problem("a")], Settings(resamples=10))
    figures = results["models"]["base"]["all"]
    assert figures["tool_error_rate"] is None
    assert figures["recovery_rate"] is None
    assert figures["usd"] is None
    assert results["pairs"] == []


def test_several_samples(trajectory, problem) -> None:
    rows = [trajectory("a", solved=i < 2, sample=i) for i in range(5)]
    settings = Settings(k=(1, 2), resamples=10)
    played = {"base": rows, "student": rows}
    results = summarise(played, [problem("a")], settings, pairs=[("student", "base")])
    assert mean(results, "base", "pass@1") == pytest.approx(0.4)
    assert mean(results, "base", "pass@2") == pytest.approx(0.7)
    assert "mcnemar_p" not in results["pairs"][0]


def test_other_problems_and_repeated_samples_are_refused(trajectory, problems, played) -> None:
    with pytest.raises(DataError, match=r"differ in 1, e.g. c"):
        summarise({"base": played["base"][:2]}, problems, Settings())
    twice = [*played["base"], played["base"][0]]
    with pytest.raises(DataError, match="exactly once"):
        summarise({"base": twice}, problems, Settings())
    doubled = [*played["base"], *played["base"]]
    with pytest.raises(DataError, match="exactly once"):
        summarise({"base": doubled}, problems, Settings())


def test_table(results, capsys) -> None:
    results = json.loads(json.dumps(results))
    rows = dict(table_rows(results))
    assert [cell.split()[0] for cell in rows["pass@1"]] == ["33.3%", "66.7%"]
    assert rows["pass@1, hard (2)"][1].startswith("100.0%")
    ((label, difference, ratio, p),) = pair_rows(results)
    assert label == "pass@1, student - base"
    assert difference.startswith("+33.3%")
    assert (ratio.split()[0], p) == ("2.00", "1")
    print_table(results)
    out = capsys.readouterr().out
    assert "3 problems" in out
    assert "McNemar p" in out


def test_figure_text() -> None:
    estimate = {"mean": 0.25, "low": 0.1, "high": 0.4, "n": 9}
    assert figure_text(estimate, "percent") == "25.0% [10.0, 40.0]"
    assert figure_text(estimate, "percent", signed=True) == "+25.0% [+10.0, +40.0]"
    assert figure_text(12.34, "number") == "12.3"
    assert figure_text(None, "percent") == "–"


def test_cost_per_solved_problem_is_the_cost_of_all_episodes(results) -> None:
    # base: 60 tokens and 6 s for one solved problem; student: 45 tokens for two.
    assert mean(results, "base", "tokens_per_solved") == 60
    assert mean(results, "base", "seconds_per_solved") == 6
    assert mean(results, "student", "tokens_per_solved") == pytest.approx(22.5)


def test_topics(results, problem) -> None:
    assert set(results["models"]["base"]["by_topic"]) == {problem("a").topic}


def test_questions_have_a_word_f1(trajectory) -> None:
    question = Problem(
        id="q", prompt="Who?", form=ProblemForm.ANSWER, hidden=(Case(expected="Ada Lovelace"),)
    )
    rows = [trajectory("q", solved=False).model_copy(update={"answer": "Lady Ada"})]
    results = summarise({"base": rows}, [question], Settings(resamples=10))
    assert mean(results, "base", "f1") == pytest.approx(0.5)
