"""Families about dictionaries and records: merge, invert, parse, sort, rank, sets."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.wording import ask, code, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]

_NAMES = ("Ada", "Bo", "Cy", "Dan", "Eve", "Flo", "Gus", "Hal", "Ida", "Jo", "Kim", "Lea")
_GOODS = ("pen", "cup", "hat", "bag", "fan", "map", "pot", "jar", "box", "key")


def merge_dicts(rng: Random) -> Sketch:
    """Merge two dictionaries of numbers with a rule for shared keys and a filter."""
    rule = rng.choice(("sum", "max", "min", "gap", "first"))
    factor, bar = rng.randint(1, 5), rng.randint(1, 30)
    side = rng.choice(("low", "high"))
    only = rng.choice(("all", "shared"))
    a, b = rng.choice((("a", "b"), ("old", "new"), ("left", "right"), ("stock", "order")))
    name = rng.choice(("merge_counts", "combine", "join_tables", "merge_stock", "unite"))
    if only == "shared" and rule == "first":
        rule = "sum"
    right = "y" if factor == 1 else f"{factor} * y"
    expr = {
        "sum": f"x + {right}",
        "max": f"max(x, {right})",
        "min": f"min(x, {right})",
        "gap": f"abs(x - {right})",
        "first": "x",
    }[rule]
    swap = {"sum": right, "max": f"min(x, {right})", "min": f"max(x, {right})"}
    swap |= {"gap": f"x - {right}", "first": right}

    def source(value: str, test: str) -> str:
        if only == "shared":
            inner = _replace(value, x=f"{a}[k]", y=f"{b}[k]")
            body = f"out = {{k: {inner} for k in {a} if k in {b}}}"
            return code(f"""
                def {name}({a}, {b}):
                    {body}
                    return {{k: v for k, v in out.items() if v {test} {bar}}}
            """)
        alone = "y" if factor == 1 else f"{factor} * y"
        return code(f"""
            def {name}({a}, {b}):
                out = dict({a})
                for k, y in {b}.items():
                    out[k] = {_replace(value, x="out[k]")} if k in out else {alone}
                return {{k: v for k, v in out.items() if v {test} {bar}}}
        """)

    def solve(one: dict[str, int], two: dict[str, int]) -> dict[str, int]:
        result = {}
        for key in [*one, *(k for k in two if k not in one)]:
            x, y = one.get(key), two.get(key)
            scaled = None if y is None else y * factor
            if x is not None and scaled is not None:
                pair = sorted((x, scaled))
                value = {
                    "sum": sum(pair),
                    "max": pair[1],
                    "min": pair[0],
                    "gap": pair[1] - pair[0],
                    "first": x,
                }[rule]
            elif only == "shared":
                continue
            else:
                value = x if scaled is None else scaled  # type: ignore[assignment]
            if not (value < bar if side == "low" else value > bar):
                result[key] = value
        return result

    def draw(r: Random) -> tuple[dict[str, int], dict[str, int]]:
        keys = r.sample(_GOODS, r.randint(2, 4))
        one, two = {}, {}
        for key in keys:  # results at the bar and beside it
            goal = bar + r.choice((-1, 0, 1, r.randint(-bar, 9)))
            y = r.randint(0, max(1, bar // factor))
            x = {"sum": goal - factor * y, "gap": goal + factor * y}.get(rule, goal)
            y += bar if rule == "min" and r.random() < 0.5 else 0
            where = r.random()
            if where < 0.7 or only == "shared":
                one[key] = max(x, 0)
            if where > 0.3 or (only == "shared" and r.random() < 0.7):
                two[key] = y
        return one, two

    combined = {
        "sum": "the sum of both values",
        "max": "the larger of the two values",
        "min": "the smaller of the two values",
        "gap": "the absolute difference of the two values",
        "first": f"the value from `{a}`",
    }[rule]
    scale = f"Values of `{b}` are first multiplied by {factor}. " if factor > 1 else ""
    keys = "Keys in only one of them are kept." if only == "all" else "Other keys are dropped."
    last = f"Finally remove entries {'below' if side == 'low' else 'above'} {bar}."
    good, off = (">=", ">") if side == "low" else ("<=", "<")
    return Sketch(
        params={"rule": rule, "factor": factor, "bar": bar, "side": side, "only": only},
        entry_point=name,
        prompt=rng.choice(
            (
                f"Merge the dictionaries `{a}` and `{b}`. {scale}A key in both gets {combined}. "
                f"{keys} {last}",
                f"Return one dictionary made of `{a}` and `{b}`. {scale}"
                f"Where both have a key, take {combined}. {keys} {last}",
            )
        ),
        reference=source(expr, good),
        solve=solve,
        draw=draw,
        edges=[({}, {})],
        mistakes=[
            (source(expr, off), f"Also removes entries of exactly {bar}."),
            (source(swap[rule], good), f"A shared key does not get {combined}."),
        ],
        hint=say_hint(
            rng,
            "Settle the value of shared keys first and filter the finished dictionary last.",
            "Build the merged dictionary, then drop entries in a comprehension.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


def _replace(expr: str, **names: str) -> str:
    """`expr` with single-letter variables replaced, leaving function names alone."""
    out = ""
    for i, c in enumerate(expr):
        alone = not expr[max(0, i - 1) : i].isalpha() and not expr[i + 1 : i + 2].isalpha()
        out += names[c] if c in names and alone else c
    return out


def group_names(rng: Random) -> Sketch:
    """Invert a dictionary of scores into buckets, with a rule for each bucket."""
    k, bar = rng.randint(2, 25), rng.randint(0, 20)
    bucket = rng.choice(("div", "mod"))
    rule = rng.choice(("sorted", "count", "first", "last", "best"))
    arg = rng.choice(("scores", "points", "ages", "marks"))
    name = {
        "sorted": rng.choice(("group_names", "names_by_bucket")),
        "count": rng.choice(("count_buckets", "bucket_sizes")),
        "first": rng.choice(("first_by_bucket", "bucket_leader")),
        "last": rng.choice(("last_by_bucket", "latest_in_bucket")),
        "best": rng.choice(("best_by_bucket", "bucket_top")),
    }[rule]
    index = f"v // {k}" if bucket == "div" else f"v % {k}"

    def source(op: str, key: str, how: str) -> str:
        head = f"""
            def {name}({arg}):
                out = {{}}
                for name, v in {arg}.items():
                    if v {op} {bar}:
        """
        body = {
            "sorted": f"out.setdefault({key}, []).append(name)",
            "unsorted": f"out.setdefault({key}, []).append(name)",
            "count": f"out[{key}] = out.get({key}, 0) + 1",
            "first": f"out.setdefault({key}, name)",
            "last": f"out[{key}] = name",
            "best": f"out[{key}] = max(v, out.get({key}, v))",
            "worst": f"out[{key}] = min(v, out.get({key}, v))",
            "same": f"out[{key}] = 1",
        }[how]
        tail = "{b: sorted(names) for b, names in out.items()}" if how == "sorted" else "out"
        return code(head) + f"            {body}\n    return {tail}\n"

    def solve(table: dict[str, int]) -> dict[int, Any]:
        groups: dict[int, list[tuple[str, int]]] = {}
        for who, points in table.items():
            if not points < bar:
                quotient, rest = divmod(points, k)
                slot = quotient if bucket == "div" else rest
                groups[slot] = [*groups.get(slot, []), (who, points)]
        pick = {
            "sorted": lambda g: sorted(who for who, _ in g),
            "count": len,
            "first": lambda g: g[0][0],
            "last": lambda g: g[-1][0],
            "best": lambda g: sorted(points for _, points in g)[-1],
        }[rule]
        return {slot: pick(group) for slot, group in groups.items()}

    def draw(r: Random) -> tuple[dict[str, int]]:
        who = r.sample(_NAMES, r.randint(2, 4))
        base = r.randint(bar, bar + 2 * k)
        near = r.choice((bar, bar, bar - 1, r.randint(0, bar)))
        pool = (max(near, 0), base, base + (1 if bucket == "div" else k), bar + r.randint(0, 3 * k))
        return ({w: r.choice(pool) for w in who},)

    keys = f"the score divided by {k}, rounded down" if bucket == "div" else f"the score modulo {k}"
    value = {
        "sorted": "the alphabetical list of names in the bucket",
        "count": "the number of names in the bucket",
        "first": "the name that came first in it",
        "last": "the name that came last in it",
        "best": "the highest score in the bucket",
    }[rule]
    wrong = {"sorted": "unsorted", "count": "same", "first": "last", "last": "first"}
    wrong["best"] = "worst"
    flaw = {
        "sorted": "Leaves the names unsorted.",
        "count": "Does not count, every bucket says 1.",
        "first": "Keeps the last name instead of the first.",
        "last": "Keeps the first name instead of the last.",
        "best": "Keeps the lowest score instead of the highest.",
    }[rule]
    return Sketch(
        params={"k": k, "bar": bar, "bucket": bucket, "rule": rule},
        entry_point=name,
        prompt=ask(
            rng,
            rng.choice((f"`{arg}`, a dict from name to score", f"a dict `{arg}` of name to score")),
            f"a dict of buckets. The bucket is {keys}; its value is {value}",
            f"Scores below {bar} are ignored." if bar else "All scores count.",
        ),
        reference=source(">=", index, rule),
        solve=solve,
        draw=draw,
        edges=[({},)],
        mistakes=[
            (source(">=", index, wrong[rule]), flaw),
            (source(">", index, rule), f"Also ignores scores of exactly {bar}."),
        ],
        hint=say_hint(
            rng,
            f"The key of the new dictionary is {index}; dict.get or setdefault builds its value.",
            "Go through items() once and file every name under its bucket.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


FAMILIES = (
    Family("merge_dicts", "dictionaries", merge_dicts),
    Family("group_names", "dictionaries", group_names),
)
