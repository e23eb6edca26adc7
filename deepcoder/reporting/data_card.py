"""The card of a data set of trajectories: `README.md` with the metadata that the hub reads.

    facts = Facts()
    for trajectory in trajectories:
        facts.add(trajectory)
    text = data_card(facts, "my trajectories")

It says what was counted, and nothing that was not: licences are those of the problems and the
teacher, and the person who publishes the data has to know them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from deepcoder.types import Trajectory

__all__ = ["Facts", "data_card"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))


@dataclass
class Facts:
    """Counts over trajectories, added one by one."""

    trajectories: int = 0
    steps: int = 0
    solved: int = 0
    judged: int = 0
    problems: set[str] = field(default_factory=set)
    teachers: Counter[str] = field(default_factory=Counter)
    protocols: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)

    def add(self, trajectory: Trajectory) -> None:
        self.trajectories += 1
        self.steps += len(trajectory.steps)
        self.judged += trajectory.outcome is not None
        self.solved += trajectory.outcome is not None and trajectory.outcome.solved
        self.problems.add(trajectory.problem_id)
        self.teachers[f"{trajectory.teacher.kind}: {trajectory.teacher.model}"] += 1
        self.protocols[trajectory.protocol] += 1
        self.sources[trajectory.provenance.source] += 1
        self.tags.update(trajectory.tags)


def data_card(facts: Facts, name: str) -> str:
    """The text of `README.md`."""
    size = next((word for limit, word in _SIZES if facts.trajectories < limit), "n>1M")
    rows = "\n".join(
        f"| {label} | {value} |"
        for label, value in (
            ("trajectories", facts.trajectories),
            ("problems", len(facts.problems)),
            ("steps", facts.steps),
            ("solved, of those that were judged", f"{facts.solved} of {facts.judged}"),
            ("teachers", _counted(facts.teachers)),
            ("protocols", _counted(facts.protocols)),
            ("sources", _counted(facts.sources)),
            ("tags", _counted(facts.tags) or "none"),
        )
    )
    title = _line(name)
    return f"""---
pretty_name: {_quoted(title)}
task_categories:
- text-generation
tags:
- agents
- code
- distillation
- tool-use
size_categories:
- {size}
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
---

# {title}

Trajectories of a coding agent, written by `python -m deepcoder.convert convert.to=huggingface`.

| | |
|---|---|
{rows}

## Columns

| column | what it is |
|---|---|
| `id`, `problem_id` | names of the trajectory and of its problem; split by the latter |
| `source`, `teacher`, `protocol` | where it comes from, who wrote it, how a step was written |
| `messages` | the conversation: `role`, `content`, `reasoning_content`, `tool_calls` |
| `answer` | the final answer, if there is one |
| `solved` | verdict of execution on hidden cases; null: never judged |
| `tags` | e.g. `recovered`: it went wrong and was repaired |
| `record` | the whole record as JSON, which deepcoder reads back without loss |

```python
import datasets

rows = datasets.load_dataset("path/to/this/folder", split="train")
```

## Before you publish it

The licence is not stated here: it follows from the problems, and from the terms of the teacher
under which its outputs may be used to train models. Split train and test by `problem_id`. Text of
models and tools is as it was sampled: it may be wrong, and it may hold what a tool printed.
"""


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{_line(name)} ({count})" for name, count in counter.most_common())


def _line(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
