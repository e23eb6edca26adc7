"""Run folders: where a stage writes, what it writes beside its output, and how stages find each
other.

A run folder is named by the content of the configuration that produced it, so the same command
finds the same folder and continues there, and a later stage can compute where an earlier one put
its output. Each folder holds its resolved config, `run.json` (git commit and dirty flag, input
hashes, seeds, package versions, status), `metrics.jsonl`, and a README map of itself.

    @stage("train")
    def main(cfg: Config, run: RunFolder) -> None: ...

A stage ends with exit status 0 (done), 1 (failed), 2 (bad configuration), 3 (ended incomplete) or
130 (interrupted); what it had done stays done. This module knows nothing of what stages do.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import hydra
from omegaconf import DictConfig, OmegaConf

import deepcoder
from deepcoder.config import CONF_DIR, Config, validate
from deepcoder.errors import DeepcoderError

__all__ = [
    "RunFolder",
    "atomic_write",
    "content_hash",
    "file_hash",
    "progress",
    "stage",
    "stage_folder",
    "stage_key",
]

log = logging.getLogger(__name__)

# Which parts of the tree decide the content of a stage's output. A later stage includes what the
# earlier ones depend on, because its input is found by their key.
_GENERATE = ("problems", "teacher", "agent", "generation", "seed")
_PREPARE = (*_GENERATE, "student", "data")
_TRAIN = (*_PREPARE, "loss", "optim", "trainer", "callbacks")
KEY_PARTS: dict[str, tuple[str, ...]] = {
    "doctor": (*_TRAIN, "sandbox", "benchmark"),
    "generate": _GENERATE,
    "prepare": _PREPARE,
    "train": _TRAIN,
    "evaluate": (*_TRAIN, "benchmark", "run"),
}
# Fields that change how fast something is made, not what.
NOT_CONTENT = (
    "problems.heldout_variants",
    "generation.workers",
    "teacher.device_map",
    "teacher.batch_size",
    "benchmark.batch_size",
    "trainer.enable_progress_bar",
    "trainer.log_every_n_steps",
)
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


# ------------------------------------------------------------------------------- hashes


def content_hash(value: Any, length: int = 10) -> str:
    """Short SHA-256 of a JSON-able value, independent of key order."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def file_hash(path: Path, length: int = 16) -> str:
    """Short SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:length]


def stage_key(cfg: Any, name: str) -> str:
    """Hash of what decides the output of stage `name` under this configuration."""
    tree: dict[str, Any] = {}
    for part in KEY_PARTS[name]:
        node = OmegaConf.select(cfg, part)
        container = OmegaConf.is_config(node)
        tree[part] = OmegaConf.to_container(node, resolve=True) if container else node
    for dotted in NOT_CONTENT:
        group, _, key = dotted.partition(".")
        if isinstance(tree.get(group), dict):
            tree[group].pop(key, None)
    return content_hash(tree)


def stage_folder(cfg: Any, name: str) -> Path:
    """Where stage `name` puts its output under this configuration."""
    label = {
        "generate": lambda: f"{cfg.teacher.kind}-{cfg.problems.kind}",
        "prepare": lambda: _short(cfg.student.model),
        "train": lambda: f"{cfg.loss.name}-{_short(cfg.student.model)}",
        "evaluate": lambda: f"{cfg.benchmark.name}-{_short(cfg.student.model)}",
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
    """Same sweep command, same folder: so an interrupted sweep continues."""
    return content_hash(sorted(a for a in sys.argv[1:] if a not in ("-m", "--multirun")), 8)


OmegaConf.register_new_resolver("run_dir", _run_dir, replace=True)
OmegaConf.register_new_resolver("argv_key", _argv_key, replace=True)


# -------------------------------------------------------------------------------- files


def atomic_write(path: Path, data: str | bytes) -> None:
    """Write a whole file or nothing: temporary file in the same folder, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


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
    """One folder on disk that belongs to one configuration of one stage."""

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
        """`run.json`, or an empty dict when there is none."""
        path = self.path / "run.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _write_info(self, info: dict[str, Any]) -> None:
        atomic_write(self.path / "run.json", json.dumps(info, indent=2) + "\n")

    def record_input(self, name: str, path: Path) -> str:
        """Note an input file with its hash; returns the hash."""
        digest = file_hash(path)
        info = self.info()
        info["inputs"] = {**info["inputs"], name: {"path": str(path), "sha256": digest}}
        self._write_info(info)
        return digest

    def metric(self, **values: Any) -> None:
        """Append one line to `metrics.jsonl`."""
        line = json.dumps({"time": round(time.time(), 3), **values}, default=float)
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

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


# ------------------------------------------------------------------------------ progress


@contextlib.contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A progress bar on a terminal, a line every tenth of the way elsewhere.

    Yields `advance(steps=1, **facts)`; facts are shown beside the bar.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    interactive = console.is_terminal
    started, done, next_line = time.monotonic(), 0, 0
    with Progress(*columns, console=console, disable=not interactive) as bar:
        task = bar.add_task(description, total=total, facts="")

        def advance(steps: int = 1, **facts: Any) -> None:
            nonlocal done, next_line
            done += steps
            text = " ".join(f"{k}={v}" for k, v in facts.items())
            bar.update(task, advance=steps, facts=text)
            if not interactive and (done >= next_line or done == total):
                next_line = done + max(1, (total or 100) // 10)
                seconds = time.monotonic() - started
                log.info("%s %s/%s %.0fs %s", description, done, total or "?", seconds, text)

        yield advance


# --------------------------------------------------------------------------------- stage

StageFunction = Callable[[Any, RunFolder], None]
F = TypeVar("F", bound=StageFunction)
_failures: list[int] = []


def stage(name: str, files: dict[str, str] | None = None) -> Callable[[F], Callable[[], None]]:
    """Make a command of `function(cfg, run)`: Hydra, validation, run folder, errors as one line.

    The wrapped function is reachable as `main.run` for other stages and notebooks.
    """

    def decorate(function: F) -> Callable[[], None]:
        def entry(cfg: Config) -> None:
            _entry(cfg, name, function, files)

        def main() -> None:
            # A stage reads the same from any folder, so the config path is absolute.
            hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name=name)(entry)()
            if _failures:
                sys.exit(max(_failures))

        main.run = function  # type: ignore[attr-defined]
        main.__doc__ = function.__doc__
        return main

    return decorate


def _entry(cfg: Config, name: str, function: StageFunction, files: dict[str, str] | None) -> None:
    from hydra.core.hydra_config import HydraConfig

    sweeping = HydraConfig.get().mode.name == "MULTIRUN"
    folder = Path(HydraConfig.get().runtime.output_dir)
    run: RunFolder | None = None
    status, message = 0, ""
    try:
        validate(cfg)
        run = RunFolder.open(cfg, name, folder, files)
        function(cfg, run)
        if run.info()["status"] == "running":
            run.finish()
    except DeepcoderError as error:
        status, message = error.exit_status, str(error)
    except KeyboardInterrupt:
        status = 130
        message = f"Interrupted; what is done is kept in {folder}. Fix: run the same command again."
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        status = 1
        message = f"The disk is full ({error.filename or folder}); what is done is kept. " + (
            "Fix: free some space and run the same command again."
        )
    if not status:
        return
    print(f"error: {message}", file=sys.stderr)
    if run is not None:
        with contextlib.suppress(OSError):
            run.finish("interrupted" if status == 130 else "failed", error=message)
    if sweeping and status != 130:
        _failures.append(status)  # the other jobs of the sweep go on
    else:
        sys.exit(status)
