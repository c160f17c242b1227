"""Compiled: the least words of sliding windows over a box of tilings.

A window is a dimension a·p + b·r of a tensor.  Every number here is at most what any mapping in the
box counts; docs/mapper.md has the argument for each formula.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from onewatt.mapper.kernel.boxes import up
from onewatt.mapper.kernel.jit import leaf
from onewatt.mapper.kernel.rests import lasts

#: Columns in which the words of a window are remembered: nothing slides, or its rank p or r does.
#: To the latter comes how: straight on, turned by a loop over other words that stands between, or
#: turned while no other window keeps words there.
PLAIN, ALONG_P, ALONG_R, COLUMNS = 0, 1, 4, 7
STRAIGHT, TURNED, TURNED_ALONE = 0, 1, 2


@leaf
def _slide(n, c, tile, e, a, b, joined):
    """Words of c tiles, or sweeps, along rank p for one tile of e values of rank r.

    Each holds at most `tile` values of p, which are neighbours if `joined`: sets of n and e numbers
    have at least n + e - 1 different sums, and more if a step of r passes over neighbours.
    """
    if b == 1:
        return float(n * e) if e <= a else a * n + c * (e - a)
    if joined and a == 1 and c:
        return n + max(c, n / tile * min(tile, b)) * (e - 1)
    return n + c * (e - 1)


@leaf
def pair_words(n_p, n_r, a, b, e_p, e_r, c, joined):
    """Words of a sliding dimension a*p + b*r over all tiles of at most e_p x e_r values.

    Rank p takes c tiles, or sweeps that begin with nothing, for each tile of rank r.
    """
    total = (n_r // e_r) * _slide(n_p, c, e_p, e_r, a, b, joined)
    if n_r % e_r:
        total += _slide(n_p, c, e_p, n_r % e_r, a, b, joined)
    return total


@leaf
def union_words(n_p, n_r, a, b):
    """Different words of a window, at least."""
    most = float(n_p) * n_r
    return min(most, float(n_p + n_r - 1 if a > 1 and b > 1 else a * (n_p - 1) + b * (n_r - 1) + 1))


@leaf
def far_words(lo, hi, p, r, a, b, d):
    """Words of a window that arrays outside slot d share, of which rank p slides first there.

    Its tiles lie apart, so each of its words counts once, less what all of them may hold where
    loops over other words step: then p begins again, once for each step of p and r outside.
    """
    different = union_words(lo[p, 0], lo[r, 0], a, b)
    if up(hi[p, d], lo[p, d + 1]) <= 1:
        return different  # another class holds this order
    held = float(a * (hi[p, d + 1] - 1) + b * (hi[r, d + 1] - 1) + 1)
    for j in range(d):
        held *= up(hi[p, j], lo[p, j + 1]) * up(hi[r, j], lo[r, j + 1])
    return max(0.0, different - held * up(hi[r, d], lo[r, d + 1]))


@leaf
def held_apart(lo, hi, p, r, x, d, relevant, line):
    """Whether the end of a sweep is replaced before the next begins where the window steps outside.

    1 if only loops over lines see to that which a last tile outside may leave out, else 2.
    """
    apart = 0
    for q in range(lo.shape[0]):
        if not relevant[x, q] or q in (p, r):
            continue
        n, cut = up(lo[q, d], hi[q, d + 1]), lo[q, d] < lo[q, 0]
        if n >= 2 and line[x, q] and cut:
            apart = max(apart, 1)
        elif not cut and (n >= 3 or (n >= 2 and line[x, q])):
            apart = 2
    return apart


@leaf
def starts_again(lo, hi, p, d, is_time):
    """Whether a rank may loop outside slot d too, so that its sweeps there follow each other."""
    if p < 0:
        return False
    for j in range(d):
        if is_time[j] and hi[p, j] > lo[p, j + 1]:
            return True
    return False


@leaf
def _sweeps(lo, hi, p, r, a, b, x, d, at, step, turned, short, is_time, relevant, line):
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
    if turned:
        return float(up(lo[p, 0], hi[p, d]))
    if starts_again(lo, hi, p, d, is_time) and not held_apart(lo, hi, p, r, x, d, relevant, line):
        return 0.0
    return max(0.0, float(up(lo[p, 0], hi[p, d]) - short))


@leaf
def _short_steps(lo, hi, p, r, a, b, d, place, step, is_time, scratch):
    """The most words that receivers keep where a sweep of rank p begins after a last tile.

    That is a short step: a receiver whose own tile is less than that of a step comes nearer to what
    it holds than by whole steps, which keep nothing.
    """
    wide = a * (hi[p, place] - 1) + b * (hi[r, place] - 1) + 1
    if wide <= a or lo[p, place] == hi[p, step]:
        return 0.0
    short = float(lasts(lo, hi, p, d + 1, scratch))
    for j in range(d, place):
        if not is_time[j]:
            short *= up(hi[p, j], lo[p, j + 1])
    if lo[r, place] < lo[r, 0]:
        short *= lo[r, 0]
    return short * (wide - a)


@leaf
def _may_keep(hi, p, r, a, b, at, loops_p, loops_r):
    """Whether a step of a rank of a window that loops may keep some of its words.

    What is held are tiles of place `at`.  Where both ranks loop, one may return just as far as the
    other steps.
    """
    return (
        (loops_p and loops_r)
        or (loops_p and b * (hi[r, at] - 1) + 1 > a)
        or (loops_r and a * (hi[p, at] - 1) + 1 > b)
    )


@leaf
def keeps_words(lo, hi, p, r, a, b, place, at, is_time):
    """Whether a step of either rank of a window may keep some of its words."""
    loops_p, loops_r = False, False
    for j in range(place):
        if is_time[j]:
            loops_p = loops_p or hi[p, j] > lo[p, j + 1]
            loops_r = loops_r or hi[r, j] > lo[r, j + 1]
    return _may_keep(hi, p, r, a, b, at, loops_p, loops_r)


@leaf
def _least_step(lo, hi, p, d, is_time):
    """By how much a step of any loop over a rank down to slot d moves its tiles, at least.

    Of loops at several slots, one outside moves it on by the last tile of those inside.
    """
    loops = 0
    for j in range(d + 1):
        loops += is_time[j] and hi[p, j] > lo[p, j + 1]
    least = lo[p, d + 1]
    for j in range(d):
        if loops < 2 or hi[p, j] == lo[p, j + 1]:
            continue
        last = lo[p, j + 1]
        for k in range(j + 1, d + 1):
            if lo[p, k] != hi[p, k] or lo[p, k + 1] != hi[p, k + 1]:
                return 1
            if last > lo[p, k + 1]:
                last = (last - 1) % lo[p, k + 1] + 1
        least = min(least, last)
    return least


@leaf
def _returns_far(lo, hi, p, r, a, b, d, place, at, own, short, perfect, is_time):
    """Whether no step keeps words but those of rank p at slot d.

    All others bring p back to its first tile there, or on to the first one after its last.  That is
    far enough wherever rank r stands, or the steps of r are, wherever p does.
    """
    if short:
        return False
    trips, back = max(2, up(lo[p, d], hi[p, d + 1])), 1
    if not perfect and own and lo[p, place] < hi[p, d + 1]:
        back = 2  # who rests in the last step holds what is one more step away
    move = max((trips - back) * lo[p, d + 1], lo[p, d] - back * hi[p, d + 1])
    if starts_again(lo, hi, p, d, is_time):
        move = min(move, lo[p, d + 1] if perfect else _least_step(lo, hi, p, d, is_time))
    wide_p, wide_r = a * (hi[p, at] - 1), b * (hi[r, at] - 1)
    if a * move > wide_p + b * (lo[r, 0] - 1):
        return True
    other = lo[r, d + 1] if perfect else _least_step(lo, hi, r, d, is_time)
    return a * move > wide_p + wide_r and b * other > wide_r + a * (lo[p, 0] - 1)


@leaf
def _divides(lo, hi, q, place):
    """Whether the tiles of a rank are known down to a place, all as large as each other."""
    for j in range(place):
        if lo[q, j] != hi[q, j] or lo[q, j + 1] != hi[q, j + 1] or lo[q, j] % lo[q, j + 1]:
            return False
    return True


@leaf
def _kept_besides(
    lo, hi, p, r, a, b, d, place, at, inside, own, alone, short, perfect, is_time
):  # fmt: skip
    """The most words of a window that steps keep but those of rank p at slot d; -1 if not known.

    A step brings all loops inside it back to their first tiles.  Of two loops of the window at a
    slot outside, either may be the outer one.
    """
    known = _divides(lo, hi, p, d + 1) and _divides(lo, hi, r, d + 1)
    for j in range(d):
        known = known and (is_time[j] or (lo[p, j] == lo[p, j + 1] and lo[r, j] == lo[r, j + 1]))
    if not known:
        far = _returns_far(lo, hi, p, r, a, b, d, place, at, own, short, perfect, is_time)
        return 0.0 if far else -1.0
    wide = a * (hi[p, at] - 1) + b * (hi[r, at] - 1) + 1
    move_p, move_r = lo[p, d + 1], lo[r, d + 1]
    back = a * (lo[p, d] - move_p)
    if back < wide and not alone:
        return -1.0  # steps of another window may keep words too
    kept, runs = 0.0, 1.0
    for j in range(d):
        n_p, n_r = lo[p, j] // lo[p, j + 1], lo[r, j] // lo[r, j + 1]
        p_inside = max(0, wide - abs(a * move_p - b * (lo[r, j + 1] - move_r)))
        p_outside = max(0, wide - abs(a * move_p - b * (lo[r, j] - move_r)))
        r_inside = max(0, wide - abs(b * move_r - a * (lo[p, j + 1] - move_p)))
        r_outside = max(0, wide - abs(b * move_r - a * (lo[p, j] - move_p)))
        kept += runs * max(
            (n_p - 1) * p_outside + n_p * (n_r - 1) * r_inside,
            (n_r - 1) * r_outside + n_r * (n_p - 1) * p_inside,
        )
        runs *= n_p * n_r
    kept += runs * (lo[r, d] // move_r - 1) * max(0, wide - abs(b * move_r - back))
    for j in range(d + 1, inside):  # every memory returns by itself
        if not is_time[j]:
            kept *= up(hi[p, j], lo[p, j + 1]) * up(hi[r, j], lo[r, j + 1])
    return kept


@leaf
def _slid_words(
    lo, hi, p, r, a, b, x, d, place, step, own, e, turned, alone, perfect, is_time, relevant, line,
    scratch,
):  # fmt: skip
    """Words of a sliding dimension if rank p moves it first at slot d; -1 if nothing is kept.

    `alone`: no step of another window keeps words, so that this one may count what its own bring.
    """
    if up(hi[p, d], lo[p, d + 1]) <= 1:
        return -1.0  # another class holds this order
    at = place if own else step
    wide = a * (hi[p, at] - 1) + b * (hi[r, at] - 1) + 1
    turned = turned and alone
    short = 0 if perfect else lasts(lo, hi, p, d, scratch)  # sweeps of less than a full tile
    sweeps = _sweeps(
        lo, hi, p, r, a, b, x, d, at, step, turned, short, is_time, relevant, line
    )  # fmt: skip
    n_p, n_r = lo[p, 0], lo[r, 0]
    total, joined = -1.0, not own or hi[p, step] == lo[p, place]
    if sweeps >= 0:
        total = pair_words(n_p, n_r, a, b, hi[p, d], hi[r, e], sweeps, joined)
    elif (
        own and not turned and not perfect and starts_again(lo, hi, p, d, is_time)
        and not held_apart(lo, hi, p, r, x, d, relevant, line)
    ):  # fmt: skip
        near = _short_steps(lo, hi, p, r, a, b, d, place, step, is_time, scratch)
        if near > 0:
            total = pair_words(n_p, n_r, a, b, hi[p, e], hi[r, e], up(n_p, hi[p, e]), True) - near
            total = max(total, pair_words(n_p, n_r, a, b, hi[p, d], hi[r, e], 0.0, joined))
    # whatever other steps keep, the steps of this rank bring what is new
    trips = max(2, up(lo[p, d], hi[p, d + 1]))
    tiles = up(n_r, hi[r, e])
    unit = float(tiles)  # words for each value of p, one at least from every tile of r
    if b == 1:
        unit = max(unit, n_r * min(1.0, a / hi[r, e]))
    elif a == 1 and 2 * hi[p, d + 1] <= b:
        unit = float(n_r)  # steps end between those of the other rank: all is new
    if own and a * (hi[p, step] - 1) < b * lo[r, place] and (perfect or _divides(lo, hi, r, place)):
        unit = max(unit, float(up(n_r, hi[r, place])))  # another one for each receiver
    full = max(0, n_p - short * (hi[p, d] - 1))  # values in sweeps of a full tile
    least = unit * full * (trips - 1) / trips
    # what comes after the first tile of these sweeps, and the words of that
    later = least if perfect else unit * full * max(0.0, 1 - hi[p, d + 1] / lo[p, d])
    first = float(n_r + tiles * (lo[p, d + 1] - 1))
    begun = float(max(0, up(n_p, hi[p, d]) - short))
    turns = False
    for j in range(place):
        turns = turns or (is_time[j] and hi[r, j] > lo[r, j + 1])
    if turned or not turns:
        if total >= 0:
            total = max(total, least, later + min(begun, max(0.0, sweeps)) * first)
        return total
    # when the other rank steps, this one returns: the window may land on what is still held
    kept = _kept_besides(
        lo, hi, p, r, a, b, d, place, at, place if own else e, own, alone, short, perfect, is_time
    )  # fmt: skip
    if kept < 0:
        return least
    if total < 0:
        total = pair_words(n_p, n_r, a, b, hi[p, e], hi[r, e], up(n_p, hi[p, e]), True)
    if a * max((trips - 1) * lo[p, d + 1], lo[p, d] - hi[p, d + 1]) >= wide:
        total = max(total, later + begun * first)  # steps of all other ranks keep nothing
    return max(least, total - kept)


@leaf
def spread_words(lo, hi, p, r, shared, is_time, axis_size):
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
def window_words(
    lo, hi, p, r, a, b, column, x, d, place, step, own, e, alone, perfect, is_time, relevant, line,
    pair, scratch,
):  # fmt: skip
    """Words of a window in one of the columns, counted once and remembered in `pair`."""
    if pair[column] < 0:
        turned = column not in (ALONG_P + STRAIGHT, ALONG_R + STRAIGHT)
        if column >= ALONG_R:
            p, r, a, b = r, p, b, a
        slid = _slid_words(
            lo, hi, p, r, a, b, x, d, place, step, own, e, turned, alone, perfect, is_time,
            relevant, line, scratch,
        )  # fmt: skip
        pair[column] = pair[PLAIN] if slid < 0 else min(pair[PLAIN], slid)
    return pair[column]


@leaf
def alone_inside(lo, hi, i, x, d, run, at, dims, n_dims):
    """Whether no window of a tensor but one has steps in the run of a slot that keep words."""
    for k in range(n_dims[x]):
        p, r, a, b = dims[x, k, 0], dims[x, k, 1], dims[x, k, 2], dims[x, k, 3]
        if r < 0 or k == i:
            continue
        loops_p = (run >> p) & 1 and hi[p, d] > lo[p, d + 1]
        loops_r = (run >> r) & 1 and hi[r, d] > lo[r, d + 1]
        if _may_keep(hi, p, r, a, b, at, loops_p, loops_r):
            return False
    return True


@leaf
def turned_at(lo, hi, d, run, x, line):
    """Whether a loop over lines of a tensor runs inside a slot for sure, among the ranks `run`."""
    for q in range(lo.shape[0]):
        if (run >> q) & 1 and line[x, q] and lo[q, d] > hi[q, d + 1]:
            return 1
    return 0
