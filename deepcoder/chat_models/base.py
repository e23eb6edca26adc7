"""What everybody who answers a conversation has in common: teachers, and students when measured.

A backend that speaks a provider's dialect translates our messages on its way out and the answer on
its way in; nothing above it knows a dialect. There is no base class to inherit from: a class that
has these members is a chat model.

Example::

    completion = await model.complete([Message(role=Role.USER, content="2 + 2?")], Sampling())
    print(completion.text)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from deepcoder.types import Capability, Completion, Fingerprint, Message, Sampling

__all__ = ["ChatModel"]


@runtime_checkable
class ChatModel(Protocol):
    """Answers conversations; safe to call many times at once."""

    @property
    def fingerprint(self) -> Fingerprint:
        """Which model speaks; goes into every trajectory."""
        ...

    @property
    def capability(self) -> Capability:
        """What it can do beyond text."""
        ...

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """The next assistant message. Raises whatever the backend raises after its retries."""
        ...

    async def aclose(self) -> None:
        """Free connections and memory; the model is not used afterwards."""
        ...
