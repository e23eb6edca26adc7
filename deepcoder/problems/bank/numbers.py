"""Numbers: digits, divisors, rounding and little number games."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "ticket_is_lucky",
        EASY,
        prompt="""A ticket number is padded with leading zeros to six digits. It is lucky when
            its first three digits have the same sum as its last three. Return whether the ticket
            is lucky; numbers range from 0 to 999999.""",
        hint="""Write the number with its leading zeros first, otherwise the halves are cut at
            the wrong place.""",
        visible=(case(123051, gives=True), case(10100, gives=True)),
        hidden=(
            case(0, gives=True),
            case(999999, gives=True),
            case(123456, gives=False),
            case(12300, gives=True),
            case(12301, gives=False),
            case(7, gives=False),
            case(30120, gives=True),
            case(1001, gives=True),
        ),
        reference="""
            def ticket_is_lucky(number):
                digits = [int(d) for d in str(number).zfill(6)]
                return sum(digits[:3]) == sum(digits[3:])
        """,
        wrong=(
            Wrong(
                "It forgets the leading zeros, so short numbers are split at the wrong place.",
                """
                    def ticket_is_lucky(number):
                        digits = [int(d) for d in str(number)]
                        return sum(digits[:3]) == sum(digits[3:])
                """,
            ),
        ),
    ),
    Entry(
        "round_to_step",
        MEDIUM,
        prompt="""Round the integer `value` to the nearest multiple of the positive integer
            `step`. When it lies exactly in the middle, round away from zero. Negative values are
            possible.""",
        hint="""Round the absolute value half up with integer arithmetic and put the sign back
            afterwards.""",
        visible=(case(17, 5, gives=15), case(25, 10, gives=30)),
        hidden=(
            case(0, 7, gives=0),
            case(-25, 10, gives=-30),
            case(-24, 10, gives=-20),
            case(3, 2, gives=4),
            case(5, 1, gives=5),
            case(-1, 4, gives=0),
            case(7, 3, gives=6),
        ),
        reference="""
            def round_to_step(value, step):
                rounded = (2 * abs(value) + step) // (2 * step) * step
                return rounded if value >= 0 else -rounded
        """,
        wrong=(
            Wrong(
                "Python's round sends ties to the even multiple instead of away from zero.",
                """
                    def round_to_step(value, step):
                        return round(value / step) * step
                """,
            ),
            Wrong(
                "Adding half a step and flooring rounds negative ties towards zero.",
                """
                    def round_to_step(value, step):
                        return (2 * value + step) // (2 * step) * step
                """,
            ),
        ),
    ),
    Entry(
        "digit_sandwich",
        EASY,
        prompt="""Return how many digits of a non-negative integer are strictly larger than both
            digits next to them. The first and last digit have only one neighbour and never
            count.""",
        hint="""Only inner digits can count, and both comparisons must be strict.""",
        visible=(case(1312, gives=1), case(91, gives=0)),
        hidden=(
            case(0, gives=0),
            case(15251, gives=2),
            case(1331, gives=0),
            case(9, gives=0),
            case(123454321, gives=1),
            case(9091909, gives=2),
        ),
        reference="""
            def digit_sandwich(number):
                text = str(number)
                count = 0
                for left, middle, right in zip(text, text[1:], text[2:]):
                    if middle > left and middle > right:
                        count += 1
                return count
        """,
        wrong=(
            Wrong(
                "It lets the end digits count although they have only one neighbour.",
                """
                    def digit_sandwich(number):
                        text = "/" + str(number) + "/"
                        return sum(
                            a < b > c for a, b, c in zip(text, text[1:], text[2:])
                        )
                """,
            ),
            Wrong(
                "It also counts digits that merely equal one of their neighbours.",
                """
                    def digit_sandwich(number):
                        text = str(number)
                        return sum(
                            a <= b >= c and not a == b == c
                            for a, b, c in zip(text, text[1:], text[2:])
                        )
                """,
            ),
        ),
    ),
    Entry(
        "fewest_coins",
        MEDIUM,
        prompt="""A purse holds exactly two coins of each given value. Return the smallest number
            of coins that pays `amount` exactly, or -1 when no choice of coins does. Amount 0
            needs 0 coins. The values are different positive integers.""",
        hint="""Take the coins of the purse one by one and keep, for every sum that can be
            reached, the fewest coins; the largest coin first is not always best.""",
        visible=(case([1, 3, 4], 6, gives=2), case([5], 15, gives=-1)),
        hidden=(
            case([2], 0, gives=0),
            case([], 4, gives=-1),
            case([1, 2, 7], 8, gives=2),
            case([1, 5, 10], 32, gives=6),
            case([1, 5, 10], 33, gives=-1),
            case([1, 7, 10], 14, gives=2),
            case([4, 6], 20, gives=4),
            case([2, 3], 7, gives=3),
        ),
        reference="""
            def fewest_coins(values, amount):
                fewest = {0: 0}
                for coin in values + values:
                    for total, count in list(fewest.items()):
                        better = count + 1
                        if better < fewest.get(total + coin, better + 1):
                            fewest[total + coin] = better
                return fewest.get(amount, -1)
        """,
        wrong=(
            Wrong(
                "It greedily takes the largest coin, which can need more coins or get stuck.",
                """
                    def fewest_coins(values, amount):
                        used = 0
                        for coin in sorted(values + values, reverse=True):
                            if coin <= amount:
                                amount -= coin
                                used += 1
                        return used if amount == 0 else -1
                """,
            ),
            Wrong(
                "It uses each value as often as it likes, not only twice.",
                """
                    def fewest_coins(values, amount):
                        best = [0] + [amount + 1] * amount
                        for total in range(1, amount + 1):
                            for coin in values:
                                if coin <= total:
                                    best[total] = min(best[total], best[total - coin] + 1)
                        return best[amount] if best[amount] <= amount else -1
                """,
            ),
        ),
    ),
    Entry(
        "shared_factor_free",
        EASY,
        prompt="""Return whether no two of the given positive integers at different positions
            share a common divisor larger than 1. Lists with fewer than two numbers count as
            free.""",
        hint="""Every pair must be tested; a common divisor of one for the whole list is not
            enough.""",
        visible=(case([4, 9, 25], gives=True), case([6, 10, 15], gives=False)),
        hidden=(
            case([], gives=True),
            case([8], gives=True),
            case([1, 1], gives=True),
            case([5, 5], gives=False),
            case([2, 3, 4], gives=False),
            case([7, 15, 22], gives=True),
        ),
        reference="""
            from math import gcd

            def shared_factor_free(numbers):
                for i, first in enumerate(numbers):
                    for second in numbers[i + 1:]:
                        if gcd(first, second) > 1:
                            return False
                return True
        """,
        wrong=(
            Wrong(
                "It tests the divisor common to all numbers instead of every pair.",
                """
                    from math import gcd

                    def shared_factor_free(numbers):
                        return len(numbers) < 2 or gcd(*numbers) == 1
                """,
            ),
            Wrong(
                "It compares only neighbours in the list.",
                """
                    from math import gcd

                    def shared_factor_free(numbers):
                        return all(gcd(a, b) == 1 for a, b in zip(numbers, numbers[1:]))
                """,
            ),
        ),
    ),
    Entry(
        "egg_boxes",
        EASY,
        prompt="""Eggs are packed into boxes of 12 and boxes of 6; the last box may be partly
            filled. Return the pair (dozens, halves) that uses as many boxes of 12 as possible
            without an unfilled one, and then as few boxes of 6 as possible.""",
        hint="""The rest after full dozens is below twelve and needs one half box for each
            started six.""",
        visible=(case(30, gives=(2, 1)), case(20, gives=(1, 2))),
        hidden=(
            case(0, gives=(0, 0)),
            case(1, gives=(0, 1)),
            case(6, gives=(0, 1)),
            case(7, gives=(0, 2)),
            case(12, gives=(1, 0)),
            case(35, gives=(2, 2)),
        ),
        reference="""
            def egg_boxes(eggs):
                dozens, rest = divmod(eggs, 12)
                halves = (rest + 5) // 6
                return dozens, halves
        """,
        wrong=(
            Wrong(
                "It rounds the number of half boxes down and leaves eggs unpacked.",
                """
                    def egg_boxes(eggs):
                        return eggs // 12, eggs % 12 // 6
                """,
            ),
            Wrong(
                "It always adds one more half box, even when no eggs are left over.",
                """
                    def egg_boxes(eggs):
                        return eggs // 12, eggs % 12 // 6 + 1
                """,
            ),
        ),
    ),
    Entry(
        "kaprekar_steps",
        MEDIUM,
        prompt="""Take a number with `width` digits, counting leading zeros. Each step subtracts
            its digits in ascending order from its digits in descending order. Return how many
            steps it takes until a number appears that was seen before, the start included.""",
        hint="""Remember all numbers seen and pad to the full width before sorting the digits.""",
        visible=(case(3524, 4, gives=4), case(100, 3, gives=7)),
        hidden=(
            case(6174, 4, gives=1),
            case(1111, 4, gives=2),
            case(0, 2, gives=1),
            case(9, 1, gives=2),
            case(21, 2, gives=6),
            case(2111, 4, gives=6),
        ),
        reference="""
            def kaprekar_steps(number, width):
                seen = set()
                while number not in seen:
                    seen.add(number)
                    digits = "".join(sorted(str(number).zfill(width)))
                    number = int(digits[::-1]) - int(digits)
                return len(seen)
        """,
        wrong=(
            Wrong(
                "It drops leading zeros, so numbers that became shorter lose digits.",
                """
                    def kaprekar_steps(number, width):
                        seen = set()
                        while number not in seen:
                            seen.add(number)
                            digits = "".join(sorted(str(number)))
                            number = int(digits[::-1]) - int(digits)
                        return len(seen)
                """,
            ),
            Wrong(
                "It stops only when a number repeats at once and counts one step too few.",
                """
                    def kaprekar_steps(number, width):
                        steps = 0
                        while steps < 100:
                            digits = "".join(sorted(str(number).zfill(width)))
                            after = int(digits[::-1]) - int(digits)
                            if after == number:
                                break
                            number = after
                            steps += 1
                        return steps
                """,
            ),
        ),
    ),
    Entry(
        "elevator_digits",
        EASY,
        prompt="""A hotel skips every floor whose number contains the digit 4 or the digit pair
            13. Return how many floors from 1 to `top` really exist.""",
        hint="""Look at the written number of each floor: a single forbidden digit or a forbidden
            pair anywhere in it rules it out.""",
        visible=(case(5, gives=4), case(14, gives=11)),
        hidden=(
            case(0, gives=0),
            case(1, gives=1),
            case(4, gives=3),
            case(40, gives=34),
            case(50, gives=35),
            case(139, gives=105),
        ),
        reference="""
            def elevator_digits(top):
                count = 0
                for floor in range(1, top + 1):
                    label = str(floor)
                    if "4" not in label and "13" not in label:
                        count += 1
                return count
        """,
        wrong=(
            Wrong(
                "It skips only the floors 4 and 13 themselves, not numbers that contain them.",
                """
                    def elevator_digits(top):
                        return sum(1 for floor in range(1, top + 1) if floor not in (4, 13))
                """,
            ),
            Wrong(
                "It leaves out the top floor from the count.",
                """
                    def elevator_digits(top):
                        return sum(
                            1 for f in range(1, top) if "4" not in str(f) and "13" not in str(f)
                        )
                """,
            ),
        ),
    ),
    Entry(
        "repeating_decimals",
        HARD,
        prompt="""Divide 1 by the positive integer `n` in decimal. Return the digits that repeat
            forever as a string, such as '3' for 1/3. When the division ends, return an empty
            string.""",
        hint="""Do long division and remember at which digit each remainder first appeared; the
            same remainder again means the digits since then repeat.""",
        visible=(case(3, gives="3"), case(12, gives="3")),
        hidden=(
            case(1, gives=""),
            case(8, gives=""),
            case(7, gives="142857"),
            case(6, gives="6"),
            case(11, gives="09"),
            case(28, gives="571428"),
        ),
        reference="""
            def repeating_decimals(n):
                first_seen = {}
                digits = ""
                remainder = 1 % n
                while remainder and remainder not in first_seen:
                    first_seen[remainder] = len(digits)
                    remainder *= 10
                    digits += str(remainder // n)
                    remainder %= n
                return digits[first_seen[remainder]:] if remainder else ""
        """,
        wrong=(
            Wrong(
                "It returns all digits up to the repetition, including those that do not repeat.",
                """
                    def repeating_decimals(n):
                        seen = set()
                        digits = ""
                        remainder = 1 % n
                        while remainder and remainder not in seen:
                            seen.add(remainder)
                            remainder *= 10
                            digits += str(remainder // n)
                            remainder %= n
                        return digits if remainder else ""
                """,
            ),
            Wrong(
                "It looks for the remainder 1 again, which never comes for many denominators.",
                """
                    def repeating_decimals(n):
                        digits = ""
                        remainder = 1 % n
                        for _ in range(n):
                            remainder *= 10
                            digits += str(remainder // n)
                            remainder %= n
                            if remainder == 1:
                                return digits
                        return ""
                """,
            ),
        ),
    ),
)
