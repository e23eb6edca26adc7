"""Index arithmetic of a micro-batch, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deepcoder.data import Examples, collate
from deepcoder.data.planner import MicroBatch
from deepcoder.types import KINDS, SpanKind, WeightGroup

REASON, ACT, PROMPT = SpanKind.REASON.code, SpanKind.ACT_ARGUMENTS.code, SpanKind.PROMPT.code
SUPERVISED = np.array([kind.group is not WeightGroup.NONE for kind in KINDS])
ONES = {WeightGroup.REASON: 1.0, WeightGroup.ACT: 1.0}
EXAMPLES = Examples.of(
    [
        ("a", [10, 11, 12], [PROMPT, REASON, ACT]),
        ("b", [20, 21], [REASON, ACT]),  # its first token is supervised and cannot be predicted
    ]
)


def test_packed_row():
    batch = collate(EXAMPLES, MicroBatch(((0, 1),)), SUPERVISED, ONES)
    assert batch.input_ids.tolist() == [[10, 11, 12, 20, 21]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 0, 1]]
    assert batch.documents == (((0, 3), (3, 5)),)
    assert batch.rows.tolist() == [0, 1, 3]
    assert batch.targets.tolist() == [11, 12, 21]
    assert batch.kinds.tolist() == [REASON, ACT, ACT]
    assert batch.tokens == 5


@pytest.mark.parametrize(
    ("left", "ids", "rows"),
    [(False, [20, 21, 99], [0, 1, 3]), (True, [99, 20, 21], [0, 1, 4])],
)
def test_padded_rows(left, ids, rows):
    batch = collate(EXAMPLES, MicroBatch(((0,), (1,))), SUPERVISED, ONES, pad_id=99, left=left)
    assert batch.input_ids.tolist() == [[10, 11, 12], ids]
    assert batch.rows.tolist() == rows
    assert batch.tokens == 5


def test_unsupervised_kinds_are_no_targets():
    only_act = np.array([kind.group is WeightGroup.ACT for kind in KINDS])
    batch = collate(EXAMPLES, MicroBatch(((0, 1),)), only_act, ONES)
    assert batch.targets.tolist() == [12, 21]


def test_empty_micro_batch_has_a_token_and_no_target():
    batch = collate(EXAMPLES, MicroBatch(()), SUPERVISED, ONES)
    assert batch.input_ids.shape == (1, 1)
    assert batch.rows.dtype == torch.int64
    assert batch.rows.numel() == batch.targets.numel() == batch.kinds.numel() == 0


def test_target_counts_leave_out_the_first_token():
    counts = EXAMPLES.target_counts()
    assert counts[1, REASON] == 0
    assert counts[1, ACT] == 1
