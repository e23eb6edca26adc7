"""A wheel installed elsewhere works from another directory, with its configurations inside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import deepcoder

SOURCE = Path(deepcoder.__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder into which a freshly built wheel was unpacked by pip, and its environment."""
    root = tmp_path_factory.mktemp("wheel")

    def run(*arguments):
        subprocess.run([sys.executable, "-m", *arguments], check=True, capture_output=True)

    run("build", "--wheel", "--no-isolation", "--outdir", str(root / "dist"), str(SOURCE))
    (wheel,) = (root / "dist").glob("*.whl")
    run("pip", "install", "--no-deps", "--no-index", "--target", str(root / "site"), str(wheel))
    return root


def script(root, name, *arguments):
    # PYTHONPATH comes before site-packages, so the wheel's copy is the one that is imported.
    return subprocess.run(
        [str(root / "site" / "bin" / name), *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "site")},
        capture_output=True,
        text=True,
        check=True,
    )


def yaml_files(folder):
    found = {path.relative_to(folder) for path in folder.rglob("*.yaml")}
    assert found
    return found


def test_the_configurations_are_in_the_wheel(installed):
    assert yaml_files(installed / "site/deepcoder/conf") == yaml_files(SOURCE / "conf")


@pytest.mark.parametrize(
    "stage", ["doctor", "generate", "prepare", "convert", "score", "train", "evaluate"]
)
def test_console_scripts_answer_from_another_directory(installed, stage):
    assert f"stage: {stage}" in script(installed, f"deepcoder-{stage}", "--help").stdout


def test_templates_and_data_files_are_in_the_wheel(installed):
    """Whatever is not Python in the package must be in the wheel too."""
    package = SOURCE / "deepcoder"
    files = [path for path in package.rglob("*") if path.is_file()]
    extra = [path for path in files if path.suffix not in (".py", ".pyc")]
    shipped = installed / "site" / "deepcoder"
    missing = [path for path in extra if not (shipped / path.relative_to(package)).exists()]
    assert missing == []
