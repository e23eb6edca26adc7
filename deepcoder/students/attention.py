"""Causal attention that cannot leave a document and costs what the documents cost.

A dense block-diagonal mask over a packed row costs as if the row were one document, and made
packing slower than padding on a CPU. Here each document is its own call:

- CPU in bfloat16, documents up to `WIDE`: `BlockedAttention`, which keeps the probabilities.
- Otherwise on a CPU, and CUDA in float32: one `scaled_dot_product_attention` per document,
  grouped heads as they are. Rows that hold one document each, all beginning at 0, are one call for
  the whole batch: under causal attention nothing can look at the padding that follows.
- CUDA in half precision: one variable-length flash kernel for the whole batch.

    use_document_attention(model)
    model(input_ids=..., position_ids=..., documents=(((0, 31), (31, 80)),))

Models that need more than causal attention (a sliding window shorter than a document, soft-capped
scores, attention sinks) are refused. Padding positions come out as zeros or as anything at all:
nothing reads them.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from deepcoder.errors import ConfigError
from deepcoder.students.batch import Documents
from deepcoder.students.blocked import BlockedAttention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["document_attention", "use_document_attention"]

NAME = "deepcoder_documents"
WIDE = 1024
"""Tokens of the longest document up to which attention keeps its probabilities (CPU, bfloat16); at
1,000 they are 9 MB per document and layer for 9 heads."""


def use_document_attention(model: PreTrainedModel) -> None:
    """Make every attention layer of `model` expect `documents=` in its forward pass."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, document_attention)
    model.set_attn_implementation(NAME)


def document_attention(
    module: nn.Module,
    query: Float[Tensor, "batch heads width d"],
    key: Float[Tensor, "batch kv_heads width d"],
    value: Float[Tensor, "batch kv_heads width d"],
    attention_mask: Tensor | None,
    *,
    documents: Documents,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **options: Any,
) -> tuple[Float[Tensor, "batch width heads d"], None]:
    """Attention of each document to itself; the signature is that of transformers' interface.

    Raises ConfigError for a model whose attention is not plain causal.
    """
    longest = max((end - start for row in documents for start, end in row), default=0)
    _refuse_unknown(attention_mask, sliding_window, longest, options)
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16) and not dropout:
        return _varlen(query, key, value, documents, longest, scaling), None

    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and longest <= WIDE:
        assert not dropout, "attention dropout is not computed here"
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        output: Tensor = BlockedAttention.apply(query, key, value, documents, scale)
        return output.transpose(1, 2).contiguous(), None

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=scaling, dropout_p=dropout, enable_gqa=True
        )

    if all(len(row) == 1 and row[0][0] == 0 for row in documents):
        output = attend(query, key, value)
    else:
        rows = [
            _row(attend, query[i : i + 1], key[i : i + 1], value[i : i + 1], documents[i])
            for i in range(len(documents))
        ]
        output = torch.cat(rows) if len(rows) > 1 else rows[0]
    return output.transpose(1, 2).contiguous(), None


def _row(
    attend: Any,
    query: Float[Tensor, "1 heads width d"],
    key: Float[Tensor, "1 kv_heads width d"],
    value: Float[Tensor, "1 kv_heads width d"],
    spans: tuple[tuple[int, int], ...],
) -> Float[Tensor, "1 heads width d"]:
    # Split, not sliced: the gradient of a slice is as wide as the row, once per document.
    bounds = document_bounds((spans,), query.shape[2])
    sizes = [b - a for a, b in itertools.pairwise(bounds)]
    parts = [x.split(sizes, dim=2) for x in (query, key, value)]
    starts = {start for start, _ in spans}
    return torch.cat(
        [
            attend(q, k, v) if start in starts else torch.zeros_like(q)
            for start, q, k, v in zip(bounds, *parts, strict=False)
        ],
        dim=2,
    )


def _varlen(
    query: Float[Tensor, "batch heads width d"],
    key: Float[Tensor, "batch kv_heads width d"],
    value: Float[Tensor, "batch kv_heads width d"],
    documents: Documents,
    longest: int,
    scaling: float | None,
) -> Float[Tensor, "batch width heads d"]:
    """One flash kernel over all rows; every stretch of padding counts as a document of its own."""
    from torch.nn.attention.varlen import varlen_attn

    batch, heads, width, size = query.shape
    bounds = document_bounds(documents, width)
    offsets = torch.tensor(bounds, dtype=torch.int32, device=query.device)
    most = max(b - a for a, b in itertools.pairwise(bounds))

    def flat(x: Tensor) -> Tensor:  # [batch heads width d] -> [batch*width heads d]
        return x.transpose(1, 2).reshape(batch * width, x.shape[1], size)

    output = varlen_attn(
        flat(query),
        flat(key),
        flat(value),
        offsets,
        offsets,
        max(longest, most),
        max(longest, most),
        scale=scaling,
        window_size=(-1, 0),  # causal
        enable_gqa=True,
    )
    assert isinstance(output, Tensor)  # a tuple only when auxiliary outputs are asked for
    return output.view(batch, width, heads, size)


def document_bounds(documents: Documents, width: int) -> list[int]:
    """Where documents and stretches of padding begin and end in the flattened batch.

    >>> document_bounds((((0, 2), (2, 5)), ((1, 4),)), 5)
    [0, 2, 5, 6, 9, 10]
    """
    bounds = {0}
    for row, spans in enumerate(documents):
        edges = [0, width, *(edge for span in spans for edge in span)]
        bounds.update(row * width + edge for edge in edges)
    return sorted(bounds)


def _refuse_unknown(
    mask: Tensor | None, sliding_window: int | None, longest: int, options: dict[str, Any]
) -> None:
    if mask is not None:
        raise ValueError("document attention takes `documents`, not an attention mask")
    if sliding_window is not None and longest > sliding_window:
        raise ConfigError(
            f"The student attends to a window of {sliding_window} tokens, and a trajectory has "
            f"{longest}.",
            fix=f"set student.max_tokens={sliding_window}, or choose another student",
        )
    for name in ("softcap", "s_aux", "position_bias"):
        if options.get(name) is not None:
            raise ConfigError(
                f"The student's attention uses {name}, which packed training does not compute.",
                fix="choose another student, e.g. of the Llama or Qwen families",
            )
