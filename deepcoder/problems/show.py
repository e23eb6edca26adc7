"""The one place that turns a problem into the text that an agent is shown.

Only the prompt, the signature and the visible cases are read: hidden cases, the reference, the
mistakes and the hint never reach the text. It is kept short, because every token of it is paid in
every turn.

Example::

    >>> print(task_text(problem))
    Return the sum of the even numbers in `nums`.
    Signature: sum_even(nums)
    Examples:
    sum_even([1, 2, 4]) == 6
"""

from __future__ import annotations

import ast

from deepcoder import values
from deepcoder.types import Case, Problem, ProblemForm

__all__ = ["case_text", "signature", "task_text"]


def task_text(problem: Problem) -> str:
    """What an agent is told about `problem`."""
    lines = [problem.prompt.strip()]
    if problem.form is ProblemForm.STDIN:
        lines.append("Read standard input and write the answer to standard output.")
        for case in problem.visible:
            lines += ["Input:", (case.stdin or "").rstrip("\n")]
            lines += ["Output:", (case.stdout or "").rstrip("\n")]
        return "\n".join(lines)
    if problem.entry_point and f"def {problem.entry_point}(" not in problem.prompt:
        lines.append(f"Signature: {signature(problem)}")
    if problem.visible and problem.entry_point:
        lines.append("Examples:")
        lines += [case_text(problem.entry_point, case) for case in problem.visible]
    return "\n".join(lines)


def case_text(entry_point: str, case: Case) -> str:
    """A case as one line of Python: `f([1, 2], k=3) == 5`."""
    arguments = [repr(values.decode(a)) for a in case.args]
    arguments += [f"{name}={values.decode(v)!r}" for name, v in case.kwargs.items()]
    return f"{entry_point}({', '.join(arguments)}) == {values.decode(case.expected)!r}"


def signature(problem: Problem) -> str:
    """`name(parameters)` as the reference writes it, or the bare name without a reference."""
    name = problem.entry_point or ""
    try:
        tree = ast.parse(problem.reference or "")
    except SyntaxError:
        return name
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return f"{name}({ast.unparse(node.args)})"
    return name
