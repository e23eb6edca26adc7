"""Text to search terms: one analysis for passages and queries, for every ranker.

Code is not prose: who looks for "read text" wants `Path.read_text`, and who pastes `OrderedDict`
wants what is written about ordered dicts. So an identifier gives its parts and itself.

    terms("collections.OrderedDict")   # ['collections.ordereddict', 'collections', 'ordereddict',
                                       #  'ordered', 'dict']
    query_terms("How do I read the lines of a file?")             # ['read', 'line', 'file']

Words are reduced by a light stemmer (plural, -ing, -ed), which errs on the side of leaving a word
as it is: a full Porter stemmer makes `str.casefold` and "case folding" meet too, but also merges
names that differ (`universe`, `university`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["MAX_QUERY_CHARS", "query_terms", "stem", "terms"]

VERSION = 1
"""Of the analysis: raised when it changes, so that an index on disk is built again."""

MAX_QUERY_CHARS = 1000
_MAX_QUERY_TERMS = 64
_MAX_TERM = 64

_NAME = re.compile(r"\w++(?:\.\w++)*+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VOWEL = re.compile(r"[aeiouy]")

_QUESTION_WORDS = """
a about all am an and another any are as at be because been being but by can cannot could do does
doing each either every for from get give given had has have having how i if in into is it its
just let like make me my need not of on one only or other our out over own please should so some
such than that the their them then there these they this those to too under until up use used
using want was way we what when where which while who why will with within without would you your
python
"""
STOPWORDS = frozenset(_QUESTION_WORDS.split())
"""Words of questions that say nothing about their subject. Left out of queries only."""


def terms(text: str) -> list[str]:
    """The search terms of a text, in order, repeats kept."""
    return list(_terms(text))


def query_terms(text: str) -> list[str]:
    """The distinct terms of a query without stop words; with them when nothing else is left."""
    found = dict.fromkeys(_terms(text[:MAX_QUERY_CHARS]))
    kept = [term for term in found if term not in _STOPPED]
    return (kept or list(found))[:_MAX_QUERY_TERMS]


def _terms(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        name = match[0].strip("_.")
        if not name:
            continue
        dotted = name.split(".")
        if len(dotted) > 1 and len(name) <= _MAX_TERM:
            yield name.lower()
        for identifier in dotted:
            yield from _identifier(identifier.strip("_"))


def _identifier(name: str) -> Iterator[str]:
    if not name:
        return
    parts = [part for word in name.split("_") for part in _humps(word)]
    whole = name.lower()[:_MAX_TERM]
    if len(parts) < 2:
        yield stem(whole)
        return
    yield whole
    for part in parts:
        if len(part) > 1:
            yield stem(part.lower()[:_MAX_TERM])


def _humps(word: str) -> list[str]:
    return _CAMEL.findall(word) if word.isascii() else [word]


def stem(word: str) -> str:
    """An English word without its plural, -ing or -ed; anything else as it is.

    >>> [stem(word) for word in ("queries", "boxes", "class", "splitting", "sorted", "string")]
    ['query', 'box', 'class', 'split', 'sort', 'string']
    """
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _singular(word)
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= 3 and _VOWEL.search(root) and not _whole(word):
            if root[-1] == root[-2] and root[-1] not in "lsz":
                root = root[:-1]
            return root.removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _whole(word: str) -> bool:
    """Words whose ending is part of them."""
    return word in ("string", "substring", "embed", "need", "speed", "exceed", "bring", "during")


_STOPPED = frozenset({*STOPWORDS, *(stem(word) for word in STOPWORDS)})
