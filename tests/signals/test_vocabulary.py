"""When two tokenizers count the same tokens."""

from __future__ import annotations

import copy
import json

import pytest
from training_toys import toy_config
from transformers import PreTrainedTokenizerFast

from deepcoder.errors import ConfigError
from deepcoder.signals.vocabulary import shared_vocabulary
from deepcoder.students import load_tokenizer

CFG = toy_config("runs")


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(CFG.student, CFG.paths.cache)


def edited(tokenizer, tmp_path, change):
    """The same tokenizer with its tokenizer.json changed."""
    tokenizer.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))
    return PreTrainedTokenizerFast(tokenizer_file=str(path))


def test_same_tokenizer_shares_everything(tokenizer):
    assert shared_vocabulary(tokenizer, copy.deepcopy(tokenizer), "teacher") == 49152


def test_teacher_with_more_tokens_at_the_end_shares_the_front(tokenizer):
    wider = copy.deepcopy(tokenizer)
    wider.add_tokens(["<|extra_one|>", "<|extra_two|>"])
    assert shared_vocabulary(tokenizer, wider, "teacher") == 49152
    assert shared_vocabulary(wider, tokenizer, "teacher") == 49152


def test_reused_id_is_named(tokenizer, tmp_path):
    """As the R1 distillates do: same words, other special tokens under the same ids."""

    def rename(tree):
        tree["added_tokens"][2]["content"] = "<|other_end|>"
        tree["model"]["vocab"]["<|other_end|>"] = tree["model"]["vocab"].pop("<|im_end|>")

    teacher = edited(tokenizer, tmp_path, rename)
    with pytest.raises(ConfigError, match=r"id 2 is '<\|im_end\|>'.*'<\|other_end\|>'"):
        shared_vocabulary(tokenizer, teacher, "some/teacher")


def test_same_vocabulary_cut_differently_is_noticed(tokenizer, tmp_path):
    teacher = edited(tokenizer, tmp_path, lambda tree: tree["model"]["merges"].clear())
    with pytest.raises(ConfigError, match="cut into"):
        shared_vocabulary(tokenizer, teacher, "some/teacher")
