"""Validation: checksums, formats and rules that data must obey."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "password_faults",
        EASY,
        prompt="""Return the list of faults of a password, in this order: 'short' if it has fewer
            than 8 characters, 'digit' if it lacks a digit, 'case' if it lacks a small or a
            capital letter, 'space' if it contains a space.""",
        hint="""Each rule is a test of its own, and all of them are made even if an earlier one
            failed.""",
        visible=(case("abc", gives=["short", "digit", "case"]), case("Passw0rd", gives=[])),
        hidden=(
            case("", gives=["short", "digit", "case"]),
            case("Long pass", gives=["digit", "space"]),
            case("ALLCAPS99", gives=["case"]),
            case("a1B", gives=["short"]),
            case("Ab1 ", gives=["short", "space"]),
            case("12345678", gives=["case"]),
        ),
        reference="""
            def password_faults(password):
                faults = []
                if len(password) < 8:
                    faults.append("short")
                if not any(c.isdigit() for c in password):
                    faults.append("digit")
                if password == password.lower() or password == password.upper():
                    faults.append("case")
                if " " in password:
                    faults.append("space")
                return faults
        """,
        wrong=(
            Wrong(
                "It reports only the first fault.",
                """
                    def password_faults(password):
                        if len(password) < 8:
                            return ["short"]
                        if not any(c.isdigit() for c in password):
                            return ["digit"]
                        if password == password.lower() or password == password.upper():
                            return ["case"]
                        return ["space"] if " " in password else []
                """,
            ),
            Wrong(
                "It demands more than 8 characters instead of at least 8.",
                """
                    def password_faults(password):
                        faults = []
                        if len(password) <= 8:
                            faults.append("short")
                        if not any(c.isdigit() for c in password):
                            faults.append("digit")
                        if password == password.lower() or password == password.upper():
                            faults.append("case")
                        if " " in password:
                            faults.append("space")
                        return faults
                """,
            ),
        ),
    ),
    Entry(
        "weighted_check_digit",
        MEDIUM,
        prompt="""An item number ends in a check digit. Weighing the other digits from right to
            left with 3, 1, 3, 1, … and adding the check digit must give a multiple of 10. Return
            whether the text is valid; anything but two or more digits is not.""",
        hint="""Weights are counted from the right, beginning next to the check digit, whatever
            the length.""",
        visible=(case("73513537", gives=True), case("138", gives=False), case("130", gives=True)),
        hidden=(
            case("", gives=False),
            case("0", gives=False),
            case("00", gives=True),
            case("17", gives=True),
            case("13x", gives=False),
            case("4006381333931", gives=True),
            case("4006381333932", gives=False),
        ),
        reference="""
            def weighted_check_digit(text):
                if len(text) < 2 or not text.isdigit():
                    return False
                total = int(text[-1])
                for place, digit in enumerate(reversed(text[:-1])):
                    total += int(digit) * (3 if place % 2 == 0 else 1)
                return total % 10 == 0
        """,
        wrong=(
            Wrong(
                "It applies the weights 3, 1, 3, … from the left.",
                """
                    def weighted_check_digit(text):
                        if len(text) < 2 or not text.isdigit():
                            return False
                        total = int(text[-1])
                        for place, digit in enumerate(text[:-1]):
                            total += int(digit) * (3 if place % 2 == 0 else 1)
                        return total % 10 == 0
                """,
            ),
            Wrong(
                "It compares the check digit with the sum's last digit, not its complement.",
                """
                    def weighted_check_digit(text):
                        if len(text) < 2 or not text.isdigit():
                            return False
                        total = 0
                        for place, digit in enumerate(reversed(text[:-1])):
                            total += int(digit) * (3 if place % 2 == 0 else 1)
                        return total % 10 == int(text[-1])
                """,
            ),
        ),
    ),
    Entry(
        "valid_username",
        EASY,
        prompt="""A user name has 3 to 12 characters, only small letters, digits and '_', starts
            with a letter, and has no two '_' in a row nor one at the end. Return whether the
            text is one. Only the letters a to z count.""",
        hint="""Name the allowed characters explicitly, because tests like isalpha also accept
            accented letters.""",
        visible=(case("ann_1", gives=True), case("bob_", gives=False)),
        hidden=(
            case("", gives=False),
            case("ab", gives=False),
            case("abc", gives=True),
            case("a__b", gives=False),
            case("1abc", gives=False),
            case("café", gives=False),
            case("Anna", gives=False),
            case("abcdefghijkl", gives=True),
            case("abcdefghijklm", gives=False),
        ),
        reference="""
            def valid_username(text):
                letters = "abcdefghijklmnopqrstuvwxyz"
                if not 3 <= len(text) <= 12 or text[0] not in letters:
                    return False
                if any(char not in letters + "0123456789_" for char in text):
                    return False
                return "__" not in text and not text.endswith("_")
        """,
        wrong=(
            Wrong(
                "It tests with isalnum, which accepts accented letters, and forgets the end.",
                """
                    def valid_username(text):
                        if not 3 <= len(text) <= 12 or not text[0].isalpha():
                            return False
                        if text != text.lower() or "__" in text:
                            return False
                        return text.replace("_", "").isalnum()
                """,
            ),
            Wrong(
                "The upper limit of the length is off by one, and a final '_' is accepted.",
                """
                    import re

                    def valid_username(text):
                        return bool(re.fullmatch("[a-z](_?[a-z0-9]|_){2,12}", text))
                """,
            ),
        ),
    ),
    Entry(
        "ip_in_block",
        HARD,
        prompt="""Return whether a dotted IPv4 address lies in a block such as '10.0.0.0/8',
            where the number says how many leading bits must agree. Return None if the address
            does not consist of exactly four numbers from 0 to 255. The block is always valid.""",
        hint="""Turn both addresses into one 32-bit number and compare them after shifting the
            free bits away.""",
        visible=(
            case("10.1.2.3", "10.0.0.0/8", gives=True),
            case("192.168.1.130", "192.168.1.0/25", gives=False),
        ),
        hidden=(
            case("1.2.3.4", "9.9.9.9/0", gives=True),
            case("1.2.3.4", "1.2.3.4/32", gives=True),
            case("1.2.3.5", "1.2.3.4/32", gives=False),
            case("1.2.3", "1.2.3.0/24", gives=None),
            case("1.2.3.256", "1.2.3.0/24", gives=None),
            case("172.16.9.1", "172.16.8.0/21", gives=True),
            case("172.16.16.1", "172.16.8.0/21", gives=False),
            case("a.b.c.d", "0.0.0.0/0", gives=None),
        ),
        reference="""
            def ip_in_block(address, block):
                def number(text):
                    value = 0
                    for part in text.split("."):
                        value = value * 256 + int(part)
                    return value

                parts = address.split(".")
                if len(parts) != 4 or not all(p.isdigit() and int(p) <= 255 for p in parts):
                    return None
                base, bits = block.split("/")
                free = 32 - int(bits)
                return number(address) >> free == number(base) >> free
        """,
        wrong=(
            Wrong(
                "It compares whole numbers between dots, so only multiples of 8 bits work.",
                """
                    def ip_in_block(address, block):
                        parts = address.split(".")
                        if len(parts) != 4 or not all(p.isdigit() and int(p) <= 255 for p in parts):
                            return None
                        base, bits = block.split("/")
                        count = int(bits) // 8
                        return parts[:count] == base.split(".")[:count]
                """,
            ),
            Wrong(
                "It does not check that the numbers are at most 255.",
                """
                    def ip_in_block(address, block):
                        parts = address.split(".")
                        if len(parts) != 4 or not all(p.isdigit() for p in parts):
                            return None
                        base, bits = block.split("/")
                        free = 32 - int(bits)
                        a = b = 0
                        for p, q in zip(parts, base.split(".")):
                            a, b = a * 256 + int(p), b * 256 + int(q)
                        return a >> free == b >> free
                """,
            ),
        ),
    ),
    Entry(
        "form_errors",
        EASY,
        prompt="""`form` maps field names to texts and `required` lists names. Return the sorted
            names of required fields that are missing or hold only spaces, followed by the sorted
            names of fields that are not required at all.""",
        hint="""Make two lists, one from the required names and one from the given names, and
            sort each on its own.""",
        visible=(
            case({"name": " ", "age": "3"}, ["name"], gives=["name", "age"]),
            case({"a": "x"}, ["a", "b"], gives=["b"]),
        ),
        hidden=(
            case({}, [], gives=[]),
            case({}, ["z", "y"], gives=["y", "z"]),
            case({"b": "1", "a": "2"}, [], gives=["a", "b"]),
            case({"k": ""}, ["k"], gives=["k"]),
            case({"k": "  "}, ["k"], gives=["k"]),
            case({"k": "0"}, ["k"], gives=[]),
            case({"a": "1", "z": ""}, ["z", "m"], gives=["m", "z", "a"]),
        ),
        reference="""
            def form_errors(form, required):
                empty = sorted(name for name in required if not form.get(name, "").strip())
                extra = sorted(name for name in form if name not in required)
                return empty + extra
        """,
        wrong=(
            Wrong(
                "A field that holds only spaces counts as filled in.",
                """
                    def form_errors(form, required):
                        empty = sorted(name for name in required if not form.get(name))
                        extra = sorted(name for name in form if name not in required)
                        return empty + extra
                """,
            ),
            Wrong(
                "It sorts both groups together into one list.",
                """
                    def form_errors(form, required):
                        empty = [name for name in required if not form.get(name, "").strip()]
                        extra = [name for name in form if name not in required]
                        return sorted(empty + extra)
                """,
            ),
        ),
    ),
    Entry(
        "sudoku_unit",
        EASY,
        prompt="""Return whether a row of a number puzzle is still possible: it is a list in
            which each number from 1 to the length of the list appears at most once and every
            other entry is 0 for an empty cell.""",
        hint="""Ignore the zeros, then ask for duplicates and for values outside the allowed
            range.""",
        visible=(case([1, 0, 3, 0], gives=True), case([5, 0, 0, 1], gives=False)),
        hidden=(
            case([], gives=True),
            case([0, 0], gives=True),
            case([2, 2, 0], gives=False),
            case([3, 1, 2], gives=True),
            case([-1, 0, 2], gives=False),
            case([1], gives=True),
            case([0, 0, 4], gives=False),
        ),
        reference="""
            def sudoku_unit(row):
                filled = [n for n in row if n != 0]
                if len(set(filled)) != len(filled):
                    return False
                return all(1 <= n <= len(row) for n in filled)
        """,
        wrong=(
            Wrong(
                "It counts empty cells as duplicates of each other.",
                """
                    def sudoku_unit(row):
                        return len(set(row)) == len(row) and all(0 <= n <= len(row) for n in row)
                """,
            ),
            Wrong(
                "It forgets to check the range of the numbers.",
                """
                    def sudoku_unit(row):
                        filled = [n for n in row if n != 0]
                        return len(set(filled)) == len(filled)
                """,
            ),
        ),
    ),
    Entry(
        "plate_number",
        MEDIUM,
        prompt="""A plate such as 'AB-C 12' has a place code of 1 to 3 capitals, '-', 1 or 2
            capitals, a space, and a number from 1 to 9999 without leading zeros; at most 8
            letters and digits in all. Return whether the text is a plate.""",
        hint="""Check the overall shape with one pattern and the total number of letters and
            digits separately.""",
        visible=(
            case("AB-C 12", gives=True),
            case("ABC-DE 1234", gives=False),
            case("A-B 0", gives=False),
        ),
        hidden=(
            case("", gives=False),
            case("A-B 1", gives=True),
            case("XYZ-AB 1000", gives=False),
            case("A-B 012", gives=False),
            case("ABC-DE 123", gives=True),
            case("AB-C12", gives=False),
            case("ABCD-E 1", gives=False),
            case("ab-c 1", gives=False),
            case("A-B 1 ", gives=False),
        ),
        reference="""
            import re

            def plate_number(text):
                if not re.fullmatch("[A-Z]{1,3}-[A-Z]{1,2} [1-9][0-9]{0,3}", text):
                    return False
                return len(text) - 2 <= 8
        """,
        wrong=(
            Wrong(
                "It forgets the limit on the total number of letters and digits.",
                """
                    import re

                    def plate_number(text):
                        pattern = "[A-Z]{1,3}-[A-Z]{1,2} [1-9][0-9]{0,3}"
                        return bool(re.fullmatch(pattern, text))
                """,
            ),
            Wrong(
                "It matches only the beginning and allows leading zeros.",
                """
                    import re

                    def plate_number(text):
                        match = re.match("[A-Z]{1,3}-[A-Z]{1,2} [0-9]{1,4}", text)
                        return bool(match) and len(text) - 2 <= 8
                """,
            ),
        ),
    ),
    Entry(
        "ballot_check",
        EASY,
        prompt="""A ballot lists a rank for each candidate, 0 meaning none. It is valid if the
            ranks given are exactly 1, 2, … up to some number, each once, and at least one rank
            is given. Return whether it is valid.""",
        hint="""The given ranks, sorted, must equal the numbers from one up to how many there
            are.""",
        visible=(case([2, 0, 1], gives=True), case([1, 3, 0], gives=False), case([], gives=False)),
        hidden=(
            case([0, 0], gives=False),
            case([1], gives=True),
            case([1, 1, 2], gives=False),
            case([3, 2, 1], gives=True),
            case([0, 2], gives=False),
            case([-1, 1], gives=False),
        ),
        reference="""
            def ballot_check(ranks):
                given = sorted(rank for rank in ranks if rank != 0)
                return given == list(range(1, len(given) + 1)) and len(given) > 0
        """,
        wrong=(
            Wrong(
                "It only checks that no rank is given twice.",
                """
                    def ballot_check(ranks):
                        given = [rank for rank in ranks if rank != 0]
                        return len(given) > 0 and len(set(given)) == len(given)
                """,
            ),
            Wrong(
                "It accepts a ballot on which no rank is given.",
                """
                    def ballot_check(ranks):
                        given = sorted(rank for rank in ranks if rank != 0)
                        return given == list(range(1, len(given) + 1))
                """,
            ),
        ),
    ),
    Entry(
        "schema_check",
        MEDIUM,
        prompt="""`schema` maps keys to 'int', 'str' or 'bool', and a '?' at the end makes the
            key optional. Return whether `record` has all other keys, no unknown ones, and values
            of exactly these types; True is not an int.""",
        hint="""Compare the exact type, because in Python a bool counts as an int in
            isinstance.""",
        visible=(
            case({"n": 1}, {"n": "int", "s": "str?"}, gives=True),
            case({"n": True}, {"n": "int"}, gives=False),
        ),
        hidden=(
            case({}, {}, gives=True),
            case({}, {"a": "bool"}, gives=False),
            case({"i": False}, {"i": "int?"}, gives=False),
            case({"b": False}, {"b": "bool"}, gives=True),
            case({"x": 1, "y": 2}, {"x": "int"}, gives=False),
            case({"s": 5}, {"s": "str?"}, gives=False),
            case({"s": None}, {"s": "str?"}, gives=False),
            case({"s": "", "i": 0}, {"s": "str", "i": "int?"}, gives=True),
        ),
        reference="""
            def schema_check(record, schema):
                types = {"int": int, "str": str, "bool": bool}
                for key, kind in schema.items():
                    if key not in record:
                        if not kind.endswith("?"):
                            return False
                    elif type(record[key]) is not types[kind.rstrip("?")]:
                        return False
                return all(key in schema for key in record)
        """,
        wrong=(
            Wrong(
                "It uses isinstance, which takes True for an int.",
                """
                    def schema_check(record, schema):
                        types = {"int": int, "str": str, "bool": bool}
                        for key, kind in schema.items():
                            if key not in record:
                                if not kind.endswith("?"):
                                    return False
                            elif not isinstance(record[key], types[kind.rstrip("?")]):
                                return False
                        return all(key in schema for key in record)
                """,
            ),
            Wrong(
                "It does not notice unknown keys.",
                """
                    def schema_check(record, schema):
                        types = {"int": int, "str": str, "bool": bool}
                        for key, kind in schema.items():
                            if key not in record:
                                if not kind.endswith("?"):
                                    return False
                            elif type(record[key]) is not types[kind.rstrip("?")]:
                                return False
                        return True
                """,
            ),
        ),
    ),
)
