"""Strings: counting, cutting, masking and rewriting characters."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "mask_code",
        EASY,
        prompt="""A door code is shown with all characters replaced by '*' except the last `keep`
            ones. Return the masked string. When `keep` is 0 everything is masked; when it is at
            least the length nothing is.""",
        hint="""Count the stars from the front, because slicing from the back goes wrong when the
            number of kept characters is zero.""",
        visible=(case("48213", 2, gives="***13"), case("48213", 0, gives="*****")),
        hidden=(
            case("48213", 5, gives="48213"),
            case("48213", 9, gives="48213"),
            case("", 3, gives=""),
            case("7", 0, gives="*"),
            case("a*b", 1, gives="**b"),
        ),
        reference="""
            def mask_code(code, keep):
                hidden = max(len(code) - keep, 0)
                return "*" * hidden + code[hidden:]
        """,
        wrong=(
            Wrong(
                "A slice from -0 is the whole string, so keeping zero characters shows them all.",
                """
                    def mask_code(code, keep):
                        return "*" * (len(code) - keep) + code[-keep:]
                """,
            ),
        ),
    ),
    Entry(
        "stutter_fix",
        MEDIUM,
        prompt="""A keyboard sometimes sticks. Shorten every run of the same letter that is
            longer than two down to exactly two, and leave everything else, including runs of
            spaces or digits, as it is.""",
        hint="""A character may be dropped only when it is a letter and the last two characters
            already kept are the same letter.""",
        visible=(
            case("helllo", gives="hello"),
            case("1000 zzz", gives="1000 zz"),
        ),
        hidden=(
            case("", gives=""),
            case("aaaa", gives="aa"),
            case("aaAaa", gives="aaAaa"),
            case("wow   ooook", gives="wow   ook"),
            case("bbbaaabbb", gives="bbaabb"),
            case("!!!!", gives="!!!!"),
        ),
        reference="""
            def stutter_fix(text):
                kept = []
                for char in text:
                    if char.isalpha() and kept[-2:] == [char, char]:
                        continue
                    kept.append(char)
                return "".join(kept)
        """,
        wrong=(
            Wrong(
                "It shortens runs of digits and spaces too, not only letters.",
                """
                    def stutter_fix(text):
                        kept = []
                        for char in text:
                            if kept[-2:] == [char, char]:
                                continue
                            kept.append(char)
                        return "".join(kept)
                """,
            ),
            Wrong(
                "It keeps one letter of every run, which also damages proper double letters.",
                """
                    def stutter_fix(text):
                        kept = []
                        for char in text:
                            if char.isalpha() and kept[-1:] == [char]:
                                continue
                            kept.append(char)
                        return "".join(kept)
                """,
            ),
        ),
    ),
    Entry(
        "initials_of",
        EASY,
        prompt="""Return the initials of a person's name in capitals, each followed by a dot,
            such as for a signature. Parts are separated by spaces; a hyphenated part gives both
            of its initials joined by a hyphen.""",
        hint="""Treat each space-separated part as a list of hyphen-separated pieces and take the
            first letter of every piece.""",
        visible=(
            case("ada king lovelace", gives="A.K.L."),
            case("Jean-Luc Moreau", gives="J.-L.M."),
        ),
        hidden=(
            case("cher", gives="C."),
            case("", gives=""),
            case("  mary   ann  ", gives="M.A."),
            case("anna-lena-sofie berg", gives="A.-L.-S.B."),
            case("Bo Karl-erik", gives="B.K.-E."),
        ),
        reference="""
            def initials_of(name):
                parts = []
                for part in name.split():
                    pieces = [piece[0].upper() + "." for piece in part.split("-")]
                    parts.append("-".join(pieces))
                return "".join(parts)
        """,
        wrong=(
            Wrong(
                "It looks only at spaces and loses the second half of hyphenated names.",
                """
                    def initials_of(name):
                        return "".join(part[0].upper() + "." for part in name.split())
                """,
            ),
        ),
    ),
    Entry(
        "longest_shared_ending",
        EASY,
        prompt="""Two words rhyme by their shared ending. Return the longest string that both
            words end with, comparing letters without regard to case and answering in lower case.
            It may be empty.""",
        hint="""Walk backwards from the ends of both words at the same time and stop at the first
            difference.""",
        visible=(
            case("Station", "nation", gives="ation"),
            case("cat", "dog", gives=""),
        ),
        hidden=(
            case("moon", "moon", gives="moon"),
            case("ring", "STRING", gives="ring"),
            case("", "tail", gives=""),
            case("oak", "elm", gives=""),
            case("abcXabc", "Yabc", gives="abc"),
            case("aab", "ab", gives="ab"),
        ),
        reference="""
            def longest_shared_ending(first, second):
                first, second = first.lower(), second.lower()
                size = 0
                while size < min(len(first), len(second)) and first[-1 - size] == second[-1 - size]:
                    size += 1
                return first[len(first) - size:]
        """,
        wrong=(
            Wrong(
                "A slice from -0 returns the whole word when nothing is shared.",
                """
                    def longest_shared_ending(first, second):
                        first, second = first.lower(), second.lower()
                        size = 0
                        for a, b in zip(reversed(first), reversed(second)):
                            if a != b:
                                break
                            size += 1
                        return first[-size:]
                """,
            ),
            Wrong(
                "It compares the words as written, so capital letters never match small ones.",
                """
                    def longest_shared_ending(first, second):
                        size = 0
                        for a, b in zip(reversed(first), reversed(second)):
                            if a != b:
                                break
                            size += 1
                        return first[len(first) - size:].lower()
                """,
            ),
        ),
    ),
    Entry(
        "signal_words",
        EASY,
        prompt="""A message hides its signal in words written entirely in capitals. Return the
            list of such words with at least two letters, in order, without the characters `.,!?`
            at their ends.""",
        hint="""Strip the punctuation first, then ask about length and capitals of what is
            left.""",
        visible=(
            case("Bring the RED box, NOW!", gives=["RED", "NOW"]),
            case("I saw A cat", gives=[]),
        ),
        hidden=(
            case("", gives=[]),
            case("GO, GO. gO", gives=["GO", "GO"]),
            case("I! am X.", gives=[]),
            case("R2D2 met C3PO", gives=["R2D2", "C3PO"]),
            case("42 99! OK?", gives=["OK"]),
        ),
        reference="""
            def signal_words(text):
                found = []
                for word in text.split():
                    word = word.strip(".,!?")
                    if len(word) >= 2 and word.isupper():
                        found.append(word)
                return found
        """,
        wrong=(
            Wrong(
                "It measures the word before stripping, so a single letter with a mark counts.",
                """
                    def signal_words(text):
                        found = []
                        for word in text.split():
                            if len(word) >= 2 and word.isupper():
                                found.append(word.strip(".,!?"))
                        return found
                """,
            ),
            Wrong(
                "It forgets to strip the punctuation from the words that it returns.",
                """
                    def signal_words(text):
                        return [w for w in text.split() if len(w) >= 2 and w.isupper()]
                """,
            ),
        ),
    ),
    Entry(
        "swap_ends",
        EASY,
        prompt="""Return the text with the first and last character of every word swapped. Words
            are separated by single spaces. One-letter words stay the same, and an empty text
            gives an empty text.""",
        hint="""A word shorter than two characters has no two ends to swap, so handle it
            apart.""",
        visible=(case("paper a boat", gives="rapep a toab"), case("ab", gives="ba")),
        hidden=(
            case("", gives=""),
            case("x", gives="x"),
            case("level", gives="level"),
            case("no on", gives="on no"),
            case("I see you", gives="I ees uoy"),
        ),
        reference="""
            def swap_ends(text):
                swapped = []
                for word in text.split(" "):
                    if len(word) > 1:
                        word = word[-1] + word[1:-1] + word[0]
                    swapped.append(word)
                return " ".join(swapped)
        """,
        wrong=(
            Wrong(
                "One-letter words come out doubled, because first and last are the same letter.",
                """
                    def swap_ends(text):
                        return " ".join(w[-1] + w[1:-1] + w[0] for w in text.split())
                """,
            ),
        ),
    ),
    Entry(
        "count_whole_word",
        MEDIUM,
        prompt="""Count how often `word` occurs in `text` as a whole word, ignoring case. A word
            is a longest run of letters, so 'art' does not occur in 'party' but does occur in
            'art-house'.""",
        hint="""Turn everything that is not a letter into a separator, then compare complete
            words.""",
        visible=(
            case("Art is in the party, art!", "art", gives=2),
            case("art-house smart", "art", gives=1),
        ),
        hidden=(
            case("", "art", gives=0),
            case("ART art ArT", "Art", gives=3),
            case("art2art", "art", gives=2),
            case("hearts", "art", gives=0),
            case("it's its", "it", gives=1),
        ),
        reference="""
            def count_whole_word(text, word):
                cleaned = "".join(c if c.isalpha() else " " for c in text.lower())
                return cleaned.split().count(word.lower())
        """,
        wrong=(
            Wrong(
                "It counts substrings, so the word is also found inside longer words.",
                """
                    def count_whole_word(text, word):
                        return text.lower().count(word.lower())
                """,
            ),
            Wrong(
                "It splits only at spaces, so words next to punctuation are missed.",
                """
                    def count_whole_word(text, word):
                        return text.lower().split().count(word.lower())
                """,
            ),
        ),
    ),
    Entry(
        "zigzag_case",
        MEDIUM,
        prompt="""Rewrite the text so that its letters alternate between upper and lower case,
            starting with upper. Characters that are not letters are copied and do not take part
            in the alternation.""",
        hint="""Keep a separate counter that moves only when a letter is written.""",
        visible=(case("ab cd", gives="Ab Cd"), case("a1b2c", gives="A1b2C")),
        hidden=(
            case("", gives=""),
            case("HELLO", gives="HeLlO"),
            case("--x--y", gives="--X--y"),
            case("12", gives="12"),
            case("it is", gives="It Is"),
            case("one two", gives="OnE tWo"),
        ),
        reference="""
            def zigzag_case(text):
                result = []
                upper = True
                for char in text:
                    if char.isalpha():
                        char = char.upper() if upper else char.lower()
                        upper = not upper
                    result.append(char)
                return "".join(result)
        """,
        wrong=(
            Wrong(
                "It decides by position in the text, so spaces and digits take a turn.",
                """
                    def zigzag_case(text):
                        return "".join(
                            c.upper() if i % 2 == 0 else c.lower() for i, c in enumerate(text)
                        )
                """,
            ),
        ),
    ),
    Entry(
        "fold_paper",
        MEDIUM,
        prompt="""Write the text on a strip of paper and fold it in the middle: return the list
            of two-character strings that lie on each other, outermost pair first. For odd
            lengths the middle character stands alone at the end.""",
        hint="""Pair position i with its mirror position from the end, only for the first half,
            and deal with a leftover middle afterwards.""",
        visible=(case("abcd", gives=["ad", "bc"]), case("abc", gives=["ac", "b"])),
        hidden=(
            case("", gives=[]),
            case("x", gives=["x"]),
            case("no", gives=["no"]),
            case("racecar", gives=["rr", "aa", "cc", "e"]),
            case("folded", gives=["fd", "oe", "ld"]),
        ),
        reference="""
            def fold_paper(text):
                half = len(text) // 2
                pairs = [text[i] + text[-1 - i] for i in range(half)]
                if len(text) % 2:
                    pairs.append(text[half])
                return pairs
        """,
        wrong=(
            Wrong(
                "It forgets the middle character of texts with an odd length.",
                """
                    def fold_paper(text):
                        return [text[i] + text[-1 - i] for i in range(len(text) // 2)]
                """,
            ),
            Wrong(
                "It pairs the middle character of an odd length with itself.",
                """
                    def fold_paper(text):
                        half = (len(text) + 1) // 2
                        return [text[i] + text[-1 - i] for i in range(half)]
                """,
            ),
        ),
    ),
    Entry(
        "shortest_unit",
        HARD,
        prompt="""A wallpaper strip repeats a pattern, but its right edge may be cut off in the
            middle of the pattern. Return the shortest non-empty prefix which, repeated and then
            cut to the strip's length, gives the strip. An empty strip gives ''.""",
        hint="""A pattern of length p fits exactly when every character equals the one p
            positions earlier, and p need not divide the length.""",
        visible=(case("abcabca", gives="abc"), case("aaaa", gives="a")),
        hidden=(
            case("", gives=""),
            case("x", gives="x"),
            case("abcd", gives="abcd"),
            case("abab", gives="ab"),
            case("abaab", gives="aba"),
            case("abca", gives="abc"),
            case("aabaaba", gives="aab"),
        ),
        reference="""
            def shortest_unit(strip):
                for size in range(1, len(strip) + 1):
                    if all(strip[i] == strip[i - size] for i in range(size, len(strip))):
                        return strip[:size]
                return ""
        """,
        wrong=(
            Wrong(
                "It only tries lengths that divide the strip, so a cut-off pattern is never found.",
                """
                    def shortest_unit(strip):
                        for size in range(1, len(strip) + 1):
                            if len(strip) % size == 0:
                                if strip[:size] * (len(strip) // size) == strip:
                                    return strip[:size]
                        return ""
                """,
            ),
        ),
    ),
)
