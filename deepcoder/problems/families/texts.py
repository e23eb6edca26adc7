"""Families about words: counting them, changing them."""

from __future__ import annotations

from random import Random

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.parts import WORDS, Part, phrase_text
from deepcoder.problems.families.wording import ask, code, say_hint

__all__ = ["FAMILIES"]

_FIRST, _LAST, _ANY = (
    sorted(c for c in set("".join(texts)) if sum(c in text for text in texts) >= least)
    for texts, least in (
        ([word[0] for word in WORDS], 2),
        ([word[-1] for word in WORDS], 2),
        (list(WORDS), 6),
    )
)
"""Letters that enough words start with, end with, contain: a test on them is not empty."""


def _word_test(rng: Random) -> Part:
    """A condition on a lower-case word `x`; `words` completes 'words that …'."""
    kind = rng.choice(("starts", "ends", "has", "lacks", "long", "short"))
    if kind in ("long", "short"):
        k = rng.randint(3, 5)
        if kind == "long":
            return Part(
                (kind, k),
                f"have more than {k} letters",
                f"len(x) > {k}",
                lambda x: len(x) >= k + 1,
                f"len(x) >= {k}",
                f"Also takes words of exactly {k} letters.",
            )
        return Part(
            (kind, k),
            f"have at most {k} letters",
            f"len(x) <= {k}",
            lambda x: len(x) < k + 1,
            f"len(x) < {k}",
            f"Leaves out words of exactly {k} letters.",
        )
    c = rng.choice({"starts": _FIRST, "ends": _LAST}.get(kind, _ANY))
    if kind == "starts":
        return Part(
            (kind, c),
            f"start with {c!r}",
            f'x.startswith("{c}")',
            lambda x: x[:1] == c,
            f'"{c}" in x',
            f"Looks for {c!r} anywhere in the word.",
        )
    if kind == "ends":
        return Part(
            (kind, c),
            f"end with {c!r}",
            f'x.endswith("{c}")',
            lambda x: x[-1:] == c,
            f'x.startswith("{c}")',
            "Looks at the first letter instead of the last.",
        )
    if kind == "has":
        return Part(
            (kind, c),
            f"contain {c!r}",
            f'"{c}" in x',
            lambda x: c in list(x),
            f'x.startswith("{c}")',
            f"Only looks for {c!r} at the start of the word.",
        )
    return Part(
        (kind, c),
        f"do not contain {c!r}",
        f'"{c}" not in x',
        lambda x: x.count(c) == 0,
        f'not x.startswith("{c}")',
        f"Only looks for {c!r} at the start of the word.",
    )


def count_words(rng: Random) -> Sketch:
    """Count the words that pass two tests, with a twist."""
    left, right = _word_test(rng), _word_test(rng)
    sizes = ("long", "short")
    while right.key[0] == left.key[0] or (left.key[0] in sizes and right.key[0] in sizes):
        right = _word_test(rng)
    joint = rng.choice(("and", "or"))
    twist = rng.choice(("every", "distinct", "caseless"))
    arg = rng.choice(("text", "line", "sentence", "phrase"))
    name = f"count_{rng.choice(('words', 'matches', 'hits', 'chosen', 'special_words'))}"

    def source(first: str, second: str, how: str = twist) -> str:
        split = f"{arg}.lower().split()" if how == "caseless" else f"{arg}.split()"
        split = f"set({split})" if how == "distinct" else split
        return code(f"""
            def {name}({arg}):
                return sum(1 for x in {split} if {first} {joint} {second})
        """)

    def solve(line: str) -> int:
        found = []
        for word in line.split():
            word = "".join(c.lower() for c in word) if twist == "caseless" else word
            verdicts = (left.call(word), right.call(word))
            if (all if joint == "and" else any)(verdicts):
                found.append(word)
        return len(dict.fromkeys(found)) if twist == "distinct" else len(found)

    def draw(r: Random) -> tuple[str]:
        kinds: dict[tuple[bool, bool], list[str]] = {}
        for word in WORDS:
            kinds.setdefault((left.call(word), right.call(word)), []).append(word)
        groups = list(kinds.values())
        words = [r.choice(r.choice(groups)) for _ in range(r.randint(2, 5))]
        if twist == "distinct" and r.random() < 0.6:
            words.append(r.choice(words))
        if twist == "caseless":
            words = [r.choice((w, w.upper(), w.title())) for w in words]
        return (" ".join(words),)

    note = {
        "every": "Repeated words count every time.",
        "distinct": "A word that occurs several times counts once.",
        "caseless": "Upper and lower case are treated alike.",
    }[twist]
    wrong = {
        "every": (source(left.source, right.source, "distinct"), "Counts repeated words once."),
        "distinct": (source(left.source, right.source, "every"), "Counts repeats every time."),
        "caseless": (source(left.source, right.source, "every"), "Forgets upper-case letters."),
    }[twist]
    part, flawed = rng.choice(((left, "left"), (right, "right")))
    slip = (
        source(left.wrong, right.source) if flawed == "left" else source(left.source, right.wrong)
    )
    return Sketch(
        params={"tests": sorted([left.key, right.key]), "joint": joint, "twist": twist},
        entry_point=name,
        prompt=ask(
            rng,
            rng.choice((f"a string `{arg}` of words", f"words separated by spaces in `{arg}`")),
            f"how many of them {left.words} {joint} {right.words}"
            if rng.random() < 0.5
            else f"the number of words that {left.words} {joint} {right.words}",
            note,
        ),
        reference=source(left.source, right.source),
        solve=solve,
        draw=draw,
        edges=[("",)],
        mistakes=[(slip, part.mistake), wrong],
        hint=say_hint(
            rng,
            "Split into words and add 1 for each word that passes the combined test.",
            f"The two tests are joined by `{joint}`; sum over a generator counts the words.",
        ),
    )


