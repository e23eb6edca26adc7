"""A first thought: the episode begins from what the model thinks without tools and format.

Asked for a format at once, a model spends its first words on the format. So it is asked first, in
plain chain of thought, how it would begin, and the first step's reasoning begins with that thought
(first-thought prefix, arXiv 2505.17612, there by pre-filling the teacher's turn). Chat APIs take no
pre-filled turn: here the thought stands in the conversation while the first step is asked for, and
is put before that step's reasoning. Later turns, and the student, see the step alone.

    thought = thought_of(await model.complete(question(task), sampling))
    completion = await model.complete([*shown, *hint(thought)], sampling)
    step = begin_with(thought, protocol.parse(completion), protocol)
"""

from __future__ import annotations

import re

from deepcoder.agent.prompting import fixed_prompt
from deepcoder.rendering.protocols import AgentProtocol, joined_reason
from deepcoder.types import Completion, Message, Role, Step

__all__ = ["VERSION", "begin_with", "hint", "question", "thought_of"]

VERSION = "first_thought-v1"
"""The prompt that asks; trajectories name it beside the system prompt's version."""
_CONTINUE = "first_thought_continue-v1"

_MAX_CHARS = 600
_THINK = re.compile(r"<think>(?P<inside>.*?)(?:</think>|\Z)", re.S)
_ACTIONS = re.compile(
    r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[ \t]*$|\Z)|<tool_call>.*?(?:</tool_call>|\Z)|^Action:.*",
    re.S | re.M,
)
_LABEL = re.compile(r"\A\s*Thought\s*:\s*", re.I)
_SENTENCE = re.compile(r"[.!?](?=\s|\Z)")


def question(task: str) -> list[Message]:
    """How a model is asked for its first thought."""
    return [
        Message(role=Role.SYSTEM, content=fixed_prompt(VERSION)),
        Message(role=Role.USER, content=task),
    ]


def hint(thought: str) -> list[Message]:
    """What follows the task until the first step is taken: the thought as the model's own."""
    return [
        Message(role=Role.ASSISTANT, content=thought),
        Message(role=Role.USER, content=fixed_prompt(_CONTINUE)),
    ]


def thought_of(completion: Completion) -> str:
    """The first paragraph that a model wrote in plain words, '' when there is none.

    What it wrote counts before what it thought privately (a reasoning field, think tags); code and
    calls do not count. Longer ones end after a sentence.
    """
    spoken = _ACTIONS.sub("", _THINK.sub("", completion.text.replace("\r\n", "\n")))
    private = [match["inside"] for match in _THINK.finditer(completion.text)]
    for text in (spoken, *private, completion.reasoning or ""):
        for paragraph in _LABEL.sub("", text).split("\n\n"):
            if paragraph.strip("-*#=_ \t\n"):
                return _shortened(paragraph.strip())
    return ""


def _shortened(text: str) -> str:
    if len(text) <= _MAX_CHARS:
        return text
    ends = [match.end() for match in _SENTENCE.finditer(text, 0, _MAX_CHARS)]
    return text[: ends[-1] if ends else _MAX_CHARS].rstrip()


def begin_with(thought: str, step: Step, protocol: AgentProtocol) -> Step:
    """The step with its reasoning begun by the thought, unless it repeats it.

    The ids that were sampled do not cover the thought, so they go; `raw` keeps the sampled text.
    """
    if step.reason.startswith(thought):
        return step
    return step.model_copy(
        update={
            "reason": joined_reason(thought, step.reason),
            "raw": "".join(piece.text for piece in protocol.write(step))
            if step.raw is None
            else step.raw,
            "token_ids": None,
            "logprobs": None,
        }
    )
