"""From a teacher's dense log-probabilities to the few numbers that are kept, and what that loses.

    rows = reduce(log_p, targets, layout, uniform)   # SparseRows
    error = kl_error(log_p, stored)                  # nats per position

`kl_error` says how far the distribution p̂ that the stored numbers stand for is from p: for `tail`
KL(p‖p̂), the mass of the tail spread evenly over the tokens that are not stored; for
`renormalised` KL(p̂‖p), which is -log of the stored mass; for `sampled` KL(p̂‖p) of the draws,
which is noise: it averages out, and the two others do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from deepcoder.losses.divergences import LOG_ZERO
from deepcoder.losses.names import SparseScheme
from deepcoder.losses.rows import SparseRows
from deepcoder.signals.columns import Layout

__all__ = ["kl_error", "reduce", "uniform"]


def uniform(
    rows: Int[np.ndarray, " rows"], draws: int, seed: int
) -> Float[np.ndarray, "rows draws"]:
    """Numbers in [0, 1) by a row's place and the seed, whatever its batch (SplitMix64)."""
    with np.errstate(over="ignore"):
        x: Any = rows.astype(np.uint64)[:, None] * np.uint64(draws) + np.arange(
            draws, dtype=np.uint64
        )
        x = x + np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.uint64(1)
        x = x * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) / 2**53


def reduce(
    log_p: Float[Tensor, "rows vocab"],
    targets: Int[Tensor, " rows"],
    layout: Layout,
    numbers: Float[Tensor, "rows draws"] | None = None,
) -> SparseRows:
    """The rows that `layout` keeps. `numbers`: from `uniform`, for `sampled`."""
    inside = targets.clamp(max=log_p.shape[1] - 1)[:, None]
    target = log_p.gather(1, inside).squeeze(1)
    p = log_p.exp()
    entropy = -torch.linalg.vecdot(p, log_p.clamp(min=LOG_ZERO))
    if layout.scheme is SparseScheme.sampled:
        assert numbers is not None
        ids, weights = _draw(p, numbers)
        return SparseRows(ids, weights, layout.scheme, entropy=entropy, log_target=target)
    values, ids = log_p.topk(layout.k, dim=-1)
    tail = None
    if layout.scheme is not SparseScheme.renormalised:
        tail = log_p.clone().scatter_(1, ids, -torch.inf).logsumexp(-1)
    return SparseRows(ids, values, layout.scheme, log_tail=tail, entropy=entropy, log_target=target)


def _draw(
    p: Float[Tensor, "rows vocab"], numbers: Float[Tensor, "rows draws"]
) -> tuple[Int[Tensor, "rows draws"], Float[Tensor, "rows draws"]]:
    """Draws with replacement by inverting the distribution function; each different token once,
    with the log of its share of the draws, and -inf in the slots that this leaves over."""
    cumulative = p.double().cumsum(-1)
    points = numbers.to(p.device) * cumulative[:, -1:]
    ids = torch.searchsorted(cumulative, points, right=True).clamp(max=p.shape[1] - 1)
    ids = ids.sort(dim=-1).values
    draws = ids.shape[1]
    first = torch.ones_like(ids, dtype=torch.bool)
    first[:, 1:] = ids[:, 1:] != ids[:, :-1]
    # where the next different token begins: the least later place that is a first one
    place = torch.arange(draws, device=ids.device).expand_as(ids)
    begins = torch.where(first, place, draws)
    after = begins.flip(1).cummin(dim=1).values.flip(1)
    following = torch.cat([after[:, 1:], after.new_full((len(ids), 1), draws)], dim=1)
    count = torch.where(first, following - place, 0)
    return ids, (count.double() / draws).log().float()


def kl_error(log_p: Float[Tensor, "rows vocab"], rows: SparseRows) -> Float[Tensor, " rows"]:
    """See the module's text. `rows` as they are read back from the cache."""
    if rows.scheme is SparseScheme.tail or rows.scheme is SparseScheme.sorted:
        assert rows.log_tail is not None
        known = (log_p > -torch.inf).sum(-1)
        rest = (known - rows.ids.shape[1]).clamp(min=1).log()
        ids = log_p.topk(rows.ids.shape[1]).indices if not _has_ids(rows) else rows.ids
        stands = (rows.log_tail - rest)[:, None].expand_as(log_p).clone()
        stands.scatter_(1, ids, rows.log_probs)
        return torch.where(log_p > -torch.inf, log_p.exp() * (log_p - stands), 0.0).sum(-1)
    stored = rows.log_probs - rows.log_probs.logsumexp(-1, keepdim=True)
    p = log_p.gather(1, rows.ids)
    return torch.where(stored > -torch.inf, stored.exp() * (stored - p), 0.0).sum(-1)


def _has_ids(rows: SparseRows) -> bool:
    return rows.scheme is not SparseScheme.sorted
