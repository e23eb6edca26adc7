"""Whether two tokenizers count the same tokens, and how many of them they share.

Models of one family pad their heads to different widths (151,936 and 152,064 for the same 151,665
tokens), so the width of a head says nothing: the vocabularies are compared id by id, and the
encodings of probes as well, because equal vocabularies with different merges or pre-tokenizers cut
text differently.

    shared = shared_vocabulary(student_tokenizer, teacher_tokenizer, "Qwen/Qwen2.5-Coder-7B")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepcoder.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["PROBES", "shared_vocabulary"]

PROBES = (
    "def f(xs: list[int]) -> int:\n    return sum(x ** 2 for x in xs if x % 2 == 0)\n",
    "\tif not s:\r\n\t\traise ValueError('empty')  # nothing\n\n\n",
    "Thought: 1,024 tokens cost $0.50; 3.14159 is near 22/7.\nAction: Search[Zürich 2024]",
    "naïve façade — “quotes” … 数据 данные 🙂👩‍👩‍👧 e\u0301",
    "<think>\nadd first\n</think>\n```python\nprint({'a': [1, 2, 3]})\n```",
    "    trailing spaces   \n\n  and   runs of    them",
)
"""Texts that the two tokenizers must cut into the same ids."""


def shared_vocabulary(
    student: PreTrainedTokenizerFast, teacher: PreTrainedTokenizerFast, name: str
) -> int:
    """Number of token ids, from 0, that mean the same in both.

    Both heads are sliced to it. One vocabulary may end before the other; up to there they must be
    the same. Raises ConfigError that names the first difference.
    """
    ours = {token_id: token for token, token_id in student.get_vocab().items()}
    theirs = {token_id: token for token, token_id in teacher.get_vocab().items()}
    shared = min(max(ours), max(theirs)) + 1
    for token_id in range(shared):
        if ours.get(token_id) != theirs.get(token_id):
            raise _differ(
                name,
                f"id {token_id} is {ours.get(token_id)!r} for the student and "
                f"{theirs.get(token_id)!r} for the teacher",
            )
    for probe in PROBES:
        a = student(probe, add_special_tokens=False)["input_ids"]
        b = teacher(probe, add_special_tokens=False)["input_ids"]
        if a != b:
            raise _differ(name, f"{probe[:40]!r} is cut into {len(a)} and {len(b)} tokens")
    return shared


def _differ(name: str, where: str) -> ConfigError:
    return ConfigError(
        f"The teacher {name} has another tokenizer than the student: {where}. Their logits cannot "
        "be compared token by token.",
        fix="choose a teacher of the student's family, or loss.signal=hard (cross-entropy on the "
        "teacher's text)",
    )
