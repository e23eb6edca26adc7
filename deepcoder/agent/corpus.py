"""The tool `retrieve` of a configuration: its corpus opened, and built first where needed.

    agent = Agent(model, cfg.agent, pool, retrieve=retrieve_tool(cfg))

A corpus is opened once per stage, before a model is asked anything: a folder that is missing or
empty costs no money. Passages that hold a problem of an evaluation set are never shown.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.agent.tools import RETRIEVE, RetrieveTool
from deepcoder.errors import MissingError
from deepcoder.problems.decontamination import Decontaminator, Hit
from deepcoder.problems.evaluation_sets import evaluation_guard
from deepcoder.retrieval import Corpus, Document, RankerName, open_corpus
from deepcoder.retrieval.documents import together
from deepcoder.runs import progress
from deepcoder.runs.files import atomic_write

if TYPE_CHECKING:
    from deepcoder.config import Config

__all__ = ["contaminated", "open_configured", "retrieve_tool"]

log = logging.getLogger(__name__)

RETRIEVAL = "retrieval.json"
"""File of a run folder: what the corpus is, and which passages are never shown, with the reason."""
_LONGEST = 6
"""Passages over which a problem or its solution is looked for."""


def retrieve_tool(cfg: Config, folder: Path | None = None) -> RetrieveTool | None:
    """The tool, or None when `agent.tools` does not have it. With a `folder`, the report of what
    was taken out of the corpus is written there.

    Raises MissingError for a folder that is absent or empty and for a missing file of exclusions,
    and ConfigError for an evaluation set that there is not.
    """
    if RETRIEVE not in cfg.agent.tools:
        return None
    settings = cfg.retrieval
    corpus, report = open_configured(cfg)
    if folder is not None:
        atomic_write(folder / RETRIEVAL, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return RetrieveTool(corpus, hits=settings.hits, snippet_chars=settings.snippet_chars)


def open_configured(cfg: Config) -> tuple[Corpus, dict[str, Any]]:
    """The corpus of `retrieval` without what `retrieval.exclude` names and what holds a problem of
    `retrieval.decontaminate`; and the report of what was taken out and why."""
    settings = cfg.retrieval
    with contextlib.ExitStack() as shown:
        advance: Any = None

        def on_progress(done: int, total: int) -> None:
            nonlocal advance
            if advance is None:  # nothing is shown when nothing has to be read
                advance = shown.enter_context(progress("index documents", total))
            advance(1)

        corpus = open_corpus(
            Path(settings.path) if settings.path else None,
            Path(cfg.paths.cache),
            ranker=RankerName(str(settings.ranker)),
            passage_chars=settings.passage_chars,
            max_file_bytes=settings.max_file_kb << 10,
            on_progress=on_progress,
        )
    names = _ids(Path(settings.exclude).expanduser()) if settings.exclude else []
    guard, sets = evaluation_guard(
        settings.decontaminate, cfg.problems, "retrieval.decontaminate", Path(cfg.paths.cache)
    )
    found = dict(contaminated(corpus, guard))
    hidden = corpus.exclude([*names, *(document.id for document in found)])
    if found:
        log.warning(
            "Documents in %s: %d passages hold problems of %s and are never shown.",
            *(corpus.name, len(found), ", ".join(sets)),
        )
    return corpus, {
        "corpus": corpus.name,
        "digest": corpus.digest,
        "passages": len(corpus),
        "never_shown": hidden,
        "evaluation_sets": sets,
        "evaluation_problems_found": dict(Counter(h.name for h in found.values()).most_common()),
        "removed": [
            {"id": one.id, "source": one.source, "why": f"holds {hit.share:.0%} of {hit.name}"}
            for one, hit in found.items()
        ],
    }


def contaminated(corpus: Corpus, guard: Decontaminator) -> Iterator[tuple[Document, Hit]]:
    """The passages that hold a prompt or a solution of an evaluation set.

    A cut between two passages may go through one. So where a document still holds one without the
    passages that hold one alone, the neighbours that hold it together go as well; where those are
    not found, the rest of the document.
    """
    if not guard.texts:
        return
    for _, parts in groupby(corpus.documents(), key=lambda document: document.whole):
        passages = sorted(parts, key=_number)
        found = {one: hit for one in passages if (hit := _hit(guard, one)) is not None}
        while len(rest := [one for one in passages if one not in found]) > 1:
            left = _across(guard, rest)
            if left is None:
                break
            found |= dict.fromkeys(*(_neighbours(guard, rest) or (rest, left)))
        yield from found.items()


def _neighbours(
    guard: Decontaminator, passages: Sequence[Document]
) -> tuple[Sequence[Document], Hit] | None:
    """The fewest passages, one after the other, that hold one together."""
    for size in range(2, min(_LONGEST, len(passages)) + 1):
        for start in range(len(passages) - size + 1):
            run = passages[start : start + size]
            hit = _across(guard, run)
            if hit is not None:
                return run, hit
    return None


def _across(guard: Decontaminator, passages: Sequence[Document]) -> Hit | None:
    for text in together(passages):
        hit = guard.document(text)
        if hit is not None:
            return hit
    return None


def _hit(guard: Decontaminator, document: Document) -> Hit | None:
    """A heading is shown too, and may be the first line of a prompt."""
    whole = f"{document.title}\n{document.lead}\n{document.text}"
    return guard.document(document.text) or guard.prompt(whole)


def _number(document: Document) -> int:
    return int(document.id.partition("#")[2] or 1)


def _ids(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MissingError(
            f"retrieval.exclude={path} cannot be read: {error}.",
            fix="give a text file with the id of a document per line",
        ) from error
    return [line.strip() for line in lines if line.strip()]
