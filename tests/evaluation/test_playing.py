"""Stored samples: what is missing, what is stale, what is damaged; errors of the model."""

from __future__ import annotations

import asyncio

import pytest

from deepcoder.agent.agent import Agent
from deepcoder.config import compose
from deepcoder.errors import DataError, DeepcoderError
from deepcoder.evaluation.playing import (
    FENCED_ANSWER,
    fenced_answer,
    missing,
    play,
    read_samples,
    set_stale_aside,
)
from deepcoder.trajectories.collection import Task, plan
from deepcoder.trajectories.store import TrajectoryStore, dump_record
from deepcoder.types import Capability, Completion, Fingerprint, Sampling


class Scripted:
    """Answers everybody alike; fails from the given call on."""

    fingerprint = Fingerprint(kind="student", model="scripted")
    capability = Capability()

    def __init__(self, text: str, fail_at: int | None = None) -> None:
        self.text, self.fail_at, self.calls = text, fail_at, 0

    async def complete(self, messages, sampling) -> Completion:
        self.calls += 1
        if self.fail_at is not None and self.calls >= self.fail_at:
            raise RuntimeError("out of memory")
        return Completion(text=self.text)

    async def aclose(self) -> None:
        return None


class NoSandbox:
    """Nothing is run here: no answer gets as far as judging."""


def evaluate(model, problems, path):
    async def main() -> tuple[Task, ...]:
        pool = NoSandbox()
        agent = Agent(model, compose("evaluate", ["agent.tools=[finish]"]).agent, pool)
        tasks = plan(agent, problems, samples=1, seed=0).tasks
        with TrajectoryStore(path) as store:
            todo = missing(tasks, store)
            await play(agent, pool, todo, store, sampling=Sampling(), seed=0, workers=2)
        return tasks

    return asyncio.run(main())


def test_unreadable_answers_are_stored_and_not_played_again(problem, tmp_path) -> None:
    problems = [problem(name) for name in "abc"]
    model = Scripted("hello")
    tasks = evaluate(model, problems, tmp_path / "s.jsonl")
    rows = read_samples(tmp_path / "s.jsonl", tasks)
    assert [row.problem_id for row in rows] == ["a", "b", "c"]
    assert {str(row.stop) for row in rows} == {"max_invalid"}
    played = model.calls
    evaluate(model, problems, tmp_path / "s.jsonl")
    assert model.calls == played


def test_an_error_of_the_model_is_raised_and_not_counted_as_a_failure(problem, tmp_path) -> None:
    problems = [problem(name) for name in "abcdef"]
    path = tmp_path / "s.jsonl"
    with pytest.raises(DeepcoderError, match="out of memory"):
        evaluate(Scripted("hello", fail_at=6), problems, path)
    kept = read_samples(path)
    assert 0 < len(kept) < 6
    assert all(str(row.stop) == "max_invalid" for row in kept)
    evaluate(Scripted("hello"), problems, path)
    assert len(read_samples(path)) == 6


def test_samples_of_another_model_are_set_aside(trajectory, problem, tmp_path) -> None:
    path = tmp_path / "student.jsonl"
    with TrajectoryStore(path) as store:
        store.append(trajectory("a"))
    same = [Task(id="a#0", problem=problem("a"), sample=0, seed=1)]
    assert not set_stale_aside(path, same)
    other = [Task(id="a#0-new", problem=problem("a"), sample=0, seed=1)]
    assert set_stale_aside(path, other)
    assert not path.exists()
    assert [row.id for row in TrajectoryStore(tmp_path / "student.1.old")] == ["a#0"]
    assert not set_stale_aside(path, other)


def test_duplicate_and_lost_samples_are_one_line(trajectory, problem, tmp_path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(dump_record(trajectory("a")) * 2)
    with pytest.raises(DataError, match="a#0 twice"):
        read_samples(path)
    path.write_bytes(dump_record(trajectory("a")))
    tasks = [Task(id=f"{n}#0", problem=problem(n), sample=0, seed=1) for n in "ab"]
    with pytest.raises(DataError, match=r"lacks 1 episodes, e.g. b#0"):
        read_samples(path, tasks)


def test_the_block_of_a_single_turn_is_the_answer(trajectory) -> None:
    coded = trajectory("a", "error").model_copy(update={"answer": None})
    found = fenced_answer(coded)
    assert (found.answer, str(found.stop), found.tags) == ("x", "finished", (FENCED_ANSWER,))
    for other in (trajectory("a", "answer"), trajectory("a", "invalid")):
        assert fenced_answer(other) is other
