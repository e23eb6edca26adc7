"""Stage `compare`: finished evaluations side by side, as a table, figures and one HTML report.

It plays nothing: it reads the stored episodes of evaluate run folders, on the same problems, and
computes all figures anew with the same resamples. Trainings that differ in nothing but their seed
are one arm.

    python -m deepcoder.compare runs=[runs/evaluate/a,runs/evaluate/b]
    python -m deepcoder.compare 'runs=["runs/evaluate/*"]' compare.problems=intersect
    python -m deepcoder.compare runs=[a,b] compare.labels=[sad,sft] compare.baseline=sft
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from deepcoder.errors import ConfigError
from deepcoder.runs import RunFolder, atomic_write, stage

if TYPE_CHECKING:
    from deepcoder.config import Config

log = logging.getLogger(__name__)

FILES = {
    "comparison.json": "all figures of every arm, with intervals, and every problem's result",
    "report.html": "the report: one file, needs no network",
}


@stage("compare", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Compare the evaluations in `runs`; write figures and report."""
    from deepcoder.evaluation.comparison import (
        common_problems,
        compare_arms,
        differing_budgets,
        find_arms,
        read_evaluation,
    )
    from deepcoder.evaluation.summary import Settings
    from deepcoder.evaluation.table import print_arms
    from deepcoder.reporting.compare_page import write_comparison

    chosen = cfg.compare
    runs = [read_evaluation(path) for path in _folders(cfg)]
    arms = find_arms(runs, pool_seeds=chosen.pool_seeds, labels=list(chosen.labels))
    ids = common_problems(arms, chosen.problems)
    settings = Settings(tuple(chosen.k), chosen.bootstrap, chosen.confidence, cfg.seed)
    result = compare_arms(arms, ids, settings, chosen.baseline)
    result["differing"] = differing_budgets(runs)
    for difference in result["differing"]:
        log.warning("The runs differ in %s: they did not measure the same.", difference)
    atomic_write(run.path / "comparison.json", json.dumps(result, indent=1) + "\n")
    print_arms(result)
    print(write_comparison(run.path, result, arms, shown=chosen.shown))
    run.finish(arms=len(arms), problems=len(ids))


def _folders(cfg: Config) -> list[Path]:
    """The run folders, patterns expanded. Raises ConfigError when there is none, or one twice."""
    found: list[Path] = []
    for text in cfg.runs:
        path = Path(text).expanduser()
        if "*" in path.name:
            matches = sorted(p.parent for p in path.parent.glob(f"{path.name}/results.json"))
            if not matches:
                raise ConfigError(f"runs={text} matches no evaluation.", fix="check the folder")
            found += matches
        else:
            found.append(path)
    folders = [path.resolve() for path in found]
    if not folders:
        raise ConfigError("There are no runs to compare.", fix="give runs=[runs/evaluate/…,…]")
    if len(set(folders)) < len(folders):
        raise ConfigError(f"runs={list(cfg.runs)} names a folder twice.", fix="name each once")
    return folders


if __name__ == "__main__":
    main()
