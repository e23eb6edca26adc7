"""Families that encode text: run lengths, shifted letters."""

from __future__ import annotations

from random import Random

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import WORDS
from deepcoder.problems.families.wording import code, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]


def run_length(rng: Random) -> Sketch:
    """Run-length coding with a layout, a threshold and a cap."""
    least, cap = rng.randint(1, 4), rng.choice((None, 4, 5, 6, 9))
    mark, gap = rng.choice(("", "*", ":", "x", "^")), rng.choice(("", ",", " ", "|", "/"))
    count_first = rng.random() < 0.5
    short = rng.choice(("keep", "drop", "single")[:least]) if least > 1 else "keep"
    arg = rng.choice(("text", "s", "signal", "row"))
    name = rng.choice(("encode_runs", "pack", "compress", "run_code", "squeeze"))
    layout = f"{{n}}{mark}{{c}}" if count_first else f"{{c}}{mark}{{n}}"
    flipped = f"{{c}}{mark}{{n}}" if count_first else f"{{n}}{mark}{{c}}"

    def source(form: str, bound: str, top: int | None = cap) -> str:
        size = f"min({top}, len(list(group)))" if top else "len(list(group))"
        lines = [
            "from itertools import groupby",
            "",
            f"def {name}({arg}):",
            "    parts = []",
            f"    for c, group in groupby({arg}):",
            f"        n = {size}",
        ]
        if least == 1:
            lines.append(f'        parts.append(f"{form}")')
        elif short == "drop":
            lines += [f"        if n {bound} {least}:", f'            parts.append(f"{form}")']
        else:
            lines.append(
                f'        parts.append(f"{form}" if n {bound} {least} else '
                f"{'c * n' if short == 'keep' else 'c'})"
            )
        lines.append(f'    return "{gap}".join(parts)')
        return "\n".join(lines) + "\n"

    def solve(line: str) -> str:
        parts = []
        start = 0
        while start < len(line):
            end = start
            while end < len(line) and line[end] == line[start]:
                end += 1
            n = end - start if cap is None or end - start < cap else cap
            char = line[start]
            pieces = [str(n), mark, char] if count_first else [char, mark, str(n)]
            if n >= least:
                parts.append("".join(pieces))
            elif short == "keep":
                parts.append(line[start:end])
            elif short == "single":
                parts.append(char)
            start = end
        return gap.join(parts)

    def draw(r: Random) -> tuple[str]:
        runs = r.randint(1, 4)
        longest = (cap or 5) + 1
        sizes = [r.choice((1, 2, least, r.randint(1, longest))) for _ in range(runs)]
        return ("".join(r.choice("abcxyz") * n for n in sizes),)

    example = ("3", "a") if count_first else ("a", "3")
    shape = f"'{example[0]}{mark}{example[1]}'"
    rules = [f"Join the parts with {gap!r}." if gap else "Put the parts together without a gap."]
    if least > 1:
        fate = {"keep": "stays as it is", "drop": "is left out", "single": "becomes one letter"}
        rules.insert(0, f"A run shorter than {least} {fate[short]}.")
    if cap:
        rules.insert(0, f"Lengths above {cap} count as {cap}.")
    mistakes = [(source(flipped, ">="), "Count and letter are the wrong way round.")]
    if least > 1:
        mistakes.append((source(layout, ">"), f"Treats runs of exactly {least} as short."))
    elif cap:
        mistakes.append((source(layout, ">=", None), f"Does not limit lengths to {cap}."))
    return Sketch(
        params={
            "least": least,
            "cap": cap,
            "mark": mark,
            "gap": gap,
            "count_first": count_first,
            "short": short,
        },
        entry_point=name,
        prompt=" ".join(
            [
                rng.choice(
                    (
                        f"Replace every run of equal letters in `{arg}` by its code: "
                        f"'aaa' becomes {shape}.",
                        f"Encode the runs of equal letters in the string `{arg}`, "
                        f"writing 'aaa' as {shape}.",
                        f"Return `{arg}` with its runs of the same letter coded, "
                        f"so that 'aaa' turns into {shape}.",
                    )
                ),
                *rules,
            ]
        ),
        reference=source(layout, ">="),
        solve=solve,
        draw=draw,
        edges=[("",), ("a",)],
        mistakes=mistakes,
        hint=say_hint(
            rng,
            "itertools.groupby yields each run; its length is len(list(group)).",
            "Walk over runs rather than letters; groupby finds them.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


def letter_shift(rng: Random) -> Sketch:
    """Shift letters around the alphabet by one of two amounts."""
    one, two = rng.sample([k for k in range(-9, 13) if k], 2)
    c, n = rng.choice("cefghiklmnoprstuv"), rng.randint(2, 4)
    kind = rng.choice(("vowel", "index", "before", "other"))
    if kind == "other":
        two = 0
    test, wrong, words, flaw = {
        "vowel": ('c in "aeiou"', 'c not in "aeiou"', "vowels", "Swaps vowels and consonants."),
        "index": (
            f"i % {n} == 0",
            f"(i + 1) % {n} == 0",
            f"letters whose position is a multiple of {n}, counted from 0",
            "Counts positions from 1.",
        ),
        "before": (
            f'c < "{c}"',
            f'c <= "{c}"',
            f"letters before {c!r} in the alphabet",
            f"Also takes {c!r} itself.",
        ),
        "other": (
            f'c >= "{c}"',
            f'c > "{c}"',
            f"letters from {c!r} to 'z'",
            f"Leaves out {c!r} itself.",
        ),
    }[kind]
    arg = rng.choice(("text", "message", "word", "line"))
    name = rng.choice(("shift_letters", "encode", "scramble", "cipher", "encrypt"))

    def source(condition: str, wrap: str = " % 26") -> str:
        loop = f"for i, c in enumerate({arg})" if kind == "index" else f"for c in {arg}"
        return code(f"""
            def {name}({arg}):
                out = ""
                {loop}:
                    k = {one} if {condition} else {two}
                    out += chr((ord(c) - 97 + k){wrap} + 97) if c.isalpha() else c
                return out
        """)

    def solve(given: str) -> str:
        alphabet = "abcdefghijklmnopqrstuvwxyz"
        out = []
        for i, letter in enumerate(given):
            at = alphabet.find(letter)
            if at < 0:
                out.append(letter)
                continue
            special = {
                "vowel": letter in ("a", "e", "i", "o", "u"),
                "index": i // n * n == i,
                "before": at < alphabet.index(c),
                "other": not at < alphabet.index(c),
            }[kind]
            at += one if special else two
            out.append(alphabet[at - 26 if at >= 26 else at])
        return "".join(out)

    def draw(r: Random) -> tuple[str]:
        text = r.choice(WORDS) if r.random() < 0.6 else f"{r.choice(WORDS)} {r.choice(WORDS)}"
        if kind in ("before", "other") and r.random() < 0.5:
            text += c
        return (r.choice((text, text, "zap", "yard")),)

    def amount(k: int) -> str:
        places = f"{abs(k)} place" + ("s" if abs(k) > 1 else "")
        return f"{places} {'forward' if k > 0 else 'back'}"

    rest = f"all other letters {amount(two)}" if two else "other letters stay"
    return Sketch(
        params={"test": test, "by": [one, two]},
        entry_point=name,
        prompt=rng.choice(
            (
                f"Encode the lower-case string `{arg}`: {words} move {amount(one)} in the "
                f"alphabet, {rest}, wrapping around at the end. Other characters do not change.",
                f"Return `{arg}` (lower case) with {words} moved {amount(one)} in the circular "
                f"alphabet; {rest}. Spaces stay as they are.",
            )
        ),
        reference=source(test),
        solve=solve,
        draw=draw,
        edges=[("",), ("z a",)],
        mistakes=[(source(wrong), flaw), (source(test, ""), "Does not wrap around after 'z'.")],
        hint=say_hint(
            rng,
            "ord(c) - 97 numbers the letters from 0, so modulo 26 wraps them.",
            "Choose the shift for each character, then add it modulo 26.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


FAMILIES = (
    Family("run_length", "strings", run_length),
    Family("letter_shift", "strings", letter_shift),
)
