"""Keep what a teacher thinks of every token: `python -m deepcoder.score [group=option] [field=…]`.

The teacher reads the prepared examples (made first when they are missing) and its distribution at
every token that can carry loss is stored, sparse, for `loss.signal=cached`. Examples:

    python -m deepcoder.score teacher=local teacher.model=<hub id or folder>
    python -m deepcoder.score teacher=local teacher.model=<…> score.scheme=sampled score.draws=50
    python -m deepcoder.score teacher=vllm teacher.model=<name> data.trajectories=<file or run>
    python -m deepcoder.score teacher=local teacher.model=<…> score.shard=1/4    # and 2/4, 3/4, 4/4

The run folder holds signals/ and report.json. Kill it when you like: the same command goes on with
the next shard. With `teacher=local`, `train` runs this stage by itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config import Alignment, Config, SparseScheme, TeacherKind
from deepcoder.config.rules import parse_shard
from deepcoder.errors import ConfigError, MissingError
from deepcoder.prepare import prepared_examples
from deepcoder.runs import RunFolder, atomic_write, locked, progress, stage, stage_folder

if TYPE_CHECKING:
    from deepcoder.data import Examples
    from deepcoder.losses import ChunkRows, SparseRows
    from deepcoder.signals.cache import CacheWriter
    from deepcoder.signals.cached import CachedSignal
    from deepcoder.signals.columns import Layout
    from deepcoder.signals.vocabulary import VocabularyMap
    from deepcoder.students.batch import TokenBatch

log = logging.getLogger(__name__)

FILES = {
    "signals/": "the teacher's sparse distributions, in shards, with their index",
    "report.json": "bytes a position, positions a second, what storing lost",
}
SIGNALS = "signals"


@stage("score", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Score every shard that is not there yet; return at once when all are."""
    plan = Plan.of(cfg, prepared_examples(cfg))
    part, parts = parse_shard(cfg.score.shard) if cfg.score.shard else (0, 1)
    writer = plan.writer(run.path / SIGNALS)
    missing = writer.missing(part, parts)
    if missing and run.done:
        run.restart()  # examples, teacher or tokenizer have changed, or a shard was removed
    run.record_input("examples", plan.examples_path)
    plan.announce(len(missing), len(writer.shards))
    if missing:
        _score(cfg, plan, writer, missing)
    if not writer.finish():
        left = len(writer.missing())
        log.info("%s of %s shards are still to be scored.", left, len(writer.shards))
        run.finish("partial")
        return
    if missing or not run.done:
        report = _report(plan, writer)
        atomic_write(run.path / "report.json", _json(report))
        run.metric(**{f"score/{k}": v for k, v in report.items() if isinstance(v, int | float)})
        _print_report(report)
        run.finish(**report)
    log.info("Signals: %s", run.path / SIGNALS)


def make_signals(cfg: Config) -> None:
    """Score what is missing, with a teacher in this process.

    Raises MissingError when signals are missing and their teacher is behind a server.
    """
    plan, signals = Plan.of(cfg, prepared_examples(cfg)), _signals(cfg)
    with locked(signals.parent / ".lock"):  # jobs of a sweep, and ranks, make them once
        if not plan.writer(signals).missing() and (signals / "index.json").exists():
            return
        if cfg.teacher.kind is not TeacherKind.local:
            raise MissingError(
                f"There are no finished signals of teacher={cfg.teacher.kind} at {signals}.",
                fix="run `python -m deepcoder.score` with the same overrides first",
            )
        log.info("No finished signals for this configuration: scoring them first.")
        main.run(cfg, main.open(cfg))


def scored_signal(cfg: Config) -> CachedSignal:
    """The signal of this configuration. Raises MissingError or DataError when it is unusable."""
    from deepcoder.signals.cache import SignalCache
    from deepcoder.signals.cached import CachedSignal

    plan = Plan.of(cfg, prepared_examples(cfg))
    return CachedSignal(SignalCache(_signals(cfg), plan.key), plan.vocabulary.mask)


def _signals(cfg: Config) -> Path:
    return stage_folder(cfg, "score") / SIGNALS


