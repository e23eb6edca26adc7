"""Whether hidden cases of a problem are known to an episode that should not know them.

    leak(trajectory, problem)     # 'hidden case 3 stands in the prompt', or None

In the prompt one hidden case is enough, when the problem's own text does not show it. What the
model wrote is judged with care, because a good guess is no leak: a hidden case counts when its
arguments are too long to be hit upon and stand beside the expected value before any observation
showed them, and it takes two such cases (or one very long one).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from deepcoder import values
from deepcoder.problems.show import task_text
from deepcoder.rendering.protocols import action_text
from deepcoder.types import Case, Problem, ProblemForm, Trajectory

__all__ = ["leak"]

_GUESSABLE = 14
"""Characters of arguments, spaces apart, below which a model may hit upon them."""
_UNGUESSABLE = 40
_SPACE = re.compile(r"\s+")
_ALIKE = str.maketrans("'[]", '"()')


def leak(trajectory: Trajectory, problem: Problem) -> str | None:
    """Where a hidden case or the reference stands that must not be known, or None."""
    shown = _plain(task_text(problem))
    prompt = _plain(f"{trajectory.system_prompt or ''}\n{trajectory.task}")
    cases = [
        (number, texts)
        for number, case in enumerate(problem.hidden, start=1)
        if case not in problem.visible
        and (texts := _texts(problem, case)) is not None
        and texts[0] not in shown
    ]
    for number, (call, _, _) in cases:
        if call in prompt:
            return f"hidden case {number} stands in the prompt"
    reference = _plain(problem.reference or "")
    if len(reference) >= _UNGUESSABLE and reference in prompt and reference not in shown:
        return "the reference solution stands in the prompt"
    return _written(trajectory, prompt, [(n, a, e) for n, (_, a, e) in cases])


def _written(trajectory: Trajectory, prompt: str, cases: list[tuple[int, str, str]]) -> str | None:
    """Hidden cases in the model's own words, before an observation could tell them."""
    seen = prompt
    known: dict[int, int] = {}
    rest = [case for case in cases if len(case[1]) >= _GUESSABLE and not _counting(case[1])]
    for index, text, observed in _steps(trajectory):
        for number, arguments, expected in rest:
            if number not in known and arguments in text and arguments not in seen:
                after = text.replace(arguments, "", 1)
                if expected in after:
                    known[number] = index
                    if len(known) > 1 or len(arguments) >= _UNGUESSABLE:
                        names = ", ".join(map(str, known))
                        return f"step {index} knows hidden cases {names} that were never shown"
        seen += text + observed
    return None


def _steps(trajectory: Trajectory) -> Iterator[tuple[int, str, str]]:
    """(index, what the model wrote, what it then saw) of each step."""
    for index, step in enumerate(trajectory.steps):
        said = f"{step.reason}\n{action_text(step.action) if step.action else step.raw or ''}"
        yield index, _plain(said), _plain(step.observation.content if step.observation else "")


def _texts(problem: Problem, case: Case) -> tuple[str, str, str] | None:
    """(call or input with output, arguments, expected value), all as `_plain` text."""
    if problem.form is ProblemForm.STDIN:
        given, wanted = _plain(case.stdin or ""), _plain(case.stdout or "")
        # Numbers alone stand in many texts; the pair does not.
        return (given + wanted, given, wanted) if given and len(given + wanted) >= 12 else None
    if problem.form is not ProblemForm.CALL:
        return None
    try:
        arguments = [repr(values.decode(value)) for value in case.args]
        arguments += [f"{name}={values.decode(value)!r}" for name, value in case.kwargs.items()]
        expected = repr(values.decode(case.expected))
    except ValueError:
        return None
    joined = ", ".join(arguments)
    return (
        _plain(f"{problem.entry_point}({joined})=={expected}"),
        _plain(joined),
        _plain(expected),
    )


def _plain(text: str) -> str:
    """Text without spaces, with one kind of quotes and brackets: a case in any layout is found."""
    return _SPACE.sub("", text).translate(_ALIKE)


def _counting(arguments: str) -> bool:
    """Whether arguments are numbers that anybody would count up: 1, 2, 3, …"""
    numbers = [int(n) for n in re.findall(r"-?\d+", arguments)]
    letters = re.search(r"[A-Za-z]", arguments)
    steps = {b - a for a, b in pairwise(numbers)}
    return letters is None and len(numbers) > 2 and len(steps) == 1
