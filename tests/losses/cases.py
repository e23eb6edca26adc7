"""Small random problems for the fused loss, and both answers to them: ours and the reference's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from losses import reference
from torch import Tensor

from deepcoder.losses import (
    Divergence,
    DivergenceName,
    HardRows,
    Objective,
    SparseRows,
    SparseScheme,
    TeacherRows,
    linear_distillation_loss,
)

EVERY = [str(name) for name in DivergenceName]
SPARSE = [
    (name, scheme)
    for name in EVERY
    for scheme in ("tail", "renormalised", "sampled")
    if not (scheme == "sampled" and name != "forward_kl")
    and not (scheme == "renormalised" and name in ("reverse_kl", "jeffreys", "adaptive_kl"))
]


@dataclass
class Case:
    """One problem. `signal` is hard, online, tail, renormalised or sampled."""

    signal: str = "online"
    name: str = "forward_kl"
    rows: int = 7
    width: int = 5
    vocab: int = 13
    k: int = 4
    dtype: torch.dtype = torch.float32
    seed: int = 0
    bias: bool = False
    chunk: int | None = 3
    alpha: float = 0.1
    beta: float = 0.5
    cost: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        g = torch.Generator().manual_seed(self.seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=g).to(self.dtype)

        self.hidden = normal(self.rows, self.width)
        self.head = normal(self.vocab, self.width)
        self.head_bias = normal(self.vocab) if self.bias else None
        self.teacher_hidden = normal(self.rows, self.width + 1)
        self.teacher_head = normal(self.vocab, self.width + 1)
        self.teacher_bias = normal(self.vocab) if self.bias else None
        self.targets = torch.randint(self.vocab, (self.rows,), generator=g)
        self.weights = torch.rand(self.rows, generator=g).to(torch.float32)
        self.generator = g

    @property
    def teacher_logits(self) -> Tensor:
        z = self.teacher_hidden.double() @ self.teacher_head.double().T
        return z if self.teacher_bias is None else z + self.teacher_bias.double()

    def sparse(self) -> dict[str, Any]:
        """Stored tokens of the softened teacher, rounded to float32 as a cache would."""
        t = self.cost.get("temperature", 1.0)
        log_p = (self.teacher_logits / t).log_softmax(-1)
        if self.signal == "sampled":
            ids = torch.multinomial(log_p.exp(), self.k, True, generator=self.generator)
            log_probs = torch.full(ids.shape, 1 / self.k, dtype=torch.float64).log()
            entropy = -(log_p.exp() * log_p).sum(-1)
            return {"ids": ids, "log_probs": log_probs.float(), "entropy": entropy.float()}
        log_probs, ids = log_p.topk(min(self.k, self.vocab), dim=-1)
        rest = log_p.clone().scatter_(1, ids, -torch.inf).logsumexp(-1)
        parts = {"ids": ids, "log_probs": log_probs.float()}
        return parts | ({"log_tail": rest.float()} if self.signal == "tail" else {})

    def objective(self) -> Objective:
        return Objective(Divergence(DivergenceName(self.name), self.alpha, self.beta), **self.cost)

    def ours(self, **more: Any) -> tuple[Tensor, Tensor]:
        """Value and gradient with respect to hidden."""
        hidden = self.hidden.clone().requires_grad_()
        if self.signal == "hard":
            signal: Any = HardRows()
        elif self.signal == "online":
            signal = TeacherRows(self.teacher_hidden, self.teacher_head, self.teacher_bias)
        else:
            signal = SparseRows(scheme=SparseScheme(self.signal), **self.sparse())
        out = linear_distillation_loss(
            hidden,
            self.head,
            signal,
            self.weights,
            targets=self.targets,
            objective=self.objective(),
            head_bias=self.head_bias,
            chunk_rows=self.chunk,
            **more,
        )
        out.loss.backward()
        assert hidden.grad is not None
        return out.loss.detach(), hidden.grad

    def wanted(self) -> tuple[Tensor, Tensor]:
        """The same from the reference, in float64."""
        hidden = self.hidden.double().requires_grad_()
        z = hidden @ self.head.double().T
        if self.head_bias is not None:
            z = z + self.head_bias.double()
        given: dict[str, Any] = {}
        if self.signal == "online":
            given["teacher"] = self.teacher_logits
        elif self.signal != "hard":
            given["sparse_parts"] = {"scheme": self.signal, **self.sparse()}
        values = reference.row_cost(
            z,
            self.targets,
            name=self.name,
            alpha=self.alpha,
            beta=self.beta,
            **given,
            **self.cost,
        )
        value = (self.weights.double() * values).sum()
        value.backward()
        assert hidden.grad is not None
        return value.detach(), hidden.grad


def assert_close(case: Case, tolerance: float) -> None:
    """Errors relative to the reference, or to a tenth of a nat a token where it is below that.

    A gradient is a sum over the vocabulary that may cancel: its floor is what a gradient of ½ on
    a single logit would give.
    """
    state = case.generator.get_state()
    value, grad = case.ours()
    case.generator.set_state(state)  # the same draws again
    want, want_grad = case.wanted()
    assert value.isfinite()
    nats = 0.1 * case.weights.double().sum()
    assert abs(value.double() - want) <= tolerance * max(abs(want), nats), (value, want)
    unit = 0.5 * case.weights.norm() * case.head.double().norm() / case.vocab**0.5
    error = (grad.double() - want_grad).norm()
    assert error <= tolerance * max(want_grad.norm(), unit), (error, want_grad.norm(), unit)
