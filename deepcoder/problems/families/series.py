"""Families about series of numbers: sliding windows, recurrences."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import numbers
from deepcoder.problems.families.wording import ask, code, ordinal, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]


def sliding_window(rng: Random) -> Sketch:
    """A statistic of every window of fixed length, then one answer about all windows."""
    size, step = rng.randint(2, 5), rng.choice((1, 1, 2, 3))
    stat = rng.choice(("sum", "max", "min", "range"))
    result = rng.choice(("list", "best", "count", "first"))
    if result == "best" and stat in ("max", "min"):  # hardly depends on the windows
        stat = rng.choice(("sum", "range"))
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

    top = bar + 2 if stat in ("max", "range") else bar // size * 2 if stat == "sum" else bar + 9
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
            numbers(r, 0, r.choice((4, max(3, top), max(3, top), 15)), (size, size + 2 * step + 3)),
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
    Family("sliding_window", "lists", sliding_window),
    Family("recurrence", "numbers", recurrence),
)
