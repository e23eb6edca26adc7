"""Graphs: reachability, distances, orders and components on small maps."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "rumour_spread",
        EASY,
        prompt="""`friends` maps each person to the people they tell everything. A rumour starts
            with `source`. Return the alphabetically sorted list of everybody who ends up knowing
            it, the source included. People missing from the mapping tell nobody.""",
        hint="""Keep a list of people still to visit and a set of those who know, so that circles
            of friends end.""",
        visible=(
            case({"al": ["bo"], "bo": ["al", "cy"]}, "al", gives=["al", "bo", "cy"]),
            case({}, "zoe", gives=["zoe"]),
        ),
        hidden=(
            case({"a": []}, "a", gives=["a"]),
            case({"a": ["b"], "c": ["a"]}, "a", gives=["a", "b"]),
            case({"a": ["a"]}, "a", gives=["a"]),
            case({"z": ["y"], "y": ["x"], "x": ["z"]}, "y", gives=["x", "y", "z"]),
            case({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, "a", gives=["a", "b", "c", "d"]),
        ),
        reference="""
            def rumour_spread(friends, source):
                knows = {source}
                waiting = [source]
                while waiting:
                    for friend in friends.get(waiting.pop(), []):
                        if friend not in knows:
                            knows.add(friend)
                            waiting.append(friend)
                return sorted(knows)
        """,
        wrong=(
            Wrong(
                "It stops after the direct friends of the source.",
                """
                    def rumour_spread(friends, source):
                        return sorted({source, *friends.get(source, [])})
                """,
            ),
            Wrong(
                "It fails for people who are missing from the mapping.",
                """
                    def rumour_spread(friends, source):
                        knows = {source}
                        waiting = [source]
                        while waiting:
                            for friend in friends[waiting.pop()]:
                                if friend not in knows:
                                    knows.add(friend)
                                    waiting.append(friend)
                        return sorted(knows)
                """,
            ),
        ),
    ),
    Entry(
        "fewest_flights",
        MEDIUM,
        prompt="""`routes` lists pairs of cities joined by flights in both directions. Return the
            smallest number of flights from `start` to `goal`, 0 when they are the same city, and
            -1 when there is no way.""",
        hint="""Search in waves: all cities one flight away, then two, so the first arrival is
            the shortest.""",
        visible=(
            case([("A", "B"), ("C", "B")], "A", "C", gives=2),
            case([("A", "B")], "A", "Z", gives=-1),
        ),
        hidden=(
            case([], "X", "X", gives=0),
            case([("A", "B")], "B", "A", gives=1),
            case([("A", "B"), ("B", "C"), ("C", "D"), ("A", "D")], "A", "C", gives=2),
            case([("A", "B"), ("B", "C"), ("C", "A"), ("C", "D")], "A", "D", gives=2),
            case([("A", "B"), ("C", "D")], "A", "D", gives=-1),
            case([("1", "2"), ("2", "3"), ("3", "4"), ("4", "5")], "5", "1", gives=4),
        ),
        reference="""
            def fewest_flights(routes, start, goal):
                wave, seen, flights = {start}, {start}, 0
                while wave:
                    if goal in wave:
                        return flights
                    reached = {b for a, b in routes if a in wave}
                    reached |= {a for a, b in routes if b in wave}
                    wave = reached - seen
                    seen |= wave
                    flights += 1
                return -1
        """,
        wrong=(
            Wrong(
                "It follows the pairs in one direction only.",
                """
                    def fewest_flights(routes, start, goal):
                        wave, seen, flights = {start}, {start}, 0
                        while wave:
                            if goal in wave:
                                return flights
                            wave = {b for a, b in routes if a in wave} - seen
                            seen |= wave
                            flights += 1
                        return -1
                """,
            ),
        ),
    ),
    Entry(
        "dressing_order",
        MEDIUM,
        prompt="""`rules` maps a garment to the garments that must be put on before it. Return
            all garments that occur in an order that obeys the rules, always putting on the
            alphabetically first possible one, or an empty list if the rules contradict
            themselves.""",
        hint="""Repeatedly choose the alphabetically first garment whose requirements are all on;
            if none can be chosen there is a circle.""",
        visible=(
            case({"shoe": ["sock"], "coat": []}, gives=["coat", "sock", "shoe"]),
            case({"a": ["b"], "b": ["a"]}, gives=[]),
        ),
        hidden=(
            case({}, gives=[]),
            case({"hat": []}, gives=["hat"]),
            case({"a": ["z"], "m": []}, gives=["m", "z", "a"]),
            case({"c": ["b"], "b": ["a"]}, gives=["a", "b", "c"]),
            case({"x": ["x"]}, gives=[]),
            case({"a": ["c"], "c": [], "z": []}, gives=["c", "a", "z"]),
        ),
        reference="""
            def dressing_order(rules):
                left = set(rules).union(*rules.values())
                worn = []
                while left:
                    ready = [g for g in left if all(r in worn for r in rules.get(g, []))]
                    if not ready:
                        return []
                    worn.append(min(ready))
                    left.remove(min(ready))
                return worn
        """,
        wrong=(
            Wrong(
                "It forgets garments that are only named as a requirement.",
                """
                    def dressing_order(rules):
                        left = set(rules)
                        worn = []
                        while left:
                            ready = [g for g in left if not set(rules[g]) & left]
                            if not ready:
                                return []
                            worn.append(min(ready))
                            left.remove(min(ready))
                        return worn
                """,
            ),
            Wrong(
                "It puts on all possible garments at once instead of choosing again each time.",
                """
                    def dressing_order(rules):
                        left = set(rules).union(*rules.values())
                        worn = []
                        while left:
                            ready = sorted(g for g in left if not set(rules.get(g, [])) & left)
                            if not ready:
                                return []
                            worn += ready
                            left -= set(ready)
                        return worn
                """,
            ),
        ),
    ),
    Entry(
        "island_sizes",
        MEDIUM,
        prompt="""A map is a list of equally long strings with '#' for land and '.' for water.
            Land cells that touch horizontally or vertically form an island. Return the sizes of
            all islands, largest first.""",
        hint="""From every unvisited land cell, flood to its four neighbours and count the cells
            reached.""",
        visible=(
            case(["##.", "..#"], gives=[2, 1]),
            case(["..", ".."], gives=[]),
        ),
        hidden=(
            case([], gives=[]),
            case(["#"], gives=[1]),
            case(["#.#", "###"], gives=[5]),
            case(["#.#", ".#.", "#.#"], gives=[1, 1, 1, 1, 1]),
            case(["#..#", "#..#", "#..."], gives=[3, 2]),
            case(["###", "#.#", "###"], gives=[8]),
        ),
        reference="""
            def island_sizes(rows):
                land = {(r, c) for r, row in enumerate(rows) for c, x in enumerate(row) if x == "#"}
                sizes = []
                while land:
                    stack, size = [land.pop()], 0
                    while stack:
                        r, c = stack.pop()
                        size += 1
                        for cell in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                            if cell in land:
                                land.remove(cell)
                                stack.append(cell)
                    sizes.append(size)
                return sorted(sizes, reverse=True)
        """,
        wrong=(
            Wrong(
                "It also joins cells that touch only at a corner.",
                """
                    def island_sizes(rows):
                        land = {
                            (r, c)
                            for r, row in enumerate(rows)
                            for c, x in enumerate(row)
                            if x == "#"
                        }
                        sizes = []
                        while land:
                            stack, size = [land.pop()], 0
                            while stack:
                                r, c = stack.pop()
                                size += 1
                                for cell in [
                                    (r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)
                                ]:
                                    if cell in land:
                                        land.remove(cell)
                                        stack.append(cell)
                            sizes.append(size)
                        return sorted(sizes, reverse=True)
                """,
            ),
            Wrong(
                "It looks only to the right and down, so bent islands fall apart.",
                """
                    def island_sizes(rows):
                        land = sorted(
                            (r, c)
                            for r, row in enumerate(rows)
                            for c, x in enumerate(row)
                            if x == "#"
                        )
                        sizes = []
                        while land:
                            stack, size = [land.pop(0)], 0
                            while stack:
                                r, c = stack.pop()
                                size += 1
                                for cell in ((r + 1, c), (r, c + 1)):
                                    if cell in land:
                                        land.remove(cell)
                                        stack.append(cell)
                            sizes.append(size)
                        return sorted(sizes)
                """,
            ),
        ),
    ),
    Entry(
        "two_teams",
        MEDIUM,
        prompt="""`rivals` lists pairs of people who refuse to be in the same team. Return
            whether everybody can be divided into two teams so that no pair of rivals shares one.
            A person may be listed as their own rival.""",
        hint="""Give somebody a team, force all their rivals into the other one, and continue
            from there until a contradiction shows.""",
        visible=(
            case([("a", "b"), ("b", "c")], gives=True),
            case([("a", "b"), ("b", "c"), ("c", "a")], gives=False),
        ),
        hidden=(
            case([], gives=True),
            case([("x", "x")], gives=False),
            case([("a", "b"), ("c", "d"), ("a", "c")], gives=True),
            case([("a", "b"), ("c", "d"), ("b", "c")], gives=True),
            case([("a", "b"), ("c", "d"), ("d", "e"), ("e", "c")], gives=False),
            case([("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")], gives=True),
            case([("c", "d"), ("a", "b"), ("d", "a"), ("c", "b")], gives=True),
        ),
        reference="""
            def two_teams(rivals):
                team = {}
                for start, _ in rivals:
                    if start not in team:
                        team[start] = 0
                        waiting = [start]
                        while waiting:
                            person = waiting.pop()
                            for a, b in rivals + [(b, a) for a, b in rivals]:
                                if a == person and b not in team:
                                    team[b] = 1 - team[a]
                                    waiting.append(b)
                return all(team[a] != team[b] for a, b in rivals)
        """,
        wrong=(
            Wrong(
                "It fixes teams in the order of the list and never follows the connections.",
                """
                    def two_teams(rivals):
                        team = {}
                        for a, b in rivals:
                            team.setdefault(a, 0)
                            team.setdefault(b, 1 - team[a])
                        return all(team[a] != team[b] for a, b in rivals)
                """,
            ),
            Wrong(
                "It only asks whether someone has more than one rival.",
                """
                    def two_teams(rivals):
                        people = [p for pair in rivals for p in pair]
                        return len(people) == len(set(people))
                """,
            ),
        ),
    ),
    Entry(
        "cheapest_route",
        HARD,
        prompt="""`roads` lists (a, b, toll) for roads usable in both directions. Return the
            smallest sum of tolls on a way from `start` to `goal`, or None if there is no way.
            Tolls are not negative, and two towns may be joined by several roads.""",
        hint="""Always settle the cheapest town reached so far, since no later way to it can be
            cheaper.""",
        visible=(
            case([("a", "b", 9), ("a", "c", 2), ("c", "b", 3)], "a", "b", gives=5),
            case([("a", "b", 1)], "a", "q", gives=None),
        ),
        hidden=(
            case([], "x", "x", gives=0),
            case([("a", "b", 7), ("a", "b", 4)], "b", "a", gives=4),
            case([("a", "b", 4), ("a", "b", 7)], "a", "b", gives=4),
            case([("a", "b", 0), ("b", "c", 0)], "a", "c", gives=0),
            case([("a", "b", 1), ("b", "c", 1), ("c", "d", 1), ("a", "d", 5)], "d", "a", gives=3),
            case([("a", "b", 1), ("c", "d", 1)], "a", "d", gives=None),
        ),
        reference="""
            import heapq

            def cheapest_route(roads, start, goal):
                queue, settled = [(0, start)], set()
                while queue:
                    cost, town = heapq.heappop(queue)
                    if town == goal:
                        return cost
                    if town in settled:
                        continue
                    settled.add(town)
                    for a, b, toll in roads:
                        if a == town:
                            heapq.heappush(queue, (cost + toll, b))
                        if b == town:
                            heapq.heappush(queue, (cost + toll, a))
                return None
        """,
        wrong=(
            Wrong(
                "It takes the way with the fewest roads, which need not be the cheapest.",
                """
                    def cheapest_route(roads, start, goal):
                        queue, seen = [(0, start)], {start}
                        while queue:
                            cost, town = queue.pop(0)
                            if town == goal:
                                return cost
                            for a, b, toll in roads:
                                for here, there in ((a, b), (b, a)):
                                    if here == town and there not in seen:
                                        seen.add(there)
                                        queue.append((cost + toll, there))
                        return None
                """,
            ),
        ),
    ),
    Entry(
        "follow_links",
        EASY,
        prompt="""`links` maps a web address to the address it redirects to. Return the address
            where a visitor of `start` ends up, or None when the redirects go round in a
            circle.""",
        hint="""Remember every address visited: meeting one again means a circle.""",
        visible=(
            case({"a": "b", "b": "c"}, "a", gives="c"),
            case({"a": "b", "b": "a"}, "a", gives=None),
        ),
        hidden=(
            case({}, "home", gives="home"),
            case({"x": "x"}, "x", gives=None),
            case({"a": "b", "b": "c", "c": "b"}, "a", gives=None),
            case({"a": "b", "c": "c"}, "a", gives="b"),
            case({"1": "2", "2": "3", "3": "4", "4": "5"}, "1", gives="5"),
        ),
        reference="""
            def follow_links(links, start):
                seen = set()
                while start in links:
                    if start in seen:
                        return None
                    seen.add(start)
                    start = links[start]
                return start
        """,
        wrong=(
            Wrong(
                "It only follows a single redirect.",
                """
                    def follow_links(links, start):
                        target = links.get(start, start)
                        return None if links.get(target) == start else target
                """,
            ),
            Wrong(
                "It notices a circle only when the way comes back to the start.",
                """
                    def follow_links(links, start):
                        address = start
                        for _ in range(1000):
                            if address not in links:
                                return address
                            address = links[address]
                            if address == start:
                                return None
                        return address
                """,
            ),
        ),
    ),
    Entry(
        "dead_ends",
        EASY,
        prompt="""`streets` lists pairs of crossings joined by a street usable both ways. Return
            the sorted list of crossings that belong to exactly one street. A street that leads
            from a crossing back to itself counts twice for it.""",
        hint="""Count each crossing once for every end of a street it touches, and keep those
            with a count of one.""",
        visible=(
            case([("a", "b"), ("b", "c")], gives=["a", "c"]),
            case([("a", "a"), ("a", "b")], gives=["b"]),
            case([("x", "x")], gives=[]),
        ),
        hidden=(
            case([], gives=[]),
            case([("z", "y")], gives=["y", "z"]),
            case([("a", "b"), ("b", "c"), ("c", "a")], gives=[]),
            case([("m", "a"), ("m", "b"), ("m", "c")], gives=["a", "b", "c"]),
            case([("a", "b"), ("b", "a"), ("b", "c")], gives=["c"]),
        ),
        reference="""
            def dead_ends(streets):
                count = {}
                for pair in streets:
                    for crossing in pair:
                        count[crossing] = count.get(crossing, 0) + 1
                return sorted(c for c in count if count[c] == 1)
        """,
        wrong=(
            Wrong(
                "It counts different neighbours, so loops and double streets are misjudged.",
                """
                    def dead_ends(streets):
                        near = {}
                        for a, b in streets:
                            near.setdefault(a, set()).add(b)
                            near.setdefault(b, set()).add(a)
                        return sorted(c for c in near if len(near[c]) == 1)
                """,
            ),
            Wrong(
                "It counts only crossings in the first place of a pair.",
                """
                    def dead_ends(streets):
                        starts = [a for a, b in streets]
                        return sorted(c for c in set(starts) if starts.count(c) == 1)
                """,
            ),
        ),
    ),
    Entry(
        "critical_bridges",
        HARD,
        prompt="""Islands are joined by bridges, given as pairs, and all islands can be reached
            from each other. Return the sorted list of the pairs whose closing would cut some
            islands off. A pair listed twice means two bridges.""",
        hint="""Leave out one bridge at a time and see whether its two ends can still reach each
            other over the rest.""",
        visible=(
            case([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")], gives=[("c", "d")]),
            case([("a", "b"), ("a", "b")], gives=[]),
        ),
        hidden=(
            case([], gives=[]),
            case([("x", "y")], gives=[("x", "y")]),
            case([("b", "c"), ("a", "b")], gives=[("a", "b"), ("b", "c")]),
            case([("a", "b"), ("b", "a"), ("b", "c")], gives=[("b", "c")]),
            case([("a", "b"), ("a", "b"), ("b", "c")], gives=[("b", "c")]),
            case(
                [
                    ("a", "b"),
                    ("b", "c"),
                    ("c", "a"),
                    ("c", "d"),
                    ("d", "e"),
                    ("e", "f"),
                    ("f", "d"),
                ],
                gives=[("c", "d")],
            ),
            case([("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")], gives=[]),
        ),
        reference="""
            def critical_bridges(bridges):
                critical = []
                for i, (start, goal) in enumerate(bridges):
                    rest = bridges[:i] + bridges[i + 1:]
                    reached, grew = {start}, True
                    while grew:
                        new = {x for pair in rest if reached & set(pair) for x in pair}
                        grew = not new <= reached
                        reached |= new
                    if goal not in reached:
                        critical.append((start, goal))
                return sorted(critical)
        """,
        wrong=(
            Wrong(
                "It calls only bridges to islands with a single bridge critical.",
                """
                    def critical_bridges(bridges):
                        ends = [x for pair in bridges for x in pair]
                        return sorted(
                            (a, b) for a, b in bridges if ends.count(a) == 1 or ends.count(b) == 1
                        )
                """,
            ),
            Wrong(
                "Leaving out a pair removes both bridges when it is listed twice.",
                """
                    def critical_bridges(bridges):
                        critical = []
                        for start, goal in bridges:
                            rest = [pair for pair in bridges if pair != (start, goal)]
                            reached, grew = {start}, True
                            while grew:
                                new = {x for pair in rest if reached & set(pair) for x in pair}
                                grew = not new <= reached
                                reached |= new
                            if goal not in reached:
                                critical.append((start, goal))
                        return sorted(critical)
                """,
            ),
        ),
    ),
)
