"""Families about time: clock arithmetic, dates, intervals."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.wording import ask, code, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]

_DAY = 24 * 60


def clock(rng: Random) -> Sketch:
    """Shift a time of day, round it to a step, write it in a format."""
    shift = rng.choice([k for k in range(-95, 180, 5) if k]) + rng.randint(0, 4)
    shift = shift or 7
    step, way = rng.choice((5, 10, 15, 20, 30)), rng.choice(("down", "up"))
    style = rng.choice(("clock", "h", "minutes"))
    arg = rng.choice(("time", "clock", "start", "hhmm"))
    name = rng.choice(("shift_time", "next_slot", "plan_time", "move_clock", "adjust_time"))

    def source(day: str = f" % {_DAY}", rounding: str = way, form: str = style) -> str:
        sign = "+" if shift > 0 else "-"
        total = f"int(h) * 60 + int(m) {sign} {abs(shift)}"
        steps = f"total // {step} * {step}"
        if rounding == "up":
            steps = f"-(-total // {step}) * {step}"
        out = {
            "clock": 'f"{total // 60:02d}:{total % 60:02d}"',
            "h": 'f"{total // 60}h{total % 60}"',
            "minutes": "total",
        }[form]
        return code(f"""
            def {name}({arg}):
                h, m = {arg}.split(":")
                total = {total}
                total = {steps}{day}
                return {out}
        """)

    def solve(text: str) -> Any:
        minute = int(text[:2]) * 60 + int(text[3:]) + shift
        while minute % step:
            minute += 1 if way == "up" else -1
        hours, minutes = divmod((minute + 10 * _DAY) % _DAY, 60)
        if style == "minutes":
            return hours * 60 + minutes
        return f"{hours:02d}:{minutes:02d}" if style == "clock" else f"{hours}h{minutes}"

    def draw(r: Random) -> tuple[str]:
        near = r.randint(0, _DAY - 1)
        if r.random() < 0.4:  # around midnight, where the wrap shows
            near = (-shift + r.randint(-40, 40)) % _DAY
        if r.random() < 0.6:  # on a step or beside it
            near = (near - (near + shift) % step + r.choice((-1, 0, 0, 1))) % _DAY
        return (f"{near // 60:02d}:{near % 60:02d}",)

    moved = f"{abs(shift)} minutes {'later' if shift > 0 else 'earlier'}"
    form = {
        "clock": "Answer as 'HH:MM'.",
        "h": "Answer like '7h5', without leading zeros.",
        "minutes": "Answer in minutes since midnight.",
    }[style]
    round_words = f"rounded {way} to a multiple of {step} minutes"
    return Sketch(
        # rounding up is shifting by step - 1 more and rounding down
        params={"shift": shift + (step - 1) * (way == "up"), "step": step, "style": style},
        entry_point=name,
        prompt=ask(
            rng,
            rng.choice((f"a time of day `{arg}` as 'HH:MM'", f"`{arg}`, a 24-hour time 'HH:MM'")),
            f"the {rng.choice(('time', 'moment'))} {moved}, {round_words}",
            "The clock wraps at midnight.",
            form,
        ),
        reference=source(),
        solve=solve,
        draw=draw,
        edges=[("00:00",), ("23:59",)],
        mistakes=[
            (source(day=""), "Does not wrap at midnight."),
            (
                source(rounding="up" if way == "down" else "down"),
                f"Rounds the wrong way, not {way}.",
            ),
        ],
        hint=say_hint(
            rng,
            f"Count in minutes since midnight and take the result modulo {_DAY} after rounding.",
            "Minutes as one number make shifting, rounding and wrapping plain arithmetic.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def dates(rng: Random) -> Sketch:
    """Move a date by days, then on to a weekday, and write it in a format."""
    shift = rng.choice([k for k in range(-60, 201) if k])
    weekday, way = rng.randrange(7), rng.choice(("forward", "back", "stay"))
    style = rng.choice(("iso", "dotted", "day_of_year"))
    if way == "stay":
        weekday = -1
    name = rng.choice(("due_date", "move_date", "next_visit", "plan_day", "find_day"))
    arg = rng.choice(("day", "start", "date_text", "when"))

    def source(days: int = shift, goal: int = weekday, strict: bool = False) -> str:
        sign = "+" if days > 0 else "-"
        lines = [
            "from datetime import date, timedelta",
            "",
            f"def {name}({arg}):",
            f"    d = date.fromisoformat({arg}) {sign} timedelta(days={abs(days)})",
        ]
        if way != "stay":
            op = "+" if way == "forward" else "-"
            if strict:
                lines.append(f"    d {op}= timedelta(days=1)")
            lines += [
                f"    while d.weekday() != {goal}:",
                f"        d {op}= timedelta(days=1)",
            ]
        lines.append(
            "    return "
            + {
                "iso": "d.isoformat()",
                "dotted": 'd.strftime("%d.%m.%Y")',
                "day_of_year": "d.timetuple().tm_yday",
            }[style]
        )
        return "\n".join(lines) + "\n"

    def solve(text: str) -> Any:
        number = date.fromisoformat(text).toordinal() + shift  # 1 January of year 1 is a Monday
        if way == "forward":
            number += (weekday - (number - 1)) % 7
        elif way == "back":
            number -= ((number - 1) - weekday) % 7
        y, m, d = date.fromordinal(number).timetuple()[:3]
        if style == "day_of_year":
            return number - date(y, 1, 1).toordinal() + 1
        return f"{y:04d}-{m:02d}-{d:02d}" if style == "iso" else f"{d:02d}.{m:02d}.{y:04d}"

    def draw(r: Random) -> tuple[str]:
        day = date(2020, 1, 1) + timedelta(days=r.randint(0, 2500))
        if way != "stay" and r.random() < 0.5:  # lands on the weekday at once
            day += timedelta(days=(weekday - (day.toordinal() + shift - 1)) % 7)
        return (day.isoformat(),)

    count = f"{abs(shift)} days" if abs(shift) > 1 else "one day"
    what = f"the date {count} {'after' if shift > 0 else 'before'} it"
    rules = []
    mistakes = [(source(days=-shift), "Moves in the wrong direction.")]
    if way != "stay":
        toward = "on to the next" if way == "forward" else "back to the last"
        rules = [
            f"If that is not a {_DAYS[weekday]}, go {toward} {_DAYS[weekday]}.",
        ]
        mistakes = [
            (source(strict=True), f"Moves a week too far from a date that is a {_DAYS[weekday]}."),
            (source(goal=(weekday + 1) % 7), "Counts weekdays from 1; Monday is 0."),
        ]
    else:
        mistakes.append((source(days=shift + 1), "Counts one day too many."))
    rules.append(
        {
            "iso": "Write it as 'YYYY-MM-DD'.",
            "dotted": "Write it as 'DD.MM.YYYY'.",
            "day_of_year": "Give its number in the year, where 1 January is 1.",
        }[style]
    )
    return Sketch(
        params={"shift": shift, "weekday": weekday, "way": way, "style": style},
        entry_point=name,
        prompt=ask(rng, f"`{arg}`, a date written 'YYYY-MM-DD'", what, *rules),
        reference=source(),
        solve=solve,
        draw=draw,
        edges=[("2024-02-28",), ("2023-12-31",)],
        mistakes=mistakes,
        hint=say_hint(
            rng,
            "datetime.date and timedelta know the lengths of months and leap years.",
            "Parse with date.fromisoformat and add a timedelta; weekday() is 0 on Monday.",
        ),
        difficulty=Difficulty.MEDIUM if way != "stay" else Difficulty.EASY,
    )


def intervals(rng: Random) -> Sketch:
    """Merge intervals that lie close together, drop short ones, answer about the rest."""
    gap, pad = rng.randint(0, 9), rng.randint(0, 5)
    least = pad + rng.randint(2, 18)
    result = rng.choice(("list", "count", "total", "longest"))
    arg = rng.choice(("spans", "intervals", "ranges", "blocks"))
    name = {
        "list": rng.choice(("merge_spans", "join_ranges")),
        "count": rng.choice(("count_blocks", "count_merged")),
        "total": rng.choice(("covered_length", "total_cover")),
        "longest": rng.choice(("longest_block", "longest_merged")),
    }[result]

    def source(reach: str, bound: str, prepare: str, length: int = least) -> str:
        lines = [
            f"def {name}({arg}):",
            "    merged = []",
            f"    for a, b in {prepare}:",
            f"        if merged and {reach}:",
            "            merged[-1][1] = max(merged[-1][1], b)",
            "        else:",
            "            merged.append([a, b])",
        ]
        kept = f"for a, b in merged if b - a {bound} {length}"
        lines.append(
            "    return "
            + {
                "list": f"[[a, b] {kept}]",
                "count": f"sum(1 {kept})",
                "total": f"sum(b - a {kept})",
                "longest": f"max((b - a {kept}), default=0)",
            }[result]
        )
        if pad:
            lines[2] = f"    for a, b in {prepare}:"
            lines.insert(3, f"        b += {pad}")
        return "\n".join(lines) + "\n"

    def reach(op: str, distance: int) -> str:
        return f"a - merged[-1][1] {op} {distance}" if distance else f"a {op} merged[-1][1]"

    def solve(given: list[list[int]]) -> Any:
        free = sorted([a, b + pad] for a, b in given)
        done: list[list[int]] = []
        while free:
            a, b = free.pop(0)
            while free and free[0][0] <= b + gap:
                b = max(b, free.pop(0)[1])
            done.append([a, b])
        kept = [pair for pair in done if not pair[1] - pair[0] < least]
        sizes = [b - a for a, b in kept]
        return {"list": kept, "count": len(sizes), "total": sum(sizes)}.get(
            result, max([0, *sizes])
        )

    def draw(r: Random) -> tuple[list[list[int]]]:
        out, at = [], r.randint(0, 5)
        for _ in range(r.randint(1, 4)):
            size = r.choice((least, max(1, least - pad), r.randint(1, 12)))
            out.append([at, at + size])
            at += r.choice((size + pad + gap, size + pad + gap + 1, r.randint(1, size + gap + 4)))
        if r.random() < 0.6:
            r.shuffle(out)
        return (out,)

    ordered = f"sorted({arg})"
    answer = {
        "list": "the list of what is left",
        "count": "how many are left",
        "total": "the total length of what is left",
        "longest": "the greatest length left, or 0",
    }[result]
    first = f"First move every end b up by {pad}. " if pad else ""
    closeness = (
        f"Merge intervals that overlap or lie at most {gap} apart"
        if gap
        else "Merge intervals that overlap or touch"
    )
    prompt = rng.choice(
        (
            f"`{arg}` is a list of pairs [a, b]. {first}{closeness}. "
            f"Drop merged ones shorter than {least}. Return {answer}.",
            f"Take the intervals [a, b] in `{arg}`, in any order. {first}{closeness}, "
            f"then keep those of length {least} or more. Return {answer}.",
        )
    )
    params = {"gap": gap, "least": least, "pad": pad, "result": result}
    if result == "count":  # then only the sums matter
        params |= {"gap": gap + pad, "least": least - pad, "pad": 0}
    return Sketch(
        params=params,
        entry_point=name,
        prompt=prompt,
        reference=source(reach("<=", gap), ">=", ordered),
        solve=solve,
        draw=draw,
        edges=[
            ([],),
            ([[2, 2 + least - pad]],),
            ([[1, least - pad]],),
            ([[0, least], [least + pad + gap, 2 * least + gap]],),
            ([[0, least], [least + pad + gap + 1, 2 * least + gap + 1]],),
        ],
        mistakes=[
            (source(reach("<=", gap), ">=", arg), "Forgets to sort the intervals first."),
            (source(reach("<", gap), ">=", ordered), "Does not merge at exactly the allowed gap.")
            if rng.random() < 0.5
            else (source(reach("<=", gap), ">", ordered), f"Drops lengths of exactly {least}."),
        ],
        hint=say_hint(
            rng,
            "After sorting by start, an interval can only join the one merged last.",
            "Sort, then extend the last merged interval or begin a new one.",
        ),
        difficulty=Difficulty.HARD,
    )


FAMILIES = (
    Family("clock", "dates", clock),
    Family("dates", "dates", dates),
    Family("intervals", "dates", intervals),
)
