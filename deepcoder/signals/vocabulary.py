"""Which tokens of two tokenizers are the same, and how the teacher reads the student's text.

Models of one family pad their heads to different widths (151,936 and 152,064 for the same 151,665
tokens), so the width of a head says nothing: the vocabularies are compared id by id, and the
encodings of probes as well, because equal vocabularies with different merges or pre-tokenizers cut
text differently.

    vocabulary = compare(student_tokenizer, teacher_tokenizer, "Qwen/Qwen2.5-Coder-7B")

Three outcomes. *Same*: every id below `size` means the same; both heads are sliced to it. *Partly
the same*: ordinary tokens agree and some control tokens do not (the R1 distillates reuse six ids of
Qwen2.5); these are taken out of both distributions, the teacher reads their text spelled out in its
own tokens, and where one of them is the target, cross-entropy stands in. *Different*: tokens cannot
be compared; `deepcoder.signals.crossing` compares stretches of text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from deepcoder.errors import ConfigError
from deepcoder.students.batch import TokenBatch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["PROBES", "VocabularyMap", "compare", "teacher_view"]

PROBES = (
    "def f(xs: list[int]) -> int:\n    return sum(x ** 2 for x in xs if x % 2 == 0)\n",
    "\tif not s:\r\n\t\traise ValueError('empty')  # nothing\n\n\n",
    "Thought: 1,024 tokens cost $0.50; 3.14159 is near 22/7.\nAction: Search[Zürich 2024]",
    "naïve façade — “quotes” … 数据 данные 🙂👩‍👩‍👧 e\u0301",
    "<think>\nadd first\n</think>\n```python\nprint({'a': [1, 2, 3]})\n```",
    "    trailing spaces   \n\n  and   runs of    them",
)
"""Texts that the two tokenizers must cut into the same ids, control tokens taken out."""


@dataclass(frozen=True)
class VocabularyMap:
    """What the teacher knows of the student's tokens."""

    name: str
    """Of the teacher, for messages."""
    size: int
    """Ids from 0 that both have."""
    unshared: tuple[int, ...] = ()
    """Ids below `size` that name different tokens."""
    spelling: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """The teacher's ids for the text of tokens that it does not have."""
    difference: str | None = None
    """Why tokens cannot be compared at all; null when they can."""

    @cached_property
    def mask(self) -> Float[Tensor, " shared"] | None:
        """0 for tokens that both know, -inf for the others; null when all are known."""
        if not self.unshared:
            return None
        mask = torch.zeros(self.size)
        mask[list(self.unshared)] = -torch.inf
        return mask

    @property
    def shared(self) -> int:
        """Tokens that are compared."""
        return self.size - len(self.unshared)

    def unknown(self, ids: Int[Tensor, " n"]) -> Bool[Tensor, " n"] | None:
        """Which of the student's tokens the teacher does not have; null when it has them all."""
        if not self.spelling:
            return None
        odd = ids >= self.size
        for token in self.unshared:
            odd = odd | (ids == token)
        return odd

    def require_same(self) -> VocabularyMap:
        """Raises ConfigError when the tokenizers are different."""
        if self.difference is None:
            return self
        raise ConfigError(
            f"The teacher {self.name} has another tokenizer than the student: {self.difference}. "
            "Their logits cannot be compared token by token.",
            fix="choose a teacher of the student's family; or compare stretches of text, an "
            "approximation, with loss.signal=cached score.alignment=chunks; or use "
            "loss.signal=hard (cross-entropy on the teacher's text)",
        )


def compare(
    student: PreTrainedTokenizerFast, teacher: PreTrainedTokenizerFast, name: str
) -> VocabularyMap:
    """How far the two agree. One vocabulary may end before the other."""
    ours = {token_id: token for token, token_id in student.get_vocab().items()}
    theirs = {token_id: token for token, token_id in teacher.get_vocab().items()}
    size = min(max(ours), max(theirs)) + 1
    unshared = tuple(i for i in range(size) if ours.get(i) != theirs.get(i))
    control = {**student.get_added_vocab(), **teacher.get_added_vocab()}
    ordinary = [i for i in unshared if not {ours.get(i), theirs.get(i)} & control.keys()]
    plain = VocabularyMap(name, size, unshared)
    if ordinary:
        first = ordinary[0]
        return replace(
            plain,
            difference=f"id {first} is {ours.get(first)!r} for the student and "
            f"{theirs.get(first)!r} for the teacher",
        )
    for probe in PROBES:
        text = probe
        for token in control:
            text = text.replace(token, "")
        a = student(text, add_special_tokens=False)["input_ids"]
        b = teacher(text, add_special_tokens=False)["input_ids"]
        if a != b:
            return replace(
                plain, difference=f"{probe[:40]!r} is cut into {len(a)} and {len(b)} tokens"
            )
    lacking = [i for i in ours if i >= size or i in set(unshared)]
    spelling = {i: tuple(teacher(ours[i], add_special_tokens=False)["input_ids"]) for i in lacking}
    return replace(plain, spelling=spelling)


def teacher_view(batch: TokenBatch, vocabulary: VocabularyMap) -> TokenBatch:
    """The batch as the teacher reads it: tokens that it lacks are spelled out.

    A position of the student becomes the last of the teacher's that stand for it, so that both
    predict from the same text. Without such tokens it is the same batch.
    """
    ids = batch.input_ids.cpu().numpy()
    lengths = np.ones(ids.shape, dtype=np.int64)
    for token, pieces in vocabulary.spelling.items():
        lengths[ids == token] = len(pieces)
    if (lengths == 1).all() and not np.isin(ids, list(vocabulary.spelling)).any():
        return batch
    ends = lengths.cumsum(axis=1)  # where a token's pieces end in its row
    width = int(ends[:, -1].max())
    wide = np.zeros((len(ids), width), dtype=np.int64)
    positions = np.zeros_like(wide)
    documents = []
    for number, line in enumerate(ids):
        text = np.repeat(line, lengths[number])
        for token in np.intersect1d(line, list(vocabulary.spelling)):
            inside = np.repeat(line == token, lengths[number])
            spelled = vocabulary.spelling[int(token)]
            text[inside] = np.tile(spelled, int((line == token).sum()))
        wide[number, : len(text)] = text
        starts = np.concatenate([[0], ends[number]])
        spans = tuple((int(starts[a]), int(starts[b])) for a, b in batch.documents[number])
        for a, b in spans:
            positions[number, a:b] = np.arange(b - a)
        documents.append(spans)
    at, column = np.divmod(batch.rows.cpu().numpy(), ids.shape[1])
    place = torch.from_numpy(at * width + ends[at, column] - 1)
    device = batch.input_ids.device
    return replace(
        batch,
        input_ids=torch.from_numpy(wide).to(device),
        position_ids=torch.from_numpy(positions).to(device),
        documents=tuple(documents),
        rows=place.to(device),
    )
