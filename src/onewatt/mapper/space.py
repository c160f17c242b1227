"""The mapspace that the mapper enumerates: tilings grown from compute outwards.

Every slot multiplies the tile inside it.  The factors of a rank with n tiles left are ceil(n / j)
for the divisions j of a short ladder, so tiles need not divide; what does not fit is dropped, and
after each slot the states that rank best are kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.errors import MappingError
from onewatt.mapper.kernel import fits
from onewatt.mapper.ranking import Ranking
from onewatt.mapper.template import Template

Tiles = NDArray[np.int64]

#: Into how many parts a rank may be cut at a slot, apart from all and none.
LADDER = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64, 96, 128, 256, 512, 1024)
#: States kept after a slot, and states that one slot may produce before they are ranked.
BEAM, BURST = 600, 24_000


class Space(NamedTuple):
    """Complete tilings, shape (K, J + 1, R), and how many states were looked at to get there."""

    tiles: Tiles
    visited: int


def enumerate_tilings(
    template: Template, ranking: Ranking, sizes: Tiles, *, effort: float = 1.0
) -> Space:
    """Grow tilings from the innermost slot to the outermost.

    Parameters
    ----------
    template : Template
        Stages and slots.
    ranking : Ranking
        Prices and limits, to drop what does not fit and to keep what ranks best.
    sizes : int array, shape (R,)
        Size of each rank.
    effort : float
        Share of the usual beam to keep, for a first impression of a template.

    Raises
    ------
    MappingError
        If not even the smallest tile fits, or the dataflow leaves a rank without a place.
    """
    count = len(sizes)
    states = np.ones((1, 1, count), dtype=np.int64)
    visited = 0
    for j in range(len(template.slots) - 1, 0, -1):
        slot = template.slots[j]
        allowed = [template.ranks.index(r) for r in slot.ranks]
        if not slot.axis:
            _check_smallest(template, ranking, slot.stage, states)
        grown = _grow(states, allowed, sizes, template, ranking, j, effort)
        visited += len(grown)
        states = _keep(grown, ranking, sizes, j, template, effort)
    first = template.slots[0]
    closed = [i for i, r in enumerate(template.ranks) if r not in first.ranks]
    whole = (states[:, 0, closed] == sizes[closed]).all(axis=1)
    if not whole.any():
        names = [template.ranks[i] for i in closed if (states[:, 0, i] < sizes[i]).all()]
        raise MappingError(
            f"the dataflow lets rank {', '.join(names) or 'combinations'} loop nowhere often "
            "enough; allow it at the outermost memory or lift the dataflow (--dataflow free)"
        )
    states = states[whole]
    outer = np.broadcast_to(sizes, (len(states), 1, count))
    return Space(_balance(np.concatenate([outer, states], axis=1)), visited)


def _balance(tiles: Tiles) -> Tiles:
    """Even out the tiles of each rank from the outside in, keeping the number of trips.

    Grown tiles are multiples of the inner ones, so the last trip may be nearly empty; cutting
    ceil(outer / trips) instead makes every tile as small as its trips allow, so it still fits.
    """
    even = tiles.copy()
    for j in range(1, tiles.shape[1]):
        trips = -(-tiles[:, j - 1] // tiles[:, j])
        even[:, j] = -(-even[:, j - 1] // trips)
    even[:, -1] = 1
    return np.unique(np.concatenate([tiles, even]), axis=0)


def _check_smallest(template: Template, ranking: Ranking, stage: int, states: Tiles) -> None:
    ones = np.ones((1, states.shape[2]), dtype=np.int64)
    if not fits(ones, *ranking.limits(stage)).all():
        names = ", ".join(m.name for m, _ in template.stages[stage].memories)
        raise MappingError(f"not even one word of each tensor fits {names}")


def _factors(left: int, sizes: list[int]) -> list[int]:
    """Return the factors tried where `left` tiles of a rank remain.

    `sizes` are the axes that this rank may still be spread over, this slot's own included: a tile
    is also cut so that one of them, or all together, is filled evenly.
    """
    parts = {*LADDER, left, math.prod(sizes), *sizes, *(-(-left // size) for size in sizes)}
    return sorted({-(-left // j) for j in parts if j <= left})


def _grow(
    states: Tiles,
    allowed: list[int],
    sizes: Tiles,
    template: Template,
    ranking: Ranking,
    j: int,
    effort: float,
) -> Tiles:
    """Return every state with a slot's tile added in front; the innermost tile comes last."""
    slot = template.slots[j]
    grown = np.concatenate([states[:, :1], states], axis=1)
    used = np.ones(len(grown), dtype=np.int64)
    if not slot.axis:
        for rank in allowed:
            _even_out(grown, rank, int(sizes[rank]))
    for rank in allowed:
        pieces, spent = [grown], [used]
        name = template.ranks[rank]
        axes = [s.size for s in template.slots[: j + 1] if s.axis and name in s.ranks]
        tile = grown[:, 0, rank]
        left = -(-sizes[rank] // tile)
        for many in np.unique(left):
            rows = np.nonzero(left == many)[0]
            for factor in _factors(int(many), axes):
                if factor == 1:
                    continue
                chosen = rows[used[rows] * factor <= slot.size] if slot.axis else rows
                if not len(chosen):
                    continue
                more = grown[chosen].copy()
                more[:, 0, rank] = np.minimum(more[:, 0, rank] * factor, sizes[rank])
                pieces.append(more)
                spent.append(used[chosen] * factor)
        grown, used = np.concatenate(pieces), np.concatenate(spent)
        if not slot.axis:
            _even_out(grown, rank, int(sizes[rank]))
            fit = fits(np.ascontiguousarray(grown[:, 0]), *ranking.limits(slot.stage))
            grown, used = grown[fit], used[fit]
        if len(grown) > BURST * effort:
            best = ranking.best(_close(grown, sizes, j, template), int(BURST * effort) // 4)
            grown, used = grown[best], used[best]
    return grown


def _even_out(states: Tiles, rank: int, size: int) -> None:
    """Shrink the outermost tile of a rank as far as its trips allow, and what is inside with it."""
    tile = states[:, 0, rank]
    even = -(-size // -(-size // tile))
    states[:, :, rank] = np.minimum(states[:, :, rank], even[:, None])


def _close(states: Tiles, sizes: Tiles, j: int, template: Template) -> Tiles:
    """Complete states that end at slot j as if the next memory outside had room for everything."""
    nearest = max(i for i in range(j) if not template.slots[i].axis)
    outer = np.broadcast_to(sizes, (len(states), nearest + 1, states.shape[2]))
    filler = np.repeat(states[:, :1], j - 1 - nearest, axis=1)
    return np.ascontiguousarray(np.concatenate([outer, filler, states], axis=1))


def _keep(
    states: Tiles, ranking: Ranking, sizes: Tiles, j: int, template: Template, effort: float
) -> Tiles:
    most = int(BEAM * effort)
    if len(states) <= most:
        return states
    return states[ranking.best(_close(states, sizes, j, template), most)]
