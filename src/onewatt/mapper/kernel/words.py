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
from onewatt.mapper.kernel.counts import count, product, trips_of
from onewatt.mapper.kernel.jit import leaf
from onewatt.mapper.kernel.rests import fine, shares, within_slot
from onewatt.mapper.kernel.windows import (
    ALONG_P,
    ALONG_R,
    PLAIN,
    TURNED,
    TURNED_ALONE,
    alone_inside,
    far_words,
    held_apart,
    keeps_words,
    pair_words,
    spread_words,
    starts_again,
    turned_at,
    union_words,
    window_words,
)


class Bound(NamedTuple):
    """What `least_words` fills in."""

    words: Floats  #: (E, C): least words of each term under each class
    lost: Floats  #: (E, C): how much of that was given up for last tiles that may rest
    gain: Floats  #: (E, C): what comes back if no loop of the run lies outside other loops, and
    fine: Floats  #: (E, C): what comes on top if one does
    at: Ints  #: (E, C): the rank that this hangs on, or -1
    counts: Floats  #: (R, M): least tiles of each rank
    pair: Floats  #: (F, COLUMNS): words of each window, by what slides
    last: Ints  #: (2, R, J): most values in tiles that may rest, -1 not known, and most tiles
    share: Floats  #: (R,): of the words of a term, by the rank that rests
    scratch: Ints  #: (3, 64)
    copied: Ints  #: (R, J): copies of a rank along an axis, at most
    part: Floats  #: (3, D, 1 + ports, C): what a level pays under a class, gains and fines
    paid: Floats  #: (D + 1, 1 + ports): what is paid down to a level
    more: Floats  #: (D + 1, 1 + ports): what is paid at least inside it
    picked: Ints  #: (D,): the class of each level


@leaf
def unrolled_steps(most, counts, mask, unrolled):
    """The fewest steps of any way to unroll the ranks with at most so many copies (R, J).

    A rank takes no fewer steps than its tiles do, which `counts` has under `mask`.
    """
    n_way = unrolled.copies.shape[0]
    least = float(unrolled.steps[n_way])
    for u in range(n_way):
        if unrolled.steps[u] >= least:
            break
        fits = True
        for r in range(most.shape[0]):
            for j in range(most.shape[1]):
                if unrolled.copies[u, r, j] > most[r, j]:
                    fits = False
                    break
            if not fits:
                break
        if fits:
            steps = 1.0
            for r in range(most.shape[0]):
                steps *= max(float(unrolled.parts[u, r]), counts[r, mask])
            least = min(least, steps)
    return least


