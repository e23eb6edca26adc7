"""Turns in a student's own chat template, as exact text with segments.

A chat template may trim a message, strip its `<think>`, or escape it. So contents never pass
through one: the template is rendered once per sequence of roles with placeholders as contents, and
the text between the placeholders (the gaps) is what the template contributes. Contents are put
between the gaps as they are, except that control tokens in them are broken (`control`). Nothing is
searched for in rendered text, and every character knows its kind.

    renderer = ChatRenderer.from_tokenizer(tokenizer)
    rendered = renderer.render(conversation(protocol, system_prompt, task, steps))
    rendered.text[: rendered.segments[0].end]                   # the first segment

Every assistant turn is laid out as the template lays out history, and the prompt for the next turn
is the same text cut where its content begins. So the text that is trained on is, turn by turn, the
text that is fed plus what is to be sampled, end of turn included. A template that adds something
to the last message only (Qwen3: an empty think block) does not get to add it; one that opens the
reasoning for the model (R1: `<think>` in the generation prompt) leaves that to the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from deepcoder.errors import ConfigError
from deepcoder.rendering.control import ControlGuard, control_tokens, lost_characters
from deepcoder.rendering.conversation import Turn, conversation, training_turns
from deepcoder.rendering.protocols import Piece, get_protocol
from deepcoder.types import Message, Role, Segment, SpanKind, Trajectory, WeightGroup

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["ChatRenderer", "Rendered", "render_trajectory", "training_texts"]

# Templates that print today's date would make training and inference differ by the day.
_FIXED = {"date_string": "01 Jan 2025"}
_OPENINGS = ("<think>", "<think>\n")
_PROBE_ROLES = (
    (Role.SYSTEM, Role.USER),
    (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER),
    (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER, Role.ASSISTANT, Role.USER),
)


@dataclass(frozen=True)
class Rendered:
    """A text and the segments that partition it: sorted, no gaps, no overlaps, none empty."""

    text: str
    segments: tuple[Segment, ...]


class ChatRenderer:
    """Lays out turns in one chat template. Made by `from_tokenizer`, which checks the template.

    `end_of_turn` is the text that ends an assistant's turn, sampled by the model; `lead` is
    whitespace that the template puts before an assistant's content and not into its generation
    prompt (usually empty), which is sampled too.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._guard = ControlGuard(control_tokens(tokenizer), lost_characters(tokenizer))
        self._gaps = lru_cache(maxsize=4096)(self._template_gaps)
        self.lead = ""
        self.end_of_turn = ""
        self._check()

    @classmethod
    def from_tokenizer(cls, tokenizer: PreTrainedTokenizerFast) -> ChatRenderer:
        """A renderer for the tokenizer's chat template.

        Raises ConfigError when the template drops or changes contents, writes an answer in another
        place than its generation prompt announces, or does not end a turn with a special token.
        """
        return cls(tokenizer)

    # ---------------------------------------------------------------------------- rendering

    def render(self, turns: Sequence[Turn]) -> Rendered:
        """The text of a conversation with its segments.

        It ends with the end of the last assistant turn, or with the content of the last turn when
        that is not the assistant's.
        """
        gaps = self._gaps(tuple([turn.role for turn in turns]))
        texts: list[str] = []
        segments: list[Segment] = []
        start = position = 0
        kind, step = SpanKind.PROMPT, None
        ended = ""  # what of the gap belongs to the turn before it
        for turn, gap in zip(turns, gaps, strict=False):
            its_step = turn.step
            for text, its_kind in self._parts(turn, gap.removeprefix(ended)):
                if not text:
                    continue
                if position and (its_kind is not kind or its_step != step):
                    segments.append(Segment(start, position, kind, step))
                    start = position
                kind, step = its_kind, its_step
                texts.append(text)
                position += len(text)
            ended = self.end_of_turn if turn.role is Role.ASSISTANT else ""
        if position:
            segments.append(Segment(start, position, kind, step))
        return Rendered("".join(texts), tuple(segments))

    def _parts(self, turn: Turn, gap: str) -> list[tuple[str, SpanKind]]:
        """Text and kind of all parts of a turn; neighbours may be alike, and texts empty."""
        parts: list[tuple[str, SpanKind]] = [(self._own(turn.role, gap), SpanKind.PROMPT)]
        parts += self._protected(turn)
        if turn.role is Role.ASSISTANT:
            parts.append((self.end_of_turn, _end_kind(turn)))
        return parts

    def prompt(self, messages: Sequence[Message]) -> str:
        """The text that makes a model write the next turn: a prefix of `render` with that turn."""
        gaps = self._gaps((*(message.role for message in messages), Role.ASSISTANT))
        parts = []
        for message, gap in zip(messages, gaps, strict=False):
            assistant = message.role is Role.ASSISTANT
            parts += [gap, self._guard.protect(message.content, assistant=assistant)]
        parts.append(gaps[len(messages)].removesuffix(self.lead))
        return "".join(parts)

    def stop_ids(self, tokenizer: PreTrainedTokenizerFast | None = None) -> list[int]:
        """Ids after which sampling stops: the end of the turn, and the tokenizer's end of text."""
        tokenizer = tokenizer or self._tokenizer
        end = tokenizer.convert_tokens_to_ids(self.end_of_turn.strip())
        found = {end, tokenizer.eos_token_id}
        return sorted(i for i in found if isinstance(i, int) and i != tokenizer.unk_token_id)

    def _own(self, role: Role, gap: str) -> str:
        return gap.removesuffix(self.lead) if role is Role.ASSISTANT else gap

    def _protected(self, turn: Turn) -> Sequence[Piece]:
        assistant = turn.role is Role.ASSISTANT
        texts = [piece.text for piece in turn.pieces]
        pieces: Sequence[Piece] = turn.pieces
        if self._guard.may_change(texts):
            texts = self._guard.protect_parts(texts, assistant=assistant)
            pieces = [
                Piece(text, piece.kind) for text, piece in zip(texts, turn.pieces, strict=True)
            ]
        if not (assistant and self.lead):
            return pieces
        kind = turn.pieces[0].kind if turn.pieces else SpanKind.PROMPT
        scaffold = {
            WeightGroup.REASON: SpanKind.FORMAT_REASON,
            WeightGroup.ACT: SpanKind.FORMAT_ACT,
        }.get(kind.group, SpanKind.PROMPT)
        return [Piece(self.lead, scaffold), *pieces]

    # ----------------------------------------------------------------------- the template

    def _template_gaps(self, roles: tuple[Role, ...]) -> tuple[str, ...]:
        """Text before each content, and after the last one up to the next turn of the other side.

        Assistant turns are rendered as history: a user's turn always follows.
        """
        follow = [Role.USER] if roles[-1] is Role.ASSISTANT else [Role.ASSISTANT, Role.USER]
        shown = [*roles, *follow]
        text = self._apply(shown)
        gaps, position = [], 0
        for index in range(len(shown)):
            found = text.find(_slot(index), position)
            if found < 0:
                raise ConfigError(
                    f"The chat template drops or changes the content of message {index + 1} "
                    f"({shown[index]}) of a conversation of roles {', '.join(shown)}.",
                    fix="choose a student whose chat template keeps every message",
                )
            gaps.append(text[position:found])
            position = found + len(_slot(index))
        for index, role in enumerate(shown[:-1]):
            if role is Role.ASSISTANT and not gaps[index + 1].startswith(self.end_of_turn):
                raise ConfigError(
                    f"The chat template does not end every answer with {self.end_of_turn!r}.",
                    fix="choose a student whose chat template ends each turn alike",
                )
        return tuple(gaps[: len(roles) + 1])

    def _apply(self, roles: Sequence[Role], generation: bool = False) -> str:
        from jinja2.exceptions import TemplateError

        slots = [{"role": str(role), "content": _slot(i)} for i, role in enumerate(roles)]
        try:
            text: Any = self._tokenizer.apply_chat_template(
                slots, tokenize=False, add_generation_prompt=generation, **_FIXED
            )
        except TemplateError as error:
            raise ConfigError(
                f"The chat template refuses a conversation of roles {', '.join(roles)}: {error}",
                fix="choose a student whose template takes these roles, or leave out the system "
                "prompt if it is the system role that is refused",
            ) from error
        return str(text)

    # ------------------------------------------------------------------------- the checks

    def _check(self) -> None:
        if not self._tokenizer.chat_template:
            raise ConfigError(
                f"The tokenizer of {self._tokenizer.name_or_path or 'the student'} has no chat "
                "template.",
                fix="choose an instruct model as student",
            )
        roles = _PROBE_ROLES[0]
        gaps = self._gaps((*roles, Role.ASSISTANT))
        self.end_of_turn = self._find_end(gaps[-1])
        self.lead = self._find_lead(gaps[len(roles)])
        self._gaps.cache_clear()
        self._check_prompts()

    def _find_end(self, gap: str) -> str:
        """The end of a turn: the first special token after an answer, with space before it."""
        ends = [(gap.find(t), -len(t), t) for t in control_tokens(self._tokenizer) if t in gap]
        if ends:
            start, _, token = min(ends)
            if not gap[:start].strip():
                return gap[:start] + token
        raise ConfigError(
            f"The chat template ends an answer with {gap[:40]!r}, not with a special token: the "
            "student could never learn to stop.",
            fix="choose a student whose template ends each answer with a special token",
        )

    def _find_lead(self, header: str) -> str:
        """Whitespace between the generation prompt and an answer; checks that they fit."""
        announced = self._after_last_slot(_PROBE_ROLES[0])
        if header.startswith(announced):
            lead = header[len(announced) :]
            if not lead.strip():
                return lead
        elif announced.removeprefix(header) in _OPENINGS:
            return ""
        raise ConfigError(
            f"The chat template announces an answer with {announced[-60:]!r} but writes "
            f"{header[-60:]!r} before one in the history: a student would be trained on other "
            "text than it is fed.",
            fix="choose a student whose generation prompt is what precedes an answer",
        )

    def _after_last_slot(self, roles: Sequence[Role]) -> str:
        text = self._apply(roles, generation=True)
        return text.rpartition(_slot(len(roles) - 1))[2]

    def _check_prompts(self) -> None:
        """The template's own prompt, turn by turn, is a prefix of the whole rendering."""
        whole = self._probe_text((*_PROBE_ROLES[-1], Role.ASSISTANT))
        for roles in _PROBE_ROLES:
            prompt = self.prompt([Message(role=r, content=_slot(i)) for i, r in enumerate(roles)])
            own = self._apply(roles, generation=True)
            if not whole.startswith(prompt) or own.removeprefix(prompt) not in ("", *_OPENINGS):
                raise ConfigError(
                    "The chat template lays out an earlier turn differently when more turns "
                    f"follow (found with roles {', '.join(roles)}).",
                    fix="choose a student whose template renders history independently of what "
                    "follows",
                )

    def _probe_text(self, roles: Sequence[Role]) -> str:
        turns = [Turn(r, (Piece(_slot(i), SpanKind.PROMPT),)) for i, r in enumerate(roles)]
        return self.render(turns).text


