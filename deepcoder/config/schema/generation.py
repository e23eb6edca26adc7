"""What `generate` reads: problems, teacher, agent, tools, sandbox, and what is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deepcoder.config.names import (
    ProblemsKind,
    SandboxTier,
    TeacherKind,
    TeacherPreset,
)
from deepcoder.retrieval.names import RankerName

__all__ = [
    "AgentConfig",
    "FiltersConfig",
    "GenerationConfig",
    "PriceConfig",
    "ProblemsConfig",
    "RetrievalConfig",
    "SandboxConfig",
    "TeacherConfig",
]


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
