"""Compiled: shrinking a box to what chains, sets, axes and memories leave of it."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from typing import Any

import numpy as np

from onewatt.mapper.kernel.arrays import ALWAYS, FULL, MAYBE, PERFECT, SCAN, TIGHT
from onewatt.mapper.kernel.jit import leaf


@leaf
def up(a, b):
    """Divide and round up."""
    return -(-a // b)


@leaf
def copy_row(source, target):
    """Copy a vector."""
    for i in range(len(source)):
        target[i] = source[i]


@leaf
def copy_rows(source, target):
    """Copy a matrix into the corner of another."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@leaf
def index_up(domain, r, n, value):
    """Index of the smallest member of a sorted domain that is at least value."""
    a, b = 0, n
    while a < b:
        m = (a + b) // 2
        if domain[r, m] < value:
            a = m + 1
        else:
            b = m
    return a


@leaf
def _index_down(domain, r, n, value):
    """Index of the largest member of a sorted domain that is at most value, or -1."""
    a, b = 0, n
    while a < b:
        m = (a + b) // 2
        if domain[r, m] <= value:
            a = m + 1
        else:
            b = m
    return a - 1


@leaf
def _snap_down(domain, r, n, value):
    """Largest member of a sorted domain that is at most value, or 0."""
    a = _index_down(domain, r, n, value)
    return domain[r, a] if a >= 0 else 0


@leaf
def _snap_up(domain, r, n, value):
    """Smallest member of a sorted domain that is at least value, or a huge number."""
    a = index_up(domain, r, n, value)
    return domain[r, a] if a < n else np.int64(1) << 60


@leaf
def tighten(lo: Any, hi: Any, rests: Any, space: Any, layer: Any) -> bool:
    """Shrink a box to what it can hold; whether anything is left."""
    # arrays by themselves: passing the tuples on would count references all the way down
    is_time, axis_size, allowed = space.is_time, space.axis_size, space.allowed
    domain, n_domain = space.domain, space.n_domain
    places, bits, most = space.limit_place, space.limit_bits, space.limit_most
    dims, n_dims = layer.dims, layer.n_dims
    n_rank, n_slot = lo.shape[0], len(is_time)
    for r in range(n_rank):
        for j in range(1, n_slot):
            if rests[r, j] == ALWAYS:
                hi[r, j] = min(hi[r, j], lo[r, 0] - 1)
                hi[r, j + 1] = min(hi[r, j + 1], hi[r, j] - 1)
                lo[r, j] = max(lo[r, j], lo[r, j + 1] + 1)
                if lo[r, j] > hi[r, j] or lo[r, j + 1] > hi[r, j + 1]:
                    return False
    for _ in range(16):
        for r in range(n_rank):
            if not _chain(lo, hi, r, rests, space.kind, domain, n_domain[r], allowed):
                return False
        moved, possible = _axes(lo, hi, is_time, axis_size)
        if not possible:
            return False
        smaller, possible = _memories(lo, hi, places, bits, most, dims, n_dims)
        if not possible:
            return False
        if not moved and not smaller:
            return True
    return True


@leaf
def _axes(lo, hi, is_time, axis_size):
    """Shrink a box to the sizes of the axes; whether it changed, and whether anything is left."""
    changed = False
    for j in range(len(is_time)):
        if is_time[j]:
            continue
        used, size = 1, axis_size[j]
        for r in range(lo.shape[0]):
            used *= up(lo[r, j], hi[r, j + 1])
            if used > size:
                return changed, False
        for r in range(lo.shape[0]):
            room = size // (used // up(lo[r, j], hi[r, j + 1]))
            if hi[r, j] > hi[r, j + 1] * room:
                hi[r, j] = hi[r, j + 1] * room
                changed = True
            if lo[r, j + 1] * room < lo[r, j]:
                lo[r, j + 1] = up(lo[r, j], room)
                changed = True
    return changed, True


@leaf
def _memories(lo, hi, place, bits, most, dims, n_dims):
    """Shrink a box to what memories hold; whether it changed, and whether anything is left."""
    changed = False
    for k in range(len(most)):
        j = place[k]
        if not _fits(lo, j, k, bits, most, dims, n_dims):
            return changed, False
        for r in range(lo.shape[0]):
            if lo[r, j] == hi[r, j]:
                continue
            keep = lo[r, j]
            a, b = lo[r, j], hi[r, j]
            lo[r, j] = b
            if not _fits(lo, j, k, bits, most, dims, n_dims):
                while b - a > 1:
                    m = (a + b) // 2
                    lo[r, j] = m
                    if _fits(lo, j, k, bits, most, dims, n_dims):
                        a = m
                    else:
                        b = m
                hi[r, j] = a
                changed = True
            lo[r, j] = keep
    return changed, True


@leaf
def _fits(tile, j, k, bits, most, dims, n_dims):
    total = 0.0
    for x in range(bits.shape[1]):
        if bits[k, x] > 0:
            total += bits[k, x] * _tile_words(tile, j, x, dims, n_dims)
    return total <= most[k]


@leaf
def _tile_words(tile, j, x, dims, n_dims):
    """Words of tensor x in the tiles tile[:, j], at least; exact if a coefficient is 1."""
    total = 1.0
    for i in range(n_dims[x]):
        p, r, a, b = dims[x, i, 0], dims[x, i, 1], dims[x, i, 2], dims[x, i, 3]
        if r < 0:
            total *= tile[p, j]
        elif a > 1 and b > 1:
            total *= tile[p, j] + tile[r, j] - 1
        else:
            total *= min(a * (tile[p, j] - 1) + b * (tile[r, j] - 1) + 1, tile[p, j] * tile[r, j])
    return total


