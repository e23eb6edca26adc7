"""Parsing: small notations read character by character or piece by piece."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "parse_page_list",
        EASY,
        prompt="""A print dialog takes text such as '1,4-6'. Return the sorted list of different
            page numbers that it means. Spaces may appear anywhere, an empty text means no pages,
            and a range written backwards such as '6-4' counts like '4-6'.""",
        hint="""Treat a single page as a range with equal ends, order the two ends, and collect
            the pages in a set.""",
        visible=(case("1,4-6", gives=[1, 4, 5, 6]), case("3-2, 2", gives=[2, 3])),
        hidden=(
            case("", gives=[]),
            case("  ", gives=[]),
            case("7", gives=[7]),
            case("10,9", gives=[9, 10]),
            case("5 - 5", gives=[5]),
            case("1-3,2-4", gives=[1, 2, 3, 4]),
        ),
        reference="""
            def parse_page_list(text):
                pages = set()
                for part in text.replace(" ", "").split(","):
                    if part:
                        ends = [int(n) for n in part.split("-")]
                        pages.update(range(min(ends), max(ends) + 1))
                return sorted(pages)
        """,
        wrong=(
            Wrong(
                "The last page of every range is missing.",
                """
                    def parse_page_list(text):
                        pages = set()
                        for part in text.replace(" ", "").split(","):
                            if "-" in part:
                                first, last = sorted(int(n) for n in part.split("-"))
                                pages.update(range(first, last))
                            elif part:
                                pages.add(int(part))
                        return sorted(pages)
                """,
            ),
            Wrong(
                "A range written backwards gives no pages, and pages may be listed twice.",
                """
                    def parse_page_list(text):
                        pages = []
                        for part in text.replace(" ", "").split(","):
                            if part:
                                ends = [int(n) for n in part.split("-")]
                                pages.extend(range(ends[0], ends[-1] + 1))
                        return sorted(pages)
                """,
            ),
        ),
    ),
    Entry(
        "read_config_line",
        EASY,
        prompt="""Read one line of a settings file: return the pair (key, value) around the first
            '=', both stripped of spaces. Anything from the first '#' on is a comment. A line
            without '=' outside the comment gives None.""",
        hint="""Cut off the comment first, then split at the first equals sign only.""",
        visible=(
            case("url = a=b # site", gives=("url", "a=b")),
            case("# x = 1", gives=None),
        ),
        hidden=(
            case("", gives=None),
            case("name=", gives=("name", "")),
            case("k==v", gives=("k", "=v")),
            case("just words", gives=None),
            case("flag # on = off", gives=None),
            case("=5", gives=("", "5")),
            case("a b = c d  ", gives=("a b", "c d")),
        ),
        reference="""
            def read_config_line(line):
                content = line.split("#", 1)[0]
                if "=" not in content:
                    return None
                key, value = content.split("=", 1)
                return key.strip(), value.strip()
        """,
        wrong=(
            Wrong(
                "It splits at every equals sign, so a value with one in it breaks.",
                """
                    def read_config_line(line):
                        parts = line.split("#", 1)[0].split("=")
                        if len(parts) != 2:
                            return None
                        return parts[0].strip(), parts[1].strip()
                """,
            ),
            Wrong(
                "It does not remove the comment.",
                """
                    def read_config_line(line):
                        if line.startswith("#") or "=" not in line:
                            return None
                        key, value = line.split("=", 1)
                        return key.strip(), value.strip()
                """,
            ),
        ),
    ),
    Entry(
        "unpack_runs",
        EASY,
        prompt="""Unpack a compressed text in which a number before a character says how often it
            is repeated, as in '3ab' for 'aaab'. A character without a number stands once; a
            number may have several digits.""",
        hint="""Collect digits until another character comes, then repeat that character and
            start collecting anew.""",
        visible=(case("3ab", gives="aaab"), case("12x", gives="xxxxxxxxxxxx")),
        hidden=(
            case("", gives=""),
            case("abc", gives="abc"),
            case("0z1y", gives="y"),
            case("2 2-", gives="  --"),
            case("a10b", gives="abbbbbbbbbb"),
            case("2a3a", gives="aaaaa"),
        ),
        reference="""
            def unpack_runs(packed):
                result, number = "", ""
                for char in packed:
                    if char.isdigit():
                        number += char
                    else:
                        result += char * int(number or "1")
                        number = ""
                return result
        """,
        wrong=(
            Wrong(
                "It uses only the last digit of a number.",
                """
                    def unpack_runs(packed):
                        result, count = "", 1
                        for char in packed:
                            if char.isdigit():
                                count = int(char)
                            else:
                                result += char * count
                                count = 1
                        return result
                """,
            ),
            Wrong(
                "It keeps the number for the following characters too.",
                """
                    def unpack_runs(packed):
                        result, number = "", ""
                        for char in packed:
                            if char.isdigit():
                                number += char
                            else:
                                result += char * int(number or "1")
                        return result
                """,
            ),
        ),
    ),
    Entry(
        "split_quoted",
        MEDIUM,
        prompt="""Split a line at commas into a list of fields, but not at commas inside double
            quotes. The quote characters themselves are removed; spaces are kept. An empty line
            is one empty field.""",
        hint="""Walk through the characters with a flag that every quote flips, and cut at commas
            only while the flag is off.""",
        visible=(
            case('a,"b,c",d', gives=["a", "b,c", "d"]),
            case("x,,y", gives=["x", "", "y"]),
        ),
        hidden=(
            case("", gives=[""]),
            case(",", gives=["", ""]),
            case('"a, b"', gives=["a, b"]),
            case('ab"c,d"e,f', gives=["abc,de", "f"]),
            case('"",z', gives=["", "z"]),
            case(" p , q", gives=[" p ", " q"]),
        ),
        reference="""
            def split_quoted(line):
                fields, quoted = [""], False
                for char in line:
                    if char == '"':
                        quoted = not quoted
                    elif char == "," and not quoted:
                        fields.append("")
                    else:
                        fields[-1] += char
                return fields
        """,
        wrong=(
            Wrong(
                "It splits at every comma and only then removes the quotes.",
                """
                    def split_quoted(line):
                        return [field.replace('"', "") for field in line.split(",")]
                """,
            ),
            Wrong(
                "It adds a field only when it holds something, so empty fields vanish.",
                """
                    def split_quoted(line):
                        fields, field, quoted = [], "", False
                        for char in line:
                            if char == '"':
                                quoted = not quoted
                            elif char == "," and not quoted:
                                if field:
                                    fields.append(field)
                                field = ""
                            else:
                                field += char
                        return fields + [field]
                """,
            ),
        ),
    ),
    Entry(
        "parse_duration",
        EASY,
        prompt="""Turn a duration such as '1h20m5s' into seconds. Units are d, h, m and s; each
            may be missing or repeated and they may come in any order. A number without a unit at
            the end counts as seconds. Empty text is 0.""",
        hint="""Collect digits into a number; a unit letter multiplies and adds it, and what is
            left at the end is seconds.""",
        visible=(case("1h20m5s", gives=4805), case("2m30", gives=150)),
        hidden=(
            case("", gives=0),
            case("45", gives=45),
            case("1d", gives=86400),
            case("5s1m5s", gives=70),
            case("90m", gives=5400),
            case("0h7", gives=7),
        ),
        reference="""
            def parse_duration(text):
                seconds = {"d": 86400, "h": 3600, "m": 60, "s": 1}
                total, number = 0, 0
                for char in text:
                    if char.isdigit():
                        number = number * 10 + int(char)
                    else:
                        total += number * seconds[char]
                        number = 0
                return total + number
        """,
        wrong=(
            Wrong(
                "It ignores a number at the end that has no unit.",
                """
                    def parse_duration(text):
                        seconds = {"d": 86400, "h": 3600, "m": 60, "s": 1}
                        total, number = 0, 0
                        for char in text:
                            if char.isdigit():
                                number = number * 10 + int(char)
                            else:
                                total += number * seconds[char]
                                number = 0
                        return total
                """,
            ),
        ),
    ),
    Entry(
        "left_to_right",
        MEDIUM,
        prompt="""A cheap calculator works strictly from left to right, without precedence.
            Evaluate a text of non-negative integers joined by +, - and *, possibly with spaces,
            the way it would. The text starts and ends with a number.""",
        hint="""Keep a running result and the last operator; apply that operator as soon as the
            next number is complete.""",
        visible=(case("2+3*4", gives=20), case("10 - 2 - 3", gives=5)),
        hidden=(
            case("7", gives=7),
            case("0*5+1", gives=1),
            case("1-2*3", gives=-3),
            case("12*12-44", gives=100),
            case("5 + 5*2 - 1", gives=19),
        ),
        reference="""
            def left_to_right(text):
                for sign in "+-*":
                    text = text.replace(sign, f" {sign} ")
                tokens = text.split()
                result = int(tokens[0])
                for sign, number in zip(tokens[1::2], tokens[2::2]):
                    if sign == "+":
                        result += int(number)
                    elif sign == "-":
                        result -= int(number)
                    else:
                        result *= int(number)
                return result
        """,
        wrong=(
            Wrong(
                "It evaluates by the usual precedence, multiplying before adding.",
                """
                    def left_to_right(text):
                        total = 0
                        for term in text.replace(" ", "").replace("-", "+-").split("+"):
                            product = 1
                            for factor in term.split("*"):
                                product *= int(factor)
                            total += product
                        return total
                """,
            ),
            Wrong(
                "It works from right to left, which changes what is subtracted.",
                """
                    def left_to_right(text):
                        text = text.replace(" ", "")
                        for i, char in enumerate(text):
                            if char in "+-*":
                                a, b = int(text[:i]), left_to_right(text[i + 1:])
                                return a + b if char == "+" else a - b if char == "-" else a * b
                        return int(text)
                """,
            ),
        ),
    ),
    Entry(
        "parse_version",
        EASY,
        prompt="""Compare two version texts such as '1.10' and 'v1.9.3' number by number. Return
            -1, 0 or 1 when the first is older, equal or newer. A leading 'v' is ignored and
            missing parts count as 0.""",
        hint="""Compare lists of integers, not texts, after filling the shorter list with
            zeros.""",
        visible=(case("1.10", "v1.9.3", gives=1), case("2.0", "2", gives=0)),
        hidden=(
            case("1", "1", gives=0),
            case("0.9", "1.0", gives=-1),
            case("v3.0.1", "3", gives=1),
            case("1.2", "1.2.0.0", gives=0),
            case("1.02", "1.2", gives=0),
            case("9", "10", gives=-1),
        ),
        reference="""
            def parse_version(first, second):
                a = [int(part) for part in first.lstrip("v").split(".")]
                b = [int(part) for part in second.lstrip("v").split(".")]
                size = max(len(a), len(b))
                a += [0] * (size - len(a))
                b += [0] * (size - len(b))
                return (a > b) - (a < b)
        """,
        wrong=(
            Wrong(
                "It compares the parts as texts, where '10' comes before '9'.",
                """
                    def parse_version(first, second):
                        a = first.lstrip("v").split(".")
                        b = second.lstrip("v").split(".")
                        size = max(len(a), len(b))
                        a += ["0"] * (size - len(a))
                        b += ["0"] * (size - len(b))
                        return (a > b) - (a < b)
                """,
            ),
            Wrong(
                "It does not fill missing parts, so a longer version always looks newer.",
                """
                    def parse_version(first, second):
                        a = [int(part) for part in first.lstrip("v").split(".")]
                        b = [int(part) for part in second.lstrip("v").split(".")]
                        return (a > b) - (a < b)
                """,
            ),
        ),
    ),
    Entry(
        "chess_square",
        EASY,
        prompt="""Turn the name of a chess square such as 'e4' into the pair (column, row), both
            from 0 to 7, with 'a1' as (0, 0). Capital letters are allowed. Return None for
            anything that is not a square.""",
        hint="""Check the length first, then that the letter is among a to h and the digit among
            1 to 8, before computing anything.""",
        visible=(case("e4", gives=(4, 3)), case("i1", gives=None), case("a11", gives=None)),
        hidden=(
            case("b3", gives=(1, 2)),
            case("A8", gives=(0, 7)),
            case("H8", gives=(7, 7)),
            case("a0", gives=None),
            case("b9", gives=None),
            case("", gives=None),
            case("4e", gives=None),
        ),
        reference="""
            def chess_square(name):
                name = name.lower()
                if len(name) != 2 or name[0] not in "abcdefgh" or name[1] not in "12345678":
                    return None
                return ord(name[0]) - ord("a"), int(name[1]) - 1
        """,
        wrong=(
            Wrong(
                "It computes a position without checking that the square is on the board.",
                """
                    def chess_square(name):
                        if len(name) != 2:
                            return None
                        return ord(name[0].lower()) - ord("a"), int(name[1]) - 1
                """,
            ),
            Wrong(
                "It does not accept capital letters and looks only at the first two characters.",
                """
                    def chess_square(name):
                        if name[:1] in tuple("abcdefgh") and name[1:2] in tuple("12345678"):
                            return ord(name[0]) - ord("a"), int(name[1]) - 1
                        return None
                """,
            ),
        ),
    ),
    Entry(
        "count_atoms",
        HARD,
        prompt="""Count the atoms in a chemical formula such as 'Ca(OH)2'. An element is a
            capital and at most one small letter; a number after an element or a bracketed group
            multiplies it. Return a dictionary from element to count. Groups may be nested.""",
        hint="""Keep a stack of dictionaries: an opening bracket pushes one, a closing bracket
            pops it and adds its counts, multiplied, to the one below.""",
        visible=(
            case("H2O", gives={"H": 2, "O": 1}),
            case("Ca(OH)2", gives={"Ca": 1, "O": 2, "H": 2}),
        ),
        hidden=(
            case("", gives={}),
            case("C12H22O11", gives={"C": 12, "H": 22, "O": 11}),
            case("CH3CH2OH", gives={"C": 2, "H": 6, "O": 1}),
            case("(A(BC2)3)2D", gives={"A": 2, "B": 6, "C": 12, "D": 1}),
            case("(Na)", gives={"Na": 1}),
            case("Co10CO", gives={"Co": 10, "C": 1, "O": 1}),
        ),
        reference=r"""
            import re

            def count_atoms(formula):
                stack = [{}]
                for element, opens, closes, number in re.findall(
                    r"(?:([A-Z][a-z]?)|(\()|(\)))(\d*)", formula
                ):
                    if opens:
                        stack.append({})
                        continue
                    group = stack.pop() if closes else {element: 1}
                    for name, count in group.items():
                        count *= int(number or 1)
                        stack[-1][name] = stack[-1].get(name, 0) + count
                return stack[0]
        """,
        wrong=(
            Wrong(
                "It ignores brackets, so the number after a group multiplies nothing.",
                """
                    import re

                    def count_atoms(formula):
                        counts = {}
                        for name, number in re.findall("([A-Z][a-z]?)([0-9]*)", formula):
                            counts[name] = counts.get(name, 0) + int(number or 1)
                        return counts
                """,
            ),
        ),
    ),
)
