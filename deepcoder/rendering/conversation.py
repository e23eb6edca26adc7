"""Steps laid out as the turns of a conversation: the one home of what a model is shown.

The agent's loop, training and serving all call `conversation`, so that a student is trained on the
history it will see. Turns know the kind of every character; `messages` forgets the kinds.

    turns = conversation(get_protocol("codeact"), system_prompt, task, steps)
    completion = await model.complete(messages(turns), sampling)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from deepcoder.rendering.protocols import AgentProtocol, Piece
from deepcoder.types import Message, Role, SpanKind, Step

__all__ = ["Turn", "conversation", "messages", "step_turn", "training_turns"]


class Turn(NamedTuple):
    """A message whose characters know their kind; `step` is the index of the step it belongs to."""

    role: Role
    pieces: tuple[Piece, ...]
    step: int | None = None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def conversation(
    protocol: AgentProtocol,
    system_prompt: str | None,
    task: str,
    steps: Sequence[Step],
    *,
    keep_thinking: bool = True,
) -> list[Turn]:
    """System prompt, task, and for each step the assistant's message and its observation.

    A step with an action stands in canonical form; one that could not be read stands as it was
    sampled, with kind `prompt`, and is never trained on. With `keep_thinking=False` the steps are
    history without their reasoning: what the model is shown before it writes the next step. They
    are of kind `prompt` then, because no model ever writes a step in that form.
    """
    turns = []
    if system_prompt is not None:
        turns.append(Turn(Role.SYSTEM, (Piece(system_prompt, SpanKind.PROMPT),)))
    turns.append(Turn(Role.USER, (Piece(task, SpanKind.PROMPT),)))
    for index, step in enumerate(steps):
        turns.append(step_turn(protocol, step, index, keep_thinking=keep_thinking))
        if step.observation is not None:
            message = protocol.observe(step.observation)
            turns.append(Turn(message.role, (Piece(message.content, SpanKind.OBSERVATION),), index))
    return turns


def step_turn(
    protocol: AgentProtocol, step: Step, index: int, *, keep_thinking: bool = True
) -> Turn:
    """The assistant's turn of one step."""
    if step.action is None:
        text = step.reason if step.raw is None else step.raw
        return Turn(Role.ASSISTANT, (Piece(text, SpanKind.PROMPT),), index)
    if keep_thinking:
        return Turn(Role.ASSISTANT, protocol.write(step), index)
    bare = protocol.write(step.model_copy(update={"reason": ""}))
    return Turn(Role.ASSISTANT, tuple(Piece(p.text, SpanKind.PROMPT) for p in bare), index)


def training_turns(
    protocol: AgentProtocol,
    system_prompt: str | None,
    task: str,
    steps: Sequence[Step],
    *,
    keep_thinking: bool = True,
) -> Iterator[list[Turn]]:
    """The conversations to train on, so that every readable step is trained on exactly once.

    With thinking kept that is the whole conversation. Without, each step was sampled after a
    history that lacks the reasoning of the steps before it, so each gets a conversation of its own
    that ends with it.
    """
    if keep_thinking:
        yield conversation(protocol, system_prompt, task, steps)
        return
    for index, step in enumerate(steps):
        if step.action is not None:
            history = conversation(
                protocol, system_prompt, task, steps[:index], keep_thinking=False
            )
            yield [*history, step_turn(protocol, step, index)]


def messages(turns: Sequence[Turn]) -> list[Message]:
    """The turns as plain messages, for a chat model."""
    return [Message(role=turn.role, content=turn.text) for turn in turns]
