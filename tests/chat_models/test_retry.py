"""Waiting after faults, the circuit breaker, and the table of faults."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest
from chat_models.api_cases import run_virtual

from deepcoder.chat_models.faults import Fault, Reply, classify, describe, failed_generation
from deepcoder.chat_models.retry import LONGEST, CircuitBreaker, backoff
from deepcoder.errors import UnavailableError


def test_waits_double_are_bounded_and_differ_between_workers():
    for failures in range(1, 12):
        bound = min(LONGEST, 0.5 * 2 ** (failures - 1))
        waits = [backoff(failures, 0.5, Random(seed)) for seed in range(200)]
        assert 0 <= min(waits) < 0.2 * bound
        assert 0.8 * bound < max(waits) <= bound


def breaker(**kwargs) -> CircuitBreaker:
    return CircuitBreaker(threshold=3, first=10, random=Random(0), **kwargs)


def test_faults_that_are_not_in_a_row_do_not_open_it():
    async def main() -> bool:
        b = breaker()
        for _ in range(20):
            b.failed("500")
            b.failed("500")
            b.succeeded()
        return b.open

    assert run_virtual(main()) is False


def test_when_open_one_probes_and_the_others_follow_its_success():
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        b, went = breaker(), []
        for _ in range(3):
            b.failed("503")

        async def work() -> None:
            await b.closed()
            went.append(loop.time())
            await asyncio.sleep(3)
            b.succeeded()

        await asyncio.gather(*(work() for _ in range(5)))
        return went

    went = run_virtual(main())
    assert 5 <= went[0] <= 10
    assert all(at >= went[0] + 3 for at in went[1:])


def test_a_probe_that_is_cancelled_lets_another_probe():
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        b, went = breaker(), []
        for _ in range(3):
            b.failed("503")
        await b.closed()
        went.append(loop.time())
        waiting = asyncio.ensure_future(b.closed())
        await asyncio.sleep(1)
        assert not waiting.done()  # one is enough
        b.abandoned()
        await waiting
        went.append(loop.time())
        return went

    first, second = run_virtual(main())
    assert 5 <= first <= 10
    assert second == pytest.approx(first + 1)


def test_a_provider_that_stays_down_is_given_up():
    async def main() -> float:
        b = breaker(patience=300)

        async def outage() -> None:
            while True:
                await b.closed()
                b.failed("503")

        with pytest.raises(UnavailableError, match="503") as caught:
            await outage()
        assert caught.value.exit_status == 3
        return asyncio.get_running_loop().time()

    assert 300 <= run_virtual(main()) <= 420


def reply(status: int, **error: str) -> Reply:
    return Reply(status, {}, json.dumps({"error": error}).encode() if error else b"")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (reply(200), None),
        (reply(429), Fault.RATE),
        (reply(429, code="insufficient_quota"), Fault.MONEY),
        (reply(429, message="TPM: Limit 6000, Used 5990, Requested 800"), Fault.RATE),
        (reply(429, message="TPM: Limit 6000, Used 0, Requested 9000"), Fault.TOO_LONG),
        (reply(498), Fault.CAPACITY),
        (reply(503), Fault.CAPACITY),
        (reply(500), Fault.SERVER),
        (reply(408), Fault.SERVER),
        (reply(401), Fault.KEY),
        (reply(402), Fault.MONEY),
        (reply(404), Fault.MODEL),
        (reply(301), Fault.MODEL),
        (reply(400, code="model_decommissioned", message="gone"), Fault.MODEL),
        (reply(400, message="temperature too high"), Fault.REQUEST),
        (reply(400, code="context_length_exceeded"), Fault.TOO_LONG),
        (reply(413, message="Request too large"), Fault.TOO_LONG),
        (reply(400, code="tool_use_failed", failed_generation="x"), Fault.TOOL_USE),
        (reply(400, code="tool_use_failed"), Fault.REQUEST),
    ],
)
def test_classes_of_fault(given, fault):
    assert classify(given) is fault


@pytest.mark.parametrize(
    "body", [b"", b"<html>\nno</html>", b"[1]", b'{"error": "x"}', b"\xff\xfe"]
)
def test_bodies_of_errors_can_be_anything(body):
    given = Reply(400, {}, body)
    assert classify(given) is Fault.REQUEST
    assert describe(given).startswith("400")
    assert "\n" not in describe(given)
    assert failed_generation(given) is None


def test_deeply_nested_bodies_do_not_end_the_run():
    assert classify(Reply(400, {}, b"[" * 200_000)) is Fault.REQUEST
