"""Dictionaries: counting, merging, inverting and walking key-value data."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "merge_stock",
        EASY,
        prompt="""Two shops keep their stock as dictionaries from item to count. Return the
            combined stock with counts added. Items whose combined count is zero are left out;
            negative counts are possible.""",
        hint="""Look up both counts with zero as the default, and judge the sum rather than the
            parts.""",
        visible=(
            case({"pen": 2}, {"pen": 3, "ink": 1}, gives={"pen": 5, "ink": 1}),
            case({"cup": 4}, {"cup": -4}, gives={}),
        ),
        hidden=(
            case({}, {}, gives={}),
            case({"a": 0}, {}, gives={}),
            case({"a": 1}, {"b": 2}, gives={"a": 1, "b": 2}),
            case({"a": -2}, {"a": 1}, gives={"a": -1}),
            case({"a": 5, "b": 1}, {"b": -1, "c": 2}, gives={"a": 5, "c": 2}),
        ),
        reference="""
            def merge_stock(first, second):
                total = {}
                for item in first | second:
                    count = first.get(item, 0) + second.get(item, 0)
                    if count != 0:
                        total[item] = count
                return total
        """,
        wrong=(
            Wrong(
                "It overwrites the first shop's counts instead of adding them.",
                """
                    def merge_stock(first, second):
                        merged = first | second
                        return {item: n for item, n in merged.items() if n != 0}
                """,
            ),
            Wrong(
                "It keeps only positive counts, although negative ones are allowed.",
                """
                    def merge_stock(first, second):
                        total = dict(first)
                        for item, count in second.items():
                            total[item] = total.get(item, 0) + count
                        return {item: n for item, n in total.items() if n > 0}
                """,
            ),
        ),
    ),
    Entry(
        "phone_owners",
        EASY,
        prompt="""A directory maps names to lists of phone numbers. Return the reverse: a
            dictionary from each number to the alphabetically sorted list of the names that have
            it.""",
        hint="""Visiting the names in sorted order makes every list come out sorted; a number
            listed twice by one person counts once.""",
        visible=(
            case({"Zoe": ["1"], "Al": ["1", "2"]}, gives={"1": ["Al", "Zoe"], "2": ["Al"]}),
            case({"Bo": ["7", "7"]}, gives={"7": ["Bo"]}),
        ),
        hidden=(
            case({}, gives={}),
            case({"Al": []}, gives={}),
            case({"B": ["5"], "A": ["5"], "C": ["5"]}, gives={"5": ["A", "B", "C"]}),
            case({"X": ["1", "2", "1"]}, gives={"1": ["X"], "2": ["X"]}),
            case({"M": ["3"], "L": ["4"]}, gives={"3": ["M"], "4": ["L"]}),
        ),
        reference="""
            def phone_owners(directory):
                owners = {}
                for name in sorted(directory):
                    for number in set(directory[name]):
                        owners.setdefault(number, []).append(name)
                return owners
        """,
        wrong=(
            Wrong(
                "Each number keeps only one owner, because later names replace earlier ones.",
                """
                    def phone_owners(directory):
                        return {n: [name] for name in sorted(directory) for n in directory[name]}
                """,
            ),
            Wrong(
                "The names come in the directory's order, and a repeated number repeats its name.",
                """
                    def phone_owners(directory):
                        owners = {}
                        for name, numbers in directory.items():
                            for number in numbers:
                                owners.setdefault(number, []).append(name)
                        return owners
                """,
            ),
        ),
    ),
    Entry(
        "vote_winner",
        EASY,
        prompt="""Return the candidate with the most votes in a list of names. On a tie the
            candidate whose first vote came earliest wins. With no votes return an empty
            string.""",
        hint="""A dictionary remembers the order of first votes, and taking the first key with
            the largest count settles ties.""",
        visible=(
            case(["Eve", "Ann", "Ann", "Eve"], gives="Eve"),
            case([], gives=""),
        ),
        hidden=(
            case(["Bo"], gives="Bo"),
            case(["a", "b", "b"], gives="b"),
            case(["z", "a", "m"], gives="z"),
            case(["x", "y", "y", "x", "y"], gives="y"),
            case(["q", "p", "p", "q", "r"], gives="q"),
        ),
        reference="""
            def vote_winner(votes):
                counts = {}
                for name in votes:
                    counts[name] = counts.get(name, 0) + 1
                return max(counts, key=counts.get, default="")
        """,
        wrong=(
            Wrong(
                "It breaks ties by the alphabet instead of by the first vote.",
                """
                    def vote_winner(votes):
                        names = sorted(set(votes))
                        return max(names, key=votes.count, default="")
                """,
            ),
            Wrong(
                "On a tie it returns whoever reached the count last.",
                """
                    def vote_winner(votes):
                        counts = {}
                        winner = ""
                        for name in votes:
                            counts[name] = counts.get(name, 0) + 1
                            if counts[name] >= counts.get(winner, 0):
                                winner = name
                        return winner
                """,
            ),
        ),
    ),
    Entry(
        "changed_settings",
        MEDIUM,
        prompt="""Compare two settings dictionaries. Return a dictionary with three sorted lists
            of keys: 'added' (only in the new one), 'removed' (only in the old one) and 'changed'
            (in both, with different values). All three lists are always present.""",
        hint="""Ask whether a key is present, not whether its value is truthy, since None, 0 and
            False are values too.""",
        visible=(
            case(
                {"a": 1, "b": 2},
                {"b": 3, "c": 4},
                gives={"added": ["c"], "removed": ["a"], "changed": ["b"]},
            ),
            case({"x": 0}, {"x": None}, gives={"added": [], "removed": [], "changed": ["x"]}),
        ),
        hidden=(
            case({}, {}, gives={"added": [], "removed": [], "changed": []}),
            case({"k": None}, {}, gives={"added": [], "removed": ["k"], "changed": []}),
            case({}, {"k": 0}, gives={"added": ["k"], "removed": [], "changed": []}),
            case({"k": [1]}, {"k": [1]}, gives={"added": [], "removed": [], "changed": []}),
            case({"k": False}, {"k": True}, gives={"added": [], "removed": [], "changed": ["k"]}),
            case(
                {"b": 1, "a": 1},
                {"a": 2, "b": 2},
                gives={"added": [], "removed": [], "changed": ["a", "b"]},
            ),
        ),
        reference="""
            def changed_settings(old, new):
                return {
                    "added": sorted(k for k in new if k not in old),
                    "removed": sorted(k for k in old if k not in new),
                    "changed": sorted(k for k in old if k in new and old[k] != new[k]),
                }
        """,
        wrong=(
            Wrong(
                "It tests values with get, so keys holding None or 0 look absent.",
                """
                    def changed_settings(old, new):
                        return {
                            "added": sorted(k for k in new if not old.get(k)),
                            "removed": sorted(k for k in old if not new.get(k)),
                            "changed": sorted(
                                k for k in old if new.get(k) and old[k] != new[k]
                            ),
                        }
                """,
            ),
        ),
    ),
    Entry(
        "nested_get",
        EASY,
        prompt="""Look up a dotted path such as 'user.home.city' in nested dictionaries. Return
            the value found, or `default` as soon as a key is missing or a value on the way is
            not a dictionary.""",
        hint="""Go down one key at a time and check at each level that you stand on a dictionary
            that has the key.""",
        visible=(
            case({"a": {"b": 7}}, "a.b", 0, gives=7),
            case({"a": 5}, "a.b", 0, gives=0),
            case({"x": None}, "x", 3, gives=None),
        ),
        hidden=(
            case({}, "x", -1, gives=-1),
            case({"a": {"b": {"c": "deep"}}}, "a.b.c", "", gives="deep"),
            case({"a": {"b": 1}}, "a", 0, gives={"b": 1}),
            case({"a": "text"}, "a.t", "no", gives="no"),
            case({"a": {"b": 0}}, "a.b", 9, gives=0),
        ),
        reference="""
            def nested_get(data, path, default):
                for key in path.split("."):
                    if not isinstance(data, dict) or key not in data:
                        return default
                    data = data[key]
                return data
        """,
        wrong=(
            Wrong(
                "It assumes that everything on the way is a dictionary.",
                """
                    def nested_get(data, path, default):
                        for key in path.split("."):
                            if key not in data:
                                return default
                            data = data[key]
                        return data
                """,
            ),
            Wrong(
                "It replaces stored falsy values such as 0 and None by the default.",
                """
                    def nested_get(data, path, default):
                        for key in path.split("."):
                            if not isinstance(data, dict):
                                return default
                            data = data.get(key)
                        return data or default
                """,
            ),
        ),
    ),
    Entry(
        "debt_chain",
        MEDIUM,
        prompt="""Each record (debtor, creditor, amount) says who owes whom. Return a dictionary
            with everybody's net position: what others owe them minus what they owe. People whose
            position is zero are left out.""",
        hint="""One record moves the amount twice, minus for the debtor and plus for the
            creditor, and zeros can only be dropped at the end.""",
        visible=(
            case([("al", "bo", 5)], gives={"al": -5, "bo": 5}),
            case([("al", "bo", 5), ("bo", "cy", 5)], gives={"al": -5, "cy": 5}),
        ),
        hidden=(
            case([], gives={}),
            case([("al", "al", 9)], gives={}),
            case([("al", "bo", 2), ("bo", "al", 2)], gives={}),
            case([("x", "y", 4), ("x", "y", 3)], gives={"x": -7, "y": 7}),
            case(
                [("a", "b", 1), ("c", "b", 2), ("b", "d", 10)],
                gives={"a": -1, "b": -7, "c": -2, "d": 10},
            ),
        ),
        reference="""
            def debt_chain(records):
                net = {}
                for debtor, creditor, amount in records:
                    net[debtor] = net.get(debtor, 0) - amount
                    net[creditor] = net.get(creditor, 0) + amount
                return {name: value for name, value in net.items() if value != 0}
        """,
        wrong=(
            Wrong(
                "It keeps people whose debts and claims cancel out.",
                """
                    def debt_chain(records):
                        net = {}
                        for debtor, creditor, amount in records:
                            net[debtor] = net.get(debtor, 0) - amount
                            net[creditor] = net.get(creditor, 0) + amount
                        return net
                """,
            ),
            Wrong(
                "It overwrites earlier records of the same person instead of adding to them.",
                """
                    def debt_chain(records):
                        net = {}
                        for debtor, creditor, amount in records:
                            net[debtor] = -amount
                            net[creditor] = amount
                        return net
                """,
            ),
        ),
    ),
    Entry(
        "group_by_shape",
        MEDIUM,
        prompt="""Two words have the same shape when letters repeat at the same places, like
            'noon' and 'abba'. Group the words by shape: return a list of groups, in order of
            each group's first word, words in the given order.""",
        hint="""Replace every letter by the place of its first appearance; words of one shape
            give the same list of places, which can be a dictionary key.""",
        visible=(
            case(["noon", "cat", "abba", "dog"], gives=[["noon", "abba"], ["cat", "dog"]]),
            case(["aab", "abb"], gives=[["aab"], ["abb"]]),
        ),
        hidden=(
            case([], gives=[]),
            case(["aa", "ab", "ba"], gives=[["aa"], ["ab", "ba"]]),
            case(["x"], gives=[["x"]]),
            case(["aab", "abb", "ccd"], gives=[["aab", "ccd"], ["abb"]]),
            case(["abab", "aabb"], gives=[["abab"], ["aabb"]]),
            case(["one", "one"], gives=[["one", "one"]]),
        ),
        reference="""
            def group_by_shape(words):
                groups = {}
                for word in words:
                    shape = tuple(word.index(letter) for letter in word)
                    groups.setdefault(shape, []).append(word)
                return list(groups.values())
        """,
        wrong=(
            Wrong(
                "It compares only length and number of different letters, not their places.",
                """
                    def group_by_shape(words):
                        groups = {}
                        for word in words:
                            shape = (len(word), len(set(word)))
                            groups.setdefault(shape, []).append(word)
                        return list(groups.values())
                """,
            ),
        ),
    ),
    Entry(
        "flatten_menu",
        MEDIUM,
        prompt="""A menu is a dictionary whose values are either prices or further menus. Return
            a flat dictionary from paths joined with '/' to prices. Empty menus contribute
            nothing.""",
        hint="""A recursive walk that carries the path so far reaches menus of any depth.""",
        visible=(
            case({"tea": 2, "cake": {"nut": 4}}, gives={"tea": 2, "cake/nut": 4}),
            case({"a": {"b": {"c": 1}}}, gives={"a/b/c": 1}),
        ),
        hidden=(
            case({}, gives={}),
            case({"x": {}}, gives={}),
            case({"free": 0}, gives={"free": 0}),
            case(
                {"d": {"hot": {"tea": 1, "cocoa": 2}, "cold": 3}},
                gives={"d/hot/tea": 1, "d/hot/cocoa": 2, "d/cold": 3},
            ),
            case({"a": {"x": 1}, "b": {"x": 2}}, gives={"a/x": 1, "b/x": 2}),
        ),
        reference="""
            def flatten_menu(menu):
                flat = {}
                for name, value in menu.items():
                    if isinstance(value, dict):
                        for path, price in flatten_menu(value).items():
                            flat[name + "/" + path] = price
                    else:
                        flat[name] = value
                return flat
        """,
        wrong=(
            Wrong(
                "It goes down only one level.",
                """
                    def flatten_menu(menu):
                        flat = {}
                        for name, value in menu.items():
                            if isinstance(value, dict):
                                for inner, price in value.items():
                                    flat[name + "/" + inner] = price
                            else:
                                flat[name] = value
                        return flat
                """,
            ),
            Wrong(
                "It forgets the path and keeps only the last name.",
                """
                    def flatten_menu(menu):
                        flat = {}
                        for name, value in menu.items():
                            if isinstance(value, dict):
                                flat.update(flatten_menu(value))
                            else:
                                flat[name] = value
                        return flat
                """,
            ),
        ),
    ),
    Entry(
        "craft_cost",
        HARD,
        prompt="""`recipes` maps an item to a dictionary of ingredients and amounts; items
            without a recipe are raw. Return a dictionary of the raw materials and amounts needed
            to make `count` pieces of `item`. Recipes contain no cycles.""",
        hint="""Making an item multiplies the needs of every ingredient by its amount, and the
            same raw material can be reached along several ways that must be added.""",
        visible=(
            case({"desk": {"plank": 4, "nail": 8}}, "desk", 2, gives={"plank": 8, "nail": 16}),
            case(
                {"set": {"cup": 2}, "cup": {"clay": 3}},
                "set",
                1,
                gives={"clay": 6},
            ),
        ),
        hidden=(
            case({}, "sand", 5, gives={"sand": 5}),
            case({"a": {"b": 1, "c": 1}, "b": {"x": 2}, "c": {"x": 3}}, "a", 2, gives={"x": 10}),
            case({"box": {}}, "box", 3, gives={}),
            case({"a": {"b": 2, "x": 1}, "b": {"x": 5}}, "a", 1, gives={"x": 11}),
            case(
                {"car": {"axle": 2}, "axle": {"wheel": 2}, "wheel": {"bolt": 5, "rim": 1}},
                "car",
                1,
                gives={"bolt": 20, "rim": 4},
            ),
        ),
        reference="""
            def craft_cost(recipes, item, count):
                if item not in recipes:
                    return {item: count}
                needed = {}
                for part, amount in recipes[item].items():
                    for raw, number in craft_cost(recipes, part, amount * count).items():
                        needed[raw] = needed.get(raw, 0) + number
                return needed
        """,
        wrong=(
            Wrong(
                "A raw material reached along two ways keeps only the last amount.",
                """
                    def craft_cost(recipes, item, count):
                        if item not in recipes:
                            return {item: count}
                        needed = {}
                        for part, amount in recipes[item].items():
                            needed.update(craft_cost(recipes, part, amount * count))
                        return needed
                """,
            ),
            Wrong(
                "It does not multiply by the number of pieces on the lower levels.",
                """
                    def craft_cost(recipes, item, count):
                        if item not in recipes:
                            return {item: count}
                        needed = {}
                        for part, amount in recipes[item].items():
                            for raw, number in craft_cost(recipes, part, amount).items():
                                needed[raw] = needed.get(raw, 0) + number
                        return needed
                """,
            ),
        ),
    ),
)
