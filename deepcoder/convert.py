"""Convert trajectories between forms: read any that `prepare` reads, write any of `convert.to`.

Every record is read back with the importer of its new form before it counts as written: what the
form cannot hold is listed with file, line and reason, as is what could not be read. Without
`data.trajectories` the trajectories of this configuration's `generate` run are converted. Examples:

    python -m deepcoder.convert data.trajectories=run.traj.json convert.to=openai
    python -m deepcoder.convert convert.to=huggingface convert.path=my_dataset
    python -m deepcoder.convert data.trajectories=folder convert.to=atif convert.path=atif.jsonl

Lines that are damaged end the stage with status 3 after everything else is written;
`data.allow_unreadable=true` accepts that.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

from deepcoder.config import Config, ExportFormat
from deepcoder.errors import DataError, IncompleteError
from deepcoder.runs import RunFolder, atomic_write, progress, stage

log = logging.getLogger(__name__)

REJECTED = "rejected.jsonl"
FILES = {
    REJECTED: "every record that is not in the output, with file, line and reason",
    "converted": "the output, unless convert.path names another place",
}


@stage("convert", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Read, convert, check and write; conversions are done again when the command is."""
    from deepcoder.prepare import find_source
    from deepcoder.reporting.data_card import Facts, data_card
    from deepcoder.trajectories.reading import (
        ReadFailure,
        Rejection,
        count_lines,
        read_placed,
    )
    from deepcoder.trajectories.writing import Writer

    source = find_source(cfg, cfg.data.trajectories)
    target = _target(cfg, run)
    if run.done:
        run.restart()
    run.record_input("trajectories", source)
    reasons: Counter[str] = Counter()
    damaged, facts, rejected = 0, Facts(), []

    def reject(item: Rejection) -> None:
        reasons[item.reason] += 1
        rejected.append(json.dumps(item.model_dump(mode="json")))

    text = cfg.convert.arguments_as_text
    with (
        Writer(target, cfg.convert.to, arguments_as_text=text) as writer,
        progress("convert", count_lines(source)) as advance,
    ):
        for place, item in read_placed(source, cfg.data.format.value):
            advance(1, written=writer.written)
            if isinstance(item, Rejection):
                damaged += ReadFailure(item.reason).damaged
                reject(item)
                continue
            outcome, reason = item.outcome, "not_expressible"
            if cfg.data.only_solved and outcome is not None and not outcome.solved:
                reason = "not_solved"
                refused: str | None = f"{outcome.passed} of {outcome.total} hidden cases passed"
            else:
                refused = writer.write(item)
            if refused is None:
                facts.add(item)
                continue
            where = place._asdict()
            reject(Rejection(**where, reason=reason, detail=refused, id=item.id))
        if cfg.convert.to is ExportFormat.huggingface:
            writer.add("README.md", data_card(facts, source.name))
        if not writer.written:
            atomic_write(run.path / REJECTED, "".join(line + "\n" for line in rejected))
            raise _nothing(source, reasons, run.path / REJECTED)
    atomic_write(run.path / REJECTED, "".join(line + "\n" for line in rejected))
    summary: dict[str, Any] = {
        "written": writer.written,
        "rejected": sum(reasons.values()),
        "damaged": damaged,
        "rejected_by_reason": dict(sorted(reasons.items())),
    }
    _print(summary, target)
    if damaged and not cfg.data.allow_unreadable:
        raise IncompleteError(
            f"{damaged} records of {source} could not be read (see {run.path / REJECTED}); the "
            "rest is converted.",
            fix="repair the file, or go on without those lines: data.allow_unreadable=true",
        )
    run.finish(**summary)


def _target(cfg: Config, run: RunFolder) -> Path:
    if cfg.convert.path:
        return Path(cfg.convert.path).expanduser().absolute()
    folder = cfg.convert.to in (ExportFormat.huggingface, ExportFormat.atif)
    return run.path / ("converted" if folder else "converted.jsonl")


def _nothing(source: Path, reasons: Counter[str], rejected: Path) -> DataError:
    if not reasons:
        return DataError(f"{source} is empty.", fix="name another file in data.trajectories")
    said = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    return DataError(f"Nothing of {source} could be converted: {said}.", fix=f"see {rejected}")


def _print(summary: dict[str, Any], target: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="convert", title_justify="left")
    table.add_column("")
    table.add_column("trajectories", justify="right")
    table.add_row("written", f"{summary['written']:,}")
    for reason, count in summary["rejected_by_reason"].items():
        table.add_row(f"rejected: {reason}", f"{count:,}")
    Console().print(table)
    log.info("Converted: %s", target)


if __name__ == "__main__":
    main()
