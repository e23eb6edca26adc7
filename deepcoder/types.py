"""The nouns of deepcoder, one meaning each. Everything that is written to disk is one of these.

Records are frozen pydantic models that refuse unknown fields, so a file of another schema fails at
the line where it differs. This module imports neither torch nor numpy and knows no other module.

A trajectory in three lines::

    step = Step(reason="Sum the list.", action=Action(tool="python", arguments={"code": "..."}))
    traj = Trajectory(id="...", problem_id="builtin/sum", task="...", steps=(step,), ...)
    traj.model_dump_json()
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "KINDS",
    "SCHEMA_VERSION",
    "Action",
    "Capability",
    "Case",
    "Completion",
    "Difficulty",
    "Fingerprint",
    "Message",
    "Mistake",
    "Observation",
    "ObservationStatus",
    "Outcome",
    "Problem",
    "ProblemForm",
    "Provenance",
    "Role",
    "Sampling",
    "Segment",
    "SpanKind",
    "Step",
    "StopReason",
    "Trajectory",
    "Usage",
    "Vote",
    "WeightGroup",
]

SCHEMA_VERSION = 1
"""Version of the trajectory record; a store that holds another one refuses to open."""


class Record(BaseModel):
    """Base of everything that is written to disk: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# -------------------------------------------------------------------------------- problems


class Difficulty(StrEnum):
    """How hard a problem is for a person who knows Python."""

    EASY = "easy"
    """One idea, a few lines."""
    MEDIUM = "medium"
    """Two ideas or a corner case that is easy to miss."""
    HARD = "hard"
    """An algorithm or a careful simulation."""


class ProblemForm(StrEnum):
    """How a solution meets its inputs."""

    CALL = "call"
    """`entry_point(*args, **kwargs)` returns a value that is compared with `expected`."""
    STDIN = "stdin"
    """The program reads `stdin` and its standard output is compared with `stdout`."""
    ASSERTS = "asserts"
    """`test_code` asserts in the candidate's own process: verdicts are of lower trust."""
    ANSWER = "answer"
    """The final answer is a text, not code; the hidden cases' `expected` are the accepted ones."""


class Case(Record):
    """One test case as data. Values are tagged JSON (`deepcoder.values`)."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = Field(default_factory=dict)
    expected: Any = None
    stdin: str | None = None
    stdout: str | None = None


class Mistake(Record):
    """A plausible wrong solution and, in one sentence, what is wrong with it."""

    code: str
    description: str


class Problem(Record):
    """A programming task. `visible` cases may be shown to a model; `hidden` ones judge it.

    `tolerance` is the absolute and relative error allowed for floats (0: exact);
    `ordered=False` lets the outermost list of a returned value come in any order.
    `family` names the procedural family that generated the problem, or None.
    """

    id: str
    prompt: str
    form: ProblemForm = ProblemForm.CALL
    entry_point: str | None = None
    visible: tuple[Case, ...] = ()
    hidden: tuple[Case, ...] = ()
    setup_code: str = ""
    test_code: str | None = None
    reference: str | None = None
    mistakes: tuple[Mistake, ...] = ()
    hint: str | None = None
    tolerance: float = 0.0
    ordered: bool = True
    topic: str = "general"
    difficulty: Difficulty = Difficulty.MEDIUM
    source: str = "user"
    licence: str = "unknown"
    family: str | None = None

    @model_validator(mode="after")
    def _form_is_complete(self) -> Self:
        if self.form is ProblemForm.CALL and not self.entry_point:
            raise ValueError("a problem of form 'call' needs entry_point")
        if self.form is ProblemForm.ASSERTS and not self.test_code:
            raise ValueError("a problem of form 'asserts' needs test_code")
        if self.form is not ProblemForm.ASSERTS and not self.hidden:
            raise ValueError("a problem needs at least one hidden case")
        return self


# -------------------------------------------------------------------------- conversation


class Role(StrEnum):
    """Who speaks. Observations are `user` messages unless a protocol says otherwise."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Message(Record):
    """One message. `reasoning` is what a backend returned apart from the text, if it did."""

    role: Role
    content: str
    reasoning: str | None = None


class Sampling(Record):
    """How to decode. `temperature=0` is greedy; `seed` makes a backend repeatable if it can."""

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None


class Usage(Record):
    """What something cost. Sums over a trajectory's completions; seconds are wall clock."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    requests: int = 0
    seconds: float = 0.0
    usd: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{k: getattr(self, k) + getattr(other, k) for k in type(self).model_fields})


class Completion(Record):
    """What a chat model answered. `finish` is the backend's word: 'stop', 'length', …

    `token_ids` and `logprobs` (natural log, of the sampled tokens) are kept when the backend
    gives them and are never invented.
    """

    text: str
    reasoning: str | None = None
    finish: str = "stop"
    usage: Usage = Usage()
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None


class Capability(Record):
    """What a backend can do. Cross-field rules of the configuration are decided on this."""

    tools: bool = False
    reasoning_field: bool = False
    replay_reasoning: bool = False
    n: int = 1
    logprobs: bool = False
    top_k: int = 0
    prompt_logprobs: bool = False
    logits: bool = False
    tokenizer: str | None = None
    context: int | None = None


class Fingerprint(Record):
    """Which teacher spoke: enough to tell two datasets apart, never a key or an address."""

    kind: str
    model: str
    revision: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


# ---------------------------------------------------------------------------- trajectories


class Action(Record):
    """A tool call. `finish` carries `{"answer": ...}`, `python` carries `{"code": ...}`."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class ObservationStatus(StrEnum):
    """How the environment took an action."""

    OK = "ok"
    ERROR = "error"
    """The tool ran and reports a failure, e.g. an exception in the code."""
    TIMEOUT = "timeout"
    FORMAT_ERROR = "format_error"
    """The model's text could not be read as an action."""
    REFUSED = "refused"
    """The tool does not exist or may not be called that way."""