@dataclass
class Plan:
    """What is to be scored, by whom, and how it is kept. Loads tokenizers, no weights."""

    cfg: Config
    examples_path: Path
    splits: tuple[Examples, Examples]
    tokenizers: tuple[Any, Any]
    """Of the student and of the teacher."""
    vocabulary: VocabularyMap
    layout: Layout
    key: dict[str, Any]

    @classmethod
    def of(cls, cfg: Config, examples: Path) -> Plan:
        """Raises MissingError without the teacher, ConfigError when it cannot be compared."""
        from deepcoder.data.examples import load_examples
        from deepcoder.signals.vocabulary import compare
        from deepcoder.students import load_tokenizer
        from deepcoder.students.checks import require_model
        from deepcoder.students.loading import read_tokenizer

        teacher = cfg.teacher
        if teacher.kind is TeacherKind.local:
            require_model(str(teacher.model), teacher.revision, "teacher")
        student = load_tokenizer(cfg.student, cfg.paths.cache)
        own = cfg.score.tokenizer or str(teacher.model)
        theirs = read_tokenizer(own, None if cfg.score.tokenizer else teacher.revision)
        vocabulary = compare(student, theirs, str(teacher.model))
        if cfg.score.alignment is Alignment.refuse or teacher.kind is not TeacherKind.local:
            vocabulary.require_same()
        layout = _layout(cfg, vocabulary)
        splits = load_examples(examples)
        key = _key(cfg, splits, (student, theirs), layout)
        return cls(cfg, examples, splits, (student, theirs), vocabulary, layout, key)

    @property
    def rows_per_example(self) -> list[int]:
        import numpy as np

        return [int(n) for split in self.splits for n in np.diff(split.signal_starts)]

    def writer(self, folder: Path) -> CacheWriter:
        from deepcoder.signals.cache import CacheWriter

        shard_rows = self.cfg.score.shard_tokens
        return CacheWriter(folder, self.key, self.layout, self.rows_per_example, shard_rows)

    def batches(self, first: int, last: int) -> list[TokenBatch]:
        """Micro-batches of the examples [first, last), both splits counted on."""
        import numpy as np

        from deepcoder.data.batches import collate
        from deepcoder.data.examples import SAMPLED
        from deepcoder.data.packing import pack
        from deepcoder.data.planner import MicroBatch

        cfg, batches, before = self.cfg, [], 0
        budget = cfg.score.batch_tokens or cfg.data.batch_tokens or cfg.student.max_tokens
        for split in self.splits:
            mine = np.arange(max(first - before, 0), min(last - before, len(split)))
            before += len(split)
            lengths = [split.lengths[i] for i in mine] if len(mine) else []
            for group in pack(lengths, max(budget, max(lengths, default=0))):
                row = tuple(int(mine[i]) for i in group)
                batches.append(collate(split, MicroBatch((row,)), SAMPLED, {}))
        return [batch for batch in batches if len(batch.rows)]

    def announce(self, missing: int, shards: int) -> None:
        """What will be done and how large it becomes, before anything heavy is loaded."""
        rows = sum(self.rows_per_example)
        per_row = self.layout.expected_bytes()
        log.info(
            "%s positions of %s examples, %s: about %.0f bytes each, %s in all; %s of %s shards "
            "to score.",
            f"{rows:,}",
            f"{len(self.rows_per_example):,}",
            "stretches of text" if self.layout.chunks else f"scheme {self.layout.scheme}",
            per_row,
            _size(rows * per_row),
            missing,
            shards,
        )
        v = self.vocabulary
        if v.difference is not None:
            log.warning("APPROXIMATE: the teacher has another tokenizer: %s.", v.difference)
        elif v.unshared:
            log.warning(
                "%s of %s token ids name other tokens for the teacher; they are taken out of the "
                "divergence, and where one is the target, cross-entropy stands in.",
                len(v.unshared),
                f"{v.size:,}",
            )


def _layout(cfg: Config, vocabulary: VocabularyMap) -> Layout:
    from deepcoder.signals.columns import Layout

    score, scheme, chunks = cfg.score, cfg.score.scheme, False
    if vocabulary.difference is not None:
        chunks = score.alignment is Alignment.chunks
        scheme = SparseScheme.tail if chunks else SparseScheme.sorted
    if scheme is not SparseScheme.sampled and not chunks and score.k > vocabulary.shared:
        raise ConfigError(
            f"score.k={score.k} is larger than the vocabulary of {vocabulary.shared} tokens that "
            "teacher and student share.",
            fix=f"set score.k={vocabulary.shared} or less; 64 is usual",
        )
    return Layout(
        scheme,
        vocabulary.size,
        k=0 if scheme is SparseScheme.sampled or chunks else score.k,
        draws=score.draws if scheme is SparseScheme.sampled else 0,
        values=str(score.precision),
        chunks=chunks,
    )


