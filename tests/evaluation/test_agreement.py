"""Reasoning beside the teacher's, by hand and against the definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.evaluation.agreement import agreement, common_words, reason_words
from deepcoder.evaluation.summary import Settings, summarise
from deepcoder.types import Action, Step

words = st.lists(st.sampled_from("abcd"), max_size=12)


def slow(one, other):
    """The recursion that defines the longest common subsequence."""
    if not one or not other:
        return 0
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            same = table[i][j] + 1
            table[i + 1][j + 1] = same if a == b else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@given(words, words)
def test_common_words_is_the_longest_common_subsequence(one, other) -> None:
    assert common_words(one, other) == slow(one, other)


def reasoned(trajectory, *reasons, tools=None):
    tools = tools or ["python"] * (len(reasons) - 1) + ["finish"]
    steps = tuple(
        Step(reason=r, action=Action(tool=t, arguments={"code": "x"}))
        for r, t in zip(reasons, tools, strict=True)
    )
    return trajectory("a", solved=True).model_copy(update={"steps": steps})


def test_turns_are_compared_one_by_one(trajectory) -> None:
    teacher = reasoned(trajectory, "Sum the even numbers.", "It works.")
    assert agreement(teacher, teacher).match == 1
    student = reasoned(trajectory, "sum all numbers", "it works", "done")
    # Turn 1: 2 of 3 and 4 words in common, in order: 2*2/7; turn 2: 1; turn 3 has no partner.
    found = agreement(student, teacher)
    assert found.match == pytest.approx((4 / 7 + 1 + 0) / 3)
    assert not found.same_tools
    assert reason_words(student) == 6


def test_what_cannot_be_read_has_no_reasoning(trajectory) -> None:
    unreadable = trajectory("a", "invalid answer")
    assert reason_words(unreadable) == 0


def test_agreement_stands_beside_every_model_but_the_teacher(trajectory, problem) -> None:
    teacher = reasoned(trajectory, "one two three four")
    student = reasoned(trajectory, "one two")
    results = summarise(
        {"student": [student], "teacher": [teacher]},
        [problem("a")],
        Settings(resamples=10),
        teacher="teacher",
    )
    found = results["models"]["student"]["agreement"]
    assert found["cot_match"]["mean"] == pytest.approx(2 / 3)
    assert found["reason_length_ratio"]["mean"] == pytest.approx(0.5)
    assert found["same_tools"]["mean"] == 1
    assert "agreement" not in results["models"]["teacher"]
