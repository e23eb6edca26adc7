"""Ciphers and codes: shifting, transposing, tokenising and undoing."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "walking_shift",
        EASY,
        prompt="""Encrypt a text of small letters and spaces: the first letter is shifted by 1 in
            the alphabet, the second by 2 and so on, going round after z. Spaces are copied and
            do not count.""",
        hint="""Count only letters, and take the remainder by 26 after adding the count.""",
        visible=(case("abc", gives="bdf"), case("z a", gives="a c")),
        hidden=(
            case("", gives=""),
            case("  ", gives="  "),
            case("zz", gives="ab"),
            case("a" * 27, gives="bcdefghijklmnopqrstuvwxyzab"),
            case("hi you", gives="ik bsz"),
        ),
        reference="""
            def walking_shift(text):
                result, count = "", 0
                for char in text:
                    if char != " ":
                        count += 1
                        char = chr((ord(char) - ord("a") + count) % 26 + ord("a"))
                    result += char
                return result
        """,
        wrong=(
            Wrong(
                "It shifts by the position in the text, so spaces count too.",
                """
                    def walking_shift(text):
                        return "".join(
                            c if c == " " else chr((ord(c) - 97 + i) % 26 + 97)
                            for i, c in enumerate(text, 1)
                        )
                """,
            ),
            Wrong(
                "It does not go round after z.",
                """
                    def walking_shift(text):
                        result, count = "", 0
                        for char in text:
                            if char != " ":
                                count += 1
                                char = chr(ord(char) + count)
                            result += char
                        return result
                """,
            ),
        ),
    ),
    Entry(
        "rail_weave",
        MEDIUM,
        prompt="""Write the text in a zigzag over `rails` lines, down and up again, one character
            per column, then read the lines from top to bottom. Return the result; with one rail
            the text stays as it is.""",
        hint="""The line number goes up and down: keep a direction and turn it round at the first
            and the last line.""",
        visible=(case("abcdef", 3, gives="aebdfc"), case("abc", 1, gives="abc")),
        hidden=(
            case("", 4, gives=""),
            case("abcde", 2, gives="acebd"),
            case("xy", 5, gives="xy"),
            case("abcdefg", 4, gives="agbfced"),
            case("hello world", 3, gives="horel ollwd"),
        ),
        reference="""
            def rail_weave(text, rails):
                lines = [""] * rails
                line, step = 0, 1
                for char in text:
                    lines[line] += char
                    if line + step not in range(rails):
                        step = -step
                    if rails > 1:
                        line += step
                return "".join(lines)
        """,
        wrong=(
            Wrong(
                "It jumps back to the first line instead of going up again.",
                """
                    def rail_weave(text, rails):
                        return "".join(text[line::rails] for line in range(rails))
                """,
            ),
            Wrong(
                "It writes twice on the last and first line when it turns.",
                """
                    def rail_weave(text, rails):
                        lines = [""] * rails
                        order = list(range(rails)) + list(range(rails - 1, -1, -1))
                        for i, char in enumerate(text):
                            lines[order[i % len(order)]] += char
                        return "".join(lines)
                """,
            ),
        ),
    ),
    Entry(
        "keyword_alphabet",
        EASY,
        prompt="""Return the cipher alphabet of a keyword: the keyword's different letters in
            order of first appearance, then the other letters of a to z in order. Case is
            ignored, and characters that are no letters a to z are skipped.""",
        hint="""Put the keyword in front of the whole alphabet and keep every letter the first
            time it appears.""",
        visible=(
            case("Banana", gives="bancdefghijklmopqrstuvwxyz"),
            case("", gives="abcdefghijklmnopqrstuvwxyz"),
        ),
        hidden=(
            case("zebra", gives="zebracdfghijklmnopqstuvwxy"),
            case("a b-c!", gives="abcdefghijklmnopqrstuvwxyz"),
            case("ZZ9", gives="zabcdefghijklmnopqrstuvwxy"),
            case("é", gives="abcdefghijklmnopqrstuvwxyz"),
            case("The Key", gives="thekyabcdfgijlmnopqrsuvwxz"),
        ),
        reference="""
            def keyword_alphabet(keyword):
                letters = "abcdefghijklmnopqrstuvwxyz"
                result = ""
                for char in keyword.lower() + letters:
                    if char in letters and char not in result:
                        result += char
                return result
        """,
        wrong=(
            Wrong(
                "It keeps repeated letters of the keyword.",
                """
                    def keyword_alphabet(keyword):
                        letters = "abcdefghijklmnopqrstuvwxyz"
                        word = "".join(c for c in keyword.lower() if c in letters)
                        return word + "".join(c for c in letters if c not in word)
                """,
            ),
            Wrong(
                "It ignores capital letters and skips them.",
                """
                    def keyword_alphabet(keyword):
                        letters = "abcdefghijklmnopqrstuvwxyz"
                        result = ""
                        for char in keyword + letters:
                            if char in letters and char not in result:
                                result += char
                        return result
                """,
            ),
        ),
    ),
    Entry(
        "number_spelling",
        EASY,
        prompt="""Phone keys carry letters: 2 abc, 3 def, 4 ghi, 5 jkl, 6 mno, 7 pqrs, 8 tuv, 9
            wxyz. Return the digits for a word in any case; '-' is kept and every other character
            becomes '*'.""",
        hint="""Look each small letter up in the group that contains it, and decide what to do
            with anything not found.""",
        visible=(case("Call-me", gives="2255-63"), case("zap!", gives="927*")),
        hidden=(
            case("", gives=""),
            case("QRS", gives="777"),
            case("a b", gives="2*2"),
            case("wxyz", gives="9999"),
            case("tuv7", gives="888*"),
        ),
        reference="""
            def number_spelling(word):
                groups = ["abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"]
                keys = {c: str(k) for k, group in enumerate(groups, 2) for c in group}
                keys["-"] = "-"
                return "".join(keys.get(char, "*") for char in word.lower())
        """,
        wrong=(
            Wrong(
                "It computes three letters per key, but 7 and 9 carry four.",
                """
                    def number_spelling(word):
                        result = ""
                        for char in word.lower():
                            if "a" <= char <= "z":
                                result += str((ord(char) - ord("a")) // 3 + 2)
                            else:
                                result += "-" if char == "-" else "*"
                        return result
                """,
            ),
            Wrong(
                "It drops characters that are not on the keys.",
                """
                    def number_spelling(word):
                        groups = ["abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"]
                        keys = {c: str(k) for k, group in enumerate(groups, 2) for c in group}
                        keys["-"] = "-"
                        return "".join(keys.get(char, "") for char in word.lower())
                """,
            ),
        ),
    ),
    Entry(
        "grille_read",
        HARD,
        prompt="""A square grid of letters is read through a mask, both lists of strings, 'O'
            being a hole. Read the letters under the holes row by row, then turn the mask a
            quarter clockwise and repeat, four times in all. Return the text.""",
        hint="""Only the mask turns while the grid stays; a clockwise turn reads the columns from
            bottom to top.""",
        visible=(
            case(["ab", "cd"], ["O.", ".."], gives="abdc"),
            case(["x"], ["O"], gives="xxxx"),
        ),
        hidden=(
            case([], [], gives=""),
            case(["ab", "cd"], ["..", ".."], gives=""),
            case(["ab", "cd"], [".O", ".."], gives="bdca"),
            case(["abc", "def", "ghi"], ["OO.", "...", "..."], gives="abcfhidg"),
            case(["abc", "def", "ghi"], ["O..", ".O.", "..."], gives="aeceeieg"),
        ),
        reference="""
            def grille_read(grid, mask):
                text = ""
                for _ in range(4):
                    for letters, holes in zip(grid, mask):
                        for letter, hole in zip(letters, holes):
                            if hole == "O":
                                text += letter
                    mask = ["".join(column) for column in zip(*mask[::-1])]
                return text
        """,
        wrong=(
            Wrong(
                "It turns the mask counter-clockwise.",
                """
                    def grille_read(grid, mask):
                        text = ""
                        for _ in range(4):
                            for letters, holes in zip(grid, mask):
                                text += "".join(a for a, b in zip(letters, holes) if b == "O")
                            mask = ["".join(column) for column in zip(*mask)][::-1]
                        return text
                """,
            ),
            Wrong(
                "It reads through the mask only once, without turning it.",
                """
                    def grille_read(grid, mask):
                        text = ""
                        for letters, holes in zip(grid, mask):
                            text += "".join(a for a, b in zip(letters, holes) if b == "O")
                        return text
                """,
            ),
        ),
    ),
    Entry(
        "column_cipher",
        HARD,
        prompt="""Write a text row by row under a keyword of different letters, then read it
            column by column, in the alphabetical order of the keyword's letters. The last row
            may be short. Return the encrypted text.""",
        hint="""Column number k holds every character whose position leaves remainder k by the
            keyword's length.""",
        visible=(case("abcdefg", "zap", gives="becfadg"), case("hello", "a", gives="hello")),
        hidden=(
            case("", "key", gives=""),
            case("ab", "dcba", gives="ba"),
            case("attack now", "cab", gives="tcntkoaa w"),
            case("abcdef", "abc", gives="adbecf"),
            case("abcdef", "ba", gives="bdface"),
        ),
        reference="""
            def column_cipher(text, keyword):
                width = len(keyword)
                order = sorted(range(width), key=lambda place: keyword[place])
                return "".join(text[place::width] for place in order)
        """,
        wrong=(
            Wrong(
                "It reads the columns from left to right, without regard to the keyword.",
                """
                    def column_cipher(text, keyword):
                        width = len(keyword)
                        return "".join(text[place::width] for place in range(width))
                """,
            ),
            Wrong(
                "It uses each letter's rank as the column to read, which is the inverse order.",
                """
                    def column_cipher(text, keyword):
                        width = len(keyword)
                        ranks = [sorted(keyword).index(letter) for letter in keyword]
                        return "".join(text[place::width] for place in ranks)
                """,
            ),
        ),
    ),
)
