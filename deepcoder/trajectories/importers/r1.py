"""Importer of single turns of reasoning models: a prompt and a response with think tags.

    {"prompt": "What is 2 + 2?", "response": "<think>\\nTwo and two.\\n</think>\\n\\n4"}

The prompt is a text or a list of messages; it may be called `question`, `problem`, `instruction` or
`query`, the response `completion`, `output` or `generation`. Reasoning may stand apart, in
`reasoning`, `reasoning_content` or `thinking`. The answer is trained on as it was written (protocol
`tool_call`, whose message without a call is an answer). A response whose thinking does not end is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import Answer, assemble, clean
from deepcoder.trajectories.importers.openai import REASONING, split
from deepcoder.types import Trajectory

__all__ = ["PROMPTS", "RESPONSES", "import_record"]

PROMPTS = ("prompt", "question", "problem", "instruction", "query")
RESPONSES = ("response", "completion", "output", "generation")


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one turn. Raises UnreadableRecord."""
    prompt = next((value[key] for key in PROMPTS if value.get(key)), None)
    response = next((value[key] for key in RESPONSES if value.get(key)), None)
    if not isinstance(response, str):
        raise UnreadableRecord(f"there is no text in {', '.join(RESPONSES)}")
    system = value.get("system")
    if isinstance(prompt, str):
        task = clean(prompt)
        system = clean(system) if isinstance(system, str) and system else None
    elif isinstance(prompt, list):
        system, task, rest = split(prompt)
        if rest:
            raise UnreadableRecord("the prompt goes on after the user's task")
    else:
        raise UnreadableRecord(f"there is no text or list of messages in {', '.join(PROMPTS)}")
    reasoning = next((value[key] for key in REASONING if isinstance(value.get(key), str)), "")
    said = clean(response)
    if said.lstrip().startswith("<think>") and "</think>" not in said:
        raise UnreadableRecord("the thinking of the response does not end")
    model = value.get("model")
    return assemble(
        "r1",
        task=task,
        turns=[Answer(said, clean(reasoning))],
        system=system,
        model=model if isinstance(model, str) else "unknown",
    )
