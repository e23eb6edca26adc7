"""Orders of a training: even, balanced, mixed by weight, from easy to hard, and repeatable."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_toys import toy_config

from deepcoder.config import Pacing, validate
from deepcoder.data.planner import BatchSettings, StepPlanner
from deepcoder.data.sampling import Curriculum, Order, complexity, length_buckets, strata
from deepcoder.errors import ConfigError
from deepcoder.types import KINDS, SpanKind


def ordered(labels, epochs=1, weights=None, difficulty=None, balanced=False, **options):
    groups = strata(labels, weights, difficulty, balanced=balanced)
    order = Order(groups, size=len(labels), total=epochs * len(labels), **options)
    return [order.epoch() for _ in range(epochs)]


@given(count=st.integers(1, 40), epochs=st.integers(1, 4), seed=st.integers(0, 9))
def test_one_stratum_trains_everything_once_an_epoch(count, epochs, seed):
    for epoch in ordered([("", "")] * count, epochs, seed=seed):
        assert sorted(epoch) == list(range(count))


@settings(max_examples=50)
@given(
    pacing=st.sampled_from(list(Pacing)),
    t=st.floats(0, 1),
    later=st.floats(0, 1),
    start=st.floats(0.05, 1),
    full_at=st.floats(0.1, 1),
)
def test_competence_grows_from_start_to_all(pacing, t, later, start, full_at):
    curriculum = Curriculum(pacing, start, full_at)
    first, second = sorted((t, later))
    assert curriculum.competence(first) <= curriculum.competence(second) + 1e-9
    assert curriculum.competence(full_at) == pytest.approx(1.0)
    assert curriculum.competence(0) == pytest.approx(1.0 if pacing is Pacing.none else start)


@pytest.mark.parametrize(
    ("pacing", "middle"), [("linear", 0.625), ("root", np.sqrt(0.53125)), ("step", 0.625)]
)
def test_competence_by_hand(pacing, middle):
    assert Curriculum(Pacing(pacing), 0.25, 0.5).competence(0.25) == pytest.approx(middle)


@pytest.mark.parametrize("pacing", ["linear", "root", "step"])
def test_curriculum_goes_from_easy_to_hard_and_leaves_nothing_out(pacing):
    difficulty = np.random.default_rng(0).permutation(200).astype(float)
    curriculum = Curriculum(Pacing(pacing), start=0.3, full_at=0.7)
    (epoch,) = ordered([("", "")] * 200, difficulty=difficulty, curriculum=curriculum)
    assert sorted(epoch) == list(range(200))
    seen = difficulty[epoch]
    for draw, value in enumerate(seen):
        assert value < np.ceil(curriculum.competence(draw / 200) * 200), "too hard too early"
    assert seen[:50].mean() + 10 < seen[-50:].mean()


def test_curriculum_of_several_epochs_ends_even():
    difficulty = np.arange(60.0)
    curriculum = Curriculum(Pacing.linear, start=0.1, full_at=0.5)
    epochs = ordered([("", "")] * 60, 4, difficulty=difficulty, curriculum=curriculum)
    times = Counter(i for epoch in epochs for i in epoch)
    assert set(times.values()) == {4}
    assert max(Counter(epochs[0]).values()) > 1, "the easy ones came back before the hard ones"


def test_mixture_draws_by_weight_and_evenly_within_a_source():
    labels = [("a", "")] * 90 + [("b", "")] * 10
    epoch, *_ = ordered(labels, weights={"a": 1.0, "b": 3.0})
    times = Counter(epoch)
    assert sum(times[i] for i in range(90, 100)) == 75
    assert {times[i] for i in range(90, 100)} == {7, 8}
    assert max(times[i] for i in range(90)) == 1


def test_weight_zero_leaves_a_source_out():
    epoch, *_ = ordered([("a", "")] * 5 + [("b", "")] * 5, weights={"a": 1.0, "b": 0.0})
    assert set(epoch) == set(range(5))


def test_balance_draws_each_kind_equally_often():
    labels = [("", True)] * 30 + [("", False)] * 6
    epoch, *_ = ordered(labels, balanced=True)
    assert sum(i >= 30 for i in epoch) == 18


def test_lengths_are_alike_within_a_factor_of_two():
    assert length_buckets([256, 300, 511, 512, 1]) == [9, 9, 9, 10, 1]


def test_complexity_by_hand():
    counts = np.zeros((2, len(KINDS)), dtype=int)
    counts[0, SpanKind.REASON.code], counts[0, SpanKind.ACT_NAME.code] = 10, 4
    counts[1, SpanKind.PROMPT.code], counts[1, SpanKind.FORMAT_REASON.code] = 99, 2
    assert complexity(counts, 1.0, 0.5).tolist() == [12.0, 2.0]
    assert complexity(counts, 1.0, 0.5, 2.0, np.array([1.0, 3.0])).tolist() == [14.0, 8.0]


def plan(max_steps=-1, **options) -> StepPlanner:
    generator = np.random.default_rng(5)
    lengths = generator.integers(5, 60, 200).tolist()
    counts = generator.integers(0, 9, (200, len(KINDS)))
    groups = strata([("", "")] * 200, None, np.array(lengths, float))
    curriculum = Curriculum(Pacing.linear, 0.1, 0.9)
    return StepPlanner(
        lengths,
        counts,
        BatchSettings(batch_tokens=64, max_steps=max_steps, **options),
        lambda total: Order(groups, size=200, total=total, curriculum=curriculum),
    )


def test_planned_steps_keep_the_curriculum():
    planner = plan(accumulate=2)
    assert sorted(i for step in planner.steps() for i in step.examples) == list(range(200))
    means = [np.mean([planner.lengths[i] for i in step.examples]) for step in planner.steps()]
    fifth = len(means) // 5
    assert np.mean(means[:fifth]) < 20 < 35 < np.mean(means[-fifth:])
    again = plan(accumulate=2)
    assert [s.examples for s in planner.steps()] == [s.examples for s in again.steps()]


def test_curriculum_of_a_bounded_training_reaches_the_hard_ones():
    planner = plan(max_steps=20)
    longest = [max(planner.lengths[i] for i in step.examples) for step in planner.steps()]
    assert len(longest) == 20
    assert max(longest[-5:]) > 50


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["data.curriculum.alpha=-1"], "alpha=-1"),
        (["data.curriculum.full_at=0"], "full_at=0"),
        (["data.curriculum.gamma=1"], "loss.signal=hard"),
        (
            ["data.curriculum.gamma=1", "loss.signal=cached", "teacher=vllm", "teacher.model=m"],
            "entropy, which is not known .* loss.signal=cached of teacher=openai_compatible",
        ),
        (["data.balance=success"], "only_solved"),
        (["data.trajectories=x", "+data.mixture={a:{trajectories:y}}"], "both say"),
        (["+data.mixture={a:{weight:0}}"], "weights"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, overrides, words):
    with pytest.raises(ConfigError, match=words):
        validate(toy_config(tmp_path, *overrides))
