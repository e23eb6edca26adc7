"""Text formatting: wrapping, aligning, numbering and wording for people."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "join_with_and",
        EASY,
        prompt="""Join names for a sentence: commas between them and ' and ' instead of the last
            comma. One name stands alone, two are joined by ' and ' only, and no names give
            'nobody'.""",
        hint="""Only the last name is special: join all the others with commas and attach it with
            the word and.""",
        visible=(
            case(["Al", "Bo", "Cy"], gives="Al, Bo and Cy"),
            case(["Al"], gives="Al"),
        ),
        hidden=(
            case([], gives="nobody"),
            case(["Al", "Bo"], gives="Al and Bo"),
            case(["a", "b", "c", "d"], gives="a, b, c and d"),
            case(["x and y", "z"], gives="x and y and z"),
            case(["only one"], gives="only one"),
        ),
        reference="""
            def join_with_and(names):
                if not names:
                    return "nobody"
                if len(names) == 1:
                    return names[0]
                return ", ".join(names[:-1]) + " and " + names[-1]
        """,
        wrong=(
            Wrong(
                "A single name gets the word and in front of it.",
                """
                    def join_with_and(names):
                        if not names:
                            return "nobody"
                        return ", ".join(names[:-1]) + " and " + names[-1]
                """,
            ),
            Wrong(
                "It puts a comma before the word and.",
                """
                    def join_with_and(names):
                        if len(names) < 2:
                            return names[0] if names else "nobody"
                        return ", ".join(names[:-1]) + ", and " + names[-1]
                """,
            ),
        ),
    ),
    Entry(
        "short_number",
        MEDIUM,
        prompt="""Shorten a non-negative count for display: below 1000 as it is, then in
            thousands with 'k' and from a million on with 'M', cut (not rounded) to one decimal,
            which is left out when it is 0.""",
        hint="""Cut with integer division by a tenth of the unit, so that rounding can never
            reach the next unit.""",
        visible=(case(1999, gives="1.9k"), case(3000, gives="3k")),
        hidden=(
            case(0, gives="0"),
            case(999, gives="999"),
            case(1000, gives="1k"),
            case(999999, gives="999.9k"),
            case(1000000, gives="1M"),
            case(12345678, gives="12.3M"),
            case(1049, gives="1k"),
        ),
        reference="""
            def short_number(count):
                for unit, size in (("M", 1000000), ("k", 1000)):
                    if count >= size:
                        tenths = count // (size // 10)
                        whole, decimal = divmod(tenths, 10)
                        return f"{whole}.{decimal}{unit}" if decimal else f"{whole}{unit}"
                return str(count)
        """,
        wrong=(
            Wrong(
                "It rounds instead of cutting, so 1999 becomes 2k.",
                """
                    def short_number(count):
                        for unit, size in (("M", 1000000), ("k", 1000)):
                            if count >= size:
                                return f"{count / size:.1f}".removesuffix(".0") + unit
                        return str(count)
                """,
            ),
            Wrong(
                "It shows the decimal even when it is zero.",
                """
                    def short_number(count):
                        for unit, size in (("M", 1000000), ("k", 1000)):
                            if count >= size:
                                whole, decimal = divmod(count // (size // 10), 10)
                                return f"{whole}.{decimal}{unit}"
                        return str(count)
                """,
            ),
        ),
    ),
    Entry(
        "price_column",
        EASY,
        prompt="""Return the lines of a price list from (name, price) pairs: the name, then dots,
            then the price, together `width` characters. At least one dot always stands between,
            even if the line becomes longer.""",
        hint="""The number of dots is what the width leaves over, but never less than one.""",
        visible=(
            case([("tea", 4)], 8, gives=["tea....4"]),
            case([("cake", 12)], 6, gives=["cake.12"]),
        ),
        hidden=(
            case([], 10, gives=[]),
            case([("a", 1), ("bb", 20)], 5, gives=["a...1", "bb.20"]),
            case([("pie", 5)], 5, gives=["pie.5"]),
            case([("pie", 5)], 4, gives=["pie.5"]),
            case([("", 7)], 3, gives=["..7"]),
        ),
        reference="""
            def price_column(items, width):
                lines = []
                for name, price in items:
                    dots = max(width - len(name) - len(str(price)), 1)
                    lines.append(name + "." * dots + str(price))
                return lines
        """,
        wrong=(
            Wrong(
                "When the line is full, no dot is left between name and price.",
                """
                    def price_column(items, width):
                        return [n + "." * (width - len(n) - len(str(p))) + str(p) for n, p in items]
                """,
            ),
            Wrong(
                "It fills the name up to the width and adds the price behind it.",
                """
                    def price_column(items, width):
                        return [n.ljust(width, ".") + str(p) for n, p in items]
                """,
            ),
        ),
    ),
    Entry(
        "wrap_greedy",
        MEDIUM,
        prompt="""Break a text into lines of at most `width` characters, filling each line with
            as many words as fit, joined by one space. A word longer than the width stands alone
            on its line. Return the list of lines.""",
        hint="""A word joins the current line only if the line, a space and the word fit;
            otherwise it starts a new line.""",
        visible=(
            case("the cat sat", 7, gives=["the cat", "sat"]),
            case("go bananas go", 5, gives=["go", "bananas", "go"]),
        ),
        hidden=(
            case("", 5, gives=[]),
            case("one", 3, gives=["one"]),
            case("ab cd", 4, gives=["ab", "cd"]),
            case("a b c d", 3, gives=["a b", "c d"]),
            case("enormous a b", 4, gives=["enormous", "a b"]),
            case("  many   spaces ", 20, gives=["many spaces"]),
            case("ab cd ef", 6, gives=["ab cd", "ef"]),
        ),
        reference="""
            def wrap_greedy(text, width):
                lines = []
                for word in text.split():
                    if lines and len(lines[-1]) + 1 + len(word) <= width:
                        lines[-1] += " " + word
                    else:
                        lines.append(word)
                return lines
        """,
        wrong=(
            Wrong(
                "It forgets that the space between two words needs room as well.",
                """
                    def wrap_greedy(text, width):
                        lines = []
                        for word in text.split():
                            if lines and len(lines[-1]) + len(word) <= width:
                                lines[-1] += " " + word
                            else:
                                lines.append(word)
                        return lines
                """,
            ),
            Wrong(
                "It cuts the text every width characters, through the middle of words.",
                """
                    def wrap_greedy(text, width):
                        text = " ".join(text.split())
                        return [text[i:i + width].strip() for i in range(0, len(text), width)]
                """,
            ),
        ),
    ),
    Entry(
        "ordinal_label",
        EASY,
        prompt="""Return a positive whole number with its English ordinal ending: 1st, 2nd, 3rd,
            and th for the rest. Numbers ending in 11, 12 or 13 always take th.""",
        hint="""Check the last two digits for the exceptions before looking at the last digit.""",
        visible=(case(22, gives="22nd"), case(11, gives="11th"), case(113, gives="113th")),
        hidden=(
            case(1, gives="1st"),
            case(3, gives="3rd"),
            case(10, gives="10th"),
            case(101, gives="101st"),
            case(212, gives="212th"),
            case(1003, gives="1003rd"),
        ),
        reference="""
            def ordinal_label(number):
                ending = "th"
                if number % 100 not in (11, 12, 13):
                    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
                return f"{number}{ending}"
        """,
        wrong=(
            Wrong(
                "It looks only at the last digit and writes 11st.",
                """
                    def ordinal_label(number):
                        return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
                """,
            ),
            Wrong(
                "It treats 11 to 13 as exceptions, but not 111 to 113 and so on.",
                """
                    def ordinal_label(number):
                        if number in (11, 12, 13):
                            return f"{number}th"
                        return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
                """,
            ),
        ),
    ),
    Entry(
        "outline_numbers",
        MEDIUM,
        prompt="""Headings are (level, title) with level 1 as the highest. Return them numbered
            like '2.1 Title': each heading counts up its own level and restarts all deeper ones.
            A level that was skipped counts as 0.""",
        hint="""Keep a list of counters; cut or fill it to the heading's level and raise the last
            one.""",
        visible=(
            case([(1, "A"), (2, "B"), (1, "C")], gives=["1 A", "1.1 B", "2 C"]),
            case([(1, "A"), (3, "B")], gives=["1 A", "1.0.1 B"]),
        ),
        hidden=(
            case([], gives=[]),
            case([(2, "X")], gives=["0.1 X"]),
            case([(1, "A"), (2, "B"), (1, "C"), (2, "D")], gives=["1 A", "1.1 B", "2 C", "2.1 D"]),
            case([(1, "A"), (2, "B"), (2, "C")], gives=["1 A", "1.1 B", "1.2 C"]),
            case(
                [(1, "A"), (2, "B"), (3, "C"), (2, "D")], gives=["1 A", "1.1 B", "1.1.1 C", "1.2 D"]
            ),
        ),
        reference="""
            def outline_numbers(headings):
                counters, lines = [], []
                for level, title in headings:
                    counters = counters[:level]
                    counters += [0] * (level - len(counters))
                    counters[-1] += 1
                    lines.append(".".join(map(str, counters)) + " " + title)
                return lines
        """,
        wrong=(
            Wrong(
                "It never restarts the deeper levels.",
                """
                    def outline_numbers(headings):
                        counters, lines = {}, []
                        for level, title in headings:
                            counters[level] = counters.get(level, 0) + 1
                            number = ".".join(str(counters.get(i, 0)) for i in range(1, level + 1))
                            lines.append(number + " " + title)
                        return lines
                """,
            ),
            Wrong(
                "A skipped level counts as 1 instead of 0.",
                """
                    def outline_numbers(headings):
                        counters, lines = [], []
                        for level, title in headings:
                            if level <= len(counters):
                                counters = counters[:level]
                                counters[-1] += 1
                            else:
                                counters = counters + [1] * (level - len(counters))
                            lines.append(".".join(map(str, counters)) + " " + title)
                        return lines
                """,
            ),
        ),
    ),
    Entry(
        "shorten_path",
        EASY,
        prompt="""Shorten a text that is longer than `limit` characters by replacing its middle
            with '...', so that exactly `limit` remain. The part before the dots is as long as
            the part after, or one longer. `limit` is at least 3.""",
        hint="""Subtract the three dots from the limit and divide the rest, giving the odd
            character to the front.""",
        visible=(
            case("abcdefghij", 8, gives="abc...ij"),
            case("abcde", 5, gives="abcde"),
        ),
        hidden=(
            case("", 3, gives=""),
            case("abcdefgh", 7, gives="ab...gh"),
            case("abcd", 3, gives="..."),
            case("abcdef", 4, gives="a..."),
            case("abcdef", 5, gives="a...f"),
        ),
        reference="""
            def shorten_path(text, limit):
                if len(text) <= limit:
                    return text
                back = (limit - 3) // 2
                front = limit - 3 - back
                return text[:front] + "..." + text[len(text) - back:]
        """,
        wrong=(
            Wrong(
                "With an empty back part the slice from -0 returns the whole text.",
                """
                    def shorten_path(text, limit):
                        if len(text) <= limit:
                            return text
                        back = (limit - 3) // 2
                        front = limit - 3 - back
                        return text[:front] + "..." + text[-back:]
                """,
            ),
            Wrong(
                "It gives the odd character to the back part.",
                """
                    def shorten_path(text, limit):
                        if len(text) <= limit:
                            return text
                        front = (limit - 3) // 2
                        back = limit - 3 - front
                        return text[:front] + "..." + text[len(text) - back:]
                """,
            ),
        ),
    ),
    Entry(
        "text_bar",
        EASY,
        prompt="""Draw a progress bar: '[' then `width` cells then ']'. The share done/total of
            the cells, rounded down, is '#' and the rest '-'. More than total counts as full, and
            a total of 0 as full.""",
        hint="""Use whole-number arithmetic for the filled cells and settle the two special cases
            before dividing.""",
        visible=(case(1, 3, 10, gives="[###-------]"), case(7, 5, 4, gives="[####]")),
        hidden=(
            case(0, 9, 3, gives="[---]"),
            case(0, 0, 3, gives="[###]"),
            case(3, 2, 4, gives="[####]"),
            case(99, 100, 10, gives="[#########-]"),
            case(5, 5, 2, gives="[##]"),
            case(1, 2, 0, gives="[]"),
        ),
        reference="""
            def text_bar(done, total, width):
                filled = width if done >= total else done * width // total
                return "[" + "#" * filled + "-" * (width - filled) + "]"
        """,
        wrong=(
            Wrong(
                "It does not limit the bar when more than the total is done.",
                """
                    def text_bar(done, total, width):
                        filled = done * width // total if total else width
                        return "[" + "#" * filled + "-" * (width - filled) + "]"
                """,
            ),
            Wrong(
                "It rounds to the nearest cell, so an unfinished bar can look full.",
                """
                    def text_bar(done, total, width):
                        filled = width if done >= total else round(done * width / total)
                        return "[" + "#" * filled + "-" * (width - filled) + "]"
                """,
            ),
        ),
    ),
    Entry(
        "justify_line",
        HARD,
        prompt="""Stretch the words of a line to exactly `width` characters by widening the gaps
            evenly; extra spaces go to the leftmost gaps. A single word is filled with spaces on
            the right. The words always fit, and there is at least one.""",
        hint="""Divide the spaces by the number of gaps; the quotient goes everywhere and the
            remainder to the first gaps, one each.""",
        visible=(
            case(["a", "b", "c"], 6, gives="a  b c"),
            case(["hi"], 4, gives="hi  "),
        ),
        hidden=(
            case(["a", "b"], 3, gives="a b"),
            case(["ab", "cd"], 8, gives="ab    cd"),
            case(["x"], 1, gives="x"),
            case(["a", "b", "c", "d"], 9, gives="a  b  c d"),
            case(["one", "two", "six"], 13, gives="one  two  six"),
        ),
        reference="""
            def justify_line(words, width):
                gaps = len(words) - 1
                if gaps == 0:
                    return words[0].ljust(width)
                spaces, extra = divmod(width - sum(map(len, words)), gaps)
                line = words[0]
                for number, word in enumerate(words[1:]):
                    line += " " * (spaces + (number < extra)) + word
                return line
        """,
        wrong=(
            Wrong(
                "All extra spaces go into the first gap instead of one into each.",
                """
                    def justify_line(words, width):
                        gaps = len(words) - 1
                        if gaps == 0:
                            return words[0].ljust(width)
                        spaces, extra = divmod(width - sum(map(len, words)), gaps)
                        rest = (" " * spaces).join(words[1:])
                        return words[0] + " " * (spaces + extra) + rest
                """,
            ),
            Wrong(
                "The extra spaces go to the rightmost gaps.",
                """
                    def justify_line(words, width):
                        gaps = len(words) - 1
                        if gaps == 0:
                            return words[0].ljust(width)
                        spaces, extra = divmod(width - sum(map(len, words)), gaps)
                        line = words[0]
                        for number, word in enumerate(words[1:]):
                            line += " " * (spaces + (number >= gaps - extra)) + word
                        return line
                """,
            ),
        ),
    ),
)
