"""The index on disk: one sqlite file per corpus, brought up to date by what has changed.

Passages stand in a table as they are; what is searched is their terms (`analysis`), in an FTS5
table of three fields. An update is one transaction: a kill at any instant leaves the index as it
was, and two processes that open the same corpus do the work once, one after the other.

    index = Index.open(path)
    index.update(sources, read)              # {name: stamp}, and how to read a source
    index.search(["read", "line"], k=5)      # [(score, Document), …], best first
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepcoder.errors import MissingError
from deepcoder.retrieval import analysis, documents
from deepcoder.retrieval.documents import Document

__all__ = ["WEIGHTS", "Changes", "Index"]

WEIGHTS = (1.0, 1.0, 1.0)
"""Weights of title, summary and text in BM25. A summary's terms stand in the text too, so they
count twice; other weights did not find more (experiments/benchmarks/retrieval.py)."""

_SCHEMA_VERSION = 1
_LOCK_SECONDS = 120.0
_ANOTHER = "an index of another version"
_BROKEN = ("not a database", "malformed", "no such table", "no such column", _ANOTHER)
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE sources (name TEXT PRIMARY KEY, stamp TEXT, failure TEXT);
CREATE TABLE passages (
    rowid INTEGER PRIMARY KEY, id TEXT UNIQUE, source_name TEXT, title TEXT, lead TEXT, text TEXT,
    source TEXT
);
CREATE INDEX passages_of_source ON passages (source_name);
CREATE VIRTUAL TABLE search USING fts5 (
    title, summary, text, tokenize = "unicode61 remove_diacritics 0 tokenchars '._'"
);
"""
_COLUMNS = "p.id, p.title, p.source, p.text, p.lead"


@dataclass(frozen=True)
class Changes:
    """What an update did: sources read again, sources gone; `failures` maps names to reasons."""

    read: int
    removed: int
    failures: dict[str, str]


