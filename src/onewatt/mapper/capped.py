"""Least energy under a cap on latency: one mapping of each front, chosen exactly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.mapper.front import Choice

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Sums of energies closer than this share are equal: what rounding can make of them.
ROUNDING = 1e-12
#: Sums that are looked at in one go.
_CHUNK = 1 << 21


def least_energy_within(fronts: Sequence[Sequence[Choice]], cycles: float) -> list[int] | None:
    """Return which choice of each front gives the least total energy within a number of cycles.

    Parameters
    ----------
    fronts : sequence of sequences of Choice
        One front a layer, in any order.
    cycles : float
        What the cycles of all layers together may come to [1].

    Returns
    -------
    list of int or None
        One index a front; None if even the fastest choices take longer.

    Notes
    -----
    This is the multiple-choice knapsack problem.  Fronts are added one by one.  A partial sum is
    dropped if another has no more cycles and no more energy, or if the best that could follow (the
    rest on the lower convex hulls of their fronts, cut at the cap [1]_) does not beat the best
    whole choice so far; the last hull corners within the cap are such a whole choice.  No sum that
    could win by more than `ROUNDING` is dropped.

    References
    ----------
    .. [1] P. Sinha, A. A. Zoltners, "The Multiple-Choice Knapsack Problem", Operations Research
       27(3), 1979.

    Examples
    --------
    >>> from onewatt.spec.mapping import Mapping
    >>> front = [Choice(9.0, 1.0, Mapping(nodes=())), Choice(4.0, 3.0, Mapping(nodes=()))]
    >>> least_energy_within([front, front], 4.0)
    [1, 0]
    """
    order = sorted(range(len(fronts)), key=lambda i: (-_reach(fronts[i]), i))
    rests = _rests([fronts[i] for i in order])
    first = _State(np.zeros(1), np.zeros(1), np.zeros(1, np.int64), np.zeros(1, np.int64))
    levels, best = [first], _Best(np.inf, 0, 0, 0)
    best = _finish(rests[0], first, 0, cycles, best)
    if best.energy == np.inf:
        return None
    for depth, which in enumerate(order, start=1):
        state, best = _add(levels[-1], fronts[which], rests, depth, cycles, best)
        levels.append(state)
    picks = _picks(levels, rests[best.depth], best, len(order))
    return [picks[order.index(i)] for i in range(len(fronts))]


def _reach(front: Sequence[Choice]) -> float:
    energies = [c.energy for c in front]
    return max(energies) - min(energies)


class _Rest(NamedTuple):
    """The fronts still to be added, on their convex hulls.

    `cycles` and `energy` run over the corners, from every front at its fastest to every front at
    its cheapest, steepest gain first.  `front` and `choice` say which choice a corner changes to;
    those of the fastest come first.
    """

    cycles: Floats
    energy: Floats
    front: Ints
    choice: Ints
    many: int


class _State(NamedTuple):
    """Partial sums, with the partial sum and the choice each came from."""

    energy: Floats
    cycles: Floats
    parent: Ints
    choice: Ints


class _Best(NamedTuple):
    """The best whole choice: a partial sum of a depth, followed by corners of the rest."""

    energy: float
    depth: int
    state: int
    corner: int


def _rests(fronts: Sequence[Sequence[Choice]]) -> list[_Rest]:
    """Return what is left after each number of fronts."""
    hulls = [_hull(front) for front in fronts]
    return [_rest(fronts, hulls, start) for start in range(len(fronts) + 1)]


def _hull(front: Sequence[Choice]) -> list[int]:
    """Return the corners of the lower convex hull, from the fastest to the cheapest."""
    corners: list[int] = []
    for i in sorted(range(len(front)), key=lambda i: (front[i].cycles, front[i].energy)):
        c = front[i]
        if corners and c.energy >= front[corners[-1]].energy:
            continue
        while len(corners) > 1:
            a, b = front[corners[-2]], front[corners[-1]]
            rise = (a.energy - b.energy) * (c.cycles - b.cycles)
            if rise > (b.energy - c.energy) * (b.cycles - a.cycles):
                break
            corners.pop()
        corners.append(i)
    return corners


def _rest(fronts: Sequence[Sequence[Choice]], hulls: list[list[int]], start: int) -> _Rest:
    rows: list[tuple[float, int, int, float, float]] = []
    for i in range(start, len(fronts)):
        front, hull = fronts[i], hulls[i]
        for position, (a, b) in enumerate(itertools.pairwise(hull)):
            slower = front[b].cycles - front[a].cycles
            saved = front[a].energy - front[b].energy
            rows.append((-saved / slower, i, position, slower, saved))
    rows.sort()
    left = range(start, len(fronts))
    fastest = [fronts[i][hulls[i][0]] for i in left]
    cycles = np.cumsum([sum(c.cycles for c in fastest), *(r[3] for r in rows)])
    energy = np.cumsum([sum(c.energy for c in fastest), *(-r[4] for r in rows)])
    front = np.array([*left, *(r[1] for r in rows)], dtype=np.int64)
    choice = [*(hulls[i][0] for i in left), *(hulls[r[1]][r[2] + 1] for r in rows)]
    return _Rest(cycles, energy, front, np.array(choice, dtype=np.int64), len(fastest))


def _add(
    before: _State, front: Sequence[Choice], rests: list[_Rest], depth: int, cap: float, best: _Best
) -> tuple[_State, _Best]:
    """Add every choice of a front to every partial sum, and keep what can still win."""
    energy = np.array([c.energy for c in front])
    cycles = np.array([c.cycles for c in front])
    hopeful = np.flatnonzero(_can_win(before, rests[depth - 1], cap, best))
    many = max(1, _CHUNK // len(front))
    parts = [_only(before, hopeful[:0])]
    for start in range(0, len(hopeful), many):
        rows = hopeful[start : start + many]
        grown = _State(
            (before.energy[rows, None] + energy).ravel(),
            (before.cycles[rows, None] + cycles).ravel(),
            np.repeat(rows, len(front)),
            np.tile(np.arange(len(front), dtype=np.int64), len(rows)),
        )
        parts.append(_only(grown, _can_win(grown, rests[depth], cap, best)))
    state = _undominated(_joined(parts))
    return state, _finish(rests[depth], state, depth, cap, best)


def _joined(parts: list[_State]) -> _State:
    return _State(
        np.concatenate([p.energy for p in parts]), np.concatenate([p.cycles for p in parts]),
        np.concatenate([p.parent for p in parts]), np.concatenate([p.choice for p in parts]),
    )  # fmt: skip


def _can_win(state: _State, rest: _Rest, cap: float, best: _Best) -> NDArray[np.bool_]:
    left = cap - state.cycles
    least = state.energy + np.interp(left, rest.cycles, rest.energy)
    return (left >= rest.cycles[0]) & (least < best.energy * (1 - ROUNDING))


def _undominated(state: _State) -> _State:
    state = _only(state, np.lexsort((state.energy, state.cycles)))
    if not len(state.energy):
        return state
    before = np.minimum.accumulate(state.energy)
    fresh = np.ones(len(before), dtype=bool)
    fresh[1:] = state.energy[1:] < before[:-1]
    return _only(state, fresh)


def _only(state: _State, rows: NDArray[np.bool_] | Ints) -> _State:
    return _State(
        state.energy[rows], state.cycles[rows], state.parent[rows], state.choice[rows]
    )  # fmt: skip


def _finish(rest: _Rest, state: _State, depth: int, cap: float, best: _Best) -> _Best:
    """Complete every partial sum with the last corners that stay within the cap."""
    corner = np.searchsorted(rest.cycles, cap - state.cycles, side="right") - 1
    whole = np.where(corner >= 0, state.energy + rest.energy[corner], np.inf)
    if not len(whole) or (least := int(np.argmin(whole))) < 0 or whole[least] >= best.energy:
        return best
    return _Best(float(whole[least]), depth, least, int(corner[least]))


def _picks(levels: list[_State], rest: _Rest, best: _Best, many: int) -> list[int]:
    picks = [0] * many
    state = best.state
    for depth in range(best.depth, 0, -1):
        picks[depth - 1] = int(levels[depth].choice[state])
        state = int(levels[depth].parent[state])
    taken = rest.many + best.corner
    for front, choice in zip(rest.front[:taken], rest.choice[:taken], strict=True):
        picks[front] = int(choice)
    return picks