def _key(
    cfg: Config, splits: Sequence[Examples], tokenizers: Sequence[Any], layout: Layout
) -> dict[str, Any]:
    """Everything that the numbers depend on."""
    import hashlib

    from deepcoder.signals.identity import template_hash, tokenizer_hash, weights_hash

    digest = hashlib.sha256()
    for split in splits:
        for part in (split.offsets, split.input_ids, split.kinds):
            digest.update(part.tobytes())
    teacher, local = cfg.teacher, cfg.teacher.kind is TeacherKind.local
    revision = weights_hash(str(teacher.model), teacher.revision) if local else teacher.revision
    return {
        "teacher": str(teacher.model).rstrip("/").rpartition("/")[2],
        "teacher_kind": str(teacher.kind),
        "teacher_revision": revision,
        "teacher_dtype": str(teacher.dtype) if local else None,
        "teacher_tokenizer": tokenizer_hash(tokenizers[1]),
        "student_tokenizer": tokenizer_hash(tokenizers[0]),
        "template": template_hash(tokenizers[0]),
        "examples": digest.hexdigest()[:16],
        "temperature": float(cfg.score.temperature),
        "seed": cfg.seed if layout.sampled else None,
        **layout.as_dict(),
    }


# ----------------------------------------------------------------------------- scoring


def _score(cfg: Config, plan: Plan, writer: CacheWriter, missing: Sequence[int]) -> None:
    from deepcoder.signals.columns import encode

    scorer = _scorer(cfg, plan)
    total = sum(writer.rows[n][1] - writer.rows[n][0] for n in missing)
    with progress("scoring", total) as advance:
        for number in missing:
            started, tokens, parts = time.monotonic(), 0, []
            for batch in plan.batches(*writer.shards[number]):
                parts.append((batch.signal_rows, scorer(batch)))
                tokens += batch.tokens
                advance(len(batch.rows), shard=f"{number + 1}/{len(writer.shards)}")
            start, end = writer.rows[number]
            rows = assemble(parts, start, end - start)
            unknown = getattr(rows, "unknown", None)
            writer.write(
                number,
                encode(rows, plan.layout),
                tokens=tokens,
                seconds=round(time.monotonic() - started, 3),
                unknown=0 if unknown is None else int(unknown.sum()),
                **scorer.measured.take(),
            )


def _scorer(cfg: Config, plan: Plan) -> Any:
    """Whoever turns batches into rows; loads the weights of a local teacher."""
    teacher = cfg.teacher
    if teacher.kind is not TeacherKind.local:
        return _server_scorer(cfg, plan)
    import torch

    from deepcoder.signals.local import CrossScorer, LocalScorer
    from deepcoder.students.loading import load_pretrained, resolve_dtype

    model = load_pretrained(
        str(teacher.model),
        revision=teacher.revision,
        dtype=resolve_dtype(teacher.dtype),
        device_map=teacher.device_map,
    )
    if torch.cuda.is_available() and not hasattr(model, "hf_device_map"):
        model.to("cuda")
    rows = sum(plan.rows_per_example)
    scorer = LocalScorer(
        model,
        plan.vocabulary,
        plan.layout,
        temperature=float(cfg.score.temperature),
        seed=cfg.seed,
        every=rows // max(1, cfg.score.sample),
    )
    if plan.vocabulary.difference is not None:
        return CrossScorer(scorer, *plan.tokenizers)
    device = next(model.parameters()).device

    def score(batch: TokenBatch) -> Any:
        return scorer(batch.to(device))

    return _Moved(score, scorer.measured)


@dataclass
class _Moved:
    """A scorer whose batches go to its device."""

    score: Callable[[TokenBatch], Any]
    measured: Any

    def __call__(self, batch: TokenBatch) -> Any:
        return self.score(batch)


