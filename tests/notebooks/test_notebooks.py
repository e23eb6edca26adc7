"""Every cell of every notebook runs, without keys, network or a kernel, on small run folders."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from reporting.conftest import make_runs, problem, trajectory, write_run, write_samples

from deepcoder.errors import MissingError
from deepcoder.reporting.notebook import View, newest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """`runs/` as the stages leave it, in the working directory."""
    made = make_runs(tmp_path / "runs", seed=1)
    generate = tmp_path / "runs" / "generate" / "g"
    write_run(generate, "generate")
    rows = [trajectory(problem(i), "student", solved=True) for i in range(3)]
    write_samples(generate / "trajectories.jsonl", rows)
    monkeypatch.chdir(tmp_path)
    return made


def cells(path: Path) -> list[str]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["nbformat"] == 4
    return ["".join(c["source"]) for c in content["cells"] if c["cell_type"] == "code"]


def run_cell(source: str, names: dict) -> object:
    """Runs a cell and returns the value of its last line, as a kernel shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["evaluation", "sweep", "trajectories"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_shows_something(path, runs) -> None:
    names: dict = {}
    shown = [run_cell(source, names) for source in cells(path)]
    views = [value for value in shown if isinstance(value, View)]
    assert views
    for view in views:
        html = view._repr_html_()
        assert len(html) > 500
        assert "<script" not in html


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_define_nothing_and_hold_no_output(path) -> None:
    for source in cells(path):
        tree = ast.parse(source)
        kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef, ast.Lambda)
        assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
    content = json.loads(path.read_text(encoding="utf-8"))
    assert not any(cell.get("outputs") for cell in content["cells"])


def test_a_stage_without_a_run_says_what_to_run(tmp_path) -> None:
    with pytest.raises(MissingError, match=r"deepcoder\.evaluate"):
        newest("evaluate", tmp_path)
