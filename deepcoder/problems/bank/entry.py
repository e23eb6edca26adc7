"""How a hand-written problem is written down: `Entry`, and the two small words it is made of.

An entry is declarative. Expected values are literals typed by hand, never computed from the
reference, so that a wrong reference is found by its own cases. Code is given as indented source;
prompts may be wrapped over lines. `Entry.to_problem` undoes both kinds of layout::

    Entry(
        "last_word",
        EASY,
        prompt="Return the last word of the text, or an empty string when it has none.",
        hint="Splitting on whitespace gives the words, and an empty list has no last one.",
        visible=(case("so it goes", gives="goes"),),
        hidden=(case("", gives=""),),
        reference=\"\"\"
            def last_word(text):
                words = text.split()
                return words[-1] if words else ""
        \"\"\",
        wrong=(
            Wrong(
                "It takes the last word without checking that there is one.",
                \"\"\"
                    def last_word(text):
                        return text.split()[-1]
                \"\"\",
            ),
        ),
    )

This module neither runs nor checks code: `tests/problems/test_bank.py` does, in the sandbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from deepcoder.types import Case, Difficulty, Mistake, Problem
from deepcoder.values import encode

__all__ = ["EASY", "HARD", "MEDIUM", "Entry", "Example", "Wrong", "case"]

EASY, MEDIUM, HARD = Difficulty.EASY, Difficulty.MEDIUM, Difficulty.HARD


@dataclass(frozen=True)
class Example:
    """One call as plain Python values: `entry_point(*args)` returns `expected`."""

    args: tuple[Any, ...]
    expected: Any


def case(*args: Any, gives: Any) -> Example:
    """`case(1, 2, gives=3)` reads: called with 1 and 2, the function returns 3."""
    return Example(args, gives)


@dataclass(frozen=True)
class Wrong:
    """Source that a hasty person could have written, and one sentence naming what is wrong."""

    description: str
    code: str


@dataclass(frozen=True)
class Entry:
    """A problem. `name` is the function to write and the last part of the problem's id.

    `hint` is the insight behind a right solution, in one sentence and without code.
    `tolerance` is the absolute and relative error allowed for floats (0: exact).
    """

    name: str
    difficulty: Difficulty
    prompt: str
    hint: str
    visible: tuple[Example, ...]
    hidden: tuple[Example, ...]
    reference: str
    wrong: tuple[Wrong, ...]
    tolerance: float = 0.0

    def to_problem(self, topic: str) -> Problem:
        """The record that the rest of the project uses, with its values as tagged JSON."""
        return Problem(
            id=f"builtin/{topic}/{self.name}",
            prompt=_unwrap(self.prompt),
            entry_point=self.name,
            visible=tuple(_encode(example) for example in self.visible),
            hidden=tuple(_encode(example) for example in self.hidden),
            reference=_source(self.reference),
            mistakes=tuple(
                Mistake(code=_source(wrong.code), description=_unwrap(wrong.description))
                for wrong in self.wrong
            ),
            hint=_unwrap(self.hint),
            tolerance=self.tolerance,
            topic=topic,
            difficulty=self.difficulty,
            source="deepcoder",
            licence="Apache-2.0",
        )


def _encode(example: Example) -> Case:
    return Case(
        args=tuple(encode(value) for value in example.args), expected=encode(example.expected)
    )


def _unwrap(text: str) -> str:
    """Fold the line breaks and the indentation of wrapped prose into single spaces."""
    return " ".join(text.split())


def _source(code: str) -> str:
    """Source as a file would hold it: flush left, no blank lines around, one newline at the end."""
    return dedent(code).strip() + "\n"
