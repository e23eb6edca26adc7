"""metrics.jsonl: named from span sums, each step once, whatever happened to the process."""

from __future__ import annotations

import json

import pytest
import torch

from deepcoder.distillation.metrics import JsonLines, training_metrics, validation_metrics
from deepcoder.losses.span_loss import KindSums
from deepcoder.types import KINDS, SpanKind


def sums(**tokens: int) -> KindSums:
    """Per kind: loss 2, NLL 3 and half of the tokens right, times the token count."""
    values = torch.zeros(5, len(KINDS), dtype=torch.float64)
    for name, count in tokens.items():
        per_token = torch.tensor([4.0, 2.0, 3.0, 1.0, 0.5], dtype=torch.float64)
        values[:, SpanKind[name].code] = per_token * count
    return KindSums.from_stacked(values)


def test_training_metrics_are_means_per_group():
    metrics = training_metrics(sums(REASON=4, FORMAT_REASON=2, ACT_ARGUMENTS=10))
    assert metrics == {
        "train/reason_loss": 2.0,
        "train/reason_tokens": 6.0,
        "train/act_loss": 2.0,
        "train/act_tokens": 10.0,
    }


def test_a_group_without_tokens_has_no_loss():
    assert "train/reason_loss" not in training_metrics(sums(ACT_ARGUMENTS=10))


@pytest.mark.parametrize("divergence", [False, True])
def test_validation_metrics(divergence):
    metrics = validation_metrics(sums(REASON=4, ACT_ANSWER=2), divergence)
    assert metrics["val/nll"] == metrics["val/reason_nll"] == 3.0
    assert metrics["val/token_accuracy"] == 0.5
    assert ("val/act_loss" in metrics) == divergence


def steps(path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_lines_after_the_checkpoint_are_written_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    first = JsonLines(path)
    first.log_metrics({"val/nll": 9.0}, 0)
    for step in (1, 2, 3):
        first.log_metrics({"train/loss": float(step)}, step)
    with path.open("a") as file:
        file.write('{"step": 4, "train/lo')  # torn by a kill
    again = JsonLines(path, resumed_at=2)
    assert steps(path) == [0, 1, 2]
    for step in (2, 3):
        again.log_metrics({"train/loss": float(step)}, step)
    again.log_metrics({"val/nll": 8.0}, 3)
    assert steps(path) == [0, 1, 2, 3, 3]
    assert [line.get("val/nll") for line in again.read()] == [9.0, None, None, None, 8.0]


def test_lines_without_a_step_stay(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"note": "from elsewhere"}\n')
    JsonLines(path)
    assert "elsewhere" in path.read_text()
