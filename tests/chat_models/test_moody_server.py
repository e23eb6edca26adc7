"""A provider of another temper: what it answers is read, what it spoils is asked again, and a run
through the command line ends with every problem in one ledger, once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from chat_models.api_cases import teacher
from chat_models.moody_server import AGAIN, ANSWERS, CHARGED, KEY, WEIRD, MoodyServer, in_turn, lift

from deepcoder.chat_models.pricing import Spending
from deepcoder.errors import BackendError
from deepcoder.types import Completion, Message, Role, Sampling

KINDS = ("groq", "openai_compatible")
ASK = [Message(role=Role.USER, content="Return the absolute value of `x`, plus 17.")]
PLAIN = lift([{"role": "user", "content": ASK[0].content}])


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROQ_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)


def ask(server: MoodyServer, kind: str, count: int = 1, *more: str) -> tuple[list[Any], Spending]:
    """Completions, or the errors in their place, and what was booked."""

    async def main() -> tuple[list[Any], Spending]:
        spending, found = Spending(), []
        settings = ("teacher.timeout_seconds=20", "teacher.retry_seconds=0.005", *more)
        model = teacher(kind, server.url(kind), *settings, spending=spending)
        try:
            for seed in range(count):
                found.append(await model.complete(ASK, Sampling(seed=seed, max_tokens=64)))
        except BackendError as error:
            found.append(error)
        finally:
            await model.aclose()
        return found, spending

    return asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_every_odd_form_of_an_answer_is_read_and_paid_once(kind: str) -> None:
    with MoodyServer(mood=in_turn(*ANSWERS)) as server:
        found, spending = ask(server, kind, len(ANSWERS))
    for mood, completion in zip(ANSWERS, found, strict=True):
        assert isinstance(completion, Completion), (mood, completion)
        same = completion.text == PLAIN
        assert same or (mood == "unicode" and completion.text.startswith(PLAIN[:15])), mood
        completion.text.encode()
    assert len(server.requests) == len(ANSWERS)
    assert spending.total.requests == len(ANSWERS)
    assert spending.total.completion_tokens > 0


@pytest.mark.parametrize("kind", KINDS)
def test_everything_spoiled_is_asked_again_and_booked_if_it_was_made(kind: str) -> None:
    moods = [mood for mood in AGAIN if mood != "429-date"]  # a date is whole seconds away
    plan = [None, *(m for mood in moods for m in (mood, None))]
    with MoodyServer(mood=in_turn(*plan)) as server:
        found, spending = ask(server, kind, len(moods) + 1)
    for mood, completion in zip(["", *moods], found, strict=True):
        assert isinstance(completion, Completion), (mood, completion)
        assert completion.text == PLAIN, mood
    assert len(server.requests) == 2 * len(moods) + 1  # each once more, and not more than that
    assert spending.total.requests >= len(found) + len(CHARGED)
    assert KEY not in repr(found)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_without_an_action_are_answers(kind: str) -> None:
    with MoodyServer(mood=in_turn(*WEIRD)) as server:
        found, spending = ask(server, kind, len(WEIRD))
    assert [isinstance(completion, Completion) for completion in found] == [True] * len(WEIRD)
    texts = dict(zip(WEIRD, found, strict=True))
    assert texts["null-content"].reasoning == "I think, and say nothing."
    assert '"arguments": {"code": "print(1)"}' in texts["tool-dict"].text
    assert '{\\"code\\": \\"print(1)' in texts["tool-bad"].text
    assert len(texts["huge"].text) <= 64 * 64
    assert spending.total.requests == len(WEIRD)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mood", ["redirect", "redirect-302"])
def test_a_key_does_not_follow_to_another_host(kind: str, mood: str) -> None:
    with MoodyServer() as other:
        with MoodyServer(mood=lambda number: mood, elsewhere=other) as server:
            ((error,), _) = ask(server, kind)
        assert isinstance(error, BackendError)
        assert all(KEY not in (seen or "") for seen in other.authorizations)
        assert other.served == []
