"""How far a student reasons like its teacher, on the same problems.

The paper on Structured Agent Distillation (arXiv 2505.13820) reports reasoning length and the rate
at which the student's chain of thought matches the teacher's; its code is not published, so the
measures here are our own and are defined by this module:

- `match`: turn by turn, F1 of the longest common subsequence of words (ROUGE-L, Lin 2004) between
  the two reasonings, averaged over the longer of the two episodes (a turn without a partner is 0);
- `words`: the student's words of reasoning and the teacher's, whose ratio of sums is the relative
  reasoning length;
- `same_tools`: whether the sequence of tools is the same.

    agreement(student_episode, teacher_episode).match     # 0 … 1
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deepcoder.types import Step, Trajectory

__all__ = ["Agreement", "agreement", "common_words", "reason_words"]

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Agreement:
    """One episode of the student against one of the teacher."""

    match: float
    same_tools: bool


def agreement(student: Trajectory, teacher: Trajectory) -> Agreement:
    """Compares the reasoning and the tools of two episodes on one problem."""
    pairs = zip(student.steps, teacher.steps, strict=False)
    total = sum(_rouge_l(_words(a), _words(b)) for a, b in pairs)
    turns = max(len(student.steps), len(teacher.steps))
    return Agreement(
        match=total / turns if turns else 1.0,
        same_tools=_tools(student.steps) == _tools(teacher.steps),
    )


def reason_words(trajectory: Trajectory) -> int:
    """Words of reasoning in an episode. Words, because models differ in their tokens."""
    return sum(len(_words(step)) for step in trajectory.steps)


def common_words(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, in the bit-parallel form of Hyyrö (2004)."""
    where: dict[str, int] = {}
    for index, word in enumerate(one):
        where[word] = where.get(word, 0) | 1 << index
    full = (1 << len(one)) - 1
    row = full  # a bit is cleared where the subsequence grows by one
    for word in other:
        hit = row & where.get(word, 0)
        row = ((row + hit) | (row - hit)) & full
    return len(one) - row.bit_count()


def _rouge_l(one: Sequence[str], other: Sequence[str]) -> float:
    if not one and not other:
        return 1.0
    return 2 * common_words(one, other) / (len(one) + len(other))


def _words(step: Step) -> list[str]:
    # What could not be read as a step has no reasoning that could be told from the rest.
    return _WORD.findall(step.reason.lower()) if step.action is not None else []


def _tools(steps: Sequence[Step]) -> list[str | None]:
    return [step.action.tool if step.action else None for step in steps]
