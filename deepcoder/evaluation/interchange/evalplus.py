"""Samples in the form that evalplus judges: one JSON object a line, `task_id` and `solution`.

    write_samples(Path("samples.jsonl"), trajectories, problems)
    # evalplus.evaluate --dataset humaneval --samples samples.jsonl

A solution is self-contained: what the problem promises to be defined stands before the answer. An
episode without an answer counts as an empty solution, as it does here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from deepcoder.runs import atomic_write
from deepcoder.types import Problem, Trajectory

__all__ = ["task_id", "write_samples"]

_NUMBER = re.compile(r"(\d+)$")


def task_id(problem: Problem) -> str | None:
    """evalplus's name of a problem; None for one that it does not have."""
    number = _NUMBER.search(problem.id)
    if number is None:
        return None
    for source, name in (("humaneval", "HumanEval"), ("mbpp", "Mbpp")):
        if problem.source.lower().startswith(source):
            return f"{name}/{number[1]}"
    return None


def write_samples(path: Path, rows: Iterable[Trajectory], problems: Sequence[Problem]) -> int:
    """Write the answers to problems that evalplus has; returns how many, and writes no empty file.

    The order is that of the rows, so that the samples of a problem keep theirs.
    """
    known = {problem.id: (task_id(problem), problem.setup_code) for problem in problems}
    lines = []
    for row in rows:
        name, setup = known[row.problem_id]
        if name is None:
            continue
        answer = (row.answer or "").strip("\n")
        solution = f"{setup.rstrip()}\n\n{answer}" if setup.strip() else answer
        lines.append(json.dumps({"task_id": name, "solution": f"{solution}\n" if answer else ""}))
    if lines:
        atomic_write(path, "\n".join(lines) + "\n")
    return len(lines)
