"""Families about characters: cleaning, bracket depth."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.wording import ask, list_words, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]

_MARKS = {"-": "hyphens", "_": "underscores", "*": "stars", ".": "dots", "#": "hash signs"}


_COMMUTE = {
    frozenset((step, other))
    for step, others in {
        "digits": ("swap", "drop", "lower", "turn", "wrap"),
        "drop": ("swap", "lower", "turn"),
        "swap": ("turn", "wrap", "strip", "head", "tail"),
        "lower": ("turn", "wrap", "head", "tail", "strip"),
        "turn": ("strip", "wrap"),
    }.items()
    for other in others
}
"""Pairs of steps whose order does not matter."""


_UNDOING = ({"drop", "strip"}, {"head", "tail"}, {"wrap", "strip"}, {"wrap", "drop"})
"""Pairs of which one may leave the other nothing to do."""


def _canonical(order: list[str]) -> tuple[str, ...]:
    """The first, in the alphabet, of all orders of steps that do the same as `order`."""
    found, fresh = {tuple(order)}, [tuple(order)]
    while fresh:
        steps = fresh.pop()
        for i in range(len(steps) - 1):
            pair = steps[i : i + 2]
            other = (*steps[:i], *pair[::-1], *steps[i + 2 :])
            if frozenset(pair) in _COMMUTE and other not in found:
                found.add(other)
                fresh.append(other)
    return min(found)


def clean_text(rng: Random) -> Sketch:
    """Three cleaning steps in an order that matters."""
    a, b = rng.sample("aeiostrn", 2)
    mark, k = rng.choice(sorted(_MARKS)), rng.randint(2, 6)
    steps: dict[str, tuple[list[Any], str, str, str]] = {
        # key: parameters, words, statement on s, flawed statement
        "swap": (
            [a, b],
            f"replace every {a!r} by {b!r}",
            f's = s.replace("{a}", "{b}")',
            f's = s.replace("{a}", "{b}", 1)',
        ),
        "drop": (
            [mark],
            f"remove all {_MARKS[mark]}",
            f's = s.replace("{mark}", "")',
            f's = s.strip("{mark}")',
        ),
        "strip": (
            [mark],
            f"remove {_MARKS[mark]} at both ends",
            f's = s.strip("{mark}")',
            f's = s.lstrip("{mark}")',
        ),
        "digits": (
            [],
            "remove all digits",
            's = "".join(c for c in s if not c.isdigit())',
            's = s.strip("0123456789")',
        ),
        "head": ([k], f"keep only the first {k} characters", f"s = s[:{k}]", f"s = s[{k}:]"),
        "tail": ([k], f"keep only the last {k} characters", f"s = s[-{k}:]", f"s = s[:-{k}]"),
        "lower": ([], "put everything in lower case", "s = s.lower()", "s = s.upper()"),
        "turn": ([], "reverse the string", "s = s[::-1]", "s = s[1:]"),
        "wrap": ([mark], f"put {mark!r} before and after it", f's = "{mark}" + s + "{mark}"', ""),
    }
    chosen = rng.sample(sorted(steps), 3)
    while any(pair <= set(chosen) for pair in _UNDOING):
        chosen = rng.sample(sorted(steps), 3)
    name = rng.choice(("clean", "tidy", "normalise", "clean_label", "scrub", "make_slug"))

    def source(statements: list[str]) -> str:
        return "\n".join(
            [f"def {name}(s):", *(f"    {x}" for x in statements if x), "    return s\n"]
        )

    def solve(given: str) -> str:
        s = list(given)
        for key in chosen:
            if key == "swap":
                s = [b if c == a else c for c in s]
            elif key == "drop":
                s = [c for c in s if c != mark]
            elif key == "strip":
                while s and s[0] == mark:
                    s.pop(0)
                while s and s[-1] == mark:
                    s.pop()
            elif key == "digits":
                s = [c for c in s if c not in "0123456789"]
            elif key in ("head", "tail"):
                s = [c for i, c in enumerate(s) if (i < k if key == "head" else len(s) - i <= k)]
            elif key == "lower":
                s = [c.lower() for c in s]
            elif key == "turn":
                s.reverse()
            else:
                s = [mark, *s, mark]
        return "".join(s)

    def draw(r: Random) -> tuple[str]:
        letters = a + a.upper() + b + "xkm"
        body = [r.choice((letters, letters, "27", mark)) for _ in range(r.randint(3, 8))]
        text = "".join(r.choice(pool) for pool in body)
        return (r.choice((text, mark + text, text + mark)),)

    right = [steps[key][2] for key in chosen]
    i = rng.randrange(2)
    swapped = [*right]
    swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
    flawed = rng.randrange(3)
    wrong = [steps[key][3] if j == flawed else right[j] for j, key in enumerate(chosen)]
    words = [steps[key][1] for key in chosen]
    first, second, third = words
    prompt = rng.choice(
        (
            f"Clean the string `s` in three steps: {first}, then {second}, and last {third}. "
            "Return the result.",
            f"For a string `s`, in this order, {list_words(words)}. Return what is left.",
            f"Work on `s`, a string: first {first}; after that {second}; finally {third}. "
            "Return the final string.",
        )
    )
    return Sketch(
        params={"steps": [[key, *steps[key][0]] for key in _canonical(chosen)]},
        entry_point=name,
        prompt=prompt,
        reference=source(right),
        solve=solve,
        draw=draw,
        edges=[("",), (mark * 3,)],
        mistakes=[
            (source(swapped), "Does two steps in wrong order."),
            (source(wrong), f"Does not {words[flawed]}."),
        ],
        hint=say_hint(
            rng,
            "One statement per step, each working on the result of the one before.",
            "The order of the steps matters, so apply them one after the other.",
        ),
    )


def bracket_depth(rng: Random) -> Sketch:
    """Follow the depth of brackets and answer about what stands at a depth."""
    opening, closing = rng.choice(("()", "[]", "{}", "<>"))
    result = rng.choice(("deepest", "count", "count", "letters", "letters", "weigh"))
    d, factor = rng.randint(1, 2), rng.randint(2, 9)
    letter = rng.choice("abcde") if result in ("count", "weigh") else ""
    broken = rng.randint(-9, -1)
    arg = rng.choice(("text", "formula", "code", "line"))
    name = {
        "deepest": rng.choice(("max_depth", "deepest_level")),
        "count": rng.choice(("count_at_depth", "count_inside")),
        "letters": rng.choice(("letters_inside", "inner_length")),
        "weigh": rng.choice(("depth_score", "weigh_letters")),
    }[result]
    same = rng.choice(("==", ">="))

    def source(op: str = same, start: int = 0, check: bool = True) -> str:
        lines = [
            f"def {name}({arg}):",
            f"    depth, total = {start}, 0",
            f"    for c in {arg}:",
            f'        if c == "{opening}":',
            "            depth += 1",
        ]
        if result == "deepest":
            lines.append(f"            total = max(total, depth{f' * {factor}'})")
        lines += [
            f'        elif c == "{closing}":',
            "            depth -= 1",
        ]
        if check:
            lines += ["            if depth < 0:", f"                return {broken}"]
        action = {
            "count": (f'c == "{letter}" and depth {op} {d}', "1"),
            "letters": (f"depth {op} {d}", str(factor)),
            "weigh": (f'c == "{letter}"', f"depth * {factor}"),
        }.get(result)
        if action:
            lines += [f"        elif {action[0]}:", f"            total += {action[1]}"]
        end = f"total if depth == 0 else {broken}" if check else "total"
        return "\n".join([*lines, f"    return {end}"]) + "\n"

    def solve(given: str) -> int:
        levels, depth = [], 0
        for char in given:
            depth += {opening: 1, closing: -1}.get(char, 0)
            if depth < 0:
                return broken
            levels.append((char, depth))
        if depth:
            return broken
        if result == "deepest":
            return factor * max([level for _, level in levels], default=0)
        plain = [(char, at) for char, at in levels if char not in (opening, closing)]
        inside = [char for char, at in plain if at == d or (at > d and same == ">=")]
        if result == "count":
            return len([char for char in inside if char == letter])
        if result == "letters":
            return factor * len(inside)
        return sum(factor * at for char, at in plain if char == letter)

    def draw(r: Random) -> tuple[str]:
        out, depth = "", 0
        for _ in range(r.randint(3, 11)):
            step = r.choice("ooocxxx" if depth else "oox")
            depth += {"o": 1, "c": -1}.get(step, 0)
            out += {"o": opening, "c": closing}.get(step) or r.choice((letter or "a", *"abc"))
        out += closing * depth
        return (r.choice((out, out, out, out[:-1], closing + out)),)

    exactly = "at depth exactly" if same == "==" else "at depth at least"
    what = {
        "deepest": f"{factor} times the greatest depth",
        "count": f"how many letters {letter!r} stand {exactly} {d}",
        "letters": f"{factor} times the number of letters {exactly} {d}",
        "weigh": f"the sum of {factor} times the depth over all letters {letter!r}",
    }[result]
    params: dict[str, Any] = {"pair": opening + closing, "result": result, "broken": broken}
    if result in ("count", "letters"):
        params |= {"d": d, "same": same}
    if result != "count":
        params["factor"] = factor
    if letter:
        params["letter"] = letter
    first = (
        (source("==" if same == ">=" else ">="), "Compares the depth the wrong way.")
        if result in ("count", "letters")
        else (source(start=1), "Starts at depth 1, so everything is one too deep.")
    )
    return Sketch(
        params=params,
        entry_point=name,
        prompt=ask(
            rng,
            f"a string `{arg}` of letters and brackets '{opening}{closing}'",
            what,
            rng.choice(
                (
                    f"Depth counts the open brackets. If they do not balance, return {broken}.",
                    f"The depth is the number of brackets open; unbalanced ones give {broken}.",
                )
            ),
        ),
        reference=source(),
        solve=solve,
        draw=draw,
        edges=[("",), (opening,), (closing + opening,)],
        mistakes=[first, (source(check=False), "Does not notice unbalanced brackets.")],
        hint=say_hint(
            rng,
            "Count up at an opening bracket and down at a closing one; below zero is broken.",
            "One counter is enough: it must never go negative and must end at zero.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


FAMILIES = (
    Family("clean_text", "strings", clean_text),
    Family("bracket_depth", "parsing", bracket_depth),
)
