"""The configuration: its schema, its cross-field rules, and the one place that instantiates.

Every stage composes the same tree (`conf/base.yaml` checked against `Config`), so that a stage can
tell from its own configuration where the output of another stage lies (`deepcoder.runs`). Fields
are documented one by one, unit first. Third-party constructors (`optim`, `trainer`, `callbacks`,
`logger`) are plain nodes with a `_target_`, and go through `build`, which has an allow-list.

    from deepcoder.config import compose
    cfg = compose("train", ["loss=sad", "student=tiny"])

This module imports no torch: `--help` and composition errors answer at once.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from deepcoder.errors import ConfigError
from deepcoder.losses.names import DivergenceName, Normaliser

__all__ = [
    "CONF_DIR",
    "AgentConfig",
    "BenchmarkConfig",
    "Config",
    "DataConfig",
    "DivergenceName",
    "GenerationConfig",
    "LoraConfig",
    "LossConfig",
    "Normaliser",
    "PathsConfig",
    "PriceConfig",
    "ProblemsConfig",
    "ProblemsKind",
    "Quantization",
    "SandboxConfig",
    "SandboxTier",
    "SignalKind",
    "StudentConfig",
    "StudentSource",
    "TeacherConfig",
    "TeacherKind",
    "TeacherPreset",
    "TrajectoryFormat",
    "Truncation",
    "build",
    "compose",
    "resolve_signal",
    "validate",
]


def _conf_dir() -> Path:
    """`conf/` beside the package in a source tree, `deepcoder/conf/` in an installed wheel."""
    package = Path(__file__).resolve().parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


CONF_DIR = _conf_dir()


# ------------------------------------------------------------------------- closed sets
#
# Members are lower case because OmegaConf reads an enum by the name of its member.


class TeacherKind(StrEnum):
    """Who answers when a teacher episode is generated, and whether logits can be had."""

    oracle = "oracle"
    """Scripted from reference solutions; plays through the real graph and sandbox. No logits."""
    local = "local"
    """A transformers model in this process: generates, and gives logits for the KL loss."""
    groq = "groq"
    """Groq's API through its SDK. Costs money; no logits."""
    openai_compatible = "openai_compatible"
    """Any server that speaks OpenAI's dialect; `teacher.preset` knows five of them. No logits."""
    replay = "replay"
    """Recorded responses: costs nothing, answers only what was asked before. No logits."""

    @property
    def remote(self) -> bool:
        """Whether a provider is asked over the network, which may cost money."""
        return self in (TeacherKind.groq, TeacherKind.openai_compatible)


class TeacherPreset(StrEnum):
    """Servers of OpenAI's dialect whose address, key and habits are known (openai_compatible)."""

    deepseek = "deepseek"
    """DeepSeek's own API: wants the reasoning of earlier turns back."""
    vllm = "vllm"
    """A vLLM server: gives token ids and log-probabilities."""
    sglang = "sglang"
    together = "together"
    openrouter = "openrouter"


class ProblemsKind(StrEnum):
    """Where problems come from."""

    builtin = "builtin"
    """The hand-written bank and the procedural families."""
    jsonl = "jsonl"
    """A user's own file, one problem a line."""
    mbpp = "mbpp"
    humaneval = "humaneval"
    """Evaluation only: refuses to be a training set."""


class StudentSource(StrEnum):
    """Where a student's weights come from."""

    hub = "hub"
    """A hub id or a local folder, through `from_pretrained`."""
    package = "package"
    """Weights inside an installed Python package (GGUF), converted once into the cache."""
    random = "random"
    """Fresh random weights of a small architecture: for tests."""


class Quantization(StrEnum):
    """How the frozen base is stored."""

    none = "none"
    nf4 = "nf4"
    """4-bit NormalFloat with double quantisation (bitsandbytes)."""


class SignalKind(StrEnum):
    """What the student is pulled towards at a token."""

    auto = "auto"
    """`online` when the teacher has logits, otherwise `hard`; the run is labelled with which."""
    hard = "hard"
    """The token that the teacher chose: every divergence becomes cross-entropy."""
    online = "online"
    """Dense logits of a white-box teacher, computed while training."""