_CHANGES: dict[str, tuple[str, str, str]] = {
    # key: (words, expression in x, wrong expression)
    "reverse": ("reversed", "x[::-1]", "x[::-2]"),
    "upper": ("put in upper case", "x.upper()", "x.title()"),
    "title": ("capitalised", "x.capitalize()", "x.upper()"),
    "first": ("cut to the first letter", "x[0]", "x[-1]"),
    "double": ("written twice", "x * 2", "x * 3"),
    "last": ("given its last letter a second time", "x + x[-1]", "x + x[0]"),
    "rotate": ("given its first letter at the end", "x[1:] + x[0]", "x[-1] + x[:-1]"),
    "ends": ("cut to its first and last letter", "x[0] + x[-1]", "x[0] + x[1]"),
    "length": ("replaced by its length", "str(len(x))", "str(len(x) - 1)"),
}


def _change(kind: str, word: str) -> str:
    """The same as the expressions of `_CHANGES`, written another way."""
    letters = list(word)
    head, tail = letters[0], letters[-1]
    return {
        "reverse": "".join(reversed(letters)),
        "upper": "".join(c.upper() for c in letters),
        "title": "".join([head.upper(), *letters[1:]]),
        "first": head,
        "double": f"{word}{word}",
        "last": "".join([*letters, tail]),
        "rotate": "".join([*letters[1:], head]),
        "ends": f"{head}{tail}",
        "length": f"{len(letters)}",
    }[kind]


def word_transform(rng: Random) -> Sketch:
    """Change every word by one of two rules, chosen by a test on the word."""
    test = _word_test(rng)
    kind, other = rng.sample([*_CHANGES, "same"], 2)
    if kind == "same":
        kind, other = other, kind
    gap = rng.choice((" ", "-", "_", "+"))
    arg = rng.choice(("text", "line", "sentence", "words"))
    name = rng.choice(("change_words", "rewrite", "encode_words", "restyle", "convert_words"))
    words, expr, wrong = _CHANGES[kind]
    other_words, other_expr, _ = _CHANGES.get(other, ("left as it is", "x", "x"))

    def source(condition: str, yes: str, no: str, sep: str = gap) -> str:
        return code(f"""
            def {name}({arg}):
                out = []
                for x in {arg}.split():
                    out.append({yes} if {condition} else {no})
                return "{sep}".join(out)
        """)

    def solve(line: str) -> str:
        out = ""
        for index, word in enumerate(line.split()):
            rule = kind if test.call(word) else other
            out += (gap if index else "") + (word if rule == "same" else _change(rule, word))
        return out

    def draw(r: Random) -> tuple[str]:
        words = phrase_text(r, 1, 4).split()
        good = [w for w in WORDS if test.call(w)]
        if good and r.random() < 0.7:
            words[r.randrange(len(words))] = r.choice(good)
        return (" ".join(words),)

    rest = "every other word is" if rng.random() < 0.5 else "all the others are each"
    join = {" ": "single spaces", "-": "hyphens", "_": "underscores", "+": "plus signs"}[gap]
    return Sketch(
        params={"test": test.key, "yes": kind, "no": other, "gap": gap},
        entry_point=name,
        prompt=rng.choice(
            (
                f"In the string `{arg}`, words that {test.words} are each {words}; "
                f"{rest} {other_words}. Return the words joined by {join}.",
                f"Rewrite `{arg}` word by word: a word is {words} if it belongs to those that "
                f"{test.words}, otherwise it is {other_words}. Join the results with {join}.",
            )
        ),
        reference=source(test.source, expr, other_expr),
        solve=solve,
        draw=draw,
        edges=[("",)],
        mistakes=[
            (source(test.wrong, expr, other_expr), test.mistake),
            (source(test.source, wrong, other_expr), f"The change is not right: {wrong}.")
            if rng.random() < 0.5
            else (source(test.source, other_expr, expr), "The two rules are the wrong way round."),
        ],
        hint=say_hint(
            rng,
            "Split, decide word by word with a conditional expression, then join.",
            f"Each word takes one of two forms, chosen by `{test.source}`.",
        ),
    )


FAMILIES = (
    Family("count_words", "strings", count_words),
    Family("word_transform", "strings", word_transform),
)
