"""The default corpus: what the running Python says about its own standard library.

Docstrings, signatures and the chapters that `help()` shows are read from the interpreter itself, in
a process of its own (`python_names.py`), so nothing foreign is shipped and what is found fits the
Python that runs the code.

    documents = python_documents(chars=1200)
    next(iter(documents)).title        # 'abc'
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from deepcoder.errors import DeepcoderError
from deepcoder.retrieval.documents import Document, split

__all__ = ["SOURCE", "VERSION", "python_documents"]

SOURCE = f"Python {platform.python_version()}"
"""Names the corpus; another Python has another index."""

VERSION = 1
"""Of what is read and how; raised when it changes, so that an index is built again."""

_SCRIPT = Path(__file__).with_name("python_names.py")
_SECONDS = 300
_MARKS = re.compile(r"\n[*=~^-]{3,}\n")


def python_documents(
    *, chars: int, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[Document]:
    """Passages of at most `chars` characters about everything public.

    `on_progress` is told how many modules were read, of how many. Raises DeepcoderError when the
    interpreter cannot be read.
    """
    used: set[str] = set()
    for line in _lines():
        entry = json.loads(line)
        if "progress" in entry:
            on_progress(*entry["progress"])
        elif "doc" in entry:
            yield from _documents(entry, used, chars)


def _lines() -> Iterator[str]:
    # No environment: PYTHONSTARTUP, PYTHONPATH and the like must not change what is found.
    command = [sys.executable, "-I", "-X", "utf8", str(_SCRIPT)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        complete = False
        try:
            for line in process.stdout:
                complete = complete or line.startswith('{"left_out"')
                yield line
            process.wait(_SECONDS)
        finally:
            process.kill()
    if not complete:
        raise DeepcoderError(
            f"{sys.executable} could not be asked for its documentation (exit status "
            f"{process.returncode}).",
            fix="use a folder of documents instead: retrieval.path=<folder>",
        )


def _documents(entry: dict[str, str], used: set[str], chars: int) -> Iterator[Document]:
    name, doc = entry["name"], entry["doc"]
    if entry["kind"] == "topic":
        title = doc.strip().partition("\n")[0]
        yield from split(f"help/{name}", title, f"{SOURCE}, help({name!r})", doc, chars=chars)
        return
    if name in used:  # a module and a function of it may share a name
        name = f"{name}()"
    used.add(name)
    lead = f"{entry['name']}{entry['signature']}" if entry["signature"] else ""
    source = f"{SOURCE}, {entry['module']}"
    text = _MARKS.sub("\n", doc)
    yield from split(name, entry["name"], source, text, chars=chars, lead=lead)
