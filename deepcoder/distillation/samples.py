"""What the student writes at each validation: greedy answers to held-out prompts, as text.

    Samples(run.path / "samples.jsonl", tokenizer, count=2, max_new_tokens=64)

One JSON line per step and example, with the teacher's text beside it; TensorBoard and wandb get
the same as text. Off by default: a token costs a forward pass.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from deepcoder.types import KINDS, WeightGroup

__all__ = ["Samples"]

SAMPLED = np.array([kind.group is not WeightGroup.NONE for kind in KINDS])


class Samples(pl.Callback):
    """See the module's text. `tokenizer` is called once, when the first sample is drawn."""

    def __init__(
        self, path: Path, tokenizer: Callable[[], Any], count: int, max_new_tokens: int = 64
    ) -> None:
        self.path, self.count, self.max_new_tokens = path, count, max_new_tokens
        self._tokenizer = tokenizer

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        step, written = trainer.global_step, self._written()
        tokenizer = self._tokenizer()
        held_out = getattr(trainer, "datamodule").validation  # noqa: B009 -- not in its type
        with own_attention(pl_module.model), trainer.precision_plugin.forward_context():
            for index in range(min(self.count, len(held_out))):
                name = held_out.ids[index]
                if (step, name) in written:
                    continue
                ids, kinds = held_out[index]
                text, teacher = self._sample(pl_module, tokenizer, ids, kinds)
                self._write(trainer, {"step": step, "id": name, "text": text, "teacher": teacher})

    def _sample(
        self, pl_module: pl.LightningModule, tokenizer: Any, ids: np.ndarray, kinds: np.ndarray
    ) -> tuple[str, str]:
        first = int(np.flatnonzero(SAMPLED[kinds])[0])
        prompt = torch.from_numpy(ids[:first])[None].to(pl_module.device)
        with torch.no_grad():
            answer = pl_module.model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )[0, first:]
        return (
            tokenizer.decode(answer, skip_special_tokens=False),
            tokenizer.decode(ids[first : first + self.max_new_tokens], skip_special_tokens=False),
        )

    def _write(self, trainer: pl.Trainer, sample: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(sample) + "\n")
        for logger in trainer.loggers:
            kind = type(logger).__name__
            if kind == "TensorBoardLogger":
                shown = f"{sample['text']}\n\n---\n\n{sample['teacher']}"
                logger.experiment.add_text(f"samples/{sample['id']}", shown, sample["step"])
            elif kind == "WandbLogger":
                rows = [[sample["step"], sample["id"], sample["text"], sample["teacher"]]]
                columns = ["step", "id", "text", "teacher"]
                logger.log_text("samples", columns=columns, data=rows)

    def _written(self) -> set[tuple[int, str]]:
        """Samples on record; a line that a kill tore off is taken away."""
        if not self.path.exists():
            return set()
        found, whole = set(), []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, KeyError):
                record = json.loads(line)
                found.add((record["step"], record["id"]))
                whole.append(line)
        self.path.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
        return found


@contextlib.contextmanager
def own_attention(model: Any) -> Iterator[None]:
    """The model's own attention and cache, which generation needs; training's are set again."""
    base = model.get_base_model()
    before, cached = base.config._attn_implementation, base.config.use_cache
    training = model.training
    base.set_attn_implementation("sdpa")
    base.config.use_cache = True
    model.eval()
    try:
        yield
    finally:
        model.train(training)
        base.config.use_cache = cached
        base.set_attn_implementation(before)
