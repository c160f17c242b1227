"""One layer, a chip and a row-stationary mapping become a ledger, or a row of Table V."""

from __future__ import annotations

from onewatt.components.library import prices as price_list
from onewatt.model import ledger
from onewatt.model.jssc17.cost import (
    STANDING_ENERGY,
    Counted,
    counted,
    energy,
    price_of,
    standing_price,
)
from onewatt.model.jssc17.counts import Floats, buffer_words, dram_words
from onewatt.model.jssc17.latency import Latency, moving
from onewatt.model.jssc17.limits import allocation, check
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, active_pes
from onewatt.model.jssc17.shape import Shape
from onewatt.model.words import check_words
from onewatt.spec.architecture import Architecture
from onewatt.spec.cost import Busy, Cost, Entry
from onewatt.spec.price import Prices
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.types import Bits, Joules, Noun, Watts
from onewatt.spec.workload import Einsum


class Row(Noun):
    """A layer as Tables III and V of the chip's paper show it, all its runs together.

    `ifmap` and `psum` are what the buffer holds in a pass; `buffer` and `dram` what is moved;
    `processing` and `total` are latencies [s]; `energy` and `power` leave DRAM out, as the paper
    does, and power is over the total latency.
    """

    layer: str
    mapping: RowStationary
    active_pes: int
    macs: int
    ifmap: Bits
    psum: Bits
    buffer: float
    dram: float
    processing: float
    total: float
    energy: Joules
    power: Watts


def row(
    einsum: Einsum,
    architecture: Architecture,
    mapping: RowStationary,
    *,
    prices: Prices | None = None,
    standing: float = STANDING_ENERGY,
) -> Row:
    """Return what the chip's paper tabulates of a layer.

    Parameters
    ----------
    einsum : Einsum
        The layer; densities of its inputs and outputs decide what DRAM and gating save.
    architecture : Architecture
        A chip built like Eyeriss.
    mapping : RowStationary
        The seven parameters.
    prices : Prices or None
        The price list; by default that of the chip.
    standing : float
        What a core cycle costs whatever happens [J].

    Returns
    -------
    Row
        Allocation [bit], traffic of buffer and DRAM [bit], latencies [s], energy [J], power [W].

    Raises
    ------
    MappingError
        If the layer is no convolution or matrix product, or the chip cannot hold the mapping.

    Examples
    --------
    >>> import onewatt as ow
    >>> conv1 = ow.load_workload("alexnet", batch=4).einsums[0]
    >>> mapping = RowStationary.parse("m96 n1 e7 p16 q1 r1 t2")
    >>> found = row(conv1, ow.load_chip("eyeriss"), mapping)
    >>> found.active_pes, round(found.buffer / 8e6, 1)  # published: 154 and 18.5 MB
    (154, 18.5)
    """
    _check(einsum, architecture, mapping)
    shape, machine, grid = Shape.of(einsum), Machine.of(architecture), Grid.of(mapping)
    found = counted(einsum, architecture, grid)
    held, word, n = allocation(shape, grid), machine.word, einsum.count
    spent = energy(
        found, prices or price_list(architecture), standing=standing,
        without=machine.memories["DRAM"],
    )  # fmt: skip
    total = float(found.latency.total[0]) / machine.clock
    return Row(
        layer=einsum.name, mapping=mapping, active_pes=int(active_pes(shape, grid)[0]),
        macs=einsum.macs, ifmap=int(held.ifmap[0]) * word, psum=int(held.psum[0]) * word,
        buffer=float(buffer_words(shape, grid).total[0]) * word * n,
        dram=float(dram_words(shape, grid).bits(shape, word).total[0]) * n,
        processing=float(found.latency.processing[0]) / machine.clock * n, total=total * n,
        energy=float(spent[0]) * n, power=float(spent[0]) / total,
    )  # fmt: skip


def evaluate(
    einsum: Einsum,
    architecture: Architecture,
    mapping: RowStationary,
    *,
    prices: Prices | None = None,
) -> Cost:
    """Return the ledger of a layer with a row-stationary mapping, as jssc17 counts.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        A chip built like Eyeriss.
    mapping : RowStationary
        The seven parameters.
    prices : Prices or None
        The price list; by default that of the chip, but for what every cycle costs.

    Returns
    -------
    Cost
        Entries with energy [J] and its band, busy times in cycles [1].

    Raises
    ------
    MappingError
        If the layer is no convolution or matrix product, or the chip cannot hold the mapping.
    """
    _check(einsum, architecture, mapping)
    prices = prices or price_list(architecture)
    machine, grid = Machine.of(architecture), Grid.of(mapping)
    found = counted(einsum, architecture, grid)
    return Cost(
        entries=_entries(einsum, found, prices),
        busy=_busy(einsum, machine, found.latency, moving(Shape.of(einsum), machine, grid)),
    )


def _entries(einsum: Einsum, found: Counted, prices: Prices) -> tuple[Entry, ...]:
    entries = [
        ledger.line(
            einsum, price_of(prices, line), line.tensor, line.action, float(line.words[0]),
            accesses=float(line.accesses[0]), bits=float(line.bits[0]),
        )
        for line in found.lines
        if line.words[0]
    ]  # fmt: skip
    cycles = float(found.latency.total[0])
    entries.append(ledger.line(einsum, standing_price(), "", "clock", cycles))
    return tuple(entries)


def _busy(
    einsum: Einsum, machine: Machine, spent: Latency, moved: dict[str, Floats]
) -> tuple[Busy, ...]:
    """Return who is busy for how long: buses and prefetched filters while the array works.

    The link has two rows: the array waits for feature maps and for filters that come late; the
    other filters come while it works.
    """
    link = machine.memories["DRAM"]
    waits = float((spent.fmaps + spent.link)[0])
    beside = {"compute": float(spent.processing[0])} | {k: float(v[0]) for k, v in moved.items()}
    beside[link] = max(0.0, beside[link] - waits)
    rows = [(name, cycles, True) for name, cycles in beside.items()] + [(link, waits, False)]
    return tuple(
        Busy(einsum=einsum.name, component=name, cycles=cycles * einsum.count, overlaps=overlaps)
        for name, cycles, overlaps in rows
    )


def _check(einsum: Einsum, architecture: Architecture, mapping: RowStationary) -> None:
    check_words(einsum, architecture)
    check(Shape.of(einsum), Machine.of(architecture), mapping)
