"""A comparison from run folders to the page: arms, seeds, problems, and what is refused."""

from __future__ import annotations

import json

import pytest
from omegaconf import OmegaConf

from deepcoder.compare import main
from deepcoder.config import compose
from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.reporting.charts import Dot, scatter_plot
from deepcoder.reporting.compare_page import choose_problems

from .conftest import make_runs, trajectory, write_samples
from .test_page import Page


def compare(tmp_path, runs, *overrides):
    places = ",".join(str(r.evaluate) for r in runs)
    settings = [f"runs=[{places}]", f"paths.runs={tmp_path}/runs", "compare.bootstrap=50"]
    cfg = compose("compare", [*settings, *overrides])
    run = main.open(cfg)
    main.run(cfg, run)
    return json.loads((run.path / "comparison.json").read_text())


def test_arms_are_told_apart_by_their_training_and_seeds_are_pooled(compared) -> None:
    arms = {arm["label"]: arm for arm in compared.result["arms"]}
    assert list(arms) == ["base smollm2-135m-instruct", "sad", "sft"]
    assert [arm["seeds"] for arm in arms.values()] == [1, 2, 1]
    assert [arm["figures"]["pass@1"]["mean"] for arm in arms.values()] == pytest.approx(
        [0, 2 / 3, 1 / 3]
    )
    assert compared.result["baseline"] == "base smollm2-135m-instruct"
    sad, sft = compared.result["pairs"]
    assert sad["pass@1"]["mean"] == pytest.approx(2 / 3)
    assert "mcnemar_p" not in sad  # two seeds are no single pairs
    assert sft["mcnemar_p"] == pytest.approx(2 / 2**4)
    shares = [problem["solved"]["sad"] for problem in compared.result["problems"]]
    assert sorted(set(shares)) == [0.5, 1.0]


def test_the_page_shows_all_of_it_and_runs_nothing(compared) -> None:
    page = Page(compared.report.read_text())
    assert page.open == []
    assert page.ids() >= {"arms", "solved", "cost", "losses", "problems", "trajectories"}
    tags = [tag for tag, _ in page.tags]
    assert tags.count("svg") == 6
    assert {"script", "img", "link", "iframe"}.isdisjoint(tags)
    for shown in ("3 arms on 12 problems", "66.7%", "minus base", "k-act-answer"):
        assert shown in page.text or shown in page.classes()
    assert "<script>alert('x')</script>" in "".join(page.texts)


def test_seeds_stay_apart_when_asked(tmp_path, compared) -> None:
    result = compare(tmp_path, compared.runs, "compare.pool_seeds=false", "compare.baseline=sft")
    assert [arm["seeds"] for arm in result["arms"]] == [1, 1, 1, 1]
    assert result["baseline"] == "sft"


def test_labels_decide_when_given(tmp_path, compared) -> None:
    result = compare(tmp_path, compared.runs, "compare.labels=[x,y,x]")
    assert [(a["label"], a["seeds"]) for a in result["arms"]][1:] == [("x", 2), ("y", 1)]


def test_other_problems_are_refused_or_intersected(tmp_path) -> None:
    runs = [make_runs(tmp_path / "a", 12), make_runs(tmp_path / "b", 8, loss="sft")]
    with pytest.raises(DataError, match=r"different problems: 4 are not in all.*intersect"):
        compare(tmp_path, runs)
    result = compare(tmp_path, runs, "compare.problems=intersect")
    assert len(result["problems"]) == 8
    assert {arm["figures"]["problems"] for arm in result["arms"]} == {8}


def test_a_budget_that_differs_is_said(tmp_path, caplog) -> None:
    runs = [make_runs(tmp_path / "a"), make_runs(tmp_path / "b", loss="sft")]
    file = runs[1].evaluate / "config.yaml"
    config = OmegaConf.load(file)
    config.benchmark.max_turns = 9
    file.write_text(OmegaConf.to_yaml(config))
    result = compare(tmp_path, runs)
    assert result["differing"] == ["benchmark.max_turns: 4, 9"]
    assert "did not measure the same" in caplog.text


def test_bad_input_is_one_line(tmp_path, compared) -> None:
    first = compared.runs[0]
    with pytest.raises(ConfigError, match="no runs to compare"):
        compare(tmp_path, [])
    with pytest.raises(ConfigError, match="twice"):
        compare(tmp_path, [first, first])
    with pytest.raises(ConfigError, match=r"baseline=nobody is no arm"):
        compare(tmp_path, compared.runs, "compare.baseline=nobody")
    with pytest.raises(ConfigError, match=r"labels has 1 names for 3 runs"):
        compare(tmp_path, compared.runs, "compare.labels=[x]")
    rows = first.evaluate / "student.jsonl"
    whole = rows.read_bytes()
    rows.write_bytes(whole + whole.splitlines(keepends=True)[0])
    with pytest.raises(DataError, match="twice"):
        compare(tmp_path, compared.runs)
    rows.unlink()
    write_samples(rows, [trajectory(p, "student", solved=True) for p in first.problems[1:]])
    with pytest.raises(DataError, match="equally often"):
        compare(tmp_path, compared.runs)
    results = json.loads((first.evaluate / "results.json").read_text())
    for change, words in (({"problems": []}, "no problem"), ({"schema_version": 1}, "version 1")):
        (first.evaluate / "results.json").write_text(json.dumps(results | change))
        with pytest.raises(DataError, match=words):
            compare(tmp_path, compared.runs)
    (first.evaluate / "results.json").unlink()
    with pytest.raises(MissingError, match=r"results\.json is missing"):
        compare(tmp_path, compared.runs)


def test_a_pattern_stands_for_many_folders(tmp_path) -> None:
    make_runs(tmp_path / "a")
    for overrides in (["runs=['a/evaluate/*']"],):
        cfg = compose("compare", [*overrides, f"paths.runs={tmp_path}/runs"])
        cfg.runs = [str(tmp_path / "a" / "evaluate" / "*")]
        run = main.open(cfg)
        main.run(cfg, run)
        assert (run.path / "report.html").exists()
    cfg.runs = [str(tmp_path / "nowhere" / "*")]
    with pytest.raises(ConfigError, match="matches no evaluation"):
        main.run(cfg, run)


def test_wins_and_losses_are_shown_in_turn() -> None:
    def row(name, base, arm):
        return {"id": name, "solved": {"base": base, "arm": arm}}

    problems = [row("same", 1, 1), *(row(f"w{i}", 0, 1) for i in range(5)), row("l0", 1, 0)]
    chosen = choose_problems({"baseline": "base", "problems": problems}, 4)
    assert chosen == ["w0", "l0", "w1", "w2"]


def test_scatter_plot_places_dots() -> None:
    svg = scatter_plot([Dot("a <b>", "arm0", 100.0, 0.5)], "tokens", "pass@1", width=606)
    # 400 wide from 46, the axis ends at 100: at its end; half of the heights's 242 at the top.
    assert 'cx="446.0"' in svg
    assert "a &lt;b&gt;: 50.0% at 100 tokens" in svg
    assert scatter_plot([], "tokens", "pass@1") == ""
