"""How large a student is, read from its headers without loading a weight.

    size = model_size(cfg.student, cfg.paths.cache)   # None for a hub model that is not cached
    size.training_bytes(...)

The estimate of memory is arithmetic on shapes, not a measurement: it serves to warn before a run,
and says nothing of fragmentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ModelSize", "model_size"]

# Bytes per token, layer and hidden unit that a training step keeps for its backward pass: about
# 34 in half precision (Korthikanti et al., arXiv 2205.05198, without the attention matrix, which
# fused kernels do not keep), and the layer's input alone with gradient checkpointing.
ACTIVATION_BYTES = {False: 34, True: 2}
ADAPTER_BYTES = 16
"""Per adapter parameter: weight, gradient and two AdamW moments in float32."""
NF4_BYTES = 0.52
"""Per weight of a linear layer: 4 bits, and double-quantised scales per block of 64."""
LOGIT_ROWS = 1024
"""Rows of logits that the loss holds at a time, in float32 with their gradient."""
RUNTIME_BYTES = 1.0 * 1024**3
"""The process itself: libraries, buffers, allocator."""


@dataclass(frozen=True)
class ModelSize:
    """Shapes of a causal language model. `linear` holds (in, out) of every layer's projection."""

    parameters: int
    layers: int
    hidden: int
    vocabulary: int
    linear: tuple[tuple[int, int], ...]

    def training_bytes(
        self, *, rank: int, tokens: int, width: float, nf4: bool, checkpointing: bool
    ) -> float:
        """Estimated peak of one training step, in bytes. `width`: bytes per base weight."""
        projections = sum(a * b for a, b in self.linear)
        base = (self.parameters - projections) * width
        base += projections * (NF4_BYTES if nf4 else width)
        adapter = rank * sum(a + b for a, b in self.linear) * ADAPTER_BYTES
        activations = tokens * self.layers * self.hidden * ACTIVATION_BYTES[checkpointing]
        logits = 2 * 4 * min(tokens, LOGIT_ROWS) * self.vocabulary
        return base + adapter + activations + logits + RUNTIME_BYTES


def model_size(student: Any, cache: Path | str) -> ModelSize | None:
    """Size of the configured student; None when its config is not on this machine.

    Raises MissingError for a package that is not installed.
    """
    if student.source == "package":
        return _from_gguf(student.model)
    return _from_config(student, Path(cache).expanduser())


def _from_gguf(name: str) -> ModelSize:
    from gguf import GGUFReader

    from deepcoder.students.packaged import source_file

    reader = GGUFReader(source_file(name))
    shapes = {tensor.name: [int(n) for n in tensor.shape] for tensor in reader.tensors}
    architecture = str(reader.fields["general.architecture"].contents())
    linear = [(s[0], s[1]) for n, s in shapes.items() if n.startswith("blk.") and len(s) == 2]
    hidden, vocabulary = shapes["token_embd.weight"]
    return ModelSize(
        parameters=sum(int(tensor.n_elements) for tensor in reader.tensors),
        layers=int(reader.fields[f"{architecture}.block_count"].contents()),
        hidden=hidden,
        vocabulary=vocabulary,
        linear=tuple(linear),
    )


def _from_config(student: Any, cache: Path) -> ModelSize | None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    if student.source == "random":
        from deepcoder.students.loading import load_base

        model = load_base(student, cache)
    else:
        try:
            config = AutoConfig.from_pretrained(
                student.model, revision=student.revision, local_files_only=True
            )
        except OSError:
            return None
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    layers = model.model.layers
    linear = [m for m in layers.modules() if isinstance(m, torch.nn.Linear)]
    return ModelSize(
        parameters=sum(p.numel() for p in model.parameters()),
        layers=len(layers),
        hidden=model.config.hidden_size,
        vocabulary=model.config.vocab_size,
        linear=tuple((m.in_features, m.out_features) for m in linear),
    )
