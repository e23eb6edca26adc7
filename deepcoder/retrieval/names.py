"""Closed sets of retrieval that the configuration refers to."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["RankerName"]


class RankerName(StrEnum):
    """How passages are ranked. Members are lower case because OmegaConf reads enums by name."""

    fts5 = "fts5"
    """SQLite's full-text index: in the standard library, on disk, nothing held in memory."""
    bm25s = "bm25s"
    """The `bm25s` package (extra `retrieval`): scores held in memory, quicker on large corpora."""
