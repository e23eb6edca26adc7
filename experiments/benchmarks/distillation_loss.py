"""Time, peak memory and error of the fused loss beside other libraries' own, in one process.

    python experiments/benchmarks/distillation_loss.py --tokens 512 --supervised 0.5 --repeats 5

Question: is `linear_distillation_loss` faster and smaller than a plain float32 loss and than what
other libraries ship, and no less exact, at the size of a Qwen2.5-3B head (d=2048, V=151,936)?

Every method gets the same tensors and returns the mean over supervised tokens with its gradient
with respect to the hidden states, the head being frozen. Methods that know masks get all tokens,
as their users call them; TRL's caller gathers the supervised rows first, so it gets those. Repeats
are interleaved, so that a busy machine slows all alike: read the ratios (and see --clock). Errors
are against the same loss in float64. A library that is not installed, or cannot run here, is
listed with the reason.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -e '.[bench]' -c constraints.txt
    /tmp/peers/bin/pip install --no-deps axolotl==0.19.0 addict verl==0.9.1

gets the libraries (a throwaway environment: they bring much with them). DistillKit has no release:
put a checkout of it on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from deepcoder.losses import (
    Divergence,
    DivergenceName,
    HardRows,
    Objective,
    SparseRows,
    SparseScheme,
    TeacherRows,
    linear_distillation_loss,
)

IGNORED = -100
Method = Callable[["Problem", Tensor], Tensor]


@dataclass
class Problem:
    """The tensors of one run. `rows` are the supervised positions of `tokens`."""

    head: Tensor
    teacher_head: Tensor
    hidden: Tensor
    teacher_hidden: Tensor
    rows: Tensor
    targets: Tensor
    ids: Tensor
    log_probs: Tensor

    @property
    def labels(self) -> Tensor:
        """Targets with everything else ignored, as libraries with masks want them."""
        return torch.full_like(self.targets, IGNORED).index_copy_(
            0, self.rows, self.targets[self.rows]
        )


def make_problem(args: argparse.Namespace, share: float) -> Problem:
    """Random states; logits of standard deviation 2.5, teacher and student correlated by half."""
    g = torch.Generator().manual_seed(args.seed)
    dtype = getattr(torch, args.dtype)
    tokens, d, vocab = args.tokens, args.d, args.vocab
    spread = 2.5 / d**0.5
    head = (torch.randn(vocab, d, generator=g) * spread).to(dtype).to(args.device)
    teacher_head = head.roll(1, 0).add_(head).mul_(0.5**0.5)
    hidden = torch.randn(tokens, d, generator=g).to(dtype).to(args.device)
    noise = torch.randn(tokens, d, generator=g).to(dtype).to(args.device)
    count = max(1, round(share * tokens))
    rows = torch.randperm(tokens, generator=g)[:count].sort().values.to(args.device)
    targets = torch.randint(vocab, (tokens,), generator=g).to(args.device)
    # the stored teacher puts all its mass on k tokens, so that every library means the same by it
    ids = torch.stack([torch.randperm(vocab, generator=g)[: args.k] for _ in range(tokens)])
    log_probs = (2 * torch.randn(tokens, args.k, generator=g)).log_softmax(-1)
    return Problem(
        head=head,
        teacher_head=teacher_head,
        hidden=hidden,
        teacher_hidden=(hidden + noise) * 0.5**0.5,
        rows=rows,
        targets=targets,
        ids=ids.to(args.device),
        log_probs=log_probs.to(args.device),
    )


# ----------------------------------------------------------------------------- ours


def ours(mode: str) -> Method:
    name = DivergenceName.jsd if mode == "jsd" else DivergenceName.forward_kl
    objective = Objective(Divergence(name))

    def run(p: Problem, hidden: Tensor) -> Tensor:
        signal: Any = HardRows()
        if mode in ("online", "jsd"):
            signal = TeacherRows(p.teacher_hidden, p.teacher_head)
        elif mode == "sparse":
            signal = SparseRows(p.ids, p.log_probs, SparseScheme.renormalised)
        weights = hidden.new_full((len(hidden),), 1 / len(p.rows), dtype=torch.float32)
        rows = None if len(p.rows) == len(hidden) else p.rows
        return linear_distillation_loss(
            hidden, p.head, signal, weights, targets=p.targets, objective=objective, rows=rows
        ).loss

    return run


# ---------------------------------------------------------------------------- naive


def dense_rows(mode: str, z: Tensor, p: Problem, rows: Tensor) -> Tensor:
    """Per-row loss from logits, as a textbook writes it."""
    log_q = z.log_softmax(-1)
    if mode == "ce":
        return F.nll_loss(log_q, p.targets[rows], reduction="none")
    if mode == "sparse":
        log_p = p.log_probs[rows].to(z.dtype)
        return (log_p.exp() * (log_p - log_q.gather(1, p.ids[rows]))).sum(-1)
    with torch.no_grad():
        logits = p.teacher_hidden[rows].to(z.dtype) @ p.teacher_head.to(z.dtype).T
        log_p = logits.log_softmax(-1)
    if mode == "online":
        return (log_p.exp() * (log_p - log_q)).sum(-1)
    log_m = torch.logaddexp(log_p, log_q) - torch.log(z.new_tensor(2.0))
    return (log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)).sum(-1) / 2


def naive(mode: str) -> Method:
    """All logits of all tokens in float32, then a mask."""

    def run(p: Problem, hidden: Tensor) -> Tensor:
        every = torch.arange(len(hidden), device=hidden.device)
        values = dense_rows(mode, (hidden @ p.head.T).float(), p, every)
        mask = torch.zeros_like(values).index_fill_(0, p.rows, 1.0)
        return (values * mask).sum() / mask.sum()

    return run


def exact(mode: str, p: Problem, block: int = 32) -> tuple[Tensor, Tensor]:
    """Value and gradient in float64, a few rows at a time."""
    head = p.head.double()
    total, grad = 0.0, torch.zeros_like(p.hidden, dtype=torch.float64)
    teacher = p.teacher_head
    p.teacher_head = teacher.double() if mode in ("online", "jsd") else teacher
    for rows in p.rows.split(block):
        hidden = p.hidden[rows].double().requires_grad_()
        value = dense_rows(mode, hidden @ head.T, p, rows).sum() / len(p.rows)
        value.backward()
        assert hidden.grad is not None
        grad[rows] = hidden.grad
        total += value.item()
    p.teacher_head = teacher
    return torch.tensor(total, dtype=torch.float64), grad


# ---------------------------------------------------------------------------- peers


def trl(mode: str) -> Method:
    kernel = importlib.import_module("trl.kernels.chunked_divergence").ChunkedDivergenceFunction

    def run(p: Problem, hidden: Tensor) -> Tensor:
        values, _ = kernel.apply(
            hidden[p.rows],
            p.head,
            None,
            p.teacher_hidden[p.rows],
            p.teacher_head,
            None,
            0.5 if mode == "jsd" else 0.0,
        )
        return values.mean()

    return run


def liger(mode: str) -> Method:
    module = importlib.import_module("liger_kernel.chunked_loss")
    beta = 0.5 if mode == "jsd" else 0.0
    loss = module.LigerFusedLinearJSDLoss(0.0, 1.0, beta=beta, compiled=False)

    def run(p: Problem, hidden: Tensor) -> Tensor:
        return loss(hidden, p.head, p.teacher_hidden, p.teacher_head, p.labels)

    return run


def torchtune(mode: str) -> Method:
    name = "ce_chunked_output_loss" if mode == "ce" else "kd_losses"
    module = lone_module("torchtune", f"modules/loss/{name}.py")
    kind = "CEWithChunkedOutputLoss" if mode == "ce" else "ForwardKLWithChunkedOutputLoss"
    loss = getattr(module, kind)(num_output_chunks=8)

    def run(p: Problem, hidden: Tensor) -> Tensor:
        logits = [h @ p.head.T for h in hidden[None].chunk(8, dim=1)]
        if mode == "ce":
            return loss(logits, p.labels[None])
        with torch.no_grad():
            teacher = [h @ p.teacher_head.T for h in p.teacher_hidden[None].chunk(8, dim=1)]
        return loss(logits, teacher, p.labels[None])

    return run


def axolotl(mode: str) -> Method:
    module = importlib.import_module("axolotl.integrations.kd.kernels.liger")
    loss = module.LigerFusedLinearKLTopKLogprobLoss(
        0.0, 1.0, beta=0.0, compiled=False, compute_ce_loss=False, normalize_topk=False
    )

    def run(p: Problem, hidden: Tensor) -> Tensor:
        mask = torch.zeros_like(p.ids, dtype=torch.bool).index_fill_(0, p.rows, True)
        total = loss(
            p.head, hidden[None], p.ids[None], p.log_probs[None], mask[None], p.labels[None]
        )
        return total / len(p.rows)

    return run


def distillkit(mode: str) -> Method:
    module = importlib.import_module("distillkit.lossfuncs.kl")

    def run(p: Problem, hidden: Tensor) -> Tensor:
        logits = (hidden @ p.head.T)[None]
        mask = torch.zeros(1, len(hidden), dtype=torch.bool, device=hidden.device)
        mask[0, p.rows] = True
        if mode == "sparse":
            total = module.sparse_kl_div(logits, p.ids[None], p.log_probs[None], mask)
        else:
            with torch.no_grad():
                teacher = (p.teacher_hidden @ p.teacher_head.T)[None]
            total = module.dense_kl_div(logits, teacher, mask)
        return total / len(p.rows)

    return run


def verl(mode: str) -> Method:
    # its package wants ray and a cluster's configuration; the two functions need only torch
    absent = ("verl.utils.ulysses", "verl.workers.config")
    module = lone_module("verl", "trainer/distillation/fsdp/losses.py", absent)

    def run(p: Problem, hidden: Tensor) -> Tensor:
        logits = (hidden @ p.head.T)[None]
        log_q = module._chunked_topk_log_probs(logits, p.ids[None])
        return module.kl_divergence(log_q=log_q, log_p=p.log_probs[None])[0, p.rows].mean()

    return run


def cut_cross_entropy(mode: str) -> Method:
    module = importlib.import_module("cut_cross_entropy")

    def run(p: Problem, hidden: Tensor) -> Tensor:
        return module.linear_cross_entropy(hidden, p.head, p.labels)

    return run


def liger_flce(mode: str) -> Method:
    module = importlib.import_module("liger_kernel.transformers")
    loss = module.LigerFusedLinearCrossEntropyLoss()

    def run(p: Problem, hidden: Tensor) -> Tensor:
        return loss(p.head, hidden, p.labels)

    return run


def lone_module(package: str, path: str, absent: tuple[str, ...] = ()) -> ModuleType:
    """One file of an installed package, without the package's own imports.

    `absent` names modules that it imports and that the functions of interest do not use.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {package!r}")
    file = Path(spec.submodule_search_locations[0]) / path
    own = importlib.util.spec_from_file_location(f"{package}_{file.stem}", file)
    assert own is not None
    assert own.loader is not None
    module = importlib.util.module_from_spec(own)
    with mock.patch.dict(sys.modules, {name: mock.MagicMock() for name in absent}):
        own.loader.exec_module(module)
    return module


