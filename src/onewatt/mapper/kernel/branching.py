"""Compiled: which cut of a box to make, learnt from what cuts like it did.

A cut is good if both its halves come nearer to what the best answers cost.  How near is seen when
they are bounded; the average over the latest cuts of the same tile tells how near the next will
come.  Integer programming calls that pseudocosts
([Achterberg et al. 2005](https://doi.org/10.1016/j.orl.2004.04.002)).  The proof holds whatever
is cut.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import math
from typing import Any, NamedTuple

from onewatt.mapper.kernel.arrays import EDP, ENERGY, LATENCY, MAYBE, Floats
from onewatt.mapper.kernel.boxes import up
from onewatt.mapper.kernel.jit import leaf
from onewatt.mapper.kernel.prices import last_within

#: How many cuts the guess before the first one counts for, and what an older one loses of its
#: weight with each new one.  Chosen on ten hard layers, where it matters little.
_GUESSES, _FORGET = 4.0, 0.97
#: A cut that leaves one half where it was is this good still.
_LEAST = 0.2


class Learnt(NamedTuple):
    """What cuts did so far; a half of a cut has a number, see `number`."""

    closed: Floats  #: (4·R·(J + 1),): the sum of the shares of the gap that halves closed
    seen: Floats  #: how many there were


@leaf
def number(r: int, j: int, is_rest: bool, shape: Any, upper: bool) -> int:
    """The number of a half of the cut of a tile, or of whether it rests."""
    return 2 * ((is_rest * shape[0] + r) * shape[1] + j) + upper


@leaf
def gap_of(energy: float, cycles: float, mode: int, best: Any) -> float:
    """How much dearer a box may still become, as a share of what it costs; 1 if by more."""
    if mode == ENERGY:
        most = best[0, 0] / energy
    elif mode == EDP:
        most = best[0, 0] / energy * (best[0, 1] / cycles)
    elif mode == LATENCY:
        most = best[0, 1] / cycles
    else:
        k = last_within(best, cycles)
        most = best[k, 0] / energy if k >= 0 else math.inf
    return min(1.0, max(0.0, most - 1.0))


@leaf
def learn(learnt: Any, half: int, before: float, now: float) -> None:
    """Take note of the gap that half of a cut left of the one before."""
    share = min(1.0, max(0.0, 1.0 - now / before)) if before > 0 else 1.0
    learnt.closed[half] = learnt.closed[half] * _FORGET + share
    learnt.seen[half] = learnt.seen[half] * _FORGET + 1.0


@leaf
def _merit(learnt, lower, guess):
    merit = 1.0
    for half in (lower, lower + 1):
        share = (learnt.closed[half] + _GUESSES * guess) / (learnt.seen[half] + _GUESSES)
        merit *= _LEAST + share
    return merit


@leaf
def choose(
    lo: Any, hi: Any, rests: Any, weight: Any, resting: Any, is_time: Any, stretch: float,
    gap: float, learnt: Any,
) -> Any:  # fmt: skip
    """The cut to make: rank, place, whether of a rest, and whether the cost hangs on the tile.

    `weight` and `resting` say what energy hangs on a tile and a rest, `gap` is in energy too.
    """
    best, childr, childj, of_rest, matters = -1.0, -1, -1, False, False
    for r in range(lo.shape[0]):
        for j in range(1, lo.shape[1] - 1):
            a, b = lo[r, j], hi[r, j]
            if a < b:
                value = weight[r, j]
                if not is_time[j - 1] or not is_time[j]:
                    value += stretch
                value *= math.log(up(lo[r, 0], a) / up(lo[r, 0], b))
                guess = min(1.0, 0.5 * value / gap) if gap > 0 else 1.0
                merit = _merit(learnt, number(r, j, False, lo.shape, False), guess)
                merit += 1e-12 * math.log(b / a)
                if merit > best:
                    best, childr, childj, of_rest, matters = merit, r, j, False, value > 0
            if rests[r, j] == MAYBE and resting[r, j] > 0:
                guess = min(1.0, resting[r, j] / gap) if gap > 0 else 1.0
                merit = _merit(learnt, number(r, j, True, lo.shape, False), guess)
                if merit > best:
                    best, childr, childj, of_rest, matters = merit, r, j, True, False
    return childr, childj, of_rest, matters
