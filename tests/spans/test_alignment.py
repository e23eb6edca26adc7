"""Tokens partition the segments, kinds follow first characters, prompts carry no weight."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from rendering.real_tokenizers import NAMES, renderer, tokenizer
from rendering.strategies import code_step, make_trajectory, trajectories
from spans.slow_labeller import label_slowly

from deepcoder.errors import ConfigError
from deepcoder.rendering import Rendered, render_trajectory
from deepcoder.spans import align
from deepcoder.spans.alignment import NO_STEP, _cover
from deepcoder.types import KINDS, Segment, SpanKind, WeightGroup

EVERY = (*NAMES, "llama3")


def plain(*parts: tuple[str, SpanKind]) -> Rendered:
    text, segments = "", []
    for part, kind in parts:
        segments.append(Segment(start=len(text), end=len(text) + len(part), kind=kind, step=0))
        text += part
    return Rendered(text, tuple(segments))


def test_a_straddling_token_belongs_to_its_first_character() -> None:
    rendered = plain(("print(1)", SpanKind.ACT_ARGUMENTS), ("\n```", SpanKind.FORMAT_ACT))
    aligned = align([rendered], tokenizer("qwen2.5"))[0]
    texts = [tokenizer("qwen2.5").decode([i]) for i in aligned.input_ids]
    assert texts == ["print", "(", "1", ")\n", "```"]
    assert [KINDS[k].value for k in aligned.kinds] == ["act.arguments"] * 4 + ["format.act"]
    assert aligned.straddlers == 1


def test_one_call_for_many_texts_is_the_same_as_one_by_one() -> None:
    steps = [code_step(f"r{i}", "x" * i, "o") for i in range(1, 6)]
    rendered = [
        render_trajectory(make_trajectory(steps[:i]), renderer("smollm2")) for i in range(1, 6)
    ]
    for one, aligned in zip(rendered, align(rendered, tokenizer("smollm2")), strict=True):
        alone = align([one], tokenizer("smollm2"))[0]
        assert (alone.input_ids == aligned.input_ids).all()
        assert (alone.kinds == aligned.kinds).all()
        assert (alone.steps == aligned.steps).all()


def test_arrays_have_the_agreed_types() -> None:
    aligned = align(
        [render_trajectory(make_trajectory([code_step("r", "c")]), renderer("qwen3"))],
        tokenizer("qwen3"),
    )[0]
    assert (aligned.input_ids.dtype, aligned.kinds.dtype, aligned.steps.dtype) == (
        np.int32,
        np.uint8,
        np.int16,
    )
    assert aligned.steps[0] == NO_STEP
    assert aligned.steps[-1] == 0


def test_settings_left_in_the_tokenizer_do_not_cut_or_pad() -> None:
    fast = tokenizer("qwen2.5")
    rendered = render_trajectory(make_trajectory([code_step("r", "c")]), renderer("qwen2.5"))
    before = align([rendered], fast)[0]
    fast.backend_tokenizer.enable_truncation(4)
    fast.backend_tokenizer.enable_padding(length=500)
    assert (align([rendered], fast)[0].input_ids == before.input_ids).all()


@settings(max_examples=25, deadline=None)
@given(trajectory=trajectories())
def test_tokens_partition_the_segments(trajectory) -> None:
    for name in EVERY:
        rendered = render_trajectory(trajectory, renderer(name))
        fast = tokenizer(name)
        aligned = align([rendered], fast)[0]
        assert aligned.input_ids.tolist() == fast(rendered.text, add_special_tokens=False).input_ids
        kinds, steps, straddlers = label_slowly(rendered, fast)
        assert [KINDS[k] for k in aligned.kinds] == kinds
        assert [None if s == NO_STEP else int(s) for s in aligned.steps] == steps
        assert aligned.straddlers == straddlers


@settings(max_examples=40, deadline=None)
@given(trajectory=trajectories())
def test_no_prompt_or_observation_character_starts_a_weighted_token(trajectory) -> None:
    for name in ("qwen2.5", "smollm2", "r1-distill-qwen"):
        rendered = render_trajectory(trajectory, renderer(name))
        aligned = align([rendered], tokenizer(name))[0]
        given_text = {
            position
            for s in rendered.segments
            if s.kind.group is WeightGroup.NONE
            for position in range(s.start, s.end)
        }
        offsets = tokenizer(name)(
            rendered.text, add_special_tokens=False, return_offsets_mapping=True
        )["offset_mapping"]
        for (start, end), weighted in zip(offsets, aligned.weighted, strict=True):
            if weighted:
                # Turns end in control tokens, so an answer never shares a token with its context.
                assert not given_text & set(range(start, end))
        untrained = {i for i, s in enumerate(trajectory.steps) if s.action is None}
        assert not untrained & set(aligned.steps[aligned.weighted].tolist())


@settings(max_examples=40, deadline=None)
@given(trajectory=trajectories())
def test_the_tokens_of_a_span_decode_to_its_text(trajectory) -> None:
    """Exactly, or up to the characters of straddling tokens on its two sides."""
    for name in ("qwen2.5", "smollm2"):
        rendered = render_trajectory(trajectory, renderer(name))
        fast = tokenizer(name)
        aligned = align([rendered], fast)[0]
        whole = fast.decode(aligned.input_ids)
        assert unicodedata.normalize("NFC", rendered.text) == unicodedata.normalize("NFC", whole)
        exact = different = 0
        runs = np.flatnonzero(np.diff(aligned.kinds)) + 1
        for part in np.split(np.arange(len(aligned.kinds)), runs):
            kind = KINDS[aligned.kinds[part[0]]]
            text = unicodedata.normalize("NFC", fast.decode(aligned.input_ids[part]))
            spans = [
                unicodedata.normalize("NFC", rendered.text[s.start : s.end])
                for s in rendered.segments
                if s.kind is kind
            ]
            if text in spans or text in "".join(spans):
                exact += 1
            else:
                different += 1
        assert different <= 2 * aligned.straddlers


def test_characters_between_two_ranges_are_owned_too() -> None:
    """Trimmed space belongs to the later token, a merged accent to the earlier one."""
    text = " abc defe\u0301fg"
    starts, ends = _cover(
        text, np.array([1, 5, 8, 10], np.int32), np.array([4, 8, 9, 12], np.int32)
    )
    assert starts.tolist() == [0, 4, 8, 10]
    assert ends.tolist() == [4, 8, 10, 12]


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        pass

    with pytest.raises(ConfigError, match="Slow gives no character offsets"):
        align([], Slow())  # type: ignore[arg-type]


def test_no_texts_give_no_spans() -> None:
    assert align([], tokenizer("qwen2.5")) == []
