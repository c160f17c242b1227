"""Passes: what the array does between two fillings of its filter spads (jssc17, section IV).

Everything here is arithmetic on arrays, one entry a candidate mapping, so that the cost of one
mapping and the search over all of them are the same lines of code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.model.jssc17.shape import Shape
from onewatt.spec.row_stationary import NAMES, RowStationary

Ints = NDArray[np.int64]


class Grid(NamedTuple):
    """Candidate mappings of one layer: the seven parameters as arrays of equal length."""

    m: Ints
    n: Ints
    e: Ints
    p: Ints
    q: Ints
    r: Ints
    t: Ints

    @classmethod
    def of(cls, *mappings: RowStationary) -> Grid:
        """Return mappings as columns."""
        return cls(*(np.array([getattr(x, k) for x in mappings], np.int64) for k in NAMES))

    def at(self, i: int) -> RowStationary:
        """Return one of the mappings."""
        return RowStationary(**{k: int(getattr(self, k)[i]) for k in NAMES})

    def select(self, keep: NDArray[np.bool_] | Ints) -> Grid:
        """Return the mappings that a mask or a list of positions names."""
        return Grid(*(column[keep] for column in self))


class Block(NamedTuple):
    """A loop's pieces of one size: how many there are [1] and how large they are [1]."""

    times: Ints
    size: Ints


class Pass(NamedTuple):
    """Passes of one size: how often they run, and the part of each loop that they cover [1]."""

    times: Ints
    images: Ints
    rows: Ints
    filters: Ints
    channels: Ints


def cut(whole: int | Ints, size: Ints) -> tuple[Block, Block]:
    """Return the full pieces of a loop and the smaller one that may be left.

    Examples
    --------
    >>> full, last = cut(55, np.array([7]))
    >>> int(full.times[0]), int(last.times[0]), int(last.size[0])
    (7, 1, 6)
    """
    whole = np.asarray(whole, np.int64) + 0 * size
    left = whole % size
    return Block(whole // size, size), Block((left > 0).astype(np.int64), left)


def pieces(whole: int | Ints, size: Ints) -> Ints:
    """Return how many pieces a loop is cut into."""
    return -(-np.asarray(whole, np.int64) // size)


def filter_blocks(shape: Shape, grid: Grid) -> list[Block]:
    """Return the filters of a pass: groups of m channels, each cut into p·t."""
    at_once = grid.p * grid.t
    blocks: list[Block] = []
    for group in cut(shape.M, grid.m):
        blocks += [
            Block(group.times * block.times, block.size) for block in cut(group.size, at_once)
        ]
    return blocks


def passes(shape: Shape, grid: Grid) -> Iterator[Pass]:
    """Yield the passes of one run of a layer by size, all groups together.

    A pass covers n images, a strip of e output rows, p·t filters and q·r channels; where a loop is
    no multiple, its last pass is smaller.
    """
    for images in cut(shape.N, grid.n):
        for rows in cut(shape.E, grid.e):
            for filters in filter_blocks(shape, grid):
                for channels in cut(shape.C, grid.q * grid.r):
                    times = images.times * rows.times * filters.times * channels.times
                    if times.any():
                        yield Pass(
                            shape.G * times, images.size, rows.size, filters.size, channels.size
                        )


def input_rows(shape: Shape, rows: Ints) -> Ints:
    """Return the input rows that a strip of output rows needs: (e - 1)·U + R, or e·R if fewer."""
    return np.minimum((rows - 1) * shape.U + shape.R, rows * shape.R)


def strip_rows(shape: Shape, grid: Grid) -> Ints:
    """Return the input rows of all strips together; strips overlap."""
    total = np.zeros_like(grid.e)
    for strip in cut(shape.E, grid.e):
        total += strip.times * np.where(strip.times > 0, input_rows(shape, strip.size), 0)
    return total


def segments(grid: Grid, columns: int) -> Ints:
    """Return into how many pieces a PE set of e columns is cut to fit the array."""
    return pieces(grid.e, np.full_like(grid.e, columns))


def active_pes(shape: Shape, grid: Grid) -> Ints:
    """Return the PEs that work in a full pass: R·e·r·t."""
    return shape.R * grid.e * grid.r * grid.t
