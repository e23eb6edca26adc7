"""Folders of documents: what is read out of them, and what is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deepcoder.errors import MissingError
from deepcoder.retrieval import Corpus, open_corpus
from deepcoder.retrieval.folder import sections

MARKDOWN = """Before.

# Guide

Start here.

## Install ##

```bash
# not a heading
make install
```

Run it.
"""
RST = """=====
Guide
=====

Start here.

Install
-------

Run it::

    make install

a table
======= ====
x       y
"""
HTML = """<!doctype html>
<html><head><title>T</title><script>var secret = "<h1>no</h1>"</script></head>
<body><!-- hidden <h2>no</h2> --><h1>The <em>guide</em></h1><p>Start &amp; go.</p>
<h2 class="x">Install</h2><ul><li>make<li>install</ul><style>p {}</style></body></html>"""


def headings(text: str, form: str) -> list[tuple[str, str]]:
    return list(sections(text, form))


def test_markdown_is_cut_at_headings_outside_of_fences() -> None:
    found = headings(MARKDOWN, "markdown")
    assert [heading for heading, _ in found] == ["", "Guide", "Guide / Install"]
    assert "# not a heading" in found[2][1]


def test_restructured_text_is_cut_at_underlined_titles() -> None:
    found = headings(RST, "rst")
    assert [heading for heading, _ in found] == ["Guide", "Guide / Install"]
    assert "make install" in found[1][1]
    assert "=====" not in found[0][1]


def test_html_is_read_as_its_visible_text() -> None:
    found = headings(HTML, "html")
    assert [heading for heading, _ in found] == ["The guide", "The guide / Install"]
    assert found[0][1].strip() == "Start & go."
    assert found[1][1].split() == ["make", "install"]


def test_letters_that_grow_in_lower_case_shift_nothing() -> None:
    page = "<h1>İİİİ</h1><p>One.</p><SCRIPT>İ</SCRIPT><H2>Two</H2>three"
    assert headings(page, "html") == [("İİİİ", "One."), ("İİİİ / Two", "three")]


@pytest.mark.parametrize(
    "text", ["<" * 2_000_000, "<a" * 700_000, "<script" * 250_000, "<!--" * 400_000,
             "<h1>" * 300_000, "</" * 900_000, "&" * 2_000_000, "<a " + "b" * 2_000_000]
)  # fmt: skip
def test_hostile_html_takes_one_pass(text: str) -> None:
    """Quadratic reading would run into the time limit of the tests."""
    for form in ("html", "markdown", "rst"):
        assert len(headings(text, form)) < 400_000


def write(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def opened(folder: Path, cache: Path, **settings) -> Corpus:
    return open_corpus(folder, cache, **settings)


def titles(corpus: Corpus, query: str) -> list[str]:
    return [hit.document.source for hit in corpus.search(query)]


def test_all_forms_are_found_with_their_source(tmp_path: Path) -> None:
    docs = write(
        tmp_path / "docs",
        a_md="# Heaps\n\nA heap keeps the smallest first.",
        sub__b_rst="Queues\n======\n\nFirst in, first out.",
        c_html="<h1>Stacks</h1><p>Last in, first out.",
        d_TXT="Graphs have edges.",
        e_py="print('not a document')",
    )
    corpus = opened(docs, tmp_path / "cache")
    assert len(corpus) == 4
    assert titles(corpus, "smallest") == ["a.md § Heaps"]
    assert titles(corpus, "which queue is first in first out?")[0] == "sub/b.rst § Queues"
    assert titles(corpus, "edge") == ["d.TXT"]
    assert titles(corpus, "last in")[0] == "c.html § Stacks"
    assert titles(corpus, "zebra") == []
    assert corpus.skipped == {}


def test_what_cannot_be_read_is_skipped_counted_and_named(tmp_path: Path, caplog) -> None:
    docs = write(
        tmp_path / "docs",
        good_md="fine",
        binary_md=b"a\0b",
        latin_txt=b"caf\xe9",
        empty_md="  \n",
        huge_txt="x" * 5000,
        _git__hidden_md="hidden",
    )
    (tmp_path / "outside.md").write_text("secret")
    os.symlink(tmp_path / "outside.md", docs / "link.md")
    os.symlink(docs, docs / "loop")
    os.symlink(docs / "nowhere", docs / "dangling.md")
    os.mkfifo(docs / "pipe.txt")
    corpus = opened(docs, tmp_path / "cache", max_file_bytes=4096)
    assert [document.id for document in corpus.documents()] == ["good.md"]
    assert corpus.skipped == {
        "binary": ["binary.md"],
        "not UTF-8": ["latin.txt"],
        "no text in it": ["empty.md"],
        "larger than 4 KiB": ["huge.txt"],
        "a link out of the folder": ["link.md"],
        "cannot be opened": ["dangling.md"],
        "not a regular file": ["pipe.txt"],
    }
    assert "1 binary (e.g. 'binary.md')" in caplog.text
    again = opened(docs, tmp_path / "cache", max_file_bytes=4096)
    assert again.skipped == corpus.skipped, "also when nothing had to be read again"


def test_a_folder_that_is_missing_or_empty_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="does not exist") as caught:
        opened(tmp_path / "nowhere", tmp_path / "cache")
    assert "retrieval.path" in str(caught.value)
    file = tmp_path / "file.md"
    file.write_text("x")
    with pytest.raises(MissingError, match="is a file"):
        opened(file, tmp_path / "cache")
    docs = write(tmp_path / "docs", binary_md=b"\0", code_py="x")
    with pytest.raises(MissingError, match=r"no document .*1 binary.*\.rst"):
        opened(docs, tmp_path / "cache")


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", a_md="apples", b_md="bananas", c_md="cherries")
    read: list[tuple[int, int]] = []

    def open_and_count() -> Corpus:
        read.clear()
        return opened(docs, tmp_path / "cache", on_progress=lambda *seen: read.append(seen))

    first = open_and_count()
    assert len(read) == 3
    digest = first.digest
    assert open_and_count().digest == digest
    assert read == []
    write(docs, b_md="blueberries", d_md="dates")
    (docs / "c.md").unlink()
    corpus = open_and_count()
    assert read == [(1, 2), (2, 2)]
    assert [document.id for document in corpus.documents()] == ["a.md", "b.md", "d.md"]
    assert titles(corpus, "banana") == []
    assert titles(corpus, "blueberry") == ["b.md"]
    assert corpus.digest != digest
    fresh = open_corpus(docs, tmp_path / "other")
    assert fresh.digest == corpus.digest, "the content decides, not how it was reached"


def test_long_documents_are_cut_into_passages_and_shown_once(tmp_path: Path) -> None:
    text = "\n\n".join(f"Paragraph {i} about heaps. {'word ' * 60}" for i in range(10))
    corpus = opened(write(tmp_path / "docs", a_md=text), tmp_path / "cache", passage_chars=500)
    ids = [document.id for document in corpus.documents()]
    assert "a.md" in ids
    assert "a.md#2" in ids
    assert all(len(document.text) <= 500 for document in corpus.documents())
    assert len(corpus.search("heap")) == 1
