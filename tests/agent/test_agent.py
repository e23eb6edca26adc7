"""Episodes with a scripted model through the real graph and the real sandbox."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

import pytest
from jinja2 import UndefinedError

from deepcoder import values
from deepcoder.agent import prompting
from deepcoder.agent.agent import Agent
from deepcoder.agent.prompting import PROMPTS, render_prompt
from deepcoder.agent.tools import check_tools, cut
from deepcoder.chat_models import ChatModel
from deepcoder.config import AgentConfig, SandboxConfig
from deepcoder.errors import ConfigError
from deepcoder.rendering import get_protocol
from deepcoder.sandbox import SandboxPool
from deepcoder.types import (
    Capability,
    Case,
    Completion,
    Fingerprint,
    Message,
    Observation,
    ObservationStatus,
    Problem,
    Role,
    Sampling,
    StopReason,
    Trajectory,
    Usage,
)

PROBLEM = Problem(
    id="t/double",
    prompt="Double `x`.",
    entry_point="double",
    visible=(Case(args=(2,), expected=4),),
    hidden=(Case(args=(5,), expected=values.encode(10)),),
)
ANSWER = "<think>\nDone.\n</think>\n```answer\ndef double(x):\n    return 2 * x\n```"


def python(code: str) -> str:
    return f"<think>\nTry.\n</think>\n```python\n{code}\n```"


class ScriptedModel:
    """Says its lines in order, remembers what it was asked; an exception among them is raised."""

    fingerprint = Fingerprint(kind="test", model="scripted")
    capability = Capability()

    def __init__(self, *lines: str | Exception, tokens: int = 10, delay: float = 0.0) -> None:
        self.lines, self.tokens, self.delay = list(lines), tokens, delay
        self.asked: list[tuple[list[Message], Sampling]] = []

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        self.asked.append((list(messages), sampling))
        await asyncio.sleep(self.delay)
        line = self.lines[min(len(self.asked), len(self.lines)) - 1]
        if isinstance(line, Exception):
            raise line
        return Completion(text=line, usage=Usage(prompt_tokens=3, completion_tokens=self.tokens))

    async def aclose(self) -> None:
        pass


def play(model: ChatModel, sampling: Sampling | None = None, **settings: object) -> Trajectory:
    async def run() -> Trajectory:
        async with SandboxPool(SandboxConfig(workers=1)) as pool:
            agent = Agent(model, AgentConfig(**settings), pool)  # type: ignore[arg-type]
            return await agent.run(PROBLEM, sampling=sampling or Sampling())

    return asyncio.run(run())


def test_a_scripted_model_is_a_chat_model() -> None:
    assert isinstance(ScriptedModel("x"), ChatModel)


def test_code_is_run_its_output_is_shown_and_the_answer_ends_the_episode() -> None:
    model = ScriptedModel(python("x = 20\nprint(x + 1)"), ANSWER)
    trajectory = play(model)
    assert trajectory.stop is StopReason.FINISHED
    assert trajectory.answer == "def double(x):\n    return 2 * x"
    first, last = trajectory.steps
    assert first.observation is not None
    assert first.observation.content == "21"
    assert first.observation.status is ObservationStatus.OK
    assert last.observation is None
    assert trajectory.usage.requests == 2
    assert trajectory.usage.completion_tokens == 20
    assert trajectory.outcome is None
    second_question = model.asked[1][0]
    assert [m.role for m in second_question] == [
        Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER,
    ]  # fmt: skip
    assert second_question[-1].content == "Observation:\n21"


def test_names_stay_defined_within_an_episode_and_not_beyond() -> None:
    model = ScriptedModel(python("y = 5"), python("print(y)"), ANSWER)
    steps = play(model).steps
    assert [s.observation.content for s in steps if s.observation] == ["(no output)", "5"]
    other = play(ScriptedModel(python("print(y)"), ANSWER)).steps[0].observation
    assert other is not None
    assert other.status is ObservationStatus.ERROR
    assert "NameError" in other.content


def test_an_exception_in_the_code_is_an_observation() -> None:
    observation = play(ScriptedModel(python("assert 1 == 2"), ANSWER)).steps[0].observation
    assert observation is not None
    assert observation.status is ObservationStatus.ERROR
    assert "AssertionError" in observation.content


def test_an_unreadable_answer_counts_as_a_step_and_is_answered() -> None:
    model = ScriptedModel("I would rather talk.", ANSWER)
    trajectory = play(model)
    assert trajectory.stop is StopReason.FINISHED
    assert trajectory.steps[0].action is None
    assert trajectory.steps[0].raw == "I would rather talk."
    observation = trajectory.steps[0].observation
    assert observation is not None
    assert observation.status is ObservationStatus.FORMAT_ERROR
    assert model.asked[1][0][-2].content == "I would rather talk."
    assert "could not be read" in model.asked[1][0][-1].content


@pytest.mark.parametrize(
    ("protocol", "lost", "end"),
    [
        ("tool_call", "<think>\nwhy\n</think>\n\n<tool_call>\nnothing\n</tool_call>", "x = 1"),
        ("react", "I would rather talk.", "Thought: a\nAction: finish[x = 1]"),
    ],
)
def test_a_format_error_is_a_step_in_every_protocol(protocol: str, lost: str, end: str) -> None:
    model = ScriptedModel(lost, end)
    trajectory = play(model, protocol=protocol, prompt=f"{protocol}-v1")
    first, last = trajectory.steps
    assert (first.action, first.raw) == (None, lost)
    assert first.observation is not None
    assert first.observation.status is ObservationStatus.FORMAT_ERROR
    assert model.asked[1][0][-2].content == lost
    assert trajectory.answer == "x = 1"
    assert last.action is not None
    always = play(ScriptedModel(lost), protocol=protocol, prompt=f"{protocol}-v1", max_invalid=3)
    assert (always.stop, len(always.steps)) == (StopReason.MAX_INVALID, 3)


def test_too_many_unreadable_answers_in_a_row_end_the_episode() -> None:
    assert play(ScriptedModel("no"), max_invalid=2).stop is StopReason.MAX_INVALID
    mixed = ScriptedModel("no", python("1"), "no", python("1"), ANSWER)
    assert play(mixed, max_invalid=2).stop is StopReason.FINISHED


def test_a_tool_that_does_not_exist_is_refused() -> None:
    observation = play(ScriptedModel("```search\nx\n```", ANSWER)).steps[0].observation
    assert observation is not None
    assert observation.status is ObservationStatus.REFUSED
    assert "python, finish" in observation.content


def test_turns_are_limited_well_within_the_graph_s_own_limit() -> None:
    for turns in (1, 3, 40):
        trajectory = play(ScriptedModel(python("1")), max_turns=turns)
        assert trajectory.stop is StopReason.MAX_TURNS
        assert len(trajectory.steps) == turns


def test_tokens_are_limited_and_the_last_request_asks_for_what_is_left() -> None:
    model = ScriptedModel(python("1"), tokens=40)
    trajectory = play(model, Sampling(max_tokens=50), max_tokens=100, max_turns=9)
    assert trajectory.stop is StopReason.MAX_TOKENS
    assert [sampling.max_tokens for _, sampling in model.asked] == [50, 50, 20]


def test_seconds_are_limited_in_the_model_and_in_the_tool() -> None:
    slow_model = play(ScriptedModel(ANSWER, delay=5.0), max_seconds=0.2)
    assert slow_model.stop is StopReason.MAX_SECONDS
    assert slow_model.steps == ()
    slow_code = play(ScriptedModel(python("while True: pass")), max_seconds=0.7)
    assert slow_code.stop is StopReason.MAX_SECONDS
    assert slow_code.steps[0].action is not None


def test_an_error_of_the_model_ends_the_episode_and_keeps_what_was_done() -> None:
    trajectory = play(ScriptedModel(python("print(1)"), TimeoutError("no route")))
    assert trajectory.stop is StopReason.MODEL_ERROR
    assert len(trajectory.steps) == 1
    assert trajectory.outcome is not None
    assert trajectory.outcome.detail == "TimeoutError: no route"
    assert not trajectory.outcome.solved


def test_long_output_is_cut_and_the_model_is_told() -> None:
    model = ScriptedModel(python("print('a' * 500 + 'z' * 500)"), ANSWER)
    observation = play(model, observation_chars=100).steps[0].observation
    assert observation is not None
    assert observation.truncated
    assert len(observation.content) <= 100
    assert observation.content.startswith("aa")
    assert observation.content.endswith("zz")
    assert f"{observation.omitted} characters omitted" in model.asked[1][0][-1].content


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 10, 99, 100])
def test_cutting_accounts_for_every_character(limit: int) -> None:
    text = "x" * 100
    observation = cut(Observation(content=text), limit)
    kept = observation.content.count("x")
    assert kept + observation.omitted == 100
    assert kept <= limit


def test_hostile_text_passes_through_the_agent() -> None:
    hostile = "NUL \x00 sep \u2028 lone \ud800"
    trajectory = play(ScriptedModel(python(f"print({hostile!r})"), python(hostile), ANSWER))
    assert trajectory.stop is StopReason.FINISHED
    broken = trajectory.steps[1].observation
    assert broken is not None
    assert broken.status is ObservationStatus.ERROR


def test_ids_name_the_content() -> None:
    async def ids() -> list[str]:
        async with SandboxPool(SandboxConfig(workers=1)) as pool:
            agent = Agent(ScriptedModel("x"), AgentConfig(), pool)
            other = PROBLEM.model_copy(update={"prompt": "Double it."})
            return [
                agent.episode_id(PROBLEM),
                agent.episode_id(PROBLEM, sample=1),
                agent.episode_id(PROBLEM, seed=1),
                agent.episode_id(other),
                agent.episode_id(PROBLEM),
            ]

    first, *others, again = asyncio.run(ids())
    assert first == again
    assert first.startswith("t/double#0-")
    assert len({first, *others}) == 4


# ------------------------------------------------------------------------------------- prompts

PINNED = {
    "codeact-qa-v1": "ebc7d01d196d",
    "codeact-v1": "0824d12bb757",
    "codeact-v2": "663908b4d432",
    "first_thought-v1": "129c231480c6",
    "first_thought_continue-v1": "3baeb56d87ab",
    "react-v1": "ade13f950c70",
    "tool_call-v1": "e0724f6d8c30",
}


def test_published_prompts_are_never_edited() -> None:
    """A trajectory names its prompt's version: a change is a new file, and a new line here."""
    found = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in PROMPTS.glob("*.j2")
    }
    assert found == PINNED


