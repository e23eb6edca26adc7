"""What a signal cache costs and what it loses, on a real pair of models.

    python experiments/benchmarks/signal_cache.py --trajectories fireact.jsonl --limit 60

Question: how many bytes a position, how fast, how far from the dense teacher, and does it matter to
the student? The teacher is SmolLM2-135M-Instruct; the student is the same model without its last
layers but one, as a depth-pruned student begins. Both read ReAct conversations; their last hidden
states are computed once, and for every way of storing the teacher

- the positions are reduced, written and read back as `deepcoder.score` does (bytes, speed, and its
  `kl_error`);
- the gradient of forward KL with respect to an adapter on the student's hidden states (rank 16,
  over all training positions) is compared with the dense one;
- that adapter is trained for some steps, and the dense KL on held-out conversations is measured.

The adapter stands for a student: what differs between the rows is the signal and nothing else.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepcoder.config import compose
from deepcoder.data.batches import collate
from deepcoder.data.examples import SAMPLED, load_examples
from deepcoder.data.packing import pack
from deepcoder.data.planner import MicroBatch
from deepcoder.losses import SparseRows, SparseScheme, TeacherRows, linear_distillation_loss
from deepcoder.prepare import prepared_examples
from deepcoder.signals.columns import Layout, decode, encode
from deepcoder.signals.local import LocalScorer
from deepcoder.signals.vocabulary import VocabularyMap
from deepcoder.students import load_base
from deepcoder.students.attention import use_document_attention
from deepcoder.students.batch import TokenBatch, head_of, supervised_hidden

LAYOUTS = [
    *(("tail", k, "float16") for k in (8, 16, 32, 64, 128, 256)),
    ("tail", 64, "uint8"),
    *(("renormalised", k, "float16") for k in (8, 64, 256)),
    *(("sampled", n, "float16") for n in (8, 16, 32, 50, 64)),
]


@dataclass
class Pair:
    """Hidden states of both models at the supervised positions, and their heads."""

    teacher: Tensor
    student: Tensor
    teacher_head: Tensor
    student_head: Tensor
    targets: Tensor
    batch: TokenBatch
    """Any batch, for the names in messages."""
    tokens: int
    seconds: float
    """Of the teacher's forward passes."""


def hidden_states(args: argparse.Namespace) -> tuple[Pair, LocalScorer]:
    with tempfile.TemporaryDirectory() as runs:
        wanted = ["data=react", f"data.trajectories={args.trajectories}", "student=smollm2"]
        cfg = compose("prepare", [*wanted, f"paths.runs={runs}", "data.page_examples=0"])
        examples, _ = load_examples(prepared_examples(cfg))
    lengths = examples.lengths[: args.limit]
    batches = [
        collate(examples, MicroBatch((tuple(group),)), SAMPLED, {}) for group in pack(lengths, 2048)
    ]
    teacher = load_base(cfg.student, cfg.paths.cache).eval()
    vocabulary = VocabularyMap("teacher", head_of(teacher)[0].shape[0])
    scorer = LocalScorer(teacher, vocabulary, Layout(SparseScheme.tail, vocabulary.size, k=8))
    student = load_base(cfg.student, cfg.paths.cache).eval()
    layers = student.get_decoder().layers
    student.get_decoder().layers = torch.nn.ModuleList([*layers[: args.layers - 1], layers[-1]])
    use_document_attention(student)
    started = time.perf_counter()
    with torch.no_grad():
        theirs = [supervised_hidden(teacher, batch) for batch in batches]
        seconds = time.perf_counter() - started
        ours = [supervised_hidden(student, batch) for batch in batches]
    pair = Pair(
        torch.cat(theirs).float(),
        torch.cat(ours).float(),
        head_of(teacher)[0].detach().float(),
        head_of(student)[0].detach().float(),
        torch.cat([batch.targets for batch in batches]),
        batches[0],
        sum(batch.tokens for batch in batches),
        seconds,
    )
    return pair, scorer


