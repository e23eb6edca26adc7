"""What notebooks show: run folders as objects that a notebook draws.

Everything is HTML or SVG of this package; a notebook needs no plotting library and defines nothing.

    run = newest("evaluate")                     # the newest finished run folder under ./runs
    results(run)                                 # its figures as a table
    trajectory(next(iter(TrajectoryStore(run / "student.jsonl"))))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from deepcoder.errors import MissingError
from deepcoder.evaluation.table import table_rows
from deepcoder.rendering import conversation, get_protocol
from deepcoder.reporting.charts import Line, line_chart, stacked_bar
from deepcoder.reporting.episodes import episode
from deepcoder.reporting.kinds import css_class, legend
from deepcoder.reporting.page import model_css
from deepcoder.reporting.runs_read import read_json, read_training
from deepcoder.types import KINDS, SpanKind, Trajectory

__all__ = ["View", "kinds_of", "losses", "newest", "results", "trainings", "trajectory"]


class View:
    """HTML that a notebook draws; elsewhere it is its length."""

    def __init__(self, html: str) -> None:
        self.html = html

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"<{len(self.html)} characters of HTML>"


def newest(stage: str, runs: str | Path = "runs") -> Path:
    """The run folder of a stage that was begun last, among the finished ones.

    Raises MissingError when there is none.
    """
    found = [path.parent for path in Path(runs, stage).glob("*/run.json")]
    done = [path for path in found if read_json(path / "run.json").get("status") == "done"]
    if not done:
        raise MissingError(
            f"{Path(runs, stage)} has no finished run.",
            fix=f"run `python -m deepcoder.{stage}`, or give its folder",
        )
    return max(done, key=lambda path: str(read_json(path / "run.json").get("started_at")))


def trainings(sweep: str | Path) -> dict[str, Path]:
    """The finished trainings in the folder of a sweep (or in runs/train), by their loss and folder.

    Raises MissingError when there is none.
    """
    found = {}
    for file in sorted(Path(sweep).glob("*/metrics.jsonl")):
        loss = read_training(file.parent).config["loss"]["name"]
        found[f"{loss}, {file.parent.name}"] = file.parent
    if not found:
        raise MissingError(f"{sweep} has no training.", fix="give the folder of a sweep")
    return found


def results(run: str | Path) -> View:
    """All figures of an evaluation, with intervals."""
    found = read_json(Path(run) / "results.json")
    head = "".join(f"<th>{escape(model)}</th>" for model in found["models"])
    rows = "".join(
        f"<tr><td>{escape(label)}</td>{''.join(f'<td>{escape(c)}</td>' for c in cells)}</tr>"
        for label, cells in table_rows(found)
    )
    return View(f"<table><tr><th></th>{head}</tr>{rows}</table>")


def trajectory(row: Trajectory) -> View:
    """One episode in the colours of the span kinds."""
    environment = Environment(
        loader=PackageLoader("deepcoder.reporting", "."), autoescape=True, undefined=StrictUndefined
    )
    view = {
        "id": row.id,
        "difficulty": "",
        "origin": "",
        "task": row.task,
        "columns": {row.teacher.model: episode(row)},
    }
    body = environment.get_template("episodes.html.j2").render(
        episodes=[view], names={row.teacher.model: row.teacher.model}
    )
    return _styled(environment, f"{_legend()}{body}")


def kinds_of(rows: Sequence[Trajectory]) -> View:
    """How many characters of each span kind the episodes have, without the system prompt."""
    counts: Counter[SpanKind] = Counter()
    for row in rows:
        for turn in conversation(get_protocol(row.protocol), None, row.task, row.steps):
            for piece in turn.pieces:
                counts[piece.kind] += len(piece.text)
    environment = Environment(loader=PackageLoader("deepcoder.reporting", "."), autoescape=True)
    shares = [(str(kind), css_class(kind), counts[kind]) for kind in KINDS if counts[kind]]
    return _styled(environment, f"{_legend()}{stacked_bar(shares)}")


def losses(runs: Mapping[str, Path], series: str = "val/act_nll") -> View:
    """One measurement of several trainings over the optimizer step, as one chart."""
    environment = Environment(loader=PackageLoader("deepcoder.reporting", "."), autoescape=True)
    css = model_css(["base", *runs])
    lines = [
        Line(name, css[name], read_training(path).series(series)) for name, path in runs.items()
    ]
    keys = "".join(f'<span><i class="{css[name]}"></i>{escape(name)}</span>' for name in runs)
    chart = line_chart([line for line in lines if line.points], f"{series}, nats per token")
    return _styled(environment, f'<div class="keys">{keys}</div>{chart}')


def _legend() -> str:
    entries = "".join(
        f'<span title="{escape(kind["text"])}"><i class="{kind["css"]}"></i>{kind["kind"]}</span>'
        for kind in legend()
    )
    return f'<div class="keys">{entries}</div>'


def _styled(environment: Environment, body: str) -> View:
    """The body in a frame of its own, so that the page's style stays off the notebook's."""
    style = environment.get_template("page.css.j2").render()
    page = f"<!doctype html><style>{style}</style><main>{body}</main>"
    frame: Any = escape(page, quote=True)
    return View(f'<iframe srcdoc="{frame}" style="width:100%;height:480px;border:0"></iframe>')
