"""Cross-field rules: what a single field cannot say. They run before anything heavy is imported."""

from __future__ import annotations

from urllib.parse import urlsplit

from deepcoder.config.names import (
    Balance,
    ProblemsKind,
    SignalKind,
    SignalLabel,
    TeacherKind,
    TeacherPreset,
)
from deepcoder.config.schema import Config, GenerationConfig, TeacherConfig
from deepcoder.errors import ConfigError
from deepcoder.losses.names import DivergenceName, SparseScheme

__all__ = [
    "has_logits",
    "has_prompt_logprobs",
    "parse_shard",
    "resolve_signal",
    "signal_label",
    "validate",
]

SERVERS = (None, TeacherPreset.vllm, TeacherPreset.sglang)
"""Presets whose servers may give log-probabilities of a prompt; null is one that is not listed."""


def has_logits(teacher: TeacherConfig) -> bool:
    """Whether the configured teacher can give logits to the loss."""
    return teacher.kind is TeacherKind.local


def has_prompt_logprobs(teacher: TeacherConfig) -> bool:
    """Whether the configured teacher can score text that is already there."""
    server = teacher.kind is TeacherKind.openai_compatible and teacher.preset in SERVERS
    return server or has_logits(teacher)


def signal_label(cfg: Config, *, approximate: bool = False) -> SignalLabel:
    """What a run of this configuration is to be called; `approximate` as its signal says."""
    if resolve_signal(cfg) is SignalKind.hard:
        return SignalLabel.hard_label
    if approximate:
        return SignalLabel.approximate
    # Trajectories from a file may be anyone's, even when this teacher could have written them.
    foreign = bool(cfg.data.trajectories or cfg.data.mixture)
    return SignalLabel.rescored if foreign else SignalLabel.true_teacher


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
    if cfg.stage == "score" or resolve_signal(cfg) is SignalKind.cached:
        _validate_score(cfg)
    _validate_ranges(cfg)
    _validate_sampling(cfg)
    _validate_voting(cfg)
    if cfg.teacher.kind is TeacherKind.local and not cfg.teacher.model:
        raise ConfigError(
            "teacher=local needs a model.",
            fix="add teacher.model=<hub id or folder of a transformers model>",
        )
    _validate_remote_teacher(cfg)
    if cfg.problems.kind is ProblemsKind.mapped and not (
        cfg.problems.path and cfg.problems.columns
    ):
        raise ConfigError(
            "problems=mapped needs a file or a hub data set, and which of its columns is what.",
            fix="add problems.path=<file or owner/name> "
            "'problems.columns={prompt: text, entry_point: name, tests: test_list}'",
        )
    if cfg.problems.kind is ProblemsKind.jsonl and not cfg.problems.path:
        raise ConfigError("problems=jsonl needs a file.", fix="add problems.path=<file.jsonl>")
    own = cfg.benchmark.problems
    if own is not None and own.kind is ProblemsKind.jsonl and not own.path:
        raise ConfigError(
            f"benchmark={cfg.benchmark.name} needs a file.",
            fix="add benchmark.problems.path=<file.jsonl>",
        )
    if not cfg.benchmark.k or min(cfg.benchmark.k) < 1:
        raise ConfigError(
            f"benchmark.k={list(cfg.benchmark.k)} is no list of sample counts.",
            fix="use e.g. benchmark.k=[1]",
        )
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


def _validate_score(cfg: Config) -> None:
    score, teacher = cfg.score, cfg.teacher
    if not has_prompt_logprobs(teacher):
        kind = (
            f"{teacher.kind}, teacher.preset={teacher.preset}" if teacher.preset else teacher.kind
        )
        raise ConfigError(
            f"teacher={kind} gives no log-probabilities of a text, so nothing can be scored.",
            fix="use a white-box teacher (teacher=local teacher.model=<hub id or folder>) or a "
            "server of your own (teacher=vllm or teacher=sglang, teacher.model=<name>)",
        )
    if teacher.kind is not TeacherKind.local:
        if score.scheme is SparseScheme.sampled:
            raise ConfigError(
                "score.scheme=sampled draws from the whole distribution, and a server gives only "
                "the likeliest tokens.",
                fix="use score.scheme=tail, or teacher=local",
            )
        if score.temperature != 1:
            raise ConfigError(
                f"loss.temperature={cfg.loss.temperature} needs the whole distribution, and a "
                "server gives it at temperature 1 only.",
                fix="use loss.temperature=1, or teacher=local",
            )
    if score.scheme is SparseScheme.sorted:
        raise ConfigError(
            "score.scheme=sorted forgets which token is which.",
            fix="use tail, or score.alignment=sorted for a teacher of another tokenizer",
        )
    if score.scheme is SparseScheme.sampled:
        for name in ("divergence", "reason_divergence", "act_divergence"):
            if getattr(cfg.loss, name) not in (None, DivergenceName.forward_kl):
                raise ConfigError(
                    f"loss.{name}={getattr(cfg.loss, name)} from score.scheme=sampled would be "
                    "biased: only forward_kl is linear in the teacher's probabilities.",
                    fix="use forward_kl, or score.scheme=tail",
                )
    if not 0 < score.draws < 256:
        raise ConfigError(f"score.draws={score.draws} is outside 1…255.", fix="50 is usual")
    if score.shard is not None:
        parse_shard(score.shard)


def parse_shard(text: str) -> tuple[int, int]:
    """`2/4` as (1, 4): which part, counted from 0, of how many. Raises ConfigError."""
    part, _, parts = text.partition("/")
    if part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts):
        return int(part) - 1, int(parts)
    raise ConfigError(
        f"score.shard={text} is no share of the work.", fix="write 1/4, 2/4, … as many as you run"
    )


