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
def _cut(lo, hi, p, d, sizes):
    """Cut a rank down to place d, or as far as its tiles are known.

    Writes the sizes of tiles and how many there are, full ones first, to `sizes` (2, 64).
    Returns how far that was, and how many sizes.
    """
    size, many = sizes[0], sizes[1]
    size[0], many[0] = lo[p, 0], 1
    n, j = 1, 0
    while j < d and lo[p, j + 1] == hi[p, j + 1]:
        tile, full, m = lo[p, j + 1], 0, 0
        for i in range(n):
            rest = size[i] % tile
            full += size[i] // tile * many[i]
            if i == 0:
                first, left = rest, many[0]
            elif rest:
                m += 1
                size[m], many[m] = rest, many[i]
        if first:
            m += 1
            size[m], many[m] = first, left
        size[0], many[0] = tile, full
        n, j = m + 1, j + 1
    return j, n


@leaf
def _leaves(lo, hi, p, j, known, full):
    """The most full tiles of a rank that leave a last one at slot j; `full` of them are known."""
    if hi[p, j] == lo[p, j + 1]:
        return 0
    if j == known:
        return full
    if lo[p, j] == hi[p, j] and lo[p, j + 1] == hi[p, j + 1] and lo[p, j] % lo[p, j + 1] == 0:
        return 0
    return lo[p, 0] // lo[p, j]


@leaf
def lasts(lo, hi, p, d, sizes):
    """The most last tiles of a rank at place d; `sizes` (2, 64) is written to."""
    known, n = _cut(lo, hi, p, d, sizes)
    most = 0
    for i in range(1, n):
        most += sizes[1, i]
    for j in range(known, d):
        most += _leaves(lo, hi, p, j, known, sizes[1, 0])
    return most


@leaf
def _largest(lo, hi, r, d, whole, domain, n):
    """The largest last tile that tiles of place d leave of a whole, and that can rest, or 0."""
    low, high = lo[r, d], min(hi[r, d], whole - 1)
    i = index_up(domain, r, n, low)
    if index_up(domain, r, n, high) - i > SCAN:
        return max(0, min(hi[r, d + 1], high - 1, whole - low, (whole - 1) // 2))
    most = 0
    while i < n and domain[r, i] <= high:
        rest = whole % domain[r, i]
        if most < rest <= hi[r, d + 1] and domain[r, i] > lo[r, d + 1]:
            most = rest
        i += 1
    return most


@leaf
def _resting(lo, hi, rests, p, d, domain, n_domain, last, sizes):
    """Find the last tiles of place d that can be one tile of the next.

    Writes how many values of a rank are in them, at most, and how many there are.
    """
    if last[0, p, d] >= 0:
        return
    last[0, p, d], last[1, p, d] = 0, 0
    if rests[p, d] == NEVER or hi[p, d] == lo[p, d + 1]:
        return
    known, n = _cut(lo, hi, p, d, sizes)
    most = min(hi[p, d + 1], hi[p, d] - 1)
    values, tiles = 0, 0
    for i in range(1, n):
        if known < d or sizes[0, i] <= most:
            values += min(sizes[0, i], most) * sizes[1, i]
            tiles += sizes[1, i]
    for j in range(known, d):
        more, rest = _leaves(lo, hi, p, j, known, sizes[1, 0]), most
        if j == known and j == d - 1:
            rest = _largest(lo, hi, p, d, sizes[0, 0], domain, n_domain[p])
        if more and rest:
            values += rest * more
            tiles += more
    last[0, p, d], last[1, p, d] = min(values, lo[p, 0]), tiles


@leaf
def shares(lo, hi, rests, x, d, dims, n_dims, line, domain, n_domain, last, share, sizes):
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
            _resting(lo, hi, rests, p, d, domain, n_domain, last, sizes)
            rest = last[0, p, d]
            share[p] = rest / lo[p, 0]
            if r >= 0 and rest:
                a, b, m = dims[x, i, 2 + side], dims[x, i, 3 - side], lo[r, 0] * last[1, p, d]
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
