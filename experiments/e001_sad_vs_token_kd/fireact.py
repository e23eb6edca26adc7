"""The second table: span weights on real trajectories, the 500 ReAct conversations of GPT-4.

    python -m experiments.e001_sad_vs_token_kd.fireact <fireact_hotpotqa.jsonl>
    python -m experiments.e001_sad_vs_token_kd.fireact --check

The file is the FireAct data (arXiv 2310.05915) as lines of OpenAI messages or ShareGPT turns; it is
not part of this repository. GPT-4 gave no logits, so every loss is cross-entropy on its tokens, and
`token_kd` would equal `sft`. Each run trains SmolLM2-135M for the same steps and is measured under
teacher forcing on the tenth of the conversations that is held out. Can be killed and continues.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from deepcoder.runs import atomic_write, stage_folder
from experiments.e001_sad_vs_token_kd.run import HERE, ROOT, run_stage
from experiments.e001_sad_vs_token_kd.summaries import provenance, read_summaries, training_facts
from experiments.e001_sad_vs_token_kd.tables import forced_rows, markdown, replace_part

__all__ = ["ARMS", "main", "overrides", "text"]

ARMS = {
    "sft": ("loss=sft",),
    "sad": ("loss=sad",),
    "action_only": ("loss=action_only",),
    "reason_only": ("loss=sad", "loss.act_weight=0"),
    "shuffled_spans": ("loss=shuffled_spans",),
}
STEPS = 24
SEEDS = (0, 1, 2)
RESULTS = HERE / "results" / "fireact"
NAMES = ("val/reason_nll", "val/act_nll", "val/nll", "val/token_accuracy", "val/action_exact")


def overrides(arm: str, seed: int, trajectories: Path, runs: Path) -> list[str]:
    """One run as the command line of `train`."""
    return [
        f"paths.runs={runs}",
        "data=react",
        f"data.trajectories={trajectories.absolute()}",
        "data.page_examples=0",
        "student=smollm2",
        *ARMS[arm],
        f"loss.name={arm}",
        f"trainer.max_steps={STEPS}",
        f"trainer.val_check_interval={STEPS}",
        "optim.optimizer.lr=1e-3",
        "optim.warmup_steps=4",
        f"seed={seed}",
    ]


def text(results: Path = RESULTS) -> str:
    """The part of the study's README that these results decide."""
    runs = read_summaries(results)
    done = [run for arm in runs.values() for run in arm]
    if not done:
        return "No run yet: `make e001-fireact FIREACT=<fireact_hotpotqa.jsonl>`."
    commits = sorted({str(run["commit"])[:7] for run in done})
    tokens = sorted(run["tokens"] for run in done)
    about = (
        f"{len(done)} runs; commit {', '.join(commits)}; {done[0]['machine']}. {STEPS} steps each, "
        f"{tokens[0]:,} to {tokens[-1]:,} tokens. Mean of seeds [least, most]; NLL in nats a token."
    )
    head = ("arm", "seeds", "reasoning NLL", "acting NLL", "all NLL", "tokens right", "actions")
    rows = [["before training", "", *forced_rows(done, NAMES, "before")]]
    for arm in ARMS:
        mine = runs.get(arm, [])
        rows.append([f"`{arm}`", str(len(mine)), *forced_rows(mine, NAMES, "after")])
    return f"{about}\n\n{markdown(head, rows)}"


def _play(arm: str, seed: int, trajectories: Path, runs: Path) -> None:
    path = RESULTS / f"{arm}-{seed}.json"
    if path.exists():
        return
    train = stage_folder(run_stage("train", overrides(arm, seed, trajectories, runs)), "train")
    RESULTS.mkdir(parents=True, exist_ok=True)
    summary = {"arm": arm, "seed": seed, **provenance(train), **training_facts(train)}
    atomic_write(path, json.dumps(summary, indent=1) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """See the module; exit 0 when every run is there (with --check: when the table is right)."""
    parser = argparse.ArgumentParser(description="Span weights on real trajectories.")
    parser.add_argument("trajectories", nargs="?", type=Path)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(arguments)
    readme = HERE / "README.md"
    if asked.check:
        return int(replace_part(readme.read_text(), "e001:fireact", text()) != readme.read_text())
    if asked.trajectories is None or not asked.trajectories.is_file():
        print(f"error: {asked.trajectories} is no file. Fix: make e001-fireact FIREACT=<file>.")
        return 2
    for seed in SEEDS:
        for arm in ARMS:
            logging.info("== %s, seed %d", arm, seed)
            _play(arm, seed, asked.trajectories, ROOT / "runs" / "e001-fireact")
            readme.write_text(replace_part(readme.read_text(), "e001:fireact", text()))
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
