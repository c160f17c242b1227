"""Compiled: the least words of every term over a box of tilings.

Every number here is at most what any mapping in the box counts; docs/mapper.md has the argument
for each formula.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import math
from typing import Any, NamedTuple

from onewatt.mapper.kernel.arrays import (
    APART,
    DECIDES,
    KEEPS,
    OWN,
    PERFECT,
    PLACE,
    SHARED,
    STEP,
    TENSOR,
    WITH,
    WITHOUT,
    Floats,
    Ints,
)
from onewatt.mapper.kernel.boxes import up
from onewatt.mapper.kernel.jit import leaf
from onewatt.mapper.kernel.rests import fine, shares, within_slot


class Bound(NamedTuple):
    """What `least_words` fills in."""

    words: Floats  #: (E, C): least words of each term under each class
    lost: Floats  #: (E, C): how much of that was given up for last tiles that may rest
    gain: Floats  #: (E, C): what comes back if no loop of the run lies outside other loops, and
    fine: Floats  #: (E, C): what comes on top if one does
    at: Ints  #: (E, C): the rank that this hangs on, or -1
    counts: Floats  #: (R, M): least tiles of each rank
    pair: Floats  #: (F, 5): words of each window, by what slides
    last: Ints  #: (R, J): most values in tiles that may rest, -1 not known
    share: Floats  #: (R,): of the words of a term, by the rank that rests
    scratch: Ints  #: (2, 64)
    part: Floats  #: (3, D, C, 1 + ports): what a level pays under a class, gains and fines
    paid: Floats  #: (D + 1, 1 + ports): what is paid down to a level
    more: Floats  #: (D + 1, 1 + ports): what is paid at least inside it
    picked: Ints  #: (D,): the class of each level


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


@leaf
def _slide(n, c, tile, e, a, b, credit):
    """Words of all tiles along rank p for one tile of e values of rank r: c tiles or sweeps."""
    if b == 1:
        return float(n * e) if e <= a else a * n + c * (e - a)
    if credit:
        return float(n)
    if a == 1:
        return float(n) * e if tile <= b else n + n / tile * min(tile, b) * (e - 1)
    return n + c * (e - 1)


@leaf
def _pair_words(n_p, n_r, a, b, e_p, e_r, c, credit):
    """Words of a sliding dimension a*p + b*r, summed over all tiles of at most e_p x e_r values."""
    total = (n_r // e_r) * _slide(n_p, c, e_p, e_r, a, b, credit)
    if n_r % e_r:
        total += _slide(n_p, c, e_p, n_r % e_r, a, b, credit)
    return total


@leaf
def _union(n_p, n_r, a, b):
    """Different words of a window, at least."""
    most = float(n_p) * n_r
    return min(most, float(n_p + n_r - 1 if a > 1 and b > 1 else a * (n_p - 1) + b * (n_r - 1) + 1))


@leaf
def _sweeps(lo, hi, p, r, a, b, x, d, at, step, turned, is_time, relevant, line):
    """Sweeps of rank p at slot d that begin with a whole tile; -1 if nothing is kept on the way.

    `turned`: a loop over other words stands between, so nothing is kept when p starts again.
    """
    wide = a * (hi[p, at] - 1) + b * (hi[r, at] - 1) + 1
    move = a * lo[p, step]
    if wide <= move:
        return -1.0
    trips = up(lo[p, d], hi[p, d + 1])
    if not turned and (trips < 3 or wide > (trips - 1) * move):
        return 0.0  # the last tile may overlap the first of the next sweep
    outer = False
    for j in range(d):
        outer = outer or (is_time[j] and hi[p, j] > lo[p, j + 1])
    if outer:
        blocked = turned
        for q in range(lo.shape[0]):
            if not relevant[x, q] or q in (p, r):
                continue
            n = up(lo[q, d], hi[q, d + 1])
            if (line[x, q] and n >= 2) or n >= 3:
                blocked = True
                break
        if not blocked:
            return 0.0
    return float(up(lo[p, 0], hi[p, d]))


@leaf
def _keeps(lo, hi, p, r, a, b, place, step, is_time):
    """Whether a step of either rank of a window may keep some of its words.

    Where both ranks loop, one may return just as far as the other steps.
    """
    loops_p, loops_r = False, False
    for j in range(place):
        if is_time[j]:
            loops_p = loops_p or hi[p, j] > lo[p, j + 1]
            loops_r = loops_r or hi[r, j] > lo[r, j + 1]
    return (
        (loops_p and loops_r)
        or (loops_p and b * (hi[r, step] - 1) + 1 > a)
        or (loops_r and a * (hi[p, step] - 1) + 1 > b)
    )


@leaf
def _slid_words(
    lo, hi, p, r, a, b, x, d, place, step, own, e, turned, alone, is_time, relevant, line, scratch
):
    """Words of a sliding dimension if rank p moves it first at slot d; -1 if nothing is kept.

    `alone`: no step of another window keeps words, so that this one may count what its own bring.
    """
    if up(hi[p, d], lo[p, d + 1]) <= 1:
        return -1.0  # another class holds this order
    at = place if own else step
    turned = turned and alone
    sweeps = _sweeps(lo, hi, p, r, a, b, x, d, at, step, turned, is_time, relevant, line)
    n_p, n_r = lo[p, 0], lo[r, 0]
    total = -1.0
    if sweeps >= 0:
        total = _pair_words(n_p, n_r, a, b, hi[p, e], hi[r, e], sweeps, True)
    turns = False
    for j in range(place):
        turns = turns or (is_time[j] and hi[r, j] > lo[r, j + 1])
    if not turns or turned:
        return total
    # when the other rank steps, this one returns: the window may land on what is still held;
    # whatever the other steps keep, the steps of this rank bring what is new
    trips = max(2, up(lo[p, d], hi[p, d + 1]))
    unit = float(up(n_r, hi[r, e]))  # words for each value of p, one at least from every tile of r
    if b == 1:
        unit = max(unit, n_r * min(1.0, a / hi[r, e]))
    least = unit * n_p * (trips - 1) / trips
    if not alone:
        return least
    for j in range(1, place + 1):
        if lo[p, j] != hi[p, j] or lo[r, j] != hi[r, j]:
            return least
    for j in range(place):  # loops of the pair at several slots: no closed form here
        if is_time[j] and j != d and (lo[r, j] > lo[r, j + 1] or lo[p, j] > lo[p, j + 1]):
            return least
    if total < 0:
        total = _pair_words(n_p, n_r, a, b, hi[p, e], hi[r, e], up(n_p, hi[p, e]), False)
    wide = a * (lo[p, at] - 1) + b * (lo[r, at] - 1) + 1
    jump = abs(b * lo[r, step] - a * (up(lo[p, d], lo[p, d + 1]) - 1) * lo[p, step])
    steps = alive(lo, r, (1 << place) - 1, e, scratch)
    return max(least, total - steps * max(0, wide - jump))


@leaf
def _spread(lo, hi, p, r, shared, is_time, axis_size):
    """Words of a window that nothing keeps but receivers share."""
    n_p, n_r = lo[p, 0], lo[r, 0]
    if not shared:
        return float(n_p) * n_r
    s_p, s_r = 1, 1
    for j in range(len(is_time)):
        if (shared >> j) & 1:
            s_p *= min(axis_size[j], up(hi[p, j], lo[p, j + 1]))
            s_r *= min(axis_size[j], up(hi[r, j], lo[r, j + 1]))
    s_p, s_r = min(s_p, n_p), min(s_r, n_r)
    return n_p / s_p * (n_r / s_r) * (s_p + s_r - 1)


@leaf
def _window(lo, hi, p, r, a, b, which, x, d, place, step, own, e, alone, is_time, relevant, line,
            pair, scratch):  # fmt: skip
    """Words of a window if its rank p (which 1, 2) or r (3, 4) slides, turned if even."""
    if pair[which] < 0:
        turned = which in (2, 4)
        if which >= 3:
            p, r, a, b = r, p, b, a
        slid = _slid_words(
            lo, hi, p, r, a, b, x, d, place, step, own, e, turned, alone, is_time, relevant, line,
            scratch,
        )  # fmt: skip
        pair[which] = pair[0] if slid < 0 else min(pair[0], slid)
    return pair[which]


@leaf
def _turned(lo, hi, d, run, x, line):
    """Whether a loop over lines of a tensor runs inside a slot for sure, among the ranks `run`."""
    for q in range(lo.shape[0]):
        if (run >> q) & 1 and line[x, q] and lo[q, d] > hi[q, d + 1]:
            return 1
    return 0


@leaf
def least_words(lo: Any, hi: Any, rests: Any, space: Any, layer: Any, costs: Any, out: Any) -> Any:
    """Fill the least words of each term under each class; return the least time steps."""
    # arrays by themselves: passing the tuples on would count references all the way down
    is_time, axis_size = space.is_time, space.axis_size
    dims, n_dims, relevant, line = layer.dims, layer.n_dims, layer.relevant, layer.line
    free = layer.free
    terms, masks, needed, classes = costs.terms, costs.masks, costs.needed, costs.classes
    words, counts, pair, scratch, share = out.words, out.counts, out.pair, out.scratch, out.share
    n_rank, n_slot = lo.shape[0], len(is_time)
    for k in range(masks.shape[0]):
        for r in range(n_rank):
            if needed[r, k]:
                counts[r, k] = count(lo, hi, r, masks[k, 0], masks[k, 1], scratch)
    out.last.fill(-1)
    for t in range(terms.shape[0]):
        x, place, d, step = terms[t, TENSOR], terms[t, PLACE], terms[t, DECIDES], terms[t, STEP]
        keeps, shared, own = terms[t, KEEPS], terms[t, SHARED], terms[t, OWN]
        e = step if shared else place
        fixed, n_pair = 1.0, 0
        keeping, keeper = 0, -1  # windows of which steps may keep words, and the last one
        union = 1.0  # different words of the windows
        for i in range(n_dims[x]):
            p, r, a, b = dims[x, i, 0], dims[x, i, 1], dims[x, i, 2], dims[x, i, 3]
            if r < 0:
                fixed *= lo[p, 0]
            elif not keeps:
                fixed *= _spread(lo, hi, p, r, shared, is_time, axis_size)
            else:
                n_p, n_r, e_p, e_r = lo[p, 0], lo[r, 0], hi[p, e], hi[r, e]
                pair[i].fill(-1.0)
                pair[i, 0] = _pair_words(n_p, n_r, a, b, e_p, e_r, up(n_p, e_p), False)
                union *= min(pair[i, 0], _union(n_p, n_r, a, b))
                n_pair += 1
                if _keeps(lo, hi, p, r, a, b, place, step, is_time):
                    keeping, keeper = keeping + 1, i
        with_, without, apart = fixed, fixed, fixed
        for r in range(n_rank):
            if not relevant[x, r]:
                with_ *= counts[r, terms[t, WITH]]
                without *= counts[r, terms[t, WITHOUT]]
                apart *= counts[r, terms[t, APART]]
        # every word of a window comes at least once, whatever is held between its sweeps
        cheapest, through = without, apart * union
        if n_pair:
            cheapest = through
        may_rest, every, least, at = d > 0 and space.kind != PERFECT, 0.0, 0.0, -1
        if may_rest:
            every, least, at = shares(
                lo, hi, rests, x, d, dims, n_dims, space.domain, space.n_domain, out.last, share
            )
            may_rest = at >= 0
        for c in range(classes.shape[0]):
            still, slides, run, full = classes[c, 0], classes[c, 1], classes[c, 2], classes[c, 3]
            if d < 0 or not run & free[x]:
                value = with_
            elif still == x and full:
                value = without
            else:
                value = fixed
                for r in range(n_rank):
                    if not relevant[x, r]:
                        inner = (run >> r) & 1
                        value *= counts[r, terms[t, WITHOUT] if inner else terms[t, WITH]]
            if n_pair:
                turned, moved = 0, 1.0
                if d >= 0 and slides >= 0 and full and still != x:
                    # the other rank of the window loops outside the run, and these inside it
                    turned = _turned(lo, hi, d, run, x, line)
                for i in range(n_dims[x]):
                    p, r, a, b = dims[x, i, 0], dims[x, i, 1], dims[x, i, 2], dims[x, i, 3]
                    if r >= 0:
                        which = 0
                        if d >= 0 and slides == p:
                            which = 1 + turned
                        elif d >= 0 and slides == r:
                            which = 3 + turned
                        moved *= _window(
                            lo, hi, p, r, a, b, which, x, d, place, step, own, e,
                            keeping == 0 or (keeping == 1 and keeper == i), is_time, relevant,
                            line, pair[i], scratch,
                        )  # fmt: skip
                value = max(value * moved, through)
            out.lost[t, c], out.at[t, c], out.gain[t, c], out.fine[t, c] = 0.0, -1, 0.0, 0.0
            if may_rest and value > through:
                out_of, most, sure = within_slot(
                    lo, hi, x, d, still, slides, run, full, every, free, layer.windows, relevant,
                    share,
                )  # fmt: skip
                outside, inside = min(out_of, least) * (value - through), max(0.0, value - cheapest)
                out.at[t, c] = at
                out.lost[t, c] = min(outside + most * inside, value - through)
                out.gain[t, c] = out.lost[t, c] - min(outside + sure * inside, value - through)
                value -= out.lost[t, c]
            if d > 0 and still == x and full and not n_pair:
                out.fine[t, c] = fine(lo, hi, d, run, counts, terms[t], fixed, every)
            words[t, c] = value
    steps, spatial, points = 1.0, 1.0, 1.0
    for j in range(n_slot):
        if not is_time[j]:
            spatial *= axis_size[j]
    for r in range(n_rank):
        n = lo[r, 0]
        points *= n
        copies = 1.0
        for j in range(n_slot):
            if not is_time[j]:
                copies *= min(axis_size[j], up(hi[r, j], lo[r, j + 1]))
        steps *= max(math.ceil(n / copies - 1e-9), counts[r, costs.steps])
    return max(steps, math.ceil(points / spatial - 1e-9))
