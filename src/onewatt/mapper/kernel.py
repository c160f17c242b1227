"""Compiled branch and bound over boxes of tiles.

Symbols.  Slot j cuts the tile of rank r from T[r, j] to T[r, j + 1]; T[r, 0] is its size and
T[r, J] is 1.  A *box* says lo[r, j] <= T[r, j] <= hi[r, j].  A *term* counts words of one tensor
that enter the tiles at a place.  A *class* of loop orders of a slot is (tensor, rank): the tensor
whose irrelevant loops are innermost, and the rank along which a sliding window moves first.

Every number that `bound` returns is at most the cost of every mapping in the box; docs/mapper.md
has the argument for each formula.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

PERFECT, TIGHT, FULL = 0, 1, 2
ENERGY, LATENCY, EDP, FRONT = 0, 1, 2, 3
MAYBE, NEVER, ALWAYS = 0, 1, 2  # whether a last tile of a slot is one tile of the next
BOUNDED, EMPTY, SCORED, SPLIT = 0, 1, 2, 8
RESTING = 1e-3  # share of the energy from which a box is cut by whether a rank rests


@nb.njit(cache=True)
def _up(a, b):
    return -(-a // b)


@nb.njit(cache=True)
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


@nb.njit(cache=True)
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
                first = float(_up(lo[r, s], hi[r, j]))
    return first if segments <= 1 else max(first, real)


@nb.njit(cache=True)
def _slide(n, c, tile, e, a, b, credit):
    """Words of all tiles along rank p for one tile of e values of rank r: c tiles or sweeps."""
    if b == 1:
        return float(n * e) if e <= a else a * n + c * (e - a)
    if credit:
        return float(n)
    if a == 1:
        return float(n) * e if tile <= b else n + n / tile * min(tile, b) * (e - 1)
    return n + c * (e - 1)


@nb.njit(cache=True)
def pair_words(n_p, n_r, a, b, e_p, e_r, c, credit):
    """Words of a sliding dimension a*p + b*r, summed over all tiles of at most e_p x e_r values."""
    total = (n_r // e_r) * _slide(n_p, c, e_p, e_r, a, b, credit)
    if n_r % e_r:
        total += _slide(n_p, c, e_p, n_r % e_r, a, b, credit)
    return total


@nb.njit(cache=True)
def _sweeps(lo, hi, p, r, a, b, d, place, step, own, x, relevant, line, is_time, turned):
    """Sweeps of rank p at slot d that begin with a whole tile; -1 if nothing is kept on the way.

    `turned`: a loop over other words stands between, so nothing is kept when p starts again.
    """
    e_p = hi[p, place] if own else hi[p, step]
    e_r = hi[r, place] if own else hi[r, step]
    wide = a * (e_p - 1) + b * (e_r - 1) + 1
    move = a * lo[p, step]
    if wide <= move:
        return -1.0
    trips = _up(lo[p, d], hi[p, d + 1])
    if not turned and (trips < 3 or wide > (trips - 1) * move):
        return 0.0  # the last tile may overlap the first of the next sweep
    outer = False
    for j in range(d):
        outer = outer or (is_time[j] and hi[p, j] > lo[p, j + 1])
    if outer:
        blocked = turned
        for q in range(relevant.shape[1]):
            if not relevant[x, q] or q in (p, r):
                continue
            n = _up(lo[q, d], hi[q, d + 1])
            if (line[x, q] and n >= 2) or n >= 3:
                blocked = True
                break
        if not blocked:
            return 0.0
    return float(_up(lo[p, 0], hi[p, d]))


@nb.njit(cache=True)
def _slid_words(
    lo, hi, p, r, a, b, d, place, step, own, e, x, relevant, line, is_time, turned, scratch
):
    """Words of a sliding dimension if rank p moves it first at slot d; -1 if nothing is kept."""
    if _up(hi[p, d], lo[p, d + 1]) <= 1:
        return -1.0  # another class holds this order
    sweeps = _sweeps(lo, hi, p, r, a, b, d, place, step, own, x, relevant, line, is_time, turned)
    n_p, n_r = lo[p, 0], lo[r, 0]
    total = -1.0
    if sweeps >= 0:
        total = pair_words(n_p, n_r, a, b, hi[p, e], hi[r, e], sweeps, True)
    turns = False
    for j in range(place):
        turns = turns or (is_time[j] and hi[r, j] > lo[r, j + 1])
    if not turns or turned:
        return total
    # when the other rank steps, this one returns: the window may land on what is still held
    least = float(n_p + n_r - 1) if a > 1 and b > 1 else float(a * (n_p - 1) + b * (n_r - 1) + 1)
    least = min(least, float(n_p) * n_r)
    # whatever the other steps keep, the steps of this rank bring what is new
    trips = max(2, _up(lo[p, d], hi[p, d + 1]))
    unit = a if b == 1 and lo[r, e] >= a else 1
    least = max(least, _up(n_r, hi[r, e]) * float(n_p) * unit * (trips - 1) / trips)
    for j in range(1, place + 1):
        if lo[p, j] != hi[p, j] or lo[r, j] != hi[r, j]:
            return least
    for j in range(place):  # loops of the pair at several slots: no closed form here
        if is_time[j] and j != d and (lo[r, j] > lo[r, j + 1] or lo[p, j] > lo[p, j + 1]):
            return least
    if total < 0:
        total = pair_words(n_p, n_r, a, b, hi[p, e], hi[r, e], _up(n_p, hi[p, e]), False)
    wide_p, wide_r = (lo[p, place], lo[r, place]) if own else (lo[p, step], lo[r, step])
    wide = a * (wide_p - 1) + b * (wide_r - 1) + 1
    trips = _up(lo[p, d], lo[p, d + 1])
    jump = abs(b * lo[r, step] - a * (trips - 1) * lo[p, step])
    steps = alive(lo, r, (1 << place) - 1, e, scratch)
    return max(least, total - steps * max(0, wide - jump))


@nb.njit(cache=True)
def tile_words(dims, n_dims, x, tile, j):
    """Words of tensor x in the tiles tile[:, j], at least; exact if a coefficient is 1."""
    total = 1.0
    for d in range(n_dims[x]):
        p, r, a, b = dims[x, d, 0], dims[x, d, 1], dims[x, d, 2], dims[x, d, 3]
        if r < 0:
            total *= tile[p, j]
        elif a > 1 and b > 1:
            total *= tile[p, j] + tile[r, j] - 1
        else:
            total *= min(a * (tile[p, j] - 1) + b * (tile[r, j] - 1) + 1, tile[p, j] * tile[r, j])
    return total


@nb.njit(cache=True)
def _resting(lo, hi, rests, d, x, dims, n_dims):
    """Largest share of a tensor's words in last tiles of a slot that are one tile of the next.

    There a loop over a rank of the tensor takes one trip, so loops outside it may keep the tensor.
    `rests` (R, J) says what the box holds of that.  Returns the share and the rank.
    """
    most, at = 0.0, -1
    for i in range(n_dims[x]):
        for side in (0, 1):
            p, r = dims[x, i, side], dims[x, i, 1 - side]
            if p < 0 or rests[p, d] == NEVER or hi[p, d] == lo[p, d + 1]:
                continue
            n = lo[p, 0]
            if lo[p, d] == n:
                continue
            outer = False
            for j in range(1, d):
                outer = outer or lo[p, j] != n
            if outer:
                return 1.0, p
            below = min(hi[p, d], n - 1)
            full = n // below
            rest = min(hi[p, d + 1], hi[p, d] - 1, n - lo[p, d], (n - 1) // 2)
            if full == n // lo[p, d]:
                if n - full * below > hi[p, d + 1] or n == full * lo[p, d]:
                    continue
                rest = min(rest, n - full * lo[p, d])
            if r < 0:
                share = rest / n
            else:
                a, b = dims[x, i, 2 + side], dims[x, i, 3 - side]
                share = (a * rest + b * lo[r, 0]) / (a * n + b * lo[r, 0])
            if share > most:
                most, at = share, p
    return most, at


@nb.njit(cache=True)
def bound(
    lo: Any, hi: Any, shape: Any, kind: int, terms: Any, coef: Any, ports: Any, classes: Any,
    dims: Any, n_dims: Any, relevant: Any, line: Any, scalars: Any, words: Any, lost: Any, at: Any,
    rests: Any, scratch: Any,
) -> Any:  # fmt: skip
    """Fill `words` (E, C): least words of each term under each class; return the least steps.

    Parameters
    ----------
    lo, hi : int arrays, shape (R, J + 1)
    shape : tuple
        is_time (J,), axis size (J,).
    terms : int array, shape (E, 8)
        tensor, place, keeps, mask of slots that are shared, deciding slot, mask of slots whose
        irrelevant loops never matter, step place, own overlap.
    classes : int array, shape (C, 4)
        Tensor held still, rank that slides first or -1, the ranks whose loops are innermost (bit
        set), and whether these are all that the tensor does not have.
    """
    is_time, axis_size = shape
    n_term, n_class, n_rank, n_slot = len(coef), len(classes), lo.shape[0], len(is_time)
    pair = np.empty((4, 5))
    for t in range(n_term):
        x, place, keeps, shared = terms[t, 0], terms[t, 1], terms[t, 2], terms[t, 3]
        d, free, step, own = terms[t, 4], terms[t, 5], terms[t, 6], terms[t, 7]
        mask = ((1 << place) - 1) & ~shared & ~free
        with_, without = 1.0, 1.0
        for r in range(n_rank):
            if relevant[x, r]:
                continue
            with_ *= count(lo, hi, r, mask, place, scratch)
            if d >= 0:
                without *= count(lo, hi, r, mask & ~(1 << d), place, scratch)
        fixed = 1.0
        n_pair = 0
        for i in range(n_dims[x]):
            p, r, a, b = dims[x, i, 0], dims[x, i, 1], dims[x, i, 2], dims[x, i, 3]
            if r < 0:
                fixed *= lo[p, 0]
                continue
            n_p, n_r = lo[p, 0], lo[r, 0]
            if not keeps:
                if shared:
                    s_p, s_r = 1, 1
                    for j in range(place):
                        if (shared >> j) & 1:
                            s_p *= min(axis_size[j], _up(hi[p, j], lo[p, j + 1]))
                            s_r *= min(axis_size[j], _up(hi[r, j], lo[r, j + 1]))
                    s_p, s_r = min(s_p, n_p), min(s_r, n_r)
                    fixed *= n_p / s_p * (n_r / s_r) * (s_p + s_r - 1)
                else:
                    fixed *= float(n_p) * n_r
                continue
            e = step if shared else place
            e_p, e_r = hi[p, e], hi[r, e]
            pair[n_pair, 0] = pair_words(n_p, n_r, a, b, e_p, e_r, _up(n_p, e_p), False)
            if d >= 0:
                for which in (1, 2):
                    for turned in (0, 1):
                        slid = _slid_words(
                            lo, hi, p if which == 1 else r, r if which == 1 else p,
                            a if which == 1 else b, b if which == 1 else a, d, place, step, own,
                            e, x, relevant, line, is_time, turned, scratch,
                        )  # fmt: skip
                        k = 1 + 2 * (which - 1) + turned
                        pair[n_pair, k] = pair[n_pair, 0]
                        if slid >= 0:
                            pair[n_pair, k] = min(pair[n_pair, 0], slid)
            n_pair += 1
        share, cheapest = 0.0, 0.0
        at[t] = -1
        for c in range(n_class):
            lost[t, c] = 0.0
        if d > 0 and kind != PERFECT:
            share, at[t] = _resting(lo, hi, rests, d, x, dims, n_dims)
            cheapest = fixed * without
            i = 0
            for k in range(n_dims[x]):
                if share == 0.0 or dims[x, k, 1] < 0:
                    continue
                p, r, a, b = dims[x, k, 0], dims[x, k, 1], dims[x, k, 2], dims[x, k, 3]
                union = float(a * (lo[p, 0] - 1) + b * (lo[r, 0] - 1) + 1)
                if a > 1 and b > 1:
                    union = float(lo[p, 0] + lo[r, 0] - 1)
                cheapest *= min(pair[i, 0], union, float(lo[p, 0]) * lo[r, 0])
                i += 1
        for c in range(n_class):
            still, slides, run = classes[c, 0], classes[c, 1], classes[c, 2]
            if still != x or d < 0:
                value = fixed * with_
            elif classes[c, 3]:
                value = fixed * without
            else:
                value = fixed
                for r in range(n_rank):
                    if not relevant[x, r]:
                        m = mask & ~(1 << d) if (run >> r) & 1 else mask
                        value *= count(lo, hi, r, m, place, scratch)
            if n_pair and slides >= 0:
                turned = 0
                if d >= 0 and classes[c, 3] and still != x:
                    # the other rank of the window loops outside the run, and these inside it
                    for q in range(n_rank):
                        if (run >> q) & 1 and line[x, q] and lo[q, d] > hi[q, d + 1]:
                            turned = 1
                i = 0
                for k in range(n_dims[x]):
                    if dims[x, k, 1] < 0:
                        continue
                    which = 0
                    if slides == dims[x, k, 0]:
                        which = 1 + turned
                    elif slides == dims[x, k, 1]:
                        which = 3 + turned
                    value *= pair[i, which]
                    i += 1
            elif n_pair:
                for i in range(n_pair):
                    value *= pair[i, 0]
            if share > 0.0 and value > cheapest:
                lost[t, c] = share * (value - cheapest)
                value -= lost[t, c]
            words[t, c] = value
    steps, spatial, points = 1.0, 1.0, 1.0
    time_mask = 0
    for j in range(n_slot):
        if is_time[j]:
            time_mask |= 1 << j
        else:
            spatial *= axis_size[j]
    for r in range(n_rank):
        n = lo[r, 0]
        points *= n
        copies = 1.0
        for j in range(n_slot):
            if not is_time[j]:
                copies *= min(axis_size[j], _up(hi[r, j], lo[r, j + 1]))
        steps *= max(math.ceil(n / copies - 1e-9), count(lo, hi, r, time_mask, n_slot, scratch))
    return max(steps, math.ceil(points / spatial - 1e-9))


@nb.njit(cache=True)
def open_classes(
    terms: Any, coef: Any, ports: Any, n_class: int, scalars: Any, words: Any, steps: float,
    deciding: Any, n_slot: int, mode: int, best: Any, tolerance: float, found: Any,
) -> bool:  # fmt: skip
    """Whether orders are left that the best answers do not beat; `found` gets the cheapest ones."""
    per_word, offset, per_step = ports
    n_term, n_port, n_decide = len(coef), len(offset), len(deciding)
    rows = n_port + 1
    base = np.zeros(rows)
    part = np.zeros((n_decide, n_class, rows))
    base[0] = scalars[0]
    for k in range(n_port):
        base[k + 1] = offset[k] + per_step[k] * steps
    for t in range(n_term):
        at = -1
        for i in range(n_decide):
            if deciding[i] == terms[t, 4]:
                at = i
        if at < 0:
            base[0] += coef[t] * words[t, 0]
            for k in range(n_port):
                base[k + 1] += per_word[k, t] * words[t, 0]
            continue
        for c in range(n_class):
            part[at, c, 0] += coef[t] * words[t, c]
            for k in range(n_port):
                part[at, c, k + 1] += per_word[k, t] * words[t, c]
    least = max(1.0, math.ceil(steps * scalars[2] - 1e-6))
    combos = 1
    for _ in range(n_decide):
        combos *= n_class
    is_open, lowest = False, np.inf
    for combo in range(combos):
        energy, cycles = base[0], least
        rest = combo
        for i in range(n_decide):
            energy += part[i, rest % n_class, 0]
            rest //= n_class
        for k in range(1, rows):
            total = base[k]
            rest = combo
            for i in range(n_decide):
                total += part[i, rest % n_class, k]
                rest //= n_class
            if total > cycles:
                cycles = math.ceil(total - 1e-6)
        energy += cycles * scalars[1]
        if beaten(energy, cycles, mode, best, tolerance):
            continue
        is_open = True
        rank = cycles if mode == LATENCY else energy if mode == ENERGY else energy * cycles
        if rank < lowest:
            lowest = rank
            found[0], found[1], found[2] = energy, cycles, combo
    return is_open


@nb.njit(cache=True)
def weigh(lo, hi, terms, coef, relevant, classes, words, lost, at, combo,
          deciding, shape, weight, resting):  # fmt: skip
    """Fill `weight` (R, J + 1): how much of a box's cost hangs on each tile."""
    weight.fill(0.0)
    resting.fill(0.0)
    n_class = len(classes)
    for t in range(len(coef)):
        x, place, shared, d, free = terms[t, 0], terms[t, 1], terms[t, 3], terms[t, 4], terms[t, 5]
        c = 0
        rest = combo
        for i in range(len(deciding)):
            if deciding[i] == d:
                c = rest % n_class
            rest //= n_class
        value = coef[t] * words[t, c]
        if at[t] >= 0:
            resting[at[t], d] += coef[t] * lost[t, c]
        mask = ((1 << place) - 1) & ~shared & ~free
        still = d >= 0 and classes[c, 0] == x
        for r in range(lo.shape[0]):
            if relevant[x, r]:
                continue
            inside = False
            mine = mask & ~(1 << d) if still and (classes[c, 2] >> r) & 1 else mask
            for j in range(place + 1):
                now = j < place and bool((mine >> j) & 1)
                if now != inside and lo[r, j] < hi[r, j]:
                    weight[r, j] += value
                inside = now


