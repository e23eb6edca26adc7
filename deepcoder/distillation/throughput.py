"""How much arithmetic a training step needs, and what share of the machine's peak that is.

    cost = StepCost.of(model)              # a PeftModel over a causal language model
    flops = cost.flops(lengths, supervised)
    flops / seconds / peak_flops("NVIDIA H100 80GB HBM3")

Counted is what the mathematics needs (model FLOPs, as PaLM's appendix B counts them), not what
runs: recomputation under gradient checkpointing is not in it. A frozen weight costs one product
forward (2 FLOPs a weight) and one backward (2), no gradient of its own; an adapter weight costs 6.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

__all__ = ["PEAK_FLOPS", "StepCost", "peak_flops"]

PEAK_FLOPS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
    "V100": 125e12,
    "T4": 65e12,
}
"""FLOP/s of dense bfloat16 (float16 before Ampere) with float32 sums, from the vendor's data
sheets; the first name that is part of the device's name counts."""


def peak_flops(device_name: str) -> float | None:
    """Peak of a device by its name, or None where the table does not know it."""
    return next((peak for name, peak in PEAK_FLOPS.items() if name in device_name), None)


@dataclass(frozen=True)
class StepCost:
    """Shapes that decide the arithmetic of a step."""

    frozen: int
    """Weights of the base's linear layers, without embedding and head."""
    adapters: int
    head: int
    """vocabulary · width"""
    attention: int
    """layers · heads · head width"""

    @classmethod
    def of(cls, model: Any) -> StepCost:
        base = model.get_base_model()
        head = base.get_output_embeddings()
        frozen = adapters = 0
        for name, module in base.named_modules():
            if isinstance(module, nn.Linear) and module is not head:
                count = module.in_features * module.out_features
                if "lora_" in name:
                    adapters += count
                else:
                    frozen += count
        config = base.config
        width = getattr(config, "head_dim", None)
        width = width or config.hidden_size // config.num_attention_heads
        return cls(
            frozen,
            adapters,
            head.weight.shape[0] * config.hidden_size,
            config.num_hidden_layers * config.num_attention_heads * width,
        )

    def flops(self, lengths: Iterable[int], supervised: int) -> float:
        """Of one forward and backward pass over documents of these lengths.

        Causal attention needs half of the square: 2 · length² a unit of `attention` forward, twice
        that backward.
        """
        sizes = list(lengths)
        linear = sum(sizes) * (4 * self.frozen + 6 * self.adapters)
        scores = 6 * self.attention * sum(size * size for size in sizes)
        return float(linear + scores + 4 * supervised * self.head)
