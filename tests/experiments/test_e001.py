"""The study composes, its tables follow from its files, and the smallest one runs to its end."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # `experiments` is run from the root and not installed

from deepcoder.config import SignalKind, compose, resolve_signal, validate  # noqa: E402
from deepcoder.problems.families import FAMILIES  # noqa: E402
from deepcoder.runs import stage_key  # noqa: E402
from experiments.e001_sad_vs_token_kd import fireact, run, tables  # noqa: E402
from experiments.e001_sad_vs_token_kd.arms import ARMS, BASELINE  # noqa: E402
from experiments.e001_sad_vs_token_kd.scales import SCALES  # noqa: E402
from experiments.e001_sad_vs_token_kd.summaries import COLUMNS, read_summaries  # noqa: E402


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("e001")
    return run.Study(SCALES["smoke"], folder / "runs", folder / "results")


@pytest.fixture(scope="module")
def composed(study):
    return {name: compose("train", study.arm(arm, 3)) for name, arm in ARMS.items()}


def test_every_arm_composes_and_none_is_another(composed):
    keys = set()
    for name, cfg in composed.items():
        validate(cfg)
        assert cfg.seed == 3
        assert cfg.loss.name == name
        keys.add(stage_key(cfg, "train"))
    assert len(keys) == len(ARMS)


def test_arms_differ_in_their_overrides_only(composed):
    """Same steps, tokens, learning rate and adapter, or the comparison is of something else."""
    budgets = {
        (c.trainer.max_steps, c.data.batch_tokens, c.optim.optimizer.lr, c.student.lora.r)
        for c in composed.values()
    }
    assert len(budgets) == 1


@pytest.mark.parametrize(
    ("arm", "signal"),
    [("sft", SignalKind.hard), ("sad", SignalKind.online), ("sad_top32", SignalKind.cached)],
)
def test_what_an_arm_is_pulled_towards(composed, arm, signal):
    assert resolve_signal(composed[arm]) is signal


@pytest.mark.parametrize("scale", SCALES.values(), ids=lambda scale: scale.name)
def test_no_family_is_trained_on_and_called_unseen(scale):
    assert not set(scale.families) & set(scale.unseen)
    assert {*scale.families, *scale.unseen} <= set(FAMILIES)
    if scale.name in ("cpu", "gpu"):
        assert len(scale.seeds) >= 5


# -------------------------------------------------------------------------------------- tables


def summary(arm: str, seed: int, solved: list[int], **more) -> dict:
    """A summary in which problem i of the first smoke family is solved or not."""
    family = SCALES["smoke"].families[0]
    problems = {
        f"{family}/{number}": [value, 2, 2, 1, 10, 50, 0.5] for number, value in enumerate(solved)
    }
    problems[f"{SCALES['smoke'].unseen[0]}/0"] = [0, 3, 1, 0, 10, 50, 0.5]
    assert len(COLUMNS) == 7
    facts = {"commit": "abcdef0123", "machine": "a machine", "steps": 2, "tokens": 4096}
    return {"arm": arm, "seed": seed, "columns": COLUMNS, "problems": problems} | facts | more


def write(folder: Path, *summaries: dict) -> tables.Table:
    folder.mkdir(exist_ok=True)
    for made in summaries:
        (folder / f"{made['arm']}-{made['seed']}.json").write_text(json.dumps(made))
    return tables.Table(SCALES["smoke"], read_summaries(folder))


def test_figures_of_known_answers(tmp_path):
    table = write(
        tmp_path / "results",
        summary("sad", 0, [1, 1, 1, 0]),
        summary("sad", 1, [1, 1, 0, 0]),
        summary(BASELINE, 0, [1, 0, 0, 0]),
        summary("teacher", 0, [1, 1, 1, 1]),
    )
    assert table.success("sad").mean == pytest.approx(5 / 8)
    assert table.success("sad", seen=False).mean == 0  # the unseen problem is not mixed in
    assert table.against("sad", BASELINE).mean == pytest.approx(5 / 8 - 1 / 4)
    ratio = table.of_teacher("sad")
    assert ratio is not None
    assert ratio.mean == pytest.approx(5 / 8)
    valid = table.per("sad", "valid", "turns")
    assert valid is not None
    assert valid.mean == 1


def test_a_lost_arm_is_an_empty_row_and_not_left_out(tmp_path):
    table = write(tmp_path / "results", summary("sad", 0, [1, 0]))
    lines = tables.success_table(table).splitlines()
    assert len(lines) == 2 + 2 + len(ARMS)
    assert "| `reason_only` | 0 |  |  |  |  |" in lines


def test_problems_are_paired_by_name_and_not_by_order(tmp_path):
    made = summary("sad", 0, [1, 0, 1])
    turned = made | {"seed": 1, "problems": dict(reversed(made["problems"].items()))}
    table = write(tmp_path / "results", made, turned)
    one, other = table.values("sad", "solved")
    assert one == other


def test_markers_are_replaced_and_required():
    text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n"
    assert tables.replace_part(text, "x", "new") == "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n"
    with pytest.raises(ValueError, match="no markers"):
        tables.replace_part(text, "y", "new")


@pytest.mark.parametrize("scale", ["cpu", "gpu", "pilot"])
def test_readmes_say_what_the_results_say(scale):
    """Fails when somebody edits a table by hand, or forgets to write it after a run."""
    arguments = [scale, "--check"] + (["--readme"] if scale == "cpu" else [])
    assert tables.main(arguments) == 0


def test_the_second_table_says_what_its_results_say():
    assert fireact.main(["--check"]) == 0


def test_arms_on_real_trajectories_compose(tmp_path):
    for arm in fireact.ARMS:
        cfg = compose("train", fireact.overrides(arm, 1, tmp_path / "x.jsonl", tmp_path))
        validate(cfg)
        assert resolve_signal(cfg) is SignalKind.hard


# ------------------------------------------------------------------------------------- the whole


@pytest.mark.slow
def test_the_smallest_study_runs_and_a_second_start_does_nothing(study, monkeypatch):
    arms = ("sft", BASELINE, "sad_sampled")
    study.prepare()
    for name in arms:
        study.play(ARMS[name], 0)
    table = tables.Table(study.scale, read_summaries(study.results))
    assert set(table.runs) == {*arms, "start", "teacher"}
    for name in arms:
        made = table.runs[name][0]
        assert made["steps"] == study.scale.steps
        assert made["after"]["val/nll"] < made["before"]["val/nll"] + 1
    assert tables.success_table(table).count("| 1 |") == 5
    monkeypatch.setattr(run, "run_stage", lambda *a: pytest.fail("played again"))
    for name in arms:
        study.play(ARMS[name], 0)


def test_a_study_that_is_not_done_says_so(study, monkeypatch, capsys):
    lonely = replace(study.scale, name="smoke")
    monkeypatch.setitem(SCALES, "smoke", lonely)
    monkeypatch.setattr(run.Study, "prepare", lambda self: None)
    monkeypatch.setattr(run, "_spawn", lambda *a: None)
    assert run.main(["smoke", "--only", "sad"]) == 1
    assert "1 runs are not done: sad-0" in capsys.readouterr().out
