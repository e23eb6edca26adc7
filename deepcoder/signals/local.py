"""Scoring with a white-box teacher in this process: batched, packed, no row of logits kept.

    scorer = LocalScorer(model, vocabulary, layout, temperature=1.0, seed=0)
    rows = scorer(batch)              # SparseRows, one per supervised position, on the CPU
    rows = CrossScorer(model, student_tokenizer, teacher_tokenizer, layout)(batch)

Attention is separate for every document of a row, as in training. The head is applied to some rows
at a time, and what is kept of their logits is what the layout keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from deepcoder.errors import DataError
from deepcoder.losses.gemm import logits_
from deepcoder.losses.linear import CHUNK_BYTES, linear_nll
from deepcoder.losses.rows import ChunkRows, SparseRows
from deepcoder.signals.columns import Layout, decode, encode
from deepcoder.signals.crossing import cross
from deepcoder.signals.logit_map import logit_map_of
from deepcoder.signals.reducing import kl_error, reduce, uniform
from deepcoder.signals.vocabulary import VocabularyMap, teacher_view
from deepcoder.students.attention import use_document_attention
from deepcoder.students.batch import TokenBatch, head_of, supervised_hidden

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["CrossScorer", "LocalScorer", "Measured"]


@dataclass
class Measured:
    """What storing lost, added up."""

    kl_error: float = 0.0
    """Nats, over the positions that were compared with the dense distribution."""
    compared: int = 0

    def take(self) -> dict[str, float]:
        """The sums so far, and begin again."""
        sums = {"kl_error": self.kl_error, "compared": self.compared}
        self.kl_error, self.compared = 0.0, 0
        return sums


class LocalScorer:
    """The teacher counts the student's tokens, or most of them."""

    def __init__(
        self,
        model: PreTrainedModel,
        vocabulary: VocabularyMap,
        layout: Layout,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        every: int = 1,
    ) -> None:
        """Every `every`-th position of the cache is compared with the dense distribution."""
        self.model = model.requires_grad_(False).eval()
        self.vocabulary, self.layout = vocabulary, layout
        self.temperature, self.seed, self.every = temperature, seed, max(1, every)
        self.measured = Measured()
        use_document_attention(self.model)

    @torch.no_grad()
    def __call__(self, batch: TokenBatch) -> SparseRows:
        """Raises DataError naming the example when the teacher's numbers are not finite."""
        hidden = supervised_hidden(self.model, teacher_view(batch, self.vocabulary))
        rows = self.reduce(hidden, batch.targets, _places(batch), batch)
        return replace(rows, unknown=self.vocabulary.unknown(batch.targets.cpu()))

    def reduce(
        self,
        hidden: Float[Tensor, "rows d"],
        targets: Int[Tensor, " rows"],
        places: Int[np.ndarray, " rows"],
        batch: TokenBatch,
    ) -> SparseRows:
        """Some rows of logits at a time, and what is kept of them."""
        weight, bias = head_of(self.model)
        n = min(self.vocabulary.size, weight.shape[0])
        weight, bias = weight[:n], None if bias is None else bias[:n]
        step = max(1, CHUNK_BYTES.get(hidden.device.type, 1 << 28) // (2 * 4 * n))
        parts = []
        for start in range(0, len(hidden), step):
            part = slice(start, start + step)
            z = hidden.new_empty(len(hidden[part]), n, dtype=torch.float32)
            logits_(hidden[part], weight, bias, logit_map_of(self.model), out=z)
            _check(z, batch, start)
            if self.vocabulary.mask is not None:
                z += self.vocabulary.mask.to(z.device)
            log_p = z.div_(self.temperature).log_softmax(-1)
            parts.append(self._keep(log_p, targets[part], places[part]))
        return _joined(parts, self.layout)

    def _keep(
        self, log_p: Float[Tensor, "rows v"], targets: Int[Tensor, " rows"], places: np.ndarray
    ) -> SparseRows:
        numbers = None
        if self.layout.sampled:
            numbers = torch.from_numpy(uniform(places, self.layout.draws, self.seed))
        rows = reduce(log_p, targets, self.layout, numbers).to("cpu")
        compared = np.flatnonzero(places % self.every == 0)
        if len(compared):
            index = torch.from_numpy(compared)
            stored = decode(
                encode(rows.select(index), self.layout), self.layout, np.arange(len(compared))
            )
            assert isinstance(stored, SparseRows)
            errors = kl_error(log_p[index.to(log_p.device)].cpu(), stored)
            self.measured.kl_error += float(errors.double().sum())
            self.measured.compared += len(compared)
        return rows


class CrossScorer:
    """The teacher has another tokenizer: likelihoods of stretches, or sorted probabilities."""

    def __init__(
        self,
        inner: LocalScorer,
        student: PreTrainedTokenizerFast,
        teacher: PreTrainedTokenizerFast,
    ) -> None:
        self.inner, self.student, self.teacher = inner, student, teacher

    @property
    def measured(self) -> Measured:
        return self.inner.measured

    @torch.no_grad()
    def __call__(self, batch: TokenBatch) -> SparseRows | ChunkRows:
        """Rows of `batch`, from the teacher's reading of the same texts in its own tokens."""
        crossed = CrossedBatch.of(batch, self.student, self.teacher)
        device = next(self.inner.model.parameters()).device
        theirs = crossed.teacher.to(device)
        hidden = supervised_hidden(self.inner.model, theirs)
        if self.inner.layout.chunks:
            weight, bias = head_of(self.inner.model)
            nll, _ = linear_nll(
                hidden,
                weight,
                targets=theirs.targets,
                head_bias=bias,
                logit_map=logit_map_of(self.inner.model),
            )
            _check(nll[:, None], batch, 0)
            inside = torch.from_numpy(crossed.stretch_of_token)
            count = int(crossed.chunks.max(initial=-1)) + 1
            log_p = torch.zeros(count).index_add_(0, inside, -nll.cpu().float())
            return ChunkRows(torch.from_numpy(crossed.chunks), log_p)
        places = _places(batch)[crossed.first]
        begins = np.searchsorted(crossed.stretch_of_token, np.arange(len(crossed.first)))
        index = torch.from_numpy(begins).to(device)  # the first of each stretch's tokens
        kept = self.inner.reduce(hidden[index], theirs.targets[index], places, batch)
        return _spread(kept, crossed.first, len(batch.targets))


@dataclass
class CrossedBatch:
    """A batch in the teacher's own tokens, with the stretches that both share."""

    teacher: TokenBatch
    """Its rows are the teacher's positions of interest: every token of a stretch."""
    chunks: Int[np.ndarray, " supervised"]
    """Stretch of each of the student's rows, or -1."""
    stretch_of_token: Int[np.ndarray, " tokens"]
    """Stretch of each of the teacher's rows."""
    first: Int[np.ndarray, " stretches"] = field(default_factory=lambda: np.zeros(0, np.int64))
    """The student's row that predicts the first token of each stretch."""

    @classmethod
    def of(
        cls,
        batch: TokenBatch,
        student: PreTrainedTokenizerFast,
        teacher: PreTrainedTokenizerFast,
    ) -> CrossedBatch:
        width = batch.input_ids.shape[1]
        row_of = {int(place): i for i, place in enumerate(batch.rows.tolist())}
        chunks = np.full(len(batch.rows), -1, dtype=np.int64)
        texts, rows, targets, stretch_of, first = [], [], [], [], []
        number = 0
        documents = [(r, a, b) for r, spans in enumerate(batch.documents) for a, b in spans]
        for line, (row, a, b) in enumerate(documents):
            ids = batch.input_ids[row, a:b].tolist()
            crossing = cross(ids, student, teacher)
            texts.append(crossing.teacher_ids)
            for s0, s1, t0, t1 in crossing.stretches:
                mine = [row_of.get(row * width + a + s - 1, -1) for s in range(s0, s1)]
                if s0 == 0 or t0 == 0 or min(mine) < 0:
                    continue  # nothing precedes it, or a part of it carries no loss
                chunks[mine] = number
                first.append(mine[0])
                for t in range(t0, t1):
                    rows.append((line, t - 1))
                    targets.append(crossing.teacher_ids[t])
                    stretch_of.append(number)
                number += 1
        theirs = max((len(text) for text in texts), default=1)
        input_ids = torch.zeros(max(len(texts), 1), theirs, dtype=torch.int64)
        positions = torch.arange(theirs).expand_as(input_ids).contiguous()
        for line, text in enumerate(texts):
            input_ids[line, : len(text)] = torch.tensor(text)
        view = replace(
            batch,
            input_ids=input_ids,
            position_ids=positions,
            documents=tuple(((0, max(len(text), 1)),) for text in texts) or (((0, 1),),),
            rows=torch.tensor([r * theirs + t for r, t in rows], dtype=torch.int64),
            targets=torch.tensor(targets, dtype=torch.int64),
        )
        return cls(view, chunks, np.array(stretch_of, np.int64), np.array(first, np.int64))


def _spread(rows: SparseRows, places: np.ndarray, count: int) -> SparseRows:
    """`rows` at `places` among `count` rows; the others are unknown."""
    index = torch.from_numpy(places)

    def wide(part: Tensor | None, value: float) -> Tensor | None:
        if part is None:
            return None
        return part.new_full((count, *part.shape[1:]), value).index_copy_(0, index, part)

    ids, values = wide(rows.ids, 0), wide(rows.log_probs, -60.0)
    assert ids is not None
    assert values is not None
    unknown = torch.ones(count, dtype=torch.bool).index_fill_(0, index, False)
    tail = wide(rows.log_tail, 0.0)
    return SparseRows(ids, values, rows.scheme, log_tail=tail, unknown=unknown)


def _places(batch: TokenBatch) -> Int[np.ndarray, " rows"]:
    assert batch.signal_rows is not None, "only batches of prepared examples are scored"
    return batch.signal_rows.numpy()


def _check(z: Float[Tensor, "rows v"], batch: TokenBatch, start: int) -> None:
    bad = z.isnan() | (z == torch.inf)
    if not bool(bad.any()):
        return
    names = ", ".join(batch.example_ids[:8])
    raise DataError(
        f"The teacher's logits hold NaN or infinity, first in row "
        f"{start + int(bad.any(-1).nonzero()[0])} of the examples {names}; nothing of this shard "
        "is written.",
        fix="set teacher.dtype=bfloat16 or float32 (float16 overflows)",
    )


def _joined(parts: list[SparseRows], layout: Layout) -> SparseRows:
    if not parts:
        none = torch.zeros(0, max(layout.k, 1))
        return SparseRows(none.long(), none, layout.scheme, log_tail=torch.zeros(0))
    names = ("log_tail", "entropy", "log_target")
    columns = {name: [getattr(part, name) for part in parts] for name in names}
    joined: dict[str, Any] = {
        n: torch.cat(c) if all(x is not None for x in c) else None for n, c in columns.items()
    }
    return SparseRows(
        torch.cat([part.ids for part in parts]),
        torch.cat([part.log_probs for part in parts]),
        layout.scheme,
        **joined,
    )
