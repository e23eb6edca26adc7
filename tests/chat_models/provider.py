"""A provider on loopback that breaks on purpose: a real HTTP server for the real SDKs.

It speaks Groq's and OpenAI's dialects, keeps the books that a test asks (what was delivered, what
broke a limit), and meets request number `i` with the fault that `faults(i)` names. Faults strike
where real ones do: before anything is read, instead of an answer, in the middle of a body, and
after the answer was made.

    async with Provider(answer, faults=every(10, "reset", "500")) as provider:
        teacher = build_teacher(config(provider.url), ())
"""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import itertools
import json
import random
import threading
import zlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

FAULTS = (
    "429",
    "429-after",
    "498",
    "500",
    "503",
    "reset",
    "reset-late",
    "cut",
    "stall",
    "empty",
    "html",
    "half",
    "no-choices",
    "error-200",
    "429-zero",
    "429-date",
    "429-ms",
    "502-html",
    "gone",
    "chunked-cut",
    "long",
    "gzip-lie",
    "latin",
    "array",
    "null",
)
"""Everything that is to be asked again."""

Answer = Callable[[list[dict[str, str]], int | None], Awaitable[str | dict[str, Any]]]


async def fixed(messages: list[dict[str, str]], seed: int | None) -> str:
    return "<think>\nadd\n</think>\n```answer\ndef f(): return 4\n```"


def none(number: int) -> str | None:
    return None


def share(part: float, seed: int, kinds: Sequence[str] = FAULTS) -> Callable[[int], str | None]:
    """A fault in `part` of the requests, each kind as likely."""

    def faults(number: int) -> str | None:
        rng = random.Random(f"{seed}/{number}")
        return rng.choice(list(kinds)) if rng.random() < part else None

    return faults


def script(*kinds: str | None) -> Callable[[int], str | None]:
    """These faults for the first requests, then none."""
    return lambda number: kinds[number] if number < len(kinds) else None


