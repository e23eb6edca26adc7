"""What becomes of a trajectory: used, shortened at the end of an answer, or left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rendering.real_tokenizers import renderer, tokenizer
from rendering.strategies import answer_step, code_step, make_trajectory, trajectories

from deepcoder.rendering import render_trajectory
from deepcoder.spans import align
from deepcoder.spans.selection import LeftOut, Policy, Result, Selection, cut, split_of
from deepcoder.types import Observation, Outcome, Step, Trajectory

NAME = "qwen2.5"
STEPS = [code_step(f"Thought {i}.", f"print({i})", str(i)) for i in range(5)]
LONG = make_trajectory([*STEPS, answer_step("Done.", "4")])


def select(*batch: Trajectory, **policy) -> list[Result]:
    chosen = Policy(**{"max_tokens": 4096, **policy})
    return list(Selection(renderer(NAME), tokenizer(NAME), chosen).examples(batch))


def tokens_of(trajectory: Trajectory) -> list[int]:
    rendered = render_trajectory(trajectory, renderer(NAME))
    return align([rendered], tokenizer(NAME))[0].input_ids.tolist()


def shortened(steps: int) -> list[int]:
    """The ids of the same trajectory if it had ended with the answer of step `steps` - 1."""
    last = LONG.steps[steps - 1].model_copy(update={"observation": None})
    return tokens_of(make_trajectory([*LONG.steps[: steps - 1], last]))


def test_a_trajectory_that_fits_is_used_whole() -> None:
    (result,) = select(LONG)
    assert result.left_out is None
    assert result.examples[0].id == LONG.id
    assert result.examples[0].aligned.input_ids.tolist() == tokens_of(LONG)
    assert (result.cut_tokens, result.cut_steps) == (0, 0)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
@pytest.mark.parametrize("spare", [0, 3])
def test_whole_steps_are_cut_from_the_end(steps: int, spare: int) -> None:
    """What remains is, token by token, the shorter trajectory: no action is cut in the middle."""
    expected = shortened(steps)
    (result,) = select(LONG, max_tokens=len(expected) + spare)
    assert result.examples[0].aligned.input_ids.tolist() == expected
    assert result.cut_steps == 6 - steps
    assert result.cut_tokens == result.tokens - len(expected) > 0


def test_one_token_less_costs_a_whole_step() -> None:
    (result,) = select(LONG, max_tokens=len(shortened(3)) - 1)
    assert result.examples[0].aligned.input_ids.tolist() == shortened(2)


def test_what_does_not_fit_with_its_first_step_is_left_out() -> None:
    (result,) = select(LONG, max_tokens=len(shortened(1)) - 1)
    assert (result.left_out, result.examples) == (LeftOut.TOO_LONG, ())
    assert f"more than {len(shortened(1)) - 1} tokens" in result.detail


def test_dropping_instead_of_cutting() -> None:
    whole = len(tokens_of(LONG))
    assert select(LONG, max_tokens=whole - 1, cut_steps=False)[0].left_out is LeftOut.TOO_LONG
    assert select(LONG, max_tokens=whole, cut_steps=False)[0].left_out is None


def test_a_closing_observation_is_no_part_of_the_example() -> None:
    seen = answer_step("Done.", "4").model_copy(
        update={"observation": Observation(content="Episode finished" * 50)}
    )
    trajectory = make_trajectory([*STEPS, seen])
    (result,) = select(trajectory, max_tokens=len(tokens_of(LONG)), cut_steps=False)
    assert result.examples[0].aligned.input_ids.tolist() == tokens_of(LONG)
    assert result.cut_tokens == 0


def test_unsolved_and_unjudged() -> None:
    failed = LONG.model_copy(update={"outcome": Outcome(passed=1, total=3, status="failed")})
    solved = failed.model_copy(
        update={"id": "s", "outcome": Outcome(passed=3, total=3, status="ok")}
    )
    unjudged = failed.model_copy(update={"id": "u", "outcome": None})
    results = select(failed, solved, unjudged)
    assert [r.left_out for r in results] == [LeftOut.NOT_SOLVED, None, None]
    assert results[0].detail == "failed, 1 of 3 hidden cases passed"
    assert select(failed, only_solved=False)[0].left_out is None


def test_the_second_of_an_id_is_a_duplicate_across_batches() -> None:
    selection = Selection(renderer(NAME), tokenizer(NAME), Policy(max_tokens=4096))
    assert next(selection.examples([LONG])).left_out is None
    assert next(selection.examples([LONG])).left_out is LeftOut.DUPLICATE


def test_nothing_to_learn_from_unreadable_answers() -> None:
    lost = make_trajectory([Step(reason="", raw="???", observation=Observation(content="no"))])
    empty = make_trajectory([]).model_copy(update={"id": "empty"})
    assert [r.left_out for r in select(lost, empty)] == [LeftOut.NOTHING_TO_LEARN] * 2
    half = make_trajectory([*lost.steps, answer_step("r", "a")])
    (result,) = select(half)
    assert result.untrained == 1
    assert set(result.examples[0].aligned.steps[result.examples[0].aligned.weighted]) == {1}


def test_an_unknown_protocol_is_left_out_with_its_name() -> None:
    (result,) = select(LONG.model_copy(update={"protocol": "smoke signals"}))
    assert result.left_out is LeftOut.PROTOCOL
    assert "smoke signals" in result.detail


def test_without_thinking_every_step_is_an_example_of_its_own() -> None:
    (result,) = select(LONG, keep_thinking=False)
    assert [example.id for example in result.examples] == [f"t@{i}" for i in range(6)]
    for index, example in enumerate(result.examples):
        trained = example.aligned.steps[example.aligned.weighted]
        assert set(trained.tolist()) == {index}
    limit = len(result.examples[3].aligned.input_ids)
    (fewer,) = select(LONG, keep_thinking=False, max_tokens=limit)
    assert [example.id for example in fewer.examples] == [f"t@{i}" for i in range(4)]
    assert fewer.cut_steps == 2


@settings(max_examples=60, deadline=None)
@given(trajectory=trajectories(), budget=st.integers(1, 400))
def test_a_cut_ends_with_an_answer_and_loses_as_little_as_it_can(trajectory, budget: int) -> None:
    aligned = align([render_trajectory(trajectory, renderer(NAME))], tokenizer(NAME))[0]
    part = cut(aligned, budget)
    ends = [
        int(np.flatnonzero(aligned.weighted & (aligned.steps == step))[-1]) + 1
        for step in np.unique(aligned.steps[aligned.weighted])
    ]
    fitting = [end for end in ends if end <= budget]
    if part is None:
        assert not fitting
    else:
        assert len(part.input_ids) == max(fitting)
        assert part.input_ids[-1] in renderer(NAME).stop_ids()


def test_splits_go_by_problem_and_are_stable() -> None:
    names = [f"p{i}" for i in range(2000)]
    validation = {name for name in names if split_of(name, 0.1, 0) == "validation"}
    assert 150 < len(validation) < 250
    assert validation == {name for name in names if split_of(name, 0.1, 0) == "validation"}
    assert validation != {name for name in names if split_of(name, 0.1, 1) == "validation"}
    assert validation < {name for name in names if split_of(name, 0.2, 0) == "validation"}
    assert {split_of(name, 0.0, 0) for name in names} == {"train"}
    assert {split_of(name, 1.0, 0) for name in names} == {"validation"}
