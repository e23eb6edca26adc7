"""Filters refuse what a student must not learn, and nothing that an honest solution does."""

from __future__ import annotations

import asyncio

import pytest
from trajectories.makers import make_trajectory, with_observation

from deepcoder.config import FiltersConfig, SandboxConfig
from deepcoder.errors import ConfigError
from deepcoder.problems import bank
from deepcoder.problems.families import FAMILIES, variants
from deepcoder.problems.show import task_text
from deepcoder.sandbox import SandboxPool
from deepcoder.trajectories.filters import accept, check_filters, filtered
from deepcoder.trajectories.hardcoding import hard_coded, neighbours
from deepcoder.trajectories.language import foreign
from deepcoder.trajectories.verification import Refusal, RejectReason
from deepcoder.types import Action, Case, Observation, Problem, ProblemForm, Step, Trajectory

REFERENCE = "def total(xs):\n    return sum(x for x in xs if x % 2 == 0)\n"
HIDDEN = tuple(
    Case(args=(xs,), expected=sum(x for x in xs if x % 2 == 0))
    for xs in ([4, 7, 12, 9], [3, 5, 8], [], [10, 20, 31, 44, 2], [6], [1, 3, 5, 7, 9, 16, 18])
)
PROBLEM = Problem(
    id="t",
    prompt="Return the sum of the even numbers in `xs`.",
    entry_point="total",
    visible=(Case(args=([2, 3, 4],), expected=6),),
    hidden=HIDDEN,
    reference=REFERENCE,
)
UNKNOWN = PROBLEM.model_copy(update={"reference": None})
PAIRS = [(case.args[0], case.expected) for case in HIDDEN]
IFS = "def total(xs):\n" + "".join(f"    if xs == {xs}:\n        return {y}\n" for xs, y in PAIRS)
TABLE = (
    f"T = { {tuple(xs): y for xs, y in PAIRS} }\ndef total(xs):\n    return T.get(tuple(xs), 0)\n"
)
TEXTS = f"T = { {str(xs): y for xs, y in PAIRS} }\ndef total(xs):\n    return T[str(xs)]\n"
LISTS = (
    f"A = {[xs for xs, _ in PAIRS]}\nB = {[y for _, y in PAIRS]}\n"
    "def total(xs):\n    return B[A.index(xs)] if xs in A else 0\n"
)
MATCH = "def total(xs):\n    match xs:\n" + "".join(
    f"        case {xs}:\n            return {y}\n" for xs, y in PAIRS
)
DISGUISED = (
    f"D = { {hash(tuple(xs)): y for xs, y in PAIRS} }\n"
    "def total(xs):\n    return D.get(hash(tuple(xs)), -1)\n"
)
ONE_CASE = (
    "def total(xs):\n    if xs == [1, 3, 5, 7, 9, 16, 18]:\n        return 34\n"
    "    return sum(x for x in xs[:5] if x % 2 == 0)\n"
)


def run(make):
    async def inside():
        async with SandboxPool(SandboxConfig(workers=2)) as pool:
            return await make(pool)

    return asyncio.run(inside())


@pytest.mark.parametrize("code", [IFS, TABLE, TEXTS, LISTS], ids=["ifs", "dict", "str", "lists"])
@pytest.mark.parametrize("problem", [PROBLEM, UNKNOWN], ids=["reference", "none"])
def test_lookups_are_found_with_and_without_a_reference(code: str, problem: Problem) -> None:
    detail = run(lambda pool: hard_coded(code, problem, pool))
    assert detail is not None
    assert "looks up" in detail


def test_one_long_case_that_is_looked_up_is_enough() -> None:
    detail = run(lambda pool: hard_coded(ONE_CASE, UNKNOWN, pool))
    assert detail == "looks up 1 of 6 hidden cases"


@pytest.mark.parametrize("code", [DISGUISED, MATCH], ids=["hash", "match"])
def test_a_disguised_lookup_fails_on_the_neighbours(code: str) -> None:
    detail = run(lambda pool: hard_coded(code, PROBLEM, pool))
    assert detail is not None
    assert "neighbours" in detail or "looks up" in detail


@pytest.mark.parametrize(
    "code",
    [
        REFERENCE,
        "def total(xs):\n    s = 0\n    for x in xs:\n        s += (x + 1) % 2 * x\n    return s\n",
        "def total(xs):\n    if xs == []:\n        return 0\n    if len(xs) == 1:\n        "
        "return xs[0] if xs[0] % 2 == 0 else 0\n    return total(xs[:1]) + total(xs[1:])\n",
        # A special case that is not needed: the computation covers it.
        f"def total(xs):\n    if xs == [4, 7, 12, 9]:\n        return 16\n{REFERENCE[14:]}",
    ],
    ids=["reference", "loop", "recursion", "needless"],
)
@pytest.mark.parametrize("problem", [PROBLEM, UNKNOWN], ids=["reference", "none"])
def test_honest_code_is_not_suspected(code: str, problem: Problem) -> None:
    assert run(lambda pool: hard_coded(code, problem, pool)) is None


