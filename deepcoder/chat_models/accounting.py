"""What requests to one teacher cost: expected before they are sent, booked when they came back.

Example::

    account = Account(spending, price, most_field="max_tokens")
    limiter.acquire(lambda: account.expected(request))
    sent = account.announce(request)
    account.book(request, answer, sent)    # or account.guess(…), account.unpaid(sent)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from deepcoder.chat_models.expecting import Expecting
from deepcoder.chat_models.pricing import Price, Spending
from deepcoder.chat_models.response_cache import Request
from deepcoder.chat_models.wire import Answer, estimate_tokens
from deepcoder.types import Usage

if TYPE_CHECKING:
    from deepcoder.config import TeacherConfig

__all__ = ["Account", "find_price"]

log = logging.getLogger(__name__)

CHARS_PER_TOKEN = 3.2


def find_price(cfg: TeacherConfig, *, self_hosted: bool) -> Price | None:
    """The configured price of the model; None, with a warning, when there is none."""
    given = cfg.prices.get(str(cfg.model))
    if given is not None:
        return Price(given.input, given.output, given.cached_input, given.date)
    if self_hosted:
        return Price(0.0, 0.0)
    log.warning("teacher.prices has no price for %s: its cost is counted as 0 dollars.", cfg.model)
    return None


class Account:
    """`most_field` is the field of a request that says how many tokens its answer may have."""

    def __init__(self, spending: Spending, price: Price | None, *, most_field: str) -> None:
        self.spending = spending
        self._price = price
        self._most_field = most_field
        self._expecting = Expecting()

    def expected(self, request: Request) -> int:
        """Tokens that a request will probably take, for the limiter."""
        estimate = estimate_tokens(request.messages)
        return self._expecting.tokens(estimate=estimate, most=self._most(request))

    def announce(self, request: Request) -> str:
        """Say what a request can cost before it is sent: a kill must not hide that it was."""
        prompt, most = estimate_tokens(request.messages), self._most(request)
        at_most = Usage(prompt_tokens=prompt, completion_tokens=most, usd=self._usd(prompt, most))
        return self.spending.sent(at_most, prompt_usd=self._usd(prompt, 0))

    def book(self, request: Request, answer: Answer, sent: str) -> Usage:
        """Book an answer that came."""
        usage = self.usage(request, answer)
        self._expecting.saw(
            estimate=estimate_tokens(request.messages),
            prompt=answer.prompt_tokens,
            answer=usage.completion_tokens,
        )
        known = answer.completion_tokens is not None
        self.spending.book(
            usage, estimated=None if known else "no usage in the response", sent=sent
        )
        return usage

    def guess(self, request: Request, why: str, sent: str) -> None:
        """Book a request that was perhaps charged although its usage never arrived."""
        most, prompt = self._most(request), estimate_tokens(request.messages)
        answer = int(self._expecting.mean_answer) if self._expecting.answers else most
        usage = Usage(prompt_tokens=prompt, completion_tokens=answer, usd=self._usd(prompt, answer))
        self.spending.book(usage, estimated=why, sent=sent)

    def unpaid(self, sent: str) -> None:
        """The request cost nothing."""
        self.spending.unpaid(sent)

    def usage(self, request: Request, answer: Answer, seconds: float = 0.0) -> Usage:
        """What an answer used, by the provider's count or, where it gave none, by its length."""
        prompt, written = answer.prompt_tokens, answer.completion_tokens
        if prompt is None:
            prompt = estimate_tokens(request.messages)
        if written is None:
            chars = len(answer.text) + len(answer.reasoning or "")
            written = int(chars / CHARS_PER_TOKEN) + 1
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=written,
            requests=1,
            seconds=round(seconds, 3),
            usd=self._usd(prompt, written, answer.cached_tokens),
        )

    def _usd(self, prompt: int, written: int, cached: int = 0) -> float:
        return self._price.usd(prompt, written, cached) if self._price else 0.0

    def _most(self, request: Request) -> int:
        return int(request.body[self._most_field])
