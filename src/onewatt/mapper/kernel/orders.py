"""Compiled: the orders of loops that can differ, and what of an order matters to a tensor."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from typing import Any, NamedTuple

from onewatt.mapper.kernel.arrays import Ints
from onewatt.mapper.kernel.boxes import copy_row, rests_at
from onewatt.mapper.kernel.jit import leaf


class Orders(NamedTuple):
    """The orders of every slot that decides, and arrays to find them with."""

    lists: Ints  #: (D, most, R): outermost loop first
    length: Ints  #: (D,): how many orders a slot has
    number: Ints  #: (D, T, most): what of an order matters to a tensor, see `_number`
    seen: Ints  #: (most, R)
    shut: Ints  #: (most,)
    scratch: Ints  #: (7, 64)


@leaf
def orders_at(tile: Any, j: int, layer: Any, costs: Any, made: Any, scratch: Any) -> int:
    """Write the orders of a slot that can differ to `made` (most, R); return how many, -1 if more.

    From the innermost loop outwards: once a loop moves every word of a tensor in every one of its
    sweeps, loops outside it only repeat that, in any order.
    """
    if costs.fixed[j, 0] >= 0:
        copy_row(costs.fixed[j], made[0])
        return 1
    loops, closes, picked, used, shut, sizes = (
        scratch[0], scratch[1], scratch[2], scratch[3], scratch[4], scratch[5]
    )  # fmt: skip
    n_rank, n_tensor = tile.shape[0], len(layer.n_dims)
    decides = False
    for d in costs.deciding:
        decides = decides or d == j
    n = 0
    for r in range(n_rank):
        closes[r] = 0
        if decides and tile[r, j] > tile[r, j + 1]:
            loops[n] = r
            n += 1
            if j == 0 or not rests_at(tile, r, j, sizes):
                for x in range(n_tensor):
                    if layer.line[x, r]:
                        closes[r] |= 1 << x
    everything = (1 << n_tensor) - 1
    many, depth = 0, 0
    picked[0], used[0], shut[0] = -1, 0, 0
    while depth >= 0:
        if depth == n or shut[depth] == everything:
            if many == len(made):
                return -1
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
            depth -= 1
            continue
        picked[depth] = i
        used[depth + 1] = used[depth] | (1 << i)
        shut[depth + 1] = shut[depth] | closes[loops[i]]
        depth += 1
        picked[depth] = -1
    return many


@leaf
def _signature(order, j, x, tile, layer, out, sizes):
    """Write what of an order matters to a tensor, innermost first; whether it ends the matter."""
    out.fill(-1)
    at = 0
    for i in range(len(order) - 1, -1, -1):
        r = order[i]
        if tile[r, j] == tile[r, j + 1]:
            continue
        out[at] = r
        at += 1
        if layer.line[x, r] and (j == 0 or not rests_at(tile, r, j, sizes)):
            return 1
    return 0


@leaf
def _number(many, some, j, x, tile, layer, number, seen, shut, scratch):
    """Number the orders of a slot by what matters to a tensor; 0 or more go on outside it.

    Numbers are negative where loops outside the slot do not matter.
    """
    n_rank = tile.shape[0]
    one, sizes = scratch[6, :n_rank], scratch[5]
    known = 0
    for k in range(many):
        ends = _signature(some[k], j, x, tile, layer, one, sizes)
        at = -1
        for i in range(known):
            same = shut[i] == ends
            for q in range(n_rank):
                if seen[i, q] != one[q]:
                    same = False
                    break
            if same:
                at = i
                break
        if at < 0:
            copy_row(one, seen[known])
            shut[known] = ends
            at = known
            known += 1
        number[k] = -at - 1 if ends else at


@leaf
def every_order(tile: Any, layer: Any, costs: Any, out: Any) -> bool:
    """Find the orders of every deciding slot; return whether there was room for all."""
    for i in range(len(costs.deciding)):
        j = costs.deciding[i]
        many = orders_at(tile, j, layer, costs, out.lists[i], out.scratch)
        if many < 0:
            return False
        out.length[i] = many
        for x in range(len(layer.n_dims)):
            _number(
                many, out.lists[i], j, x, tile, layer, out.number[i, x], out.seen, out.shut,
                out.scratch,
            )  # fmt: skip
    return True
