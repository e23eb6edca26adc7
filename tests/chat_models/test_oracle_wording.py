"""Reasons: varied, within their limits, and grammatical where prose is spliced."""

from __future__ import annotations

from random import Random

import pytest

from deepcoder.chat_models.oracle_wording import (
    DRAFT,
    MAX_WORDS,
    MIN_WORDS,
    MISSED,
    PASSED,
    REPAIR,
    SOLVE,
    UNSURE,
    Plan,
    clause,
    idea,
    say,
)

FACTS = {
    "name": "`add`",
    "kind": "a whole number",
    "params": "`a, b`",
    "call": "`add(1, 2)`",
    "expected": "`3`",
    "Idea": "The plus sign adds two numbers.",
    "idea": "the plus sign adds two numbers.",
    "clause": "subtracts instead of adding",
    "both": "both examples",
    "Both": "Both examples",
    "seen": "`add(1, 2)` gives `3` and `add(0, 0)` gives `0`",
}


@pytest.mark.parametrize("plan", [SOLVE, DRAFT, REPAIR, MISSED, PASSED, UNSURE])
def test_reasons_keep_to_their_limits_and_vary(plan: Plan) -> None:
    reasons = [say(Random(seed), plan, FACTS) for seed in range(200)]
    assert all(MIN_WORDS <= len(reason.split()) <= MAX_WORDS + 8 for reason in reasons)
    assert len(set(reasons)) > 25
    assert not any("{" in reason or "  " in reason for reason in reasons)
    assert all(reason[0].isupper() or reason[0] == "`" for reason in reasons)


def test_the_same_seed_says_the_same() -> None:
    assert say(Random(3), SOLVE, FACTS) == say(Random(3), SOLVE, FACTS)


def test_fragments_without_their_facts_are_not_used() -> None:
    bare = {key: FACTS[key] for key in ("name", "Idea", "idea", "both", "Both")}
    for seed in range(100):
        assert "The plus sign" in say(Random(seed), SOLVE, bare).replace("the plus", "The plus")


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("It keeps one letter of every run.", "keeps one letter of every run"),
        ("Forgets to multiply by 3.", "forgets to multiply by 3"),
        ("Also takes numbers equal to 3.", "also takes numbers equal to 3"),
        ("It stops early; the rest is lost.", "stops early"),
        ("The loop runs once too often.", None),
        ("Words of one letter come out doubled.", None),
        ("Wrong order.", None),
    ],
)
def test_a_description_becomes_a_clause_only_where_it_has_no_subject(
    description: str, expected: str | None
) -> None:
    assert clause(description) == expected


@pytest.mark.parametrize(
    ("hint", "sentence", "continued"),
    [
        ("Key idea: sort first.", "Sort first.", "sort first."),
        ("The point is this: a list is the stack", "A list is the stack.", "a list is the stack."),
        ("itertools.groupby yields runs.", "itertools.groupby yields runs.", None),
        ("ISO dates sort as text.", "ISO dates sort as text.", "ISO dates sort as text."),
    ],
)
def test_hints_lose_their_label_and_keep_their_code(
    hint: str, sentence: str, continued: str | None
) -> None:
    assert idea(hint) == (sentence, continued or sentence)
