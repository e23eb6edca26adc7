"""Tokenizers of the other family: spaces as letters, bytes for what is unknown, as Llama 2 and
Mistral have them. Trained here on a few lines; no part of them is remembered as units."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from rendering.strategies import answer_step, code_step, make_trajectory, trajectories
from spans.slow_labeller import label_slowly
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from deepcoder.rendering import (
    ChatRenderer,
    conversation,
    get_protocol,
    messages,
    render_trajectory,
)
from deepcoder.spans import align
from deepcoder.spans.sampled import Drift, with_sampled_ids
from deepcoder.spans.units import Units
from deepcoder.types import KINDS, WeightGroup

CORPUS = [
    "Thought: I need the year. Action: search[Acme Corporation] Observation: founded in 1912",
    "def solve(values): return [value for value in values if value > 0]",
    "print(sum(values)) the answer is the sum of the values, first then last",
] * 4
CHATML = (
    "{{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + "
    "'<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% endif %}"
)


@cache
def tokenizer(prepends: bool) -> PreTrainedTokenizerFast:
    """`prepends`: a space before every stretch between control tokens, as the older ones do."""
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if prepends:
        parts = [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
        made.normalizer = normalizers.Sequence(parts)
    else:
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    restored = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence(restored)
    control = ["<unk>", "<s>", "<|im_start|>", "<|im_end|>"]
    letters = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=[*control, *letters], show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    settings_ = json.loads(made.to_str())
    settings_["added_tokens"] = settings_["added_tokens"][: len(control)]
    fast = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(settings_)),
        eos_token="<|im_end|>",
        bos_token="<s>",
        unk_token="<unk>",
    )
    fast.chat_template = CHATML
    return fast


@cache
def renderer(prepends: bool) -> ChatRenderer:
    return ChatRenderer.from_tokenizer(tokenizer(prepends))


@pytest.mark.parametrize("prepends", [False, True])
def test_they_are_asked_text_by_text(prepends: bool) -> None:
    assert Units.of(tokenizer(prepends)) is None


@pytest.mark.parametrize("prepends", [False, True])
@settings(max_examples=25, deadline=None)
@given(trajectory=trajectories())
def test_tokens_partition_the_segments(prepends: bool, trajectory) -> None:
    rendered = render_trajectory(trajectory, renderer(prepends))
    fast = tokenizer(prepends)
    aligned = align([rendered], fast)[0]
    kinds, steps, straddlers = label_slowly(rendered, fast)
    assert [KINDS[code] for code in aligned.kinds] == kinds
    assert [None if step < 0 else step for step in aligned.steps.tolist()] == steps
    assert aligned.straddlers == straddlers
    weighted = [kind.group is not WeightGroup.NONE for kind in kinds]
    assert aligned.weighted.tolist() == weighted


@pytest.mark.parametrize("protocol_name", ["codeact", "react", "tool_call"])
@pytest.mark.parametrize("prepends", [False, True])
def test_what_is_fed_is_what_is_trained_on_before_an_answer(
    prepends: bool, protocol_name: str
) -> None:
    protocol, chat = get_protocol(protocol_name), renderer(prepends)
    steps = [
        code_step("First, é 👩‍👩‍👧.", "values = [1]\nprint(sum(values))", "1\n"),
        code_step("", "pass", ""),
        answer_step("Done.", "def solve(values):\n    return 0\n"),
    ]
    turns = conversation(protocol, "Be brief.", "Sum the values.", steps)
    aligned = align([chat.render(turns)], tokenizer(prepends))[0]
    for index in range(3):
        history = conversation(protocol, "Be brief.", "Sum the values.", steps[:index])
        prompt = chat.prompt(messages(history))
        fed = tokenizer(prepends)(prompt, add_special_tokens=False)["input_ids"]
        here = np.flatnonzero(aligned.weighted & (aligned.steps == index))
        assert aligned.input_ids[: here[0]].tolist() == fed
        assert (np.diff(here) == 1).all()
        assert aligned.input_ids[here[-1]] in chat.stop_ids()


def test_sampled_ids_are_not_used_where_tokens_are_not_bytes() -> None:
    step = answer_step("Done.", "1").model_copy(update={"token_ids": (5, 6)})
    rendered = render_trajectory(make_trajectory([step]), renderer(False))
    aligned = align([rendered], tokenizer(False))[0]
    after, drift = with_sampled_ids(rendered, aligned, [step], tokenizer(False), use=True)
    assert after is aligned
    assert drift == Drift(given=1, unusable=1, drifted=0)
