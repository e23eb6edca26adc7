"""Simulation: follow rules step by step and report where they lead."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "lawn_robot",
        EASY,
        prompt="""A robot stands at the origin and faces north, where y grows. 'F' moves one cell
            ahead, 'L' and 'R' turn it by 90 degrees on the spot. Return its final (x, y) after
            all commands.""",
        hint="""Keep the direction as a vector (dx, dy); a right turn makes it (dy, -dx) and a
            left turn (-dy, dx).""",
        visible=(case("FFRF", gives=(1, 2)), case("LF", gives=(-1, 0))),
        hidden=(
            case("", gives=(0, 0)),
            case("RR", gives=(0, 0)),
            case("RRFF", gives=(0, -2)),
            case("FLFLFLF", gives=(0, 0)),
            case("LLLF", gives=(1, 0)),
            case("RFLFRF", gives=(2, 1)),
        ),
        reference="""
            def lawn_robot(commands):
                x, y, dx, dy = 0, 0, 0, 1
                for command in commands:
                    if command == "F":
                        x, y = x + dx, y + dy
                    elif command == "R":
                        dx, dy = dy, -dx
                    else:
                        dx, dy = -dy, dx
                return x, y
        """,
        wrong=(
            Wrong(
                "Left and right turns are mixed up.",
                """
                    def lawn_robot(commands):
                        x, y, dx, dy = 0, 0, 0, 1
                        for command in commands:
                            if command == "F":
                                x, y = x + dx, y + dy
                            elif command == "R":
                                dx, dy = -dy, dx
                            else:
                                dx, dy = dy, -dx
                        return x, y
                """,
            ),
            Wrong(
                "It assigns dx before using it for dy, so a turn spoils the direction.",
                """
                    def lawn_robot(commands):
                        x, y, dx, dy = 0, 0, 0, 1
                        for command in commands:
                            if command == "F":
                                x += dx
                                y += dy
                            elif command == "R":
                                dx = dy
                                dy = -dx
                            else:
                                dx = -dy
                                dy = dx
                        return x, y
                """,
            ),
        ),
    ),
    Entry(
        "lift_travel",
        EASY,
        prompt="""A lift starts at floor 0 and serves the wished floors in the given order, one
            after the other. Return the pair (total floors travelled, number of stops). A wish
            for the floor where the lift already is causes no stop.""",
        hint="""Update the current floor after every wish and count only wishes that differ from
            it.""",
        visible=(case([3, 1], gives=(5, 2)), case([2, 2, 0], gives=(4, 2))),
        hidden=(
            case([], gives=(0, 0)),
            case([0], gives=(0, 0)),
            case([-2, 2], gives=(6, 2)),
            case([5, 5, 5], gives=(5, 1)),
            case([0, 1, 0, 1], gives=(3, 3)),
        ),
        reference="""
            def lift_travel(wishes):
                floor = travelled = stops = 0
                for wish in wishes:
                    if wish != floor:
                        travelled += abs(wish - floor)
                        stops += 1
                        floor = wish
                return travelled, stops
        """,
        wrong=(
            Wrong(
                "It counts a stop even when the lift is already at the floor.",
                """
                    def lift_travel(wishes):
                        floor = travelled = 0
                        for wish in wishes:
                            travelled += abs(wish - floor)
                            floor = wish
                        return travelled, len(wishes)
                """,
            ),
            Wrong(
                "It forgets to move the lift and measures every wish from floor 0.",
                """
                    def lift_travel(wishes):
                        travelled = sum(abs(wish) for wish in wishes)
                        return travelled, sum(1 for wish in wishes if wish != 0)
                """,
            ),
        ),
    ),
    Entry(
        "candle_nights",
        EASY,
        prompt="""You burn one candle a night and can melt `needed` stubs of burnt candles into
            one new candle (`needed` is at least 2). Return for how many nights `candles` candles
            last in all.""",
        hint="""New candles leave stubs as well, so keep exchanging until fewer stubs than needed
            are left.""",
        visible=(case(4, 2, gives=7), case(5, 3, gives=7)),
        hidden=(
            case(0, 3, gives=0),
            case(1, 2, gives=1),
            case(10, 5, gives=12),
            case(9, 3, gives=13),
            case(6, 10, gives=6),
            case(7, 3, gives=10),
            case(25, 5, gives=31),
        ),
        reference="""
            def candle_nights(candles, needed):
                nights = stubs = 0
                while candles > 0:
                    nights += candles
                    stubs += candles
                    candles, stubs = divmod(stubs, needed)
                return nights
        """,
        wrong=(
            Wrong(
                "It melts stubs only once and forgets those of the new candles.",
                """
                    def candle_nights(candles, needed):
                        return candles + candles // needed
                """,
            ),
            Wrong(
                "It throws away the stubs left over from an exchange.",
                """
                    def candle_nights(candles, needed):
                        nights = 0
                        while candles > 0:
                            nights += candles
                            candles //= needed
                        return nights
                """,
            ),
        ),
    ),
    Entry(
        "billiard_bounce",
        MEDIUM,
        prompt="""A ball starts at position 0 of a track with cells 0 to `last` and moves right
            one cell per second. On reaching either end it turns round. Return its cell after
            `seconds` seconds. With `last` 0 it stays in cell 0.""",
        hint="""The motion repeats after twice the length of the track; in the second half of
            that period the ball is coming back.""",
        visible=(case(3, 4, gives=2), case(3, 6, gives=0)),
        hidden=(
            case(0, 5, gives=0),
            case(4, 0, gives=0),
            case(4, 4, gives=4),
            case(1, 7, gives=1),
            case(5, 23, gives=3),
            case(2, 1000000, gives=0),
        ),
        reference="""
            def billiard_bounce(last, seconds):
                if last == 0:
                    return 0
                place = seconds % (2 * last)
                return place if place <= last else 2 * last - place
        """,
        wrong=(
            Wrong(
                "It jumps back to the start instead of turning round at the end.",
                """
                    def billiard_bounce(last, seconds):
                        return seconds % (last + 1)
                """,
            ),
            Wrong(
                "It lets the ball rest for a second at each end.",
                """
                    def billiard_bounce(last, seconds):
                        place = seconds % (2 * last + 2)
                        return place if place <= last else 2 * last + 1 - place
                """,
            ),
        ),
    ),
    Entry(
        "ants_on_stick",
        MEDIUM,
        prompt="""Ants walk on a stick with cells 0 to length-1; `ants` lists (cell, direction)
            with direction 1 or -1. Each second all ants move one cell at once and ants leaving
            the stick are gone. Ants that end in one cell vanish together. Return the sorted
            cells left after `seconds`.""",
        hint="""Move all ants first, then remove those outside and every cell that holds more
            than one ant, and repeat.""",
        visible=(
            case(5, [(0, 1), (2, -1)], 1, gives=[]),
            case(5, [(0, 1), (4, 1)], 2, gives=[2]),
        ),
        hidden=(
            case(3, [], 4, gives=[]),
            case(3, [(1, 1)], 0, gives=[1]),
            case(6, [(1, 1), (2, -1)], 1, gives=[1, 2]),
            case(7, [(0, 1), (2, -1), (3, -1)], 2, gives=[1]),
            case(9, [(8, -1), (0, 1), (3, 1)], 3, gives=[3, 5, 6]),
            case(9, [(2, 1), (4, -1), (1, 1)], 3, gives=[4]),
        ),
        reference="""
            def ants_on_stick(length, ants, seconds):
                for _ in range(seconds):
                    moved = [(cell + way, way) for cell, way in ants]
                    cells = [cell for cell, _ in moved]
                    ants = [
                        (cell, way)
                        for cell, way in moved
                        if 0 <= cell < length and cells.count(cell) == 1
                    ]
                return sorted(cell for cell, _ in ants)
        """,
        wrong=(
            Wrong(
                "One of the ants that meet survives, because cells are only made unique.",
                """
                    def ants_on_stick(length, ants, seconds):
                        for _ in range(seconds):
                            moved = {cell + way: way for cell, way in ants}
                            ants = [(c, w) for c, w in moved.items() if 0 <= c < length]
                        return sorted(cell for cell, _ in ants)
                """,
            ),
            Wrong(
                "It checks for meetings only at the end, not after every second.",
                """
                    def ants_on_stick(length, ants, seconds):
                        cells = [cell + way * seconds for cell, way in ants]
                        return sorted(c for c in cells if 0 <= c < length and cells.count(c) == 1)
                """,
            ),
        ),
    ),
    Entry(
        "battery_day",
        MEDIUM,
        prompt="""A battery holds 0 to `capacity` units and starts empty. Each number in `flow`
            charges it (positive) or draws from it (negative). What does not fit is lost, and a
            draw takes only what is there. Return the pair (final charge, total lost).""",
        hint="""Limit the charge after every single step, and only an overflow counts as lost.""",
        visible=(
            case(10, [8, 5, -3], gives=(7, 3)),
            case(10, [4, -9, 2], gives=(2, 0)),
        ),
        hidden=(
            case(10, [], gives=(0, 0)),
            case(0, [5, -1], gives=(0, 5)),
            case(3, [-2, 3], gives=(3, 0)),
            case(5, [5, 5, -5, 5], gives=(5, 5)),
            case(6, [7, -2, 1, 4], gives=(6, 4)),
        ),
        reference="""
            def battery_day(capacity, flow):
                charge = lost = 0
                for amount in flow:
                    charge = max(charge + amount, 0)
                    if charge > capacity:
                        lost += charge - capacity
                        charge = capacity
                return charge, lost
        """,
        wrong=(
            Wrong(
                "It lets the charge fall below zero.",
                """
                    def battery_day(capacity, flow):
                        charge = lost = 0
                        for amount in flow:
                            charge += amount
                            if charge > capacity:
                                lost += charge - capacity
                                charge = capacity
                        return charge, lost
                """,
            ),
            Wrong(
                "It applies the limits only once, to the sum of the whole day.",
                """
                    def battery_day(capacity, flow):
                        total = max(sum(flow), 0)
                        return min(total, capacity), max(total - capacity, 0)
                """,
            ),
        ),
    ),
    Entry(
        "falling_sand",
        HARD,
        prompt="""A column picture is a list of equally long strings, top first, with 'o' for
            sand, '#' for rock and '.' for air. All sand falls straight down until it rests on
            rock, other sand or the bottom. Return the picture afterwards.""",
        hint="""Handle each column from the bottom up and remember the lowest free cell, which
            rock resets.""",
        visible=(
            case(["o", ".", "."], gives=[".", ".", "o"]),
            case(["oo", "#.", ".."], gives=["o.", "#.", ".o"]),
        ),
        hidden=(
            case([], gives=[]),
            case(["o#."], gives=["o#."]),
            case(["o", "o", "."], gives=[".", "o", "o"]),
            case(["o", "#", "o", "."], gives=["o", "#", ".", "o"]),
            case(["o.o", ".o.", "#.."], gives=["...", "o..", "#oo"]),
            case(["o", ".", "#", "."], gives=[".", "o", "#", "."]),
        ),
        reference="""
            def falling_sand(rows):
                grid = [list(row) for row in rows]
                for column in range(len(rows[0]) if rows else 0):
                    free = len(grid) - 1
                    for row in range(len(grid) - 1, -1, -1):
                        cell = grid[row][column]
                        if cell == "#":
                            free = row - 1
                        elif cell == "o":
                            grid[row][column] = "."
                            grid[free][column] = "o"
                            free -= 1
                return ["".join(row) for row in grid]
        """,
        wrong=(
            Wrong(
                "Every grain falls only one cell instead of until it rests.",
                """
                    def falling_sand(rows):
                        grid = [list(row) for row in rows]
                        for row in range(len(grid) - 2, -1, -1):
                            for column in range(len(grid[row])):
                                if grid[row][column] == "o" and grid[row + 1][column] == ".":
                                    grid[row][column] = "."
                                    grid[row + 1][column] = "o"
                        return ["".join(row) for row in grid]
                """,
            ),
            Wrong(
                "Sand falls through rock, because columns are simply sorted around it.",
                """
                    def falling_sand(rows):
                        columns = []
                        for column in zip(*rows):
                            grains = column.count("o")
                            cells = ["#" if c == "#" else "." for c in column]
                            for row in range(len(cells) - 1, -1, -1):
                                if cells[row] == "." and grains:
                                    cells[row] = "o"
                                    grains -= 1
                            columns.append(cells)
                        return ["".join(row) for row in zip(*columns)]
                """,
            ),
        ),
    ),
    Entry(
        "chair_circle",
        MEDIUM,
        prompt="""Children sit in a circle and count from the first child; whoever says `count`
            leaves and counting restarts with the next child. Return the names in the order in
            which they leave, the last child included.""",
        hint="""Keep the position of the next speaker; after a removal the next child already has
            the same position.""",
        visible=(
            case(["a", "b", "c"], 2, gives=["b", "a", "c"]),
            case(["a", "b", "c"], 4, gives=["a", "c", "b"]),
        ),
        hidden=(
            case([], 3, gives=[]),
            case(["x"], 7, gives=["x"]),
            case(["a", "b", "c", "d"], 1, gives=["a", "b", "c", "d"]),
            case(["a", "b", "c", "d", "e"], 3, gives=["c", "a", "e", "b", "d"]),
            case(["p", "q"], 2, gives=["q", "p"]),
            case(["a", "b", "c", "d"], 5, gives=["a", "c", "d", "b"]),
        ),
        reference="""
            def chair_circle(names, count):
                circle, left, place = list(names), [], 0
                while circle:
                    place = (place + count - 1) % len(circle)
                    left.append(circle.pop(place))
                return left
        """,
        wrong=(
            Wrong(
                "It moves on by the full count after a removal and skips one child.",
                """
                    def chair_circle(names, count):
                        circle, left, place = list(names), [], count - 1
                        while circle:
                            place %= len(circle)
                            left.append(circle.pop(place))
                            place += count
                        return left
                """,
            ),
            Wrong(
                "It starts counting from the first child again after every removal.",
                """
                    def chair_circle(names, count):
                        circle, left = list(names), []
                        while circle:
                            left.append(circle.pop((count - 1) % len(circle)))
                        return left
                """,
            ),
        ),
    ),
    Entry(
        "traffic_queue",
        MEDIUM,
        prompt="""Each number in `arrivals` says how many cars join the queue at the start of a
            minute. Then, if the minute's light in `lights` is 'G', up to 3 cars leave. Return
            the longest queue that is left at the end of any minute; with no minutes it is 0.""",
        hint="""Within a minute cars join first and leave afterwards, and the queue can never
            become negative.""",
        visible=(
            case([4, 2], "GR", gives=3),
            case([5, 0, 0], "RGG", gives=5),
            case([0, 7], "GG", gives=4),
        ),
        hidden=(
            case([], "", gives=0),
            case([2], "G", gives=0),
            case([1, 1, 4], "GGG", gives=1),
            case([3, 3, 3], "RRG", gives=6),
            case([9], "R", gives=9),
        ),
        reference="""
            def traffic_queue(arrivals, lights):
                queue = longest = 0
                for cars, light in zip(arrivals, lights):
                    queue += cars
                    if light == "G":
                        queue = max(queue - 3, 0)
                    longest = max(longest, queue)
                return longest
        """,
        wrong=(
            Wrong(
                "It measures the queue before cars leave instead of at the end of the minute.",
                """
                    def traffic_queue(arrivals, lights):
                        queue = longest = 0
                        for cars, light in zip(arrivals, lights):
                            queue += cars
                            longest = max(longest, queue)
                            if light == "G":
                                queue = max(queue - 3, 0)
                        return longest
                """,
            ),
            Wrong(
                "The queue may become negative, so unused green time is saved up.",
                """
                    def traffic_queue(arrivals, lights):
                        queue = longest = 0
                        for cars, light in zip(arrivals, lights):
                            queue += cars
                            if light == "G":
                                queue -= 3
                            longest = max(longest, queue)
                        return longest
                """,
            ),
        ),
    ),
)
