"""From steps to the exact text a student sees, and back. The one home of both directions.

`protocols` writes and parses one step, `conversation` lays steps out as turns, `chat_template`
turns turns into text with segments. Training, evaluation and serving all go through here, so what
is trained on is what is fed and sampled. See docs/rendering.md. Nothing here imports torch or
transformers.
"""

from deepcoder.rendering.chat_template import (
    ChatRenderer,
    Rendered,
    render_trajectory,
    training_texts,
)
from deepcoder.rendering.conversation import Turn, conversation, messages, step_turn
from deepcoder.rendering.protocols import AgentProtocol, Piece, Salvage, get_protocol

__all__ = [
    "AgentProtocol",
    "ChatRenderer",
    "Piece",
    "Rendered",
    "Salvage",
    "Turn",
    "conversation",
    "get_protocol",
    "messages",
    "render_trajectory",
    "step_turn",
    "training_texts",
]