class TrajectoryFormat(StrEnum):
    """How a file of trajectories is read."""

    auto = "auto"
    """Told apart by the first record."""
    deepcoder = "deepcoder"
    """Our own versioned JSONL."""
    react = "react"
    """Chat messages with Thought / Action / Observation text."""
    r1 = "r1"
    """A prompt and a response with think tags."""
    openai = "openai"
    """OpenAI messages with tool calls, or a chat with one task."""
    sharegpt = "sharegpt"
    """`conversations` of `from` and `value`."""
    mini_swe_agent = "mini_swe_agent"
    """mini-swe-agent's `.traj.json`."""
    swe_agent = "swe_agent"
    """SWE-agent's `.traj`."""
    atif = "atif"
    """Agent Trajectory Interchange Format, version 1.4 or later of 1."""


class Truncation(StrEnum):
    """What happens to a trajectory that is longer than the student's budget."""

    drop = "drop"
    """It is left out, counted and listed."""
    steps = "steps"
    """Whole steps are cut from the end until it fits; an action is never cut in the middle."""


class SandboxTier(StrEnum):
    """How strongly model-written code is contained. See docs/sandbox.md."""

    auto = "auto"
    """The strongest tier that a probe finds working."""
    namespaces = "namespaces"
    landlock = "landlock"
    rlimits = "rlimits"
    """Limits only; refused unless `sandbox.allow_weak=true`."""


# ----------------------------------------------------------------------------- groups


@dataclass
class PathsConfig:
    """Where things lie."""

    runs: str = "runs"
    """Folder of run folders, relative to the working directory or absolute."""
    cache: str = "${oc.env:DEEPCODER_CACHE,'~/.cache/deepcoder'}"
    """Folder of converted models; shared between projects."""


@dataclass
class ProblemsConfig:
    """Which problems the teacher solves (`train` split) and which stay unseen (`heldout`)."""

    kind: ProblemsKind = ProblemsKind.builtin
    path: str | None = None
    """File to read (jsonl, mbpp, humaneval); null looks for a package, then the hub."""
    bank: bool = True
    """Include the hand-written problems (builtin)."""
    variants: int = 16
    """Problems per procedural family in the train split (builtin)."""
    heldout_variants: int = 4
    """Problems per procedural family in the held-out split (builtin)."""
    families: list[str] | None = None
    """Names of procedural families; null takes all (builtin)."""
    heldout_fraction: float = 0.2
    """Share of hand-written problems, or of a user's file, that is held out."""
    seed: int = 0


@dataclass
class PriceConfig:
    """What a model costs, in US dollars per million tokens."""

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None
    """Prompt tokens that the provider had in its cache; null charges them as input."""
    date: str = "unknown"
    """Day on which the price was read, ISO 8601: prices change."""


@dataclass
class TeacherConfig:
    """Who solves the problems, and what it can give to the loss."""

    kind: TeacherKind = TeacherKind.oracle
    model: str | None = None
    """Hub id or folder of the model (local), or the provider's name for it (API teachers)."""
    revision: str | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    """Tokens per answer."""
    mistake_rate: float = 0.25
    """Share of episodes in which the oracle first tries a plausible wrong solution (oracle)."""
    dtype: str = "bfloat16"
    """Number format of the weights (local)."""
    device_map: str | None = None
    """Passed to `from_pretrained`: `auto` spreads a large teacher over devices (local)."""
    batch_size: int = 8
    """Episodes decoded together (local)."""
    preset: TeacherPreset | None = None
    """Which server speaks the dialect (openai_compatible); null is one that is not listed."""
    base_url: str | None = None
    """Address of the API; null takes the provider's own. Never with a user name or a key in it."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; null takes the provider's usual one."""
    reasoning_format: str | None = None
    """`parsed`, `raw` or `hidden` (groq); null does not ask for one."""
    reasoning_effort: str | None = None
    """How long to think, in the provider's words; null does not ask."""
    logprobs: bool = False
    """Ask for log-probabilities of the chosen tokens, where the provider gives them."""
    extra_body: dict[str, Any] = field(default_factory=dict)
    """More fields of the request, passed on as they are."""
    timeout_seconds: float = 180.0
    """Seconds a request may take before it counts as stalled and is asked again."""
    attempts: int = 8
    """Times a request is sent before its episode is left for the next run."""
    retry_seconds: float = 0.5
    """Seconds of the first wait after a fault; later waits double, each drawn at random below."""
    patience_seconds: float = 900.0
    """Seconds to wait for a provider that is down or for a used-up quota before stopping."""
    requests_per_minute: float | None = None
    """Most requests per minute; null learns it from the provider's refusals."""
    tokens_per_minute: float | None = None
    """Most tokens (prompt and answer) per minute; null goes by the provider's headers."""
    prices: dict[str, PriceConfig] = field(default_factory=dict)
    """Price of each model by its name."""
    cache: str | None = "${paths.cache}/responses"
    """Folder where every paid response is kept, so that none is paid for twice; null keeps none."""
    path: str | None = None
    """File of recorded responses (replay)."""


