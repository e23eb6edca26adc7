"""Samples for evalplus, and adapters for two harnesses, where these are installed."""

from __future__ import annotations

import json

import pytest

from deepcoder.evaluation.interchange.evalplus import task_id, write_samples
from deepcoder.types import Case, Problem

SMALL = "student=tiny;benchmark.max_tokens=8"


def problem_of(source: str, name: str, setup: str = "") -> Problem:
    return Problem(
        id=name,
        prompt="?",
        entry_point="f",
        hidden=(Case(expected=1),),
        source=source,
        setup_code=setup,
    )


def test_samples_are_self_contained_and_named_as_evalplus_names_them(tmp_path, trajectory) -> None:
    problems = [
        problem_of("humaneval", "HumanEval/3", "from typing import List\n\n\n"),
        problem_of("mbpp", "mbpp/11"),
        problem_of("builtin", "builtin/x/1"),
    ]
    assert [task_id(p) for p in problems] == ["HumanEval/3", "Mbpp/11", None]
    rows = [
        trajectory("HumanEval/3").model_copy(update={"answer": "def f(): pass\n"}),
        trajectory("mbpp/11", "invalid"),
        trajectory("builtin/x/1"),
    ]
    path = tmp_path / "samples.jsonl"
    assert write_samples(path, rows, problems) == 2
    first, second = map(json.loads, path.read_text().splitlines())
    assert first == {
        "task_id": "HumanEval/3",
        "solution": "from typing import List\n\ndef f(): pass\n",
    }
    assert second == {"task_id": "Mbpp/11", "solution": ""}
    assert write_samples(tmp_path / "none.jsonl", rows[2:], problems) == 0
    assert not (tmp_path / "none.jsonl").exists()


def test_evalplus_reads_them(tmp_path, trajectory) -> None:
    data = pytest.importorskip("evalplus.data")
    path = tmp_path / "samples.jsonl"
    row = trajectory("HumanEval/3").model_copy(update={"answer": "def f(): pass"})
    write_samples(path, [row], [problem_of("humaneval", "HumanEval/3")])
    (sample,) = data.load_solutions(str(path))
    assert (sample["task_id"], sample["solution"]) == ("HumanEval/3", "def f(): pass\n")


def test_inspect_finds_the_provider_and_plays_the_agent(tmp_path, monkeypatch) -> None:
    inspect = pytest.importorskip("inspect_ai")
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import includes
    from inspect_ai.solver import generate

    from deepcoder.evaluation.interchange.inspect_ai import deepcoder_agent

    monkeypatch.setenv("DEEPCODER_CACHE", str(tmp_path))
    for solver in (generate(), deepcoder_agent()):
        task = inspect.Task([Sample("Say a", target="a")], solver=solver, scorer=includes())
        (log,) = inspect.eval(
            task,
            model="deepcoder/base",
            model_args={"overrides": SMALL},
            log_dir=str(tmp_path / "logs"),
            display="none",
        )
        assert log.status == "success", log.error
    (sample,) = log.samples
    assert sample.metadata["deepcoder"]["steps"]


def test_lm_eval_scores_the_students_own_likelihood(tmp_path, monkeypatch) -> None:
    instance = pytest.importorskip("lm_eval.api.instance")
    import torch
    from lm_eval.api.registry import get_model

    import deepcoder.evaluation.interchange.lm_eval  # noqa: F401, registers the model

    monkeypatch.setenv("DEEPCODER_CACHE", str(tmp_path))
    model = get_model("deepcoder")(name="base", overrides="student=tiny", batch_size=1)
    request = instance.Instance("loglikelihood", {}, ("def f", "(x):"), 0)
    ((found, _),) = model.loglikelihood([request])
    ids = model.tokenizer("def f", add_special_tokens=False)["input_ids"]
    rest = model.tokenizer("(x):", add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = model.model(torch.tensor([ids + rest])).logits[0].float().log_softmax(-1)
    wanted = sum(float(logits[len(ids) + i - 1, token]) for i, token in enumerate(rest))
    assert found == pytest.approx(wanted, rel=1e-3)
