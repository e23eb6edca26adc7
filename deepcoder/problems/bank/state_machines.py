"""State machines: devices and protocols that remember what happened before."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "turnstile_log",
        EASY,
        prompt="""A turnstile starts locked. 'coin' unlocks it; 'push' passes one person if it is
            unlocked and locks it again. Coins into an unlocked turnstile are wasted. Return the
            pair (people passed, coins wasted).""",
        hint="""One flag for locked or unlocked is enough; a coin is wasted exactly when the flag
            is already set.""",
        visible=(
            case(["coin", "push", "push"], gives=(1, 0)),
            case(["coin", "coin", "push"], gives=(1, 1)),
        ),
        hidden=(
            case([], gives=(0, 0)),
            case(["push"], gives=(0, 0)),
            case(["coin"], gives=(0, 0)),
            case(["coin", "push", "coin", "push"], gives=(2, 0)),
            case(["coin", "coin", "coin", "push", "push"], gives=(1, 2)),
        ),
        reference="""
            def turnstile_log(events):
                unlocked = False
                passed = wasted = 0
                for event in events:
                    if event == "coin":
                        wasted += unlocked
                        unlocked = True
                    elif unlocked:
                        passed += 1
                        unlocked = False
                return passed, wasted
        """,
        wrong=(
            Wrong(
                "It saves up coins, so two coins let two people pass.",
                """
                    def turnstile_log(events):
                        coins = passed = 0
                        for event in events:
                            if event == "coin":
                                coins += 1
                            elif coins:
                                coins -= 1
                                passed += 1
                        return passed, 0
                """,
            ),
            Wrong(
                "It counts a coin that is left in the turnstile at the end as wasted.",
                """
                    def turnstile_log(events):
                        unlocked = False
                        passed = 0
                        for event in events:
                            if event == "coin":
                                unlocked = True
                            elif unlocked:
                                passed += 1
                                unlocked = False
                        return passed, events.count("coin") - passed
                """,
            ),
        ),
    ),
    Entry(
        "strip_comments",
        MEDIUM,
        prompt="""Remove comments from a line of code: everything from '/*' to the next '*/', the
            marks included, except inside double quotes, where marks have no meaning. A comment
            that is not closed runs to the end.""",
        hint="""There are three states, code, text and comment, and only code can change into one
            of the others.""",
        visible=(
            case("a/*b*/c", gives="ac"),
            case('x"/*"y', gives='x"/*"y'),
        ),
        hidden=(
            case("", gives=""),
            case("a/*b", gives="a"),
            case('/*"*/"', gives='"'),
            case("a/*/b*/c", gives="ac"),
            case("1*/2", gives="1*/2"),
            case('"a"/*b*/"/*c*/"', gives='"a""/*c*/"'),
        ),
        reference="""
            def strip_comments(line):
                result, place, quoted = "", 0, False
                while place < len(line):
                    if not quoted and line.startswith("/*", place):
                        end = line.find("*/", place + 2)
                        if end == -1:
                            break
                        place = end + 2
                        continue
                    if line[place] == '"':
                        quoted = not quoted
                    result += line[place]
                    place += 1
                return result
        """,
        wrong=(
            Wrong(
                "It ignores quotes and removes marks inside a text.",
                """
                    def strip_comments(line):
                        while "/*" in line:
                            before, after = line.split("/*", 1)
                            line = before + after.partition("*/")[2]
                        return line
                """,
            ),
            Wrong(
                "It looks for the end from the opening mark's own star, so '/*/' is a comment.",
                """
                    def strip_comments(line):
                        result, place, quoted = "", 0, False
                        while place < len(line):
                            if not quoted and line.startswith("/*", place):
                                end = line.find("*/", place)
                                if end == -1:
                                    break
                                place = end + 2
                                continue
                            if line[place] == '"':
                                quoted = not quoted
                            result += line[place]
                            place += 1
                        return result
                """,
            ),
        ),
    ),
    Entry(
        "vending_machine",
        MEDIUM,
        prompt="""A machine sells one drink for `price`. Events are coin values, 'buy' or
            'return'. 'buy' with enough money serves a drink and keeps the change as credit;
            'return' gives back all credit. Return (drinks, money returned, credit left).""",
        hint="""Carry the credit through all events: it rises by coins, falls by the price, and
            is emptied by a return.""",
        visible=(
            case(3, [2, 2, "buy", "return"], gives=(1, 1, 0)),
            case(3, [2, "buy", 1], gives=(0, 0, 3)),
        ),
        hidden=(
            case(5, [], gives=(0, 0, 0)),
            case(2, [5, "buy", "buy", "buy"], gives=(2, 0, 1)),
            case(2, ["return", "buy"], gives=(0, 0, 0)),
            case(4, [4, "return", "buy", 4, "buy"], gives=(1, 4, 0)),
            case(1, [1, "buy", 2, "return", 3, "return"], gives=(1, 5, 0)),
        ),
        reference="""
            def vending_machine(price, events):
                drinks = returned = credit = 0
                for event in events:
                    if event == "return":
                        returned += credit
                        credit = 0
                    elif event == "buy":
                        if credit >= price:
                            credit -= price
                            drinks += 1
                    else:
                        credit += event
                return drinks, returned, credit
        """,
        wrong=(
            Wrong(
                "It swallows the change after a drink is served.",
                """
                    def vending_machine(price, events):
                        drinks = returned = credit = 0
                        for event in events:
                            if event == "return":
                                returned += credit
                                credit = 0
                            elif event == "buy":
                                if credit >= price:
                                    credit = 0
                                    drinks += 1
                            else:
                                credit += event
                        return drinks, returned, credit
                """,
            ),
            Wrong(
                "It serves a drink without checking that there is enough money.",
                """
                    def vending_machine(price, events):
                        drinks = returned = credit = 0
                        for event in events:
                            if event == "return":
                                returned += credit
                                credit = 0
                            elif event == "buy":
                                credit -= price
                                drinks += 1
                            else:
                                credit += event
                        return drinks, returned, credit
                """,
            ),
        ),
    ),
    Entry(
        "door_alarm",
        EASY,
        prompt="""A smart door opens on the right sequence of digits `code`, typed anywhere in
            `keys`. After each opening, typing starts afresh: digits used once cannot be used
            again. Return how often the door opens. The code is not empty.""",
        hint="""Remember the keys since the last opening and clear them when they end in the
            code.""",
        visible=(case("12", "91212", gives=2), case("11", "1111", gives=2)),
        hidden=(
            case("5", "", gives=0),
            case("121", "12121", gives=1),
            case("12", "1112", gives=1),
            case("12", "112", gives=1),
            case("7", "777", gives=3),
            case("99", "9", gives=0),
            case("010", "0100100", gives=2),
        ),
        reference="""
            def door_alarm(code, keys):
                opened, typed = 0, ""
                for key in keys:
                    typed += key
                    if typed.endswith(code):
                        opened += 1
                        typed = ""
                return opened
        """,
        wrong=(
            Wrong(
                "It counts overlapping places, so digits are used twice.",
                """
                    def door_alarm(code, keys):
                        return sum(keys.startswith(code, i) for i in range(len(keys)))
                """,
            ),
            Wrong(
                "A wrong digit throws away everything, even a new start of the code.",
                """
                    def door_alarm(code, keys):
                        opened = matched = 0
                        for key in keys:
                            matched = matched + 1 if key == code[matched] else 0
                            if matched == len(code):
                                opened += 1
                                matched = 0
                        return opened
                """,
            ),
        ),
    ),
    Entry(
        "light_dimmer",
        EASY,
        prompt="""A lamp has levels 0 to 3 and starts at 0. 'tap' goes to the next level, from 3
            to 0. 'hold' switches off and remembers the level; the next 'tap' from off by hold
            restores it instead. 'hold' on a lamp at 0 does nothing. Return the final level.""",
        hint="""Besides the level, store the remembered one, which a tap uses up.""",
        visible=(
            case(["tap", "tap", "hold", "tap"], gives=2),
            case(["tap", "tap", "tap", "tap"], gives=0),
        ),
        hidden=(
            case([], gives=0),
            case(["hold"], gives=0),
            case(["hold", "tap"], gives=1),
            case(["tap", "tap", "hold", "hold", "tap"], gives=2),
            case(["tap", "tap", "hold", "tap", "tap"], gives=3),
            case(["tap", "tap", "tap", "hold"], gives=0),
            case(["tap", "hold", "tap", "tap", "tap", "tap", "tap"], gives=1),
        ),
        reference="""
            def light_dimmer(actions):
                level = remembered = 0
                for action in actions:
                    if action == "hold":
                        if level:
                            level, remembered = 0, level
                    elif remembered:
                        level, remembered = remembered, 0
                    else:
                        level = (level + 1) % 4
                return level
        """,
        wrong=(
            Wrong(
                "It forgets the remembered level and starts from the first one again.",
                """
                    def light_dimmer(actions):
                        level = 0
                        for action in actions:
                            level = 0 if action == "hold" else (level + 1) % 4
                        return level
                """,
            ),
            Wrong(
                "A second hold overwrites the remembered level with 0.",
                """
                    def light_dimmer(actions):
                        level = remembered = 0
                        for action in actions:
                            if action == "hold":
                                level, remembered = 0, level
                            elif remembered:
                                level, remembered = remembered, 0
                            else:
                                level = (level + 1) % 4
                        return level
                """,
            ),
        ),
    ),
    Entry(
        "order_states",
        MEDIUM,
        prompt="""An order starts as 'new' and goes through pay: new to paid, ship: paid to sent,
            deliver: sent to done, cancel: new or paid to void. Return the final state, or 'error
            at k' for the first event, counted from 1, that is not allowed.""",
        hint="""A dictionary from (state, event) to the next state holds all rules; a missing
            pair is an error.""",
        visible=(
            case(["pay", "ship"], gives="sent"),
            case(["pay", "deliver", "ship"], gives="error at 2"),
        ),
        hidden=(
            case([], gives="new"),
            case(["cancel"], gives="void"),
            case(["pay", "cancel"], gives="void"),
            case(["pay", "ship", "cancel"], gives="error at 3"),
            case(["cancel", "pay"], gives="error at 2"),
            case(["pay", "ship", "deliver"], gives="done"),
            case(["refund"], gives="error at 1"),
        ),
        reference="""
            def order_states(events):
                rules = {
                    ("new", "pay"): "paid",
                    ("paid", "ship"): "sent",
                    ("sent", "deliver"): "done",
                    ("new", "cancel"): "void",
                    ("paid", "cancel"): "void",
                }
                state = "new"
                for number, event in enumerate(events, 1):
                    if (state, event) not in rules:
                        return f"error at {number}"
                    state = rules[state, event]
                return state
        """,
        wrong=(
            Wrong(
                "It ignores events that are not allowed instead of reporting them.",
                """
                    def order_states(events):
                        rules = {
                            ("new", "pay"): "paid",
                            ("paid", "ship"): "sent",
                            ("sent", "deliver"): "done",
                            ("new", "cancel"): "void",
                            ("paid", "cancel"): "void",
                        }
                        state = "new"
                        for event in events:
                            state = rules.get((state, event), state)
                        return state
                """,
            ),
            Wrong(
                "It counts events from 0 and allows cancelling in every state.",
                """
                    def order_states(events):
                        rules = {
                            ("new", "pay"): "paid",
                            ("paid", "ship"): "sent",
                            ("sent", "deliver"): "done",
                        }
                        state = "new"
                        for number, event in enumerate(events):
                            if event == "cancel":
                                state = "void"
                            elif (state, event) in rules:
                                state = rules[state, event]
                            else:
                                return f"error at {number}"
                        return state
                """,
            ),
        ),
    ),
    Entry(
        "thermostat_switches",
        MEDIUM,
        prompt="""A heater is off at first. It turns on when the temperature falls below `low`,
            off when it rises above `high`, and otherwise stays as it is. Return the pair (number
            of readings after which it is on, number of times it changed).""",
        hint="""The state between the two limits is the earlier one, so it must be carried from
            reading to reading.""",
        visible=(
            case(18, 21, [17, 20, 22, 20], gives=(2, 2)),
            case(18, 21, [19, 20], gives=(0, 0)),
        ),
        hidden=(
            case(18, 21, [], gives=(0, 0)),
            case(18, 21, [18, 21], gives=(0, 0)),
            case(18, 21, [17, 16, 15], gives=(3, 1)),
            case(18, 21, [17, 21, 18, 22], gives=(3, 2)),
            case(0, 5, [-1, 6, -1, 6], gives=(2, 4)),
        ),
        reference="""
            def thermostat_switches(low, high, readings):
                on = False
                count = changes = 0
                for degrees in readings:
                    before = on
                    if degrees < low:
                        on = True
                    elif degrees > high:
                        on = False
                    count += on
                    changes += on != before
                return count, changes
        """,
        wrong=(
            Wrong(
                "It has no memory: the heater is on only while it is colder than the low limit.",
                """
                    def thermostat_switches(low, high, readings):
                        states = [False] + [degrees < low for degrees in readings]
                        changes = sum(a != b for a, b in zip(states, states[1:]))
                        return sum(states), changes
                """,
            ),
            Wrong(
                "It also switches when a limit is exactly reached.",
                """
                    def thermostat_switches(low, high, readings):
                        on = False
                        count = changes = 0
                        for degrees in readings:
                            before = on
                            if degrees <= low:
                                on = True
                            elif degrees >= high:
                                on = False
                            count += on
                            changes += on != before
                        return count, changes
                """,
            ),
        ),
    ),
    Entry(
        "tape_head",
        HARD,
        prompt="""A machine walks on an endless tape of zeros. `rules` maps 'state symbol' such
            as 'A 0' to (new symbol, move, new state), move being -1 or 1. It starts in 'A' and
            stops when no rule fits or after `limit` steps. Return the pair (ones on the tape,
            steps made).""",
        hint="""A set of the positions that hold a one is a tape without ends in both
            directions.""",
        visible=(
            case({"A 0": (1, 1, "A")}, 3, gives=(3, 3)),
            case({"A 0": (1, 1, "B"), "B 0": (1, -1, "A"), "A 1": (0, 1, "B")}, 9, gives=(1, 3)),
        ),
        hidden=(
            case({}, 5, gives=(0, 0)),
            case({"A 0": (1, 1, "A")}, 0, gives=(0, 0)),
            case({"A 0": (0, 1, "A")}, 4, gives=(0, 4)),
            case({"A 0": (1, -1, "B"), "B 0": (1, 1, "A"), "A 1": (0, 1, "C")}, 9, gives=(1, 3)),
            case(
                {"A 0": (1, 1, "B"), "A 1": (1, -1, "B"), "B 0": (1, -1, "A"), "B 1": (1, 1, "H")},
                50,
                gives=(4, 6),
            ),
        ),
        reference="""
            def tape_head(rules, limit):
                ones, place, state, steps = set(), 0, "A", 0
                while steps < limit:
                    rule = rules.get(f"{state} {int(place in ones)}")
                    if rule is None:
                        break
                    symbol, move, state = rule
                    if symbol:
                        ones.add(place)
                    else:
                        ones.discard(place)
                    place += move
                    steps += 1
                return len(ones), steps
        """,
        wrong=(
            Wrong(
                "It never erases a one, because it only handles writing ones.",
                """
                    def tape_head(rules, limit):
                        ones, place, state, steps = set(), 0, "A", 0
                        while steps < limit:
                            rule = rules.get(f"{state} {int(place in ones)}")
                            if rule is None:
                                break
                            symbol, move, state = rule
                            if symbol:
                                ones.add(place)
                            place += move
                            steps += 1
                        return len(ones), steps
                """,
            ),
            Wrong(
                "It uses a list as tape, so moving left of the start wraps to its other end.",
                """
                    def tape_head(rules, limit):
                        tape, place, state, steps = [0] * 3, 0, "A", 0
                        while steps < limit:
                            rule = rules.get(f"{state} {tape[place % 3]}")
                            if rule is None:
                                break
                            tape[place % 3], move, state = rule
                            place += move
                            steps += 1
                        return sum(tape), steps
                """,
            ),
        ),
    ),
    Entry(
        "morse_presses",
        MEDIUM,
        prompt="""A key is sampled each tick: '1' pressed, '0' free. A press of one or two ticks
            is '.', a longer one '-'. A pause of three or more ticks between presses is a space.
            Pauses before the first and after the last press are ignored. Return the text.""",
        hint="""Strip the outer zeros and look at runs of equal ticks: their kind and length
            decide the output.""",
        visible=(case("1101110001", gives=".- ."), case("00100", gives=".")),
        hidden=(
            case("", gives=""),
            case("0000", gives=""),
            case("111", gives="-"),
            case("10010001", gives=".. ."),
            case("1111000000011", gives="- ."),
            case("000110110", gives=".."),
        ),
        reference="""
            from itertools import groupby

            def morse_presses(ticks):
                text = ""
                for tick, run in groupby(ticks.strip("0")):
                    length = len(list(run))
                    if tick == "1":
                        text += "." if length <= 2 else "-"
                    elif length >= 3:
                        text += " "
                return text
        """,
        wrong=(
            Wrong(
                "Every pause becomes a space, however short.",
                """
                    from itertools import groupby

                    def morse_presses(ticks):
                        text = ""
                        for tick, run in groupby(ticks.strip("0")):
                            length = len(list(run))
                            if tick == "1":
                                text += "." if length <= 2 else "-"
                            else:
                                text += " "
                        return text
                """,
            ),
            Wrong(
                "A press of two ticks is already taken for a dash.",
                """
                    from itertools import groupby

                    def morse_presses(ticks):
                        text = ""
                        for tick, run in groupby(ticks.strip("0")):
                            length = len(list(run))
                            if tick == "1":
                                text += "." if length == 1 else "-"
                            elif length >= 3:
                                text += " "
                        return text
                """,
            ),
        ),
    ),
)
