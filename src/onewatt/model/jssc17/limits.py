"""What of a row-stationary mapping the chip cannot hold, by name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.errors import MappingError
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, Ints, input_rows, segments
from onewatt.model.jssc17.shape import Shape
from onewatt.spec.row_stationary import RowStationary


class Limit(NamedTuple):
    """A limit of the chip: what it is, what a mapping needs of it and how much there is [1]."""

    name: str
    needed: Ints
    available: Ints


class Allocation(NamedTuple):
    """What the buffer holds in a pass: words of input strips and of partial sums [word]."""

    ifmap: Ints
    psum: Ints


def allocation(shape: Shape, grid: Grid) -> Allocation:
    """Return what a mapping keeps in the buffer: n·q·r strips of inputs, n·m planes of sums.

    The closed forms of Table III of jssc17.
    """
    images, channels = np.minimum(grid.n, shape.N), np.minimum(grid.q * grid.r, shape.C)
    rows = np.minimum(grid.e, shape.E)
    ifmap = images * channels * input_rows(shape, rows) * shape.W
    return Allocation(ifmap, images * np.minimum(grid.m, shape.M) * rows * shape.F)


def limits(shape: Shape, machine: Machine, grid: Grid) -> list[Limit]:
    """Return every limit of the chip with what each mapping needs of it.

    Channels in sets (`r`) stand one above the other, because partial sums are added along a column;
    filters in sets (`t`) and the pieces of a set that is wider than the array go wherever there is
    room for r·R rows.
    """

    def fixed(number: int) -> Ints:
        return np.full_like(grid.e, number)

    parts = segments(grid, machine.columns)
    width = -(-grid.e // parts)
    tall = np.maximum(1, shape.R * grid.r)
    room = (machine.rows // tall) * (machine.columns // np.minimum(width, machine.columns))
    held = allocation(shape, grid)
    needed_banks = -(-held.ifmap // machine.bank) + -(-held.psum // machine.bank)
    return [
        Limit("rows of the array (r·R)", shape.R * grid.r, fixed(machine.rows)),
        Limit("PE sets on the array (t · pieces of e)", grid.t * parts, room),
        Limit("words of the filter spad (p·q·S)", grid.p * grid.q * shape.S,
              fixed(machine.filter_spad)),
        Limit("words of the ifmap spad (q·S)", grid.q * shape.S, fixed(machine.ifmap_spad)),
        Limit("words of the psum spad (p)", grid.p, fixed(machine.psum_spad)),
        Limit("banks of the buffer (ifmap + psum)", needed_banks, fixed(machine.banks)),
        Limit("channels with sums in the buffer (p·t)",
              np.minimum(grid.p * grid.t, shape.M), np.minimum(grid.m, shape.M)),
        Limit("images of the batch (n)", grid.n, fixed(shape.N)),
        Limit("output rows (e)", grid.e, fixed(shape.E)),
    ]  # fmt: skip


def fits(shape: Shape, machine: Machine, grid: Grid) -> NDArray[np.bool_]:
    """Return which mappings the chip can hold."""
    able = np.ones(grid.e.shape, np.bool_)
    for limit in limits(shape, machine, grid):
        able &= limit.needed <= limit.available
    return able


def check(shape: Shape, machine: Machine, mapping: RowStationary) -> None:
    """Refuse a mapping that the chip cannot hold.

    Raises
    ------
    MappingError
        With the limit, what the mapping needs and what the chip has.
    """
    check_shape(shape, machine)
    for limit in limits(shape, machine, Grid.of(mapping)):
        needed, available = int(limit.needed[0]), int(limit.available[0])
        if needed > available:
            raise MappingError(
                f"layer {shape.name!r} with {mapping}: needs {needed} {limit.name}; chip "
                f"{machine.name!r} gives it {available}: lower one of the parameters named"
            )


def check_shape(shape: Shape, machine: Machine) -> None:
    """Refuse a layer for which the chip has no mapping at all.

    Raises
    ------
    MappingError
        With the limit, what the layer needs at least and what the chip has.
    """
    smallest = Grid.of(RowStationary(m=1, n=1, e=1, p=1, q=1, r=1, t=1))
    for limit in limits(shape, machine, smallest):
        needed, available = int(limit.needed[0]), int(limit.available[0])
        if needed > available:
            raise MappingError(
                f"layer {shape.name!r} (filter {shape.R}x{shape.S}, input rows of {shape.W} words) "
                f"needs at least {needed} {limit.name}; chip {machine.name!r} has {available}: "
                "split the layer or choose another chip"
            )
