"""Families about amounts: unit conversion with rounding, prices in tiers."""

from __future__ import annotations

from math import gcd
from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import numbers
from deepcoder.problems.families.wording import code, say_hint

__all__ = ["FAMILIES"]

_UNITS = (
    ("cups", "spoons"),
    ("coins", "tokens"),
    ("crates", "pallets"),
    ("miles", "leagues"),
    ("pages", "sheets"),
    ("bricks", "blocks"),
)


def unit_convert(rng: Random) -> Sketch:
    """Convert amounts by a ratio with a rounding rule, each alone or all together."""
    a, b = rng.randint(2, 15), rng.randint(2, 15)
    while gcd(a, b) > 1:
        a, b = rng.randint(2, 15), rng.randint(2, 15)
    way, result = rng.choice(("down", "up", "nearest")), rng.choice(("list", "each", "total"))
    fee = rng.choice((0, rng.randint(1, 9)))
    old, new = rng.choice(_UNITS)
    arg = rng.choice(("amounts", "items", "loads", old))
    name = rng.choice((f"to_{new}", f"{old}_to_{new}", "convert", "convert_units"))

    def rounded(x: str, how: str) -> str:
        return {
            "down": f"{x} * {a} // {b}",
            "up": f"-(-{x} * {a} // {b})",
            "nearest": f"({x} * {2 * a} + {b}) // {2 * b}",
        }[how]

    def source(how: str = way, form: str = result, plus: int = fee) -> str:
        extra = f" + {plus}" if plus else ""
        lines = {
            "list": [f"return [{rounded('x', how)}{extra} for x in {arg}]"],
            "each": [f"return sum({rounded('x', how)} for x in {arg}){extra}"],
            "total": [f"x = sum({arg})", f"return {rounded('x', how)}{extra}"],
        }[form]
        return "\n".join([f"def {name}({arg}):", *(f"    {line}" for line in lines)]) + "\n"

    def convert(x: int) -> int:
        whole, rest = divmod(x * a, b)
        if way == "up":
            return whole + (rest > 0)
        return whole + (way == "nearest" and rest * 2 >= b)

    def solve(given: list[int]) -> Any:
        if result == "list":
            return [convert(x) + fee for x in given]
        return fee + (sum(convert(x) for x in given) if result == "each" else convert(sum(given)))

    rule = {
        "down": "round down",
        "up": "round up",
        "nearest": "round to the nearest whole number, halves up",
    }[way]
    job = {
        "list": f"Convert each amount in the list `{arg}`, {rule}",
        "each": f"Convert each amount in the list `{arg}`, {rule}, then add up",
        "total": f"Add up the list `{arg}`, convert the sum, and {rule}",
    }[result]
    plus = ""
    if fee:
        plus = f" Add {fee} to {'every result' if result == 'list' else 'the result'}."
    what = "the list of results" if result == "list" else f"the number of {new}"
    others = [w for w in ("down", "up", "nearest") if w != way]
    second = (
        (source(form="total" if result == "each" else "each"), "Rounds at the wrong moment.")
        if result != "list"
        else (source(rng.choice(others)), f"Does not {rule}.")
    )
    first = (
        (source(plus=0), f"Forgets to add {fee}.")
        if fee and rng.random() < 0.5
        else (source("down" if way != "down" else "up"), f"Does not {rule}.")
    )
    return Sketch(
        params={"ratio": [a, b], "way": way, "result": result, "fee": fee},
        entry_point=name,
        prompt=rng.choice(
            (
                f"{b} {old} make {a} {new}. {job}.{plus} Return {what}.",
                f"Suppose {b} {old} are worth {a} {new}. {job}.{plus} Return {what}.",
                f"With {a} {new} for every {b} {old}: {job[0].lower()}{job[1:]}.{plus} "
                f"Return {what}.",
            )
        ),
        reference=source(),
        solve=solve,
        draw=lambda r: (numbers(r, 0, r.choice((6, 30)), (1, 4)),),
        edges=[([],), ([1, 1],)],
        mistakes=[first, second],
        hint=say_hint(
            rng,
            "Whole-number arithmetic avoids float errors: multiply first, then divide with //.",
            f"x * {a} // {b} rounds down; other rules need a small change to it.",
        ),
    )


def tiered_price(rng: Random) -> Sketch:
    """A price with tiers and a discount or a fee that depends on the total."""
    limit, low, high = rng.randint(3, 20), rng.randint(1, 9), rng.randint(1, 9)
    while low == high:
        high = rng.randint(1, 9)
    some = rng.randint(3, limit + 9)  # a number of units whose total is exactly the bar
    bar = min(some, limit) * low + max(some - limit, 0) * high
    change = rng.randint(2, 9)
    kind = rng.choice(("discount", "fee", "none"))
    arg = rng.choice(("n", "units", "count", "quantity"))
    name = rng.choice(("price", "total_cost", "bill", "ticket_cost", "charge"))

    def source(
        first: str = f"min({arg}, {limit})",
        rest: str = f"max({arg} - {limit}, 0)",
        bound: str = ">=" if kind == "discount" else "<",
    ) -> str:
        sign = "-" if kind == "discount" else "+"
        back = (
            "total"
            if kind == "none"
            else f"total {sign} {change} if total {bound} {bar} else total"
        )
        return code(f"""
            def {name}({arg}):
                total = {first} * {low} + {rest} * {high}
                return {back}
        """)

    def solve(number: int) -> int:
        total = 0
        for position in range(1, number + 1):
            total += high if position > limit else low
        if kind == "discount" and not total < bar:
            total -= change
        if kind == "fee" and not total >= bar:
            total += change
        return total

    def draw(r: Random) -> tuple[int]:
        return (r.randint(0, 2 * limit + 5),)

    last = {
        "discount": f"If the total is {bar} or more, it drops by {change}.",
        "fee": f"If the total is below {bar}, a fee of {change} is added.",
        "none": "",
    }[kind]
    params: dict[str, Any] = {"limit": limit, "prices": [low, high], "kind": kind}
    if kind != "none":
        params |= {"bar": bar, "change": change}
    flipped = ">" if kind == "discount" else "<="
    second = (
        (source(bound=flipped), f"Treats a total of exactly {bar} the wrong way.")
        if kind != "none"
        else (source(rest=f"({arg} - {limit})"), "Goes negative below the limit.")
    )
    return Sketch(
        params=params,
        entry_point=name,
        prompt=rng.choice(
            (
                f"The first {limit} units cost {low} each, every further unit costs {high}. {last} "
                f"Return the cost of `{arg}` units.",
                f"Return what `{arg}` units cost: {low} each up to {limit} units, and {high} for "
                f"each one beyond that. {last}",
                f"A shop sells the first {limit} units at {low} and all later ones at {high} each. "
                f"{last} Work out the price of `{arg}` units.",
            )
        )
        .replace("  ", " ")
        .strip(),
        reference=source(),
        solve=solve,
        draw=draw,
        edges=[(0,), (some,), (some - 1,), (limit + 1,)],
        mistakes=[
            (source(rest=arg), "Charges the second price for all units.")
            if rng.random() < 0.5
            else (
                source(first=str(limit)),
                f"Always charges for {limit} units at the first price.",
            ),
            second,
        ],
        hint=say_hint(
            rng,
            f"min({arg}, {limit}) units cost the first price and the rest the second.",
            "Split the units at the limit with min and max, then look at the total.",
        ),
    )


FAMILIES = (
    Family("unit_convert", "numbers", unit_convert),
    Family("tiered_price", "numbers", tiered_price),
)
