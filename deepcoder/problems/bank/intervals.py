"""Intervals: bookings, overlaps, gaps and coverage. Pairs are (start, end)."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "fuse_bookings",
        MEDIUM,
        prompt="""Bookings are (start, end) hours in any order. Two bookings with at most `pause`
            hours between them, or overlapping, leave no time to clean and become one. Return the
            sorted list of the resulting (start, end) pairs.""",
        hint="""After sorting by start, a booking either extends the last one or starts a new
            one, and an extension must never shorten.""",
        visible=(
            case([(4, 5), (1, 3)], 1, gives=[(1, 5)]),
            case([(1, 9), (2, 4)], 0, gives=[(1, 9)]),
        ),
        hidden=(
            case([], 2, gives=[]),
            case([(4, 6)], 0, gives=[(4, 6)]),
            case([(6, 8), (1, 3)], 2, gives=[(1, 3), (6, 8)]),
            case([(1, 4), (2, 3), (3, 7), (8, 9)], 0, gives=[(1, 7), (8, 9)]),
            case([(1, 10), (2, 3), (12, 13)], 1, gives=[(1, 10), (12, 13)]),
            case([(0, 2), (4, 5), (7, 8)], 2, gives=[(0, 8)]),
        ),
        reference="""
            def fuse_bookings(bookings, pause):
                fused = []
                for start, end in sorted(bookings):
                    if fused and start - fused[-1][1] <= pause:
                        fused[-1] = (fused[-1][0], max(end, fused[-1][1]))
                    else:
                        fused.append((start, end))
                return fused
        """,
        wrong=(
            Wrong(
                "It takes the later booking's end, which can shorten an enclosing one.",
                """
                    def fuse_bookings(bookings, pause):
                        fused = []
                        for start, end in sorted(bookings):
                            if fused and start - fused[-1][1] <= pause:
                                fused[-1] = (fused[-1][0], end)
                            else:
                                fused.append((start, end))
                        return fused
                """,
            ),
            Wrong(
                "It leaves bookings apart whose gap is exactly the pause.",
                """
                    def fuse_bookings(bookings, pause):
                        fused = []
                        for start, end in sorted(bookings):
                            if fused and start - fused[-1][1] < pause:
                                fused[-1] = (fused[-1][0], max(end, fused[-1][1]))
                            else:
                                fused.append((start, end))
                        return fused
                """,
            ),
        ),
    ),
    Entry(
        "shared_minutes",
        EASY,
        prompt="""Two people are online during (start, end) minutes. Return how many minutes they
            are online together; periods that only touch or do not meet share 0.""",
        hint="""The shared part runs from the later start to the earlier end and may turn out
            negative.""",
        visible=(
            case((10, 20), (15, 30), gives=5),
            case((0, 5), (7, 9), gives=0),
            case((1, 9), (3, 4), gives=1),
        ),
        hidden=(
            case((0, 5), (5, 9), gives=0),
            case((3, 4), (1, 9), gives=1),
            case((2, 6), (2, 6), gives=4),
            case((8, 12), (0, 9), gives=1),
            case((40, 50), (1, 2), gives=0),
        ),
        reference="""
            def shared_minutes(first, second):
                start = max(first[0], second[0])
                end = min(first[1], second[1])
                return max(end - start, 0)
        """,
        wrong=(
            Wrong(
                "Periods that do not meet give a negative number.",
                """
                    def shared_minutes(first, second):
                        return min(first[1], second[1]) - max(first[0], second[0])
                """,
            ),
            Wrong(
                "It takes it that the second period starts later and ends later.",
                """
                    def shared_minutes(first, second):
                        return max(first[1] - second[0], 0)
                """,
            ),
        ),
    ),
    Entry(
        "most_guests",
        MEDIUM,
        prompt="""Each visit is (arrival, departure). Return the largest number of guests present
            at the same time. A guest who leaves at the moment another arrives is not present
            together with them.""",
        hint="""Turn visits into events of plus and minus one; at the same moment departures must
            be handled first.""",
        visible=(
            case([(1, 5), (2, 6), (4, 7)], gives=3),
            case([(1, 2), (2, 3)], gives=1),
            case([(5, 6), (1, 9), (2, 3)], gives=2),
        ),
        hidden=(
            case([], gives=0),
            case([(3, 9)], gives=1),
            case([(1, 4), (4, 8), (4, 5), (0, 1)], gives=2),
            case([(1, 3), (1, 3), (1, 3)], gives=3),
            case([(0, 10), (1, 2), (2, 3), (3, 4)], gives=2),
        ),
        reference="""
            def most_guests(visits):
                events = [(arrival, 1) for arrival, _ in visits]
                events += [(departure, -1) for _, departure in visits]
                present = most = 0
                for _, change in sorted(events):
                    present += change
                    most = max(most, present)
                return most
        """,
        wrong=(
            Wrong(
                "At the same moment it lets guests arrive before others leave.",
                """
                    def most_guests(visits):
                        events = [(arrival, 0) for arrival, _ in visits]
                        events += [(departure, 1) for _, departure in visits]
                        present = most = 0
                        for _, leaves in sorted(events):
                            present += -1 if leaves else 1
                            most = max(most, present)
                        return most
                """,
            ),
            Wrong(
                "For each visit it counts all others that overlap it at any time.",
                """
                    def most_guests(visits):
                        return max(
                            (sum(a < d and c < b for c, d in visits) for a, b in visits),
                            default=0,
                        )
                """,
            ),
        ),
    ),
    Entry(
        "free_slots",
        MEDIUM,
        prompt="""Return the sorted (start, end) gaps of at least `length` between the meetings
            of a day from `opens` to `closes`. Meetings lie inside the day, may overlap and come
            in any order. Time before the first and after the last counts.""",
        hint="""Walk through the meetings by start and remember the latest end so far, with the
            closing time as a last meeting.""",
        visible=(
            case(9, 17, [(10, 12), (13, 15)], 1, gives=[(9, 10), (12, 13), (15, 17)]),
            case(9, 12, [(9, 11)], 2, gives=[]),
        ),
        hidden=(
            case(8, 10, [], 1, gives=[(8, 10)]),
            case(8, 10, [(8, 10)], 1, gives=[]),
            case(0, 10, [(1, 8), (2, 3)], 1, gives=[(0, 1), (8, 10)]),
            case(0, 9, [(6, 7), (2, 4)], 2, gives=[(0, 2), (4, 6), (7, 9)]),
            case(0, 9, [(3, 6)], 3, gives=[(0, 3), (6, 9)]),
            case(0, 9, [(3, 6)], 4, gives=[]),
        ),
        reference="""
            def free_slots(opens, closes, meetings, length):
                slots, free_from = [], opens
                for start, end in sorted(meetings) + [(closes, closes)]:
                    if start - free_from >= length:
                        slots.append((free_from, start))
                    free_from = max(free_from, end)
                return slots
        """,
        wrong=(
            Wrong(
                "It forgets the time after the last meeting.",
                """
                    def free_slots(opens, closes, meetings, length):
                        slots, free_from = [], opens
                        for start, end in sorted(meetings):
                            if start - free_from >= length:
                                slots.append((free_from, start))
                            free_from = max(free_from, end)
                        return slots
                """,
            ),
            Wrong(
                "A short meeting inside a longer one seems to free the time after it.",
                """
                    def free_slots(opens, closes, meetings, length):
                        slots, free_from = [], opens
                        for start, end in sorted(meetings) + [(closes, closes)]:
                            if start - free_from >= length:
                                slots.append((free_from, start))
                            free_from = end
                        return slots
                """,
            ),
        ),
    ),
    Entry(
        "painted_length",
        EASY,
        prompt="""Strokes (a, b) paint a fence between positions a and b; a may be larger than b.
            Return the total painted length, counting parts that were painted several times only
            once. All positions are integers.""",
        hint="""Order the ends of each stroke and collect the unit pieces that it covers in one
            set.""",
        visible=(case([(0, 4), (2, 6)], gives=6), case([(5, 3)], gives=2)),
        hidden=(
            case([], gives=0),
            case([(3, 3)], gives=0),
            case([(-2, 1), (1, -2)], gives=3),
            case([(0, 2), (8, 5)], gives=5),
            case([(0, 10), (2, 3), (12, 9)], gives=12),
        ),
        reference="""
            def painted_length(strokes):
                pieces = set()
                for a, b in strokes:
                    pieces.update(range(min(a, b), max(a, b)))
                return len(pieces)
        """,
        wrong=(
            Wrong(
                "It adds the lengths and counts parts painted twice twice.",
                """
                    def painted_length(strokes):
                        return sum(abs(a - b) for a, b in strokes)
                """,
            ),
            Wrong(
                "It counts positions instead of the pieces between them, one too many a stroke.",
                """
                    def painted_length(strokes):
                        pieces = set()
                        for a, b in strokes:
                            pieces.update(range(min(a, b), max(a, b) + 1))
                        return len(pieces)
                """,
            ),
        ),
    ),
    Entry(
        "fits_timetable",
        EASY,
        prompt="""`booked` holds (start, end) pairs. Return whether a new course from `start` to
            `end` can be added without overlapping any of them. Courses may follow directly on
            each other, and a course with end not after start is never accepted.""",
        hint="""Two periods are apart exactly when one ends no later than the other starts.""",
        visible=(
            case([(8, 10), (12, 14)], 10, 12, gives=True),
            case([(9, 10)], 8, 11, gives=False),
        ),
        hidden=(
            case([], 5, 5, gives=False),
            case([], 5, 6, gives=True),
            case([(3, 4)], 1, 9, gives=False),
            case([(8, 10)], 9, 12, gives=False),
            case([(8, 12)], 9, 10, gives=False),
            case([(8, 10)], 6, 8, gives=True),
            case([(1, 2)], 9, 7, gives=False),
        ),
        reference="""
            def fits_timetable(booked, start, end):
                if end <= start:
                    return False
                return all(end <= first or start >= last for first, last in booked)
        """,
        wrong=(
            Wrong(
                "It only checks whether the new ends lie inside a course, not the reverse.",
                """
                    def fits_timetable(booked, start, end):
                        if end <= start:
                            return False
                        return not any(a < start < b or a < end < b for a, b in booked)
                """,
            ),
            Wrong(
                "It refuses a course that starts exactly when another ends.",
                """
                    def fits_timetable(booked, start, end):
                        if end <= start:
                            return False
                        return all(end < first or start > last for first, last in booked)
                """,
            ),
        ),
    ),
    Entry(
        "most_talks",
        HARD,
        prompt="""Return the largest number of talks, given as (start, end), that one visitor can
            attend completely. Talks may follow directly on each other; walking takes no time.""",
        hint="""Always attending the talk that ends earliest among those still possible leaves
            the most time.""",
        visible=(
            case([(0, 10), (1, 2), (3, 4)], gives=2),
            case([(1, 3), (3, 5)], gives=2),
            case([(1, 4), (3, 5), (4, 8)], gives=2),
        ),
        hidden=(
            case([], gives=0),
            case([(4, 8)], gives=1),
            case([(1, 9), (2, 3), (4, 5)], gives=2),
            case([(0, 5), (4, 7), (6, 12)], gives=2),
            case([(2, 3), (2, 3), (2, 3)], gives=1),
            case([(1, 9), (2, 4), (4, 6), (6, 9), (0, 3)], gives=3),
        ),
        reference="""
            def most_talks(talks):
                count, free_from = 0, None
                for end, start in sorted((end, start) for start, end in talks):
                    if free_from is None or start >= free_from:
                        count += 1
                        free_from = end
                return count
        """,
        wrong=(
            Wrong(
                "It attends whichever talk starts first, which may block many others.",
                """
                    def most_talks(talks):
                        count, free_from = 0, None
                        for start, end in sorted(talks):
                            if free_from is None or start >= free_from:
                                count += 1
                                free_from = end
                        return count
                """,
            ),
            Wrong(
                "It prefers short talks, although a short one can overlap two long ones.",
                """
                    def most_talks(talks):
                        chosen = []
                        for start, end in sorted(talks, key=lambda t: t[1] - t[0]):
                            if all(end <= a or start >= b for a, b in chosen):
                                chosen.append((start, end))
                        return len(chosen)
                """,
            ),
        ),
    ),
    Entry(
        "nearest_free_number",
        EASY,
        prompt="""House numbers in `taken` are given as (first, last) blocks with both ends
            included. Return the smallest number not below `wish` that lies in no block. Blocks
            may overlap and come in any order.""",
        hint="""While some block contains the number, jump just behind that block, and look at
            all blocks again.""",
        visible=(
            case([(3, 5), (6, 8)], 4, gives=9),
            case([(1, 2)], 7, gives=7),
            case([(6, 8), (3, 5)], 3, gives=9),
        ),
        hidden=(
            case([], 1, gives=1),
            case([(5, 9)], 5, gives=10),
            case([(5, 9)], 9, gives=10),
            case([(10, 12), (1, 4), (5, 9)], 2, gives=13),
            case([(2, 3), (5, 6)], 3, gives=4),
        ),
        reference="""
            def nearest_free_number(taken, wish):
                for first, last in sorted(taken):
                    if first <= wish <= last:
                        wish = last + 1
                return wish
        """,
        wrong=(
            Wrong(
                "It goes through the blocks once in the given order, so later jumps are missed.",
                """
                    def nearest_free_number(taken, wish):
                        for first, last in taken:
                            if first <= wish <= last:
                                wish = last + 1
                        return wish
                """,
            ),
            Wrong(
                "It treats the last number of a block as free.",
                """
                    def nearest_free_number(taken, wish):
                        for first, last in sorted(taken):
                            if first <= wish < last:
                                wish = last
                        return wish
                """,
            ),
        ),
    ),
)
