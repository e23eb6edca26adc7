"""lm-evaluation-harness (https://github.com/EleutherAI/lm-evaluation-harness): our students.

The weights are loaded as here, base and adapter apart, and handed to the harness's own model class
for transformers, which does the scoring: log-likelihoods, generation and chat templates are theirs,
so numbers compare with published ones.

    import lm_eval, deepcoder.evaluation.interchange.lm_eval
    lm_eval.simple_evaluate("deepcoder", model_args="name=student,run=runs/train/sad-…",
                            tasks=["arc_easy"])

Needs `deepcoder[lm-eval]`.
"""

from __future__ import annotations

from typing import Any

from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM

from deepcoder.errors import ConfigError
from deepcoder.evaluation.interchange.opening import configured
from deepcoder.evaluation.models import Models

__all__ = ["DeepcoderLM"]


@register_model("deepcoder")
class DeepcoderLM(HFLM):
    """`base` or `student` (or a name of `benchmark.adapters`) of a configuration.

    `run` is a train run folder; `overrides` are Hydra overrides, separated by `;`. Other arguments
    are those of HFLM. Raises ConfigError for a model that is not a student.
    """

    def __init__(
        self, name: str = "student", run: str | None = None, overrides: str = "", **kwargs: Any
    ) -> None:
        changes = [*overrides.split(";"), *([f"run={run}"] if run else [])]
        cfg, model = configured(name, changes)
        if model.chat is not None or model.constrained:
            raise ConfigError(
                f"{name} has no weights here.", fix="use base, student or a named adapter"
            )
        network, tokenizer = Models(cfg, ()).network(model)
        device = str(network.get_input_embeddings().weight.device)
        super().__init__(pretrained=network, tokenizer=tokenizer, device=device, **kwargs)
