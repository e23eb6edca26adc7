"""Recursion: nested lists, trees, branching choices and self-similar drawings."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "weigh_boxes",
        EASY,
        prompt="""A box is a list that holds items, given as their integer weights, and further
            boxes. Every box itself weighs 1. Return the total weight of the outermost box.""",
        hint="""The weight of a box is one plus the weights of its contents, and a box inside is
            weighed by the same rule.""",
        visible=(case([5, [2]], gives=9), case([], gives=1)),
        hidden=(
            case([3], gives=4),
            case([[[]]], gives=3),
            case([0, 0], gives=1),
            case([1, [2, [3, [4]]]], gives=14),
            case([[], [], 7], gives=10),
        ),
        reference="""
            def weigh_boxes(box):
                total = 1
                for content in box:
                    if isinstance(content, list):
                        total += weigh_boxes(content)
                    else:
                        total += content
                return total
        """,
        wrong=(
            Wrong(
                "It forgets the weight of the boxes and adds only the items.",
                """
                    def weigh_boxes(box):
                        total = 0
                        for content in box:
                            if isinstance(content, list):
                                total += weigh_boxes(content)
                            else:
                                total += content
                        return total
                """,
            ),
            Wrong(
                "It looks only one level into the inner boxes.",
                """
                    def weigh_boxes(box):
                        total = 1
                        for content in box:
                            if isinstance(content, list):
                                total += 1 + sum(c for c in content if isinstance(c, int))
                            else:
                                total += content
                        return total
                """,
            ),
        ),
    ),
    Entry(
        "deepest_item",
        MEDIUM,
        prompt="""Return the value that lies deepest in a nested list of integers. Among equally
            deep values the leftmost wins. If there is no value at all, return None.""",
        hint="""Let the walk report depth together with value, and replace the best only when the
            new depth is strictly greater.""",
        visible=(case([1, [2, [3]], 4], gives=3), case([[5], [6]], gives=5)),
        hidden=(
            case([], gives=None),
            case([[], [[]]], gives=None),
            case([7, [[]]], gives=7),
            case([1, 2, 3], gives=1),
            case([[1], [[2]], [[3]]], gives=2),
            case([[[9]], 4, [[[[0]]]]], gives=0),
        ),
        reference="""
            def deepest_item(nested):
                best = [-1, None]

                def walk(items, depth):
                    for item in items:
                        if isinstance(item, list):
                            walk(item, depth + 1)
                        elif depth > best[0]:
                            best[:] = [depth, item]

                walk(nested, 0)
                return best[1]
        """,
        wrong=(
            Wrong(
                "On equal depth it takes the rightmost value, because it also replaces on ties.",
                """
                    def deepest_item(nested):
                        best = [-1, None]

                        def walk(items, depth):
                            for item in items:
                                if isinstance(item, list):
                                    walk(item, depth + 1)
                                elif depth >= best[0]:
                                    best[:] = [depth, item]

                        walk(nested, 0)
                        return best[1]
                """,
            ),
        ),
    ),
    Entry(
        "ruler_marks",
        EASY,
        prompt="""Draw a ruler of the given level as a list of mark lengths. Level 0 or less is
            empty; a ruler of level n is a ruler of level n-1, one mark of length n, and a ruler
            of level n-1 again.""",
        hint="""Build the smaller ruler once and put it on both sides of the new middle mark.""",
        visible=(case(2, gives=[1, 2, 1]), case(0, gives=[])),
        hidden=(
            case(1, gives=[1]),
            case(3, gives=[1, 2, 1, 3, 1, 2, 1]),
            case(4, gives=[1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 2, 1]),
            case(-1, gives=[]),
            case(-5, gives=[]),
        ),
        reference="""
            def ruler_marks(level):
                if level <= 0:
                    return []
                side = ruler_marks(level - 1)
                return side + [level] + side
        """,
        wrong=(
            Wrong(
                "It only counts up and down instead of repeating the whole smaller ruler.",
                """
                    def ruler_marks(level):
                        return list(range(1, level + 1)) + list(range(level - 1, 0, -1))
                """,
            ),
            Wrong(
                "It stops one level too early and leaves out the shortest marks.",
                """
                    def ruler_marks(level):
                        if level <= 1:
                            return []
                        side = ruler_marks(level - 1)
                        return side + [level] + side
                """,
            ),
        ),
    ),
    Entry(
        "stair_ways",
        MEDIUM,
        prompt="""A stair has `steps` steps. A child climbs 1 or 2 steps at a time but never
            takes two double jumps in a row. Return the number of ways to reach the top; a stair
            without steps has one way.""",
        hint="""Besides the steps that are left, the recursion must know whether the last move
            was a double jump.""",
        visible=(case(3, gives=3), case(4, gives=4), case(5, gives=6)),
        hidden=(
            case(0, gives=1),
            case(1, gives=1),
            case(2, gives=2),
            case(6, gives=9),
            case(10, gives=41),
        ),
        reference="""
            def stair_ways(steps):
                def climb(left, jumped):
                    if left == 0:
                        return 1
                    ways = climb(left - 1, False)
                    if left >= 2 and not jumped:
                        ways += climb(left - 2, True)
                    return ways

                return climb(steps, False)
        """,
        wrong=(
            Wrong(
                "It allows two double jumps in a row.",
                """
                    def stair_ways(steps):
                        if steps <= 1:
                            return 1
                        return stair_ways(steps - 1) + stair_ways(steps - 2)
                """,
            ),
            Wrong(
                "It allows at most one double jump in the whole climb.",
                """
                    def stair_ways(steps):
                        return 1 + max(steps - 1, 0)
                """,
            ),
        ),
    ),
    Entry(
        "tree_leaves",
        EASY,
        prompt="""A tree node is a pair (name, list of child nodes). Return the names of all
            nodes without children, from left to right.""",
        hint="""A node without children is its own answer; any other node joins the answers of
            its children in order.""",
        visible=(
            case(("root", [("a", []), ("b", [("c", [])])]), gives=["a", "c"]),
            case(("only", []), gives=["only"]),
        ),
        hidden=(
            case(("r", [("x", [("y", [("z", [])])])]), gives=["z"]),
            case(("r", [("a", []), ("b", []), ("c", [])]), gives=["a", "b", "c"]),
            case(("r", [("l", [("1", []), ("2", [])]), ("m", [])]), gives=["1", "2", "m"]),
            case(("r", [("m", []), ("l", [("1", []), ("2", [])])]), gives=["m", "1", "2"]),
            case(("s", [("s", []), ("s", [])]), gives=["s", "s"]),
        ),
        reference="""
            def tree_leaves(node):
                name, children = node
                if not children:
                    return [name]
                leaves = []
                for child in children:
                    leaves += tree_leaves(child)
                return leaves
        """,
        wrong=(
            Wrong(
                "It visits level by level, so shallow leaves come before deeper ones.",
                """
                    def tree_leaves(node):
                        queue, leaves = [node], []
                        while queue:
                            name, children = queue.pop(0)
                            if not children:
                                leaves.append(name)
                            queue += children
                        return leaves
                """,
            ),
            Wrong(
                "It returns every node below the root, not only those without children.",
                """
                    def tree_leaves(node):
                        name, children = node
                        leaves = []
                        for child in children:
                            leaves += [child[0]] + tree_leaves(child)
                        return leaves or [name]
                """,
            ),
        ),
    ),
    Entry(
        "paper_folds",
        MEDIUM,
        prompt="""A strip of paper is folded in half `n` times, always right over left, and
            unfolded. Its creases from left to right are those of one fold fewer, then 'V', then
            those of one fold fewer reversed with V and A swapped. No fold leaves no crease;
            return the creases as a string.""",
        hint="""The new strip is the old one, a middle crease, and the old one mirrored, where
            mirroring both reverses the order and swaps the kinds.""",
        visible=(case(1, gives="V"), case(2, gives="VVA")),
        hidden=(
            case(0, gives=""),
            case(3, gives="VVAVVAA"),
            case(4, gives="VVAVVAAVVVAAVAA"),
            case(5, gives="VVAVVAAVVVAAVAAVVVAVVAAAVVAAVAA"),
            case(
                6,
                gives="VVAVVAAVVVAAVAAVVVAVVAAAVVAAVAAVVVAVVAAVVVAAVAAAVVAVVAAAVVAAVAA",
            ),
        ),
        reference="""
            def paper_folds(n):
                if n == 0:
                    return ""
                left = paper_folds(n - 1)
                right = "".join("A" if c == "V" else "V" for c in reversed(left))
                return left + "V" + right
        """,
        wrong=(
            Wrong(
                "It swaps the kinds but forgets to reverse the order of the right half.",
                """
                    def paper_folds(n):
                        if n == 0:
                            return ""
                        left = paper_folds(n - 1)
                        right = "".join("A" if c == "V" else "V" for c in left)
                        return left + "V" + right
                """,
            ),
            Wrong(
                "It reverses the right half without swapping the kinds.",
                """
                    def paper_folds(n):
                        if n == 0:
                            return ""
                        left = paper_folds(n - 1)
                        return left + "V" + left[::-1]
                """,
            ),
        ),
    ),
    Entry(
        "can_split_evenly",
        MEDIUM,
        prompt="""Two siblings share toys with the given non-negative integer values. Return
            whether all toys can be divided into two parts whose totals differ by at most
            `slack`. A part may be empty.""",
        hint="""Decide for each toy in turn who gets it and carry the difference of the two
            totals along; only its size at the end matters.""",
        visible=(
            case([3, 1, 2], 0, gives=True),
            case([1, 1, 5], 2, gives=False),
            case([5, 4, 3, 3, 3], 0, gives=True),
        ),
        hidden=(
            case([], 0, gives=True),
            case([4], 3, gives=False),
            case([4], 4, gives=True),
            case([5, 2, 2], 1, gives=True),
            case([8, 7, 6, 5, 4], 0, gives=True),
            case([9, 3, 2], 3, gives=False),
        ),
        reference="""
            def can_split_evenly(toys, slack):
                def balance(place, difference):
                    if place == len(toys):
                        return abs(difference) <= slack
                    toy = toys[place]
                    return balance(place + 1, difference + toy) or balance(
                        place + 1, difference - toy
                    )

                return balance(0, 0)
        """,
        wrong=(
            Wrong(
                "It only looks at the parity of the total, not at whether a division exists.",
                """
                    def can_split_evenly(toys, slack):
                        return sum(toys) % 2 <= slack
                """,
            ),
            Wrong(
                "It greedily gives each toy to the poorer sibling, which can miss a division.",
                """
                    def can_split_evenly(toys, slack):
                        a = b = 0
                        for toy in sorted(toys, reverse=True):
                            if a <= b:
                                a += toy
                            else:
                                b += toy
                        return abs(a - b) <= slack
                """,
            ),
        ),
    ),
    Entry(
        "expand_pattern",
        HARD,
        prompt="""A pattern contains choices in square brackets, separated by '|', as in
            'gr[a|e]y'. Return the list of all words it stands for, leftmost choice varying
            slowest. Brackets are not nested; a choice may be empty.""",
        hint="""Expand the first bracket into its choices and let the recursion expand what
            follows it.""",
        visible=(
            case("gr[a|e]y", gives=["gray", "grey"]),
            case("plain", gives=["plain"]),
        ),
        hidden=(
            case("", gives=[""]),
            case("[a|b][1|2]", gives=["a1", "a2", "b1", "b2"]),
            case("colo[u|]r", gives=["colour", "color"]),
            case("x[y]z", gives=["xyz"]),
            case("a[b|c]d[e|]", gives=["abde", "abd", "acde", "acd"]),
        ),
        reference="""
            def expand_pattern(pattern):
                if "[" not in pattern:
                    return [pattern]
                before, rest = pattern.split("[", 1)
                inside, after = rest.split("]", 1)
                words = []
                for choice in inside.split("|"):
                    for ending in expand_pattern(after):
                        words.append(before + choice + ending)
                return words
        """,
        wrong=(
            Wrong(
                "It expands only the first bracket.",
                """
                    def expand_pattern(pattern):
                        if "[" not in pattern:
                            return [pattern]
                        before, rest = pattern.split("[", 1)
                        inside, after = rest.split("]", 1)
                        return [before + choice + after for choice in inside.split("|")]
                """,
            ),
            Wrong(
                "It throws away empty choices.",
                """
                    def expand_pattern(pattern):
                        if "[" not in pattern:
                            return [pattern]
                        before, rest = pattern.split("[", 1)
                        inside, after = rest.split("]", 1)
                        return [
                            before + choice + ending
                            for choice in inside.split("|") if choice
                            for ending in expand_pattern(after)
                        ]
                """,
            ),
        ),
    ),
    Entry(
        "quad_ink",
        HARD,
        prompt="""A picture is coded as a string: 'B' is a black square, 'W' a white one, and 'Q'
            means that four codes of quarter squares follow. Return the number of black pixels of
            a picture with side `size`, a power of two large enough.""",
        hint="""Read the string with one shared position; a Q reads four codes with half the
            side, each consuming as many characters as it needs.""",
        visible=(case("QBWWB", 2, gives=2), case("QQBWWWWWB", 4, gives=5)),
        hidden=(
            case("B", 8, gives=64),
            case("W", 4, gives=0),
            case("QBBBB", 4, gives=16),
            case("QWQWWWBWB", 4, gives=5),
            case("QWWWQQBWWWBBB", 8, gives=13),
            case("B", 1, gives=1),
        ),
        reference="""
            def quad_ink(code, size):
                symbols = iter(code)

                def read(side):
                    symbol = next(symbols)
                    if symbol == "Q":
                        return sum(read(side // 2) for _ in range(4))
                    return side * side if symbol == "B" else 0

                return read(size)
        """,
        wrong=(
            Wrong(
                "It counts each B as a quarter of the whole picture, whatever its depth.",
                """
                    def quad_ink(code, size):
                        if code[0] != "Q":
                            return size * size if code == "B" else 0
                        return code.count("B") * (size // 2) ** 2
                """,
            ),
            Wrong(
                "It counts the letters B instead of the pixels that they cover.",
                """
                    def quad_ink(code, size):
                        return code.count("B")
                """,
            ),
        ),
    ),
)
