"""Cycles of a systolic array that a DMA engine feeds tile by tile, from few coefficients.

The bound of `onewatt.model.latency` lets every port stream at its rate.  A real machine also fills
its array for every piece of work, moves whole beats, waits for bursts that are shorter than one,
and hides of the shorter of computing and moving only what its second buffer half allows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.errors import MappingError
from onewatt.spec.architecture import Architecture, Container, Memory
from onewatt.spec.mapping import Mapping, Storage, Temporal
from onewatt.spec.workload import INPUTS, WEIGHTS, Einsum, Tensor

#: What the terms of `TileWork` are called, in the order of `Coefficients`.
TERMS = ("row", "fill", "inputs_beat", "weights_beat", "outputs_beat", "inputs_short",
         "outputs_short")  # fmt: skip


class TileWork(NamedTuple):
    """What a mapping asks of the machine, for all tiles together [1].

    `rows` enter the array, one a cycle at best, in `fills` pieces that are no longer than the array
    is high.  Beats are what a DMA engine moves at once; `short` bursts move less than one.
    """

    tiles: int
    rows: float
    fills: float
    inputs_beats: float
    weights_beats: float
    outputs_beats: float
    inputs_short: float
    outputs_short: float

    @property
    def computing(self) -> tuple[float, ...]:
        """The terms of the array, in the order of `TERMS`; those of the DMA are 0."""
        return (self.rows, self.fills, 0.0, 0.0, 0.0, 0.0, 0.0)

    @property
    def moving(self) -> tuple[float, ...]:
        """The terms of the DMA, in the order of `TERMS`; those of the array are 0."""
        return (
            0.0, 0.0, self.inputs_beats, self.weights_beats, self.outputs_beats, self.inputs_short,
            self.outputs_short,
        )  # fmt: skip


class Coefficients(NamedTuple):
    """Cycles of each term, in the order of `TERMS`, and what of the shorter side stays visible.

    `exposed` is between 0, where the second half of every buffer hides all of it, and 1, where
    moving and computing take turns.
    """

    cycles: tuple[float, ...]
    exposed: float


#: Gemmini with 16 x 16 PEs, fitted to all 102 rows of FireSim of DOSA (docs/validation.md); moving
#: inputs and weights takes about two cycles a beat of 16 bytes: 8 bytes a cycle.
GEMMINI = Coefficients((0.644, 4.71, 1.92, 1.70, 1.18, 29.0, 14.9), 0.25)


def tile_work(einsum: Einsum, architecture: Architecture, mapping: Mapping) -> TileWork:
    """Count what a mapping asks of an array with a DMA engine.

    Parameters
    ----------
    einsum : Einsum
        A convolution or matrix product; P is the width of its output.
    architecture : Architecture
        A chip whose second memory holds the tiles, and whose arrays are square.
    mapping : Mapping
        The loop nest; its temporal loops outside the second memory step through tiles.

    Returns
    -------
    TileWork
        For all runs of the layer.

    Raises
    ------
    MappingError
        If the chip has no memory between the outermost one and the array.

    Notes
    -----
    Inputs and weights are loaded for every tile: the tilings of the machine keep none.  Outputs
    leave when no loop over what is summed runs further in.  A beat is as wide as the array.  The
    array works on pieces of an output row that are at most its height; each loads weights anew.
    """
    if len(architecture.memories) < 2:
        raise MappingError(f"chip {architecture.name!r} has no memory for tiles behind its DMA")
    side = _side(architecture)
    outer, size = _split(einsum, architecture.memories[1], mapping)
    shape = _shape(einsum, size)
    tiles = math.prod(trips for _, trips in outer)
    stores, n = _stores(outer, einsum.output), einsum.count
    deep, wide = math.ceil(shape.deep / side), math.ceil(shape.wide / side)
    blocks = deep * wide * shape.taps * shape.groups
    places, positions = shape.places * shape.groups, shape.lines * shape.columns * shape.groups
    return TileWork(
        tiles=tiles * n,
        rows=blocks * shape.lines * shape.columns * tiles * n,
        fills=blocks * shape.lines * math.ceil(shape.columns / side) * tiles * n,
        inputs_beats=places * deep * tiles * n,
        weights_beats=shape.deep * shape.taps * wide * shape.groups * tiles * n,
        outputs_beats=positions * wide * stores * n,
        inputs_short=places * tiles * n if shape.deep < side else 0.0,
        outputs_short=positions * stores * n if shape.wide < side else 0.0,
    )


def tile_cycles(work: TileWork, coefficients: Coefficients) -> float:
    """Return the cycles of a layer.

    Notes
    -----
    With C the cycles of the array and D those of the DMA over T tiles, ``max(C, D) + min(C, D) ·
    (1/T + exposed · (1 - 1/T))``: the first tile is loaded before anything is computed.

    Examples
    --------
    >>> work = TileWork(4, 400.0, 0.0, 100.0, 100.0, 0.0, 0.0, 0.0)
    >>> tile_cycles(work, Coefficients((1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0), 0.0))
    450.0
    >>> tile_cycles(work, Coefficients((1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0), 1.0))
    600.0
    """
    computing = _sum(work.computing, coefficients.cycles)
    moving = _sum(work.moving, coefficients.cycles)
    share = shown(work, coefficients.exposed)
    return max(computing, moving) + share * min(computing, moving)


def _sum(counts: tuple[float, ...], cycles: tuple[float, ...]) -> float:
    return math.fsum(n * c for n, c in zip(counts, cycles, strict=True))


def shown(work: TileWork, exposed: float) -> float:
    """Return the share of the shorter side that is not hidden behind the longer one [1]."""
    return 1 / work.tiles + exposed * (1 - 1 / work.tiles)


def _side(architecture: Architecture) -> int:
    """Return the height of the array."""
    sizes = {a.size for n in architecture.nodes if isinstance(n, Container) for a in n.fanout}
    if len(sizes) != 1:
        raise MappingError(
            f"chip {architecture.name!r} has arrays of sizes {sorted(sizes)}; expected a square one"
        )
    return sizes.pop()


def _split(
    einsum: Einsum, memory: Memory, mapping: Mapping
) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """Return the trips of the loops outside a memory, outermost first, and its tile."""
    outer, size = list[tuple[str, int]](), dict(einsum.sizes)
    for node in mapping.nodes:
        if isinstance(node, Storage):
            if node.memory == memory.name:
                break
        elif isinstance(node, Temporal):
            outer.append((node.rank, math.ceil(size[node.rank] / node.size)))
            size[node.rank] = min(size[node.rank], node.size)
    return [(rank, trips) for rank, trips in outer if trips > 1], size


class _Shape(NamedTuple):
    """A tile as the array sees it: what is summed, what is made, and the lines of positions."""

    deep: int
    wide: int
    taps: int
    groups: int
    lines: int
    columns: int
    places: int


def _shape(einsum: Einsum, size: dict[str, int]) -> _Shape:
    inputs = next(t for t in einsum.inputs if t.name == INPUTS)
    weights = next(t for t in einsum.inputs if t.name == WEIGHTS)
    read, held, made = set(inputs.ranks()), set(weights.ranks()), set(einsum.output.ranks())
    slides = {t.rank for index in inputs.projection if len(index.terms) > 1 for t in index.terms}

    def product(ranks: set[str]) -> int:
        return math.prod(size[r] for r in ranks)

    summed = (held & read) - made
    deep, groups = product(summed - slides), product(held & read & made)
    spanned = math.prod(
        1 + sum(t.coefficient * (size[t.rank] - 1) for t in index.terms)
        for index in inputs.projection
    )
    positions = made - held
    return _Shape(
        deep=deep, wide=product(held & made - read), taps=product(summed & slides), groups=groups,
        lines=product(positions - {"P"}), columns=size.get("P", 1) if "P" in positions else 1,
        places=spanned // (deep * groups),
    )  # fmt: skip


def _stores(outer: list[tuple[str, int]], output: Tensor) -> int:
    """Return how often a tile of outputs leaves; loops inside the last one it has are free."""
    made = set(output.ranks())
    while outer and outer[-1][0] not in made:
        outer = outer[:-1]
    return math.prod(trips for _, trips in outer)