@leaf
def _chain(lo, hi, r, rests, kind, domain, n, allowed):
    """Shrink the intervals of one rank until each agrees with its neighbours and the tile set."""
    n_slot = lo.shape[1] - 1
    for _ in range(8):
        changed = False
        for j in range(n_slot):
            if allowed[j, r]:
                if hi[r, j + 1] > hi[r, j]:
                    hi[r, j + 1] = hi[r, j]
                    changed = True
                if lo[r, j] < lo[r, j + 1]:
                    lo[r, j] = lo[r, j + 1]
                    changed = True
            elif lo[r, j] != lo[r, j + 1] or hi[r, j] != hi[r, j + 1]:
                a, b = max(lo[r, j], lo[r, j + 1]), min(hi[r, j], hi[r, j + 1])
                lo[r, j], lo[r, j + 1], hi[r, j], hi[r, j + 1] = a, a, b, b
                changed = True
            if lo[r, j] > hi[r, j]:
                return False
        if lo[r, 0] > hi[r, 0] or lo[r, n_slot] > hi[r, n_slot]:
            return False
        for j in range(1, n_slot):
            a, b = lo[r, j], hi[r, j]
            if kind != FULL:
                a, b = _members(lo, hi, r, j, kind, domain, n)
            if a <= b and rests[r, j] != MAYBE and lo[r, j - 1] == lo[r, 0]:
                a, b = _resting(a, b, lo, hi, r, j, rests[r, j] == ALWAYS, domain, n)
            if a > b:
                return False
            if a != lo[r, j] or b != hi[r, j]:
                lo[r, j], hi[r, j] = a, b
                changed = True
        if not changed:
            return True
    return True


@leaf
def _members(lo, hi, r, j, kind, domain, n):
    """Move the ends of an interval inwards to members of the set beside their neighbours."""
    a, b = lo[r, j], hi[r, j]
    if a == b and lo[r, j - 1] != hi[r, j - 1] and lo[r, j + 1] != hi[r, j + 1]:
        return a, b
    a, b = _snap_up(domain, r, n, a), _snap_down(domain, r, n, b)
    if kind == PERFECT:
        if lo[r, j - 1] == hi[r, j - 1]:
            while b >= a and lo[r, j - 1] % b:
                b = _snap_down(domain, r, n, b - 1)
            while a <= b and lo[r, j - 1] % a:
                a = _snap_up(domain, r, n, a + 1)
        if lo[r, j + 1] == hi[r, j + 1]:
            while b >= a and b % lo[r, j + 1]:
                b = _snap_down(domain, r, n, b - 1)
            while a <= b and a % lo[r, j + 1]:
                a = _snap_up(domain, r, n, a + 1)
    elif lo[r, j - 1] == hi[r, j - 1] and a <= b:
        whole = lo[r, j - 1]
        b = up(whole, up(whole, b))
        trips = up(whole, a)
        while trips > 1 and up(whole, trips) < a:
            trips -= 1
        a = up(whole, trips)
    return a, b


@leaf
def _resting(low, high, lo, hi, r, j, always, domain, n):
    """Move the ends of an interval inwards past tiles whose last one rests, or does not."""
    least, most, whole = lo[r, j + 1], hi[r, j + 1], lo[r, 0]
    a, b = index_up(domain, r, n, low), _index_down(domain, r, n, high)
    for _ in range(SCAN):
        if a > b or _may_rest(whole, domain[r, a], always, least, most):
            break
        a += 1
    for _ in range(SCAN):
        if a > b or _may_rest(whole, domain[r, b], always, least, most):
            break
        b -= 1
    if a > b:
        return high + 1, high
    return domain[r, a], domain[r, b]


@leaf
def _may_rest(whole, tile, always, least, most):
    """Whether a tile of a whole rank can rest, or can fail to, above tiles of least to most."""
    rest = whole % tile
    if always:
        return 0 < rest <= most and tile > least
    return rest == 0 or rest > least or tile <= most


@leaf
def in_set(lo, r, kind):
    """Whether a single chain belongs to the set."""
    for j in range(lo.shape[1] - 1):
        if kind == PERFECT and lo[r, j] % lo[r, j + 1]:
            return False
        if kind == TIGHT and up(lo[r, j], up(lo[r, j], lo[r, j + 1])) != lo[r, j + 1]:
            return False
    return True


@leaf
def agrees(lo, r, rests, sizes):
    """Whether a single chain rests where the box says, and only there; `sizes` as below."""
    for j in range(1, rests.shape[1]):
        if rests[r, j] != MAYBE and rests_at(lo, r, j, sizes) != (rests[r, j] == ALWAYS):
            return False
    return True


@leaf
def rests_at(lo, r, j, sizes):
    """Whether some tile at place j is a single tile of place j + 1 although a full one is not.

    `sizes` (64,) is written to.
    """
    if lo[r, j] == lo[r, j + 1]:
        return False
    sizes[0] = lo[r, 0]
    n = 1
    for k in range(j):
        t = lo[r, k + 1]
        m = n
        for i in range(m):
            s = sizes[i]
            if s > t:
                sizes[i] = t
                if s % t and n < 64:
                    sizes[n] = s % t
                    n += 1
    least = sizes[0]
    for i in range(n):
        least = min(least, sizes[i])
    return least <= lo[r, j + 1]
