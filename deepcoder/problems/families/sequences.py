"""Families about lists: chunks and rotations, neighbours."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import numbers
from deepcoder.problems.families.wording import ask, code, plural, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]

_CHUNK_OPS: dict[str, tuple[str, str]] = {
    "reverse": ("reversed", "c[::-1]"),
    "sort": ("sorted", "sorted(c)"),
    "down": ("sorted in descending order", "sorted(c, reverse=True)"),
    "sum": ("replaced by its sum", "sum(c)"),
    "max": ("replaced by its largest value", "max(c)"),
    "last": ("replaced by its last value", "c[-1]"),
    "range": ("replaced by its largest minus its smallest value", "max(c) - min(c)"),
}


def chunk_rotate(rng: Random) -> Sketch:
    """Rotate a list, cut it into chunks, treat each chunk."""
    size, turn = rng.randint(2, 5), rng.choice((-3, -2, -1, 0, 1, 2, 3))
    op = rng.choice(sorted(_CHUNK_OPS))
    rest = rng.choice(("keep", "drop", "pad"))
    pad = rng.randint(0, 20) if rest == "pad" else 0
    order = rng.choice(("same", "reversed"))
    arg = rng.choice(("items", "values", "xs", "row"))
    name = rng.choice(("chunk", "split_up", "make_chunks", "regroup", "in_groups"))
    words, expr = _CHUNK_OPS[op]

    def source(by: int, value: str, tail: str = rest, flip: bool = order == "reversed") -> str:
        lines = [f"def {name}({arg}):"]
        if by:
            lines.append(f"    {arg} = {arg}[{by}:] + {arg}[:{by}]")
        if tail == "pad":
            lines.append(f"    {arg} = {arg} + [{pad}] * (-len({arg}) % {size})")
        stop = f"len({arg}) - {size - 1}" if tail == "drop" else f"len({arg})"
        lines += [
            f"    chunks = [{arg}[i:i + {size}] for i in range(0, {stop}, {size})]",
            f"    return [{value} for c in {'reversed(chunks)' if flip else 'chunks'}]",
        ]
        return "\n".join(lines) + "\n"

    def solve(given: list[int]) -> list[Any]:
        queue = list(given)
        for _ in range(abs(turn) if queue else 0):
            if turn > 0:
                queue.append(queue.pop(0))
            else:
                queue.insert(0, queue.pop())
        chunks: list[list[int]] = []
        while queue:
            chunk, queue = queue[:size], queue[size:]
            while rest == "pad" and len(chunk) < size:
                chunk.append(pad)
            if rest != "drop" or len(chunk) == size:
                chunks.append(chunk)
        if order == "reversed":
            chunks.reverse()
        out: list[Any] = []
        for chunk in chunks:
            ordered = sorted(chunk)
            out.append(
                {
                    "reverse": [chunk[-1 - i] for i in range(len(chunk))],
                    "sort": ordered,
                    "down": ordered[::-1],
                    "sum": sum(ordered),
                    "max": ordered[-1],
                    "last": chunk[len(chunk) - 1],
                    "range": ordered[-1] - ordered[0],
                }[op]
            )
        return out

    side = "left" if turn > 0 else "right"
    move = f"Rotate `{arg}` {side} by {turn if turn > 0 else -turn}, then cut it"
    move = move if turn else f"Cut `{arg}`"
    leftover = {
        "keep": "A shorter last chunk stays.",
        "drop": "An incomplete last chunk is dropped.",
        "pad": f"An incomplete last chunk is filled up with {pad}.",
    }[rest]
    last = "Return the chunks in order." if order == "same" else "Return the chunks last to first."
    wrong_rest = {"keep": "drop", "drop": "keep", "pad": "keep"}[rest]
    flaw = {
        "keep": "Loses a shorter last chunk.",
        "drop": "Keeps an incomplete last chunk.",
        "pad": f"Does not fill the last chunk up with {pad}.",
    }[rest]
    second = (
        (source(-turn, expr), "Rotates in the wrong direction.")
        if turn
        else (source(turn, expr, rest, order == "same"), "Gives the chunks in the wrong order.")
    )
    return Sketch(
        params={"size": size, "turn": turn, "op": op, "rest": rest, "pad": pad, "order": order},
        entry_point=name,
        prompt=rng.choice(
            (
                f"{move} into chunks of {size}. {leftover} Each chunk is {words}. {last}",
                f"Given a list `{arg}`: {move[0].lower()}{move[1:]} into chunks of {size}, where "
                f"each chunk is {words}. {leftover} {last}",
            )
        ),
        reference=source(turn, expr),
        solve=solve,
        draw=lambda r: (numbers(r, 0, 30, (4, max(8, 2 * size + 1))),),
        edges=[([],)],
        mistakes=[(source(turn, expr, wrong_rest), flaw), second],
        hint=say_hint(
            rng,
            f"range(0, len({arg}), {size}) gives the start of every chunk.",
            "Do the steps in the order given: a rotation is two slices joined the other way.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


def neighbours(rng: Random) -> Sketch:
    """Compare each value with the one a fixed distance on."""
    lag, circular = rng.choice((1, 1, 2, 3)), rng.random() < 0.4
    kind = rng.choice(("rise", "close", "far", "rest"))
    d, m = rng.randint(1, 15), rng.randint(3, 12)
    r0 = rng.randrange(m)
    result = rng.choice(("count", "positions", "total"))
    arg = rng.choice(("values", "heights", "prices", "temps", "levels"))
    name = {
        "count": rng.choice(("count_pairs", "pairs_found", "how_many_pairs")),
        "positions": rng.choice(("pair_positions", "find_pairs", "where_pairs")),
        "total": rng.choice(("sum_pairs", "pair_total", "total_of_pairs")),
    }[result]
    test, wrong, flaw, words = {
        "rise": (
            f"b - a >= {d}",
            f"b - a > {d}",
            f"Misses a rise of exactly {d}.",
            f"b is at least {d} greater than a",
        ),
        "close": (
            f"abs(a - b) <= {d}",
            f"abs(a - b) < {d}",
            f"Misses a difference of exactly {d}.",
            f"a and b differ by at most {d}",
        ),
        "far": (
            f"abs(a - b) > {d}",
            f"abs(a - b) >= {d}",
            f"Also takes a difference of exactly {d}.",
            f"a and b differ by more than {d}",
        ),
        "rest": (
            f"(a + b) % {m} == {r0}",
            f"a % {m} + b % {m} == {r0}",
            "Adds the remainders instead of taking the remainder of the sum.",
            f"a + b leaves remainder {r0} modulo {m}",
        ),
    }[kind]

    def source(condition: str, step: int = lag, around: bool = circular) -> str:
        other = f"{arg}[{step}:]" + (f" + {arg}[:{step}]" if around else "")
        pairs = f"zip({arg}, {other})"
        back = {
            "count": f"sum(1 for a, b in {pairs} if {condition})",
            "positions": f"[i for i, (a, b) in enumerate({pairs}) if {condition}]",
            "total": f"sum(a + b for a, b in {pairs} if {condition})",
        }[result]
        return code(f"""
            def {name}({arg}):
                return {back}
        """)

    def solve(seq: list[int]) -> Any:
        found = []
        for i in range(len(seq)):
            j = i + lag
            if j >= len(seq):
                if not circular or j - len(seq) >= len(seq):
                    continue
                j -= len(seq)
            a, b = seq[i], seq[j]
            gap = a - b if a > b else b - a
            holds = {
                "rise": b >= a + d,
                "close": not gap > d,
                "far": not gap <= d,
                "rest": (a + b - r0) % m == 0,
            }[kind]
            if holds:
                found.append((i, a + b))
        if result == "count":
            return len(found)
        return [i for i, _ in found] if result == "positions" else sum(t for _, t in found)

    def draw(r: Random) -> tuple[list[int]]:
        seq = numbers(r, 0, 30, (lag + 1, lag + 5))
        i = r.randrange(len(seq) - lag)
        if r.random() < 0.6:
            seq[i + lag] = r0 + m - seq[i] % m if kind == "rest" else seq[i] + d
        return (seq,)

    where = "the next value b" if lag == 1 else f"the value b {lag} places later"
    ends = "After the last value comes the first again." if circular else "b must exist."
    what = {
        "count": "how many pairs there are such that",
        "positions": "the positions of a in all pairs such that",
        "total": "the sum of a + b over all pairs such that",
    }[result]
    key = [kind, m, r0] if kind == "rest" else [kind, d]
    second = (
        (source(test, lag, not circular), "Ignores the pairs that wrap around the end.")
        if circular
        else (source(test, lag, True), "Lets the list wrap around, which was not asked.")
    )
    if lag > 1 and rng.random() < 0.5:
        second = (source(test, 1), f"Compares with the next value, not {lag} places on.")
    return Sketch(
        params={"lag": lag, "circular": circular, "test": key, "result": result},
        entry_point=name,
        prompt=ask(
            rng,
            rng.choice((f"a list `{arg}` of whole numbers", f"numbers in a list `{arg}`")),
            f"{what} {words}",
            f"A pair is a value a and {where}. {ends}",
        ),
        reference=source(test),
        solve=solve,
        draw=draw,
        edges=[([],)],
        mistakes=[(source(wrong), flaw), second],
        hint=say_hint(
            rng,
            f"zip({arg}, {arg}[{lag}:]) pairs each value with the one {plural(lag, 'place')} on.",
            "Pair the list with a shifted copy of itself and test every pair.",
        ),
    )


FAMILIES = (
    Family("chunk_rotate", "lists", chunk_rotate),
    Family("neighbours", "lists", neighbours),
)
