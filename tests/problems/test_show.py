"""What an agent is shown, and what it is never shown."""

from __future__ import annotations

from deepcoder import values
from deepcoder.problems.show import case_text, signature, task_text
from deepcoder.types import Case, Mistake, Problem, ProblemForm


def problem(**changes: object) -> Problem:
    fields: dict[str, object] = {
        "id": "t/1",
        "prompt": "Return the sum of the even numbers in `xs`.",
        "entry_point": "sum_even",
        "visible": (Case(args=([1, 2, 4],), expected=6),),
        "hidden": (Case(args=([],), expected=0),),
        "reference": "def sum_even(xs, start=0):\n    return start\n",
    }
    return Problem(**{**fields, **changes})


def test_a_call_problem():
    assert task_text(problem()) == (
        "Return the sum of the even numbers in `xs`.\n"
        "Signature: sum_even(xs, start=0)\n"
        "Examples:\n"
        "sum_even([1, 2, 4]) == 6"
    )


def test_nothing_hidden_is_shown():
    canary = "CANARY"
    text = task_text(
        problem(
            hidden=(Case(args=(canary,), kwargs={canary: canary}, expected=canary),),
            reference=f"def sum_even(xs):\n    return '{canary}'\n",
            mistakes=(Mistake(code=canary, description=canary),),
            hint=canary,
            test_code=canary,
            setup_code=canary,
            topic=canary,
            source=canary,
            family=canary,
        )
    )
    assert canary not in text
    assert "sum_even(xs)" in text


def test_values_are_written_as_python():
    case = Case(
        args=(values.encode((1, {2})), values.encode(None)),
        kwargs={"by": values.encode({1: "a"})},
        expected=values.encode(b"x"),
    )
    assert case_text("f", case) == "f((1, {2}), None, by={1: 'a'}) == b'x'"


def test_without_a_reference_the_name_is_the_signature():
    assert signature(problem(reference=None)) == "sum_even"
    assert signature(problem(reference="this is not Python")) == "sum_even"


def test_a_prompt_that_holds_the_stub_needs_no_signature():
    text = task_text(problem(prompt="Complete this.\ndef sum_even(xs):\n    ...", visible=()))
    assert text == "Complete this.\ndef sum_even(xs):\n    ..."


def test_a_stdin_problem():
    text = task_text(
        problem(
            form=ProblemForm.STDIN,
            entry_point=None,
            visible=(Case(stdin="2 3\n", stdout="5\n"),),
            hidden=(Case(stdin="secret", stdout="secret"),),
        )
    )
    assert text.splitlines()[1:] == [
        "Read standard input and write the answer to standard output.",
        "Input:",
        "2 3",
        "Output:",
        "5",
    ]
