"""Compiled: how many words cross an edge of a loop nest, exactly."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from typing import Any

import numpy as np

from onewatt.model.kernel.factors import lines, planes, presence
from onewatt.model.kernel.jit import compiled, inlined, leaf
from onewatt.model.kernel.states import NONE, SPATIAL, TEMPORAL, classes, groups, loops_of


@leaf
def _step(dim, rank, tile):
    """How far one trip of a loop moves a dimension of two ranks; 0 for other loops."""
    if dim[1] < 0:
        return np.int64(0)
    return tile * (dim[2] if rank == dim[0] else dim[3] if rank == dim[1] else 0)


@leaf
def _stride(dim, kind, rank, tile, place):
    """How far the innermost temporal loop that moves a dimension moves it; at least 1."""
    for i in range(place - 1, -1, -1):
        if kind[i] == TEMPORAL and _step(dim, rank[i], tile[i]) > 0:
            return _step(dim, rank[i], tile[i])
    return np.int64(1)


@compiled
def _factor(f, dims, nest, extent, place, parent, first, shared, form, lenient, k):
    """(now, kept) of one factor at the steps that carry at loop k."""
    kind, rank, tile, axis, trips = nest
    p = dims[f, 0]
    loops_p = loops_of(p, rank, place)
    pw, ps = classes(loops_p, kind, tile, trips, extent[p], k, first)
    pg = groups(loops_p, kind, axis, trips, parent, first, shared)
    if dims[f, 2] == 0:
        return presence(pw, ps, pg, form)
    if dims[f, 1] < 0:
        return lines(pw, ps, pg)
    if lenient and shared:
        shared = np.int64(0)
        pg = groups(loops_p, kind, axis, trips, parent, first, shared)
    r = dims[f, 1]
    boxes = _stride(dims[f], kind, rank, tile, place) if lenient else np.int64(0)
    loops_r = loops_of(r, rank, place)
    rw, rs = classes(loops_r, kind, tile, trips, extent[r], k, first)
    rg = groups(loops_r, kind, axis, trips, parent, first, shared)
    return planes(pw, ps, pg, rw, rs, rg, dims[f, 2], dims[f, 3], form, boxes)


@leaf
def _changes(f, dims, kind, rank, place, k):
    """Whether a rank of the factor moves at a step that carries at loop k."""
    for i in range(k, place):
        if kind[i] != TEMPORAL:
            continue
        if rank[i] == dims[f, 0] or (dims[f, 1] >= 0 and rank[i] == dims[f, 1]):
            return True
    return False


@leaf
def _repeats(f, dims, kind, rank, tile, place, k):
    """Whether Timeloop takes the carry at an outer loop for one more step of the innermost one.

    It looks at the first two trips of a loop only, so the tile before the carry is the one at
    trip 1 of every loop inside; and it credits overlap only while the tile moves evenly.
    """
    inside, last = np.int64(0), np.int64(0)
    for i in range(k + 1, place):
        if kind[i] == TEMPORAL:
            last = _step(dims[f], rank[i], tile[i])
            if last == 0:
                return False
            inside += last
    return last > 0 and _step(dims[f], rank[k], tile[k]) - inside == last


@inlined
def _kept(f, k, still, dims, nest, extent, place, parent, first, shared, form, lenient, outer):
    """Words of one factor kept at the steps that carry at loop k."""
    if not _changes(f, dims, nest[0], nest[1], place, k):
        return still[f]
    if (
        lenient
        and outer
        and dims[f, 2] > 0
        and not _repeats(f, dims, nest[0], nest[1], nest[2], place, k)
    ):
        return 0
    return _factor(f, dims, nest, extent, place, parent, first, shared, form, lenient, k)[1]


@compiled
def crossing(
    dims: Any, nest: Any, extent: Any, place: int, parent: Any, first: Any, shared: int,
    form: int, keeps: bool, lenient: Any,
) -> Any:  # fmt: skip
    """Words that enter the tiles at a place, summed over all steps and groups of receivers.

    Parameters
    ----------
    dims : int array, shape (F, 4)
        Factors: rank p, rank r or -1, coefficient a (0: p does not address the tensor), b.
    nest : tuple of int arrays, shape (L,)
        kind, rank, tile, axis and trips of each loop.
    extent : int array, shape (R,)
        Size of each rank.
    place, parent : int
        How many loops lie above the receivers and above the parent.
    first : int
        Count only receivers of the first parent instance if this equals `parent`; -1 for all.
    shared : int
        Bit set of the axes whose receivers share.
    form : int
        FRESH or FORWARD.
    keeps : bool
        Whether receivers remember; compute does not.
    lenient : bool
        Credit overlap only if the innermost loop above the place moves the tensor, share only
        reads of equal tiles, and count the gaps inside a strided tile as words (``timeloop``).

    Returns
    -------
    int
        The number of words.
    """
    kind, rank, tile, axis, trips = nest
    n_factor = dims.shape[0]
    total = np.int64(1)
    still = np.empty(n_factor, np.int64)
    for f in range(n_factor):
        still[f] = _factor(
            f, dims, nest, extent, place, parent, first, shared, form, lenient, NONE
        )[0]
        total *= still[f]
    if not keeps:
        return total
    innermost = -1
    for i in range(place):
        if kind[i] == TEMPORAL:
            innermost = i
    # cheap factors first: they are zero at most steps, and then the rest need no look
    order = np.empty(n_factor, np.int64)
    n = 0
    for dear in (False, True):
        for f in range(n_factor):
            if (dims[f, 2] > 0 and dims[f, 1] >= 0) == dear:
                order[n] = f
                n += 1
    for k in range(place):
        if kind[k] != TEMPORAL:
            continue
        kept = np.int64(1)
        for f in order:
            kept *= _kept(
                f, k, still, dims, nest, extent, place, parent, first, shared, form,
                lenient, k != innermost,
            )  # fmt: skip
            if kept == 0:
                break
        total -= kept
    return total


@compiled
def distinct_held(dims: Any, nest: Any, extent: Any, place: int) -> Any:
    """Different words an instance ever holds at a place, summed over instances."""
    kind, rank, tile, axis, trips = nest
    total = np.int64(1)
    for f in range(dims.shape[0]):
        if dims[f, 2] == 0 or dims[f, 1] >= 0:
            copies = np.int64(1)
            for i in range(place):
                if kind[i] == SPATIAL and (rank[i] == dims[f, 0]) and dims[f, 2] == 0:
                    copies *= trips[i]
            total *= copies
        if dims[f, 2] > 0:
            total *= extent[dims[f, 0]] if dims[f, 1] < 0 else 1
    return total


@compiled
def steps(nest: Any, extent: Any) -> Any:
    """Number of time steps with work: the product over ranks of their trips that are alive."""
    kind, rank, tile, axis, trips = nest
    total = np.int64(1)
    for r in range(extent.shape[0]):
        loops = loops_of(r, rank, rank.shape[0])
        weight, _ = classes(loops, kind, tile, trips, extent[r], NONE, NONE)
        alive = np.int64(0)
        for w in weight:
            alive += w
        total *= alive
    return total
