"""The first thought: asked for in plain words, put before the first step, recorded."""

from __future__ import annotations

import asyncio

import pytest
from agent.test_agent import ANSWER, PROBLEM, ScriptedModel, python

from deepcoder.agent.agent import Agent
from deepcoder.agent.first_thought import thought_of
from deepcoder.chat_models.oracle import OracleTeacher
from deepcoder.config import AgentConfig, SandboxConfig
from deepcoder.rendering import conversation, get_protocol
from deepcoder.sandbox import SandboxPool
from deepcoder.types import Completion, Role, Sampling, StopReason, Trajectory

THOUGHT = "Doubling is adding a number to itself."


def play(model, **settings) -> Trajectory:
    async def run() -> Trajectory:
        async with SandboxPool(SandboxConfig(workers=1)) as pool:
            agent = Agent(model, AgentConfig(first_thought=True, **settings), pool)
            return await agent.run(PROBLEM, sampling=Sampling())

    return asyncio.run(run())


def test_the_first_step_begins_with_it_and_later_turns_know_only_the_step() -> None:
    model = ScriptedModel(THOUGHT, python("print(1)"), ANSWER)
    trajectory = play(model)
    assert trajectory.first_thought == THOUGHT
    assert trajectory.prompt_version == "codeact-v1+first_thought-v1"
    assert [step.reason for step in trajectory.steps] == [f"{THOUGHT}\nTry.", "Done."]
    assert trajectory.steps[0].raw == python("print(1)")
    assert trajectory.usage.requests == 3
    assert trajectory.usage.completion_tokens == 30
    asked = [[(m.role, m.content) for m in messages] for messages, _ in model.asked]
    assert "```" not in asked[0][0][1], "no format and no tool in the first question"
    assert [role for role, _ in asked[1]] == [
        Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER,
    ]  # fmt: skip
    assert asked[1][2][1] == THOUGHT
    protocol = get_protocol("codeact")
    shown = conversation(protocol, trajectory.system_prompt, trajectory.task, trajectory.steps[:1])
    assert [text for _, text in asked[2]] == [turn.text for turn in shown]


def test_it_waits_for_a_step_that_can_be_read() -> None:
    model = ScriptedModel(THOUGHT, "no block", python("print(1)"), ANSWER)
    trajectory = play(model)
    assert [step.reason.startswith(THOUGHT) for step in trajectory.steps] == [False, True, False]
    assert model.asked[2][0][2].content == THOUGHT
    assert model.asked[2][0][4].content == "no block"
    never = play(ScriptedModel(THOUGHT, "no block"))
    assert never.first_thought is None


@pytest.mark.parametrize("protocol", ["codeact", "tool_call", "react"])
def test_every_protocol_and_the_oracle_too(protocol: str) -> None:
    problem = PROBLEM.model_copy(update={"reference": "def double(x):\n    return 2 * x\n"})

    async def run() -> Trajectory:
        async with SandboxPool(SandboxConfig(workers=1)) as pool:
            cfg = AgentConfig(protocol=protocol, prompt=f"{protocol}-v1", first_thought=True)
            agent = Agent(OracleTeacher([problem], protocol=protocol), cfg, pool)
            return await agent.run(problem, sampling=Sampling(seed=1))

    trajectory = asyncio.run(run())
    assert trajectory.stop is StopReason.FINISHED
    assert trajectory.first_thought
    assert "```" not in trajectory.first_thought
    assert "tool_call" not in trajectory.first_thought
    assert trajectory.steps[0].reason.startswith(trajectory.first_thought)
    assert trajectory.steps[0].reason.count(trajectory.first_thought) == 1


def test_an_error_while_it_is_asked_for_ends_the_episode() -> None:
    assert play(ScriptedModel(TimeoutError("no route"))).stop is StopReason.MODEL_ERROR
    slow = play(ScriptedModel(THOUGHT, delay=5.0), max_seconds=0.2)
    assert slow.stop is StopReason.MAX_SECONDS


def test_samples_of_the_first_step_all_begin_with_it() -> None:
    model = ScriptedModel(THOUGHT, python("print(1)"), python("print(1)"), ANSWER)
    trajectory = play(model, action_samples=2)
    assert trajectory.steps[0].reason.startswith(THOUGHT)
    assert trajectory.steps[0].vote.agreed == 2
    assert trajectory.usage.requests == 5


@pytest.mark.parametrize(
    ("text", "reasoning", "thought"),
    [
        ("First.\n\nSecond.", None, "First."),
        ("<think>\nprivate\n</think>\nSpoken.", None, "Spoken."),
        ("<think>\nprivate\n</think>\n```python\nx\n```", None, "private"),
        ("```python\nx\n```\nAfter the code.", None, "After the code."),
        ("", "From the field.", "From the field."),
        ("Thought: Look.\nAction: python[x]", None, "Look."),
        ("---\n\nText.", None, "Text."),
        ("<think>\nnever closed", None, "never closed"),
        ("", None, ""),
        ("One. " * 300, None, ("One. " * 120).strip()),
    ],
)
def test_what_counts_as_a_thought(text: str, reasoning: str | None, thought: str) -> None:
    assert thought_of(Completion(text=text, reasoning=reasoning)) == thought