METHODS: dict[str, dict[str, Callable[[str], Method]]] = {
    "online": {
        "deepcoder": ours,
        "naive float32": naive,
        "TRL ChunkedDivergence": trl,
        "Liger chunked": liger,
        "torchtune chunked": torchtune,
        "DistillKit dense": distillkit,
    },
    "jsd": {
        "deepcoder": ours,
        "naive float32": naive,
        "TRL ChunkedDivergence": trl,
        "Liger chunked": liger,
    },
    "sparse": {
        "deepcoder": ours,
        "naive float32": naive,
        "axolotl fused top-k": axolotl,
        "DistillKit sparse": distillkit,
        "verl chunked top-k": verl,
    },
    "ce": {
        "deepcoder": ours,
        "naive float32": naive,
        "torchtune chunked": torchtune,
        "Apple CCE": cut_cross_entropy,
        "Liger FLCE": liger_flce,
    },
}
"""Modes: forward KL and JSD(½) against an online teacher, forward KL to k stored tokens, CE."""


# ------------------------------------------------------------------------ measuring


@contextmanager
def peak_memory(device: torch.device) -> Iterator[list[int]]:
    """Bytes of tensors alive at the highest point inside the block, beyond those before it.

    From the allocator's own records, not from the process's size: what was freed earlier and kept
    by the C library would otherwise hide what a method takes.
    """
    result: list[int] = []
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield result
        result.append(torch.cuda.max_memory_allocated() - before)
        return
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        yield result
    assert profile.profiler is not None
    assert profile.profiler.kineto_results is not None
    records = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    records.sort(key=lambda e: e.start_ns())
    result.append(max(itertools.accumulate((e.nbytes() for e in records), initial=0)))


