"""Segments of text become spans of tokens.

`align` tokenises rendered texts once, whole, and gives every token the kind of the segment that
owns its first character. The alternative, tokenising piece by piece or measuring the length of an
encoded prefix, puts boundaries where the tokenizer never cuts. Weights are not known here: the loss
maps kinds to weights.

    aligned = align([renderer.render(turns)], tokenizer)[0]
    aligned.input_ids[aligned.kinds == SpanKind.REASON.code]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

    from deepcoder.rendering import Rendered
    from deepcoder.spans.alignment import Aligned

__all__ = ["align"]


def align(rendered: Sequence[Rendered], tokenizer: PreTrainedTokenizerFast) -> list[Aligned]:
    """Ids, kinds and steps of each text's tokens; see `deepcoder.spans.alignment.align`."""
    from deepcoder.spans import alignment

    return alignment.align(rendered, tokenizer)
