"""Teacher `openai_compatible`: any server of OpenAI's dialect, through the `openai` SDK.

`teacher.preset` says which server it is, and with it the address, the variable of the key, and its
habits; without a preset give `teacher.base_url`.

    DEEPSEEK_API_KEY=… python -m deepcoder.generate teacher=deepseek
    python -m deepcoder.generate teacher=vllm teacher.model=Qwen/Qwen3-32B
    python -m deepcoder.generate teacher=openai_compatible teacher.model=x teacher.base_url=http://…
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deepcoder.chat_models.providers import Provider
from deepcoder.errors import ConfigError
from deepcoder.types import Capability

if TYPE_CHECKING:
    from deepcoder.chat_models.sdk import SdkTransport
    from deepcoder.config import TeacherConfig

__all__ = ["PRESETS", "connect", "provider_of"]

LOGPROBS = {"logprobs": True}

PRESETS: dict[str | None, Provider] = {
    None: Provider(
        label="The server",
        base_url=None,
        key_env="OPENAI_API_KEY",
        capability=Capability(tools=True, reasoning_field=True, logprobs=True),
        with_logprobs=LOGPROBS,
    ),
    "deepseek": Provider(
        label="DeepSeek",
        base_url="https://api.deepseek.com",
        key_env="DEEPSEEK_API_KEY",
        # Thinking ignores the temperature, and a turn without its reasoning is refused.
        capability=Capability(
            tools=True,
            reasoning_field=True,
            replay_reasoning=True,
            logprobs=True,
            top_k=20,
            context=128_000,
        ),
        takes_seed=False,
        with_logprobs=LOGPROBS,
    ),
    "vllm": Provider(
        label="vLLM",
        base_url="http://127.0.0.1:8000/v1",
        key_env="VLLM_API_KEY",
        capability=Capability(
            tools=True,
            reasoning_field=True,
            n=128,
            logprobs=True,
            top_k=20,
            prompt_logprobs=True,
        ),
        self_hosted=True,
        with_logprobs={**LOGPROBS, "return_token_ids": True},
    ),
    "sglang": Provider(
        label="SGLang",
        base_url="http://127.0.0.1:30000/v1",
        key_env="SGLANG_API_KEY",
        capability=Capability(
            tools=True, reasoning_field=True, n=128, logprobs=True, top_k=20, prompt_logprobs=True
        ),
        self_hosted=True,
        with_logprobs=LOGPROBS,
    ),
    "together": Provider(
        label="Together",
        base_url="https://api.together.xyz/v1",
        key_env="TOGETHER_API_KEY",
        capability=Capability(
            tools=True, reasoning_field=True, n=128, logprobs=True, top_k=1, prompt_logprobs=True
        ),
        with_logprobs={"logprobs": 1},  # a number there, not a switch
    ),
    "openrouter": Provider(
        label="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        capability=Capability(tools=True, reasoning_field=True, logprobs=True),
        with_logprobs=LOGPROBS,
    ),
}
"""What is known about each preset; None is a server that is not listed."""


def provider_of(cfg: TeacherConfig) -> Provider:
    """The provider of a configuration. Raises ConfigError when there is no address."""
    preset = None if cfg.preset is None else str(cfg.preset)
    provider = PRESETS[preset]
    if provider.base_url is None and not cfg.base_url:
        raise ConfigError(
            "teacher=openai_compatible without a preset needs an address.",
            fix="add teacher.base_url=https://…/v1, or teacher.preset="
            + "|".join(str(name) for name in PRESETS if name),
        )
    return provider


def connect(cfg: TeacherConfig) -> SdkTransport:
    """A client for the configured address. Raises MissingError when a key is needed and not set."""
    import httpx2
    import openai

    from deepcoder.chat_models.bodies import bounded_client
    from deepcoder.chat_models.sdk import ONE_REQUEST, SdkTransport, api_key

    provider = provider_of(cfg)
    key = api_key(cfg, provider)
    # The SDK would send the ids of an OpenAI account to whichever server this is. (It accepts these
    # markers here, but is typed for text only.)
    without_account: dict[str, Any] = {
        "OpenAI-Organization": openai.Omit(),
        "OpenAI-Project": openai.Omit(),
    }
    client = openai.AsyncOpenAI(
        api_key=key,
        base_url=cfg.base_url or provider.base_url,
        max_retries=0,
        timeout=cfg.timeout_seconds,
        default_headers={**without_account, **ONE_REQUEST},
        http_client=bounded_client(openai.DefaultAsyncHttpxClient, httpx2.AsyncByteStream),
    )
    return SdkTransport(openai, client, key)
