"""The ways to unroll ranks over the axes of an array, by the time steps they take.

Steps are whole in every rank: 384 channels over an axis of 14 take 28 steps, not 27.4, and no
axis holds a product of whole copies that its size does not allow.  That the best of all ways may
take a few percent longer than points over PEs is known before the search, and lets it leave
everything that could only win by these percents.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from onewatt.mapper.kernel.arrays import Flags, Ints, Unrolled

#: Ways that use an axis less than this share of the best use are not listed.
_SHARE = 0.8
#: Ways over one axis and over all of them, beyond which none is listed.
_ROWS, _WAYS = 2_000, 50_000
#: Ways that are listed, before those go that another one makes needless.
_KEPT = 256


def unrollings(
    sizes: Ints, axis_size: Ints, allowed: Flags, is_time: Flags, perfect: bool
) -> Unrolled:
    """Return ways to unroll the ranks of a layer, those of the fewest steps first.

    Parameters
    ----------
    sizes : int array, shape (R,)
        Sizes of the ranks.
    axis_size : int array, shape (J,)
        Instances along the axis of each slot of space.
    allowed : bool array, shape (J, R)
        Whether a slot may loop over a rank.
    is_time : bool array, shape (J,)
        Slots of time.
    perfect : bool
        Whether copies divide the sizes.

    Returns
    -------
    Unrolled
        No way that is not listed takes fewer steps than its last number, unless a way that is
        listed takes no more copies of any rank on any axis, and no more steps.
    """
    ranks, axes = range(len(sizes)), np.flatnonzero(~is_time)
    ways = np.ones((1, len(sizes), len(is_time)), dtype=np.int64)
    parts = sizes[None]
    points = math.prod(int(n) for n in sizes)
    used = 1
    for j in axes:
        size = int(axis_size[j])
        values = [_copies(int(sizes[r]), size, perfect) if allowed[j, r] else [1] for r in ranks]
        products = _products(values, size)
        best = max(products)
        used *= best
        least = math.ceil(best * _SHARE)
        many = sum(n for p, n in products.items() if p >= least)
        if many > _ROWS or many * len(ways) > _WAYS:
            whole = math.prod(int(axis_size[i]) for i in axes)
            return Unrolled(ways[:0], parts[:0], np.array([-(-points // whole)], dtype=np.int64))
        rows = np.array(list(_rows(values, least, size)), dtype=np.int64)
        ways = np.repeat(ways, len(rows), axis=0)
        ways[:, :, j] = np.tile(rows, (len(ways) // len(rows), 1))
    parts = -(-sizes // ways.prod(axis=2))
    steps = parts.prod(axis=1)
    others = math.ceil(points / (used * _SHARE) - 1e-9)  # at least, for what uses an axis less
    order = np.lexsort((ways.sum(axis=(1, 2)), steps))
    order = order[steps[order] < others]
    if len(order) > _KEPT:
        others = int(steps[order[_KEPT]])
    kept: list[int] = []
    for i in order[:_KEPT]:
        if not (ways[kept] <= ways[i]).all(axis=(1, 2)).any():
            kept.append(int(i))
    return Unrolled(ways[kept], parts[kept], np.array([*steps[kept], others], dtype=np.int64))


def _copies(size: int, most: int, perfect: bool) -> list[int]:
    return [c for c in range(1, min(size, most) + 1) if not perfect or size % c == 0]


def _products(values: Sequence[Sequence[int]], most: int) -> Counter[int]:
    """Count the choices of one number of each list by their product."""
    made = Counter({1: 1})
    for some in values:
        grown: Counter[int] = Counter()
        for product, many in made.items():
            for c in some:
                if product * c <= most:
                    grown[product * c] += many
        made = grown
    return made


def _rows(values: Sequence[Sequence[int]], least: int, most: int) -> Iterator[tuple[int, ...]]:
    """Yield one number of copies for each rank, with a product in a range."""
    if not values:
        if least <= 1:
            yield ()
        return
    for c in values[0]:
        if c > most:
            break
        for rest in _rows(values[1:], -(-least // c), most // c):
            yield (c, *rest)
