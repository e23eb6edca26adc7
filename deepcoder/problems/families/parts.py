"""Building blocks that several families share: number tests, small mappings, random inputs.

A `Part` carries the same thing three times: in words, in source text, and as a Python callable
that does not come from that text, plus one plausible wrong form of the source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

__all__ = ["MERGING", "WORDS", "Part", "number_map", "number_test", "numbers", "phrase_text"]


@dataclass(frozen=True)
class Part:
    """A piece of a task. `source` and `wrong` are expressions in `x`."""

    key: tuple[Any, ...]
    words: str
    source: str
    call: Callable[[Any], Any]
    wrong: str
    mistake: str


def number_test(rng: Random, low: int = 2, high: int = 30) -> Part:
    """A condition on a whole number; `words` completes 'the numbers that are …'."""
    k = rng.randint(low, high)
    kind = rng.choice(("gt", "ge", "lt", "le", "div", "nodiv", "rest", "between"))
    if kind == "gt":
        wrong, mistake = f"x >= {k}", f"Also takes numbers equal to {k}."
        return Part((kind, k), f"greater than {k}", f"x > {k}", lambda x: x > k, wrong, mistake)
    if kind == "ge":
        wrong, mistake = f"x > {k}", f"Leaves out numbers equal to {k}."
        return Part((kind, k), f"at least {k}", f"x >= {k}", lambda x: not x < k, wrong, mistake)
    if kind == "lt":
        wrong, mistake = f"x <= {k}", f"Also takes numbers equal to {k}."
        return Part((kind, k), f"less than {k}", f"x < {k}", lambda x: x < k, wrong, mistake)
    if kind == "le":
        wrong, mistake = f"x < {k}", f"Leaves out numbers equal to {k}."
        return Part((kind, k), f"at most {k}", f"x <= {k}", lambda x: not x > k, wrong, mistake)
    if kind == "between":
        top = k + rng.randint(3, 20)
        return Part(
            (kind, k, top),
            f"from {k} to {top} inclusive",
            f"{k} <= x <= {top}",
            lambda x: x in range(k, top + 1),
            f"{k} <= x < {top}",
            f"Leaves out {top}, which is included.",
        )
    d = rng.randint(2, 9)
    if kind == "div":
        return Part(
            (kind, d),
            f"divisible by {d}",
            f"x % {d} == 0",
            lambda x: x // d * d == x,
            f"x % {d} != 0",
            "The test is the wrong way round.",
        )
    if kind == "nodiv":
        return Part(
            (kind, d),
            f"not divisible by {d}",
            f"x % {d} != 0",
            lambda x: x // d * d != x,
            f"x % {d} == 0",
            "The test is the wrong way round.",
        )
    d = max(d, 3)
    r = rng.randint(1, d - 1)
    return Part(
        (kind, d, r),
        f"of remainder {r} when divided by {d}",
        f"x % {d} == {r}",
        lambda x: x - x // d * d == r,
        f"x % {d} == 0",
        f"Tests for remainder 0 instead of {r}.",
    )


_MAPS = ("times", "plus", "minus", "distance", "rest", "cap", "square")

MERGING = ("distance", "rest", "cap")
"""Mappings that send different numbers to the same one and do not keep the order: where only
equality or rank counts, the others would make variants that are the same task."""


def number_map(rng: Random, kinds: tuple[str, ...] = _MAPS, high: int = 12) -> Part:
    """A mapping of a whole number; `words` completes 'each …'. Only some keep the order."""
    k = rng.randint(2, high)
    kind = rng.choice(kinds)
    ignored = "Uses the numbers as they are."
    if kind == "times":
        return Part((kind, k), f"multiplied by {k}", f"x * {k}", lambda x: k * x, "x", ignored)
    if kind == "plus":
        return Part((kind, k), f"increased by {k}", f"x + {k}", lambda x: k + x, "x", ignored)
    if kind == "minus":
        words = f"decreased by {k}"
        return Part((kind, k), words, f"x - {k}", lambda x: -(k - x), f"{k} - x", "Wrong order.")
    if kind == "distance":
        return Part(
            (kind, k),
            f"replaced by its distance to {k}",
            f"abs(x - {k})",
            lambda x: max(x, k) - min(x, k),
            f"x - {k}",
            "Forgets that a distance is never negative.",
        )
    if kind == "rest":
        k = max(k, 3)
        return Part(
            (kind, k),
            f"reduced modulo {k}",
            f"x % {k}",
            lambda x: x - x // k * k,
            f"x // {k}",
            "Takes the quotient where the remainder is wanted.",
        )
    if kind == "cap":
        k += 3
        return Part(
            (kind, k),
            f"capped at {k}",
            f"min(x, {k})",
            lambda x: x if x < k else k,
            f"max(x, {k})",
            "Uses max, which raises small numbers instead of capping large ones.",
        )
    return Part(
        (kind, k),
        f"squared and then increased by {k}",
        f"x * x + {k}",
        lambda x: x**2 + k,
        f"(x + {k}) ** 2",
        "Adds before squaring.",
    )


def numbers(rng: Random, low: int = 0, high: int = 40, size: tuple[int, int] = (2, 7)) -> list[int]:
    """A short list of whole numbers, sometimes with a repeat."""
    drawn = [rng.randint(low, high) for _ in range(rng.randint(*size))]
    if len(drawn) > 2 and rng.random() < 0.4:
        drawn[rng.randrange(len(drawn))] = drawn[0]
    return drawn


_WORDS = """
apple bird cloud dog eel fig goose hat ice jam kite lemon moon nut owl pea queen rose sun tea
umbrella vase wolf yak zebra ant barn cat deer egg fox gate hill iris jug key leaf mint nest
oak pine road ship tree unit vine wave year zoo banana cocoa level radar noon bubble coffee
summer apricot orange island engine uncle river stone paper
"""

WORDS = tuple(_WORDS.split())
"""Common short words from which text inputs are drawn."""


def phrase_text(rng: Random, low: int = 1, high: int = 5) -> str:
    """A few words with single spaces between them."""
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))
