"""Texts that answer a question: exact match and word F1 after the usual normalisation.

Lower case, without punctuation and the articles a, an, the, single spaces: the measure of SQuAD
(arXiv 1606.05250), which HotpotQA (arXiv 1809.09600) took over. Nothing is run here.

    exact_match("The Eiffel Tower.", ["Eiffel tower"])     # True
    word_f1("in Paris, France", ["Paris"])                 # 0.5
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable

__all__ = ["exact_match", "normal", "word_f1"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CLOSED = frozenset({"yes", "no", "noanswer"})
"""Answers that match whole or not at all: a word in common is no part of a yes."""


def normal(text: str) -> str:
    """The text as it is compared."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, accepted: Iterable[str]) -> bool:
    """Whether the answer is one of the accepted ones."""
    return normal(answer) in {normal(text) for text in accepted}


def word_f1(answer: str, accepted: Iterable[str]) -> float:
    """The best F1 over the accepted answers, of words counted as often as they occur."""
    return max((_f1(normal(answer), normal(text)) for text in accepted), default=0.0)


def _f1(found: str, wanted: str) -> float:
    if found == wanted:
        return 1.0
    if {found, wanted} & _CLOSED:
        return 0.0
    left, right = found.split(), wanted.split()
    common = sum((Counter(left) & Counter(right)).values())
    return 2 * common / (len(left) + len(right)) if common else 0.0
