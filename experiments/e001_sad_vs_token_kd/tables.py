"""From the summaries of runs to tables, a picture, and the part of the project's README.

    python -m experiments.e001_sad_vs_token_kd.tables cpu            # the README here, the picture
    python -m experiments.e001_sad_vs_token_kd.tables cpu --readme   # and the project's README
    python -m experiments.e001_sad_vs_token_kd.tables cpu --check    # exit 1 when they differ

Nothing is run here: the files of `results/<scale>` say everything. Intervals are 95% percentile
intervals over problems and, apart from these, over seeds (deepcoder/evaluation/statistics.py). The
parts between `<!-- e001:… -->` and `<!-- /e001:… -->` are written by this script.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.evaluation.statistics import (
    Estimate,
    bootstrap,
    paired_bootstrap,
    ratio_bootstrap,
)
from experiments.e001_sad_vs_token_kd.arms import ARMS, BASELINE
from experiments.e001_sad_vs_token_kd.scales import SCALES, Scale
from experiments.e001_sad_vs_token_kd.summaries import COLUMNS, read_summaries

__all__ = ["Table", "forced_rows", "main", "markdown", "replace_part", "write"]

HERE = Path(__file__).parent
PROJECT = HERE.parents[1] / "README.md"
Runs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Table:
    """The figures of all arms at one scale."""

    scale: Scale
    runs: Mapping[str, Runs]
    """Arm (and `start`, `teacher`) to its seeds. An arm that is missing has an empty row."""

    def values(self, arm: str, column: str, *, seen: bool = True) -> list[list[float]]:
        """[seeds, problems], on problems of trained families or of unseen ones."""
        place = COLUMNS.index(column)
        families = self.scale.families if seen else self.scale.unseen
        names = [
            name
            for name in sorted(self.runs[arm][0]["problems"])
            if name.partition("/")[0] in families
        ]
        return [[float(run["problems"][name][place]) for name in names] for run in self.runs[arm]]

    def success(self, arm: str, *, seen: bool = True) -> Estimate:
        """Share of problems solved."""
        return bootstrap(self.values(arm, "solved", seen=seen))

    def against(self, arm: str, other: str, *, seen: bool = True) -> Estimate:
        """Success of `arm` minus that of `other`, problems resampled together."""
        pair = [self.values(name, "solved", seen=seen) for name in (arm, other)]
        return paired_bootstrap(*pair)

    def of_teacher(self, arm: str) -> Estimate | None:
        """Success over the teacher's; None when it was not played."""
        if "teacher" not in self.runs:
            return None
        pair = [self.values(name, "solved") for name in (arm, "teacher")]
        return ratio_bootstrap(*pair, same_seeds=False)

    def per(self, arm: str, above: str, below: str) -> Estimate | None:
        """Ratio of two sums, e.g. readable turns over turns."""
        return ratio_bootstrap(self.values(arm, above), self.values(arm, below))


def forced_rows(runs: Runs, names: Sequence[str], when: str) -> list[str]:
    """Figures under teacher forcing `before` or `after` training: mean of seeds [least, most]."""
    cells = []
    for name in names:
        found = [run[when][name] for run in runs if name in run.get(when, {})]
        mean = sum(found) / max(1, len(found))
        cells.append(f"{mean:.4f} [{min(found):.4f}, {max(found):.4f}]" if found else "")
    return cells


def _share(e: Estimate | None) -> str:
    return "" if e is None else f"{100 * e.mean:.1f} [{100 * e.low:.1f}, {100 * e.high:.1f}]"


def _signed(e: Estimate) -> str:
    return f"{100 * e.mean:+.1f} [{100 * e.low:+.1f}, {100 * e.high:+.1f}]"


def _plain(e: Estimate) -> str:
    return f"{e.mean:.2f}"


def success_table(table: Table) -> str:
    """Every arm: success, difference from the baseline, share of the teacher's, out of
    distribution."""
    head = (
        "arm",
        "seeds",
        "success, %",
        f"less {BASELINE}, points",
        "of the teacher's, %",
        "unseen families, %",
    )
    rows = []
    for arm in ("start", *ARMS, "teacher"):
        if arm not in table.runs:
            rows.append([f"`{arm}`", "0", "", "", "", ""])
            continue
        reference = arm in ("start", "teacher", BASELINE) or BASELINE not in table.runs
        rows.append(
            [
                f"`{arm}`",
                str(len(table.runs[arm])),
                _share(table.success(arm)),
                "" if reference else _signed(table.against(arm, BASELINE)),
                "" if arm == "teacher" else _share(table.of_teacher(arm)),
                _share(table.success(arm, seen=False)),
            ]
        )
    return markdown(head, rows)


def behaviour_table(table: Table) -> str:
    """Every arm: how it plays, on the held-out problems of trained families."""
    head = ("arm", "readable turns, %", "answered, %", "turns", "tokens", "reasoning as teacher's")
    rows = []
    for arm in ("start", *ARMS, "teacher"):
        if arm not in table.runs:
            rows.append([f"`{arm}`", *[""] * 5])
            continue
        mean: Callable[[str], str] = lambda name, arm=arm: _plain(  # noqa: E731
            bootstrap(table.values(arm, name))
        )
        rows.append(
            [
                f"`{arm}`",
                _share(table.per(arm, "valid", "turns")),
                _share(bootstrap(table.values(arm, "answered"))),
                mean("turns"),
                mean("tokens"),
                _share(bootstrap(table.values(arm, "match"))),
            ]
        )
    return markdown(head, rows)


