"""Lists: runs, windows, positions and rearrangements."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "drop_neighbours",
        EASY,
        prompt="""A thermometer logs a value every minute. Return the log without every value that
            equals the value logged directly before it. Equal values that are not adjacent all
            stay.""",
        hint="""Compare each value with the one just before it in the original log, not with
            everything seen so far.""",
        visible=(case([3, 3, 4, 3], gives=[3, 4, 3]), case([], gives=[])),
        hidden=(
            case([5], gives=[5]),
            case([1, 1, 1, 1], gives=[1]),
            case([0, 0, -1, 0], gives=[0, -1, 0]),
            case([2, 1, 2, 1], gives=[2, 1, 2, 1]),
            case([7, 7, 8, 8, 7, 7], gives=[7, 8, 7]),
        ),
        reference="""
            def drop_neighbours(log):
                kept = []
                for value in log:
                    if not kept or kept[-1] != value:
                        kept.append(value)
                return kept
        """,
        wrong=(
            Wrong(
                "It drops every repeated value, even when another value lies between.",
                """
                    def drop_neighbours(log):
                        kept = []
                        for value in log:
                            if value not in kept:
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
        hint="""Keep the length of the current climb, restart it at one whenever the path does not
            rise, and remember the best.""",
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
        prompt="""Deal the cards one at a time to `players` hands in turn, starting with the first
            hand, until no card is left. Return the list of hands; some may be one card shorter or
            empty.""",
        hint="""Hand number k gets every card whose position leaves remainder k when divided by the
            number of players.""",
        visible=(
            case([1, 2, 3, 4, 5], 2, gives=[[1, 3, 5], [2, 4]]),
            case([9], 3, gives=[[9], [], []]),
        ),
        hidden=(
            case([], 2, gives=[[], []]),
            case([4, 5, 6], 1, gives=[[4, 5, 6]]),
            case([1, 2, 3, 4, 5, 6], 3, gives=[[1, 4], [2, 5], [3, 6]]),
            case(["A", "K", "Q"], 3, gives=[["A"], ["K"], ["Q"]]),
            case([1, 2, 3, 4], 3, gives=[[1, 4], [2], [3]]),
        ),
        reference="""
            def deal_cards(cards, players):
                return [cards[hand::players] for hand in range(players)]
        """,
        wrong=(
            Wrong(
                "It gives each player a block of neighbouring cards and drops the remainder.",
                """
                    def deal_cards(cards, players):
                        size = len(cards) // players
                        return [cards[i * size:(i + 1) * size] for i in range(players)]
                """,
            ),
            Wrong(
                "All hands are the same list, because multiplying copies the reference.",
                """
                    def deal_cards(cards, players):
                        hands = [[]] * players
                        for i, card in enumerate(cards):
                            hands[i % players].append(card)
                        return hands
                """,
            ),
        ),
    ),
    Entry(
        "remove_every",
        EASY,
        prompt="""Return a copy of the list without the items at every `step`-th place, counting
            places from 1. With step 1 nothing remains. A step larger than the list removes
            nothing.""",
        hint="""Decide by the place in the original list, counted from one, and build a new list
            instead of deleting.""",
        visible=(
            case([10, 20, 30, 40, 50], 2, gives=[10, 30, 50]),
            case([1, 2, 3], 1, gives=[]),
        ),
        hidden=(
            case([], 3, gives=[]),
            case([1, 2], 5, gives=[1, 2]),
            case([1, 2, 3], 3, gives=[1, 2]),
            case([4, 4, 4, 4], 2, gives=[4, 4]),
            case([1, 2, 3, 4, 5, 6, 7], 3, gives=[1, 2, 4, 5, 7]),
        ),
        reference="""
            def remove_every(items, step):
                return [item for place, item in enumerate(items, 1) if place % step]
        """,
        wrong=(
            Wrong(
                "It counts places from zero, so the very first item is removed.",
                """
                    def remove_every(items, step):
                        return [item for place, item in enumerate(items) if place % step]
                """,
            ),
            Wrong(
                "It deletes from the front while walking, which shifts all later places.",
                """
                    def remove_every(items, step):
                        items = list(items)
                        place = step - 1
                        while place < len(items):
                            del items[place]
                            place += step
                        return items
                """,
            ),
        ),
    ),
    Entry(
        "runner_up",
        EASY,
        prompt="""Return the second best score of a contest: the largest score that is strictly
            lower than the best one. When all scores are equal, or there are fewer than two, return
            None.""",
        hint="""Several contestants may share the best score, so look for the best among the scores
            below the maximum.""",
        visible=(case([7, 9, 4], gives=7), case([5, 8, 8], gives=5)),
        hidden=(
            case([], gives=None),
            case([3], gives=None),
            case([6, 6, 6], gives=None),
            case([-4, -2, -9], gives=-4),
            case([0, 1], gives=0),
            case([10, 10, 9, 9, 1], gives=9),
        ),
        reference="""
            def runner_up(scores):
                best = max(scores, default=None)
                lower = [score for score in scores if score != best]
                return max(lower, default=None)
        """,
        wrong=(
            Wrong(
                "It takes the second item after sorting, which is the best again on a tie.",
                """
                    def runner_up(scores):
                        if len(scores) < 2:
                            return None
                        return sorted(scores, reverse=True)[1]
                """,
            ),
        ),
    ),
    Entry(
        "smooth_three",
        MEDIUM,
        prompt="""Smooth a list of integers: replace each item by the median of itself and its two
            neighbours in the original list. The first and last item stay unchanged, as do lists
            with fewer than three items.""",
        hint="""Every window must be read from the original list, and the middle one of three sorted
            values is the median.""",
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
        prompt="""Weights hang at positions 0, 1, 2, … of a rod. Return the smallest index such that
            the weights strictly to its left and strictly to its right have equal sums, or -1 if
            there is none.""",
        hint="""Carry the sum to the left along; the sum to the right is the total without it and
            without the weight at the index.""",
        visible=(case([2, 3, 9, 5], gives=2), case([1, 2, 3], gives=-1), case([8], gives=0)),
        hidden=(
            case([], gives=-1),
            case([0, 0, 0], gives=0),
            case([4, -1, 1], gives=0),
            case([1, -1, 6], gives=2),
            case([5, 5], gives=-1),
        ),
        reference="""
            def balance_point(weights):
                total, left = sum(weights), 0
                for i, weight in enumerate(weights):
                    if left == total - left - weight:
                        return i
                    left += weight
                return -1
        """,
        wrong=(
            Wrong(
                "It counts the weight at the index itself to the right side.",
                """
                    def balance_point(weights):
                        for i in range(len(weights)):
                            if sum(weights[:i]) == sum(weights[i:]):
                                return i
                        return -1
                """,
            ),
            Wrong(
                "It never tries the two ends of the rod.",
                """
                    def balance_point(weights):
                        for i in range(1, len(weights) - 1):
                            if sum(weights[:i]) == sum(weights[i + 1:]):
                                return i
                        return -1
                """,
            ),
        ),
    ),
    Entry(
        "split_on_marker",
        MEDIUM,
        prompt="""Cut a list into groups at every item equal to `marker`; the markers themselves
            vanish. Groups that would be empty, at the ends or between two markers, are left out.""",
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
        EASY,
        prompt="""Parcels lie on a circular belt. Return the list after the belt moved `steps`
            places to the right: each parcel moves right and those at the end come back at the
            front. Negative steps move left. `steps` may exceed the length.""",
        hint="""Only the remainder of the steps by the length matters, and an empty belt has no
            remainder.""",
        visible=(
            case([1, 2, 3, 4], 1, gives=[4, 1, 2, 3]),
            case([1, 2, 3], 5, gives=[2, 3, 1]),
        ),
        hidden=(
            case([], 4, gives=[]),
            case([1, 2, 3, 4], 0, gives=[1, 2, 3, 4]),
            case([1, 2, 3, 4], -1, gives=[2, 3, 4, 1]),
            case([1, 2, 3, 4], 4, gives=[1, 2, 3, 4]),
            case([1, 2, 3], -7, gives=[2, 3, 1]),
            case(["x"], 9, gives=["x"]),
        ),
        reference="""
            def conveyor_shift(belt, steps):
                if not belt:
                    return []
                cut = len(belt) - steps % len(belt)
                return belt[cut:] + belt[:cut]
        """,
        wrong=(
            Wrong(
                "It slices by the steps themselves, which fails beyond the length.",
                """
                    def conveyor_shift(belt, steps):
                        return belt[-steps:] + belt[:-steps]
                """,
            ),
            Wrong(
                "It divides by the length without thinking of an empty belt.",
                """
                    def conveyor_shift(belt, steps):
                        cut = len(belt) - steps % len(belt)
                        return belt[cut:] + belt[:cut]
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
        hint="""Go day by day with two totals, one ending with an accepted day and one ending with a
            day off; acceptance needs a day off before and no negative pay yesterday.""",
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
