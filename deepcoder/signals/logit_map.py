"""What a model does to its head's output before it is a logit: scale and soft-cap, by its config.

logit_map_of(model)   # LogitMap(scale=0.125) for Granite, LogitMap(softcap=30.0) for Gemma
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepcoder.losses.rows import LogitMap

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["logit_map_of"]


def logit_map_of(model: PreTrainedModel) -> LogitMap:
    """Cohere multiplies by `logit_scale`, Granite divides by `logits_scaling`, Gemma caps at
    `final_logit_softcapping`; others do nothing."""
    config = model.config
    scale = float(getattr(config, "logit_scale", None) or 1.0)
    scale /= float(getattr(config, "logits_scaling", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return LogitMap(scale, None if cap is None else float(cap))
