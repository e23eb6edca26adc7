"""Makes the study's models: from nothing, or from the embedded one.

    python -m experiments.e001_sad_vs_token_kd.models cpu     # `run` calls it by itself

All learn from the oracle's verified trajectories of the training split. The results are ordinary
folders (`config.json`, `model.safetensors`, `tokenizer.json`), so every stage loads them
as it loads anybody's: `student.source=hub student.model=<folder>`. Training is full, not LoRA, over
every token of the packed trajectories; it can be killed and continues.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deepcoder.runs import atomic_write, progress
from experiments.e001_sad_vs_token_kd.scales import SCALES, Architecture, Scratch

__all__ = ["make_model", "make_tokenizer", "token_batches"]

log = logging.getLogger(__name__)

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML, as the embedded student has it, without a default system prompt."""
PIECES = r"</?think>|```(?:python|answer)?| ?\p{L}+| ?\p{N}+| ?[=<>!]=|[^\s\p{L}\p{N}]|\s+(?!\S)|\s"
"""Texts that no token crosses: tags, fences, words, numbers and comparisons with the blank before
them, every other sign by itself: a parameter is mostly the same token in a prompt and in code."""
CONTEXT = 1024
WEIGHTS = "model.safetensors"
EVERY = 200
"""Steps between checkpoints."""


