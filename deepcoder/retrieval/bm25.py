"""Ranking by the `bm25s` package, in memory: an option beside sqlite's own.

    ranker = Bm25(index.documents())
    ranker.search(["read", "line"], k=5)      # [(score, id), …], best first

BM25 knows no fields, so the terms of a field are counted as often as its weight says (a common
stand-in for BM25F). Method and constants are the package's defaults (Lucene's, k1 1.5, b 0.75).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from deepcoder.errors import MissingError
from deepcoder.retrieval import analysis
from deepcoder.retrieval.documents import Document

__all__ = ["WEIGHTS", "Bm25"]

WEIGHTS = (1, 1, 1)
"""How often the terms of title, summary and text count."""


class Bm25:
    """Scores over all passages, held in memory. Raises MissingError without the package."""

    def __init__(self, documents: Iterable[Document], weights: Sequence[int] = WEIGHTS) -> None:
        try:
            import bm25s
        except ImportError as error:
            raise MissingError(
                "retrieval.ranker=bm25s needs the package bm25s.",
                fix="pip install 'deepcoder[retrieval]', or use retrieval.ranker=fts5",
            ) from error
        self._ids: list[str] = []
        tokens: list[list[str]] = []
        for document in documents:
            self._ids.append(document.id)
            parts = (document.title, document.summary, document.text)
            tokens.append(
                [term for part, n in zip(parts, weights, strict=True) for term in _terms(part, n)]
            )
        self._known = {term for passage in tokens for term in passage}
        self._ranker: Any = bm25s.BM25()
        if self._known:
            self._ranker.index(tokens, show_progress=False)

    def search(
        self, terms: Sequence[str], k: int, excluded: Collection[str] = ()
    ) -> list[tuple[float, str]]:
        """The best `k` ids of passages that hold any of the terms, and their scores.

        Equal scores come in the order in which passages were given.
        """
        import numpy as np

        known = [term for term in terms if term in self._known]
        if not known:
            return []
        scores = self._ranker.get_scores(known)
        order = np.argsort(-scores, kind="stable")
        found: list[tuple[float, str]] = []
        for position in order:
            if len(found) == k or scores[position] <= 0:
                break
            if self._ids[position] not in excluded:
                found.append((float(scores[position]), self._ids[position]))
        return found


def _terms(text: str, times: int) -> list[str]:
    return analysis.terms(text) * times
