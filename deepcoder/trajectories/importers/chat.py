"""Conversations of others as trajectories in protocol `tool_call`: what the chat formats share.

A format's own module turns its record into `Answer` and `Seen` turns; `assemble` makes the steps.
An answer with exactly one call is an action, with the text beside the call as reasoning; a text
without a call at the end is the final answer. What cannot be one step (several calls at once,
arguments that are not JSON) stays in its place as history and is not trained on. A record with
more than one task in it is refused.

    assemble("openai", task="…", turns=[Answer(text="4")], system=None).answer      # '4'
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepcoder.rendering import Salvage, get_protocol
from deepcoder.rendering.protocols import FINISH, action_text
from deepcoder.rendering.tool_call import calls_text
from deepcoder.runs import content_hash
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.types import (
    Action,
    Completion,
    Fingerprint,
    Observation,
    Provenance,
    Step,
    StopReason,
    Trajectory,
)

__all__ = [
    "Answer",
    "Call",
    "Seen",
    "assemble",
    "clean",
    "finish_trajectory",
    "text_of",
    "tools_text",
    "untagged",
]

HARMLESS = frozenset(
    {
        Salvage.REASONING_FIELD,
        Salvage.MISSING_THINK,
        Salvage.UNOPENED_THINK,  # R1's template opens the reasoning itself
        Salvage.TEXT_BEFORE_ACTION,
    }
)
"""Repairs after which it is certain what was meant, and nothing of the text is lost."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_THOUGHTS = tuple(
    (
        opened,
        re.compile(rf"{re.escape(opened)}(?P<reason>.*?){re.escape(closed)}(?P<rest>.*)", re.S),
    )
    for opened, closed in (
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<thinking>", "</thinking>"),
        ("<thought>", "</thought>"),
        ("<reasoning>", "</reasoning>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
    )
)
"""How others mark the reasoning that opens a message: Sky-T1 and Bespoke-Stratos first."""
_SOLUTION = re.compile(
    r"\s*<\|begin_of_solution\|>(?P<text>.*?)(?:<\|end_of_solution\|>)?\s*", re.S
)


@dataclass(frozen=True)
class Call:
    """A structured call; `arguments` may be the JSON text of them."""

    name: str
    arguments: Any


@dataclass(frozen=True)
class Answer:
    """A message of the model. `trained=False`: no model wrote it in this place."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    trained: bool = True


@dataclass(frozen=True)
class Seen:
    """What the environment, or a user, said. `task`: it is a user's own words."""

    text: str
    task: bool = False


def assemble(
    source: str,
    *,
    task: str,
    turns: Sequence[Answer | Seen],
    system: str | None,
    finished: bool | None = None,
    answer: str | None = None,
    model: str = "unknown",
    chat: bool = True,
) -> Trajectory:
    """The trajectory of a conversation after its task. Raises UnreadableRecord.

    `finished` says how the episode ended where the format knows it; otherwise a final answer does.
    `chat=False`: the record is an agent's run, in which a user's words are the environment's, and a
    text without a call is a failed step.
    """
    steps = _steps(turns, chat)
    last = steps[-1].action if steps else None
    final = last is not None and last.tool == FINISH
    done = final if finished is None else finished
    if answer is None and done and final and last is not None:
        answer = action_text(last)
    return finish_trajectory(
        source,
        protocol="tool_call",
        system=system,
        task=task,
        steps=steps,
        done=done,
        answer=answer,
        model=model,
    )


def finish_trajectory(
    source: str,
    *,
    protocol: str,
    system: str | None,
    task: str,
    steps: Sequence[Step],
    done: bool,
    answer: str | None,
    model: str = "unknown",
) -> Trajectory:
    """The record of imported steps. Ids are hashes of the content, so the same record has the same
    id in every file, and records with the same task share a problem id (and therefore a split).
    """
    tools = [step.action.tool for step in steps if step.action is not None]
    if not tools:
        raise UnreadableRecord("no message of the model has one readable call or a final answer")
    content = [system, task, [step.model_dump(mode="json") for step in steps]]
    return Trajectory(
        id=f"{source}/{content_hash(content, 16)}",
        problem_id=f"{source}/{content_hash(task, 16)}",
        protocol=protocol,
        prompt_version="imported",
        system_prompt=system,
        task=task,
        tools=tuple(dict.fromkeys(tools)),
        steps=tuple(steps),
        answer=answer,
        stop=StopReason.FINISHED if done else StopReason.MAX_TURNS,
        teacher=Fingerprint(kind="imported", model=model),
        provenance=Provenance(source=source),
    )


