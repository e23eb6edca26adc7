"""D(p‖q) and its gradient, from log-probabilities: p the teacher, q the student, n outcomes a row.

Every kernel returns the value D [rows] and dD/du [rows, n], where u are the student's logits with
q = softmax(u). The outcomes may be the whole vocabulary, or the k tokens of a sparse teacher and
one bucket for all others. A kernel may overwrite its arguments: they belong to it.

    value, gradient = Divergence(DivergenceName.jsd, beta=0.3)(log_p, log_q)

With g_i = ∂D/∂q_i the gradient is q_i (g_i - Σ_j q_j g_j); constants in g drop out.

Impossible outcomes: a log-probability of -inf must arrive as `LOG_ZERO` (see `log_softmax_`), so
that 0·log 0 is 0 and not NaN. A D that is infinite, because one side is impossible where the other
is not, is returned as `inf`; its gradient is then meaningless and must not be used.

The KL kernels sum p (log p - log q) - p + q, which equals KL because both sum to 1. Every term is
then ≥ 0 and an error in either normaliser cancels to first order: near p = q, where the plain form
loses all its digits in float32, this one does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from deepcoder.errors import ConfigError
from deepcoder.losses.names import DivergenceName

__all__ = ["INFINITE", "LOG_ZERO", "Divergence", "log_softmax_"]

LOG_ZERO = -1e30
"""Stands for log 0: exp gives exactly 0, differences stay finite in float32."""

INFINITE = 1e20
"""A sum above this holds a `LOG_ZERO` of one side against a possible outcome of the other."""

Rows = Float[Tensor, " rows"]
Outcomes = Float[Tensor, "rows outcomes"]


def log_softmax_(logits: Outcomes, temperature: float = 1.0, log_z: Rows | None = None) -> Outcomes:
    """log softmax(logits / temperature) in place, -inf replaced by `LOG_ZERO`.

    `log_z` is the normaliser at temperature 1 where the caller has it already.
    """
    if temperature != 1.0:
        logits.div_(temperature)
        log_z = None
    if log_z is None:
        log_z = logits.logsumexp(-1)
    return logits.sub_(log_z[:, None]).clamp_(min=LOG_ZERO)


@dataclass(frozen=True)
class Divergence:
    """One divergence with its parameters. Raises ConfigError for parameters that make it 0."""

    name: DivergenceName = DivergenceName.forward_kl
    alpha: float = 0.1
    """Share of the own distribution mixed in by the skewed ones: 0 ≤ alpha < 1 (DistiLLM)."""
    beta: float = 0.5
    """Weight of the teacher in JSD: 0 < beta < 1; 0.5 is symmetric."""
    head_mass: float = 0.5
    """Teacher probability that makes up the head, in adaptive KL (μ of arXiv 2404.02657)."""

    def __post_init__(self) -> None:
        if self.name is DivergenceName.jsd and not 0 < self.beta < 1:
            raise ConfigError(
                f"loss.beta={self.beta} makes JSD 0 everywhere.",
                fix="set it between 0 and 1, or use divergence forward_kl or reverse_kl",
            )
        if "skewed" in self.name and not 0 <= self.alpha < 1:
            raise ConfigError(
                f"loss.alpha={self.alpha} is no share of a mixture.", fix="set it from 0 to below 1"
            )

    @property
    def needs_full_support(self) -> bool:
        """Whether D is infinite when the student finds possible what the teacher rules out."""
        if self.name is DivergenceName.skewed_reverse_kl:
            return self.alpha == 0
        unbounded = (DivergenceName.reverse_kl, DivergenceName.jeffreys, DivergenceName.adaptive_kl)
        return self.name in unbounded

    def __call__(self, log_p: Outcomes, log_q: Outcomes) -> tuple[Rows, Outcomes]:
        """Value and gradient with respect to the student's logits; overwrites both arguments."""
        value, gradient = _KERNELS[self.name](log_p, log_q, self)
        return value.masked_fill_(value > INFINITE, math.inf), gradient


def _forward_kl(log_p: Outcomes, log_q: Outcomes, _: Divergence) -> tuple[Rows, Outcomes]:
    p = log_p.exp()
    value = torch.linalg.vecdot(p, log_p.sub_(log_q))
    gradient = log_q.exp_().sub_(p)
    return value + gradient.sum(-1), gradient


def _reverse_kl(log_p: Outcomes, log_q: Outcomes, _: Divergence) -> tuple[Rows, Outcomes]:
    q = log_q.exp()
    ratio = log_q.sub_(log_p)
    mean = torch.linalg.vecdot(q, ratio)
    excess = log_p.exp_().sub_(q).sum(-1)
    return mean + excess, _centred(ratio, q, mean)


def _jeffreys(log_p: Outcomes, log_q: Outcomes, _: Divergence) -> tuple[Rows, Outcomes]:
    # (p - q)(log p - log q) is ≥ 0 term by term
    q = log_q.exp()
    ratio = log_q.sub_(log_p)
    mean = torch.linalg.vecdot(q, ratio)
    difference = q - log_p.exp_()
    value = torch.linalg.vecdot(difference, ratio)
    return value, _centred(ratio, q, mean).add_(difference)


