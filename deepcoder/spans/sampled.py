"""Token ids that a backend sampled, in place of those that a tokenizer makes of the same text.

    one, drift = with_sampled_ids(rendered, aligned, trajectory.steps, tokenizer, use=True)
    drift.drifted        # answers that were sampled as other ids than their text is tokenised to

A model may write `return` as `ret` and `urn`; text alone forgets that. Where a step has the ids of
its answer and they spell what the renderer wrote, end of turn included, they are the student's own
tokens. Ids of another tokenizer, and of an answer that stands in canonical form instead of its own,
spell something else and are counted as unusable. Around an answer nothing changes: turns begin and
end in control tokens, so what is before and after is tokenised the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deepcoder.rendering import Rendered
from deepcoder.spans.alignment import WEIGHTED, Aligned, owned
from deepcoder.spans.units import Units
from deepcoder.types import Segment, Step

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["NO_DRIFT", "Drift", "with_sampled_ids"]


class Drift(NamedTuple):
    """Answers whose backend said their ids, and what became of them."""

    given: int = 0
    unusable: int = 0
    """The ids do not spell the text that is trained on."""
    drifted: int = 0
    """The ids spell it, and tokenising it gives other ones."""

    def plus(self, other: Drift) -> Drift:
        """The sums."""
        return Drift(*map(sum, zip(self, other, strict=True)))


NO_DRIFT = Drift()


def with_sampled_ids(
    rendered: Rendered,
    aligned: Aligned,
    steps: Sequence[Step],
    tokenizer: PreTrainedTokenizerFast,
    *,
    use: bool,
) -> tuple[Aligned, Drift]:
    """The tokens of a text, in `use` with the sampled ids of its trained answers, and the drift.

    `aligned` are the tokens of the whole text as `align` gives them.
    """
    drift = NO_DRIFT
    parts: list[Aligned] = []
    done = 0  # tokens of `aligned` that are in `parts`
    for index, step in enumerate(steps):
        here = np.flatnonzero(aligned.weighted & (aligned.steps == index))
        if step.token_ids is None or not len(here):
            continue
        first, last = int(here[0]), int(here[-1]) + 1
        end = int(aligned.input_ids[last - 1])
        sampled = _answer(rendered, index, step.token_ids, end, tokenizer)
        if sampled is None or (first and aligned.straddling[first - 1]):
            drift = drift.plus(Drift(given=1, unusable=1))
            continue
        drifted = not np.array_equal(sampled.input_ids, aligned.input_ids[first:last])
        drift = drift.plus(Drift(given=1, drifted=drifted))
        if drifted and use:
            parts += [aligned.part(done, first), sampled]
            done = last
    if not parts:
        return aligned, drift
    return Aligned.joined([*parts, aligned.part(done, len(aligned.input_ids))]), drift


def _answer(
    rendered: Rendered,
    index: int,
    given: Sequence[int],
    end_of_turn: int,
    tokenizer: PreTrainedTokenizerFast,
) -> Aligned | None:
    """The trained answer of step `index` as these ids; None when they do not spell it."""
    segments = [s for s in rendered.segments if s.step == index and WEIGHTED[s.kind.code]]
    start, end = segments[0].start, segments[-1].end
    text = rendered.text[start:end]
    ids = list(given)
    if ids[-1:] != [end_of_turn]:
        ids.append(end_of_turn)  # some backends leave it out
    units = Units.of(tokenizer)
    if units is None or not units.knows(ids):
        return None
    spelled = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    if spelled != text:
        return None
    moved = tuple(Segment(s.start - start, s.end - start, s.kind, s.step) for s in segments)
    array = np.array(ids, np.int32)
    return owned(Rendered(text, moved), array, units.bytes_of(array))
