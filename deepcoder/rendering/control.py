"""Contents that look like control tokens stay contents.

A fast tokenizer turns `<|im_end|>` into the control token wherever it stands, also inside code or
an observation. Here every such occurrence is broken by a zero-width space after its first
character, and lone surrogates, which no tokenizer takes, become U+FFFD. The renderer does this in
training and in inference alike; nothing else may.

    guard = ControlGuard(["<|im_end|>"])
    guard.protect("a <|im_end|> b")   # 'a <\u200b|im_end|> b'

The tags of reasoning (`<think>`, `</think>`) are tokens of their own for some tokenizers, and an
assistant's message is meant to hold them: there, the pair that opens the message is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from deepcoder.rendering.protocols import BREAK

__all__ = ["ControlGuard", "control_tokens"]

THINK = ("<think>", "</think>")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def control_tokens(tokenizer: Any) -> list[str]:
    """The added tokens of a tokenizer that steer a model, as text, longest first.

    Special tokens, and added tokens that look like a tag. Other added tokens (runs of spaces,
    single letters in some tokenizers) are ordinary text.
    """
    texts = {
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if len(token.content) > 1 and (token.special or _is_tag(token.content))
    }
    return sorted(texts, key=lambda text: (-len(text), text))


def _is_tag(text: str) -> bool:
    return (text[0], text[-1]) in {("<", ">"), ("[", "]")}


class ControlGuard:
    """Breaks the given texts wherever they occur in contents."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(sorted({*texts}, key=lambda text: (-len(text), text)))
        # A look-ahead finds overlapping occurrences too, so none can survive beside another.
        self._pattern = (
            re.compile(f"(?={'|'.join(map(re.escape, self.texts))})") if self.texts else None
        )

    def breaks(self, text: str, *, assistant: bool = False) -> list[int]:
        """Where a break must be inserted: indices into `text`, ascending."""
        if self._pattern is None:
            return []
        starts = [match.start() for match in self._pattern.finditer(text)]
        if assistant and starts and text.startswith(THINK[0]):
            allowed = {0, text.find(THINK[1])}
            starts = [start for start in starts if start not in allowed]
        return [start + 1 for start in starts]

    def protect(self, text: str, *, assistant: bool = False) -> str:
        """`text` without any control token in it."""
        return "".join(self.protect_parts([text], assistant=assistant))

    def protect_parts(self, parts: Iterable[str], *, assistant: bool = False) -> list[str]:
        """The same for a text given in parts: an occurrence may cross from one to the next."""
        parts = [_SURROGATE.sub("\ufffd", part) for part in parts]
        breaks = self.breaks("".join(parts), assistant=assistant)
        if not breaks:
            return parts
        protected, offset, remaining = [], 0, breaks
        for part in parts:
            end = offset + len(part)
            inside = [b - offset for b in remaining if b <= end]
            remaining = remaining[len(inside) :]
            cuts = [0, *inside, len(part)]
            protected.append(BREAK.join(part[a:b] for a, b in pairwise(cuts)))
            offset = end
        return protected
