"""What the tests of API teachers share: a key, a configuration, a conversation, a virtual clock."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from typing import Any, TypeVar

from deepcoder.chat_models import build_teacher
from deepcoder.chat_models.api import ApiTeacher
from deepcoder.config import TeacherConfig, compose
from deepcoder.types import Message, Role, Sampling

T = TypeVar("T")
KEY = "sk-loopback-0123456789"
HI = [Message(role=Role.SYSTEM, content="Be brief."), Message(role=Role.USER, content="2 + 2?")]
SEVEN = Sampling(seed=7, max_tokens=64, temperature=0.5)


def config(kind: str, url: str | None, *overrides: str) -> TeacherConfig:
    """A teacher's configuration with short waits; `kind` is a file of conf/teacher."""
    base = [f"teacher={kind}", "teacher.model=m", "teacher.retry_seconds=0.01"]
    base += ["teacher.cache=null", "teacher.timeout_seconds=0.5"]
    if url is not None:
        base.append(f"teacher.base_url={url}")
    return compose("generate", [*base, *overrides]).teacher


def teacher(kind: str, url: str, *overrides: str, **kwargs: Any) -> ApiTeacher:
    built = build_teacher(config(kind, url, *overrides), (), **kwargs)
    assert isinstance(built, ApiTeacher)
    return built


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer when nothing is ready: hours pass in no time.

    Only for code without sockets and threads: nothing outside is waited for.
    """

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():  # or the next one would be waited for in real time
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1
        if not self._ready and timers:  # type: ignore[attr-defined]
            self.now = max(self.now, timers[0].when())
        super()._run_once()  # type: ignore[misc]


def run_virtual(work: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
