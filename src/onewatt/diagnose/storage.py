"""Storage: the fewest steps of a layer whose tiles fit the memories of a chip."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

from onewatt.diagnose.placement import Placement
from onewatt.mapper.template import Template, templates
from onewatt.model.nest import tile_words
from onewatt.model.words import stored_bits
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.workload import Einsum

#: Numbers of steps, and placements for each of them, that are tried before giving up.
_MOST_TRIES, _MOST_PLACEMENTS = 2_000, 5_000


class Room(NamedTuple):
    """A limit on the bits that a memory holds of some tensors.

    A tile here has all of a rank that no loop over time outside may cut: `cut` are the ranks that
    one may, `outside` the axes outside the memory.
    """

    memory: str
    bits: tuple[tuple[str, int], ...]
    capacity: int
    cut: frozenset[str]
    outside: tuple[int, ...]


def rooms(einsum: Einsum, architecture: Architecture, template: Template) -> tuple[Room, ...]:
    """Return every limit on storage of an outline of mappings."""
    names = [a.name for a in architecture.axes]
    found: list[Room] = []
    for i, stage in enumerate(template.stages):
        outer = [s for s in template.slots if s.stage < i]
        cut = frozenset(r for s in outer if not s.axis for r in s.ranks)
        axes = tuple(names.index(s.axis) for s in outer if s.axis)
        for memory, kept in stage.memories:
            for tensors, capacity in _limits(memory, kept):
                bits = _bits(einsum, architecture, memory, tensors)
                found.append(Room(memory.name, bits, capacity, cut, axes))
    return tuple(found)


def _limits(memory: Memory, kept: tuple[str, ...]) -> list[tuple[tuple[str, ...], int]]:
    limits: list[tuple[tuple[str, ...], int]] = [
        ((s.tensor,), s.capacity) for s in memory.partition if s.tensor in kept
    ]
    if memory.capacity is not None:
        limits.append((kept, memory.capacity))
    return limits


def _bits(
    einsum: Einsum, architecture: Architecture, memory: Memory, tensors: tuple[str, ...]
) -> tuple[tuple[str, int], ...]:
    copies = 2 if memory.reserves_half else 1
    return tuple(
        (t.name, copies * stored_bits(architecture, memory, t, t is einsum.output))
        for t in einsum.tensors
        if t.name in tensors
    )


def overflow(
    einsum: Einsum, room: Room, steps: tuple[int, ...], spread: tuple[tuple[int, ...], ...]
) -> float:
    """Return the bits needed over the bits there are, for the smallest tile of a placement."""
    extents: dict[str, int] = {}
    for rank, trips, row in zip(einsum.ranks, steps, spread, strict=True):
        outside = math.prod(row[a] for a in room.outside)
        outside *= trips if rank.name in room.cut else 1
        extents[rank.name] = -(-rank.size // outside)
    tensors = {t.name: t for t in einsum.tensors}
    return sum(bits * tile_words(tensors[n], extents) for n, bits in room.bits) / room.capacity


class Fitting(NamedTuple):
    """The fewest steps that fit; `tight` names the memories that keep the layer from fewer.

    `proved` is False if there were too many placements to try them all; `steps` is then only what
    no placement that fits can undercut.
    """

    steps: int
    tight: tuple[str, ...]
    proved: bool


def fewest_steps(
    einsum: Einsum,
    architecture: Architecture,
    placement: Placement,
    allowed: tuple[tuple[bool, ...], ...],
    most: int,
) -> Fitting:
    """Return the fewest steps of a layer whose tiles fit every memory.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip.
    placement : Placement
        The best placement, storage aside.
    allowed : tuple of tuple of bool, shape (R, A)
        Whether a rank may lie on an axis.
    most : int
        Steps that are known to fit.

    Returns
    -------
    Fitting
        At least the steps of `placement` and at most `most`.

    Notes
    -----
    With t steps of rank r and O instances on axes outside a memory, its tile has at least
    ceil(n / (t O)) of the rank, and ceil(n / O) if the dataflow lets the rank loop over time
    nowhere outside.  One loop over time in the outermost place that allows it reaches just that.
    """
    outlines = [rooms(einsum, architecture, t) for t in templates(einsum, architecture)]
    sizes = tuple(r.size for r in einsum.ranks)
    first = tuple(-(-n // q) for n, q in zip(sizes, placement.instances, strict=True))
    if _fits(einsum, outlines, first, placement.spread):
        return Fitting(placement.steps, (), True)
    tight = tuple(
        dict.fromkeys(
            room.memory for outline in outlines for room in outline
            if overflow(einsum, room, first, placement.spread) > 1
        )
    )  # fmt: skip
    axes = tuple(a.size for a in architecture.axes)
    tries, known = 0, placement.steps
    for steps, trips in _by_steps(sizes, most):
        if steps < placement.steps:
            continue
        tries += 1
        if tries > _MOST_TRIES:
            return Fitting(known, tight, False)
        known = steps
        for n, spread in enumerate(_spreads(sizes, trips, allowed, axes)):
            if n >= _MOST_PLACEMENTS:
                return Fitting(steps, tight, False)
            if _fits(einsum, outlines, trips, spread):
                return Fitting(steps, tight if steps > placement.steps else (), True)
    return Fitting(most, tight, True)


def _fits(
    einsum: Einsum,
    outlines: list[tuple[Room, ...]],
    steps: tuple[int, ...],
    spread: tuple[tuple[int, ...], ...],
) -> bool:
    return any(
        all(overflow(einsum, room, steps, spread) <= 1 for room in outline) for outline in outlines
    )


def _by_steps(sizes: tuple[int, ...], most: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield every choice of steps of each rank with fewer than `most` in all, the fewest first."""
    trips = [sorted({-(-n // k) for k in range(1, n + 1)}) for n in sizes]
    start = tuple(0 for _ in sizes)
    heap, seen = [(1, start)], {start}
    while heap:
        steps, at = heapq.heappop(heap)
        if steps >= most:
            return
        yield steps, tuple(t[i] for t, i in zip(trips, at, strict=True))
        for r, i in enumerate(at):
            if i + 1 < len(trips[r]):
                after = (*at[:r], i + 1, *at[r + 1 :])
                if after not in seen:
                    seen.add(after)
                    product = math.prod(t[j] for t, j in zip(trips, after, strict=True))
                    heapq.heappush(heap, (product, after))


def _spreads(
    sizes: tuple[int, ...],
    trips: tuple[int, ...],
    allowed: tuple[tuple[bool, ...], ...],
    axes: tuple[int, ...],
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield the smallest placements that leave each rank no more than its steps."""

    def place(r: int, left: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
        if r == len(sizes):
            yield ()
            return
        for row in _rows(-(-sizes[r] // trips[r]), allowed[r], left):
            rest = tuple(n // s for n, s in zip(left, row, strict=True))
            yield from ((row, *others) for others in place(r + 1, rest))

    yield from place(0, axes)


def _rows(needed: int, on: tuple[bool, ...], left: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the instances of a rank on each axis that come to at least what is needed."""
    ranges = [range(1, min(n, needed) + 1) if able else range(1, 2)
              for n, able in zip(left, on, strict=True)]  # fmt: skip
    for row in itertools.product(*ranges):
        if math.prod(row) >= needed:
            yield row
