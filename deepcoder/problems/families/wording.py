"""Small helpers with which the families write prompts, hints and source text.

Phrasings are ours and avoid the set sentences of public benchmarks. Example::

    ask(rng, "a list of whole numbers", "the sum of the even ones")
"""

from __future__ import annotations

from random import Random
from textwrap import dedent
from typing import TypeVar

__all__ = ["ask", "code", "list_words", "ordinal", "plural", "say_hint"]

T = TypeVar("T")

_ASK = (
    "Given {given}, return {what}.",
    "You get {given}. Return {what}.",
    "The input is {given}. Return {what}.",
    "Take {given} and return {what}.",
    "For {given}, work out {what} and return it.",
    "The function receives {given}. It returns {what}.",
    "From {given}, find {what} and return it.",
    "Called with {given}, the function gives back {what}.",
)

_HINT = (
    "{idea}",
    "Key idea: {idea_lower}",
    "The point is this: {idea_lower}",
    "One way: {idea_lower}",
)


def ask(rng: Random, given: str, what: str, *more: str) -> str:
    """One request in one of several phrasings; `more` are sentences that follow it."""
    return " ".join([rng.choice(_ASK).format(given=given, what=what), *more])


def say_hint(rng: Random, *ideas: str) -> str:
    """One of `ideas` (sentences with a capital and a full stop), in a wording of the seed."""
    idea = rng.choice(ideas)
    return rng.choice(_HINT).format(idea=idea, idea_lower=idea[0].lower() + idea[1:])


def code(text: str) -> str:
    """Source text from an indented literal: no common indent, one newline at the end."""
    return dedent(text).strip() + "\n"


def plural(n: int, noun: str) -> str:
    """`1 minute`, `3 minutes`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def ordinal(n: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    suffix = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"


def list_words(words: list[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
