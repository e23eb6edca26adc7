"""What a teacher and a tokenizer are, as short hashes: the parts of a signal cache's key.

weights_hash("Qwen/Qwen2.5-Coder-7B-Instruct")   # the commit in the hub's cache
weights_hash("models/teacher")                   # of config.json and all *.safetensors
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["template_hash", "tokenizer_hash", "weights_hash"]

LENGTH = 16


def weights_hash(model: str, revision: str | None = None) -> str:
    """Of a folder, its content; of a hub id, the commit that is cached here, else `revision`."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        digest = hashlib.sha256()
        for path in [folder / "config.json", *sorted(folder.glob("*.safetensors"))]:
            if path.exists():
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:LENGTH]
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model, "config.json", revision=revision)
    if isinstance(cached, str):
        return Path(cached).parent.name  # snapshots/<commit>/config.json
    return revision or "unknown"


def tokenizer_hash(tokenizer: PreTrainedTokenizerFast) -> str:
    """Of everything that decides how it cuts text."""
    return _text_hash(tokenizer.backend_tokenizer.to_str())


def template_hash(tokenizer: PreTrainedTokenizerFast) -> str:
    """Of the chat template, in which the examples are written."""
    return _text_hash(str(tokenizer.chat_template))


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
