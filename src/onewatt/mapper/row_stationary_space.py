"""Every row-stationary mapping of a layer that can matter, and what it costs.

The space is small (thousands to millions of mappings a layer), so it is listed and not bounded.
Three parameters are listed only where they can matter, and nothing is lost by it:

- Images and output rows are cut as evenly as their number of pieces allows: the counts depend on
  the number of pieces alone, evener pieces are not slower and need no more buffer.
- A larger `m` reads inputs less often from DRAM and changes nothing else, so of the multiples of
  p·t the least is kept that needs as few groups as the largest that fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.components.library import prices as price_list
from onewatt.model.jssc17.cost import counted, energy
from onewatt.model.jssc17.counts import Floats, buffer_words, dram_words
from onewatt.model.jssc17.limits import check_shape, fits
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, Ints, input_rows, pieces
from onewatt.model.jssc17.shape import Shape
from onewatt.model.words import check_words
from onewatt.spec.architecture import Architecture
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum

Goal = Literal["energy", "latency", "layer_edp", "buffer", "dram"]
#: Mappings that are costed at once, for a few hundred megabytes at most.
_AT_ONCE = 200_000


class Scores(NamedTuple):
    """What mappings are compared by, for one run.

    Energy [J], total and processing latency [cycle], words moved by the buffer and by DRAM.
    """

    energy: Floats
    latency: Floats
    processing: Floats
    buffer: Floats
    dram: Floats

    def by(self, goal: Goal) -> Floats:
        """Return the figure that a goal makes least."""
        if goal == "layer_edp":
            return self.energy * self.latency
        return getattr(self, goal)


class Space(NamedTuple):
    """Mappings of a layer with their scores."""

    grid: Grid
    scores: Scores

    def select(self, keep: NDArray[np.bool_] | Ints) -> Space:
        """Return the mappings that a mask or a list of positions names."""
        return Space(self.grid.select(keep), Scores(*(x[keep] for x in self.scores)))

    @classmethod
    def join(cls, parts: list[Space]) -> Space:
        """Return several lists of mappings as one."""
        grids, scores = zip(*parts, strict=True)
        return cls(
            Grid(*(np.concatenate(x) for x in zip(*grids, strict=True))),
            Scores(*(np.concatenate(x) for x in zip(*scores, strict=True))),
        )


def evenly(whole: int) -> list[int]:
    """Return the piece sizes that cut a loop most evenly, one for each number of pieces.

    Examples
    --------
    >>> evenly(9)
    [1, 2, 3, 5, 9]
    """
    return sorted({-(-whole // pieces) for pieces in range(1, whole + 1)})


def spaces(
    einsum: Einsum, architecture: Architecture, prices: Prices | None = None
) -> Iterator[Space]:
    """Yield every row-stationary mapping of a layer that can matter, costed, some at a time.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        A chip built like Eyeriss.
    prices : Prices or None
        The price list; by default that of the chip.

    Yields
    ------
    Space
        Mappings and scores of one run; together they are the whole space, without repetition.

    Raises
    ------
    MappingError
        If the chip has no mapping for the layer, with the limit that is to blame.
    """
    check_words(einsum, architecture)
    shape, machine = Shape.of(einsum), Machine.of(architecture)
    check_shape(shape, machine)
    prices = prices or price_list(architecture)
    for grid in candidates(shape, machine):
        if grid.e.size:
            yield costed(einsum, architecture, grid, prices)


def space(einsum: Einsum, architecture: Architecture, prices: Prices | None = None) -> Space:
    """Return all of `spaces` at once."""
    return Space.join(list(spaces(einsum, architecture, prices)))


def costed(einsum: Einsum, architecture: Architecture, grid: Grid, prices: Prices) -> Space:
    """Return mappings with their scores."""
    shape, machine = Shape.of(einsum), Machine.of(architecture)
    found = counted(einsum, architecture, grid)
    scores = Scores(
        energy(found, prices), found.latency.total, found.latency.processing,
        buffer_words(shape, grid).total.astype(np.float64),
        dram_words(shape, grid).bits(shape, machine.word).total / machine.word,
    )  # fmt: skip
    return Space(grid, scores)


def candidates(shape: Shape, machine: Machine) -> Iterator[Grid]:
    """Yield every mapping that the chip can hold and that can matter, some at a time."""
    e, r, t = (np.concatenate(x) for x in zip(*_array_choices(shape, machine), strict=True))
    p, q = _spad_choices(shape, machine)
    n = np.array(evenly(shape.N), np.int64)
    step = max(1, _AT_ONCE // (p.size * n.size))
    for start in range(0, e.size, step):
        arrays, spads, images = (x.ravel() for x in np.meshgrid(
            np.arange(start, min(start + step, e.size)), np.arange(p.size), np.arange(n.size),
            indexing="ij",
        ))  # fmt: skip
        columns = dict(e=e[arrays], r=r[arrays], t=t[arrays], p=p[spads], q=q[spads], n=n[images])
        columns = _useful(shape, columns)
        m = _sums(shape, machine, columns)
        grid = Grid(m=m, **columns).select(m > 0)
        yield grid.select(fits(shape, machine, grid))


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
