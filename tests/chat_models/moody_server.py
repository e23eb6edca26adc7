"""A second provider that breaks on purpose, of another temper than `provider.Provider`.

One thread a connection on Python's own `http.server`, bytes written by hand: other header casing,
other framing (chunks with extensions, HTTP/1.0 without a length, bare line feeds), other encodings,
other lies. `provider` breaks the transport; this one mostly answers, and answers strangely.

    with MoodyServer(lift, moods=every(3)) as server:
        teacher = build_teacher(config(server.url), ())
"""

from __future__ import annotations

import email.utils
import gzip
import json
import random
import re
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "gsk_moodyMOODYmoody0123456789"

ANSWERS = (
    "slow",
    "gzip",
    "gzip-pieces",
    "deflate",
    "chunked",
    "http10",
    "early-hints",
    "bare-lf",
    "bom",
    "utf16",
    "duplicate-keys",
    "three-choices",
    "finish-null",
    "no-usage",
    "null-usage",
    "float-usage",
    "negative-usage",
    "many-headers",
    "odd-limits",
    "unicode",
    "parts",
)
"""Odd forms of a good answer: none of them costs a second request."""

AGAIN = (
    "429-date",
    "429-go",
    "429-bare",
    "429-html",
    "429-negative",
    "429-text",
    "498",
    "507",
    "520-html",
    "524",
    "529",
    "408",
    "409",
    "425",
    "detail-500",
    "sse",
    "sse-lie",
    "error-200",
    "error-text-200",
    "202-queued",
    "204",
    "206-half",
    "empty-choices",
    "null-choices",
    "null-message",
    "number-content",
    "two-documents",
    "short-length",
    "raw-deflate",
    "brotli",
    "closed",
    "cut",
    "cut-gzip",
    "cut-chunk",
    "garbage",
    "header-garbage",
    "401-once",
    "403-html",
    "404-gateway",
)
"""What is to be asked again. Which of them a provider would charge, `charged` says."""

WEIRD = (
    "null-content",
    "empty-content",
    "tool-dict",
    "tool-bad",
    "tool-null",
    "huge",
    "refusal",
)
"""Answers of a model that is beside itself: a turn without an action, and the next one is right."""

Answer = Callable[[list[dict[str, str]]], str]
Mood = Callable[[int], str | None]


def calm(number: int) -> str | None:
    return None


def every(gap: int, moods: Sequence[str] = (*ANSWERS, *AGAIN, *WEIRD), seed: int = 0) -> Mood:
    """One of the moods for about one request in `gap`."""

    def mood(number: int) -> str | None:
        rng = random.Random(f"{seed}/{number}")
        return rng.choice(list(moods)) if rng.random() * gap < 1 else None

    return mood


def in_turn(*moods: str | None) -> Mood:
    return lambda number: moods[number] if number < len(moods) else None


def number_of(messages: Sequence[dict[str, str]]) -> int:
    """Which problem of the tests a conversation is about: "… plus 17."."""
    return int(re.findall(r"plus (\d+)\.", json.dumps(messages))[-1])


def lift(messages: list[dict[str, str]]) -> str:
    """Plays the problems "absolute value plus n": runs code once, then answers. Every eleventh
    answer is wrong, and every 29th problem is never finished."""
    number = number_of(messages)
    code = f"def lift(x):\n    return abs(x) + {number}"
    ran = any("lift(-2)" in m["content"] for m in messages if m["role"] == "assistant")
    if not ran or number % 29 == 7:
        return f"<think>\nI try it.\n</think>\n```python\n{code}\nprint(lift(-2))\n```"
    if number % 11 == 5:
        code = code.replace("abs(x)", "x")
    return f"<think>\nIt is right.\n</think>\n```answer\n{code}\n```"


