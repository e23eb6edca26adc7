"""Families about numbers: filter and aggregate, digits."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import MERGING, number_map, number_test, numbers
from deepcoder.problems.families.wording import ask, code, say_hint

__all__ = ["FAMILIES"]


def filter_aggregate(rng: Random) -> Sketch:
    """Keep the numbers that pass a test, map each, combine them."""
    test, how = number_test(rng), rng.choice(("sum", "max", "min", "distinct"))
    change = number_map(rng, MERGING, 20) if how == "distinct" else number_map(rng)
    default = rng.randint(-3, 9) if how in ("max", "min") else 0
    arg = rng.choice(("nums", "numbers", "items", "data"))
    verb = {"sum": "sum", "max": "largest", "min": "smallest", "distinct": "count_distinct"}[how]
    name = f"{verb}_{rng.choice(('kept', 'selected', 'matching', 'of_filtered'))}"
    words = {
        "sum": "the sum of the results",
        "max": f"the largest result, or {default} if nothing is kept",
        "min": f"the smallest result, or {default} if nothing is kept",
        "distinct": "the number of different results",
    }[how]

    def source(condition: str, value: str, fallback: str = f", default={default}") -> str:
        inner = f"{value} for x in {arg} if {condition}"
        body = {
            "sum": f"sum({inner})",
            "max": f"max(({inner}){fallback})",
            "min": f"min(({inner}){fallback})",
            "distinct": f"len({{{inner}}})",
        }[how]
        return code(f"""
            def {name}({arg}):
                return {body}
        """)

    def solve(values: list[int]) -> int:
        kept = []
        for value in values:
            if test.call(value):
                kept.append(change.call(value))
        if how == "sum":
            total = 0
            for value in kept:
                total += value
            return total
        if how == "distinct":
            return len(set(kept))
        return sorted(kept)[-1 if how == "max" else 0] if kept else default

    mistakes = [
        (source(test.wrong, change.source), test.mistake),
        (source(test.source, change.wrong), change.mistake),
    ]
    if how in ("max", "min"):
        text = f"Fails on an empty selection instead of returning {default}."
        mistakes[rng.randrange(2)] = (source(test.source, change.source, ""), text)
    prompt = rng.choice(
        (
            f"From the list `{arg}` keep the numbers {test.words}. Each of them is {change.words}. "
            f"Return {words}.",
            f"Look only at the numbers in `{arg}` that are {test.words}; "
            f"each is {change.words}. Return {words}.",
            ask(
                rng,
                f"a list `{arg}` of whole numbers",
                words,
                f"Only numbers {test.words} are kept, and each kept number is {change.words}.",
            ),
        )
    )
    return Sketch(
        params={"test": test.key, "map": change.key, "how": how, "default": default},
        entry_point=name,
        prompt=prompt,
        reference=source(test.source, change.source),
        solve=solve,
        draw=lambda r: (_around(r, test.key),),
        edges=[([],)],
        mistakes=mistakes,
        hint=say_hint(
            rng,
            f"Filter with `{test.source}` first, then map each kept number, then combine.",
            f"A single comprehension with `if {test.source}` does the filtering and mapping.",
        ),
    )


def _around(rng: Random, key: tuple[Any, ...]) -> list[int]:
    """Numbers that often hit the bounds of a test exactly."""
    drawn = numbers(rng)
    bounds = [k for k in key[1:] if isinstance(k, int)]
    if rng.random() < 0.6:
        drawn[rng.randrange(len(drawn))] = rng.choice(bounds)
    return drawn


def digit_work(rng: Random) -> Sketch:
    """Choose digits of a number, combine them, reduce the result."""
    k = rng.randint(3, 7)
    which, test, wrong_test, flaw = rng.choice(
        (
            ("odd digits", "d % 2 == 1", "d % 2 == 0", "Takes the even digits."),
            ("even digits", "d % 2 == 0", "d % 2 == 1", "Takes the odd digits."),
            (f"digits of at least {k}", f"d >= {k}", f"d > {k}", f"Leaves out the digit {k}."),
            (f"digits below {k}", f"d < {k}", f"d <= {k}", f"Also takes the digit {k}."),
            (f"digits other than {k}", f"d != {k}", f"d == {k}", f"Takes only the digit {k}."),
        )
    )
    power = rng.choice((1, 2, 3))
    factor, base = rng.randint(1, 9), rng.randint(5, 60)
    value = {1: "d", 2: "d * d", 3: "d ** 3"}[power]
    term = value if factor == 1 else f"{factor} * {value}"
    if factor > 1 and power == 3:
        term = f"{factor} * d ** 3"
    each = {1: "digit", 2: "square of each", 3: "cube of each"}[power]
    weight = "" if factor == 1 else f", multiplied by {factor}"
    name = rng.choice(("digit_code", "check_digit", "digit_mix", "digit_key", "number_tag"))

    def source(condition: str, what: str, modulus: str) -> str:
        return code(f"""
            def {name}(n):
                digits = [int(c) for c in str(n)]
                return sum({what} for d in digits if {condition}){modulus}
        """)

    def solve(n: int) -> int:
        total = 0
        while n:
            n, d = divmod(n, 10)
            chosen = {
                "odd digits": d in (1, 3, 5, 7, 9),
                "even digits": d in (0, 2, 4, 6, 8),
            }.get(which, (d >= k if "least" in which else d < k if "below" in which else d != k))
            total += factor * d**power if chosen else 0
        return total % base

    adds = {1: "Add up them", 2: "Add up their squares", 3: "Add up their cubes"}[power]
    adds = adds.replace("Add up them", "Add them up")
    prompt = ask(
        rng,
        "a whole number `n` (zero or more)",
        f"a code built from its {which}",
        f"{adds}{weight and f', multiply the sum by {factor}'}, "
        f"and keep the remainder modulo {base}.",
    )
    second = (
        (source(test, value, f" % {base}"), f"Forgets to multiply by {factor}.")
        if factor > 1
        else (source(test, term, ""), f"Forgets the remainder modulo {base}.")
    )
    return Sketch(
        params={"test": test, "power": power, "factor": factor, "base": base},
        entry_point=name,
        prompt=prompt,
        reference=source(test, term, f" % {base}"),
        solve=solve,
        draw=lambda r: (r.randint(0, 10 ** r.randint(1, 6)),),
        edges=[(0,)],
        mistakes=[(source(wrong_test, term, f" % {base}"), flaw), second],
        hint=say_hint(
            rng,
            "Turn the number into text to reach its digits.",
            f"Take the {each} that passes `{test}` and reduce the sum at the end.",
        ),
    )


FAMILIES = (
    Family("filter_aggregate", "numbers", filter_aggregate),
    Family("digit_work", "numbers", digit_work),
)
