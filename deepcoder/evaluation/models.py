"""The student under test: the trained one from its adapter, and the untrained one, on one base.

The adapter stays apart from the base, in the base's number format: the arithmetic of training under
`bf16-mixed`, where merging into bfloat16 weights would round a part of what was learned away.

    adapter = find_adapter(cfg)                      # None when nothing was trained yet
    models = StudentModels(cfg, adapter)             # loads on first use
    chat = models.chat("student")
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.errors import DataError, MissingError
from deepcoder.runs import file_hash, stage_folder
from deepcoder.types import Fingerprint

if TYPE_CHECKING:
    from deepcoder.chat_models.local import LocalChatModel

__all__ = ["StudentModels", "find_adapter", "fingerprint"]

log = logging.getLogger(__name__)

WEIGHTS = "adapter_model.safetensors"


def find_adapter(cfg: Any) -> Path | None:
    """The adapter folder to evaluate: that of `run`, or of this configuration's training.

    None when the configuration's own training has not been run. Raises MissingError when `run` is
    named and has no adapter, DataError when the adapter belongs to another base.
    """
    folder = Path(cfg.run).expanduser() if cfg.run else stage_folder(cfg, "train")
    adapter = folder / "adapter" if (folder / "adapter").is_dir() else folder
    if not (adapter / WEIGHTS).is_file():
        if cfg.run:
            raise MissingError(
                f"run={cfg.run} has no trained adapter ({WEIGHTS}).",
                fix="give the folder of a finished training run, e.g. runs/train/…",
            )
        return None
    _check_base(adapter, cfg.student.model)
    return adapter


def _check_base(adapter: Path, student: str) -> None:
    """A mismatch shows before anything heavy is loaded; shapes are checked when it is attached."""
    try:
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{adapter / 'adapter_config.json'} cannot be read: {error}", fix="train again"
        ) from error
    base = str(config.get("base_model_name_or_path") or "")
    if base and Path(base).name.lower() != Path(student).name.lower():
        raise DataError(
            f"The adapter in {adapter} was trained on {base}, and student.model is {student}.",
            fix="evaluate with the student that was trained, e.g. student=smollm2",
        )


def fingerprint(student: Any, adapter: Path | None) -> Fingerprint:
    """Names the model under test: another adapter is another model."""
    settings = {"dtype": str(student.dtype), "quantization": str(student.quantization)}
    if adapter is not None:
        settings["adapter"] = file_hash(adapter / WEIGHTS)
    return Fingerprint(
        kind="student", model=str(student.model), revision=student.revision, settings=settings
    )


class StudentModels:
    """Chat models of one student, with and without its adapter, that share the weights in memory.

    Only one may answer at a time: opening the next changes the network under the last.
    """

    def __init__(self, cfg: Any, adapter: Path | None) -> None:
        self._cfg = cfg
        self._adapter = adapter
        self._network: Any = None
        self._tokenizer: Any = None

    def chat(self, name: str) -> LocalChatModel:
        """The chat model `base` or `student`.

        Raises MissingError when the weights cannot be had, DataError for an adapter that does not
        fit.
        """
        from deepcoder.chat_models.local import LocalChatModel

        adapter = self._adapter if name == "student" else None
        self._load()
        self._switch(adapter)
        return LocalChatModel(
            self._network,
            self._tokenizer,
            batch_size=self._cfg.benchmark.batch_size,
            fingerprint=fingerprint(self._cfg.student, adapter),
        )

    def _load(self) -> None:
        import torch

        from deepcoder.students import load_base, load_tokenizer, preflight

        if self._network is not None:
            return
        cache = Path(self._cfg.paths.cache).expanduser()
        preflight(self._cfg.student)
        device = "cuda" if torch.cuda.is_available() else None
        self._tokenizer = load_tokenizer(self._cfg.student, cache)
        self._network = load_base(self._cfg.student, cache, device=device)
        self._network.config.use_cache = True

    def _switch(self, adapter: Path | None) -> None:
        from peft import PeftModel

        from deepcoder.students import load_adapter

        if adapter is None and isinstance(self._network, PeftModel):
            self._network = self._network.unload()
        elif adapter is not None and not isinstance(self._network, PeftModel):
            self._network = load_adapter(self._network, adapter)
            dtype = self._network.get_input_embeddings().weight.dtype
            for name, parameter in self._network.named_parameters():
                if "lora_" in name:
                    parameter.data = parameter.data.to(dtype)
