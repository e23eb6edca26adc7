"""Families that run a machine: a stack language, a queue that serves tasks in turn."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from deepcoder.problems.families.core import Family, Sketch
from deepcoder.problems.families.wording import ask, list_words, say_hint
from deepcoder.types import Difficulty

__all__ = ["FAMILIES"]


_OPS: dict[str, tuple[str, int, str, str, Callable[[list[int]], list[int]]]] = {
    # name: (words, operands, statement, wrong statement, the same on the operands)
    "add": (
        "adds up the top two",
        2,
        "stack.append(stack.pop() + stack.pop())",
        "stack.append(stack[-1] + stack[-2])",
        lambda s: [sum(s)],
    ),
    "sub": (
        "replaces the top two by lower minus upper",
        2,
        "stack.append(-stack.pop() + stack.pop())",
        "stack.append(stack.pop() - stack.pop())",
        lambda s: [s[0] - s[1]],
    ),
    "mul": (
        "multiplies the top two",
        2,
        "stack.append(stack.pop() * stack.pop())",
        "stack.append(stack.pop() + stack.pop())",
        lambda s: [s[1] * s[0]],
    ),
    "big": (
        "keeps the larger of the top two",
        2,
        "stack.append(max(stack.pop(), stack.pop()))",
        "stack.append(min(stack.pop(), stack.pop()))",
        lambda s: [sorted(s)[1]],
    ),
    "swap": (
        "exchanges the top two",
        2,
        "stack[-1], stack[-2] = stack[-2], stack[-1]",
        "stack.reverse()",
        lambda s: [s[1], s[0]],
    ),
    "over": (
        "copies the second from the top",
        2,
        "stack.append(stack[-2])",
        "stack.append(stack[-1])",
        lambda s: [s[0], s[1], s[0]],
    ),
    "dup": (
        "copies the top",
        1,
        "stack.append(stack[-1])",
        "stack.append(stack[0])",
        lambda s: [s[0], s[0]],
    ),
    "drop": ("removes the top", 1, "stack.pop()", "stack.pop(0)", lambda s: []),
    "neg": (
        "changes the sign of the top",
        1,
        "stack.append(-stack.pop())",
        "stack.append(-stack[-1])",
        lambda s: [-s[0]],
    ),
    "twice": (
        "doubles the top",
        1,
        "stack.append(2 * stack.pop())",
        "stack.append(2 * stack[-1])",
        lambda s: [s[0] + s[0]],
    ),
}


def stack_machine(rng: Random) -> Sketch:
    """Run a tiny stack language with two operations."""
    ops = sorted(rng.sample(sorted(_OPS), 2), key=lambda _: rng.random())
    modulus = rng.choice((None, *range(3, 13)))
    result = rng.choice(("top", "top", "sum", "list"))
    default = rng.randint(-3, 9) if result == "top" else 0
    arg = rng.choice(("program", "script", "commands", "source"))
    name = rng.choice(("run", "execute", "stack_run", "evaluate", "interpret"))
    push = f"stack.append(int(word) % {modulus})" if modulus else "stack.append(int(word))"

    def source(statements: list[str], number: str, safe: bool = True) -> str:
        lines = [
            f"def {name}({arg}):",
            "    stack = []",
            f"    for word in {arg}.split():",
            "        if word.isdigit():",
            f"            {number}",
        ]
        for op, statement in zip(ops, statements, strict=True):
            guard = f" and len(stack) >= {_OPS[op][1]}" if safe else ""
            lines += [f'        elif word == "{op}"{guard}:', f"            {statement}"]
        back = {
            "top": f"stack[-1] if stack else {default}",
            "sum": "sum(stack)",
            "list": "stack",
        }[result]
        return "\n".join([*lines, f"    return {back}"]) + "\n"

    def solve(program: str) -> Any:
        stack: list[int] = []
        for word in program.split():
            if word not in ops:
                value = int(word)
                stack = [*stack, value % modulus if modulus else value]
                continue
            _, need, _, _, effect = _OPS[word]
            if len(stack) >= need:
                stack = stack[:-need] + effect(stack[-need:])
        if result == "top":
            return stack.pop() if stack else default
        return sum(stack) if result == "sum" else stack

    def draw(r: Random) -> tuple[str]:
        words = [str(r.randint(0, 15)) for _ in range(r.randint(1, 4))]
        for _ in range(r.randint(1, 4)):
            words.insert(r.randint(0, len(words)), r.choice(ops))
        return (" ".join(words),)

    right = [_OPS[op][2] for op in ops]
    flawed = rng.randrange(2)
    wrong = [_OPS[op][3] if i == flawed else right[i] for i, op in enumerate(ops)]
    mistakes = [(source(wrong, push), f"The word {ops[flawed]!r} does the wrong thing.")]
    if modulus and rng.random() < 0.5:
        mistakes.append(
            (source(right, "stack.append(int(word))"), f"Pushes numbers without modulo {modulus}.")
        )
    else:
        mistakes.append((source(right, push, False), "Fails when operands are missing."))
    numbers = f"numbers are pushed modulo {modulus}" if modulus else "numbers are pushed"
    meaning = list_words([f"{op!r} {_OPS[op][0]}" for op in ops])
    what = {
        "top": f"the top of the stack, {default} if it is empty",
        "sum": "the sum of the stack",
        "list": "the stack as a list",
    }[result]
    return Sketch(
        params={"ops": sorted(ops), "mod": modulus, "result": result, "default": default},
        entry_point=name,
        prompt=rng.choice(
            (
                f"Run the words of `{arg}` on an empty stack: {numbers}, {meaning}. "
                f"Words lacking operands are skipped. Return {what}.",
                f"`{arg}` is a program for a stack: {numbers}, {meaning}. "
                f"Skip words that lack operands. Return {what}.",
            )
        ),
        reference=source(right, push),
        solve=solve,
        draw=draw,
        edges=[("",), (ops[0],), (f"3 {ops[1]}",), (f"20 13 {ops[0]}",)],
        mistakes=mistakes,
        hint=say_hint(
            rng,
            "A list is the stack: append pushes, pop takes the top.",
            "Check the height of the stack before an operation touches it.",
        ),
        difficulty=Difficulty.MEDIUM,
    )


def task_queue(rng: Random) -> Sketch:
    """Serve tasks in turn, a slice each, and refuse long ones."""
    part = rng.randint(2, 12)
    longest = part + rng.randint(3, 25)
    result = rng.choice(("order", "last", "times", "total", "times", "total"))
    pause = rng.randint(1, 5) if result in ("times", "total") else 0
    arg = rng.choice(("tasks", "jobs", "lengths", "work"))
    name = {
        "order": rng.choice(("finish_order", "serve")),
        "last": rng.choice(("last_task", "last_to_finish")),
        "times": rng.choice(("finish_times", "completion_times")),
        "total": rng.choice(("total_time", "busy_time")),
    }[result]
    extra = f" + {pause}" if pause else ""

    def source(test: str = ">", limit: str = "<=", gap: str = extra, keep: str = "append") -> str:
        timed = result in ("times", "total")
        finished = {"times": "done.append(time)", "total": ""}.get(result, "done.append(i)")
        add = "queue.append((i, left - {0}))" if keep == "append" else "queue.insert(0, {1})"
        lines = [
            f"def {name}({arg}):",
            f"    queue = [(i, n) for i, n in enumerate({arg}) if n {limit} {longest}]",
            {"times": "    time, done = 0, []", "total": "    time = 0"}.get(
                result, "    done = []"
            ),
            "    while queue:",
            "        i, left = queue.pop(0)",
        ]
        if timed:
            lines.append(f"        time += min(left, {part}){gap}")
        lines += [
            f"        if left {test} {part}:",
            f"            {add.format(part, f'(i, left - {part})')}",
        ]
        if finished:
            lines += ["        else:", f"            {finished}"]
        back = {
            "order": "done",
            "times": "done",
            "last": "done[-1] if done else -1",
            "total": "time",
        }[result]
        return "\n".join([*lines, f"    return {back}"]) + "\n"

    def solve(lengths: list[int]) -> Any:
        left = {i: n for i, n in enumerate(lengths) if not n > longest}
        clock, order, times = 0, [], []
        while left:
            for i in list(left):
                used = left[i] if left[i] < part else part
                clock += used + pause
                left[i] -= used
                if left[i] == 0:
                    del left[i]
                    order.append(i)
                    times.append(clock)
        last = order[-1] if order else -1
        return {"order": order, "last": last, "times": times, "total": clock}[result]

    def draw(r: Random) -> tuple[list[int]]:
        pool = (part, part + 1, 2 * part, longest, longest + 1, r.randint(part, longest))
        return ([r.choice((*pool, r.randint(1, longest))) for _ in range(r.randint(2, 5))],)

    what = {
        "order": "the positions of the tasks in the order in which they finish",
        "last": "the position of the task that finishes last, or -1",
        "times": "the times at which tasks finish, in that order",
        "total": "the time when all is done",
    }[result]
    cost = f" Each turn costs {pause} extra." if pause else ""
    second = (
        (source(gap=""), f"Forgets the {pause} extra for each turn.")
        if pause
        else (source(keep="insert"), "Continues the same task instead of going to the next.")
    )
    return Sketch(
        params={"part": part, "longest": longest, "pause": pause, "result": result},
        entry_point=name,
        prompt=ask(
            rng,
            f"a list `{arg}` of durations",
            what,
            f"Tasks over {longest} are refused. The others take turns of at most {part}; "
            f"an unfinished one goes to the back.{cost}",
        ),
        reference=source(),
        solve=solve,
        draw=draw,
        edges=[([],), ([part, 1],), ([longest, longest + 1],)],
        mistakes=[
            (source(test=">="), f"Sends a task with exactly {part} left round once more.")
            if rng.random() < 0.5
            else (source(limit="<"), f"Also refuses tasks of exactly {longest}."),
            second,
        ],
        hint=say_hint(
            rng,
            "Keep (position, time left) pairs in a queue; append what is not finished.",
            "Pop from the front, serve one turn, and append the rest if there is any.",
        ),
        difficulty=Difficulty.HARD,
    )


FAMILIES = (
    Family("stack_machine", "simulation", stack_machine),
    Family("task_queue", "simulation", task_queue),
)