@leaf
def least_words(lo: Any, hi: Any, rests: Any, space: Any, layer: Any, costs: Any, out: Any) -> Any:
    """Fill the least words of each term under each class; return the least time steps."""
    # arrays by themselves: passing the tuples on would count references all the way down
    is_time, axis_size = space.is_time, space.axis_size
    dims, n_dims, relevant, line = layer.dims, layer.n_dims, layer.relevant, layer.line
    free = layer.free
    terms, masks, needed, classes = costs.terms, costs.masks, costs.needed, costs.classes
    words, counts, pair, scratch, share = out.words, out.counts, out.pair, out.scratch, out.share
    copied, n_rank, n_slot = out.copied, lo.shape[0], len(is_time)
    trips = scratch[2]
    for r in range(n_rank):
        known = trips_of(lo, hi, r, trips)
        for k in range(masks.shape[0]):
            if not needed[r, k]:
                continue
            mask, place = masks[k, 0], masks[k, 1]
            if place <= known:
                counts[r, k] = product(trips, mask, place)
            else:
                counts[r, k] = count(lo, hi, r, mask, place, scratch)
    if space.kind != PERFECT:
        out.last.fill(-1)
    for t in range(terms.shape[0]):
        x, place, d, step = terms[t, TENSOR], terms[t, PLACE], terms[t, DECIDES], terms[t, STEP]
        keeps, shared, own = terms[t, KEEPS], terms[t, SHARED], terms[t, OWN]
        e, held = step if shared else place, place if own else step
        fixed, n_pair = 1.0, 0
        keeping, keeper = 0, -1  # windows of which steps may keep words, and the last one
        union = 1.0  # different words of the windows
        for i in range(n_dims[x]):
            p, r, a, b = dims[x, i, 0], dims[x, i, 1], dims[x, i, 2], dims[x, i, 3]
            if r < 0:
                fixed *= lo[p, 0]
            elif not keeps:
                fixed *= spread_words(lo, hi, p, r, shared, is_time, axis_size)
            else:
                n_p, n_r, e_p, e_r = lo[p, 0], lo[r, 0], hi[p, e], hi[r, e]
                if shared & ((1 << step) - 1):  # arrays outside share: tiles that lie far apart
                    pair[i].fill(union_words(n_p, n_r, a, b))
                    pair[i, ALONG_P] = far_words(lo, hi, p, r, a, b, d)
                    pair[i, ALONG_R] = far_words(lo, hi, r, p, b, a, d)
                else:
                    pair[i].fill(-1.0)
                    pair[i, PLAIN] = pair_words(n_p, n_r, a, b, e_p, e_r, up(n_p, e_p), True)
                union *= min(pair[i, PLAIN], union_words(n_p, n_r, a, b))
                n_pair += 1
                if keeps_words(lo, hi, p, r, a, b, place, held, is_time):
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
        may_rest, every, least, of_lines, at = d > 0 and space.kind != PERFECT, 0.0, 0.0, 0.0, -1
        if may_rest:
            every, least, of_lines, at = shares(
                lo, hi, rests, x, d, dims, n_dims, line, space.domain, space.n_domain, out.last,
                share, scratch,
            )  # fmt: skip
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
            turned, moved, lines = 0, 1.0, False
            if n_pair:
                if d >= 0 and slides >= 0 and full and still != x:
                    # the other rank of the window loops outside the run, and these inside it
                    turned = turned_at(lo, hi, d, run, x, line)
                for i in range(n_dims[x]):
                    p, r, a, b = dims[x, i, 0], dims[x, i, 1], dims[x, i, 2], dims[x, i, 3]
                    if r >= 0:
                        column = PLAIN
                        if d >= 0 and slides in (p, r):
                            column = ALONG_P if slides == p else ALONG_R
                            if may_rest and starts_again(lo, hi, slides, d, is_time):
                                lines |= held_apart(lo, hi, p, r, x, d, relevant, line) == 1
                        alone = keeping == 0 or (keeping == 1 and keeper == i)
                        if column != PLAIN and turned:  # what loops outside the run keeps nothing
                            if not alone:
                                alone = alone_inside(lo, hi, i, x, d, run, held, dims, n_dims)
                            column += TURNED_ALONE if alone else TURNED
                        moved *= window_words(
                            lo, hi, p, r, a, b, column, x, d, place, step, own, e, alone,
                            space.kind == PERFECT, is_time, relevant, line, pair[i], scratch,
                        )  # fmt: skip
                lines = lines or turned > 0
                if turned:  # all of a window comes anew in every run
                    moved = max(moved, union)
                value = max(value * moved, through)
            out.lost[t, c], out.at[t, c], out.gain[t, c], out.fine[t, c] = 0.0, -1, 0.0, 0.0
            if may_rest and value > through:
                out_of, most, sure = within_slot(
                    lo, hi, x, d, still, slides, run, full, every, lines, free, layer.windows,
                    relevant, line, share,
                )  # fmt: skip
                outside = min(out_of, of_lines if lines else least) * (value - through)
                inside = max(0.0, value - cheapest)
                out.at[t, c] = at
                out.lost[t, c] = min(outside + most * inside, value - through)
                out.gain[t, c] = out.lost[t, c] - min(outside + sure * inside, value - through)
                value -= out.lost[t, c]
            if d > 0 and still == x and full and not n_pair and space.kind != PERFECT:
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
            copied[r, j] = 1
            if not is_time[j]:
                copied[r, j] = min(axis_size[j], up(hi[r, j], lo[r, j + 1]))
                copies *= copied[r, j]
        steps *= max(math.ceil(n / copies - 1e-9), counts[r, costs.steps])
    steps = max(steps, math.ceil(points / spatial - 1e-9))
    return max(steps, unrolled_steps(copied, counts, costs.steps, space.unrolled))
