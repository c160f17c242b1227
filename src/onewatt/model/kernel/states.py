"""Compiled: what every rank holds before and after the steps that carry at a loop."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import numpy as np

from onewatt.model.kernel.jit import compiled, leaf

TEMPORAL, SPATIAL = 0, 1
#: No loop.  Not a plain number: numba would compile what it is passed to once more for it.
NONE = np.int64(1 << 30)


@leaf
def _segments(sizes, tile, alive, cuts):
    """Write the first index of every run of trips that look alike; return how many."""
    n = 0
    cuts[0] = 0
    n = 1
    for c in range(sizes.shape[0]):
        full = sizes[c] // tile
        for edge in (full, full + 1):
            if 0 < edge < alive:
                known = False
                for j in range(n):
                    if cuts[j] == edge:
                        known = True
                        break
                if not known:
                    j = n
                    while cuts[j - 1] > edge:
                        cuts[j] = cuts[j - 1]
                        j -= 1
                    cuts[j] = edge
                    n += 1
    cuts[n] = alive
    return n


@leaf
def clip(size, start, tile):
    """How much of a size lies in a tile that begins there."""
    left = size - start
    if left <= 0:
        return 0
    return tile if left > tile else left


@compiled
def loops_of(r, rank, place):
    """The loops of a rank above a place, outermost first."""
    n = 0
    for i in range(place):
        n += rank[i] == r
    loops = np.empty(n, np.int64)
    n = 0
    for i in range(place):
        if rank[i] == r:
            loops[n] = i
            n += 1
    return loops


@compiled
def classes(loops, kind, tile, trips, extent, k, first):
    """All states of one rank at the steps that carry at loop k (none: all steps).

    Parameters: ``loops`` the loops of the rank above the place, outermost first; ``first`` how many
    loops (by number) lie above the parent whose first instance alone is asked for, else -1.

    Returns ``weight`` (classes,) and ``state`` (classes, coordinates, 4): where the interval of
    each spatial coordinate begins and how long it is, before and after the step.
    """
    weight = np.ones(1, np.int64)
    state = np.zeros((1, 1, 4), np.int64)
    state[0, 0, 1] = extent
    state[0, 0, 3] = extent
    for i in loops:
        t = tile[i]
        n_class, n_coord = state.shape[0], state.shape[1]
        if kind[i] == SPATIAL:
            fan = 1 if i < first else trips[i]
            grown = np.empty((n_class, n_coord * fan, 4), np.int64)
            for c in range(n_class):
                for x in range(n_coord):
                    for j in range(fan):
                        for side in (0, 2):
                            grown[c, x * fan + j, side] = state[c, x, side] + j * t
                            grown[c, x * fan + j, side + 1] = clip(state[c, x, side + 1], j * t, t)
            state = grown
            continue
        if i > k:  # wraps: from the last trip to the first
            for c in range(n_class):
                last = (state[c, 0, 1] - 1) // t * t
                for x in range(n_coord):
                    state[c, x, 0] += last
                    state[c, x, 1] = clip(state[c, x, 1], last, t)
                    state[c, x, 3] = min(state[c, x, 3], t)
            continue
        cuts = np.empty(2 * n_coord + 3, np.int64)
        most = 0
        for c in range(n_class):
            alive = -(-state[c, 0, 1] // t)
            most += 2 * _segments(state[c, :, 1], t, alive, cuts)
        grown = np.empty((most, n_coord, 4), np.int64)
        grown_weight = np.empty(most, np.int64)
        n = 0
        for c in range(n_class):
            alive = -(-state[c, 0, 1] // t)
            n_cut = _segments(state[c, :, 1], t, alive, cuts)
            for s in range(n_cut):
                lo, hi = cuts[s], cuts[s + 1]
                if i < k:
                    for x in range(n_coord):
                        for side in (0, 2):
                            grown[n, x, side] = state[c, x, side] + lo * t
                            grown[n, x, side + 1] = clip(state[c, x, side + 1], lo * t, t)
                    grown_weight[n] = weight[c] * (hi - lo)
                    n += 1
                    continue
                # the carry itself: index j -> j + 1, alike inside a run and once at its end
                for j in (hi - 2, hi - 1):
                    if j < lo or j + 1 >= alive:
                        continue
                    for x in range(n_coord):
                        grown[n, x, 0] = state[c, x, 0] + j * t
                        grown[n, x, 1] = clip(state[c, x, 1], j * t, t)
                        grown[n, x, 2] = state[c, x, 2] + (j + 1) * t
                        grown[n, x, 3] = clip(state[c, x, 3], (j + 1) * t, t)
                    grown_weight[n] = weight[c] * (hi - 1 - lo if j == hi - 2 else 1)
                    n += 1
        state, weight = grown[:n], grown_weight[:n]
    return weight, state


@compiled
def groups(loops, kind, axis, trips, parent, first, shared):
    """The group of each spatial coordinate: coordinates of one group share a read."""
    group = np.zeros(1, np.int64)
    for i in loops:
        if kind[i] != SPATIAL:
            continue
        fan = 1 if i < first else trips[i]
        joint = i >= parent and (shared >> axis[i]) & 1
        grown = np.empty(group.shape[0] * fan, np.int64)
        for x in range(group.shape[0]):
            for j in range(fan):
                grown[x * fan + j] = group[x] if joint else group[x] * fan + j
        group = grown
    return group
