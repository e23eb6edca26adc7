"""What is searched: documents, and passages short enough to be read whole.

for document in split("guide/intro.md", "Intro", "guide/intro.md", text, chars=1200):
    document.id      # 'guide/intro.md', then 'guide/intro.md#2', …
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["VERSION", "Document", "split", "together"]

VERSION = 2
"""Of how documents are cut: an index that was cut otherwise is made again."""


@dataclass(frozen=True)
class Document:
    """A passage with an address.

    `id` is unique in a corpus and stable as long as the passage's file does not change its
    structure; `title` is what it is about (a qualified name, a path of headings); `lead` holds what
    identifies it further (a signature); `source` says where a reader finds it.
    """

    id: str
    title: str
    source: str
    text: str
    lead: str = ""

    @property
    def summary(self) -> str:
        """What says most in few words: the lead, and the paragraph that opens a document."""
        opening = "" if "#" in self.id else self.text.partition("\n\n")[0]
        return f"{self.lead}\n{opening}".strip()

    @property
    def whole(self) -> str:
        """The id of the document that this passage is a part of."""
        return self.id.partition("#")[0]


def split(
    name: str, title: str, source: str, text: str, *, chars: int, lead: str = "", first: int = 1
) -> Iterator[Document]:
    """Passages of at most `chars` characters, cut between paragraphs where that is possible.

    They are numbered from `first`; number 1 has the bare `name` as its id.
    """
    for number, part in enumerate(_parts(text.strip("\n"), chars), start=first):
        yield Document(
            id=name if number == 1 else f"{name}#{number}",
            title=title,
            source=source,
            text=part,
            lead=lead,
        )


def _parts(text: str, chars: int) -> Iterator[str]:
    held = ""
    for block in _blocks(text, chars):
        if held and len(held) + len(block) + 2 > chars:
            yield held
            held = ""
        held = f"{held}\n\n{block}" if held else block
    if held:
        yield held


def _blocks(text: str, chars: int) -> Iterator[str]:
    """Paragraphs; one that is too long is cut after a line, a word, or where it must be.

    After a line where that is possible, and the next line keeps its indentation: passages that are
    put together again are then the same code (see `together`).
    """
    for paragraph in text.split("\n\n"):
        rest = paragraph.strip("\n")
        while len(rest) > chars:
            cut = rest.rfind("\n", chars // 2, chars)
            if cut < 0:
                cut = max(rest.rfind("\n", 0, chars), rest.rfind(" ", chars // 2, chars))
            if cut < chars // 2:
                cut = chars
            yield rest[:cut]
            rest = rest[cut:].lstrip("\n") if rest[cut] == "\n" else rest[cut:].lstrip(" ")
        if rest.strip():
            yield rest


def together(passages: Sequence[Document]) -> tuple[str, str]:
    """The text of neighbouring passages as it may have been before it was cut: as lines, and as
    one line where a word without spaces was cut."""
    texts = [passage.text for passage in passages]
    return "\n".join(texts), "".join(texts)
