"""The two sizes of the study. Everything that costs time is a number here; see README.md.

A scale is a recipe, not a time limit: budgets are tokens and steps, so that a slow machine ends
with the same models as a fast one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["SCALES", "Architecture", "Scale"]


@dataclass(frozen=True)
class Architecture:
    """A Qwen2 decoder with a tied head."""

    layers: int
    width: int
    heads: int
    inner: int


@dataclass(frozen=True)
class Scale:
    """One size of the study."""

    name: str
    families: tuple[str, ...]
    """Procedural families that every model is trained on; their held-out side is the test."""
    unseen: tuple[str, ...]
    """Families that no model is trained on: the test out of distribution."""
    vocabulary: int
    """Tokens of the byte-level BPE."""
    teacher: Architecture
    student: Architecture | None
    """None: the student is what the teacher was after `student_tokens`, limited by its adapter."""
    variants: int
    """Oracle problems per family (times the family's share) for the models' own training."""
    teacher_tokens: int
    """Tokens (prompts included) on which the teacher is trained."""
    student_tokens: int
    """The same for the student's start."""
    model_lr: float
    batch_tokens: int
    rollout_variants: int
    """Problems per family (times its share) that the teacher plays for the students."""
    rollout_limit: int
    steps: int
    """Optimizer steps of every arm."""
    step_tokens: int
    """Tokens of a step of every arm."""
    lora_rank: int
    lr: float
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
    unseen=("count_numbers", "cut_text"),
    vocabulary=1024,
    teacher=Architecture(layers=4, width=128, heads=4, inner=344),
    student=None,
    variants=300,
    teacher_tokens=2_500_000,
    student_tokens=1_000_000,
    model_lr=2e-3,
    batch_tokens=1024,
    rollout_variants=50,
    rollout_limit=500,
    steps=120,
    step_tokens=1024,
    lora_rank=64,
    lr=3e-3,
    seeds=(0, 1, 2, 3, 4),
    heldout=5,
    decode_together=120,
)
GPU = Scale(
    name="gpu",
    families=(
        *_FIRST_STEPS,
        *("sliding_window", "recurrence", "chunk_rotate", "neighbours", "set_rules", "rank_ties"),
        *("bracket_depth", "run_length", "letter_shift", "merge_dicts", "group_names"),
        *("sort_records", "parse_records", "clock", "intervals", "grid_walk", "nested_sum"),
    ),
    unseen=(*_UNSEEN, "stack_machine", "task_queue"),
    vocabulary=4096,
    teacher=Architecture(layers=12, width=1024, heads=16, inner=2752),  # 150M parameters
    student=Architecture(layers=8, width=512, heads=8, inner=1376),  # 30M
    variants=600,
    teacher_tokens=60_000_000,
    student_tokens=15_000_000,
    model_lr=6e-4,
    batch_tokens=32_768,
    rollout_variants=60,
    rollout_limit=2500,
    steps=120,
    step_tokens=16_384,
    lora_rank=128,
    lr=1e-3,
    seeds=(0, 1, 2, 3, 4),
    heldout=5,
    decode_together=256,
    max_tokens=320,
)
SMOKE = replace(
    CPU,
    name="smoke",
    families=_FIRST_STEPS[:1],
    unseen=_UNSEEN[:1],
    vocabulary=400,
    teacher=Architecture(layers=1, width=32, heads=2, inner=64),
    student=None,
    variants=8,
    teacher_tokens=20_000,
    student_tokens=10_000,
    rollout_variants=1,
    rollout_limit=4,
    steps=2,
    lora_rank=4,
    seeds=(0,),
    heldout=1,
    max_tokens=8,
    turns=1,
    scripted=True,
)
"""Shows within a minute that the parts fit; its numbers mean nothing."""
SCALES = {scale.name: scale for scale in (CPU, GPU, SMOKE)}
