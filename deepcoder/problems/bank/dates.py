"""Dates: calendars, weekdays, deadlines and ages. Dates are ISO texts or (year, month, day)."""

from __future__ import annotations

from deepcoder.problems.bank.entry import EASY, HARD, MEDIUM, Entry, Wrong, case

ENTRIES = (
    Entry(
        "age_on_day",
        EASY,
        prompt="""Birth date and day are ISO texts such as '2001-05-30'. Return the age in
            completed years on that day. Somebody born on 29 February has their birthday on 1
            March in common years.""",
        hint="""Subtract the years and take one off when the month and day of the birthday have
            not been reached yet.""",
        visible=(
            case("2001-05-30", "2020-05-29", gives=18),
            case("2001-05-30", "2020-05-30", gives=19),
        ),
        hidden=(
            case("2000-01-01", "2000-12-31", gives=0),
            case("2004-02-29", "2021-02-28", gives=16),
            case("2004-02-29", "2021-03-01", gives=17),
            case("1999-12-31", "2000-01-01", gives=0),
            case("1950-10-02", "2023-11-01", gives=73),
            case("1950-10-20", "2023-09-30", gives=72),
        ),
        reference="""
            def age_on_day(birth, day):
                years = int(day[:4]) - int(birth[:4])
                if day[5:] < birth[5:]:
                    years -= 1
                return years
        """,
        wrong=(
            Wrong(
                "It only subtracts the years and ignores whether the birthday has passed.",
                """
                    def age_on_day(birth, day):
                        return int(day[:4]) - int(birth[:4])
                """,
            ),
            Wrong(
                "It compares month and day separately, so a later month with an earlier day fails.",
                """
                    def age_on_day(birth, day):
                        years = int(day[:4]) - int(birth[:4])
                        if day[5:7] < birth[5:7] or day[8:] < birth[8:]:
                            years -= 1
                        return years
                """,
            ),
        ),
    ),
    Entry(
        "friday_thirteenths",
        EASY,
        prompt="""Return the list of months, as numbers 1 to 12, of the given year in which the
            13th is a Friday.""",
        hint="""Ask the calendar for the weekday of the 13th of each month and remember that
            Monday is number zero.""",
        visible=(case(2015, gives=[2, 3, 11]), case(2022, gives=[5])),
        hidden=(
            case(2026, gives=[2, 3, 11]),
            case(2012, gives=[1, 4, 7]),
            case(2000, gives=[10]),
            case(2023, gives=[1, 10]),
            case(2024, gives=[9, 12]),
        ),
        reference="""
            from datetime import date

            def friday_thirteenths(year):
                return [m for m in range(1, 13) if date(year, m, 13).weekday() == 4]
        """,
        wrong=(
            Wrong(
                "It takes Friday as number five, but Monday is zero, so it finds Saturdays.",
                """
                    from datetime import date

                    def friday_thirteenths(year):
                        return [m for m in range(1, 13) if date(year, m, 13).weekday() == 5]
                """,
            ),
            Wrong(
                "It never looks at December.",
                """
                    from datetime import date

                    def friday_thirteenths(year):
                        return [m for m in range(1, 12) if date(year, m, 13).weekday() == 4]
                """,
            ),
        ),
    ),
    Entry(
        "month_length",
        EASY,
        prompt="""Return the number of days of a month (1 to 12) in a year of the Gregorian
            calendar. Century years are leap years only when 400 divides them.""",
        hint="""Only February depends on the year; the leap rule has an exception for centuries
            and an exception to that exception.""",
        visible=(case(1900, 2, gives=28), case(2023, 4, gives=30), case(1999, 8, gives=31)),
        hidden=(
            case(2000, 2, gives=29),
            case(2024, 2, gives=29),
            case(2023, 2, gives=28),
            case(2100, 2, gives=28),
            case(1999, 12, gives=31),
            case(2021, 9, gives=30),
        ),
        reference="""
            def month_length(year, month):
                if month == 2:
                    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
                    return 29 if leap else 28
                return 30 if month in (4, 6, 9, 11) else 31
        """,
        wrong=(
            Wrong(
                "It makes every fourth year a leap year and forgets the rule for centuries.",
                """
                    def month_length(year, month):
                        if month == 2:
                            return 29 if year % 4 == 0 else 28
                        return 30 if month in (4, 6, 9, 11) else 31
                """,
            ),
            Wrong(
                "It takes months as alternating between 31 and 30 days all year.",
                """
                    def month_length(year, month):
                        if month == 2:
                            leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
                            return 29 if leap else 28
                        return 31 if month % 2 else 30
                """,
            ),
        ),
    ),
    Entry(
        "same_day_next_month",
        MEDIUM,
        prompt="""A monthly bill is due on the day of `start` (ISO text). Return the ISO date
            `months` months later; when that month is too short, use its last day. `months` is
            not negative.""",
        hint="""Count months in one number from year zero, split it back into year and month, and
            limit the day to that month's length.""",
        visible=(
            case("2023-01-31", 1, gives="2023-02-28"),
            case("2023-11-15", 2, gives="2024-01-15"),
            case("2023-10-31", 2, gives="2023-12-31"),
        ),
        hidden=(
            case("2024-01-30", 1, gives="2024-02-29"),
            case("2023-05-31", 0, gives="2023-05-31"),
            case("2023-12-01", 12, gives="2024-12-01"),
            case("2020-02-29", 12, gives="2021-02-28"),
            case("2023-03-31", 25, gives="2025-04-30"),
        ),
        reference="""
            from calendar import monthrange

            def same_day_next_month(start, months):
                year, month, day = (int(part) for part in start.split("-"))
                year, month = divmod(year * 12 + month - 1 + months, 12)
                month += 1
                day = min(day, monthrange(year, month)[1])
                return f"{year:04}-{month:02}-{day:02}"
        """,
        wrong=(
            Wrong(
                "It does not check whether the new month has that day.",
                """
                    def same_day_next_month(start, months):
                        year, month, day = (int(part) for part in start.split("-"))
                        year, month = divmod(year * 12 + month - 1 + months, 12)
                        return f"{year:04}-{month + 1:02}-{day:02}"
                """,
            ),
            Wrong(
                "It takes the month modulo twelve, so December becomes month zero.",
                """
                    from calendar import monthrange

                    def same_day_next_month(start, months):
                        year, month, day = (int(part) for part in start.split("-"))
                        year += (month + months) // 12
                        month = (month + months) % 12
                        day = min(day, monthrange(year, month)[1]) if month else day
                        return f"{year:04}-{month:02}-{day:02}"
                """,
            ),
        ),
    ),
    Entry(
        "add_workdays",
        MEDIUM,
        prompt="""Return the ISO date that lies `count` working days after the ISO date `start`.
            Saturdays and Sundays do not count, nor do the ISO dates in `holidays`. With count 0
            return the start itself.""",
        hint="""Step one calendar day at a time and count down only on days that are neither
            weekend nor holiday.""",
        visible=(
            case("2024-03-01", 1, [], gives="2024-03-04"),
            case("2024-04-29", 2, ["2024-05-01"], gives="2024-05-02"),
        ),
        hidden=(
            case("2024-03-02", 0, [], gives="2024-03-02"),
            case("2024-03-02", 1, [], gives="2024-03-04"),
            case("2024-12-31", 1, ["2025-01-01"], gives="2025-01-02"),
            case("2024-03-04", 10, [], gives="2024-03-18"),
            case("2024-03-01", 1, ["2024-03-02", "2024-03-04"], gives="2024-03-05"),
        ),
        reference="""
            from datetime import date, timedelta

            def add_workdays(start, count, holidays):
                day = date.fromisoformat(start)
                while count > 0:
                    day += timedelta(days=1)
                    if day.weekday() < 5 and day.isoformat() not in holidays:
                        count -= 1
                return day.isoformat()
        """,
        wrong=(
            Wrong(
                "It only skips Sundays, so Saturdays count as working days.",
                """
                    from datetime import date, timedelta

                    def add_workdays(start, count, holidays):
                        day = date.fromisoformat(start)
                        while count > 0:
                            day += timedelta(days=1)
                            if day.weekday() < 6 and day.isoformat() not in holidays:
                                count -= 1
                        return day.isoformat()
                """,
            ),
            Wrong(
                "It adds a day for each holiday in the list, even one outside the period.",
                """
                    from datetime import date, timedelta

                    def add_workdays(start, count, holidays):
                        day = date.fromisoformat(start)
                        count += len(holidays)
                        while count > 0:
                            day += timedelta(days=1)
                            if day.weekday() < 5:
                                count -= 1
                        return day.isoformat()
                """,
            ),
        ),
    ),
    Entry(
        "nth_weekday",
        MEDIUM,
        prompt="""Return the day of the month of the `n`-th given weekday (0 is Monday) in a
            month, for example of the second Tuesday. A negative n counts from the end, -1 being
            the last. Return None if there is no such day.""",
        hint="""List all days of the month that fall on the weekday; the answer is one entry of
            that list, if it exists.""",
        visible=(
            case(2024, 5, 1, 2, gives=14),
            case(2024, 5, 0, -1, gives=27),
            case(2024, 5, 4, 5, gives=31),
        ),
        hidden=(
            case(2024, 5, 0, 5, gives=None),
            case(2024, 2, 3, 5, gives=29),
            case(2023, 10, 6, 1, gives=1),
            case(2024, 5, 0, -5, gives=None),
            case(2024, 12, 1, -1, gives=31),
        ),
        reference="""
            from calendar import monthrange

            def nth_weekday(year, month, weekday, n):
                first, length = monthrange(year, month)
                days = [d for d in range(1, length + 1) if (first + d - 1) % 7 == weekday]
                if n > 0 and n <= len(days):
                    return days[n - 1]
                if n < 0 and -n <= len(days):
                    return days[n]
                return None
        """,
        wrong=(
            Wrong(
                "It counts whole weeks from day 1 without asking on which weekday it falls.",
                """
                    from calendar import monthrange

                    def nth_weekday(year, month, weekday, n):
                        length = monthrange(year, month)[1]
                        days = list(range(weekday + 1, length + 1, 7))
                        if 0 < n <= len(days):
                            return days[n - 1]
                        return days[n] if n < 0 and -n <= len(days) else None
                """,
            ),
            Wrong(
                "It takes it that each weekday comes exactly four times in a month.",
                """
                    from calendar import monthrange

                    def nth_weekday(year, month, weekday, n):
                        first = monthrange(year, month)[0]
                        days = [1 + (weekday - first) % 7 + 7 * week for week in range(4)]
                        return days[n - 1] if n > 0 else days[n]
                """,
            ),
        ),
    ),
    Entry(
        "rental_nights",
        EASY,
        prompt="""A guest arrives and leaves on the given ISO dates. Return how many of the
            nights in between start on a Friday or a Saturday. The night of the departure day is
            not spent.""",
        hint="""The nights are the days from the arrival up to but not including the departure,
            and each one belongs to its evening.""",
        visible=(
            case("2024-06-07", "2024-06-09", gives=2),
            case("2024-06-09", "2024-06-14", gives=0),
        ),
        hidden=(
            case("2024-06-08", "2024-06-08", gives=0),
            case("2024-06-08", "2024-06-09", gives=1),
            case("2024-06-03", "2024-06-17", gives=4),
            case("2024-06-06", "2024-06-08", gives=1),
            case("2023-12-29", "2024-01-01", gives=2),
        ),
        reference="""
            from datetime import date, timedelta

            def rental_nights(arrival, departure):
                day, last = date.fromisoformat(arrival), date.fromisoformat(departure)
                nights = 0
                while day < last:
                    if day.weekday() in (4, 5):
                        nights += 1
                    day += timedelta(days=1)
                return nights
        """,
        wrong=(
            Wrong(
                "It also counts the day of departure.",
                """
                    from datetime import date, timedelta

                    def rental_nights(arrival, departure):
                        day, last = date.fromisoformat(arrival), date.fromisoformat(departure)
                        nights = 0
                        while day <= last:
                            if day.weekday() in (4, 5):
                                nights += 1
                            day += timedelta(days=1)
                        return nights
                """,
            ),
            Wrong(
                "It counts Saturday and Sunday nights instead of Friday and Saturday nights.",
                """
                    from datetime import date, timedelta

                    def rental_nights(arrival, departure):
                        day, last = date.fromisoformat(arrival), date.fromisoformat(departure)
                        nights = 0
                        while day < last:
                            if day.weekday() >= 5:
                                nights += 1
                            day += timedelta(days=1)
                        return nights
                """,
            ),
        ),
    ),
    Entry(
        "date_style",
        MEDIUM,
        prompt="""Archive cards carry dates as 'D.M.YYYY', 'M/D/YYYY' or 'YYYY-M-D', with or
            without leading zeros. Return the date as 'YYYY-MM-DD', or None when no such day
            exists. Assume one of the three styles.""",
        hint="""The separator tells the order of the parts; letting the date type build the date
            also checks that it exists.""",
        visible=(
            case("7.3.1998", gives="1998-03-07"),
            case("2/30/2001", gives=None),
            case("13/1/2000", gives=None),
        ),
        hidden=(
            case("12/5/2010", gives="2010-12-05"),
            case("2004-2-29", gives="2004-02-29"),
            case("29.02.2003", gives=None),
            case("1.13.2000", gives=None),
            case("1999-12-31", gives="1999-12-31"),
        ),
        reference="""
            from datetime import date

            def date_style(text):
                if "." in text:
                    day, month, year = text.split(".")
                elif "/" in text:
                    month, day, year = text.split("/")
                else:
                    year, month, day = text.split("-")
                try:
                    return date(int(year), int(month), int(day)).isoformat()
                except ValueError:
                    return None
        """,
        wrong=(
            Wrong(
                "It checks that the day is at most 31 but not the length of the month.",
                """
                    def date_style(text):
                        if "." in text:
                            day, month, year = text.split(".")
                        elif "/" in text:
                            month, day, year = text.split("/")
                        else:
                            year, month, day = text.split("-")
                        if int(month) > 12 or int(day) > 31:
                            return None
                        return f"{year}-{int(month):02}-{int(day):02}"
                """,
            ),
            Wrong(
                "It reads dates with slashes as day first.",
                """
                    from datetime import date

                    def date_style(text):
                        if "-" in text:
                            year, month, day = text.split("-")
                        else:
                            day, month, year = text.replace("/", ".").split(".")
                        try:
                            return date(int(year), int(month), int(day)).isoformat()
                        except ValueError:
                            return None
                """,
            ),
        ),
    ),
    Entry(
        "week_label",
        HARD,
        prompt="""A firm numbers its weeks itself: weeks start on Sunday, and week 1 is the week
            that contains 1 January. The last days of December may thus belong to week 1 of the
            next year. Return (year, week) for an ISO date.""",
        hint="""The Saturday that ends a date's week decides the year, and the week number
            follows from that Saturday's day in the year.""",
        visible=(
            case("2024-01-06", gives=(2024, 1)),
            case("2024-12-29", gives=(2025, 1)),
        ),
        hidden=(
            case("2024-01-07", gives=(2024, 2)),
            case("2023-12-31", gives=(2024, 1)),
            case("2022-12-31", gives=(2022, 53)),
            case("2023-01-01", gives=(2023, 1)),
            case("2024-12-28", gives=(2024, 52)),
            case("2024-07-04", gives=(2024, 27)),
        ),
        reference="""
            from datetime import date, timedelta

            def week_label(text):
                day = date.fromisoformat(text)
                saturday = day + timedelta(days=(5 - day.weekday()) % 7)
                day_of_year = (saturday - date(saturday.year, 1, 1)).days
                return saturday.year, day_of_year // 7 + 1
        """,
        wrong=(
            Wrong(
                "It counts blocks of seven days from 1 January, whatever weekday that is.",
                """
                    from datetime import date

                    def week_label(text):
                        day = date.fromisoformat(text)
                        return day.year, (day - date(day.year, 1, 1)).days // 7 + 1
                """,
            ),
            Wrong(
                "It never lets the last days of December belong to the next year.",
                """
                    from datetime import date

                    def week_label(text):
                        day = date.fromisoformat(text)
                        start = date(day.year, 1, 1)
                        offset = (start.weekday() + 1) % 7
                        return day.year, ((day - start).days + offset) // 7 + 1
                """,
            ),
        ),
    ),
)
