"""How many tokens a request will take, before it is sent: for the limiter.

Two lines learned from what the provider counted. A prompt is counted as `a + b · estimate` (a
provider's tokenizer is finer or coarser than ours, and its template adds a constant); an answer is
as long as answers have been. Each gets two standard deviations on top, no more than `PROMPT` and
`ANSWER` say: where requests are alike nothing is added, so that a limit of five of them holds five
and not four.

Example::

    expecting = Expecting()
    expecting.saw(estimate=310, prompt=280, answer=95)
    expecting.tokens(estimate=300, most=4096)
"""

from __future__ import annotations

import math
from collections import deque
from statistics import fmean

__all__ = ["Expecting"]

REMEMBERED = 64
"""Answers that a forecast rests on: a run's prompts change as its episodes grow."""
PROMPT = 0.05
ANSWER = 0.3
"""Most that is added to a prompt and to an answer, as parts of them."""
FEW = 2
"""Answers below which that much is added whatever they were."""
FINEST, COARSEST = 0.05, 20.0
"""Tokens of a prompt for one of our estimate; beyond them a count is not believed."""


class Expecting:
    """See the module's text. `answers` and `mean_answer` are over all that was seen."""

    def __init__(self) -> None:
        self.answers = 0
        self.mean_answer = 0.0
        self._prompts: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        self._written: deque[float] = deque(maxlen=REMEMBERED)

    def saw(self, *, estimate: int, prompt: int | None, answer: int) -> None:
        """What one answer was counted as; `prompt` None when the provider did not say."""
        self.answers += 1
        self.mean_answer += (answer - self.mean_answer) / self.answers
        self._written.append(float(answer))
        if prompt and FINEST * estimate <= prompt <= COARSEST * estimate:
            self._prompts.append((float(estimate), float(prompt)))

    def tokens(self, *, estimate: int, most: int) -> int:
        """Tokens of a request whose prompt is estimated so, and whose answer may have `most`."""
        return math.ceil(self._prompt(estimate) + self._answer(most) - 1e-6)

    def _prompt(self, estimate: int) -> float:
        if not self._prompts:
            return (1 + PROMPT) * estimate
        xs, ys = zip(*self._prompts, strict=True)
        x, y = fmean(xs), fmean(ys)
        spread = fmean((at - x) ** 2 for at in xs)
        slope = y / x  # of a line through nothing, while all estimates are about the same
        if spread > (0.02 * x) ** 2:
            slope = max(0.0, fmean((at - x) * (found - y) for at, found in self._prompts) / spread)
        missed = [found - y - slope * (at - x) for at, found in self._prompts]
        line = max(0.0, y + slope * (estimate - x))
        return line + _margin(PROMPT * line, missed)

    def _answer(self, most: int) -> float:
        if not self._written:
            return most
        mean = fmean(self._written)
        return min(most, mean + _margin(ANSWER * mean, [found - mean for found in self._written]))


def _margin(most: float, missed: list[float]) -> float:
    """What is added to a forecast, by how far earlier ones were off."""
    if len(missed) < FEW:
        return most
    return min(most, 2 * math.sqrt(fmean(miss * miss for miss in missed)))
