"""Sorting: orders with several keys, ties, ranks and unusual rules."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "podium_ranks",
        MEDIUM,
        prompt="""Given the points of each competitor, return the list of their ranks in the same
            order. The most points rank 1; equal points share a rank, and the ranks after a
            shared one are skipped as in sports.""",
        hint="""A rank is one more than the number of competitors with strictly more points.""",
        visible=(case([50, 70, 70], gives=[3, 1, 1]), case([5], gives=[1])),
        hidden=(
            case([], gives=[]),
            case([1, 2, 3], gives=[3, 2, 1]),
            case([8, 8, 8], gives=[1, 1, 1]),
            case([9, 4, 9, 4, 1], gives=[1, 3, 1, 3, 5]),
            case([0, -5, 0], gives=[1, 3, 1]),
        ),
        reference="""
            def podium_ranks(points):
                return [1 + sum(other > own for other in points) for own in points]
        """,
        wrong=(
            Wrong(
                "It numbers the different scores without skipping ranks after a tie.",
                """
                    def podium_ranks(points):
                        order = sorted(set(points), reverse=True)
                        return [order.index(p) + 1 for p in points]
                """,
            ),
            Wrong(
                "It gives the fewest points rank 1.",
                """
                    def podium_ranks(points):
                        order = sorted(points)
                        return [order.index(p) + 1 for p in points]
                """,
            ),
        ),
    ),
    Entry(
        "shelf_order",
        EASY,
        prompt="""Sort book titles for a shelf, ignoring case and a leading article 'The ', 'A '
            or 'An '. Titles that are equal under this rule keep their given order. The titles
            themselves are returned as they were written.""",
        hint="""Sort by a cleaned copy of the title as the key, since Python's sort keeps the
            order of equal keys.""",
        visible=(
            case(["The Zoo", "an Ant", "moon"], gives=["an Ant", "moon", "The Zoo"]),
            case(["Theory", "A Tale"], gives=["A Tale", "Theory"]),
        ),
        hidden=(
            case([], gives=[]),
            case(["b", "A", "C"], gives=["A", "b", "C"]),
            case(["Atlas", "bus"], gives=["Atlas", "bus"]),
            case(["The Sea", "A Sea", "sea"], gives=["The Sea", "A Sea", "sea"]),
            case(["Anchor", "A Nest", "The An"], gives=["The An", "Anchor", "A Nest"]),
            case(["The A B", "Ab"], gives=["The A B", "Ab"]),
        ),
        reference="""
            def shelf_order(titles):
                def key(title):
                    title = title.lower()
                    for article in ("the ", "a ", "an "):
                        if title.startswith(article):
                            return title[len(article):]
                    return title

                return sorted(titles, key=key)
        """,
        wrong=(
            Wrong(
                "It sorts with the articles and puts capitals before small letters.",
                """
                    def shelf_order(titles):
                        return sorted(titles)
                """,
            ),
            Wrong(
                "It removes the letters of an article even when they start a longer word.",
                """
                    def shelf_order(titles):
                        def key(title):
                            title = title.lower()
                            for article in ("the", "an", "a"):
                                if title.startswith(article):
                                    return title[len(article):].strip()
                            return title

                        return sorted(titles, key=key)
                """,
            ),
        ),
    ),
    Entry(
        "sort_odd_places",
        EASY,
        prompt="""Return a copy of the list in which the odd numbers are sorted in descending
            order among the places that held odd numbers, while every even number stays where it
            is. Numbers may be negative.""",
        hint="""Sort the odd numbers apart and deal them back, one at a time, into the places
            that held odd numbers.""",
        visible=(
            case([1, 8, 5, 3], gives=[5, 8, 3, 1]),
            case([2, 4], gives=[2, 4]),
        ),
        hidden=(
            case([], gives=[]),
            case([7], gives=[7]),
            case([-3, 0, -1], gives=[-1, 0, -3]),
            case([9, 7, 5], gives=[9, 7, 5]),
            case([4, 1, 2, 3, 6, 11], gives=[4, 11, 2, 3, 6, 1]),
            case([1, 1, 2, 3], gives=[3, 1, 2, 1]),
        ),
        reference="""
            def sort_odd_places(numbers):
                odds = sorted(n for n in numbers if n % 2)
                return [odds.pop() if n % 2 else n for n in numbers]
        """,
        wrong=(
            Wrong(
                "It sorts the odd numbers in ascending order.",
                """
                    def sort_odd_places(numbers):
                        odds = iter(sorted(n for n in numbers if n % 2))
                        return [next(odds) if n % 2 else n for n in numbers]
                """,
            ),
            Wrong(
                "It sorts the numbers at odd positions instead of the odd numbers.",
                """
                    def sort_odd_places(numbers):
                        result = list(numbers)
                        result[1::2] = sorted(numbers[1::2], reverse=True)
                        return result
                """,
            ),
        ),
    ),
    Entry(
        "queue_by_ticket",
        MEDIUM,
        prompt="""Passengers are (name, group, age). Boarding goes by group from 1 up; within a
            group children under 12 come first, then the others by falling age. Ties keep the
            given order. Return the names.""",
        hint="""One tuple as sort key holds all rules: the group, whether the passenger is an
            adult, and the negated age only for adults.""",
        visible=(
            case([("Al", 2, 30), ("Bo", 1, 40), ("Cy", 1, 5)], gives=["Cy", "Bo", "Al"]),
            case([("Al", 1, 20), ("Bo", 1, 60)], gives=["Bo", "Al"]),
        ),
        hidden=(
            case([], gives=[]),
            case([("a", 1, 3), ("b", 1, 9)], gives=["a", "b"]),
            case([("a", 1, 12), ("b", 1, 11)], gives=["b", "a"]),
            case([("z", 1, 50), ("y", 1, 50)], gives=["z", "y"]),
            case(
                [("a", 10, 80), ("b", 9, 12), ("c", 9, 13), ("d", 9, 2)], gives=["d", "c", "b", "a"]
            ),
        ),
        reference="""
            def queue_by_ticket(passengers):
                def key(passenger):
                    _, group, age = passenger
                    if age < 12:
                        return group, 0, 0
                    return group, 1, -age

                return [passenger[0] for passenger in sorted(passengers, key=key)]
        """,
        wrong=(
            Wrong(
                "It sorts children by age too instead of keeping their order.",
                """
                    def queue_by_ticket(passengers):
                        order = sorted(passengers, key=lambda p: (p[1], p[2] >= 12, -p[2]))
                        return [p[0] for p in order]
                """,
            ),
            Wrong(
                "It lets adults board with the youngest first.",
                """
                    def queue_by_ticket(passengers):
                        order = sorted(passengers, key=lambda p: (p[1], p[2]))
                        return [p[0] for p in order]
                """,
            ),
        ),
    ),
    Entry(
        "wave_line",
        MEDIUM,
        prompt="""Arrange different integers so that they form a wave: the smallest first, then
            the largest, then the second smallest, the second largest and so on until all are
            used. Return the list.""",
        hint="""Sort once and take alternately from the front and from the back.""",
        visible=(case([4, 1, 3, 2], gives=[1, 4, 2, 3]), case([5, 9, 7], gives=[5, 9, 7])),
        hidden=(
            case([], gives=[]),
            case([6], gives=[6]),
            case([2, 1], gives=[1, 2]),
            case([0, -3, 8, 5, -7], gives=[-7, 8, -3, 5, 0]),
            case([10, 20, 30, 40, 50, 60], gives=[10, 60, 20, 50, 30, 40]),
        ),
        reference="""
            def wave_line(numbers):
                rest = sorted(numbers)
                wave = []
                while rest:
                    wave.append(rest.pop(0))
                    if rest:
                        wave.append(rest.pop())
                return wave
        """,
        wrong=(
            Wrong(
                "With an odd count the middle number is lost.",
                """
                    def wave_line(numbers):
                        rest = sorted(numbers)
                        wave = []
                        for i in range(len(rest) // 2):
                            wave += [rest[i], rest[-1 - i]]
                        return wave
                """,
            ),
            Wrong(
                "It swaps neighbours of the sorted list instead of using both ends.",
                """
                    def wave_line(numbers):
                        rest = sorted(numbers)
                        for i in range(1, len(rest) - 1, 2):
                            rest[i], rest[i + 1] = rest[i + 1], rest[i]
                        return rest
                """,
            ),
        ),
    ),
    Entry(
        "natural_order",
        MEDIUM,
        prompt="""Sort file names so that numbers inside them are compared as numbers: 'img2'
            comes before 'img10'. Names consist of lower-case letters followed by digits, which
            may be missing (then they come first). Equal numbers keep the given order.""",
        hint="""Split the name into its letters and its digits and sort by the letters and the
            integer.""",
        visible=(
            case(["img10", "img2", "img"], gives=["img", "img2", "img10"]),
            case(["b1", "a20"], gives=["a20", "b1"]),
        ),
        hidden=(
            case([], gives=[]),
            case(["x007", "x7", "x07"], gives=["x007", "x7", "x07"]),
            case(["ab1", "a2", "a10"], gives=["a2", "a10", "ab1"]),
            case(["p0", "p"], gives=["p", "p0"]),
            case(["t100", "t20", "t3", "s400"], gives=["s400", "t3", "t20", "t100"]),
        ),
        reference="""
            def natural_order(names):
                def key(name):
                    letters = name.rstrip("0123456789")
                    digits = name[len(letters):]
                    return letters, int(digits) if digits else -1

                return sorted(names, key=key)
        """,
        wrong=(
            Wrong(
                "It compares the names as texts, so 10 comes before 2.",
                """
                    def natural_order(names):
                        return sorted(names)
                """,
            ),
            Wrong(
                "It sorts by length first, which mixes names with different letters.",
                """
                    def natural_order(names):
                        return sorted(names, key=lambda name: (len(name), name))
                """,
            ),
        ),
    ),
    Entry(
        "swaps_to_sort",
        HARD,
        prompt="""Return the smallest number of swaps, each exchanging any two books, needed to
            bring a row of different integers into ascending order.""",
        hint="""Follow where each number has to go: every closed cycle of length k needs k minus
            one swaps.""",
        visible=(case([3, 1, 2], gives=2), case([4, 2, 3, 1], gives=1)),
        hidden=(
            case([], gives=0),
            case([7], gives=0),
            case([1, 2, 3], gives=0),
            case([2, 1, 4, 3], gives=2),
            case([50, 40, 30, 20, 10], gives=2),
            case([2, 3, 4, 5, 1], gives=4),
        ),
        reference="""
            def swaps_to_sort(row):
                row, goal = list(row), sorted(row)
                swaps = 0
                for place, wanted in enumerate(goal):
                    if row[place] != wanted:
                        other = row.index(wanted)
                        row[place], row[other] = row[other], row[place]
                        swaps += 1
                return swaps
        """,
        wrong=(
            Wrong(
                "It counts swaps of neighbours, although any two books may be exchanged.",
                """
                    def swaps_to_sort(row):
                        return sum(a > b for i, a in enumerate(row) for b in row[i + 1:])
                """,
            ),
            Wrong(
                "It halves the number of misplaced books, which holds only for plain pairs.",
                """
                    def swaps_to_sort(row):
                        return sum(a != b for a, b in zip(row, sorted(row))) // 2
                """,
            ),
        ),
    ),
    Entry(
        "tallest_last_row",
        EASY,
        prompt="""For a class photo, sort the heights and fill rows of `width` from the front
            with the shortest. The front row may be shorter than the others, all later rows are
            full. Return the list of rows, front first.""",
        hint="""Only the front row can be incomplete, so its size is the remainder, and full rows
            follow from there.""",
        visible=(
            case([5, 3, 4], 2, gives=[[3], [4, 5]]),
            case([2, 1], 2, gives=[[1, 2]]),
        ),
        hidden=(
            case([], 3, gives=[]),
            case([9], 4, gives=[[9]]),
            case([3, 2, 1], 1, gives=[[1], [2], [3]]),
            case([7, 6, 5, 4, 3], 3, gives=[[3, 4], [5, 6, 7]]),
            case([1, 1, 2, 2, 3, 3], 3, gives=[[1, 1, 2], [2, 3, 3]]),
        ),
        reference="""
            def tallest_last_row(heights, width):
                heights = sorted(heights)
                rows = []
                while heights:
                    rows.insert(0, heights[-width:])
                    heights = heights[:-width]
                return rows
        """,
        wrong=(
            Wrong(
                "It cuts rows from the front, so the last row is the incomplete one.",
                """
                    def tallest_last_row(heights, width):
                        heights = sorted(heights)
                        return [heights[i:i + width] for i in range(0, len(heights), width)]
                """,
            ),
            Wrong(
                "It adds an empty front row when everything fits exactly.",
                """
                    def tallest_last_row(heights, width):
                        heights = sorted(heights)
                        first = len(heights) % width
                        rows = [heights[:first]]
                        for i in range(first, len(heights), width):
                            rows.append(heights[i:i + width])
                        return rows
                """,
            ),
        ),
    ),
    Entry(
        "merge_logs",
        EASY,
        prompt="""Two logs are lists of (second, text), each sorted by second. Return the merged
            list of texts sorted by second; at equal seconds all entries of the first log come
            before those of the second log.""",
        hint="""A stable sort by the second alone keeps the first log's entries ahead, if the
            first log stands first.""",
        visible=(
            case([(1, "a"), (4, "b")], [(2, "c")], gives=["a", "c", "b"]),
            case([(3, "z")], [(3, "a")], gives=["z", "a"]),
        ),
        hidden=(
            case([], [], gives=[]),
            case([], [(1, "x")], gives=["x"]),
            case([(5, "q"), (5, "p")], [(5, "a")], gives=["q", "p", "a"]),
            case([(9, "late")], [(1, "early"), (9, "also")], gives=["early", "late", "also"]),
            case([(2, "m"), (10, "n")], [(2, "k"), (3, "l")], gives=["m", "k", "l", "n"]),
        ),
        reference="""
            def merge_logs(first, second):
                entries = sorted(first + second, key=lambda entry: entry[0])
                return [text for _, text in entries]
        """,
        wrong=(
            Wrong(
                "It sorts whole entries, so equal seconds are ordered by their text.",
                """
                    def merge_logs(first, second):
                        return [text for _, text in sorted(first + second)]
                """,
            ),
            Wrong(
                "It takes entries from the two logs in turn, whatever their seconds.",
                """
                    def merge_logs(first, second):
                        merged = []
                        for i in range(max(len(first), len(second))):
                            merged += [log[i][1] for log in (first, second) if i < len(log)]
                        return merged
                """,
            ),
        ),
    ),
)
