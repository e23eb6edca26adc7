"""Questions: both forms of a file, and what is said about the others."""

from __future__ import annotations

import asyncio
import json

import pytest

from deepcoder.config import compose
from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.problems.loaders import load_problems
from deepcoder.problems.questions import questions, write_corpus
from deepcoder.problems.show import task_text

ROWS = [
    {"_id": "x1", "question": "Which is older?", "answer": "Oslo", "level": "hard", "type": "two"},
    {"question": "Is it?", "answer": ["yes", "indeed"], "context": [["secret", ["Oslo"]]]},
]


@pytest.mark.parametrize("lines", [True, False])
def test_both_forms_of_a_file(tmp_path, lines) -> None:
    path = tmp_path / "hotpot.json"
    path.write_text("\n".join(map(json.dumps, ROWS)) if lines else json.dumps(ROWS, indent=1))
    benchmark = compose(
        "evaluate", ["benchmark=hotpotqa", f"benchmark.problems.path={path}"]
    ).benchmark
    first, second = load_problems(benchmark.problems, "heldout")
    assert (first.id, str(first.difficulty), first.topic) == ("hotpotqa/x1", "hard", "two")
    assert [case.expected for case in second.hidden] == ["yes", "indeed"]
    assert task_text(first) == "Question: Which is older?"
    assert "secret" not in task_text(second)


def test_what_cannot_be_used_is_one_line(tmp_path) -> None:
    with pytest.raises(MissingError, match=r"hotpotqa\.github\.io"):
        questions(None, "heldout")
    with pytest.raises(MissingError, match="does not exist"):
        questions(str(tmp_path / "no.json"), "heldout")
    with pytest.raises(ConfigError, match="never a training set"):
        questions(None, "train")
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "?"}')
    with pytest.raises(DataError, match="line 1: a question needs"):
        questions(str(path), "heldout")
    path.write_text('[{"question": ]')
    with pytest.raises(DataError, match="is not JSON"):
        questions(str(path), "heldout")


def test_contexts_become_a_corpus_that_can_be_searched(tmp_path) -> None:
    from deepcoder.agent.corpus import retrieve_tool

    path = tmp_path / "q.jsonl"
    contexts = [["Oslo", ["Oslo is the capital ", "of Norway."]], ["Bergen", ["A rainy city."]]]
    rows = [{"question": "?", "answer": "x", "context": contexts} for _ in range(2)]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert write_corpus(path, tmp_path / "corpus") == 2
    cfg = compose(
        "evaluate",
        ["agent=retrieve", f"retrieval.path={tmp_path}/corpus", f"paths.cache={tmp_path}/cache"],
    )
    found = asyncio.run(retrieve_tool(cfg).trial({"query": "capital of Norway"}))
    assert "Oslo is the capital of Norway." in found.observation.content
    path.write_text('{"question": "?", "answer": "x"}')
    with pytest.raises(DataError, match="has no contexts"):
        write_corpus(path, tmp_path / "none")