def make_tokenizer(trajectories: Path, folder: Path, vocabulary: int) -> Path:
    """Byte-level BPE trained on the texts of `trajectories`; returns `folder`, made once."""
    if (folder / "tokenizer.json").exists():
        return folder
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(trajectories), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    fast.chat_template = TEMPLATE
    temporary = folder.with_name(f".{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    fast.save_pretrained(temporary)
    temporary.rename(folder)
    return folder


def _texts(trajectories: Path, most: int = 8000) -> Iterator[str]:
    from deepcoder.agent.prompting import render_prompt
    from deepcoder.rendering import get_protocol
    from deepcoder.trajectories.store import TrajectoryStore

    protocol = get_protocol("codeact")
    system = render_prompt("codeact-v1", protocol, ["python", "finish"])
    for number, trajectory in enumerate(TrajectoryStore(trajectories)):
        if number == most:
            return
        yield f"system\n{system}"
        yield f"user\n{trajectory.task}"
        for step in trajectory.steps:
            yield "assistant\n" + "".join(piece.text for piece in protocol.write(step))
            if step.observation is not None:
                yield f"user\n{protocol.observe(step.observation).content}"


def make_model(
    folder: Path,
    shape: Architecture,
    tokenizer: Path,
    examples: Path,
    tokens: int,
    scale: Scratch,
    early: tuple[Path, int] | None = None,
) -> Path:
    """A model of `shape`, trained on `tokens` tokens of `examples`; returns `folder`, made once.

    `early` is another folder and a smaller number of tokens: what the model is after so many.
    """
    if (folder / WEIGHTS).exists() and (early is None or (early[0] / WEIGHTS).exists()):
        return folder
    import torch

    from deepcoder.students.attention import use_document_attention
    from deepcoder.students.loading import read_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    fast = read_tokenizer(tokenizer)
    torch.manual_seed(0)
    model = _fresh(shape, len(fast), fast)
    model.to("cuda" if torch.cuda.is_available() else "cpu").train()
    use_document_attention(model)

    def reached(seen: int, loss: float, step: int) -> None:
        if early is not None and seen >= early[1] and not (early[0] / WEIGHTS).exists():
            _write(model, early[0], tokenizer, _facts(model, seen, step, loss))

    facts = _train(model, folder, examples, tokens, scale, reached)
    _write(model, folder, tokenizer, facts)
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    return folder


def merge_adapter(student: Any, cache: Path, adapter: Path, folder: Path, facts: Any) -> Path:
    """The student of a configuration with a trained adapter merged in, as a folder made once."""
    if (folder / WEIGHTS).exists():
        return folder
    from deepcoder.students import load_adapter, load_base, load_tokenizer

    model = load_adapter(load_base(student, cache), adapter).merge_and_unload()
    temporary = folder / "tokenizer"
    load_tokenizer(student, cache).save_pretrained(temporary)
    parameters = sum(p.numel() for p in model.parameters())
    _write(model, folder, temporary, {"parameters": parameters, **facts})
    shutil.rmtree(temporary)
    return folder


def _write(model: Any, folder: Path, tokenizer: Path, facts: dict[str, Any]) -> None:
    """A folder that `from_pretrained` reads; the weights come last: they mean `done`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(tokenizer / name, folder / name)
    atomic_write(folder / "facts.json", json.dumps(facts, indent=1) + "\n")
    model.save_pretrained(folder / "saving")
    for file in sorted((folder / "saving").iterdir()):
        file.replace(folder / file.name)
    (folder / "saving").rmdir()


def _facts(model: Any, tokens: int, step: int, loss: float) -> dict[str, float | int]:
    parameters = sum(p.numel() for p in model.parameters())
    return {"parameters": parameters, "tokens": tokens, "steps": step, "loss": round(loss, 4)}


def _fresh(shape: Architecture, vocabulary: int, tokenizer: Any) -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=vocabulary,
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def token_batches(examples: Path, tokens: int, budget: int) -> tuple[list[Any], int]:
    """Packed batches of `tokens` tokens in all; every token is a target, prompts included."""
    import numpy as np

    from deepcoder.data.batches import collate
    from deepcoder.data.examples import load_examples
    from deepcoder.data.packing import pack
    from deepcoder.data.planner import MicroBatch
    from deepcoder.types import KINDS

    train, _ = load_examples(examples)
    every = np.ones(len(KINDS), dtype=bool)
    lengths, plan, total, epoch = train.lengths, [], 0, 0
    while total < tokens:
        order = np.random.default_rng([0, epoch]).permutation(len(train))
        for start in range(0, len(order), 512):  # near neighbours fill a row; the order stays
            part = order[start : start + 512]
            for group in pack([lengths[i] for i in part], budget):
                row = tuple(int(part[i]) for i in group)
                plan.append(row)
                total += sum(lengths[i] for i in row)
                if total >= tokens:
                    return [_Later(train, row, every, collate, MicroBatch) for row in plan], total
        epoch += 1
    raise AssertionError("unreachable")


class _Later:
    """A batch that is built when it is needed."""

    def __init__(self, examples: Any, row: Any, every: Any, collate: Any, micro: Any) -> None:
        self._make = lambda: collate(examples, micro((row,)), every, {})

    def __call__(self) -> Any:
        return self._make()


def _train(
    model: Any,
    folder: Path,
    examples: Path,
    tokens: int,
    scale: Scratch,
    reached: Callable[[int, float, int], None],
) -> dict[str, float | int]:
    import torch

    from deepcoder.losses import linear_distillation_loss
    from deepcoder.losses.rows import HardRows
    from deepcoder.students.batch import head_of, supervised_hidden

    batches, total = token_batches(examples, tokens, scale.batch_tokens)
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=scale.lr, betas=(0.9, 0.98), weight_decay=0.01
    )
    start = _restore(folder, model, optimizer)
    began, recent, loss = time.monotonic(), [], math.nan
    with progress(f"training {folder.name}", len(batches)) as advance:
        advance(start)
        for step in range(start, len(batches)):
            for group in optimizer.param_groups:
                group["lr"] = scale.lr * _rate(step, len(batches))
            batch = batches[step]().to(device)
            with torch.autocast(device.type, torch.bfloat16):
                hidden = supervised_hidden(model, batch)
            weight, bias = head_of(model)
            share = torch.full((len(batch.rows),), 1 / len(batch.rows), device=device)
            out = linear_distillation_loss(
                hidden.float(), weight, HardRows(), share, targets=batch.targets, head_bias=bias
            )
            out.loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            recent = [*recent[-49:], out.loss.item()]
            loss = sum(recent) / len(recent)
            advance(1, loss=f"{loss:.3f}")
            reached(total * (step + 1) // len(batches), loss, step + 1)
            if (step + 1) % EVERY == 0:
                _save(folder, model, optimizer, step + 1)
                with (folder / "training.jsonl").open("a") as file:
                    line = {"step": step + 1, "loss": round(loss, 4)}
                    line["seconds"] = round(time.monotonic() - began, 1)
                    file.write(json.dumps(line) + "\n")
    return _facts(model, total, len(batches), loss)


def _rate(step: int, steps: int, warmup: int = 100) -> float:
    """Linear warm-up, then a cosine down to a twentieth."""
    if step < (warmup := min(warmup, max(1, steps // 10))):
        return (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share))


def _save(folder: Path, model: Any, optimizer: Any, step: int) -> None:
    import torch

    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    torch.save(state, folder / "checkpoint.part")
    (folder / "checkpoint.part").replace(folder / "checkpoint.pt")


def _restore(folder: Path, model: Any, optimizer: Any) -> int:
    import torch

    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


if __name__ == "__main__":
    from experiments.e001_sad_vs_token_kd.run import Study

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    Study(SCALES[sys.argv[1]]).make_models()