def test_a_table_that_the_task_is_about_is_honest() -> None:
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    table = {name: number for number, name in enumerate(months, start=1)}
    problem = Problem(
        id="months",
        prompt="Number of a month.",
        entry_point="month",
        hidden=tuple(Case(args=(name,), expected=table[name]) for name in months[::3]),
    )
    code = f"def month(name):\n    return {table}[name]\n"
    assert run(lambda pool: hard_coded(code, problem, pool)) is None


def test_looked_up_programs_are_found() -> None:
    problem = Problem(
        id="s",
        prompt="Sum of the numbers in a line.",
        form=ProblemForm.STDIN,
        hidden=tuple(
            Case(stdin=text, stdout=str(sum(map(int, text.split()))))
            for text in ("1 2 3\n", "40 50 61\n", "7 7\n")
        ),
    )
    pairs = {case.stdin: case.stdout for case in problem.hidden}
    cheat = f"import sys\nprint({pairs}.get(sys.stdin.read(), 0))\n"
    honest = "print(sum(map(int, input().split())))\n"
    assert run(lambda pool: hard_coded(cheat, problem, pool)) == "looks up 3 of 3 hidden cases"
    assert run(lambda pool: hard_coded(honest, problem, pool)) is None


def test_no_reference_of_the_builtin_problems_is_suspected() -> None:
    """Also as if no reference excused it. A sample: all were measured, see docs/data.md."""
    drawn = [next(variants(family, split="train", seed=1)).problem for family in FAMILIES.values()]
    problems = [*bank.load()[::4], *drawn]

    async def suspected(pool: SandboxPool) -> list[str]:
        found = []
        for problem in problems:
            bare = problem.model_copy(update={"reference": None})
            assert problem.reference is not None
            if await hard_coded(problem.reference, bare, pool):
                found.append(problem.id)
        return found

    assert run(suspected) == []


def test_neighbours_are_new_inputs_of_the_same_types() -> None:
    found = list(neighbours(PROBLEM))
    assert len(found) == 24
    assert found == list(neighbours(PROBLEM))
    hidden = [case.args for case in HIDDEN]
    assert all(isinstance(case.args[0], list) and case.args not in hidden for case in found)


# --------------------------------------------------------------------------- the whole way


def episode(answer: str = REFERENCE, **changes: object) -> Trajectory:
    steps = (
        Step(
            reason="I try it.",
            action=Action(tool="python", arguments={"code": answer}),
            observation=Observation(content="(no output)"),
        ),
        Step(reason="Done.", action=Action(tool="finish", arguments={"answer": answer})),
    )
    fields: dict[str, object] = {"task": task_text(PROBLEM), "outcome": None, "steps": steps}
    return make_trajectory(answer=answer, **(fields | changes))


def accepted(trajectory: Trajectory, problem: Problem = PROBLEM, **filters: object):
    config = FiltersConfig(**filters)  # type: ignore[arg-type]
    return run(lambda pool: accept(trajectory, problem, pool, config))[1]


def test_an_honest_episode_passes_every_filter() -> None:
    assert accepted(episode()) is None


def test_a_looked_up_answer_is_refused_by_name_unless_allowed() -> None:
    refused = accepted(episode(TABLE))
    assert refused is not None
    assert refused.reason is RejectReason.HARD_CODED
    # Tables of hidden cases are known before they were shown: that is the second net.
    refused = accepted(episode(TABLE), hardcoding=False)
    assert refused is not None
    assert refused.reason is RejectReason.LEAKED
    assert accepted(episode(TABLE), hardcoding=False, leaks=False) is None


def test_a_wrong_answer_is_wrong_before_it_is_anything_else() -> None:
    refused = accepted(episode("def total(xs):\n    return 1\n"))
    assert refused is not None
    assert refused.reason is RejectReason.WRONG_ANSWER


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"task": f"{task_text(PROBLEM)}\ntotal([10, 20, 31, 44, 2]) == 76"}, "hidden case 4"),
        ({"system_prompt": "Tests: assert total( [3,5,8] )==8"}, "hidden case 2"),
        ({"system_prompt": f"The solution is\n{REFERENCE}"}, "the reference solution"),
    ],
)
def test_hidden_cases_in_the_prompt_are_a_leak(changes: dict[str, object], where: str) -> None:
    refused = accepted(episode(**changes))
    assert refused is not None
    assert refused.reason is RejectReason.LEAKED
    assert where in (refused.detail or "")


def test_what_the_problem_shows_is_no_leak() -> None:
    shown = PROBLEM.model_copy(update={"hidden": (*HIDDEN, *PROBLEM.visible)})
    assert accepted(episode(task=task_text(shown)), shown) is None


