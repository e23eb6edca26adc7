"""Families about first steps: one idea, one line. What the smallest students can learn.

Each body is a single expression with its parameters in it, so that a small model has to read the
task rather than remember an algorithm.
"""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import number_map, number_test, numbers
from deepcoder.problems.families.wording import ask, code, say_hint

__all__ = ["FAMILIES"]

_LETTERS = "abcdefghiklmnoprstuvw"


def _word(rng: Random, low: int = 2, high: int = 9, letters: str = _LETTERS) -> str:
    return "".join(rng.choice(letters) for _ in range(rng.randint(low, high)))


def _one_line(name: str, arg: str, expression: str) -> str:
    return code(f"""
        def {name}({arg}):
            return {expression}
    """)


def linear_formula(rng: Random) -> Sketch:
    """A number through two steps of arithmetic."""
    times, plus = rng.randint(2, 30), rng.randint(1, 40)
    less = rng.random() < 0.5
    first = rng.random() < 0.5  # the sum comes before the product
    arg = rng.choice(("n", "number", "amount", "count"))
    name = rng.choice(("convert", "apply_formula", "scaled", "total", "adjusted", "compute"))
    sign, verb = ("-", "subtract") if less else ("+", "add")
    if first:
        expression, flawed = f"({arg} {sign} {plus}) * {times}", f"{arg} {sign} {plus} * {times}"
        steps = f"{verb} {plus} first, then multiply what you have by {times}"
        mistake = "Forgets the brackets, so the product comes first."
    else:
        expression = f"{arg} * {times} {sign} {plus}"
        flawed = f"{arg} * {times} {'+' if less else '-'} {plus}"
        steps = f"multiply it by {times} first, then {verb} {plus}"
        mistake = f"{'Adds' if less else 'Subtracts'} {plus} instead."

    def solve(value: int) -> int:
        shift = -plus if less else plus
        return times * value + (times * shift if first else shift)

    return Sketch(
        params={"times": times, "plus": plus, "less": less, "first": first},
        entry_point=name,
        prompt=rng.choice(
            (
                f"Take the whole number `{arg}`: {steps}. Return the result.",
                f"Return what becomes of the whole number `{arg}` when you {steps}.",
                ask(
                    rng, f"a whole number `{arg}`", "the result of two steps", f"Do this: {steps}."
                ),
            )
        ),
        reference=_one_line(name, arg, expression),
        solve=solve,
        draw=lambda r: (r.randint(-20, 60),),
        edges=[(0,), (1,)],
        mistakes=[(_one_line(name, arg, flawed), mistake)],
        hint=say_hint(
            rng, f"It is one expression: `{expression}`.", "Mind which step comes first."
        ),
    )


def pick_numbers(rng: Random) -> Sketch:
    """A list filtered by one test, in some order."""
    test = number_test(rng)
    arg = rng.choice(("values", "nums", "numbers", "scores"))
    name = f"{rng.choice(('pick', 'keep', 'select', 'find'))}_{rng.choice(('numbers', 'values'))}"
    order, wrap = rng.choice(
        (
            ("in their order", "{}"),
            ("sorted from small to large", "sorted({})"),
            ("sorted from large to small", "sorted({}, reverse=True)"),
        )
    )

    def source(condition: str) -> str:
        return _one_line(name, arg, wrap.format(f"[x for x in {arg} if {condition}]"))

    def solve(items: list[int]) -> list[int]:
        kept = list(filter(test.call, items))
        if "small to large" in order:
            kept.sort()
        elif "large to small" in order:
            kept.sort(key=lambda value: -value)
        return kept

    return Sketch(
        params={"test": test.key, "order": order},
        entry_point=name,
        prompt=ask(
            rng,
            f"a list `{arg}` of whole numbers",
            f"a list of those that are {test.words}, {order}",
        ),
        reference=source(test.source),
        solve=solve,
        draw=lambda r: (_near(r, test.key),),
        edges=[([],)],
        mistakes=[(source(test.wrong), test.mistake)],
        hint=say_hint(
            rng,
            f"A comprehension with `if {test.source}` keeps them.",
            f"Keep x when `{test.source}`.",
        ),
    )


