"""Compiled: what last tiles may save that are one tile of the next place.

In such a tile a loop over one of a tensor's ranks takes one trip, so loops outside it may keep the
tensor: loops of the slot, if every loop over its ranks inside them is such a one, and loops of
slots outside, if all are.  docs/mapper.md has the argument.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from onewatt.mapper.kernel.arrays import NEVER, SCAN, WITH, WITHOUT
from onewatt.mapper.kernel.boxes import index_up
from onewatt.mapper.kernel.jit import leaf


@leaf
def _last(lo, hi, r, d, domain, n):
    """The largest last tile of a rank at place d that can be one tile of the next place, or 0.

    Every place outside d holds the whole rank.
    """
    whole, low, high = lo[r, 0], lo[r, d], min(hi[r, d], lo[r, 0] - 1)
    i = index_up(domain, r, n, low)
    if index_up(domain, r, n, high) - i > SCAN:
        return min(hi[r, d + 1], high - 1, whole - low, (whole - 1) // 2)
    most = 0
    while i < n and domain[r, i] <= high:
        rest = whole % domain[r, i]
        if most < rest <= hi[r, d + 1] and domain[r, i] > lo[r, d + 1]:
            most = rest
        i += 1
    return most


@leaf
def parents(lo, p, d):
    """The most tiles of a rank that place d may cut; each leaves one last tile."""
    most = 1
    for j in range(1, d):
        if lo[p, j] < lo[p, 0]:
            most += lo[p, 0] // lo[p, j]
    return most


@leaf
def _resting(lo, hi, rests, p, d, domain, n_domain, last):
    """The most values of a rank in last tiles of place d that can be one of the next place."""
    if last[p, d] < 0:
        last[p, d] = 0
        if rests[p, d] != NEVER and hi[p, d] != lo[p, d + 1] and lo[p, d] != lo[p, 0]:
            many = parents(lo, p, d)
            if many == 1:
                last[p, d] = _last(lo, hi, p, d, domain, n_domain[p])
            else:
                last[p, d] = min(lo[p, 0], min(hi[p, d + 1], hi[p, d] - 1) * many)
    return last[p, d]


@leaf
def shares(lo, hi, rests, x, d, dims, n_dims, line, domain, n_domain, last, share):
    """Fill the share of a tensor's words by the rank that rests.

    Returns the largest share, the least of the ranks that loop at place d for sure and of those
    among them that address the tensor alone, and the rank of the largest, or -1 if none rests.
    """
    every, least, of_lines, at = 0.0, 1.0, 1.0, -1
    for i in range(n_dims[x]):
        for side in (0, 1):
            p, r = dims[x, i, side], dims[x, i, 1 - side]
            if p < 0:
                continue
            rest = _resting(lo, hi, rests, p, d, domain, n_domain, last)
            share[p] = rest / lo[p, 0]
            if r >= 0 and rest:
                a, b, m = dims[x, i, 2 + side], dims[x, i, 3 - side], lo[r, 0] * parents(lo, p, d)
                share[p] = min(1.0, (a * rest + b * m) / (a * lo[p, 0] + b * lo[r, 0]))
            if share[p] > every:
                every, at = share[p], p
            if lo[p, d] > hi[p, d + 1]:
                least = min(least, share[p])
                if line[x, p]:
                    of_lines = min(of_lines, share[p])
    return every, least, of_lines, at


@leaf
def within_slot(
    lo, hi, x, d, still, slides, run, full, every, lines, free, windows, relevant, line, share
):
    """The shares of a tensor that loops may keep outside the slot, in it, and if the run is whole.

    The innermost loop over the tensor's ranks must rest.  It does not address the tensor `still`,
    and no window loops inside the rank that slides first.  If all loops that do not address `still`
    are innermost, each of them has to rest that addresses the tensor.  Where loops over `lines`
    keep a window from returning to what is held, only they have to.
    """
    if still == x:
        inside = 0.0 if full else every
        return every, inside, inside
    most, sure, loops = 0.0, 1.0, 0
    slid = slides >= 0 and (free[still] >> slides) & 1
    for p in range(lo.shape[0]):
        inner = (run >> p) & 1
        if inner and hi[p, d] > lo[p, d + 1]:
            loops += 1
        if not relevant[x, p]:
            continue
        anywhere = True
        for y in range(relevant.shape[0]):
            anywhere = anywhere and relevant[y, p]
        first = p == slides or not slid or not (windows >> p) & 1
        if anywhere or ((free[still] >> p) & 1 and first):
            most = max(most, share[p])
        if inner and lo[p, d] > hi[p, d + 1] and (line[x, p] or not lines):
            sure = min(sure, share[p])
    outside = every if lines or free[still] & free[x] else most
    if not full:
        return outside, most, most
    sure = min(most, sure)
    return outside, sure if loops == 1 else most, sure


@leaf
def fine(lo, hi, d, run, counts, term, words, every):
    """What the tensor held still moves besides if a loop of the run lies outside one that moves it.

    Only loops count that there are for sure; where a last tile rests, the loop may be free.
    """
    least, n_rank = -1.0, lo.shape[0]
    for p in range(n_rank):
        if not (run >> p) & 1 or lo[p, d] <= hi[p, d + 1]:
            continue
        more = words * (counts[p, term[WITH]] - counts[p, term[WITHOUT]])
        for r in range(n_rank):
            if (run >> r) & 1 and r != p:
                more *= counts[r, term[WITHOUT]]
        if least < 0 or more < least:
            least = more
    return max(0.0, least) * (1.0 - every)
