"""Sequences: rules that make the next term from the earlier ones."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "rabbit_pens",
        EASY,
        prompt="""A pen starts with one pair of newborn rabbits in month 1. From their third
            month of life on each pair has `litter` new pairs every month. Return the number of
            pairs in month `months`; month 0 has none.""",
        hint="""This month's pairs are last month's plus one litter for each pair that already
            lived two months ago.""",
        visible=(case(4, 2, gives=5), case(0, 3, gives=0)),
        hidden=(
            case(1, 9, gives=1),
            case(2, 9, gives=1),
            case(3, 3, gives=4),
            case(6, 1, gives=8),
            case(5, 2, gives=11),
            case(7, 0, gives=1),
        ),
        reference="""
            def rabbit_pens(months, litter):
                before, now = 1, 0
                for _ in range(months):
                    before, now = now, now + litter * before if now else 1
                return now
        """,
        wrong=(
            Wrong(
                "Newborn pairs already have young in the next month.",
                """
                    def rabbit_pens(months, litter):
                        return (1 + litter) ** (months - 1) if months else 0
                """,
            ),
            Wrong(
                "It always adds a single new pair instead of a litter.",
                """
                    def rabbit_pens(months, litter):
                        a, b = 0, 1
                        for _ in range(months):
                            a, b = b, a + b
                        return a
                """,
            ),
        ),
    ),
    Entry(
        "read_aloud",
        EASY,
        prompt="""Read a string of digits aloud `times` times: each reading replaces every run of
            equal digits by its length and the digit, so '3311' becomes '2321'. Return the final
            string.""",
        hint="""Walk through the runs of equal digits and write count and digit; then apply the
            same step to the result.""",
        visible=(case("3311", 1, gives="2321"), case("1", 3, gives="1211")),
        hidden=(
            case("", 4, gives=""),
            case("507", 0, gives="507"),
            case("7", 1, gives="17"),
            case("22", 5, gives="22"),
            case("1", 5, gives="312211"),
            case("111111111111", 1, gives="121"),
        ),
        reference="""
            from itertools import groupby

            def read_aloud(digits, times):
                for _ in range(times):
                    digits = "".join(f"{len(list(run))}{digit}" for digit, run in groupby(digits))
                return digits
        """,
        wrong=(
            Wrong(
                "It counts each digit in the whole string instead of run by run.",
                """
                    def read_aloud(digits, times):
                        for _ in range(times):
                            kinds = dict.fromkeys(digits)
                            digits = "".join(f"{digits.count(d)}{d}" for d in kinds)
                        return digits
                """,
            ),
            Wrong(
                "It writes the digit before the count.",
                """
                    from itertools import groupby

                    def read_aloud(digits, times):
                        for _ in range(times):
                            digits = "".join(f"{d}{len(list(run))}" for d, run in groupby(digits))
                        return digits
                """,
            ),
        ),
    ),
    Entry(
        "missing_term",
        MEDIUM,
        prompt="""In a list of at least three integers with equal steps exactly one inner term is
            missing, so one gap is twice as large as the others. Return the missing term. With
            all gaps equal return None. Steps may be negative or zero.""",
        hint="""The ordinary step is the gap of smallest size; the missing term lies one such
            step after the start of the double gap.""",
        visible=(case([10, 6, 4, 2], gives=8), case([9, 6, 3], gives=None)),
        hidden=(
            case([5, 5, 5], gives=None),
            case([1, 3, 7], gives=5),
            case([0, 1, 2, 4], gives=3),
            case([-4, -8, -10], gives=-6),
            case([2, 4, 8, 10, 12], gives=6),
            case([7, -7, -14], gives=0),
        ),
        reference="""
            def missing_term(terms):
                gaps = [b - a for a, b in zip(terms, terms[1:])]
                step = min(gaps, key=abs)
                for term, gap in zip(terms, gaps):
                    if gap != step:
                        return term + step
                return None
        """,
        wrong=(
            Wrong(
                "It takes the first gap as the step, though it may be the double one.",
                """
                    def missing_term(terms):
                        step = terms[1] - terms[0]
                        for a, b in zip(terms, terms[1:]):
                            if b - a != step:
                                return a + step
                        return None
                """,
            ),
            Wrong(
                "It takes the smallest gap, which is the wrong one for falling sequences.",
                """
                    def missing_term(terms):
                        gaps = [b - a for a, b in zip(terms, terms[1:])]
                        step = min(gaps)
                        for term, gap in zip(terms, gaps):
                            if gap != step:
                                return term + step
                        return None
                """,
            ),
        ),
    ),
    Entry(
        "hail_peak",
        EASY,
        prompt="""A hailstone at height n goes to n/2 if n is even and to 3n+1 if it is odd,
            until it reaches 1. Return the pair (steps, peak): the number of steps to reach 1 and
            the greatest height on the way, the start included.""",
        hint="""Update the peak with the start as well as after every step, and stop as soon as
            the height is one.""",
        visible=(case(6, gives=(8, 16)), case(1, gives=(0, 1))),
        hidden=(
            case(2, gives=(1, 2)),
            case(3, gives=(7, 16)),
            case(16, gives=(4, 16)),
            case(7, gives=(16, 52)),
            case(9, gives=(19, 52)),
            case(64, gives=(6, 64)),
        ),
        reference="""
            def hail_peak(height):
                steps, peak = 0, height
                while height != 1:
                    height = 3 * height + 1 if height % 2 else height // 2
                    peak = max(peak, height)
                    steps += 1
                return steps, peak
        """,
        wrong=(
            Wrong(
                "The start does not count for the peak.",
                """
                    def hail_peak(height):
                        steps, peak = 0, 0
                        while height != 1:
                            height = 3 * height + 1 if height % 2 else height // 2
                            peak = max(peak, height)
                            steps += 1
                        return steps, peak
                """,
            ),
            Wrong(
                "It counts the heights visited, which is one more than the steps.",
                """
                    def hail_peak(height):
                        heights = [height]
                        while height != 1:
                            height = 3 * height + 1 if height % 2 else height // 2
                            heights.append(height)
                        return len(heights), max(heights)
                """,
            ),
        ),
    ),
    Entry(
        "self_counting",
        MEDIUM,
        prompt="""A sequence starts with 0. Each further term says how many places back the
            previous term's value last appeared before that, or 0 if it was new. Return the first
            `count` terms, which begin 0, 0, 1.""",
        hint="""Remember the last place of every value, but store the newest term only after
            looking it up.""",
        visible=(case(5, gives=[0, 0, 1, 0, 2]), case(1, gives=[0])),
        hidden=(
            case(0, gives=[]),
            case(2, gives=[0, 0]),
            case(7, gives=[0, 0, 1, 0, 2, 0, 2]),
            case(10, gives=[0, 0, 1, 0, 2, 0, 2, 2, 1, 6]),
            case(13, gives=[0, 0, 1, 0, 2, 0, 2, 2, 1, 6, 0, 5, 0]),
        ),
        reference="""
            def self_counting(count):
                terms, last_place = [], {}
                term = 0
                for place in range(count):
                    terms.append(term)
                    following = place - last_place[term] if term in last_place else 0
                    last_place[term] = place
                    term = following
                return terms
        """,
        wrong=(
            Wrong(
                "It stores the newest place before the look-up, so every distance is 0.",
                """
                    def self_counting(count):
                        terms, last_place = [], {}
                        term = 0
                        for place in range(count):
                            terms.append(term)
                            last_place[term] = place
                            term = place - last_place[term]
                        return terms
                """,
            ),
            Wrong(
                "It measures the distance to the first appearance instead of the last.",
                """
                    def self_counting(count):
                        terms = [0]
                        while len(terms) < count:
                            place = len(terms) - 1
                            terms.append(place - terms.index(terms[-1]))
                        return terms[:count]
                """,
            ),
        ),
    ),
    Entry(
        "next_in_pattern",
        HARD,
        prompt="""Predict the next term of an integer list by differences: take differences of
            neighbours again and again until all are equal, or one is left, and build back up.
            Return the next term; the list is not empty.""",
        hint="""The next term is the last term plus the next difference, which the same rule
            predicts for the list of differences.""",
        visible=(case([1, 4, 9, 16], gives=25), case([5], gives=5)),
        hidden=(
            case([2, 2, 2], gives=2),
            case([3, 7], gives=11),
            case([10, 7, 4], gives=1),
            case([0, 1, 8, 27], gives=64),
            case([1, 2, 4, 7, 11], gives=16),
            case([-1, 0, -1], gives=-4),
        ),
        reference="""
            def next_in_pattern(terms):
                if len(set(terms)) == 1:
                    return terms[-1]
                differences = [b - a for a, b in zip(terms, terms[1:])]
                return terms[-1] + next_in_pattern(differences)
        """,
        wrong=(
            Wrong(
                "It takes the last difference again, as if the steps were always equal.",
                """
                    def next_in_pattern(terms):
                        return terms[-1] + (terms[-1] - terms[-2] if len(terms) > 1 else 0)
                """,
            ),
            Wrong(
                "It looks at differences of differences only once and no deeper.",
                """
                    def next_in_pattern(terms):
                        if len(terms) < 3:
                            return terms[-1] + (terms[-1] - terms[0])
                        first = [b - a for a, b in zip(terms, terms[1:])]
                        return terms[-1] + first[-1] + first[-1] - first[-2]
                """,
            ),
        ),
    ),
)
