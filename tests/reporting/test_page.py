"""The report as a reader, and a browser, would take it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from deepcoder.errors import MissingError
from deepcoder.reporting.charts import Interval, Line, interval_plot, line_chart, stacked_bar
from deepcoder.reporting.episodes import choose
from deepcoder.reporting.page import render_report, write_report
from deepcoder.types import KINDS


class Page(HTMLParser):
    """Tags with their attributes, texts, and whether every element that opens is closed."""

    VOID = frozenset({"meta", "br", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def ids(self) -> set[str | None]:
        return {attrs["id"] for _, attrs in self.tags if "id" in attrs}

    def classes(self) -> set[str]:
        return {name for _, attrs in self.tags for name in (attrs.get("class") or "").split()}


@pytest.fixture
def page(runs) -> Page:
    return Page(render_report(runs.evaluate, runs.train))


def test_the_page_is_whole(page) -> None:
    assert page.open == []
    assert page.ids() >= {"run", "losses", "solved", "figures", "kinds", "trajectories"}
    tags = [tag for tag, _ in page.tags]
    # Two loss charts, the intervals, the bar of kinds.
    assert tags.count("svg") == 4
    assert {f"k-{str(kind).replace('.', '-')}" for kind in KINDS} <= page.classes()


def test_the_figures_are_those_of_the_results(runs, page) -> None:
    results = json.loads((runs.evaluate / "results.json").read_text())
    after = results["models"]["student"]["all"]["pass@1"]["mean"]
    assert after == pytest.approx(2 / 3)
    for shown in ("67%", "66.7%", "+67 points", "0% before training", "McNemar"):
        assert shown in page.text
    for fact in ("smollm2-135m-instruct", "oracle", "sad", "hard labels", "0123456789ab", "2.13.0"):
        assert fact in page.text


def test_nothing_comes_from_a_network_and_nothing_runs(page) -> None:
    """Hostile text of a model is text: no element, no attribute and no address comes from it."""
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img", "link", "iframe", "object"})
    for tag, attrs in page.tags:
        loading = {"src", "href", "srcset", "data", "action", "xlink:href"} & set(attrs)
        assert not loading, f"<{tag}> loads something"
        assert not [name for name in attrs if name.startswith("on")]
        assert "url(" not in (attrs.get("style") or "")
    assert "<script>alert('x')</script>" in "".join(page.texts)
    assert "evil.example" in page.text


def test_characters_that_html_cannot_carry_are_shown(page, runs) -> None:
    assert "\\u0000\\ud800" in page.text
    path = write_report(runs.evaluate, runs.train)
    assert "\x00" not in path.read_text(encoding="utf-8")


def test_the_style_loads_nothing(runs) -> None:
    style = re.search(r"<style>(.*?)</style>", render_report(runs.evaluate), re.S)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_both_episodes_of_a_problem_stand_side_by_side(page) -> None:
    assert "not readable as an action" in page.text
    assert "no answer: max invalid" in page.text
    assert "solved, 2/2 hidden cases" in page.text
    assert "environment: error" in page.text
    assert "read with repairs (missing think)" in page.text
    assert "as it was sampled" in page.text
    assert ("span", {"class": "k-act-answer", "title": "act.answer"}) in page.tags


def test_an_evaluation_of_the_base_alone_has_no_differences(make) -> None:
    runs = make(models=("base",))
    page = Page(render_report(runs.evaluate))
    assert page.open == []
    assert "losses" not in page.ids()
    assert "difference" not in page.text
    assert "after training" not in page.text
    assert "Signal" not in page.text


def test_a_student_of_a_file_is_not_called_the_oracles(runs) -> None:
    config = (runs.train / "config.yaml").read_text()
    named = config.replace("trajectories: null", "trajectories: /data/gpt4.jsonl")
    assert named != config
    (runs.train / "config.yaml").write_text(named)
    text = Page(render_report(runs.evaluate, runs.train)).text
    assert "trajectories of gpt4.jsonl" in text
    assert "Teacher oracle" not in text


def test_a_missing_file_is_named(runs) -> None:
    (runs.evaluate / "results.json").unlink()
    with pytest.raises(MissingError, match=r"results\.json is missing"):
        render_report(runs.evaluate)


def test_a_torn_last_line_of_the_metrics_is_left_out(runs) -> None:
    with (runs.train / "metrics.jsonl").open("a") as file:
        file.write('{"step": 31, "train/reas')
    assert "losses" in Page(render_report(runs.evaluate, runs.train)).ids()


# ---------------------------------------------------------------------------- choosing, charts


def _results(gained: int, lost: int, both: int, none: int) -> dict:
    solved = [(0, 1)] * gained + [(1, 0)] * lost + [(1, 1)] * both + [(0, 0)] * none
    problems = [
        {"id": str(i), "solved": {"base": base, "student": student}}
        for i, (base, student) in enumerate(solved)
    ]
    return {
        "problems": problems,
        "models": {"base": {}, "student": {}},
        "pairs": [
            {
                "gained": [str(i) for i in range(gained)],
                "lost": [str(i) for i in range(gained, gained + lost)],
            }
        ],
    }


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((9, 9, 9, 9), ["0", "1", "2", "9", "18", "27"]),
        ((0, 0, 0, 2), ["0", "1"]),
        ((1, 0, 0, 9), ["0", "1", "2", "3"]),
    ],
)
def test_losses_and_failures_are_shown_beside_wins(counts, expected) -> None:
    assert choose(_results(*counts)) == expected


def test_line_chart_leaves_out_what_is_not_a_number() -> None:
    svg = line_chart([Line("a <b>", "train", [(1, 2.0), (2, float("nan")), (3, 1.0)])], "nats")
    assert svg.count("<circle") == 2
    assert "a &lt;b&gt;, step 3: 1" in svg
    assert "nan" not in svg
    assert line_chart([Line("empty", "train", [])], "nats") == ""


def test_interval_plot_puts_shares_on_one_scale() -> None:
    svg = interval_plot([("all", [Interval("base", "base", 0.5, 0.25, 0.75)])], width=466)
    # 200 wide from 210: a quarter is 50.
    assert 'x1="260.0" x2="360.0"' in svg
    assert 'cx="310.0"' in svg


def test_stacked_bar_is_as_wide_as_the_shares() -> None:
    svg = stacked_bar([("a", "k-reason", 1), ("b", "k-prompt", 3)], width=400)
    assert 'x="0.00" y="0" width="99.00"' in svg
    assert 'x="100.00" y="0" width="299.00"' in svg
    assert stacked_bar([]) == ""
