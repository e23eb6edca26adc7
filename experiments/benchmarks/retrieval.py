"""Which ranking finds the right page of Python's documentation, and how fast.

Question: do identifier splitting and field weights find more than what a full-text index does by
itself, and does `bm25s` rank better than sqlite? Every contender answers the same questions
(`retrieval_queries.py`) over the same passages, in the same run. Weights are chosen on the
questions at even positions; those at odd positions were not looked at for it.

    python -m experiments.benchmarks.retrieval            # the table
    python -m experiments.benchmarks.retrieval --weights  # the search for weights, both halves
    python -m experiments.benchmarks.retrieval --misses   # what our default does not find

recall@5 is the share of questions with an accepted passage among five documents, MRR the mean of
1/rank of the first one within ten (0 when there is none); differences are paired over questions,
with a bootstrap interval. Contenders take turns, question by question; times are of one search
without the snippet.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deepcoder.retrieval import Document, open_corpus
from deepcoder.retrieval.analysis import query_terms
from deepcoder.retrieval.bm25 import Bm25
from deepcoder.retrieval.index import WEIGHTS, Index
from experiments.benchmarks.retrieval_queries import QUERIES

DEPTH = 40  # passages asked for, so that ten documents are left when several are of one
Query = tuple[str, frozenset[str]]


@dataclass
class Contender:
    """`search` gives the documents of the best passages, best first, repeats kept."""

    name: str
    search: Callable[[str], list[str]]
    build_seconds: float = 0.0
    ranks: dict[str, int | None] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def answer(self, query: Query, rounds: int) -> None:
        for _ in range(rounds):
            start = time.perf_counter()
            found = self.search(query[0])
            self.seconds.append(time.perf_counter() - start)
        whole = list(dict.fromkeys(found))[:10]
        self.ranks[query[0]] = next((i for i, d in enumerate(whole, 1) if d in query[1]), None)

    def scores(self, queries: Sequence[Query]) -> tuple[float, float]:
        """(recall@5, MRR within ten)."""
        ranks = [self.ranks[text] for text, _ in queries]
        recall = sum(rank is not None and rank <= 5 for rank in ranks) / len(ranks)
        return recall, sum(1 / rank for rank in ranks if rank) / len(ranks)


def timed(name: str, build: Callable[[], Callable[[str], list[str]]]) -> Contender:
    start = time.perf_counter()
    search = build()
    return Contender(name, search, time.perf_counter() - start)


def whole(name: str) -> str:
    return name.partition("#")[0]


# ------------------------------------------------------------------------------------ contenders


def ours(index: Index, weights: Sequence[float] = WEIGHTS) -> Callable[[str], list[str]]:
    return lambda query: [
        document.whole for _, document in index.search(query_terms(query), DEPTH, weights)
    ]


def in_memory(documents: Sequence[Document], weights: Sequence[int]) -> Callable[[str], list[str]]:
    ranker = Bm25(documents, weights)
    return lambda query: [whole(name) for _, name in ranker.search(query_terms(query), DEPTH)]


def bm25s_alone(documents: Sequence[Document]) -> Callable[[str], list[str]]:
    """As its readme shows: its own tokenizer, its English stop words, one text a passage."""
    import bm25s

    texts = [f"{d.title}\n{d.lead}\n{d.text}" for d in documents]
    ranker = bm25s.BM25()
    ranker.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)

    def search(query: str) -> list[str]:
        tokens = bm25s.tokenize([query], stopwords="en", show_progress=False)
        found, _ = ranker.retrieve(tokens, k=DEPTH, show_progress=False)
        return [documents[position].whole for position in found[0]]

    return search


def fts5_alone(documents: Sequence[Document], tokenizer: str) -> Callable[[str], list[str]]:
    """As sqlite's manual shows: one column, words of the query joined by OR."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE VIRTUAL TABLE t USING fts5 (text, tokenize = '{tokenizer}')")
    rows = [(f"{d.title}\n{d.lead}\n{d.text}",) for d in documents]
    connection.executemany("INSERT INTO t VALUES (?)", rows)

    def search(query: str) -> list[str]:
        match = " OR ".join(f'"{word}"' for word in query.replace('"', " ").split())
        found = connection.execute(
            "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT ?", (match, DEPTH)
        )
        return [documents[rowid - 1].whole for (rowid,) in found]

    return search


# --------------------------------------------------------------------------------------- the run


