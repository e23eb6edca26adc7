"""A white-box teacher in this process: its dense logits, without ever storing them.

The teacher reads the very batch that the student reads, frozen and without gradient. What leaves
here is its hidden state at the supervised rows and its output head; `[tokens × vocabulary]` exists
only chunk by chunk inside the loss.

    signal = OnlineSignal.load(cfg.teacher, student_tokenizer).to(device)
    rows = signal(batch)   # TeacherRows: hidden [supervised d_teacher], head [shared d_teacher]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from deepcoder.losses.rows import TeacherRows
from deepcoder.signals.logit_map import logit_map_of
from deepcoder.signals.vocabulary import VocabularyMap, compare, teacher_view
from deepcoder.students.attention import use_document_attention
from deepcoder.students.batch import TokenBatch, head_of, supervised_hidden
from deepcoder.students.checks import require_model
from deepcoder.students.loading import load_pretrained, read_tokenizer, resolve_dtype

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["OnlineSignal"]


class OnlineSignal:
    """Dense teacher logits, computed while training. Not a module: it is never saved or trained."""

    kind = "online"

    def __init__(self, model: PreTrainedModel, vocabulary: VocabularyMap) -> None:
        self.model = model.requires_grad_(False).eval()
        self.vocabulary = vocabulary
        use_document_attention(self.model)

    @classmethod
    def load(cls, teacher: Any, student_tokenizer: PreTrainedTokenizerFast) -> OnlineSignal:
        """The model that the `teacher` config group names.

        Raises MissingError when it cannot be had, ConfigError when its tokenizer differs.
        """
        require_model(teacher.model, teacher.revision, "teacher")
        tokenizer = read_tokenizer(teacher.model, teacher.revision)
        vocabulary = compare(student_tokenizer, tokenizer, teacher.model).require_same()
        model = load_pretrained(
            teacher.model,
            revision=teacher.revision,
            dtype=resolve_dtype(teacher.dtype),
            device_map=teacher.device_map,
        )
        return cls(model, vocabulary)

    def to(self, device: torch.device) -> OnlineSignal:
        """Move the teacher, unless `teacher.device_map` has placed it."""
        if not hasattr(self.model, "hf_device_map"):
            self.model.to(device)
        return self

    @torch.no_grad()
    def __call__(self, batch: TokenBatch) -> TeacherRows:
        weight, bias = head_of(self.model)
        hidden = supervised_hidden(self.model, teacher_view(batch, self.vocabulary))
        n = self.vocabulary.size
        return TeacherRows(
            hidden,
            weight[:n],
            None if bias is None else bias[:n],
            logit_map_of(self.model),
            mask=self.vocabulary.mask,
            unknown=self.vocabulary.unknown(batch.targets),
        )