def untagged(text: str) -> tuple[str, str] | None:
    """(reasoning, the rest) of a message that opens with reasoning in others' tags, which are not
    trained on; ('', text) for any other; None when such reasoning does not end."""
    opening = text.lstrip()
    for opened, tags in _THOUGHTS:
        if opening.startswith(opened):
            match = tags.fullmatch(opening)
            if match is None:
                return None
            rest = match["rest"]
            solution = _SOLUTION.fullmatch(rest)
            rest = solution["text"].strip("\r\n") if solution else rest.lstrip("\r\n")
            return match["reason"].strip(), rest
    return "", text


def merged(turns: Sequence[Answer | Seen]) -> list[Answer | Seen]:
    """Turns in which words of the model that go on with a call are one message with it."""
    result: list[Answer | Seen] = []
    for turn in turns:
        last = result[-1] if result else None
        if (
            isinstance(last, Answer)
            and isinstance(turn, Answer)
            and not last.calls
            and turn.calls
            and (last.trained and turn.trained)
        ):
            reasoning = "\n".join(part for part in (last.reasoning, turn.reasoning) if part)
            words = "\n".join(part for part in (last.text, turn.text) if part.strip())
            result[-1] = Answer(words, reasoning, turn.calls)
        else:
            result.append(turn)
    return result


def _steps(turns: Sequence[Answer | Seen], chat: bool) -> list[Step]:
    steps: list[Step] = []
    seen: list[str] = []
    for number, turn in enumerate(merged(turns), start=1):
        if isinstance(turn, Seen):
            if not steps:
                raise UnreadableRecord(f"message {number} after the task is not the model's")
            if turn.task and chat and (steps[-1].action is None or seen or _final(steps[-1])):
                raise UnreadableRecord(
                    f"message {number} after the task is a further task of the user; a trajectory "
                    "has one"
                )
            seen.append(turn.text)
            steps[-1] = steps[-1].model_copy(
                update={"observation": Observation(content="\n".join(seen))}
            )
            continue
        if steps and steps[-1].observation is None:
            raise UnreadableRecord(
                f"message {number} after the task is the model's, and so is the one before it"
            )
        seen = []
        steps.append(_step(turn, plain=chat))
    return steps


def _final(step: Step) -> bool:
    return step.action is not None and step.action.tool == FINISH


def _step(said: Answer, plain: bool) -> Step:
    """One answer as a step; `plain`: a text without a call is a final answer."""
    if not said.calls:
        return _read_text(said, plain)
    reason = "\n".join(part for part in (said.reasoning.strip(), said.text.strip()) if part)
    actions = [_action(call) for call in said.calls]
    if len(actions) == 1 and actions[0] is not None and said.trained:
        return Step(reason=reason, action=actions[0])
    readable = [
        action or Action(tool=call.name, arguments={"text": str(call.arguments)})
        for action, call in zip(actions, said.calls, strict=True)
    ]
    return Step(reason="", raw=calls_text(reason, readable))


def _read_text(said: Answer, plain: bool) -> Step:
    """A message that is only text: its think tags and calls are read from it."""
    parted = ("", said.text) if said.reasoning.strip() else untagged(said.text)
    if parted is None:
        return Step(reason="", raw=said.text)
    thought, text = parted
    completion = Completion(text=text, reasoning=said.reasoning.strip() or thought or None)
    step = get_protocol("tool_call").parse(completion)
    readable = step.action is not None and HARMLESS.issuperset(step.salvaged)
    if readable and said.trained and (plain or not _final(step)):
        return step.model_copy(update={"salvaged": ()}) if step.raw is None else step
    raw = said.text if step.raw is None else step.raw
    return Step(reason="", raw=raw, salvaged=step.salvaged)


def _action(call: Call) -> Action | None:
    arguments = call.arguments
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError):
            return None
    if arguments is None:
        arguments = {}
    return Action(tool=call.name, arguments=arguments) if isinstance(arguments, dict) else None


def tools_text(system: str | None, tools: Any) -> str | None:
    """The system prompt with the tools of a record, which its form carries apart from the text."""
    if not tools:
        return system
    if isinstance(tools, str):  # some files hold the list as JSON text
        described = clean(tools)
    elif isinstance(tools, Sequence):
        described = "\n".join(clean(json.dumps(tool, ensure_ascii=False)) for tool in tools)
    else:
        raise UnreadableRecord(f"`tools` is {type(tools).__name__}, not a list")
    head = f"{system}\n\n" if system else ""
    return f"{head}Tools, one JSON description a line:\n{described}"


def clean(text: str) -> str:
    """Lone surrogates become U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def text_of(content: Any, where: str) -> str:
    """The text of a message's content: a text, nothing, or a list of text parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return clean(content)
    if isinstance(content, Sequence):
        texts = []
        for part in content:
            if isinstance(part, str):
                texts.append(clean(part))
            elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
                texts.append(clean(part["text"]))
            else:
                kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
                raise UnreadableRecord(f"{where} has a part of type {kind!r}, not text")
        return "\n".join(texts)
    raise UnreadableRecord(f"{where} has {type(content).__name__} as content, not text")