def contenders(folder: Path) -> tuple[list[Contender], list[Document], Index]:
    start = time.perf_counter()
    open_corpus(None, folder).close()
    built = time.perf_counter() - start
    index = Index.open(next((folder / "retrieval").glob("*.sqlite")))
    documents = list(index.documents())
    default = Contender("fts5, with summaries (default)", ours(index), built)
    chosen = tuple(int(weight) for weight in WEIGHTS)
    return (
        [
            default,
            Contender("fts5, without summaries", ours(index, (1.0, 0.0, 1.0)), built),
            timed("fts5 alone, words", lambda: fts5_alone(documents, "unicode61")),
            timed("fts5 alone, porter", lambda: fts5_alone(documents, "porter unicode61")),
            timed("bm25s, with summaries (`ranker=bm25s`)", lambda: in_memory(documents, chosen)),
            timed("bm25s, without summaries", lambda: in_memory(documents, (1, 0, 1))),
            timed("bm25s alone", lambda: bm25s_alone(documents)),
        ],
        documents,
        index,
    )


def answerable(documents: Sequence[Document]) -> list[Query]:
    """Questions of which this Python documents at least one answer."""
    names = {document.whole for document in documents}
    kept = [query for query in QUERIES if query[1] & names]
    for query, _ in [query for query in QUERIES if query not in kept]:
        print(f"left out, this Python documents no answer: {query}")
    return kept


def table(all_: Sequence[Contender], queries: Sequence[Query]) -> None:
    chosen_on, held_out = queries[::2], queries[1::2]
    print(f"| {len(queries)} questions | recall@5 | MRR | held-out recall@5 | held-out MRR | "
          "median ms | 95% ms | build s |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for one in all_:
        recall, mrr = one.scores(queries)
        recall_held, mrr_held = one.scores(held_out)
        ms = [1000 * seconds for seconds in one.seconds]
        print(
            f"| {one.name} | {recall:.2f} | {mrr:.3f} | {recall_held:.2f} | {mrr_held:.3f} | "
            f"{statistics.median(ms):.2f} | {statistics.quantiles(ms, n=20)[-1]:.2f} | "
            f"{one.build_seconds:.1f} |"
        )
    print("\nMRR less that of the default, over all questions, paired:")
    for one in all_[1:]:
        low, mean, high = difference(one, all_[0], queries)
        print(f"  {one.name}: {mean:+.3f} [{low:+.3f}, {high:+.3f}]")
    print(f"\n{len(chosen_on)} questions chose the weights, {len(held_out)} are held out.")


def difference(
    one: Contender, other: Contender, queries: Sequence[Query]
) -> tuple[float, float, float]:
    """Mean difference of reciprocal ranks with its 95% interval (bootstrap over questions)."""
    rng = random.Random(0)
    both = [[1 / rank if (rank := c.ranks[q]) else 0.0 for q, _ in queries] for c in (one, other)]
    gaps = [a - b for a, b in zip(*both, strict=True)]
    means = sorted(statistics.fmean(rng.choices(gaps, k=len(gaps))) for _ in range(10_000))
    return means[250], statistics.fmean(gaps), means[9750]


def search_weights(index: Index, queries: Sequence[Query]) -> None:
    """Every combination on both halves; the choice is made on the first column of numbers."""
    rows = []
    for title, summary in itertools.product((0.5, 1, 2, 4, 8), (0, 0.5, 1, 2, 3, 4, 8)):
        one = Contender(f"{title} {summary} 1", ours(index, (title, summary, 1)))
        for query in queries:
            one.answer(query, 1)
        rows.append((one.scores(queries[::2]), one.scores(queries[1::2]), one.name))
    print("weights of title, summary, text | recall@5 MRR | held-out recall@5 MRR")
    for (recall, mrr), (recall_held, mrr_held), name in sorted(rows, key=lambda row: -row[0][1]):
        print(f"{name:<12} {recall:.3f} {mrr:.3f}   {recall_held:.3f} {mrr_held:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="times each question is asked")
    parser.add_argument("--weights", action="store_true", help="search for field weights")
    parser.add_argument("--misses", action="store_true", help="list what is not found")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        all_, documents, index = contenders(Path(folder))
        queries = answerable(documents)
        print(f"Python {platform.python_version()}, {len(documents)} passages, sqlite "
              f"{sqlite3.sqlite_version}")  # fmt: skip
        if arguments.weights:
            return search_weights(index, queries)
        for query in queries:
            for one in all_:
                one.answer(query, arguments.rounds)
        if arguments.misses:
            for text, accepted in queries[::2]:  # the held-out half is not looked at
                if (rank := all_[0].ranks[text]) is None or rank > 5:
                    print(f"{rank or '-':>3}  {text}  ({', '.join(sorted(accepted))})")
            return None
        return table(all_, queries)


if __name__ == "__main__":
    main()
