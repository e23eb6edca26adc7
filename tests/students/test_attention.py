"""What document attention refuses, and the layout it hands to the variable-length kernel."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from deepcoder.errors import ConfigError
from deepcoder.students import attention
from deepcoder.students.attention import document_attention, document_bounds
from deepcoder.students.blocked import BlockedAttention

DOCUMENTS = (((0, 3), (3, 7)), ((1, 6),))  # the second row has padding on both sides


def qkv(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 4, 7, 8), (2, 2, 7, 8), (2, 2, 7, 8))
    return [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]


def attend(**options):
    return document_attention(torch.nn.Module(), *qkv(), None, documents=DOCUMENTS, **options)[0]


def test_each_document_attends_to_itself():
    query, key, value = qkv()
    output = attend()
    for row, spans in enumerate(DOCUMENTS):
        for start, end in spans:
            parts = [x[row : row + 1, :, start:end] for x in (query, key, value)]
            alone = F.scaled_dot_product_attention(*parts, is_causal=True, enable_gqa=True)
            assert torch.equal(output[row : row + 1, start:end], alone.transpose(1, 2))


@pytest.mark.parametrize(
    "options", [{"sliding_window": 3}, {"softcap": 30.0}, {"s_aux": torch.ones(4)}]
)
def test_what_is_not_plain_causal_attention_is_refused(options):
    with pytest.raises(ConfigError):
        attend(**options)


def test_window_longer_than_every_document_is_no_window():
    assert torch.equal(attend(sliding_window=5), attend())


def test_bounds_count_padding_as_documents():
    assert document_bounds(DOCUMENTS, 7) == [0, 3, 7, 8, 13, 14]


def test_variable_length_kernel_gets_the_same_documents(monkeypatch):
    """The CUDA path with the kernel replaced by its definition: attention between bounds."""

    def varlen_attn(q, k, v, bounds, bounds_k, longest, longest_k, *, scale, window_size, **_):
        assert window_size == (-1, 0)
        assert torch.equal(bounds, bounds_k)
        assert longest == longest_k == int(bounds.diff().max())
        parts = []
        for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            x, y, z = (t[a:b].transpose(0, 1)[None] for t in (q, k, v))
            out = F.scaled_dot_product_attention(
                x, y, z, is_causal=True, scale=scale, enable_gqa=True
            )
            parts.append(out[0].transpose(0, 1))
        return torch.cat(parts)

    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", varlen_attn)
    output = attention._varlen(*qkv(), DOCUMENTS, 5, None)
    for row, spans in enumerate(DOCUMENTS):
        for start, end in spans:
            expected = attend()[row, start:end]
            assert torch.allclose(output[row, start:end], expected, atol=1e-6)


def by_definition(query, key, value, documents, scale):
    """One fused call per document; zeros elsewhere."""
    output = torch.zeros_like(query)
    for row, spans in enumerate(documents):
        for start, end in spans:
            parts = [x[row : row + 1, :, start:end] for x in (query, key, value)]
            output[row, :, start:end] = F.scaled_dot_product_attention(
                *parts, is_causal=True, scale=scale, enable_gqa=True
            )[0]
    return output


@pytest.fixture
def small_blocks(monkeypatch):
    """Documents of several blocks, the last one not whole."""
    monkeypatch.setattr("deepcoder.students.blocked.BLOCK", 3)


def test_blocked_gradient_is_that_of_its_value(small_blocks):
    parts = [x.requires_grad_() for x in qkv(torch.float64)]
    assert torch.autograd.gradcheck(
        lambda *xs: BlockedAttention.apply(*xs, DOCUMENTS, 0.3), parts, fast_mode=False
    )


def test_blocked_attention_is_attention(small_blocks):
    found, wanted = (
        [x.requires_grad_() for x in qkv(torch.float32)],
        [x.requires_grad_() for x in qkv(torch.float32)],
    )
    upstream = torch.randn(2, 4, 7, 8, generator=torch.Generator().manual_seed(1))
    output = BlockedAttention.apply(*found, DOCUMENTS, 0.3)
    expected = by_definition(*wanted, DOCUMENTS, 0.3)
    (output * upstream).sum().backward()
    (expected * upstream).sum().backward()
    assert torch.allclose(output, expected, atol=1e-6)
    for mine, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-6)


def test_bfloat16_on_a_cpu_is_blocked_and_as_good_as_the_fused_kernel():
    """Error against float64 within twice that of torch's own bfloat16 kernel."""
    exact = by_definition(*qkv(torch.float64), DOCUMENTS, 8**-0.5)
    found = document_attention(torch.nn.Module(), *qkv(torch.bfloat16), None, documents=DOCUMENTS)[
        0
    ].transpose(1, 2)
    fused = by_definition(*qkv(torch.bfloat16), DOCUMENTS, 8**-0.5)
    assert (found - exact).norm() <= 2 * (fused - exact).norm() + 1e-3
