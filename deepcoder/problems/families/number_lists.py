"""Families about numbers: filter and aggregate, digits, sliding windows, recurrences."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import number_map, number_test, numbers
from deepcoder.problems.families.wording import ask, code, ordinal, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]


def filter_aggregate(rng: Random) -> Sketch:
    """Keep the numbers that pass a test, map each, combine them."""
    test, change = number_test(rng), number_map(rng)
    how = rng.choice(("sum", "max", "min", "distinct"))
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
    k = rng.randint(2, 7)
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


def sliding_window(rng: Random) -> Sketch:
    """A statistic of every window of fixed length, then one answer about all windows."""
    size, step = rng.randint(2, 5), rng.choice((1, 1, 2, 3))
    stat = rng.choice(("sum", "max", "min", "range"))
    result = rng.choice(("list", "best", "count", "first"))
    bar = rng.randint(4, 40) if result in ("count", "first") else 0
    arg = rng.choice(("values", "readings", "samples", "xs"))
    name = {
        "list": f"window_{stat}s",
        "best": f"best_window_{stat}",
        "count": rng.choice(("count_windows", "busy_windows", "windows_over")),
        "first": rng.choice(("first_window", "find_window", "window_start")),
    }[result]
    expr = {"sum": "sum(w)", "max": "max(w)", "min": "min(w)", "range": "max(w) - min(w)"}[stat]
    noun = {
        "sum": "sum",
        "max": "largest value",
        "min": "smallest value",
        "range": "difference between largest and smallest value",
    }[stat]
    stepping = "consecutive values" if step == 1 else f"values, starting at every {step} positions"
    if step > 1:
        stepping = f"values that start at positions 0, {step}, {2 * step} and so on"
    answer = {
        "list": f"the list of the {noun}s of all windows",
        "best": f"the greatest of the {noun}s of the windows, or 0 without a window",
        "count": f"how many windows have a {noun} of at least {bar}",
        "first": f"the start position of the first window whose {noun} is at least {bar}, or -1",
    }[result]
    if stat == "range" and result == "list":
        answer = "the list of the differences between largest and smallest value of each window"

    def source(stop: str, pace: str, over: str) -> str:
        head = f"""
            def {name}({arg}):
                starts = range(0, {stop}{pace})
                stats = [{expr} for w in ({arg}[i:i + {size}] for i in starts)]
        """
        tail = {
            "list": "return stats",
            "best": "return max(stats, default=0)",
            "count": f"return sum(s {over} {bar} for s in stats)",
            "first": f"return next((i for i, s in zip(starts, stats) if s {over} {bar}), -1)",
        }[result]
        return code(head) + f"    {tail}\n"

    stop, pace = f"len({arg}) - {size - 1}", f", {step}" if step > 1 else ""

    def solve(seq: list[int]) -> Any:
        found: list[tuple[int, int]] = []
        start = 0
        while start + size <= len(seq):
            ordered = sorted(seq[start : start + size])
            value = {
                "sum": sum(ordered),
                "max": ordered[-1],
                "min": ordered[0],
                "range": ordered[-1] - ordered[0],
            }[stat]
            found.append((start, value))
            start += step
        if result == "list":
            return [value for _, value in found]
        if result == "best":
            return sorted(value for _, value in found)[-1] if found else 0
        high = [start for start, value in found if value >= bar]
        return len(high) if result == "count" else (high[0] if high else -1)

    mistakes = [
        (
            source(f"len({arg}) - {size}", pace, ">="),
            "Stops one start too early and misses the last window.",
        )
    ]
    if result in ("count", "first"):
        mistakes.append((source(stop, pace, ">"), f"Misses windows that reach exactly {bar}."))
    elif step > 1:
        mistakes.append((source(stop, "", ">="), "Moves the window by one position only."))
    return Sketch(
        params={"size": size, "step": step, "stat": stat, "result": result, "bar": bar},
        entry_point=name,
        prompt=ask(
            rng,
            rng.choice((f"a list of numbers `{arg}`", f"whole numbers in a list `{arg}`")),
            answer,
            f"A window is {size} {stepping}.",
        ),
        reference=source(stop, pace, ">="),
        solve=solve,
        draw=lambda r: (
            numbers(r, 0, r.choice((4, max(3, bar // size + 2), 15)), (size, size + 5)),
        ),
        edges=[([],), ([bar or 7] * size,), ([bar or 3] * (size - 1),)],
        mistakes=mistakes,
        hint=say_hint(
            rng,
            f"The last window starts at len({arg}) - {size}, so the range must include it.",
            f"Slice `{arg}[i:i + {size}]` for every start position and take the statistic.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


def recurrence(rng: Random) -> Sketch:
    """A linear recurrence of order two, reduced modulo m."""
    a, b, c = rng.randint(1, 4), rng.randint(1, 4), rng.randint(0, 5)
    first, second = rng.randint(0, 6), rng.randint(1, 9)
    modulus = rng.choice((None, rng.randint(7, 100)))
    result = rng.choice(("term", "terms", "total"))
    name = {
        "term": rng.choice(("nth_term", "term_at", "sequence_value")),
        "terms": rng.choice(("first_terms", "build_sequence", "make_terms")),
        "total": rng.choice(("sum_of_terms", "sequence_total", "add_terms")),
    }[result]
    lead = "" if a == 1 else f"{a} * "
    next_ = f"{lead}y + {'' if b == 1 else f'{b} * '}x" + (f" + {c}" if c else "")
    swapped = f"{'' if b == 1 else f'{b} * '}y + {lead}x" + (f" + {c}" if c else "")

    def source(expr: str, limit: str = "range(n)") -> str:
        step = f"({expr}) % {modulus}" if modulus else expr
        start = f"x, y = {first}, {second}"
        if result == "term":
            return code(f"""
                def {name}(n):
                    {start}
                    for _ in {limit}:
                        x, y = y, {step}
                    return x
            """)
        init, keep = ("terms = []", "terms.append(x)")
        if result == "total":
            init, keep = ("terms = 0", "terms += x")
        return code(f"""
            def {name}(n):
                {start}
                {init}
                for _ in {limit}:
                    {keep}
                    x, y = y, {step}
                return terms
        """)

    def solve(n: int) -> Any:
        row = [first, second]
        while len(row) <= n:
            value = a * row[-1] + b * row[-2] + c
            row.append(value % modulus if modulus else value)
        if result == "term":
            return row[n]
        return row[:n] if result == "terms" else sum(row[:n])

    def times(k: int, what: str) -> str:
        return what if k == 1 else f"{k} times {what}"

    rule = f"{times(a, 'the last term')} plus {times(b, 'the one before it')}"
    rule += f" plus {c}" if c else ""
    rule += f", modulo {modulus}" if modulus else ""
    what = {
        "term": "the term with index `n`, counted from 0",
        "terms": "the list of the first `n` terms",
        "total": "the sum of the first `n` terms",
    }[result]
    fewer = "range(n - 1)" if result != "term" else "range(n + 1)"
    return Sketch(
        params={"rule": [a, b, c], "start": [first, second], "mod": modulus, "result": result},
        entry_point=name,
        prompt=rng.choice(
            (
                f"A sequence starts {first}, {second}; each later term is {rule}. Return {what}.",
                f"Return {what} of this sequence: it begins with {first} and {second}, "
                f"and every next term is {rule}.",
                f"Let the {ordinal(1)} two terms be {first} and {second}".replace("1st", "first")
                + f". Every term after that equals {rule}. Compute and return {what}.",
            )
        ),
        reference=source(next_),
        solve=solve,
        draw=lambda r: (r.randint(0, 12),),
        edges=[(0,), (1,)],
        mistakes=[
            (source(next_, fewer), "The loop runs the wrong number of times, off by one."),
            (source(swapped), "The two factors are swapped.")
            if a != b
            else (source(next_.replace("y", "x", 1)), "Uses the older term twice."),
        ],
        hint=say_hint(
            rng,
            "Keep the two latest terms in x and y and move both forward together.",
            "Two variables are enough; assign them in one statement so that neither is lost.",
        ),
    )


FAMILIES = (
    Family("filter_aggregate", "numbers", filter_aggregate),
    Family("digit_work", "numbers", digit_work),
    Family("sliding_window", "lists", sliding_window),
    Family("recurrence", "numbers", recurrence),
)
