"""What `prepare`, `score` and `train` read: student, loss, data, stored distributions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import II

from deepcoder.config.names import (
    Alignment,
    AnswerIds,
    Balance,
    BestOf,
    DuplicateKey,
    DuplicateRule,
    Pacing,
    Quantization,
    SignalKind,
    StoredValues,
    StudentSource,
    TrajectoryFormat,
    Truncation,
)
from deepcoder.losses.names import DivergenceName, Normaliser, SparseScheme

__all__ = [
    "CurriculumConfig",
    "DataConfig",
    "LoraConfig",
    "LossConfig",
    "ScoreConfig",
    "SourceConfig",
    "StudentConfig",
]


@dataclass
class LoraConfig:
    """Low-rank adapters (arXiv 2106.09685)."""

    r: int = 16
    """Rank."""
    alpha: int = 32
    """Scale is alpha / r."""
    dropout: float = 0.0
    target_modules: Any = "all-linear"
    """Names of the layers that get adapters, or `all-linear`."""


@dataclass
class StudentConfig:
    """The model that learns."""

    source: StudentSource = StudentSource.hub
    model: str = "???"
    """Hub id, folder, package name, or architecture name, as `source` says."""
    revision: str | None = None
    quantization: Quantization = Quantization.none
    dtype: str = "bfloat16"
    """Number format of the frozen base; adapters stay in float32."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    gradient_checkpointing: bool = False
    max_tokens: int = 4096
    """Longest trajectory trained on, in tokens."""
    needs_gpu: bool = False
    """Refuse to start without an accelerator, with a message instead of a night of waiting."""


@dataclass
class LossConfig:
    """Structured Agent Distillation (arXiv 2505.13820) and its baselines.

    L = reason_weight · N(Σ_reason w D) + act_weight · N(Σ_act w D). `reason_weight` is the paper's
    λ_r, `act_weight` its λ_a.
    """

    name: str = "sad"
    signal: SignalKind = SignalKind.auto
    reason_weight: float = 1.0
    act_weight: float = 1.0
    divergence: DivergenceName = DivergenceName.forward_kl
    """D for both groups, unless one of the next two says otherwise."""
    reason_divergence: DivergenceName | None = None
    act_divergence: DivergenceName | None = None
    beta: float = 0.5
    """Mixture weight of JSD; 0.5 is symmetric."""
    alpha: float = 0.1
    """Share of the other distribution mixed in by the skewed divergences."""
    normaliser: Normaliser = Normaliser.group_mean
    ce_mix: float = 0.0
    """Share of cross-entropy on the teacher's token: (1 - ce_mix)·D + ce_mix·CE."""
    temperature: float = 1.0
    """Both distributions are softened by it; value and gradient carry temperature²."""
    kind_weights: dict[str, float] = field(default_factory=dict)
    """Multipliers per span kind, e.g. {act.name: 2.0}; a kind that is not named has 1."""
    label_smoothing: float = 0.0
    """Share of the cross-entropy's target that is spread over the vocabulary."""
    z_loss: float = 0.0
    """Weight of the squared log-normaliser of the student's logits; 1e-4 is usual."""
    focal: float = 0.0
    """Exponent of (1 - q(token)): turns down what the student already predicts; 0 is off."""
    confidence: float = 0.0
    """Exponent of p(token): turns down what the teacher finds unlikely (online); 0 is off."""
    entropy: float = 0.0
    """Exponent of 1 - H(p)/log V: turns down where the teacher is undecided (online); 0 is off."""
    shuffle_spans: bool = False
    """Control: the kinds of the supervised tokens are permuted within each example."""


@dataclass
class SourceConfig:
    """One of several files that are trained on together."""

    trajectories: str | None = None
    """File or run folder; null takes the `generate` run of this configuration."""
    format: TrajectoryFormat = TrajectoryFormat.auto
    weight: float = 1.0
    """How often its examples are drawn, relative to the other sources; 0 leaves it out."""


