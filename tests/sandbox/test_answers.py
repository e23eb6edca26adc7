"""Answers to questions, by hand."""

from __future__ import annotations

import asyncio

import pytest

from deepcoder.sandbox import judge
from deepcoder.sandbox.answers import exact_match, word_f1
from deepcoder.types import Case, Problem, ProblemForm


@pytest.mark.parametrize(
    ("answer", "accepted", "match", "f1"),
    [
        ("The Eiffel Tower.", ["Eiffel tower"], True, 1.0),
        ("in Paris, France", ["Paris"], False, 0.5),
        ("yes, it was", ["yes"], False, 0.0),
        ("Yes", ["yes"], True, 1.0),
        ("", ["Paris"], False, 0.0),
        ("b b c", ["b c c"], False, 2 / 3),
        ("42", ["forty-two", "42"], True, 1.0),
    ],
)
def test_by_hand(answer, accepted, match, f1) -> None:
    assert exact_match(answer, accepted) is match
    assert word_f1(answer, accepted) == pytest.approx(f1)


def test_a_question_is_judged_without_running_anything() -> None:
    question = Problem(
        id="q", prompt="Where?", form=ProblemForm.ANSWER, hidden=(Case(expected="Paris"),)
    )
    nobody = None  # no sandbox is asked
    assert asyncio.run(judge(nobody, question, "paris")).solved
    wrong = asyncio.run(judge(nobody, question, "__import__('os').abort()"))
    assert (wrong.passed, wrong.total, wrong.solved) == (0, 1, False)
