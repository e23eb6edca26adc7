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
    report = write_report(runs.evaluate, runs.train)
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
    assert done.stdout.count("<svg") == 4
    assert "<script" not in done.stdout
    assert "<img" not in done.stdout
    assert picture.stat().st_size > 50_000
