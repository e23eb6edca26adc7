"""The two SDKs behind one face: both are made by the same generator and have the same shape.

Their own retries are off and their parsing is not used: an empty, truncated or HTML body makes them
raise errors of other libraries or return a plain string. We take status, headers and bytes. The key
lives in the client and is struck out of everything that comes back, so that a provider which echoes
it cannot write it into a ledger.

Example::

    transport = SdkTransport(groq, groq.AsyncGroq(api_key=key, max_retries=0), key)
"""

from __future__ import annotations

import logging
import os
import zlib
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deepcoder.chat_models.bodies import HostileBody
from deepcoder.chat_models.faults import Fault, Reply, SendError
from deepcoder.chat_models.providers import Provider
from deepcoder.chat_models.response_cache import Request
from deepcoder.errors import MissingError

if TYPE_CHECKING:
    from deepcoder.config import TeacherConfig

__all__ = ["ONE_REQUEST", "SdkTransport", "api_key", "key_variable"]

log = logging.getLogger(__name__)

ONE_REQUEST = {"Connection": "close"}
"""Header for a connection of its own for every request. On one that is kept open, a server or proxy
that sends a response twice shifts all later answers by one, silently, and one that closes it early
breaks the next request after it was sent. A handshake costs little beside an answer of seconds."""

UNUSED = "unused"
"""Stands for a key where none is needed: the SDKs insist on one."""
_SHORTEST_SECRET = 6


def key_variable(cfg: TeacherConfig, provider: Provider) -> str | None:
    """Name of the environment variable that holds the key."""
    return cfg.api_key_env or provider.key_env


def api_key(cfg: TeacherConfig, provider: Provider) -> str:
    """The key. A server on this machine, or one that is self-hosted, needs none.

    Raises MissingError naming the variable.
    """
    name = key_variable(cfg, provider)
    value = os.environ.get(name, "").strip() if name else ""
    if value and not (value.isascii() and value.isprintable()):
        raise MissingError(f"{name} holds characters that no key has.", fix=f"set {name} again")
    if value:
        return value
    host = urlsplit(cfg.base_url or "").hostname or ""
    local = host in ("localhost", "::1") or host.startswith("127.")
    if name is None or local or (provider.self_hosted and not cfg.api_key_env):
        return UNUSED
    raise MissingError(
        f"{provider.label} needs a key, and the environment variable {name} is not set.",
        fix=f"export {name}=… (teacher.api_key_env names another variable)",
    )


class SdkTransport:
    """`sdk` is the module `groq` or `openai`, `client` its asynchronous client."""

    def __init__(self, sdk: ModuleType, client: Any, key: str) -> None:
        self._sdk = sdk
        self._client = client
        self._key = key
        if not log.isEnabledFor(logging.DEBUG):  # one line a request would drown the progress
            for name in ("httpx", "httpx2"):
                logging.getLogger(name).setLevel(logging.WARNING)

    async def send(self, request: Request, timeout: float) -> Reply:
        create = self._client.chat.completions.with_raw_response.create
        extra = {"extra_body": dict(request.extra)} if request.extra else {}
        return await self._reply(create(**request.body, **extra, timeout=timeout))

    async def models(self) -> Reply:
        return await self._reply(self._client.models.with_raw_response.list())

    async def aclose(self) -> None:
        await self._client.close()

    async def _reply(self, call: Any) -> Reply:
        sdk: Any = self._sdk
        failure: SendError | None = None
        response: Any = None
        try:
            response = (await call).http_response
        except sdk.APIStatusError as error:
            response = error.response
        except sdk.APITimeoutError:
            failure = SendError(Fault.TIMEOUT, "the connection stalled")
        except sdk.APIConnectionError as error:
            cause = error.__cause__
            name = type(cause).__name__ if cause is not None else "connection error"
            broken = isinstance(cause, HostileBody | zlib.error)
            failure = SendError(
                Fault.BROKEN if broken else Fault.CONNECTION,
                self.strike(f"{name}: {cause}".strip(": ")),
                sent=name not in ("ConnectError", "ConnectTimeout", "PoolTimeout"),
            )
        except Exception as error:
            failure = SendError(Fault.BROKEN, self.strike(f"{type(error).__name__}: {error}"))
        if failure is not None:
            raise failure  # outside of the handler: the SDK's error holds the request
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = response.content
        if len(self._key) >= _SHORTEST_SECRET:
            body = body.replace(self._key.encode(), b"[key]")
        return Reply(int(response.status_code), headers, body)

    def strike(self, text: str) -> str:
        return text.replace(self._key, "[key]") if len(self._key) >= _SHORTEST_SECRET else text

    def __repr__(self) -> str:
        return f"SdkTransport({self._sdk.__name__})"
