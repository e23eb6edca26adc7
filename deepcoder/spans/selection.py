"""Which trajectories become examples, and how much of each: the policies of the `prepare` stage.

    selection = Selection(renderer, tokenizer, policy)
    for result in selection.examples(batch):      # one result per trajectory, in order
        print(result.left_out or [example.id for example in result.examples])

A trajectory is cut at the end of an answer, never inside one: what remains is what a shorter
trajectory would have been. Files and run folders are the business of `deepcoder.prepare`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from deepcoder.errors import ConfigError
from deepcoder.rendering import ChatRenderer, Rendered, training_texts
from deepcoder.spans.alignment import Aligned, align
from deepcoder.spans.sampled import NO_DRIFT, Drift, with_sampled_ids
from deepcoder.types import Trajectory

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Example", "LeftOut", "Policy", "Result", "Selection", "cut", "merged", "split_of"]

TRAIN, VALIDATION = "train", "validation"


class LeftOut(StrEnum):
    """Why a trajectory that could be read is not trained on."""

    NOT_SOLVED = "not_solved"
    """Its outcome is known and is not a success (`data.only_solved`)."""
    DUPLICATE = "duplicate"
    """A trajectory of the same id, or one that says the same (`data.duplicates`), came before."""
    PROTOCOL = "protocol"
    """Its steps are written in a protocol that this version does not know."""
    NOTHING_TO_LEARN = "nothing_to_learn"
    """No step of it has a readable action, so no token would carry loss."""
    CONTAMINATED = "contaminated"
    """It holds a problem of an evaluation set (`data.decontaminate`)."""
    NOT_BEST = "not_best"
    """Another trajectory of its problem is preferred (`data.best_of`)."""
    TOO_LONG = "too_long"
    """It exceeds `student.max_tokens`, and is dropped or does not even fit with its first step."""


@dataclass(frozen=True)
class Policy:
    """What of `data` and `student` decides about a trajectory; see `deepcoder.config`."""

    max_tokens: int
    cut_steps: bool = True
    """Cut whole steps from the end of a long trajectory; False drops it."""
    keep_thinking: bool = True
    sampled_ids: bool = False
    """Train on the ids that a backend sampled, where they spell the text."""
    only_solved: bool = True
    validation_fraction: float = 0.1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Example:
    """One sequence to train on."""

    id: str
    problem_id: str
    split: str
    aligned: Aligned
    source: str = ""
    """Name in `data.mixture`."""
    solved: bool | None = None
    """None where nobody judged the trajectory."""


@dataclass(frozen=True, eq=False)
class Result:
    """What became of one trajectory.

    `tokens` is its whole length, and `cut_tokens` what of it was cut to fit (sums over its texts);
    `untrained` counts the answers that could not be read, and `drift` those that came with ids.
    """

    examples: tuple[Example, ...] = ()
    left_out: LeftOut | None = None
    detail: str = ""
    tokens: int = 0
    cut_tokens: int = 0
    cut_steps: int = 0
    untrained: int = 0
    drift: Drift = NO_DRIFT


class Selection:
    """Applies a policy to batches of trajectories; remembers the ids it has seen."""

    def __init__(
        self, renderer: ChatRenderer, tokenizer: PreTrainedTokenizerFast, policy: Policy
    ) -> None:
        self._renderer = renderer
        self._tokenizer = tokenizer
        self._policy = policy
        self._seen: set[bytes] = set()
        self.screen: Callable[[Trajectory], tuple[str, str] | None] | None = None
        """Asked about each trajectory that is not refused otherwise; says why it is left out."""

    def examples(self, batch: Sequence[Trajectory], source: str = "") -> Iterator[Result]:
        """One result per trajectory, in order. All texts of a batch are tokenised together.

        `source` names where the batch comes from.
        """
        refused = self.refusals(batch)
        accepted = [t for t, refusal in zip(batch, refused, strict=True) if refusal is None]
        return merged(refused, self.results(accepted, source))

    def refusals(self, batch: Sequence[Trajectory]) -> list[Result | None]:
        """What is left out before it is rendered; None for the others. Order matters: a later
        trajectory of the same id is a duplicate."""
        reasons = [self._refuse(trajectory) for trajectory in batch]
        return [None if r is None else Result(left_out=r[0], detail=r[1]) for r in reasons]

    def results(self, accepted: Sequence[Trajectory], source: str = "") -> list[Result]:
        """Results of trajectories that were not refused. Remembers nothing: any process may do
        it."""
        texts: list[list[Rendered] | Result] = []
        for trajectory in accepted:
            try:
                keep = self._policy.keep_thinking
                texts.append(training_texts(trajectory, self._renderer, keep_thinking=keep))
            except ConfigError as error:
                texts.append(Result(left_out=LeftOut.PROTOCOL, detail=error.message))
        flat = [text for rendered in texts if isinstance(rendered, list) for text in rendered]
        aligned = iter(align(flat, self._tokenizer))
        return [
            rendered
            if isinstance(rendered, Result)
            else self._result(
                trajectory,
                *self._tokens(trajectory, rendered, list(islice(aligned, len(rendered)))),
                source,
            )
            for trajectory, rendered in zip(accepted, texts, strict=True)
        ]

    def _tokens(
        self, trajectory: Trajectory, texts: Sequence[Rendered], aligned: Sequence[Aligned]
    ) -> tuple[Sequence[Aligned], Drift]:
        """The texts' tokens, as the backend sampled them where the policy wants that."""
        drift = NO_DRIFT
        if all(step.token_ids is None for step in trajectory.steps):
            return aligned, drift
        tokens = []
        for rendered, one in zip(texts, aligned, strict=True):
            own, found = with_sampled_ids(
                rendered, one, trajectory.steps, self._tokenizer, use=self._policy.sampled_ids
            )
            tokens.append(own)
            drift = drift.plus(found)
        return tokens, drift

    def _refuse(self, trajectory: Trajectory) -> tuple[LeftOut, str] | None:
        outcome = trajectory.outcome
        if self._policy.only_solved and outcome is not None and not outcome.solved:
            detail = f"{outcome.status}, {outcome.passed} of {outcome.total} hidden cases passed"
            return LeftOut.NOT_SOLVED, detail
        digest = hashlib.blake2b(trajectory.id.encode("utf-8", "replace"), digest_size=12).digest()
        if digest in self._seen:
            return LeftOut.DUPLICATE, "a trajectory of this id came before"
        self._seen.add(digest)
        screened = self.screen(trajectory) if self.screen is not None else None
        return None if screened is None else (LeftOut(screened[0]), screened[1])

    def _result(
        self, trajectory: Trajectory, aligned: Sequence[Aligned], drift: Drift, source: str
    ) -> Result:
        policy = self._policy
        trainable = {i for i, step in enumerate(trajectory.steps) if step.action is not None}
        supervised = [one for one in aligned if one.weighted.any()]
        if not supervised:
            return Result(left_out=LeftOut.NOTHING_TO_LEARN, detail="no step has a readable action")
        kept, tokens, kept_tokens = [], 0, 0
        trained: set[int] = set()
        for one in supervised:
            whole = int(np.flatnonzero(one.weighted)[-1]) + 1
            tokens += whole
            fits = whole <= policy.max_tokens
            fitting = one.first(whole) if fits else cut(one, policy.max_tokens)
            if fitting is None or not (fits or policy.cut_steps):
                continue
            kept.append(fitting)
            kept_tokens += len(fitting.input_ids)
            trained.update(np.flatnonzero(np.bincount(fitting.steps[fitting.weighted])).tolist())
        if not kept:
            what = "it" if not policy.cut_steps else "it, even cut to its first step,"
            detail = f"{what} has more than {policy.max_tokens} tokens (whole: {tokens})"
            return Result(left_out=LeftOut.TOO_LONG, detail=detail, tokens=tokens)
        split = split_of(trajectory.problem_id, policy.validation_fraction, policy.seed)
        return Result(
            examples=tuple(
                Example(
                    trajectory.id if len(aligned) == 1 else f"{trajectory.id}@{number}",
                    trajectory.problem_id,
                    split,
                    one,
                    source,
                    None if trajectory.outcome is None else trajectory.outcome.solved,
                )
                for number, one in enumerate(kept)
            ),
            tokens=tokens,
            cut_tokens=tokens - kept_tokens,
            cut_steps=len(trainable - trained),
            untrained=len(trajectory.steps) - len(trainable),
            drift=drift,
        )


def merged(refused: Sequence[Result | None], results: Sequence[Result]) -> Iterator[Result]:
    """One result per trajectory again: the refusals, and the others' results where they belong."""
    others = iter(results)
    for refusal in refused:
        yield next(others) if refusal is None else refusal


def cut(aligned: Aligned, budget: int) -> Aligned | None:
    """The longest part of at most `budget` tokens that ends with the end of an answer.

    What follows the last answer (a closing observation) is cut too: nothing is learned from it.
    None when not even the first answer fits, or when there is none.
    """
    weighted = aligned.weighted
    followed = np.zeros_like(weighted)
    followed[:-1] = weighted[1:] & (aligned.steps[1:] == aligned.steps[:-1])
    ends = np.flatnonzero(weighted & ~followed) + 1
    fitting = ends[ends <= budget]
    return aligned.first(int(fitting[-1])) if len(fitting) else None


def split_of(problem_id: str, validation_fraction: float, seed: int) -> str:
    """'train' or 'validation', by a hash of the problem: all its trajectories stay on one side, and
    a problem stays where it is when others come or go."""
    digest = hashlib.sha256(f"{seed}:{problem_id}".encode("utf-8", "replace")).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return VALIDATION if share < validation_fraction else TRAIN
