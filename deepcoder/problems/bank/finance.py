"""Finance: amounts in whole cents, rounding, interest, discounts and sharing."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "split_bill",
        EASY,
        prompt="""Split a bill of whole cents among `people` as evenly as possible. Return the
            list of shares, larger shares first; they add up to the bill exactly and differ by at
            most one cent.""",
        hint="""The quotient goes to everybody and the remaining cents go to the first ones, one
            each.""",
        visible=(case(100, 3, gives=[34, 33, 33]), case(8, 2, gives=[4, 4])),
        hidden=(
            case(0, 2, gives=[0, 0]),
            case(1, 3, gives=[1, 0, 0]),
            case(11, 4, gives=[3, 3, 3, 2]),
            case(999, 1, gives=[999]),
            case(7, 5, gives=[2, 2, 1, 1, 1]),
        ),
        reference="""
            def split_bill(cents, people):
                share, rest = divmod(cents, people)
                return [share + 1] * rest + [share] * (people - rest)
        """,
        wrong=(
            Wrong(
                "It rounds every share down and loses the remaining cents.",
                """
                    def split_bill(cents, people):
                        return [cents // people] * people
                """,
            ),
            Wrong(
                "The first person pays all remaining cents alone.",
                """
                    def split_bill(cents, people):
                        share, rest = divmod(cents, people)
                        return [share + rest] + [share] * (people - 1)
                """,
            ),
        ),
    ),
    Entry(
        "cash_rounding",
        EASY,
        prompt="""In a country without 1 and 2 cent coins, cash totals are rounded to the nearest
            5 cents. Return the rounded total of a list of prices in cents: only the sum is
            rounded, not each price. Card payments are not rounded.""",
        hint="""Add first, and round once at the end, only for cash.""",
        visible=(case([199, 199], True, gives=400), case([102, 102], True, gives=205)),
        hidden=(
            case([], True, gives=0),
            case([199, 199], False, gives=398),
            case([3], True, gives=5),
            case([2], True, gives=0),
            case([101, 101, 101], True, gives=305),
            case([1, 1, 1, 1, 1, 1, 1], True, gives=5),
        ),
        reference="""
            def cash_rounding(prices, cash):
                total = sum(prices)
                if cash:
                    total = (total + 2) // 5 * 5
                return total
        """,
        wrong=(
            Wrong(
                "It rounds each price on its own before adding.",
                """
                    def cash_rounding(prices, cash):
                        if not cash:
                            return sum(prices)
                        return sum((price + 2) // 5 * 5 for price in prices)
                """,
            ),
            Wrong(
                "It always rounds down.",
                """
                    def cash_rounding(prices, cash):
                        total = sum(prices)
                        return total // 5 * 5 if cash else total
                """,
            ),
        ),
    ),
    Entry(
        "tiered_tax",
        MEDIUM,
        prompt="""Each bracket is (limit, percent), with rising limits; None as the last limit
            means no limit. The part of the income within a bracket is taxed at its percent.
            Return the tax in whole units, rounded down once at the end.""",
        hint="""Tax only the slice between the previous limit and the smaller of this limit and
            the income, and add the slices before dividing by 100.""",
        visible=(
            case(30, [(10, 0), (None, 50)], gives=10),
            case(100, [(50, 10), (80, 20), (None, 30)], gives=17),
        ),
        hidden=(
            case(0, [(10, 10), (None, 20)], gives=0),
            case(10, [(10, 10), (None, 90)], gives=1),
            case(7, [(None, 50)], gives=3),
            case(60, [(55, 1), (None, 10)], gives=1),
            case(60, [(50, 10), (80, 20), (None, 30)], gives=7),
            case(199, [(99, 1), (199, 1), (None, 9)], gives=1),
            case(1000, [(100, 0), (500, 10), (None, 25)], gives=165),
        ),
        reference="""
            def tiered_tax(income, brackets):
                hundredths = lower = 0
                for limit, percent in brackets:
                    upper = income if limit is None else min(limit, income)
                    if upper > lower:
                        hundredths += (upper - lower) * percent
                        lower = upper
                return hundredths // 100
        """,
        wrong=(
            Wrong(
                "It taxes the whole income at the rate of the highest bracket reached.",
                """
                    def tiered_tax(income, brackets):
                        for limit, percent in brackets:
                            if limit is None or income <= limit:
                                return income * percent // 100
                """,
            ),
            Wrong(
                "It rounds down in every bracket instead of once at the end.",
                """
                    def tiered_tax(income, brackets):
                        tax = lower = 0
                        for limit, percent in brackets:
                            upper = income if limit is None else min(limit, income)
                            if upper > lower:
                                tax += (upper - lower) * percent // 100
                                lower = upper
                        return tax
                """,
            ),
        ),
    ),
    Entry(
        "best_coupon",
        EASY,
        prompt="""Coupons are texts: '15%' takes that share off, rounded down to whole cents, and
            '300' takes off that many cents, but never more than the price. Return the lowest
            price with at most one coupon.""",
        hint="""Compute the price for each coupon, limit it at zero, and compare with paying in
            full.""",
        visible=(case(1000, ["15%", "100"], gives=850), case(200, ["300"], gives=0)),
        hidden=(
            case(500, [], gives=500),
            case(999, ["10%"], gives=900),
            case(50, ["80"], gives=0),
            case(1000, ["10%", "100"], gives=900),
            case(400, ["50%", "250"], gives=150),
            case(0, ["20%"], gives=0),
            case(700, ["100%"], gives=0),
        ),
        reference="""
            def best_coupon(price, coupons):
                best = price
                for coupon in coupons:
                    if coupon.endswith("%"):
                        reduced = price - price * int(coupon[:-1]) // 100
                    else:
                        reduced = max(price - int(coupon), 0)
                    best = min(best, reduced)
                return best
        """,
        wrong=(
            Wrong(
                "It uses all coupons one after the other instead of the best one.",
                """
                    def best_coupon(price, coupons):
                        for coupon in coupons:
                            if coupon.endswith("%"):
                                price -= price * int(coupon[:-1]) // 100
                            else:
                                price = max(price - int(coupon), 0)
                        return price
                """,
            ),
            Wrong(
                "A coupon worth more than the price makes the price negative.",
                """
                    def best_coupon(price, coupons):
                        best = price
                        for coupon in coupons:
                            if coupon.endswith("%"):
                                off = price * int(coupon[:-1]) // 100
                            else:
                                off = int(coupon)
                            best = min(best, price - off)
                        return best
                """,
            ),
        ),
    ),
    Entry(
        "years_to_goal",
        MEDIUM,
        prompt="""Savings in cents earn `percent` interest at the end of each year, rounded down
            to whole cents, and then a deposit is added. Return after how many years the balance
            first reaches `goal`, 0 if it already does, or -1 if not within 200 years.""",
        hint="""Simulate year by year with whole cents, and bound the loop because the balance
            may never grow.""",
        visible=(
            case(10000, 10, 0, 12100, gives=2),
            case(0, 5, 100, 250, gives=3),
        ),
        hidden=(
            case(500, 3, 0, 500, gives=0),
            case(1000, 100, 0, 4000, gives=2),
            case(10, 5, 0, 11, gives=-1),
            case(0, 0, 0, 1, gives=-1),
            case(100, 0, 25, 200, gives=4),
            case(1000, 50, 100, 2600, gives=3),
            case(0, 0, 1, 200, gives=200),
            case(0, 0, 1, 201, gives=-1),
        ),
        reference="""
            def years_to_goal(balance, percent, deposit, goal):
                for year in range(201):
                    if balance >= goal:
                        return year
                    balance += balance * percent // 100 + deposit
                return -1
        """,
        wrong=(
            Wrong(
                "It adds the deposit before the interest, so the deposit earns at once.",
                """
                    def years_to_goal(balance, percent, deposit, goal):
                        for year in range(201):
                            if balance >= goal:
                                return year
                            balance += deposit
                            balance += balance * percent // 100
                        return -1
                """,
            ),
            Wrong(
                "It pays interest on the first balance only, without compounding.",
                """
                    def years_to_goal(balance, percent, deposit, goal):
                        interest = balance * percent // 100
                        for year in range(201):
                            if balance >= goal:
                                return year
                            balance += interest + deposit
                        return -1
                """,
            ),
        ),
    ),
    Entry(
        "format_money",
        EASY,
        prompt="""Write an amount of whole cents as text with two decimals and an apostrophe
            between each three digits of the units, such as 1'234.50. Negative amounts start with
            a minus.""",
        hint="""Take the sign off first, since division of negative numbers rounds the other
            way.""",
        visible=(case(123450, gives="1'234.50"), case(-5, gives="-0.05")),
        hidden=(
            case(0, gives="0.00"),
            case(99, gives="0.99"),
            case(100, gives="1.00"),
            case(-150, gives="-1.50"),
            case(-100000, gives="-1'000.00"),
            case(99999, gives="999.99"),
            case(123456789012, gives="1'234'567'890.12"),
        ),
        reference="""
            def format_money(cents):
                sign = "-" if cents < 0 else ""
                units, rest = divmod(abs(cents), 100)
                grouped = f"{units:,}".replace(",", "'")
                return f"{sign}{grouped}.{rest:02}"
        """,
        wrong=(
            Wrong(
                "It divides the negative number, which rounds down to the next unit.",
                """
                    def format_money(cents):
                        grouped = f"{cents // 100:,}".replace(",", "'")
                        return f"{grouped}.{cents % 100:02}"
                """,
            ),
            Wrong(
                "It writes cents below ten with a single digit.",
                """
                    def format_money(cents):
                        sign = "-" if cents < 0 else ""
                        units, rest = divmod(abs(cents), 100)
                        grouped = f"{units:,}".replace(",", "'")
                        return f"{sign}{grouped}.{rest}"
                """,
            ),
        ),
    ),
    Entry(
        "stock_profit",
        MEDIUM,
        prompt="""From a list of daily prices, return the largest profit from buying one share on
            one day and selling it on a later day, when each of the two trades costs `fee`. Not
            trading at all earns 0.""",
        hint="""For every day as selling day the best purchase is the lowest price so far.""",
        visible=(case([5, 1, 9], 1, gives=6), case([9, 5, 1], 0, gives=0)),
        hidden=(
            case([], 2, gives=0),
            case([7], 0, gives=0),
            case([3, 5], 1, gives=0),
            case([8, 2, 5, 1, 3], 0, gives=3),
            case([4, 10, 1, 6], 2, gives=2),
            case([1, 4], 2, gives=0),
        ),
        reference="""
            def stock_profit(prices, fee):
                best, lowest = 0, None
                for price in prices:
                    if lowest is not None:
                        best = max(best, price - lowest - 2 * fee)
                    if lowest is None or price < lowest:
                        lowest = price
                return best
        """,
        wrong=(
            Wrong(
                "It subtracts the lowest from the highest price without regard to the order.",
                """
                    def stock_profit(prices, fee):
                        if not prices:
                            return 0
                        return max(max(prices) - min(prices) - 2 * fee, 0)
                """,
            ),
            Wrong(
                "It charges the fee only once.",
                """
                    def stock_profit(prices, fee):
                        best, lowest = 0, None
                        for price in prices:
                            if lowest is not None:
                                best = max(best, price - lowest - fee)
                            if lowest is None or price < lowest:
                                lowest = price
                        return best
                """,
            ),
        ),
    ),
    Entry(
        "settle_up",
        HARD,
        prompt="""`paid` maps each traveller to the cents they paid; costs are shared equally and
            divide evenly. Return transfers (from, to, cents) that settle everything: repeatedly
            the largest debtor pays the largest creditor as much as possible, the alphabet
            breaking ties.""",
        hint="""Compute everyone's balance against the average; each transfer clears the smaller
            of the two amounts, so one person is done.""",
        visible=(
            case({"al": 30, "bo": 0, "cy": 0}, gives=[("bo", "al", 10), ("cy", "al", 10)]),
            case({"al": 5, "bo": 5}, gives=[]),
        ),
        hidden=(
            case({}, gives=[]),
            case({"solo": 99}, gives=[]),
            case({"b": 0, "a": 8}, gives=[("b", "a", 4)]),
            case(
                {"a": 0, "b": 10, "c": 30, "d": 20, "e": 0},
                gives=[("a", "c", 12), ("e", "d", 8), ("e", "c", 4), ("b", "c", 2)],
            ),
            case({"a": 12, "b": 12, "c": 0}, gives=[("c", "a", 4), ("c", "b", 4)]),
        ),
        reference="""
            def settle_up(paid):
                share = sum(paid.values()) // max(len(paid), 1)
                balance = {name: cents - share for name, cents in paid.items()}
                transfers = []
                while any(balance.values()):
                    debtor = min(sorted(balance), key=balance.get)
                    creditor = max(sorted(balance), key=balance.get)
                    cents = min(-balance[debtor], balance[creditor])
                    balance[debtor] += cents
                    balance[creditor] -= cents
                    transfers.append((debtor, creditor, cents))
                return transfers
        """,
        wrong=(
            Wrong(
                "It settles debtors in alphabetical order instead of the largest first.",
                """
                    def settle_up(paid):
                        share = sum(paid.values()) // max(len(paid), 1)
                        balance = {name: cents - share for name, cents in paid.items()}
                        transfers = []
                        while any(balance.values()):
                            debtor = min(name for name in balance if balance[name] < 0)
                            creditor = min(name for name in balance if balance[name] > 0)
                            cents = min(-balance[debtor], balance[creditor])
                            balance[debtor] += cents
                            balance[creditor] -= cents
                            transfers.append((debtor, creditor, cents))
                        return transfers
                """,
            ),
            Wrong(
                "It divides by the number of travellers without thinking of an empty trip.",
                """
                    def settle_up(paid):
                        share = sum(paid.values()) // len(paid)
                        balance = {name: cents - share for name, cents in paid.items()}
                        transfers = []
                        while any(balance.values()):
                            debtor = min(sorted(balance), key=balance.get)
                            creditor = max(sorted(balance), key=balance.get)
                            cents = min(-balance[debtor], balance[creditor])
                            balance[debtor] += cents
                            balance[creditor] -= cents
                            transfers.append((debtor, creditor, cents))
                        return transfers
                """,
            ),
        ),
    ),
    Entry(
        "loyalty_points",
        EASY,
        prompt="""A shop gives 1 point per full 100 cents of each purchase, and double points on
            every third purchase. Return the total points for a list of purchases in cents;
            refunds are negative, give nothing and do not count as purchases.""",
        hint="""Count real purchases with a separate counter that refunds leave alone.""",
        visible=(
            case([250, 100, 300], gives=9),
            case([100, -50, 100, 100], gives=4),
        ),
        hidden=(
            case([], gives=0),
            case([99], gives=0),
            case([-500], gives=0),
            case([150, 150], gives=2),
            case([100, 100, 100, 100, 100, 100], gives=8),
            case([200, 200, -900, 250], gives=8),
        ),
        reference="""
            def loyalty_points(purchases):
                points = count = 0
                for cents in purchases:
                    if cents > 0:
                        count += 1
                        points += cents // 100 * (2 if count % 3 == 0 else 1)
                return points
        """,
        wrong=(
            Wrong(
                "It counts refunds as purchases when looking for every third one.",
                """
                    def loyalty_points(purchases):
                        points = 0
                        for number, cents in enumerate(purchases, 1):
                            if cents > 0:
                                points += cents // 100 * (2 if number % 3 == 0 else 1)
                        return points
                """,
            ),
            Wrong(
                "It forgets the double points.",
                """
                    def loyalty_points(purchases):
                        return sum(cents // 100 for cents in purchases if cents > 0)
                """,
            ),
        ),
    ),
)
