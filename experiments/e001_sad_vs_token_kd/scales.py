"""The two sizes of the study. Everything that costs time is a number here; see README.md.

A scale is a recipe, not a time limit: budgets are tokens and steps, so that a slow machine ends
with the same models as a fast one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["SCALES", "Adapted", "Architecture", "Scale", "Scratch"]


@dataclass(frozen=True)
class Architecture:
    """A Qwen2 decoder with a tied head."""

    layers: int
    width: int
    heads: int
    inner: int


@dataclass(frozen=True)
class Adapted:
    """Both models are SmolLM2-135M with an adapter merged into it, trained on hard labels."""

    teacher_steps: int
    """Optimizer steps of 1,024 tokens on the oracle's trajectories."""
    student_steps: int
    """The same for the student's start; it is trained on its own, not cut off the teacher."""


@dataclass(frozen=True)
class Scratch:
    """Both models are made from nothing, with a tokenizer of their own."""

    vocabulary: int
    """Tokens of the byte-level BPE."""
    teacher: Architecture
    student: Architecture | None
    """None: the student is what the teacher was after `student_tokens`, limited by its adapter."""
    teacher_tokens: int
    """Tokens (prompts included) on which the teacher is trained."""
    student_tokens: int
    """The same for the student's start."""
    lr: float
    batch_tokens: int


@dataclass(frozen=True)
class Scale:
    """One size of the study."""

    name: str
    families: tuple[str, ...]
    """Procedural families that every model is trained on; their held-out side is the test."""
    unseen: tuple[str, ...]
    """Families that no model is trained on: the test out of distribution."""
    models: Adapted | Scratch
    variants: int
    """Oracle problems per family (times the family's share) for the models' own training."""
    rollout_variants: int
    """Problems per family (times its share) that the teacher plays for the students."""
    rollout_limit: int
    steps: int
    """Optimizer steps of every arm."""
    step_tokens: int
    """Tokens of a step of every arm."""
    lora_rank: int
    lr: float
    warmup: int
    seeds: tuple[int, ...]
    heldout: int
    """Held-out problems per family, times the family's share."""
    decode_together: int
    max_tokens: int = 160
    """Per answer, in rollouts and evaluation."""
    turns: int = 3
    precision: str = "bf16-mixed"
    scripted: bool = False
    """Arms learn from the oracle's trajectories, where the teacher is too small to solve any."""


_FIRST_STEPS = (
    "linear_formula",
    "pick_numbers",
    "count_numbers",
    "map_numbers",
    "cut_text",
    "swap_separator",
    "count_letters",
    "choose_by_size",
)
_UNSEEN = (
    "filter_aggregate",
    "digit_work",
    "unit_convert",
    "tiered_price",
    "count_words",
    "word_transform",
    "clean_text",
    "dates",
)

CPU = Scale(
    name="cpu",
    families=("linear_formula", "pick_numbers", "swap_separator", "choose_by_size"),
    unseen=("digit_work", "count_words"),
    models=Adapted(teacher_steps=150, student_steps=12),
    variants=300,
    rollout_variants=20,
    rollout_limit=160,
    steps=12,
    step_tokens=1024,
    lora_rank=4,
    lr=1e-2,
    warmup=2,
    seeds=(0, 1, 2, 3, 4),
    heldout=3,
    decode_together=64,  # all at once: a token for sixty episodes costs less than two for thirty
)
PILOT = replace(
    CPU,
    name="pilot",
    unseen=("cut_text",),
    models=Adapted(teacher_steps=50, student_steps=12),
    rollout_limit=64,
    steps=16,
    lr=1e-3,
    seeds=(0,),
)
"""What was run to see that the parts fit and what they cost; see the README. It decides nothing."""
GPU = Scale(
    name="gpu",
    families=(
        *_FIRST_STEPS,
        *("sliding_window", "recurrence", "chunk_rotate", "neighbours", "set_rules", "rank_ties"),
        *("bracket_depth", "run_length", "letter_shift", "merge_dicts", "group_names"),
        *("sort_records", "parse_records", "clock", "intervals", "grid_walk", "nested_sum"),
    ),
    unseen=(*_UNSEEN, "stack_machine", "task_queue"),
    models=Scratch(
        vocabulary=4096,
        teacher=Architecture(layers=12, width=1024, heads=16, inner=2752),  # 150M parameters
        student=Architecture(layers=8, width=512, heads=8, inner=1376),  # 30M
        teacher_tokens=200_000_000,
        student_tokens=50_000_000,
        lr=6e-4,
        batch_tokens=16_384,
    ),
    variants=600,
    rollout_variants=60,
    rollout_limit=2500,
    steps=120,
    step_tokens=16_384,
    lora_rank=128,
    lr=1e-3,
    warmup=10,
    seeds=(0, 1, 2, 3, 4),
    heldout=5,
    decode_together=256,
    max_tokens=320,
)
SMOKE = Scale(
    name="smoke",
    families=_FIRST_STEPS[:1],
    unseen=_UNSEEN[:1],
    models=Scratch(
        vocabulary=400,
        teacher=Architecture(layers=1, width=32, heads=2, inner=64),
        student=None,
        teacher_tokens=20_000,
        student_tokens=10_000,
        lr=1e-3,
        batch_tokens=1024,
    ),
    variants=8,
    rollout_variants=1,
    rollout_limit=4,
    steps=2,
    step_tokens=2048,
    lora_rank=4,
    lr=1e-3,
    warmup=1,
    seeds=(0,),
    heldout=1,
    decode_together=16,
    max_tokens=8,
    turns=1,
    scripted=True,
)
"""Shows within a minute that the parts fit; its numbers mean nothing."""
SCALES = {scale.name: scale for scale in (CPU, PILOT, GPU, SMOKE)}
