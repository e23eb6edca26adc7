"""The tree that every stage composes: its fields, their units and defaults.

Third-party constructors (`optim`, `trainer`, `callbacks`, `logger`) are plain nodes with a
`_target_`; everything that changes the science has a typed field here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import II

from deepcoder.config.names import (
    Alignment,
    AnswerIds,
    Balance,
    BestOf,
    DuplicateKey,
    DuplicateRule,
    EpisodeMode,
    ExportFormat,
    Pacing,
    ProblemSets,
    ProblemsKind,
    Quantization,
    SandboxTier,
    SignalKind,
    StoredValues,
    StudentSource,
    TeacherKind,
    TeacherPreset,
    TrajectoryFormat,
    Truncation,
)
from deepcoder.losses.names import DivergenceName, Normaliser, SparseScheme
from deepcoder.retrieval.names import RankerName


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
    """File to read (all kinds but builtin): JSON Lines, JSON or Parquet. Null looks for a package,
    then the hub; `mapped` takes the name of a hub data set here as well."""
    columns: dict[str, str] = field(default_factory=dict)
    """Our field to the set's column, e.g. {prompt: text, tests: test_list} (mapped)."""
    subset: str | None = None
    """Name of the configuration of a hub data set (mapped)."""
    max_cases: int | None = None
    """Hidden cases kept per problem, spread evenly over all; null keeps all (mbpp_plus,
    humaneval_plus, apps, livecodebench)."""
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
    """Seconds a request may take before it counts as stalled and is asked again. Where answers are
    quick, the first try gets less: eight times the slowest answer so far, and 30 s at least."""
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
    max_usd: float | None = None
    """US dollars that the model may cost per episode; null sets no limit."""
    max_seconds: float = 600.0
    """Seconds of wall clock per episode."""
    max_invalid: int = 2
    """Answers in a row that cannot be read before the episode is given up."""
    observation_chars: int = 1200
    """Characters of a tool's output that the model sees; the rest is cut and said so."""
    first_thought: bool = False
    """Begin with a thought that the model has before it is shown tools and format
    (arXiv 2505.17612). One request more per episode."""
    action_samples: int = 1
    """Samples of every step, of which the one that does what most of them do is taken and code that
    fails is dropped (arXiv 2505.17612). Needs a temperature above 0; `max_tokens` holds for each
    sample."""


@dataclass
class RetrievalConfig:
    """What the tool `retrieve` searches; read only when `agent.tools` has it."""

    path: str | None = None
    """Folder of Markdown, text, HTML or reStructuredText; null takes the documentation of the
    running Python's standard library."""
    ranker: RankerName = RankerName.fts5
    hits: int = 3
    """Documents shown for a query."""
    snippet_chars: int = 300
    """Characters of a document that are shown."""
    passage_chars: int = 1200
    """Longest passage that is searched and shown as one, in characters."""
    max_file_kb: int = 2048
    """Files larger than this many KiB are skipped, counted and named."""
    exclude: str | None = None
    """File with the id of a document or passage per line that is never shown."""
    decontaminate: list[str] = field(default_factory=lambda: ["builtin"])
    """Evaluation sets, as in `data.decontaminate`, whose problems and solutions are never shown."""


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
class FiltersConfig:
    """What a trajectory that passes its hidden cases must fulfil besides; see docs/data.md."""

    hardcoding: bool = True
    """Refuse an answer that looks expected values up instead of computing them."""
    leaks: bool = True
    """Refuse an episode in which hidden cases stand in the prompt or in what the model wrote."""
    invalid_actions: int = 0
    """Answers per episode that could not be read or called a tool that is not there."""
    repeats: int | None = 2
    """Times the same action may bring the same observation; one more is a loop. null: no limit."""
    max_chars: int | None = 60000
    """Characters that the model may have written in an episode; null: no limit."""
    max_reason_chars: int | None = 20000
    """Characters of the reasoning of one step; null: no limit."""
    min_reason_chars: int = 0
    """Characters of reasoning that an episode must have, in all its steps together."""
    languages: list[str] | None = field(default_factory=lambda: ["en"])
    """Languages that reasoning may be written in, as ISO 639-1 codes; null allows any."""


@dataclass
class GenerationConfig:
    """How many episodes are played, and which are kept."""

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
    max_seconds: float | None = None
    """Seconds of wall clock that one start may play; episodes in flight are finished."""
    max_episodes: int | None = None
    """Episodes that the run plays in all its starts together."""
    give_up_after: int | None = 20
    """Stop when none of so many first episodes holds a readable action; null plays on."""
    dry_run: bool = False
    """Play only the pilot, keep it, and print what the rest will cost."""
    pilot: int = 8
    """Episodes of the pilot, drawn at random."""
    shard: str | None = None
    """Part of the episodes that is played here, as `k/n`, e.g. 3/8; null plays all. Budgets are
    each part's own."""
    merge: list[str] = field(default_factory=list)
    """Run folders (or patterns) of all shards, to be put together here; nothing is played."""
    filters: FiltersConfig = field(default_factory=FiltersConfig)


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
