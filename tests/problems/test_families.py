"""Every procedural family: right references, wrong mistakes, distinct variants, disjoint splits."""

from __future__ import annotations

import ast
from functools import cache
from itertools import islice
from random import Random

import pytest

from deepcoder import values
from deepcoder.problems.families import FAMILIES, Variant, split_of, variants
from deepcoder.problems.families.cases import fresh, mutants
from deepcoder.problems.show import task_text
from deepcoder.sandbox import Sandbox, judge_sync
from deepcoder.types import Problem

NAMES = list(FAMILIES)
each_family = pytest.mark.parametrize("name", NAMES)


@cache
def drawn(name: str, split: str = "train", size: int = 100, seed: int = 0) -> tuple[Variant, ...]:
    return tuple(islice(variants(FAMILIES[name], split=split, seed=seed), size))


def problems(name: str, *args: object, **kwargs: object) -> list[Problem]:
    return [variant.problem for variant in drawn(name, *args, **kwargs)]


def run_here(problem: Problem, code: str) -> list[bool]:
    """Verdicts of one of the families' own programs, in this process: fast, for many variants."""
    namespace: dict[str, object] = {}
    exec(code, namespace)
    function = namespace[problem.entry_point]
    verdicts = []
    for case in problem.hidden + problem.visible:
        try:
            returned = values.encode(function(*[values.decode(a) for a in case.args]))
            verdicts.append(values.equal(case.expected, returned, tolerance=problem.tolerance))
        except Exception:
            verdicts.append(False)
    return verdicts


