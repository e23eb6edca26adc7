"""Distillation straight from hidden states: the [rows × vocabulary] logits are never built whole.

    out = linear_distillation_loss(
        hidden, head_weight, TeacherRows(teacher_hidden, teacher_head), weights, targets=targets
    )
    out.loss.backward()

Rows are walked in chunks. A chunk's logits are formed by one GEMM with float32 accumulation and a
float32 result, turned in place into their own gradient, multiplied by the head into the gradient
with respect to `hidden`, and overwritten by the next chunk. So the gradient is ready when the
value is; `backward` only scales it. With a frozen head that is two student GEMMs, and one for an
online teacher: no product for the head's gradient, no recomputation, no work for rows that are
not visited. When the head requires a gradient it is formed too, in an accumulator of its size.

Alternative: materialised logits and autograd, which is what the tests compare with
(tests/losses/reference.py); many times the memory, and exact in float64 only.

Under autocast the operands of the GEMMs are in autocast's type, else in the wider type of `hidden`
and `head_weight`; float64 stays float64. The gradient cannot be differentiated again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from deepcoder.errors import DataError
from deepcoder.losses.gemm import accumulator, add_weight_gradient, logits_, through_head
from deepcoder.losses.names import SparseScheme
from deepcoder.losses.objective import Objective
from deepcoder.losses.rows import HardRows, LogitMap, Signal, SparseRows, TeacherRows

__all__ = ["LinearLoss", "linear_distillation_loss", "linear_nll"]

CHUNK_BYTES = {"cpu": 256 << 20, "cuda": 1 << 30}
"""Logits of one chunk, at most. A CPU's GEMMs are slower below some 200 rows and gain nothing above
400; a GPU's need 1,024 rows or more to be bound by arithmetic (151,936 × 4 bytes × 1,024 = 0.6 GB).
"""

BLOCK_BYTES = {"cpu": 4 << 20, "cuda": 256 << 20}
"""Part of a chunk whose temporaries exist at a time: a cache's worth on a CPU."""


class LinearLoss(NamedTuple):
    """`loss` = Σ weights · ℓ over visited rows; the rest is detached, one entry a visited row."""

    loss: Float[Tensor, ""]
    values: Float[Tensor, " visited"]
    """ℓ before its weight; see `Objective`."""
    nll: Float[Tensor, " visited"]
    """-log q(target), nats, at temperature 1."""
    correct: Bool[Tensor, " visited"]
    """No token scores higher than the target."""


@torch.compiler.disable  # a compiled caller breaks its graph here: the GEMMs gain nothing from one
def linear_distillation_loss(
    hidden: Float[Tensor, "rows d"],
    head_weight: Float[Tensor, "vocab d"],
    signal: Signal,
    weights: Float[Tensor, " rows"],
    *,
    targets: Int[Tensor, " rows"],
    objective: Objective | None = None,
    rows: Int[Tensor, " visited"] | None = None,
    head_bias: Float[Tensor, " vocab"] | None = None,
    logit_map: LogitMap | None = None,
    chunk_rows: int | None = None,
) -> LinearLoss:
    """Σ_i weights_i · ℓ_i over the rows named by `rows` (null: all); each at most once.

    `weights` are constants that hold every factor, denominators included. `targets[i]` is the
    token that row i predicts (the shift by one has been made). Without visited rows, or with
    weights of 0, the loss is exactly 0 and the gradient zero. A row whose ℓ is infinite or NaN
    makes the loss so and gives no gradient. `chunk_rows` bounds memory at
    chunk_rows × vocabulary × 4 bytes (twice with an online teacher); null chooses by device.

    Raises ValueError when shapes do not belong together, ConfigError when `objective` cannot be
    had from `signal`, DataError when a visited target is no token of the (shared) vocabulary; on
    CUDA the device asserts that, because looking would stall it.
    """
    objective = objective or Objective()
    objective.check(signal)
    vocab = _shared_vocabulary(hidden, head_weight, signal)
    _check_targets(targets, rows, vocab)
    plan = _Plan(
        objective,
        signal,
        logit_map or LogitMap(),
        vocab,
        chunk_rows or _default_chunk(hidden, vocab),
        torch.is_grad_enabled(),
    )
    loss, values, nll, correct = _Fused.apply(
        hidden, head_weight, head_bias, weights, targets, rows, plan
    )
    return LinearLoss(loss, values, nll, correct)


