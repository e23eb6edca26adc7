"""Exporters of chats: OpenAI messages with tool calls, ShareGPT, ReAct text, R1's single turn.

All of them hold system prompt, task, reasoning, actions and observations. The verdict, the costs
and the status of observations stay behind; `id`, `problem_id` and `source` go along as columns. A
step that could not be read has no form here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from deepcoder.rendering import get_protocol
from deepcoder.rendering.protocols import FINISH, action_text
from deepcoder.trajectories.exporters import Unexportable
from deepcoder.types import Action, Step, Trajectory

__all__ = ["openai_messages", "openai_record", "r1_record", "react_record", "sharegpt_record"]


def openai_record(trajectory: Trajectory, *, arguments_as_text: bool = True) -> dict[str, Any]:
    """OpenAI messages. Arguments are JSON texts, as the API has them, or objects, as chat templates
    want them. Reasoning stands in `reasoning_content`."""
    messages = openai_messages(trajectory, arguments_as_text=arguments_as_text)
    return {**_names(trajectory), "messages": messages}


def openai_messages(trajectory: Trajectory, *, arguments_as_text: bool) -> list[dict[str, Any]]:
    """The messages alone. Raises Unexportable."""
    messages: list[dict[str, Any]] = []
    if trajectory.system_prompt is not None:
        messages.append({"role": "system", "content": trajectory.system_prompt})
    messages.append({"role": "user", "content": trajectory.task})
    for index, step, action in _readable(trajectory):
        said: dict[str, Any] = {"role": "assistant", "content": ""}
        if step.reason:
            said["reasoning_content"] = step.reason
        final = step is trajectory.steps[-1] and _is_answer(action)
        if final and _is_plain(action_text(action)):
            said["content"] = action_text(action)
        else:
            arguments: Any = action.arguments
            if arguments_as_text:
                arguments = json.dumps(arguments, ensure_ascii=False)
            function = {"name": action.tool, "arguments": arguments}
            call = {"id": f"call_{index}", "type": "function", "function": function}
            said["tool_calls"] = [call]
        messages.append(said)
        if step.observation is not None:
            told = {"role": "tool", "content": step.observation.content}
            messages.append({**told, "tool_call_id": f"call_{index}"})
    return messages


def sharegpt_record(trajectory: Trajectory) -> dict[str, Any]:
    """ShareGPT turns; reasoning in think tags, calls in Hermes' tags."""
    protocol = get_protocol("tool_call")
    turns = [{"from": "human", "value": trajectory.task}]
    if trajectory.system_prompt is not None:
        turns.insert(0, {"from": "system", "value": trajectory.system_prompt})
    for _, step, _ in _readable(trajectory):
        text = "".join(piece.text for piece in protocol.write(step))
        turns.append({"from": "gpt", "value": text})
        if step.observation is not None:
            turns.append({"from": "tool", "value": step.observation.content})
    return {**_names(trajectory), "conversations": turns}


def react_record(trajectory: Trajectory) -> dict[str, Any]:
    """Thought / Action / Observation as chat messages."""
    protocol = get_protocol("react")
    messages = [{"role": "user", "content": trajectory.task}]
    if trajectory.system_prompt is not None:
        messages.insert(0, {"role": "system", "content": trajectory.system_prompt})
    for index, step, action in _readable(trajectory):
        if len(action.arguments) != 1:
            raise Unexportable(f"the action of step {index} has not exactly one argument")
        text = "".join(piece.text for piece in protocol.write(step))
        messages.append({"role": "assistant", "content": text})
        if step.observation is not None:
            told = f"Observation: {step.observation.content}"
            messages.append({"role": "user", "content": told})
    return {**_names(trajectory), "messages": messages}


def r1_record(trajectory: Trajectory) -> dict[str, Any]:
    """A prompt, and a response with think tags: for trajectories of one step."""
    steps = list(_readable(trajectory))
    if len(steps) != 1 or not _is_answer(steps[0][2]) or steps[0][1].observation is not None:
        raise Unexportable(f"it has {len(steps)} steps, and not just a final answer")
    text = "".join(piece.text for piece in get_protocol("tool_call").write(steps[0][1]))
    system = {} if trajectory.system_prompt is None else {"system": trajectory.system_prompt}
    return {**_names(trajectory), **system, "prompt": trajectory.task, "response": text}


def _names(trajectory: Trajectory) -> dict[str, Any]:
    source = trajectory.provenance.source
    names = {"id": trajectory.id, "problem_id": trajectory.problem_id, "source": source}
    return {**names, "model": trajectory.teacher.model}


def _readable(trajectory: Trajectory) -> Iterator[tuple[int, Step, Action]]:
    for index, step in enumerate(trajectory.steps):
        if step.action is None:
            raise Unexportable(f"step {index} could not be read as an action")
        yield index, step, step.action


def _is_answer(action: Action) -> bool:
    return action.tool == FINISH and set(action.arguments) == {"answer"}


def _is_plain(answer: str) -> bool:
    """Whether an answer cannot be taken for reasoning or a call when it is read again."""
    tags = ("<think>", "</think>", "<tool_call>", '"name"', "<|begin_of", "[THINK]", "<thinking>")
    return bool(answer.strip()) and not any(tag in answer for tag in tags)
