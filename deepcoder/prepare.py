"""Prepare examples for training: trajectories become token ids with a span kind per token.

Without arguments it takes the trajectories of this configuration's `generate` run, and makes that
run first when it is missing. Every line of the input is accounted for: examples.parquet holds what
is trained on, rejected.jsonl what is not and why, truncated.jsonl what was shortened, and
examples.html shows what it looks like, token by token. Examples:

    python -m deepcoder.prepare
    python -m deepcoder.prepare data=react data.trajectories=<file.jsonl> student=qwen3b

The same command again returns at once, unless the trajectories have changed. Lines that are damaged
or of another schema version end the stage with status 3 after everything else is written;
`data.allow_unreadable=true` accepts that.
"""

from __future__ import annotations

import gc
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from deepcoder.config import AnswerIds, BestOf, Config, Truncation
from deepcoder.errors import DataError, IncompleteError, MissingError
from deepcoder.runs import (
    RunFolder,
    atomic_write,
    file_hash,
    locked,
    progress,
    stage,
    stage_folder,
    stage_key,
)

if TYPE_CHECKING:
    from deepcoder.spans.ledger import Lines
    from deepcoder.spans.selection import Result, Selection
    from deepcoder.trajectories.screening import Screen
    from deepcoder.types import Trajectory

log = logging.getLogger(__name__)

EXAMPLES, REJECTED, TRUNCATED = "examples.parquet", "rejected.jsonl", "truncated.jsonl"
SCREENING = "screening.json"
FILES = {
    EXAMPLES: "what is trained on: token ids, a span kind per token, the split",
    REJECTED: "every line that is not used, with file, line and reason",
    TRUNCATED: "every trajectory of which steps were cut to fit the student",
    SCREENING: "what of these was removed by decontamination and as a duplicate (also as .md)",
    "examples.html": "a page that shows examples token by token, with kinds and weights",
}
VERSION = 2
"""Of rendering and alignment; raised when they change, so that older examples are made again."""
LARGE = 50_000
"""Lines from which on several processes prepare: each takes seconds to start, for which one process
prepares some 5,000 lines."""
BATCH = 512
"""Lines tokenised together and written as one row group: bounds the memory."""
COLLECT_EVERY = 8
"""Batches after which reference cycles are looked for."""


