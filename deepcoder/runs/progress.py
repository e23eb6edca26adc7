"""Progress of long work: a bar on a terminal, sparse lines elsewhere."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

log = logging.getLogger(__name__)


@contextlib.contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A progress bar on a terminal, a line every tenth of the way elsewhere.

    Yields `advance(steps=1, **facts)`; facts are shown beside the bar.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    interactive = console.is_terminal
    started, done, next_line = time.monotonic(), 0, 0
    with Progress(*columns, console=console, disable=not interactive) as bar:
        task = bar.add_task(description, total=total, facts="")

        def advance(steps: int = 1, **facts: Any) -> None:
            nonlocal done, next_line
            done += steps
            text = " ".join(f"{k}={v}" for k, v in facts.items())
            bar.update(task, advance=steps, facts=text)
            if not interactive and (done >= next_line or done == total):
                next_line = done + max(1, (total or 100) // 10)
                seconds = time.monotonic() - started
                log.info("%s %s/%s %.0fs %s", description, done, total or "?", seconds, text)

        yield advance