def test_the_prompt_names_the_tools_it_is_given() -> None:
    protocol = get_protocol("codeact")
    both = render_prompt("codeact-v1", protocol, ["python", "finish"])
    assert "```python" in both
    assert "```answer" in both
    assert "```python" not in render_prompt("codeact-v1", protocol, ["finish"])
    assert len(both) < 320, "every character of it is paid in every turn"
    assert render_prompt("codeact-v2", protocol, ["python", "finish"]) == both
    more = render_prompt("codeact-v2", protocol, ["python", "retrieve", "finish"])
    assert "```retrieve searches" in more


def test_the_call_in_the_prompt_can_be_read() -> None:
    protocol = get_protocol("tool_call")
    text = render_prompt("tool_call-v1", protocol, ["python", "retrieve", "finish"])
    shown = text.partition("then one call:\n")[2].partition("</tool_call>")
    step = protocol.parse(Completion(text=shown[0] + shown[1]))
    assert step.action is not None
    assert step.action.tool == "python"
    assert "retrieve searches" in text
    assert "retrieve" not in render_prompt("tool_call-v1", protocol, ["python", "finish"])


def test_bad_settings_are_told_apart() -> None:
    protocol = get_protocol("codeact")
    with pytest.raises(ConfigError, match=r"codeact-v9 .*codeact-v1"):
        render_prompt("codeact-v9", protocol, ["finish"])
    with pytest.raises(ConfigError, match="written for protocol react"):
        render_prompt("react-v1", protocol, ["finish"])
    with pytest.raises(ConfigError, match="browser"):
        check_tools(["python", "browser"])


def test_a_template_cannot_use_what_it_is_not_given(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "codeact-v2.j2").write_text("{{ secret }}")
    monkeypatch.setattr(prompting, "PROMPTS", tmp_path)
    prompting._environment.cache_clear()
    try:
        with pytest.raises(UndefinedError):
            render_prompt("codeact-v2", get_protocol("codeact"), ["finish"])
    finally:
        monkeypatch.undo()
        prompting._environment.cache_clear()
