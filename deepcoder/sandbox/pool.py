"""`SandboxPool`: N workers for an asyncio program.

    async with SandboxPool(config) as pool:
        results = await asyncio.gather(*(pool.run(request) for request in requests))

Each worker is driven by a thread that sleeps in the kernel while the run goes on; the event loop
is never blocked, and a run that is cancelled ends in its own time before its worker is used again.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from deepcoder.sandbox.core import Sandbox
from deepcoder.sandbox.records import Request, Result, Settings, Tier

__all__ = ["SandboxPool"]


class SandboxPool:
    """Up to `workers` runs side by side. Workers are started when they are first needed.

    Raises:
        ConfigError, MissingError: on entering, when no permitted tier works here.
    """

    def __init__(self, config: Any = None) -> None:
        self.settings = Settings.from_config(config)
        count = max(1, self.settings.workers)
        self._sandboxes = [Sandbox(self.settings) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sandbox")
        self._idle: asyncio.LifoQueue[Sandbox] = asyncio.LifoQueue()
        for sandbox in reversed(self._sandboxes):
            self._idle.put_nowait(sandbox)
        self.tier: Tier | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self.tier = await loop.run_in_executor(self._threads, self._sandboxes[0].start)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def run(self, request: Request) -> Result:
        """Run one request on the next free worker."""
        sandbox = await self._idle.get()
        loop = asyncio.get_running_loop()
        try:
            future = loop.run_in_executor(self._threads, sandbox.run, request)
        except BaseException:
            self._idle.put_nowait(sandbox)
            raise
        future.add_done_callback(lambda _: self._idle.put_nowait(sandbox))
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Wait for the runs in progress, then end the workers."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.close_now)

    def close_now(self) -> None:
        """As `close`, for callers without an event loop."""
        for sandbox in self._sandboxes:
            sandbox.close()
        self._threads.shutdown()
