"""The oracle, asked as any backend is: what it says follows from the conversation alone."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from deepcoder import values
from deepcoder.chat_models import ChatModel, build_teacher
from deepcoder.chat_models.oracle import OracleTeacher
from deepcoder.config import compose
from deepcoder.errors import DataError, MissingError
from deepcoder.problems.loaders import load_problems
from deepcoder.problems.show import task_text
from deepcoder.rendering import conversation, get_protocol, messages
from deepcoder.types import (
    Case,
    Completion,
    Mistake,
    Observation,
    Problem,
    ProblemForm,
    Sampling,
    Step,
)

PROTOCOL = get_protocol("codeact")
REFERENCE = "def last(items):\n    return items[-1] if items else None\n"
WRONG = "def last(items):\n    return items[0] if items else None\n"


def make_problem(**changes: object) -> Problem:
    fields: dict[str, object] = {
        "id": "t/last",
        "prompt": "Return the last item of a list, or None when it is empty.",
        "entry_point": "last",
        "visible": (case([1, 2], gives=2), case([], gives=None)),
        "hidden": (case([4, 5, 777], gives=777),),
        "reference": REFERENCE,
        "mistakes": (Mistake(code=WRONG, description="It takes the first item instead."),),
        "hint": "Index -1 is the last item of a list that has one.",
    }
    return Problem(**(fields | changes))  # type: ignore[arg-type]


def case(*args: object, gives: object) -> Case:
    return Case(args=tuple(values.encode(a) for a in args), expected=values.encode(gives))


def next_step(teacher: ChatModel, problem: Problem, steps: Sequence[Step], seed: int = 0) -> Step:
    turns = conversation(PROTOCOL, "You solve tasks.", task_text(problem), steps)
    completion = asyncio.run(teacher.complete(messages(turns), Sampling(seed=seed)))
    step = PROTOCOL.parse(completion)
    assert step.raw is None, "the oracle writes the canonical form"
    assert not step.salvaged
    return step


def seen(step: Step, content: str) -> Step:
    return step.model_copy(update={"observation": Observation(content=content)})


def code_of(step: Step) -> str:
    assert step.action is not None
    assert step.action.tool == "python"
    return step.action.arguments["code"]


def answer_of(step: Step) -> str:
    assert step.action is not None
    assert step.action.tool == "finish"
    return step.action.arguments["answer"]


def attempt(code: str, observation: str) -> Step:
    from deepcoder.types import Action

    step = Step(reason="Try.", action=Action(tool="python", arguments={"code": code}))
    return seen(step, observation)


RIGHT_OUTPUT = {True: "2\nNone", False: "(no output)"}
"""Output of right code, by whether the checks print."""


def test_it_tries_the_examples_and_answers_with_the_reference_when_they_hold() -> None:
    problem = make_problem()
    teacher = OracleTeacher([problem], mistake_rate=0.0)
    for seed in range(10):
        first = next_step(teacher, problem, [], seed)
        assert code_of(first).startswith(REFERENCE.strip())
        assert "last([1, 2])" in code_of(first)
        prints = "print(" in code_of(first)
        last = next_step(teacher, problem, [seen(first, RIGHT_OUTPUT[prints])], seed)
        assert answer_of(last) == REFERENCE.strip()


def test_both_ways_to_check_occur() -> None:
    problem = make_problem()
    teacher = OracleTeacher([problem], mistake_rate=0.0)
    codes = {"print(" in code_of(next_step(teacher, problem, [], seed)) for seed in range(12)}
    assert codes == {True, False}


@pytest.mark.parametrize(
    ("code", "observation", "quotes"),
    [
        (WRONG + "\nprint(last([1, 2]))\nprint(last([]))", "1\nNone", ["`1`", "`2`"]),
        (WRONG + "\nassert last([1, 2]) == 2", "AssertionError", ["AssertionError"]),
        (
            WRONG + "\nassert last([]) == None",
            'Traceback (most recent call last):\n  File "<cell 1>"\nIndexError: list index wrong',
            ["`IndexError: list index wrong`"],
        ),
        (WRONG + "\nprint(last([1, 2]))", "Timed out after 5 seconds.", ["does not end in time"]),
    ],
)
def test_it_reads_the_real_failure_names_the_mistake_and_repairs(
    code: str, observation: str, quotes: list[str]
) -> None:
    problem = make_problem()
    prints = "print(" in code
    teacher = OracleTeacher([problem], mistake_rate=0.0)
    seeds = [
        seed
        for seed in range(40)
        if ("print(" in code_of(next_step(teacher, problem, [], seed))) == prints
    ]
    for seed in seeds[:6]:
        step = next_step(teacher, problem, [attempt(code, observation)], seed)
        for quote in quotes:
            assert quote in step.reason
        assert "takes the first item instead" in step.reason
        assert code_of(step).startswith(REFERENCE.strip())


def test_a_wrong_attempt_that_passes_the_examples_is_still_repaired() -> None:
    visible = (case([3, 3], gives=3), case([], gives=None))
    problem = make_problem(visible=visible)
    teacher = OracleTeacher([problem], mistake_rate=1.0)
    for seed in range(10):
        first = next_step(teacher, problem, [], seed)
        assert WRONG.strip() in code_of(first)
        output = "3\nNone" if "print(" in code_of(first) else "(no output)"
        second = next_step(teacher, problem, [seen(first, output)], seed)
        assert "takes the first item instead" in second.reason
        assert REFERENCE.strip() in code_of(second)
        third = next_step(teacher, problem, [seen(first, output), seen(second, output)], seed)
        assert answer_of(third) == REFERENCE.strip()


def test_the_share_of_first_mistakes_follows_the_rate() -> None:
    problem = make_problem()
    for rate in (0.0, 0.35, 1.0):
        teacher = OracleTeacher([problem], mistake_rate=rate)
        wrong = sum(
            WRONG.strip() in code_of(next_step(teacher, problem, [], s)) for s in range(200)
        )
        assert abs(wrong / 200 - rate) < 0.1


def test_a_conversation_that_somebody_else_began_is_continued() -> None:
    problem = make_problem()
    teacher = OracleTeacher([problem], mistake_rate=0.0)
    foreign = attempt("def last(items):\n    return None\nprint(last([1, 2]))", "None")
    assert REFERENCE.strip() in code_of(next_step(teacher, problem, [foreign]))
    unreadable = seen(Step(reason="", raw="no action here"), "could not be read")
    assert "last([1, 2])" in code_of(next_step(teacher, problem, [unreadable]))


def test_a_right_solution_that_does_not_run_is_handed_in_without_a_loop() -> None:
    problem = make_problem()
    teacher = OracleTeacher([problem], mistake_rate=0.0)
    first = next_step(teacher, problem, [])
    assert answer_of(next_step(teacher, problem, [seen(first, "MemoryError")])) == REFERENCE.strip()


def test_hidden_cases_never_reach_the_text() -> None:
    problem = make_problem()
    teacher = OracleTeacher([problem], mistake_rate=0.5)
    for seed in range(30):
        first = next_step(teacher, problem, [], seed)
        second = next_step(teacher, problem, [seen(first, "1\nNone")], seed)
        assert "777" not in "".join(p.text for s in (first, second) for p in PROTOCOL.write(s))


def test_the_same_question_gets_the_same_answer_and_another_seed_another() -> None:
    problem = make_problem()
    one, two = OracleTeacher([problem], seed=1), OracleTeacher([problem], seed=1)
    assert [next_step(one, problem, [], s) for s in range(9)] == [
        next_step(two, problem, [], s) for s in range(9)
    ]
    assert len({next_step(one, problem, [], s).reason for s in range(30)}) > 25


def test_a_program_is_tried_with_the_first_input() -> None:
    program = "print(sum(int(x) for x in input().split()))"
    shown = Case(stdin="1 2\n", stdout="3\n")
    problem = make_problem(
        form=ProblemForm.STDIN, entry_point=None, visible=(shown,), hidden=(shown,),
        reference=program, mistakes=(),
    )  # fmt: skip
    teacher = OracleTeacher([problem])
    first = next_step(teacher, problem, [])
    assert "1 2" in code_of(first)
    assert code_of(first).endswith(program)
    assert answer_of(next_step(teacher, problem, [seen(first, "3")])) == program


def test_what_cannot_be_played_says_why() -> None:
    bare = make_problem(reference=None)
    with pytest.raises(MissingError, match="reference"):
        OracleTeacher([bare])
    teacher = OracleTeacher([make_problem(), make_problem(id="t/2", prompt="X.", reference=None)])
    with pytest.raises(DataError, match="t/2 has no reference"):
        next_step(teacher, make_problem(id="t/2", prompt="X.", reference=None), [])
    with pytest.raises(DataError, match="does not know the task"):
        next_step(teacher, make_problem(prompt="Something else."), [])


def test_usage_counts_the_request_and_invents_no_tokens() -> None:
    problem = make_problem()
    turns = messages(conversation(PROTOCOL, None, task_text(problem), []))
    completion = asyncio.run(OracleTeacher([problem]).complete(turns, Sampling()))
    assert isinstance(completion, Completion)
    assert completion.usage.requests == 1
    assert completion.usage.completion_tokens == 0


def test_reasons_of_a_real_run_are_varied_and_short() -> None:
    """Over 300 episodes on shipped problems, as `generate` seeds them."""
    cfg = compose("generate")
    problems = load_problems(cfg.problems, "train")[:300]
    teacher = build_teacher(cfg.teacher, problems, seed=0)
    reasons = [next_step(teacher, p, [], seed).reason for seed, p in enumerate(problems)]
    assert len(reasons) == 300
    assert len(set(reasons)) > 0.95 * len(reasons)
    words = [len(reason.split()) for reason in reasons]
    assert min(words) >= 12
    assert max(words) <= 45
    assert sum(words) / len(words) < 32
    pairs = [pair for reason in reasons for pair in itertools.pairwise(reason.split())]
    assert len(set(pairs)) > 0.3 * len(pairs)
