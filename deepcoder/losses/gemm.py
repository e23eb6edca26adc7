"""Matrix products of the head whose result keeps float32, whatever the operands are stored in.

Logits of ±30 rounded to bfloat16 are off by 0.1: probabilities by a tenth. The products of two
bfloat16 numbers are exact in float32, so only the accumulator's type matters. CUDA has such a
GEMM; on a CPU the head is widened tile by tile, so that no float32 copy of it exists. A CPU also
takes a head that needs no widening in tiles: with the few rows of a chunk one product over the
whole vocabulary repacks the head at a tenth to a fifth of its time.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from deepcoder.losses.rows import LogitMap

__all__ = ["accumulator", "add_weight_gradient", "logits_", "through_head"]

TILE_ELEMENTS = 1 << 21
"""Numbers of the head that a CPU multiplies, and widens, at a time (8 MB of float32). Of 1 M to
16 M this is the fastest at 128 to 512 rows."""


def accumulator(*dtypes: torch.dtype) -> torch.dtype:
    """float64 if any operand is, else float32."""
    return torch.float64 if torch.float64 in dtypes else torch.float32


def logits_(
    rows: Float[Tensor, "n d"],
    weight: Float[Tensor, "vocab d"],
    bias: Float[Tensor, " vocab"] | None,
    logit_map: LogitMap,
    *,
    out: Float[Tensor, "n vocab"],
    autocast: torch.dtype | None = None,
) -> Float[Tensor, "n vocab"]:
    """softcap(scale · (rows @ weight.T + bias)) into `out` (float32 or float64)."""
    operand = _operand(rows, weight, autocast)
    rows = rows.to(operand)
    if operand == out.dtype == weight.dtype and rows.is_cuda:
        torch.mm(rows, weight.t(), out=out)
    elif rows.is_cuda and operand in (torch.bfloat16, torch.float16):
        torch.mm(rows, weight.to(operand).t(), out_dtype=torch.float32, out=out)
    else:
        rows = rows.to(out.dtype)
        for part in _tiles(weight):
            tile = weight[part].to(operand).to(out.dtype)
            torch.mm(rows, tile.t(), out=out[:, part])
    if bias is not None:
        out.add_(bias)
    if logit_map.scale != 1.0:
        out.mul_(logit_map.scale)
    if logit_map.softcap is not None:
        out.div_(logit_map.softcap).tanh_().mul_(logit_map.softcap)
    return out


def through_head(
    dz: Float[Tensor, "n vocab"],
    weight: Float[Tensor, "vocab d"],
    autocast: torch.dtype | None = None,
) -> Float[Tensor, "n d"]:
    """dz @ weight in dz's type: the gradient with respect to the rows.

    With bfloat16 operands dz is rounded to them (its entries are at most about 1), the sum is not.
    """
    operand = weight.dtype if autocast is None or dz.dtype == torch.float64 else autocast
    if operand == dz.dtype == weight.dtype:
        return torch.mm(dz, weight)
    if dz.is_cuda and operand in (torch.bfloat16, torch.float16):
        return torch.mm(dz.to(operand), weight.to(operand), out_dtype=torch.float32)
    if operand == weight.dtype == torch.bfloat16 and dz.dtype == torch.float32:
        return torch.mm(dz.to(operand), weight).to(dz.dtype)
    total = dz.new_zeros(dz.shape[0], weight.shape[1])
    for part in _tiles(weight):
        total.addmm_(dz[:, part], weight[part].to(operand).to(dz.dtype))
    return total


def add_weight_gradient(
    total: Float[Tensor, "vocab d"], dz: Float[Tensor, "n vocab"], rows: Float[Tensor, "n d"]
) -> None:
    """total += dz.T @ rows, for a head that is trained."""
    total.addmm_(dz.t(), rows.to(dz.dtype))


def _operand(rows: Tensor, weight: Tensor, autocast: torch.dtype | None) -> torch.dtype:
    wider = torch.promote_types(rows.dtype, weight.dtype)
    return wider if autocast is None or wider == torch.float64 else autocast


def _tiles(weight: Tensor) -> list[slice]:
    size = max(1, TILE_ELEMENTS // max(1, weight.shape[1]))
    return [slice(i, min(i + size, weight.shape[0])) for i in range(0, weight.shape[0], size)]