@dataclass(frozen=True)
class _Plan:
    """Everything that is not a differentiable tensor."""

    objective: Objective
    signal: Signal
    logit_map: LogitMap
    vocab: int
    chunk_rows: int
    gradients: bool


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        weights: Tensor,
        targets: Tensor,
        rows: Tensor | None,
        plan: _Plan,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        wanted = [plan.gradients and wants for wants in ctx.needs_input_grad[:3]]
        kind = hidden.device.type
        low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        with torch.autocast(kind, enabled=False):
            walk = _Walk(hidden, weight, bias, weights, targets, rows, plan, wanted, low)
            loss = walk.run()
        ctx.save_for_backward(walk.d_hidden, walk.d_weight, walk.d_bias, rows)
        ctx.shapes = (hidden.shape, weight.shape, weight.dtype, bias)
        ctx.mark_non_differentiable(walk.values, walk.nll, walk.correct)
        ctx.set_materialize_grads(False)
        return loss, walk.values, walk.nll, walk.correct

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
        if upstream is None:
            return (None,) * 7
        d_hidden, d_weight, d_bias, rows = ctx.saved_tensors
        hidden_shape, weight_shape, weight_dtype, bias = ctx.shapes
        if d_hidden is not None:
            d_hidden = d_hidden * upstream.to(d_hidden.dtype)
            if rows is not None:
                d_hidden = d_hidden.new_zeros(hidden_shape).index_copy_(0, rows.long(), d_hidden)
        if d_weight is not None:
            d_weight = _widen((d_weight * upstream).to(weight_dtype), weight_shape)
        if d_bias is not None:
            d_bias = _widen((d_bias * upstream).to(bias.dtype), bias.shape)
        return (d_hidden, d_weight, d_bias, None, None, None, None)


