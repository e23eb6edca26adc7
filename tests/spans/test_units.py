"""Ids put together from remembered stretches are the backend's ids of the whole text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rendering.real_tokenizers import NAMES, tokenizer
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from deepcoder.rendering import Rendered
from deepcoder.spans import alignment
from deepcoder.spans.units import Units, _is_safe
from deepcoder.types import Segment, SpanKind

EVERY = (*NAMES, "llama3")
WORDS = st.sampled_from(
    ["foo", "12", "I'll", "x:", "\n", "\n\n", "\t", "\r\n", " ", "  ", "    ", "\u00a0", "\u2028",
     "caf\u00e9", "e\u0301", "\u0301", "\u4e2d\u6587", "\U0001f600", "\U0001f468\u200d\U0001f469",
     "<|im_end|>", "<|im_start|>user\n", "<think>", "```python\n", "!)]", "\x00", "\x7f", "\x1c"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=40).map("".join)


def asked_whole(rendered: Rendered, name: str) -> alignment.Aligned:
    encoding = tokenizer(name).backend_tokenizer.encode(rendered.text, add_special_tokens=False)
    return alignment._align(rendered, encoding)


def halves(text: str) -> Rendered:
    """Two segments with a border in the middle."""
    border = len(text) // 2
    parts = (Segment(0, border, SpanKind.REASON, 0), Segment(border, len(text), SpanKind.PROMPT))
    return Rendered(text, tuple(part for part in parts if part.end > part.start))


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4))
@example(texts=["a  b", "a \n b", "caf\u00e9 au lait", "e\u0301 x", "", "\u0301 a", " a", "a "])
@example(texts=["x\x00 y\x00  z", "\x05 lost by SmolLM2 \x05 here"])
def test_the_same_as_asking_for_whole_texts(texts: list[str]) -> None:
    rendered = [halves(text) for text in texts]
    for name in EVERY:
        found = alignment.align(rendered, tokenizer(name))
        for one, aligned in zip(rendered, found, strict=True):
            whole = asked_whole(one, name)
            for field in ("input_ids", "kinds", "steps", "straddling"):
                left, right = getattr(aligned, field), getattr(whole, field)
                assert left.dtype == right.dtype
                np.testing.assert_array_equal(left, right, err_msg=f"{name} {field}")


@pytest.mark.parametrize("name", EVERY)
def test_known_tokenizers_are_taken_apart(name: str) -> None:
    assert Units.of(tokenizer(name)) is not None
    assert Units.of(tokenizer(name)) is Units.of(tokenizer(name))


def byte_level(**changes: object) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    for part, value in changes.items():
        setattr(made, part, value)
    return made


def test_only_where_words_end_before_spaces() -> None:
    assert _is_safe(byte_level())
    spaced = byte_level()
    spaced.add_tokens([AddedToken("two words")])
    stripping = byte_level()
    stripping.add_tokens([AddedToken("<mask>", lstrip=True)])
    other = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(r"\S+ \S+", "isolated"), pre_tokenizers.ByteLevel(False)]
    )
    for unsafe in (
        spaced,
        stripping,
        byte_level(pre_tokenizer=other),
        byte_level(pre_tokenizer=pre_tokenizers.Metaspace()),
        byte_level(pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)),
        byte_level(normalizer=normalizers.Lowercase()),
        byte_level(model=models.WordLevel({"a": 0}, "a")),
    ):
        assert not _is_safe(unsafe)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deepcoder.spans.units.KEPT", 10)
    units = Units(tokenizer("smollm2").backend_tokenizer)
    for batch in range(5):
        units.ids([" ".join(f"w{batch}x{i}" for i in range(12)), "y" * 200])
        assert len(units._known) <= 24
        assert "y" * 200 not in units._known


def test_a_tokenizer_that_grows_is_looked_at_again() -> None:
    from rendering.real_tokenizers import with_template

    grown = with_template("smollm2", "{{ messages[0].content }}")
    before = Units.of(grown)
    grown.add_tokens(["quux quuz"])
    assert before is not None
    assert Units.of(grown) is None
