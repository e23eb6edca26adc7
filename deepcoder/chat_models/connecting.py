"""From a configuration to a teacher behind an API, and the question whether it is alive.

Example::

    teacher = api_teacher(cfg.teacher, Spending(run.path / "spending.jsonl", max_usd=2))
    names = asyncio.run(list_models(cfg.teacher))
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from deepcoder.chat_models import groq, openai_compatible
from deepcoder.chat_models.api import ApiTeacher
from deepcoder.chat_models.faults import Fault, SendError, classify, describe
from deepcoder.chat_models.pricing import Spending
from deepcoder.chat_models.providers import Provider
from deepcoder.chat_models.response_cache import ResponseCache
from deepcoder.chat_models.sdk import key_variable
from deepcoder.errors import BackendError, UnavailableError

if TYPE_CHECKING:
    from deepcoder.chat_models.sdk import SdkTransport
    from deepcoder.config import TeacherConfig

__all__ = ["api_teacher", "cache_file", "list_models", "provider_of"]


def provider_of(cfg: TeacherConfig) -> Provider:
    """What is known about the configured provider."""
    return groq.GROQ if str(cfg.kind) == "groq" else openai_compatible.provider_of(cfg)


def _connect(cfg: TeacherConfig) -> SdkTransport:
    return (groq if str(cfg.kind) == "groq" else openai_compatible).connect(cfg)


def cache_file(cfg: TeacherConfig) -> Path | None:
    """The file of responses of the configured teacher; None when none is kept."""
    if not cfg.cache:
        return None
    name = f"{cfg.preset or cfg.kind}-{cfg.model}"
    return Path(cfg.cache).expanduser() / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.jsonl"


def api_teacher(cfg: TeacherConfig, spending: Spending | None = None) -> ApiTeacher:
    """The teacher, with its cache open. Raises MissingError when the key is not set."""
    provider = provider_of(cfg)
    transport = _connect(cfg)
    path = cache_file(cfg)
    return ApiTeacher(
        cfg,
        provider,
        transport,
        key_env=key_variable(cfg, provider),
        cache=ResponseCache(path) if path else None,
        spending=spending,
    )


async def list_models(cfg: TeacherConfig, *, seconds: float = 20.0) -> list[str] | None:
    """Names of the models that the provider serves now; None when it has no such list. Asks once
    and changes nothing.

    Raises MissingError without a key, BackendError for a wrong one, UnavailableError when nobody
    answers.
    """
    provider, transport = provider_of(cfg), _connect(cfg)
    where = cfg.base_url or provider.base_url
    try:
        async with asyncio.timeout(seconds):
            reply = await transport.models()
    except TimeoutError:
        raise _silent(provider, f"no answer in {seconds:g} s", where) from None
    except SendError as error:
        raise _silent(provider, error.detail, where) from None
    finally:
        await transport.aclose()
    fault = classify(reply)
    if fault is Fault.KEY:
        name = key_variable(cfg, provider)
        raise BackendError(
            f"{provider.label} refused the key in {name} ({describe(reply)}).",
            fix=f"set {name} to a valid key",
        )
    if fault is Fault.MODEL:
        return None
    if fault is not None:
        raise _silent(provider, describe(reply), where)
    try:
        found = json.loads(reply.body)
        models = found["data"] if isinstance(found, dict) else found  # Together has a bare list
        return sorted(str(model["id"]) for model in models)
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _silent(provider, "its list of models cannot be read", where) from None


def _silent(provider: Provider, detail: str, where: str | None) -> UnavailableError:
    return UnavailableError(
        f"{provider.label} does not answer at {where} ({detail}).",
        fix="check the address in teacher.base_url and the network, then try again",
    )
