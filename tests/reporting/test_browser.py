"""The report in a real browser, where there is one (Debian: `apt-get install chromium`)."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from deepcoder.reporting.page import write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_chromium_lays_it_out_without_a_network(runs, tmp_path) -> None:
    dom, picture = in_chromium(write_report(runs.evaluate, runs.train), tmp_path)
    assert dom.count("<svg") == 4
    assert picture > 50_000


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_chromium_lays_out_a_comparison(compared, tmp_path) -> None:
    dom, picture = in_chromium(compared.report, tmp_path)
    # Intervals, cost, and four losses.
    assert dom.count("<svg") == 6
    assert picture > 50_000


def in_chromium(report, tmp_path) -> tuple[str, int]:
    """The document after layout, without script and pictures, and the size of a screenshot."""
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    picture = tmp_path / "report.png"
    for action in ([f"--screenshot={picture}", "--window-size=1200,3000"], ["--dump-dom"]):
        done = subprocess.run(
            [str(CHROMIUM), *flags, *action, report.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    assert "<script" not in done.stdout
    assert "<img" not in done.stdout
    return done.stdout, picture.stat().st_size
