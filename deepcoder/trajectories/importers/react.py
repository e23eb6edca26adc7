"""Importer of ReAct conversations: chat messages with Thought / Action / Observation text.

    {"messages": [{"role": "user", "content": "Who …?"},
                  {"role": "assistant", "content": "Thought: …\\nAction: search[…]"},
                  {"role": "user", "content": "Observation: …"},
                  {"role": "assistant", "content": "Thought: …\\nAction: finish[…]"}]}

A system message may come first; an observation may follow the last action and may come from `user`,
`tool` or `function`. The turns may also be ShareGPT's, or one text in which the labels alternate
(`{"question": …, "trajectory": "Thought 1: …\\nAction 1: …\\nObservation 1: …"}`). An answer whose
action cannot be read exactly (none, several, words after it) stays in its place as history, word
for word, and is not trained on.

Other spellings of an action are rewritten in canonical form: numbered or bold labels, a missing
`Thought:`, `Finish[…]`, `tool(argument)`, LangChain's `Action Input:` and `Final Answer:`. Every
other answer is rendered character by character as it was.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from deepcoder.rendering import Salvage, get_protocol
from deepcoder.rendering.protocols import FINISH, action_text, make_action
from deepcoder.runs import content_hash
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import text_of
from deepcoder.types import (
    Completion,
    Fingerprint,
    Observation,
    Provenance,
    Role,
    Step,
    StopReason,
    Trajectory,
)

__all__ = ["import_record", "is_react", "transcript"]

HARMLESS = frozenset({Salvage.LABELS, Salvage.MISSING_THINK})
"""Repairs after which it is still certain what the answer meant."""

_LABEL = r"^[ \t]*\**{0}\**[ \t]*\d*[ \t]*:\**[ \t]*"
_PREFIX = re.compile(_LABEL.format("Observation").replace("^", r"\A"), re.I)
_ACTION = re.compile(_LABEL.format("Action"), re.M | re.I)
_FINAL = re.compile(_LABEL.format("Final Answer"), re.M | re.I)
_LANGCHAIN = re.compile(
    _LABEL.format("Action")
    + r"(?P<tool>[\w.-]+)[ \t]*\r?\n"
    + _LABEL.format("Action Input")
    + r"(?P<text>.*)",
    re.S | re.M | re.I,
)
_CALL = re.compile(
    _LABEL.format("Action") + r"(?P<tool>[\w.-]+)\((?P<text>.*)\)\s*\Z", re.S | re.M | re.I
)
_THOUGHT = re.compile(r"\A\s*\**Thought\**[ \t]*\d*[ \t]*:\**[ \t]*", re.I)
_TURN = re.compile(r"^[ \t]*\**Observation\**[ \t]*\d*[ \t]*:\**[ \t]?", re.M | re.I)
_NEXT = re.compile(r"^[ \t]*\**(?:Thought|Action)\**[ \t]*\d*[ \t]*:", re.M | re.I)
_LEFT_LABEL = re.compile(r"\n[ \t]*Observation[ \t]*\d*[ \t]*:?\s*\Z")
_ASKED = ("question", "task", "prompt", "query", "instruction", "goal", "input")
_TOLD = ("trajectory", "react", "response", "completion", "output", "text")
_ROLES = {
    **dict.fromkeys(("system", "developer"), Role.SYSTEM),
    **dict.fromkeys(("user", "human", "tool", "observation", "environment"), Role.USER),
    **dict.fromkeys(("assistant", "gpt", "ai", "model"), Role.ASSISTANT),
}


def is_react(messages: Any) -> bool:
    """Whether answers of a conversation have ReAct's labels, outside of reasoning tags."""
    if not isinstance(messages, list):
        return False
    labelled = 0
    for message in messages:
        if not isinstance(message, Mapping) or message.get("tool_calls"):
            continue
        role, content = _said(message)
        if _ROLES.get(str(role)) is Role.ASSISTANT and isinstance(content, str):
            text = content.partition("</think>")[2] or content
            if text.lstrip().startswith(("<think>", "<|begin_of_thought|>")):
                continue
            labelled += bool(_ACTION.search(text) or _FINAL.search(text))
    return labelled > 0


