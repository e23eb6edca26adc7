"""A random teacher of another shape in a folder, prepared examples, and a batch of them."""

from __future__ import annotations

import pytest
import torch
from training_toys import toy_config, toy_rows
from transformers import Qwen2Config, Qwen2ForCausalLM

from deepcoder.data import Examples, collate
from deepcoder.data.examples import SAMPLED
from deepcoder.data.planner import MicroBatch
from deepcoder.students import load_tokenizer

WIDER = 49152 + 128
"""Padding rows of the teacher's head: tokens that do not exist."""


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    config = Qwen2Config(
        vocab_size=WIDER,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=False,
        initializer_range=0.4,
    )
    torch.manual_seed(7)
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():  # a token that does not exist must not matter, however likely
        model.lm_head.weight[49152:] += 3.0
    model.save_pretrained(folder)
    cfg = toy_config("runs")
    load_tokenizer(cfg.student, cfg.paths.cache).save_pretrained(folder)
    return folder


@pytest.fixture
def examples():
    rows = toy_rows(5, seed=1)
    return Examples.of([(row["id"], row["input_ids"], row["kinds"]) for row in rows])


@pytest.fixture
def packed(examples):
    return collate(examples, MicroBatch(((3, 0), (1, 2, 4))), SAMPLED, {})


@pytest.fixture
def alone(examples):
    return [collate(examples, MicroBatch(((i,),)), SAMPLED, {}) for i in range(5)]
