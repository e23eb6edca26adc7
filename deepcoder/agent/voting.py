"""Self-consistent actions: of several samples of a step, the one that does what most of them do.

Samples whose code fails are dropped, the others vote by what their actions come to, and ties go to
the first (arXiv 2505.17612). What an action comes to is found by carrying it out beside the episode
(`Tool.trial`), whose state only the chosen one changes. Final answers vote too: by what they return
for the inputs that the task shows, or by their syntax tree where it shows none. Expected values are
never looked at.

    chosen = await choose(candidates, tools, AnswerProbe(pool, problem))
    chosen.step.vote          # samples 8, readable 8, held 6, agreed 5, chosen 0
    chosen.trial              # what its action came to; accept it to go on from there
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from deepcoder.agent.tools import FINISH, Tool, Trial, unfenced
from deepcoder.sandbox import Request, SandboxPool
from deepcoder.types import Action, ObservationStatus, Problem, ProblemForm, Step, Vote

__all__ = ["AnswerProbe", "Chosen", "choose"]

_SYNTAX = "import ast, sys\nprint(ast.dump(ast.parse(sys.stdin.read())))"

Probe = Callable[[str], Awaitable[str | None]]
"""What an answer comes to, or None when it fails."""


@dataclass(frozen=True)
class Chosen:
    """The step that won, with its `vote`; `trial` is None for an answer and for what failed to be
    called at all."""

    step: Step
    trial: Trial | None


@dataclass(frozen=True)
class _Ballot:
    key: str | None
    """What the action came to; None for one that has no vote."""
    trial: Trial | None = None


class AnswerProbe:
    """Runs a final answer on the inputs that the task shows."""

    def __init__(self, pool: SandboxPool, problem: Problem) -> None:
        self._pool = pool
        self._problem = problem

    async def __call__(self, answer: str) -> str | None:
        problem = self._problem
        cases = problem.visible
        if problem.form is ProblemForm.CALL and cases:
            result = await self._pool.run(
                Request(
                    code=answer,
                    setup=problem.setup_code,
                    entry_point=problem.entry_point,
                    calls=tuple((case.args, case.kwargs) for case in cases),
                )
            )
            if not result.ok:
                return None
            return json.dumps([returned.value for returned in result.returns], sort_keys=True)
        if problem.form is ProblemForm.STDIN and cases:
            outputs = []
            for case in cases:
                code = Request(code=answer, setup=problem.setup_code, stdin=case.stdin or "")
                result = await self._pool.run(code)
                if not result.ok:
                    return None
                outputs.append(result.stdout.rstrip())
            return json.dumps(outputs)
        # In the sandbox too: a hostile text can bring a parser down.
        result = await self._pool.run(Request(code=_SYNTAX, stdin=answer))
        return result.stdout if result.ok else None


async def choose(steps: Sequence[Step], tools: Mapping[str, Tool], probe: Probe) -> Chosen:
    """The step to go on with. When all fail, the first that could be read, else the first.

    Equal actions are carried out once.
    """
    running: dict[str, asyncio.Task[_Ballot]] = {}
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                if step.action is not None and (name := _same(step.action)) not in running:
                    running[name] = group.create_task(_ballot(step.action, tools, probe))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    ballots = [
        running[_same(step.action)].result() if step.action is not None else _Ballot(None)
        for step in steps
    ]
    votes = Counter(ballot.key for ballot in ballots if ballot.key is not None)
    readable = [number for number, step in enumerate(steps) if step.action is not None]
    if votes:
        most = max(votes.values())
        winner = next(n for n, b in enumerate(ballots) if b.key and votes[b.key] == most)
    else:
        most, winner = 0, readable[0] if readable else 0
    vote = Vote(
        samples=len(steps),
        readable=len(readable),
        held=votes.total(),
        agreed=most,
        chosen=winner,
    )
    return Chosen(steps[winner].model_copy(update={"vote": vote}), ballots[winner].trial)


def _same(action: Action) -> str:
    return action.model_dump_json()


async def _ballot(action: Action, tools: Mapping[str, Tool], probe: Probe) -> _Ballot:
    if action.tool == FINISH:
        outcome = await probe(unfenced(str(action.arguments.get("answer", ""))))
        return _Ballot(None if outcome is None else f"{FINISH}\n{outcome}")
    tool = tools.get(action.tool)
    if tool is None:
        return _Ballot(None)
    trial = await tool.trial(action.arguments)
    held = trial.observation.status is ObservationStatus.OK
    return _Ballot(f"{action.tool}\n{trial.observation.content}" if held else None, trial)
