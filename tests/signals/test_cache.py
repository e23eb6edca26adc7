"""What is stored comes back; what is stale, foreign, cut or incomplete does not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from deepcoder.errors import DataError, MissingError
from deepcoder.losses import ChunkRows, SparseRows, SparseScheme
from deepcoder.signals.bits import pack, packed_width, unpack
from deepcoder.signals.cache import CacheWriter, SignalCache, cut_shards
from deepcoder.signals.columns import Layout, decode, encode

VOCAB, ROWS, K, DRAWS = 1000, 40, 16, 50
KEY = {"teacher": "t", "temperature": 1.0, "examples": "abc"}
PER_EXAMPLE = [7, 0, 13, 9, 11]


def distribution(seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(ROWS, VOCAB, generator=g)).log_softmax(-1)


def largest(scheme: SparseScheme = SparseScheme.tail) -> SparseRows:
    log_p = distribution()
    values, ids = log_p.topk(K)
    rest = log_p.clone().scatter_(1, ids, -torch.inf).logsumexp(-1)
    return SparseRows(
        ids,
        values,
        scheme,
        log_tail=None if scheme is SparseScheme.renormalised else rest,
        entropy=-(log_p.exp() * log_p).sum(-1),
        log_target=log_p[:, 3],
    )


def draws() -> SparseRows:
    log_p = distribution()
    g = torch.Generator().manual_seed(1)
    ids = torch.multinomial(log_p.exp(), DRAWS, True, generator=g)
    dense = torch.zeros(ROWS, VOCAB).scatter_add_(1, ids, torch.ones(ids.shape))
    counts, order = dense.topk(DRAWS)
    return SparseRows(
        order, (counts / DRAWS).log(), SparseScheme.sampled, entropy=log_p[:, 0].abs()
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 40), st.integers(0, 9), st.integers(1, 70), st.integers(0, 2**32))
def test_numbers_of_any_width_survive_packing(bits: int, rows: int, count: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 2**bits, (rows, count))
    packed = pack(values, bits)
    assert packed.shape == (rows, packed_width(count, bits))
    assert (unpack(packed, count, bits) == values).all()


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit 10 bits"):
        pack(np.array([[1024]]), 10)


@pytest.mark.parametrize("values", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("scheme", [SparseScheme.tail, SparseScheme.renormalised])
def test_largest_tokens_come_back_within_their_rounding(scheme: SparseScheme, values: str) -> None:
    rows, layout = largest(scheme), Layout(scheme, VOCAB, k=K, values=values)
    places = np.array([3, 3, 39, 0])
    back = decode(encode(rows, layout), layout, places)
    assert isinstance(back, SparseRows)
    assert torch.equal(back.ids, rows.ids[places])
    step = {"float32": 1e-6, "float16": 4e-3, "uint8": 8 / 255}[values]
    assert (back.log_probs - rows.log_probs[places]).abs().max() < step
    assert back.width == VOCAB
    assert back.entropy is not None
    assert rows.entropy is not None
    torch.testing.assert_close(back.entropy, rows.entropy[places], atol=4e-3, rtol=0)
    if scheme is SparseScheme.tail:
        assert back.log_tail is not None
        total = back.log_probs.exp().sum(-1) + back.log_tail.exp()
        torch.testing.assert_close(total, torch.ones(4), atol=1e-6, rtol=0)


def test_draws_come_back_exactly() -> None:
    rows, layout = draws(), Layout(SparseScheme.sampled, VOCAB, draws=DRAWS)
    columns = encode(rows, layout)
    places = np.array([5, 0, 39])
    back = decode(columns, layout, places)
    assert isinstance(back, SparseRows)

    def dense(part: SparseRows) -> Tensor:
        weights = part.log_probs.double().exp()
        zeros = torch.zeros(len(weights), VOCAB, dtype=torch.float64)
        return zeros.scatter_add_(1, part.ids, weights)

    torch.testing.assert_close(dense(back), dense(rows)[places], atol=1e-7, rtol=0)
    torch.testing.assert_close(dense(back).sum(1), torch.ones(3).double())


def test_bytes_of_a_position_are_as_announced() -> None:
    layout = Layout(SparseScheme.tail, 151_936, k=64)
    assert layout.bits == 18
    assert layout.expected_bytes() == 144 + 128 + 2 + 4
    mine = Layout(SparseScheme.tail, VOCAB, k=K, values="uint8")
    stored = sum(column.nbytes for column in encode(largest(), mine).values())
    assert stored == ROWS * mine.expected_bytes()
    sampled = encode(draws(), Layout(SparseScheme.sampled, VOCAB, draws=DRAWS))
    assert sampled["entries"].nbytes < ROWS * DRAWS * 2  # 10 + 6 bits, equal draws once


def test_stretches_come_back_and_incomplete_ones_do_not_count() -> None:
    chunks = torch.tensor([0, 0, 1, -1, 2, 2, 2, 3])
    rows = ChunkRows(chunks, torch.tensor([-1.0, -2.0, -300.0, -4.0]))
    layout = Layout(SparseScheme.tail, VOCAB, chunks=True)
    columns = encode(rows, layout)
    back = decode(columns, layout, np.arange(8))
    assert isinstance(back, ChunkRows)
    assert torch.equal(back.chunks, chunks)
    assert torch.equal(back.log_probs, rows.log_probs)
    part = decode(columns, layout, np.array([1, 2, 3, 4, 6, 7]))
    assert isinstance(part, ChunkRows)
    assert part.chunks.tolist() == [-1, 0, -1, -1, -1, 1]
    assert part.log_probs.tolist() == [-2.0, -4.0]


def test_shards_hold_whole_examples() -> None:
    assert cut_shards([5, 5, 5], 10) == [(0, 2), (2, 3)]
    assert cut_shards([50, 1], 10) == [(0, 1), (1, 2)]
    assert cut_shards([0, 3, 0], 10) == [(0, 3)]
    assert cut_shards([], 10) == []


# ------------------------------------------------------------------------------- files


def write(folder, rows: SparseRows, layout: Layout, key=KEY, only=None) -> CacheWriter:
    writer = CacheWriter(folder, key, layout, PER_EXAMPLE, shard_rows=20)
    assert writer.rows == [(0, 20), (20, 40)]
    for number in writer.missing() if only is None else only:
        a, b = writer.rows[number]
        writer.write(number, encode(rows.select(slice(a, b)), layout))
    writer.finish()
    return writer


@pytest.mark.parametrize("make", [largest, draws])
def test_any_positions_are_read_across_shards(tmp_path, make) -> None:
    rows = make()
    layout = Layout(rows.scheme, VOCAB, k=K, draws=DRAWS, values="float32")
    write(tmp_path, rows, layout)
    cache = SignalCache(tmp_path, KEY)
    assert len(cache) == ROWS
    places = np.array([39, 0, 19, 20, 21])
    got, want = cache.read(places), decode(encode(rows, layout), layout, places)
    assert isinstance(got, SparseRows)
    assert isinstance(want, SparseRows)
    width = want.ids.shape[1]
    assert torch.equal(got.log_probs[:, :width], want.log_probs)
    kept = want.log_probs > -torch.inf
    assert torch.equal(got.ids[:, :width][kept], want.ids[kept])
    assert not len(cache.read(np.zeros(0, dtype=int)).log_probs)
    with pytest.raises(IndexError):
        cache.read(np.array([ROWS]))


def test_a_killed_writer_continues_where_it_was(tmp_path) -> None:
    layout = Layout(SparseScheme.tail, VOCAB, k=K)
    writer = write(tmp_path, largest(), layout, only=[1])
    assert writer.missing() == [0]
    assert writer.missing(1, 2) == []
    with pytest.raises(MissingError, match=r"1 shards are there.*Fix: run"):
        SignalCache(tmp_path, KEY)
    write(tmp_path, largest(), layout)
    assert len(SignalCache(tmp_path, KEY)) == ROWS
    other = CacheWriter(tmp_path, {**KEY, "teacher": "u"}, layout, PER_EXAMPLE, 20)
    assert other.missing() == [0, 1]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def spoil(folder, how: str) -> None:
    shard, index = folder / "shard-00001.bin", folder / "index.json"
    if how == "missing":
        shard.unlink()
    elif how == "cut":
        shard.write_bytes(shard.read_bytes()[:-7])
    elif how == "flipped":
        raw = bytearray(shard.read_bytes())
        raw[-100] ^= 1
        shard.write_bytes(bytes(raw))
    elif how == "version":
        index.write_text(json.dumps(json.loads(index.read_text()) | {"version": 99}))
    elif how == "index":
        index.write_text("{")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", "shard-00001.bin"),
        ("cut", "shard-00001.bin has"),
        ("flipped", "shard-00001.bin is damaged"),
        ("version", "version 99"),
        ("index", "index.json is not an index"),
    ],
)
def test_a_spoiled_cache_is_refused_with_file_and_remedy(tmp_path, how: str, words: str) -> None:
    write(tmp_path, largest(), Layout(SparseScheme.tail, VOCAB, k=K))
    spoil(tmp_path, how)
    with pytest.raises((DataError, MissingError)) as caught:
        SignalCache(tmp_path, KEY)
    assert words in str(caught.value)
    assert "deepcoder.score" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_foreign_cache_says_which_part_of_the_key_differs(tmp_path) -> None:
    write(tmp_path, largest(), Layout(SparseScheme.tail, VOCAB, k=K))
    with pytest.raises(DataError, match=r"temperature is 1\.0, here 2\.0\.") as caught:
        SignalCache(tmp_path, {**KEY, "temperature": 2.0})
    assert "examples" not in str(caught.value)


def test_entropies_come_in_the_order_of_the_positions(tmp_path) -> None:
    rows, layout = largest(), Layout(SparseScheme.tail, VOCAB, k=K)
    entropy = torch.linspace(0.1, 3, ROWS)
    unknown = torch.zeros(ROWS, dtype=torch.bool)
    unknown[3] = True
    write(tmp_path / "with", replace(rows, entropy=entropy, unknown=unknown), layout)
    found = SignalCache(tmp_path / "with", KEY).entropies()
    assert found is not None
    assert np.isnan(found[3])
    assert np.delete(found, 3) == pytest.approx(np.delete(entropy.numpy(), 3), rel=1e-3)
    write(tmp_path / "without", replace(rows, entropy=None), layout)
    assert SignalCache(tmp_path / "without", KEY).entropies() is None
