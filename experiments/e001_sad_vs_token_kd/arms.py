"""The arms: what each changes, as overrides of the command line, and nothing else.

Every arm trains the same start on the same verified rollouts of the same teacher, with the same
number of steps, tokens and adapters; `seed` decides adapter initialisation and order alike in all.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ARMS", "BASELINE", "Arm"]

BASELINE = "token_kd"
"""The arm that every other is compared with."""


@dataclass(frozen=True)
class Arm:
    """One way to distil."""

    name: str
    overrides: tuple[str, ...]
    about: str


ARMS = {
    arm.name: arm
    for arm in (
        Arm("sft", ("loss=sft",), "cross-entropy on the teacher's tokens"),
        Arm("token_kd", ("loss=token_kd",), "KL, every supervised token alike"),
        Arm("sad", ("loss=sad",), "KL, mean of reasoning + mean of acting (λ 1:1)"),
        Arm("sad_act2", ("loss=sad", "loss.act_weight=2"), "the same, λ_r:λ_a = 1:2"),
        Arm("sad_reason2", ("loss=sad", "loss.reason_weight=2"), "the same, λ_r:λ_a = 2:1"),
        Arm("action_only", ("loss=action_only",), "KL on acting only"),
        Arm("reason_only", ("loss=sad", "loss.act_weight=0"), "KL on reasoning only"),
        Arm("shuffled_spans", ("loss=shuffled_spans",), "SAD with the kinds permuted"),
        Arm(
            "sad_curriculum",
            ("loss=sad", "data.curriculum.pacing=linear"),
            "SAD, short trajectories first",
        ),
        Arm(
            "sad_top32",
            ("loss=sad", "loss.signal=cached", "score.scheme=tail", "score.k=32"),
            "SAD from a cache: 32 likeliest tokens and the tail's mass",
        ),
        Arm(
            "sad_sampled",
            ("loss=sad", "loss.signal=cached", "score.scheme=sampled", "score.draws=50"),
            "SAD from a cache: 50 draws per token",
        ),
    )
}
