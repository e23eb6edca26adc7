"""The part of a passage that answers a query best, short enough to be read in a conversation.

snippet(document.text, ["read", "line"], chars=300)
"""

from __future__ import annotations

import re
from collections.abc import Collection

from deepcoder.retrieval import analysis

__all__ = ["snippet"]

GAP = "…"
_PIECE = re.compile(r"[^\n]*?(?:[.!?:](?=\s)|\n|\Z)[ \t]*", re.S)


def snippet(text: str, terms: Collection[str], chars: int) -> str:
    """At most `chars` characters of `text`, whole sentences or lines around most of the terms.

    What is left out is marked by `…`; the earliest of equally good parts is taken.
    """
    text = text.strip()
    if len(text) <= chars:
        return text
    room = max(chars - 2 * (len(GAP) + 1), 1)
    pieces = [match[0] for match in _PIECE.finditer(text) if match[0]]
    wanted = set(terms)
    held = [wanted.intersection(analysis.terms(piece)) for piece in pieces]
    best, chosen = -1, (0, 1)
    for start in range(len(pieces)):
        end, size, found = start, 0, set[str]()
        while end < len(pieces) and (end == start or size + len(pieces[end]) <= room):
            size += len(pieces[end])
            found |= held[end]
            end += 1
        if len(found) > best:
            best, chosen = len(found), (start, end)
    start, end = chosen
    part = "".join(pieces[start:end]).strip()
    if len(part) > room:
        part = part[:room].rstrip()
        end = start
    before = f"{GAP} " if start else ""
    return f"{before}{part}" + ("" if end == len(pieces) else f" {GAP}")
