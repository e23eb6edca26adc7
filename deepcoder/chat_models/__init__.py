"""Whoever answers a conversation, behind one interface (`base.ChatModel`).

`oracle` plays from reference solutions, `local` is a transformers model in this process, `groq` and
`openai_compatible` are APIs, `replay` answers from a recording. A backend is imported when it is
built, so that a configuration can be checked without loading torch.

Example::

    teacher = build_teacher(cfg.teacher, problems, seed=cfg.seed)
    completion = await teacher.complete(messages, Sampling(seed=1))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deepcoder.chat_models.base import ChatModel
from deepcoder.types import Problem

if TYPE_CHECKING:
    from deepcoder.chat_models.pricing import Spending
    from deepcoder.config import TeacherConfig

__all__ = ["ChatModel", "build_teacher"]


def build_teacher(
    cfg: TeacherConfig,
    problems: Sequence[Problem],
    seed: int = 0,
    *,
    protocol: str = "codeact",
    spending: Spending | None = None,
) -> ChatModel:
    """The configured teacher. `problems` are those that the oracle will be asked about, and
    `protocol` is the one in which it writes; other teachers learn both from the conversation.
    `spending` is the account that a teacher which costs money is booked on.

    Raises MissingError when a model, a key or a device is absent.
    """
    kind = str(getattr(cfg.kind, "value", cfg.kind))
    if kind == "oracle":
        from deepcoder.chat_models.oracle import OracleTeacher

        return OracleTeacher(problems, mistake_rate=cfg.mistake_rate, seed=seed, protocol=protocol)
    if kind == "local":
        from deepcoder.chat_models.local import load_local

        return load_local(cfg)
    if kind == "replay":
        from deepcoder.chat_models.replay import ReplayTeacher

        return ReplayTeacher(Path(cfg.path or ""), model=cfg.model)
    if kind in ("groq", "openai_compatible"):
        from deepcoder.chat_models.connecting import api_teacher

        return api_teacher(cfg, spending)
    raise ValueError(f"no teacher of kind {kind!r}")