def _server_scorer(cfg: Config, plan: Plan) -> Any:
    from deepcoder.chat_models.openai_compatible import provider_of
    from deepcoder.chat_models.sdk import UNUSED, api_key
    from deepcoder.signals.server import Endpoint, ServerScorer

    teacher = cfg.teacher
    provider = provider_of(teacher)
    key = api_key(teacher, provider)
    endpoint = Endpoint(
        str(teacher.base_url or provider.base_url),
        str(teacher.model),
        dialect="sglang" if str(teacher.preset) == "sglang" else "vllm",
        key=None if key == UNUSED else key,
        requests=cfg.score.requests,
        timeout=teacher.timeout_seconds,
        attempts=teacher.attempts,
        first_wait=teacher.retry_seconds,
    )
    return ServerScorer(endpoint, plan.vocabulary, plan.layout)


def assemble(
    parts: Sequence[tuple[Any, SparseRows | ChunkRows]], start: int, count: int
) -> SparseRows | ChunkRows:
    """Rows of batches in any order, into the order of the cache."""
    import torch

    from deepcoder.losses import ChunkRows, SparseRows

    places = torch.cat([place for place, _ in parts]) - start
    order = places.argsort()
    assert torch.equal(places[order], torch.arange(count)), "a position was scored twice or never"
    rows = [part for _, part in parts]
    first = rows[0]
    if isinstance(first, ChunkRows):
        chunks, values, before = [], [], 0
        for part in rows:
            assert isinstance(part, ChunkRows)
            chunks.append(torch.where(part.chunks >= 0, part.chunks + before, -1))
            values.append(part.log_probs)
            before += len(part.log_probs)
        return _in_order(torch.cat(chunks)[order], torch.cat(values))
    names = ("ids", "log_probs", "log_tail", "entropy", "log_target", "unknown")
    columns = {}
    for name in names:
        found = [getattr(part, name) for part in rows]
        columns[name] = None if found[0] is None else torch.cat(found)[order]
    return SparseRows(scheme=first.scheme, width=first.width, **columns)


def _in_order(chunks: Any, values: Any) -> ChunkRows:
    """Stretches numbered as they come: neighbours must not share a number."""
    import torch

    from deepcoder.losses import ChunkRows

    covered = chunks >= 0
    inside = chunks[covered]
    new = torch.ones_like(inside, dtype=torch.bool)
    new[1:] = inside[1:] != inside[:-1]
    renumbered = torch.full_like(chunks, -1)
    renumbered[covered] = new.cumsum(0) - 1
    return ChunkRows(renumbered, values[inside[new]])


# ------------------------------------------------------------------------------ report


def _report(plan: Plan, writer: CacheWriter) -> dict[str, Any]:
    records = writer.records()
    facts = [record["facts"] for record in records]

    def total(name: str) -> float:
        return sum(fact.get(name, 0) for fact in facts)

    rows = sum(plan.rows_per_example)
    stored = sum(record["bytes"] for record in records)
    compared = total("compared")
    return {
        "label": "approximate" if plan.vocabulary.difference is not None else "exact tokens",
        "positions": rows,
        "tokens": int(total("tokens")),
        "bytes": stored,
        "bytes_per_position": round(stored / max(rows, 1), 1),
        "tokens_per_second": round(total("tokens") / max(total("seconds"), 1e-9), 1),
        "kl_error": total("kl_error") / compared if compared else None,
        "kl_error_positions": int(compared),
        "unknown_positions": int(total("unknown")),
        "unshared_tokens": len(plan.vocabulary.unshared),
    }


def _print_report(report: dict[str, Any]) -> None:
    error = report["kl_error"]
    measured = (
        "not measurable without the dense distribution"
        if error is None
        else f"{error:.2e} nats, over {report['kl_error_positions']:,} positions"
    )
    log.info(
        "%s in %s bytes a position (%s), %s tokens/s; KL error against dense: %s",
        f"{report['positions']:,} positions",
        report["bytes_per_position"],
        _size(report["bytes"]),
        f"{report['tokens_per_second']:,.0f}",
        measured,
    )
    if report["unknown_positions"]:
        log.info(
            "At %s positions the teacher does not know the target: cross-entropy stands in.",
            f"{report['unknown_positions']:,}",
        )


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _json(report: dict[str, Any]) -> str:
    import json

    return json.dumps(report, indent=1) + "\n"


if __name__ == "__main__":
    main()