class MoodyServer:
    """`served` are all answers that a provider would charge, as (seconds, request); `delivered`
    counts those that were sent whole, by request. `limit` is requests in any `window` seconds."""

    def __init__(
        self,
        answer: Answer = lift,
        *,
        mood: Mood = calm,
        key: str = KEY,
        limit: int | None = None,
        window: float = 60.0,
        elsewhere: MoodyServer | None = None,
        latency: float = 0.0,
    ) -> None:
        self.answer, self.mood, self.key, self.latency = answer, mood, key, latency
        self.limit, self.window, self.elsewhere = limit, window, elsewhere
        self.requests: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        self.served: list[tuple[float, str]] = []
        self.delivered: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.refused = 0
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()
        server = self

        class Handler(_Handler):
            moody = server

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that was killed is no news."""

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def url(self, kind: str) -> str:
        """What `teacher.base_url` is to be, for teacher=groq or teacher=openai_compatible."""
        return self.address if kind == "groq" else f"{self.address}/v1"

    def __enter__(self) -> MoodyServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def next_mood(self) -> tuple[str | None, float]:
        """(how the next request is met, seconds to wait when it is over the limit)."""
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - self.window:
                self._recent.popleft()
            if self.limit is not None and len(self._recent) >= self.limit:
                self.refused += 1
                return "limit", self._recent[0] + self.window - now
            self._recent.append(now)
            mood = self.mood(len(self.requests))
            self.requests.append({})
            if mood:
                self.met[mood] += 1
            return mood, 0.0

    def charge(self, request: str) -> None:
        with self._lock:
            self.served.append((time.monotonic(), request))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    moody: MoodyServer

    def log_message(self, *args: Any) -> None: ...

    # ------------------------------------------------------------------------------- requests

    def do_GET(self) -> None:
        self.moody.authorizations.append(self.headers.get("Authorization"))
        self._json(200, {"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        server = self.moody
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        server.authorizations.append(self.headers.get("Authorization"))
        if self.headers.get("Authorization") != f"Bearer {server.key}":
            said = f"Incorrect API key provided: {self.headers.get('Authorization')}"
            return self._json(401, {"error": {"message": said, "code": "invalid_api_key"}})
        if body.get("model") != "m":
            return self._json(404, {"error": f"model '{body.get('model')}' not found"})
        mood, wait = server.next_mood()
        if mood == "limit":
            more = {"rEtRy-AfTeR": f"{wait:.3f}"}
            return self._json(429, {"error": {"message": "Too Many Requests"}}, more)
        if server.latency:
            time.sleep(server.latency)
        self._meet(mood, body)
        return None

    def _meet(self, mood: str | None, body: dict[str, Any]) -> None:
        name = json.dumps(body, sort_keys=True)
        kind = (mood or "").partition("-")[0]
        if mood in WEIRD or mood in ANSWERS or mood is None:
            self.moody.charge(name)
            answer = self._completion(body, mood)
            getattr(self, f"_{(mood or 'plain').replace('-', '_')}", self._plain)(answer)
            with self.moody._lock:
                self.moody.delivered[name] += 1
            return
        if mood in CHARGED:
            self.moody.charge(name)
        write = getattr(self, f"_{mood.replace('-', '_')}", None)
        if write is not None:
            write(self._completion(body, None))
        else:  # a status and nothing more to say
            self._json(int(kind), {"error": {"message": "try later", "type": "moody"}})

    def _completion(self, body: dict[str, Any], mood: str | None) -> dict[str, Any]:
        text = self.moody.answer(body["messages"])
        message: dict[str, Any] = {"role": "assistant", "content": text}
        code = {"code": "print(1)"}
        calls = {
            "tool-dict": {"name": "python", "arguments": code},
            "tool-bad": {"name": "python", "arguments": '{"code": "print(1)'},
            "tool-null": {"name": None, "arguments": None},
        }
        if mood in calls:
            message |= {"content": None, "tool_calls": [{"id": "call_0", "function": calls[mood]}]}
        if mood == "null-content":
            message |= {"content": None, "reasoning": "I think, and say nothing."}
        if mood == "empty-content":
            message |= {"content": "", "reasoning_content": ""}
        if mood == "refusal":
            message |= {"content": None, "refusal": "I cannot help with that."}
        if mood == "huge":
            message["content"] = "na " * 3_000_000
        if mood == "unicode":
            odd = "\u202e\u2028\x00\x85\ufeff\ud83d e\u0301"
            message["content"] = text.replace("</think>", f"{odd}\n</think>")
        if mood == "parts":
            message["content"] = [{"type": "text", "text": text}]
        choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}
        if mood == "finish-null":
            choice["finish_reason"] = None
        choices = [choice]
        if mood == "three-choices":
            other = {"role": "assistant", "content": "not I"}
            choices += [choice | {"index": n, "message": other} for n in (1, 2)]
        usage: Any = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        if mood == "float-usage":
            usage = {"prompt_tokens": 100.0, "completion_tokens": "20"}
        if mood == "negative-usage":
            usage = {"prompt_tokens": -100, "completion_tokens": True}
        value = {"id": "chatcmpl-always-the-same", "object": "chat.completion", "model": "m"}
        value |= {"created": None, "choices": choices, "usage": usage, "x_extra": {"a": [None]}}
        if mood == "no-usage":
            del value["usage"]
        if mood == "null-usage":
            value["usage"] = None
        return value

    # ---------------------------------------------------------------------------------- bytes

    def _raw(self, status: str, headers: Sequence[tuple[str, str]], data: bytes) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.wfile.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + data)
        self.wfile.flush()

    def _json(self, status: int, value: Any, more: dict[str, str] | None = None) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        kind = ("CONTENT-type", "application/json; charset=UTF-8")
        length = ("content-LENGTH", str(len(data)))
        self._raw(f"{status} Moody", [kind, length, *(more or {}).items()], data)

    def _plain(self, answer: Any) -> None:
        self._json(200, answer)

    def _hang_up(self) -> None:
        self.close_connection = True

    # ------------------------------------------------------------------ odd forms of good answers

    def _slow(self, answer: Any) -> None:
        data = json.dumps(answer).encode()
        self.wfile.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(data)}\r\n\r\n".encode())
        step = len(data) // 12 + 1
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            self.wfile.flush()
            time.sleep(0.02)

    def _gzip(self, answer: Any) -> None:
        data = gzip.compress(json.dumps(answer).encode())
        self._json(200, data, {"Content-encoding": "GZIP"})

    def _gzip_pieces(self, answer: Any) -> None:
        """Two members, one after the other, as some proxies join them, in chunks."""
        data = json.dumps(answer).encode()
        self._chunks(gzip.compress(data[:50]) + gzip.compress(data[50:]) + bytes(99), "gzip")

    def _deflate(self, answer: Any) -> None:
        data = zlib.compress(json.dumps(answer).encode())
        self._json(200, data, {"content-encoding": "deflate"})

    def _chunks(self, data: bytes, encoding: str = "identity") -> None:
        head = f"Transfer-Encoding: chunked\r\nContent-Encoding: {encoding}\r\n\r\n"
        self.wfile.write(f"HTTP/1.1 200 OK\r\n{head}".encode())
        for start in range(0, len(data), 37):
            part = data[start : start + 37]
            self.wfile.write(f'{len(part):X};note="x"\r\n'.encode() + part + b"\r\n")
        self.wfile.write(b"0\r\nX-Trailer: late\r\n\r\n")
        self.wfile.flush()

    def _chunked(self, answer: Any) -> None:
        self._chunks(json.dumps(answer).encode())

    def _http10(self, answer: Any) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(answer).encode())
        self._hang_up()

    def _early_hints(self, answer: Any) -> None:
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n")
        self._json(200, answer)

    def _bare_lf(self, answer: Any) -> None:
        data = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-length: {len(data)}\n\n"
        self.wfile.write(head.encode() + data)

    def _bom(self, answer: Any) -> None:
        self._json(200, b"\xef\xbb\xbf\r\n\r\n" + json.dumps(answer).encode())

    def _utf16(self, answer: Any) -> None:
        self._json(200, json.dumps(answer).encode("utf-16"))

    def _duplicate_keys(self, answer: Any) -> None:
        data = json.dumps(answer)
        self._json(200, ('{"choices": [], "usage": 3, ' + data[1:]).encode())

    def _many_headers(self, answer: Any) -> None:
        self._json(200, answer, {f"X-Noise-{n}": "z" * 60 for n in range(90)})

    def _odd_limits(self, answer: Any) -> None:
        """Durations as Go writes them, and numbers that are none."""
        more = {
            "X-RateLimit-Limit-Tokens": "6000",
            "X-RateLimit-Remaining-Tokens": "5988",
            "X-RateLimit-Reset-Tokens": "119.999999ms",
            "X-RateLimit-Remaining-Requests": "14399",
            "X-RateLimit-Reset-Requests": "2m59.56s",
            "X-RateLimit-Limit-Requests": "unlimited",
            "RateLimit-Remaining": "many",
            "RateLimit-Reset": "1µs",
        }
        self._json(200, answer, {k: v.replace("µ", "u") for k, v in more.items()})

    # ------------------------------------------------------------------------- to be asked again

    def _429_date(self, answer: Any) -> None:
        when = email.utils.formatdate(time.time() + 1, usegmt=True)
        self._json(429, {"error": "slow down"}, {"RETRY-AFTER": when})

    def _429_go(self, answer: Any) -> None:
        more = {
            "X-Ratelimit-Limit-Tokens": "6000",
            "X-Ratelimit-Remaining-Tokens": "0",
            "X-Ratelimit-Reset-Tokens": "0h0m0.2s",
        }
        self._json(429, {"error": {"message": "Please try again in 200ms."}}, more)

    def _429_bare(self, answer: Any) -> None:
        self._raw("429 ", [("content-length", "0")], b"")

    def _429_html(self, answer: Any) -> None:
        self._json(429, b"<html><h1>429</h1>nginx</html>", {"retry-after": "0.1"})

    def _429_negative(self, answer: Any) -> None:
        self._json(429, {"message": "later"}, {"retry-after": "-5"})

    def _429_text(self, answer: Any) -> None:
        self._json(429, {"error": {"message": "Rate limited. Please try again in 0m0.15s."}})

    def _520_html(self, answer: Any) -> None:
        self._json(520, b"<!DOCTYPE html><title>520: unknown error</title>")

    def _detail_500(self, answer: Any) -> None:
        self._json(500, {"detail": [{"loc": ["body"], "msg": "worker died"}]})

    def _sse(self, answer: Any) -> None:
        """A stream, although nobody asked for one."""
        delta = {"choices": [{"index": 0, "delta": {"content": "hello"}}]}
        data = f"data: {json.dumps(delta)}\n\ndata: [DONE]\n\n".encode()
        head = [("content-type", "text/event-stream"), ("content-length", str(len(data)))]
        self._raw("200 OK", head, data)

    def _sse_lie(self, answer: Any) -> None:
        """The whole answer behind `data:`, and a keep-alive comment before it."""
        data = b": keep-alive\n\ndata: " + json.dumps(answer).encode() + b"\n\n"
        self._json(200, data)

    def _error_200(self, answer: Any) -> None:
        self._json(200, {"error": {"message": "upstream is busy", "code": 502}, "choices": []})

    def _error_text_200(self, answer: Any) -> None:
        self._json(200, {"error": "no capacity", "object": "error"})

    def _202_queued(self, answer: Any) -> None:
        self._json(202, {"id": "job-1", "status": "queued"})

    def _204(self, answer: Any) -> None:
        self._raw("204 No Content", [], b"")

    def _206_half(self, answer: Any) -> None:
        data = json.dumps(answer).encode()
        half = data[: len(data) // 2]
        self._raw("206 Partial Content", [("content-length", str(len(half)))], half)

    def _empty_choices(self, answer: Any) -> None:
        self._json(200, answer | {"choices": []})

    def _null_choices(self, answer: Any) -> None:
        self._json(200, answer | {"choices": None})

    def _null_message(self, answer: Any) -> None:
        self._json(200, answer | {"choices": [{"index": 0, "message": None}]})

    def _number_content(self, answer: Any) -> None:
        self._json(200, answer | {"choices": [{"message": {"content": 42}}]})

    def _two_documents(self, answer: Any) -> None:
        self._json(200, json.dumps(answer).encode() * 2)

    def _short_length(self, answer: Any) -> None:
        """Promises less than it sends: what was promised is half of a document."""
        data = json.dumps(answer).encode()
        self._raw("200 OK", [("content-length", str(len(data) // 2))], data)
        self._hang_up()

    def _raw_deflate(self, answer: Any) -> None:
        """What some servers mean by deflate: without zlib's head."""
        packer = zlib.compressobj(wbits=-15)
        data = packer.compress(json.dumps(answer).encode()) + packer.flush()
        self._json(200, data[: len(data) // 2], {"content-encoding": "deflate"})

    def _brotli(self, answer: Any) -> None:
        self._json(200, b"\x0b\x02\x80hello\x03", {"content-encoding": "br"})

    def _closed(self, answer: Any) -> None:
        self._hang_up()

    def _cut(self, answer: Any) -> None:
        data = json.dumps(answer).encode()
        self._raw("200 OK", [("content-length", str(len(data)))], data[: len(data) // 2])
        self._hang_up()

    def _cut_gzip(self, answer: Any) -> None:
        """Whole by its length, and its gzip is not: only unpacking shows it."""
        data = gzip.compress(json.dumps(answer).encode())
        self._json(200, data[: len(data) // 2], {"content-encoding": "gzip"})

    def _cut_chunk(self, answer: Any) -> None:
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        self.wfile.write(head + b'fff\r\n{"choices": [')
        self._hang_up()

    def _garbage(self, answer: Any) -> None:
        self.wfile.write(b"\x16\x03\x01\x02\x00 not HTTP at all\r\n\r\n")
        self._hang_up()

    def _header_garbage(self, answer: Any) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n: \xff\xfe\x00nameless\r\n\r\n{}")
        self._hang_up()

    def _401_once(self, answer: Any) -> None:
        self._json(401, {"error": {"message": f"token {self.moody.key} is unknown to this node"}})

    def _403_html(self, answer: Any) -> None:
        self._json(403, b"<html>Attention required! | a firewall</html>")

    def _404_gateway(self, answer: Any) -> None:
        self._json(404, b"404 page not found\n")

    # ----------------------------------------------------------------------- not among the moods

    def _redirect(self, answer: Any) -> None:
        assert self.moody.elsewhere is not None
        where = self.moody.elsewhere.address + self.path
        self._json(307, {"moved": True}, {"Location": where})

    def _redirect_302(self, answer: Any) -> None:
        assert self.moody.elsewhere is not None
        self._json(302, b"", {"Location": self.moody.elsewhere.address + self.path})

    def _413(self, answer: Any) -> None:
        self._json(413, b"<html>413 Request Entity Too Large</html>")

    def _429_account(self, answer: Any) -> None:
        self._json(429, {"error": {"message": "You exceeded it", "code": "insufficient_quota"}})


CHARGED = frozenset(
    ("206-half", "sse-lie", "two-documents", "short-length", "raw-deflate", "cut", "cut-gzip")
)
"""Moods of `AGAIN` in which the answer had been made."""
