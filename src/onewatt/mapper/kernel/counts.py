"""Compiled: how many tiles of a rank there are."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from onewatt.mapper.kernel.boxes import up
from onewatt.mapper.kernel.jit import leaf


@leaf
def alive(lo, r, mask, place, scratch):
    """Tiles of a rank with work at a place, counting the slots in `mask`, the first trip of others.

    The chain is lo[r]; `scratch` is an int array of shape (2, 64).
    """
    size, many = scratch[0], scratch[1]
    size[0], many[0] = lo[r, 0], 1
    n = 1
    for j in range(place):
        t = lo[r, j + 1]
        if t == lo[r, j]:
            continue
        m = n
        counts = (mask >> j) & 1
        for i in range(n):
            s = size[i]
            if s <= t:
                continue
            size[i] = t
            if not counts:
                continue
            rest = s % t
            if rest and m < 64:  # beyond that a tile is left out: still a lower bound
                size[m], many[m] = rest, many[i]
                m += 1
            many[i] *= s // t
        n = m
        if n > 8:  # join equal sizes
            k = 0
            for i in range(n):
                for x in range(k):
                    if size[x] == size[i]:
                        many[x] += many[i]
                        break
                else:
                    size[k], many[k] = size[i], many[i]
                    k += 1
            n = k
    total = 0
    for i in range(n):
        total += many[i]
    return total


@leaf
def trips_of(lo, hi, r, trips):
    """Write the trips of a rank in every slot while its tiles are known and divide; return how far.

    There the count of tiles is a plain product, see `product`.
    """
    for j in range(lo.shape[1] - 1):
        outer, inner = lo[r, j], lo[r, j + 1]
        if inner != hi[r, j + 1]:
            return j
        many = outer // inner if inner != outer else 1
        if many * inner != outer:
            return j
        trips[j] = many
    return lo.shape[1] - 1


@leaf
def product(trips, mask, place):
    """The product of the trips of some slots above a place."""
    total = 1
    for j in range(place):
        if (mask >> j) & 1:
            total *= trips[j]
    return float(total)


@leaf
def count(lo, hi, r, mask, place, scratch):
    """The least number of tiles of a rank with work at a place for any chain in the box."""
    fixed = True
    for j in range(1, place + 1):
        if lo[r, j] != hi[r, j]:
            fixed = False
            break
    if fixed:
        return float(alive(lo, r, mask, place, scratch))
    real, first, segments = 1.0, 1.0, 0
    j = 0
    while j < place:
        if not (mask >> j) & 1:
            j += 1
            continue
        s = j
        while j < place and (mask >> j) & 1:
            j += 1
        if lo[r, s] > hi[r, j]:
            segments += 1
            real *= lo[r, s] / hi[r, j]
            if segments == 1:
                first = float(up(lo[r, s], hi[r, j]))
    return first if segments <= 1 else max(first, real)
