"""Preparing conversations beside TRL: rendering, tokens, masks, written to disk; one run.

    python experiments/benchmarks/prepare.py --trajectories fireact_hotpotqa.jsonl

Question: how many tokens a second does `prepare` turn from a file of conversations into examples
with a span kind per token, beside the preparation of TRL's `SFTTrainer` (chat template, token ids,
assistant mask) on the same conversations and tokenizer? And does its memory stay flat, and its time
linear, as the file grows?

The file is repeated, each copy with a number in its first message, so that no conversation is a
duplicate. (Its words repeat then, and ours asks the tokenizer for a stretch of text only once.)
Both arms run in processes of their own; imports, model and tokenizer are loaded before the clock
starts. Ours includes reading and checking the JSON, which TRL's arm gets done, and decontamination:
its index of evaluation problems is built inside the clock, a cost per run and not per token, which
the last line leaves out. CPU seconds are those of all threads and processes.

TRL is not a dependency: `pip install trl==1.16.0` into a throwaway environment.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from train_step import CHAT_ML, SYSTEM, cpu_name


def main() -> None:
    options = parse()
    if options.arm:
        print(json.dumps(RUNNERS[options.arm](options) | {"peak_mb": peak_mb()}))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for arm, copies in [("trl", options.copies), *(("deepcoder", n) for n in options.growth)]:
            source = repeated(options.trajectories, copies, Path(folder))
            rows.append(run_arm(arm, source, copies, folder, options.workers))
    print(f"\n{cpu_name()}, {os.cpu_count()} cores\n")
    print("| arm | copies | tokens | seconds | tokens/s | CPU s | tokens/CPU s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        if "error" in row:
            print(f"| {row['arm']} | {row['copies']} | not run: {row['error']} | | | |")
            continue
        rate = row["tokens"] / row["seconds"]
        busy = f"{row['cpu']:.2f} | {row['tokens'] / row['cpu']:,.0f}"
        numbers = f"{row['tokens']:,} | {row['seconds']:.2f} | {rate:,.0f} | {busy}"
        print(f"| {row['arm']} | {row['copies']} | {numbers} | {row['peak_mb']:.0f} |")
    print(between([row for row in rows if row["arm"] == "deepcoder" and "error" not in row]))


def between(rows: list[dict[str, Any]]) -> str:
    """What the tokens cost by which the largest of our files exceeds the smallest."""
    if len(rows) < 2:
        return ""
    tokens, seconds, cpu = (rows[-1][key] - rows[0][key] for key in ("tokens", "seconds", "cpu"))
    return f"\nours, per further token: {tokens / seconds:,.0f}/s, {tokens / cpu:,.0f}/CPU s"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trajectories", type=Path, required=True, help="ReAct, JSON Lines")
    parser.add_argument("--copies", type=int, default=8, help="of the file, for TRL")
    parser.add_argument("--growth", type=int, nargs="+", default=[8, 32], help="copies, for ours")
    parser.add_argument("--workers", type=int, help="processes of ours; default: as `prepare`")
    parser.add_argument("--arm", choices=("trl", "deepcoder"), help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    return parser.parse_args()


def repeated(source: Path, copies: int, folder: Path) -> Path:
    target = folder / f"copies-{copies}.jsonl"
    records = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    with target.open("w", encoding="utf-8") as file:
        for number in range(copies):
            for record in records:
                first, *rest = record["messages"]
                first = {**first, "content": f"{first['content']} ({number})"}
                file.write(json.dumps({"messages": [first, *rest]}) + "\n")
    return target


def run_arm(arm: str, source: Path, copies: int, work: str, workers: int | None) -> dict[str, Any]:
    command = [sys.executable, __file__, "--trajectories", str(source), "--arm", arm]
    command += ["--work", work, *(["--workers", str(workers)] if workers else [])]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    environment.pop("TOKENIZERS_PARALLELISM", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        error = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return {"arm": arm, "copies": copies, "error": error}
    return {"arm": arm, "copies": copies, **json.loads(done.stdout.strip().splitlines()[-1])}


def deepcoder(options: argparse.Namespace) -> dict[str, Any]:
    """The work of the `prepare` stage, without its page."""
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        few = Path(work) / "few.jsonl"
        with options.trajectories.open(encoding="utf-8") as lines:
            few.write_text("".join(islice(lines, 20)), encoding="utf-8")
        prepared(few, Path(work), 1)  # so that everything is imported
        return prepared(options.trajectories, Path(work), options.workers)


def prepared(source: Path, work: Path, workers: int | None) -> dict[str, Any]:
    from deepcoder import prepare
    from deepcoder.config import compose
    from deepcoder.students import load_tokenizer

    cfg = compose(
        "prepare",
        [
            "data=react",
            "data.page_examples=0",
            f"data.trajectories={source}",
            f"data.workers={workers or 'null'}",
            f"paths.runs={work}/runs",
        ],
    )
    folder = prepare.main.open(cfg)
    load_tokenizer(cfg.student, cfg.paths.cache)
    began, busy = time.perf_counter(), cpu_seconds()
    prepare.main.run(cfg, folder)
    spent = {"seconds": time.perf_counter() - began, "cpu": cpu_seconds() - busy}
    return {"tokens": folder.info()["summary"]["tokens"], **spent}


def trl(options: argparse.Namespace) -> dict[str, Any]:
    """What SFTTrainer does with a data set before it trains, timed inside of it."""
    from datasets import Dataset, disable_progress_bars
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    from deepcoder.config import compose
    from deepcoder.students import load_tokenizer

    disable_progress_bars()
    student = compose("prepare").student
    tokenizer = load_tokenizer(student, compose("prepare").paths.cache)
    tokenizer.chat_template = CHAT_ML.replace("{{ system }}", SYSTEM)
    lines = options.trajectories.read_text(encoding="utf-8").splitlines()
    dataset = Dataset.from_list([json.loads(line) for line in lines])
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )
    spent = {"seconds": 0.0, "cpu": 0.0}
    original = SFTTrainer._prepare_dataset

    def timed(self: Any, *args: Any, **kwargs: Any) -> Any:
        began, busy = time.perf_counter(), cpu_seconds()
        result = original(self, *args, **kwargs)
        spent["seconds"] += time.perf_counter() - began
        spent["cpu"] += cpu_seconds() - busy
        return result

    SFTTrainer._prepare_dataset = timed
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=f"{options.work}/trl",
            assistant_only_loss=True,
            max_length=None,
            use_cpu=True,
            report_to="none",
        ),
        train_dataset=dataset,
        processing_class=tokenizer,
    )
    tokens = sum(len(ids) for ids in trainer.train_dataset["input_ids"])
    return {"tokens": tokens, **spent}


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    return sum(os.times()[:4])


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


RUNNERS = {"deepcoder": deepcoder, "trl": trl}

if __name__ == "__main__":
    main()