@stage("prepare", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Turn trajectories into examples; return at once when that is done."""
    from deepcoder.spans.example_file import read_metadata
    from deepcoder.spans.ledger import print_summary

    sources = find_sources(cfg)
    made_of = {
        "version": VERSION,
        "key": stage_key(cfg, "prepare"),
        "trajectories": {name: file_hash(source.path, 64) for name, source in sources.items()},
    }
    found = read_metadata(run.path / EXAMPLES)
    if found is not None and found["made_of"] == made_of:
        summary = found["summary"]
        log.info("Already prepared: %s", run.path / EXAMPLES)
    else:
        if run.done:
            log.info("The trajectories or the code have changed: preparing again.")
            run.restart()
        for name, source in sources.items():
            run.record_input(f"trajectories:{name}" if name else "trajectories", source.path)
        summary = _prepare(cfg, run, sources, made_of)
        print_summary(summary)
        counts = {f"prepare/{k}": v for k, v in summary.items() if isinstance(v, int)}
        kinds = {f"prepare/tokens/{k}": v for k, v in summary["tokens_by_kind"].items()}
        run.metric(**counts, **kinds)
        log.info("Examples: %s", run.path / EXAMPLES)
    _show(cfg, run, made_of)
    damaged = summary["damaged"]
    if damaged and not cfg.data.allow_unreadable:
        raise IncompleteError(
            f"{damaged} of {summary['lines']} lines of {_named(sources)} could not be read (see "
            f"{run.path / REJECTED}); the rest is prepared.",
            fix="repair the file, or go on without those lines: data.allow_unreadable=true",
        )
    if not run.done:
        run.finish(**summary)


def prepared_examples(cfg: Config) -> Path:
    """The examples of this configuration; makes them when they are missing or stale."""
    folder = main.open(cfg)
    with locked(folder.path / ".lock"):  # jobs of a sweep, and ranks, make them once
        main.run(cfg, folder)
        if folder.info().get("status") == "running":
            folder.finish()
    return folder.path / EXAMPLES


class Source(NamedTuple):
    """A file of trajectories, and how it is written."""

    path: Path
    format: str


def find_sources(cfg: Config) -> dict[str, Source]:
    """What is prepared, by its name in `data.mixture`; a single source has the empty name.

    Raises MissingError as `find_source` does.
    """
    if not cfg.data.mixture:
        return {"": Source(find_source(cfg, cfg.data.trajectories), cfg.data.format.value)}
    return {
        name: Source(find_source(cfg, source.trajectories), source.format.value)
        for name, source in cfg.data.mixture.items()
    }


def _named(sources: Mapping[str, Source]) -> str:
    return ", ".join(str(source.path) for source in sources.values())


def find_source(cfg: Config, trajectories: str | None = None) -> Path:
    """The file of trajectories; the `generate` stage runs first when its output is missing.

    Not with a teacher that costs money: that is only ever spent by the stage that says so. Raises
    MissingError then, and when `trajectories` names nothing.
    """
    from deepcoder.trajectories.reading import trajectory_file

    if trajectories:
        return trajectory_file(trajectories)
    folder = stage_folder(cfg, "generate")
    if not (RunFolder(folder, "generate").done and (folder / "trajectories.jsonl").exists()):
        if cfg.teacher.kind.remote:
            raise MissingError(
                f"There are no finished trajectories of teacher={cfg.teacher.kind} at {folder}, "
                "and making them costs money.",
                fix="run `python -m deepcoder.generate` with the same overrides first",
            )
        from deepcoder.generate import main as generate

        log.info("No finished trajectories for this configuration: generating them first.")
        made = generate.open(cfg)
        generate.run(cfg, made)
        if not made.done:
            made.finish()
    return trajectory_file(folder)


def _prepare(
    cfg: Config, run: RunFolder, sources: Mapping[str, Source], made_of: dict[str, Any]
) -> dict[str, Any]:
    """Write the three files; returns the summary. Raises DataError when nothing is left."""
    from deepcoder.spans.example_file import ExampleWriter, whole_file
    from deepcoder.spans.ledger import Ledger
    from deepcoder.trajectories.reading import count_lines
    from deepcoder.trajectories.screening import report_text

    # The writer is left last: where there are examples, the two lists are whole.
    with (
        ExampleWriter(run.path / EXAMPLES) as writer,
        whole_file(run.path / REJECTED) as rejected,
        whole_file(run.path / TRUNCATED) as truncated,
    ):
        ledger = Ledger(rejected, truncated)
        total = sum(count_lines(source.path) for source in sources.values())
        screen = _screen(cfg, sources)
        with progress("prepare", total) as advance, _collected_by_batch() as collect:
            read = _read(sources)
            for lines, results in _results(cfg, read, _processes(cfg, total), screen):
                writer.write(list(ledger.account(lines, results)))
                advance(len(lines.items), examples=ledger.examples)
                collect()
        report = screen.report()
        atomic_write(run.path / SCREENING, json.dumps(report, indent=2) + "\n")
        atomic_write((run.path / SCREENING).with_suffix(".md"), report_text(report))
        summary = ledger.summary()
        if summary["train_examples"]:
            writer.commit({"made_of": made_of, "summary": summary})
    if not summary["train_examples"]:
        (run.path / EXAMPLES).unlink(missing_ok=True)  # of other trajectories
        raise _nothing_left(cfg, _named(sources), summary, run.path / REJECTED)
    foreign = ", ".join(sorted(ledger.protocols - {cfg.agent.protocol}))
    if foreign:
        log.warning(
            "The trajectories are written in protocol %s, and agent.protocol=%s will play the "
            "student.",
            foreign,
            cfg.agent.protocol,
        )
    return summary


def _read(sources: Mapping[str, Source]) -> Iterator[Lines]:
    from deepcoder.spans.ledger import Lines
    from deepcoder.trajectories.reading import read_placed

    for name, source in sources.items():
        lines = read_placed(source.path, source.format)
        while batch := list(islice(lines, BATCH)):
            yield Lines(name, batch)


def _screen(cfg: Config, sources: Mapping[str, Source]) -> Screen:
    """What is asked of trajectories besides; `data.best_of` reads them all once more."""
    from deepcoder.trajectories.screening import Screen, choose

    if cfg.data.best_of is BestOf.all:
        return Screen.build(cfg)
    surprise = None
    if cfg.data.best_of is BestOf.likeliest:
        from deepcoder.spans.likelihood import Surprise
        from deepcoder.students import load_base

        cache = Path(cfg.paths.cache).expanduser()
        surprise = Surprise(_selection(cfg), load_base(cfg.student, cache))

    def solved() -> Iterator[Trajectory]:
        for lines in _read(sources):
            for _, one in lines.trajectories:
                failed = one.outcome is not None and not one.outcome.solved
                if not (cfg.data.only_solved and failed):
                    yield one

    return Screen.build(cfg, choose(solved(), cfg.data.best_of, surprise))


@contextmanager
def _collected_by_batch() -> Iterator[Callable[[], object]]:
    """Without Python's search for reference cycles, but for the calls of what this gives.

    Batches hold many objects and no cycles to speak of; looking for some every 700 objects took a
    fifth of the time, and looking through every batch a twentieth.
    """
    was_on = gc.isenabled()
    gc.disable()
    batches = count(1)
    try:
        yield lambda: gc.collect(0) if next(batches) % COLLECT_EVERY == 0 else None
    finally:
        if was_on:
            gc.enable()


def _processes(cfg: Config, lines: int) -> int:
    """How many processes render and tokenise: others pay for their start on large files only."""
    if cfg.data.workers is not None:
        return cfg.data.workers
    return min(4, len(os.sched_getaffinity(0))) if lines >= LARGE else 1


def _results(
    cfg: Config, read: Iterator[Lines], processes: int, screen: Screen
) -> Iterator[tuple[Lines, list[Result]]]:
    """Lines with one result per trajectory among them, in order."""
    from deepcoder.spans.workers import Batch, Workers

    selection = _selection(cfg)
    selection.screen = screen.refusal
    if processes <= 1:
        for lines in read:
            texts = [trajectory for _, trajectory in lines.trajectories]
            yield lines, list(selection.examples(texts, lines.source))
        return
    under_way: deque[Lines] = deque()

    def batches() -> Iterator[Batch]:
        for lines in read:
            under_way.append(lines)
            yield Batch([trajectory for _, trajectory in lines.trajectories], lines.source)

    with Workers(partial(_selection, cfg), processes) as workers:
        for _, results in workers.results(selection, batches()):
            yield under_way.popleft(), results


def _show(cfg: Config, run: RunFolder, made_of: dict[str, Any]) -> None:
    """Write the page, unless there is one of these examples with the weights of this loss."""
    from deepcoder.reporting.examples_page import PAGE, is_current, write_examples_page
    from deepcoder.students import load_tokenizer

    page = run.path / PAGE
    if not cfg.data.page_examples:
        page.unlink(missing_ok=True)
    elif not is_current(page, cfg, made_of):
        tokenizer = load_tokenizer(cfg.student, Path(cfg.paths.cache).expanduser())
        write_examples_page(run.path / EXAMPLES, tokenizer, cfg, made_of)
        log.info("Page: %s", page)


def _selection(cfg: Config) -> Selection:
    from deepcoder.rendering import ChatRenderer
    from deepcoder.spans.selection import Policy, Selection
    from deepcoder.students import load_tokenizer

    tokenizer = load_tokenizer(cfg.student, Path(cfg.paths.cache).expanduser())
    policy = Policy(
        max_tokens=cfg.student.max_tokens,
        cut_steps=cfg.data.truncation is Truncation.steps,
        keep_thinking=cfg.data.keep_thinking,
        sampled_ids=cfg.data.answer_ids is AnswerIds.sampled,
        only_solved=cfg.data.only_solved,
        validation_fraction=cfg.data.validation_fraction,
        seed=cfg.data.seed,
    )
    return Selection(ChatRenderer.from_tokenizer(tokenizer), tokenizer, policy)


def _nothing_left(cfg: Config, source: str, summary: dict[str, Any], rejected: Path) -> DataError:
    """Why there is nothing to train on, and what to do about it."""
    if not summary["lines"]:
        return DataError(f"{source} is empty.", fix="generate or import some trajectories")
    if summary["validation_examples"]:
        return DataError(
            f"All {summary['validation_examples']} examples of {source} fell into the validation "
            "split.",
            fix="use more problems, or lower data.validation_fraction",
        )
    reasons = summary["rejected_by_reason"]
    said = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    fix = f"see {rejected} for every line"
    if reasons.get("too_long"):
        fix = f"raise student.max_tokens={cfg.student.max_tokens}; {fix}"
    if reasons.get("not_solved"):
        fix = f"set data.only_solved=false to train on failures too; {fix}"
    return DataError(f"Nothing of {source} can be trained on: {said}.", fix=fix)


if __name__ == "__main__":
    main()