@nb.njit(cache=True)
def _snap_down(domain, r, n, value):
    """Largest member of a sorted domain that is at most value, or 0."""
    a, b = 0, n
    while a < b:
        m = (a + b) // 2
        if domain[r, m] <= value:
            a = m + 1
        else:
            b = m
    return domain[r, a - 1] if a else 0


@nb.njit(cache=True)
def _snap_up(domain, r, n, value):
    """Smallest member of a sorted domain that is at least value, or a huge number."""
    a, b = 0, n
    while a < b:
        m = (a + b) // 2
        if domain[r, m] < value:
            a = m + 1
        else:
            b = m
    return domain[r, a] if a < n else np.int64(1) << 60


@nb.njit(cache=True)
def tighten(
    lo: Any, hi: Any, shape: Any, kind: int, domain: Any, n_domain: Any, allowed: Any,
    limits: Any, dims: Any, n_dims: Any,
) -> bool:  # fmt: skip
    """Shrink a box to what chains, axes and memories allow; whether anything is left."""
    is_time, axis_size = shape
    n_rank, n_slot = lo.shape[0], len(is_time)
    for _ in range(16):
        changed = False
        for r in range(n_rank):
            if not _chain(lo, hi, r, kind, domain, n_domain, allowed):
                return False
        for j in range(n_slot):
            if is_time[j]:
                continue
            used = 1
            for r in range(n_rank):
                used *= _up(lo[r, j], hi[r, j + 1])
                if used > axis_size[j]:
                    return False
            for r in range(n_rank):
                room = axis_size[j] // (used // _up(lo[r, j], hi[r, j + 1]))
                if hi[r, j] > hi[r, j + 1] * room:
                    hi[r, j] = hi[r, j + 1] * room
                    changed = True
                if lo[r, j + 1] * room < lo[r, j]:
                    lo[r, j + 1] = _up(lo[r, j], room)
                    changed = True
        place_of, bits, most = limits
        for k in range(len(most)):
            j = place_of[k]
            if not _fits(lo, j, bits, most, k, dims, n_dims):
                return False
            for r in range(n_rank):
                if lo[r, j] == hi[r, j]:
                    continue
                keep = lo[r, j]
                a, b = lo[r, j], hi[r, j]
                lo[r, j] = b
                if not _fits(lo, j, bits, most, k, dims, n_dims):
                    while b - a > 1:
                        m = (a + b) // 2
                        lo[r, j] = m
                        if _fits(lo, j, bits, most, k, dims, n_dims):
                            a = m
                        else:
                            b = m
                    hi[r, j] = a
                    changed = True
                lo[r, j] = keep
        if not changed:
            return True
    return True