def count_numbers(rng: Random) -> Sketch:
    """How many numbers pass a test, counted in steps of some weight."""
    test, weight = number_test(rng), rng.randint(1, 9)
    arg = rng.choice(("values", "nums", "readings", "marks"))
    name = f"{rng.choice(('count', 'points', 'tally'))}_{rng.choice(('hits', 'good', 'matching'))}"

    def source(condition: str) -> str:
        return _one_line(name, arg, f"sum({weight} for x in {arg} if {condition})")

    def solve(items: list[int]) -> int:
        return weight * len(list(filter(test.call, items)))

    each = "1 point" if weight == 1 else f"{weight} points"
    return Sketch(
        params={"test": test.key, "weight": weight},
        entry_point=name,
        prompt=ask(
            rng,
            f"a list `{arg}` of whole numbers",
            f"the points in all: every number {test.words} gives {each}",
        ),
        reference=source(test.source),
        solve=solve,
        draw=lambda r: (_near(r, test.key),),
        edges=[([],)],
        mistakes=[(source(test.wrong), test.mistake)],
        hint=say_hint(
            rng,
            f"Sum {weight} for each x with `{test.source}`.",
            f"Go through the list once and add {weight} when `{test.source}`.",
        ),
    )


def map_numbers(rng: Random) -> Sketch:
    """Every number of a list changed the same way, and one number put at an end."""
    change, extra = number_map(rng), rng.randint(0, 60)
    arg = rng.choice(("values", "nums", "prices", "sizes"))
    name = f"{rng.choice(('change', 'convert', 'update'))}_{rng.choice(('all', 'each', 'list'))}"
    front = rng.random() < 0.5

    def source(value: str, at_front: bool) -> str:
        inner = f"[{value} for x in {arg}]"
        return _one_line(name, arg, f"[{extra}] + {inner}" if at_front else f"{inner} + [{extra}]")

    def solve(items: list[int]) -> list[int]:
        changed = list(map(change.call, items))
        changed.insert(0 if front else len(changed), extra)
        return changed

    place = "first" if front else "last"
    return Sketch(
        params={"map": change.key, "extra": extra, "front": front},
        entry_point=name,
        prompt=ask(
            rng,
            f"a list `{arg}` of whole numbers",
            f"a new list in which each number is {change.words} and {extra} is put {place}",
        ),
        reference=source(change.source, front),
        solve=solve,
        draw=lambda r: (numbers(r),),
        edges=[([],)],
        mistakes=[
            (source(change.wrong, front), change.mistake),
            (source(change.source, not front), f"Puts {extra} at the other end."),
        ],
        hint=say_hint(
            rng,
            f"`[{change.source} for x in {arg}]` changes them all.",
            f"Change every x to `{change.source}` and mind where {extra} goes.",
        ),
    )


