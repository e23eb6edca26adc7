"""What a model may call. `finish` is not executed: it ends the episode (see `graph`).

A tool takes the arguments of an action and answers with an observation; it raises only when the
machinery under it is broken, never for what a model wrote. `open_tools` gives every episode its own
set, so that no state passes from one episode to the next.

Example::

    async with open_tools(["python", "finish"], pool, problem) as tools:
        trial = await tools["python"].trial({"code": "print(6 * 7)"})
        trial.accept().content          # '42'; without accepting, nothing has happened
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from deepcoder.errors import ConfigError
from deepcoder.retrieval import Corpus, Hit
from deepcoder.sandbox import PythonSession, SandboxPool, Status
from deepcoder.types import Observation, ObservationStatus, Problem

__all__ = [
    "FINISH",
    "RETRIEVE",
    "TOOLS",
    "PythonTool",
    "RetrieveTool",
    "Tool",
    "Trial",
    "check_tools",
    "cut",
    "open_tools",
    "unfenced",
]

FINISH = "finish"
RETRIEVE = "retrieve"
TOOLS = ("python", RETRIEVE, FINISH)
"""Names that a configuration may list in `agent.tools`."""

SILENT = "(no output)"
"""What a model reads when its code printed nothing: an empty observation reads like a fault."""

_UNCUT = 1 << 24
_FENCED = re.compile(r"(?P<ticks>```+)[ \t]*\w*[ \t]*\n(?P<code>.*?)\n?(?P=ticks)", re.S)


@dataclass(frozen=True)
class Trial:
    """What an action came to when it was carried out beside the episode."""

    observation: Observation
    keep: Callable[[], None] | None = None
    """Lets its effects stand; None for a tool that has none."""

    def accept(self) -> Observation:
        """Make it the episode's own, once and before anything else is accepted."""
        if self.keep is not None:
            self.keep()
        return self.observation


class Tool(Protocol):
    """Something that a model calls by name."""

    async def trial(self, arguments: Mapping[str, Any]) -> Trial:
        """What the environment answers to these arguments, with no effect until it is accepted."""
        ...


class PythonTool:
    """Runs code in the episode's own sandboxed session; names stay defined between calls.

    `setup` is run silently before the first call: what the problem promises to be defined.
    """

    def __init__(self, pool: SandboxPool, *, setup: str = "") -> None:
        # The agent cuts what is too long and says so through its protocol, not the session.
        self._session = PythonSession(pool, max_chars=_UNCUT)
        self._setup = setup
        self._setting_up = asyncio.Lock()

    async def trial(self, arguments: Mapping[str, Any]) -> Trial:
        code = arguments.get("code")
        if not isinstance(code, str) or not code.strip():
            return _refused("There is no code.")
        async with self._setting_up:
            if self._setup:
                await self._session.run(self._setup)
                self._setup = ""
        cell = await self._session.peek(code)
        if cell.status is Status.SANDBOX_FAILURE:  # says nothing about the code: once more
            cell = await self._session.peek(code)
        text = cell.text.strip("\n") or SILENT
        observation = Observation(content=text, status=_observed(cell.status))
        return Trial(observation, keep=partial(self._session.keep, cell))


class RetrieveTool:
    """Searches a corpus and shows the best `hits` documents with the part that fits the query."""

    def __init__(self, corpus: Corpus, *, hits: int = 3, snippet_chars: int = 300) -> None:
        self._corpus = corpus
        self._hits = hits
        self._chars = snippet_chars

    @property
    def digest(self) -> str:
        """Names what can be found and how much of it is shown."""
        return f"{self._corpus.digest}-{self._hits}-{self._chars}"

    async def trial(self, arguments: Mapping[str, Any]) -> Trial:
        query = arguments.get("query")
        if not isinstance(query, str) or not query.strip():
            return _refused("There is no query.")
        found = await asyncio.to_thread(
            self._corpus.search, query, self._hits, snippet_chars=self._chars
        )
        if not found:
            return Trial(Observation(content=f"Nothing found in {self._corpus.name}."))
        shown = "\n\n".join(_shown(number, hit) for number, hit in enumerate(found, 1))
        return Trial(Observation(content=shown))


def _shown(number: int, hit: Hit) -> str:
    document = hit.document
    return f"{number}. {document.lead or document.title} ({document.source})\n{hit.snippet}"


def _refused(why: str) -> Trial:
    return Trial(Observation(content=why, status=ObservationStatus.REFUSED))


def _observed(status: Status) -> ObservationStatus:
    if status is Status.OK:
        return ObservationStatus.OK
    return ObservationStatus.TIMEOUT if status is Status.TIMEOUT else ObservationStatus.ERROR


def check_tools(names: Sequence[str]) -> None:
    """Raises ConfigError for a tool that does not exist."""
    unknown = [name for name in names if name not in TOOLS]
    if unknown:
        raise ConfigError(
            f"agent.tools names {', '.join(unknown)}, which does not exist.",
            fix=f"use some of {', '.join(TOOLS)}",
        )


@asynccontextmanager
async def open_tools(
    names: Sequence[str], pool: SandboxPool, problem: Problem, retrieve: RetrieveTool | None = None
) -> AsyncIterator[dict[str, Tool]]:
    """The tools of one episode, by name; `finish` is left out. `retrieve` is shared by all."""
    tools: dict[str, Tool] = {}
    if RETRIEVE in names and retrieve is not None:
        tools[RETRIEVE] = retrieve
    if "python" in names:
        tools["python"] = PythonTool(pool, setup=problem.setup_code)
    yield tools


def unfenced(answer: str) -> str:
    """The code of an answer that is nothing but one fenced block; any other answer as it is."""
    fenced = _FENCED.fullmatch(answer.strip())
    return fenced["code"] if fenced and fenced["ticks"] not in fenced["code"] else answer


def cut(observation: Observation, limit: int) -> Observation:
    """The observation within `limit` characters: its beginning and its end, where a traceback says
    what happened. The protocol tells the model how much is missing."""
    text = observation.content
    if len(text) <= limit:
        return observation
    gap = "\n…\n"
    tail = max(limit - len(gap), 0) * 2 // 5
    head = max(limit - len(gap) - tail, 0)
    kept = text[:head] + gap + (text[-tail:] if tail else "")
    return observation.model_copy(
        update={"content": kept, "truncated": True, "omitted": len(text) - head - tail}
    )
