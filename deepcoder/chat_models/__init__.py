"""Whoever answers a conversation, behind one interface (`base.ChatModel`).

`oracle` plays from reference solutions, `local` is a transformers model in this process. A backend
is imported when it is built, so that a configuration can be checked without loading torch.

Example::

    teacher = build_teacher(cfg.teacher, problems, seed=cfg.seed)
    completion = await teacher.complete(messages, Sampling(seed=1))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deepcoder.chat_models.base import ChatModel
from deepcoder.types import Problem

if TYPE_CHECKING:
    from deepcoder.config import TeacherConfig

__all__ = ["ChatModel", "build_teacher"]


def build_teacher(
    cfg: TeacherConfig, problems: Sequence[Problem], seed: int = 0, *, protocol: str = "codeact"
) -> ChatModel:
    """The configured teacher. `problems` are those that the oracle will be asked about, and
    `protocol` is the one in which it writes; other teachers learn both from the conversation.

    Raises MissingError when a model, a key or a device is absent.
    """
    kind = str(getattr(cfg.kind, "value", cfg.kind))
    if kind == "oracle":
        from deepcoder.chat_models.oracle import OracleTeacher

        return OracleTeacher(problems, mistake_rate=cfg.mistake_rate, seed=seed, protocol=protocol)
    if kind == "local":
        from deepcoder.chat_models.local import load_local

        return load_local(cfg)
    raise ValueError(f"no teacher of kind {kind!r}")
