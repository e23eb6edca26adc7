"""Teacher `groq`: Groq's API through its own SDK.

Groq speaks OpenAI's dialect with differences that matter here: `max_completion_tokens`, reasoning
by `reasoning_format` (`parsed` puts it into a field of its own), one sample a request, no
log-probabilities, 498 when it is full, and headers that count requests a day but tokens a minute.

    GROQ_API_KEY=… python -m deepcoder.generate teacher=groq generation.max_usd=2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepcoder.chat_models.providers import Provider
from deepcoder.types import Capability

if TYPE_CHECKING:
    from deepcoder.chat_models.sdk import SdkTransport
    from deepcoder.config import TeacherConfig

__all__ = ["GROQ", "connect"]

GROQ = Provider(
    label="Groq",
    base_url="https://api.groq.com",
    key_env="GROQ_API_KEY",
    capability=Capability(tools=True, reasoning_field=True),
    max_tokens_field="max_completion_tokens",
)


def connect(cfg: TeacherConfig) -> SdkTransport:
    """A client for the configured address. Raises MissingError when the key is not set."""
    import groq
    import httpx

    from deepcoder.chat_models.bodies import bounded_client
    from deepcoder.chat_models.sdk import ONE_REQUEST, SdkTransport, api_key

    key = api_key(cfg, GROQ)
    client = groq.AsyncGroq(
        api_key=key,
        base_url=sdk_base_url(cfg.base_url or str(GROQ.base_url)),
        max_retries=0,
        timeout=cfg.timeout_seconds,
        default_headers=ONE_REQUEST,
        http_client=bounded_client(groq.DefaultAsyncHttpxClient, httpx.AsyncByteStream),
    )
    return SdkTransport(groq, client, key)


def sdk_base_url(address: str) -> str:
    """The address as the SDK wants it: it adds `/openai/v1/…` itself.

    Groq's documentation gives the longer form for other clients, so both are taken.
    """
    return address.rstrip("/").removesuffix("/openai/v1")