@dataclass
class CurriculumConfig:
    """From easy to hard by C(τ) = alpha·|r| + beta·|a| + gamma·H (arXiv 2505.13820)."""

    pacing: Pacing = Pacing.none
    alpha: float = 1.0
    """Per reasoning token of the trajectory."""
    beta: float = 1.0
    """Per acting token."""
    gamma: float = 0.0
    """Per nat of the teacher's mean entropy; needs a cached distribution of the teacher."""
    start: float = 0.25
    """Share of the examples, the easiest, that the first step may draw."""
    full_at: float = 0.5
    """Share of the training after which every example may be drawn."""
    stages: int = 4
    """Jumps of `pacing=step`."""


@dataclass
class DataConfig:
    """Which trajectories are trained on and how they are batched."""

    trajectories: str | None = None
    """File or run folder to train on; null takes the `generate` run of this configuration,
    and makes it first when that costs nothing."""
    format: TrajectoryFormat = TrajectoryFormat.auto
    mixture: dict[str, SourceConfig] = field(default_factory=dict)
    """Several sources by name, each with a weight; takes the place of `trajectories`."""
    only_solved: bool = True
    """Leave out trajectories whose outcome is known and not solved."""
    allow_unreadable: bool = False
    """Go on although some lines of the file are damaged or of another schema version."""
    decontaminate: list[str] = field(default_factory=lambda: ["builtin"])
    """Evaluation sets whose problems may not be trained on: `builtin` (its held-out part), another
    kind of problems, `kind=path`, or the path of a file with prompts. [] asks for none."""
    duplicates: DuplicateRule = DuplicateRule.exact
    duplicate_key: DuplicateKey = DuplicateKey.both
    """What `duplicates=near` compares."""
    best_of: BestOf = BestOf.all
    keep_thinking: bool = True
    """Keep the reasoning of earlier turns in the text, in training and in inference alike."""
    answer_ids: AnswerIds = AnswerIds.tokenised
    truncation: Truncation = Truncation.steps
    validation_fraction: float = 0.1
    """Share of problems (never of single trajectories) kept for validation."""
    workers: int | None = None
    """Processes that prepare; null takes one, and up to four for a large file."""
    page_examples: int = 100
    """Examples shown on the page that `prepare` writes, evenly spaced over all; 0 writes none."""
    packing: bool = True
    """Lay several trajectories in one row, attention separated; false pads instead."""
    batch_tokens: int | None = None
    """Tokens per micro-batch: the budget that packing fills and padding respects; null takes
    student.max_tokens."""
    balance: Balance = Balance.none
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    seed: int = 0


@dataclass
class ScoreConfig:
    """How a teacher's distributions are kept for training with `loss.signal=cached`."""

    scheme: SparseScheme = SparseScheme.tail
    """What stands for a distribution: see deepcoder/losses/names.py."""
    k: int = 64
    """Tokens kept per position (tail, renormalised, sorted)."""
    draws: int = 50
    """Draws per position (sampled); equal ones are stored once with their number."""
    precision: StoredValues = StoredValues.float16
    temperature: float = II("loss.temperature")
    """Temperature at which distributions are taken; the loss reads them at the same."""
    alignment: Alignment = Alignment.chunks
    """With a teacher of another tokenizer only."""
    tokenizer: str | None = None
    """Hub id or folder of the teacher's tokenizer, for a teacher behind a server whose name is
    neither; null takes teacher.model."""
    shard: str | None = None
    """`1/4` scores the first quarter of the shards, so that four processes share the work."""
    shard_tokens: int = 65536
    """Positions per file: what a kill may cost."""
    batch_tokens: int | None = None
    """Tokens per forward pass; null takes data.batch_tokens or student.max_tokens."""
    requests: int = 8
    """Requests in flight, for a teacher behind a server."""
    sample: int = 1024
    """Positions at which the stored distribution is compared with the dense one, for the report."""
