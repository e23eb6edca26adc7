"""Stacks and queues: what comes last or first decides."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "undo_typing",
        EASY,
        prompt="""Keys are typed one by one: '<' deletes the last remaining character, if any;
            every other character is added. Return the text that remains.""",
        hint="""The remaining characters are a stack, and deleting from an empty stack does
            nothing.""",
        visible=(case("cart<<b", gives="cab"), case("<a", gives="a")),
        hidden=(
            case("", gives=""),
            case("ab<<<<", gives=""),
            case("abc", gives="abc"),
            case("a<b<c<d", gives="d"),
            case("xy<<<z", gives="z"),
        ),
        reference="""
            def undo_typing(keys):
                text = []
                for key in keys:
                    if key != "<":
                        text.append(key)
                    elif text:
                        text.pop()
                return "".join(text)
        """,
        wrong=(
            Wrong(
                "It deletes from an empty text, which fails.",
                """
                    def undo_typing(keys):
                        text = []
                        for key in keys:
                            if key == "<":
                                text.pop()
                            else:
                                text.append(key)
                        return "".join(text)
                """,
            ),
            Wrong(
                "It removes each mark together with the key before it, once only.",
                """
                    import re

                    def undo_typing(keys):
                        return re.sub(".?<", "", keys)
                """,
            ),
        ),
    ),
    Entry(
        "first_bad_bracket",
        MEDIUM,
        prompt="""Return the index of the first bracket at which a text becomes wrong: a closing
            bracket of (), [] or {} that does not fit the last open one. If all fit but some stay
            open, return the length of the text; if all is well, -1.""",
        hint="""Keep the open brackets on a stack; the three outcomes are a misfit on the way, a
            stack left over, or neither.""",
        visible=(case("(a]", gives=2), case("[(", gives=2)),
        hidden=(
            case("", gives=-1),
            case("{[()]}", gives=-1),
            case(")", gives=0),
            case("(()", gives=3),
            case("([)]", gives=2),
            case("a{b}c]", gives=5),
        ),
        reference="""
            def first_bad_bracket(text):
                opening = {")": "(", "]": "[", "}": "{"}
                stack = []
                for place, char in enumerate(text):
                    if char in "([{":
                        stack.append(char)
                    elif char in opening:
                        if not stack or stack.pop() != opening[char]:
                            return place
                return len(text) if stack else -1
        """,
        wrong=(
            Wrong(
                "It forgets brackets that are never closed.",
                """
                    def first_bad_bracket(text):
                        opening = {")": "(", "]": "[", "}": "{"}
                        stack = []
                        for place, char in enumerate(text):
                            if char in "([{":
                                stack.append(char)
                            elif char in opening:
                                if not stack or stack.pop() != opening[char]:
                                    return place
                        return -1
                """,
            ),
            Wrong(
                "It counts all brackets alike, so kinds that do not match are accepted.",
                """
                    def first_bad_bracket(text):
                        depth = 0
                        for place, char in enumerate(text):
                            depth += (char in "([{") - (char in ")]}")
                            if depth < 0:
                                return place
                        return len(text) if depth else -1
                """,
            ),
        ),
    ),
    Entry(
        "plate_pile",
        EASY,
        prompt="""A kitchen puts clean plates on a pile and takes the top one when needed. In
            `events` a number is a plate put on top, None takes one. Return the list of plates
            taken, with 0 whenever the pile was empty.""",
        hint="""Append for a number and pop for None, but note a zero instead when there is
            nothing to pop.""",
        visible=(
            case([1, 2, None, None], gives=[2, 1]),
            case([None, 3], gives=[0]),
        ),
        hidden=(
            case([], gives=[]),
            case([7, None, None], gives=[7, 0]),
            case([1, None, 2, None], gives=[1, 2]),
            case([4, 5, 6, None, 7, None], gives=[6, 7]),
            case([None, None], gives=[0, 0]),
        ),
        reference="""
            def plate_pile(events):
                pile, taken = [], []
                for event in events:
                    if event is not None:
                        pile.append(event)
                    else:
                        taken.append(pile.pop() if pile else 0)
                return taken
        """,
        wrong=(
            Wrong(
                "It takes plates from the bottom of the pile.",
                """
                    def plate_pile(events):
                        pile, taken = [], []
                        for event in events:
                            if event is not None:
                                pile.append(event)
                            else:
                                taken.append(pile.pop(0) if pile else 0)
                        return taken
                """,
            ),
            Wrong(
                "It skips requests that find the pile empty instead of noting 0.",
                """
                    def plate_pile(events):
                        pile, taken = [], []
                        for event in events:
                            if event is not None:
                                pile.append(event)
                            elif pile:
                                taken.append(pile.pop())
                        return taken
                """,
            ),
        ),
    ),
    Entry(
        "warmer_wait",
        HARD,
        prompt="""A day's wait is the number of days until the next strictly warmer one. Return
            the pair (day, wait) of the longest wait, days counted from 0; of equal waits the
            earliest day counts. Days that no warmer one follows do not count; without any return
            (-1, 0).""",
        hint="""Keep the days that still wait on a stack; a warmer day ends the wait of all
            cooler ones on top, and every ended wait is compared with the best.""",
        visible=(
            case([5, 7, 6, 8], gives=(1, 2)),
            case([3, 3], gives=(-1, 0)),
        ),
        hidden=(
            case([], gives=(-1, 0)),
            case([9, 8, 7], gives=(-1, 0)),
            case([1, 2, 3], gives=(0, 1)),
            case([4, 4, 4, 5], gives=(0, 3)),
            case([-5, -9, -1, -5, 0], gives=(0, 2)),
            case([1, 2, 9, 3, 4, 5], gives=(0, 1)),
        ),
        reference="""
            def warmer_wait(degrees):
                best, waiting = (-1, 0), []
                for day in range(len(degrees)):
                    while waiting and degrees[waiting[-1]] < degrees[day]:
                        earlier = waiting.pop()
                        wait = day - earlier
                        if wait > best[1] or (wait == best[1] and earlier < best[0]):
                            best = (earlier, wait)
                    waiting.append(day)
                return best
        """,
        wrong=(
            Wrong(
                "It also counts the wait of days that no warmer day follows.",
                """
                    def warmer_wait(degrees):
                        best = (-1, 0)
                        for day, now in enumerate(degrees):
                            wait = 0
                            for later in degrees[day + 1:]:
                                wait += 1
                                if later > now:
                                    break
                            if wait > best[1]:
                                best = (day, wait)
                        return best
                """,
            ),
            Wrong(
                "It takes an equally warm day for a warmer one.",
                """
                    def warmer_wait(degrees):
                        best = (-1, 0)
                        for day, now in enumerate(degrees):
                            warmer = [later >= now for later in degrees[day + 1:]]
                            wait = warmer.index(True) + 1 if True in warmer else 0
                            if wait > best[1]:
                                best = (day, wait)
                        return best
                """,
            ),
        ),
    ),
    Entry(
        "postfix_value",
        MEDIUM,
        prompt="""Evaluate a calculation in postfix form, such as '7 2 -' for 7 minus 2, with
            integers and the operators + - *. Return None if an operator lacks operands or the
            text does not leave exactly one value.""",
        hint="""Numbers go on a stack; an operator takes the upper value as its right side and
            the one below as its left side.""",
        visible=(case("7 2 -", gives=5), case("1 +", gives=None)),
        hidden=(
            case("", gives=None),
            case("42", gives=42),
            case("1 2", gives=None),
            case("2 3 4 * +", gives=14),
            case("2 3 + 4 *", gives=20),
            case("-3 5 -", gives=-8),
            case("+", gives=None),
        ),
        reference="""
            def postfix_value(text):
                stack = []
                for token in text.split():
                    if token not in ("+", "-", "*"):
                        stack.append(int(token))
                        continue
                    if len(stack) < 2:
                        return None
                    right, left = stack.pop(), stack.pop()
                    results = {"+": left + right, "-": left - right, "*": left * right}
                    stack.append(results[token])
                return stack[0] if len(stack) == 1 else None
        """,
        wrong=(
            Wrong(
                "It takes the two operands in the wrong order, which spoils subtraction.",
                """
                    def postfix_value(text):
                        stack = []
                        for token in text.split():
                            if token not in ("+", "-", "*"):
                                stack.append(int(token))
                                continue
                            if len(stack) < 2:
                                return None
                            left, right = stack.pop(), stack.pop()
                            results = {"+": left + right, "-": left - right, "*": left * right}
                            stack.append(results[token])
                        return stack[0] if len(stack) == 1 else None
                """,
            ),
            Wrong(
                "It does not notice missing operands and ignores values left over.",
                """
                    def postfix_value(text):
                        stack = []
                        for token in text.split():
                            if token in ("+", "-", "*"):
                                right = stack.pop()
                                left = stack.pop() if stack else 0
                                results = {"+": left + right, "-": left - right, "*": left * right}
                                stack.append(results[token])
                            else:
                                stack.append(int(token))
                        return stack[-1] if stack else None
                """,
            ),
        ),
    ),
    Entry(
        "printer_queue",
        MEDIUM,
        prompt="""Print jobs (name, pages) wait in line. The printer takes the first job and
            prints at most `batch` pages of it; if pages remain, the job goes to the end of the
            line. Return the names in the order in which jobs are finished.""",
        hint="""A queue of names with their remaining pages: take from the front, and put back at
            the end what is not done.""",
        visible=(
            case([("a", 5), ("b", 2)], 3, gives=["b", "a"]),
            case([("a", 3), ("b", 1)], 3, gives=["a", "b"]),
        ),
        hidden=(
            case([], 2, gives=[]),
            case([("a", 0), ("b", 1)], 1, gives=["a", "b"]),
            case([("x", 9)], 2, gives=["x"]),
            case([("a", 4), ("b", 3), ("c", 2)], 2, gives=["c", "a", "b"]),
            case([("a", 2), ("a", 1)], 1, gives=["a", "a"]),
            case([("p", 6), ("q", 5), ("r", 1)], 3, gives=["r", "p", "q"]),
        ),
        reference="""
            def printer_queue(jobs, batch):
                line, finished = list(jobs), []
                while line:
                    name, pages = line.pop(0)
                    if pages > batch:
                        line.append((name, pages - batch))
                    else:
                        finished.append(name)
                return finished
        """,
        wrong=(
            Wrong(
                "A job whose pages are just done goes round once more.",
                """
                    def printer_queue(jobs, batch):
                        line, finished = list(jobs), []
                        while line:
                            name, pages = line.pop(0)
                            if pages >= batch:
                                line.append((name, pages - batch))
                            else:
                                finished.append(name)
                        return finished
                """,
            ),
            Wrong(
                "It sorts the jobs by their number of rounds and keeps the line otherwise.",
                """
                    def printer_queue(jobs, batch):
                        return [name for name, pages in sorted(jobs, key=lambda j: j[1] // batch)]
                """,
            ),
        ),
    ),
    Entry(
        "browser_back",
        EASY,
        prompt="""Simulate a browser starting at 'home': 'back' and 'forward' move through the
            history, doing nothing at its ends; any other action opens that page and discards the
            pages ahead. Return the page shown at the end.""",
        hint="""Keep the list of pages and the current position; opening a page first cuts off
            everything behind the position.""",
        visible=(
            case(["a", "b", "back", "c", "back"], gives="a"),
            case(["back"], gives="home"),
        ),
        hidden=(
            case([], gives="home"),
            case(["a", "forward"], gives="a"),
            case(["a", "back", "b", "back"], gives="home"),
            case(["a", "back", "forward"], gives="a"),
            case(["a", "back", "b", "back", "forward", "forward"], gives="b"),
            case(["a", "b", "back", "back", "back", "forward"], gives="a"),
        ),
        reference="""
            def browser_back(actions):
                pages, place = ["home"], 0
                for action in actions:
                    if action == "back":
                        place = max(place - 1, 0)
                    elif action == "forward":
                        place = min(place + 1, len(pages) - 1)
                    else:
                        pages = pages[:place + 1] + [action]
                        place += 1
                return pages[place]
        """,
        wrong=(
            Wrong(
                "Opening a page does not discard the pages ahead.",
                """
                    def browser_back(actions):
                        pages, place = ["home"], 0
                        for action in actions:
                            if action == "back":
                                place = max(place - 1, 0)
                            elif action == "forward":
                                place = min(place + 1, len(pages) - 1)
                            else:
                                pages.append(action)
                                place = len(pages) - 1
                        return pages[place]
                """,
            ),
            Wrong(
                "Going back beyond the first page ends at the last one.",
                """
                    def browser_back(actions):
                        pages, place = ["home"], 0
                        for action in actions:
                            if action == "back":
                                place -= 1
                            elif action == "forward":
                                place = min(place + 1, len(pages) - 1)
                            else:
                                pages = pages[:place + 1] + [action]
                                place = len(pages) - 1
                        return pages[place]
                """,
            ),
        ),
    ),
    Entry(
        "train_shunting",
        HARD,
        prompt="""Wagons arrive in the order given by `arrivals` (all different). Each is pushed
            onto a dead-end siding, and from there the most recent wagon can leave at any time.
            Return whether they can leave in the order `wanted`, which holds the same wagons.""",
        hint="""Push wagon after wagon and let wagons leave whenever the top of the siding is the
            next one wanted; at the end it must be empty.""",
        visible=(
            case([1, 2, 3], [2, 3, 1], gives=True),
            case([1, 2, 3], [3, 1, 2], gives=False),
        ),
        hidden=(
            case([], [], gives=True),
            case([5], [5], gives=True),
            case([1, 2, 3], [3, 2, 1], gives=True),
            case([4, 7, 9], [9, 4, 7], gives=False),
            case(["a", "b", "c", "d"], ["b", "a", "d", "c"], gives=True),
            case([1, 2, 3, 4], [4, 2, 3, 1], gives=False),
            case([1, 2, 3, 4], [2, 4, 3, 1], gives=True),
        ),
        reference="""
            def train_shunting(arrivals, wanted):
                siding, leaving = [], 0
                for wagon in arrivals:
                    siding.append(wagon)
                    while siding and siding[-1] == wanted[leaving]:
                        siding.pop()
                        leaving += 1
                return not siding
        """,
        wrong=(
            Wrong(
                "It lets only one wagon leave after each arrival.",
                """
                    def train_shunting(arrivals, wanted):
                        siding, leaving = [], 0
                        for wagon in arrivals:
                            siding.append(wagon)
                            if siding[-1] == wanted[leaving]:
                                siding.pop()
                                leaving += 1
                        return siding[::-1] == list(wanted[leaving:])
                """,
            ),
            Wrong(
                "It accepts only the same or the exactly reversed order.",
                """
                    def train_shunting(arrivals, wanted):
                        return wanted in (arrivals, arrivals[::-1])
                """,
            ),
        ),
    ),
)