def cut_text(rng: Random) -> Sketch:
    """A piece of a string between a mark before it and a mark after it."""
    k, before, after = rng.randint(1, 7), _word(rng, 1, 2, "<[(*#+=~"), _word(rng, 1, 2, ">])*!?.~")
    which, piece, flawed = rng.choice(
        (
            (f"the first {k} characters", f"[:{k}]", f"[{k}:]"),
            (f"the last {k} characters", f"[-{k}:]", f"[:-{k}]"),
            (f"everything after the first {k} characters", f"[{k}:]", f"[:{k}]"),
            (f"everything but the last {k} characters", f"[:-{k}]", f"[-{k}:]"),
        )
    )
    if k == 1:
        which = which.replace("1 characters", "character")
    arg = rng.choice(("text", "word", "line", "name"))
    name = rng.choice(("label", "cut_text", "mark_part", "shorten", "tag"))

    def source(part: str) -> str:
        return _one_line(name, arg, f'"{before}" + {arg}{part} + "{after}"')

    def solve(value: str) -> str:
        size = len(value)
        if which.startswith("the first"):
            kept = range(min(k, size))
        elif which.startswith("the last"):
            kept = range(max(size - k, 0), size)
        elif "after" in which:
            kept = range(k, size)
        else:
            kept = range(max(size - k, 0))
        return before + "".join(value[i] for i in kept) + after

    return Sketch(
        params={"k": k, "which": which, "before": before, "after": after},
        entry_point=name,
        prompt=ask(
            rng,
            f"a string `{arg}`",
            f"{which} of it, with {before!r} put before and {after!r} put after",
        ),
        reference=source(piece),
        solve=solve,
        draw=lambda r: (_word(r, 2, 11),),
        edges=[("ab",)],
        mistakes=[
            (source(flawed), "Keeps the part that should go."),
            (_one_line(name, arg, f"{arg}{piece}"), "Leaves out the marks."),
        ],
        hint=say_hint(rng, f"The slice `{arg}{piece}` is the part.", "A slice, and two marks."),
    )


def swap_separator(rng: Random) -> Sketch:
    """Parts of a string joined by another separator, perhaps backwards or sorted."""
    old = rng.choice((",", ";", "|", ":", "/", "+", "-", "_"))
    new = rng.choice([mark + space for mark in "*.#=~&%@!?^$<>" for space in ("", " ")])
    how, wrap, flawed = rng.choice(
        (
            ("in the same order", "{}", "{}[::-1]"),
            ("in reverse order", "{}[::-1]", "{}"),
            ("in alphabetical order", "sorted({})", "{}"),
            ("each part written twice in a row", "[p + p for p in {}]", "{}"),
            ("without the first part", "{}[1:]", "{}[:-1]"),
            ("without the last part", "{}[:-1]", "{}[1:]"),
            ("each part in upper case", "[p.upper() for p in {}]", "{}"),
            ("each part without its first letter", "[p[1:] for p in {}]", "{}"),
        )
    )
    arg = rng.choice(("text", "line", "record", "path"))
    name = rng.choice(("rejoin", "change_separator", "rewrite", "reformat"))

    def source(form: str) -> str:
        parts = form.format(f'{arg}.split("{old}")')
        return _one_line(name, arg, f'"{new}".join({parts})')

    def solve(value: str) -> str:
        parts, part = [], ""
        for character in value + old:
            if character == old:
                parts.append(part)
                part = ""
            else:
                part += character
        if how == "in reverse order":
            parts.reverse()
        elif how == "in alphabetical order":
            parts.sort()
        elif "twice" in how:
            parts = [part * 2 for part in parts]
        elif "first part" in how:
            del parts[0]
        elif "last part" in how:
            parts.pop()
        elif "upper" in how:
            parts = list(map(str.upper, parts))
        elif "first letter" in how:
            parts = ["".join(list(part)[1:]) for part in parts]
        return new.join(parts)

    return Sketch(
        params={"old": old, "new": new, "how": how},
        entry_point=name,
        prompt=ask(
            rng,
            f"a string `{arg}` of parts separated by {old!r}",
            f"the parts joined by {new!r} instead, {how}",
        ),
        reference=source(wrap),
        solve=solve,
        draw=lambda r: (old.join(_word(r, 1, 4) for _ in range(r.randint(1, 4))),),
        mistakes=[(source(flawed), "Does not put the parts as asked.")],
        hint=say_hint(rng, "Split at the old separator, then join with the new one."),
    )


