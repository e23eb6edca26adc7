"""Arithmetic of a step, by hand on the tiny student, and peaks by device name."""

from __future__ import annotations

import pytest
from training_toys import toy_config

from deepcoder.distillation.throughput import StepCost, peak_flops
from deepcoder.students import attach_lora, load_base


def test_cost_of_a_step_by_hand():
    cfg = toy_config("runs")
    base = load_base(cfg.student, cfg.paths.cache)
    vocabulary = base.config.vocab_size
    cost = StepCost.of(attach_lora(base, cfg.student.lora))
    # per layer: q 64·64, k and v 64·32, o 64·64, gate, up and down 64·160; rank 4 adapters
    assert cost.frozen == 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160)
    assert cost.adapters == 2 * 4 * (2 * 128 + 2 * 96 + 3 * 224)
    assert cost.head == vocabulary * 64
    assert cost.attention == 2 * 64
    linear = 30 * (4 * cost.frozen + 6 * cost.adapters)
    assert cost.flops([10, 20], supervised=7) == linear + 6 * 128 * 500 + 4 * 7 * vocabulary * 64


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA A10G", 70e12),
        ("Some Other Device", None),
    ],
)
def test_peaks(name, peak):
    assert peak_flops(name) == peak