def _validate_remote_teacher(cfg: Config) -> None:
    teacher, generation = cfg.teacher, cfg.generation
    if teacher.kind is TeacherKind.replay and not teacher.path:
        raise ConfigError(
            "teacher=replay needs a file of recorded responses.",
            fix="add teacher.path=<file.jsonl> (teacher.cache of an earlier run)",
        )
    for name in ("max_usd", "max_tokens", "max_seconds", "max_episodes", "give_up_after", "pilot"):
        budget = getattr(generation, name)
        if budget is not None and budget <= 0:
            raise ConfigError(
                f"generation.{name}={budget} leaves nothing to do.",
                fix=f"raise generation.{name}, or use null for no limit",
            )
    _validate_shard(generation)
    if not teacher.kind.remote:
        return
    for name in ("requests_per_minute", "tokens_per_minute", "patience_seconds", "retry_seconds"):
        value = getattr(teacher, name)
        if value is not None and not 0 < value < float("inf"):
            raise ConfigError(
                f"teacher.{name}={value} must be positive and finite.", fix=f"change teacher.{name}"
            )
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
    for name, most in (("generation", generation.max_usd), ("agent", cfg.agent.max_usd)):
        if most is None or free or teacher.model in teacher.prices:
            continue
        raise ConfigError(
            f"{name}.max_usd={most} cannot be kept: teacher.prices has no price "
            f"for {teacher.model}.",
            fix=f"add it in US dollars per million tokens: '+teacher.prices={{{teacher.model}: "
            "{input: 0.1, output: 0.4}}', or use generation.max_tokens",
        )


def _validate_sampling(cfg: Config) -> None:
    """Curriculum, balance and mixture of `data`."""
    data, curriculum = cfg.data, cfg.data.curriculum
    for name in ("alpha", "beta", "gamma"):
        if getattr(curriculum, name) < 0:
            raise ConfigError(
                f"data.curriculum.{name}={getattr(curriculum, name)} may not be negative.",
                fix="use 0 or more: easy examples come first",
            )
    for name in ("start", "full_at"):
        if not 0 < getattr(curriculum, name) <= 1:
            raise ConfigError(
                f"data.curriculum.{name}={getattr(curriculum, name)} is outside 0…1.",
                fix=f"set data.curriculum.{name} above 0 and at most 1",
            )
    if curriculum.stages < 1:
        raise ConfigError(
            f"data.curriculum.stages={curriculum.stages} must be positive.", fix="use 2 or more"
        )
    if curriculum.gamma and not (
        resolve_signal(cfg) is SignalKind.cached and has_logits(cfg.teacher)
    ):
        raise ConfigError(
            f"data.curriculum.gamma={curriculum.gamma} weighs the teacher's entropy, which is not "
            f"known before training with loss.signal={resolve_signal(cfg)} of "
            f"teacher={cfg.teacher.kind}.",
            fix="set data.curriculum.gamma=0, or loss.signal=cached with teacher=local",
        )
    if data.balance is Balance.success and data.only_solved:
        raise ConfigError(
            "data.balance=success has nothing to balance: data.only_solved keeps successes alone.",
            fix="add data.only_solved=false",
        )
    if data.mixture and data.trajectories:
        raise ConfigError(
            "data.trajectories and data.mixture both say what to train on.",
            fix="name the file in data.mixture as well, or leave the mixture out",
        )
    weights = {name: source.weight for name, source in data.mixture.items()}
    if weights and (min(weights.values()) < 0 or max(weights.values()) <= 0):
        raise ConfigError(
            f"data.mixture has weights {weights}.", fix="use positive weights, 0 to leave one out"
        )


def _validate_voting(cfg: Config) -> None:
    """Samples of a step that are all the same cost money and decide nothing."""
    if cfg.agent.action_samples <= 1:
        return
    scripted = cfg.teacher.kind in (TeacherKind.oracle, TeacherKind.replay)
    name, temperature = "teacher.temperature", cfg.teacher.temperature
    if cfg.stage == "evaluate":
        name, temperature, scripted = "benchmark.temperature", cfg.benchmark.temperature, False
    if temperature <= 0 and not scripted:
        raise ConfigError(
            f"agent.action_samples={cfg.agent.action_samples} with {name}={temperature:g}: all "
            "samples of a step would be the same.",
            fix=f"set {name}=0.7, or agent.action_samples=1",
        )


def _validate_shard(generation: GenerationConfig) -> None:
    if generation.shard is None:
        return
    number, _, count = generation.shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ConfigError(
            f"generation.shard={generation.shard} is no part of a whole.",
            fix="write generation.shard=k/n with k from 1 to n, e.g. 3/8",
        )
    if generation.merge:
        raise ConfigError(
            "generation.merge makes the whole of its shards, and generation.shard asks for a part.",
            fix="leave generation.shard out",
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
        ("benchmark.batch_size", cfg.benchmark.batch_size),
        ("benchmark.workers", cfg.benchmark.workers),
        ("generation.samples", cfg.generation.samples),
        ("generation.workers", cfg.generation.workers),
        ("agent.max_turns", cfg.agent.max_turns),
        ("agent.action_samples", cfg.agent.action_samples),
        ("retrieval.hits", cfg.retrieval.hits),
        ("retrieval.snippet_chars", cfg.retrieval.snippet_chars),
        ("retrieval.passage_chars", cfg.retrieval.passage_chars),
        ("retrieval.max_file_kb", cfg.retrieval.max_file_kb),
        ("sandbox.workers", cfg.sandbox.workers),
        ("teacher.attempts", cfg.teacher.attempts),
        ("teacher.timeout_seconds", cfg.teacher.timeout_seconds),
        ("score.k", cfg.score.k),
        ("score.shard_tokens", cfg.score.shard_tokens),
        ("score.requests", cfg.score.requests),
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
