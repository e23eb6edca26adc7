"""What a solved trajectory must fulfil besides, so that a student learns nothing wrong from it.

    trajectory, refused = await accept(trajectory, problem, pool, cfg.generation.filters)

`accept` verifies, then asks in this order: solved and readable, no hard-coded answer, no leak, no
loop, length, language. Every refusal has a name (`RejectReason`) under which `generate` counts it.
Errors on the way are no reason to refuse: a trajectory that errs and recovers is kept and carries
the tag `recovered`.
"""

from __future__ import annotations

import json
from collections import Counter

from deepcoder.config import FiltersConfig
from deepcoder.errors import ConfigError
from deepcoder.rendering.protocols import action_text
from deepcoder.sandbox import SandboxPool
from deepcoder.trajectories.hardcoding import hard_coded
from deepcoder.trajectories.language import LANGUAGES, foreign
from deepcoder.trajectories.leaks import leak
from deepcoder.trajectories.verification import Refusal, RejectReason, refusal, verify
from deepcoder.types import Problem, Step, Trajectory

__all__ = ["accept", "check_filters", "filtered"]


def check_filters(filters: FiltersConfig) -> None:
    """Raises ConfigError for a language that cannot be told apart."""
    for name in filters.languages or ():
        if name not in LANGUAGES:
            raise ConfigError(
                f"generation.filters.languages names {name!r}, which cannot be recognised.",
                fix=f"use some of {', '.join(LANGUAGES)}, or null for any",
            )


async def accept(
    trajectory: Trajectory,
    problem: Problem,
    pool: SandboxPool,
    filters: FiltersConfig | None = None,
) -> tuple[Trajectory, Refusal | None]:
    """The verified trajectory, and why it may not be trained on, if so."""
    filters = filters or FiltersConfig()
    trajectory = await verify(trajectory, problem, pool)
    refused = refusal(trajectory, filters.invalid_actions)
    if refused is None and filters.hardcoding:
        detail = await hard_coded(trajectory.answer or "", problem, pool)
        if detail is not None:
            refused = Refusal(reason=RejectReason.HARD_CODED, detail=detail)
    return trajectory, refused or filtered(trajectory, problem, filters)


def filtered(trajectory: Trajectory, problem: Problem, filters: FiltersConfig) -> Refusal | None:
    """The first of the filters that need no execution which a trajectory does not pass."""
    if filters.leaks and (detail := leak(trajectory, problem)) is not None:
        return Refusal(reason=RejectReason.LEAKED, detail=detail)
    return (
        _loop(trajectory, filters.repeats)
        or _length(trajectory, filters)
        or _language(trajectory, filters.languages)
    )


def _loop(trajectory: Trajectory, allowed: int | None) -> Refusal | None:
    """An action that brings what it brought before says nothing new; a few times it is patience."""
    if allowed is None:
        return None
    turns = Counter(_turn(step) for step in trajectory.steps if step.action is not None)
    worst, count = max(turns.items(), key=lambda item: item[1], default=("", 0))
    if count <= allowed:
        return None
    detail = f"{count} times {worst[:80]}"
    return Refusal(reason=RejectReason.LOOP, detail=detail)


def _turn(step: Step) -> str:
    assert step.action is not None
    arguments = " ".join(action_text(step.action).split())
    seen = step.observation.content if step.observation else ""
    return json.dumps([step.action.tool, arguments, seen])


def _length(trajectory: Trajectory, filters: FiltersConfig) -> Refusal | None:
    reasons = [len(step.reason) for step in trajectory.steps]
    written = sum(reasons) + sum(
        len(action_text(step.action)) if step.action else len(step.raw or "")
        for step in trajectory.steps
    )
    longest = max(reasons, default=0)
    if filters.max_chars is not None and written > filters.max_chars:
        detail = f"{written} characters, and generation.filters.max_chars={filters.max_chars}"
        return Refusal(reason=RejectReason.TOO_LONG, detail=detail)
    if filters.max_reason_chars is not None and longest > filters.max_reason_chars:
        limit = f"generation.filters.max_reason_chars={filters.max_reason_chars}"
        detail = f"a step reasons for {longest} characters, and {limit}"
        return Refusal(reason=RejectReason.TOO_LONG, detail=detail)
    if sum(reasons) < filters.min_reason_chars:
        limit = f"generation.filters.min_reason_chars={filters.min_reason_chars}"
        detail = f"{sum(reasons)} characters of reasoning, and {limit}"
        return Refusal(reason=RejectReason.TOO_SHORT, detail=detail)
    return None


def _language(trajectory: Trajectory, allowed: list[str] | None) -> Refusal | None:
    if allowed is None:
        return None
    for index, step in enumerate(trajectory.steps):
        found = foreign(step.reason, allowed, known=trajectory.task)
        if found is not None:
            detail = f"step {index} reasons in {found!r}; allowed: {', '.join(allowed)}"
            return Refusal(reason=RejectReason.LANGUAGE, detail=detail)
    return None