class Provider:
    """`dialect` is 'groq' (paths under /openai/v1) or 'openai' (under /v1)."""

    def __init__(
        self,
        answer: Answer = fixed,
        *,
        dialect: str = "openai",
        faults: Callable[[int], str | None] = none,
        key: str = "sk-loopback-0123456789",
        models: Sequence[str] = ("m",),
        headers: dict[str, str] | None = None,
        requests_per_window: int | None = None,
        window: float = 60.0,
        stall: float = 30.0,
        after: bool = False,
        tokens_per_window: int | None = None,
    ) -> None:
        self.answer = answer
        self.prefix = {"groq": "/openai/v1", "openai": "/v1"}[dialect]
        self.dialect = dialect
        self.faults = faults
        self.key = key
        self.models = list(models)
        self.headers = headers or {}
        self.limit, self.window, self.stall = requests_per_window, window, stall
        self.bodies: list[dict[str, Any]] = []
        self.seen_headers: list[dict[str, str]] = []
        self.delivered: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.refused = self.flooded = 0
        self.after, self.token_limit = after, tokens_per_window
        self.served: list[tuple[float, int]] = []
        self._spent: deque[tuple[float, int]] = deque()
        self._recent: deque[float] = deque()
        self._numbers = itertools.count()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    # -------------------------------------------------------------------------- being a server

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}" + ("" if self.dialect == "groq" else "/v1")

    async def __aenter__(self) -> Provider:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.seen_headers.append(headers)
        if headers.get("authorization") != f"Bearer {self.key}":
            shown = headers.get("authorization")
            error = {"message": f"bad key {shown}", "code": "invalid_api_key"}
            return await self._send(writer, 401, {"error": error})
        if (method, path) == ("GET", f"{self.prefix}/models"):
            data = [{"id": name, "object": "model"} for name in self.models]
            return await self._send(writer, 200, {"object": "list", "data": data})
        if (method, path) != ("POST", f"{self.prefix}/chat/completions"):
            return await self._send(writer, 404, {"error": {"message": f"no route {path}"}})
        return await self._complete(json.loads(body), writer)

    async def _complete(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        self.bodies.append(body)
        if body["model"] not in self.models:
            error = {"message": f"The model `{body['model']}` does not exist"}
            return await self._send(writer, 404, {"error": error | {"code": "model_not_found"}})
        if not self._within_limit():
            self.refused += 1
            more = {"retry-after": f"{self._wait():.3f}"} if self.after else {}
            return await self._send(writer, 429, {"error": {"message": "slow down"}}, more=more)
        fault = self.faults(next(self._numbers))
        if fault is not None:
            self.met[fault] += 1
            return await getattr(self, "_" + fault.partition("-")[0])(fault, body, writer)
        payload = await self._payload(body)
        key = json.dumps(body, sort_keys=True)
        kept = await self._send(writer, 200, payload)
        self.delivered[key] += 1
        return kept

    def _within_limit(self) -> bool:
        """Sliding windows: requests by arrival, tokens by when they were made."""
        now = asyncio.get_running_loop().time()
        while self._recent and self._recent[0] <= now - self.window:
            self._recent.popleft()
        while self._spent and self._spent[0][0] <= now - self.window:
            self._spent.popleft()
        if self.limit is not None and len(self._recent) >= self.limit:
            return False
        if self.token_limit is not None and self._tokens() >= self.token_limit:
            return False
        self._recent.append(now)
        return True

    def _tokens(self) -> int:
        return sum(tokens for _, tokens in self._spent)

    def _wait(self) -> float:
        """Seconds until the oldest request leaves the window."""
        return max(0.01, self._recent[0] + self.window - asyncio.get_running_loop().time())

    def _told(self) -> dict[str, str]:
        """Groq's headers for its tokens a minute."""
        if self.token_limit is None:
            return {}
        now = asyncio.get_running_loop().time()
        resets = self._spent[0][0] + self.window - now if self._spent else 0.0
        return {
            "x-ratelimit-limit-tokens": str(self.token_limit),
            "x-ratelimit-remaining-tokens": str(max(0, self.token_limit - self._tokens())),
            "x-ratelimit-reset-tokens": f"{max(0.0, resets):.3f}s",
        }

    async def _payload(self, body: dict[str, Any]) -> dict[str, Any]:
        made = await self.answer(body["messages"], body.get("seed"))
        message = {"content": made} if isinstance(made, str) else made
        now = asyncio.get_running_loop().time()
        self.served.append((now, 120))
        if self.token_limit is not None:
            self._spent.append((now, 120))
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", **message},
                }
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
        }

    async def _send(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        payload: Any,
        *,
        kind: str = "application/json",
        more: dict[str, str] | None = None,
        cut: int | None = None,
    ) -> bool:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {"content-type": kind, "content-length": str(len(data))}
        headers |= self.headers | self._told() | (more or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data[:cut])
        await writer.drain()
        if cut is not None:
            writer.close()
        return cut is None

    # ---------------------------------------------------------------------------------- faults

    async def _429(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        more = {
            "429-after": {"retry-after": "0.05"},
            "429-zero": {"retry-after": "0"},
            "429-date": {"retry-after": email.utils.formatdate(usegmt=True)},
            "429-ms": {"retry-after-ms": "20", "retry-after": "9999"},
        }.get(fault, {})
        return await self._send(writer, 429, {"error": {"message": "slow down"}}, more=more)

    async def _status(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, int(fault), {"error": {"message": "overloaded"}})

    _498 = _500 = _503 = _402 = _401 = _403 = _404 = _status

    async def _502(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 502, b"<html>Bad gateway</html>", kind="text/html")

    async def _400(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        errors = {
            "400": {"message": "`temperature` must be below 2"},
            "400-long": {
                "message": "Please reduce the length",
                "code": "context_length_exceeded",
            },
            "400-tool": {
                "message": "Failed to call a function",
                "code": "tool_use_failed",
                "failed_generation": "<think>\nx\n</think>\n```answer\nsalvaged\n```",
            },
        }
        return await self._send(writer, 400, {"error": errors[fault]})

    async def _reset(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        if fault == "reset-late":
            await self._payload(body)
        writer.transport.abort()
        return False

    async def _cut(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 200, await self._payload(body), cut=50)

    async def _gone(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        """Closed in order, without a word: what a keep-alive connection meets now and then."""
        return False

    async def _chunked(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        data = json.dumps(await self._payload(body)).encode()[:60]
        head = "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(f"HTTP/1.1 200 X\r\n{head}{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()
        return False

    async def _drip(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        """A byte now and then: no single read is ever late."""
        data = json.dumps(await self._payload(body)).encode()
        writer.write(f"HTTP/1.1 200 X\r\ncontent-length: {len(data)}\r\n\r\n".encode())
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)
        return True

    async def _long(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        """Announces more than it sends, and closes."""
        more = {"content-length": "100000"}
        await self._send(writer, 200, await self._payload(body), more=more)
        return False

    async def _gzip(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        more = {"content-encoding": "gzip"}
        return await self._send(writer, 200, await self._payload(body), more=more)

    async def _flood(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        """A body without end, as an answer or as an error (flood-500), or packed (flood-gzip)."""
        status = fault.partition("-")[2]
        head = f"HTTP/1.1 {status if status.isdigit() else 200} X\r\n"
        chunk = b" " * (1 << 20)
        if status in ("gzip", "deflate"):
            head += f"content-encoding: {status}\r\n"
            packer = zlib.compressobj(9, wbits=31 if status == "gzip" else 15)
            chunk = packer.compress(b" " * (16 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
        if status == "307":
            head += "location: /elsewhere\r\n"
        if status == "twice":
            head += "content-encoding: gzip, gzip\r\n"
        writer.write(f"{head}\r\n".encode())
        while not writer.is_closing():
            writer.write(chunk)
            self.flooded += len(chunk)
            await writer.drain()
        return False

    async def _packed(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        """A good answer, as gzip."""
        data = gzip.compress(json.dumps(await self._payload(body)).encode())
        return await self._send(writer, 200, data, more={"content-encoding": "gzip"})

    async def _latin(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 200, '{"choices": [{"ä": 1}]}'.encode("latin-1"))

    async def _array(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 200, b"[" * 100_000)

    async def _null(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 200, b"null")

    async def _twice(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        """The same response two times in one packet, on a connection that stays open."""
        data = json.dumps(await self._payload(body)).encode()
        one = f"HTTP/1.1 200 X\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data
        writer.write(one + one)
        await writer.drain()
        return True

    async def _stall(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(self.stall)
        return False

    async def _empty(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 200, b"")

    async def _html(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 200, b"<html>Bad gateway</html>", kind="text/html")

    async def _half(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        data = json.dumps(await self._payload(body)).encode()
        return await self._send(writer, 200, data[: len(data) // 2])

    async def _no(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 200, {"id": "x", "choices": []})

    async def _error(self, fault: str, body: Any, writer: asyncio.StreamWriter) -> bool:
        return await self._send(writer, 200, {"error": {"message": "upstream", "code": 502}})


class ProviderThread:
    """A provider in a thread of its own, for clients that block or are processes."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Provider:
        self._thread.start()
        self._do(self.provider.__aenter__())
        return self.provider

    def __exit__(self, *exc: object) -> None:
        self._do(self.provider.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
