"""A limit on what a response may hold, counted as it arrives and after it is unpacked.

Both SDKs read a body whole, whatever its length, and unpack what says it is compressed: 1 MB of
gzip is 1 GB of zeros, and packed twice it is a terabyte. So the stream under the SDK is exchanged,
in a hook that runs before anything is read, redirects and errors included, for one that unpacks a
piece at a time and stops at the limit.

Example::

    client = bounded_client(groq.DefaultAsyncHttpxClient, httpx.AsyncByteStream)
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

__all__ = ["LARGEST_BODY", "HostileBody", "bounded_client"]

LARGEST_BODY = 32 << 20
"""Bytes of a response, unpacked. 128,000 tokens with ids and log-probabilities have about 25 MB."""


class HostileBody(Exception):
    """A body that nobody should read to its end; the message says why."""


class _Body:
    """The body of `stream`, unpacked if it is `packed`, of no more than LARGEST_BODY bytes."""

    def __init__(self, stream: Any, *, packed: bool) -> None:
        self._stream = stream
        self._unpacker = _unpacker() if packed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = packed = LARGEST_BODY
        async for piece in self._stream:
            packed -= len(piece)
            data: bytes = piece
            while data:
                part, data = self._unpacked(data, left)
                left -= len(part)
                if min(left, packed) < 0:
                    raise HostileBody(f"a body of more than {LARGEST_BODY >> 20} MB")
                yield part

    def _unpacked(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        """(what the data unpacks to, a byte more than `most` when it is over; what is left)."""
        if self._unpacker is None:
            return data, b""
        if self._unpacker.eof:  # gzip may be several, one after the other, padded with zeros
            data = data.lstrip(b"\0")
            self._unpacker = _unpacker() if data else self._unpacker
        part = self._unpacker.decompress(data, most + 1) if data else b""
        return part, self._unpacker.unused_data if data else b""

    async def aclose(self) -> None:
        await self._stream.aclose()


def _unpacker() -> Any:
    return zlib.decompressobj(32 + zlib.MAX_WBITS)  # 32: by its own header, gzip or zlib


def bounded_client(client: Callable[..., Any], stream: type) -> Any:
    """An SDK's HTTP client whose bodies are bounded; `stream` is its library's AsyncByteStream.

    Reading too large a body, or one that is packed in a way nobody asked for, raises HostileBody.
    """
    body = type("Body", (_Body, stream), {})  # the libraries insist on their own base class

    async def exchange(response: Any) -> None:
        encoding = response.headers.pop("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise HostileBody(f"a body packed as {encoding[:40]!r}")
        response.stream = body(response.stream, packed=encoding not in ("", "identity"))

    # gzip alone is asked for: what Brotli and Zstandard unpack to can be bounded less simply.
    return client(event_hooks={"response": [exchange]}, headers={"Accept-Encoding": "gzip"})
