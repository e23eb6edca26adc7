"""A corpus that can be searched: opened, built where needed, and asked.

    corpus = open_corpus(None, cache)                   # the running Python's own documentation
    corpus = open_corpus(Path("docs"), cache)           # a folder of documents
    for hit in corpus.search("merge two dicts", k=3):
        print(hit.document.title, hit.document.source, hit.snippet)

The index lies in the cache: the Python one by version, a folder's by its path, and a folder's is
brought up to date whenever it is opened. For decontamination, `documents` walks over all passages
and `exclude` takes some of them out of every answer.
"""

from __future__ import annotations

import hashlib
import logging
import platform
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepcoder.errors import MissingError
from deepcoder.retrieval import python_docs
from deepcoder.retrieval.analysis import query_terms
from deepcoder.retrieval.documents import Document
from deepcoder.retrieval.folder import SUFFIXES, Folder, Unreadable
from deepcoder.retrieval.index import Index
from deepcoder.retrieval.names import RankerName
from deepcoder.retrieval.snippets import snippet

__all__ = ["Corpus", "Hit", "open_corpus"]

log = logging.getLogger(__name__)

PASSAGE_CHARS = 1200
MAX_FILE_BYTES = 2 << 20


@dataclass(frozen=True)
class Hit:
    """An answer: a passage, how well it fits (higher is better), and the part that does."""

    document: Document
    score: float
    snippet: str


class Corpus:
    """A searchable corpus. Searches are safe from several threads.

    `skipped` maps reasons to the files that could not be read; `name` says what it is.
    """

    def __init__(
        self, name: str, index: Index, ranker: RankerName, skipped: dict[str, list[str]]
    ) -> None:
        self.name = name
        self.skipped = skipped
        self._index = index
        self._excluded: frozenset[str] = frozenset()
        self._bm25 = None
        if ranker is RankerName.bm25s:
            from deepcoder.retrieval.bm25 import Bm25

            self._bm25 = Bm25(index.documents())

    def __len__(self) -> int:
        """Passages, those that are excluded included."""
        return len(self._index)

    @property
    def digest(self) -> str:
        """Names content and exclusions: what can be found is the same where this is the same."""
        if not self._excluded:
            return self._index.digest
        text = "\n".join([self._index.digest, *sorted(self._excluded)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def documents(self) -> Iterator[Document]:
        """Every passage, by id."""
        return self._index.documents()

    def exclude(self, ids: Collection[str]) -> int:
        """From now on show none of these passages; returns how many of them there are.

        An id without `#` stands for all passages of its document.
        """
        wanted = set(ids)
        self._excluded = frozenset(
            document.id
            for document in self._index.documents()
            if document.id in wanted or document.whole in wanted
        )
        return self._index.exclude(self._excluded)

    def search(self, query: str, k: int = 5, *, snippet_chars: int = 300) -> list[Hit]:
        """The best passages for a query in words or names, one of each document, best first."""
        terms = query_terms(query)
        hits: list[Hit] = []
        seen: set[str] = set()
        for score, document in self._ranked(terms, 4 * k):
            if document.whole not in seen and len(hits) < k:
                seen.add(document.whole)
                hits.append(Hit(document, score, snippet(document.text, terms, snippet_chars)))
        return hits

    def _ranked(self, terms: Sequence[str], k: int) -> list[tuple[float, Document]]:
        if self._bm25 is None:
            return self._index.search(terms, k)
        scored = self._bm25.search(terms, k, self._excluded)
        documents = self._index.get([name for _, name in scored])
        return [(score, document) for (score, _), document in zip(scored, documents, strict=True)]

    def close(self) -> None:
        self._index.close()


def open_corpus(
    path: Path | None,
    cache: Path,
    *,
    ranker: RankerName = RankerName.fts5,
    passage_chars: int = PASSAGE_CHARS,
    max_file_bytes: int = MAX_FILE_BYTES,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Corpus:
    """The corpus of a folder, or of the running Python when `path` is None; built if need be.

    `on_progress(done, total)` counts what is read: files of the folder, or modules.
    Raises MissingError for a folder that is absent or holds nothing to read.
    """
    place = cache.expanduser() / "retrieval"
    if path is None:
        return _python(place, ranker, passage_chars, on_progress)
    return _folder(path, place, ranker, passage_chars, max_file_bytes, on_progress)


def _python(
    place: Path, ranker: RankerName, chars: int, on_progress: Callable[[int, int], None]
) -> Corpus:
    version = f"{platform.python_implementation()}-{platform.python_version()}".lower()
    index = Index.open(place / f"{version}-{chars}.sqlite")

    def read(name: str) -> Iterator[Document]:
        log.info("Reading the documentation of %s, once.", python_docs.SOURCE)
        return python_docs.python_documents(chars=chars, on_progress=on_progress)

    index.update({python_docs.SOURCE: f"{version} {python_docs.VERSION}"}, read)
    return Corpus(python_docs.SOURCE, index, ranker, {})


def _folder(
    path: Path,
    place: Path,
    ranker: RankerName,
    chars: int,
    max_bytes: int,
    on_progress: Callable[[int, int], None],
) -> Corpus:
    folder = Folder(path, max_bytes=max_bytes)
    files = {file.name: file for file in folder.files()}
    key = hashlib.sha256(str(folder.root.resolve()).encode("utf-8", "replace")).hexdigest()[:16]
    index = Index.open(place / f"folder-{key}-{chars}.sqlite")
    done = 0

    def read(name: str) -> list[Document]:
        nonlocal done
        done += 1
        on_progress(done, total)
        try:
            return folder.read(files[name], chars=chars)
        except Unreadable as reason:
            raise ValueError(str(reason)) from None

    stamps = {name: f"{file.size} {file.mtime_ns}" for name, file in files.items()}
    total = len(index.stale(stamps))
    changes = index.update(stamps, read)
    skipped = defaultdict(list, folder.skipped)
    for name, reason in sorted(changes.failures.items()):
        skipped[reason].append(name)
    corpus = Corpus(str(path), index, ranker, dict(skipped))
    if not len(corpus):
        raise _empty(path, skipped)
    if changes.read or changes.removed:
        log.info(
            "Documents in %s: %d files read, %d gone, %d passages.",
            *(path, changes.read, changes.removed, len(corpus)),
        )
    if skipped:
        log.warning("Documents in %s: skipped %s.", path, _listed(skipped))
    return corpus


def _empty(path: Path, skipped: dict[str, list[str]]) -> MissingError:
    why = f" (skipped {_listed(skipped)})" if skipped else ""
    return MissingError(
        f"retrieval.path={path} holds no document{why}.",
        fix=f"give a folder with files that end in {', '.join(SUFFIXES)}",
    )


def _listed(skipped: dict[str, list[str]]) -> str:
    """Each reason with its count and one example."""
    return "; ".join(
        f"{len(names)} {reason} (e.g. {names[0]!r})" for reason, names in sorted(skipped.items())
    )