def count_letters(rng: Random) -> Sketch:
    """Occurrences of two letters, weighted."""
    a, b = rng.sample("aeiorstln", 2)
    x, y = rng.randint(1, 9), rng.randint(1, 9)
    minus = rng.random() < 0.3
    arg = rng.choice(("text", "word", "line", "phrase"))
    name = rng.choice(("letter_score", "rate_text", "letter_points", "weigh"))
    sign = "-" if minus else "+"

    def term(letter: str, weight: int) -> str:
        return f'{arg}.count("{letter}")' + (f" * {weight}" if weight > 1 else "")

    def solve(value: str) -> int:
        total = 0
        for letter in value:
            total += x * (letter == a) + (-y if minus else y) * (letter == b)
        return total

    other = f'{arg}.count("{b}")' if y > 1 else f'{arg}.count("{b}") * 2'
    verb = "costs" if minus else "gives"
    return Sketch(
        params={"a": a, "b": b, "x": x, "y": y, "minus": minus},
        entry_point=name,
        prompt=ask(
            rng,
            f"a string `{arg}`",
            f"its score: each {a!r} gives {x}, each {b!r} {verb} {y}, all else nothing",
        ),
        reference=_one_line(name, arg, f"{term(a, x)} {sign} {term(b, y)}"),
        solve=solve,
        draw=lambda r: (_word(r, 1, 9, f"{a}{b}{a}{b}xyz"),),
        edges=[("",), (a,), (b,)],
        mistakes=[
            (_one_line(name, arg, term(a, x)), f"Forgets {b!r}."),
            (_one_line(name, arg, f"{term(a, x)} {sign} {other}"), f"Weighs {b!r} wrongly."),
        ],
        hint=say_hint(rng, "str.count counts one letter at a time.", "Count each letter apart."),
    )


def choose_by_size(rng: Random) -> Sketch:
    """One of two answers, by a test of a number."""
    test = number_test(rng, 3, 40)
    yes, no = rng.sample(
        ("yes", "no", "big", "small", "red", "green", "ok", "bad", "left", "right", "in", "out"), 2
    )
    arg = rng.choice(("n", "value", "level", "age"))
    name = rng.choice(("classify", "answer", "choose", "rate", "sort_out"))

    def source(condition: str) -> str:
        return _one_line(name, arg, f'"{yes}" if {condition.replace("x", arg)} else "{no}"')

    def solve(value: int) -> str:
        return {True: yes, False: no}[bool(test.call(value))]

    return Sketch(
        params={"test": test.key, "yes": yes, "no": no},
        entry_point=name,
        prompt=ask(
            rng,
            f"a whole number `{arg}`",
            f"the string {yes!r} if the number is {test.words}, and {no!r} if it is not",
        ),
        reference=source(test.source),
        solve=solve,
        draw=lambda r: (_near(r, test.key)[0],),
        edges=[(0,), *((k,) for k in test.key[1:] if isinstance(k, int))],
        mistakes=[(source(test.wrong), test.mistake)],
        hint=say_hint(
            rng,
            "A conditional expression says it in one line.",
            "Test the number once; mind the border.",
            "Two answers, one test.",
            "Ask whether the condition holds and answer with one of two strings.",
        ),
    )


def _near(rng: Random, key: tuple[Any, ...]) -> list[int]:
    """Numbers, the first of which often hits the border of a test."""
    drawn = numbers(rng)
    bounds = [k for k in key[1:] if isinstance(k, int)]
    if bounds and rng.random() < 0.6:
        drawn[0] = rng.choice(bounds) + rng.choice((-1, 0, 0, 1))
    return drawn


_SHARE = 4  # a small student learns most from what it can nearly do

FAMILIES = tuple(
    Family(sketch.__name__, topic, sketch, share=_SHARE)
    for topic, sketch in (
        ("numbers", linear_formula),
        ("lists", pick_numbers),
        ("lists", count_numbers),
        ("lists", map_numbers),
        ("strings", cut_text),
        ("strings", swap_separator),
        ("strings", count_letters),
        ("numbers", choose_by_size),
    )
)
