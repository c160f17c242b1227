"""The best row-stationary mapping of a layer: every choice of the seven parameters, costed."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, unknown
from onewatt.mapper.row_stationary_space import Goal, Scores, Space, costed, spaces
from onewatt.model.jssc17.counts import Floats
from onewatt.model.jssc17.limits import check
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, Ints
from onewatt.model.jssc17.shape import Shape
from onewatt.spec.architecture import Architecture
from onewatt.spec.price import Prices
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import Einsum


def search(
    einsum: Einsum,
    architecture: Architecture,
    *,
    goal: Goal = "layer_edp",
    than: RowStationary | None = None,
    prices: Prices | None = None,
) -> RowStationary:
    """Return the best row-stationary mapping of a layer.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        A chip built like Eyeriss.
    goal : str
        What to make least: ``energy`` (DRAM included), ``latency`` (total), ``layer_edp``,
        ``buffer`` or ``dram`` (words moved); ties go to less latency, buffer, energy, and to
        the smallest buffer.
    than : RowStationary or None
        A mapping that the answer must not be worse than in buffer words and in processing and
        total latency.
    prices : Prices or None
        The price list; by default that of the chip.

    Returns
    -------
    RowStationary
        The best of all; the space is listed in full.

    Raises
    ------
    InputError
        If the goal is unknown.
    MappingError
        If the chip has no mapping for the layer, or cannot hold `than`.

    Examples
    --------
    >>> import onewatt as ow
    >>> conv5 = next(e for e in ow.load_workload("alexnet", batch=4).einsums if e.name == "conv5")
    >>> published = RowStationary.parse("m64 n4 e13 p16 q3 r2 t2")
    >>> print(search(conv5, ow.load_chip("eyeriss"), goal="latency", than=published))
    m128 n4 e7 p16 q3 r2 t4
    """
    if goal not in get_args(Goal):
        raise InputError(unknown("goal", goal, get_args(Goal)))
    prices = prices or price_list(architecture)
    limit = None
    if than is not None:
        check(Shape.of(einsum), Machine.of(architecture), than)
        limit = costed(einsum, architecture, Grid.of(than), prices).scores
    best: list[Space] = []
    for part in spaces(einsum, architecture, prices):
        able = part if limit is None else part.select(_no_worse(part.scores, limit))
        if able.grid.e.size:
            best.append(able.select(_ranked(able, goal)[:1]))
    if than is not None and not best:
        return than
    found = Space.join(best)
    return found.grid.at(int(_ranked(found, goal)[0]))


def _ranked(found: Space, goal: Goal) -> Ints:
    """Return the positions of mappings, best first; ties as `search` states them."""
    scores, held = found.scores, found.grid.m * found.grid.n
    keys = (scores.by(goal), scores.latency, scores.buffer, scores.energy)
    return np.lexsort((held, *(_relative(x) for x in keys[::-1])))


def _relative(figures: Floats) -> Floats:
    """Return figures over the least of them, so that sums in another order are still equal."""
    relative: Floats = figures / float(figures.min())
    return np.around(relative, 9)


def _no_worse(scores: Scores, limit: Scores) -> NDArray[np.bool_]:
    """Return which mappings move no more buffer words and take no longer than the limit."""
    slack = 1 + 1e-12  # sums of floats in another order
    return (
        (scores.buffer <= limit.buffer[0])
        & (scores.processing <= limit.processing[0] * slack)
        & (scores.latency <= limit.latency[0] * slack)
    )


def front(found: Space) -> Space:
    """Return the mappings that no other beats in both energy and latency, by rising latency."""
    energy, latency = found.scores.energy, found.scores.latency
    order = np.lexsort((energy, latency))
    before = np.minimum.accumulate(energy[order])
    first = np.ones(order.size, np.bool_)
    first[1:] = energy[order][1:] < before[:-1]
    return found.select(order[first])
