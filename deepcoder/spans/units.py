"""Token ids from the backend, each stretch of text asked for once.

Agents' texts repeat themselves: the same words, labels and role headers stand in every one. A
byte-level tokenizer cuts every text into words before it merges anything, and never joins a space
to the visible ASCII character before it. So a text can be cut there, and the ids of a stretch do
not depend on what stands around it. Every id still comes from the backend; what is kept is the
answer (`Units.ids`), which is several times as fast as asking again.

    units = Units.of(tokenizer)              # None: this tokenizer's words are not known to be so
    flat, counts = units.ids([text, other])  # ids of all texts, and how many each has

That holds for the splitting rules listed in `_RULES` (GPT-2's, Qwen's, Llama 3's), which is looked
up in the tokenizer and tried on a text when it is met; any other is asked text by text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Int32, Int64

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Units"]

KEPT = 200_000
"""Stretches that are remembered, some 40 MB; then all are forgotten."""
LONGEST = 80
"""Characters of a stretch beyond which it is not remembered: it will hardly come again."""

_BORDER = re.compile(r"(?<=[!-~])(?= )")
_UNUSUAL = re.compile(r"[^!-~] |\0")
"""Where a text has this, not every space is a border."""
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_RULES = frozenset(_WORDS % digits for digits in (r"\p{N}", r"\p{N}{1,3}"))
"""Splitting rules in which no word holds a space after a visible ASCII character, and which look
neither back nor, but for white space, ahead."""
_TRIAL = (
    "Thought: I'll add 12 and 3456.\n\n```python\nfor x in  xs:\n    print(f'{x!r}')  # \u00e9\n"
    "```\nSearch[caf\u00e9 \u4e2d\u6587 \U0001f600 ] it\u2019s  done.  \r\n\tEnd "
)


class Units:
    """See the module's text."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._size = backend.get_vocab_size()
        self._known: dict[str, bytes] = {}
        vocabulary = backend.get_vocab(with_added_tokens=True)
        self._lengths = np.zeros(max(vocabulary.values()) + 1, np.int64)
        ids = np.fromiter(vocabulary.values(), np.int64, len(vocabulary))
        # One letter of a byte-level vocabulary stands for one byte; added tokens are plain text.
        self._lengths[ids] = np.fromiter(map(len, vocabulary), np.int64, len(vocabulary))
        for number, token in backend.get_added_tokens_decoder().items():
            self._lengths[number] = len(token.content.encode())

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast) -> Self | None:
        """The units of a tokenizer, the same at every call; None where they would not be safe."""
        backend = tokenizer.backend_tokenizer
        found = _MADE.get(tokenizer)
        if found is None or found[0] != backend.get_vocab_size():
            made = cls(backend) if _is_safe(backend) else None
            if made is not None and not made._agrees(_TRIAL):
                made = None
            found = _MADE[tokenizer] = (backend.get_vocab_size(), made)
        return found[1]  # type: ignore[return-value]

    def ids(self, texts: Sequence[str]) -> tuple[Int32[np.ndarray, " tokens"], list[int]]:
        """The ids of all texts one after the other, and the number of tokens of each."""
        stretches = [_cut(text) for text in texts]
        known = self._known
        if len(known) > KEPT:
            known.clear()
        new = [unit for unit in set(chain.from_iterable(stretches)) if unit not in known]
        encodings = self._backend.encode_batch_fast(new, add_special_tokens=False)
        for unit, encoding in zip(new, encodings, strict=True):
            known[unit] = np.array(encoding.ids, np.int32).tobytes()
        parts = [b"".join(map(known.__getitem__, units)) for units in stretches]
        for unit in new:
            if len(unit) > LONGEST:
                del known[unit]
        return np.frombuffer(bytearray().join(parts), np.int32), [len(part) // 4 for part in parts]

    def bytes_of(self, ids: Int32[np.ndarray, " tokens"]) -> Int64[np.ndarray, " tokens"]:
        """How many bytes of UTF-8 each token stands for."""
        return self._lengths[ids]

    def knows(self, ids: Sequence[int]) -> bool:
        """Whether all of these are ids of the tokenizer."""
        return all(0 <= number < len(self._lengths) and self._lengths[number] for number in ids)

    def takes(self, text: str) -> bool:
        """Whether the backend leaves every character of the text as it is."""
        return text.isascii() or unicodedata.is_normalized("NFC", text)

    def _agrees(self, text: str) -> bool:
        whole = self._backend.encode(text, add_special_tokens=False)
        ids, _ = self.ids([text])
        letters = len(text.encode())
        return bool(whole.ids == ids.tolist() and self.bytes_of(ids).sum() == letters)


def _cut(text: str) -> list[str]:
    """The text in stretches that end before a space."""
    if _UNUSUAL.search(text):
        return _BORDER.split(text)
    return text.replace(" ", "\0 ").split("\0")  # the same, several times as fast


_MADE: WeakKeyDictionary[Any, tuple[int, Units | None]] = WeakKeyDictionary()


def _is_safe(backend: Any) -> bool:
    """Whether the parts of a tokenizer are all of a kind for which the module's text holds."""
    model = backend.model
    if type(model).__name__ != "BPE" or model.dropout or model.byte_fallback:
        return False
    if any(
        " " in token.content or token.lstrip or token.rstrip or token.single_word
        for token in backend.get_added_tokens_decoder().values()
    ):
        return False
    steps = _parts(backend.pre_tokenizer, "pretokenizers")
    ends = _parts(backend.post_processor, "processors")
    forms = _parts(backend.normalizer, "normalizers")
    return (
        bool(steps)
        and all(map(_splits_safely, steps))
        and steps[-1]["type"] == "ByteLevel"
        and all(form == {"type": "NFC"} for form in forms)
        and not any(end["type"] == "ByteLevel" and end["trim_offsets"] for end in ends)
        and {end["type"] for end in ends} <= {"ByteLevel", "TemplateProcessing"}
    )


def _splits_safely(step: dict[str, Any]) -> bool:
    if step["type"] == "ByteLevel":
        return not step["add_prefix_space"]
    if step["type"] == "Split":
        return step["pattern"].get("Regex") in _RULES and step["behavior"] == "Isolated"
    return step["type"] == "Digits"


def _parts(component: Any, name: str) -> list[dict[str, Any]]:
    """The settings of a component of a tokenizer, taken apart where it is a sequence."""
    if component is None:
        return []
    settings: dict[str, Any] = json.loads(component.__getstate__())
    return list(settings[name]) if settings["type"] == "Sequence" else [settings]
