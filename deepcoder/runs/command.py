"""A stage as a command: Hydra, `--help`, validation, run folder, and errors as one line."""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from deepcoder.config import CONF_DIR, Config, compose, validate
from deepcoder.errors import DeepcoderError
from deepcoder.runs.folder import RunFolder

StageFunction = Callable[[Any, RunFolder], None]
_failures: list[int] = []


class Stage:
    """A command of `function(cfg, run)`: Hydra, validation, run folder, errors as one line.

    Calling it parses the command line; `run(cfg, folder)` is the bare function, for other stages,
    tests and notebooks.
    """

    def __init__(self, name: str, function: StageFunction, files: dict[str, str]) -> None:
        self.name = name
        self.files = files
        self.run = function
        self.__doc__ = function.__doc__

    def __call__(self) -> None:
        def entry(cfg: Config) -> None:
            _entry(cfg, self)

        if {"-h", "--help"} & set(sys.argv[1:]):
            print(self.help([a for a in sys.argv[1:] if not a.startswith("-")]))
            return
        sys.argv = ["json=true" if argument == "--json" else argument for argument in sys.argv]
        # The config path is absolute so that a stage works from any folder and when installed.
        hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name=self.name)(entry)()
        if _failures:
            sys.exit(max(_failures))

    def help(self, overrides: list[str]) -> str:
        """What `--help` prints: Hydra's own listing takes several times as long to make."""
        from hydra.errors import HydraException

        try:
            tree = OmegaConf.to_yaml(compose(self.name, overrides), resolve=True)
        except HydraException as error:
            sys.exit(str(error))
        lines = [inspect.cleandoc(self.run.__globals__["__doc__"] or "")]
        lines += ["", "Choices (group=option):"]
        for folder in sorted(path for path in CONF_DIR.iterdir() if path.is_dir()):
            options = sorted(path.stem for path in folder.glob("*.yaml"))
            if options and folder.name != "hydra":
                lines.append(f"  {folder.name}: {', '.join(options)}")
        lines += ["", "Fields (override by path.to.field=value; see deepcoder/config/schema/):"]
        lines += [f"  {line}" for line in tree.splitlines()]
        lines += [
            "",
            "Flags: -m sweeps, --cfg job prints the configuration, --hydra-help",
        ]
        return "\n".join(lines)

    def open(self, cfg: Any, path: Path | None = None) -> RunFolder:
        """The run folder of this stage under `cfg`, created or reopened."""
        return RunFolder.open(cfg, self.name, path, self.files)


def stage(name: str, files: dict[str, str] | None = None) -> Callable[[StageFunction], Stage]:
    """Decorator that makes a `Stage`; `files` describes its outputs for the README map."""
    return lambda function: Stage(name, function, files or {})


class SweepStatus(Callback):
    """Hydra's callback by which a sweep whose jobs ran in other processes fails when one did."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Look into the folder of every job: what is not done makes the command's exit status 1."""
        jobs = [path for path in Path(config.hydra.sweep.dir).glob("*") if path.name.isdigit()]
        missing = [path for path in jobs if not RunFolder(path, config.stage).done]
        if missing and not _failures:
            names = ", ".join(sorted((path.name for path in missing), key=int))
            print(
                f"error: Not all jobs of {config.hydra.sweep.dir} are done: {names}. "
                "Fix: see their logs, and run the same command again.",
                file=sys.stderr,
            )
            _failures.append(1)


def _entry(cfg: Config, stage: Stage) -> None:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    sweeping = HydraConfig.get().mode is RunMode.MULTIRUN
    folder = Path(HydraConfig.get().runtime.output_dir)
    run: RunFolder | None = None
    status, message = 0, ""
    # Read once, when torch is first imported. OpenMP's threads wait by spinning, 300,000 turns by
    # default: beside one busy process that took a decoding step of 24 rows from 0.08 to 2.0 s on
    # two cores. With 2,000 turns it was 0.08 and 0.29 s, with none 0.09 and 0.25 s.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    try:
        validate(cfg)
        run = stage.open(cfg, folder)
        stage.run(cfg, run)
        if run.info().get("status") == "running":
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
