"""The default corpus, its index on disk, and searching it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcoder.errors import MissingError
from deepcoder.retrieval import Corpus, Document, RankerName, open_corpus
from deepcoder.retrieval.index import Index

HOSTILE = [
    '"', "'", "*", "a*", "NEAR(a b)", "a NOT b", "AND", "OR OR", "(", "{title}: x", "title:x", "-x",
    "^x", "a AND", '"unclosed', "x; DROP TABLE passages", "\x00", "\ud800", "%_", "+", "a" * 5000,
]  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def corpus(cache: Path) -> Corpus:
    return open_corpus(None, cache)


@pytest.fixture(scope="module", params=list(RankerName))
def ranker(request) -> RankerName:
    return request.param


@pytest.fixture(scope="module")
def ranked(ranker: RankerName, corpus: Corpus, cache: Path) -> Corpus:
    return open_corpus(None, cache, ranker=ranker)


def found(corpus: Corpus, query: str) -> list[str]:
    return [hit.document.whole for hit in corpus.search(query)]


def test_the_running_pythons_documentation_is_there(corpus: Corpus) -> None:
    names = {document.whole for document in corpus.documents()}
    expected = ("str.split", "collections.Counter.most_common", "os.path.join", "math.gcd",
                "asyncio.gather", "bisect.bisect_right", "help/formatstrings", "itertools",
                "csv.DictReader", "datetime.timedelta.days")  # fmt: skip
    assert [name for name in expected if name not in names] == []
    assert len(corpus) > 5000
    assert not any("0x7" in document.lead for document in corpus.documents())
    assert not any(name.startswith(("antigravity", "_", "posixpath")) for name in names)


def test_it_is_built_once(corpus: Corpus, cache: Path) -> None:
    read: list[int] = []
    again = open_corpus(None, cache, on_progress=lambda done, total: read.append(done))
    assert read == []
    assert again.digest == corpus.digest


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("OrderedDict.move_to_end", "collections.OrderedDict.move_to_end"),
        ("greatest common divisor", "math.gcd"),
        ("most common", "collections.Counter.most_common"),
        ("merge two sorted lists", "heapq.merge"),
    ],
)
def test_names_and_words_find_it(ranked: Corpus, query: str, expected: str) -> None:
    assert expected in found(ranked, query)


@pytest.mark.parametrize("query", HOSTILE)
def test_no_query_is_read_as_a_query_language(ranked: Corpus, query: str) -> None:
    for hit in ranked.search(query):
        assert hit.snippet
    assert found(ranked, f"math.gcd {query}")[0] == "math.gcd"


@settings(max_examples=100, deadline=None)
@given(query=st.text(max_size=60))
def test_any_query_is_answered(corpus: Corpus, query: str) -> None:
    hits = corpus.search(query, k=3, snippet_chars=200)
    assert len(hits) <= 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(len(hit.snippet) <= 200 for hit in hits)


def test_what_is_excluded_is_never_found(ranked: Corpus, ranker: RankerName, cache: Path) -> None:
    mine = open_corpus(None, cache, ranker=ranker)
    before = mine.digest
    assert found(mine, "greatest common divisor")[0] == "math.gcd"
    assert mine.exclude(["math.gcd", "no.such.thing"]) == 1
    assert "math.gcd" not in found(mine, "greatest common divisor")
    assert mine.digest != before
    assert found(ranked, "greatest common divisor")[0] == "math.gcd", "others are not touched"
    assert mine.exclude([]) == 0
    assert mine.digest == before
    long = next(d.whole for d in mine.documents() if "#2" in d.id)
    assert mine.exclude([long]) > 1, "a document's passages go together"


def test_all_documents_can_be_walked_while_searching(corpus: Corpus) -> None:
    ids = []
    for document in corpus.documents():
        if len(ids) % 2000 == 0:
            assert corpus.search(document.title) is not None
        ids.append(document.id)
    assert len(ids) == len(set(ids)) == len(corpus)
    assert ids == sorted(ids)


def test_threads_may_search_together(corpus: Corpus) -> None:
    answers: list[list[str]] = []

    def ask() -> None:
        for _ in range(10):
            answers.append(found(corpus, "greatest common divisor"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 40
    assert len(set(map(tuple, answers))) == 1


def test_without_the_package_the_other_ranker_is_named(cache: Path, corpus, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bm25s", None)
    with pytest.raises(MissingError, match=r"deepcoder\[retrieval\].*fts5"):
        open_corpus(None, cache, ranker=RankerName.bm25s)


# -------------------------------------------------------------------------------- the index


def document(name: str, text: str) -> Document:
    return Document(id=name, title=name, source="test", text=text)


def test_an_update_that_breaks_off_leaves_the_index_as_it_was(tmp_path: Path) -> None:
    index = Index.open(tmp_path / "i.sqlite")
    index.update({"a": "1", "b": "1"}, lambda name: [document(name, f"text of {name}")])
    before = list(index.documents())

    def killed(name: str):
        yield document(name, "half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.update({"a": "2"}, killed)
    index.close()
    again = Index.open(tmp_path / "i.sqlite")
    assert list(again.documents()) == before
    assert again.update({"a": "1", "b": "1"}, killed).read == 0


@pytest.mark.parametrize("content", [b"not a database at all" * 99, b"", b"SQLite format 3\0" * 99])
def test_a_broken_index_is_built_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "i.sqlite"
    path.write_bytes(content)
    index = Index.open(path)
    index.update({"a": "1"}, lambda name: [document(name, "text")])
    assert len(index) == 1


def test_an_index_of_another_version_is_built_anew(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    index = Index.open(path)
    index.update({"a": "1"}, lambda name: [document(name, "text")])
    index.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = 'older' WHERE key = 'version'")
    assert len(Index.open(path)) == 0


def test_an_index_that_is_in_use_is_not_thrown_away(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("deepcoder.retrieval.index._LOCK_SECONDS", 0.1)
    path = tmp_path / "i.sqlite"
    Index.open(path).update({"a": "1"}, lambda name: [document(name, "text")])
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(MissingError, match="locked"):
        Index.open(path)
    writer.execute("ROLLBACK")
    assert len(Index.open(path)) == 1


def test_a_cache_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MissingError, match=r"paths\.cache"):
        open_corpus(None, tmp_path / "file")
