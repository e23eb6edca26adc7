"""A second labelling, written to be obvious: character by character, token by token."""

from __future__ import annotations

from transformers import PreTrainedTokenizerFast

from deepcoder.rendering import Rendered
from deepcoder.types import SpanKind


def label_slowly(
    rendered: Rendered, tokenizer: PreTrainedTokenizerFast
) -> tuple[list[SpanKind], list[int | None], int]:
    """(kind of each token, its step, number of straddling tokens)."""
    owner = {}
    for number, segment in enumerate(rendered.segments):
        for position in range(segment.start, segment.end):
            assert position not in owner
            owner[position] = number
    assert sorted(owner) == list(range(len(rendered.text)))
    offsets = tokenizer(rendered.text, add_special_tokens=False, return_offsets_mapping=True)
    kinds, steps, straddlers = [], [], 0
    for start, end in offsets["offset_mapping"]:
        segment = rendered.segments[owner[start]]
        kinds.append(segment.kind)
        steps.append(segment.step)
        straddlers += any(owner[position] != owner[start] for position in range(start, end))
    return kinds, steps, straddlers
