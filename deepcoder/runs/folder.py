"""One folder on disk per run: how it was made, what it measured, whether it is done."""

from __future__ import annotations

import contextlib
import functools
import json
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

import deepcoder
from deepcoder.errors import DataError, DeepcoderError
from deepcoder.runs.files import atomic_write, file_hash, leads
from deepcoder.runs.keys import stage_folder, stage_key

PACKAGES = (
    "deepcoder",
    "torch",
    "transformers",
    "peft",
    "pytorch-lightning",
    "bitsandbytes",
    "hydra-core",
    "omegaconf",
    "langgraph",
    "datasets",
    "safetensors",
    "tokenizers",
)
README = """# {stage} run `{name}`

Made by `python -m deepcoder.{stage} {overrides}`.

| file | what it is |
|---|---|
| config.yaml | the resolved configuration |
| run.json | status, git commit, package versions, seeds, hashes of the inputs |
| metrics.jsonl | one JSON object per measurement, in order of time |
| {stage}.log | the log |
{files}
Running the same command again continues here.
"""


class RunFolder:
    """One folder on disk that belongs to one configuration of one stage.

    Only the leading process of a distributed run writes to it; for the others it is read-only.
    """

    def __init__(self, path: Path, stage: str) -> None:
        self.path = path
        self.stage = stage

    @classmethod
    def open(
        cls, cfg: Any, stage: str, path: Path | None = None, files: dict[str, str] | None = None
    ) -> RunFolder:
        """Create or reopen the folder of `stage` and snapshot how it is being made.

        `files` maps the names of the stage's own outputs to one line each, for the README map.
        Raises DeepcoderError when the folder holds a run of another configuration.
        """
        run = cls(Path(path or stage_folder(cfg, stage)), stage)
        run.path.mkdir(parents=True, exist_ok=True)
        key = stage_key(cfg, stage)
        before = run.info()
        if before and before.get("key") != key:
            raise DeepcoderError(
                f"{run.path} holds a run of another configuration.",
                fix="choose another `name=`, or remove the folder",
            )
        if before.get("status") == "done" or not leads():
            return run  # how it was made stays as it was; the stage decides whether to redo it
        atomic_write(run.path / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True))
        info = {
            "stage": stage,
            "key": key,
            "status": "running",
            "seed": cfg.seed,
            "started_at": before.get("started_at") or _now(),
            "resumed_at": [*before.get("resumed_at", []), _now()] if before else [],
            "inputs": before.get("inputs", {}),
            **_code_version(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": _package_versions(),
        }
        run._write_info(info)
        rows = "".join(f"| {name} | {line} |\n" for name, line in (files or {}).items())
        overrides = " ".join(sys.argv[1:]) if stage == cfg.stage else ""
        text = README.format(stage=stage, name=run.path.name, overrides=overrides, files=rows)
        atomic_write(run.path / "README.md", text)
        return run

    def info(self) -> dict[str, Any]:
        """`run.json`, or an empty dict when there is none. Raises DataError for one that is spoiled
        (it is written whole, so not by a kill)."""
        path = self.path / "run.json"
        if not path.exists():
            return {}
        try:
            info = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(info, dict):
                raise ValueError(f"expected an object, found {type(info).__name__}")
        except ValueError as error:
            raise DataError(
                f"{path} cannot be read: {error}.",
                fix="restore it from a copy, or delete it: the run goes on with what is beside it",
            ) from None
        return info

    def _write_info(self, info: dict[str, Any]) -> None:
        if not leads():
            return
        atomic_write(self.path / "run.json", json.dumps(info, indent=2) + "\n")

    def record_input(self, name: str, path: Path) -> str:
        """Note an input file with its hash; returns the hash."""
        digest = file_hash(path)
        info = self.info()
        info["inputs"] = {**info.get("inputs", {}), name: {"path": str(path), "sha256": digest}}
        self._write_info(info)
        return digest

    def metric(self, **values: Any) -> None:
        """Append one line to `metrics.jsonl`."""
        if not leads():
            return
        line = json.dumps({"time": round(time.time(), 3), **values}, default=float)
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def restart(self) -> None:
        """Mark a finished run as running again, e.g. because its input changed."""
        self._write_info(self.info() | {"status": "running"})

    @property
    def done(self) -> bool:
        """Whether the stage finished here."""
        return self.info().get("status") == "done"

    def finish(self, status: str = "done", **summary: Any) -> None:
        """Set the final status and what is worth knowing at a glance."""
        info = self.info() | {"status": status, "ended_at": _now()}
        if summary:
            info["summary"] = summary
        self._write_info(info)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@functools.cache
def _code_version() -> dict[str, Any]:
    """Commit of the source tree and whether it differs from it; the version when installed."""
    source = Path(deepcoder.__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(source), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != source:
            raise FileNotFoundError  # an installed copy inside somebody else's repository
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


@functools.cache
def _package_versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
