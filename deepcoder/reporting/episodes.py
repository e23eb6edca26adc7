"""Trajectories as turns whose characters know their kind, and which problems are worth showing.

The turns are those of `rendering.conversation`, the same that the student is fed and trained on, so
the colours show what carried loss. A step that could not be read stands as it was sampled.

    chosen = choose(results)                          # ids, gained ones first
    view = episode(trajectory)                        # view["turns"][0]["pieces"]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepcoder.rendering import conversation, get_protocol
from deepcoder.reporting.kinds import css_class, visible
from deepcoder.types import SpanKind, Step, StopReason, Trajectory

__all__ = ["choose", "episode"]

SHOWN_CHARS = 8000
"""Characters of one piece that are shown; the rest is counted."""


def choose(results: Mapping[str, Any], limit: int = 6) -> list[str]:
    """Ids of the problems to show: gained, lost, solved by both and by none, in this measure.

    Without pairs: solved and unsolved ones of the only model, half and half.
    """
    solved = {problem["id"]: problem["solved"] for problem in results["problems"]}
    models = list(results["models"])
    paired = results["pairs"][0] if results["pairs"] else {}
    changed = [*paired.get("gained", ()), *paired.get("lost", ())]
    rest = [name for name in solved if name not in changed]
    both = [name for name in rest if any(solved[name][model] for model in models)]
    none = [name for name in rest if name not in both]
    groups = [
        list(paired.get("gained", ()))[: max(1, limit // 2)],
        list(paired.get("lost", ()))[: max(1, limit // 4)],
        both[: 1 if paired else limit // 2],
    ]
    shown = [name for group in groups for name in group][:limit]
    shown += [name for name in none if name not in shown][: min(limit - len(shown), limit // 2)]
    return shown


def episode(trajectory: Trajectory) -> dict[str, Any]:
    """What the template shows of one trajectory."""
    turns = conversation(get_protocol(trajectory.protocol), None, trajectory.task, trajectory.steps)
    shown = []
    for turn in turns[1:]:  # the task stands above both columns
        step = trajectory.steps[turn.step] if turn.step is not None else None
        observed = step.observation if step is not None else None
        is_observation = any(piece.kind is SpanKind.OBSERVATION for piece in turn.pieces)
        shown.append(
            {
                "role": "environment" if is_observation else "model",
                "status": str(observed.status) if is_observation and observed else None,
                "unreadable": not is_observation and step is not None and step.action is None,
                "sampled": _sampled(step) if not is_observation else None,
                "salvaged": [] if is_observation or step is None else list(step.salvaged),
                "pieces": [
                    {
                        "text": visible(piece.text[:SHOWN_CHARS]),
                        "more": max(0, len(piece.text) - SHOWN_CHARS),
                        "kind": str(piece.kind),
                        "css": css_class(piece.kind),
                    }
                    for piece in turn.pieces
                ],
            }
        )
    return {"turns": shown, "verdict": _verdict(trajectory), "usage": trajectory.usage}


def _sampled(step: Step | None) -> str | None:
    """What the model really wrote, where the turn shows the repaired form of it."""
    if step is None or step.action is None or step.raw is None:
        return None
    return visible(step.raw[:SHOWN_CHARS])


def _verdict(trajectory: Trajectory) -> dict[str, str]:
    outcome = trajectory.outcome
    if outcome is not None and outcome.solved:
        return {"css": "good", "text": f"solved, {outcome.passed}/{outcome.total} hidden cases"}
    if trajectory.stop is not StopReason.FINISHED:
        return {"css": "bad", "text": f"no answer: {str(trajectory.stop).replace('_', ' ')}"}
    if outcome is None:
        return {"css": "bad", "text": "empty answer"}
    detail = f", {outcome.status}" if outcome.status != "ok" else ""
    return {"css": "bad", "text": f"failed, {outcome.passed}/{outcome.total} hidden cases{detail}"}
