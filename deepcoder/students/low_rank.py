"""A trained adapter in the fewest operations, for decoding: y = base(x) + (x Aᵀ) (s·B)ᵀ.

PEFT's layer is made for training: per linear layer it also casts, drops out, and scales, which at
one token a row costs more than the products. The adapter stays apart from the base, in the base's
number format: the arithmetic of training under `bf16-mixed`. Merging into bfloat16 weights would be
faster still, and would round a part of what was learned away.

    model = for_decoding(load_adapter(base, folder))   # no gradients, no adapters to switch
    base = without_adapter(model)                      # the same weights, the adapter forgotten
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

__all__ = ["LowRankLinear", "for_decoding", "without_adapter"]


class LowRankLinear(nn.Module):
    """A linear layer of any kind (4-bit too) and a correction of low rank."""

    base: nn.Module
    a: Tensor
    b: Tensor

    def __init__(
        self, base: nn.Module, a: Float[Tensor, "rank inputs"], b: Float[Tensor, "outputs rank"]
    ) -> None:
        """`b` holds the adapter's scale."""
        super().__init__()
        self.base = base
        self.register_buffer("a", a, persistent=False)
        self.register_buffer("b", b, persistent=False)

    def forward(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        y: Tensor = self.base(x)
        low = F.linear(x, self.a)
        flat = torch.addmm(y.flatten(0, -2), low.flatten(0, -2), self.b.t())
        return flat.view(y.shape)


def for_decoding(model: PeftModel) -> PreTrainedModel:
    """The base model with its adapter in `LowRankLinear` layers of the base's number format.

    Raises ValueError for an adapter that is more than a low-rank product (DoRA, a trained bias, an
    embedding), which `deepcoder.students.attach_lora` never makes.
    """
    from peft.tuners.lora import Linear, LoraLayer

    base = model.get_base_model()
    dtype = base.get_input_embeddings().weight.dtype
    for name, layer in list(base.named_modules()):
        if not isinstance(layer, LoraLayer):
            continue
        (adapter,) = layer.active_adapters
        quantised = type(layer).__name__ in ("Linear4bit", "Linear8bitLt")
        plain = isinstance(layer, Linear) or quantised
        if not plain or layer.use_dora.get(adapter) or layer.lora_bias.get(adapter):
            raise ValueError(f"{name} is more than a low-rank product: {type(layer).__name__}")
        with torch.no_grad():
            a = layer.lora_A[adapter].weight.to(dtype)
            b = (layer.lora_B[adapter].weight * layer.scaling[adapter]).to(dtype)
        _replace(base, name, LowRankLinear(layer.base_layer, a, b))
    return base.eval()


def without_adapter(model: PreTrainedModel) -> PreTrainedModel:
    """Undo `for_decoding`: the base alone. A model without an adapter comes back as it is."""
    for name, layer in list(model.named_modules()):
        if isinstance(layer, LowRankLinear):
            _replace(model, name, layer.base)
    return model


def _replace(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, layer)
