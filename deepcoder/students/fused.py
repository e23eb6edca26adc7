"""LoRA layers in one autograd node each: the same numbers as PEFT's, with fewer passes over memory.

    fuse_lora(model)     # a PeftModel; layers that do not qualify keep PEFT's forward

PEFT adds the adapter to the base in three extra passes over the layer's output (scale, add, cast),
and the gradient of the input in two more. Here both sums happen inside the matrix products
(`addmm`). Only plain layers qualify: a base `nn.Linear`, one active LoRA adapter, no dropout, not
merged, in autocast or in one type. NF4 layers, DoRA and the like do not.
"""

from __future__ import annotations

import types
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["fuse_lora"]


def fuse_lora(model: nn.Module) -> int:
    """Replace the forward pass of every layer that qualifies; returns how many there are."""
    from peft.tuners.lora import Linear

    count = 0
    for layer in model.modules():
        if type(layer) is Linear and _qualifies(layer):
            layer.forward = types.MethodType(_forward, layer)
            count += 1
    return count


def _qualifies(layer: Any) -> bool:
    if type(layer.base_layer) is not nn.Linear or list(layer.lora_A) != ["default"]:
        return False
    variant = getattr(layer, "lora_variant", None) or {}
    return (
        isinstance(layer.lora_dropout["default"], nn.Identity)
        and "default" not in variant
        and layer.lora_B["default"].bias is None
    )


def _forward(layer: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    base = layer.base_layer
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    kind = x.device.type
    autocast = torch.is_autocast_enabled(kind)
    operand = torch.get_autocast_dtype(kind) if autocast else x.dtype
    uniform = x.dtype == base.weight.dtype == a.dtype == b.dtype
    if layer.disable_adapters or layer.merged or args or kwargs or not (autocast or uniform):
        plain: Tensor = type(layer).forward(layer, x, *args, **kwargs)
        return plain
    fused: Tensor = _LoraProduct.apply(
        x, base.weight, base.bias, a, b, layer.scaling["default"], operand
    )
    return fused


class _LoraProduct(torch.autograd.Function):
    """x Wᵀ + bias + scale · (x Aᵀ) Bᵀ with W and bias frozen."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Float[Tensor, "*rows d_in"],
        weight: Float[Tensor, "d_out d_in"],
        bias: Float[Tensor, " d_out"] | None,
        a: Float[Tensor, "rank d_in"],
        b: Float[Tensor, "d_out rank"],
        scale: float,
        operand: torch.dtype,
    ) -> Float[Tensor, "*rows d_out"]:
        ctx.x_shape, ctx.x_dtype, ctx.dtypes = x.shape, x.dtype, (a.dtype, b.dtype)
        ctx.scale = scale
        with torch.autocast(x.device.type, enabled=False):
            rows = x.reshape(-1, x.shape[-1]).to(operand)
            weight, down = weight.to(operand), a.to(operand)
            up = (b * scale).to(operand)
            inner = torch.mm(rows, down.t())
            output = nn.functional.linear(rows, weight, None if bias is None else bias.to(operand))
            output.addmm_(inner, up.t())
        ctx.save_for_backward(rows, weight, down, up, inner)
        return output.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, down, up, inner = ctx.saved_tensors
        upstream = upstream.reshape(-1, upstream.shape[-1]).to(rows.dtype)
        d_inner = torch.mm(upstream, up)
        d_x = d_a = d_b = None
        if ctx.needs_input_grad[0]:
            d_x = torch.mm(upstream, weight).addmm_(d_inner, down)
            d_x = d_x.view(ctx.x_shape).to(ctx.x_dtype)
        if ctx.needs_input_grad[3]:
            d_a = torch.mm(d_inner.t(), rows).to(ctx.dtypes[0])
        if ctx.needs_input_grad[4]:
            d_b = torch.mm(upstream.t(), inner).to(ctx.dtypes[1]).mul_(ctx.scale)
        return d_x, None, None, d_a, d_b, None, None
