"""Compiled: words of one dimension of a tensor, held now and kept from the step before."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import numpy as np

from onewatt.model.kernel.jit import compiled, leaf

FRESH, FORWARD = 0, 1  # read what is new to any receiver | what no receiver had


@leaf
def most_of(values):
    """The largest of some numbers that are not negative."""
    most = np.int64(0)
    for v in values:
        most = max(most, v)
    return most


@compiled
def presence(weight, state, group, form):
    """Factor of a rank that does not address the tensor: groups with work, and those kept."""
    n_group = most_of(group) + 1
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


@leaf
def lines(weight, state, group):
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


@leaf
def _span(p, p_size, r, r_size, a, b):
    """The smallest and largest value of a·i + b·j, or an empty span."""
    if p_size == 0 or r_size == 0:
        return 0, -1
    return a * p + b * r, a * (p + p_size - 1) + b * (r + r_size - 1)


@leaf
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


@leaf
def _mark(p, p_size, r, r_size, a, b, base, stamp, mark):
    """Stamp every value of a·i + b·j once."""
    for i in range(p, p + p_size):
        for j in range(r, r + r_size):
            stamp[a * i + b * j - base] = mark


@compiled
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


@compiled
def _by_group(group):
    """Coordinates sorted by group, and where each group begins."""
    n_group = most_of(group) + 1
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


@compiled
def planes(pw, ps, pg, rw, rs, rg, a, b, form, boxes):
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
