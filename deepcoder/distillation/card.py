"""The adapter on disk and its card: what it is, what it was trained on, how, and with what result.

    facts = CardFacts(base="SmolLM2-135M-Instruct", signal="hard", ...)
    write_adapter(model, run.path / "adapter", facts)

The card says which loss was really used: cross-entropy on the teacher's tokens, or a divergence
from the distribution of a white-box teacher. It is written from facts that the stage hands in;
this module reads no configuration.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["CardFacts", "card_text", "comparison", "write_adapter"]

MEASURES = (
    ("val/reason_nll", "reasoning, nats per token"),
    ("val/act_nll", "acting, nats per token"),
    ("val/reason_loss", "reasoning, divergence from the teacher"),
    ("val/act_loss", "acting, divergence from the teacher"),
    ("val/reason_accuracy", "reasoning, token accuracy"),
    ("val/act_accuracy", "acting, token accuracy"),
    ("val/token_accuracy", "all, token accuracy"),
    ("val/action_exact", "actions whose every token is the first choice"),
)


@dataclass(frozen=True)
class CardFacts:
    """What a reader of the card must know."""

    base: str
    """Hub id or name of the base model."""
    base_note: str
    """How the base was stored while training, e.g. its quantisation and where it came from."""
    base_licence: str
    loss: str
    """Name of the loss configuration."""
    signal: str
    label: str
    """`hard-label`, `re-scored KL`, `true-teacher KL` or `approximate`."""
    """`hard` or `online`: what the loss really compared with."""
    loss_settings: Mapping[str, Any]
    teacher: str
    examples: Mapping[str, Any]
    """Counts, hash and source of the training data."""
    tokens_per_kind: Mapping[str, int]
    training: Mapping[str, Any]
    versions: Mapping[str, str]
    commit: str
    config: str
    """The resolved configuration, as YAML."""
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)


def write_adapter(model: Any, folder: Path, facts: CardFacts) -> None:
    """Save the adapter and its card, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        model.peft_config["default"].base_model_name_or_path = facts.base
        # The embeddings are frozen; looking whether they grew would ask the hub for the base.
        model.save_pretrained(temporary, save_embedding_layers=False)
        (temporary / "README.md").write_text(card_text(facts), encoding="utf-8")
        temporary.chmod(0o755)
        for path in temporary.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def comparison(before: Mapping[str, float], after: Mapping[str, float]) -> list[list[str]]:
    """Rows (measure, before, after, change) of everything that both validations measured."""
    rows = []
    for name, label in MEASURES:
        if name in before and name in after:
            a, b = before[name], after[name]
            rows.append([label, f"{a:.3f}", f"{b:.3f}", f"{b - a:+.3f}"])
    return rows


def card_text(facts: CardFacts) -> str:
    """The card as Markdown with the metadata that model hubs read."""
    parts = [
        _metadata(facts),
        f"# {facts.base.rpartition('/')[2]} distilled with `{facts.loss}`",
        f"A LoRA adapter for `{facts.base}`, trained by deepcoder to act as a coding agent the way "
        f"its teacher did.\n\n{_loss_sentence(facts)}",
        "## Base\n\n" + facts.base_note,
        "## Data\n\n" + _bullets({"teacher": facts.teacher, **facts.examples}),
        "Trained tokens per span kind:\n\n"
        + _table(["kind", "tokens"], [[k, f"{v:,}"] for k, v in facts.tokens_per_kind.items()]),
        "## Result on held-out trajectories\n\n" + _result(facts),
        "## Training\n\n" + _bullets(facts.training),
        "## Loss settings\n\n" + _bullets(facts.loss_settings),
        "## Versions\n\n" + _bullets({"deepcoder commit": facts.commit, **facts.versions}),
        "## Limits\n\nIt writes code that has to be run in a sandbox. Token measures above are "
        "under teacher forcing; success as an agent is what `deepcoder.evaluate` measures.",
        "## Licence\n\n" + _licence(facts),
        f"## Configuration\n\n```yaml\n{facts.config.strip()}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _metadata(facts: CardFacts) -> str:
    return (
        f"---\nbase_model: {facts.base}\nlibrary_name: peft\npipeline_tag: text-generation\n"
        "tags:\n- lora\n- distillation\n- agent\n- code\n---"
    )


def _loss_sentence(facts: CardFacts) -> str:
    if facts.signal == "hard":
        return (
            "**Loss**: weighted cross-entropy on the teacher's tokens (hard labels). The teacher "
            "gave text and no distribution, so no KL divergence was computed (hard-label)."
        )
    source = {
        "online": "the full distribution of a white-box teacher, computed while training",
        "cached": "a teacher's stored sparse distributions",
    }[facts.signal]
    name = facts.loss_settings.get("divergence", "divergence")
    return f"**Loss**: {name} from {source} ({facts.label})."


def _result(facts: CardFacts) -> str:
    rows = comparison(facts.before, facts.after)
    if not rows:
        return "No validation examples were held out."
    return _table(["measure", "before", "after", "change"], rows)


def _licence(facts: CardFacts) -> str:
    return (
        f"The base is under {facts.base_licence}; an adapter carries its conditions on. Check the "
        "licence of the training data and the terms of the teacher before you pass it on."
    )


def _bullets(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in values.items())


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
