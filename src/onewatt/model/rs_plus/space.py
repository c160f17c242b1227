"""The ways to spread the ranks of a layer over the axes of an array."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from onewatt.model.rs_plus.layer import RANKS, Layer
from onewatt.model.rs_plus.machine import Level

Counts = NDArray[np.int64]
_AT_MOST = 2  # ranks on one axis


def spreads(level: Level, layer: Layer) -> Counts:
    """Return the ways to spread ranks over one axis, shape (ways, ranks).

    Up to two ranks share an axis, as many instances of each as fit; it may also rest.  A way is
    left out if another one of the same ranks has as many instances of each, and more.
    """
    able = [r for r in level.ranks if layer.size[r] > 1]
    ways = {(1,) * len(RANKS)}
    for chosen in itertools.chain.from_iterable(
        itertools.combinations(able, n) for n in range(1, _AT_MOST + 1)
    ):
        for counts in _counts([layer.size[r] for r in chosen], level.size):
            way = [1] * len(RANKS)
            for rank, n in zip(chosen, counts, strict=True):
                way[RANKS.index(rank)] = n
            ways.add(tuple(way))
    found = sorted(ways)
    return np.array([w for w in found if not any(_contained(w, o) for o in found)], np.int64)


def _counts(sizes: list[int], places: int) -> Iterable[tuple[int, ...]]:
    if len(sizes) == 1:
        return [(min(sizes[0], places),)]
    first, second = sizes
    return [(a, min(second, places // a)) for a in range(1, min(first, places) + 1)]


def _contained(way: tuple[int, ...], other: tuple[int, ...]) -> bool:
    pairs = list(zip(way, other, strict=True))
    alike = all((a > 1) == (b > 1) for a, b in pairs)
    return alike and way != other and all(a <= b for a, b in pairs)


def combine(levels: tuple[Level, ...], layer: Layer) -> list[Counts]:
    """Return the ways to spread a layer over several axes, one array (ways, ranks) for each axis.

    Ways that spread a rank wider than it is are left out.
    """
    each = [spreads(level, layer) for level in levels]
    if not each:
        return []
    grid = np.meshgrid(*(np.arange(len(e)) for e in each), indexing="ij")
    picked = [e[g.ravel()] for e, g in zip(each, grid, strict=True)]
    total = np.prod(np.stack(picked), axis=0)
    sizes = np.array([layer.size[r] for r in RANKS])
    # at most one more than needed: ceil(size / count) must change
    fits = (total < 2 * sizes).all(axis=1)
    return [p[fits] for p in picked]