@nb.njit(cache=True)
def _chain(lo, hi, r, kind, domain, n_domain, allowed):
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
        if kind != FULL:
            for j in range(1, n_slot):
                a, b = lo[r, j], hi[r, j]
                if a == b and lo[r, j - 1] != hi[r, j - 1] and lo[r, j + 1] != hi[r, j + 1]:
                    continue
                a = _snap_up(domain, r, n_domain[r], a)
                b = _snap_down(domain, r, n_domain[r], b)
                if kind == PERFECT:
                    if lo[r, j - 1] == hi[r, j - 1]:
                        while b >= a and lo[r, j - 1] % b:
                            b = _snap_down(domain, r, n_domain[r], b - 1)
                        while a <= b and lo[r, j - 1] % a:
                            a = _snap_up(domain, r, n_domain[r], a + 1)
                    if lo[r, j + 1] == hi[r, j + 1]:
                        while b >= a and b % lo[r, j + 1]:
                            b = _snap_down(domain, r, n_domain[r], b - 1)
                        while a <= b and a % lo[r, j + 1]:
                            a = _snap_up(domain, r, n_domain[r], a + 1)
                elif lo[r, j - 1] == hi[r, j - 1] and a <= b:
                    whole = lo[r, j - 1]
                    b = _up(whole, _up(whole, b))
                    n = _up(whole, a)
                    while n > 1 and _up(whole, n) < a:
                        n -= 1
                    a = _up(whole, n)
                if a > b:
                    return False
                if a != lo[r, j] or b != hi[r, j]:
                    lo[r, j], hi[r, j] = a, b
                    changed = True
        if not changed:
            return True
    return True


