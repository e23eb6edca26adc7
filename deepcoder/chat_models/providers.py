"""What is known about a provider, how it is reached, and what its refusals for good mean.

Example::

    GROQ = Provider(label="Groq", base_url="https://api.groq.com", key_env="GROQ_API_KEY", …)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from deepcoder.chat_models.faults import Fault, Reply
from deepcoder.chat_models.response_cache import Request
from deepcoder.errors import BackendError
from deepcoder.types import Capability

__all__ = ["Provider", "RefusedError", "Transport", "given_up"]


class RefusedError(Exception):
    """The provider refuses this conversation, e.g. because it is too long: the episode is over."""


@dataclass(frozen=True)
class Provider:
    """What is known about a provider before it is asked."""

    label: str
    """As people call it, for messages."""
    base_url: str | None
    """Where its API is; None must be configured."""
    key_env: str | None
    """Its usual variable for the key; None needs none."""
    capability: Capability
    self_hosted: bool = False
    """Costs nothing by the token."""
    max_tokens_field: str = "max_tokens"
    takes_seed: bool = True
    with_logprobs: Mapping[str, Any] = field(default_factory=dict)
    """Fields that ask for log-probabilities and token ids."""


class Transport(Protocol):
    """Sends a body and brings back bytes."""

    async def send(self, request: Request, timeout: float) -> Reply:
        """Raises SendError when no response came. Never raises for a status."""
        ...

    async def models(self) -> Reply:
        """The provider's list of models."""
        ...

    def strike(self, text: str) -> str:
        """The text without the key."""
        ...

    async def aclose(self) -> None: ...


def given_up(
    fault: Fault,
    detail: str,
    *,
    label: str,
    model: str,
    key_env: str | None,
    answered: bool,
) -> Exception:
    """The error for a fault that no repetition heals. `answered`: the provider has answered before,
    so that key, model and settings are right in general."""
    if fault is Fault.KEY and not (answered and detail.startswith("403")):
        return BackendError(
            f"{label} refused the key in {key_env or 'the environment'} ({detail}).",
            fix=f"set {key_env or 'teacher.api_key_env'} to a valid key",
        )
    if fault is Fault.MODEL:
        return BackendError(
            f"{label} has no model {model} ({detail}).",
            fix="choose one with teacher.model=…; `python -m deepcoder.doctor` with the same "
            "teacher lists what there is",
        )
    if fault is Fault.MONEY:
        return BackendError(
            f"The account at {label} is empty ({detail}).",
            fix="add credit and run the same command again",
        )
    if fault is Fault.REQUEST and not answered:
        return BackendError(
            f"{label} refuses the request ({detail}).",
            fix="change the teacher's setting that it names (temperature, reasoning_format, "
            "extra_body, …)",
        )
    return RefusedError(f"{label} refuses this conversation ({detail})")
