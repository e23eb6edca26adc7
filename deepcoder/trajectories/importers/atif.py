"""Importer of ATIF, the Agent Trajectory Interchange Format, versions 1.4 and later of 1.

    {"schema_version": "ATIF-v1.7", "agent": {"name": "a", "version": "1", "model_name": "m"},
     "steps": [{"step_id": 1, "source": "user", "message": "Sum 1 and 2."},
               {"step_id": 2, "source": "agent", "message": "I add.", "tool_calls": [
                    {"tool_call_id": "c1", "function_name": "add", "arguments": {"a": 1}}],
                "observation": {"results": [{"source_call_id": "c1", "content": "3"}]}}]}

`reasoning_content` and the words beside a call are reasoning. Steps that were copied from another
context, or that no model wrote (`llm_call_count` 0), are history and not trained on. Images, and
trajectories of subagents instead of content, are refused: they are not text. Trajectories of
subagents that are embedded in the document are trajectories of their own.

What our exporter wrote carries in `extra` what ATIF has no field for, and is read back as the
record that it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import (
    Answer,
    Call,
    Seen,
    assemble,
    clean,
    text_of,
    tools_text,
)
from deepcoder.types import Trajectory

__all__ = ["OWN", "import_record", "parts"]

OWN = "deepcoder"
"""Key of `extra` under which our exporter keeps what ATIF has no field for."""

OLDEST = 4
_VERSION = re.compile(r"ATIF-v1\.(\d+)")


def parts(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The document, then the trajectories of subagents that are embedded in it, at any depth.

    Those without a version have that of the document. Raises UnreadableRecord.
    """
    embedded = value.get("subagent_trajectories") or ()
    if not isinstance(embedded, Sequence) or isinstance(embedded, str):
        raise UnreadableRecord("`subagent_trajectories` is not a list")
    found = [value]
    for one in embedded:
        if not isinstance(one, Mapping):
            raise UnreadableRecord("`subagent_trajectories` holds something else than objects")
        found += parts({"schema_version": value.get("schema_version"), **one})
    return found


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one document. Raises UnreadableRecord."""
    version = str(value.get("schema_version"))
    match = _VERSION.fullmatch(version)
    if match is None or int(match[1]) < OLDEST:
        raise UnreadableRecord(f"version {version!r}; ATIF-v1.{OLDEST} and later of 1 are read")
    own = value.get("extra")
    if isinstance(own, Mapping) and isinstance(own.get(OWN), Mapping):
        return _restored(value, own[OWN])
    steps = value.get("steps")
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise UnreadableRecord("there is no list `steps`")
    system: list[str] = []
    tasks: list[str] = []
    turns: list[Answer | Seen] = []
    for number, step in enumerate(steps, start=1):
        if not isinstance(step, Mapping):
            raise UnreadableRecord(f"step {number} is not an object")
        source, where = step.get("source"), f"step {number}"
        text = text_of(step.get("message"), where)
        if source == "agent":
            turns.append(_answer(step, text, where))
        elif source not in ("system", "user"):
            raise UnreadableRecord(f"{where} has the source {source!r}")
        elif turns:
            turns.append(Seen(text, task=source == "user"))
        elif source == "user":
            tasks.append(text)
        else:
            system.append(text)
        turns += _seen(step, where)
    if not tasks:
        raise UnreadableRecord("no step of the user comes before the agent's first")
    agent = value.get("agent")
    facts: Mapping[str, Any] = agent if isinstance(agent, Mapping) else {}
    model = facts.get("model_name")
    return assemble(
        "atif",
        task="\n\n".join(tasks),
        turns=turns,
        system=tools_text("\n\n".join(system) or None, facts.get("tool_definitions")),
        model=model if isinstance(model, str) else "unknown",
    )


def _restored(value: Mapping[str, Any], own: Mapping[str, Any]) -> Trajectory:
    """Our own record, from the document's fields and from what they have no place for."""
    texts: dict[str, str | None] = {"system_prompt": None, "task": ""}
    steps = []
    try:
        for step in value["steps"]:
            if step["source"] != "agent":
                texts["system_prompt" if step["source"] == "system" else "task"] = step["message"]
                continue
            kept = dict(step["extra"][OWN])
            seen = kept.pop("observation", None)
            if seen is not None:
                seen = {**seen, "content": step["observation"]["results"][0]["content"]}
            calls = step.get("tool_calls")
            action = kept.pop("action", None)  # of a final answer, whose text is the message
            if calls:
                action = {"tool": calls[0]["function_name"], "arguments": calls[0]["arguments"]}
            reason = step.get("reasoning_content", "")
            steps.append({**kept, "reason": reason, "action": action, "observation": seen})
        return Trajectory.model_validate({**own, **texts, "steps": steps})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        detail = f"{where}: {first['msg']}"
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        detail = f"{type(error).__name__}: {error}"
    raise UnreadableRecord(f"extra.{OWN} does not fit the document: {detail}")


def _answer(step: Mapping[str, Any], text: str, where: str) -> Answer:
    reasoning = step.get("reasoning_content") or ""
    if not isinstance(reasoning, str):
        raise UnreadableRecord(f"reasoning_content of {where} is not text")
    calls = []
    for call in step.get("tool_calls") or ():
        name = call.get("function_name") if isinstance(call, Mapping) else None
        if not isinstance(name, str) or not name:
            raise UnreadableRecord(f"{where} has a tool call without function_name")
        calls.append(Call(name, call.get("arguments")))
    own = not step.get("is_copied_context") and step.get("llm_call_count") != 0
    return Answer(text, clean(reasoning), tuple(calls), trained=own)


def _seen(step: Mapping[str, Any], where: str) -> list[Seen]:
    observation = step.get("observation")
    results = observation.get("results") if isinstance(observation, Mapping) else None
    seen = []
    for result in results or ():
        if not isinstance(result, Mapping):
            raise UnreadableRecord(f"{where} has a result that is not an object")
        if result.get("content") is None and result.get("subagent_trajectory_ref"):
            raise UnreadableRecord(f"{where} observes a subagent's trajectory, not text")
        seen.append(Seen(text_of(result.get("content"), f"the observation of {where}")))
    return seen
