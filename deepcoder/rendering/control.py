"""Contents that look like control tokens stay contents, and all of them can be tokenised.

A fast tokenizer turns `<|im_end|>` into the control token wherever it stands, also inside code or
an observation. Here every such occurrence is broken by a zero-width space after its first
character. Characters that the tokenizer would lose become U+FFFD: lone surrogates everywhere, and
what needs a byte that its vocabulary lacks (SmolLM2 has no token for six ASCII control characters
and two lead bytes; it drops them without a word and shifts its offsets). The renderer does this
in training and in inference alike; nothing else may.

    guard = ControlGuard(["<|im_end|>"])
    guard.protect("a <|im_end|> b")   # 'a <\u200b|im_end|> b'

The tags of reasoning (`<think>`, `</think>`) are tokens of their own for some tokenizers, and an
assistant's message is meant to hold them: there, the pair that opens the message is left alone.
So are the tags of canonical calls that end an assistant's message (`<tool_call>`, a line of JSON,
`</tool_call>`), and the pair of `<tool_response>` tags that a user's message consists of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from deepcoder.errors import ConfigError
from deepcoder.rendering.protocols import BREAK

__all__ = ["COMMON", "ControlGuard", "control_tokens", "lost_characters", "require_offsets"]

THINK = ("<think>", "</think>")
SURROGATES = (0xD800, 0xDFFF)
_CALL = r'<tool_call>\n\{"name": [^\n]*\}\n</tool_call>'
_CALLS = re.compile(rf"(?:(?<=\n)|\A){_CALL}(?:\n{_CALL})*\Z")
_LINE_TAG = re.compile(r"^</?tool_call>$", re.M)
_SEEN = re.compile(r"<tool_response>\n.*\n(?=</tool_response>\Z)", re.S)


COMMON = (
    "<|im_start|>", "<|im_end|>", "<|endoftext|>",  # ChatML, Qwen, SmolLM2
    "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|eot_id|>", "<|eom_id|>", "<|python_tag|>",  # Llama 3
    "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>",
    "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>",
    "<｜tool▁calls▁end｜>", "<｜tool▁outputs▁begin｜>", "<｜tool▁output▁begin｜>",
    "<｜tool▁output▁end｜>", "<｜tool▁outputs▁end｜>",  # DeepSeek
    "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|call|>", "<|return|>",  # gpt-oss
    "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]",  # Gemma, Mistral
)  # fmt: skip
"""Tokens that steer the models behind APIs, whose tokenizers are not at hand. The tags of reasoning
and of calls are not among them: a system prompt speaks of them."""


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


def require_offsets(tokenizer: Any) -> Any:
    """The backend of a fast tokenizer. Raises ConfigError for one that cannot say where its tokens
    stand."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(
            f"The tokenizer {type(tokenizer).__name__} gives no character offsets, without which "
            "spans cannot be exact.",
            fix="choose a student with a fast tokenizer (a tokenizer.json)",
        )
    return backend


def lost_characters(tokenizer: Any) -> list[tuple[int, int]]:
    """Ranges of code points that a byte-level tokenizer drops, for want of a token for a byte."""
    backend = require_offsets(tokenizer)
    missing = [byte for byte in range(256) if backend.token_to_id(_byte_letter(byte)) is None]
    if len(missing) == 256 or "ByteLevel" not in str(backend.decoder):
        return []
    ranges = [(byte, byte) for byte in missing if byte < 0x80]
    for byte in missing:  # a lead byte of UTF-8 stands for a block of code points
        if 0xC2 <= byte <= 0xDF:
            ranges.append(((byte & 0x1F) << 6, (byte & 0x1F) << 6 | 0x3F))
        elif 0xE0 <= byte <= 0xEF:
            ranges.append(((byte & 0x0F) << 12, (byte & 0x0F) << 12 | 0xFFF))
        elif 0xF0 <= byte <= 0xF4:
            ranges.append(((byte & 0x07) << 18, min((byte & 0x07) << 18 | 0x3FFFF, 0x10FFFF)))
    return ranges


def _byte_letter(byte: int) -> str:
    """The letter that stands for a byte in byte-level vocabularies (the convention of GPT-2):
    itself where it is printable, otherwise the next free letter from U+0100 on."""
    if _printable(byte):
        return chr(byte)
    return chr(0x100 + sum(not _printable(other) for other in range(byte)))


def _printable(byte: int) -> bool:
    return 0x21 <= byte <= 0x7E or 0xA1 <= byte <= 0xAC or byte >= 0xAE


def _own_tags(text: str, assistant: bool) -> set[int]:
    """Where the tags stand that a protocol wrote: they may steer, in the role that writes them."""
    if not assistant:
        seen = _SEEN.match(text)
        return {0, seen.end()} if seen else set()
    allowed = {0, text.find(THINK[1])} if text.startswith(THINK[0]) else set()
    if text.endswith("</tool_call>") and (calls := _CALLS.search(text)):
        for line in _LINE_TAG.finditer(text, calls.start()):
            allowed.add(line.start())
    return allowed


class ControlGuard:
    """Breaks the given texts, and replaces the given ranges of characters, in contents."""

    def __init__(self, texts: Iterable[str], lost: Iterable[tuple[int, int]] = ()) -> None:
        ranges = "".join(
            f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in [SURROGATES, *lost]
        )
        self._lost = re.compile(f"[{ranges}]")
        self.texts = tuple(sorted({*texts}, key=lambda text: (-len(text), text)))
        starts = {text[0] for text in self.texts}
        self._suspect = re.compile(f"[{ranges}{''.join(map(re.escape, sorted(starts)))}]")
        self._suspect_ascii = tuple(c for c in map(chr, range(128)) if self._suspect.match(c))
        # A look-ahead finds overlapping occurrences too, so none can survive beside another.
        self._pattern = (
            re.compile(f"(?={'|'.join(map(re.escape, self.texts))})") if self.texts else None
        )

    def may_change(self, parts: Iterable[str]) -> bool:
        """False where a glance shows that `protect_parts` would return the parts as they are."""
        for part in parts:
            if not part.isascii():
                if self._suspect.search(part):
                    return True
            else:
                for letter in self._suspect_ascii:  # a handful; faster than the expression
                    if letter in part:
                        return True
        return False

    def breaks(self, text: str, *, assistant: bool = False) -> list[int]:
        """Where a break must be inserted: indices into `text`, ascending."""
        if self._pattern is None:
            return []
        starts = [match.start() for match in self._pattern.finditer(text)]
        if starts:
            allowed = _own_tags(text, assistant)
            starts = [start for start in starts if start not in allowed]
        return [start + 1 for start in starts]

    def protect(self, text: str, *, assistant: bool = False) -> str:
        """`text` without any control token or lost character in it."""
        return "".join(self.protect_parts([text], assistant=assistant))

    def protect_parts(self, parts: Iterable[str], *, assistant: bool = False) -> list[str]:
        """The same for a text given in parts: an occurrence may cross from one to the next."""
        parts = [self._lost.sub("\ufffd", part) for part in parts]
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
