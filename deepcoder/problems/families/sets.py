"""Families that compare many values at once: sets, and ranks with ties."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import MERGING, number_map
from deepcoder.problems.families.wording import ask, code, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]

_SET_OPS: dict[str, tuple[str, str, str]] = {
    "both": ("occur in both", "left & right", "left | right"),
    "any": ("occur in either", "left | right", "left & right"),
    "first": ("occur only in the first", "left - right", "right - left"),
    "one": ("occur in exactly one of them", "left ^ right", "left | right"),
}


def set_rules(rng: Random) -> Sketch:
    """Map the values of two lists, compare them as sets, keep the large results."""
    result, op = rng.choice(("sorted", "down", "count", "sum")), rng.choice(sorted(_SET_OPS))
    kinds = MERGING if result == "count" else (*MERGING, "plus", "minus")
    change = number_map(rng, kinds, 20)
    bar = change.call(rng.randint(1, 16))
    a, b = rng.choice((("a", "b"), ("xs", "ys"), ("first", "second"), ("old", "new")))
    name = rng.choice(("compare", "set_report", "shared_values", "diff_lists", "match_up"))
    words, expr, wrong_expr = _SET_OPS[op]

    def source(value: str, joint: str, bound: str = ">=") -> str:
        kept = f"for v in {joint} if v {bound} {bar}"
        back = {
            "sorted": f"sorted(v {kept})",
            "down": f"sorted((v {kept}), reverse=True)",
            "count": f"sum(1 {kept})",
            "sum": f"sum(v {kept})",
        }[result]
        return code(f"""
            def {name}({a}, {b}):
                left = {{{value} for x in {a}}}
                right = {{{value} for x in {b}}}
                return {back}
        """)

    def solve(one: list[int], two: list[int]) -> Any:
        left = [change.call(x) for x in one]
        right = [change.call(x) for x in two]
        found = []
        for v in range(min([0, *left, *right]), max([0, *left, *right]) + 1):
            places = (v in left, v in right)
            wanted = {
                "both": all(places),
                "any": any(places),
                "first": places == (True, False),
                "one": sum(places) == 1,
            }[op]
            if wanted and not v < bar:
                found.append(v)
        if result == "down":
            found.reverse()
        return {"count": len(found), "sum": sum(found)}.get(result, found)

    def draw(r: Random) -> tuple[list[int], list[int]]:
        near = [x for x in range(30) if abs(change.call(x) - bar) < 2]
        one = [r.choice((r.choice(near), r.randint(0, 25))) for _ in range(r.randint(2, 4))]
        two = [r.choice((*one, r.choice(near), r.randint(0, 25))) for _ in range(r.randint(2, 4))]
        return one, two

    what = {
        "sorted": "the sorted list of different results",
        "down": "the list of different results in descending order",
        "count": "the number of different results",
        "sum": "the sum of the different results",
    }[result]
    return Sketch(
        params={"map": change.key, "op": op, "result": result, "bar": bar},
        entry_point=name,
        prompt=ask(
            rng,
            f"two lists of whole numbers, `{a}` and `{b}`",
            f"{what} that {words} and are at least {bar}",
            rng.choice(
                (
                    f"Before comparing, each number is {change.words}.",
                    f"Each number is first {change.words}.",
                )
            ),
        ),
        reference=source(change.source, expr),
        solve=solve,
        draw=draw,
        edges=[([], [])],
        mistakes=[
            (source("x", expr), "Compares the numbers as they are.")
            if rng.random() < 0.5
            else (source(change.source, expr, ">"), f"Leaves out results equal to {bar}."),
            (source(change.source, wrong_expr), f"Uses `{wrong_expr}` for `{expr}`."),
        ],
        hint=say_hint(
            rng,
            f"Build two sets of mapped numbers; `{expr}` is the comparison.",
            "Sets remove repeats and offer &, |, - and ^.",
        ),
    )


def rank_ties(rng: Random) -> Sketch:
    """Ranks with a rule for ties, on mapped scores."""
    change = number_map(rng, MERGING, 20)
    rule = rng.choice(("low", "high", "dense"))
    best, start = rng.choice(("largest", "smallest")), rng.choice((1, 0))
    result, top = rng.choice(("list", "count", "count")), 0
    if result == "count":
        top = start + rng.randint(0, 2)
    arg = rng.choice(("scores", "points", "results", "values"))
    name = {
        "list": rng.choice(("ranks", "rank_all", "placements")),
        "count": rng.choice(("top_count", "count_top", "podium_size")),
    }[result]
    op = ">" if best == "largest" else "<"

    def source(value: str, tie: str, sign: str = op) -> str:
        rank = {
            "low": f"sum(o {sign} k for o in keys) + {start}",
            "high": f"sum(o {sign}= k for o in keys) + {start - 1}",
            "dense": f"len({{o for o in keys if o {sign} k}}) + {start}",
        }[tie].replace(" + 0", "")
        rank = rank.replace("+ -1", "- 1")
        head = f"""
            def {name}({arg}):
                keys = [{value} for x in {arg}]
                found = [{rank} for k in keys]
        """
        back = {"list": "found", "count": f"sum(r <= {top} for r in found)"}
        return code(head) + f"    return {back[result]}\n"

    def solve(given: list[int]) -> Any:
        keys = [change.call(x) for x in given]
        ordered = sorted(keys, reverse=best == "largest")
        steps = list(dict.fromkeys(ordered))
        ranks = []
        for key in keys:
            place = {
                "low": ordered.index(key),
                "high": len(ordered) - 1 - ordered[::-1].index(key),
                "dense": steps.index(key),
            }[rule]
            ranks.append(place + start)
        return ranks if result == "list" else len([r for r in ranks if r <= top])

    def draw(r: Random) -> tuple[list[int]]:
        pool = [r.randint(0, 30) for _ in range(3)]
        k = change.key[1]
        near = (k, k + 1, max(0, k - 1), 2 * k)
        return ([r.choice((*pool, *near, r.randint(0, 30))) for _ in range(r.randint(4, 6))],)

    ties = {
        "low": "Equal ones share the better rank and leave a gap after it",
        "high": "Equal ones share the worse of their ranks",
        "dense": "Equal ones share a rank and no rank is left out",
    }[rule]
    what = {
        "list": "the list of ranks in the given order",
        "count": f"how many have a rank of {top} or better",
    }[result]
    wrong_tie = {"low": "dense", "high": "low", "dense": "low"}[rule]
    flaw = {
        "low": "Leaves no gap after a tie.",
        "high": "Gives tied scores the better rank.",
        "dense": "Leaves gaps after ties.",
    }[rule]
    return Sketch(
        params={
            "map": change.key,
            "rule": rule,
            "best": best,
            # how many ranks count is all that matters when they are counted
            "start": start if result == "list" else 0,
            "result": result,
            "top": top - start if result == "count" else 0,
        },
        entry_point=name,
        prompt=rng.choice(
            (
                f"Rank the numbers in `{arg}` after each is {change.words}; the {best} gets rank "
                f"{start}. {ties}. Return {what}.",
                f"Each number in `{arg}` is {change.words}, then ranked: rank {start} goes to the "
                f"{best}. {ties}. Return {what}.",
            )
        ),
        reference=source(change.source, rule),
        solve=solve,
        draw=draw,
        edges=[([],), ([4, 4],)],
        mistakes=[
            (source(change.source, wrong_tie), flaw),
            (source(change.source, rule, "<" if op == ">" else ">"), "Ranks from the wrong end.")
            if rng.random() < 0.5
            else (source(change.wrong, rule), change.mistake),
        ],
        hint=say_hint(
            rng,
            "A rank is a count of the keys that come before it.",
            "For every key count how many others are better; ties decide how to count.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


FAMILIES = (
    Family("set_rules", "lists", set_rules),
    Family("rank_ties", "lists", rank_ties),
)
