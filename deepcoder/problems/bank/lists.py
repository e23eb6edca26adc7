"""Lists: runs, windows, positions and rearrangements."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "drop_neighbours",
        EASY,
        prompt="""A thermometer logs whole degrees. Shorten the log: keep the first value, and
            every later one only if it differs by more than `noise` from the value that was kept
            last. Values far back in the log do not matter.""",
        hint="""Compare each value with the last one that was kept, not with its neighbour in the
            log.""",
        visible=(
            case([3, 4, 5, 9], 1, gives=[3, 5, 9]),
            case([3, 3, 4, 3], 0, gives=[3, 4, 3]),
        ),
        hidden=(
            case([], 2, gives=[]),
            case([5], 0, gives=[5]),
            case([1, 1, 1, 1], 0, gives=[1]),
            case([1, 2, 3, 4, 5], 2, gives=[1, 4]),
            case([0, -3, 0, 3], 2, gives=[0, -3, 0, 3]),
            case([7, 5, 9, 7], 2, gives=[7]),
        ),
        reference="""
            def drop_neighbours(log, noise):
                kept = []
                for value in log:
                    if not kept or abs(value - kept[-1]) > noise:
                        kept.append(value)
                return kept
        """,
        wrong=(
            Wrong(
                "It compares with the neighbour in the log, so a slow drift is never noticed.",
                """
                    def drop_neighbours(log, noise):
                        kept = log[:1]
                        for before, value in zip(log, log[1:]):
                            if abs(value - before) > noise:
                                kept.append(value)
                        return kept
                """,
            ),
            Wrong(
                "It drops a value that is close to any kept value, however far back.",
                """
                    def drop_neighbours(log, noise):
                        kept = []
                        for value in log:
                            if all(abs(value - other) > noise for other in kept):
                                kept.append(value)
                        return kept
                """,
            ),
        ),
    ),
    Entry(
        "longest_climb",
        MEDIUM,
        prompt="""A hiker notes the altitude at every post. Return the number of posts in the
            longest stretch of consecutive posts in which each is strictly higher than the one
            before. An empty list gives 0.""",
        hint="""Keep the length of the current climb, restart it at one whenever the path does
            not rise, and remember the best.""",
        visible=(
            case([3, 5, 9, 2, 4], gives=3),
            case([1, 2, 1, 2, 3, 4], gives=4),
            case([2, 2, 2], gives=1),
        ),
        hidden=(
            case([], gives=0),
            case([8], gives=1),
            case([5, 4, 3], gives=1),
            case([1, 2, 3, 4], gives=4),
            case([1, 2, 2, 3, 4], gives=3),
        ),
        reference="""
            def longest_climb(heights):
                best = current = 0
                for i, height in enumerate(heights):
                    rises = i > 0 and height > heights[i - 1]
                    current = current + 1 if rises else 1
                    best = max(best, current)
                return best
        """,
        wrong=(
            Wrong(
                "It updates the best only when a climb ends, so a climb at the end is lost.",
                """
                    def longest_climb(heights):
                        best = current = 1 if heights else 0
                        for before, after in zip(heights, heights[1:]):
                            if after > before:
                                current += 1
                            else:
                                best = max(best, current)
                                current = 1
                        return best
                """,
            ),
            Wrong(
                "It lets a level stretch count as climbing.",
                """
                    def longest_climb(heights):
                        best = current = 0
                        for i, height in enumerate(heights):
                            rises = i > 0 and height >= heights[i - 1]
                            current = current + 1 if rises else 1
                            best = max(best, current)
                        return best
                """,
            ),
        ),
    ),
    Entry(
        "deal_cards",
        EASY,
        prompt="""Deal cards one at a time to `players` hands in turn, starting with the first
            hand, but only as many as give all hands the same size. Return the pair (list of
            hands, list of the cards left over).""",
        hint="""Set the remainder aside first; then hand number k gets every card whose position
            leaves remainder k.""",
        visible=(
            case([1, 2, 3, 4, 5], 2, gives=([[1, 3], [2, 4]], [5])),
            case([7, 8, 9], 1, gives=([[7, 8, 9]], [])),
        ),
        hidden=(
            case([], 2, gives=([[], []], [])),
            case([9], 3, gives=([[], [], []], [9])),
            case([1, 2, 3, 4, 5, 6], 3, gives=([[1, 4], [2, 5], [3, 6]], [])),
            case(["A", "K", "Q"], 3, gives=([["A"], ["K"], ["Q"]], [])),
            case([1, 2, 3, 4, 5, 6, 7, 8], 3, gives=([[1, 4], [2, 5], [3, 6]], [7, 8])),
        ),
        reference="""
            def deal_cards(cards, players):
                dealt = len(cards) - len(cards) % players
                hands = [cards[hand:dealt:players] for hand in range(players)]
                return hands, cards[dealt:]
        """,
        wrong=(
            Wrong(
                "It gives each player a block of neighbouring cards instead of dealing in turn.",
                """
                    def deal_cards(cards, players):
                        size = len(cards) // players
                        hands = [cards[i * size:(i + 1) * size] for i in range(players)]
                        return hands, cards[players * size:]
                """,
            ),
            Wrong(
                "It deals all cards, so the first hands become larger than the others.",
                """
                    def deal_cards(cards, players):
                        return [cards[hand::players] for hand in range(players)], []
                """,
            ),
        ),
    ),
    Entry(
        "remove_every",
        EASY,
        prompt="""A guard sends away everybody at each `step`-th place of a line, counting places
            from 1. Return the pair (list of those who stay, list of those sent away), both in
            order. A step larger than the line sends nobody away.""",
        hint="""Decide by the place in the original line, counted from one, and build two new
            lists.""",
        visible=(
            case([10, 20, 30, 40, 50], 2, gives=([10, 30, 50], [20, 40])),
            case([1, 2, 3], 1, gives=([], [1, 2, 3])),
        ),
        hidden=(
            case([], 3, gives=([], [])),
            case([1, 2], 5, gives=([1, 2], [])),
            case([1, 2, 3], 3, gives=([1, 2], [3])),
            case([4, 4, 4, 4], 2, gives=([4, 4], [4, 4])),
            case([1, 2, 3, 4, 5, 6, 7], 3, gives=([1, 2, 4, 5, 7], [3, 6])),
        ),
        reference="""
            def remove_every(line, step):
                stay = [person for place, person in enumerate(line, 1) if place % step]
                return stay, line[step - 1::step]
        """,
        wrong=(
            Wrong(
                "It counts places from zero, so the very first person is sent away.",
                """
                    def remove_every(line, step):
                        stay = [person for place, person in enumerate(line) if place % step]
                        return stay, line[::step]
                """,
            ),
            Wrong(
                "It deletes while walking along the line, which shifts all later places.",
                """
                    def remove_every(line, step):
                        stay, away, place = list(line), [], step - 1
                        while place < len(stay):
                            away.append(stay.pop(place))
                            place += step
                        return stay, away
                """,
            ),
        ),
    ),
    Entry(
        "runner_up",
        EASY,
        prompt="""Return the positions, from 0, of all contestants who share second place: those
            whose score is the largest one strictly lower than the best score. When all scores
            are equal, or there are none, return an empty list.""",
        hint="""Several contestants may share the best score, so the second place is the best
            among the scores below the maximum.""",
        visible=(case([7, 9, 4], gives=[0]), case([8, 5, 8, 5], gives=[1, 3])),
        hidden=(
            case([], gives=[]),
            case([3], gives=[]),
            case([6, 6, 6], gives=[]),
            case([-4, -2, -9], gives=[0]),
            case([1, 0], gives=[1]),
            case([10, 10, 9, 1, 9], gives=[2, 4]),
        ),
        reference="""
            def runner_up(scores):
                lower = [score for score in scores if score < max(scores)]
                if not lower:
                    return []
                return [place for place, score in enumerate(scores) if score == max(lower)]
        """,
        wrong=(
            Wrong(
                "It takes the second item after sorting, which is the best again on a tie.",
                """
                    def runner_up(scores):
                        if len(scores) < 2:
                            return []
                        second = sorted(scores)[-2]
                        return [place for place, score in enumerate(scores) if score == second]
                """,
            ),
            Wrong(
                "It returns only the first of those who share second place.",
                """
                    def runner_up(scores):
                        lower = [score for score in scores if score < max(scores)]
                        return [scores.index(max(lower))] if lower else []
                """,
            ),
        ),
    ),
    Entry(
        "smooth_three",
        MEDIUM,
        prompt="""Smooth a list of integers: replace each item by the median of itself and its
            two neighbours in the original list. The first and last item stay unchanged, as do
            lists with fewer than three items.""",
        hint="""Every window must be read from the original list, and the middle one of three
            sorted values is the median.""",
        visible=(
            case([1, 9, 2, 3], gives=[1, 2, 3, 3]),
            case([5, 1], gives=[5, 1]),
        ),
        hidden=(
            case([], gives=[]),
            case([4], gives=[4]),
            case([3, 2, 1], gives=[3, 2, 1]),
            case([0, 8, 0, 8, 0], gives=[0, 0, 8, 0, 0]),
            case([7, 7, 7], gives=[7, 7, 7]),
            case([-1, -9, 4, 2], gives=[-1, -1, 2, 2]),
        ),
        reference="""
            def smooth_three(values):
                result = list(values)
                for i in range(1, len(values) - 1):
                    result[i] = sorted(values[i - 1:i + 2])[1]
                return result
        """,
        wrong=(
            Wrong(
                "It changes the list in place, so later windows see smoothed neighbours.",
                """
                    def smooth_three(values):
                        for i in range(1, len(values) - 1):
                            values[i] = sorted(values[i - 1:i + 2])[1]
                        return values
                """,
            ),
            Wrong(
                "It takes the rounded-down mean of the three instead of their median.",
                """
                    def smooth_three(values):
                        result = list(values)
                        for i in range(1, len(values) - 1):
                            result[i] = sum(values[i - 1:i + 2]) // 3
                        return result
                """,
            ),
        ),
    ),
    Entry(
        "balance_point",
        MEDIUM,
        prompt="""Weights hang at positions 0, 1, 2, … of a rod, and each pulls with its weight
            times its distance from the support. Return the smallest index under which a support
            keeps both sides in balance, or -1 if there is none.""",
        hint="""Weight times signed distance, summed over the whole rod, must be zero, and the
            weight above the support has distance zero.""",
        visible=(case([4, 9, 0, 2], gives=1), case([3, 9, 3], gives=1), case([1, 2], gives=-1)),
        hidden=(
            case([], gives=-1),
            case([8], gives=0),
            case([0, 0, 0], gives=0),
            case([5, 5], gives=-1),
            case([2, 0, 0, 0, 0, 1], gives=-1),
            case([6, 0, 0, 3], gives=1),
            case([1, 1, 1, 1, 1], gives=2),
        ),
        reference="""
            def balance_point(weights):
                for support in range(len(weights)):
                    pull = 0
                    for place, weight in enumerate(weights):
                        pull += weight * (place - support)
                    if pull == 0:
                        return support
                return -1
        """,
        wrong=(
            Wrong(
                "It compares the sums of the weights and ignores their distances.",
                """
                    def balance_point(weights):
                        for i in range(len(weights)):
                            if sum(weights[:i]) == sum(weights[i + 1:]):
                                return i
                        return -1
                """,
            ),
            Wrong(
                "It computes the centre by a division that rounds, so any rod seems to balance.",
                """
                    def balance_point(weights):
                        if not weights or sum(weights) == 0:
                            return 0 if weights else -1
                        return sum(i * w for i, w in enumerate(weights)) // sum(weights)
                """,
            ),
        ),
    ),
    Entry(
        "split_on_marker",
        MEDIUM,
        prompt="""Cut a list into groups at every item equal to `marker`; the markers themselves
            vanish. Groups that would be empty, at the ends or between two markers, are left
            out.""",
        hint="""Collect items into a current group and close it at a marker and once more at the
            end, keeping it only if it holds something.""",
        visible=(
            case([1, 0, 2, 3, 0], 0, gives=[[1], [2, 3]]),
            case([0, 0], 0, gives=[]),
        ),
        hidden=(
            case([], 0, gives=[]),
            case([4, 5], 0, gives=[[4, 5]]),
            case([7, 1, 1, 7, 8], 1, gives=[[7], [7, 8]]),
            case(["-", "a", "-", "b"], "-", gives=[["a"], ["b"]]),
            case([0, 3], 0, gives=[[3]]),
        ),
        reference="""
            def split_on_marker(items, marker):
                groups, current = [], []
                for item in items + [marker]:
                    if item != marker:
                        current.append(item)
                    elif current:
                        groups.append(current)
                        current = []
                return groups
        """,
        wrong=(
            Wrong(
                "It closes groups only at markers, so items after the last marker are lost.",
                """
                    def split_on_marker(items, marker):
                        groups, current = [], []
                        for item in items:
                            if item != marker:
                                current.append(item)
                            elif current:
                                groups.append(current)
                                current = []
                        return groups
                """,
            ),
            Wrong(
                "It keeps the empty groups at the ends and between markers.",
                """
                    def split_on_marker(items, marker):
                        groups = [[]]
                        for item in items:
                            if item == marker:
                                groups.append([])
                            else:
                                groups[-1].append(item)
                        return groups
                """,
            ),
        ),
    ),
    Entry(
        "conveyor_shift",
        MEDIUM,
        prompt="""Parcels lie on a circular belt in which None marks fixed pillars. Return the
            belt after every parcel moved on by `steps` parcel places to the right, going round
            at the end; pillars stay where they are. Negative steps move left.""",
        hint="""Take the parcels out, rotate them alone by the remainder of the steps, and deal
            them back into the places without a pillar.""",
        visible=(
            case([1, 2, 3, 4], 5, gives=[4, 1, 2, 3]),
            case([1, None, 2, 3], 1, gives=[3, None, 1, 2]),
        ),
        hidden=(
            case([], 4, gives=[]),
            case([None, None], 3, gives=[None, None]),
            case([1, 2, 3, 4], 0, gives=[1, 2, 3, 4]),
            case([1, 2, None, 4], -1, gives=[2, 4, None, 1]),
            case([None, 5], 9, gives=[None, 5]),
            case([1, 2, 3], 4, gives=[3, 1, 2]),
            case([0, 1, None, 2], 1, gives=[2, 0, None, 1]),
        ),
        reference="""
            def conveyor_shift(belt, steps):
                parcels = [item for item in belt if item is not None]
                if not parcels:
                    return belt
                cut = len(parcels) - steps % len(parcels)
                moved = iter(parcels[cut:] + parcels[:cut])
                return [None if item is None else next(moved) for item in belt]
        """,
        wrong=(
            Wrong(
                "It rotates the whole belt, pillars included.",
                """
                    def conveyor_shift(belt, steps):
                        if not belt:
                            return []
                        cut = len(belt) - steps % len(belt)
                        return belt[cut:] + belt[:cut]
                """,
            ),
            Wrong(
                "It slices by the steps themselves, which fails when they exceed the length.",
                """
                    def conveyor_shift(belt, steps):
                        parcels = [item for item in belt if item is not None]
                        moved = iter(parcels[-steps:] + parcels[:-steps])
                        return [None if item is None else next(moved) for item in belt]
                """,
            ),
        ),
    ),
    Entry(
        "best_rest_days",
        HARD,
        prompt="""A courier may accept any set of daily jobs as long as no two accepted days are
            adjacent and no accepted day comes right after a day with negative pay. Return the
            highest total pay; accepting nothing pays 0.""",
        hint="""Go day by day with two totals, one ending with an accepted day and one ending
            with a day off; acceptance needs a day off before and no negative pay yesterday.""",
        visible=(
            case([5, 1, 4], gives=9),
            case([3, -2, 9, 4], gives=7),
        ),
        hidden=(
            case([], gives=0),
            case([-5, 8], gives=0),
            case([2, 7], gives=7),
            case([6, 0, 0, 6], gives=12),
            case([-1, -1, -1], gives=0),
            case([4, 9, 8, 9, -3, 20], gives=18),
        ),
        reference="""
            def best_rest_days(pay):
                worked, rested = 0, 0
                previous = 0
                for amount in pay:
                    best = max(worked, rested)
                    worked = rested + amount if previous >= 0 else rested
                    rested = best
                    previous = amount
                return max(worked, rested)
        """,
        wrong=(
            Wrong(
                "It forgets that a day after negative pay may not be accepted.",
                """
                    def best_rest_days(pay):
                        worked, rested = 0, 0
                        for amount in pay:
                            worked, rested = rested + amount, max(worked, rested)
                        return max(worked, rested)
                """,
            ),
            Wrong(
                "It only compares all even days with all odd days.",
                """
                    def best_rest_days(pay):
                        allowed = [
                            p if i == 0 or pay[i - 1] >= 0 else 0 for i, p in enumerate(pay)
                        ]
                        return max(sum(allowed[::2]), sum(allowed[1::2]), 0)
                """,
            ),
        ),
    ),
)
