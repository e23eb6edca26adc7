"""How the oracle says things: sentence plans over many fragments, filled with facts.

A reason is a plan (an order of slots), each slot a sentence drawn from its fragments, each fragment
a format string over the facts of the moment. Fragments whose facts are missing are not drawn, and
optional sentences are left out when the reason would grow past its word limit: every token of it is
paid again in training. Nothing here knows how an episode is played: that is `oracle`.

Example::

    say(Random(1), PASSED, {"name": "`add`", "seen": "`add(1, 2)` gives 3"})
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from string import Formatter

__all__ = [
    "DRAFT",
    "MISSED",
    "PASSED",
    "REPAIR",
    "SOLVE",
    "UNSURE",
    "Plan",
    "clause",
    "idea",
    "say",
]

MIN_WORDS, MAX_WORDS = 15, 30

GOAL = (
    "{name} has to return {kind}.",
    "I must build {name}, which gives back {kind}.",
    "What is wanted from {name} is {kind}.",
    "The result of {name} is {kind}.",
    "So {name} turns its input into {kind}.",
    "{name} is asked to produce {kind}.",
    "Out of {params} I have to make {kind}.",
    "The inputs are {params} and the answer is {kind}.",
    "Given {params}, the caller expects {kind}.",
)
EXAMPLE = (
    "{call} should give {expected}.",
    "The first example says {call} is {expected}.",
    "For instance {call} must come out as {expected}.",
    "One example pins it down: {call} is {expected}.",
    "From the examples, {call} yields {expected}.",
    "With {call} the answer is {expected}.",
)
IDEA = (
    "{Idea}",
    "{Idea}",
    "Plan: {idea}",
    "The way to do it: {idea}",
    "Approach: {idea}",
    "What matters here: {idea}",
    "I would do it like this: {idea}",
    "The trick: {idea}",
    "Think it through: {idea}",
)
CAUTION = (
    "A hasty version {clause}; mine must not.",
    "Careful: a quick draft easily {clause}.",
    "The usual slip is code that {clause}.",
    "It would be wrong if the code {clause}.",
    "I have to avoid a solution that {clause}.",
    "One trap: a version that {clause}.",
    "Easy to get wrong: {flaw}",
    "A trap to keep in mind: {flaw}",
    "What could go wrong: {flaw}",
    "Corner case to respect: {flaw}",
)
CHECK = (
    "Then I run {both}.",
    "I will try {both} right away.",
    "Let me write it and check {both}.",
    "Write it down and test {both}.",
    "{Both} will show whether it holds.",
    "Next, run it on {both}.",
    "I check it against {both}.",
    "Now code it and look at {both}.",
)
QUICK = (
    "A simple first version may do; let me see what the run says.",
    "Start with the direct way and let the run judge it.",
    "My first thought is short, so I try it before thinking further.",
    "I write down the obvious version first and look at what it does.",
    "Let me sketch something quick and see where it stands.",
    "This looks simple; a first draft, then a look at the output.",
    "I go with the first idea that comes to mind and test it.",
    "Try a rough version first, then correct it if the run disagrees.",
    "No need to overthink it yet: a draft, and a run.",
)
PASS = (
    "{seen}, as the task says.",
    "{seen}, which is what was asked for.",
    "{seen}; that agrees with the statement.",
    "The run confirms it: {seen}.",
    "{seen}. That matches what was wanted.",
    "I read the output: {seen}, as expected.",
    "Good, the run is right: {seen}.",
    "{seen}, just as the statement has it.",
)
CLOSE = (
    "The code is finished and {name} can be handed in.",
    "I finish with this version of {name}.",
    "Nothing is left to change, so I submit {name}.",
    "So the function can go out as it is.",
    "So the answer is {name} without the checks.",
    "There is no more to do, {name} is my answer.",
    "That settles it; {name} is my answer.",
    "Done, so I hand in the function as it stands.",
    "I am confident and submit the code.",
)
FAIL = (
    "{seen}.",
    "The run disagrees: {seen}.",
    "That is wrong: {seen}.",
    "Not right yet, {seen}.",
    "{seen}, so there is a mistake.",
    "I read the output: {seen}.",
    "Look at the result: {seen}.",
    "A check fails: {seen}.",
)
NAME = (
    "My version {clause}.",
    "The reason: my draft {clause}.",
    "I see why, the code {clause}.",
    "The cause is that my code {clause}.",
    "What I wrote {clause}.",
    "That happens because the draft {clause}.",
    "The mistake is mine: {flaw}",
    "The cause: {flaw}",
    "Here is the mistake: {flaw}",
    "I see what is wrong: {flaw}",
)
MEND = (
    "Instead: {idea}",
    "So the repair: {idea}",
    "Better: {idea}",
    "Correct is this: {idea}",
    "To repair it: {idea}",
    "What it should do: {idea}",
)
AGAIN = (
    "I repair that and run {both} again.",
    "Fix it and check once more.",
    "Let me correct it and rerun.",
    "I change that part and test again.",
    "Correct the code, then repeat the run.",
    "After the repair I check {both} again.",
)
REREAD = (
    "{seen}, but I read the statement once more.",
    "{seen}, yet the examples do not cover everything.",
    "{seen}. Still, the task asks for more than that.",
    "{seen}, and that can be luck, so I go over the code again.",
    "{seen}; before I finish I compare the code with the statement.",
    "The run looks fine, {seen}, but one case is not covered.",
)
STUCK = (
    "{seen}, although the code follows the statement.",
    "{seen}; I cannot find a better version of {name}.",
    "{seen}, and I went through the code line by line without finding a fault.",
    "{seen}. I have no better idea for {name}.",
)


@dataclass(frozen=True)
class Plan:
    """Orders of slots. A slot is (fragments, needed?); one that is not needed may be left out."""

    orders: tuple[tuple[tuple[tuple[str, ...], bool], ...], ...]


_goal, _example, _idea = (GOAL, False), (EXAMPLE, False), (IDEA, True)
_caution, _check = (CAUTION, False), (CHECK, False)

SOLVE = Plan(
    (
        (_goal, _idea, _check),
        (_example, _idea, _check),
        (_idea, _caution, _check),
        (_goal, _idea, _caution),
        (_example, _idea, _caution),
        (_idea, _example, _check),
        (_goal, _example, _idea),
    )
)
"""Before a right solution."""
DRAFT = Plan(
    (
        ((GOAL, False), (QUICK, True)),
        ((EXAMPLE, False), (QUICK, True)),
        ((GOAL, False), (EXAMPLE, False), (QUICK, True)),
        ((EXAMPLE, False), (QUICK, True), (CHECK, False)),
    )
)
"""Before a first attempt that may be wrong: no insight yet."""
REPAIR = Plan(
    (
        ((FAIL, True), (NAME, True), (AGAIN, False)),
        ((FAIL, True), (NAME, True), (MEND, False)),
        ((FAIL, True), (NAME, True), (MEND, False), (AGAIN, False)),
    )
)
"""After a run that showed the mistake."""
MISSED = Plan(
    (
        ((REREAD, True), (NAME, True), (AGAIN, False)),
        ((REREAD, True), (NAME, True), (MEND, False)),
    )
)
"""After a wrong attempt that the visible cases did not catch."""
PASSED = Plan((((PASS, True), (CLOSE, True)),))
"""Before the answer."""
UNSURE = Plan((((STUCK, True), (CLOSE, True)),))
"""Before the answer, when a right solution does not run as expected."""


def say(rng: Random, plan: Plan, facts: Mapping[str, str]) -> str:
    """One reason: drawn sentences in a drawn order, within the word limits where that can be."""
    order = rng.choice(plan.orders)
    drawn = [(_draw(rng, fragments, facts), needed) for fragments, needed in order]
    sentences = [(text, needed) for text, needed in drawn if text]
    total = sum(_words(text) for text, _ in sentences)
    for entry in reversed([entry for entry in sentences if not entry[1]]):
        if total > MAX_WORDS:
            sentences.remove(entry)
            total -= _words(entry[0])
    reason = " ".join(text for text, _ in sentences)
    if total < MIN_WORDS:
        spare = [f for f in (GOAL, EXAMPLE, CHECK, CLOSE) if all(f is not o for o, _ in order)]
        spare = [f for f in spare if (f is CLOSE) == (plan in (PASSED, UNSURE))]
        for fragments in rng.sample(spare, len(spare)):
            if _words(reason) >= MIN_WORDS:
                break
            reason = f"{_draw(rng, fragments, facts) or ''} {reason}".strip()
    return reason


def _draw(rng: Random, fragments: Sequence[str], facts: Mapping[str, str]) -> str | None:
    known = [f for f in fragments if _fields(f) <= facts.keys()]
    if not known:
        return None
    text = rng.choice(known).format(**facts)
    return text if text.startswith("`") else text[0].upper() + text[1:]


def _fields(fragment: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(fragment) if name}


def _words(text: str) -> int:
    return len(text.split())


# ------------------------------------------------------------------------------- facts from prose

_VERBS = set(
    re.findall(
        r"\w+",
        """
        accepts adds allows assumes builds changes checks compares continues copies counts
        decides deletes divides does drops ends excludes fails finds forgets gives handles
        ignores includes joins keeps leaves lets looks loses makes matches measures misses
        mixes moves multiplies overwrites picks pushes puts raises reads removes repeats
        replaces returns reverses rounds sends shortens skips sorts splits starts stops stores
        strips subtracts takes tests treats turns uses works wraps
        """,
    )
)
"""What a description without a subject begins with."""
_LABEL = re.compile(r"^[A-Z][a-z]+(?: [a-z]+){0,3}: (?=\w)")


def clause(description: str) -> str | None:
    """'It keeps one.' or 'Keeps one.' as 'keeps one', to follow 'my version'; None where the
    sentence has a subject of its own."""
    text = description.strip().rstrip(".")
    if text.startswith("It "):
        text = text[3:]
        return text if "; " not in text else text.partition("; ")[0]
    words = text.split()
    verb = words[1] if words and words[0] in ("Also", "Only", "Just") and words[1:] else words[0]
    return _lower(text) if verb.lower() in _VERBS and "; " not in text else None


def idea(hint: str) -> tuple[str, str]:
    """A hint without its label, as a sentence and as the continuation of one."""
    text = _LABEL.sub("", hint.strip())
    text = text if text.endswith((".", "!", "?")) else text + "."
    return text[0].upper() + text[1:] if not _is_code(text) else text, _lower(text)


def _lower(text: str) -> str:
    first = text.split(maxsplit=1)[0] if text else ""
    plain = first[:1].isupper() and (first[1:].islower() or first == "A")
    return text[0].lower() + text[1:] if plain else text


def _is_code(text: str) -> bool:
    first = text.split(maxsplit=1)[0]
    return any(sign in first for sign in "._()`")
