"""What stops a training that goes wrong says where and what to change."""

from __future__ import annotations

import pytest
import torch
from training_toys import toy_config, toy_rows, write_examples

import deepcoder.train as train
from deepcoder.distillation.guards import out_of_memory_advice
from deepcoder.errors import DeepcoderError


def test_divergence_names_step_and_examples_and_keeps_checkpoints(tmp_path, monkeypatch):
    examples = write_examples(tmp_path / "examples.parquet", toy_rows())
    monkeypatch.setattr(train, "prepared_examples", lambda cfg: examples)
    overrides = ("optim.optimizer.lr=1e37", "callbacks.checkpoint.every_n_steps=1")
    cfg = toy_config(tmp_path / "runs", *overrides)
    folder = train.main.open(cfg)
    with pytest.raises(DeepcoderError, match=r"at step \d+, micro-batch \d, on the examples ex"):
        train.main.run(cfg, folder)
    assert list((folder.path / "checkpoints").iterdir())
    assert not (folder.path / "adapter").exists()


def cpu_failure():
    torch.empty(1 << 60, dtype=torch.uint8)


def python_failure():
    raise MemoryError


@pytest.mark.parametrize("allocate", [cpu_failure, python_failure])
def test_out_of_memory_names_what_to_lower(allocate):
    with pytest.raises(DeepcoderError) as error, out_of_memory_advice(4096, 2048):
        allocate()
    for words in ("4096", "data.batch_tokens", "student.max_tokens", "accumulate_grad_batches"):
        assert words in str(error.value)


def test_other_errors_pass_through():
    with pytest.raises(RuntimeError, match="shape"), out_of_memory_advice(4096, 2048):
        raise RuntimeError("wrong shape")
