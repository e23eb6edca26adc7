"""The configuration: its schema, its cross-field rules, and the one place that instantiates.

Every stage composes the same tree (`conf/base.yaml` checked against `Config`), so that a stage can
tell from its own configuration where the output of another stage lies (`deepcoder.runs`).

    from deepcoder.config import compose
    cfg = compose("train", ["loss=sad", "student=tiny"])

`names` holds the closed sets, `schema` the fields, `rules` what a single field cannot say,
`building` composition and instantiation. No torch: `--help` and composition errors answer at once.
"""

from deepcoder.config.building import CONF_DIR, build, compose
from deepcoder.config.names import (
    Alignment,
    Balance,
    EpisodeMode,
    ExportFormat,
    Pacing,
    ProblemSets,
    ProblemsKind,
    Quantization,
    SandboxTier,
    SignalKind,
    SignalLabel,
    StoredValues,
    StudentSource,
    TeacherKind,
    TeacherPreset,
    TrajectoryFormat,
    Truncation,
)
from deepcoder.config.rules import has_logits, resolve_signal, signal_label, validate
from deepcoder.config.schema import (
    AgentConfig,
    BenchmarkConfig,
    CompareConfig,
    Config,
    CurriculumConfig,
    DataConfig,
    FiltersConfig,
    GenerationConfig,
    LoraConfig,
    LossConfig,
    PathsConfig,
    PriceConfig,
    ProblemsConfig,
    RetrievalConfig,
    SandboxConfig,
    ScoreConfig,
    SourceConfig,
    StudentConfig,
    TeacherConfig,
)
from deepcoder.losses.names import DivergenceName, Normaliser, SparseScheme

__all__ = [
    "CONF_DIR",
    "AgentConfig",
    "Alignment",
    "Balance",
    "BenchmarkConfig",
    "CompareConfig",
    "Config",
    "ConvertConfig",
    "CurriculumConfig",
    "DataConfig",
    "DivergenceName",
    "EpisodeMode",
    "ExportFormat",
    "FiltersConfig",
    "GenerationConfig",
    "LoraConfig",
    "LossConfig",
    "Normaliser",
    "Pacing",
    "PathsConfig",
    "PriceConfig",
    "ProblemSets",
    "ProblemsConfig",
    "ProblemsKind",
    "Quantization",
    "RetrievalConfig",
    "SandboxConfig",
    "SandboxTier",
    "ScoreConfig",
    "SignalKind",
    "SignalLabel",
    "SourceConfig",
    "SparseScheme",
    "StoredValues",
    "StudentConfig",
    "StudentSource",
    "TeacherConfig",
    "TeacherKind",
    "TeacherPreset",
    "TrajectoryFormat",
    "Truncation",
    "build",
    "compose",
    "has_logits",
    "resolve_signal",
    "signal_label",
    "validate",
]