def transcript(value: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """The messages of a record that holds a whole episode as one text; None for any other."""
    told = next(
        (
            value[key]
            for key in _TOLD
            if isinstance(value.get(key), str)
            and _ACTION.search(value[key])
            and ("Thought" in value[key] or "Observation" in value[key])
        ),
        None,
    )
    asked = next((value[key] for key in _ASKED if isinstance(value.get(key), str)), None)
    if told is None:
        return None
    question = re.match(r"\s*Question:[ \t]*(?P<text>.*?)\s*(?=^[ \t]*Thought)", told, re.S | re.M)
    if asked is None or (question is not None and asked == told):
        asked = question["text"] if question else None
    if asked is None:
        return None
    if question is not None:
        told = told[question.end() :]
    return [{"role": "user", "content": asked}, *_parts(told)]


def _parts(text: str) -> list[dict[str, str]]:
    """A text of alternating labels as messages: answers, and observations between them."""
    messages = []
    position = 0
    while position < len(text):
        seen = _TURN.search(text, position)
        answer = text[position : seen.start() if seen else len(text)].strip()
        if answer:
            messages.append({"role": "assistant", "content": answer})
        if seen is None:
            break
        following = _NEXT.search(text, seen.end())
        position = following.start() if following else len(text)
        messages.append({"role": "user", "content": text[seen.end() : position].rstrip("\n")})
    return messages


def import_record(value: Mapping[str, Any]) -> Trajectory:
    """The trajectory of one ReAct conversation.

    Ids are hashes of the content, so the same record has the same id in every file, and records
    with the same task share a problem id (and therefore a split). Raises UnreadableRecord.
    """
    found = value.get("messages", value.get("conversations"))
    if found is None:
        found = transcript(value)
    messages = _messages(found)
    systems = []
    while messages and messages[0][0] is Role.SYSTEM:
        systems.append(messages.pop(0)[1])
    if not systems and isinstance(value.get("system"), str) and value["system"]:
        systems.append(value["system"])
    system = "\n\n".join(systems) if systems else None
    if not messages or messages[0][0] is not Role.USER:
        raise UnreadableRecord("the conversation does not begin with a user's task")
    task = messages.pop(0)[1]
    if len(messages) == 1 and len(parted := _parts(messages[0][1])) > 1:
        messages = _messages(parted)
    steps = _steps(messages)
    actions = [step.action for step in steps if step.action is not None]
    if not actions:
        raise UnreadableRecord("no message of the assistant has an `Action: tool[argument]`")
    finished = actions[-1].tool == FINISH and steps[-1].action is not None
    return Trajectory(
        id=f"react/{content_hash([system, task, [m[1] for m in messages]], 16)}",
        problem_id=f"react/{content_hash(task, 16)}",
        protocol="react",
        prompt_version="imported",
        system_prompt=system,
        task=task,
        tools=tuple(dict.fromkeys(action.tool for action in actions)),
        steps=tuple(steps),
        answer=action_text(actions[-1]) if finished else None,
        stop=StopReason.FINISHED if finished else StopReason.MAX_TURNS,
        teacher=Fingerprint(kind="imported", model="unknown"),
        provenance=Provenance(source="react"),
    )


def _said(message: Mapping[str, Any]) -> tuple[Any, Any]:
    """(role, content), as OpenAI or ShareGPT names them."""
    return message.get("role", message.get("from")), message.get("content", message.get("value"))


def _messages(value: Any) -> list[tuple[Role, str]]:
    """(role, content) of each message, checked; lone surrogates become U+FFFD."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise UnreadableRecord("there is no list `messages`")
    messages: list[tuple[Role, str]] = []
    for number, message in enumerate(value, start=1):
        if not isinstance(message, Mapping):
            raise UnreadableRecord(f"message {number} is not an object")
        role, content = _said(message)
        if role == "function" and messages:
            role = "tool"
        if role not in _ROLES:
            raise UnreadableRecord(f"message {number} has the role {role!r}")
        if content is None:
            raise UnreadableRecord(f"message {number} has NoneType as content, not text")
        messages.append((_ROLES[role], text_of(content, f"message {number}")))
    return messages


def _steps(messages: Sequence[tuple[Role, str]]) -> list[Step]:
    """The steps after the task: an answer and the observation that follows it, if any."""
    steps: list[Step] = []
    expected = Role.ASSISTANT
    for number, (role, content) in enumerate(messages, start=1):
        if role is not expected:
            raise UnreadableRecord(
                f"message {number} after the task is the {role}'s, where the {expected}'s belongs"
            )
        if role is Role.ASSISTANT:
            steps.append(_step(content))
            expected = Role.USER
        else:
            observation = Observation(content=_PREFIX.sub("", content, count=1))
            steps[-1] = steps[-1].model_copy(update={"observation": observation})
            expected = Role.ASSISTANT
    return steps


def _step(content: str) -> Step:
    step = get_protocol("react").parse(Completion(text=content))
    if step.action is not None and not step.salvaged and _is_tool(step.action.tool):
        return step  # nothing about it is in doubt, so no other spelling is looked for
    other = _other_spelling(content)
    if other is not None:
        return other
    # A stop sequence often leaves the label of what would come next.
    cut = _LEFT_LABEL.sub("", content)
    if cut != content:
        step = get_protocol("react").parse(Completion(text=cut))
    if step.action is None or not HARMLESS.issuperset(step.salvaged):
        return Step(reason="", raw=content, salvaged=step.salvaged)
    if not _is_tool(step.action.tool):
        action = make_action(FINISH, action_text(step.action))
        return step.model_copy(update={"action": action, "raw": content})
    return step if cut == content else step.model_copy(update={"raw": content})


def _is_tool(name: str) -> bool:
    """Whether this is a tool's name as we write it: `Finish` is `finish`."""
    return name == FINISH or name.lower() != FINISH


def _other_spelling(content: str) -> Step | None:
    """The step of an answer in LangChain's form or with parentheses, when it is certain."""
    actions = len(_ACTION.findall(content))
    final = _FINAL.search(content)
    if final is not None and not actions:
        return _made(content, content[: final.start()], FINISH, content[final.end() :].strip())
    if actions != 1:
        return None
    match = _LANGCHAIN.search(content)
    if match is not None:
        text = _LEFT_LABEL.sub("", match["text"]).strip()
        if _TURN.search(text) or final is not None:
            return None
        return _made(content, content[: match.start()], match["tool"], text)
    match = _CALL.search(content)
    if match is None:
        return None
    return _made(content, content[: match.start()], match["tool"], _unquoted(match["text"]))


def _made(content: str, before: str, tool: str, text: str) -> Step:
    reason = _THOUGHT.sub("", before).strip()
    name = FINISH if tool.lower() == FINISH else tool
    return Step(reason=reason, action=make_action(name, text), raw=content)


def _unquoted(text: str) -> str:
    """The argument of `tool("argument")`: one string literal, or the text as it stands."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text.strip()
    return value if isinstance(value, str) else json.dumps(value, default=str)