def shape(reference: str) -> str:
    """A reference without its choice of names: two texts of one shape are the same code."""
    tree = ast.parse(reference)
    kinds = (ast.Name, ast.arg, ast.FunctionDef)
    own = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    own |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    own |= {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            field = {ast.Name: "id", ast.arg: "arg", ast.FunctionDef: "name"}[type(node)]
            if getattr(node, field) in own:
                new = names.setdefault(getattr(node, field), f"v{len(names)}")
                setattr(node, field, new)
    return ast.dump(tree)


def test_there_are_enough_families():
    assert len(FAMILIES) >= 16
    assert all(name == family.name for name, family in FAMILIES.items())
    assert len({family.topic for family in FAMILIES.values()}) >= 6


# ----------------------------------------------------------------- right and wrong solutions


def check_in_sandbox(sandbox: Sandbox, found: list[Problem]) -> None:
    for problem in found:
        assert problem.reference is not None
        for cases in (problem.hidden, problem.visible):
            outcome = judge_sync(sandbox, problem, problem.reference, cases=cases)
            assert outcome.solved, (problem.id, outcome, problem.reference)
        for mistake in problem.mistakes:
            outcome = judge_sync(sandbox, problem, mistake.code)
            assert outcome.total > 0
            assert not outcome.solved, (problem.id, mistake)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as started:
        yield started


@each_family
def test_references_pass_and_mistakes_fail_in_the_sandbox(sandbox, name):
    check_in_sandbox(sandbox, problems(name)[:2] + problems(name, "heldout", 30)[:1])


@pytest.mark.slow
@each_family
def test_more_references_and_mistakes_in_the_sandbox(sandbox, name):
    check_in_sandbox(sandbox, problems(name, "train", 25, seed=7))


@each_family
def test_the_source_and_the_function_agree(name):
    for problem in problems(name):
        assert all(run_here(problem, problem.reference)), (problem.id, problem.reference)
        for mistake in problem.mistakes:
            assert not all(run_here(problem, mistake.code)), (problem.id, mistake)


@each_family
def test_most_mistakes_fail_a_case_that_the_agent_can_see(name):
    seen = [
        not all(run_here(p.model_copy(update={"hidden": ()}), mistake.code))
        for p in problems(name)
        for mistake in p.mistakes
    ]
    assert sum(seen) > 0.9 * len(seen)


# ------------------------------------------------------------------------------- contents


@each_family
def test_problems_are_complete_and_short(name):
    for problem in problems(name):
        assert 12 <= len(problem.prompt.split()) <= 45, problem.prompt
        assert 2 <= len(problem.visible) <= 3
        assert 5 <= len(problem.hidden) <= 8
        assert 1 <= len(problem.mistakes) <= 2
        assert all(mistake.description.endswith(".") for mistake in problem.mistakes)
        assert problem.hint
        assert problem.hint.endswith(".")
        assert problem.family == name
        assert problem.reference.startswith(("def ", "from "))
        assert len(problem.reference.splitlines()) <= 12
        assert max(len(line) for line in problem.reference.splitlines()) <= 100
        assert max(len(line) for line in task_text(problem).splitlines()[1:]) <= 150
        answers = [repr(case.expected) for case in problem.hidden]
        assert len(set(answers)) >= 2, "a constant would pass"
        arguments = [repr(case.args) for case in problem.hidden + problem.visible]
        assert len(set(arguments)) == len(arguments)


@each_family
def test_names_prompts_and_hints_vary(name):
    found = problems(name)
    assert len({p.entry_point for p in found}) >= 3
    assert len({p.hint for p in found}) >= 4
    openings = {" ".join(p.prompt.split()[:2]) for p in found}
    assert len(openings) >= 2


@each_family
def test_the_same_seed_gives_the_same_variants(name):
    again = [v.problem for v in islice(variants(FAMILIES[name], split="train", seed=0), 5)]
    assert again == problems(name)[:5], "a longer draw begins with the shorter one"
    other = [v.problem.id for v in islice(variants(FAMILIES[name], split="train", seed=1), 5)]
    assert other != [p.id for p in again]


# ------------------------------------------------------------------------------ distinctness


def assert_distinct(found: tuple[Variant, ...], size: int) -> None:
    assert len(found) == size
    assert len({v.params for v in found}) == size
    assert len({v.problem.prompt for v in found}) == size
    assert len({v.problem.id for v in found}) == size
    assert len({shape(v.problem.reference) for v in found}) == size


@each_family
def test_a_hundred_distinct_variants(name):
    assert_distinct(drawn(name), 100)


@pytest.mark.slow
@each_family
def test_a_thousand_distinct_variants(name):
    found = drawn(name, size=1000)
    assert_distinct(found, 1000)
    for variant in found:
        assert all(run_here(variant.problem, variant.problem.reference))


@each_family
def test_the_splits_share_nothing(name):
    train = drawn(name)
    heldout = drawn(name, "heldout", 30) + drawn(name, "heldout", 30, seed=5)
    for part in (
        lambda v: v.params,
        lambda v: v.problem.prompt,
        lambda v: shape(v.problem.reference),
    ):
        assert not {part(v) for v in train} & {part(v) for v in heldout}
    assert all(split_of(name, v.params) == "train" for v in train)
    assert all(split_of(name, v.params) == "heldout" for v in heldout)


@pytest.mark.slow
def test_hardly_a_heldout_problem_is_solved_by_a_training_reference():
    """Other parameters must mean other behaviour, and the hidden cases must show it."""
    solved = total = 0
    for name in NAMES:
        references = [(p.entry_point, p.reference) for p in problems(name)]
        for problem in problems(name, "heldout", 30):
            total += 1
            solved += any(
                all(run_here(problem.model_copy(update={"entry_point": entry}), code))
                for entry, code in references
            )
    assert solved < 0.03 * total, f"{solved} of {total}"


# ------------------------------------------------------------------------------------ cases


def outputs(reference: str, *args: object) -> list[object]:
    found = []
    for code in mutants(reference, Random(0)):
        namespace: dict[str, object] = {}
        exec(code, namespace)
        found.append(namespace["f"](*fresh(args)))
    return found


def test_mutants_are_near_misses():
    reference = "def f(x):\n    return x > 3\n"
    assert sorted(outputs(reference, 3)) == [False, True, True]  # x > 4, x > 2, x >= 3
    assert sorted(outputs("def f(x):\n    return min(x, 5)\n", 9)) == [4, 6, 9]


def test_mutants_of_a_loop_end():
    reference = "def f(n):\n    while n > 0:\n        n -= 2\n    return n + 1\n"
    assert sorted(outputs(reference, 4)) == [0, 2]


@each_family
def test_hidden_cases_catch_most_mutants(name):
    """Of the near misses that any of a variant's cases or another variant's can tell apart."""
    missed = total = 0
    found = problems(name)[:12]
    for problem in found:
        inputs = [case.args for p in found for case in p.hidden]
        right = {}
        exec(problem.reference, right)
        for code in mutants(problem.reference, Random(0), limit=6):
            wrong: dict[str, object] = {}
            exec(code, wrong)

            def differs(args, right=right, wrong=wrong, entry=problem.entry_point):
                results = []
                for namespace in (right, wrong):
                    try:
                        results.append(repr(namespace[entry](*[values.decode(a) for a in args])))
                    except Exception as error:
                        results.append(type(error).__name__)
                return results[0] != results[1]

            if any(differs(case.args) for case in problem.hidden):
                total += 1
            elif any(differs(args) for args in inputs):
                total, missed = total + 1, missed + 1
    assert missed <= 0.15 * total, f"{missed} of {total}"
