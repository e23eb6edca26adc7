"""Duplicates among trajectories: exact ones by hash, near ones by MinHash of prompts and of code.

    seen = Deduplicator(DuplicateRule.near, DuplicateKey.both)
    seen.duplicate_of(trajectory)      # None, or the id of an earlier one

Exact duplicates say the same in every word: task, reasoning, actions, observations. Near ones have
almost the same word triples in their prompt, and almost the same 5-grams of tokens in their code
(all actions joined). With the key `both` a pair must agree in both, so that two solutions of one
problem stay, and so do two tasks that happen to share a solution. Prompts whose numbers or quoted
texts differ are different tasks, whatever they share.

MinHash (Broder 1997) with 128 permutations, of which bands of 8 find candidates; the estimate over
all 128 (standard error 0.03 at 0.9) decides. It is forty lines over numpy; a library would bring
scipy along. Memory: about 3 kB a trajectory, flat in its length.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepcoder.config import DuplicateKey, DuplicateRule
from deepcoder.problems.decontamination import code_tokens, words
from deepcoder.rendering.protocols import action_text
from deepcoder.types import Trajectory

__all__ = ["Deduplicator", "minhash", "similarity"]

PERMUTATIONS, ROWS = 128, 8
THRESHOLD = 0.9
"""Jaccard similarity of the shingles from which two texts count as the same."""
Signature = NDArray[np.uint32]

_RNG = np.random.default_rng(20_250_520)
_A = _RNG.integers(1, 2**63, PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_B = _RNG.integers(0, 2**63, PERMUTATIONS, dtype=np.uint64)
_TOLD_APART = re.compile(r"\d+(?:\.\d+)?|\"[^\"\n]*\"|(?<!\w)'[^'\n]*'")


def minhash(tokens: tuple[str, ...], size: int) -> Signature:
    """Signature of the n-grams of `tokens`; a text shorter than one n-gram is one shingle."""
    count = max(1, len(tokens) - size + 1)
    shingles = {
        zlib.crc32("\x1f".join(tokens[start : start + size]).encode("utf-8", "replace"))
        for start in range(count)
    }
    hashed = np.fromiter(shingles, dtype=np.uint64, count=len(shingles))
    # Multiply-shift: the high 32 bits of a·x + b modulo 2^64.
    mixed = (_A[:, None] * hashed[None, :] + _B[:, None]) >> np.uint64(32)
    return mixed.min(axis=1).astype(np.uint32)


def similarity(left: Signature, right: Signature) -> float:
    """Estimate of the Jaccard similarity."""
    return float(np.mean(left == right))


@dataclass
class _Texts:
    """Signatures of one kind of text, and where candidates are found."""

    size: int
    signatures: list[Signature] = field(default_factory=list)
    bands: dict[tuple[int, bytes], list[int]] = field(default_factory=lambda: defaultdict(list))

    def near(self, signature: Signature) -> list[int]:
        """Earlier texts that are nearly this one, oldest first."""
        found = {index for band in _bands(signature) for index in self.bands.get(band, ())}
        return [i for i in sorted(found) if self.close(i, signature)]

    def close(self, index: int, signature: Signature) -> bool:
        return similarity(self.signatures[index], signature) >= THRESHOLD

    def add(self, signature: Signature) -> None:
        for band in _bands(signature):
            self.bands[band].append(len(self.signatures))
        self.signatures.append(signature)


def _bands(signature: Signature) -> list[tuple[int, bytes]]:
    rows = signature.reshape(-1, ROWS)
    return [(number, row.tobytes()) for number, row in enumerate(rows)]


class Deduplicator:
    """Remembers what it was shown; the first of several duplicates is the one that stays."""

    def __init__(self, rule: DuplicateRule, key: DuplicateKey = DuplicateKey.both) -> None:
        self._rule, self._key = rule, key
        self._exact: dict[bytes, str] = {}
        self._ids: list[str] = []
        self._told: list[bytes] = []
        self._prompts, self._codes = _Texts(3), _Texts(5)

    def duplicate_of(self, trajectory: Trajectory) -> str | None:
        """The id of the first earlier trajectory that this one repeats; None for a new one, which
        is remembered."""
        if self._rule is DuplicateRule.keep:
            return None
        digest = _digest(trajectory)
        if digest in self._exact:
            return self._exact[digest]
        earlier = self._near(trajectory) if self._rule is DuplicateRule.near else None
        if earlier is None:
            self._exact[digest] = trajectory.id
        return earlier

    def _near(self, trajectory: Trajectory) -> str | None:
        prompt = minhash(words(trajectory.task), self._prompts.size)
        code = minhash(code_tokens(_actions(trajectory)), self._codes.size)
        told = _hash(sorted(_TOLD_APART.findall(trajectory.task)))
        found = self._candidates(prompt, code, told)
        if found is not None:
            return self._ids[found]
        self._prompts.add(prompt)
        self._codes.add(code)
        self._told.append(told)
        self._ids.append(trajectory.id)
        return None

    def _candidates(self, prompt: Signature, code: Signature, told: bytes) -> int | None:
        def same_task(index: int) -> bool:
            return self._told[index] == told and self._prompts.close(index, prompt)

        match self._key:
            case DuplicateKey.both:
                found: Iterable[int] = (i for i in self._codes.near(code) if same_task(i))
            case DuplicateKey.code:
                found = self._codes.near(code)
            case DuplicateKey.prompt:
                found = (i for i in self._prompts.near(prompt) if same_task(i))
            case _:
                near = (i for i in self._prompts.near(prompt) if same_task(i))
                found = sorted({*near, *self._codes.near(code)})
        return next(iter(found), None)


def _actions(trajectory: Trajectory) -> str:
    return "\n".join(action_text(step.action) for step in trajectory.steps if step.action)


def _digest(trajectory: Trajectory) -> bytes:
    """Of everything that is said, spaces apart."""
    parts = [trajectory.task]
    for step in trajectory.steps:
        action = step.action.model_dump_json() if step.action else step.raw or ""
        parts += [step.reason, action, step.observation.content if step.observation else ""]
    return _hash([" ".join(part.split()) for part in parts])


def _hash(parts: list[str]) -> bytes:
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=12).digest()
