"""Rates, times to go, forecasts, and giving up: by hand-worked numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trajectories.makers import make_trajectory, with_observation

from deepcoder.trajectories.forecast import draw, forecast
from deepcoder.trajectories.meter import Following, Meter
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.trajectories.verification import (
    Refusal,
    RejectedStore,
    RejectedTrajectory,
    RejectReason,
)
from deepcoder.types import Observation, ObservationStatus, Step, Usage


def stores(folder: Path) -> tuple[TrajectoryStore, RejectedStore]:
    return TrajectoryStore(folder / "a.jsonl"), RejectedStore(folder / "r.jsonl")


def test_rate_reasons_money_and_time_to_go(tmp_path: Path) -> None:
    now = [100.0]
    accepted, rejected = stores(tmp_path)
    accepted.append(make_trajectory(0))
    meter = Meter(
        14,
        accepted,
        rejected,
        spent=lambda: Usage(prompt_tokens=90, completion_tokens=10, requests=3, usd=0.5),
        headroom=lambda: {"requests_left": 7},
        clock=lambda: now[0],
    )
    assert meter.seconds_left() is None
    for number in range(3):
        now[0] += 10
        meter.done(Refusal(reason=RejectReason.WRONG_ANSWER) if number else None)
    assert meter.per_minute() == 6
    assert meter.seconds_left() == 100  # ten to go at six a minute
    assert meter.record() == {
        "generate/accepted": 2,
        "generate/rejected": 2,
        "generate/rejected_by_reason": {"wrong_answer": 2},
        "generate/total": 14,
        "generate/per_minute": 6,
        "generate/seconds_left": 100,
        "generate/usd": 0.5,
        "generate/tokens": 100,
        "generate/requests": 3,
        "generate/headroom": {"requests_left": 7},
    }
    json.dumps(meter.record())
    now[0] += 110  # what is long ago does not count
    assert meter.per_minute() == pytest.approx(1.0)


def unreadable(number: int):
    step = Step(
        reason="?",
        action=None,
        observation=Observation(content="no", status=ObservationStatus.FORMAT_ERROR),
    )
    return make_trajectory(number, steps=(step, step), answer=None, stop="max_invalid")


def test_a_model_that_never_follows_the_protocol_is_given_up_also_over_restarts(
    tmp_path: Path,
) -> None:
    accepted, rejected = stores(tmp_path)
    following = Following(3, "codeact", accepted, rejected)
    assert following.error() is None
    for number in range(2):
        assert following.error(unreadable(number)) is None
        refused = Refusal(reason=RejectReason.NOT_FINISHED)
        rejected.append(RejectedTrajectory.of(unreadable(number), refused))
    restarted = Following(3, "codeact", accepted, rejected)
    error = restarted.error(unreadable(2))
    assert error is not None
    assert "does not follow the protocol codeact" in error.message
    assert Following(None, "codeact", accepted, rejected).error(unreadable(2)) is None
    assert Following(2, "codeact", accepted, rejected).error() is not None  # before any is played


def test_one_readable_action_is_enough_to_go_on(tmp_path: Path) -> None:
    following = Following(2, "codeact", *stores(tmp_path))
    half = with_observation(make_trajectory(5), status=ObservationStatus.ERROR)
    found = [following.error(t) for t in (unreadable(0), half, *map(unreadable, range(1, 9)))]
    assert found == [None] * 10


def usage(usd: float, seconds: float = 6.0) -> Usage:
    return Usage(prompt_tokens=80, completion_tokens=20, requests=2, usd=usd, seconds=seconds)


def test_a_forecast_of_equal_episodes_is_certain() -> None:
    found = forecast([usage(0.01)] * 8, remaining=1000, workers=4)
    assert found["usd"].mean == pytest.approx(0.01)
    assert found["usd"].p50 == pytest.approx(10)
    assert found["usd"].p90 == pytest.approx(10)
    assert found["tokens"].p90 == pytest.approx(100_000)
    assert found["seconds"].p50 == pytest.approx(1500)  # 6 s, four at a time


def test_limits_and_broken_answers_make_it_longer_and_dearer() -> None:
    slow = forecast([usage(0.01)], remaining=100, workers=4, limits=(20, None))
    assert slow["seconds"].p50 == pytest.approx(600)  # 200 requests at 20 a minute
    tight = forecast([usage(0.01)], remaining=100, workers=4, limits=(20, 500), overhead=1.5)
    assert tight["seconds"].p50 == pytest.approx(1800)  # 15,000 tokens at 500 a minute
    assert tight["usd"].p50 == pytest.approx(1.5)


def test_a_forecast_of_unequal_episodes_is_a_range_around_the_mean() -> None:
    costs = [usage(0.01 * number) for number in range(1, 9)]  # mean 0.045, sd of the mean 0.0081
    found = forecast(costs, remaining=100, workers=1)["usd"]
    assert found.p50 == pytest.approx(4.5, abs=0.15)
    assert found.p90 == pytest.approx(4.5 + 1.28 * 0.81, abs=0.25)
    with pytest.raises(ValueError, match="needs an episode"):
        forecast([], remaining=1, workers=1)


def test_the_pilot_is_the_same_whenever_it_is_drawn() -> None:
    assert draw(range(100), 5, seed=1) == draw(range(100), 5, seed=1) != draw(range(100), 5, seed=2)
    assert sorted(draw(range(3), 5, seed=1)) == [0, 1, 2]
