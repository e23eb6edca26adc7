"""LoRA adapters (arXiv 2106.09685) through PEFT: fresh ones to train, finished ones to run.

    model = attach_lora(base, cfg.student.lora, seed=cfg.seed)   # base frozen, adapters float32
    model = load_adapter(base, "runs/train/.../adapter")         # for inference

An adapter remembers the base it was trained on; one that does not fit is refused with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.errors import ConfigError, DataError

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

__all__ = ["attach_lora", "load_adapter"]

WEIGHTS = "adapter_model.safetensors"


def attach_lora(
    model: PreTrainedModel, lora: Any, *, seed: int = 0, gradient_checkpointing: bool = False
) -> PeftModel:
    """See `deepcoder.students.attach_lora`."""
    import torch
    from peft import LoraConfig, get_peft_model

    targets = lora.target_modules
    if not isinstance(targets, str):
        targets = [str(name) for name in targets]
    _prepare(model, gradient_checkpointing)
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            adapted = get_peft_model(model, config)
    except ValueError as error:
        raise ConfigError(
            f"student.lora.target_modules={targets} does not fit {model.config.model_type}: "
            f"{error}",
            fix="use `all-linear`, or names of linear layers of the student",
        ) from error
    head = adapted.get_base_model().get_output_embeddings()
    if any("lora_" in name for name, _ in head.named_parameters()):
        raise ConfigError(
            "student.lora.target_modules includes the output head, which the loss needs frozen.",
            fix="leave the head out; `all-linear` does",
        )
    for module in adapted.modules():
        # Under autocast the product is in bfloat16 anyway: casting its input to the float32 of
        # the adapter first only moves memory.
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = False
    return adapted.train()  # `from_pretrained` leaves the base, and with it the dropout, off


def _prepare(model: PreTrainedModel, gradient_checkpointing: bool) -> None:
    """Freeze; for a 4-bit base also norms in float32 and gradients through the embedding."""
    model.config.use_cache = False
    if getattr(model, "is_quantized", False):
        from peft import prepare_model_for_kbit_training

        head = model.get_output_embeddings()
        dtype = head.weight.dtype
        prepare_model_for_kbit_training(
            model,
            use_gradient_checkpointing=gradient_checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )
        # It casts everything that is not 4-bit to float32. Norms deserve that; the head and the
        # embedding (0.6 GB in bfloat16 at 3B) are frozen and only grow by it.
        head.to(dtype)
        model.get_input_embeddings().to(dtype)
        for module in model.modules():
            # In evaluation bitsandbytes repacks 4-bit weights for the CPU, for good, into a form
            # that has no backward pass: a training that validates would lose its gradients.
            if hasattr(module, "support_avx512bf16_for_cpu"):
                module.support_avx512bf16_for_cpu = False
        return
    model.requires_grad_(False)
    if gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()


def load_adapter(model: PreTrainedModel, folder: Path) -> PeftModel:
    """See `deepcoder.students.load_adapter`."""
    from peft import PeftModel
    from safetensors import SafetensorError

    config = _adapter_config(folder)
    _check_base(model, config, folder)
    try:
        adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except SafetensorError as error:
        raise DataError(
            f"{folder / WEIGHTS} is damaged ({error}).", fix="train again, or restore the file"
        ) from error
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"The adapter in {folder} does not fit the base {_name(model)}: "
            f"{str(error).strip().splitlines()[-1].strip()}",
            fix="use the student that the adapter's card names",
        ) from error
    return adapted.eval()


def _adapter_config(folder: Path) -> dict[str, Any]:
    for name in ("adapter_config.json", WEIGHTS):
        if not (folder / name).exists():
            raise DataError(
                f"{folder} is not an adapter: it has no {name}.",
                fix="give the `adapter` folder of a finished training run",
            )
    try:
        return json.loads((folder / "adapter_config.json").read_text())
    except ValueError as error:
        raise DataError(
            f"{folder / 'adapter_config.json'} is not JSON ({error}).", fix="train again"
        ) from error


def _check_base(model: PreTrainedModel, config: dict[str, Any], folder: Path) -> None:
    trained_on, here = config.get("base_model_name_or_path"), _name(model)
    if trained_on and here and Path(trained_on).name.lower() != Path(here).name.lower():
        raise DataError(
            f"The adapter in {folder} was trained on {trained_on}, not on {here}.",
            fix=f"use the student {trained_on}",
        )
    revision, current = config.get("revision"), getattr(model.config, "_commit_hash", None)
    if revision and current and not current.startswith(revision) and revision != "main":
        raise DataError(
            f"The adapter in {folder} was trained on revision {revision} of {trained_on}, and "
            f"revision {current} is loaded.",
            fix=f"set student.revision={revision}",
        )


def _name(model: PreTrainedModel) -> str:
    return str(getattr(model.config, "_name_or_path", "") or "")
