"""The texts of the built-in evaluation set, kept on disk between runs.

    kept = BuiltinTexts(Path("~/.cache/deepcoder").expanduser())
    kept.get(cfg.problems, make)      # `make()` the first time, then read from a file

Making them draws the held-out problems of every family, proves their cases against mutants and
parses every solution: most of a second, of which a run that asks whether a text is contaminated
needs the texts alone. A file is named by a hash of what decides them: the source of
`deepcoder.problems`, the settings, and the Python that parses. One that is damaged is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import OmegaConf

from deepcoder.config import ProblemsConfig
from deepcoder.problems.decontamination import EvaluationText, code_tokens

__all__ = ["BuiltinTexts"]


class BuiltinTexts:
    """See the module's text. Without a folder nothing is kept."""

    def __init__(self, cache: Path | None) -> None:
        self._folder = None if cache is None else cache.expanduser() / "evaluation"

    def get(
        self, problems: ProblemsConfig, make: Callable[[], Sequence[EvaluationText]]
    ) -> list[EvaluationText]:
        """The texts of this configuration's held-out problems, with the tokens of their code."""
        if self._folder is None:
            return list(make())
        file = self._folder / f"builtin-{_key(problems)}.json"
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            return [_read(row) for row in json.loads(file.read_text(encoding="utf-8"))["texts"]]
        texts = [replace(text, tokens=code_tokens(text.code or "")) for text in make()]
        with contextlib.suppress(OSError):  # a folder that cannot be written costs time, no more
            _write(file, json.dumps({"texts": [vars(text) for text in texts]}))
        return texts


def _read(row: dict[str, object]) -> EvaluationText:
    tokens = row.pop("tokens")
    if not isinstance(tokens, list):
        raise ValueError("no tokens")
    return EvaluationText(**row, tokens=tuple(tokens))  # type: ignore[arg-type]


def _key(problems: ProblemsConfig) -> str:
    digest = hashlib.sha256(sys.version.encode())
    package = Path(__file__).parent
    for file in sorted(package.rglob("*.py")):
        digest.update(str(file.relative_to(package)).encode() + file.read_bytes())
    settings = OmegaConf.to_container(OmegaConf.structured(problems), resolve=True)
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
