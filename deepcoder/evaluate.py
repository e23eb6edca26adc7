"""Stage `evaluate`: the student before and after training on held-out problems, and the report.

Both play the same problems through the graph, protocol and sandbox that made the training data.
Every episode is stored; a killed run continues. What the untrained student played is kept in
`<runs>/baselines` and used again by every later evaluation of the same student and benchmark. It
trains nothing: without an adapter the untrained student is evaluated alone.

    python -m deepcoder.evaluate                               # the training of this configuration
    python -m deepcoder.evaluate run=runs/train/sad-…          # the training in that folder
    python -m deepcoder.evaluate benchmark.models=[base]       # no training needed
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from omegaconf import OmegaConf

from deepcoder.errors import ConfigError, IncompleteError
from deepcoder.runs import RunFolder, atomic_write, stage, stage_folder

if TYPE_CHECKING:
    from pathlib import Path

    from deepcoder.config import Config
    from deepcoder.types import Problem

log = logging.getLogger(__name__)

FILES = {
    "base.jsonl": "every episode of the untrained student, one JSON object a line",
    "student.jsonl": "every episode of the trained student",
    "*.speed.json": "tokens that each model read and wrote, and the seconds it took",
    "results.json": "all figures with their intervals, and which problems were solved by whom",
    "report.html": "the report: one file, needs no network",
}


@stage("evaluate", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Play the held-out problems with the student before and after training; write the report."""
    from deepcoder.evaluation.models import find_adapter, fingerprint
    from deepcoder.evaluation.selection import select
    from deepcoder.problems.loaders import load_problems

    asked = _models(cfg)
    adapter = find_adapter(cfg) if "student" in asked else None
    under_test = fingerprint(cfg.student, adapter).model_dump(mode="json")
    report = run.path / "report.html"
    if run.done and report.exists() and run.info()["summary"].get("under_test") == under_test:
        log.info("Already evaluated: %s", run.path)
        print(report)
        return
    if run.done:
        run.restart()  # the adapter was trained again since
    names = [name for name in asked if name == "base" or adapter is not None]
    if not names:
        raise _untrained(cfg, "nothing was evaluated")
    problems = select(load_problems(cfg.problems, "heldout"), cfg.benchmark.limit, cfg.seed)
    results = _measure(cfg, run, problems, names, adapter)
    _write_report(run, results, adapter)
    print(report)
    if names != asked:
        raise _untrained(cfg, "only the untrained student was evaluated")
    run.finish(under_test=under_test, **_headline(results))


def _models(cfg: Config) -> list[str]:
    """Which models are asked for, the trained one first: if its adapter is broken, it shows soon.

    Raises ConfigError for a name that is neither.
    """
    known = ("student", "base")
    asked = list(cfg.benchmark.models)
    if not asked or set(asked) - set(known):
        raise ConfigError(
            f"benchmark.models={asked} is not a choice of models.",
            fix="use [base], [student] or [base,student]",
        )
    return [name for name in known if name in asked]


def _untrained(cfg: Config, what: str) -> IncompleteError:
    return IncompleteError(
        f"There is no trained adapter in {stage_folder(cfg, 'train')}: {what}.",
        fix="run `python -m deepcoder.train` with the same overrides, then this again; or name a "
        "training with run=…, or ask for benchmark.models=[base]",
    )


def _measure(
    cfg: Config,
    run: RunFolder,
    problems: Sequence[Problem],
    names: Sequence[str],
    adapter: Path | None,
) -> dict[str, Any]:
    """Play, compute all figures, store and print them."""
    from deepcoder.evaluation.running import plain, play_models
    from deepcoder.evaluation.summary import Settings, summarise
    from deepcoder.evaluation.table import print_table

    if adapter is not None:
        run.record_input("adapter", adapter / "adapter_model.safetensors")
    played = asyncio.run(play_models(cfg, run, problems, names, adapter))
    benchmark = cfg.benchmark
    settings = Settings(
        tuple(benchmark.k), benchmark.bootstrap, benchmark.confidence, seed=cfg.seed
    )
    results = summarise(
        {name: model.trajectories for name, model in played.items()},
        problems,
        settings,
        _trained_families(cfg, adapter),
    )
    for name, model in played.items():
        results["models"][name]["all"]["tokens_per_second"] = model.tokens_per_second
        results["models"][name]["fingerprint"] = model.trajectories[0].teacher.model_dump()
    results["benchmark"] = plain(cfg.benchmark)
    atomic_write(run.path / "results.json", json.dumps(results, indent=1) + "\n")
    print_table(results)
    return results


def _trained_families(cfg: Config, adapter: Path | None) -> set[str]:
    """Procedural families of the training set of the evaluated adapter, or of this configuration.

    Training on a user's trajectories leaves this unknown: then no family counts as trained on.
    """
    from deepcoder.config import ProblemsConfig
    from deepcoder.problems.loaders import load_problems

    snapshot = adapter.parent / "config.yaml" if adapter is not None else None
    trained: Any = OmegaConf.load(snapshot) if snapshot and snapshot.exists() else cfg
    if trained.data.trajectories:
        return set()
    node = OmegaConf.merge(OmegaConf.structured(ProblemsConfig), trained.problems)
    train_problems = load_problems(cast(ProblemsConfig, node), "train")
    return {problem.family for problem in train_problems if problem.family}


def _write_report(run: RunFolder, results: dict[str, Any], adapter: Path | None) -> None:
    from deepcoder.reporting.page import write_report

    train = adapter.parent if adapter is not None else None
    write_report(run.path, train if train and (train / "run.json").exists() else None)


def _headline(results: dict[str, Any]) -> dict[str, Any]:
    """What is worth knowing at a glance, for run.json."""
    key = next(k for k in next(iter(results["models"].values()))["all"] if k.startswith("pass@"))
    figures = {name: model["all"][key]["mean"] for name, model in results["models"].items()}
    return {key: figures, "problems": len(results["problems"])}


if __name__ == "__main__":
    main()