@dataclass
class Result:
    """Figures of one method in one mode."""

    seconds: list[float]
    peak: int = 0
    value_error: float = float("nan")
    gradient_error: float = float("nan")


def once(
    method: Method, p: Problem, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, Tensor, Tensor]:
    hidden = p.hidden.clone().requires_grad_()
    if hidden.is_cuda:
        torch.cuda.synchronize()
    start = clock()
    loss = method(p, hidden)
    loss.backward()
    if hidden.is_cuda:
        torch.cuda.synchronize()
    seconds = clock() - start
    assert hidden.grad is not None
    return seconds, loss.detach(), hidden.grad


def compare(
    mode: str, p: Problem, args: argparse.Namespace
) -> tuple[dict[str, Result], dict[str, str]]:
    """Every method that runs, and why the others do not."""
    clock = time.process_time if args.clock == "cpu" else time.perf_counter
    want, want_grad = (None, None) if args.no_errors else exact(mode, p)
    methods: dict[str, Method] = {}
    results: dict[str, Result] = {}
    failed: dict[str, str] = {}
    for name, make in METHODS[mode].items():
        if args.methods and name not in ["deepcoder", *args.methods]:
            continue
        gc.collect()
        try:
            methods[name] = make(mode)
            with peak_memory(p.hidden.device) as peak:
                _, value, grad = once(methods[name], p)
        except Exception as error:
            methods.pop(name, None)
            first = str(error).strip().splitlines() or [""]
            failed[name] = f"{type(error).__name__}: {first[0][:90]}"
            continue
        result = results[name] = Result([], peak[0])
        if want is not None and want_grad is not None:
            result.value_error = abs((value.double() - want) / want).item()
            result.gradient_error = ((grad - want_grad).norm() / want_grad.norm()).item()
    for _ in range(args.repeats):
        for name, method in methods.items():
            results[name].seconds.append(once(method, p, clock)[0])
    return results, failed


