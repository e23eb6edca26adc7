"""Families about structure: a walk on a grid, sums over nested lists."""

from __future__ import annotations

from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.wording import code, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]


def grid_walk(rng: Random) -> Sketch:
    """Follow moves on a small grid with walls or with edges that wrap."""
    up, down, left, right = rng.choice(("UDLR", "NSWE", "^v<>", "kjhl"))
    width, height = rng.randint(3, 9), rng.randint(3, 9)
    x0, y0 = rng.randrange(min(width, 4)), rng.randrange(min(height, 4))
    rule, result = rng.choice(("stop", "wrap")), rng.choice(("cell", "count", "distance"))
    arg = rng.choice(("moves", "path", "steps", "route"))
    name = {
        "cell": rng.choice(("final_cell", "walk", "robot_position")),
        "count": rng.choice(("cells_seen", "count_visited", "tiles_touched")),
        "distance": rng.choice(("distance_walked", "how_far", "end_distance")),
    }[result]

    def source(edge: str = rule, start_seen: bool = True, flip: bool = False) -> str:
        plus, minus = (-1, 1) if flip else (1, -1)
        moved = {
            "stop": (f"min(max(x + dx, 0), {width - 1})", f"min(max(y + dy, 0), {height - 1})"),
            "wrap": (f"(x + dx) % {width}", f"(y + dy) % {height}"),
            "open": ("x + dx", "y + dy"),
        }[edge]
        lines = [
            f"def {name}({arg}):",
            f'    step = {{"{up}": (0, {plus}), "{down}": (0, {minus}), '
            f'"{left}": (-1, 0), "{right}": (1, 0)}}',
            f"    x, y = {x0}, {y0}",
        ]
        if result == "count":
            lines.append("    seen = {(x, y)}" if start_seen else "    seen = set()")
        lines += [f"    for m in {arg}:", "        dx, dy = step[m]"]
        lines += [f"        x, y = {moved[0]}, {moved[1]}"]
        if result == "count":
            lines.append("        seen.add((x, y))")
        back = {
            "cell": "[x, y]",
            "count": "len(seen)",
            "distance": f"abs(x - {x0}) + abs(y - {y0})",
        }[result]
        return "\n".join([*lines, f"    return {back}"]) + "\n"

    def solve(moves: str) -> Any:
        trail = [(x0, y0)]
        for move in moves:
            x, y = trail[-1]
            y += (move == up) - (move == down)
            x += (move == right) - (move == left)
            if rule == "wrap":
                x, y = x % width, y % height
            elif x not in range(width) or y not in range(height):
                x, y = trail[-1]
            trail.append((x, y))
        x, y = trail[-1]
        distance = max(x, x0) - min(x, x0) + max(y, y0) - min(y, y0)
        return {"cell": [x, y], "count": len(set(trail)), "distance": distance}[result]

    def draw(r: Random) -> tuple[str]:
        ways = r.choice((up + down + left + right, up + right, down + left))
        return ("".join(r.choice(ways) for _ in range(r.randint(2, r.choice((4, 11))))),)

    edges = {
        "stop": "Moves off the grid are ignored.",
        "wrap": "The grid wraps around at its edges.",
    }[rule]
    what = {
        "cell": "the last cell as [x, y]",
        "count": "how many different cells were visited, the start included",
        "distance": "the number of columns plus rows between start and end",
    }[result]
    second = (
        (source(start_seen=False), "Forgets that the start counts as visited.")
        if result == "count"
        else (source(flip=True), "Mixes up up and down.")
    )
    return Sketch(
        params={
            "keys": up + down + left + right,
            "size": [width, height],
            # on a torus every start sees as many cells
            "start": None if rule == "wrap" and result == "count" else [x0, y0],
            "rule": rule,
            "result": result,
        },
        entry_point=name,
        prompt=rng.choice(
            (
                f"A walker starts at ({x0}, {y0}) of a grid {width} wide and {height} high. "
                f"In `{arg}`, {up}/{down} raise/lower y and {right}/{left} raise/lower x. "
                f"{edges} Return {what}.",
                f"On a {width} by {height} grid follow `{arg}` from ({x0}, {y0}): {up} is y+1, "
                f"{down} y-1, {left} x-1, {right} x+1. {edges} Return {what}.",
            )
        ),
        reference=source(),
        solve=solve,
        draw=draw,
        edges=[("",), (up * 10,), (right * 10,), (down * 4 + left * 4,)],
        mistakes=[(source("open"), "Ignores the edges of the grid."), second],
        hint=say_hint(
            rng,
            "A table from letter to (dx, dy) replaces four branches.",
            "Update x and y move by move and treat the edge right after each move.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


def nested_sum(rng: Random) -> Sketch:
    """Recursion over nested lists, weighing each number by its depth."""
    factor, offset = rng.randint(1, 9), rng.randint(0, 9)
    deepest, bar = rng.choice((None, 2, 3)), rng.randint(0, 15)
    way = rng.choice(("times", "plus"))
    arg = rng.choice(("tree", "nested", "items", "box"))
    name = rng.choice(("weigh", "depth_sum", "nested_total", "tree_value", "add_nested"))
    scale = "depth" if factor == 1 else f"{factor} * depth"
    value = {"times": f"x * {scale}", "plus": f"x + {scale}"}[way] + (
        f" + {offset}" if offset else ""
    )

    def source(leaf: str, test: str, inner: str = "depth + 1") -> str:
        stop = f" if depth < {deepest} else 0" if deepest else ""
        return code(f"""
            def {name}({arg}, depth=1):
                total = 0
                for x in {arg}:
                    if isinstance(x, list):
                        total += {name}(x, {inner}){stop}
                    elif {test}:
                        total += {leaf}
                return total
        """)

    def solve(tree: list[Any]) -> int:
        total, depth, level = 0, 1, tree
        while level and (deepest is None or depth <= deepest):
            for x in level:
                if not isinstance(x, list) and not x < bar:
                    total += (x * factor * depth if way == "times" else x + factor * depth) + offset
            level = [y for x in level if isinstance(x, list) for y in x]
            depth += 1
        return total

    def draw(r: Random, depth: int = 1) -> tuple[list[Any]]:
        out: list[Any] = [r.choice((bar, r.randint(0, 20))) for _ in range(r.randint(1, 2))]
        if depth < 4 and r.random() < 0.8:
            out.insert(r.randint(0, len(out)), draw(r, depth + 1)[0])
        return (out,)

    weight = "its depth" if factor == 1 else f"{factor} times its depth"
    worth = {
        "times": f"is multiplied by {weight}",
        "plus": f"is increased by {weight}",
    }[way]
    if offset:
        worth += f" and then gains {offset}" if way == "times" else f" plus {offset}"
    limit = f" Nothing deeper than {deepest} counts." if deepest else ""
    return Sketch(
        params={
            "factor": factor,
            "offset": offset,
            "deepest": deepest,
            "bar": bar,
            "way": way,
        },
        entry_point=name,
        prompt=rng.choice(
            (
                f"`{arg}` holds whole numbers and lists of the same kind. Each number of at least "
                f"{bar} {worth}; the outermost list has depth 1.{limit} Return the sum.",
                f"Add up the numbers of at least {bar} in the nested list `{arg}`. Each one {worth}"
                f", where numbers directly in `{arg}` have depth 1.{limit} Return the total.",
            )
        ),
        reference=source(value, f"x >= {bar}"),
        solve=solve,
        draw=draw,
        edges=[([],), ([[bar]],), ([[[[bar + 1]]]],)],
        mistakes=[
            (source(value, f"x > {bar}"), f"Leaves out numbers equal to {bar}."),
            (source(value, f"x >= {bar}", "depth"), "Does not go deeper in the recursive call."),
        ],
        hint=say_hint(
            rng,
            "Call the function on every inner list with a depth one greater.",
            "An inner list is the same task one level deeper, so recursion fits.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


FAMILIES = (
    Family("grid_walk", "simulation", grid_walk),
    Family("nested_sum", "recursion", nested_sum),
)
