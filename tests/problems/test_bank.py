"""The hand-written bank: every claim an entry makes about itself is checked in the sandbox."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepcoder.problems import bank
from deepcoder.problems.show import case_text, task_text
from deepcoder.sandbox import Sandbox, Settings, judge_sync
from deepcoder.types import Difficulty, Problem
from deepcoder.values import decode

PROBLEMS = bank.load()


def by_topic() -> list[object]:
    """One test for each topic: a failure names the topic, and a fork costs 2 ms, not a test."""
    return [
        pytest.param([p for p in PROBLEMS if p.topic == topic], id=topic) for topic in bank.TOPICS
    ]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    # The bank is our own harmless code, so the weakest tier will do where no other exists.
    with Sandbox(Settings(allow_weak=True, wall_seconds=3.0, cpu_seconds=3.0)) as box:
        yield box


def passes_visible(sandbox: Sandbox, problem: Problem, code: str) -> bool:
    return judge_sync(sandbox, problem, code, cases=problem.visible).solved


# ---------------------------------------------------------------------------- in the sandbox


@pytest.mark.parametrize("problems", by_topic())
def test_every_reference_passes_all_its_cases(sandbox: Sandbox, problems: list[Problem]) -> None:
    for problem in problems:
        assert problem.reference is not None
        outcome = judge_sync(
            sandbox, problem, problem.reference, cases=problem.visible + problem.hidden
        )
        assert outcome.solved, f"{problem.id}: {outcome.status}, {outcome.detail}"


@pytest.mark.parametrize("problems", by_topic())
def test_every_wrong_solution_fails_hidden_cases(sandbox: Sandbox, problems: list[Problem]) -> None:
    for problem in problems:
        for mistake in problem.mistakes:
            outcome = judge_sync(sandbox, problem, mistake.code)
            assert outcome.total == len(problem.hidden), f"{problem.id}: {outcome.detail}"
            assert outcome.passed < outcome.total, f"{problem.id}: {mistake.description}"
            # Wrong, but they end: a hang would cost every generated episode its time limit.
            assert outcome.status in ("ok", "error"), f"{problem.id}: {outcome.status}"


def test_visible_cases_reveal_the_mistakes_of_most_problems(sandbox: Sandbox) -> None:
    """An agent that runs the visible cases must often see a real failure, but not always."""
    sample = PROBLEMS[::4]
    revealed = sum(
        all(not passes_visible(sandbox, problem, code) for code in _mistakes(problem))
        for problem in sample
    )
    assert 0.55 <= revealed / len(sample) <= 0.85


# --------------------------------------------------------------------------------- as data


def test_the_bank_is_large_and_varied() -> None:
    assert len(PROBLEMS) >= 200
    assert len({p.topic for p in PROBLEMS}) >= 20
    shares = {d: sum(p.difficulty is d for p in PROBLEMS) / len(PROBLEMS) for d in Difficulty}
    assert 0.40 <= shares[Difficulty.EASY] <= 0.60
    assert 0.25 <= shares[Difficulty.MEDIUM] <= 0.45
    assert 0.10 <= shares[Difficulty.HARD] <= 0.25


def test_every_topic_file_is_loaded_once() -> None:
    files = {path.stem for path in Path(bank.__file__).parent.glob("*.py")}
    assert files - {"__init__", "entry"} == set(bank.TOPICS)
    assert len(set(bank.TOPICS)) == len(bank.TOPICS)


def test_names_prompts_and_hints_are_unique() -> None:
    for values in (
        [p.id for p in PROBLEMS],
        [p.entry_point for p in PROBLEMS],
        [p.prompt for p in PROBLEMS],
        [p.hint for p in PROBLEMS],
    ):
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.id)
def test_an_entry_is_complete(problem: Problem) -> None:
    assert problem.id == f"builtin/{problem.topic}/{problem.entry_point}"
    assert (problem.source, problem.licence) == ("deepcoder", "Apache-2.0")
    assert 12 <= len(problem.prompt.split()) <= 60
    assert problem.hint is not None
    assert 8 <= len(problem.hint.split()) <= 40
    assert 2 <= len(problem.visible) <= 3
    assert 5 <= len(problem.hidden) <= 10
    assert 1 <= len(problem.mistakes) <= 2
    for text in (problem.prompt, problem.hint, *(m.description for m in problem.mistakes)):
        assert text[0].isupper() or text[0] in "`'"
        assert text.endswith(".")
        assert "  " not in text


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.id)
def test_code_is_short_and_defines_what_is_called(problem: Problem) -> None:
    assert problem.reference is not None
    assert 2 <= len(problem.reference.splitlines()) <= 26
    arity = {len(case.args) for case in (*problem.visible, *problem.hidden)}
    for code in (problem.reference, *(m.code for m in problem.mistakes)):
        (function,) = (
            node
            for node in ast.parse(code).body
            if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point
        )
        # Without defaults: the reference's signature is shown to the agent.
        assert not function.args.defaults
        assert arity == {len(function.args.args)}
        assert max(map(len, code.splitlines())) <= 88


def test_wrong_solutions_differ_from_the_reference_and_from_each_other() -> None:
    for problem in PROBLEMS:
        trees = [ast.dump(ast.parse(c)) for c in (problem.reference or "", *_mistakes(problem))]
        assert len(set(trees)) == len(trees), problem.id
        descriptions = [m.description for m in problem.mistakes]
        assert len(set(descriptions)) == len(descriptions), problem.id


def test_code_is_harmless_and_depends_on_nothing_but_its_arguments() -> None:
    allowed = {"calendar", "datetime", "fractions", "heapq", "itertools", "math", "re"}
    for problem in PROBLEMS:
        for code in (problem.reference or "", *_mistakes(problem)):
            nodes = list(ast.walk(ast.parse(code)))
            modules = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
            modules |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
            assert modules <= allowed, problem.id
            names = {n.id for n in nodes if isinstance(n, ast.Name)}
            assert not names & {"input", "open", "print", "eval", "exec", "hash"}, problem.id
            attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
            assert not attributes & {"today", "now"}, problem.id


def test_no_case_is_given_twice_and_no_hidden_one_is_shown() -> None:
    for problem in PROBLEMS:
        arguments = [repr(case.args) for case in (*problem.visible, *problem.hidden)]
        assert len(set(arguments)) == len(arguments), problem.id


def test_no_hidden_answer_is_told_to_the_agent() -> None:
    for problem in PROBLEMS:
        shown = task_text(problem)
        outcomes = _literals(problem.reference or "")
        for case in problem.hidden:
            assert case_text(problem.entry_point or "", case) not in shown, problem.id
            answer = decode(case.expected)
            # A fixed answer such as 'deuce' or (-1, 0) must be named: a solution spells it out.
            if len(str(answer)) > 5 and answer not in outcomes:
                assert repr(answer) not in problem.prompt, f"{problem.id}: {answer!r}"


def test_loading_twice_gives_the_same_records() -> None:
    first = [p.model_dump_json() for p in bank.load()]
    bank.load.cache_clear()
    assert [p.model_dump_json() for p in bank.load()] == first


def _mistakes(problem: Problem) -> list[str]:
    return [mistake.code for mistake in problem.mistakes]


def _literals(code: str) -> list[object]:
    """The values of all constants and of all tuples of constants that the code spells out."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant | ast.Tuple):
            with contextlib.suppress(ValueError):
                found.append(ast.literal_eval(node))
    return found