@nb.njit(cache=True)
def _fits(tile, j, bits, most, k, dims, n_dims):
    total = 0.0
    for x in range(bits.shape[1]):
        if bits[k, x] > 0:
            total += bits[k, x] * tile_words(dims, n_dims, x, tile, j)
    return total <= most[k]


@nb.njit(cache=True)
def beaten(energy: Any, cycles: Any, mode: int, best: Any, tolerance: float) -> Any:
    """Whether no mapping at least as dear as this can be an answer; best (B, 2), unused are inf."""
    slack = 1.0 - tolerance
    if mode == ENERGY:
        return energy >= best[0, 0] * slack
    if mode == EDP:
        return energy * cycles >= best[0, 0] * best[0, 1] * slack
    if mode == LATENCY:
        return cycles > best[0, 1] or (cycles == best[0, 1] and energy >= best[0, 0] * slack)
    for k in range(len(best)):  # by rising cycles
        if best[k, 1] > cycles:
            return False
        if best[k, 0] * slack <= energy:
            return True
    return False


@nb.njit(cache=True)
def _in_set(lo, r, kind):
    for j in range(lo.shape[1] - 1):
        if kind == PERFECT and lo[r, j] % lo[r, j + 1]:
            return False
        if kind == TIGHT and _up(lo[r, j], _up(lo[r, j], lo[r, j + 1])) != lo[r, j + 1]:
            return False
    return True


