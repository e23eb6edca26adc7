"""Importer of single turns of reasoning models: a prompt and a response with think tags.

    {"prompt": "What is 2 + 2?", "response": "<think>\\nTwo and two.\\n</think>\\n\\n4"}

The prompt is a text or a list of messages under one of the names `PROMPTS`, the response a text (or
a list of messages of the model) under one of `RESPONSES`; with several responses (`generations`)
every one is a trajectory. Reasoning may stand apart, under one of `REASONING`. A response may lack
`<think>`, which R1's template opens itself, and may use others' tags. The answer is trained on as
it was written (protocol `tool_call`, whose message without a call is an answer). A response whose
thinking does not end is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import Answer, assemble, clean, text_of, untagged
from deepcoder.trajectories.importers.openai import REASONING as FIELDS
from deepcoder.trajectories.importers.openai import split
from deepcoder.types import Trajectory

__all__ = ["PROMPTS", "RESPONSES", "import_record", "is_turn", "parts"]

PROMPTS = ("prompt", "question", "problem", "instruction", "query", "input", "messages")
RESPONSES = (
    "response",
    "completion",
    "output",
    "generation",
    "generations",
    "responses",
    "deepseek_solution",
    "r1_generation",
    "reannotated_assistant_content",
    "model_output",
    "content",
    "solution",
    "answer",
)
"""In order of preference: the last three are often the expected result beside a response."""
_EXPECTED = RESPONSES[-3:]
REASONING = (*FIELDS, "deepseek_reasoning", "reasoning_trace", "thought", "cot", "chain_of_thought")


def is_turn(value: Mapping[str, Any]) -> bool:
    """Whether a record without a format is of this form: a bare `solution` or `answer` counts only
    with reasoning in it or beside it."""
    asked = any(isinstance(value.get(key), str | list) and value[key] for key in PROMPTS)
    given = [key for key in RESPONSES if isinstance(value.get(key), str | list) and value[key]]
    if not asked or not given:
        return False
    reasoned = any(isinstance(value.get(key), str) and value[key] for key in REASONING)
    return given[0] not in _EXPECTED or reasoned or "</think>" in str(value[given[0]])


def parts(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """One record for each response."""
    name = next((key for key in RESPONSES if value.get(key)), None)
    listed = value.get(name) if name else None
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        return [value]
    rest = {key: field for key, field in value.items() if key not in RESPONSES}
    return [{**rest, "response": item} for item in listed]


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one turn. Raises UnreadableRecord."""
    prompt = next((value[key] for key in PROMPTS if value.get(key)), None)
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
    said, reasoning = _response(value)
    if untagged(said) is None or (said.lstrip().startswith("<think>") and "</think>" not in said):
        raise UnreadableRecord("the thinking of the response does not end")
    model = value.get("model")
    return assemble(
        "r1",
        task=task,
        turns=[Answer(said, clean(reasoning))],
        system=system,
        model=model if isinstance(model, str) else "unknown",
    )


def _response(value: Mapping[str, Any]) -> tuple[str, str]:
    """(text, reasoning apart) of the response."""
    response = next((value[key] for key in RESPONSES if value.get(key)), None)
    reasoning = next((value[key] for key in REASONING if isinstance(value.get(key), str)), "")
    if isinstance(response, list) and len(response) == 1 and isinstance(response[0], Mapping):
        message = response[0]  # as TRL writes a completion
        apart = next((message[key] for key in FIELDS if isinstance(message.get(key), str)), "")
        return text_of(message.get("content"), "the response"), reasoning or apart
    if not isinstance(response, str):
        raise UnreadableRecord(f"there is no text in {', '.join(RESPONSES)}")
    return clean(response), reasoning
