"""A small training on made-up examples with the random student: seconds on one core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deepcoder.config import Config, compose

KINDS = [2, 6, 4, 7, 1]  # reason, format.reason, act.arguments, format.act, observation


def toy_rows(count: int = 24, seed: int = 0, longest: int = 60) -> list[dict[str, Any]]:
    """Examples with a prompt, then a mixture of everything; every fifth is held out."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        length = int(generator.integers(20, longest))
        kinds = np.zeros(length, dtype=int)
        kinds[8:] = generator.choice(KINDS, length - 8)
        rows.append(
            {
                "id": f"example-{number}",
                "problem_id": f"problem-{number}",
                "split": "validation" if number % 5 == 4 else "train",
                "input_ids": generator.integers(20, 300, length).tolist(),
                "kinds": kinds.tolist(),
                "tokens": length,
                "source": "",
                "solved": None,
            }
        )
    return rows


def write_examples(path: Path, rows: list[dict[str, Any]]) -> Path:
    """As `prepare` writes them."""
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("problem_id", pa.string()),
            ("split", pa.string()),
            ("input_ids", pa.list_(pa.int32())),
            ("kinds", pa.list_(pa.uint8())),
            ("tokens", pa.int32()),
            ("source", pa.string()),
            ("solved", pa.bool_()),
        ]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def toy_config(runs: Path, *overrides: str) -> Config:
    """The tiny student, small batches, dropout and accumulation on."""
    defaults = [
        "student=tiny",
        "student.max_tokens=64",
        "student.lora.dropout=0.1",
        "data.batch_tokens=128",
        "trainer.accelerator=cpu",
        "trainer.max_epochs=2",
        "trainer.accumulate_grad_batches=2",
        "callbacks.checkpoint.every_n_steps=2",
        f"paths.runs={runs}",
    ]
    return compose("train", [*defaults, *overrides])