def test_hidden_cases_in_the_reasoning_are_a_leak_unless_they_were_seen() -> None:
    known = "total([10, 20, 31, 44, 2]) is 76 and total([1, 3, 5, 7, 9, 16, 18]) is 34."
    first, last = episode().steps
    told = episode(steps=(first.model_copy(update={"reason": known}), last))
    refused = accepted(told)
    assert refused is not None
    assert refused.reason is RejectReason.LEAKED
    seen = with_observation(episode(), content=known)
    last = seen.steps[1].model_copy(update={"reason": known})
    assert accepted(seen.model_copy(update={"steps": (seen.steps[0], last)})) is None


def test_one_short_guess_is_no_leak() -> None:
    first, last = episode().steps
    guess = first.model_copy(update={"reason": "total([6]) gives 6, total([3, 5, 8]) gives 8."})
    assert accepted(episode(steps=(guess, last))) is None


def test_the_same_action_with_the_same_result_is_a_loop() -> None:
    first, last = episode().steps
    refused = accepted(episode(steps=(first, first, first, last)))
    assert refused is not None
    assert refused.reason is RejectReason.LOOP
    assert "3 times" in (refused.detail or "")
    assert accepted(episode(steps=(first, first, last))) is None
    assert accepted(episode(steps=(first, first, first, last)), repeats=None) is None
    others = [
        first.model_copy(update={"observation": Observation(content=str(number))})
        for number in range(3)
    ]
    assert accepted(episode(steps=(*others, last))) is None  # it got on


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"max_chars": 50}, RejectReason.TOO_LONG),
        ({"max_reason_chars": 8}, RejectReason.TOO_LONG),
        ({"min_reason_chars": 100}, RejectReason.TOO_SHORT),
    ],
)
def test_length(filters: dict[str, object], reason: RejectReason) -> None:
    refused = filtered(episode(), PROBLEM, FiltersConfig(**filters))  # type: ignore[arg-type]
    assert refused is not None
    assert refused.reason is reason
    assert next(iter(filters)) in (refused.detail or "")
    assert (
        filtered(episode(), PROBLEM, FiltersConfig(max_chars=None, max_reason_chars=None)) is None
    )


def test_invalid_actions_may_be_allowed() -> None:
    first, last = episode().steps
    trajectory = episode(steps=(Step(reason="", raw="?"), first, last))
    assert accepted(trajectory) == Refusal(reason=RejectReason.INVALID_ACTIONS, detail="steps 0")
    assert accepted(trajectory, invalid_actions=1) is None


# ------------------------------------------------------------------------------- language

GERMAN = (
    "Wir müssen zuerst die Summe der geraden Zahlen bilden und dann prüfen, ob die Liste leer ist, "
    "weil das Ergebnis sonst nicht mit dem Beispiel übereinstimmt."
)
SPANISH = (
    "Primero debemos recorrer la lista y sumar los números pares, pero si la lista está vacía el "
    "resultado es cero, como se ve en el ejemplo del enunciado."
)


@pytest.mark.parametrize(
    ("text", "allowed", "found"),
    [
        ("We need the sum of the even numbers, so let me write a loop over xs first.", "en", None),
        ("我们需要计算所有偶数的和，然后返回结果。", "en", "zh"),
        ("I add them. 然后我们检查列表是否为空，再返回结果。", "en", "zh"),
        ("Сначала сложим чётные числа списка.", "en", "ru"),
        ("We name it α and sum over β for all γ; the δ is left as it is, of course.", "en", None),
        (GERMAN, "en", "de"),
        (GERMAN, "de", None),
        (SPANISH, "en", "es"),
        (SPANISH, "en es", None),
        ("The word 'Straße' and the name José stay as they are, and so does naïve.", "en", None),
        ("for x in xs:\n    if x % 2 == 0:\n        total += x\nreturn total" * 3, "en", None),
        ("```python\n# 我们需要计算所有偶数的和\n```\nThat is the sum.", "en", None),
        ("我们需要计算所有偶数的和", "zh", None),
        ("No.", "de", None),
    ],
)
def test_languages_are_told_apart(text: str, allowed: str, found: str | None) -> None:
    assert foreign(text, allowed.split()) == found


def test_letters_of_the_task_may_be_repeated() -> None:
    assert foreign("The key is 你好世界你好世界, so I return it.", ["en"], known="你好世界") is None


def test_the_language_filter_names_the_step() -> None:
    first, last = episode().steps
    mixed = episode(steps=(first, last.model_copy(update={"reason": "我们需要计算所有偶数的和。"})))
    refused = accepted(mixed)
    assert refused is not None
    assert refused.reason is RejectReason.LANGUAGE
    assert "step 1" in (refused.detail or "")
    assert accepted(mixed, languages=None) is None
    assert accepted(mixed, languages=["en", "zh"]) is None


def test_an_unknown_language_is_refused_at_once() -> None:
    check_filters(FiltersConfig())
    with pytest.raises(ConfigError, match=r"languages names 'klingon'.*use some of ar, de"):
        check_filters(FiltersConfig(languages=["klingon"]))