def store(
    scorer: LocalScorer, pair: Pair, layout: Layout, count: int
) -> tuple[SparseRows, dict[str, float]]:
    """The first `count` positions as they come back from the cache, and what that took."""
    scorer.layout, scorer.every = layout, max(1, count // 512)
    places = np.arange(count)
    started = time.perf_counter()
    with torch.no_grad():
        rows = scorer.reduce(pair.teacher[:count], pair.targets[:count], places, pair.batch)
    columns = encode(rows, layout)
    seconds = time.perf_counter() - started
    measured = scorer.measured.take()
    back = decode(columns, layout, places)
    assert isinstance(back, SparseRows)
    per_token = pair.seconds / pair.tokens + seconds / count * len(pair.targets) / pair.tokens
    return back, {
        "bytes": sum(column.nbytes for column in columns.values()) / count,
        "tokens_per_second": 1 / per_token,
        "kl_error": measured["kl_error"] / measured["compared"],
    }


class Adapter(torch.nn.Module):
    """h + B A h, B zero at first."""

    def __init__(self, width: int, rank: int = 16) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a = torch.nn.Parameter(torch.randn(rank, width) / width**0.5)
        self.b = torch.nn.Parameter(torch.zeros(width, rank))

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + (hidden @ self.a.t()) @ self.b.t()


def loss_of(pair: Pair, adapter: Adapter, signal: SparseRows | TeacherRows, rows: Tensor) -> Tensor:
    return linear_distillation_loss(
        adapter(pair.student[rows]),
        pair.student_head,
        signal,
        torch.full((len(rows),), 1 / len(rows)),
        targets=pair.targets[rows],
    ).loss


def dense(pair: Pair, rows: Tensor) -> TeacherRows:
    return TeacherRows(pair.teacher[rows], pair.teacher_head)


def gradient(pair: Pair, signal: SparseRows | TeacherRows, rows: Tensor) -> Tensor:
    adapter = Adapter(pair.student.shape[1])
    loss_of(pair, adapter, signal, rows).backward()
    assert adapter.b.grad is not None
    return adapter.b.grad


def train(
    pair: Pair, signal, rows: int, held: Tensor, args: argparse.Namespace
) -> tuple[float, float]:
    """Held-out dense KL after training on `signal` (None: dense), and seconds a step."""
    adapter = Adapter(pair.student.shape[1])
    optimizer = torch.optim.Adam(adapter.parameters(), lr=args.rate)
    g = torch.Generator().manual_seed(1)
    started = time.perf_counter()
    for _ in range(args.steps):
        batch = torch.randint(rows, (args.batch,), generator=g)
        loss = loss_of(
            pair, adapter, dense(pair, batch) if signal is None else signal.select(batch), batch
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = (time.perf_counter() - started) / args.steps
    with torch.no_grad():
        return float(loss_of(pair, adapter, dense(pair, held), held)), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trajectories", type=Path, required=True, help="ReAct conversations")
    parser.add_argument("--limit", type=int, default=60, help="conversations")
    parser.add_argument("--layers", type=int, default=28, help="of the student, of 30")
    parser.add_argument("--rows", type=int, default=4096, help="positions to train on, at most")
    parser.add_argument("--held", type=int, default=1024, help="positions held out")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    pair, scorer = hidden_states(args)
    held = torch.arange(len(pair.targets) - args.held, len(pair.targets))
    count = min(args.rows, len(pair.targets) - args.held)
    rows = torch.arange(count)
    print(
        f"commit {commit.stdout.strip()}, torch {torch.__version__}, {platform.machine()}, "
        f"{torch.get_num_threads()} threads; {args.limit} conversations, {pair.tokens:,} tokens, "
        f"{len(pair.targets):,} positions; student of {args.layers} layers; {count:,} to train on, "
        f"{args.steps} steps of {args.batch}, {args.held:,} held out\n"
    )
    want = gradient(pair, dense(pair, rows), rows)
    with torch.no_grad():
        before = float(loss_of(pair, Adapter(pair.student.shape[1]), dense(pair, held), held))
    after, step = train(pair, None, count, held, args)
    print(
        "| stored | bytes | scoring tokens/s | KL error | gradient error | held-out KL | step ms |"
    )
    print("|---|---|---|---|---|---|---|")
    print(f"| nothing trained | | | | | {before:.4f} | |")
    print(f"| dense, online | | | 0 | 0 | {after:.4f} | {1000 * step:.0f} |", flush=True)
    results = []
    for scheme, size, values in LAYOUTS:
        sampled = scheme == "sampled"
        layout = Layout(
            SparseScheme(scheme),
            pair.teacher_head.shape[0],
            k=0 if sampled else size,
            draws=size if sampled else 0,
            values=values,
        )
        signal, facts = store(scorer, pair, layout, count)
        off = gradient(pair, signal, rows) - want
        facts["gradient_error"] = float(off.norm() / want.norm())
        facts["held_kl"], facts["step"] = train(pair, signal, count, held, args)
        name = f"{scheme} {'n' if sampled else 'k'}={size}" + (
            ", 8 bits" if values == "uint8" else ""
        )
        results.append({"stored": name, **facts})
        print(
            f"| {name} | {facts['bytes']:.0f} | {facts['tokens_per_second']:.0f} "
            f"| {facts['kl_error']:.1e} | {facts['gradient_error']:.1%} | {facts['held_kl']:.4f} "
            f"| {1000 * facts['step']:.0f} |",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
