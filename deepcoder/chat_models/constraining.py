"""Decoding that cannot leave the protocol: which tokens may come next, for every answer.

The automaton is llguidance's (extra `constrained`; 3 MB, no torch of its own, microseconds a
token; xgrammar would bring triton along on a machine without a GPU). Reasoning and arguments stay
free, so a constrained model can still be wrong, but not unreadable.

    grammar = ActionGrammar(grammar("codeact", tools), tokenizer, width=49152, stop_ids=[2])
    constraint = grammar.start()
    constraint.allowed()          # bool, [width]
    constraint.advance(token)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from deepcoder.errors import DeepcoderError, MissingError

__all__ = ["ActionGrammar", "Constraint"]


class ActionGrammar:
    """A compiled grammar for one tokenizer; `start` gives the state of one answer.

    `width` is the number of logits; when an answer is complete only `stop_ids` may follow. Raises
    MissingError without llguidance.
    """

    def __init__(self, text: str, tokenizer: Any, *, width: int, stop_ids: Iterable[int]) -> None:
        try:
            import llguidance
            import llguidance.hf
        except ImportError as error:
            raise MissingError(
                "Constrained actions need the package llguidance.",
                fix="pip install 'deepcoder[constrained]'",
            ) from error
        self.digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        self._stop = sorted(stop_ids)
        self._width = width
        self._tokens = llguidance.hf.from_tokenizer(
            tokenizer, n_vocab=max(width, len(tokenizer)), eos_token=self._stop[0]
        )
        self._matcher = llguidance.LLMatcher(self._tokens, text)
        if self._matcher.is_error():
            raise ValueError(f"not a grammar: {self._matcher.get_error()}")

    def start(self) -> Constraint:
        """The state before the first token of an answer."""
        return Constraint(self._matcher.deep_copy(), self._width, self._stop)


class Constraint:
    """Where one answer stands in the grammar. Belongs to one row of a batch."""

    def __init__(self, matcher: Any, width: int, stop_ids: Iterable[int]) -> None:
        self._matcher = matcher
        self._width = width
        self._stop = torch.zeros(width, dtype=torch.bool)
        self._stop[list(stop_ids)] = True

    def allowed(self) -> Bool[Tensor, " vocab"]:
        """Which tokens may come next; only those that end the turn when the answer is complete."""
        if self._matcher.is_stopped():
            return self._stop
        packed = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        bits = np.unpackbits(packed, bitorder="little")[: self._width].astype(bool)
        return torch.from_numpy(bits)

    def advance(self, token: int) -> None:
        """Take the sampled token. Raises DeepcoderError for one that was not allowed."""
        if self._matcher.is_stopped():
            return
        if not self._matcher.consume_token(token):
            raise DeepcoderError(
                f"The grammar does not allow token {token}: {self._matcher.get_error()}.",
                fix="report this with the model and the protocol",
            )
