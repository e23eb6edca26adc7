"""How stages find each other: the name of a run folder is a hash of what decides its content."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from deepcoder.runs.files import content_hash

# Which parts of the tree decide the content of a stage's output. A later stage includes what the
# earlier ones depend on, because its input is found by their key.
_GENERATE = ("problems", "teacher", "agent", "retrieval", "generation", "seed")
_PREPARE = (*_GENERATE, "student", "data")
_SCORE = (*_PREPARE, "score")
_TRAIN = (*_SCORE, "loss", "optim", "trainer", "callbacks")
KEY_PARTS: dict[str, tuple[str, ...]] = {
    "doctor": (*_TRAIN, "sandbox", "benchmark"),
    "generate": _GENERATE,
    "prepare": _PREPARE,
    "convert": (*_GENERATE, "data", "convert"),
    "score": _SCORE,
    "train": _TRAIN,
    "evaluate": (*_TRAIN, "benchmark", "run"),
    "compare": ("runs", "compare"),
}
# Fields that change how fast something is made, not what.
NOT_CONTENT = (
    "problems.heldout_variants",
    "generation.workers",
    "data.allow_unreadable",
    "data.page_examples",
    "data.workers",
    "teacher.device_map",
    "teacher.batch_size",
    "teacher.api_key_env",
    "teacher.timeout_seconds",
    "teacher.attempts",
    "teacher.retry_seconds",
    "teacher.patience_seconds",
    "teacher.requests_per_minute",
    "teacher.tokens_per_minute",
    "teacher.prices",
    "teacher.cache",
    "score.shard",
    "score.batch_tokens",
    "score.requests",
    "score.sample",
    "generation.max_usd",
    "generation.max_tokens",
    "generation.max_seconds",
    "generation.max_episodes",
    "generation.give_up_after",
    "generation.dry_run",
    "generation.pilot",
    "generation.merge",
    "benchmark.batch_size",
    "benchmark.workers",
    "callbacks.checkpoint",
    "trainer.enable_progress_bar",
    "trainer.log_every_n_steps",
)
# Of these, what an evaluation measures on.
EVALUATED = ("problems.heldout_variants",)
# Fields of `data` that decide how examples are batched, and not what they are.
BATCHING = ("packing", "batch_tokens", "balance", "curriculum")
# Fields that came later, left out where they hold what was done before, so that runs are found.
ADDED = (("data.answer_ids", "tokenised"),)
# Fields that only teachers behind an API read.
API_FIELDS = (
    "preset",
    "base_url",
    "reasoning_format",
    "reasoning_effort",
    "logprobs",
    "extra_body",
    "path",
)


SWEEP = "DEEPCODER_SWEEP"
"""Environment variable by which jobs on other machines know the folder of their sweep."""


def stage_key(cfg: Any, name: str) -> str:
    """Hash of what decides the output of stage `name` under this configuration."""
    tree: dict[str, Any] = {}
    for part in KEY_PARTS[name]:
        node = OmegaConf.select(cfg, part)
        container = OmegaConf.is_config(node)
        tree[part] = OmegaConf.to_container(node, resolve=True) if container else node
    for dotted in NOT_CONTENT:
        if name == "evaluate" and dotted in EVALUATED:
            continue
        group, _, key = dotted.partition(".")
        if isinstance(tree.get(group), dict):
            tree[group].pop(key, None)
    for dotted, before in ADDED:
        group, _, key = dotted.partition(".")
        if isinstance(tree.get(group), dict) and str(tree[group].get(key)) == before:
            del tree[group][key]
    if name != "score" and str(OmegaConf.select(cfg, "loss.signal")) != "cached":
        tree.pop("score", None)  # nothing of it is read
    agent = tree.get("agent")
    if isinstance(agent, dict) and "retrieve" not in agent["tools"]:
        tree.pop("retrieval", None)
    if name in ("prepare", "score"):
        data = tree["data"]
        for key in BATCHING:
            data.pop(key, None)
        for source in data.get("mixture", {}).values():
            source.pop("weight", None)
        draws = name == "score" and str(tree["score"]["scheme"]) == "sampled"
        if data.get("trajectories") and not draws:
            tree.pop("seed")  # it decides what is generated and drawn, and nothing was
    teacher = tree.get("teacher")
    if isinstance(teacher, dict) and str(teacher.get("kind")) in ("oracle", "local"):
        for key in API_FIELDS:
            teacher.pop(key, None)
    return content_hash(tree)


def stage_folder(cfg: Any, name: str) -> Path:
    """Where stage `name` puts its output under this configuration."""
    label = {
        "generate": lambda: f"{cfg.teacher.kind}-{cfg.problems.kind}",
        "prepare": lambda: _short(cfg.student.model),
        "convert": lambda: str(cfg.convert.to),
        "score": lambda: f"{_short(cfg.teacher.model or str(cfg.teacher.kind))}-{cfg.score.scheme}",
        "train": lambda: f"{cfg.loss.name}-{_short(cfg.student.model)}",
        "evaluate": lambda: f"{cfg.benchmark.name}-{_short(cfg.student.model)}",
        "compare": lambda: f"{len(cfg.runs)}-runs",
        "doctor": lambda: _short(cfg.student.model),
    }[name]()
    runs = Path(cfg.paths.runs).expanduser()
    named = cfg.name if cfg.name and name == cfg.stage else f"{label}-{stage_key(cfg, name)}"
    return (runs / name / named).absolute()


def _short(model: str) -> str:
    return model.rstrip("/").rpartition("/")[2].lower()[:40]


def _run_dir(*, _root_: DictConfig) -> str:
    return str(stage_folder(_root_, _root_.stage))


def _argv_key() -> str:
    """Same sweep command, same folder: so an interrupted sweep continues.

    A job that submitit runs has a command line of submitit's, and the environment of whoever
    started the sweep.
    """
    if "submitit" in sys.argv[0] and SWEEP in os.environ:
        return os.environ[SWEEP]
    key = content_hash(sorted(a for a in sys.argv[1:] if a not in ("-m", "--multirun")), 8)
    os.environ[SWEEP] = key
    return key


OmegaConf.register_new_resolver("run_dir", _run_dir, replace=True)
OmegaConf.register_new_resolver("argv_key", _argv_key, replace=True)
