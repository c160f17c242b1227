"""Compiled: single tilings, counted exactly in every order of loops that can differ."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onewatt.mapper.kernel.arrays import (
    FRONT,
    KEEPS,
    LEVEL,
    MEMO,
    OWN,
    PLACE,
    SHARED,
    TENSOR,
)
from onewatt.mapper.kernel.boxes import copy_row, copy_rows, rests_at, up
from onewatt.mapper.kernel.counts import alive
from onewatt.mapper.kernel.jit import compiled, leaf
from onewatt.mapper.kernel.prices import beaten, priced
from onewatt.model.kernel.crossing import crossing
from onewatt.model.kernel.crossing import steps as count_steps
from onewatt.model.kernel.factors import FORWARD, FRESH
from onewatt.model.kernel.states import SPATIAL, TEMPORAL


@compiled
def orders_at(tile: Any, j: int, layer: Any, costs: Any) -> Any:
    """Return the orders of a slot that can differ, outermost first, (K, R).

    From the innermost loop outwards: once a loop moves every word of a tensor in every one of its
    sweeps, loops outside it only repeat that, in any order.
    """
    n_rank, n_tensor = tile.shape[0], len(layer.n_dims)
    if costs.fixed[j, 0] >= 0:
        return costs.fixed[j : j + 1]
    decides = False
    for d in costs.deciding:
        decides = decides or d == j
    loops = np.empty(n_rank, np.int64)
    n = 0
    closes = np.zeros(n_rank, np.int64)
    for r in range(n_rank):
        if decides and tile[r, j] > tile[r, j + 1]:
            loops[n] = r
            n += 1
            if j == 0 or not rests_at(tile, r, j):
                for x in range(n_tensor):
                    if layer.line[x, r]:
                        closes[r] |= 1 << x
    everything = (1 << n_tensor) - 1
    made = np.empty((64, n_rank), np.int64)
    many = 0
    picked = np.full(n + 1, -1, np.int64)
    used, shut = np.zeros(n + 2, np.int64), np.zeros(n + 2, np.int64)
    depth = 0
    while depth >= 0:
        if depth == n or shut[depth] == everything:
            if many == len(made):
                grown = np.empty((2 * many, n_rank), np.int64)
                copy_rows(made, grown)
                made = grown
            at = n_rank - 1
            for i in range(depth):
                made[many, at] = loops[picked[i]]
                at -= 1
            for i in range(n - 1, -1, -1):
                if not (used[depth] >> i) & 1:
                    made[many, at] = loops[i]
                    at -= 1
            for r in range(n_rank - 1, -1, -1):
                if not (decides and tile[r, j] > tile[r, j + 1]):
                    made[many, at] = r
                    at -= 1
            many += 1
            depth -= 1
            continue
        i = picked[depth] + 1
        while i < n and (used[depth] >> i) & 1:
            i += 1
        if i == n:
            picked[depth] = -1
            depth -= 1
            continue
        picked[depth] = i
        used[depth + 1] = used[depth] | (1 << i)
        shut[depth + 1] = shut[depth] | closes[loops[i]]
        depth += 1
        picked[depth] = -1
    return made[:many]


@leaf
def _signature(order, j, x, tile, layer, out):
    """Write what of an order matters to a tensor, innermost first; whether it ends the matter."""
    out.fill(-1)
    at = 0
    for i in range(len(order) - 1, -1, -1):
        r = order[i]
        if tile[r, j] == tile[r, j + 1]:
            continue
        out[at] = r
        at += 1
        if layer.line[x, r] and (j == 0 or not rests_at(tile, r, j)):
            return True
    return False


@compiled
def _alike(orders, j, x, tile, layer, number):
    """Number the orders of a slot by what matters to a tensor; 0 or more go on outside it.

    Numbers are negative where loops outside the slot do not matter; returns how many differ.
    """
    n_rank = orders.shape[1]
    seen = np.zeros((len(orders), n_rank), np.int64)
    shut = np.zeros(len(orders), np.bool_)
    many = 0
    one = np.zeros(n_rank, np.int64)
    for k in range(len(orders)):
        ends = _signature(orders[k], j, x, tile, layer, one)
        at = -1
        for i in range(many):
            same = shut[i] == ends
            for q in range(len(one)):
                if seen[i, q] != one[q]:
                    same = False
                    break
            if same:
                at = i
                break
        if at < 0:
            copy_row(one, seen[many])
            shut[many] = ends
            at = many
            many += 1
        number[k] = -at - 1 if ends else at
    return many


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


@compiled
def words_in(t, tile, nest, depth, layer, costs):
    """Words of a term in a nest, exactly."""
    term = costs.terms[t]
    x = term[TENSOR]
    kind, rank, inner, axis, trips = nest
    n = depth[len(depth) - 1]
    zero, none = np.int64(0), np.int64(-1)  # not literals: `crossing` is compiled for each of these
    cut = (kind[:n], rank[:n], inner[:n], axis[:n], trips[:n])
    return float(crossing(
        layer.factors[x, : layer.n_factors[x]], cut, tile[:, 0].copy(), depth[term[PLACE]],
        zero, none, term[SHARED], FRESH if term[OWN] else FORWARD, term[KEEPS] > 0, zero > 0,
    ))  # fmt: skip


@compiled
def _every_order(tile, layer, costs):
    """Orders of every deciding slot, (D, most, R), and how many each has."""
    n_level, n_rank = len(costs.deciding), tile.shape[0]
    length = np.zeros(n_level, np.int64)
    every = np.zeros((n_level, 1, n_rank), np.int64)
    for i in range(n_level):
        some = orders_at(tile, costs.deciding[i], layer, costs)
        length[i] = len(some)
        if len(some) > every.shape[1]:
            grown = np.zeros((n_level, len(some), n_rank), np.int64)
            for k in range(i):
                copy_rows(every[k], grown[k])
            every = grown
        copy_rows(some, every[i])
    return every, length


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


@compiled
def tiling_costs(
    tile: Any, space: Any, layer: Any, costs: Any, words: Any, mode: int, best: Any,
    tolerance: float, every: bool,
) -> Any:  # fmt: skip
    """Return (N, 2) energy and cycles and (N,) orders of a tiling, of all that are not beaten.

    `words` (E, C) bounds the words of each term; an order is the number in `orders_at` of every
    deciding slot, in mixed radix.  The costs are those of the model, except that ports of many
    instances count the average of these, not the busiest.  Unless `every` order is asked for, each
    that is returned is better than the one before.
    """
    n_slot, n_rank, n_term = len(space.is_time), tile.shape[0], len(costs.terms)
    n_level, rows, n_tensor = len(costs.deciding), len(costs.base), len(layer.n_dims)
    lists, length = _every_order(tile, layer, costs)
    most = lists.shape[1]
    number = np.zeros((n_level, n_tensor, most), np.int64)
    for i in range(n_level):
        for x in range(n_tensor):
            _alike(lists[i, : length[i]], costs.deciding[i], x, tile, layer, number[i, x])
    orders = np.empty((n_slot, n_rank), np.int64)
    for j in range(n_slot):
        for r in range(n_rank):
            orders[j, r] = costs.fixed[j, r] if costs.fixed[j, 0] >= 0 else r
    nest = (
        np.zeros(n_slot * n_rank, np.int64), np.zeros(n_slot * n_rank, np.int64),
        np.zeros(n_slot * n_rank, np.int64), np.zeros(n_slot * n_rank, np.int64),
        np.zeros(n_slot * n_rank, np.int64),
    )  # fmt: skip
    depth = np.zeros(n_slot + 1, np.int64)
    n = nest_of(tile, orders, space.is_time, nest, depth)
    kind, rank, inner, axis, trips = nest
    steps = float(
        count_steps((kind[:n], rank[:n], inner[:n], axis[:n], trips[:n]), tile[:, 0].copy())
    )
    least = max(1.0, math.ceil(steps * costs.pace - 1e-6))
    paid, nothing = np.zeros((n_level + 1, rows)), np.zeros(rows)
    low = np.zeros((n_level + 1, n_term))  # least words of a term once the levels outside are set
    for k in range(rows):
        paid[0, k] = costs.base[k] + costs.per_step[k] * steps
    where = np.full(n_term, -1)  # the level at which the words of a term are known
    for t in range(n_term):
        if costs.terms[t, KEEPS]:
            low[0, t] = words[t, 0]
            for c in range(1, words.shape[1]):
                low[0, t] = min(low[0, t], words[t, c])
            for i in range(n_level):
                if costs.deciding[i] < costs.terms[t, PLACE]:
                    where[t] = i
        else:
            low[0, t] = words_in(t, tile, nest, depth, layer, costs)
        for k in range(rows):
            paid[0, k] += costs.rates[t, k] * low[0, t]
    # windows last: they take the longest to count, and the others may rule an order out before
    sequence = np.empty(n_term, np.int64)
    n = 0
    for windows in (False, True):
        for t in range(n_term):
            x = costs.terms[t, TENSOR]
            if _slides(layer.dims[x], layer.n_dims[x]) == windows:
                sequence[n] = t
                n += 1
    limit, scratch = best.copy(), np.zeros((2, 64), np.int64)
    made, codes = np.empty((16, 2)), np.empty(16, np.int64)
    many = 0
    memo_key, memo_value = np.zeros((n_term, MEMO), np.int64), np.zeros((n_term, MEMO))
    memo_size = np.zeros(n_term, np.int64)
    picked = np.full(n_level + 1, -1, np.int64)
    level = 0
    while level >= 0:
        energy, cycles = priced(paid[level], nothing, least, costs.standing)
        lost = beaten(energy, cycles, mode, limit, tolerance)
        if n_level > 0:
            picked[level] += 1
            if lost or picked[level] == length[level]:
                picked[level] = -1
                level -= 1
                continue
            order = lists[level, picked[level]]
            copy_row(order, orders[costs.deciding[level]])
            nest_of(tile, orders, space.is_time, nest, depth)
            copy_row(paid[level], paid[level + 1])
            copy_row(low[level], low[level + 1])
            inner = _innermost(order, costs.deciding[level], tile)
            for t in range(n_term):
                if costs.terms[t, LEVEL] == level:
                    least_here = _least_of(words[t], inner, costs.classes, layer.free)
                    least_here = max(least_here, low[level, t])
                    _count_as(t, least_here, costs.rates, low[level + 1], paid[level + 1])
            energy, cycles = priced(paid[level + 1], nothing, least, costs.standing)
            lost = beaten(energy, cycles, mode, limit, tolerance)
            for t in sequence:
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
                    value = words_in(t, tile, nest, depth, layer, costs)
                    if memo_size[t] < MEMO:
                        memo_key[t, memo_size[t]], memo_value[t, memo_size[t]] = key, value
                        memo_size[t] += 1
                _count_as(t, value, costs.rates, low[level + 1], paid[level + 1])
                energy, cycles = priced(paid[level + 1], nothing, least, costs.standing)
                lost = beaten(energy, cycles, mode, limit, tolerance)
        if not lost:
            if level < n_level - 1:
                level += 1
                continue
            if many == len(made):
                grown, more = np.empty((2 * many, 2)), np.empty(2 * many, np.int64)
                copy_rows(made, grown)
                copy_row(codes, more)
                made, codes = grown, more
            code = 0
            for i in range(n_level):
                code = code * length[i] + picked[i]
            energy, cycles = _exact(
                low[n_level], steps, least, tile, space.is_time, costs, paid[n_level], scratch
            )
            if beaten(energy, cycles, mode, limit, tolerance):
                if n_level == 0:
                    break
                continue
            made[many, 0], made[many, 1], codes[many] = energy, cycles, code
            many += 1
            if not every and mode != FRONT:  # the next one has to be better still
                limit[0, 0], limit[0, 1] = energy, cycles
        if n_level == 0:
            break
    return made[:many], codes[:many]
