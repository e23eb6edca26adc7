"""Terms of text and code, and of questions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.retrieval.analysis import query_terms, stem, terms
from deepcoder.retrieval.snippets import snippet


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("read_text", ["read_text", "read", "text"]),
        ("OrderedDict", ["ordereddict", "order", "dict"]),
        ("HTMLParser.feed()", ["htmlparser.feed", "htmlparser", "html", "parser", "feed"]),
        ("os.path.join", ["os.path.join", "os", "path", "join"]),
        ("__init__", ["init"]),
        ("MAX_SIZE", ["max_size", "max", "size"]),
        ("utf8 b64", ["utf8", "utf", "b64", "64"]),
        ("It ends. Then more.", ["it", "end", "then", "more"]),
        ("größe 漢字", ["größe", "漢字"]),
        ("...,;", []),
    ],
)
def test_identifiers_give_their_parts_and_themselves(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    "forms",
    [("split", "splits", "splitting"), ("query", "queries"), ("sort", "sorted", "sorting"),
     ("merge", "merged", "merging"), ("box", "boxes"), ("file", "files"), ("parse", "parsing")],
)  # fmt: skip
def test_forms_of_a_word_meet(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("word", ["string", "class", "bus", "need", "king", "this", "pass", "x2s"])
def test_words_that_only_look_inflected_stay(word: str) -> None:
    assert stem(word) == word


def test_a_question_is_reduced_to_its_subject() -> None:
    assert query_terms("How do I read the lines of a file, please?") == ["read", "line", "file"]
    assert query_terms("what is it") != [], "nothing else is left of it"
    assert query_terms("") == []
    assert len(query_terms(" ".join(f"w{i}" for i in range(10_000)))) <= 64


@given(st.text())
def test_any_text_has_terms_that_a_search_can_hold(text: str) -> None:
    for term in terms(text):
        assert term
        assert not set(term) & set(' "*()^')


@given(st.text(min_size=1), st.lists(st.text(max_size=5)), st.integers(20, 200))
def test_snippets_are_short_parts_of_the_text(text: str, wanted: list[str], chars: int) -> None:
    part = snippet(text, wanted, chars)
    assert len(part) <= chars
    inner = part.removeprefix("… ").removesuffix(" …")
    assert inner in text or inner == part


def test_a_snippet_stands_where_the_terms_are() -> None:
    text = "Nothing here. " * 30 + "The heap keeps its smallest item first. " + "Or here. " * 30
    part = snippet(text, ["heap", "smallest"], 80)
    assert "The heap keeps its smallest item first." in part
    assert part.startswith("… ")
    assert part.endswith(" …")
