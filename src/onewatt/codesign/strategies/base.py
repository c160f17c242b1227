"""What strategies share: what they are told, and how trials compare."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple, Protocol

from onewatt.spec.front import Point
from onewatt.spec.study import Knob


class Tried(NamedTuple):
    """What a strategy is told of a proposal.

    `values` are the objectives, less is better, None if the point failed.  `misses` says for each
    limit by which share it is missed; 0 or less if it is kept.
    """

    point: Point
    values: tuple[float, ...] | None
    misses: tuple[float, ...] = ()

    @property
    def excess(self) -> float:
        """The sum of what is missed [1]."""
        return sum(m for m in self.misses if m > 0)


#: Yields generations of proposals; is sent what became of all of them, in the same order.
Proposals = Generator[list[Point], list[Tried], None]


class Asking(NamedTuple):
    """What a strategy starts from."""

    space: tuple[Knob, ...]
    objectives: int
    seed: int


class Strategy(Protocol):
    """A way to choose points; a frozen struct whose fields are its options."""

    def evaluations(self, points: int) -> int:
        """Return how many points it tries, of so many, if nobody says."""
        ...

    def proposals(self, asking: Asking) -> Proposals:
        """Yield generations until it has nothing more to propose."""
        ...


def rank(tried: Tried, weights: tuple[float, ...]) -> tuple[int, float, float]:
    """Return a key by which the better of two trials is the lesser.

    What keeps the limits comes first, then what misses them by least; among the former the weighted
    sum of the logarithms of the objectives decides, so that units and sizes do not matter.

    Examples
    --------
    >>> point = Point(knobs=())
    >>> good, dear = Tried(point, (1.0, 2.0)), Tried(point, (1.0, 3.0))
    >>> rank(good, (0.5, 0.5)) < rank(dear, (0.5, 0.5)) < rank(Tried(point, None), (0.5, 0.5))
    True
    """
    if tried.values is None:
        return 2, 0.0, 0.0
    score = sum(w * _log(v) for w, v in zip(weights, tried.values, strict=True))
    excess = tried.excess
    return (1 if excess else 0), excess, score


def _log(value: float) -> float:
    """Return a logarithm that also takes 0 and, for what is wanted most, negative values."""
    return math.copysign(math.log1p(abs(value) * 1e18), value)
