"""How fast a model answers: tokens, and the seconds in which it had something to do.

throughput = Throughput()
with throughput.running():
    ...
    throughput.add(completion.usage)
throughput.tokens_per_second
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from deepcoder.types import Usage

__all__ = ["Throughput"]


@dataclass
class Throughput:
    """Sums since the beginning. `seconds` counts only time in which there was something to do."""

    prompt_tokens: int = 0
    """Tokens of prompts, found in a cache or not."""
    prefilled_tokens: int = 0
    """Tokens of prompts that were computed; 0 where that is not known."""
    sampled_tokens: int = 0
    seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Sampled tokens a second, prefill time included; 0 before the first."""
        return self.sampled_tokens / self.seconds if self.seconds else 0.0

    def add(self, usage: Usage) -> None:
        """Count what a backend says it read and wrote."""
        self.prompt_tokens += usage.prompt_tokens
        self.sampled_tokens += usage.completion_tokens

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count the wall clock: for backends whose busy time is not known."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - began