def _slot(index: int) -> str:
    """A content that no template trims, splits or escapes, and that is found again."""
    return f"deepcoderslot{index:06d}content"


def _end_kind(turn: Turn) -> SpanKind:
    """A turn that is trained on trains its end too: else the student would not learn to stop."""
    for piece in turn.pieces:
        if piece.kind.group is not WeightGroup.NONE:
            return SpanKind.FORMAT_ACT
    return SpanKind.PROMPT


def render_trajectory(
    trajectory: Trajectory, renderer: ChatRenderer, *, keep_thinking: bool = True
) -> Rendered:
    """A trajectory as one text. Without thinking, only the last step keeps (and trains) its own:
    it is what the model was shown and wrote at the end. Training uses `training_texts`."""
    protocol = get_protocol(trajectory.protocol)
    last: list[Turn] = []
    if keep_thinking:
        last = conversation(protocol, trajectory.system_prompt, trajectory.task, trajectory.steps)
    else:
        for turns in training_turns(
            protocol,
            trajectory.system_prompt,
            trajectory.task,
            trajectory.steps,
            keep_thinking=False,
        ):
            last = turns
    return renderer.render(last)


def training_texts(
    trajectory: Trajectory, renderer: ChatRenderer, *, keep_thinking: bool = True
) -> list[Rendered]:
    """The texts to train on: one, or one per step when earlier thinking is dropped."""
    protocol = get_protocol(trajectory.protocol)
    return [
        renderer.render(turns)
        for turns in training_turns(
            protocol,
            trajectory.system_prompt,
            trajectory.task,
            trajectory.steps,
            keep_thinking=keep_thinking,
        )
    ]
