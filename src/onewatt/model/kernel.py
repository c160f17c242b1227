"""Compiled counting: how many words cross an edge of a loop nest, exactly.

Symbols.  A nest is a list of loops, outermost first; loop i has ``kind[i]`` (0 temporal, 1
spatial), ``rank[i]``, ``tile[i]`` (what it hands inside, the last one may be smaller), ``axis[i]``
and ``trips[i]`` (static).  A dimension of a tensor is ``a·p + b·r`` of at most two ranks.

Why this is fast.  What an instance holds is a product over dimensions, and the words that move
between two steps are ``|new| − |new ∩ old|``, a difference of two products.  Summed over all
steps that carry at loop k, every product becomes a product of sums, one factor a dimension and
one for each rank that does not address the tensor.  With sharing, a word of a step is *not* read
if every receiver that holds it now held it before; that set is a product over dimensions too.

A factor is summed over classes of loop indices: a loop of n trips has one class for all trips that
look alike and one for each that differs (the imperfect last ones), so it costs no more than a
few sums however long the loop is.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

TEMPORAL, SPATIAL = 0, 1
FRESH, FORWARD = 0, 1  # read what is new to any receiver | what no receiver had
#: Not a plain number: numba would compile every function it is passed to once more for it.
_NONE = np.int64(1 << 30)
#: What only compiled code calls gets no door for Python, which takes its time to compile.
_INNER: Any = {
    "cache": True, "error_model": "numpy", "no_cfunc_wrapper": True, "no_cpython_wrapper": True,
}  # fmt: skip


@nb.njit(**_INNER)
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


@nb.njit(**_INNER)
def _clip(size, start, tile):
    left = size - start
    if left <= 0:
        return 0
    return tile if left > tile else left


@nb.njit(**_INNER)
def _loops_of(r, rank, place):
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


@nb.njit(cache=True, error_model="numpy")
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
                            grown[c, x * fan + j, side + 1] = _clip(state[c, x, side + 1], j * t, t)
            state = grown
            continue
        if i > k:  # wraps: from the last trip to the first
            for c in range(n_class):
                last = (state[c, 0, 1] - 1) // t * t
                for x in range(n_coord):
                    state[c, x, 0] += last
                    state[c, x, 1] = _clip(state[c, x, 1], last, t)
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
                            grown[n, x, side + 1] = _clip(state[c, x, side + 1], lo * t, t)
                    grown_weight[n] = weight[c] * (hi - lo)
                    n += 1
                    continue
                # the carry itself: index j -> j + 1, alike inside a run and once at its end
                for j in (hi - 2, hi - 1):
                    if j < lo or j + 1 >= alive:
                        continue
                    for x in range(n_coord):
                        grown[n, x, 0] = state[c, x, 0] + j * t
                        grown[n, x, 1] = _clip(state[c, x, 1], j * t, t)
                        grown[n, x, 2] = state[c, x, 2] + (j + 1) * t
                        grown[n, x, 3] = _clip(state[c, x, 3], (j + 1) * t, t)
                    grown_weight[n] = weight[c] * (hi - 1 - lo if j == hi - 2 else 1)
                    n += 1
        state, weight = grown[:n], grown_weight[:n]
    return weight, state


@nb.njit(cache=True, error_model="numpy")
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


@nb.njit(**_INNER)
def _most(values):
    """The largest of some numbers that are not negative."""
    most = np.int64(0)
    for v in values:
        most = max(most, v)
    return most


@nb.njit(**_INNER)
def _presence(weight, state, group, form):
    """Factor of a rank that does not address the tensor: groups with work, and those kept."""
    n_group = _most(group) + 1
    now, kept = 0, 0
    any_new, any_old = np.zeros(n_group, np.bool_), np.zeros(n_group, np.bool_)
    joined = np.zeros(n_group, np.bool_)  # has a receiver that was idle before
    for c in range(weight.shape[0]):
        for g in range(n_group):
            any_new[g], any_old[g], joined[g] = False, False, False
        for x in range(group.shape[0]):
            g = group[x]
            was, is_ = state[c, x, 1] > 0, state[c, x, 3] > 0
            any_old[g] |= was
            any_new[g] |= is_
            joined[g] |= is_ and not was
        for g in range(n_group):
            if any_new[g]:
                now += weight[c]
                if (not joined[g]) if form == FRESH else any_old[g]:
                    kept += weight[c]
    return now, kept


@nb.njit(**_INNER)
def _lines(weight, state, group):
    """Factor of a dimension of one rank: words held now, and those kept from before.

    Different trips of a rank hold disjoint words, so a coordinate keeps all or nothing.
    """
    now, kept = 0, 0
    for c in range(weight.shape[0]):
        for x in range(group.shape[0]):
            size = state[c, x, 3]
            if size == 0:
                continue
            now += weight[c] * size
            if state[c, x, 2] == state[c, x, 0]:
                kept += weight[c] * min(size, state[c, x, 1])
    return now, kept


@nb.njit(**_INNER)
def _span(p, p_size, r, r_size, a, b):
    """The smallest and largest value of a·i + b·j, or an empty span."""
    if p_size == 0 or r_size == 0:
        return 0, -1
    return a * p + b * r, a * (p + p_size - 1) + b * (r + r_size - 1)


@nb.njit(**_INNER)
def _solid(p_size, r_size, a, b, boxes):
    """Whether a·i + b·j takes every value of its span, or is counted as if it did."""
    if boxes:
        return True
    if p_size <= 1 and r_size <= 1:
        return True
    if p_size <= 1:
        return b == 1
    if r_size <= 1:
        return a == 1
    return (b == 1 and a <= r_size) or (a == 1 and b <= p_size)


@nb.njit(**_INNER)
def _mark(p, p_size, r, r_size, a, b, base, stamp, mark):
    """Stamp every value of a·i + b·j once."""
    for i in range(p, p + p_size):
        for j in range(r, r + r_size):
            stamp[a * i + b * j - base] = mark


@nb.njit(**_INNER)
def _plane_group(ps, rs, px, rx, a, b, form, boxes):
    """Words of one group now and kept, for coordinates px of p and rx of r.

    `boxes` is 0, or how far the innermost loop moves if gaps inside a tile count as words.
    """
    low, high, solid = np.int64(1) << 60, -(np.int64(1) << 60), True
    for x in px:
        for y in rx:
            for side in (0, 2):
                lo, hi = _span(ps[x, side], ps[x, side + 1], rs[y, side], rs[y, side + 1], a, b)
                if hi >= lo:
                    low, high = min(low, lo), max(high, hi)
                    solid = solid and _solid(ps[x, side + 1], rs[y, side + 1], a, b, boxes)
    if high < low:
        return 0, 0
    if solid and px.shape[0] == 1 and rx.shape[0] == 1:
        x, y = px[0], rx[0]
        lo, hi = _span(ps[x, 2], ps[x, 3], rs[y, 2], rs[y, 3], a, b)
        lo_old, hi_old = _span(ps[x, 0], ps[x, 1], rs[y, 0], rs[y, 1], a, b)
        if hi < lo:
            return 0, 0
        if boxes and lo - lo_old != boxes:  # a carry that `_repeats` lets pass for a step
            return hi - lo + 1, max(0, hi - lo + 1 - boxes)
        return hi - lo + 1, max(0, min(hi, hi_old) - max(lo, lo_old) + 1)
    n = high - low + 2
    new, old, both = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    if solid:
        for x in px:
            for y in rx:
                lo, hi = _span(ps[x, 2], ps[x, 3], rs[y, 2], rs[y, 3], a, b)
                lo_old, hi_old = _span(ps[x, 0], ps[x, 1], rs[y, 0], rs[y, 1], a, b)
                if hi >= lo:
                    new[lo - low] += 1
                    new[hi - low + 1] -= 1
                if hi_old >= lo_old:
                    old[lo_old - low] += 1
                    old[hi_old - low + 1] -= 1
                if hi >= lo and hi_old >= lo_old and max(lo, lo_old) <= min(hi, hi_old):
                    both[max(lo, lo_old) - low] += 1
                    both[min(hi, hi_old) - low + 1] -= 1
        for i in range(1, n):
            new[i] += new[i - 1]
            old[i] += old[i - 1]
            both[i] += both[i - 1]
    else:
        was, now_ = np.zeros(n, np.int32), np.zeros(n, np.int32)
        mark = 0
        for x in px:
            for y in rx:
                mark += 1
                _mark(ps[x, 0], ps[x, 1], rs[y, 0], rs[y, 1], a, b, low, was, mark)
                _mark(ps[x, 2], ps[x, 3], rs[y, 2], rs[y, 3], a, b, low, now_, mark)
                for i in range(n):
                    new[i] += now_[i] == mark
                    old[i] += was[i] == mark
                    both[i] += now_[i] == mark and was[i] == mark
    now, kept = 0, 0
    for i in range(n):
        if new[i] > 0:
            now += 1
            kept += both[i] == new[i] if form == FRESH else old[i] > 0
    return now, kept


@nb.njit(**_INNER)
def _by_group(group):
    """Coordinates sorted by group, and where each group begins."""
    n_group = _most(group) + 1
    begin = np.zeros(n_group + 1, np.int64)
    for g in group:
        begin[g + 1] += 1
    for g in range(n_group):
        begin[g + 1] += begin[g]
    order, filled = np.empty(group.shape[0], np.int64), begin[:-1].copy()
    for x in range(group.shape[0]):
        order[filled[group[x]]] = x
        filled[group[x]] += 1
    return order, begin


@nb.njit(**_INNER)
def _planes(pw, ps, pg, rw, rs, rg, a, b, form, boxes):
    """Factor of a dimension of two ranks: words held now, and those kept from before."""
    now, kept = 0, 0
    p_order, p_begin = _by_group(pg)
    r_order, r_begin = _by_group(rg)
    for gp in range(p_begin.shape[0] - 1):
        px = p_order[p_begin[gp] : p_begin[gp + 1]]
        for gr in range(r_begin.shape[0] - 1):
            rx = r_order[r_begin[gr] : r_begin[gr + 1]]
            for c in range(pw.shape[0]):
                for d in range(rw.shape[0]):
                    n, m = _plane_group(ps[c], rs[d], px, rx, a, b, form, boxes)
                    now += pw[c] * rw[d] * n
                    kept += pw[c] * rw[d] * m
    return now, kept


@nb.njit(**_INNER)
def _step(dim, rank, tile):
    """How far one trip of a loop moves a dimension of two ranks; 0 for other loops."""
    if dim[1] < 0:
        return np.int64(0)
    return tile * (dim[2] if rank == dim[0] else dim[3] if rank == dim[1] else 0)


@nb.njit(**_INNER)
def _stride(dim, kind, rank, tile, place):
    """How far the innermost temporal loop that moves a dimension moves it; at least 1."""
    for i in range(place - 1, -1, -1):
        if kind[i] == TEMPORAL and _step(dim, rank[i], tile[i]) > 0:
            return _step(dim, rank[i], tile[i])
    return np.int64(1)


@nb.njit(**_INNER)
def _factor(f, dims, nest, extent, place, parent, first, shared, form, lenient, k):
    """(now, kept) of one factor at the steps that carry at loop k."""
    kind, rank, tile, axis, trips = nest
    p = dims[f, 0]
    loops_p = _loops_of(p, rank, place)
    pw, ps = classes(loops_p, kind, tile, trips, extent[p], k, first)
    pg = groups(loops_p, kind, axis, trips, parent, first, shared)
    if dims[f, 2] == 0:
        return _presence(pw, ps, pg, form)
    if dims[f, 1] < 0:
        return _lines(pw, ps, pg)
    if lenient and shared:
        shared = np.int64(0)
        pg = groups(loops_p, kind, axis, trips, parent, first, shared)
    r = dims[f, 1]
    boxes = _stride(dims[f], kind, rank, tile, place) if lenient else np.int64(0)
    loops_r = _loops_of(r, rank, place)
    rw, rs = classes(loops_r, kind, tile, trips, extent[r], k, first)
    rg = groups(loops_r, kind, axis, trips, parent, first, shared)
    return _planes(pw, ps, pg, rw, rs, rg, dims[f, 2], dims[f, 3], form, boxes)


@nb.njit(**_INNER)
def _changes(f, dims, kind, rank, place, k):
    """Whether a rank of the factor moves at a step that carries at loop k."""
    for i in range(k, place):
        if kind[i] != TEMPORAL:
            continue
        if rank[i] == dims[f, 0] or (dims[f, 1] >= 0 and rank[i] == dims[f, 1]):
            return True
    return False


@nb.njit(cache=True, error_model="numpy")
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
            f, dims, nest, extent, place, parent, first, shared, form, lenient, _NONE
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


@nb.njit(**_INNER)
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


@nb.njit(**_INNER)
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


@nb.njit(cache=True, error_model="numpy")
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


@nb.njit(cache=True, error_model="numpy")
def steps(nest: Any, extent: Any) -> Any:
    """Number of time steps with work: the product over ranks of their trips that are alive."""
    kind, rank, tile, axis, trips = nest
    total = np.int64(1)
    for r in range(extent.shape[0]):
        loops = _loops_of(r, rank, rank.shape[0])
        weight, _ = classes(loops, kind, tile, trips, extent[r], _NONE, _NONE)
        alive = np.int64(0)
        for w in weight:
            alive += w
        total *= alive
    return total
