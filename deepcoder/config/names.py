"""Closed sets of the configuration, each member documented.

Members are lower case because OmegaConf reads an enum by the name of its member.
"""

from __future__ import annotations

from enum import StrEnum


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
    mbpp_plus = "mbpp_plus"
    """EvalPlus' MBPP+: the same splits by id, many more cases."""
    humaneval_plus = "humaneval_plus"
    """EvalPlus' HumanEval+: evaluation only."""
    apps = "apps"
    """Programs judged by standard input and output, in the layout of APPS, TACO or CodeContests."""
    livecodebench = "livecodebench"
    """LiveCodeBench's code generation: evaluation only."""
    mapped = "mapped"
    """Any file or hub data set, by a mapping of its columns (`problems.columns`)."""
    hotpotqa = "hotpotqa"
    """Questions with short answers, for an agent that retrieves. Evaluation only."""


class EpisodeMode(StrEnum):
    """How a benchmark's problem is put to a model."""

    agent = "agent"
    """Turns with tools, up to the benchmark's budget."""
    single = "single"
    """One answer without tools; the first block of code in it counts, whatever its fence says."""


class ProblemSets(StrEnum):
    """What a comparison does with runs that evaluated different problems."""

    refuse = "refuse"
    intersect = "intersect"
    """Compare on the problems that all of them have."""


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
    cached = "cached"
    """Sparse log-probabilities that the `score` stage wrote before."""


class StoredValues(StrEnum):
    """How a log-probability is kept in a signal cache."""

    float16 = "float16"
    uint8 = "uint8"
    """256 levels between the least and the largest of a position: half the bytes."""
    float32 = "float32"
    """As computed: for checks."""


class Alignment(StrEnum):
    """What is compared with a teacher of another tokenizer. Both are approximations."""

    chunks = "chunks"
    """The likelihood of stretches of text between places where both begin a token (ALM)."""
    sorted = "sorted"
    """The k largest probabilities at such places, without saying whose they are (ULD)."""
    refuse = "refuse"
    """Nothing: another tokenizer is an error."""


class SignalLabel(StrEnum):
    """What a training was pulled towards, in words that a table can hold."""

    hard_label = "hard-label"
    """Cross-entropy on the text."""
    rescored = "re-scored KL"
    """The distribution of a model that read trajectories which another one wrote."""
    true_teacher = "true-teacher KL"
    """The distribution of the very model that wrote the trajectories."""
    approximate = "approximate"
    """A model of another tokenizer: stretches of text or sorted probabilities."""


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


class ExportFormat(StrEnum):
    """How `convert` writes trajectories."""

    deepcoder = "deepcoder"
    """Our own versioned JSONL: lossless."""
    atif = "atif"
    """Agent Trajectory Interchange Format 1.7: lossless, by what it keeps in `extra`."""
    openai = "openai"
    """OpenAI messages with tool calls."""
    sharegpt = "sharegpt"
    """`conversations` of `from` and `value`, think and call tags in the text."""
    react = "react"
    """Chat messages with Thought / Action / Observation text."""
    r1 = "r1"
    """A prompt and a response with think tags: single turns only."""
    huggingface = "huggingface"
    """A folder for `datasets`: Parquet and a data card; lossless, by a column with the record."""


class DuplicateRule(StrEnum):
    """Which repetitions among trajectories are left out; the first one stays."""

    keep = "keep"
    """None."""
    exact = "exact"
    """Those that say the same in every word."""
    near = "near"
    """Also those whose prompts or code are nearly the same (MinHash)."""


class DuplicateKey(StrEnum):
    """What must be nearly the same for two trajectories to be one."""

    both = "both"
    """Prompt and code: several solutions of a problem stay."""
    prompt = "prompt"
    code = "code"
    either = "either"


class BestOf(StrEnum):
    """Which of several trajectories of one problem are trained on."""

    all = "all"
    first = "first"
    shortest = "shortest"
    """The one in which the model wrote the fewest characters."""
    likeliest = "likeliest"
    """The one with the least mean negative log-likelihood under the student as it is now."""


class Truncation(StrEnum):
    """What happens to a trajectory that is longer than the student's budget."""

    drop = "drop"
    """It is left out, counted and listed."""
    steps = "steps"
    """Whole steps are cut from the end until it fits; an action is never cut in the middle."""


class AnswerIds(StrEnum):
    """Which token ids stand for an answer whose backend said what it sampled."""

    tokenised = "tokenised"
    """Those of its text, as of every other text. `prepare` counts the answers sampled otherwise."""
    sampled = "sampled"
    """Those of the backend, where they spell the text; also for text that tokenises otherwise."""


class Pacing(StrEnum):
    """How fast a curriculum opens up from easy to hard examples; see deepcoder/data/sampling.py."""

    none = "none"
    """All examples from the first step on, in random order."""
    linear = "linear"
    """The share that may be drawn grows evenly."""
    root = "root"
    """It grows fast first: as much time for each new example, since fewer are left to add."""
    step = "step"
    """It grows in equal jumps."""


class Balance(StrEnum):
    """What is drawn equally often although there is more of one than of the other."""

    none = "none"
    length = "length"
    """Examples of 2ⁿ to 2ⁿ⁺¹ tokens, for each n."""
    success = "success"
    """Solved, unsolved and unjudged trajectories (needs data.only_solved=false)."""


class SandboxTier(StrEnum):
    """How strongly model-written code is contained. See docs/sandbox.md."""

    auto = "auto"
    """The strongest tier that a probe finds working."""
    namespaces = "namespaces"
    landlock = "landlock"
    rlimits = "rlimits"
    """Limits only; refused unless `sandbox.allow_weak=true`."""
