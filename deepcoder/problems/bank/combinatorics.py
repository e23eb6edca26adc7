"""Combinatorics: listing and counting choices under a rule."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "outfit_list",
        EASY,
        prompt="""Return all outfits as strings 'shirt/trousers' from two lists of colours,
            shirts in the given order and for each shirt the trousers in the given order. The
            same colour twice in one outfit is not allowed.""",
        hint="""Two nested loops give all pairs in the right order; skip those with equal
            colours.""",
        visible=(
            case(["red", "blue"], ["blue", "grey"], gives=["red/blue", "red/grey", "blue/grey"]),
            case(["red"], ["red"], gives=[]),
        ),
        hidden=(
            case([], ["a"], gives=[]),
            case(["a"], [], gives=[]),
            case(["b", "a"], ["c"], gives=["b/c", "a/c"]),
            case(["a", "b"], ["c", "d"], gives=["a/c", "a/d", "b/c", "b/d"]),
            case(["x", "y"], ["y", "x"], gives=["x/y", "y/x"]),
            case(["a"], ["c", "b", "a"], gives=["a/c", "a/b"]),
        ),
        reference="""
            def outfit_list(shirts, trousers):
                outfits = []
                for shirt in shirts:
                    for pair in trousers:
                        if shirt != pair:
                            outfits.append(shirt + "/" + pair)
                return outfits
        """,
        wrong=(
            Wrong(
                "It also lists outfits in a single colour.",
                """
                    def outfit_list(shirts, trousers):
                        return [s + "/" + t for s in shirts for t in trousers]
                """,
            ),
            Wrong(
                "The loops are nested the other way, so the order is wrong.",
                """
                    def outfit_list(shirts, trousers):
                        return [s + "/" + t for t in trousers for s in shirts if s != t]
                """,
            ),
        ),
    ),
    Entry(
        "dice_totals",
        EASY,
        prompt="""Return in how many ways `dice` ordinary six-sided dice of different colours can
            show the given total. Zero dice show total 0 in one way.""",
        hint="""Count by the value of one die and let the other dice make up the rest.""",
        visible=(case(2, 7, gives=6), case(2, 13, gives=0)),
        hidden=(
            case(0, 0, gives=1),
            case(0, 3, gives=0),
            case(1, 6, gives=1),
            case(3, 4, gives=3),
            case(3, 10, gives=27),
            case(2, 1, gives=0),
        ),
        reference="""
            def dice_totals(dice, total):
                if dice == 0:
                    return 1 if total == 0 else 0
                return sum(dice_totals(dice - 1, total - face) for face in range(1, 7))
        """,
        wrong=(
            Wrong(
                "It ignores the colours and counts each set of faces only once.",
                """
                    from itertools import combinations_with_replacement

                    def dice_totals(dice, total):
                        throws = combinations_with_replacement(range(1, 7), dice)
                        return sum(sum(throw) == total for throw in throws)
                """,
            ),
            Wrong(
                "The range ends before six, so no die ever shows a six.",
                """
                    def dice_totals(dice, total):
                        if dice == 0:
                            return 1 if total == 0 else 0
                        return sum(dice_totals(dice - 1, total - face) for face in range(1, 6))
                """,
            ),
        ),
    ),
    Entry(
        "fair_trios",
        MEDIUM,
        prompt="""Return how many trios of different children can be chosen such that the oldest
            is at most `gap` years older than the youngest. `ages` lists one age per child;
            children with equal ages are still different children.""",
        hint="""Choose by position rather than by value, and compare only the largest with the
            smallest age of a trio.""",
        visible=(case([7, 8, 9, 15], 2, gives=1), case([5, 5, 5], 0, gives=1)),
        hidden=(
            case([], 3, gives=0),
            case([4, 6], 9, gives=0),
            case([1, 5, 9], 8, gives=1),
            case([1, 5, 9], 7, gives=0),
            case([3, 3, 3, 3], 0, gives=4),
            case([9, 1, 4, 2, 6], 4, gives=2),
        ),
        reference="""
            from itertools import combinations

            def fair_trios(ages, gap):
                return sum(max(trio) - min(trio) <= gap for trio in combinations(ages, 3))
        """,
        wrong=(
            Wrong(
                "It removes equal ages first, as if the children were the same.",
                """
                    from itertools import combinations

                    def fair_trios(ages, gap):
                        trios = combinations(sorted(set(ages)), 3)
                        return sum(max(trio) - min(trio) <= gap for trio in trios)
                """,
            ),
            Wrong(
                "It counts each trio once for every order of its children.",
                """
                    from itertools import permutations

                    def fair_trios(ages, gap):
                        return sum(max(t) - min(t) <= gap for t in permutations(ages, 3))
                """,
            ),
        ),
    ),
    Entry(
        "word_ladders",
        MEDIUM,
        prompt="""Return the sorted list of different words that can be made by rearranging all
            letters of `letters` so that no two equal letters stand next to each other.""",
        hint="""Go through all arrangements, make them unique in a set, and keep those whose
            neighbours always differ.""",
        visible=(case("aab", gives=["aba"]), case("aa", gives=[])),
        hidden=(
            case("", gives=[""]),
            case("x", gives=["x"]),
            case("ab", gives=["ab", "ba"]),
            case("abb", gives=["bab"]),
            case("aabb", gives=["abab", "baba"]),
            case("aaab", gives=[]),
        ),
        reference="""
            from itertools import permutations

            def word_ladders(letters):
                words = {"".join(p) for p in permutations(letters)}
                return sorted(
                    word for word in words if all(a != b for a, b in zip(word, word[1:]))
                )
        """,
        wrong=(
            Wrong(
                "It lists the same word several times when letters repeat.",
                """
                    from itertools import permutations

                    def word_ladders(letters):
                        words = ["".join(p) for p in permutations(letters)]
                        return sorted(w for w in words if all(a != b for a, b in zip(w, w[1:])))
                """,
            ),
            Wrong(
                "It returns all arrangements, also with equal neighbours.",
                """
                    from itertools import permutations

                    def word_ladders(letters):
                        return sorted({"".join(p) for p in permutations(letters)})
                """,
            ),
        ),
    ),
    Entry(
        "lock_codes",
        MEDIUM,
        prompt="""A code has `length` digits from 0 to `top`, and each digit differs from the one
            before by at most 1. Return the number of such codes; length 0 gives 1.""",
        hint="""Carry along, for every digit, how many codes end in it; a longer code comes from
            the same digit and its two neighbours.""",
        visible=(case(2, 2, gives=7), case(1, 9, gives=10)),
        hidden=(
            case(0, 5, gives=1),
            case(3, 0, gives=1),
            case(3, 1, gives=8),
            case(3, 2, gives=17),
            case(2, 9, gives=28),
            case(5, 2, gives=99),
        ),
        reference="""
            def lock_codes(length, top):
                if length == 0:
                    return 1
                endings = [1] * (top + 1)
                for _ in range(length - 1):
                    padded = [0] + endings + [0]
                    endings = [sum(padded[d:d + 3]) for d in range(top + 1)]
                return sum(endings)
        """,
        wrong=(
            Wrong(
                "It gives every digit three successors, also at the ends of the range.",
                """
                    def lock_codes(length, top):
                        if length == 0:
                            return 1
                        return (top + 1) * 3 ** (length - 1)
                """,
            ),
            Wrong(
                "It demands a difference of exactly one and forbids equal digits.",
                """
                    def lock_codes(length, top):
                        if length == 0:
                            return 1
                        endings = [1] * (top + 1)
                        for _ in range(length - 1):
                            padded = [0] + endings + [0]
                            endings = [padded[d] + padded[d + 2] for d in range(top + 1)]
                        return sum(endings)
                """,
            ),
        ),
    ),
    Entry(
        "round_robin",
        MEDIUM,
        prompt="""Return the rounds of a tournament in which every two teams meet once, by the
            circle method: pair the first with the last, the second with the second last and so
            on; then the last team moves to second place for the next round. The number of teams
            is even.""",
        hint="""Keep the first team fixed and rotate the others by one place after each round.""",
        visible=(
            case(["a", "b"], gives=[[("a", "b")]]),
            case(
                ["a", "b", "c", "d"],
                gives=[
                    [("a", "d"), ("b", "c")],
                    [("a", "c"), ("d", "b")],
                    [("a", "b"), ("c", "d")],
                ],
            ),
        ),
        hidden=(
            case([], gives=[]),
            case(["x", "y"], gives=[[("x", "y")]]),
            case([1, 2], gives=[[(1, 2)]]),
            case(
                [1, 2, 3, 4],
                gives=[[(1, 4), (2, 3)], [(1, 3), (4, 2)], [(1, 2), (3, 4)]],
            ),
            case(
                [1, 2, 3, 4, 5, 6],
                gives=[
                    [(1, 6), (2, 5), (3, 4)],
                    [(1, 5), (6, 4), (2, 3)],
                    [(1, 4), (5, 3), (6, 2)],
                    [(1, 3), (4, 2), (5, 6)],
                    [(1, 2), (3, 6), (4, 5)],
                ],
            ),
        ),
        reference="""
            def round_robin(teams):
                teams, rounds = list(teams), []
                for _ in range(len(teams) - 1):
                    half = len(teams) // 2
                    rounds.append(list(zip(teams[:half], teams[:half - 1:-1])))
                    teams.insert(1, teams.pop())
                return rounds
        """,
        wrong=(
            Wrong(
                "It rotates all teams, so the same pairs meet again.",
                """
                    def round_robin(teams):
                        teams, rounds = list(teams), []
                        for _ in range(len(teams) - 1):
                            half = len(teams) // 2
                            rounds.append(list(zip(teams[:half], teams[:half - 1:-1])))
                            teams.insert(0, teams.pop())
                        return rounds
                """,
            ),
        ),
    ),
    Entry(
        "change_ways",
        EASY,
        prompt="""Return in how many ways `cents` can be paid with coins of 1, 5 and 10 cents.
            The order of the coins does not matter; 0 cents can be paid in one way and negative
            amounts in none.""",
        hint="""Fix the number of tens, then the number of fives; the rest is ones in exactly one
            way.""",
        visible=(case(10, gives=4), case(4, gives=1)),
        hidden=(
            case(0, gives=1),
            case(-3, gives=0),
            case(5, gives=2),
            case(15, gives=6),
            case(20, gives=9),
            case(100, gives=121),
        ),
        reference="""
            def change_ways(cents):
                ways = 0
                for tens in range(0, cents + 1, 10):
                    ways += (cents - tens) // 5 + 1
                return ways
        """,
        wrong=(
            Wrong(
                "It counts different orders of the same coins separately.",
                """
                    def change_ways(cents):
                        ways = [1] + [0] * max(cents, 0)
                        for amount in range(1, cents + 1):
                            ways[amount] = sum(ways[amount - c] for c in (1, 5, 10) if c <= amount)
                        return ways[cents] if cents >= 0 else 0
                """,
            ),
            Wrong(
                "It leaves out the way that pays everything with tens.",
                """
                    def change_ways(cents):
                        if cents == 0:
                            return 1
                        return sum((cents - tens) // 5 + 1 for tens in range(0, cents, 10))
                """,
            ),
        ),
    ),
    Entry(
        "seating_feuds",
        HARD,
        prompt="""Return in how many orders the people can sit in a row so that no pair in
            `feuds` sits side by side. Feuds are pairs of names in either order; a row read
            backwards is a different order.""",
        hint="""Seat people one after the other and skip everybody who has a feud with the person
            seated last.""",
        visible=(
            case(["a", "b", "c"], [("a", "b")], gives=2),
            case(["a", "b"], [("b", "a")], gives=0),
        ),
        hidden=(
            case([], [], gives=1),
            case(["x"], [], gives=1),
            case(["a", "b", "c"], [], gives=6),
            case(["a", "b", "c"], [("c", "b")], gives=2),
            case(["a", "b", "c", "d"], [("a", "b"), ("c", "d")], gives=8),
            case(["a", "b", "c", "d"], [("d", "a")], gives=12),
        ),
        reference="""
            def seating_feuds(people, feuds):
                def seat(standing, last):
                    if not standing:
                        return 1
                    count = 0
                    for person in standing:
                        if (last, person) not in feuds and (person, last) not in feuds:
                            count += seat([other for other in standing if other != person], person)
                    return count

                return seat(people, None)
        """,
        wrong=(
            Wrong(
                "It respects a feud only in the order in which the pair is written.",
                """
                    from itertools import permutations

                    def seating_feuds(people, feuds):
                        return sum(
                            all(pair not in feuds for pair in zip(row, row[1:]))
                            for row in permutations(people)
                        )
                """,
            ),
            Wrong(
                "It counts a row and the same row read backwards as one.",
                """
                    from itertools import permutations

                    def seating_feuds(people, feuds):
                        bad = set(feuds) | {(b, a) for a, b in feuds}
                        count = sum(
                            not bad & set(zip(row, row[1:])) for row in permutations(people)
                        )
                        return count // 2 if len(people) > 1 else count
                """,
            ),
        ),
    ),
)
