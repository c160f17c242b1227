"""The ledger of a layer under the paper's counts, with the chip's own prices.

The paper's power leaves DRAM out; here DRAM is in the ledger and `chip_energy` leaves it out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onewatt.model import sparse
from onewatt.model.jssc17.counts import Floats, array_words, buffer_words, dram_words
from onewatt.model.jssc17.latency import Latency, latency
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, Ints
from onewatt.model.jssc17.shape import Shape
from onewatt.model.words import block
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.cost import LedgerAction
from onewatt.spec.price import Price, Prices
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum

#: What the chip draws whatever it computes: clock network, control, leakage [J] a core cycle.  The
#: one constant that is fitted: it makes the mean error of the five powers of jssc17, Table V, least
#: (165 mW at 200 MHz), given the energies of nnd.  The paper names no value: it says that the clock
#: network is the largest single consumer, and ALUs (< 10 %) and data movement (up to 45 %) leave at
#: least 45 % of 278 mW.
STANDING_ENERGY = 825e-12
STANDING = "standing"


class Line(NamedTuple):
    """One kind of action of one run, for every candidate mapping: words, what is paid, bits."""

    component: str
    tensor: str
    action: LedgerAction
    words: Floats
    accesses: Floats
    bits: Floats


class Counted(NamedTuple):
    """Everything one run of a layer does under candidate mappings."""

    lines: tuple[Line, ...]
    latency: Latency


def counted(einsum: Einsum, architecture: Architecture, grid: Grid) -> Counted:
    """Return what a layer does under candidate mappings.

    Parameters
    ----------
    einsum : Einsum
        The layer, with its densities.
    architecture : Architecture
        A chip built like Eyeriss.
    grid : Grid
        Mappings that fit it.

    Returns
    -------
    Counted
        Lines and cycles of one run.
    """
    shape, machine = Shape.of(einsum), Machine.of(architecture)
    spent = latency(shape, machine, grid)
    lines = [
        *_dram_lines(shape, machine, grid),
        *_buffer_lines(shape, machine, architecture, grid),
        *_array_lines(einsum, shape, machine, architecture, grid),
    ]
    return Counted(tuple(lines), spent)


def _line(
    component: str, tensor: str, action: LedgerAction, words: Ints | Floats,
    each: float = 1.0,
    bits: Floats | None = None,
) -> Line:  # fmt: skip
    count = words.astype(np.float64)
    return Line(component, tensor, action, count, count * each, 0 * count if bits is None else bits)


def _dram_lines(shape: Shape, machine: Machine, grid: Grid) -> list[Line]:
    name = machine.memories["DRAM"]
    words = dram_words(shape, grid)
    bits = words.bits(shape, machine.word)
    actions: tuple[tuple[str, LedgerAction], ...] = (
        (WEIGHTS, "read"), (INPUTS, "read"), (OUTPUTS, "update"),
    )  # fmt: skip
    return [
        Line(name, tensor, action, count.astype(np.float64), moved / machine.word, moved)
        for (tensor, action), count, moved in zip(actions, words, bits, strict=True)
    ]


def _buffer_lines(
    shape: Shape, machine: Machine, architecture: Architecture, grid: Grid
) -> list[Line]:
    name = machine.memories["buffer"]
    memory = next(m for m in architecture.memories if m.name == name)
    row = 1 / block(memory, machine.word)
    words = buffer_words(shape, grid)
    actions: tuple[tuple[str, LedgerAction], ...] = (
        (INPUTS, "read"), (OUTPUTS, "read"), (OUTPUTS, "update"),
    )  # fmt: skip
    return [
        _line(name, tensor, action, count.astype(np.float64), row, count * float(machine.word))
        for (tensor, action), count in zip(actions, words, strict=True)
    ]


def _array_lines(
    einsum: Einsum, shape: Shape, machine: Machine, architecture: Architecture, grid: Grid
) -> list[Line]:
    """Return networks, spads and MACs.

    A zero input switches the MAC and the read of the filter spad off (jssc17); what is not
    multiplied is not added either, so the psum spad rests with them.
    """
    words = array_words(shape, grid)
    done = sparse.effective(einsum, architecture.mac).actual
    macs = np.full(grid.e.shape, float(shape.macs))
    spads = {t: _memory(architecture, machine.memories[t]) for t in (WEIGHTS, INPUTS, OUTPUTS)}
    width = {t: 1 / block(m, machine.word) for t, m in spads.items()}
    filters, inputs, sums = spads[WEIGHTS].name, spads[INPUTS].name, spads[OUTPUTS].name
    mac = architecture.mac.name
    return [
        _line(machine.networks[WEIGHTS], WEIGHTS, "hop", words.filters),
        _line(machine.networks[INPUTS], INPUTS, "hop", words.ifmap),
        _line(machine.networks["column"], OUTPUTS, "hop", words.psum),
        _line(filters, WEIGHTS, "fill", words.filters, width[WEIGHTS]),
        _line(filters, WEIGHTS, "read", macs * done, width[WEIGHTS]),
        _line(inputs, INPUTS, "fill", words.ifmap, width[INPUTS]),
        _line(inputs, INPUTS, "read", macs, width[INPUTS]),
        _line(sums, OUTPUTS, "read", macs * done, width[OUTPUTS]),
        _line(sums, OUTPUTS, "update", macs * done, width[OUTPUTS]),
        _line(mac, OUTPUTS, "compute", macs * done),
        _line(mac, OUTPUTS, "gated", macs * (1 - done)),
    ]


def _memory(architecture: Architecture, name: str) -> Memory:
    return next(m for m in architecture.memories if m.name == name)


def price_of(prices: Prices, line: Line) -> Price:
    """Return the price of a line; what is held back costs nothing unless the chip says so."""
    if line.action != "gated":
        return prices.find(line.component, line.action)
    free = Price(component=line.component, action="gated", energy=0.0, low=0.0, high=0.0,
                 source="nothing is paid: the action does not happen")  # fmt: skip
    return prices.get(line.component, "gated") or free


def standing_price(standing: float = STANDING_ENERGY) -> Price:
    """Return the price of a core cycle of the whole chip [J]."""
    return Price(
        component=STANDING, action="clock", energy=standing, low=standing, high=standing,
        source="fitted to the five powers of jssc17, Table V",
    )  # fmt: skip


def energy(
    found: Counted, prices: Prices, *, standing: float = STANDING_ENERGY, without: str = ""
) -> Floats:
    """Return the energy of one run under each mapping [J].

    Parameters
    ----------
    found : Counted
        What is done.
    prices : Prices
        The price list of the chip.
    standing : float
        What a cycle costs whatever happens [J].
    without : str
        A component that is left out, such as ``DRAM``.

    Returns
    -------
    ndarray
        Energy, one a mapping [J].
    """
    total = found.latency.total * standing
    for line in found.lines:
        if line.component != without:
            total = total + line.accesses * price_of(prices, line).energy
    return total
