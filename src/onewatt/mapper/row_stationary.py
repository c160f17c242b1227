"""The best row-stationary mapping of a layer: every choice of the seven parameters, costed.

The space is small (thousands to a million mappings a layer), so it is listed and not bounded.
Three parameters are listed only where they can matter, and nothing is lost by it:

- Images and output rows are cut as evenly as their number of pieces allows: the counts depend on
  the number of pieces alone, evener pieces are not slower and need no more buffer.
- A larger `m` reads inputs less often from DRAM and changes nothing else, so of the multiples of
  p·t the least is kept that needs as few groups as the largest that fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, MappingError, unknown
from onewatt.model.jssc17.cost import Counted, counted, energy
from onewatt.model.jssc17.counts import Floats, buffer_words, dram_words
from onewatt.model.jssc17.limits import check, check_shape, fits
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, Ints, input_rows, pieces
from onewatt.model.jssc17.shape import Shape
from onewatt.model.words import check_words
from onewatt.spec.architecture import Architecture
from onewatt.spec.price import Prices
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import Einsum

Goal = Literal["energy", "latency", "layer_edp", "buffer", "dram"]


class Scores(NamedTuple):
    """What mappings are compared by: energy [J], latency [cycle], words of buffer and of DRAM."""

    energy: Floats
    latency: Floats
    buffer: Floats
    dram: Floats

    def by(self, goal: Goal) -> Floats:
        """Return the figure that a goal makes least."""
        if goal == "layer_edp":
            return self.energy * self.latency
        return getattr(self, goal)


class Space(NamedTuple):
    """All mappings of a layer that can matter, with their scores, for one run."""

    grid: Grid
    scores: Scores
    counted: Counted


def evenly(whole: int) -> list[int]:
    """Return the piece sizes that cut a loop most evenly, one for each number of pieces.

    Examples
    --------
    >>> evenly(9)
    [1, 2, 3, 5, 9]
    """
    return sorted({-(-whole // pieces) for pieces in range(1, whole + 1)})


def space(einsum: Einsum, architecture: Architecture, prices: Prices | None = None) -> Space:
    """Return every row-stationary mapping of a layer that can matter, costed.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        A chip built like Eyeriss.
    prices : Prices or None
        The price list; by default that of the chip.

    Returns
    -------
    Space
        Mappings and scores of one run.

    Raises
    ------
    MappingError
        If the chip has no mapping for the layer, with the limit that is to blame.
    """
    check_words(einsum, architecture)
    shape, machine = Shape.of(einsum), Machine.of(architecture)
    check_shape(shape, machine)
    grid = candidates(shape, machine)
    return _costed(einsum, architecture, grid, prices or price_list(architecture))


def _costed(einsum: Einsum, architecture: Architecture, grid: Grid, prices: Prices) -> Space:
    shape, machine = Shape.of(einsum), Machine.of(architecture)
    found = counted(einsum, architecture, grid)
    scores = Scores(
        energy(found, prices), found.latency.total,
        buffer_words(shape, grid).total.astype(np.float64),
        dram_words(shape, grid).bits(shape, machine.word).total / machine.word,
    )  # fmt: skip
    return Space(grid, scores, found)


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
    found = space(einsum, architecture, prices)
    keep = np.arange(found.grid.e.size)
    if than is not None:
        check(Shape.of(einsum), Machine.of(architecture), than)
        able = no_worse(einsum, architecture, found, than)
        if not able.any():
            return than
        keep = np.flatnonzero(able)
    scores, grid = found.scores, found.grid
    keys = (scores.by(goal), scores.latency, scores.buffer, scores.energy)
    ranked = np.lexsort((grid.m[keep] * grid.n[keep], *(_ranks(x[keep]) for x in keys[::-1])))
    return grid.at(int(keep[ranked[0]]))


def _ranks(figures: Floats) -> Floats:
    """Return figures over the least of them, so that sums in another order are still equal."""
    relative: Floats = figures / float(figures.min())
    return np.around(relative, 9)


def no_worse(
    einsum: Einsum, architecture: Architecture, found: Space, than: RowStationary
) -> NDArray[np.bool_]:
    """Return which mappings of a space move no more buffer words and take no longer."""
    other = _costed(einsum, architecture, Grid.of(than), price_list(architecture))
    slack = 1 + 1e-12  # sums of floats in another order
    spent, limit = found.counted.latency, other.counted.latency
    return (
        (found.scores.buffer <= other.scores.buffer[0])
        & (spent.processing <= limit.processing[0] * slack)
        & (spent.total <= limit.total[0] * slack)
    )


def front(scores: Scores) -> list[int]:
    """Return the mappings that no other beats in both energy and latency, by rising latency."""
    order = np.lexsort((scores.energy, scores.latency))
    kept: list[int] = []
    least = float("inf")
    for i in order:
        if scores.energy[i] < least:
            kept.append(int(i))
            least = float(scores.energy[i])
    return kept


def candidates(shape: Shape, machine: Machine) -> Grid:
    """Return every mapping that the chip can hold and that can matter.

    Raises
    ------
    MappingError
        If there is none.
    """
    parts = list(_array_choices(shape, machine))
    if not parts:
        raise MappingError(
            f"layer {shape.name!r}: found no row-stationary mapping on chip {machine.name!r}; "
            "split the layer or choose another chip"
        )
    e, r, t = (np.concatenate(column) for column in zip(*parts, strict=True))
    p, q = _spad_choices(shape, machine)
    n = np.array(evenly(shape.N), np.int64)
    arrays, spads, images = (x.ravel() for x in np.meshgrid(
        np.arange(e.size), np.arange(p.size), np.arange(n.size), indexing="ij"
    ))  # fmt: skip
    columns = dict(e=e[arrays], r=r[arrays], t=t[arrays], p=p[spads], q=q[spads], n=n[images])
    columns = _useful(shape, columns)
    m = _sums(shape, machine, columns)
    grid = Grid(m=m, **columns).select(m > 0)
    return grid.select(fits(shape, machine, grid))


def _array_choices(shape: Shape, machine: Machine) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield strips and sets that the array has room for."""
    for e in evenly(shape.E):
        segments = -(-e // machine.columns)
        beside = machine.columns // -(-e // segments)
        for r in range(1, min(shape.C, machine.rows // shape.R) + 1):
            room = (machine.rows // (shape.R * r)) * beside // segments
            t = np.arange(1, min(room, shape.M) + 1)
            yield np.full_like(t, e), np.full_like(t, r), t


def _spad_choices(shape: Shape, machine: Machine) -> tuple[Ints, Ints]:
    """Return how many filters and channels the spads of a PE have room for."""
    pairs = [
        (p, q)
        for q in range(1, min(shape.C, machine.ifmap_spad // shape.S) + 1)
        for p in range(1, min(shape.M, machine.psum_spad, machine.filter_spad // (q * shape.S)) + 1)
    ]
    p, q = np.array(pairs, np.int64).T
    return p, q


def _useful(shape: Shape, columns: dict[str, Ints]) -> dict[str, Ints]:
    """Drop sets and spad room that a layer has nothing for: a set more than filters need."""
    p, q, r, t = (columns[k] for k in "pqrt")
    keep = ((t - 1) * p < shape.M) & ((r - 1) * q < shape.C)
    return {name: column[keep] for name, column in columns.items()}


def _sums(shape: Shape, machine: Machine, columns: dict[str, Ints]) -> Ints:
    """Return m, the channels whose partial sums are in the buffer; 0 where not even p·t fit."""
    at_once = np.minimum(columns["p"] * columns["t"], shape.M)
    channels = np.minimum(columns["q"] * columns["r"], shape.C)
    strip = columns["n"] * channels * input_rows(shape, columns["e"]) * shape.W
    banks = machine.banks - -(-strip // machine.bank)
    plane = columns["n"] * columns["e"] * shape.F
    most = np.minimum(np.maximum(banks, 0) * machine.bank // plane, shape.M)
    whole = np.where(most >= shape.M, shape.M, most // at_once * at_once)
    groups = pieces(shape.M, np.maximum(whole, 1))
    least = np.minimum(-(-pieces(np.full_like(groups, shape.M), groups) // at_once) * at_once,
                       shape.M)  # fmt: skip
    return np.where(whole > 0, least, 0)
