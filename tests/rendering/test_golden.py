"""Pinned renderings: a change of what students see must be seen, and must raise prepare.VERSION.

`DEEPCODER_UPDATE_GOLDEN=1 pytest tests/rendering/test_golden.py` rewrites the files.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rendering.real_tokenizers import renderer, tokenizer
from rendering.strategies import answer_step, code_step, make_trajectory

from deepcoder.prepare import VERSION
from deepcoder.rendering import render_trajectory
from deepcoder.spans import align
from deepcoder.types import KINDS, Observation, Step

GOLDEN = Path(__file__).parents[1] / "golden"
STEPS = [
    code_step("The sum first.\nThen its square.", "n = sum([1, 2])\nprint(n ** 2)", "9\n"),
    Step(reason="", raw="It printed 9.", observation=Observation(content="Write one block.")),
    answer_step("Nine it is.", "def f(xs):\n    return sum(xs) ** 2"),
]


def annotated(name: str, protocol: str) -> str:
    """One line per span of tokens: step, kind, number of tokens, text."""
    trajectory = make_trajectory(STEPS, protocol=protocol, task="Square the sum of a list.")
    rendered = render_trajectory(trajectory, renderer(name))
    aligned = align([rendered], tokenizer(name))[0]
    lines = [f"prepare.VERSION {VERSION}: {len(aligned.input_ids)} tokens"]
    start = 0
    labels = list(zip(aligned.steps.tolist(), aligned.kinds.tolist(), strict=True))
    for end in range(1, len(labels) + 1):
        if end == len(labels) or labels[end] != labels[start]:
            step, kind = labels[start]
            text = tokenizer(name).decode(aligned.input_ids[start:end])
            lines.append(f"{step:>2} {KINDS[kind].value:<13} {end - start:>3}  {text!r}")
            start = end
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("protocol", ["codeact", "react", "tool_call"])
@pytest.mark.parametrize("name", ["smollm2", "qwen2.5", "r1-distill-qwen"])
def test_renderings_are_as_pinned(name: str, protocol: str) -> None:
    path = GOLDEN / f"rendering-{name}-{protocol}.txt"
    found = annotated(name, protocol)
    if os.environ.get("DEEPCODER_UPDATE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")
