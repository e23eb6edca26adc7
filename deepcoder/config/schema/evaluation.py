"""What `evaluate`, `compare` and `convert` read."""

from __future__ import annotations

from dataclasses import dataclass, field

from deepcoder.config.names import (
    EpisodeMode,
    ExportFormat,
    ProblemSets,
)
from deepcoder.config.schema.generation import ProblemsConfig, TeacherConfig

__all__ = [
    "BenchmarkConfig",
    "CompareConfig",
    "ConvertConfig",
]


@dataclass
class ConvertConfig:
    """Into what trajectories are converted; `data.trajectories` and `data.format` say from what."""

    to: ExportFormat = ExportFormat.openai
    path: str | None = None
    """File or folder to write; null writes into the run folder. ATIF makes a folder with a document
    per trajectory, or lines when this ends in `.jsonl`."""
    arguments_as_text: bool = True
    """Write the arguments of calls as JSON text, as OpenAI's API has them; false writes objects, as
    chat templates want them (openai)."""


@dataclass
class BenchmarkConfig:
    """What is measured, on which problems, with which budget, of which models."""

    name: str = "heldout"
    problems: ProblemsConfig | None = None
    """Problems of its own; null takes the held-out side of the configuration's problems."""
    mode: EpisodeMode = EpisodeMode.agent
    tools: list[str] | None = None
    """Tools of the agent; null takes those of `agent`."""
    prompt: str | None = None
    """System prompt; null takes that of `agent`."""
    limit: int | None = None
    """Use only the first N problems after a seeded, stratified shuffle."""
    samples: int = 1
    """Episodes per problem (n of pass@k)."""
    k: list[int] = field(default_factory=lambda: [1])
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 256
    """Tokens per answer of the model."""
    max_turns: int = 4
    """Answers of the model per episode."""
    max_seconds: float = 3600.0
    """Seconds of wall clock per episode. Generous: episodes that are decoded together share the
    machine, and a slow machine must not fail a problem."""
    batch_size: int = 16
    """Episodes decoded together."""
    models: list[str] = field(default_factory=lambda: ["base", "student"])
    """Models under test. `base` is the student before training, `student` the trained one (of
    `run`), `teacher` the configured teacher; other names are those of `adapters` and `chat`."""
    adapters: dict[str, str] = field(default_factory=dict)
    """More trained students on the same base: name and folder of a training run or an adapter."""
    chat: dict[str, TeacherConfig] = field(default_factory=dict)
    """More models: name and settings as under `teacher`, e.g. an endpoint of vLLM or SGLang."""
    workers: int = 16
    """Episodes in flight with a model behind an API; local ones take batch_size."""
    bootstrap: int = 2000
    """Resamples over problems for the confidence intervals."""
    confidence: float = 0.95


@dataclass
class CompareConfig:
    """How finished evaluations are laid side by side."""

    problems: ProblemSets = ProblemSets.refuse
    pool_seeds: bool = True
    """Trainings that differ in nothing but their seed are one arm."""
    labels: list[str] = field(default_factory=list)
    """Names of the trained models, one per run; empty names them by what their trainings differ
    in. Equal names are seeds of one arm."""
    baseline: str | None = None
    """Label of the arm that the others are compared with; null takes the untrained student."""
    k: list[int] = field(default_factory=lambda: [1, 10])
    """k of pass@k; those for which some arm has too few samples are left out."""
    bootstrap: int = 2000
    """Resamples over problems (and seeds) for the confidence intervals."""
    confidence: float = 0.95
    shown: int = 12
    """Problems whose episodes are shown side by side, won and lost ones first."""
