"""Matrices: grids as lists of rows; rows, columns, diagonals and neighbours."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "column_peaks",
        EASY,
        prompt="""Rows are days and columns are shops; the values are sales. Return for each shop
            the number of its best day, counted from 1, the earliest one on a tie. All rows are
            equally long; without rows the list is empty.""",
        hint="""Turn rows into columns first, then look for the first place of each column's
            maximum.""",
        visible=(case([[1, 9], [4, 2]], gives=[2, 1]), case([[-5], [-2], [-2]], gives=[2])),
        hidden=(
            case([], gives=[]),
            case([[3, 1, 2]], gives=[1, 1, 1]),
            case([[0, 0], [0, 0]], gives=[1, 1]),
            case([[7, -1, 3], [2, -4, 8]], gives=[1, 1, 2]),
            case([[1], [5], [3]], gives=[2]),
        ),
        reference="""
            def column_peaks(sales):
                return [column.index(max(column)) + 1 for column in zip(*sales)]
        """,
        wrong=(
            Wrong(
                "It looks for the best shop of each day instead of the best day of each shop.",
                """
                    def column_peaks(sales):
                        return [row.index(max(row)) + 1 for row in sales]
                """,
            ),
            Wrong(
                "On a tie it takes the latest day.",
                """
                    def column_peaks(sales):
                        best = []
                        for column in zip(*sales):
                            days = [d for d, n in enumerate(column, 1) if n == max(column)]
                            best.append(days[-1])
                        return best
                """,
            ),
        ),
    ),
    Entry(
        "quarter_turn",
        MEDIUM,
        prompt="""Turn a picture, given as a list of equally long strings, by `turns` quarter
            turns clockwise. Negative turns go the other way. Return the new list of strings; an
            empty picture stays empty.""",
        hint="""One clockwise turn reads each column from bottom to top, and only the remainder
            by four matters.""",
        visible=(
            case(["ab", "cd"], 1, gives=["ca", "db"]),
            case(["xyz"], -1, gives=["z", "y", "x"]),
        ),
        hidden=(
            case([], 3, gives=[]),
            case(["ab"], 0, gives=["ab"]),
            case(["ab", "cd"], -1, gives=["bd", "ac"]),
            case(["ab", "cd"], 2, gives=["dc", "ba"]),
            case(["abc", "def"], 1, gives=["da", "eb", "fc"]),
            case(["abc"], 5, gives=["a", "b", "c"]),
            case(["ab", "cd"], -8, gives=["ab", "cd"]),
        ),
        reference="""
            def quarter_turn(picture, turns):
                for _ in range(turns % 4):
                    picture = ["".join(column) for column in zip(*picture[::-1])]
                return picture
        """,
        wrong=(
            Wrong(
                "It only swaps rows and columns, which mirrors the picture.",
                """
                    def quarter_turn(picture, turns):
                        for _ in range(turns % 4):
                            picture = ["".join(column) for column in zip(*picture)]
                        return picture
                """,
            ),
            Wrong(
                "It ignores negative turns.",
                """
                    def quarter_turn(picture, turns):
                        for _ in range(turns):
                            picture = ["".join(column) for column in zip(*picture[::-1])]
                        return picture
                """,
            ),
        ),
    ),
    Entry(
        "mine_hints",
        MEDIUM,
        prompt="""A field is a list of equally long strings with '*' for a mine and '.' for a
            free cell. Return the field with every free cell replaced by the digit of how many of
            its up to eight neighbours are mines.""",
        hint="""For every free cell look at the three by three square around it, cut off at the
            edges.""",
        visible=(
            case(["*.", ".."], gives=["*1", "11"]),
            case(["..*"], gives=["01*"]),
        ),
        hidden=(
            case([], gives=[]),
            case(["."], gives=["0"]),
            case(["***", "*.*", "***"], gives=["***", "*8*", "***"]),
            case(["*", ".", "."], gives=["*", "1", "0"]),
            case([".*.", "...", "*.."], gives=["1*1", "221", "*10"]),
        ),
        reference="""
            def mine_hints(field):
                hints = []
                for r, row in enumerate(field):
                    line = ""
                    for c, cell in enumerate(row):
                        near = [x[max(c - 1, 0):c + 2] for x in field[max(r - 1, 0):r + 2]]
                        line += cell if cell == "*" else str("".join(near).count("*"))
                    hints.append(line)
                return hints
        """,
        wrong=(
            Wrong(
                "It forgets the four diagonal neighbours.",
                """
                    def mine_hints(field):
                        mines = {
                            (r, c)
                            for r, row in enumerate(field)
                            for c, x in enumerate(row)
                            if x == "*"
                        }
                        near = lambda r, c: {(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)}
                        return [
                            "".join(
                                x if x == "*" else str(len(mines & near(r, c)))
                                for c, x in enumerate(row)
                            )
                            for r, row in enumerate(field)
                        ]
                """,
            ),
            Wrong(
                "At the top and left edge the slice starts at -1 and comes out empty.",
                """
                    def mine_hints(field):
                        hints = []
                        for r, row in enumerate(field):
                            line = ""
                            for c, cell in enumerate(row):
                                near = [x[c - 1:c + 2] for x in field[r - 1:r + 2]]
                                line += cell if cell == "*" else str("".join(near).count("*"))
                            hints.append(line)
                        return hints
                """,
            ),
        ),
    ),
    Entry(
        "snake_read",
        EASY,
        prompt="""Read a table the way a snake crawls: the first row from left to right, the
            second from right to left, and so on in turn. Return all values in one list.""",
        hint="""Reverse every second row before joining the rows.""",
        visible=(case([[1, 2], [3, 4]], gives=[1, 2, 4, 3]), case([[5]], gives=[5])),
        hidden=(
            case([], gives=[]),
            case([[1], [2], [3]], gives=[1, 2, 3]),
            case([[1, 2, 3]], gives=[1, 2, 3]),
            case([[1, 2], [3, 4], [5, 6]], gives=[1, 2, 4, 3, 5, 6]),
            case([["a", "b", "c"], ["d", "e", "f"]], gives=["a", "b", "c", "f", "e", "d"]),
        ),
        reference="""
            def snake_read(table):
                values = []
                for number, row in enumerate(table):
                    values += row[::-1] if number % 2 else row
                return values
        """,
        wrong=(
            Wrong(
                "It reads every row from left to right.",
                """
                    def snake_read(table):
                        return [value for row in table for value in row]
                """,
            ),
            Wrong(
                "It starts with the wrong direction, reversing the first row.",
                """
                    def snake_read(table):
                        values = []
                        for number, row in enumerate(table, 1):
                            values += row[::-1] if number % 2 else row
                        return values
                """,
            ),
        ),
    ),
    Entry(
        "frame_sum",
        EASY,
        prompt="""Return the sum of the values on the border of a rectangular table: first and
            last row, first and last column. Every cell counts once, also in tables with a single
            row or column; an empty table sums to 0.""",
        hint="""Decide for each cell whether it lies on the border, so that no corner is counted
            twice.""",
        visible=(
            case([[1, 2, 3], [4, 5, 6], [7, 8, 9]], gives=40),
            case([[2, 3]], gives=5),
        ),
        hidden=(
            case([], gives=0),
            case([[7]], gives=7),
            case([[1], [2], [3]], gives=6),
            case([[1, 1], [1, 1]], gives=4),
            case([[0, 0, 0, 0], [0, 5, 5, 1], [0, 0, 0, 0]], gives=1),
        ),
        reference="""
            def frame_sum(table):
                total = 0
                for r, row in enumerate(table):
                    for c, value in enumerate(row):
                        if r in (0, len(table) - 1) or c in (0, len(row) - 1):
                            total += value
                return total
        """,
        wrong=(
            Wrong(
                "It adds the four sides and counts the corners twice.",
                """
                    def frame_sum(table):
                        if not table:
                            return 0
                        sides = sum(row[0] + row[-1] for row in table)
                        return sum(table[0]) + sum(table[-1]) + sides
                """,
            ),
            Wrong(
                "A table with a single row counts that row as the first and as the last.",
                """
                    def frame_sum(table):
                        if not table:
                            return 0
                        middle = sum(row[0] + row[-1] for row in table[1:-1])
                        return sum(table[0]) + sum(table[-1]) + middle
                """,
            ),
        ),
    ),
    Entry(
        "seat_view",
        MEDIUM,
        prompt="""Rows of seats rise towards the back; `heights` lists rows from front to back,
            each a list of people's heights. A person sees the stage if everybody in front in the
            same column is strictly smaller. Return how many people see it.""",
        hint="""Go through each column from the front and remember the tallest so far; whoever is
            taller than that sees the stage.""",
        visible=(case([[3, 1], [3, 2]], gives=3), case([[5], [4], [6]], gives=2)),
        hidden=(
            case([], gives=0),
            case([[1, 2, 3]], gives=3),
            case([[9, 1], [1, 9], [5, 5]], gives=3),
            case([[1], [2], [3]], gives=3),
            case([[4], [6], [5], [6], [7]], gives=3),
        ),
        reference="""
            def seat_view(heights):
                count = 0
                for column in zip(*heights):
                    tallest = 0
                    for height in column:
                        if height > tallest:
                            count += 1
                            tallest = height
                return count
        """,
        wrong=(
            Wrong(
                "It compares only with the person directly in front.",
                """
                    def seat_view(heights):
                        count = 0
                        for column in zip(*heights):
                            count += 1 + sum(b > a for a, b in zip(column, column[1:]))
                        return count
                """,
            ),
            Wrong(
                "It lets people see over somebody of the same height.",
                """
                    def seat_view(heights):
                        count = 0
                        for column in zip(*heights):
                            tallest = 0
                            for height in column:
                                if height >= tallest:
                                    count += 1
                                    tallest = height
                        return count
                """,
            ),
        ),
    ),
    Entry(
        "diagonal_stripes",
        MEDIUM,
        prompt="""Group the values of a rectangular table by anti-diagonals, along which row plus
            column is constant. Return the list of groups starting at the top left; inside a
            group the lower row comes first.""",
        hint="""The sum of row and column is the number of the group; going through the rows from
            the last to the first gives the order inside.""",
        visible=(
            case([[1, 2], [3, 4]], gives=[[1], [3, 2], [4]]),
            case([[1, 2, 3]], gives=[[1], [2], [3]]),
        ),
        hidden=(
            case([], gives=[]),
            case([[7]], gives=[[7]]),
            case([[1], [2]], gives=[[1], [2]]),
            case([[1, 2, 3], [4, 5, 6]], gives=[[1], [4, 2], [5, 3], [6]]),
            case([[1, 2], [3, 4], [5, 6]], gives=[[1], [3, 2], [5, 4], [6]]),
        ),
        reference="""
            def diagonal_stripes(table):
                if not table:
                    return []
                groups = [[] for _ in range(len(table) + len(table[0]) - 1)]
                for r in range(len(table) - 1, -1, -1):
                    for c, value in enumerate(table[r]):
                        groups[r + c].append(value)
                return groups
        """,
        wrong=(
            Wrong(
                "Inside a group the upper row comes first.",
                """
                    def diagonal_stripes(table):
                        if not table:
                            return []
                        groups = [[] for _ in range(len(table) + len(table[0]) - 1)]
                        for r, row in enumerate(table):
                            for c, value in enumerate(row):
                                groups[r + c].append(value)
                        return groups
                """,
            ),
            Wrong(
                "It makes one group too many, which stays empty.",
                """
                    def diagonal_stripes(table):
                        if not table:
                            return []
                        groups = [[] for _ in range(len(table) + len(table[0]))]
                        for r in range(len(table) - 1, -1, -1):
                            for c, value in enumerate(table[r]):
                                groups[r + c].append(value)
                        return groups
                """,
            ),
        ),
    ),
    Entry(
        "paint_bucket",
        HARD,
        prompt="""In a picture of equally long strings, pour the colour `new` at (row, column):
            that cell and all cells of its colour connected with it horizontally or vertically
            change. Return the new picture; outside the picture nothing changes.""",
        hint="""Flood from the start over cells of the old colour, and mind that pouring the
            colour that is already there must end.""",
        visible=(
            case(["aba", "aab"], 0, 0, "x", gives=["xba", "xxb"]),
            case(["ab"], 5, 0, "x", gives=["ab"]),
        ),
        hidden=(
            case([], 0, 0, "x", gives=[]),
            case(["aa"], 0, 1, "a", gives=["aa"]),
            case(["ab", "ba"], 0, 0, "c", gives=["cb", "ba"]),
            case(["aaa", "aba", "aaa"], 1, 1, "z", gives=["aaa", "aza", "aaa"]),
            case(["aaa", "aba", "aaa"], 2, 0, "b", gives=["bbb", "bbb", "bbb"]),
            case(["ab"], 0, -1, "x", gives=["ab"]),
        ),
        reference="""
            def paint_bucket(picture, row, column, new):
                grid = [list(line) for line in picture]
                if 0 <= row < len(grid) and 0 <= column < len(grid[0]):
                    old, waiting = grid[row][column], [(row, column)]
                    while waiting and old != new:
                        r, c = waiting.pop()
                        if 0 <= r < len(grid) and 0 <= c < len(grid[0]) and grid[r][c] == old:
                            grid[r][c] = new
                            waiting += [(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)]
                return ["".join(line) for line in grid]
        """,
        wrong=(
            Wrong(
                "It recolours every cell of that colour, whether connected or not.",
                """
                    def paint_bucket(picture, row, column, new):
                        if not (0 <= row < len(picture) and 0 <= column < len(picture[0])):
                            return picture
                        return [line.replace(picture[row][column], new) for line in picture]
                """,
            ),
            Wrong(
                "Negative positions are not refused and count from the other end.",
                """
                    def paint_bucket(picture, row, column, new):
                        grid = [list(line) for line in picture]
                        if row >= len(grid) or column >= len(grid[0]):
                            return picture
                        old, waiting = grid[row][column], {(row, column)}
                        seen = set()
                        while waiting:
                            r, c = waiting.pop()
                            seen.add((r, c))
                            if r < len(grid) and c < len(grid[0]) and grid[r][c] == old:
                                grid[r][c] = new
                                near = {(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)}
                                waiting |= {(a, b) for a, b in near - seen if a >= 0 and b >= 0}
                        return ["".join(line) for line in grid]
                """,
            ),
        ),
    ),
    Entry(
        "battleship_shots",
        EASY,
        prompt="""`sea` is a list of strings with 'S' for ship and '.' for water; `shots` lists
            (row, column). Return how many different ship cells are hit. Shots outside the sea,
            also with negative numbers, hit nothing.""",
        hint="""Collect hits in a set and check both coordinates against both bounds first.""",
        visible=(
            case(["S.", ".S"], [(0, 0), (0, 0), (0, 1)], gives=1),
            case(["S."], [(0, -2), (3, 0)], gives=0),
        ),
        hidden=(
            case([], [(0, 0)], gives=0),
            case(["SS"], [], gives=0),
            case(["S"], [(0, 0), (0, 0)], gives=1),
            case(["SS", "SS"], [(0, 0), (1, 1), (1, 0), (0, 1)], gives=4),
            case(["S"], [(-1, 0)], gives=0),
            case(["..S"], [(0, 2), (0, 3)], gives=1),
        ),
        reference="""
            def battleship_shots(sea, shots):
                hits = set()
                for row, column in shots:
                    if 0 <= row < len(sea) and 0 <= column < len(sea[row]):
                        if sea[row][column] == "S":
                            hits.add((row, column))
                return len(hits)
        """,
        wrong=(
            Wrong(
                "It counts a repeated shot at the same ship cell again.",
                """
                    def battleship_shots(sea, shots):
                        return sum(
                            0 <= r < len(sea) and 0 <= c < len(sea[r]) and sea[r][c] == "S"
                            for r, c in shots
                        )
                """,
            ),
            Wrong(
                "Negative numbers count from the other end and hit something.",
                """
                    def battleship_shots(sea, shots):
                        hits = set()
                        for row, column in shots:
                            if row < len(sea) and column < len(sea[row]):
                                if sea[row][column] == "S":
                                    hits.add((row, column))
                        return len(hits)
                """,
            ),
        ),
    ),
)
