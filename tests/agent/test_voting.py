"""Several samples of a step: what fails is dropped, what agrees wins, and state is not touched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from agent.test_agent import ANSWER, PROBLEM, python

from deepcoder import values
from deepcoder.agent.agent import Agent
from deepcoder.agent.voting import AnswerProbe
from deepcoder.config import AgentConfig, SandboxConfig, compose, validate
from deepcoder.errors import ConfigError, UnavailableError
from deepcoder.sandbox import PythonSession, SandboxPool
from deepcoder.types import (
    Capability,
    Case,
    Completion,
    Fingerprint,
    Message,
    Problem,
    ProblemForm,
    Sampling,
    StopReason,
    Trajectory,
    Usage,
    Vote,
)


class Chorus:
    """Answers turn by turn with one line per sample, in the order of the requests."""

    fingerprint = Fingerprint(kind="test", model="chorus")
    capability = Capability(n=1)

    def __init__(self, *turns: Sequence[str | Exception]) -> None:
        self.turns = [list(turn) for turn in turns]
        self.seeds: list[int | None] = []
        self.limits: list[int] = []

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        self.seeds.append(sampling.seed)
        self.limits.append(sampling.max_tokens)
        turn = self.turns[0]
        line = turn.pop(0)
        if not turn:
            self.turns.pop(0)
        await asyncio.sleep(0)
        if isinstance(line, Exception):
            raise line
        return Completion(text=line, usage=Usage(prompt_tokens=3, completion_tokens=10))

    async def aclose(self) -> None:
        pass


def play(model, problem: Problem = PROBLEM, **settings) -> Trajectory:
    async def run() -> Trajectory:
        async with SandboxPool(SandboxConfig(workers=1, wall_seconds=2)) as pool:
            agent = Agent(model, AgentConfig(**settings), pool)
            return await agent.run(problem, sampling=Sampling(seed=5, max_tokens=400))

    return asyncio.run(run())


def answer(code: str) -> str:
    return f"<think>\nDone.\n</think>\n```answer\n{code}\n```"


DOUBLE = "def double(x):\n    return 2 * x"
SAME = "def double(x):\n    total = x + x\n    return total"
WRONG = "def double(x):\n    return x * x + 1"
BROKEN = "def double(x):\n    return y"


def test_the_majority_of_outputs_wins_and_failing_code_has_no_vote() -> None:
    codes = ["print(1 / 0)", "print(3)", "print(2 + 2)", "print(4)"]
    model = Chorus([*map(python, codes[:3]), "no", python(codes[3])], [ANSWER] * 5)
    step, last = play(model, action_samples=5).steps
    assert step.action.arguments["code"] == "print(2 + 2)"
    assert step.observation.content == "4"
    assert step.vote == Vote(samples=5, readable=4, held=3, agreed=2, chosen=2)
    assert last.vote == Vote(samples=5, readable=5, held=5, agreed=5, chosen=0)


def test_ties_go_to_the_first() -> None:
    model = Chorus([python("print('b')"), python("print('a')")], [ANSWER] * 2)
    step = play(model, action_samples=2).steps[0]
    assert (step.observation.content, step.vote.agreed, step.vote.chosen) == ("b", 1, 0)


def test_only_the_chosen_code_changes_the_state() -> None:
    model = Chorus(
        [python("x = 1\nprint('go')"), python("x = 2\ny = 2\nprint('go')"), python("x = 3")],
        [python("print(x, 'y' in globals())")] * 3,
        [ANSWER] * 3,
    )
    steps = play(model, action_samples=3).steps
    assert steps[1].observation.content == "1 False"


def test_when_all_fail_the_first_readable_one_goes_on_with_its_error() -> None:
    model = Chorus(
        ["no", python("x = 7\n1 / 0"), python("y")], [python("print(x)")] * 3, [ANSWER] * 3
    )
    steps = play(model, action_samples=3).steps
    assert "ZeroDivisionError" in steps[0].observation.content
    assert steps[0].vote == Vote(samples=3, readable=2, held=0, agreed=0, chosen=1)
    assert steps[1].observation.content == "7", "what it did before it failed stands"
    lost = play(Chorus(["no", "no"], [ANSWER] * 2), action_samples=2).steps[0]
    assert lost.action is None
    assert lost.vote == Vote(samples=2, readable=0, held=0, agreed=0, chosen=0)


def test_answers_vote_by_what_they_return_on_the_shown_inputs() -> None:
    model = Chorus([answer(WRONG), answer(BROKEN), answer(DOUBLE), answer(SAME)])
    trajectory = play(model, action_samples=4)
    assert trajectory.answer == DOUBLE
    assert trajectory.steps[0].vote == Vote(samples=4, readable=4, held=3, agreed=2, chosen=2)


def test_usage_counts_every_sample_and_the_budget_is_one_of_each() -> None:
    model = Chorus([python("print(1)")] * 4, [ANSWER] * 4)
    trajectory = play(model, action_samples=4, max_tokens=100)
    assert trajectory.usage.requests == 8
    assert trajectory.usage.completion_tokens == 80
    assert model.limits == [100] * 4 + [90] * 4
    assert model.seeds[0] == 5
    assert len(set(model.seeds[:4])) == 4
    one = Chorus([python("print(1)")] * 2, [python("print(1)")] * 2)
    assert play(one, action_samples=2, max_tokens=20).stop is StopReason.MAX_TOKENS


def test_the_episode_goes_on_while_one_sample_was_answered() -> None:
    model = Chorus([ValueError("refused"), ANSWER])
    assert play(model, action_samples=2).stop is StopReason.FINISHED
    model = Chorus([ValueError("refused"), ValueError("refused")])
    assert play(model, action_samples=2).stop is StopReason.MODEL_ERROR
    with pytest.raises(UnavailableError):
        play(Chorus([ANSWER, UnavailableError("down")]), action_samples=2)


def test_seconds_are_limited_while_samples_are_tried() -> None:
    model = Chorus([python("while True: pass"), python("while 1: pass")])
    trajectory = play(model, action_samples=2, max_seconds=0.7)
    assert trajectory.stop is StopReason.MAX_SECONDS
    assert trajectory.steps[0].action is not None


def test_turns_stay_within_the_graphs_own_limit() -> None:
    model = Chorus(*[[python("print(1)")] * 2] * 40)
    assert play(model, action_samples=2, max_turns=40).stop is StopReason.MAX_TURNS


def test_without_samples_nothing_is_recorded() -> None:
    trajectory = play(Chorus([python("print(1)")], [ANSWER]))
    assert all(step.vote is None for step in trajectory.steps)


def test_a_fenced_answer_is_unwrapped_and_marked() -> None:
    fenced = f"<think>\nDone.\n</think>\n\n```python\n{DOUBLE}\n```"
    settings = {"protocol": "tool_call", "prompt": "tool_call-v1"}
    trajectory = play(Chorus([fenced]), **settings)
    assert trajectory.answer == DOUBLE
    assert trajectory.steps[0].salvaged == ("fenced_answer",)
    two = f"{fenced}\n```python\nprint(1)\n```"
    assert "```" in play(Chorus([two]), **settings).answer


# ------------------------------------------------------------------------- its parts


def probe(problem: Problem, *answers: str) -> list[str | None]:
    async def run() -> list[str | None]:
        async with SandboxPool(SandboxConfig(workers=1)) as pool:
            ask = AnswerProbe(pool, problem)
            return [await ask(code) for code in answers]

    return asyncio.run(run())


def test_programs_are_compared_by_their_output() -> None:
    problem = Problem(
        id="p", prompt="Double.", form=ProblemForm.STDIN, visible=(Case(stdin="2\n", stdout="4"),),
        hidden=(Case(stdin="3\n", stdout="6"),),
    )  # fmt: skip
    first, same, other, failing = probe(
        problem,
        "print(2 * int(input()))",
        "x = int(input())\nprint(x + x)",
        "print(input())",
        "1/0",
    )
    assert first == same is not None
    assert other not in (first, None)
    assert failing is None


def test_without_shown_inputs_answers_are_compared_by_their_syntax() -> None:
    problem = PROBLEM.model_copy(update={"visible": ()})
    first, same, other, broken = probe(problem, "x = (1)", "x=1  # one", "x = 2", "x = (")
    assert first == same is not None
    assert other not in (first, None)
    assert broken is None


def test_expected_values_are_not_looked_at() -> None:
    lied = PROBLEM.model_copy(update={"visible": (Case(args=(2,), expected=values.encode(99)),)})
    assert probe(lied, DOUBLE) == probe(PROBLEM, DOUBLE)


def test_a_peeked_cell_is_forgotten_until_it_is_kept() -> None:
    async def run() -> None:
        async with SandboxPool(SandboxConfig(workers=1)) as pool:
            session = PythonSession(pool)
            await session.run("x = 1")
            first = await session.peek("x += 1\nx")
            assert first.text.strip() == "2"
            assert (await session.peek("x")).text.strip() == "1"
            session.keep(first)
            assert (await session.run("x")).text.strip() == "2"
            with pytest.raises(ValueError, match="changed since"):
                session.keep(first)

    asyncio.run(run())


def test_samples_that_would_all_be_the_same_are_refused() -> None:
    def check(stage: str, *overrides: str) -> None:
        validate(compose(stage, ["agent.action_samples=4", *overrides]))

    check("generate")  # the oracle varies by seed
    with pytest.raises(ConfigError, match=r"teacher\.temperature=0"):
        check("generate", "teacher=local", "teacher.model=x")
    check("generate", "teacher=local", "teacher.model=x", "teacher.temperature=0.7")
    with pytest.raises(ConfigError, match=r"benchmark\.temperature=0"):
        check("evaluate")
    check("evaluate", "benchmark.temperature=0.7")
    with pytest.raises(ConfigError, match="must be positive"):
        validate(compose("generate", ["agent.action_samples=0"]))
