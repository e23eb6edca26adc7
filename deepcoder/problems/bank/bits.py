"""Bits: flags, masks, binary digits and small codes."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "switch_lights",
        EASY,
        prompt="""The bits of `lamps` say which lamps are on, lamp 0 being the lowest bit. Every
            number in `presses` toggles that lamp. Return the new integer.""",
        hint="""Exclusive or with a single shifted one flips exactly that lamp, in both
            directions.""",
        visible=(case(0b101, [0, 1], gives=0b110), case(0, [3, 3], gives=0)),
        hidden=(
            case(0, [], gives=0),
            case(7, [0, 1, 2], gives=0),
            case(0, [10], gives=1024),
            case(8, [3, 3, 3], gives=0),
            case(1, [0, 4, 0], gives=17),
        ),
        reference="""
            def switch_lights(lamps, presses):
                for lamp in presses:
                    lamps ^= 1 << lamp
                return lamps
        """,
        wrong=(
            Wrong(
                "It only switches lamps on and never off.",
                """
                    def switch_lights(lamps, presses):
                        for lamp in presses:
                            lamps |= 1 << lamp
                        return lamps
                """,
            ),
            Wrong(
                "It adds powers of two, which carries over when a lamp is already on.",
                """
                    def switch_lights(lamps, presses):
                        return lamps + sum(1 << lamp for lamp in presses)
                """,
            ),
        ),
    ),
    Entry(
        "permission_text",
        EASY,
        prompt="""A number from 0 to 7 holds permissions: 4 read, 2 write, 1 execute. Return the
            three-letter text with 'r', 'w' and 'x' in this order and '-' for each missing one.
            For other numbers return an empty string.""",
        hint="""Test each of the three bits on its own with a mask.""",
        visible=(case(6, gives="rw-"), case(9, gives="")),
        hidden=(
            case(0, gives="---"),
            case(7, gives="rwx"),
            case(1, gives="--x"),
            case(5, gives="r-x"),
            case(2, gives="-w-"),
            case(-1, gives=""),
            case(8, gives=""),
        ),
        reference="""
            def permission_text(number):
                if not 0 <= number <= 7:
                    return ""
                text = ""
                for letter, bit in (("r", 4), ("w", 2), ("x", 1)):
                    text += letter if number & bit else "-"
                return text
        """,
        wrong=(
            Wrong(
                "It does not check the range and reads the lowest bits of any number.",
                """
                    def permission_text(number):
                        return "".join(
                            letter if number & bit else "-"
                            for letter, bit in (("r", 4), ("w", 2), ("x", 1))
                        )
                """,
            ),
            Wrong(
                "The bits are read in the opposite order.",
                """
                    def permission_text(number):
                        if not 0 <= number <= 7:
                            return ""
                        return "".join(
                            letter if number & bit else "-"
                            for letter, bit in (("r", 1), ("w", 2), ("x", 4))
                        )
                """,
            ),
        ),
    ),
    Entry(
        "longest_on_run",
        MEDIUM,
        prompt="""Return the pair (length, start) of the longest run of ones in the binary form
            of a non-negative integer, where start is the bit number of the run's lowest one. Of
            equally long runs choose the lowest; for 0 return (0, 0).""",
        hint="""Go through the bits from the lowest and replace the best run only by a strictly
            longer one.""",
        visible=(case(0b110111, gives=(3, 0)), case(0b101, gives=(1, 0))),
        hidden=(
            case(0, gives=(0, 0)),
            case(1, gives=(1, 0)),
            case(0b11100, gives=(3, 2)),
            case(0b11011, gives=(2, 0)),
            case(0b1110110, gives=(3, 4)),
            case(255, gives=(8, 0)),
        ),
        reference="""
            def longest_on_run(number):
                best, run = (0, 0), 0
                for place in range(number.bit_length()):
                    run = run + 1 if number >> place & 1 else 0
                    if run > best[0]:
                        best = (run, place - run + 1)
                return best
        """,
        wrong=(
            Wrong(
                "Of equally long runs it chooses the highest.",
                """
                    def longest_on_run(number):
                        best, run = (0, 0), 0
                        for place in range(number.bit_length()):
                            run = run + 1 if number >> place & 1 else 0
                            if run and run >= best[0]:
                                best = (run, place - run + 1)
                        return best
                """,
            ),
            Wrong(
                "It counts positions from the highest digit instead of from bit 0.",
                """
                    def longest_on_run(number):
                        digits = bin(number)[2:]
                        longest = max(len(run) for run in digits.split("0"))
                        return longest, digits.find("1" * longest) if longest else 0
                """,
            ),
        ),
    ),
    Entry(
        "parity_repair",
        MEDIUM,
        prompt="""A word of bits, as a string, was sent with an even parity bit at its end: the
            whole string must hold an even number of ones. Each string may contain at most one
            '?', an unreadable bit. Return the string repaired, or None if it is certainly
            damaged.""",
        hint="""One unknown bit is decided by the parity of the others; without an unknown the
            parity must already be even.""",
        visible=(case("1?10", gives="1010"), case("100", gives=None)),
        hidden=(
            case("", gives=""),
            case("?", gives="0"),
            case("1?", gives="11"),
            case("111?", gives="1111"),
            case("0110", gives="0110"),
            case("0111", gives=None),
        ),
        reference="""
            def parity_repair(bits):
                odd = bits.count("1") % 2 == 1
                if "?" in bits:
                    return bits.replace("?", "1" if odd else "0")
                return None if odd else bits
        """,
        wrong=(
            Wrong(
                "It repairs to an odd number of ones.",
                """
                    def parity_repair(bits):
                        odd = bits.count("1") % 2 == 1
                        if "?" in bits:
                            return bits.replace("?", "0" if odd else "1")
                        return None if odd else bits
                """,
            ),
            Wrong(
                "It does not check words that have no unreadable bit.",
                """
                    def parity_repair(bits):
                        return bits.replace("?", str(bits.count("1") % 2))
                """,
            ),
        ),
    ),
    Entry(
        "pack_date_bits",
        MEDIUM,
        prompt="""Pack (year, month, day) into one integer as old file systems do: the lowest 5
            bits hold the day, the next 4 the month, and the bits above the years since 1980.
            Return the integer.""",
        hint="""Shift each field up by the total width of the fields below it and combine
            them.""",
        visible=(case(1980, 1, 1, gives=33), case(1981, 2, 3, gives=579)),
        hidden=(
            case(1980, 12, 31, gives=415),
            case(2000, 1, 1, gives=10273),
            case(2024, 2, 29, gives=22621),
            case(1999, 12, 31, gives=10143),
            case(2107, 12, 31, gives=65439),
        ),
        reference="""
            def pack_date_bits(year, month, day):
                return (year - 1980) << 9 | month << 5 | day
        """,
        wrong=(
            Wrong(
                "It shifts the year by 8 instead of 9, into the bits of the month.",
                """
                    def pack_date_bits(year, month, day):
                        return (year - 1980) << 8 | month << 5 | day
                """,
            ),
            Wrong(
                "It counts months from zero.",
                """
                    def pack_date_bits(year, month, day):
                        return (year - 1980) << 9 | (month - 1) << 5 | day
                """,
            ),
        ),
    ),
    Entry(
        "mirror_byte",
        EASY,
        prompt="""Return the number from 0 to 255 whose eight binary digits are those of the
            given number in reverse order, leading zeros included. Of larger or negative numbers
            only the lowest eight bits count.""",
        hint="""Reduce to eight bits first and write exactly eight digits before reversing.""",
        visible=(case(1, gives=128), case(6, gives=96)),
        hidden=(
            case(0, gives=0),
            case(255, gives=255),
            case(128, gives=1),
            case(256, gives=0),
            case(-1, gives=255),
            case(29, gives=184),
            case(257, gives=128),
        ),
        reference="""
            def mirror_byte(number):
                digits = format(number & 255, "08b")
                return int(digits[::-1], 2)
        """,
        wrong=(
            Wrong(
                "It forgets the leading zeros, so small numbers hardly change.",
                """
                    def mirror_byte(number):
                        return int(format(number & 255, "b")[::-1], 2)
                """,
            ),
            Wrong(
                "It inverts the bits instead of reversing their order.",
                """
                    def mirror_byte(number):
                        return ~number & 255
                """,
            ),
        ),
    ),
    Entry(
        "lonely_badge",
        EASY,
        prompt="""At the exit every badge number is scanned, and each visitor should be scanned
            exactly twice. Return the sorted list of numbers that were scanned an odd number of
            times.""",
        hint="""Toggling a number's membership at every scan leaves exactly the odd ones.""",
        visible=(case([4, 7, 4], gives=[7]), case([2, 2, 2, 1], gives=[1, 2])),
        hidden=(
            case([], gives=[]),
            case([5, 5], gives=[]),
            case([9, 8, 7], gives=[7, 8, 9]),
            case([1, 1, 1, 1], gives=[]),
            case([0, 3, 0, 0], gives=[0, 3]),
        ),
        reference="""
            def lonely_badge(scans):
                odd = set()
                for badge in scans:
                    odd ^= {badge}
                return sorted(odd)
        """,
        wrong=(
            Wrong(
                "It finds numbers scanned exactly once and misses three times.",
                """
                    def lonely_badge(scans):
                        return sorted(b for b in set(scans) if scans.count(b) == 1)
                """,
            ),
            Wrong(
                "It combines all numbers by exclusive or, which works for a single one only.",
                """
                    def lonely_badge(scans):
                        rest = 0
                        for badge in scans:
                            rest ^= badge
                        return [rest] if rest else []
                """,
            ),
        ),
    ),
    Entry(
        "gray_dial",
        HARD,
        prompt="""A dial reports its position in Gray code, where neighbouring positions differ
            in one bit: position p has the code p xor (p shifted right by one). Return the
            position for a given code string of zeros and ones; an empty string means 0.""",
        hint="""Each binary digit of the position is the exclusive or of all code digits up to
            that place.""",
        visible=(case("11", gives=2), case("111", gives=5)),
        hidden=(
            case("", gives=0),
            case("0", gives=0),
            case("1", gives=1),
            case("0110", gives=4),
            case("1000", gives=15),
            case("1101", gives=9),
            case("10101", gives=25),
        ),
        reference="""
            def gray_dial(code):
                position = bit = 0
                for digit in code:
                    bit ^= int(digit)
                    position = position * 2 + bit
                return position
        """,
        wrong=(
            Wrong(
                "It applies the encoding once more instead of undoing it.",
                """
                    def gray_dial(code):
                        number = int(code or "0", 2)
                        return number ^ number >> 1
                """,
            ),
            Wrong(
                "It reads the code as an ordinary binary number.",
                """
                    def gray_dial(code):
                        return int(code or "0", 2)
                """,
            ),
        ),
    ),
)
