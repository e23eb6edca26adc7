"""Geometry: points, rectangles and shapes on integer grids."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "picture_frame",
        EASY,
        prompt="""Return the smallest rectangle (left, bottom, right, top) with sides along the
            axes that contains all given (x, y) points, made larger by `margin` on every side.
            Without points return None.""",
        hint="""Find the extremes of both coordinates separately and move each outwards.""",
        visible=(
            case([(1, 5), (3, 2)], 1, gives=(0, 1, 4, 6)),
            case([(-2, -3)], 0, gives=(-2, -3, -2, -3)),
        ),
        hidden=(
            case([], 4, gives=None),
            case([(0, 0)], 2, gives=(-2, -2, 2, 2)),
            case([(5, 1), (1, 5), (3, 3)], 0, gives=(1, 1, 5, 5)),
            case([(-7, 4), (-1, 9)], 3, gives=(-10, 1, 2, 12)),
            case([(2, -8), (2, -5)], 1, gives=(1, -9, 3, -4)),
        ),
        reference="""
            def picture_frame(points, margin):
                if not points:
                    return None
                xs = [x for x, _ in points]
                ys = [y for _, y in points]
                left, bottom = min(xs) - margin, min(ys) - margin
                return left, bottom, max(xs) + margin, max(ys) + margin
        """,
        wrong=(
            Wrong(
                "It takes the smallest and largest point as pairs instead of each coordinate.",
                """
                    def picture_frame(points, margin):
                        if not points:
                            return None
                        (left, bottom), (right, top) = min(points), max(points)
                        return left - margin, bottom - margin, right + margin, top + margin
                """,
            ),
            Wrong(
                "It starts the search at zero, which fails when all coordinates have one sign.",
                """
                    def picture_frame(points, margin):
                        if not points:
                            return None
                        left = bottom = right = top = 0
                        for x, y in points:
                            left, right = min(left, x), max(right, x)
                            bottom, top = min(bottom, y), max(top, y)
                        return left - margin, bottom - margin, right + margin, top + margin
                """,
            ),
        ),
    ),
    Entry(
        "rug_overlap",
        EASY,
        prompt="""Two rugs are rectangles (x, y, width, height) with (x, y) the lower left
            corner. Return the area that both of them cover; rugs that only touch share no
            area.""",
        hint="""The overlap is a rectangle too: its sides are the overlaps of the two ranges, and
            neither may be negative.""",
        visible=(
            case((0, 0, 4, 3), (2, 1, 5, 5), gives=4),
            case((0, 0, 1, 1), (3, 3, 1, 1), gives=0),
        ),
        hidden=(
            case((0, 0, 2, 2), (2, 0, 2, 2), gives=0),
            case((0, 0, 9, 9), (3, 4, 2, 1), gives=2),
            case((-3, -3, 4, 4), (0, 0, 5, 5), gives=1),
            case((1, 1, 2, 2), (1, 1, 2, 2), gives=4),
            case((0, 0, 2, 9), (5, 3, 1, 1), gives=0),
            case((0, 0, 1, 1), (2, 5, 1, 1), gives=0),
            case((5, 5, 3, 3), (4, 7, 2, 9), gives=1),
        ),
        reference="""
            def rug_overlap(first, second):
                x1, y1, width1, height1 = first
                x2, y2, width2, height2 = second
                width = min(x1 + width1, x2 + width2) - max(x1, x2)
                height = min(y1 + height1, y2 + height2) - max(y1, y2)
                return max(width, 0) * max(height, 0)
        """,
        wrong=(
            Wrong(
                "Two negative sides multiply to a positive area for rugs that are apart.",
                """
                    def rug_overlap(first, second):
                        x1, y1, width1, height1 = first
                        x2, y2, width2, height2 = second
                        width = min(x1 + width1, x2 + width2) - max(x1, x2)
                        height = min(y1 + height1, y2 + height2) - max(y1, y2)
                        return max(width * height, 0)
                """,
            ),
            Wrong(
                "It takes width and height for the coordinates of the opposite corner.",
                """
                    def rug_overlap(first, second):
                        width = min(first[2], second[2]) - max(first[0], second[0])
                        height = min(first[3], second[3]) - max(first[1], second[1])
                        return max(width, 0) * max(height, 0)
                """,
            ),
        ),
    ),
    Entry(
        "taxi_nearest",
        EASY,
        prompt="""Taxis drive along a grid of streets, so a distance is the sum of the
            differences of the two coordinates. Return the index of the taxi nearest to the
            customer, the first one on a tie, or -1 if there is no taxi.""",
        hint="""Use absolute differences, add them, and let the first minimum win.""",
        visible=(
            case([(0, 5), (3, 3)], (0, 0), gives=0),
            case([(2, -2), (-1, 0)], (1, 1), gives=1),
        ),
        hidden=(
            case([], (1, 1), gives=-1),
            case([(4, 4)], (4, 4), gives=0),
            case([(1, 0), (0, 1), (-1, 0)], (0, 0), gives=0),
            case([(9, 9), (8, 8), (8, 8)], (0, 0), gives=1),
            case([(-6, 0), (4, 3), (0, -6)], (0, 0), gives=0),
        ),
        reference="""
            def taxi_nearest(taxis, customer):
                best = -1
                shortest = None
                for index, (x, y) in enumerate(taxis):
                    distance = abs(x - customer[0]) + abs(y - customer[1])
                    if shortest is None or distance < shortest:
                        best, shortest = index, distance
                return best
        """,
        wrong=(
            Wrong(
                "It measures the straight line instead of the way along the streets.",
                """
                    def taxi_nearest(taxis, customer):
                        best, shortest = -1, None
                        for index, (x, y) in enumerate(taxis):
                            distance = (x - customer[0]) ** 2 + (y - customer[1]) ** 2
                            if shortest is None or distance < shortest:
                                best, shortest = index, distance
                        return best
                """,
            ),
            Wrong(
                "It forgets the absolute values, so differences can cancel each other.",
                """
                    def taxi_nearest(taxis, customer):
                        best, shortest = -1, None
                        for index, (x, y) in enumerate(taxis):
                            distance = x - customer[0] + y - customer[1]
                            if shortest is None or distance < shortest:
                                best, shortest = index, distance
                        return best
                """,
            ),
        ),
    ),
    Entry(
        "fence_area_doubled",
        MEDIUM,
        prompt="""The corners of a field are integer (x, y) points in order around it, clockwise
            or counter-clockwise. Return twice its area as a non-negative integer. Fewer than
            three corners enclose nothing.""",
        hint="""Add up the cross products of consecutive corners, closing the circle with the
            first one, and drop the sign.""",
        visible=(
            case([(0, 0), (4, 0), (0, 3)], gives=12),
            case([(0, 0), (0, 2), (2, 2), (2, 0)], gives=8),
        ),
        hidden=(
            case([], gives=0),
            case([(1, 1), (5, 5)], gives=0),
            case([(0, 0), (1, 1), (2, 2)], gives=0),
            case([(1, 1), (4, 1), (4, 5), (1, 5)], gives=24),
            case([(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)], gives=20),
            case([(-1, -1), (-1, 1), (1, 1)], gives=4),
        ),
        reference="""
            def fence_area_doubled(corners):
                total = 0
                for i, (x, y) in enumerate(corners):
                    before_x, before_y = corners[i - 1]
                    total += before_x * y - x * before_y
                return abs(total)
        """,
        wrong=(
            Wrong(
                "It does not drop the sign, so clockwise fields have a negative area.",
                """
                    def fence_area_doubled(corners):
                        total = 0
                        for i, (x, y) in enumerate(corners):
                            before_x, before_y = corners[i - 1]
                            total += before_x * y - x * before_y
                        return total
                """,
            ),
            Wrong(
                "It leaves out the side from the last corner back to the first.",
                """
                    def fence_area_doubled(corners):
                        total = 0
                        for (a, b), (x, y) in zip(corners, corners[1:]):
                            total += a * y - x * b
                        return abs(total)
                """,
            ),
        ),
    ),
    Entry(
        "straight_path",
        EASY,
        prompt="""Return whether all (x, y) points lie on one straight line, which may also be
            vertical. Two or fewer points always do; equal points may occur.""",
        hint="""Compare cross products instead of slopes, starting from two points that
            differ.""",
        visible=(
            case([(0, 0), (1, 2), (2, 4)], gives=True),
            case([(1, 1), (1, 1), (2, 3), (5, 0)], gives=False),
        ),
        hidden=(
            case([], gives=True),
            case([(3, 4), (9, 9)], gives=True),
            case([(2, 0), (2, 5), (2, -1)], gives=True),
            case([(0, 0), (1, 0), (1, 1)], gives=False),
            case([(7, 7), (7, 7), (7, 7)], gives=True),
            case([(0, 0), (0, 0), (3, 1), (6, 2), (9, 4)], gives=False),
        ),
        reference="""
            def straight_path(points):
                different = sorted(set(points))
                if len(different) < 3:
                    return True
                (x0, y0), (x1, y1) = different[:2]
                for x, y in different[2:]:
                    if (x1 - x0) * (y - y0) != (y1 - y0) * (x - x0):
                        return False
                return True
        """,
        wrong=(
            Wrong(
                "It starts from the first two points even if they are equal, so all is straight.",
                """
                    def straight_path(points):
                        if len(points) < 3:
                            return True
                        (x0, y0), (x1, y1) = points[:2]
                        return all(
                            (x1 - x0) * (y - y0) == (y1 - y0) * (x - x0) for x, y in points
                        )
                """,
            ),
            Wrong(
                "It divides to get slopes, which fails for vertical lines.",
                """
                    def straight_path(points):
                        points = sorted(set(points))
                        slopes = {
                            (b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(points, points[1:])
                        }
                        return len(slopes) < 2
                """,
            ),
        ),
    ),
    Entry(
        "squares_on_pegs",
        HARD,
        prompt="""Pegs stand at different integer (x, y) points. Return how many different
            squares, tilted ones included, have all four corners on pegs.""",
        hint="""Each side, turned by a right angle, gives the other two corners; every square is
            found once for each of its four sides.""",
        visible=(
            case([(0, 0), (1, 0), (0, 1), (1, 1)], gives=1),
            case([(1, 0), (2, 1), (1, 2), (0, 1)], gives=1),
        ),
        hidden=(
            case([], gives=0),
            case([(0, 0), (2, 0), (0, 1), (2, 1)], gives=0),
            case([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)], gives=2),
            case(
                [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)],
                gives=6,
            ),
            case([(0, 0), (3, 1), (2, 4), (-1, 3), (9, 9)], gives=1),
            case([(0, 0), (1, 2), (3, 3), (2, 1)], gives=0),
        ),
        reference="""
            def squares_on_pegs(pegs):
                places = set(pegs)
                sides = 0
                for x1, y1 in pegs:
                    for x2, y2 in pegs:
                        dx, dy = x2 - x1, y2 - y1
                        third = (x2 - dy, y2 + dx)
                        fourth = (x1 - dy, y1 + dx)
                        if (dx, dy) != (0, 0) and third in places and fourth in places:
                            sides += 1
                return sides // 4
        """,
        wrong=(
            Wrong(
                "It looks only for squares with sides along the axes.",
                """
                    def squares_on_pegs(pegs):
                        places = set(pegs)
                        count = 0
                        for x, y in pegs:
                            for a, b in pegs:
                                if a - x == b - y > 0:
                                    count += (a, y) in places and (x, b) in places
                        return count
                """,
            ),
            Wrong(
                "It counts each square once for each of its four sides.",
                """
                    def squares_on_pegs(pegs):
                        places = set(pegs)
                        sides = 0
                        for x1, y1 in pegs:
                            for x2, y2 in pegs:
                                dx, dy = x2 - x1, y2 - y1
                                third = (x2 - dy, y2 + dx)
                                fourth = (x1 - dy, y1 + dx)
                                if (dx, dy) != (0, 0) and third in places and fourth in places:
                                    sides += 1
                        return sides
                """,
            ),
        ),
    ),
)
