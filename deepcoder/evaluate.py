"""Stage `evaluate`: models on a benchmark, and the report. Without more said, the student before
and after training on held-out problems.

Every model plays the same problems through the graph, protocol, sandbox, budgets and seeds that
made the training data. Every episode is stored; a killed run continues. What a model that is not
trained here played is kept in `<runs>/baselines` and used again by every later evaluation of the
same benchmark. It trains nothing: without an adapter the other models are evaluated alone.

    python -m deepcoder.evaluate                               # the training of this configuration
    python -m deepcoder.evaluate run=runs/train/sad-…          # the training in that folder
    python -m deepcoder.evaluate benchmark.models=[base,student,teacher]
    python -m deepcoder.evaluate benchmark=humaneval benchmark.mode=single benchmark.models=[base]
    python -m deepcoder.evaluate benchmark.models=[sad,sft] \\
        '+benchmark.adapters={sad: runs/train/sad-…, sft: runs/train/sft-…}'
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from omegaconf import OmegaConf

from deepcoder.errors import IncompleteError
from deepcoder.runs import RunFolder, atomic_write, stage, stage_folder

if TYPE_CHECKING:
    from deepcoder.config import Config
    from deepcoder.evaluation.models import UnderTest
    from deepcoder.types import Problem

log = logging.getLogger(__name__)

FILES = {
    "<model>.jsonl": "every episode of a model (base: the untrained student), one a line",
    "<model>.speed.json": "tokens that the model read and wrote, and the seconds it took",
    "<model>.evalplus.jsonl": "answers as evalplus judges them (HumanEval and MBPP)",
    "retrieval.json": "which passages the tool `retrieve` never shows, and why",
    "results.json": "all figures with their intervals, and which problems were solved by whom",
    "report.html": "the report: one file, needs no network",
}


@stage("evaluate", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Play the benchmark with every model under test; write figures and report."""
    from deepcoder.evaluation.models import under_test
    from deepcoder.evaluation.selection import select
    from deepcoder.problems.loaders import load_problems

    asked = under_test(cfg)
    models = [model for model in asked if not model.untrained]
    identity = _identity(cfg, asked)
    report = run.path / "report.html"
    if run.done and report.exists() and run.info()["summary"].get("under_test") == identity:
        log.info("Already evaluated: %s", run.path)
        print(report)
        return
    if run.done:
        run.restart()  # an adapter was trained again since
    if not models:
        raise _untrained(cfg, "nothing was evaluated")
    problems = select(
        load_problems(cfg.benchmark.problems or cfg.problems, "heldout"),
        cfg.benchmark.limit,
        cfg.seed,
    )
    results = _measure(cfg, run, problems, models)
    _write_report(run, models)
    print(report)
    if models != asked:
        raise _untrained(cfg, "only the others were evaluated")
    run.finish(under_test=identity, **_headline(results))


def _identity(cfg: Config, models: Sequence[UnderTest]) -> dict[str, Any]:
    """What decides the answers of each arm: a run with another of these is not done yet."""
    from deepcoder.evaluation.models import WEIGHTS
    from deepcoder.runs import file_hash

    return {
        model.name: file_hash(model.adapter / WEIGHTS) if model.adapter else None
        for model in models
    }


def _untrained(cfg: Config, what: str) -> IncompleteError:
    return IncompleteError(
        f"There is no trained adapter in {stage_folder(cfg, 'train')}: {what}.",
        fix="run `python -m deepcoder.train` with the same overrides, then this again; or name a "
        "training with run=…, or ask for benchmark.models=[base]",
    )


def _measure(
    cfg: Config, run: RunFolder, problems: Sequence[Problem], models: Sequence[UnderTest]
) -> dict[str, Any]:
    """Play, compute all figures, store and print them."""
    from deepcoder.evaluation.interchange.evalplus import write_samples
    from deepcoder.evaluation.models import TEACHER, WEIGHTS
    from deepcoder.evaluation.running import play_models
    from deepcoder.evaluation.settings import plain
    from deepcoder.evaluation.summary import Settings, summarise
    from deepcoder.evaluation.table import print_table

    for model in models:
        if model.adapter is not None:
            run.record_input(f"adapter {model.name}", model.adapter / WEIGHTS)
    played = asyncio.run(play_models(cfg, run, problems, models))
    benchmark = cfg.benchmark
    settings = Settings(
        tuple(benchmark.k), benchmark.bootstrap, benchmark.confidence, seed=cfg.seed
    )
    results = summarise(
        {name: episodes.trajectories for name, episodes in played.items()},
        problems,
        settings,
        _trained_families(cfg, models),
        pairs=_pairs(list(played)),
        teacher=TEACHER if TEACHER in played else None,
    )
    for name, episodes in played.items():
        results["models"][name]["all"]["tokens_per_second"] = episodes.tokens_per_second
        results["models"][name]["fingerprint"] = episodes.trajectories[0].teacher.model_dump()
        write_samples(run.path / f"{name}.evalplus.jsonl", episodes.trajectories, problems)
    results["benchmark"] = plain(benchmark)
    atomic_write(run.path / "results.json", json.dumps(results, indent=1) + "\n")
    print_table(results)
    return results


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """(after, before): every model against the untrained student, then against the teacher."""
    return [
        (name, other)
        for other in ("base", "teacher")
        if other in names
        for name in names
        if name != other and (other, name) != ("teacher", "base")
    ]


def _trained_families(cfg: Config, models: Sequence[UnderTest]) -> set[str]:
    """Procedural families of the training sets of the evaluated adapters, or of this configuration.

    Training on a user's trajectories leaves this unknown: then no family counts as trained on.
    """
    from deepcoder.config import ProblemsConfig
    from deepcoder.problems.loaders import load_problems

    snapshots = [m.adapter.parent / "config.yaml" for m in models if m.adapter is not None]
    trainings: list[Any] = [OmegaConf.load(path) for path in snapshots if path.exists()] or [cfg]
    families: set[str] = set()
    for trained in trainings:
        if trained.data.trajectories or trained.problems.kind != "builtin":
            continue
        node = OmegaConf.merge(OmegaConf.structured(ProblemsConfig), trained.problems)
        train_problems = load_problems(cast(ProblemsConfig, node), "train")
        families |= {problem.family for problem in train_problems if problem.family}
    return families


def _write_report(run: RunFolder, models: Sequence[UnderTest]) -> None:
    from deepcoder.reporting.page import write_report

    trains = [model.adapter.parent for model in models if model.adapter is not None]
    known = [train for train in trains if (train / "run.json").exists()]
    write_report(run.path, known[0] if known else None)


def _headline(results: dict[str, Any]) -> dict[str, Any]:
    """What is worth knowing at a glance, for run.json."""
    key = next(k for k in next(iter(results["models"].values()))["all"] if k.startswith("pass@"))
    figures = {name: model["all"][key]["mean"] for name, model in results["models"].items()}
    return {key: figures, "problems": len(results["problems"])}


if __name__ == "__main__":
    main()
