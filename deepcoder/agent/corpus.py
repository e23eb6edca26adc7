"""The tool `retrieve` of a configuration: its corpus opened, and built first where needed.

    agent = Agent(model, cfg.agent, pool, retrieve=retrieve_tool(cfg))

A corpus is opened once per stage, before a model is asked anything: a folder that is missing or
empty costs no money.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.agent.tools import RETRIEVE, RetrieveTool
from deepcoder.errors import MissingError
from deepcoder.retrieval import Corpus, RankerName, open_corpus
from deepcoder.runs import progress

if TYPE_CHECKING:
    from deepcoder.config import Config

__all__ = ["open_configured", "retrieve_tool"]


def retrieve_tool(cfg: Config) -> RetrieveTool | None:
    """The tool, or None when `agent.tools` does not have it.

    Raises MissingError for a folder that is absent or empty, and for a missing file of exclusions.
    """
    if RETRIEVE not in cfg.agent.tools:
        return None
    settings = cfg.retrieval
    return RetrieveTool(
        open_configured(cfg), hits=settings.hits, snippet_chars=settings.snippet_chars
    )


def open_configured(cfg: Config) -> Corpus:
    """The corpus of `retrieval`, without what `retrieval.exclude` names."""
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
    if settings.exclude:
        corpus.exclude(_ids(Path(settings.exclude).expanduser()))
    return corpus


def _ids(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MissingError(
            f"retrieval.exclude={path} cannot be read: {error}.",
            fix="give a text file with the id of a document per line",
        ) from error
    return [line.strip() for line in lines if line.strip()]