@dataclass
class AgentConfig:
    """How an episode is played. The same for teacher, student in evaluation, and service."""

    protocol: str = "codeact"
    """How a step is written and parsed: see deepcoder/rendering/protocols.py."""
    tools: list[str] = field(default_factory=lambda: ["python", "finish"])
    prompt: str = "codeact-v1"
    """Versioned system prompt: a file of deepcoder/agent/prompts."""
    max_turns: int = 6
    """Answers of the model per episode."""
    max_tokens: int = 4096
    """Tokens the model may write per episode."""
    max_seconds: float = 600.0
    """Seconds of wall clock per episode."""
    max_invalid: int = 2
    """Answers in a row that cannot be read before the episode is given up."""
    observation_chars: int = 1200
    """Characters of a tool's output that the model sees; the rest is cut and said so."""


@dataclass
class SandboxConfig:
    """How model-written code is contained. See docs/sandbox.md."""

    tier: SandboxTier = SandboxTier.auto
    allow_weak: bool = False
    """Allow the `rlimits` tier, which contains accidents but not attacks."""
    workers: int = 2
    """Processes that run code side by side."""
    wall_seconds: float = 5.0
    cpu_seconds: float = 5.0
    memory_mb: int = 512
    output_bytes: int = 1048576
    """Bytes of standard output, and as many of standard error; beyond it the run is ended."""
    processes: int = 16
    """Threads a run may have; other processes are never allowed."""
    disk_mb: int = 16
    """Size of the private temporary folder (namespaces tier)."""
    recycle_after: int = 1000
    """Runs after which a worker is replaced."""
    preload: list[str] = field(default_factory=list)
    """Modules imported once in the worker beyond the standard library, e.g. [numpy]."""


@dataclass
class GenerationConfig:
    """How many episodes are played."""

    samples: int = 1
    """Episodes per problem."""
    limit: int | None = None
    """Use only the first N problems after a seeded shuffle; null uses all."""
    workers: int = 8
    """Episodes in flight."""
    max_usd: float | None = None
    """US dollars that the run may spend on its teacher; episodes in flight are still finished."""
    max_tokens: int | None = None
    """Tokens (prompts and answers) that the run may pay for; episodes in flight are finished."""


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
class DataConfig:
    """Which trajectories are trained on and how they are batched."""

    trajectories: str | None = None
    """File or run folder to train on; null takes the `generate` run of this configuration,
    and makes it first when that costs nothing."""
    format: TrajectoryFormat = TrajectoryFormat.auto
    only_solved: bool = True
    """Leave out trajectories whose outcome is known and not solved."""
    allow_unreadable: bool = False
    """Go on although some lines of the file are damaged or of another schema version."""
    keep_thinking: bool = True
    """Keep the reasoning of earlier turns in the text, in training and in inference alike."""
    truncation: Truncation = Truncation.steps
    validation_fraction: float = 0.1
    """Share of problems (never of single trajectories) kept for validation."""
    page_examples: int = 100
    """Examples shown on the page that `prepare` writes, evenly spaced over all; 0 writes none."""
    packing: bool = True
    """Lay several trajectories in one row, attention separated; false pads instead."""
    batch_tokens: int | None = None
    """Tokens per micro-batch: the budget that packing fills and padding respects; null takes
    student.max_tokens."""
    seed: int = 0


@dataclass
class BenchmarkConfig:
    """What is measured, on which problems, with which budget."""

    name: str = "builtin"
    limit: int | None = None
    """Use only the first N held-out problems after a seeded, stratified shuffle."""
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
    """`base` is the student before training, `student` the trained one."""
    bootstrap: int = 2000
    """Resamples over problems for the confidence intervals."""
    confidence: float = 0.95


