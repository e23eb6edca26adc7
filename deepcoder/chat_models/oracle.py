"""The oracle: a scripted teacher that plays an expert from reference solutions.

It stands behind the same interface as every backend and works through the same graph and sandbox.
It keeps nothing between calls: who is asking is read from the task text, what has been tried from
the assistant's turns, and how it went from the last observation, so any conversation can be
continued, also one that somebody else began. It never sees a hidden case.

An episode is: reason, try the code on the examples, read what really came back, answer. In
`mistake_rate` of the episodes it first tries one of the problem's wrong solutions, and repairs it
when the run shows the mistake, or when it goes over the statement once more. The alternative, a
real model, costs money or a GPU; the oracle's trajectories are marked `oracle` wherever they go.

Example::

    teacher = OracleTeacher(problems, mistake_rate=0.25, seed=0)
    completion = await teacher.complete(messages, Sampling(seed=7))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from deepcoder import values
from deepcoder.chat_models.oracle_checks import Checks, Reading, Style, checks_for
from deepcoder.chat_models.oracle_wording import (
    DRAFT,
    MISSED,
    PASSED,
    REPAIR,
    SOLVE,
    UNSURE,
    Plan,
    clause,
    idea,
    say,
)
from deepcoder.errors import DataError, MissingError
from deepcoder.problems.show import signature, task_text
from deepcoder.rendering import get_protocol
from deepcoder.types import (
    Action,
    Capability,
    Completion,
    Fingerprint,
    Message,
    Mistake,
    Observation,
    Problem,
    Role,
    Sampling,
    Step,
    Usage,
)

__all__ = ["OracleTeacher"]

REVISION = "1"
"""Raised when the same seed begins to give other text."""

_MARK = "\x00observation\x00"
_MAX_EXAMPLE = 64


@dataclass(frozen=True)
class Attempt:
    """A `python` block of the conversation: what it tried and what came back."""

    code: str
    observation: str


class OracleTeacher:
    """Plays the given problems. `sampling.seed` selects the variation of an episode.

    `mistake_rate` is the share of episodes that begin with a wrong solution, among problems that
    have one. Raises MissingError when no problem has a reference solution.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        *,
        mistake_rate: float = 0.25,
        seed: int = 0,
        protocol: str = "codeact",
    ) -> None:
        if problems and not any(problem.reference for problem in problems):
            raise MissingError(
                f"teacher=oracle plays from reference solutions, and none of the {len(problems)} "
                "problems has one.",
                fix="add `reference` to the problems, or use another teacher",
            )
        self._problems = {task_text(problem): problem for problem in problems}
        self._protocol = get_protocol(protocol)
        self._mistake_rate = mistake_rate
        self._seed = seed
        shown = self._protocol.observe(Observation(content=_MARK)).content
        self._prefix, _, self._suffix = shown.partition(_MARK)

    @property
    def fingerprint(self) -> Fingerprint:
        return Fingerprint(
            kind="oracle",
            model="deepcoder-oracle",
            revision=REVISION,
            settings={"mistake_rate": self._mistake_rate, "seed": self._seed},
        )

    @property
    def capability(self) -> Capability:
        return Capability()

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """The next step. Raises DataError for a conversation about an unknown problem.

        Usage counts the request only: the oracle has no tokenizer, so it reports no tokens.
        """
        problem = self._find(messages)
        step = self._step(problem, list(self._attempts(messages)), sampling.seed)
        text = "".join(piece.text for piece in self._protocol.write(step))
        return Completion(text=text, usage=Usage(requests=1))

    async def aclose(self) -> None:
        """Nothing to free."""

    # ------------------------------------------------------------------- reading the conversation

    def _find(self, messages: Sequence[Message]) -> Problem:
        task = next((m.content for m in messages if m.role is Role.USER), "")
        problem = self._problems.get(task)
        if problem is None:
            raise DataError(
                f"The oracle does not know the task {task[:80]!r}.",
                fix="ask it only about the problems that it was built with",
            )
        if not problem.reference:
            raise DataError(
                f"{problem.id} has no reference solution for the oracle to play from.",
                fix="add `reference` to the problem, or use another teacher",
            )
        return problem

    def _attempts(self, messages: Sequence[Message]) -> Iterator[Attempt]:
        for message, answer in pairwise(messages):
            if message.role is not Role.ASSISTANT or answer.role is Role.ASSISTANT:
                continue
            action = self._protocol.parse(Completion(text=message.content)).action
            if action is not None and action.tool == "python":
                text = answer.content.removeprefix(self._prefix).removesuffix(self._suffix)
                yield Attempt(str(action.arguments.get("code", "")), text)

    # -------------------------------------------------------------------------- deciding the step

    def _step(self, problem: Problem, attempts: list[Attempt], seed: int | None) -> Step:
        plan = self._random(problem, seed, "episode")
        wrong = self._planned_mistake(problem, plan)
        style: Style = "print" if plan.random() < 0.5 else "assert"
        checks = checks_for(problem, style)
        speaker = _Speaker(problem, checks, self._random(problem, seed, f"turn {len(attempts)}"))
        if not attempts:
            if wrong is not None:
                return _run(speaker.say(DRAFT), checks.block(wrong.code))
            return _run(speaker.say(SOLVE), checks.block(problem.reference or ""))
        last = attempts[-1]
        reading = checks.read(last.observation)
        if _holds(last.code, problem.reference or "", problem.mistakes):
            plan_of_words = PASSED if reading.held else UNSURE
            return _finish(speaker.say(plan_of_words, reading), problem.reference or "")
        mistake = _mistake_in(last.code, problem.mistakes)
        words = MISSED if reading.held else REPAIR
        return _run(speaker.say(words, reading, mistake), checks.block(problem.reference or ""))

    def _planned_mistake(self, problem: Problem, rng: Random) -> Mistake | None:
        """The wrong solution with which this episode begins, if it is one that does."""
        begins_wrong = rng.random() < self._mistake_rate
        return rng.choice(problem.mistakes) if problem.mistakes and begins_wrong else None

    def _random(self, problem: Problem, seed: int | None, purpose: str) -> Random:
        """A stream of its own for every purpose: the same in every process and at every call."""
        return Random(f"{REVISION}|{self._seed}|{seed}|{problem.id}|{purpose}")


