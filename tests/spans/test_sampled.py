"""Ids that a backend sampled stand where they spell the answer, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from rendering.real_tokenizers import NAMES, renderer, tokenizer
from rendering.strategies import answer_step, code_step, make_trajectory, trajectories

from deepcoder.rendering import Rendered, training_texts
from deepcoder.spans import align
from deepcoder.spans.alignment import Aligned
from deepcoder.spans.sampled import Drift, with_sampled_ids
from deepcoder.spans.selection import Policy, Selection
from deepcoder.types import KINDS, Trajectory

EVERY = (*NAMES, "llama3")
STEPS = [
    code_step("Think é 👩‍👩‍👧 first.", "return_value = [1, 2]\nprint(return_value)", "[1, 2]"),
    code_step("Now the rest.", "print('汉字')", "x"),
    answer_step("Done.", "def f():\n    return 42"),
]


def letter_by_letter(ids: list[int], name: str) -> list[int]:
    """Other ids that spell the same: every token as its bytes, control tokens as they are."""
    fast = tokenizer(name)
    added = fast.added_tokens_decoder
    spelled: list[int] = []
    for number in ids:
        letters = [] if number in added else list(fast.convert_ids_to_tokens(number))
        single = fast.convert_tokens_to_ids(letters) if letters else [number]
        spelled += single if None not in single else [number]
    return spelled


def aligned_of(trajectory: Trajectory, name: str) -> tuple[Rendered, Aligned]:
    (rendered,) = training_texts(trajectory, renderer(name))
    return rendered, align([rendered], tokenizer(name))[0]


def sampled(trajectory: Trajectory, name: str, chosen: set[int]) -> Trajectory:
    """The trajectory as a backend would have written it that sampled some answers in letters."""
    _, aligned = aligned_of(trajectory, name)
    steps = list(trajectory.steps)
    for index in chosen:
        ids = aligned.input_ids[aligned.weighted & (aligned.steps == index)].tolist()
        given = tuple(letter_by_letter(ids, name))
        steps[index] = steps[index].model_copy(update={"token_ids": given})
    return trajectory.model_copy(update={"steps": tuple(steps)})


def owners(rendered: Rendered, ids: np.ndarray, name: str) -> list[tuple[str, int | None]]:
    """(kind, step) of each token, by the character in which its first byte lies: slowly."""
    of_byte = []
    for position, letter in enumerate(rendered.text):
        segment = next(s for s in rendered.segments if s.start <= position < s.end)
        of_byte += [(segment.kind.value, segment.step)] * len(letter.encode())
    found, at = [], 0
    fast = tokenizer(name)
    for number in ids.tolist():
        found.append(of_byte[at])
        added = fast.added_tokens_decoder.get(number)
        at += len(added.content.encode()) if added else len(fast.convert_ids_to_tokens(number))
    assert at == len(of_byte)
    return found


@pytest.mark.parametrize("name", EVERY)
def test_sampled_ids_take_the_place_of_the_tokenizer_s(name: str) -> None:
    trajectory = sampled(make_trajectory(STEPS), name, {0, 2})
    rendered, before = aligned_of(trajectory, name)
    after, drift = with_sampled_ids(rendered, before, trajectory.steps, tokenizer(name), use=True)
    assert drift == Drift(given=2, unusable=0, drifted=2)
    for index, step in enumerate(trajectory.steps):
        here = after.input_ids[after.weighted & (after.steps == index)].tolist()
        there = before.input_ids[before.weighted & (before.steps == index)].tolist()
        assert here == (list(step.token_ids) if step.token_ids else there)
    # Everything else is as it was.
    for mask in (lambda one: ~one.weighted, lambda one: one.weighted & (one.steps == 1)):
        for field in ("input_ids", "kinds", "steps", "straddling"):
            left, right = (getattr(one, field)[mask(one)] for one in (before, after))
            np.testing.assert_array_equal(left, right)
    assert tokenizer(name).decode(after.input_ids) == tokenizer(name).decode(before.input_ids)
    labelled = [
        (KINDS[kind].value, None if step < 0 else step)
        for kind, step in zip(after.kinds, after.steps.tolist(), strict=True)
    ]
    assert labelled == owners(rendered, after.input_ids, name)
    for field in ("input_ids", "kinds", "steps", "straddling"):
        assert getattr(after, field).dtype == getattr(before, field).dtype


@settings(max_examples=30, deadline=None)
@given(trajectory=trajectories())
def test_whatever_is_in_an_answer(trajectory: Trajectory) -> None:
    for name in ("qwen2.5", "smollm2"):
        _, aligned = aligned_of(trajectory, name)
        trained = set(aligned.steps[aligned.weighted].tolist())
        told = sampled(trajectory, name, trained)
        rendered, before = aligned_of(told, name)
        after, drift = with_sampled_ids(rendered, before, told.steps, tokenizer(name), use=True)
        assert drift.given == len(trained)
        assert (after.input_ids[~after.weighted] == before.input_ids[~before.weighted]).all()
        whole = [tokenizer(name).decode(one.input_ids) for one in (before, after)]
        assert whole[0] == whole[1]
        for index in trained:
            here = after.input_ids[after.weighted & (after.steps == index)].tolist()
            there = before.input_ids[before.weighted & (before.steps == index)].tolist()
            assert here in (list(told.steps[index].token_ids or ()), there)


def test_the_end_of_a_turn_is_added_where_a_backend_leaves_it_out() -> None:
    whole = sampled(make_trajectory(STEPS), "qwen2.5", {0})
    ids = whole.steps[0].token_ids
    assert ids is not None
    steps = [whole.steps[0].model_copy(update={"token_ids": ids[:-1]}), *whole.steps[1:]]
    rendered, before = aligned_of(whole, "qwen2.5")
    found = [
        with_sampled_ids(rendered, before, given, tokenizer("qwen2.5"), use=True)[0].input_ids
        for given in (whole.steps, steps)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "ids",
    [(), (1, 2, 3), (10**9,), (-1,), "llama3", "shorter"],
    ids=["none", "another text", "no such id", "negative", "another tokenizer", "cut off"],
)
def test_ids_that_spell_something_else_are_counted_and_left_alone(ids) -> None:
    trajectory = make_trajectory(STEPS)
    if isinstance(ids, str):
        name = "llama3" if ids == "llama3" else "qwen2.5"
        given = sampled(trajectory, name, {0}).steps[0].token_ids
        assert given is not None
        ids = given if ids == "llama3" else given[:-4]
    steps = [trajectory.steps[0].model_copy(update={"token_ids": ids}), *trajectory.steps[1:]]
    rendered, before = aligned_of(trajectory, "qwen2.5")
    after, drift = with_sampled_ids(rendered, before, steps, tokenizer("qwen2.5"), use=True)
    assert after is before
    assert drift == Drift(given=1, unusable=1, drifted=0)


def test_ids_as_the_tokenizer_makes_them_are_no_drift() -> None:
    trajectory = make_trajectory(STEPS)
    rendered, before = aligned_of(trajectory, "smollm2")
    ids = before.input_ids[before.weighted & (before.steps == 1)].tolist()
    steps = list(trajectory.steps)
    steps[1] = steps[1].model_copy(update={"token_ids": tuple(ids)})
    after, drift = with_sampled_ids(rendered, before, steps, tokenizer("smollm2"), use=True)
    assert after is before
    assert drift == Drift(given=1, unusable=0, drifted=0)


@pytest.mark.parametrize("keep_thinking", [True, False])
def test_a_selection_reports_drift_and_uses_the_ids_only_when_told(keep_thinking: bool) -> None:
    trajectory = sampled(make_trajectory(STEPS), "qwen2.5", {0, 1, 2})
    found = {}
    for use in (False, True):
        policy = Policy(max_tokens=5000, sampled_ids=use, keep_thinking=keep_thinking)
        (result,) = Selection(renderer("qwen2.5"), tokenizer("qwen2.5"), policy).results(
            [trajectory]
        )
        assert result.drift == Drift(given=3, unusable=0, drifted=3)
        found[use] = [example.aligned for example in result.examples]
    for plain, own in zip(found[False], found[True], strict=True):
        assert len(own.input_ids) > len(plain.input_ids)
        last = own.input_ids[own.weighted & (own.steps == own.steps[-1])].tolist()
        assert last == list(trajectory.steps[int(own.steps[-1])].token_ids or ())