@dataclass
class Config:
    """The whole tree. One schema for every stage."""

    stage: str = "???"
    name: str | None = None
    """Name of the run folder; null derives it from the configuration's content."""
    seed: int = 0
    run: str | None = None
    """Training run folder to evaluate; null takes the one of this configuration (evaluate)."""
    json: bool = False
    """Print the result as JSON (doctor)."""
    paths: PathsConfig = field(default_factory=PathsConfig)
    problems: ProblemsConfig = field(default_factory=ProblemsConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    data: DataConfig = field(default_factory=DataConfig)
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    optim: Any = None
    trainer: Any = None
    callbacks: Any = None
    logger: Any = None


ConfigStore.instance().store(name="schema", node=Config)


# --------------------------------------------------------------------------- functions


def compose(stage: str, overrides: list[str] | None = None) -> Config:
    """The configuration of `stage` as the command line would compose it, for notebooks and tests.

    Raises hydra's ConfigCompositionException, which names file and key.
    """
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF_DIR)):
        return cast(Config, hydra_compose(config_name=stage, overrides=overrides or []))


ALLOWED_TARGETS = (
    "deepcoder.",
    "pytorch_lightning.",
    "torch.optim.",
    "bitsandbytes.optim.",
    "transformers.get_",
)
"""Prefixes of what a configuration may instantiate: a config file is data, not a program."""


def build(node: Any, **kwargs: Any) -> Any:
    """Instantiate a node with a `_target_` (and nested ones), from the allow-list only.

    `kwargs` are added to the outermost call. Raises ConfigError for a target outside the list.
    """
    from hydra.utils import instantiate

    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    _check_targets(plain)
    if isinstance(plain, dict) and "_target_" in plain:
        importlib.import_module(str(plain["_target_"]).rpartition(".")[0])
    return instantiate(node, **kwargs)