def forced_table(table: Table) -> str:
    """Every arm under teacher forcing, on the held-out rollouts; mean of seeds [least, most]."""
    names = ("val/reason_nll", "val/act_nll", "val/nll", "val/token_accuracy", "val/action_exact")
    head = ("arm", "reasoning NLL", "acting NLL", "all NLL", "tokens right", "actions right")
    rows = []
    rows.append(["`start`", *forced_rows(table.runs.get(BASELINE, []), names, "before")])
    for arm in ARMS:
        rows.append([f"`{arm}`", *forced_rows(table.runs.get(arm, []), names, "after")])
    return markdown(head, rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def conditions(table: Table) -> str:
    """Which code, machine and budget the numbers belong to."""
    runs = [run for arm in ARMS if arm in table.runs for run in table.runs[arm]]
    if not runs:
        return f"No run yet: `make e001 SCALE={table.scale.name}`."
    commits = sorted({str(run["commit"])[:7] for run in runs})
    machines = sorted({run["machine"] for run in runs})
    count = len(table.values(runs[0]["arm"], "solved")[0])
    unseen = len(table.values(runs[0]["arm"], "solved", seen=False)[0])
    tokens = sorted(run["tokens"] for run in runs)
    models = [
        f"{name} {table.runs[name][0]['model']['parameters'] / 1e6:.2f}M parameters, "
        f"trained on {table.runs[name][0]['model']['tokens']:,} tokens"
        for name in ("teacher", "start")
        if name in table.runs
    ]
    return (
        f"{len(runs)} runs of {len(ARMS)} arms; commit {', '.join(commits)}; "
        f"{', '.join(machines)}. {'; '.join(models)}. Each arm: {runs[0]['steps']} steps, "
        f"{tokens[0]:,} to {tokens[-1]:,} tokens. {count} held-out problems of trained families, "
        f"{unseen} of unseen ones, one greedy episode each; 95% intervals over problems and seeds."
    )


def picture(table: Table) -> str:
    """Success by arm with intervals, as SVG."""
    arms = [arm for arm in ("start", *ARMS, "teacher") if arm in table.runs]
    left, width, row, top = 150, 720, 24, 34
    height = top + row * len(arms) + 34
    span = width - left - 20

    def x(share: float) -> float:
        return left + span * share

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12" fill="#444">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="16">held-out problems solved, scale {table.scale.name}, with 95% '
        "intervals over problems and seeds</text>",
    ]
    for tick in range(0, 101, 20):
        place = x(tick / 100)
        parts.append(
            f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{top - 8}" y2="{height - 28}" '
            f'stroke="#ddd"/><text x="{place:.1f}" y="{height - 12}" text-anchor="middle">'
            f"{tick}%</text>"
        )
    for number, arm in enumerate(arms):
        e, y = table.success(arm), top + row * number + 8
        colour = {"start": "#888", "teacher": "#888", BASELINE: "#c60"}.get(arm, "#06c")
        parts.append(
            f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{arm}</text>'
            f'<line x1="{x(e.low):.1f}" x2="{x(e.high):.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
            f'stroke-width="2"/><circle cx="{x(e.mean):.1f}" cy="{y}" r="4" fill="{colour}">'
            f"<title>{_share(e)}%</title></circle>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


# ------------------------------------------------------------------------------------- writing


def replace_part(text: str, name: str, content: str) -> str:
    """`text` with new content between the markers of `name`. Raises ValueError without them."""
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.S)
    if not pattern.search(text):
        raise ValueError(f"there are no markers <!-- {name} --> … <!-- /{name} -->")
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def texts(scale: Scale, results: Path, *, readme: bool) -> dict[Path, str]:
    """Every file that these results decide, with what it should hold."""
    table = Table(scale, read_summaries(results))
    study = HERE / "README.md"
    parts = [conditions(table)]
    if table.runs:
        parts += [success_table(table), behaviour_table(table), forced_table(table)]
    text = replace_part(study.read_text(), f"e001:{scale.name}", "\n\n".join(parts))
    made = {study: text}
    if table.runs:
        made[results / "success.svg"] = picture(table)
    if readme and table.runs:
        short = f"{conditions(table)}\n\n{success_table(table)}"
        made[PROJECT] = replace_part(PROJECT.read_text(), "e001", short)
    return made


def write(scale: Scale, results: Path, *, readme: bool = False) -> None:
    """Bring the tables and the picture up to date."""
    for path, text in texts(scale, results, readme=readme).items():
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description="Writes the study's tables.")
    parser.add_argument("scale", choices=sorted(SCALES))
    parser.add_argument("--readme", action="store_true", help="also the project's README")
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 if stale")
    asked = parser.parse_args(arguments)
    results = HERE / "results" / asked.scale
    if not asked.check:
        write(SCALES[asked.scale], results, readme=asked.readme)
        return 0
    made = texts(SCALES[asked.scale], results, readme=asked.readme)
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"{path} does not follow from {results}. Fix: run without --check.")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
