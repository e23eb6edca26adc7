"""Families about records: sorting by two keys, parsing `key=value` text."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.wording import ask, code, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]

_NAMES = ("Ada", "Bo", "Cy", "Dan", "Eve", "Flo", "Gus", "Hal", "Ida", "Jo", "Kim", "Lea")
_KEYS = ("a", "b", "x", "y", "id", "up")


def sort_records(rng: Random) -> Sketch:
    """Filter records, sort them by two keys, return the first names."""
    bar, top = rng.randint(1, 15), rng.choice((None, 2, 3))
    kind, k = rng.choice(("plain", "near", "rest")), rng.randint(3, 20)
    down, name_down = rng.random() < 0.5, rng.random() < 0.3
    low = rng.random() < 0.5
    who, what, also = rng.choice(
        (
            ("name", "score", "age"),
            ("player", "points", "level"),
            ("item", "price", "stock"),
            ("town", "height", "size"),
        )
    )
    arg = rng.choice(("rows", "records", "table", "entries"))
    name = rng.choice(("top_names", "ordered", "ranking", "pick_names", f"sort_{who}s"))
    key = {"plain": "r[1]", "near": f"abs(r[1] - {k})", "rest": f"r[1] % {k}"}[kind]

    def source(test: str, value: str, ties: bool = True, count: int | None = top) -> str:
        second = ", r[0]" if ties else ""
        signed = value
        if down:  # minus binds tighter than %
            signed = f"-({value})" if "%" in value else f"-{value}"
        lines = [f"def {name}({arg}):", f"    kept = [r for r in {arg} if r[2] {test} {bar}]"]
        if name_down and ties:
            lines.append("    kept.sort(key=lambda r: r[0], reverse=True)")
            second = ""
        cut = f"[:{count}]" if count else ""
        sort_key = f"({signed}{second})" if second else signed
        lines += [
            f"    kept.sort(key=lambda r: {sort_key})",
            f"    return [r[0] for r in kept{cut}]",
        ]
        return "\n".join(lines) + "\n"

    good, off = (">=", ">") if low else ("<=", "<")

    def solve(rows: list[list[Any]]) -> list[str]:
        waiting = [r for r in rows if not (r[2] < bar if low else r[2] > bar)]
        out: list[str] = []
        while waiting and len(out) < (top or len(rows)):
            values = {
                r[0]: {
                    "plain": r[1],
                    "near": k - r[1] if r[1] < k else r[1] - k,
                    "rest": r[1] - r[1] // k * k,
                }[kind]
                for r in waiting
            }
            lead = max(values.values()) if down else min(values.values())
            tied = sorted(n for n, v in values.items() if v == lead)
            out.append(tied[-1 if name_down else 0])
            waiting = [r for r in waiting if r[0] != out[-1]]
        return out

    def draw(r: Random) -> tuple[list[list[Any]]]:
        people = r.sample(_NAMES, r.randint(2, 5))
        pool = (r.randint(0, 25), k, r.randint(0, 25))
        if kind == "near":
            pool = (k + 2, k - 2, r.randint(0, 25))
        elif kind == "rest":
            pool = (k, 2 * k, r.randint(0, 25))
        other = (bar, r.randint(0, 20), bar + 1 if low else bar - 1)
        return ([[p, r.choice(pool), r.choice(other)] for p in people],)

    order = {"plain": what, "near": f"distance of {what} to {k}", "rest": f"{what} modulo {k}"}
    how = "descending" if down else "ascending"
    tie = "reverse alphabetical" if name_down else "alphabetical"
    cut = f"the first {top} of the {who}s" if top else f"the {who}s in order"
    bound = "at least" if low else "at most"
    return Sketch(
        params={
            "bar": [bound, bar],
            "key": [kind, k] if kind != "plain" else kind,
            "down": down,
            "tie": tie,
            "top": top,
        },
        entry_point=name,
        prompt=rng.choice(
            (
                f"`{arg}` holds lists [{who}, {what}, {also}]. Keep those with {also} {bound} "
                f"{bar}, sort by {order[kind]} ({how}), ties in {tie} order of {who}. "
                f"Return {cut}.",
                f"From `{arg}`, lists of [{who}, {what}, {also}], return {cut} after sorting by "
                f"{order[kind]}, {how}; equal ones in {tie} order. Only {also} {bound} {bar} "
                "counts.",
            )
        ),
        reference=source(good, key),
        solve=solve,
        draw=draw,
        edges=[([],)],
        mistakes=[
            (source(off, key), f"Leaves out a {also} of exactly {bar}."),
            (source(good, key, ties=False), "Ignores the rule for ties.")
            if kind == "plain" or rng.random() < 0.5
            else (source(good, "r[1]"), f"Sorts by the plain {what}."),
        ],
        hint=say_hint(
            rng,
            "A tuple as sort key orders by its first part and breaks ties by the next.",
            "Sorting is stable: a second sort keeps the order of the first among ties."
            if name_down
            else "Filter first, then sort with a key of two parts, then cut.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


def parse_records(rng: Random) -> Sketch:
    """Parse text of `key=value` parts with a rule for repeats and for missing values."""
    gap, sign = rng.choice((";", ",", "|", "&", "/")), rng.choice(("=", ":", "->", "~"))
    rule, default = rng.choice(("last", "first", "sum", "max")), rng.randint(0, 20)
    factor = rng.choice((1, 1, 2, 3, 10))
    arg = rng.choice(("text", "line", "query", "record"))
    name = rng.choice(("parse", "read_pairs", "parse_settings", "to_dict", "load_record"))

    def source(how: str = rule, missing: str = str(default), times: int = factor) -> str:
        number = f"int(value){f' * {times}' if times > 1 else ''}"
        store = {
            "last": "out[key] = n",
            "first": "out.setdefault(key, n)",
            "sum": "out[key] = out.get(key, 0) + n",
            "max": "out[key] = max(n, out.get(key, n))",
        }[how]
        return code(f"""
            def {name}({arg}):
                out = {{}}
                for part in {arg}.split("{gap}"):
                    key, _, value = part.strip().partition("{sign}")
                    n = {number} if value else {missing}
                    {store}
                return out
        """)

    def solve(given: str) -> dict[str, int]:
        found: list[tuple[str, int]] = []
        for piece in given.replace(" ", "").split(gap):
            if sign in piece:
                at = piece.index(sign)
                found.append((piece[:at], factor * int(piece[at + len(sign) :])))
            else:
                found.append((piece, default))
        out: dict[str, int] = {}
        for key in dict.fromkeys(key for key, _ in found):
            mine = [n for k, n in found if k == key]
            out[key] = {"last": mine[-1], "first": mine[0], "sum": sum(mine), "max": max(mine)}[
                rule
            ]
        return out

    def draw(r: Random) -> tuple[str]:
        keys = r.sample(_KEYS, r.randint(1, 3))
        keys += [r.choice(keys)] if r.random() < 0.6 else []
        parts = [k if r.random() < 0.25 else f"{k}{sign}{r.randint(0, 15)}" for k in keys]
        return (r.choice((gap, gap, f"{gap} ")).join(parts),)

    repeat = {
        "last": "the last one wins",
        "first": "the first one wins",
        "sum": "their values are added",
        "max": "the largest value wins",
    }[rule]
    scaled = f" Given values are multiplied by {factor}." if factor > 1 else ""
    wrong = {"last": "first", "first": "last", "sum": "last", "max": "last"}[rule]
    second = (
        (source(missing=f"{default} * {factor}"), f"Multiplies the default {default} as well.")
        if factor > 1 and default
        else (source(missing=str(default + 1)), f"Uses {default + 1} for a missing value.")
    )
    return Sketch(
        params={"gap": gap, "sign": sign, "rule": rule, "default": default, "factor": factor},
        entry_point=name,
        prompt=ask(
            rng,
            rng.choice(
                (
                    f"`{arg}` like 'a{sign}3{gap} b{sign}5'",
                    f"a string `{arg}` of parts such as 'a{sign}3{gap}b{sign}5'",
                )
            ),
            "a dict from key to whole number",
            f"A part without '{sign}' has the value {default}. If a key occurs again, {repeat}. "
            f"Ignore spaces around parts.{scaled}",
        ),
        reference=source(),
        solve=solve,
        draw=draw,
        edges=[("k",), (f"k{sign}2{gap}k{sign}4{gap}k{sign}3",)],
        mistakes=[
            (source(wrong), f"A key that occurs again is handled wrongly: {repeat}."),
            second,
        ],
        hint=say_hint(
            rng,
            f"Split at {gap!r}, then use str.partition({sign!r}) on every part.",
            "str.partition always gives three parts, so a missing value is an empty string.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


FAMILIES = (
    Family("sort_records", "records", sort_records),
    Family("parse_records", "parsing", parse_records),
)
