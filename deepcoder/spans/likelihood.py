"""How surprising trajectories are to a student: the hook behind `data.best_of=likeliest`.

    surprise = Surprise(selection, model)
    surprise([trajectory])      # [1.73]: nats per supervised token, infinite without one

Of several correct trajectories the one that the student finds likeliest is the easiest to imitate.
The mean is over supervised tokens, each predicted from all before it in the same rendering and with
the same cut that training will use; one sequence at a time, so memory is that of one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deepcoder.spans.selection import Selection
from deepcoder.types import Trajectory

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from deepcoder.spans.alignment import Aligned

__all__ = ["Surprise"]

_ROWS = 256  # positions whose logits are held at once


class Surprise:
    """Callable: mean negative log-likelihood of each trajectory under `model`, in nats a token."""

    def __init__(self, selection: Selection, model: PreTrainedModel) -> None:
        self._selection, self._model = selection, model.eval()

    def __call__(self, trajectories: Sequence[Trajectory]) -> list[float]:
        scores = []
        for result in self._selection.results(trajectories):
            total = count = 0.0
            for example in result.examples:
                nats, tokens = self._sequence(example.aligned)
                total, count = total + nats, count + tokens
            scores.append(total / count if count else math.inf)
        return scores

    def _sequence(self, aligned: Aligned) -> tuple[float, int]:
        """(sum of the negative log-likelihoods, supervised tokens) of one sequence."""
        import torch
        from torch.nn.functional import cross_entropy

        ids = torch.as_tensor(aligned.input_ids, dtype=torch.long, device=self._model.device)
        # Token t is predicted at position t - 1; the first token is predicted by nothing.
        targets = torch.as_tensor(aligned.weighted, device=ids.device).nonzero()[:, 0]
        targets = targets[targets > 0]
        if not len(targets):
            return 0.0, 0
        with torch.inference_mode():
            hidden = self._model.base_model(input_ids=ids[None]).last_hidden_state[0]
            head = self._model.get_output_embeddings()
            total = 0.0
            for part in targets.split(_ROWS):
                logits = head(hidden[part - 1]).float()
                total += float(cross_entropy(logits, ids[part], reduction="sum"))
        return total, len(targets)