def _check_targets(node: Any, where: str = "") -> None:
    if isinstance(node, dict):
        target = node.get("_target_")
        if target is not None and not str(target).startswith(ALLOWED_TARGETS):
            raise ConfigError(
                f"`{where or 'config'}._target_` is {target!r}, which is not allowed.",
                fix=f"use a class under one of {', '.join(ALLOWED_TARGETS)}",
            )
        for key, value in node.items():
            _check_targets(value, f"{where}.{key}" if where else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _check_targets(value, f"{where}[{index}]")


def has_logits(teacher: TeacherConfig) -> bool:
    """Whether the configured teacher can give logits to the loss."""
    return teacher.kind is TeacherKind.local


def resolve_signal(cfg: Config) -> SignalKind:
    """What `loss.signal=auto` means for this teacher."""
    if cfg.loss.signal is SignalKind.auto:
        return SignalKind.online if has_logits(cfg.teacher) else SignalKind.hard
    return cfg.loss.signal


def validate(cfg: Config) -> None:
    """Cross-field rules; runs in every stage before anything heavy is imported.

    Raises ConfigError naming the fields, what they hold, and what to write instead.
    """
    _validate_signal(cfg)
    _validate_ranges(cfg)
    if cfg.teacher.kind is TeacherKind.local and not cfg.teacher.model:
        raise ConfigError(
            "teacher=local needs a model.",
            fix="add teacher.model=<hub id or folder of a transformers model>",
        )
    _validate_remote_teacher(cfg)
    if cfg.problems.kind is ProblemsKind.jsonl and not cfg.problems.path:
        raise ConfigError("problems=jsonl needs a file.", fix="add problems.path=<file.jsonl>")
    if max(cfg.benchmark.k) > cfg.benchmark.samples:
        raise ConfigError(
            f"benchmark.k={list(cfg.benchmark.k)} needs at least {max(cfg.benchmark.k)} samples "
            f"per problem, and benchmark.samples={cfg.benchmark.samples}.",
            fix=f"set benchmark.samples={max(cfg.benchmark.k)} or lower k",
        )
    if "finish" not in cfg.agent.tools:
        raise ConfigError(
            "agent.tools has no `finish`: no episode could end with an answer.",
            fix="add finish to agent.tools",
        )


def _validate_signal(cfg: Config) -> None:
    signal = resolve_signal(cfg)
    if signal is SignalKind.online and not has_logits(cfg.teacher):
        raise ConfigError(
            f"loss.signal=online asks for the teacher's logits, and teacher={cfg.teacher.kind} "
            "has none.",
            fix="use loss.signal=hard (cross-entropy on the teacher's tokens), or a white-box "
            "teacher: teacher=local teacher.model=<hub id or folder>",
        )
    if signal is SignalKind.hard:
        loss = cfg.loss
        for name in ("divergence", "reason_divergence", "act_divergence"):
            value = getattr(loss, name)
            if value not in (None, DivergenceName.forward_kl):
                raise ConfigError(
                    f"loss.{name}={value} compares distributions, and teacher="
                    f"{cfg.teacher.kind} gives only the chosen tokens.",
                    fix="use forward_kl (which becomes cross-entropy), or teacher=local "
                    "teacher.model=<hub id or folder>",
                )


def _validate_remote_teacher(cfg: Config) -> None:
    teacher, generation = cfg.teacher, cfg.generation
    if teacher.kind is TeacherKind.replay and not teacher.path:
        raise ConfigError(
            "teacher=replay needs a file of recorded responses.",
            fix="add teacher.path=<file.jsonl> (teacher.cache of an earlier run)",
        )
    for name, budget in (("max_usd", generation.max_usd), ("max_tokens", generation.max_tokens)):
        if budget is not None and budget <= 0:
            raise ConfigError(
                f"generation.{name}={budget} leaves nothing to spend.",
                fix=f"raise generation.{name}, or use null for no limit",
            )
    if not teacher.kind.remote:
        return
    if not teacher.model:
        raise ConfigError(
            f"teacher={teacher.kind} needs a model.",
            fix="add teacher.model=<the provider's name for it>",
        )
    address = urlsplit(teacher.base_url or "")
    if address.username or address.password or address.query:
        raise ConfigError(
            "teacher.base_url may hold no user name, password or query: it is written to files.",
            fix="give the key in an environment variable and its name in teacher.api_key_env",
        )
    free = teacher.preset in (TeacherPreset.vllm, TeacherPreset.sglang)
    if generation.max_usd is not None and not free and teacher.model not in teacher.prices:
        raise ConfigError(
            f"generation.max_usd={generation.max_usd} cannot be kept: teacher.prices has no price "
            f"for {teacher.model}.",
            fix=f"add it in US dollars per million tokens: '+teacher.prices={{{teacher.model}: "
            "{input: 0.1, output: 0.4}}', or use generation.max_tokens",
        )


def _validate_ranges(cfg: Config) -> None:
    unit = (
        ("loss.ce_mix", cfg.loss.ce_mix),
        ("loss.beta", cfg.loss.beta),
        ("loss.alpha", cfg.loss.alpha),
        ("problems.heldout_fraction", cfg.problems.heldout_fraction),
        ("data.validation_fraction", cfg.data.validation_fraction),
        ("teacher.mistake_rate", cfg.teacher.mistake_rate),
        ("benchmark.confidence", cfg.benchmark.confidence),
    )
    for name, value in unit:
        if not 0 <= value <= 1:
            raise ConfigError(f"{name}={value} is outside 0…1.", fix=f"set {name} within 0 and 1")
    positive = (
        ("loss.temperature", cfg.loss.temperature),
        ("student.max_tokens", cfg.student.max_tokens),
        ("benchmark.samples", cfg.benchmark.samples),
        ("generation.samples", cfg.generation.samples),
        ("generation.workers", cfg.generation.workers),
        ("agent.max_turns", cfg.agent.max_turns),
        ("sandbox.workers", cfg.sandbox.workers),
        ("teacher.attempts", cfg.teacher.attempts),
        ("teacher.timeout_seconds", cfg.teacher.timeout_seconds),
    )
    for name, value in positive:
        if value <= 0:
            raise ConfigError(f"{name}={value} must be positive.", fix=f"raise {name}")
    if cfg.data.page_examples < 0:
        raise ConfigError(
            f"data.page_examples={cfg.data.page_examples} may not be negative.",
            fix="use 0 for no page",
        )
    budget = cfg.data.batch_tokens
    if budget is not None and budget < cfg.student.max_tokens:
        raise ConfigError(
            f"data.batch_tokens={budget} is less than student.max_tokens="
            f"{cfg.student.max_tokens}: the longest trajectory would not fit a batch.",
            fix="raise data.batch_tokens, lower student.max_tokens, or leave batch_tokens null",
        )
    if cfg.loss.reason_weight < 0 or cfg.loss.act_weight < 0:
        raise ConfigError(
            "loss.reason_weight and loss.act_weight may not be negative.", fix="use 0 or more"
        )
    if cfg.loss.reason_weight == 0 and cfg.loss.act_weight == 0:
        raise ConfigError(
            "loss.reason_weight and loss.act_weight are both 0: nothing would be learned.",
            fix="give at least one of them a positive weight",
        )
