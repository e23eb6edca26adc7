"""Packing and padding groups: nothing lost, nothing twice, never over the budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.data.packing import efficiency, pack, pad_groups
from deepcoder.errors import DataError

lengths = st.lists(st.integers(1, 100), max_size=60)


@given(lengths=lengths, window=st.integers(1, 80))
def test_pack_places_every_sequence_once_within_the_budget(lengths, window):
    bins = pack(lengths, 100, window)
    assert sorted(i for group in bins for i in group) == list(range(len(lengths)))
    assert all(sum(lengths[i] for i in group) <= 100 for group in bins)


@given(lengths=lengths, window=st.integers(1, 80))
def test_pad_groups_stay_within_the_budget_when_padded(lengths, window):
    groups = pad_groups(lengths, 100, window)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(max(lengths[i] for i in group) * len(group) <= 100 for group in groups)


def test_best_fit_fills_the_tightest_bin():
    # 90 and 60 open two bins; 30 fits only beside 60; 10 fits both and takes the fuller one.
    assert pack([60, 90, 10, 30], 100) == [[1, 2], [0, 3]]


def test_many_small_sequences_fill_the_budget():
    bins = pack([7, 13, 22, 31, 5] * 200, 256)
    assert efficiency([7, 13, 22, 31, 5] * 200, bins, 256) > 0.98


@pytest.mark.parametrize("arrange", [pack, pad_groups])
def test_too_long_a_sequence_names_both_numbers(arrange):
    with pytest.raises(DataError, match=r"200 tokens.*holds 100"):
        arrange([50, 200], 100)