class Observation(Record):
    """What the environment answered. `omitted` counts the characters that were cut."""

    content: str
    status: ObservationStatus = ObservationStatus.OK
    truncated: bool = False
    omitted: int = 0


class Vote(Record):
    """How a step was chosen among several samples of it (`agent.action_samples`).

    Of `samples`, `readable` had an action and `held` did not fail when it was tried; `agreed` of
    these came to the same as the chosen one, which is number `chosen` from 0. `held=0`: all failed.
    """

    samples: int
    readable: int
    held: int
    agreed: int
    chosen: int


class Step(Record):
    """One turn. `raw` is the sampled text when it is not what the protocol would write.

    `action` is None only when the text could not be read; `salvaged` says what the parser
    repaired to read it.
    """

    reason: str
    action: Action | None = None
    observation: Observation | None = None
    raw: str | None = None
    salvaged: tuple[str, ...] = ()
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    vote: Vote | None = None


class StopReason(StrEnum):
    """Why an episode ended."""

    FINISHED = "finished"
    MAX_TURNS = "max_turns"
    MAX_TOKENS = "max_tokens"
    MAX_SECONDS = "max_seconds"
    MAX_USD = "max_usd"
    MAX_INVALID = "max_invalid"
    """Too many turns in a row that could not be read."""
    MODEL_ERROR = "model_error"


class Outcome(Record):
    """Verdict of execution on hidden cases. `trust` is 'outside' or 'in_process'."""

    passed: int
    total: int
    status: str
    trust: str = "outside"
    detail: str | None = None

    @property
    def solved(self) -> bool:
        return self.total > 0 and self.passed == self.total and self.status == "ok"


class Provenance(Record):
    """Where a record comes from. `created_at` is UTC in ISO 8601."""

    source: str
    config_hash: str | None = None
    code_version: str | None = None
    seed: int | None = None
    sample: int = 0
    created_at: str | None = None


class Trajectory(Record):
    """A whole episode: what was asked, what was done, how it ended. Versioned.

    `first_thought` is the text with which the first readable step's reasoning begins because the
    model had it before it was shown tools and format (`agent.first_thought`).
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    problem_id: str
    protocol: str
    prompt_version: str
    system_prompt: str | None
    task: str
    tools: tuple[str, ...]
    steps: tuple[Step, ...]
    first_thought: str | None = None
    answer: str | None = None
    stop: StopReason = StopReason.FINISHED
    teacher: Fingerprint
    outcome: Outcome | None = None
    usage: Usage = Usage()
    provenance: Provenance
    tags: tuple[str, ...] = ()


# ------------------------------------------------------------------------- spans, weights


class WeightGroup(StrEnum):
    """The terms of the SAD loss (arXiv 2505.13820): λ_r, λ_a, and everything without loss."""

    NONE = "none"
    REASON = "reason"
    ACT = "act"


class SpanKind(StrEnum):
    """What a character or a token is. The order of the members is the on-disk code."""

    PROMPT = "prompt"
    """System prompt, task, role headers: given to the student, never sampled, never trained."""
    OBSERVATION = "observation"
    """What the environment said. Never trained."""
    REASON = "reason"
    """The student's thinking."""
    ACT_NAME = "act.name"
    """The name of the tool."""
    ACT_ARGUMENTS = "act.arguments"
    """The arguments of a tool: code, a query."""
    ACT_ANSWER = "act.answer"
    """The final answer."""
    FORMAT_REASON = "format.reason"
    """Sampled scaffolding around reasoning, e.g. `<think>`; weighted with the reason group."""
    FORMAT_ACT = "format.act"
    """Sampled scaffolding around actions: fences, end of turn; weighted with the act group."""

    @cached_property
    def code(self) -> int:
        """Position in `KINDS`: the uint8 that stands for this kind in arrays."""
        return KINDS.index(self)

    @cached_property
    def group(self) -> WeightGroup:
        if self in (SpanKind.PROMPT, SpanKind.OBSERVATION):
            return WeightGroup.NONE
        if self in (SpanKind.REASON, SpanKind.FORMAT_REASON):
            return WeightGroup.REASON
        return WeightGroup.ACT


KINDS: tuple[SpanKind, ...] = tuple(SpanKind)


class Segment(NamedTuple):
    """A half-open character range [start, end) of a rendered text.

    The segments of a text partition it: sorted, no gaps, no overlaps, none empty. `step` is the
    index of the trajectory's step the characters belong to, or None before the first.
    """

    start: int
    end: int
    kind: SpanKind
    step: int | None = None
