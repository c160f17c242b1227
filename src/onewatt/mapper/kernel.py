"""Compiled ranking: a closed form that orders candidate tilings before the model costs them.

It counts padded trips where the model counts exact remainders, and credits overlap only along the
loop that moves a tensor first, so it ranks; it never decides.  Symbols: slot j cuts the tile of
rank r from ``tile[j, r]`` to ``tile[j + 1, r]``; an order is a permutation of the ranks.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np


@nb.njit(cache=True)
def _words(dims, tile):
    """Words of a tensor in a tile; dims rows are (rank p, rank r or -1, a, b)."""
    total = 1.0
    for d in range(dims.shape[0]):
        p, r, a, b = dims[d]
        if a == 0:
            continue
        if r < 0:
            total *= tile[p]
            continue
        step = math.gcd(a, b)
        solid = a // step * (tile[p] - 1) + b // step * (tile[r] - 1) + 1
        total *= min(solid, tile[p] * tile[r])
    return total


@nb.njit(cache=True)
def _traffic(dims, relevant, tile, trips, loops, n_loops, bottom, grown):
    """Words that enter the tile of one receiver.

    `loops` (J, R) lists the ranks with more than one trip at each slot over time, in order.
    """
    n_rank = grown.shape[0]
    for r in range(n_rank):
        grown[r] = tile[bottom, r]
    still, moved = True, 1.0
    for j in range(bottom - 1, -1, -1):
        for s in range(n_loops[j] - 1, -1, -1):
            r = loops[j, s]
            if not relevant[r]:
                if not still:
                    moved *= trips[j, r]
            elif still:
                grown[r] = min(grown[r] * trips[j, r], tile[0, r] * 1.0)
                still = False
            else:
                moved *= trips[j, r]
    return _words(dims, grown) * moved


@nb.njit(cache=True)
def rank(
    tiles: Any, spatial: Any, order_sets: Any, n_orders: Any, edges: Any, shares: Any, dims: Any,
    n_dims: Any, relevant: Any, prices: Any, rates: Any, standing: float, points: float,
    pe_work: float,
) -> Any:  # fmt: skip
    """Rank candidates: energy, cycles and the best orders by energy-delay product.

    Parameters
    ----------
    tiles : int array, shape (K, J + 1, R)
        Tile of each rank before the first slot and after each.
    spatial : bool array, shape (J,)
        Whether a slot is an axis.
    order_sets : int array, shape (J, O, R)
        The loop orders tried at each slot; `n_orders` (J,) says how many.
    edges : int array, shape (E, 4)
        tensor, slot below the parent, slot below the child (J for compute), is output.
    shares : bool array, shape (E, J)
        Whether receivers along the axis of a slot share.
    prices : float array, shape (E, 4)
        Energy per word of a read at the parent, a fill at the child, an update at the parent and a
        drain at the child, hops included [J].
    rates : float array, shape (E, 2)
        Cycles per word at the parent and at the child, instances taken into account.
    standing : float
        Energy per cycle [J].

    Returns
    -------
    energy, cycles : float arrays, shape (K,)
    choice : int array, shape (K, J)
    """
    n_cand, n_slot, n_rank = tiles.shape[0], spatial.shape[0], tiles.shape[2]
    n_edge = edges.shape[0]
    energy, cycles = np.empty(n_cand), np.empty(n_cand)
    choice = np.zeros((n_cand, n_slot), np.int64)
    loops = np.zeros((n_slot, n_rank), np.int64)
    n_loops = np.zeros(n_slot, np.int64)
    now, built = np.zeros(n_slot, np.int64), np.empty(n_slot, np.int64)
    tried = np.empty(n_slot, np.int64)
    trips, grown = np.empty((n_slot, n_rank)), np.empty(n_rank)
    fans, spent, taken = np.empty((n_edge, 3)), np.empty(n_edge), np.empty(n_edge)
    unread = np.zeros(n_edge + 1)
    for c in range(n_cand):
        tile = tiles[c]
        steps = 1.0
        n_combo = 1
        for j in range(n_slot):
            moving = 0
            for r in range(n_rank):
                trips[j, r] = -(-tile[j, r] // tile[j + 1, r]) if tile[j, r] > tile[j + 1, r] else 1
                moving += trips[j, r] > 1
                if not spatial[j]:
                    steps *= trips[j, r]
            tried[j] = n_orders[j] if moving > 1 else 1  # a single loop has one order
            n_combo *= tried[j]
        for e in range(n_edge):
            t, top, bottom = edges[e, 0], edges[e, 1], edges[e, 2]
            read, fill, union = 1.0, 1.0, 1.0
            for j in range(bottom):
                if spatial[j]:
                    for r in range(n_rank):
                        fill *= trips[j, r]
                        if j < top or relevant[t, r]:
                            union *= trips[j, r]
                        if j < top or relevant[t, r] or not shares[e, j]:
                            read *= trips[j, r]
            fans[e, 0], fans[e, 1], fans[e, 2] = read, fill, union
        best = np.inf
        built[:] = -1
        for combo in range(n_combo):
            rest, stale = combo, n_slot if combo else -1
            for j in range(n_slot - 1, -1, -1):  # the innermost order changes fastest
                now[j] = rest % tried[j]
                rest //= tried[j]
                if built[j] == now[j] or spatial[j]:
                    continue
                built[j], stale = now[j], min(j, stale)
                n_loops[j] = 0
                for s in range(n_rank):
                    r = order_sets[j, now[j], s]
                    if trips[j, r] > 1:
                        loops[j, n_loops[j]] = r
                        n_loops[j] += 1
            joules, slowest = points * pe_work, steps
            for e in range(n_edge):
                bottom = edges[e, 2]
                t, written = edges[e, 0], edges[e, 3]
                if bottom > stale and (bottom < n_slot or written or combo == 0):
                    d = dims[t, : n_dims[t]]
                    if bottom == n_slot:
                        read, fill, union = points * fans[e, 0] / fans[e, 1], 0.0, 0.0
                    else:
                        words = _traffic(d, relevant[t], tile, trips, loops, n_loops, bottom, grown)
                        read, fill = words * fans[e, 0], words * fans[e, 1]
                        union = words * fans[e, 2]
                    busy = read
                    if written:
                        if edges[e, 1] == 0:
                            unread[e] = _words(d, tile[0])
                        again = max(0.0, union - unread[e])
                        if bottom < n_slot:
                            unread[e + 1] = fill - again  # what the next level finds empty
                        busy = 2 * read - unread[e]
                        spent[e] = (read - unread[e]) * prices[e, 0] + read * prices[e, 2]
                        spent[e] += again * prices[e, 1] + fill * prices[e, 3]
                    else:
                        spent[e] = read * prices[e, 0] + fill * prices[e, 1]
                    taken[e] = max(busy * rates[e, 0], fill * rates[e, 1])
                joules += spent[e]
                slowest = max(slowest, taken[e])
            joules += slowest * standing
            if joules * slowest < best:
                best = joules * slowest
                energy[c], cycles[c] = joules, slowest
                choice[c] = now
    return energy, cycles, choice


@nb.njit(cache=True)
def fits(
    tiles: Any, level: Any, dims: Any, n_dims: Any, bits: Any, capacity: Any
) -> Any:  # fmt: skip
    """Which candidate tiles fit: tensors' bits under per-tensor and shared limits.

    Parameters
    ----------
    tiles : int array, shape (K, R)
        The tile at the memories.
    level : bool array, shape (M, T)
        Which tensors each memory keeps.
    bits : float array, shape (M, T)
        Bits a word takes in each memory.
    capacity : float array, shape (M, T + 1)
        Limit of each tensor, then of all together [bit].
    """
    keep = np.ones(tiles.shape[0], np.bool_)
    for c in range(tiles.shape[0]):
        for m in range(level.shape[0]):
            total = 0.0
            for t in range(level.shape[1]):
                if not level[m, t]:
                    continue
                size = _words(dims[t, : n_dims[t]], tiles[c]) * bits[m, t]
                total += size
                if size > capacity[m, t]:
                    keep[c] = False
            if total > capacity[m, level.shape[1]]:
                keep[c] = False
            if not keep[c]:
                break
    return keep