def _jsd(log_p: Outcomes, log_q: Outcomes, d: Divergence) -> tuple[Rows, Outcomes]:
    log_m = torch.logaddexp(log_p + math.log(d.beta), log_q + math.log1p(-d.beta))
    p = log_p.exp()
    teacher = torch.linalg.vecdot(p, log_p.sub_(log_m))
    q = log_q.exp()
    ratio = log_q.sub_(log_m)
    student = torch.linalg.vecdot(q, ratio)
    gradient = _centred(ratio, q, student).mul_(1 - d.beta)
    return d.beta * teacher + (1 - d.beta) * student, gradient


def _skewed_forward_kl(log_p: Outcomes, log_q: Outcomes, d: Divergence) -> tuple[Rows, Outcomes]:
    log_m = torch.logaddexp(log_p + _log(d.alpha), log_q + math.log1p(-d.alpha))
    p = log_p.exp()
    value = torch.linalg.vecdot(p, log_p - log_m)
    # q g = -(1 - alpha) p (q / m): in this order nothing overflows or is lost where q is tiny
    pull = log_p.add_(log_q - log_m).exp_().mul_(1 - d.alpha)
    value = value + log_m.exp_().sub_(p).sum(-1)
    q = log_q.exp_()
    gradient = (q * pull.sum(-1, keepdim=True)).sub_(pull)
    return value, gradient.sub_(q.mul_(gradient.sum(-1, keepdim=True)))  # as in _centred


def _skewed_reverse_kl(log_p: Outcomes, log_q: Outcomes, d: Divergence) -> tuple[Rows, Outcomes]:
    log_m = torch.logaddexp(log_q + _log(d.alpha), log_p + math.log1p(-d.alpha))
    q = log_q.exp()
    ratio = log_q.sub_(log_m)
    value = torch.linalg.vecdot(q, ratio) + log_m.exp_().sub_(q).sum(-1)
    g = ratio.sub_(log_p.copy_(ratio).add_(_log(d.alpha)).exp_())
    return value, _centred(g, q, torch.linalg.vecdot(q, g))


def _total_variation(log_p: Outcomes, log_q: Outcomes, _: Divergence) -> tuple[Rows, Outcomes]:
    q = log_q.exp_()
    difference = q - log_p.exp_()
    value = difference.abs().sum(-1) / 2
    g = difference.sign_().div_(2)
    return value, _centred(g, q, torch.linalg.vecdot(q, g))


def _adaptive_kl(log_p: Outcomes, log_q: Outcomes, d: Divergence) -> tuple[Rows, Outcomes]:
    p = log_p.exp()
    gap = (p - log_q.exp()).abs_()
    head = (gap * (p >= _head_threshold(p, d.head_mass))).sum(-1)
    total = gap.sum(-1)
    # the share is a weight, not a path for the gradient
    share = torch.where(total > 0, head / total, 0.5)
    forward, forward_gradient = _forward_kl(log_p.clone(), log_q.clone(), d)
    reverse, reverse_gradient = _reverse_kl(log_p, log_q, d)
    gradient = forward_gradient.mul_(share[:, None]).add_(
        reverse_gradient.mul_((1 - share)[:, None])
    )
    return share * forward + (1 - share) * reverse, gradient


def _head_threshold(p: Outcomes, mass: float) -> Float[Tensor, "rows 1"]:
    """The probability at which the largest entries of a row first add up to `mass`.

    Sorting 150,000 entries is slow and a language model's head is short: look at the largest 64,
    then at 8 times as many until every row is covered.
    """
    k = min(64, p.shape[-1])
    while True:
        largest = p.topk(k, dim=-1).values
        cumulative = largest.cumsum(-1)
        if k == p.shape[-1] or bool((cumulative[:, -1] >= mass).all()):
            place = (cumulative < mass).sum(-1, keepdim=True).clamp_(max=k - 1)
            return largest.gather(-1, place)
        k = min(8 * k, p.shape[-1])


def _centred(g: Outcomes, q: Outcomes, mean: Rows) -> Outcomes:
    """q (g - mean) in g's place, where mean = Σ q g.

    A second round takes out what the first left: with a confident student nearly all of g - mean
    at the likeliest token is the rounding of `mean`.
    """
    g.sub_(mean[:, None])
    return g.sub_(torch.linalg.vecdot(q, g)[:, None]).mul_(q)


def _log(share: float) -> float:
    return math.log(share) if share > 0 else -math.inf


_KERNELS: dict[DivergenceName, Callable[..., tuple[Tensor, Tensor]]] = {
    DivergenceName.forward_kl: _forward_kl,
    DivergenceName.reverse_kl: _reverse_kl,
    DivergenceName.jeffreys: _jeffreys,
    DivergenceName.jsd: _jsd,
    DivergenceName.skewed_forward_kl: _skewed_forward_kl,
    DivergenceName.skewed_reverse_kl: _skewed_reverse_kl,
    DivergenceName.total_variation: _total_variation,
    DivergenceName.adaptive_kl: _adaptive_kl,
}
