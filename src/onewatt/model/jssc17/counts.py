"""Accesses as the chip's paper counts them (jssc17, Tables III and V).

Two habits of the paper differ from the literal reading: the first partial sum of an output is
counted as read, and what DRAM writes into the buffer and reads from it is not counted as an access
of the buffer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.model.jssc17.passes import Grid, Ints, passes, pieces, strip_rows
from onewatt.model.jssc17.shape import Shape
from onewatt.model.sparse import compressed_bits

Floats = NDArray[np.floating[Any]]


class Buffer(NamedTuple):
    """Words between the buffer and the array in one run [word]."""

    ifmap: Ints
    psum_read: Ints
    psum_write: Ints

    @property
    def total(self) -> Ints:
        """All of them."""
        return self.ifmap + self.psum_read + self.psum_write


class Dram(NamedTuple):
    """Words over the off-chip link in one run, as if nothing were compressed [word]."""

    filters: Ints
    ifmap: Ints
    ofmap: Ints

    def bits(self, shape: Shape, word: int) -> DramBits:
        """Return the same in bits, feature maps in run-length code."""
        return DramBits(
            self.filters * float(word),
            self.ifmap * stored_bits(shape.input_density, word),
            self.ofmap * stored_bits(shape.output_density, word),
        )


class DramBits(NamedTuple):
    """Bits over the off-chip link in one run [bit]."""

    filters: Floats
    ifmap: Floats
    ofmap: Floats

    @property
    def total(self) -> Floats:
        """All of them."""
        return self.filters + self.ifmap + self.ofmap


class Array(NamedTuple):
    """Words that arrive at PEs, and partial sums passed up the columns, in one run [word]."""

    filters: Ints
    ifmap: Ints
    psum: Ints


def stored_bits(density: float, word: int) -> float:
    """Return the bits of a word of a feature map in DRAM [bit].

    Feature maps are run-length coded, but only where that is shorter: the image that goes into the
    first layer is not (jssc17).

    Examples
    --------
    >>> stored_bits(1.0, 16)
    16.0
    >>> stored_bits(0.5, 16)
    10.66...
    """
    return min(float(word), compressed_bits("rlc", density, word))


def buffer_words(shape: Shape, grid: Grid) -> Buffer:
    """Return the accesses of the buffer.

    Notes
    -----
    Partial sums are read and written once in every pass over channels,
    N·M·E·F·⌈C/(q·r)⌉ each way; inputs are read once in every pass over filters,
    N·C·rows·W·⌈M/(p·t)⌉, where rows adds up (e - 1)·U + R over the strips.  Filters pass the buffer
    by: their two banks hand them on once.
    """
    sums = shape.G * shape.N * shape.M * shape.E * shape.F * pieces(shape.C, grid.q * grid.r)
    inputs = shape.G * shape.N * shape.C * shape.W * strip_rows(shape, grid) * _visits(shape, grid)
    return Buffer(inputs, sums, sums)


def _visits(shape: Shape, grid: Grid) -> Ints:
    """Return how many passes over filters there are: ⌈M/(p·t)⌉ if m is a multiple of p·t."""
    groups, left = shape.M // grid.m, shape.M % grid.m
    at_once = grid.p * grid.t
    return groups * pieces(grid.m, at_once) + pieces(left, at_once)


def dram_words(shape: Shape, grid: Grid) -> Dram:
    """Return the accesses of DRAM before compression.

    Notes
    -----
    Filters come once for every set of n images and every strip, M·C·R·S·⌈N/n⌉·strips; inputs once
    for every m filters, N·C·rows·W·⌈M/m⌉; outputs leave once.
    """
    filters = shape.G * shape.M * shape.C * shape.R * shape.S
    inputs = shape.G * shape.N * shape.C * shape.W * strip_rows(shape, grid)
    outputs = shape.G * shape.N * shape.M * shape.E * shape.F
    return Dram(
        filters * pieces(shape.N, grid.n) * pieces(shape.E, grid.e),
        inputs * pieces(shape.M, grid.m),
        np.full_like(grid.e, outputs),
    )


def array_words(shape: Shape, grid: Grid) -> Array:
    """Return what the networks deliver inside the array.

    Notes
    -----
    In a pass each of the R·e·r·t PEs takes p·q filter rows and n·q input rows, and each partial sum
    is passed up the R·r PEs of its column.
    """
    filters, inputs, sums = (np.zeros_like(grid.e) for _ in range(3))
    for part in passes(shape, grid):
        sets_c, sets_m = np.minimum(grid.r, part.channels), np.minimum(grid.t, part.filters)
        outputs = part.images * part.filters * part.rows * shape.F
        filters += part.times * part.filters * part.channels * shape.S * shape.R * part.rows
        inputs += part.times * part.images * part.channels * shape.W * shape.R * part.rows * sets_m
        sums += part.times * outputs * shape.R * sets_c
    return Array(filters, inputs, sums)
