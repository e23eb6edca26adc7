"""The plan of a training: complete, repeatable, the same denominators however it is cut."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from deepcoder.data.planner import BatchSettings, StepPlanner
from deepcoder.errors import DataError
from deepcoder.types import KINDS


def make(count=37, **settings) -> StepPlanner:
    generator = np.random.default_rng(5)
    lengths = generator.integers(5, 60, count).tolist()
    counts = generator.integers(0, 9, (count, len(KINDS)))
    return StepPlanner(lengths, counts, BatchSettings(**{"batch_tokens": 64, **settings}))


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize(("accumulate", "ranks"), [(1, 1), (3, 1), (2, 2)])
def test_every_epoch_trains_every_example_once(packing, accumulate, ranks):
    planner = make(packing=packing, accumulate=accumulate, ranks=ranks, epochs=3)
    for _, steps in itertools.groupby(planner.steps(), key=lambda step: step.epoch):
        steps = list(steps)
        assert sorted(i for step in steps for i in step.examples) == list(range(37))
        for step in steps:
            assert [len(rank) for rank in step.ranks] == [accumulate] * ranks


def test_counts_of_a_step_are_those_of_its_examples():
    planner = make(accumulate=2, ranks=2)
    for step in planner.steps():
        assert (step.counts == planner.counts[list(step.examples)].sum(axis=0)).all()


def test_plan_depends_on_the_seed_and_the_epoch_only():
    plans = [[s.examples for s in make(seed=seed, epochs=2).steps()] for seed in (0, 0, 1)]
    assert plans[0] == plans[1] != plans[2]
    planner = make(epochs=2)
    first, second = planner.steps_per_epoch, planner.total_steps - planner.steps_per_epoch
    steps = [step.examples for step in planner.steps()]
    assert second > 0
    assert steps[:first] != steps[first:]


def test_a_later_start_gives_the_rest_of_the_same_plan():
    planner = make(epochs=2)
    assert next(planner.steps(4)) is list(planner.steps())[4]


def test_max_steps_cuts_the_plan():
    assert make(epochs=50, max_steps=7).total_steps == 7


def test_fill_is_the_share_of_the_budget_that_is_used():
    counts = np.ones((4, len(KINDS)), dtype=int)
    planner = StepPlanner([32, 32, 16, 16], counts, BatchSettings(batch_tokens=64))
    assert planner.fill() == pytest.approx(0.75)


def test_nothing_to_train_on_is_an_error():
    with pytest.raises(DataError, match="no example"):
        StepPlanner([], np.zeros((0, len(KINDS))), BatchSettings(batch_tokens=64))
