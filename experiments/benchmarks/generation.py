"""Whether generation uses a provider's limits without breaking them, and what an episode costs.

Two questions, each with the real stage, the real SDK and a real HTTP server on loopback:

- With R requests or T tokens a minute, how much of the limit is used, and how often is it broken?
  Minutes are real ones; what counts is what is answered in them, from the first request on.
- With a provider that answers at once, how many episodes a second does the machinery play, and does
  its memory grow over 5,000 of them? Beside it the same episodes (one run of code, then the answer;
  8 side by side) in smolagents' CodeAgent, from a throwaway environment given by `--peer`. What is
  compared is not the same work: ours runs code and judges answers in a sandbox of its own and
  writes a ledger that survives a kill; smolagents interprets code in this process and keeps
  nothing.

    python -m experiments.benchmarks.generation limits --minutes 5 --rates 120 5
    python -m experiments.benchmarks.generation instant --episodes 5000 --peer /tmp/peer/bin/python
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
KEY = "sk-benchmark-0123456789"
PROBLEM = "Return the absolute value of `x`, plus {n}."
TOKENS = (300, 60)
"""Prompt and answer tokens that the server counts for a request."""
LATENCY = 0.3


# ------------------------------------------------------------------------------------- the server


def reply_text(body: dict[str, Any]) -> str:
    """The next turn of an episode: code in the first, the answer in the second."""
    messages = body["messages"]
    text = json.dumps(messages)
    number = re.findall(r"plus (\d+)\.", text)[-1]
    code = f"def lift(x):\n    return abs(x) + {number}"
    first = not any(m["role"] == "assistant" for m in messages)
    if body["model"] == "smolagents":
        if first:
            return f"Thought: I try it.\n<code>\n{code}\nprint(lift(-2))\n</code>"
        return f"Thought: It is right.\n<code>\nfinal_answer('''{code}''')\n</code>"
    if first:
        return f"<think>\nI try it.\n</think>\n```python\n{code}\nprint(lift(-2))\n```"
    return f"<think>\nIt is right.\n</think>\n```answer\n{code}\n```"


class Server:
    """Sliding windows of a minute, requests and tokens by arrival, or a bucket of tokens that fills
    evenly when `bucket`; Groq's token headers when `headers`, `retry-after` when `after`.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.requests, self.tokens, self.latency = args.requests, args.tokens, args.latency
        self.headers, self.after, self.bucket = args.headers, args.after, args.bucket
        self.level, self.at = float(args.tokens), time.monotonic()
        self.recent: deque[float] = deque()
        self.answers: list[float] = []
        self.refused = 0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = re.search(r"content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                writer.write(await self.answer(head, body))
                await writer.drain()
                if "connection: close" in head:
                    break
        writer.close()

    async def answer(self, head: str, body: bytes) -> bytes:
        if head.startswith("get /books"):
            return response(200, {"answers": self.answers, "refused": self.refused}, {})
        now, cost = time.monotonic(), sum(TOKENS)
        while self.recent and self.recent[0] <= now - 60:
            self.recent.popleft()
        used = len(self.recent)
        left, resets = self._tokens_left(used, now)
        full = (self.requests and used >= self.requests) or (self.tokens and left < cost)
        more = {}
        if not full:
            self.level -= cost
            left -= cost
        if self.tokens and self.headers:
            resets = (self.tokens - left) * 60 / self.tokens if self.bucket else resets
            more = {
                "x-ratelimit-limit-tokens": str(self.tokens),
                "x-ratelimit-remaining-tokens": str(int(left)),
                "x-ratelimit-reset-tokens": f"{resets:.3f}s",
            }
        if full:
            self.refused += 1
            if self.after:
                more["retry-after"] = f"{self.recent[0] + 60 - now:.2f}"
            return response(429, {"error": {"message": "slow down"}}, more)
        self.recent.append(now)
        await asyncio.sleep(self.latency)
        self.answers.append(time.monotonic())
        message = {"role": "assistant", "content": reply_text(json.loads(body))}
        usage = {"prompt_tokens": TOKENS[0], "completion_tokens": TOKENS[1]}
        usage["total_tokens"] = sum(TOKENS)
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        value = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        return response(200, {**value, "choices": [choice], "usage": usage}, more)

    def _tokens_left(self, used: int, now: float) -> tuple[float, float]:
        """(tokens that are left, seconds until the oldest leave the window)."""
        resets = self.recent[0] + 60 - now if self.recent else 0.0
        if not self.bucket:
            return self.tokens - used * sum(TOKENS), resets
        self.level = min(self.tokens, self.level + (now - self.at) * self.tokens / 60)
        self.at = now
        return self.level, resets


def response(status: int, value: Any, headers: dict[str, str]) -> bytes:
    data = json.dumps(value).encode()
    headers = {"content-type": "application/json", "content-length": str(len(data)), **headers}
    head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data


async def serve(args: argparse.Namespace) -> None:
    server = Server(args)
    listening = await asyncio.start_server(server.connection, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


@contextlib.contextmanager
def provider(*arguments: str) -> Iterator[str]:
    """A server in a process of its own; its address."""
    command = [sys.executable, str(HERE), "serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def books(url: str) -> dict[str, Any]:
    import urllib.request

    with urllib.request.urlopen(url + "/books") as reply:
        return json.load(reply)


# ------------------------------------------------------------------------------------ the stage


def write_problems(folder: Path, count: int) -> Path:
    path = folder / "problems.jsonl"
    with path.open("w") as file:
        for n in range(count):
            hidden = [{"args": [x], "expected": abs(x) + n} for x in (5, -5, 0)]
            record = {
                "id": f"b/{n}",
                "prompt": PROBLEM.format(n=n),
                "entry_point": "lift",
                "visible": [{"args": [-2], "expected": 2 + n}],
                "hidden": hidden,
            }
            file.write(json.dumps(record) + "\n")
    return path


def stage(folder: Path, url: str, count: int, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "deepcoder.generate",
        f"paths.runs={folder / 'runs'}",
        "problems=jsonl",
        f"problems.path={write_problems(folder, count)}",
        "problems.heldout_fraction=0",
        "generation.limit=null",
        "teacher=groq",
        "teacher.model=m",
        f"teacher.base_url={url}",
        f"teacher.cache={folder / 'responses'}",
        "+teacher.prices={m: {input: 1.0, output: 10.0, date: '2026-11-01'}}",
        *more,
    ]


def environment() -> dict[str, str]:
    return os.environ | {"GROQ_API_KEY": KEY, "OPENAI_API_KEY": KEY}


def cases(rate: int) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Server and stage of each case that allows so many requests a minute."""
    tokens = rate * sum(TOKENS)
    requests, by_tokens = f"--requests={rate}", f"--tokens={tokens}"
    return {
        f"{rate} requests, configured": ((requests,), (f"teacher.requests_per_minute={rate}",)),
        f"{tokens:,} tokens, configured": ((by_tokens,), (f"teacher.tokens_per_minute={tokens}",)),
        f"{tokens:,} tokens, by headers": ((by_tokens, "--headers"), ()),
        f"{tokens:,} tokens, by headers, a bucket": ((by_tokens, "--headers", "--bucket"), ()),
        f"{rate} requests, hidden, with retry-after": ((requests, "--after"), ()),
        f"{rate} requests, hidden": ((requests,), ()),
    }


def limits(minutes: float, rates: list[int]) -> None:
    """All cases side by side: they wait nearly all of the time."""
    with contextlib.ExitStack() as stack:
        running = []
        for rate, name, (server, settings) in [(r, *c) for r in rates for c in cases(r).items()]:
            url = stack.enter_context(provider(f"--latency={LATENCY}", *server))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            seconds = f"generation.max_seconds={60 * minutes + 3}"
            command = stage(folder, url, int(0.8 * rate * minutes) + 200, seconds, *settings)
            running.append((rate, name, url, run_quietly(command)))
        print("| limit a minute | answers in the time | share of the limit | refused |")
        print("|---|---:|---:|---:|")
        for rate, name, url, process in running:
            process.wait()
            found = books(url)
            began = found["answers"][0] - LATENCY
            used = sum(at < began + 60 * minutes + LATENCY for at in found["answers"])
            most = rate * minutes
            print(f"| {name} | {used} of {most:.0f} | {used / most:.1%} | {found['refused']} |")


def run_quietly(command: list[str]) -> subprocess.Popen[str]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment(), text=True)


def measured(pid: int) -> tuple[float, float]:
    """(MB of main memory of a process, CPU seconds of it and all that it started and still has)."""
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
        return process.memory_info().rss / 2**20, sum(t.user + t.system for t in times)
    return 0.0, 0.0


def instant(episodes: int, peer: str | None, peer_episodes: int) -> None:
    print("| loop | episodes | a second | a CPU second | MB after a tenth | MB at the end |")
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as text, provider("--latency=0") as url:
        command = stage(Path(text), url, episodes, "generation.workers=8")
        process = run_quietly(command)
        row("deepcoder.generate", episodes, process, Ledger(Path(text)))
    if peer is None:
        return
    with provider("--latency=0") as url:
        command = [peer, str(HERE), "peer", f"--url={url}", f"--episodes={peer_episodes}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True)
        assert process.stdout is not None
        lines = process.stdout
        done = [0]

        def count() -> int:
            done[0] = int(lines.readline() or peer_episodes)
            return done[0]

        row("smolagents CodeAgent", peer_episodes, process, count)


class Ledger:
    """Counts the lines of a run's trajectories as they come."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.offset, self.lines = folder, 0, 0

    def __call__(self) -> int:
        time.sleep(0.1)
        for path in self.folder.glob("runs/generate/*/trajectories.jsonl"):
            with path.open("rb") as file:
                file.seek(self.offset)
                new = file.read()
            self.offset += len(new)
            self.lines += new.count(b"\n")
        return self.lines


def row(name: str, episodes: int, process: subprocess.Popen[str], count: Any) -> None:
    """Rates from a tenth on, so that starting up does not count, and memory then and at the end."""
    start: tuple[float, int, float, float] | None = None
    memory = cpu = 0.0
    while process.poll() is None:
        done = count()
        now = time.monotonic()
        found = measured(process.pid)
        memory, cpu = found if found[0] else (memory, cpu)
        if start is None and done >= episodes // 10:
            start = (now, done, memory, cpu)
        if done >= episodes and start is not None:
            began, first, early, before = start
            rate, work = (done - first) / (now - began), (done - first) / (cpu - before)
            print(f"| {name} | {episodes} | {rate:.0f} | {work:.0f} | {early:.0f} | {memory:.0f} |")
            process.wait()
            return
    raise SystemExit(f"{name} ended early with status {process.returncode}")


def peer(url: str, episodes: int) -> None:
    """Runs in the peer's environment: prints how many episodes are done, ten at a time."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    from smolagents import CodeAgent, OpenAIServerModel  # type: ignore[import-not-found]

    model = OpenAIServerModel(model_id="smolagents", api_base=url + "/openai/v1", api_key=KEY)

    def one(number: int) -> None:
        agent = CodeAgent(tools=[], model=model, max_steps=6, verbosity_level=0)
        answer = agent.run(PROBLEM.format(n=number))
        assert f"+ {number}" in str(answer), answer

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(one, number) for number in range(episodes)]
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            if done % 10 == 0 or done == episodes:
                print(done, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("limits")
    part.add_argument("--minutes", type=float, default=3.0)
    part.add_argument("--rates", type=int, nargs="+", default=[120, 5], help="requests a minute")
    part = parts.add_parser("instant")
    part.add_argument("--episodes", type=int, default=5000)
    part.add_argument("--peer", help="python of an environment with smolagents[openai]")
    part.add_argument("--peer-episodes", type=int, default=1000)
    part = parts.add_parser("serve")
    part.add_argument("--requests", type=int, default=0)
    part.add_argument("--tokens", type=int, default=0)
    part.add_argument("--latency", type=float, default=0.0)
    part.add_argument("--headers", action="store_true")
    part.add_argument("--after", action="store_true")
    part.add_argument("--bucket", action="store_true")
    part = parts.add_parser("peer")
    part.add_argument("--url", required=True)
    part.add_argument("--episodes", type=int, required=True)
    args = parser.parse_args()
    if args.part == "limits":
        limits(args.minutes, args.rates)
    elif args.part == "instant":
        instant(args.episodes, args.peer, args.peer_episodes)
    elif args.part == "serve":
        asyncio.run(serve(args))
    else:
        peer(args.url, args.episodes)


if __name__ == "__main__":
    main()
