"""When two tokenizers count the same tokens."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from rendering.real_tokenizers import tokenizer as real
from training_toys import toy_config
from transformers import PreTrainedTokenizerFast

from deepcoder.errors import ConfigError
from deepcoder.signals.vocabulary import VocabularyMap, compare, teacher_view
from deepcoder.students import load_tokenizer
from deepcoder.students.batch import TokenBatch

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
    found = compare(tokenizer, copy.deepcopy(tokenizer), "teacher")
    assert (found.size, found.shared, found.unshared) == (49152, 49152, ())
    assert found.mask is None
    assert found.unknown(torch.tensor([1, 2])) is None


def test_teacher_with_more_tokens_at_the_end_shares_the_front(tokenizer):
    wider = copy.deepcopy(tokenizer)
    wider.add_tokens(["<|extra_one|>", "<|extra_two|>"])
    assert compare(tokenizer, wider, "teacher").size == 49152
    narrower = compare(wider, tokenizer, "teacher").require_same()
    assert narrower.size == 49152
    assert narrower.unknown(torch.tensor([5, 49152, 49153])).tolist() == [False, True, True]


def test_reused_control_id_is_taken_out(tokenizer, tmp_path):
    def rename(tree):
        tree["added_tokens"][2]["content"] = "<|other_end|>"
        tree["model"]["vocab"]["<|other_end|>"] = tree["model"]["vocab"].pop("<|im_end|>")

    teacher = edited(tokenizer, tmp_path, rename)
    found = compare(tokenizer, teacher, "some/teacher").require_same()
    assert found.unshared == (2,)
    assert found.shared == 49151
    assert found.mask is not None
    assert found.mask.isinf().nonzero().tolist() == [[2]]
    assert tokenizer.decode(found.spelling[2]) == "<|im_end|>"
    assert 2 not in found.spelling[2]


def test_reused_ordinary_id_is_another_tokenizer(tokenizer, tmp_path):
    def swap(tree):
        vocab = tree["model"]["vocab"]
        a, b = list(vocab)[3000:3002]
        vocab[a], vocab[b] = vocab[b], vocab[a]

    found = compare(tokenizer, edited(tokenizer, tmp_path, swap), "some/teacher")
    with pytest.raises(ConfigError, match=r"some/teacher.*id 3000 is .*chunks"):
        found.require_same()


def test_same_vocabulary_cut_differently_is_noticed(tokenizer, tmp_path):
    teacher = edited(tokenizer, tmp_path, lambda tree: tree["model"]["merges"].clear())
    with pytest.raises(ConfigError, match="cut into"):
        compare(tokenizer, teacher, "some/teacher").require_same()


# ------------------------------------------------------------------- real tokenizers


def test_r1_distill_reuses_control_ids_of_qwen():
    """The ids 151644 to 151649 are others' control tokens; every ordinary token agrees."""
    found = compare(real("qwen2.5"), real("r1-distill-qwen"), "r1").require_same()
    assert set(range(151644, 151650)) <= set(found.unshared)
    assert min(found.unshared) >= 151643
    assert found.size == 151665
    assert found.shared == found.size - len(found.unshared)
    spelled = found.spelling[151644]
    assert real("r1-distill-qwen").decode(spelled) == "<|im_start|>"
    assert max(spelled) < 151643


def test_qwen3_knows_all_that_qwen2_5_knows():
    found = compare(real("qwen2.5"), real("qwen3"), "qwen3").require_same()
    assert (found.size, found.unshared) == (151665, ())


@pytest.mark.parametrize("other", ["smollm2", "r1-distill-llama"])
def test_other_families_are_different(other):
    assert compare(real("qwen2.5"), real(other), "teacher").difference is not None


# ------------------------------------------------------------------- the teacher's view


def view_of(ids, documents, rows, spelling):
    vocabulary = VocabularyMap("teacher", 100, (7,), spelling)
    ids = torch.tensor(ids)
    batch = TokenBatch(
        input_ids=ids,
        position_ids=torch.zeros_like(ids),
        documents=documents,
        rows=torch.tensor(rows),
        targets=torch.zeros(len(rows), dtype=torch.long),
        kinds=torch.zeros(len(rows), dtype=torch.uint8),
        denominators={},
        step=0,
        micro=0,
        example_ids=(),
    )
    return batch, teacher_view(batch, vocabulary)


def test_unknown_tokens_are_spelled_out_for_the_teacher():
    spelled = {7: (40, 41, 42), 120: (7,)}
    documents = (((0, 3), (3, 5)), ((1, 5),))
    before, view = view_of([[7, 1, 2, 3, 7], [0, 4, 120, 5, 6]], documents, [0, 1, 4, 7], spelled)
    assert view.input_ids.tolist() == [
        [40, 41, 42, 1, 2, 3, 40, 41, 42],
        [0, 4, 7, 5, 6, 0, 0, 0, 0],
    ]
    assert view.documents == (((0, 5), (5, 9)), ((1, 5),))
    assert view.position_ids[0].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    # the last piece of the token that stands before each target
    assert view.rows.tolist() == [2, 3, 8, 9 + 2]
    assert torch.equal(view.targets, before.targets)


def test_without_unknown_tokens_the_view_is_the_batch():
    before, view = view_of([[1, 2, 3]], (((0, 3),),), [0, 1], {7: (40, 41)})
    assert view is before