@nb.njit(cache=True)
def _choose(lo, hi, weight, is_time, stretch):
    """The tile to cut: where trips differ most over the interval, by what hangs on them."""
    n_slot = len(is_time)
    best, childr, childj, matters = -1.0, -1, -1, False
    for r in range(lo.shape[0]):
        for j in range(1, n_slot):
            a, b = lo[r, j], hi[r, j]
            if a == b:
                continue
            value = weight[r, j]
            if not is_time[j - 1] or not is_time[j]:
                value += stretch
            trips = math.log(_up(lo[r, 0], a) / _up(lo[r, 0], b))
            score = value * trips + 1e-9 * stretch * math.log(b / a)
            if score > best:
                best, childr, childj, matters = score, r, j, value * trips > 0
    return childr, childj, matters


@nb.njit(cache=True)
def _push(stack, at, box):
    for i in range(box.shape[0]):
        for j in range(box.shape[1]):
            stack[at, i, j] = box[i, j]


@nb.njit(cache=True)
def _pop(stack, at, box):
    for i in range(box.shape[0]):
        for j in range(box.shape[1]):
            box[i, j] = stack[at, i, j]


@nb.njit(cache=True)
def _write(entries, at, lo, combo, tag):
    """Fill an entry: the tiles, and below them the combination of classes and the case."""
    for i in range(entries.shape[1]):
        for j in range(entries.shape[2]):
            inside = i < lo.shape[0] and j < lo.shape[1]
            entries[at, i, j] = lo[i, j] if inside else 0
    entries[at, lo.shape[0], 0], entries[at, lo.shape[0], 1] = combo, tag


