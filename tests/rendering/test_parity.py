"""The ids trained on are the ids that inference feeds and would sample, turn by turn.

For every template and protocol: the prompt is tokenised once, as inference does, the answer is
what a model would sample (the canonical text and the end of turn, as its own ids), and together
they are the ids of the training text up to that turn.
"""

from __future__ import annotations

import numpy as np
import pytest
from rendering.real_tokenizers import NAMES, renderer, tokenizer
from rendering.strategies import answer_step, code_step

from deepcoder.rendering import conversation, get_protocol, messages, step_turn
from deepcoder.rendering.conversation import training_turns
from deepcoder.spans import align
from deepcoder.types import Completion, Observation, Role, Step

STEPS = [
    code_step("First, look.\nThen decide.", "xs = [1, 2]\nprint(xs[0])", "1\n"),
    code_step(
        "  indented thought", "\n\tif True:\n    print('é 👩‍👩‍👧 <|im_end|>')  ", "é\r\n\x00"
    ),
    Step(reason="", raw="I am lost", observation=Observation(content="Write a block.")),
    code_step("", "pass", ""),
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
    assert checked == {0, 1, 3, 4}


@pytest.mark.parametrize("name", TEMPLATES)
def test_reading_what_was_sampled_gives_the_step_that_is_trained_on(name: str) -> None:
    protocol, chat = get_protocol("codeact"), renderer(name)
    turns = conversation(protocol, None, "Do it.", [STEPS[0], STEPS[4]])
    aligned = align([chat.render(turns)], tokenizer(name))[0]
    for index, step in enumerate([STEPS[0], STEPS[4]]):
        ids = aligned.input_ids[aligned.weighted & (aligned.steps == index)]
        text = tokenizer(name).decode(ids).removesuffix(chat.end_of_turn)
        read = protocol.parse(Completion(text=text))
        assert (read.reason, read.action, read.raw) == (step.reason, step.action, None)


def test_observations_are_user_messages_everywhere() -> None:
    for name in ("codeact", "react", "tool_call"):
        turns = conversation(get_protocol(name), None, "t", STEPS)
        assert {turn.role for turn in turns} == {Role.USER, Role.ASSISTANT}
