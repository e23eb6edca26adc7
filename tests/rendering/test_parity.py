"""The ids trained on are the ids that inference feeds and would sample, turn by turn.

For every template and protocol: the prompt is tokenised once, as inference does, the answer is
what a model would sample (the canonical text and the end of turn, as its own ids), and together
they are the ids of the training text up to that turn.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from rendering.real_tokenizers import NAMES, renderer, tokenizer
from rendering.strategies import answer_step, code_step, trajectories

from deepcoder.rendering import conversation, get_protocol, messages, step_turn
from deepcoder.rendering.conversation import training_turns
from deepcoder.spans import align
from deepcoder.types import Action, Completion, Observation, Role, Step, Trajectory

STEPS = [
    code_step("First, look.\nThen decide.", "xs = [1, 2]\nprint(xs[0])", "1\n"),
    code_step(
        "  indented thought", "\n\tif True:\n    print('é 👩‍👩‍👧 <|im_end|>')  ", "é\r\n\x00"
    ),
    Step(reason="", raw="I am lost", observation=Observation(content="Write a block.")),
    code_step("", "pass", ""),
    Step(
        reason="What did the manual say?",
        action=Action(tool="retrieve", arguments={"query": "heapq <tool_call>"}),
        observation=Observation(content="1. heapq (Python)\nA <|im_end|> heap.", truncated=True),
    ),
    answer_step("Done", "def f():\n    return '```'\n"),
]
TEMPLATES = (*NAMES, "llama3")


def ids_of(name: str, text: str) -> list[int]:
    return tokenizer(name)(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("keep_thinking", [True, False])
@pytest.mark.parametrize("protocol_name", ["codeact", "react", "tool_call"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_trained_ids_are_fed_and_sampled_ids(
    name: str, protocol_name: str, keep_thinking: bool
) -> None:
    protocol, chat = get_protocol(protocol_name), renderer(name)
    checked = set()
    for turns in training_turns(
        protocol, "Be brief.", "Do it.", STEPS, keep_thinking=keep_thinking
    ):
        aligned = align([chat.render(turns)], tokenizer(name))[0]
        trained_steps = sorted(set(aligned.steps[aligned.weighted].tolist()))
        for step in trained_steps:
            # What the agent's loop shows the model before this step.
            history = conversation(
                protocol, "Be brief.", "Do it.", STEPS[:step], keep_thinking=keep_thinking
            )
            fed = ids_of(name, chat.prompt(messages(history)))
            here = np.flatnonzero(aligned.weighted & (aligned.steps == step))
            start, end = int(here[0]), int(here[-1]) + 1
            assert (here == np.arange(start, end)).all(), "an answer is one run of tokens"
            assert aligned.input_ids[:start].tolist() == fed
            # What the model would sample: the answer in canonical form, and the end of its turn.
            answer = "".join(piece.text for piece in step_turn(protocol, STEPS[step], step).pieces)
            sampled = chat._guard.protect(answer, assistant=True) + chat.end_of_turn
            assert tokenizer(name).decode(aligned.input_ids[start:end]) == sampled
            assert aligned.input_ids[end - 1] in chat.stop_ids()
            # Continued inference (prompt ids, then sampled ids) is the tokenised whole.
            assert [*fed, *ids_of(name, sampled)] == aligned.input_ids[:end].tolist()
            checked.add(step)
    assert checked == {0, 1, 3, 4, 5}


@pytest.mark.parametrize("name", TEMPLATES)
def test_reading_what_was_sampled_gives_the_step_that_is_trained_on(name: str) -> None:
    protocol, chat = get_protocol("codeact"), renderer(name)
    turns = conversation(protocol, None, "Do it.", [STEPS[0], STEPS[-1]])
    aligned = align([chat.render(turns)], tokenizer(name))[0]
    for index, step in enumerate([STEPS[0], STEPS[-1]]):
        ids = aligned.input_ids[aligned.weighted & (aligned.steps == index)]
        text = tokenizer(name).decode(ids).removesuffix(chat.end_of_turn)
        read = protocol.parse(Completion(text=text))
        assert (read.reason, read.action, read.raw) == (step.reason, step.action, None)


@pytest.mark.parametrize("name", TEMPLATES)
@settings(max_examples=60, deadline=None)
@given(trajectory=trajectories())
def test_hostile_contents_change_nothing_of_it(name: str, trajectory: Trajectory) -> None:
    """Whatever stands in tasks, thoughts, code, answers, observations and unreadable messages."""
    protocol, chat = get_protocol(trajectory.protocol), renderer(name)
    parts = (protocol, trajectory.system_prompt, trajectory.task)
    whole = chat.render(conversation(*parts, trajectory.steps))
    aligned = align([whole], tokenizer(name))[0]
    for index, step in enumerate(trajectory.steps):
        if step.action is None:
            continue
        fed = ids_of(name, chat.prompt(messages(conversation(*parts, trajectory.steps[:index]))))
        assert aligned.input_ids[: len(fed)].tolist() == fed
        answer = step_turn(protocol, step, index).text
        sampled = ids_of(name, chat._guard.protect(answer, assistant=True) + chat.end_of_turn)
        end = len(fed) + len(sampled)
        assert aligned.input_ids[len(fed) : end].tolist() == sampled
        assert aligned.weighted[len(fed) : end].all() or not answer  # nothing is no step
        assert sampled[-1] in chat.stop_ids()


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("start", ["\n", "\n\n  ", "  \n ", "\r\n", " ", "\t", "\u0301", "\u2028"])
@pytest.mark.parametrize("protocol_name", ["codeact", "react", "tool_call"])
def test_nothing_is_joined_to_the_header_of_a_turn(
    name: str, protocol_name: str, start: str
) -> None:
    """Tokenizers join newlines: `assistant\n` and an answer that begins with one."""
    protocol, chat = get_protocol(protocol_name), renderer(name)
    for step in (answer_step("", f"{start}x = 1"), code_step(start, f"{start}x")):
        turns = conversation(protocol, None, "Do it.", [step])
        fed = ids_of(name, chat.prompt(messages(turns[:1])))
        sampled = ids_of(name, chat._guard.protect(turns[1].text, assistant=True))
        aligned = align([chat.render(turns)], tokenizer(name))[0].input_ids.tolist()
        assert aligned[: len(fed) + len(sampled)] == fed + sampled


def test_observations_are_user_messages_everywhere() -> None:
    for name in ("codeact", "react", "tool_call"):
        turns = conversation(get_protocol(name), None, "t", STEPS)
        assert {turn.role for turn in turns} == {Role.USER, Role.ASSISTANT}
