"""Placements: the fewest steps in which an array of finite axes can go through a layer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

#: More than any layer has steps; a layer has at most 2^53 points.
_NEVER = 2**62
#: Entries of a table of moves that are looked at in one go.
_AT_ONCE = 2**22


class Placement(NamedTuple):
    """How ranks are spread over axes: `spread[r][a]` instances of rank r on axis a.

    `steps` is what is left to do one after another, the product over the ranks of
    ``ceil(size / instances)``.
    """

    steps: int
    spread: tuple[tuple[int, ...], ...]

    @property
    def instances(self) -> tuple[int, ...]:
        """Instances of each rank, all axes together."""
        return tuple(math.prod(row) for row in self.spread)


@lru_cache(maxsize=4096)
def best_placement(
    sizes: tuple[int, ...], allowed: tuple[tuple[bool, ...], ...], axes: tuple[int, ...]
) -> Placement:
    """Return the placement of a layer onto the axes of an array that takes the fewest steps.

    Parameters
    ----------
    sizes : tuple of int, shape (R,)
        Size of each rank [1].
    allowed : tuple of tuple of bool, shape (R, A)
        Whether a rank may lie on an axis.
    axes : tuple of int, shape (A,)
        Instances along each axis [1].

    Returns
    -------
    Placement
        One with the fewest steps; no instance in it is without work all the time.

    Notes
    -----
    The minimum over whole numbers s >= 1, with s[r, a] = 1 where rank r may not lie on axis a, of
    Π_r ceil(n_r / Π_a s[r, a]), subject to Π_r s[r, a] <= D_a for each axis.  Exact, by dynamic
    programming over the ranks: what a rank leaves of an axis of D is one of the numbers
    floor(D / s), of which there are about 2 sqrt(D).

    Examples
    --------
    Nine filter taps and 64 channels on 12 rows, 32 filters on 14 columns:

    >>> best_placement((9, 64, 32), ((True, False), (True, False), (False, True)), (12, 14))
    Placement(steps=144, spread=((3, 1), (4, 1), (1, 11)))
    """
    if not axes:
        return Placement(math.prod(sizes), ((),) * len(sizes))
    left = [_quotients(axis) for axis in axes]
    moves = [_moves(values) for values in left]
    shape = tuple(len(values) for values in left)
    states = math.prod(shape)
    steps = np.ones(states, dtype=np.int64)
    chosen: list[Ints] = []
    for size, on in zip(reversed(sizes), reversed(allowed), strict=True):
        steps, choice = _one_rank(size, on, moves, shape, steps)
        chosen.append(choice)
    spread, state = list[tuple[int, ...]](), states - 1
    for size, on, choice in zip(sizes, allowed, reversed(chosen), strict=True):
        after = int(choice[state])
        i, j = np.unravel_index(state, shape), np.unravel_index(after, shape)
        row = [
            int(moves[a][i[a], j[a]]) if on[a] and size > 1 else 1 for a in range(len(axes))
        ]  # fmt: skip
        spread.append(_without_idle(size, row))
        state = after
    return Placement(int(steps[-1]), tuple(spread))


def _quotients(size: int) -> list[int]:
    """Return the different values of ``floor(size / s)`` for s >= 1, ascending."""
    return sorted({size // s for s in range(1, math.isqrt(size) + 1)}
                  | set(range(1, math.isqrt(size) + 1)))  # fmt: skip


def _moves(values: list[int]) -> Ints:
    """Return the most instances that leave at least values[j] of values[i], or 0 if none do."""
    row = np.array(values, dtype=np.int64)
    return row[:, None] // row[None, :]


def _one_rank(
    size: int, on: tuple[bool, ...], moves: list[Ints], shape: tuple[int, ...], after: Ints
) -> tuple[Ints, Ints]:
    """Return the fewest steps from each state on, and the state that the rank leads to."""
    states = math.prod(shape)
    if size == 1:
        return after, np.arange(states)
    tables = [m if able else np.minimum(m, 1) for m, able in zip(moves, on, strict=True)]
    steps, choice = np.empty(states, dtype=np.int64), np.empty(states, dtype=np.int64)
    every = max(1, _AT_ONCE // states)
    for start in range(0, states, every):
        rows = np.unravel_index(np.arange(start, min(states, start + every)), shape)
        held = np.ones((len(rows[0]), 1) if rows else (1, 1), dtype=np.int64)
        for table, row in zip(tables, rows, strict=True):
            held = (held[:, :, None] * table[row][:, None, :]).reshape(len(row), -1)
        found = np.where(held > 0, -(-size // np.maximum(held, 1)) * after[None, :], _NEVER)
        best = np.argmin(found, axis=1)
        choice[start : start + every] = best
        steps[start : start + every] = found[np.arange(len(best)), best]
    return steps, choice


def _without_idle(size: int, row: list[int]) -> tuple[int, ...]:
    """Take away instances without which the rank takes no more steps."""
    steps = -(-size // math.prod(row))
    needed = -(-size // steps)
    for a, n in enumerate(row):
        others = math.prod(row) // n
        row[a] = min(n, -(-needed // others))
    return tuple(row)


def shapes(instances: int, axes: int) -> Iterable[tuple[int, ...]]:
    """Yield every array of so many instances with so many axes.

    Examples
    --------
    >>> list(shapes(6, 2))
    [(1, 6), (2, 3), (3, 2), (6, 1)]
    """
    if axes == 1:
        yield (instances,)
    elif axes > 1:
        for first in range(1, instances + 1):
            if instances % first == 0:
                yield from ((first, *rest) for rest in shapes(instances // first, axes - 1))
