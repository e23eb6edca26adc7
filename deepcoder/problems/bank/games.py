"""Games: scoring, legal moves and winners under made-up or well-known rules."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "row_winner",
        MEDIUM,
        prompt="""A square board is a list of strings of 'X', 'O' and '.'. Return the player who
            fills a whole row, column or diagonal, or '.' if there is none. Boards have any size
            from 1 and never two winners.""",
        hint="""Collect all lines, rows, columns and both diagonals, and look for one made of a
            single player's mark.""",
        visible=(
            case(["XOX", "OXO", "OXX"], gives="X"),
            case(["..", ".."], gives="."),
            case(["O"], gives="O"),
        ),
        hidden=(
            case(["OX", "O."], gives="O"),
            case(["XX", "O."], gives="X"),
            case([".XO", "XO.", "OX."], gives="O"),
            case(["XOX", "XOO", "OXX"], gives="."),
            case(["X..O", ".XO.", ".OX.", "O..."], gives="O"),
        ),
        reference="""
            def row_winner(board):
                size = range(len(board))
                lines = list(board) + ["".join(column) for column in zip(*board)]
                lines.append("".join(board[i][i] for i in size))
                lines.append("".join(board[i][-1 - i] for i in size))
                for line in lines:
                    if set(line) in ({"X"}, {"O"}):
                        return line[0]
                return "."
        """,
        wrong=(
            Wrong(
                "It forgets the diagonals.",
                """
                    def row_winner(board):
                        for line in list(board) + ["".join(c) for c in zip(*board)]:
                            if set(line) in ({"X"}, {"O"}):
                                return line[0]
                        return "."
                """,
            ),
            Wrong(
                "It only looks for lines of exactly three marks.",
                """
                    def row_winner(board):
                        size = range(len(board))
                        lines = list(board) + ["".join(column) for column in zip(*board)]
                        lines.append("".join(board[i][i] for i in size))
                        lines.append("".join(board[i][-1 - i] for i in size))
                        for player in "XO":
                            if player * 3 in lines:
                                return player
                        return "."
                """,
            ),
        ),
    ),
    Entry(
        "card_21",
        EASY,
        prompt="""Count a hand of cards for twenty-one: 'J', 'Q', 'K' are 10, number cards their
            value, and each ace 'A' 11, or 1 where needed to stay at most 21. Return the best
            total, also when it is above 21.""",
        hint="""Count every ace as 11 first and turn aces into 1, one at a time, while the total
            is too high.""",
        visible=(case(["A", "K"], gives=21), case(["A", "A", "9"], gives=21)),
        hidden=(
            case([], gives=0),
            case(["A", "A"], gives=12),
            case(["10", "9", "5"], gives=24),
            case(["A", "K", "Q", "5"], gives=26),
            case(["A", "A", "A", "K", "8"], gives=21),
            case(["2", "A", "7"], gives=20),
        ),
        reference="""
            def card_21(hand):
                total = aces = 0
                for card in hand:
                    if card == "A":
                        total += 11
                        aces += 1
                    else:
                        total += 10 if card in ("J", "Q", "K") else int(card)
                while total > 21 and aces:
                    total -= 10
                    aces -= 1
                return total
        """,
        wrong=(
            Wrong(
                "It turns all aces into 1 at once instead of as many as needed.",
                """
                    def card_21(hand):
                        values = [int(c) if c.isdigit() else 10 for c in hand if c != "A"]
                        aces = hand.count("A")
                        total = sum(values) + 11 * aces
                        return total if total <= 21 else sum(values) + aces
                """,
            ),
            Wrong(
                "It always counts an ace as 11.",
                """
                    def card_21(hand):
                        values = {"A": 11, "J": 10, "Q": 10, "K": 10}
                        return sum(values.get(c) or int(c) for c in hand)
                """,
            ),
        ),
    ),
    Entry(
        "dice_pairs_score",
        EASY,
        prompt="""Score a throw of dice: every face that shows at least twice earns its value
            times the number of dice showing it; if no face repeats, the throw earns its lowest
            face. No dice earn 0.""",
        hint="""Count each face once, add up the repeated ones, and fall back to the minimum only
            if nothing was added.""",
        visible=(case([3, 3, 5], gives=6), case([6, 2, 4], gives=2)),
        hidden=(
            case([], gives=0),
            case([1], gives=1),
            case([2, 2, 2, 2], gives=8),
            case([1, 1, 6, 6, 5], gives=14),
            case([5, 5, 5, 1], gives=15),
        ),
        reference="""
            def dice_pairs_score(dice):
                score = 0
                for face in set(dice):
                    if dice.count(face) > 1:
                        score += face * dice.count(face)
                return score or min(dice, default=0)
        """,
        wrong=(
            Wrong(
                "It goes through the dice instead of the faces and counts repeats repeatedly.",
                """
                    def dice_pairs_score(dice):
                        score = sum(f * dice.count(f) for f in dice if dice.count(f) > 1)
                        return score or min(dice, default=0)
                """,
            ),
            Wrong(
                "It earns only for the face that shows most often.",
                """
                    def dice_pairs_score(dice):
                        if len(set(dice)) == len(dice):
                            return min(dice, default=0)
                        best = max(set(dice), key=dice.count)
                        return best * dice.count(best)
                """,
            ),
        ),
    ),
    Entry(
        "tennis_game",
        MEDIUM,
        prompt="""Points of one tennis game are a string of 'A' and 'B'. Return the score: 'A
            wins' or 'B wins' once somebody has at least four points and two more than the other,
            else 'deuce' or 'advantage A' from three all on, else points like '15-40'. Later
            points are ignored.""",
        hint="""Count point by point and stop at a win; from three points each only the
            difference matters.""",
        visible=(
            case("ABB", gives="15-30"),
            case("AAABBBA", gives="advantage A"),
        ),
        hidden=(
            case("", gives="0-0"),
            case("AAAA", gives="A wins"),
            case("AAABBB", gives="deuce"),
            case("AAABBBAB", gives="deuce"),
            case("ABABABBB", gives="B wins"),
            case("AAAABBBBB", gives="A wins"),
            case("AABAB", gives="40-30"),
        ),
        reference="""
            def tennis_game(points):
                a = b = 0
                for point in points:
                    a, b = a + (point == "A"), b + (point == "B")
                    if max(a, b) >= 4 and abs(a - b) >= 2:
                        return "A wins" if a > b else "B wins"
                if a >= 3 and b >= 3:
                    if a == b:
                        return "deuce"
                    return "advantage A" if a > b else "advantage B"
                names = ["0", "15", "30", "40"]
                return names[a] + "-" + names[b]
        """,
        wrong=(
            Wrong(
                "It declares a win at four points even when the lead is only one.",
                """
                    def tennis_game(points):
                        a = b = 0
                        for point in points:
                            a, b = a + (point == "A"), b + (point == "B")
                            if max(a, b) >= 4:
                                return "A wins" if a > b else "B wins"
                        if a == b == 3:
                            return "deuce"
                        names = ["0", "15", "30", "40"]
                        return names[a] + "-" + names[b]
                """,
            ),
            Wrong(
                "It counts all points first, so points after the end change the winner.",
                """
                    def tennis_game(points):
                        a, b = points.count("A"), points.count("B")
                        if max(a, b) >= 4 and abs(a - b) >= 2:
                            return "A wins" if a > b else "B wins"
                        if a >= 3 and b >= 3:
                            if a == b:
                                return "deuce"
                            return "advantage A" if a > b else "advantage B"
                        names = ["0", "15", "30", "40"]
                        return names[a] + "-" + names[b]
                """,
            ),
        ),
    ),
    Entry(
        "code_pegs",
        MEDIUM,
        prompt="""Two equally long strings of colour letters are a secret and a guess. Return the
            pair (black, white): black counts places with the right colour, white the further
            colours that are right but misplaced, each peg used once.""",
        hint="""The total of matching colours is the sum of the smaller counts; taking the exact
            matches away leaves the misplaced ones.""",
        visible=(case("RGBY", "RBGG", gives=(1, 2)), case("AAB", "ACA", gives=(1, 1))),
        hidden=(
            case("", "", gives=(0, 0)),
            case("RGB", "RGB", gives=(3, 0)),
            case("RRRR", "GGGG", gives=(0, 0)),
            case("ABCD", "DCBA", gives=(0, 4)),
            case("AABB", "AAAA", gives=(2, 0)),
            case("ABBA", "BAAB", gives=(0, 4)),
        ),
        reference="""
            def code_pegs(secret, guess):
                black = sum(a == b for a, b in zip(secret, guess))
                shared = sum(min(secret.count(c), guess.count(c)) for c in set(guess))
                return black, shared - black
        """,
        wrong=(
            Wrong(
                "A colour that occurs once in the secret is credited for every peg of the guess.",
                """
                    def code_pegs(secret, guess):
                        black = sum(a == b for a, b in zip(secret, guess))
                        white = sum(a != b and b in secret for a, b in zip(secret, guess))
                        return black, white
                """,
            ),
            Wrong(
                "Pegs in the right place are counted as misplaced once more.",
                """
                    def code_pegs(secret, guess):
                        black = sum(a == b for a, b in zip(secret, guess))
                        white = sum(min(secret.count(c), guess.count(c)) for c in set(guess))
                        return black, white
                """,
            ),
        ),
    ),
    Entry(
        "knight_forks",
        MEDIUM,
        prompt="""A knight stands on a chess square (column, row), both 0 to 7. Return the sorted
            list of the squares it can move to in one move that are on the board and not in
            `occupied`.""",
        hint="""The eight moves change one coordinate by one and the other by two, in all
            signs.""",
        visible=(
            case((0, 0), [], gives=[(1, 2), (2, 1)]),
            case((7, 7), [(6, 5)], gives=[(5, 6)]),
        ),
        hidden=(
            case((0, 0), [(1, 2), (2, 1)], gives=[]),
            case((1, 0), [], gives=[(0, 2), (2, 2), (3, 1)]),
            case((0, 4), [(0, 4)], gives=[(1, 2), (1, 6), (2, 3), (2, 5)]),
            case((7, 0), [], gives=[(5, 1), (6, 2)]),
            case(
                (3, 3),
                [],
                gives=[(1, 2), (1, 4), (2, 1), (2, 5), (4, 1), (4, 5), (5, 2), (5, 4)],
            ),
        ),
        reference="""
            def knight_forks(square, occupied):
                column, row = square
                targets = []
                for dc in (-2, -1, 1, 2):
                    for dr in (-2, -1, 1, 2):
                        target = (column + dc, row + dr)
                        inside = min(target) >= 0 and max(target) <= 7
                        if abs(dc) != abs(dr) and inside and target not in occupied:
                            targets.append(target)
                return sorted(targets)
        """,
        wrong=(
            Wrong(
                "It does not leave out the squares beyond the right and upper edge.",
                """
                    def knight_forks(square, occupied):
                        column, row = square
                        targets = [
                            (column + dc, row + dr)
                            for dc in (-2, -1, 1, 2)
                            for dr in (-2, -1, 1, 2)
                            if abs(dc) != abs(dr)
                        ]
                        return sorted(t for t in targets if min(t) >= 0 and t not in occupied)
                """,
            ),
            Wrong(
                "It also allows diagonal moves by one or two squares.",
                """
                    def knight_forks(square, occupied):
                        column, row = square
                        targets = [
                            (column + dc, row + dr)
                            for dc in (-2, -1, 1, 2)
                            for dr in (-2, -1, 1, 2)
                        ]
                        return sorted(
                            t
                            for t in targets
                            if min(t) >= 0 and max(t) <= 7 and t not in occupied
                        )
                """,
            ),
        ),
    ),
    Entry(
        "take_stones",
        MEDIUM,
        prompt="""Two players take turns removing 1, 3 or 4 stones from a pile; whoever takes the
            last stone wins. Return the smallest first move with which the first player can force
            a win, or 0 if there is none.""",
        hint="""A pile is lost if every allowed move leads to a won pile; work upwards from the
            empty pile.""",
        visible=(case(6, gives=4), case(2, gives=0)),
        hidden=(
            case(0, gives=0),
            case(1, gives=1),
            case(3, gives=1),
            case(5, gives=3),
            case(4, gives=4),
            case(7, gives=0),
            case(10, gives=1),
        ),
        reference="""
            def take_stones(pile):
                winning_move = []
                for stones in range(pile + 1):
                    move = 0
                    for take in (4, 3, 1):
                        if take <= stones and winning_move[stones - take] == 0:
                            move = take
                    winning_move.append(move)
                return winning_move[pile]
        """,
        wrong=(
            Wrong(
                "It only sees wins that take the last stone at once.",
                """
                    def take_stones(pile):
                        return pile if pile in (1, 3, 4) else 0
                """,
            ),
            Wrong(
                "It uses the rule for taking 1 to 4 stones, a remainder by five.",
                """
                    def take_stones(pile):
                        return pile % 5 if pile % 5 in (1, 3, 4) else 0
                """,
            ),
        ),
    ),
    Entry(
        "bowling_line",
        HARD,
        prompt="""Return the score of a complete game of ten-pin bowling given as the list of
            pins of each throw. A strike scores 10 plus the next two throws, a spare 10 plus the
            next one; the tenth frame's extra throws count only as such a bonus.""",
        hint="""Move a pointer frame by frame, one throw for a strike and two otherwise, for
            exactly ten frames.""",
        visible=(
            case([10, 3, 4] + [0] * 16, gives=24),
            case([9, 1] * 10 + [9], gives=190),
        ),
        hidden=(
            case([0] * 20, gives=0),
            case([10] * 12, gives=300),
            case([4, 5] * 10, gives=90),
            case([5, 5, 3] + [0] * 17, gives=16),
            case([0] * 18 + [10, 7, 2], gives=19),
            case([0, 10, 6, 2] + [0] * 16, gives=24),
        ),
        reference="""
            def bowling_line(throws):
                score = place = 0
                for _ in range(10):
                    if throws[place] == 10:
                        score += sum(throws[place:place + 3])
                        place += 1
                    else:
                        frame = sum(throws[place:place + 2])
                        score += frame + (throws[place + 2] if frame == 10 else 0)
                        place += 2
                return score
        """,
        wrong=(
            Wrong(
                "It forgets the bonuses and adds up the pins.",
                """
                    def bowling_line(throws):
                        return sum(throws)
                """,
            ),
            Wrong(
                "It gives a spare the next two throws as bonus, like a strike.",
                """
                    def bowling_line(throws):
                        score = place = 0
                        for _ in range(10):
                            strike = throws[place] == 10
                            frame = sum(throws[place:place + (1 if strike else 2)])
                            place += 1 if strike else 2
                            score += frame
                            if frame == 10:
                                score += sum(throws[place:place + 2])
                        return score
                """,
            ),
        ),
    ),
    Entry(
        "rps_series",
        EASY,
        prompt="""Rounds of rock-paper-scissors are two-letter strings of R, P and S, first
            player's letter first. The first player to win `target` rounds wins the series.
            Return 1 or 2 for the winner, or 0 if nobody has reached the target.""",
        hint="""Stop as soon as one of the two counters reaches the target; equal letters count
            for nobody.""",
        visible=(
            case(["RS", "PP", "PP", "SP"], 2, gives=1),
            case(["RS"], 2, gives=0),
        ),
        hidden=(
            case([], 1, gives=0),
            case(["SR"], 1, gives=2),
            case(["RR", "SS", "PP"], 1, gives=0),
            case(["PR", "RP", "RP", "PR", "PR"], 2, gives=2),
            case(["PS", "SP", "PS"], 2, gives=2),
        ),
        reference="""
            def rps_series(rounds, target):
                wins = [0, 0]
                for pair in rounds:
                    if pair[0] != pair[1]:
                        winner = 0 if pair in ("RS", "SP", "PR") else 1
                        wins[winner] += 1
                        if wins[winner] == target:
                            return winner + 1
                return 0
        """,
        wrong=(
            Wrong(
                "It names the player with more wins, even if the target was not reached.",
                """
                    def rps_series(rounds, target):
                        first = sum(r in ("RS", "SP", "PR") for r in rounds)
                        second = sum(r in ("SR", "PS", "RP") for r in rounds)
                        return 0 if first == second else 1 if first > second else 2
                """,
            ),
            Wrong(
                "It counts a draw as a win of the second player.",
                """
                    def rps_series(rounds, target):
                        wins = [0, 0]
                        for pair in rounds:
                            winner = 0 if pair in ("RS", "SP", "PR") else 1
                            wins[winner] += 1
                            if wins[winner] == target:
                                return winner + 1
                        return 0
                """,
            ),
        ),
    ),
)
