"""A model under test from strings, as other harnesses pass their arguments.

chat = open_model("student", "student=smollm2;run=runs/train/sad-…")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deepcoder.config import compose, validate
from deepcoder.errors import MissingError
from deepcoder.evaluation.models import Models, UnderTest, under_test

if TYPE_CHECKING:
    from deepcoder.chat_models import ChatModel

__all__ = ["configured", "open_model"]


def configured(name: str, overrides: str | list[str]) -> tuple[Any, UnderTest]:
    """The configuration of `evaluate` under overrides (a list, or separated by `;`), and the arm.

    Raises what composing and `under_test` raise, MissingError for an untrained student.
    """
    given = overrides.split(";") if isinstance(overrides, str) else list(overrides)
    changes = [text.strip() for text in given if text.strip()]
    cfg = compose("evaluate", [*changes, f"benchmark.models=['{name}']"])
    validate(cfg)
    (model,) = under_test(cfg)
    if model.untrained:
        raise MissingError(
            "This student has not been trained.", fix="add run=<train run folder>, or ask for base"
        )
    return cfg, model


def open_model(name: str, overrides: str | list[str] = "") -> ChatModel:
    """The chat model called `name` under these overrides. Raises as `Models.open` does."""
    cfg, model = configured(name, overrides)
    return Models(cfg, ()).open(model)
