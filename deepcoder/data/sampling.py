"""In which order examples are trained: at random, balanced, mixed by weight, from easy to hard.

    order = Order(strata(labels), size=500, total=1500, curriculum=Curriculum(Pacing.root))
    order.epoch()      # indices of examples: one epoch's worth, then the next one's

An epoch is as many draws as there are examples. Examples are grouped into strata (by source, by
length, by success); each stratum gets its share of the draws and deals its examples out evenly:
none a second time before all others that may be drawn have had their turn. With one stratum every
example is trained once an epoch.

Curriculum (arXiv 2505.13820): C(τ) = α|τ_r| + β|τ_a| + γH, and at a share t of the training only
the easiest c(t) of each stratum may be drawn (competence, Platanios et al., arXiv 1903.09848):

    linear   c = start + (1 - start) · t / full_at
    root     c = sqrt(start² + (1 - start²) · t / full_at)
    step     c grows in `stages` equal jumps from start to 1

Where draws outrun c, the easy examples come round again and hard ones wait for a later epoch; with
the default pace (c ≥ t) nothing comes twice before everything came once.

Everything is a pure function of the seed, so a plan made again is the same plan.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from deepcoder.config.names import Pacing
from deepcoder.types import KINDS, WeightGroup

__all__ = ["Curriculum", "Order", "Stratum", "complexity", "length_buckets", "strata"]


@dataclass(frozen=True)
class Curriculum:
    """From easy to hard; see the module's text."""

    pacing: Pacing = Pacing.none
    start: float = 0.25
    full_at: float = 0.5
    stages: int = 4

    def competence(self, t: float) -> float:
        """Share of the examples, easiest first, that may be drawn at the share t of training."""
        done = min(1.0, max(0.0, t) / self.full_at)
        match self.pacing:
            case Pacing.none:
                return 1.0
            case Pacing.linear:
                return self.start + (1 - self.start) * done
            case Pacing.root:
                return math.sqrt(self.start**2 + (1 - self.start**2) * done)
            case Pacing.step:
                if done >= 1:
                    return 1.0
                jump = math.floor(done * self.stages) / self.stages
                return self.start + (1 - self.start) * jump


def complexity(
    counts: Int[np.ndarray, "examples kinds"],
    alpha: float,
    beta: float,
    gamma: float = 0.0,
    entropy: Float[np.ndarray, " examples"] | None = None,
) -> Float[np.ndarray, " examples"]:
    """C(τ) per example: |τ_r| and |τ_a| are target tokens of the reasoning and acting groups.

    `entropy` is the teacher's mean entropy over those tokens, in nats; null counts as 0 (a teacher
    without a distribution has none).
    """
    tokens = {
        group: counts[:, [kind.group is group for kind in KINDS]].sum(axis=1)
        for group in (WeightGroup.REASON, WeightGroup.ACT)
    }
    value = alpha * tokens[WeightGroup.REASON] + beta * tokens[WeightGroup.ACT]
    return value + (gamma * entropy if entropy is not None else 0.0)


@dataclass
class Stratum:
    """Examples that are dealt out evenly, and their share of all draws."""

    members: Sequence[int]
    """Indices of examples, the easiest first where there is a curriculum."""
    share: float
    _open: int = 0
    """How many members may be drawn so far."""
    _turns: list[tuple[int, float, int]] = field(default_factory=list)
    """Heap of (times drawn, tie breaker, index)."""

    def draw(self, competence: float, generator: np.random.Generator) -> int:
        wanted = max(1, math.ceil(competence * len(self.members)))
        for index in self.members[self._open : wanted]:
            heapq.heappush(self._turns, (0, generator.random(), index))
        self._open = max(self._open, wanted)
        times, _, index = heapq.heappop(self._turns)
        heapq.heappush(self._turns, (times + 1, generator.random(), index))
        return index


def strata(
    labels: Sequence[tuple[object, ...]],
    weights: Mapping[object, float] | None = None,
    difficulty: Float[np.ndarray, " examples"] | None = None,
    *,
    balanced: bool = False,
) -> list[Stratum]:
    """Groups of examples with the same label, whose first part is the source.

    A source's share of the draws is proportional to its weight in `weights` (null: to its number of
    examples); within a source, strata are drawn equally often when `balanced`, else by their size.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, label in enumerate(labels):
        groups.setdefault(label, []).append(index)
    sources: dict[object, list[tuple[object, ...]]] = {}
    for label in groups:
        sources.setdefault(label[0], []).append(label)
    sizes = {source: sum(len(groups[x]) for x in own) for source, own in sources.items()}
    mass = {s: float(sizes[s] if weights is None else weights[s]) for s in sources}
    total = sum(mass.values())
    found = []
    for label, members in groups.items():
        own = sources[label[0]]
        within = 1 / len(own) if balanced else len(members) / sizes[label[0]]
        if difficulty is not None:
            members = sorted(members, key=lambda i: (difficulty[i], i))
        found.append(Stratum(members, mass[label[0]] / total * within))
    return [stratum for stratum in found if stratum.share > 0]


def length_buckets(lengths: Sequence[int]) -> list[int]:
    """The power of two below each length: 300 and 500 are alike, 300 and 600 are not."""
    return [max(int(length), 1).bit_length() for length in lengths]


class Order:
    """The order of a whole training, an epoch at a time."""

    def __init__(
        self,
        groups: Sequence[Stratum],
        *,
        size: int,
        total: int,
        curriculum: Curriculum | None = None,
        seed: int = 0,
    ) -> None:
        """`size`: draws an epoch; `total`: draws of the training, by which its share t counts."""
        self.curriculum = curriculum or Curriculum()
        self._groups, self._size, self._total = list(groups), size, max(total, 1)
        self._generator = np.random.default_rng([seed, 20505])
        self._drawn = 0

    @property
    def sorted(self) -> bool:
        """Whether the order carries meaning, so that packing must keep to it."""
        return self.curriculum.pacing is not Pacing.none

    def epoch(self) -> list[int]:
        """The next epoch's examples, in order."""
        generator = self._generator
        seats = [
            number
            for number, quota in enumerate(_quotas([g.share for g in self._groups], self._size))
            for _ in range(quota)
        ]
        order = []
        for seat in generator.permutation(len(seats)).tolist():
            competence = self.curriculum.competence(self._drawn / self._total)
            order.append(self._groups[seats[seat]].draw(competence, generator))
            self._drawn += 1
        return order


def _quotas(shares: Sequence[float], size: int) -> list[int]:
    """Whole numbers in these proportions that add up to `size`: by largest remainder."""
    exact = [share * size for share in shares]
    quotas = [math.floor(x) for x in exact]
    by_rest = sorted(range(len(exact)), key=lambda i: (quotas[i] - exact[i], i))
    for index in by_rest[: size - sum(quotas)]:
        quotas[index] += 1
    return quotas
