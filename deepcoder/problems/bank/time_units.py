"""Time and units: clocks, durations, speeds and conversions."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "clock_add",
        EASY,
        prompt="""Add `minutes`, possibly negative, to a clock time 'HH:MM' of the 24-hour day
            and return the new time in the same form. The clock wraps round at midnight in both
            directions.""",
        hint="""Compute in minutes since midnight and take the remainder by the 1440 minutes of a
            day.""",
        visible=(case("23:50", 15, gives="00:05"), case("08:05", 60, gives="09:05")),
        hidden=(
            case("00:00", 0, gives="00:00"),
            case("00:10", -20, gives="23:50"),
            case("12:00", 1440, gives="12:00"),
            case("09:59", 1, gives="10:00"),
            case("00:00", -2881, gives="23:59"),
            case("06:30", 3000, gives="08:30"),
        ),
        reference="""
            def clock_add(time, minutes):
                hour, minute = time.split(":")
                total = (int(hour) * 60 + int(minute) + minutes) % 1440
                return f"{total // 60:02}:{total % 60:02}"
        """,
        wrong=(
            Wrong(
                "It does not wrap round at midnight.",
                """
                    def clock_add(time, minutes):
                        hour, minute = time.split(":")
                        total = int(hour) * 60 + int(minute) + minutes
                        return f"{total // 60:02}:{total % 60:02}"
                """,
            ),
            Wrong(
                "It writes hours and minutes without leading zeros.",
                """
                    def clock_add(time, minutes):
                        hour, minute = time.split(":")
                        total = (int(hour) * 60 + int(minute) + minutes) % 1440
                        return f"{total // 60}:{total % 60}"
                """,
            ),
        ),
    ),
    Entry(
        "to_twelve_hour",
        EASY,
        prompt="""Turn a 24-hour time 'HH:MM' into the 12-hour form such as '1:05 pm', without
            leading zero in the hour. The hour after midnight is 12 am and the one after noon is
            12 pm.""",
        hint="""The hour is the remainder by twelve, with twelve in place of zero; from twelve
            o'clock on it is pm.""",
        visible=(
            case("13:05", gives="1:05 pm"),
            case("00:30", gives="12:30 am"),
            case("12:00", gives="12:00 pm"),
        ),
        hidden=(
            case("00:00", gives="12:00 am"),
            case("11:59", gives="11:59 am"),
            case("23:59", gives="11:59 pm"),
            case("09:07", gives="9:07 am"),
            case("12:45", gives="12:45 pm"),
        ),
        reference="""
            def to_twelve_hour(time):
                hour, minute = time.split(":")
                half = "pm" if int(hour) >= 12 else "am"
                return f"{int(hour) % 12 or 12}:{minute} {half}"
        """,
        wrong=(
            Wrong(
                "Midnight becomes hour 0 instead of 12.",
                """
                    def to_twelve_hour(time):
                        hour, minute = int(time[:2]), time[3:]
                        if hour > 12:
                            return f"{hour - 12}:{minute} pm"
                        return f"{hour}:{minute} {'pm' if hour == 12 else 'am'}"
                """,
            ),
            Wrong(
                "Noon is taken for am, because only hours above twelve count as pm.",
                """
                    def to_twelve_hour(time):
                        hour, minute = time.split(":")
                        half = "pm" if int(hour) > 12 else "am"
                        return f"{int(hour) % 12 or 12}:{minute} {half}"
                """,
            ),
        ),
    ),
    Entry(
        "human_seconds",
        MEDIUM,
        prompt="""Write a number of seconds as its two largest units of day, hour, minute and
            second that are not zero, such as '1 day 2 hours'; cut the rest. One takes no plural
            s, and nothing at all is '0 seconds'.""",
        hint="""Split into all four units first, drop the zeros, and only then keep the first
            two.""",
        visible=(
            case(93600, gives="1 day 2 hours"),
            case(61, gives="1 minute 1 second"),
            case(0, gives="0 seconds"),
        ),
        hidden=(
            case(59, gives="59 seconds"),
            case(3600, gives="1 hour"),
            case(3605, gives="1 hour 5 seconds"),
            case(172859, gives="2 days 59 seconds"),
            case(90061, gives="1 day 1 hour"),
        ),
        reference="""
            def human_seconds(seconds):
                sizes = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
                parts = []
                for unit, size in sizes.items():
                    count, seconds = divmod(seconds, size)
                    if count:
                        parts.append(f"{count} {unit}" + ("s" if count > 1 else ""))
                return " ".join(parts[:2]) or "0 seconds"
        """,
        wrong=(
            Wrong(
                "It writes a plural s after one as well.",
                """
                    def human_seconds(seconds):
                        parts = []
                        sizes = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
                        for unit, size in sizes.items():
                            count, seconds = divmod(seconds, size)
                            if count:
                                parts.append(f"{count} {unit}s")
                        return " ".join(parts[:2]) or "0 seconds"
                """,
            ),
            Wrong(
                "It writes all units instead of the two largest.",
                """
                    def human_seconds(seconds):
                        parts = []
                        sizes = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
                        for unit, size in sizes.items():
                            count, seconds = divmod(seconds, size)
                            if count:
                                parts.append(f"{count} {unit}" + ("s" if count > 1 else ""))
                        return " ".join(parts)
                """,
            ),
        ),
    ),
    Entry(
        "night_minutes",
        MEDIUM,
        prompt="""A shift runs from `start` to `end`, both 'HH:MM', and passes midnight when the
            end is not later than the start. Return how many of its minutes lie in the night,
            from 22:00 to 06:00.""",
        hint="""Extend the end by a day when it is not later, then test every minute of the shift
            on the 24-hour clock.""",
        visible=(
            case("21:00", "23:30", gives=90),
            case("20:00", "07:00", gives=480),
        ),
        hidden=(
            case("08:00", "16:00", gives=0),
            case("22:00", "06:00", gives=480),
            case("05:30", "06:30", gives=30),
            case("00:00", "00:00", gives=480),
            case("23:00", "22:30", gives=450),
            case("06:00", "22:00", gives=0),
        ),
        reference="""
            def night_minutes(start, end):
                first = int(start[:2]) * 60 + int(start[3:])
                last = int(end[:2]) * 60 + int(end[3:])
                if last <= first:
                    last += 1440
                night = 0
                for minute in range(first, last):
                    hour = minute // 60 % 24
                    if hour >= 22 or hour < 6:
                        night += 1
                return night
        """,
        wrong=(
            Wrong(
                "It does not handle shifts that pass midnight.",
                """
                    def night_minutes(start, end):
                        first = int(start[:2]) * 60 + int(start[3:])
                        last = int(end[:2]) * 60 + int(end[3:])
                        return sum(not 360 <= minute < 1320 for minute in range(first, last))
                """,
            ),
            Wrong(
                "It forgets to go back to the 24-hour clock after midnight.",
                """
                    def night_minutes(start, end):
                        first = int(start[:2]) * 60 + int(start[3:])
                        last = int(end[:2]) * 60 + int(end[3:])
                        if last <= first:
                            last += 1440
                        return sum(m >= 1320 or m < 360 for m in range(first, last))
                """,
            ),
        ),
    ),
    Entry(
        "recipe_scale",
        EASY,
        prompt="""`recipe` maps ingredients to whole grams for `serves` people. Return the recipe
            for `guests` people, each amount rounded up to a full 5 grams, so that nothing runs
            short.""",
        hint="""Multiply before dividing and round up with whole numbers to avoid tiny errors of
            fractions.""",
        visible=(
            case({"rice": 200}, 4, 3, gives={"rice": 150}),
            case({"salt": 5, "oil": 30}, 2, 3, gives={"salt": 10, "oil": 45}),
        ),
        hidden=(
            case({}, 4, 2, gives={}),
            case({"a": 100}, 1, 0, gives={"a": 0}),
            case({"a": 1}, 10, 1, gives={"a": 5}),
            case({"a": 250}, 3, 7, gives={"a": 585}),
            case({"a": 10, "b": 11}, 1, 1, gives={"a": 10, "b": 15}),
        ),
        reference="""
            def recipe_scale(recipe, serves, guests):
                scaled = {}
                for item, grams in recipe.items():
                    fives = -(-grams * guests // (serves * 5))
                    scaled[item] = fives * 5
                return scaled
        """,
        wrong=(
            Wrong(
                "It rounds down to full 5 grams.",
                """
                    def recipe_scale(recipe, serves, guests):
                        return {i: g * guests // (serves * 5) * 5 for i, g in recipe.items()}
                """,
            ),
            Wrong(
                "It always goes to the next 5 grams, even when the amount fits exactly.",
                """
                    def recipe_scale(recipe, serves, guests):
                        return {
                            i: (g * guests // (serves * 5) + 1) * 5 for i, g in recipe.items()
                        }
                """,
            ),
        ),
    ),
    Entry(
        "unit_chain",
        HARD,
        prompt="""`rules` lists (a, n, b), meaning that one a is n of b, with integer n. Return
            how many `small` make one `big`, multiplying along the rules, or 0 if no chain of
            rules leads from big to small. One unit makes one of itself.""",
        hint="""Search from the big unit along the rules downwards and multiply the factors on
            the way.""",
        visible=(
            case([("day", 24, "h"), ("h", 60, "min")], "day", "min", gives=1440),
            case([("h", 60, "min")], "min", "h", gives=0),
        ),
        hidden=(
            case([], "m", "m", gives=1),
            case([("km", 1000, "m"), ("m", 100, "cm")], "km", "m", gives=1000),
            case(
                [("m", 100, "cm"), ("km", 1000, "m"), ("cm", 10, "mm")], "km", "mm", gives=1000000
            ),
            case([("a", 2, "b"), ("a", 3, "c"), ("c", 5, "d")], "a", "d", gives=15),
            case([("a", 2, "b"), ("c", 3, "d")], "a", "d", gives=0),
            case([("a", 4, "b"), ("b", 1, "c")], "q", "c", gives=0),
        ),
        reference="""
            def unit_chain(rules, big, small):
                if big == small:
                    return 1
                for unit, count, part in rules:
                    if unit == big:
                        below = unit_chain(rules, part, small)
                        if below:
                            return count * below
                return 0
        """,
        wrong=(
            Wrong(
                "It goes through the rules once in order, so an unsorted chain is not found.",
                """
                    def unit_chain(rules, big, small):
                        amounts = {big: 1}
                        for unit, count, part in rules:
                            if unit in amounts:
                                amounts[part] = amounts[unit] * count
                        return amounts.get(small, 0)
                """,
            ),
            Wrong(
                "It adds the factors along the chain instead of multiplying them.",
                """
                    def unit_chain(rules, big, small):
                        if big == small:
                            return 1
                        for unit, count, part in rules:
                            if unit == big:
                                if part == small:
                                    return count
                                below = unit_chain(rules, part, small)
                                if below:
                                    return count + below
                        return 0
                """,
            ),
        ),
    ),
    Entry(
        "bus_wait",
        EASY,
        prompt="""Buses leave at the given minutes of every hour, a sorted non-empty list. Return
            how many minutes a passenger arriving at `minute` (0 to 59) waits for the next bus;
            one that leaves at that very minute is still caught.""",
        hint="""If no departure is left in this hour, the first one of the next hour counts,
            sixty minutes later.""",
        visible=(case([10, 40], 15, gives=25), case([10, 40], 45, gives=25), case([0], 0, gives=0)),
        hidden=(
            case([0], 1, gives=59),
            case([59], 0, gives=59),
            case([5, 20, 35, 50], 35, gives=0),
            case([30], 31, gives=59),
            case([7, 8], 9, gives=58),
        ),
        reference="""
            def bus_wait(departures, minute):
                for departure in departures:
                    if departure >= minute:
                        return departure - minute
                return departures[0] + 60 - minute
        """,
        wrong=(
            Wrong(
                "It misses the bus that leaves at the very minute of arrival.",
                """
                    def bus_wait(departures, minute):
                        for departure in departures:
                            if departure > minute:
                                return departure - minute
                        return departures[0] + 60 - minute
                """,
            ),
            Wrong(
                "It knows no next hour and measures the distance to the last bus.",
                """
                    def bus_wait(departures, minute):
                        for departure in departures:
                            if departure >= minute:
                                return departure - minute
                        return minute - departures[-1]
                """,
            ),
        ),
    ),
    Entry(
        "lap_splits",
        EASY,
        prompt="""A stopwatch shows total times 'M:SS' at the end of each lap. Return the list of
            lap times in seconds. Minutes may have more than one digit; the first lap starts at
            0:00.""",
        hint="""Convert all times to seconds and subtract from each the one before, starting at
            zero.""",
        visible=(case(["1:05", "2:00"], gives=[65, 55]), case(["0:09"], gives=[9])),
        hidden=(
            case([], gives=[]),
            case(["0:00"], gives=[0]),
            case(["10:00", "10:01"], gives=[600, 1]),
            case(["0:59", "1:00", "1:00"], gives=[59, 1, 0]),
            case(["2:10", "4:25", "61:05"], gives=[130, 135, 3400]),
        ),
        reference="""
            def lap_splits(totals):
                laps, before = [], 0
                for total in totals:
                    minutes, seconds = total.split(":")
                    now = int(minutes) * 60 + int(seconds)
                    laps.append(now - before)
                    before = now
                return laps
        """,
        wrong=(
            Wrong(
                "It returns the total times instead of the time of each lap.",
                """
                    def lap_splits(totals):
                        return [int(t.split(":")[0]) * 60 + int(t.split(":")[1]) for t in totals]
                """,
            ),
            Wrong(
                "It reads the time as a decimal number with a hundred seconds a minute.",
                """
                    def lap_splits(totals):
                        numbers = [0] + [int(t.replace(":", "")) for t in totals]
                        return [b - a for a, b in zip(numbers, numbers[1:])]
                """,
            ),
        ),
    ),
    Entry(
        "average_speed",
        MEDIUM,
        prompt="""A trip consists of stages (kilometres, km per hour), all positive integers.
            Return the average speed of the whole trip in km per hour, rounded down to an
            integer; an empty trip has speed 0.""",
        hint="""Average speed is total distance by total time, and times of stages are fractions
            that should be added exactly.""",
        visible=(
            case([(60, 60), (60, 30)], gives=40),
            case([(10, 50), (90, 90)], gives=83),
        ),
        hidden=(
            case([], gives=0),
            case([(5, 20)], gives=20),
            case([(1, 3), (1, 3), (1, 3)], gives=3),
            case([(100, 100), (100, 1)], gives=1),
            case([(30, 90), (30, 45)], gives=60),
            case([(7, 7), (7, 14)], gives=9),
        ),
        reference="""
            from fractions import Fraction

            def average_speed(stages):
                if not stages:
                    return 0
                hours = sum(Fraction(distance, speed) for distance, speed in stages)
                return int(sum(distance for distance, _ in stages) / hours)
        """,
        wrong=(
            Wrong(
                "It averages the speeds of the stages, ignoring how long each one took.",
                """
                    def average_speed(stages):
                        if not stages:
                            return 0
                        return sum(speed for _, speed in stages) // len(stages)
                """,
            ),
            Wrong(
                "It weighs the speeds by distance instead of by time.",
                """
                    def average_speed(stages):
                        if not stages:
                            return 0
                        total = sum(distance for distance, _ in stages)
                        return sum(distance * speed for distance, speed in stages) // total
                """,
            ),
        ),
    ),
)
