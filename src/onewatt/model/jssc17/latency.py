"""How long a layer takes: passes one after another, each as long as what holds it up.

Four facts of the chip (jssc17) make the time, and nothing is fitted:

- The filter spad of a PE is not double: a pass starts when its filters have come over the 64-bit
  filter bus.
- The ifmap spad holds q·S words, so an image starts when its first window of every input row of
  the strip has come over the 16-bit ifmap bus.
- Every window takes a PE p·q·S cycles; meanwhile its p partial sums must come and go over the
  64-bit psum buses, and the next U columns of inputs over the ifmap bus.
- Filters are prefetched from DRAM into their own two banks while the array works.  Inputs and
  outputs have no second copy in the buffer, so their way over the link adds to the time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onewatt.model.jssc17.counts import Floats, buffer_words, dram_words
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, Ints, Pass, input_rows, passes
from onewatt.model.jssc17.shape import Shape
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS


class Latency(NamedTuple):
    """Core cycles of one run, by what they are spent on [cycle].

    `multiply` is the work of the PEs; `filters`, `windows` and `buses` are what filter loads, first
    windows and slow buses add to it; these four are the processing latency.  `fmaps` and `link` are
    the array waiting for feature maps, and for filters that the prefetch does not bring in time.
    """

    multiply: Floats
    filters: Floats
    windows: Floats
    buses: Floats
    fmaps: Floats
    link: Floats

    @property
    def processing(self) -> Floats:
        """The paper's processing latency."""
        return self.multiply + self.filters + self.windows + self.buses

    @property
    def total(self) -> Floats:
        """The paper's total latency."""
        return self.processing + self.fmaps + self.link


class _Times(NamedTuple):
    """Cycles of one pass."""

    multiply: Floats
    filters: Floats
    windows: Floats
    buses: Floats
    words: Ints


def latency(shape: Shape, machine: Machine, grid: Grid) -> Latency:
    """Return the cycles of one run of a layer.

    Parameters
    ----------
    shape : Shape
        The layer.
    machine : Machine
        The chip.
    grid : Grid
        Its candidate mappings.

    Returns
    -------
    Latency
        Cycles by cause, one entry a mapping [cycle].

    Notes
    -----
    A pass takes ``F_load + n·(max(w, first) + (F - 1)·max(w, next))`` with
    ``F_load = p·t·q·r·R·S / filter bus``, ``w = max(p·q·S, p·t·e / psum bus)``,
    ``first = S·q·r·rows / ifmap bus`` and ``next = V·q·r·rows / ifmap bus``.  The last sums of a
    pass leave while the filters of the next one come: they use different buses.

    Examples
    --------
    >>> import onewatt as ow
    >>> from onewatt.model.jssc17.machine import Machine
    >>> from onewatt.spec.row_stationary import RowStationary
    >>> conv1 = Shape.of(ow.load_workload("alexnet", batch=4).einsums[0])
    >>> machine = Machine.of(ow.load_chip("eyeriss"))
    >>> found = latency(conv1, machine, Grid.of(RowStationary.parse("m96 n1 e7 p16 q1 r1 t2")))
    >>> round(float(found.processing[0]) / machine.clock * 1e3, 1)  # ms; published: 16.5
    15.6
    """
    zero = np.zeros(grid.e.shape)
    sums = [zero.copy() for _ in range(5)]
    for part in passes(shape, grid):
        spent = _pass(shape, machine, grid, part)
        busy = spent.multiply + spent.filters + spent.windows + spent.buses
        for total, each in zip(sums, (*spent[:4], _late(machine, spent.words, busy)), strict=True):
            total += part.times * each
    bits = dram_words(shape, grid).bits(shape, machine.word)
    fmaps = (bits.ifmap + bits.ofmap) / machine.word / machine.link
    return Latency(sums[0], sums[1], sums[2], sums[3], fmaps, sums[4])


def moving(shape: Shape, machine: Machine, grid: Grid) -> dict[str, Floats]:
    """Return how long the link and each bus need for their words alone, by component [cycle].

    None is longer than the total latency, and no bus longer than the processing latency.  Partial
    sums have a bus each way, so the words of one way count.
    """
    off_chip, buffer = dram_words(shape, grid), buffer_words(shape, grid)
    return {
        machine.memories["DRAM"]: off_chip.bits(shape, machine.word).total
        / machine.word / machine.link,
        machine.networks[WEIGHTS]: off_chip.filters / machine.filter_bus,
        machine.networks[INPUTS]: buffer.ifmap / machine.ifmap_bus,
        machine.networks[OUTPUTS]: buffer.psum_write / machine.psum_bus,
    }  # fmt: skip


def _pass(shape: Shape, machine: Machine, grid: Grid, part: Pass) -> _Times:
    # filters and channels of a smaller pass are spread evenly over the sets
    p = -(-part.filters // grid.t)
    q = -(-part.channels // grid.r)
    work = (p * q * shape.S).astype(np.float64)
    sums = part.filters * part.rows / machine.psum_bus
    column = part.channels * input_rows(shape, part.rows) / machine.ifmap_bus
    busy = np.maximum(work, sums)
    first = np.maximum(busy, shape.S * column)
    after = np.maximum(busy, shape.V * column)
    multiply = part.images * shape.F * work
    buses = part.images * shape.F * (after - work)
    windows = part.images * (first - after).astype(np.float64)
    words = part.filters * part.channels * shape.R * shape.S
    return _Times(multiply, words / machine.filter_bus, windows, buses, words)


def _late(machine: Machine, words: Ints, busy: Floats) -> Floats:
    """Return how long a pass waits for the filters of the next one."""
    ahead = np.minimum(words, machine.prefetch)
    return np.maximum(0.0, ahead / machine.link - busy) + (words - ahead) / machine.link