class Index:
    """See the module's text. Searches are safe from several threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Index:
        """The index at `path`, empty when there is none; one of another version is built anew.

        Raises MissingError when the folder cannot be written or this Python's sqlite has no FTS5.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return cls(path, _connect(path))
        except sqlite3.DatabaseError as error:
            if "fts5" in str(error):
                raise MissingError(
                    "This Python's sqlite3 has no full-text search (FTS5).",
                    fix="use a Python whose sqlite was built with FTS5, or leave `retrieve` out of "
                    "agent.tools",
                ) from error
            if not any(words in str(error) for words in _BROKEN):
                raise _no_place(path, error) from error
            # Torn, foreign or of another version: everything in it can be made again.
            for name in (path, path.with_name(f"{path.name}-journal")):
                name.unlink(missing_ok=True)
            return cls(path, _connect(path))
        except OSError as error:
            raise _no_place(path, error) from error

    def close(self) -> None:
        self._connection.close()

    # ---------------------------------------------------------------------------- updating

    def stale(self, sources: Mapping[str, str]) -> list[str]:
        """The sources that an update would read."""
        held = dict(self._connection.execute("SELECT name, stamp FROM sources"))
        return [name for name, stamp in sources.items() if held.get(name) != stamp]

    def update(
        self, sources: Mapping[str, str], read: Callable[[str], Iterable[Document]]
    ) -> Changes:
        """Bring the index to `sources` (name to a stamp that changes when its content does).

        `read` gives the passages of a source; a ValueError from it is the reason why the source has
        none, which is remembered until its stamp changes.
        """
        connection = self._connection
        with self._lock, _transaction(connection):
            held = {
                name: (stamp, failure)
                for name, stamp, failure in connection.execute("SELECT * FROM sources")
            }
            gone = held.keys() - sources.keys()
            stale = self.stale(sources)
            for name in (*gone, *(name for name in stale if name in held)):
                self._forget(name)
            failures = {
                name: failure
                for name, (_, failure) in held.items()
                if failure and name in sources and name not in set(stale)
            }
            for name in stale:
                try:
                    self._add(name, read(name))
                    failure = None
                except ValueError as reason:
                    failures[name] = failure = str(reason)
                row = (name, sources[name], failure)
                connection.execute("INSERT INTO sources VALUES (?, ?, ?)", row)
            if gone or stale:
                self._set("digest", self._digest())
        return Changes(len(stale), len(gone), failures)

    def _forget(self, name: str) -> None:
        where = "(SELECT rowid FROM passages WHERE source_name = ?)"
        self._connection.execute(f"DELETE FROM search WHERE rowid IN {where}", (name,))
        self._connection.execute("DELETE FROM passages WHERE source_name = ?", (name,))
        self._connection.execute("DELETE FROM sources WHERE name = ?", (name,))

    def _add(self, name: str, documents: Iterable[Document]) -> None:
        for d in documents:
            cursor = self._connection.execute(
                "INSERT INTO passages (id, source_name, title, lead, text, source) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (d.id, name, *map(_storable, (d.title, d.lead, d.text, d.source))),
            )
            fields = [" ".join(analysis.terms(part)) for part in (d.title, d.summary, d.text)]
            self._connection.execute(
                "INSERT INTO search (rowid, title, summary, text) VALUES (?, ?, ?, ?)",
                (cursor.lastrowid, *fields),
            )

    def _digest(self) -> str:
        digest = hashlib.sha256()
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM passages p ORDER BY p.id")
        for row in rows:
            digest.update(repr(row).encode("utf-8", "replace"))
        return digest.hexdigest()[:16]

    # --------------------------------------------------------------------------- searching

    @property
    def digest(self) -> str:
        """Names the content: the same passages have the same digest on every machine."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = 'digest'").fetchone()
        return row[0] if row else ""

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM passages").fetchone()[0])

    def documents(self) -> Iterator[Document]:
        """Every passage, by id. Searches may go on in between."""
        batch = self._batch("")
        while batch:
            yield from batch
            batch = self._batch(batch[-1].id)

    def _batch(self, after: str) -> list[Document]:
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM passages p WHERE p.id > ? ORDER BY p.id LIMIT 1000",
                (after,),
            ).fetchall()
        return [Document(*row) for row in rows]

    def get(self, ids: Sequence[str]) -> list[Document]:
        """The passages with these ids, in their order; unknown ids are left out."""
        with self._lock:
            rows = [
                self._connection.execute(
                    f"SELECT {_COLUMNS} FROM passages p WHERE p.id = ?", (name,)
                ).fetchone()
                for name in ids
            ]
        return [Document(*row) for row in rows if row is not None]

    def exclude(self, ids: Collection[str]) -> int:
        """Never show these passages while this index is open; returns how many of them it has."""
        with self._lock:
            self._connection.execute("DELETE FROM temp.excluded")
            for name in ids:
                self._connection.execute(
                    "INSERT OR IGNORE INTO temp.excluded SELECT rowid FROM passages WHERE id = ?",
                    (name,),
                )
            count = self._connection.execute("SELECT count(*) FROM temp.excluded").fetchone()[0]
            self._connection.commit()
        return int(count)

    def search(
        self, terms: Sequence[str], k: int, weights: Sequence[float] = WEIGHTS
    ) -> list[tuple[float, Document]]:
        """The best `k` passages that hold any of the terms, with their BM25 scores, best first.

        Equal scores come in the order in which passages were added.
        """
        # Quoted, so that no term is ever read as an operator of FTS5's query language.
        match = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
        if not match:
            return []
        with self._lock:
            rows = self._connection.execute(
                f"SELECT -bm25(search, ?, ?, ?), {_COLUMNS} FROM search "
                "JOIN passages p ON p.rowid = search.rowid "
                "WHERE search MATCH ? AND search.rowid NOT IN temp.excluded "
                "ORDER BY bm25(search, ?, ?, ?), search.rowid LIMIT ?",
                (*weights, match, *weights, k),
            ).fetchall()
        return [(score, Document(*row)) for score, *row in rows]

    def _set(self, key: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_LOCK_SECONDS, check_same_thread=False, isolation_level=None
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("CREATE TEMP TABLE excluded (row INTEGER PRIMARY KEY)")
    with _transaction(connection):
        version = str((_SCHEMA_VERSION, analysis.VERSION, documents.VERSION))
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        found = None
        if "meta" in tables:
            row = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
            found = row[0] if row else None
        if found != version:
            if tables:
                raise sqlite3.DatabaseError(_ANOTHER)
            for statement in filter(str.strip, _SCHEMA.split(";\n")):
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('version', ?)", (version,))
    return connection


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; others wait until it is over."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _storable(text: str) -> str:
    """sqlite holds UTF-8: lone surrogates become U+FFFD."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _no_place(path: Path, error: Exception) -> MissingError:
    return MissingError(
        f"The index of the documents cannot be written to {path.parent}: {error}.",
        fix="set paths.cache to a folder that can be written",
    )