@nb.njit(cache=True)
def _move(best, entries, here, there):
    best[there, 0], best[there, 1] = best[here, 0], best[here, 1]
    for i in range(entries.shape[1]):
        for j in range(entries.shape[2]):
            entries[there, i, j] = entries[here, i, j]


@nb.njit(cache=True)
def _add(best, entries, n_best, mode, energy, cycles, lo, combo, tag):
    """Note a point that is not beaten; `best` stays sorted by cycles, `entries` moves with it."""
    at = 0
    if mode == FRONT:
        keep = 0
        for k in range(n_best):  # drop what the point beats
            if best[k, 1] >= cycles and best[k, 0] >= energy:
                continue
            if keep != k:
                _move(best, entries, k, keep)
            keep += 1
        for k in range(keep, n_best):
            best[k, 0], best[k, 1] = np.inf, np.inf
        if keep == len(best):
            return keep  # no room: the front is cut, which `explore` reports by its size
        while at < keep and best[at, 1] < cycles:
            at += 1
        for k in range(keep, at, -1):
            _move(best, entries, k - 1, k)
        n_best = keep
    else:
        n_best = 0
    best[at, 0], best[at, 1] = energy, cycles
    _write(entries, at, lo, combo, tag)
    return n_best + 1


@nb.njit(cache=True)
def _most(resting):
    best, childr, childj = 0.0, -1, -1
    for r in range(resting.shape[0]):
        for j in range(resting.shape[1]):
            if resting[r, j] > best:
                best, childr, childj = resting[r, j], r, j
    return childr, childj


