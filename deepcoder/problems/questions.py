"""Questions with short answers, in HotpotQA's format: evaluation only, nothing is shipped.

A file is one JSON array or JSON Lines; a record needs `question` and `answer` (a text, or a list of
accepted ones), and may have `_id` or `id`, `level` (easy, medium, hard) and `type`, which becomes
the topic. `context` and `supporting_facts` are not shown: finding them is the agent's task. The
paragraphs of all contexts make the collection that the tool `retrieve` searches:

    python -m deepcoder.problems.questions hotpot_dev_distractor_v1.json corpus/
    python -m deepcoder.evaluate benchmark=hotpotqa retrieval.path=corpus \\
        benchmark.problems.path=hotpot_dev_distractor_v1.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.problems.jsonl import read_records
from deepcoder.types import Case, Difficulty, Problem, ProblemForm

if TYPE_CHECKING:
    from deepcoder.problems.families import Split

__all__ = ["questions", "write_corpus"]

_LEVELS = frozenset(Difficulty)
_SECTIONS = 500
"""Paragraphs in one file of a corpus."""


def questions(path: str | None, split: Split) -> tuple[Problem, ...]:
    """All questions of a file, as the held-out split.

    Raises:
        ConfigError: for the train split.
        MissingError: there is no file.
        DataError: a record without question or answer.
    """
    if split == "train":
        raise ConfigError(
            "Questions of hotpotqa are a benchmark and never a training set.",
            fix="train on problems=builtin, or on your trajectories: data.trajectories=FILE",
        )
    if not path:
        raise MissingError(
            "hotpotqa needs its file of questions.",
            fix="download hotpot_dev_distractor_v1.json from https://hotpotqa.github.io and set "
            "benchmark.problems.path to it",
        )
    return tuple(_question(row, where, number) for number, where, row in _rows(Path(path)))


def write_corpus(path: Path, folder: Path) -> int:
    """Write the paragraphs of all contexts, each once, as Markdown files; returns how many.

    A paragraph is a section under its title; hundreds share a file. Raises DataError when the file
    has no contexts.
    """
    paragraphs: dict[str, str] = {}
    for _, where, row in _rows(path):
        try:
            for title, sentences in row.get("context", ()):
                paragraphs[str(title)] = "".join(sentences).strip()
        except (TypeError, ValueError):
            raise DataError(
                f"{where}: `context` is no list of title and sentences.",
                fix="use the file as published",
            ) from None
    if not paragraphs:
        raise DataError(f"{path} has no contexts.", fix="use the file with distractors")
    folder.mkdir(parents=True, exist_ok=True)
    sections = [f"# {title}\n\n{text}\n" for title, text in sorted(paragraphs.items())]
    for start in range(0, len(sections), _SECTIONS):
        file = folder / f"{start // _SECTIONS:04d}.md"
        file.write_text("\n".join(sections[start : start + _SECTIONS]), encoding="utf-8")
    return len(sections)


def _rows(path: Path) -> list[tuple[int, str, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            array = file.read(200).lstrip().startswith("[")
    except (OSError, UnicodeDecodeError):
        array = False  # a missing or a gzipped file: the other reader knows both
    if not array:
        return [(line, f"{path}, line {line}", row) for line, row in read_records(path)]
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}.", fix="use the file as published") from None
    return [(number, f"{path}, record {number}", row) for number, row in enumerate(rows, start=1)]


def _question(row: dict[str, Any], where: str, number: int) -> Problem:
    question, answers = row.get("question"), row.get("answer")
    accepted = answers if isinstance(answers, list) else [answers]
    if not isinstance(question, str) or not all(isinstance(a, str) and a for a in accepted):
        raise DataError(
            f"{where}: a question needs `question` and `answer` as texts.",
            fix="use the file as published, or write one such object a line",
        )
    level = str(row.get("level", "medium"))
    return Problem(
        id=f"hotpotqa/{row.get('_id') or row.get('id') or number}",
        prompt=f"Question: {question.strip()}",
        form=ProblemForm.ANSWER,
        hidden=tuple(Case(expected=answer) for answer in accepted),
        topic=str(row.get("type") or "questions"),
        difficulty=Difficulty(level) if level in _LEVELS else Difficulty.MEDIUM,
        source="hotpotqa",
        licence="CC-BY-SA-4.0",
    )


if __name__ == "__main__":
    import sys

    if len(sys.argv) != 3:
        sys.exit("usage: python -m deepcoder.problems.questions FILE FOLDER")
    print(write_corpus(Path(sys.argv[1]), Path(sys.argv[2])), "paragraphs in", sys.argv[2])
