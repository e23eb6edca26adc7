"""The page of prepared examples: every token with its kind and weight, in one file, offline.

`examples.html` shows what a student is trained on, read back from `examples.parquet`: tokens
coloured by kind or by weight, with id, kind and weight on hover, search, a filter by kind, and the
next example at the press of a key. Texts stand in the page as JSON and reach it as text only; a
content security policy forbids the page to load anything. It shows kinds as prepared: the control
`loss.shuffle_spans` permutes them later, while training.

    write_examples_page(run.path / "examples.parquet", tokenizer, cfg)
    # examples.html#example=3&search=return   opens on the third example

The alternative, a viewer served by a process, would need that process to look at an old run.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.reporting.kinds import legend
from deepcoder.runs import atomic_write, content_hash
from deepcoder.types import KINDS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["PAGE", "is_current", "write_examples_page"]

PAGE = "examples.html"
SHOWN_TOKENS = 8192
"""Tokens of one example that are shown; the rest is counted. Bounds the size of the page."""
STAMP = re.compile(r'<meta name="made-of" content="([0-9a-f]+)">')
LOST = "\ufffd"
TOGETHER = 8
"""Tokens that may be needed for one character; more of them are a character that is U+FFFD."""


def is_current(path: Path, cfg: Any, made_of: Any) -> bool:
    """Whether the page at `path` shows the examples `made_of`, weighted as `cfg.loss` says."""
    with contextlib.suppress(OSError, UnicodeDecodeError), path.open(encoding="utf-8") as file:
        found = STAMP.search(file.read(2000))
        return found is not None and found[1] == _stamp(cfg, made_of)
    return False


def write_examples_page(
    examples: Path, tokenizer: PreTrainedTokenizerFast, cfg: Any, made_of: Any = None
) -> Path:
    """Write `examples.html` beside the file of examples; returns its path.

    `cfg.data.page_examples` examples, evenly spaced over the file, are shown. Memory holds these,
    not the file. Weights are those of `cfg.loss`: λ of the kind's group times its multiplier.
    """
    path = examples.parent / PAGE
    count, rows = _rows(examples, cfg.data.page_examples)
    weights = _weights(cfg.loss)
    data = {
        "kinds": [
            {**entry, "weight": weight} for entry, weight in zip(legend(), weights, strict=True)
        ],
        "examples": [_example(row, tokenizer) for row in rows],
    }
    atomic_write(path, _render(data, count, cfg, _stamp(cfg, made_of)).encode("utf-8", "replace"))
    return path


def _weights(loss: Any) -> list[float]:
    """Weight of a token of each kind, in the order of `KINDS`, as the loss itself computes it."""
    from deepcoder.losses.kinds import kind_table

    return [round(weight, 6) for weight in kind_table(loss).tolist()]


def _stamp(cfg: Any, made_of: Any) -> str:
    loss = cfg.loss
    shown = [loss.name, loss.reason_weight, loss.act_weight, dict(loss.kind_weights or {})]
    script = hashlib.sha256(_part("examples.js").encode()).hexdigest()
    return content_hash([made_of, cfg.data.page_examples, shown, str(loss.normaliser), script], 16)


def _rows(path: Path, limit: int) -> tuple[int, Iterator[dict[str, Any]]]:
    """(examples in the file, at most `limit` of them, evenly spaced from the first)."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    count = file.metadata.num_rows
    shown = min(limit, count)
    wanted = [index * count // shown for index in range(shown)]

    def read() -> Iterator[dict[str, Any]]:
        first, rest = 0, wanted
        for batch in file.iter_batches(batch_size=256):
            inside = [index - first for index in rest if index < first + batch.num_rows]
            rest = rest[len(inside) :]
            yield from batch.take(inside).to_pylist() if inside else []
            first += batch.num_rows

    return count, read()


def _example(row: dict[str, Any], tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """One example as the page's script reads it: units of text with their ids and kinds."""
    ids, kinds = row["input_ids"][:SHOWN_TOKENS], row["kinds"][:SHOWN_TOKENS]
    counts = [0] * len(KINDS)
    for kind in row["kinds"]:
        counts[kind] += 1
    texts, groups, codes, start = [], [], [], 0
    for text, end in units(ids, tokenizer):
        texts.append(text)
        groups.append(ids[start] if end == start + 1 else ids[start:end])
        codes.append(kinds[start])
        start = end
    return {
        "id": row["id"],
        "problem": row["problem_id"],
        "split": row["split"],
        "tokens": row["tokens"],
        "more": row["tokens"] - len(ids),
        "counts": counts,
        "texts": texts,
        "ids": groups,
        "codes": codes,
    }


def units(ids: Sequence[int], tokenizer: PreTrainedTokenizerFast) -> Iterator[tuple[str, int]]:
    """(text, index after its last token) of each token, or of the tokens that share a character.

    The texts joined are the decoded whole. A token is decoded after the one before it, because
    some tokenizers drop the space of a first word.
    """
    decode = tokenizer.backend_tokenizer.decode
    context = start = 0
    before = ""
    for end in range(1, len(ids) + 1):
        text = decode(list(ids[context:end]), skip_special_tokens=False)
        whole = not text.endswith(LOST) or end == len(ids) or end - start >= TOGETHER
        if not whole:
            continue
        yield text[len(before) :], end
        context, start = start, end
        before = decode(list(ids[context:start]), skip_special_tokens=False)


def _render(data: dict[str, Any], count: int, cfg: Any, stamp: str) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("deepcoder.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}  # ASCII, `<` escaped
    script = _part("examples.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("examples.html.j2").render(
        data=data,
        count=count,
        shown=len(data["examples"]),
        student=cfg.student.model,
        loss=cfg.loss,
        stamp=stamp,
        script=script,
        digest=digest,
    )


def _part(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
