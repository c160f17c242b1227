"""Compiled: single tilings, counted exactly in every order of loops that can differ."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from onewatt.mapper.kernel.arrays import (
    FRONT,
    KEEPS,
    LEVEL,
    OWN,
    PLACE,
    SHARED,
    TENSOR,
    Floats,
    Ints,
)
from onewatt.mapper.kernel.boxes import copy_row, up
from onewatt.mapper.kernel.counts import alive
from onewatt.mapper.kernel.jit import inlined, leaf
from onewatt.mapper.kernel.prices import beaten, priced
from onewatt.model.kernel.crossing import crossing
from onewatt.model.kernel.crossing import steps as count_steps
from onewatt.model.kernel.factors import FORWARD, FRESH
from onewatt.model.kernel.states import SPATIAL, TEMPORAL


class Desk(NamedTuple):
    """What the costing of a tiling writes to."""

    made: Floats  #: (N, 2): energy and cycles
    codes: Ints  #: (N,): the orders that have them
    orders: Ints  #: (J, R)
    sizes: Ints  #: (R,)
    nest: tuple[Ints, ...]  #: five of (J * R,): kind, rank, inner tile, axis and trips of a loop
    depth: Ints  #: (J + 1,): how many loops lie above a place
    paid: Floats  #: (D + 1, 1 + ports): what is paid down to a level
    low: Floats  #: (D + 1, E): least words of a term once the levels outside are set
    nothing: Floats  #: (1 + ports,): zeros
    limit: Floats  #: (1, 2): what the next cost has to beat
    where: Ints  #: (E,): the level at which the words of a term are known, or -1
    sequence: Ints  #: (E,): terms, those of windows last
    picked: Ints  #: (D + 1,)
    memo_key: Ints  #: (E, MEMO)
    memo_value: Floats
    memo_size: Ints  #: (E,)
    scratch: Ints  #: (2, 64)


@leaf
def nest_of(tile, orders, is_time, nest, depth):
    """Write the loop nest of a tiling in an order for each slot; `depth` (J + 1,) of each place."""
    kind, rank, inner, axis, trips = nest
    n = 0
    for j in range(len(is_time)):
        depth[j] = n
        for r in orders[j]:
            if tile[r, j] > tile[r, j + 1]:
                kind[n] = TEMPORAL if is_time[j] else SPATIAL
                rank[n], inner[n] = r, tile[r, j + 1]
                axis[n] = -1 if is_time[j] else j
                trips[n] = up(tile[r, j], tile[r, j + 1])
                n += 1
    depth[len(is_time)] = n
    return n


@inlined
def words_in(t, sizes, nest, depth, layer, costs):
    """Words of a term in a nest, exactly; `sizes` (R,) of the ranks."""
    term = costs.terms[t]
    x = term[TENSOR]
    kind, rank, inner, axis, trips = nest
    n = depth[len(depth) - 1]
    zero, none = np.int64(0), np.int64(-1)  # not literals: `crossing` is compiled for each of these
    cut = (kind[:n], rank[:n], inner[:n], axis[:n], trips[:n])
    return float(crossing(
        layer.factors[x, : layer.n_factors[x]], cut, sizes, depth[term[PLACE]],
        zero, none, term[SHARED], FRESH if term[OWN] else FORWARD, term[KEEPS] > 0, zero > 0,
    ))  # fmt: skip


@leaf
def _innermost(order, j, tile):
    """The innermost loop of a slot, or -1."""
    for i in range(len(order) - 1, -1, -1):
        if tile[order[i], j] > tile[order[i], j + 1]:
            return order[i]
    return -1


@leaf
def _least_of(words, inner, classes, free):
    """The least words of a term over the classes that an innermost loop may belong to."""
    least, some = np.inf, np.inf
    for c in range(len(words)):
        least = min(least, words[c])
        if inner >= 0 and (free[classes[c, 0]] >> inner) & 1:
            some = min(some, words[c])
    return some if some < np.inf else least


@leaf
def _count_as(t, value, rates, low, paid):
    """Let a term count so many words."""
    for k in range(rates.shape[1]):
        paid[k] += rates[t, k] * (value - low[t])
    low[t] = value


@leaf
def _slides(dims, n_dims):
    """Whether a tensor has a window."""
    for i in range(n_dims):
        if dims[i, 1] >= 0:
            return True
    return False


@leaf
def _exact(words, steps, least, tile, is_time, costs, paid, scratch):
    """Energy and cycles of a mapping whose words are known, accesses rounded as the model does."""
    rows = len(costs.exact_base)
    for k in range(rows):
        paid[k] = costs.exact_base[k] + costs.per_step[k] * steps
        for t in range(len(words)):
            paid[k] += costs.exact[k, t] * words[t]
    for i in range(len(costs.access_base)):
        total = costs.access_base[i]
        for t in range(len(words)):
            total += costs.accesses[i, t] * words[t]
        used, place, mask = 1.0, int(costs.access_pays[i, 2]), 0
        for j in range(place):
            mask |= 0 if is_time[j] else 1 << j
        for r in range(tile.shape[0]):  # instances with work
            used *= alive(tile, r, mask, place, scratch)
        each = math.ceil(total / used * costs.access_pays[i, 1] - 1e-9)
        paid[0] += costs.access_pays[i, 0] * min(used, costs.access_pays[i, 3]) * each
    cycles = least
    for k in range(1, rows):
        cycles = max(cycles, math.ceil(paid[k] - 1e-6))
    return paid[0] + cycles * costs.standing, float(cycles)


@leaf
def tiling_costs(
    tile: Any, is_time: Any, layer: Any, costs: Any, words: Any, mode: int, best: Any,
    tolerance: float, every: bool, found: Any, desk: Any,
) -> int:  # fmt: skip
    """Write energy, cycles and orders of a tiling, of all that are not beaten; return how many.

    `words` (E, C) bounds the words of each term; an order is the number in `found`, which
    `every_order` has filled, of every deciding slot, in mixed radix.  The costs are those of the
    model, except that ports of many instances count the average of these, not the busiest.  Unless
    `every` order is asked for, each is better than the one before.  Returns -1 if the desk is too
    small.
    """
    lists, length, number = found.lists, found.length, found.number
    made, codes, orders, sizes, nest, depth = (
        desk.made, desk.codes, desk.orders, desk.sizes, desk.nest, desk.depth
    )  # fmt: skip
    paid, low, nothing, where, picked = desk.paid, desk.low, desk.nothing, desk.where, desk.picked
    memo_key, memo_value, memo_size = desk.memo_key, desk.memo_value, desk.memo_size
    n_slot, n_rank, n_term = len(is_time), tile.shape[0], len(costs.terms)
    n_level, rows = len(costs.deciding), len(costs.base)
    most = 1
    for i in range(n_level):
        most = max(most, length[i])
    for r in range(n_rank):
        sizes[r] = tile[r, 0]
        for j in range(n_slot):
            orders[j, r] = costs.fixed[j, r] if costs.fixed[j, 0] >= 0 else r
    n = nest_of(tile, orders, is_time, nest, depth)
    kind, rank, inner, axis, trips = nest
    steps = float(count_steps((kind[:n], rank[:n], inner[:n], axis[:n], trips[:n]), sizes))
    least = max(1.0, math.ceil(steps * costs.pace - 1e-6))
    for k in range(rows):
        paid[0, k] = costs.base[k] + costs.per_step[k] * steps
    for t in range(n_term):
        where[t] = -1
        if costs.terms[t, KEEPS]:
            low[0, t] = words[t, 0]
            for c in range(1, words.shape[1]):
                low[0, t] = min(low[0, t], words[t, c])
            for i in range(n_level):
                if costs.deciding[i] < costs.terms[t, PLACE]:
                    where[t] = i
        else:
            low[0, t] = words_in(t, sizes, nest, depth, layer, costs)
        for k in range(rows):
            paid[0, k] += costs.rates[t, k] * low[0, t]
    # windows last: they take the longest to count, and the others may rule an order out before
    n = 0
    for windows in (False, True):
        for t in range(n_term):
            x = costs.terms[t, TENSOR]
            if _slides(layer.dims[x], layer.n_dims[x]) == windows:
                desk.sequence[n] = t
                n += 1
    memo_size.fill(0)
    picked[0] = -1
    limit = best
    if not every and mode != FRONT:  # every order that is found has to be better than the last
        limit = desk.limit
        limit[0, 0], limit[0, 1] = best[0, 0], best[0, 1]
    many, level = 0, 0
    while level >= 0:
        energy, cycles = priced(paid[level], nothing, least, costs.standing)
        lost = beaten(energy, cycles, mode, limit, tolerance)
        if n_level > 0:
            picked[level] += 1
            if lost or picked[level] == length[level]:
                level -= 1
                continue
            order = lists[level, picked[level]]
            copy_row(order, orders[costs.deciding[level]])
            nest_of(tile, orders, is_time, nest, depth)
            copy_row(paid[level], paid[level + 1])
            copy_row(low[level], low[level + 1])
            innermost = _innermost(order, costs.deciding[level], tile)
            for t in range(n_term):
                if costs.terms[t, LEVEL] == level:
                    least_here = _least_of(words[t], innermost, costs.classes, layer.free)
                    least_here = max(least_here, low[level, t])
                    _count_as(t, least_here, costs.rates, low[level + 1], paid[level + 1])
            energy, cycles = priced(paid[level + 1], nothing, least, costs.standing)
            lost = beaten(energy, cycles, mode, limit, tolerance)
            for t in desk.sequence:
                if lost:
                    break
                if where[t] != level:
                    continue
                key = 1
                for i in range(level, -1, -1):
                    at = number[i, costs.terms[t, TENSOR], picked[i]]
                    key = key * (2 * most + 1) + at + most
                    if at < 0:
                        break
                value = -1.0
                for i in range(memo_size[t]):
                    if memo_key[t, i] == key:
                        value = memo_value[t, i]
                        break
                if value < 0:
                    value = words_in(t, sizes, nest, depth, layer, costs)
                    if memo_size[t] < memo_key.shape[1]:
                        memo_key[t, memo_size[t]], memo_value[t, memo_size[t]] = key, value
                        memo_size[t] += 1
                _count_as(t, value, costs.rates, low[level + 1], paid[level + 1])
                energy, cycles = priced(paid[level + 1], nothing, least, costs.standing)
                lost = beaten(energy, cycles, mode, limit, tolerance)
        if not lost:
            if level < n_level - 1:
                level += 1
                picked[level] = -1
                continue
            code = 0
            for i in range(n_level):
                code = code * length[i] + picked[i]
            energy, cycles = _exact(
                low[n_level], steps, least, tile, is_time, costs, paid[n_level], desk.scratch
            )
            if beaten(energy, cycles, mode, limit, tolerance):
                if n_level == 0:
                    break
                continue
            if many == len(made):
                return -1
            made[many, 0], made[many, 1], codes[many] = energy, cycles, code
            many += 1
            if not every and mode != FRONT:
                limit[0, 0], limit[0, 1] = energy, cycles
        if n_level == 0:
            break
    return many
