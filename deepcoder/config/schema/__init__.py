"""The tree that every stage composes: its fields, their units and defaults.

One module per part of the way: `generation`, `training`, `evaluation`. Third-party constructors
(`optim`, `trainer`, `callbacks`, `logger`) are plain nodes with a `_target_`; everything that
changes the science has a typed field here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from deepcoder.config.schema.evaluation import (
    BenchmarkConfig,
    CompareConfig,
    ConvertConfig,
)
from deepcoder.config.schema.generation import (
    AgentConfig,
    FiltersConfig,
    GenerationConfig,
    PriceConfig,
    ProblemsConfig,
    RetrievalConfig,
    SandboxConfig,
    TeacherConfig,
)
from deepcoder.config.schema.training import (
    CurriculumConfig,
    DataConfig,
    LoraConfig,
    LossConfig,
    ScoreConfig,
    SourceConfig,
    StudentConfig,
)

__all__ = [
    "AgentConfig",
    "BenchmarkConfig",
    "CompareConfig",
    "Config",
    "ConvertConfig",
    "CurriculumConfig",
    "DataConfig",
    "FiltersConfig",
    "GenerationConfig",
    "LoraConfig",
    "LossConfig",
    "PathsConfig",
    "PriceConfig",
    "ProblemsConfig",
    "RetrievalConfig",
    "SandboxConfig",
    "ScoreConfig",
    "SourceConfig",
    "StudentConfig",
    "TeacherConfig",
]


@dataclass
class PathsConfig:
    """Where things lie."""

    runs: str = "runs"
    """Folder of run folders, relative to the working directory or absolute."""
    cache: str = "${oc.env:DEEPCODER_CACHE,'~/.cache/deepcoder'}"
    """Folder of converted models; shared between projects."""


@dataclass
class Config:
    """The whole tree. One schema for every stage."""

    stage: str = "???"
    name: str | None = None
    """Name of the run folder; null derives it from the configuration's content."""
    seed: int = 0
    run: str | None = None
    """Training run folder to evaluate; null takes the one of this configuration (evaluate)."""
    runs: list[str] = field(default_factory=list)
    """Evaluate run folders to compare; `*` stands for any name (compare)."""
    json: bool = False
    """Print the result as JSON (doctor)."""
    paths: PathsConfig = field(default_factory=PathsConfig)
    problems: ProblemsConfig = field(default_factory=ProblemsConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    retrieval: RetrievalConfig = field(default_factory=RetrievalConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    data: DataConfig = field(default_factory=DataConfig)
    convert: ConvertConfig = field(default_factory=ConvertConfig)
    score: ScoreConfig = field(default_factory=ScoreConfig)
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    compare: CompareConfig = field(default_factory=CompareConfig)
    optim: Any = None
    trainer: Any = None
    callbacks: Any = None
    logger: Any = None


ConfigStore.instance().store(name="schema", node=Config)