@torch.compiler.disable
def linear_nll(
    hidden: Float[Tensor, "rows d"],
    head_weight: Float[Tensor, "vocab d"],
    *,
    targets: Int[Tensor, " rows"],
    head_bias: Float[Tensor, " vocab"] | None = None,
    logit_map: LogitMap | None = None,
    chunk_rows: int | None = None,
) -> tuple[Float[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """-log q(target) of every row, differentiable row by row, and whether the target scores best.

    For losses that couple rows, whose weights are known only when all values are. The head must
    be frozen: its gradient is not formed. Raises DataError as `linear_distillation_loss` does.
    """
    vocab = head_weight.shape[0]
    _check_targets(targets, None, vocab)
    plan = _Plan(
        Objective(),
        HardRows(),
        logit_map or LogitMap(),
        vocab,
        chunk_rows or _default_chunk(hidden, vocab),
        torch.is_grad_enabled(),
    )
    return _RowNll.apply(hidden, head_weight, head_bias, targets, plan)


class _RowNll(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        plan: _Plan,
    ) -> tuple[Tensor, Tensor]:
        wanted = [plan.gradients and ctx.needs_input_grad[0], False, False]
        kind = hidden.device.type
        low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        ones = hidden.new_ones(hidden.shape[0], dtype=torch.float32)
        with torch.autocast(kind, enabled=False):
            walk = _Walk(hidden, weight, bias, ones, targets, None, plan, wanted, low)
            walk.run()
        ctx.save_for_backward(walk.d_hidden)
        ctx.mark_non_differentiable(walk.correct)
        return walk.nll, walk.correct

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        (d_hidden,) = ctx.saved_tensors
        if d_hidden is None:
            return (None,) * 5
        return (d_hidden * upstream[:, None].to(d_hidden.dtype), None, None, None, None)


class _Walk:
    """One pass over the visited rows, chunk by chunk, block by block."""

    def __init__(
        self,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        weights: Tensor,
        targets: Tensor,
        rows: Tensor | None,
        plan: _Plan,
        wanted: list[bool],
        autocast: torch.dtype | None,
    ) -> None:
        self.hidden, self.weights, self.targets, self.rows = hidden, weights, targets, rows
        self.weight = weight[: plan.vocab]
        self.bias = None if bias is None else bias[: plan.vocab]
        self.plan, self.autocast = plan, autocast
        self.dtype = accumulator(hidden.dtype, weight.dtype)
        mask = None if isinstance(plan.signal, HardRows) else plan.signal.mask
        self.mask = None if mask is None else mask[: plan.vocab].to(hidden.device, self.dtype)
        self.count = hidden.shape[0] if rows is None else rows.shape[0]
        empty = hidden.new_empty
        self.values = empty(self.count, dtype=self.dtype)
        self.nll = empty(self.count, dtype=self.dtype)
        self.correct = empty(self.count, dtype=torch.bool)
        needs_hidden, needs_weight, needs_bias = wanted
        self.d_hidden = empty(self.count, hidden.shape[1]) if needs_hidden else None
        self.d_weight = torch.zeros_like(self.weight, dtype=self.dtype) if needs_weight else None
        self.d_bias = (
            hidden.new_zeros(plan.vocab, dtype=self.dtype)
            if needs_bias and bias is not None
            else None
        )

    def run(self) -> Tensor:
        """Σ weights · ℓ; leaves the gradients and the statistics in the attributes."""
        chunks = max(1, -(-self.count // self.plan.chunk_rows))
        size = -(-self.count // chunks)  # chunks of equal size, the largest that fits
        online = isinstance(self.plan.signal, TeacherRows)
        buffers = [
            self.hidden.new_empty(size, self.plan.vocab, dtype=self.dtype)
            for _ in range(2 if online else 1)
        ]
        loss = self.hidden.new_zeros((), dtype=self.dtype)
        for start in range(0, self.count, max(size, 1)):
            place = slice(start, min(start + size, self.count))
            loss = loss + self._chunk(place, *[b[: place.stop - start] for b in buffers])
        return loss

    def _chunk(self, place: slice, z: Tensor, t: Tensor | None = None) -> Tensor:
        rows: slice | Tensor = place if self.rows is None else self.rows[place].long()
        plan, h, targets = self.plan, self.hidden[rows], self.targets[rows]
        weights = self.weights[rows].to(self.dtype)
        signal = plan.signal.select(rows)
        logits_(h, self.weight, self.bias, plan.logit_map, out=z, autocast=self.autocast)
        if t is not None and isinstance(signal, TeacherRows):
            bias = None if signal.head_bias is None else signal.head_bias[: plan.vocab]
            head = signal.head_weight[: plan.vocab]
            logits_(signal.hidden, head, bias, signal.logit_map, out=t, autocast=self.autocast)
        step = max(1, BLOCK_BYTES.get(z.device.type, 1 << 26) // (z.shape[1] * z.element_size()))
        usable = []
        for first in range(0, z.shape[0], step):
            part = slice(first, min(first + step, z.shape[0]))
            usable.append(self._block(place.start, part, z, t, targets, signal))
        # A weight of 0 silences a row whatever it costs, infinity included.
        live = torch.cat(usable) & (weights != 0)
        self._gradients(place, h, z, torch.where(live, weights, 0.0), live)
        return torch.where(weights != 0, weights * self.values[place], 0.0).sum()

    def _block(
        self,
        offset: int,
        part: slice,
        z: Tensor,
        t: Tensor | None,
        targets: Tensor,
        signal: Signal,
    ) -> Tensor:
        """Cost of a few rows; their part of `z` becomes dℓ/d(hidden @ weight.T + bias)."""
        plan, block = self.plan, z[part]
        cap, slope = plan.logit_map.softcap, None
        if cap is not None:
            slope = 1 - (block / cap).square_()
        if self.mask is not None:
            block.add_(self.mask)
            if t is not None:
                t[part].add_(self.mask)
        cost = plan.objective.cost(
            block, targets[part], signal.select(part), None if t is None else t[part]
        )
        if slope is not None:
            block.mul_(slope)
        if plan.logit_map.scale != 1.0:
            block.mul_(plan.logit_map.scale)
        into = slice(offset + part.start, offset + part.stop)
        self.values[into], self.nll[into], self.correct[into] = cost
        return cost.usable

    def _gradients(
        self, place: slice, h: Tensor, dz: Tensor, weights: Tensor, live: Tensor
    ) -> None:
        # Row weights are applied after the product, on d columns instead of V: cheaper, and dz
        # stays within ±1 or so, which float16 and bfloat16 hold better than 1/tokens times that.
        if self.d_hidden is not None:
            product = through_head(dz, self.weight, self.autocast)
            scaled = product.mul_(weights[:, None]).masked_fill_(~live[:, None], 0.0)
            self.d_hidden[place] = scaled.to(self.d_hidden.dtype)
        if self.d_weight is not None or self.d_bias is not None:
            dz.mul_(weights[:, None]).masked_fill_(~live[:, None], 0.0)
            if self.d_weight is not None:
                add_weight_gradient(self.d_weight, dz, h)
            if self.d_bias is not None:
                self.d_bias += dz.sum(0)


def _widen(gradient: Tensor, shape: torch.Size) -> Tensor:
    """Zeros for the tokens that the vocabularies do not share."""
    if gradient.shape == shape:
        return gradient
    wide = gradient.new_zeros(shape)
    wide[: gradient.shape[0]] = gradient
    return wide


def _default_chunk(hidden: Tensor, vocab: int) -> int:
    width = 8 if hidden.dtype == torch.float64 else 4
    return max(16, CHUNK_BYTES.get(hidden.device.type, 1 << 28) // (vocab * width))


def _shared_vocabulary(hidden: Tensor, head_weight: Tensor, signal: Signal) -> int:
    """Width of the head that is used; checks that the signal fits the student."""
    vocab, count = head_weight.shape[0], hidden.shape[0]
    if isinstance(signal, HardRows):
        return vocab
    given = signal.hidden if isinstance(signal, TeacherRows) else signal.ids
    if given.shape[0] != count:
        raise ValueError(f"the teacher's signal has {given.shape[0]} rows, the student {count}")
    if isinstance(signal, SparseRows):
        if signal.scheme is not SparseScheme.sampled and signal.ids.shape[1] > vocab:
            raise ValueError(
                f"the signal stores {signal.ids.shape[1]} tokens a row, the vocabulary has {vocab}"
            )
        return min(vocab, signal.width or vocab)
    return min(vocab, signal.head_weight.shape[0])


def _check_targets(targets: Tensor, rows: Tensor | None, vocab: int) -> None:
    if targets.is_cuda:
        return
    visited = targets if rows is None else targets[rows.long()]
    outside = (visited < 0) | (visited >= vocab)
    if bool(outside.any()):
        raise DataError(
            f"target {int(visited[outside][0])} is none of the {vocab} tokens of the vocabulary "
            "(of the part that student and teacher share, if their heads differ).",
            fix="hand in supervised rows only, or use a teacher that knows this token",
        )
