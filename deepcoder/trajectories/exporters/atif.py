"""Exporter of ATIF, the Agent Trajectory Interchange Format of the Harbor project, version 1.7.

A step of ours is one agent step: reasoning, one tool call, its observation. A final answer without
an observation is the message of the last step. Token ids, log-probabilities and costs have fields
of their own; what ATIF has no field for stands under `extra.deepcoder`, so that a record comes back
as it was. Source: RFC 0001 of the Harbor repository, April 2026.
"""

from __future__ import annotations

from typing import Any

from deepcoder.rendering.protocols import FINISH, action_text
from deepcoder.trajectories.importers.atif import OWN
from deepcoder.types import Step, Trajectory

__all__ = ["VERSION", "export_record"]

VERSION = "ATIF-v1.7"


def export_record(trajectory: Trajectory) -> dict[str, Any]:
    """The document of one trajectory; every trajectory has one."""
    steps: list[dict[str, Any]] = []
    if trajectory.system_prompt is not None:
        steps.append({"source": "system", "message": trajectory.system_prompt})
    steps.append({"source": "user", "message": trajectory.task})
    steps += [_step(step, index) for index, step in enumerate(trajectory.steps)]
    kept = trajectory.model_dump(mode="json", exclude={"system_prompt", "task", "steps"})
    usage, made = trajectory.usage, trajectory.provenance.created_at
    return {
        "schema_version": VERSION,
        "trajectory_id": trajectory.id,
        "agent": {
            "name": "deepcoder",
            "version": trajectory.provenance.code_version or "unknown",
            "model_name": trajectory.teacher.model,
            **({"extra": {"finished_at": made}} if made else {}),
        },
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, start=1)],
        "final_metrics": {
            "total_prompt_tokens": usage.prompt_tokens,
            "total_completion_tokens": usage.completion_tokens,
            "total_cost_usd": usage.usd,
            "total_steps": len(steps),
        },
        "extra": {OWN: kept},
    }


def _step(step: Step, index: int) -> dict[str, Any]:
    kept: dict[str, Any] = {"salvaged": list(step.salvaged), "raw": step.raw}
    written: dict[str, Any] = {"source": "agent", "message": step.raw or ""}
    if step.reason:
        written["reasoning_content"] = step.reason
    call = f"call_{index}"
    if step.action is not None and step.action.tool == FINISH and step.observation is None:
        written["message"] = action_text(step.action)
        kept["action"] = step.action.model_dump(mode="json")
    elif step.action is not None:
        written["message"] = ""
        written["tool_calls"] = [
            {
                "tool_call_id": call,
                "function_name": step.action.tool,
                "arguments": step.action.arguments,
            }
        ]
    if step.observation is not None:
        seen = step.observation.model_dump(mode="json")
        result: dict[str, Any] = {"content": seen.pop("content")}
        if "tool_calls" in written:
            result = {"source_call_id": call, **result}
        written["observation"] = {"results": [result]}
        kept["observation"] = seen
    if step.token_ids is not None or step.logprobs is not None:
        metrics: dict[str, Any] = {}
        if step.token_ids is not None:
            kept["token_ids"] = metrics["completion_token_ids"] = list(step.token_ids)
        if step.logprobs is not None:
            kept["logprobs"] = metrics["logprobs"] = list(step.logprobs)
        written["metrics"] = metrics
    written["extra"] = {OWN: kept}
    return written
