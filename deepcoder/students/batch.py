"""What a student reads in one forward pass, and where the loss looks.

A row of the batch holds one or several documents side by side, perhaps with padding between them;
`documents` says where each begins and ends, and attention never leaves it. Only the positions that
predict a supervised token are listed (`rows`): the vocabulary is never spread over the others.

    batch = TokenBatch(input_ids, position_ids, documents=(((0, 31), (31, 80)),), ...)
    hidden = supervised_hidden(model, batch)   # [supervised d]

Token t is predicted from the hidden state at t-1: `rows[i]` is the flat index of position t-1,
`targets[i]` and `kinds[i]` belong to t. The first token of a document is never a target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jaxtyping import Float, Int, UInt8
from torch import Tensor, device

from deepcoder.types import WeightGroup

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Documents", "TokenBatch", "head_of", "supervised_hidden"]

Documents = tuple[tuple[tuple[int, int], ...], ...]
"""Per row of the batch, the half-open ranges [start, end) of its documents, in order."""


@dataclass(frozen=True)
class TokenBatch:
    """One micro-batch of one optimizer step on one rank."""

    input_ids: Int[Tensor, "batch width"]
    position_ids: Int[Tensor, "batch width"]
    """Count from 0 in every document."""
    documents: Documents
    rows: Int[Tensor, " supervised"]
    """Flat indices into [batch * width] of the positions t-1."""
    targets: Int[Tensor, " supervised"]
    kinds: UInt8[Tensor, " supervised"]
    """`SpanKind.code` of the targets."""
    denominators: Mapping[WeightGroup, float]
    """Of the whole optimizer step, over all its micro-batches and ranks."""
    step: int
    """Optimizer step that this micro-batch belongs to, from 0."""
    micro: int
    """Place within the step on this rank, from 0."""
    example_ids: tuple[str, ...]
    signal_rows: Int[Tensor, " supervised"] | None = None
    """Place of each target in a signal cache, counted over all examples; stays on the CPU."""

    @property
    def tokens(self) -> int:
        """Tokens of documents, without padding."""
        return sum(end - start for row in self.documents for start, end in row)

    def to(self, target: device | str, *, non_blocking: bool = False) -> TokenBatch:
        """The same batch with its tensors on another device."""
        names = ("input_ids", "position_ids", "rows", "targets", "kinds")
        moved = {n: getattr(self, n).to(target, non_blocking=non_blocking) for n in names}
        return replace(self, **moved)


def supervised_hidden(model: PreTrainedModel, batch: TokenBatch) -> Float[Tensor, "supervised d"]:
    """Last hidden states (after the final norm) of the supervised positions, without any logits."""
    output = model.get_decoder()(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        attention_mask=None,
        use_cache=False,
        documents=batch.documents,
    )
    hidden = output.last_hidden_state
    return hidden.reshape(-1, hidden.shape[-1]).index_select(0, batch.rows)


def head_of(
    model: PreTrainedModel,
) -> tuple[Float[Tensor, "vocab d"], Float[Tensor, " vocab"] | None]:
    """Weight and bias of the output head."""
    head: Any = model.get_output_embeddings()
    return head.weight, getattr(head, "bias", None)
