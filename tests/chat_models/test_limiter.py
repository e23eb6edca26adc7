"""The limiter against servers that count differently, under a clock that jumps."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import deque
from random import Random

import pytest
from chat_models.api_cases import run_virtual

from deepcoder.chat_models.expecting import Expecting
from deepcoder.chat_models.headers import Quota, parse_duration, quotas, retry_after
from deepcoder.chat_models.limiter import Limiter
from deepcoder.chat_models.windows import Windows
from deepcoder.errors import UnavailableError


def now() -> float:
    return asyncio.get_running_loop().time()


class Server:
    """Counts requests and tokens of the last minute, or refills a bucket as Groq does."""

    def __init__(self, requests=None, tokens=None, *, bucket=False, headers=False, after=False):
        self.requests, self.tokens, self.bucket = requests, tokens, bucket
        self.headers, self.after = headers, after
        self.log: deque[tuple[float, int]] = deque()
        self.level, self.at = float(tokens or 0), 0.0
        self.accepted: list[tuple[float, int]] = []
        self.violations = 0

    def _room(self, cost: int) -> bool:
        while self.log and self.log[0][0] <= now() - 60:
            self.log.popleft()
        if self.requests is not None and len(self.log) >= self.requests:
            return False
        if self.tokens is None:
            return True
        if self.bucket:
            self.level = min(self.tokens, self.level + (now() - self.at) * self.tokens / 60)
            self.at = now()
            return self.level >= cost
        return sum(c for _, c in self.log) + cost <= self.tokens

    async def call(self, cost: int, latency: float) -> tuple[bool, dict[str, str]]:
        room = self._room(cost)
        if room:
            self.log.append((now(), cost))
            self.accepted.append((now(), cost))
            self.level -= cost
        else:
            self.violations += 1
        head = {}
        if self.headers and self.tokens is not None:
            missing = self.tokens - self.level
            head = {
                "x-ratelimit-limit-tokens": str(self.tokens),
                "x-ratelimit-remaining-tokens": str(int(self.level)),
                "x-ratelimit-reset-tokens": f"{missing * 60 / self.tokens:.3f}s",
                "x-ratelimit-limit-requests": "14400",
                "x-ratelimit-remaining-requests": "14000",
                "x-ratelimit-reset-requests": "40m0s",
            }
        if not room and self.after:
            wait = self.log[0][0] + 60 - now() if self.log else 1.0
            head["retry-after"] = f"{wait:.2f}"
        await asyncio.sleep(latency)
        return room, head


async def drive(
    limiter,
    server,
    *,
    minutes,
    workers=8,
    seed=0,
    cost=lambda rng: 100,
    guess=120,
    latency=(0.05, 0.6),
):
    """Workers that ask without a pause for so many minutes; how often each was served."""
    served = [0] * workers
    rng = Random(seed)

    async def work(index: int) -> None:
        while now() < minutes * 60:
            ticket = await limiter.acquire(guess)
            price = cost(rng)
            done, headers = await server.call(price, rng.uniform(*latency))
            if done:
                limiter.answered(ticket, headers, tokens=price)
                served[index] += 1
            else:
                limiter.refused(ticket, headers)

    await asyncio.gather(*(work(index) for index in range(workers)))
    return served


def limiter(**kwargs) -> Limiter:
    return Limiter(random=Random(1), **kwargs)


@pytest.mark.parametrize("rate", [5, 30, 600])
def test_a_configured_rate_is_used_and_never_broken(rate):
    server = Server(requests=rate)

    served = run_virtual(drive(limiter(requests_per_minute=rate), server, minutes=10))
    assert server.violations == 0
    assert sum(served) >= 0.95 * rate * 10


def test_configured_tokens_are_used_and_never_broken():
    server = Server(tokens=20_000)
    lim = limiter(tokens_per_minute=20_000)
    run_virtual(drive(lim, server, minutes=10, cost=lambda rng: rng.randint(60, 119)))
    used = sum(cost for at, cost in server.accepted if at < 600)
    assert server.violations == 0
    assert used >= 0.95 * 20_000 * 10


@pytest.mark.parametrize("requests", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("headers", [False, True])
def test_tokens_for_a_few_requests_are_used_whole(requests, headers):
    """Also where answers take seconds, and nobody says when the server counts them."""
    server = Server(tokens=requests * 1000, bucket=headers, headers=headers)
    lim = limiter(tokens_per_minute=None if headers else requests * 1000)
    work = drive(lim, server, minutes=20, cost=lambda rng: 1000, guess=1000, latency=(2.0, 2.5))
    run_virtual(work)
    used = sum(cost for at, cost in server.accepted if at < 1200)
    assert server.violations == 0
    assert used >= 0.95 * requests * 1000 * 20


@pytest.mark.parametrize("latency", [(0.05, 0.6), (3.0, 8.0), (20.0, 40.0)])
def test_configured_tokens_are_kept_where_the_server_counts_what_was_answered(latency):
    class Late(Server):
        async def call(self, cost, latency):
            while self.log and self.log[0][0] <= now() - 60:
                self.log.popleft()
            if sum(c for _, c in self.log) + cost > self.tokens:
                self.violations += 1
            await asyncio.sleep(latency)
            self.log.append((now(), cost))
            self.accepted.append((now(), cost))
            return True, {}

    server = Late(tokens=6_000)
    lim = limiter(tokens_per_minute=6_000)
    run_virtual(drive(lim, server, minutes=20, workers=48, guess=100, latency=latency))
    used = sum(cost for at, cost in server.accepted if at < 1200)
    assert server.violations == 0
    assert used >= 0.85 * 6_000 * 20


def test_token_headers_alone_keep_a_bucket_as_groq_refills_it():
    server = Server(tokens=6_000, bucket=True, headers=True)
    run_virtual(drive(limiter(), server, minutes=10, cost=lambda rng: rng.randint(60, 119)))
    used = sum(cost for at, cost in server.accepted if at < 600)
    assert server.violations == 0
    assert used >= 0.95 * 6_000 * 10


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("latency", [(0.001, 0.002), (0.05, 0.6), (3.0, 8.0)])
def test_a_hidden_rate_is_learned_with_few_refusals(after, latency):
    server = Server(requests=30, after=after)
    lim = limiter()
    served = run_virtual(drive(lim, server, minutes=30, workers=16, latency=latency))
    assert server.violations <= 40  # in half an hour; without learning it is hundreds
    assert sum(served) >= 0.95 * 30 * 30
    assert lim.requests_per_minute == pytest.approx(30, rel=0.1)


@pytest.mark.parametrize("part", [0.014, 0.1])
def test_stray_refusals_are_not_taken_for_a_limit(part):
    """A provider without a limit that says 429 at random."""

    class Moody(Server):
        rng = Random(5)

        async def call(self, cost, latency):
            if self.rng.random() < part:
                await asyncio.sleep(latency)
                return False, {}
            return await super().call(cost, latency)

    served = run_virtual(drive(limiter(), Moody(), minutes=10))
    assert sum(served) >= {0.014: 400, 0.1: 100}[part] * 10


def test_a_rate_that_was_configured_too_high_comes_down():
    server = Server(requests=30)
    served = run_virtual(drive(limiter(requests_per_minute=45), server, minutes=20))
    assert server.violations <= 20
    assert sum(served) >= 0.95 * 30 * 20


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("latency", [(0.001, 0.002), (0.05, 0.6), (3.0, 8.0)])
@pytest.mark.parametrize("factor", [3, 10, 100])
def test_a_rate_that_was_configured_far_too_high_comes_down(factor, latency, after):
    server = Server(requests=30, after=after)
    lim = limiter(requests_per_minute=30 * factor)
    served = run_virtual(drive(lim, server, minutes=30, workers=16, latency=latency))
    assert server.violations <= 40  # as where nothing was configured; without learning, hundreds
    assert sum(served) >= 0.95 * 30 * 30
    assert lim.requests_per_minute == pytest.approx(30, rel=0.1)


def test_a_stray_refusal_does_not_lower_a_configured_rate_for_long():
    class Stray(Server):
        async def call(self, cost, latency):
            if len(self.accepted) == 262 and not self.violations:
                self.violations += 1
                return False, {"retry-after": "1"}
            return await super().call(cost, latency)

    server, lim = Stray(requests=300), limiter(requests_per_minute=300)
    served = run_virtual(drive(lim, server, minutes=20, workers=64, latency=(3.0, 8.0)))
    assert server.violations == 1
    assert sum(served) >= 0.9 * 300 * 20


def test_a_limit_named_in_the_refusal_is_taken_and_kept():
    async def main() -> tuple[float | None, int]:
        lim, server = limiter(), Server(requests=10)
        text = "429: limit reached on requests per minute (RPM): Limit 10, Used 10, Requested 1"
        while now() < 600:
            ticket = await lim.acquire(10)
            done, headers = await server.call(1, 0.1)
            if done:
                lim.answered(ticket, headers, tokens=1)
            else:
                lim.refused(ticket, headers, f"{text}. Please try again in 6s.")
        return lim.requests_per_minute, server.violations

    rate, violations = run_virtual(main())
    assert rate is not None
    assert rate <= 10
    assert violations <= 12  # the window of the first burst, and then none


def test_what_remains_after_a_reset_is_asked_for_by_one_alone():
    """A server that gives back one request at a time, and says when the next one comes."""

    async def main() -> tuple[int, int]:
        lim, log, refused = limiter(), deque(), 0

        async def work() -> None:
            nonlocal refused
            while now() < 300:
                ticket = await lim.acquire(1)
                while log and log[0] <= now() - 60:
                    log.popleft()
                room = len(log) < 10
                refused += not room
                if room:
                    log.append(now())
                head = {
                    "x-ratelimit-limit-requests": "10",
                    "x-ratelimit-remaining-requests": str(10 - len(log)),
                    "x-ratelimit-reset-requests": f"{log[0] + 60 - now():.3f}s",
                }
                await asyncio.sleep(0.3)
                if room:
                    served.append(now())
                    lim.answered(ticket, head, tokens=1)
                else:
                    lim.refused(ticket, head)

        served: list[float] = []
        await asyncio.gather(*(work() for _ in range(8)))
        return refused, len(served)

    refused, served = run_virtual(main())
    assert refused == 0
    assert served >= 0.95 * 50


def test_one_stray_refusal_pauses_but_does_not_lower_the_rate():
    async def main() -> float | None:
        lim = limiter()
        for number in range(50):
            ticket = await lim.acquire(10)
            if number % 17 == 5:
                lim.refused(ticket, {})
            else:
                lim.answered(ticket, {}, tokens=10)
        return lim.requests_per_minute

    assert run_virtual(main()) is None


def test_after_a_refusal_all_wait_and_then_one_goes_first():
    async def main() -> list[float]:
        lim, sent = limiter(), []
        first = await lim.acquire(1)
        lim.answered(first, {}, tokens=1)
        ticket = await lim.acquire(1)

        async def work() -> None:
            mine = await lim.acquire(1)
            sent.append(now())
            await asyncio.sleep(2)
            lim.answered(mine, {}, tokens=1)

        lim.refused(ticket, {"retry-after": "20"})
        await asyncio.gather(*(work() for _ in range(10)))
        return sent

    sent = run_virtual(main())
    assert sent[0] == pytest.approx(20, abs=0.1)
    assert min(sent[1:]) >= 22  # nobody before the first has been answered


def test_workers_are_served_in_turn():
    served = run_virtual(drive(limiter(requests_per_minute=60), Server(), minutes=10, workers=7))
    assert max(served) - min(served) <= 2


def test_a_quota_of_the_day_ends_the_wait_and_says_when():
    async def main() -> None:
        lim = limiter(patience=900)
        ticket = await lim.acquire(1)
        head = {
            "x-ratelimit-limit-requests": "1000",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "5h12m0s",
        }
        lim.answered(ticket, head, tokens=1)
        await lim.acquire(1)

    with pytest.raises(UnavailableError, match=r"5\.2 h"):
        run_virtual(main())


def test_answers_that_overtake_one_another_do_not_raise_what_remains():
    def head(remaining: int) -> dict[str, str]:
        return {
            "x-ratelimit-remaining-requests": str(remaining),
            "x-ratelimit-reset-requests": "60s",
        }

    async def main() -> float:
        lim = limiter()
        first = await lim.acquire(1)
        lim.answered(first, {}, tokens=1)
        early, late = await lim.acquire(1), await lim.acquire(1)
        lim.answered(late, head(0), tokens=1)
        lim.answered(early, head(1), tokens=1)
        await lim.acquire(1)
        return now()

    assert run_virtual(main()) >= 60


def test_a_cancelled_worker_does_not_hold_up_the_queue():
    async def main() -> list[float]:
        lim, went = limiter(requests_per_minute=10), []
        tasks = [asyncio.ensure_future(lim.acquire(1)) for _ in range(5)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        for task in (tasks[0], *tasks[2:]):
            lim.answered(await task, {}, tokens=1)
            went.append(now())
        return went

    # In steps of 6.1 s, as if the one that left had never stood there.
    assert run_virtual(main()) == pytest.approx([0.5, 6.1, 12.2, 18.4], abs=0.2)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7.66s", 7.66),
        ("2m59.56s", 179.56),
        ("120ms", 0.12),
        ("1h0m1s", 3601),
        ("3", 3),
        ("soon", None),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("1e400", None),
        ("inf", None),
        ("1h", 3600),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("2015-10-21T07:28:00Z", 0),
        ("1445412480", 0),
        ("1445412480000", 0),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == (None if seconds is None else pytest.approx(seconds))


def test_times_to_wait_in_seconds_as_a_date_and_in_words():
    assert retry_after({"retry-after": "2"}) == 2
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({}, "Please try again in 1m2.5s. Visit") == 62.5
    assert retry_after({}, "slow down") is None
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    soon = str(int((time.time() + 100) * 1000))
    assert parse_duration(soon) == pytest.approx(100, abs=2)  # milliseconds since 1970


def test_quotas_of_every_dialect():
    head = {
        "x-ratelimit-remaining-tokens-minute": "5",
        "x-ratelimit-reset-tokens-minute": "1m2.5s",
        "x-ratelimit-limit-tokens-minute": "60",
        "ratelimit-remaining": "3",
        "ratelimit-reset": "7",
        "x-ratelimit-remaining-requests": "soon",
        "x-ratelimit-reset-requests": "1s",
    }
    assert quotas(head) == {
        "tokens-minute": Quota(60, 5, 62.5),
        "requests": Quota(math.inf, 3, 7),
    }


def levels(*told: tuple[float, float, float], limit: float = 1000) -> Windows:
    """Windows that were told (time, remaining, seconds until the reset), one after the other."""
    windows = Windows()
    for number, (at, remaining, resets) in enumerate(told):
        head = {
            "x-ratelimit-limit-tokens": str(limit),
            "x-ratelimit-remaining-tokens": str(remaining),
            "x-ratelimit-reset-tokens": f"{resets:.3f}s",
        }
        windows.read(number, head, at)
    return windows


def wait(windows: Windows, wanted: float, at: float) -> float:
    return windows.delay(wanted, lambda name, number: 0.0, lambda number: False, at)


def test_a_bucket_that_fills_evenly_is_known_by_its_headers():
    """A quarter of it comes back in a quarter of its time: nobody waits until it is full."""
    windows = levels((0, 800, 12), (1, 500, 30), (2, 100, 54))
    assert wait(windows, 250, 2.0) == pytest.approx(9.0)
    assert wait(windows, 250, 12.0) == 0.0
    days = levels((0, 999, 86.4), (1, 900, 8640), (2, 0, 86400), limit=1000)
    assert wait(days, 1, 2.0) == pytest.approx(86.4)  # not until tomorrow


@pytest.mark.parametrize(
    "told",
    [
        ((0, 800, 60), (1, 500, 59), (2, 100, 58)),  # a window that ends at once
        ((0, 800, 60), (1, 500, 60), (2, 100, 60)),  # the time of the newest
        ((0, 500, 30), (10, 333, 20), (20, 100, 10)),  # in even steps
        ((0, 100, 54), (1, 100, 54), (2, 100, 54)),  # one level shows nothing
        ((0, 500, 30), (2, 100, 54)),  # two may be chance
        *(((0, 1000 - n, 60), *((0.1 * i, 1000 - n * i, 60) for i in range(9))) for n in (1, 9)),
    ],
)
def test_a_window_that_ends_at_once_is_not_taken_for_a_bucket(told):
    at, remaining, resets = told[-1]
    assert wait(levels(*told), remaining + 1, at) == pytest.approx(resets)
    assert wait(levels(*told), remaining + 1, at + resets - 1) == pytest.approx(1.0)


def test_what_requests_take_is_learned_and_nothing_is_added_where_they_are_alike():
    alike = Expecting()
    assert alike.tokens(estimate=200, most=4096) == 210 + 4096
    for estimate in (180, 200, 220, 250, 310, 190):
        alike.saw(estimate=estimate, prompt=300, answer=60)  # counts as it likes
    assert alike.tokens(estimate=280, most=4096) == 360
    rng = Random(2)
    finer = Expecting()
    for _ in range(64):
        estimate = rng.randint(200, 2000)
        finer.saw(estimate=estimate, prompt=40 + int(0.8 * estimate), answer=rng.randint(50, 150))
    assert finer.tokens(estimate=1000, most=4096) == pytest.approx(840 + 100, rel=0.05)
    assert finer.tokens(estimate=1000, most=70) <= 840 * 1.05 + 70
    assert finer.mean_answer == pytest.approx(100, rel=0.1)
    finer.saw(estimate=100, prompt=10**9, answer=100)  # a count that nobody believes
    assert finer.tokens(estimate=1000, most=4096) < 1100


def test_the_book_does_not_grow():
    async def main() -> int:
        lim = limiter()
        for _ in itertools.repeat(None, 3000):
            lim.answered(await lim.acquire(1), {}, tokens=1)
            await asyncio.sleep(0.2)
        return len(lim._book.sent) + len(lim._tokens._sent) + len(lim._tokens._answered.entries)

    assert run_virtual(main()) <= 3 * 308