@nb.njit(cache=True)
def _shrink(lo, hi, rests):
    """Shrink a box to what resting asks for."""
    for r in range(rests.shape[0]):
        for j in range(1, rests.shape[1]):
            if rests[r, j] == ALWAYS:
                hi[r, j] = min(hi[r, j], lo[r, 0] - 1)
                hi[r, j + 1] = min(hi[r, j + 1], hi[r, j] - 1)
                lo[r, j] = max(lo[r, j], lo[r, j + 1] + 1)
                if lo[r, j] > hi[r, j] or lo[r, j + 1] > hi[r, j + 1]:
                    return False
    return True


@nb.njit(cache=True)
def _agrees(lo, r, rests):
    """Whether a single chain rests where the box says, and only there."""
    for j in range(1, rests.shape[1]):
        if rests[r, j] != MAYBE and rests_at(lo, r, j) != (rests[r, j] == ALWAYS):
            return False
    return True


@nb.njit(cache=True)
def rests_at(lo, r, j):
    """Whether some tile at place j is a single tile of place j + 1 although a full one is not."""
    if lo[r, j] == lo[r, j + 1]:
        return False
    sizes = np.empty(64, np.int64)
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


@nb.njit(cache=True)
def explore(
    stack_lo: Any, stack_hi: Any, stack_rests: Any, depth: int, shape: Any, kind: int, domain: Any,
    n_domain: Any, allowed: Any, limits: Any, terms: Any, coef: Any, ports: Any, classes: Any,
    dims: Any, n_dims: Any, relevant: Any, line: Any, scalars: Any, deciding: Any, mode: int,
    best: Any,
    entries: Any, n_best: int, tolerance: float, quota: int, ask: bool, tag: int, tree: Any,
    n_tree: int,
) -> Any:  # fmt: skip
    """Explore boxes depth first until the stack is empty or `quota` boxes are done.

    With `ask`, stop at every single tiling that is not beaten and leave it in the last entry;
    without, take its least cost for its cost.

    Returns
    -------
    depth, n_best, boxes, scored, n_tree
        `depth` is -1 if the stack is too small.
    """
    n_rank, n_slot = stack_lo.shape[1], stack_lo.shape[2] - 1
    n_class = len(classes)
    words = np.zeros((max(1, len(coef)), n_class))
    weight = np.zeros((n_rank, n_slot + 1))
    lost, at = np.zeros_like(words), np.zeros(max(1, len(coef)), np.int64)
    resting, rests = np.zeros((n_rank, n_slot)), np.empty((n_rank, n_slot), np.int64)
    scratch, found = np.zeros((2, 64), np.int64), np.zeros(3)
    lo, hi = np.empty((n_rank, n_slot + 1), np.int64), np.empty((n_rank, n_slot + 1), np.int64)
    boxes, scored = 0, 0
    record = len(tree) > 0
    while depth > 0 and boxes < quota and (not record or n_tree + 4 < len(tree)):
        if depth + 2 > len(stack_lo):
            return -1, n_best, boxes, scored, n_tree
        depth -= 1
        boxes += 1
        _pop(stack_lo, depth, lo)
        _pop(stack_hi, depth, hi)
        _pop(stack_rests, depth, rests)
        if not _shrink(lo, hi, rests) or not tighten(
            lo, hi, shape, kind, domain, n_domain, allowed, limits, dims, n_dims
        ):
            if record:
                tree[n_tree] = EMPTY
                n_tree += 1
            continue
        steps = bound(
            lo, hi, shape, kind, terms, coef, ports, classes, dims, n_dims, relevant, line,
            scalars, words, lost, at, rests, scratch,
        )  # fmt: skip
        if not open_classes(
            terms, coef, ports, n_class, scalars, words, steps, deciding, n_slot, mode, best,
            tolerance, found,
        ):  # fmt: skip
            if record:
                tree[n_tree] = BOUNDED
                n_tree += 1
            continue
        weigh(
            lo, hi, terms, coef, relevant, classes, words, lost, at, int(found[2]),
            deciding, shape, weight, resting,
        )  # fmt: skip
        stretch = found[0] if mode != ENERGY else found[1] * scalars[1]
        r, j = _most(resting)
        if r >= 0 and rests[r, j] == MAYBE and resting[r, j] > RESTING * found[0]:
            for child in (depth, depth + 1):
                _push(stack_lo, child, lo)
                _push(stack_hi, child, hi)
                _push(stack_rests, child, rests)
            stack_rests[depth, r, j], stack_rests[depth + 1, r, j] = ALWAYS, NEVER
            depth += 2
            if record:
                tree[n_tree], tree[n_tree + 1], tree[n_tree + 2] = SPLIT + 2 * r, j, 0
                n_tree += 3
            continue
        r, j, matters = _choose(lo, hi, weight, shape[0], stretch + 1e-30)
        if r < 0:
            if record:
                tree[n_tree] = SCORED
                n_tree += 1
            good = True
            for q in range(n_rank):
                if not _in_set(lo, q, kind) or not _agrees(lo, q, rests):
                    good = False
            if not good:
                continue
            scored += 1
            if ask:
                _write(entries, len(entries) - 1, lo, int(found[2]), tag)
                return depth, n_best, boxes, scored, n_tree
            while open_classes(
                terms, coef, ports, n_class, scalars, words, steps, deciding, n_slot, mode, best,
                tolerance, found,
            ):  # fmt: skip
                n_best = _add(
                    best, entries, n_best, mode, found[0], found[1], lo, int(found[2]), tag
                )
            continue
        middle = int(math.sqrt(float(lo[r, j]) * float(hi[r, j])))
        middle = max(lo[r, j], min(middle, hi[r, j] - 1))
        # larger tiles cost less and are explored first; where nothing hangs on it, smaller ones
        first = depth + 1 if matters else depth
        second = depth if matters else depth + 1
        for child in (depth, depth + 1):
            _push(stack_lo, child, lo)
            _push(stack_hi, child, hi)
            _push(stack_rests, child, rests)
        stack_lo[first, r, j] = middle + 1
        stack_hi[second, r, j] = middle
        depth += 2
        if record:
            tree[n_tree], tree[n_tree + 1], tree[n_tree + 2] = SPLIT + 2 * r + matters, j, middle
            n_tree += 3
    return depth, n_best, boxes, scored, n_tree
