"""A folder of documents as a corpus: Markdown, reStructuredText, HTML and plain text.

Files are cut at their headings, so that a passage carries the path of headings that leads to it.
Files come from anywhere: what is binary, huge, not UTF-8 or cannot be opened is skipped, counted
and named, never guessed at, and links that leave the folder are not followed.

    folder = Folder(Path("docs"), max_bytes=1 << 21)
    for file in folder.files():
        documents = list(folder.read(file, chars=1200))
    folder.skipped          # {'not UTF-8': ['notes/old.txt']}
"""

from __future__ import annotations

import html
import os
import re
import stat
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deepcoder.errors import MissingError
from deepcoder.retrieval.documents import Document, split

__all__ = ["SUFFIXES", "File", "Folder", "Unreadable", "sections"]

SUFFIXES = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".html": "html",
    ".htm": "html",
    ".txt": "text",
}
"""File name endings that are read, in any case, and as what."""


class Unreadable(Exception):
    """A file that is not a document; the message is the reason, the same for all of its kind."""


@dataclass(frozen=True)
class File:
    """A file of the folder: its relative path with `/`, and what tells whether it changed."""

    name: str
    size: int
    mtime_ns: int


class Folder:
    """The documents under `root`. `skipped` maps each reason to the files it held for.

    Raises MissingError when the folder is absent or no folder.
    """

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self.root = root.expanduser().absolute()
        self.max_bytes = max_bytes
        self.skipped: dict[str, list[str]] = {}
        if not self.root.is_dir():
            what = "is a file" if self.root.exists() else "does not exist"
            raise MissingError(
                f"retrieval.path={root} {what}; it must be a folder of documents.",
                fix="give a folder with .md, .rst, .html or .txt files, or retrieval.path=null",
            )

    def files(self) -> Iterator[File]:
        """Files that may be documents, by name; folders whose name begins with a dot are left."""
        for folder, names, found in os.walk(self.root):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(found):
                path = Path(folder, name)
                if path.suffix.lower() not in SUFFIXES:
                    continue
                relative = path.relative_to(self.root).as_posix()
                try:
                    yield File(relative, *self._look(path))
                except Unreadable as reason:
                    self.skip(relative, reason)

    def _look(self, path: Path) -> tuple[int, int]:
        try:
            if not path.resolve().is_relative_to(self.root.resolve()):
                raise Unreadable("a link out of the folder")
            found = path.stat()
        except (OSError, RuntimeError):
            raise Unreadable("cannot be opened") from None
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable("not a regular file")
        if found.st_size > self.max_bytes:
            raise Unreadable(f"larger than {self.max_bytes >> 10} KiB")
        return found.st_size, found.st_mtime_ns

    def skip(self, name: str, reason: Unreadable) -> None:
        self.skipped.setdefault(str(reason), []).append(name)

    def read(self, file: File, *, chars: int) -> list[Document]:
        """The passages of a file. Raises Unreadable with the reason when it has none."""
        path = self.root / file.name
        documents: list[Document] = []
        for heading, text in sections(_text(path, self.max_bytes), SUFFIXES[path.suffix.lower()]):
            title = heading or path.stem.replace("_", " ").replace("-", " ")
            documents += split(
                file.name,
                title,
                f"{file.name} § {heading}" if heading else file.name,
                text,
                chars=chars,
                first=len(documents) + 1,
            )
        if not documents:
            raise Unreadable("no text in it")
        return documents


def _text(path: Path, max_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError:
        raise Unreadable("cannot be opened") from None
    if b"\0" in data:
        raise Unreadable("binary")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


# ------------------------------------------------------------------------------------ headings

_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_ATX = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*")
_RULE = re.compile(r"([=\-~^\"'`#*+:.<>_])\1{2,}")


def sections(text: str, form: str) -> Iterator[tuple[str, str]]:
    """(path of headings, text under the last of them) in order; texts may be empty of words."""
    found = {"html": _html, "markdown": _markdown, "rst": _rst}.get(form, _plain)(text)
    path: list[tuple[int, str]] = []
    for level, heading, body in found:
        if heading:
            path = [held for held in path if held[0] < level] + [(level, heading)]
        if body.strip():
            yield " / ".join(name for _, name in path), body.strip("\n")


Sections = Iterator[tuple[int, str, str]]
"""Level of the heading (1 is the top), heading, text until the next one."""


def _plain(text: str) -> Sections:
    yield 1, "", text


def _markdown(text: str) -> Sections:
    level, heading, held, fence = 1, "", list[str](), ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            closes = mark and mark[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
        elif mark:
            fence = mark[1]
        elif found := _ATX.fullmatch(line):
            yield level, heading, "\n".join(held)
            level, heading, held = len(found[1]), found[2], []
            continue
        held.append(line)
    yield level, heading, "\n".join(held)


def _rst(text: str) -> Sections:
    lines = text.split("\n")
    level, heading, held = 1, "", list[str]()
    styles: list[str] = []  # by order of appearance, as the format has it
    at = 0
    while at < len(lines):
        title = lines[at].strip()
        under = lines[at + 1].rstrip() if at + 1 < len(lines) else ""
        is_heading = (
            title and _RULE.fullmatch(under) and len(under) >= len(title) and not _RULE.match(title)
        )
        if is_heading and (not held or not held[-1].strip() or _RULE.fullmatch(held[-1].rstrip())):
            if held and _RULE.fullmatch(held[-1].rstrip()):
                held.pop()  # a line above the heading as well
            yield level, heading, "\n".join(held)
            if under[0] not in styles:
                styles.append(under[0])
            level, heading, held = styles.index(under[0]) + 1, title, []
            at += 2
            continue
        held.append(lines[at])
        at += 1
    yield level, heading, "\n".join(held)


# Every quantifier is possessive: a hostile file is read in one pass.
_TAG = re.compile(r"<!--|</?([a-zA-Z][a-zA-Z0-9]*+)[^<>]*+>|<[!?][^<>]*+>")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "head"})
_BLOCKS = """
p div br li ul ol dl dt dd tr table section article header footer pre blockquote hr
"""
_BLOCK = frozenset(_BLOCKS.split())
_HEADING = re.compile(r"h([1-6])")


def _html(text: str) -> Sections:
    level, heading = 1, ""
    parts: list[str] = []
    position = 0
    low = text.translate(_LOWER)  # not lower(), which changes the length of some texts
    while tag := _TAG.search(text, position):
        parts.append(text[position : tag.start()])
        position = tag.end()
        name = (tag[1] or "").lower()
        opens = not tag[0].startswith("</")
        if tag[0] == "<!--" or (opens and name in _HIDDEN):
            end = low.find(f"</{name}" if name else "-->", position)
            position = len(text) if end < 0 else end + (0 if name else len("-->"))
        elif opens and (found := _HEADING.fullmatch(name)):
            end = low.find(f"</{name}", position)
            end = len(text) if end < 0 else end
            yield level, heading, _unmarked("".join(parts))
            level, parts = int(found[1]), []
            heading = " ".join(_unmarked(_TAG.sub("", text[position:end])).split())[:200]
            position = end
        elif name in _BLOCK:
            parts.append("\n\n" if opens and name in ("p", "pre", "table", "ul", "dl") else "\n")
    parts.append(text[position:])
    yield level, heading, _unmarked("".join(parts))


def _unmarked(text: str) -> str:
    text = html.unescape(text).replace("\0", "\ufffd")
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text))
