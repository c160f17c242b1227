"""Grid, random and coordinate descent: strategies that need no library."""

from __future__ import annotations

import random
from collections.abc import Iterator

from onewatt.codesign.strategies.base import Asking, Proposals, rank
from onewatt.codesign.study import point_at, point_of, size
from onewatt.errors import InputError
from onewatt.spec.types import Noun

#: Points that a strategy tries if nobody says how many.
EVALUATIONS = 100


class Grid(Noun, tag_field="strategy", tag="grid"):
    """Every point in order, the last knob fastest."""

    generation: int = 64

    def __post_init__(self) -> None:
        """Refuse empty generations."""
        at_least(1, generation=self.generation)

    def evaluations(self, points: int) -> int:
        """Return the number of all points."""
        return points

    def proposals(self, asking: Asking) -> Proposals:
        """Yield all points."""
        whole = size(asking.space)
        for start in range(0, whole, self.generation):
            stop = min(whole, start + self.generation)
            yield [point_at(asking.space, i) for i in range(start, stop)]


class Random(Noun, tag_field="strategy", tag="random"):
    """Points drawn with equal chance, none twice."""

    generation: int = 16

    def __post_init__(self) -> None:
        """Refuse empty generations."""
        at_least(1, generation=self.generation)

    def evaluations(self, points: int) -> int:
        """Return a hundred, or all there are."""
        return min(points, EVALUATIONS)

    def proposals(self, asking: Asking) -> Proposals:
        """Yield points in an order that the seed decides."""
        drawn = _drawn(size(asking.space), random.Random(asking.seed))
        while generation := [p for _, p in zip(range(self.generation), drawn, strict=False)]:
            yield [point_at(asking.space, i) for i in generation]


def _drawn(whole: int, chance: random.Random) -> Iterator[int]:
    """Yield the numbers below `whole` in random order, without a list of them.

    The shuffle of Fisher and Yates, which keeps only the places that were exchanged.
    """
    moved: dict[int, int] = {}
    for last in range(whole - 1, -1, -1):
        place = chance.randrange(last + 1)
        tail = moved.pop(last, last)
        yield tail if place == last else moved.get(place, place)
        if place != last:
            moved[place] = tail


class CoordinateDescent(Noun, tag_field="strategy", tag="coordinate_descent"):
    """One knob after the other: all its values with the others fixed, the best stays.

    With several objectives each start has an aim of its own: first each objective alone, then their
    product, then products with random exponents.  The first start takes the middle of every knob,
    later ones random points.  A generation is the values of one knob.
    """

    starts: int | None = None

    def __post_init__(self) -> None:
        """Refuse no starts."""
        at_least(1, starts=self.starts)

    def evaluations(self, points: int) -> int:
        """Return a hundred, or all there are."""
        return min(points, EVALUATIONS)

    def proposals(self, asking: Asking) -> Proposals:
        """Yield lines through the best point so far, then start anew."""
        chance = random.Random(asking.seed)
        start = 0
        while self.starts is None or start < self.starts:
            weights = _weights(start, asking.objectives, chance)
            if start == 0:
                places = tuple(len(k.choices) // 2 for k in asking.space)
            else:
                places = tuple(chance.randrange(len(k.choices)) for k in asking.space)
            yield from self._descend(asking, places, weights)
            start += 1

    def _descend(
        self, asking: Asking, places: tuple[int, ...], weights: tuple[float, ...]
    ) -> Proposals:
        """Yield lines until no knob improves the point any more."""
        best = rank((yield [point_of(asking.space, places)])[0], weights)
        unchanged, knob = 0, 0
        while unchanged < len(asking.space):
            others = [i for i in range(len(asking.space[knob].choices)) if i != places[knob]]
            line = [(*places[:knob], i, *places[knob + 1 :]) for i in others]
            told = (yield [point_of(asking.space, p) for p in line]) if line else []
            ranks = [rank(t, weights) for t in told]
            if ranks and min(ranks) < best:
                best = min(ranks)
                places, unchanged = line[ranks.index(best)], 0
            unchanged += 1
            knob = (knob + 1) % len(asking.space)


def _weights(start: int, objectives: int, chance: random.Random) -> tuple[float, ...]:
    if start < objectives and objectives > 1:
        # the others break ties
        return tuple(1.0 if i == start else 1e-6 for i in range(objectives))
    if start == objectives or objectives == 1:
        return (1.0 / objectives,) * objectives
    drawn = [chance.expovariate(1.0) for _ in range(objectives)]
    return tuple(d / sum(drawn) for d in drawn)


def at_least(least: int, **options: int | None) -> None:
    """Refuse options below what makes sense.

    Raises
    ------
    InputError
        With the name of the option.
    """
    for name, value in options.items():
        if value is not None and value < least:
            raise InputError(f"found {name}={value}; expected at least {least}")
