"""The fused loss against the float64 reference, value and gradient; hypothesis picks the shapes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from losses.cases import EVERY, SPARSE, Case, assert_close

COMBINATIONS = [("hard", "forward_kl")]
COMBINATIONS += [("online", name) for name in EVERY]
COMBINATIONS += [(scheme, name) for name, scheme in SPARSE]

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-6, torch.bfloat16: 1e-2, torch.float16: 1e-2}
"""In float64 the sparse signals are still stored in float32, on both sides alike."""


@st.composite
def cases(draw: Any, signal: str, name: str, dtype: torch.dtype) -> Case:
    vocab = draw(st.integers(2, 70))
    cost: dict[str, Any] = {
        "temperature": draw(st.sampled_from([1.0, 1.0, 0.5, 3.0])),
        "ce_mix": draw(st.sampled_from([0.0, 0.0, 0.3, 1.0])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.0, 0.1])),
        "z_loss": draw(st.sampled_from([0.0, 0.0, 1e-2])),
        "focal": draw(st.sampled_from([0.0, 0.0, 2.0])),
    }
    if signal == "online":
        cost["confidence"] = draw(st.sampled_from([0.0, 0.0, 1.0]))
        cost["entropy"] = draw(st.sampled_from([0.0, 0.0, 1.0]))
    return Case(
        signal=signal,
        name=name,
        rows=draw(st.integers(1, 12)),
        width=draw(st.integers(1, 9)),
        vocab=vocab,
        k=draw(st.integers(1, vocab)),
        dtype=dtype,
        seed=draw(st.integers(0, 10**6)),
        bias=draw(st.booleans()),
        chunk=draw(st.sampled_from([None, 1, 2, 5])),
        # a skew of 0 is plain KL, which needs the support that renormalising takes away
        alpha=draw(st.sampled_from([0.7, 0.1] if signal == "renormalised" else [0.0, 0.1, 0.7])),
        beta=draw(st.sampled_from([0.5, 0.1, 0.9])),
        cost=cost,
    )


def check(signal: str, name: str, dtype: torch.dtype, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(signal, name, dtype))
    def one(case: Case) -> None:
        assert_close(case, TOLERANCE[dtype])

    one()


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize(("signal", "name"), COMBINATIONS)
def test_value_and_gradient_are_those_of_the_reference(
    signal: str, name: str, dtype: torch.dtype
) -> None:
    check(signal, name, dtype, examples=4)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize(("signal", "name"), COMBINATIONS)
def test_value_and_gradient_hold_on_many_more_shapes(
    signal: str, name: str, dtype: torch.dtype
) -> None:
    check(signal, name, dtype, examples=30)
