"""Learning-rate schedules at the points where they are known."""

from __future__ import annotations

import pytest

from deepcoder.distillation.schedule import learning_rate_factor
from deepcoder.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "middle", "end"), [("cosine", 0.5, 0.0), ("linear", 0.5, 0.0), ("constant", 1.0, 1.0)]
)
def test_curve(name, middle, end):
    factor = learning_rate_factor(name, warmup=10, total=110)
    assert factor(0) == pytest.approx(0.1)
    assert factor(9) == factor(10) == pytest.approx(1.0)
    assert factor(60) == pytest.approx(middle)
    assert factor(110) == factor(500) == pytest.approx(end)


def test_warmup_takes_at_most_a_tenth_of_a_short_training():
    assert learning_rate_factor("constant", warmup=50, total=20)(1) == 1.0


def test_unknown_schedule_lists_the_known_ones():
    with pytest.raises(ConfigError, match="cosine, linear, constant"):
        learning_rate_factor("step", 1, 10)
