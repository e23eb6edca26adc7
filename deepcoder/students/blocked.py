"""Causal attention of short documents on a CPU, forward and backward, in plain matrix products.

    output = BlockedAttention.apply(query, key, value, documents, scale)

torch's fused kernels keep nothing and compute the scores again on their way back, which pays on
long rows. An agent's conversations have a few hundred tokens: there it takes half of the time to
compute the probabilities once and keep them. Queries are taken `BLOCK` at a time, so that of the
square of scores little more than the causal half is computed and the temporaries of a block stay
in the cache. Documents are read and written where they lie: nothing is cut out or put together.

Scores are rounded to the type of the operands and the softmax is taken in float32, as the plain
attention of transformers does it. Memory: about heads · width² bytes per document and layer in
bfloat16, kept for the backward pass. The gradient cannot be differentiated again.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from deepcoder.students.batch import Documents

__all__ = ["BLOCK", "BlockedAttention"]

BLOCK = 128
"""Queries at a time; 256 took 1.5 times as long at 260 to 1,000 tokens."""


class BlockedAttention(torch.autograd.Function):
    """softmax(scale · q kᵀ + causal) v within each document, grouped heads as they are.

    Positions outside of every document come out as zeros.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Float[Tensor, "batch heads width d"],
        key: Float[Tensor, "batch kv_heads width d"],
        value: Float[Tensor, "batch kv_heads width d"],
        documents: Documents,
        scale: float,
    ) -> Float[Tensor, "batch heads width d"]:
        heads, groups = query.shape[1], key.shape[1]
        output = _zeros_like(query)
        kept = []
        for row, first, start, end in _blocks(documents):
            rows = query[row, :, start:end].reshape(groups, -1, query.shape[3])
            scores = torch.bmm(rows, key[row, :, first:end].transpose(1, 2))
            probabilities = _softmax(scores.view(heads, end - start, -1), start - first, scale)
            weighted = probabilities.view(groups, rows.shape[1], -1)
            found = torch.bmm(weighted, value[row, :, first:end])
            output[row, :, start:end] = found.view(heads, end - start, -1)
            kept.append(probabilities)
        ctx.documents, ctx.scale = documents, scale
        if any(ctx.needs_input_grad[:3]):
            ctx.save_for_backward(query, key, value, output, *kept)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, output, *kept = ctx.saved_tensors
        heads, groups = query.shape[1], key.shape[1]
        d_query, d_key, d_value = _zeros_like(query), _zeros_like(key), _zeros_like(value)
        # Σ_j p_j dp_j of a row, which the softmax subtracts, is its output times its gradient.
        wide = _wide(query)
        inner = torch.mul(output, upstream).sum(-1, dtype=wide)
        sums = key.new_empty(0)
        for (row, first, start, end), probabilities in zip(
            _blocks(ctx.documents), kept, strict=True
        ):
            if start == first:  # a new document: its keys' gradients add up over its blocks
                length = _end(ctx.documents[row], first) - first
                sums = key.new_zeros(2, groups, length, key.shape[3], dtype=wide)
            here = slice(0, end - first)
            rows = query[row, :, start:end].reshape(groups, -1, query.shape[3])
            incoming = upstream[row, :, start:end].reshape(groups, -1, query.shape[3])
            weighted = probabilities.view(groups, rows.shape[1], -1)
            sums[1][:, here] += torch.bmm(weighted.transpose(1, 2), incoming)
            slope = torch.bmm(incoming, value[row, :, first:end].transpose(1, 2))
            slope = slope.view(heads, end - start, -1).to(wide)
            slope.sub_(inner[row, :, start:end, None]).mul_(probabilities).mul_(ctx.scale)
            d_scores = slope.to(query.dtype).view(groups, rows.shape[1], -1)
            found = torch.bmm(d_scores, key[row, :, first:end])
            d_query[row, :, start:end] = found.view(heads, end - start, -1)
            sums[0][:, here] += torch.bmm(d_scores.transpose(1, 2), rows)
            if end - first == sums.shape[2]:
                d_key[row, :, first:end], d_value[row, :, first:end] = sums[0], sums[1]
        return d_query, d_key, d_value, None, None


def _blocks(documents: Documents) -> list[tuple[int, int, int, int]]:
    """(row, beginning of the document, beginning and end of the block), document by document."""
    return [
        (row, first, start, min(start + BLOCK, last))
        for row, spans in enumerate(documents)
        for first, last in spans
        for start in range(first, last, BLOCK)
    ]


def _end(spans: tuple[tuple[int, int], ...], first: int) -> int:
    return next(last for begin, last in spans if begin == first)


def _zeros_like(x: Float[Tensor, "batch heads width d"]) -> Float[Tensor, "batch heads width d"]:
    """Zeros that lie in memory as [batch width heads d]: what the projections read and write."""
    batch, heads, width, size = x.shape
    return x.new_zeros(batch, width, heads, size).transpose(1, 2)


def _wide(x: Tensor) -> torch.dtype:
    """In what sums and the softmax are computed: float32, or float64 where that is the input."""
    return torch.promote_types(x.dtype, torch.float32)


def _softmax(
    scores: Float[Tensor, "heads rows seen"], before: int, scale: float
) -> Float[Tensor, "heads rows seen"]:
    """Over the keys that each row may see: all `before` the block, and its own square up to the
    diagonal."""
    wide = scores.to(_wide(scores))
    rows = scores.shape[1]
    later = torch.ones(rows, rows, dtype=torch.bool, device=scores.device).triu_(1)
    wide[:, :, before:].masked_fill_(later, -torch.inf)
    return torch.softmax(wide.mul_(scale), -1).to(scores.dtype)