def table(results: dict[str, Result], failed: dict[str, str]) -> str:
    lines = [
        "| method | min s | median s | time ÷ ours | peak MiB | memory ÷ ours | value error "
        "| gradient error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    base = results["deepcoder"]
    for name, r in results.items():
        times = "| – | – | – "
        if r.seconds:
            least, middle = min(r.seconds), statistics.median(r.seconds)
            times = f"| {least:.2f} | {middle:.2f} | {least / min(base.seconds):.2f} "
        lines.append(
            f"| {name} {times}| {r.peak / 2**20:.0f} "
            f"| {r.peak / base.peak:.1f} | {r.value_error:.1e} | {r.gradient_error:.1e} |"
        )
    lines += [f"| {name} | not run: {reason} | | | | | | |" for name, reason in failed.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--modes", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--supervised", type=float, nargs="+", default=[0.3, 0.5, 1.0])
    parser.add_argument("--d", type=int, default=2048)
    parser.add_argument("--vocab", type=int, default=151_936)
    parser.add_argument("--k", type=int, default=64)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=10, help="0: memory and error only")
    parser.add_argument("--methods", nargs="+", help="compare with these only; default all")
    parser.add_argument(
        "--no-errors", action="store_true", help="spare the float64 reference and its two heads"
    )
    parser.add_argument(
        "--clock",
        default="wall",
        choices=["wall", "cpu"],
        help="cpu: seconds of processor time, for one thread on a machine that others use too",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    print(
        f"commit {commit.stdout.strip()}, torch {torch.__version__}, {platform.machine()}, "
        f"{torch.get_num_threads()} threads, {args.dtype}, d={args.d}, V={args.vocab}, "
        f"T={args.tokens}, k={args.k}, {args.repeats} repeats, {args.clock} time\n",
        flush=True,
    )
    everything = {}
    for share in args.supervised:
        problem = make_problem(args, share)
        for mode in args.modes:
            results, failed = compare(mode, problem, args)
            print(f"### {mode}, {share:.0%} supervised\n\n{table(results, failed)}\n", flush=True)
            everything[f"{mode} {share}"] = {name: vars(r) for name, r in results.items()}
            if args.json:
                args.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
