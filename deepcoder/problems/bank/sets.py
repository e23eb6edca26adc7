"""Sets: membership, overlap and difference of small collections."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "missing_keys",
        EASY,
        prompt="""A sentence is to be typed on a broken keyboard. Return the sorted list of
            different letters that the sentence needs but that are not in `working`. Case does
            not matter; spaces and punctuation need no key.""",
        hint="""Make both sides lower case sets, keep only letters, and subtract.""",
        visible=(
            case("Hello, you", "helo", gives=["u", "y"]),
            case("Aa a!", "A", gives=[]),
        ),
        hidden=(
            case("", "abc", gives=[]),
            case("cab", "", gives=["a", "b", "c"]),
            case("ZzZ", "xy", gives=["z"]),
            case("1 + 2", "", gives=[]),
            case("Quick", "QUICK", gives=[]),
            case("Done; done", "d o", gives=["e", "n"]),
        ),
        reference="""
            def missing_keys(sentence, working):
                needed = {char for char in sentence.lower() if char.isalpha()}
                return sorted(needed - set(working.lower()))
        """,
        wrong=(
            Wrong(
                "It treats capital letters as keys of their own.",
                """
                    def missing_keys(sentence, working):
                        needed = {char for char in sentence if char.isalpha()}
                        return sorted(needed - set(working))
                """,
            ),
            Wrong(
                "It reports spaces and punctuation as missing keys.",
                """
                    def missing_keys(sentence, working):
                        return sorted(set(sentence.lower()) - set(working.lower()))
                """,
            ),
        ),
    ),
    Entry(
        "only_once_guests",
        EASY,
        prompt="""`parties` is a list of guest lists. Return the sorted list of guests who came
            to exactly one party. A name may be written twice on the same list by mistake and
            still means one visit.""",
        hint="""Reduce each guest list to a set before counting at how many parties a name
            appears.""",
        visible=(
            case([["al", "bo"], ["bo", "cy"]], gives=["al", "cy"]),
            case([["al", "al"], ["bo"]], gives=["al", "bo"]),
        ),
        hidden=(
            case([], gives=[]),
            case([[], []], gives=[]),
            case([["x"], ["x"], ["x"]], gives=[]),
            case([["b", "a", "b"], ["c", "a"]], gives=["b", "c"]),
            case([["z", "y"]], gives=["y", "z"]),
        ),
        reference="""
            def only_once_guests(parties):
                visits = {}
                for guests in parties:
                    for name in set(guests):
                        visits[name] = visits.get(name, 0) + 1
                return sorted(name for name in visits if visits[name] == 1)
        """,
        wrong=(
            Wrong(
                "It counts a name that is written twice on one list as two visits.",
                """
                    def only_once_guests(parties):
                        names = [name for guests in parties for name in guests]
                        return sorted(name for name in set(names) if names.count(name) == 1)
                """,
            ),
            Wrong(
                "It toggles names in and out, so three visits look like one.",
                """
                    def only_once_guests(parties):
                        once = set()
                        for guests in parties:
                            once ^= set(guests)
                        return sorted(once)
                """,
            ),
        ),
    ),
    Entry(
        "taste_match",
        MEDIUM,
        prompt="""Return how alike two lists of favourite films are, in whole percent rounded
            down: the number of different films on both lists, divided by the number of different
            films on either list. Two empty lists match 100 percent.""",
        hint="""Repeated films count once, so compare the sizes of the intersection and the union
            of two sets.""",
        visible=(
            case(["Up", "Jaws"], ["Jaws", "Heat"], gives=33),
            case(["Up", "Up"], ["Up"], gives=100),
        ),
        hidden=(
            case([], [], gives=100),
            case(["Up"], [], gives=0),
            case(["a", "b", "c"], ["c", "b", "a"], gives=100),
            case(["a", "b", "c"], ["a", "b", "d"], gives=50),
            case(["a", "a", "b"], ["b", "b", "c"], gives=33),
            case(["a", "b", "c"], ["a", "b"], gives=66),
        ),
        reference="""
            def taste_match(first, second):
                either = set(first) | set(second)
                if not either:
                    return 100
                both = set(first) & set(second)
                return 100 * len(both) // len(either)
        """,
        wrong=(
            Wrong(
                "It divides by the length of both lists together, counting shared films twice.",
                """
                    def taste_match(first, second):
                        if not first and not second:
                            return 100
                        both = set(first) & set(second)
                        return 100 * len(both) // (len(first) + len(second))
                """,
            ),
            Wrong(
                "It divides by zero when both lists are empty.",
                """
                    def taste_match(first, second):
                        both = set(first) & set(second)
                        return 100 * len(both) // len(set(first) | set(second))
                """,
            ),
        ),
    ),
    Entry(
        "cover_shift",
        EASY,
        prompt="""Each person has a set of skills, given as a dictionary from name to list of
            skills. Return the sorted names of people who are irreplaceable: they have at least
            one skill that nobody else has.""",
        hint="""For every person subtract the union of all other people's skills from their own
            and see whether anything is left.""",
        visible=(
            case({"al": ["cook"], "bo": ["cook", "sing"]}, gives=["bo"]),
            case({"al": ["cook", "cook"]}, gives=["al"]),
        ),
        hidden=(
            case({}, gives=[]),
            case({"al": []}, gives=[]),
            case({"b": ["x"], "a": ["y"]}, gives=["a", "b"]),
            case({"a": ["x", "y"], "b": ["y", "z"], "c": ["z", "x"]}, gives=[]),
            case({"a": ["x"], "b": ["x"], "c": ["w", "w"]}, gives=["c"]),
        ),
        reference="""
            def cover_shift(skills):
                needed = []
                for name in sorted(skills):
                    others = [skills[other] for other in skills if other != name]
                    if set(skills[name]) - set().union(*others):
                        needed.append(name)
                return needed
        """,
        wrong=(
            Wrong(
                "A skill listed twice by the same person is taken for a shared one.",
                """
                    def cover_shift(skills):
                        everything = [s for listed in skills.values() for s in listed]
                        return sorted(
                            name
                            for name in skills
                            if any(everything.count(s) == 1 for s in skills[name])
                        )
                """,
            ),
            Wrong(
                "It compares with each other person separately instead of with all together.",
                """
                    def cover_shift(skills):
                        return sorted(
                            name
                            for name in skills
                            if skills[name]
                            and all(
                                set(skills[name]) - set(skills[other])
                                for other in skills
                                if other != name
                            )
                        )
                """,
            ),
        ),
    ),
    Entry(
        "first_repeat_gap",
        MEDIUM,
        prompt="""Return the distance between the two positions of the first item that occurs
            again, reading from left to right: the first position whose item was seen before
            decides, and its last earlier position counts. Return 0 if nothing repeats.""",
        hint="""Store the latest position of each item and stop at the first one that is already
            stored.""",
        visible=(case(["a", "b", "c", "b", "a"], gives=2), case([1, 2, 3], gives=0)),
        hidden=(
            case([], gives=0),
            case([5, 5, 1, 1], gives=1),
            case([1, 2, 3, 4, 1], gives=4),
            case(["x", "y", "y", "x"], gives=1),
            case([0, 1, 0, 1, 0], gives=2),
        ),
        reference="""
            def first_repeat_gap(items):
                seen = {}
                for place, item in enumerate(items):
                    if item in seen:
                        return place - seen[item]
                    seen[item] = place
                return 0
        """,
        wrong=(
            Wrong(
                "It takes the first item that is repeated anywhere, not the earliest repetition.",
                """
                    def first_repeat_gap(items):
                        for place, item in enumerate(items):
                            if item in items[place + 1:]:
                                return items.index(item, place + 1) - place
                        return 0
                """,
            ),
            Wrong(
                "It returns the number of items in between, which is one less.",
                """
                    def first_repeat_gap(items):
                        seen = {}
                        for place, item in enumerate(items):
                            if item in seen:
                                return place - seen[item] - 1
                            seen[item] = place
                        return 0
                """,
            ),
        ),
    ),
    Entry(
        "allergy_menu",
        EASY,
        prompt="""`dishes` maps a dish to its ingredients. Return the dishes, in the given order,
            that contain no ingredient from `allergies` and at least one from `likes`. With empty
            `likes` every dish is liked.""",
        hint="""Ask two separate questions about overlap, and treat the empty list of likes as no
            wish at all.""",
        visible=(
            case(
                {"soup": ["leek", "milk"], "salad": ["leek", "nut"]},
                ["milk"],
                ["leek"],
                gives=["salad"],
            ),
            case({"tea": ["mint"]}, [], [], gives=["tea"]),
        ),
        hidden=(
            case({}, ["x"], ["y"], gives=[]),
            case({"water": []}, ["milk"], [], gives=["water"]),
            case({"water": []}, [], ["mint"], gives=[]),
            case({"b": ["x"], "a": ["x"]}, ["y"], ["x", "z"], gives=["b", "a"]),
            case({"d": ["x", "y"]}, ["y"], ["x"], gives=[]),
        ),
        reference="""
            def allergy_menu(dishes, allergies, likes):
                chosen = []
                for dish, ingredients in dishes.items():
                    safe = not set(ingredients) & set(allergies)
                    liked = not likes or set(ingredients) & set(likes)
                    if safe and liked:
                        chosen.append(dish)
                return chosen
        """,
        wrong=(
            Wrong(
                "With no likes given it offers nothing instead of everything.",
                """
                    def allergy_menu(dishes, allergies, likes):
                        return [
                            dish
                            for dish, ingredients in dishes.items()
                            if not set(ingredients) & set(allergies)
                            and set(ingredients) & set(likes)
                        ]
                """,
            ),
            Wrong(
                "It demands that a dish contain all liked ingredients instead of one.",
                """
                    def allergy_menu(dishes, allergies, likes):
                        return [
                            dish
                            for dish, ingredients in dishes.items()
                            if not set(ingredients) & set(allergies)
                            and set(likes) <= set(ingredients)
                        ]
                """,
            ),
        ),
    ),
    Entry(
        "closed_club",
        MEDIUM,
        prompt="""`knows` lists pairs (a, b) meaning that a knows b. Return whether the people in
            `group` form a club: every two different members know each other in both directions.
            A group of fewer than two is always a club.""",
        hint="""Check every ordered pair of different members against a set of the pairs.""",
        visible=(
            case([("a", "b"), ("b", "a")], ["a", "b"], gives=True),
            case([("a", "b")], ["a", "b"], gives=False),
        ),
        hidden=(
            case([], [], gives=True),
            case([], ["x"], gives=True),
            case([("a", "b"), ("b", "c"), ("c", "a")], ["a", "b", "c"], gives=False),
            case([("a", "b"), ("b", "a")], ["a", "b", "b"], gives=True),
            case([("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")], ["a", "b", "c"], gives=False),
            case(
                [("a", "b"), ("b", "a"), ("a", "c"), ("c", "a"), ("b", "c"), ("c", "b")],
                ["c", "a", "b"],
                gives=True,
            ),
        ),
        reference="""
            def closed_club(knows, group):
                pairs = set(knows)
                for a in group:
                    for b in group:
                        if a != b and (a, b) not in pairs:
                            return False
                return True
        """,
        wrong=(
            Wrong(
                "It is content when only one of the two knows the other.",
                """
                    def closed_club(knows, group):
                        pairs = set(knows)
                        for a in group:
                            for b in group:
                                if a != b and (a, b) not in pairs and (b, a) not in pairs:
                                    return False
                        return True
                """,
            ),
            Wrong(
                "It checks only members who stand next to each other in the list.",
                """
                    def closed_club(knows, group):
                        pairs = set(knows)
                        return all(
                            a == b or ((a, b) in pairs and (b, a) in pairs)
                            for a, b in zip(group, group[1:])
                        )
                """,
            ),
        ),
    ),
    Entry(
        "fewest_packs",
        HARD,
        prompt="""Stickers are sold in packs, each a list of sticker numbers. Return the smallest
            number of packs that together contain every number in `wanted`, or -1 if that is
            impossible. Wanting nothing needs 0 packs.""",
        hint="""Try all choices of 0 packs, then of 1, then of 2, and so on; picking the biggest
            pack first can mislead.""",
        visible=(
            case([[1, 2], [3], [2, 3]], [1, 2, 3], gives=2),
            case([[1]], [2], gives=-1),
        ),
        hidden=(
            case([], [], gives=0),
            case([[1, 2, 3]], [3, 3], gives=1),
            case([[1, 2, 3, 4], [1, 2, 5], [3, 4, 6]], [1, 2, 3, 4, 5, 6], gives=2),
            case([[1], [2], [3]], [1, 2, 3], gives=3),
            case([], [1], gives=-1),
            case([[5, 6], [1, 5], [6, 2], [1, 2]], [1, 2, 5, 6], gives=2),
        ),
        reference="""
            from itertools import combinations

            def fewest_packs(packs, wanted):
                for count in range(len(packs) + 1):
                    for chosen in combinations(packs, count):
                        if set(wanted) <= set().union(*chosen):
                            return count
                return -1
        """,
        wrong=(
            Wrong(
                "It greedily buys the pack with the most missing numbers.",
                """
                    def fewest_packs(packs, wanted):
                        missing, count = set(wanted), 0
                        while missing:
                            best = max(packs, key=lambda p: len(missing & set(p)), default=[])
                            if not missing & set(best):
                                return -1
                            missing -= set(best)
                            count += 1
                        return count
                """,
            ),
        ),
    ),
    Entry(
        "secret_santa_ok",
        EASY,
        prompt="""`gives` maps each person to the one who gets their present. Return whether the
            draw is fair: everybody in the mapping receives exactly one present, nobody outside
            gets one, and nobody draws themselves.""",
        hint="""The receivers must be the same people as the givers, each once, and no key may
            equal its value.""",
        visible=(
            case({"al": "bo", "bo": "al"}, gives=True),
            case({"al": "bo", "bo": "zoe"}, gives=False),
            case({"al": "al", "bo": "bo"}, gives=False),
        ),
        hidden=(
            case({}, gives=True),
            case({"x": "x"}, gives=False),
            case({"a": "b", "b": "c", "c": "a"}, gives=True),
            case({"a": "b", "b": "z"}, gives=False),
            case({"a": "c", "b": "a", "c": "a"}, gives=False),
            case({"a": "b", "b": "a", "c": "c"}, gives=False),
        ),
        reference="""
            def secret_santa_ok(gives):
                if sorted(gives.values()) != sorted(gives):
                    return False
                return all(giver != receiver for giver, receiver in gives.items())
        """,
        wrong=(
            Wrong(
                "It only checks that nobody draws themselves.",
                """
                    def secret_santa_ok(gives):
                        return all(giver != receiver for giver, receiver in gives.items())
                """,
            ),
            Wrong(
                "It forgets that nobody may draw themselves.",
                """
                    def secret_santa_ok(gives):
                        return set(gives.values()) == set(gives)
                """,
            ),
        ),
    ),
)