class _Speaker:
    """Collects what can be said about a problem at one moment, and says it."""

    def __init__(self, problem: Problem, checks: Checks, rng: Random) -> None:
        self._problem, self._checks, self._rng = problem, checks, rng

    def say(
        self, plan: Plan, reading: Reading | None = None, mistake: Mistake | None = None
    ) -> str:
        problem, rng = self._problem, self._rng
        name = f"`{problem.entry_point}`" if problem.entry_point else "the program"
        facts = {"name": name, **_both(self._checks, rng), **_shape(problem)}
        if problem.hint:
            facts["Idea"], facts["idea"] = idea(problem.hint)
        else:
            facts["Idea"] = "Follow the statement step by step."
            facts["idea"] = "follow the statement step by step."
        if self._checks.cases and problem.entry_point:
            shown = rng.choice(self._checks.cases)
            if len(shown.call) + len(shown.expected) <= _MAX_EXAMPLE:
                facts |= {"call": f"`{shown.call}`", "expected": f"`{shown.expected}`"}
        if reading is not None:
            facts["seen"] = reading.seen
        pitfall = mistake
        if pitfall is None and problem.mistakes and plan is SOLVE:
            pitfall = rng.choice(problem.mistakes)
        if pitfall is not None:
            facts |= _flaw(pitfall)
        elif plan in (REPAIR, MISSED):
            facts["flaw"] = "this code does not follow the statement."
        return say(rng, plan, facts)


def _run(reason: str, code: str) -> Step:
    return Step(reason=reason, action=Action(tool="python", arguments={"code": code}))


def _finish(reason: str, code: str) -> Step:
    answer = code.strip("\n")
    return Step(reason=reason, action=Action(tool="finish", arguments={"answer": answer}))


def _mistake_in(code: str, mistakes: Sequence[Mistake]) -> Mistake | None:
    """The known wrong solution that a block contains; the longest, when one contains another."""
    found = [mistake for mistake in mistakes if mistake.code.strip() in code]
    return max(found, key=lambda mistake: len(mistake.code), default=None)


def _holds(code: str, reference: str, mistakes: Sequence[Mistake]) -> bool:
    """Whether a block contains the reference, and not a wrong solution around it."""
    if reference.strip() not in code:
        return False
    wrong = _mistake_in(code, mistakes)
    return wrong is None or len(wrong.code.strip()) < len(reference.strip())


# ------------------------------------------------------------------------------ facts for wording


def _both(checks: Checks, rng: Random) -> dict[str, str]:
    """How to speak of the visible cases, as a noun phrase."""
    count = len(checks.cases)
    if count == 0:
        return {"both": "the code", "Both": "A run"}
    names = {
        1: ("the example", "the given example", "the one example"),
        2: ("both examples", "the two examples", "the examples", "the two given cases"),
    }.get(count, ("the examples", "the given examples", "all examples"))
    chosen = rng.choice(names)
    return {"both": chosen, "Both": chosen[0].upper() + chosen[1:]}


def _shape(problem: Problem) -> dict[str, str]:
    """What goes in and what comes out, in words."""
    facts = {}
    if problem.entry_point:
        parameters = signature(problem).partition("(")[2].rstrip(")")
        if parameters and len(parameters) <= 40:
            facts["params"] = f"`{parameters}`"
    if problem.visible and problem.entry_point:
        facts["kind"] = _kind(values.decode(problem.visible[0].expected))
    return facts


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "True or False"
    names: tuple[tuple[type, str], ...] = (
        (int, "a whole number"),
        (float, "a number"),
        (str, "a string"),
        (list, "a list"),
        (tuple, "a tuple"),
        (dict, "a dictionary"),
        (set, "a set"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "a value")


def _flaw(mistake: Mistake) -> dict[str, str]:
    """A mistake's description: as a clause where it can be one, else as a sentence."""
    says = clause(mistake.description)
    return {"clause": says} if says else {"flaw": idea(mistake.description)[1]}
