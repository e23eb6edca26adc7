"""The model that learns: tokenizer, frozen base, LoRA adapter, and whether it can run here.

    tokenizer = load_tokenizer(cfg.student, cache)
    model = attach_lora(load_base(cfg.student, cache), cfg.student.lora)

A student comes from the hub or a folder (`from_pretrained`, safetensors only, never remote code),
from an installed package whose GGUF file is converted once into the cache, or is random (tests).
Functions read the `student` node of the configuration by attribute, so this package stands below
`deepcoder.config`. It knows nothing of losses, data or Lightning. Importing it is cheap.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["attach_lora", "load_adapter", "load_base", "load_tokenizer", "preflight"]


def preflight(student: Any, cache: Path | str | None = None) -> None:
    """Say within seconds, before anything is loaded, that this student cannot run here.

    Raises MissingError naming everything that is absent (accelerator, package, model) and what to
    run instead.
    """
    from deepcoder.students import checks

    checks.preflight(student)


def load_tokenizer(student: Any, cache: Path | str) -> PreTrainedTokenizerFast:
    """The student's fast tokenizer, with offsets and a chat template as the model ships it.

    Raises MissingError when it is not installed, not cached and not reachable.
    """
    from deepcoder.students import loading

    return loading.load_tokenizer(student, Path(cache).expanduser())


def load_base(
    student: Any, cache: Path | str, *, device: torch.device | str | None = None
) -> PreTrainedModel:
    """The student without adapter, in `student.dtype` or NF4, on `device` (default: CPU).

    Raises MissingError when the weights cannot be had.
    """
    from deepcoder.students import loading

    return loading.load_base(student, Path(cache).expanduser(), device=device)


def attach_lora(
    model: PreTrainedModel, lora: Any, *, seed: int = 0, gradient_checkpointing: bool = False
) -> PeftModel:
    """Freeze `model` and give it fresh float32 adapters; B is zero, so it starts unchanged.

    Raises ConfigError when the target modules do not exist or include the output head.
    """
    from deepcoder.students import adapters

    return adapters.attach_lora(
        model, lora, seed=seed, gradient_checkpointing=gradient_checkpointing
    )


def load_adapter(model: PreTrainedModel, folder: Path | str) -> PeftModel:
    """Put a trained adapter on the base it was trained on, ready for inference.

    Raises DataError when the folder is no adapter or does not fit this base.
    """
    from deepcoder.students import adapters

    return adapters.load_adapter(model, Path(folder))
