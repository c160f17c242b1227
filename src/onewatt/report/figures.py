"""The figures of a report: everything it shows, as group-bys on the ledger of a result."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from onewatt.model.parts import ARITHMETIC, TENSORLESS, UPKEEP, energy_by_part
from onewatt.spec.architecture import Compute
from onewatt.spec.cost import Busy, Cost, Entry
from onewatt.spec.mapping import loop_nest
from onewatt.spec.result import Bound, LayerResult, Result
from onewatt.spec.workload import Einsum

_SERVED, _WRITTEN = ("read", "hop"), ("fill", "update")
#: Layers below this share of energy and time are told together, if they are more than a few.
_NOTABLE, _FEW = 0.001, 3
_Row = TypeVar("_Row", Entry, Busy)


class Traffic(NamedTuple):
    """Words of one tensor at one memory or network, over all instances and runs.

    `read_words` are served to what is inside (a network counts its hops), `write_words` are fills
    and updates; `bytes` is what these words take after compression; `energy` [J] is all that the
    component spends on the tensor, draining included.
    """

    component: str
    tensor: str
    read_words: float
    write_words: float
    bytes: float
    energy: float


@dataclass(frozen=True)
class LayerFigures:
    """One layer: what it is, what it costs [J, s, cycles], and why.

    Everything but `active_pes` is for all `count` runs.  `parts` is the energy by component and
    by what it is spent on.  `gap` is what was reached over the lower bound, where there is one.
    `undercut` is the share by which a better mapping could undercut this: 0 if there is none, None
    if nothing was searched.
    """

    name: str
    op: str
    work: str
    count: int
    macs: int
    cycles: float
    energy: float
    energy_low: float
    energy_high: float
    latency: float
    share: float
    active_pes: int
    lower_bound: Bound
    gap: float | None
    optimal: bool
    undercut: float | None
    bottleneck: str
    mapping: str
    nest: str
    off_chip_bytes: float
    traffic: tuple[Traffic, ...]
    parts: dict[tuple[str, str], float]


class Totals(NamedTuple):
    """The whole network, for one batch, in SI units."""

    macs: int
    energy: float
    energy_low: float
    energy_high: float
    off_chip_energy: float
    latency: float
    power: float
    edp: float
    area: float | None
    lower_bound: Bound
    gap: float | None
    optimal: bool


class Figures(NamedTuple):
    """Everything a report shows; `levels` and `parts` are in the order of the chip.

    Levels that spend nothing are left out.
    """

    result: Result
    totals: Totals
    levels: tuple[str, ...]
    parts: tuple[str, ...]
    matrix: dict[tuple[str, str], float]
    layers: tuple[LayerFigures, ...]


def figures(result: Result) -> Figures:
    """Return every figure of a result.

    Parameters
    ----------
    result : Result
        What was found.

    Returns
    -------
    Figures
        Totals, energies by level and tensor, and layers in order of execution.
    """
    entries = _by_layer(result.cost.entries)
    busy = _by_layer(result.cost.busy)
    found = {layer.name: layer for layer in result.layers}
    energy = result.cost.energy
    layers = tuple(
        _layer(result, e, found[e.name], Cost(entries=tuple(entries.get(e.name, ())),
                                              busy=tuple(busy.get(e.name, ()))), energy)
        for e in result.workload.einsums
    )  # fmt: skip
    matrix = energy_by_part(result.architecture, result.cost)
    return Figures(
        result, _totals(result, layers), _levels(result), _parts(result, matrix), matrix, layers
    )


def _by_layer(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.einsum, []).append(row)
    return groups


def _layer(
    result: Result, einsum: Einsum, found: LayerResult, cost: Cost, whole: float
) -> LayerFigures:
    cycles, energy = cost.cycles(einsum.name), cost.energy
    latency = cycles / result.architecture.clock
    reached = {"J": energy, "s": latency}.get(found.lower_bound.unit, energy * latency)
    traffic = _traffic(result, cost)
    outermost = result.architecture.memories[0].name
    return LayerFigures(
        name=einsum.name, op=einsum.op, work=einsum.work, count=einsum.count, macs=einsum.macs,
        cycles=cycles, energy=energy, energy_low=cost.energy_low, energy_high=cost.energy_high,
        latency=latency, share=energy / whole if whole else 0.0, active_pes=found.active_pes,
        lower_bound=found.lower_bound, gap=_gap(reached, found.lower_bound),
        optimal=found.optimal,
        undercut=found.gap if found.optimal or found.gap else None,
        bottleneck=cost.bottleneck(einsum.name),
        mapping=str(found.mapping) if found.mapping else "",
        nest=loop_nest(found.mapping, einsum.sizes) if found.mapping else "",
        off_chip_bytes=sum(t.bytes for t in traffic if t.component == outermost),
        traffic=traffic,
        parts=energy_by_part(result.architecture, cost),
    )  # fmt: skip


def _gap(reached: float, bound: Bound) -> float | None:
    return reached / bound.value if bound.value > 0 else None


def _traffic(result: Result, cost: Cost) -> tuple[Traffic, ...]:
    computes = {c.name for c in result.architecture.computes}
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in cost.entries:
        if entry.action not in TENSORLESS and entry.component not in computes:
            groups.setdefault((entry.component, entry.tensor), []).append(entry)
    place = {n.name: i for i, n in enumerate(result.architecture.nodes)}
    rows = [
        Traffic(
            component, tensor,
            math.fsum(e.count for e in mine if e.action in _SERVED),
            math.fsum(e.count for e in mine if e.action in _WRITTEN),
            math.fsum(e.bits for e in mine if e.action in _SERVED + _WRITTEN) / 8,
            math.fsum(e.energy for e in mine),
        )
        for (component, tensor), mine in groups.items()
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda r: place.get(r.component, len(place))))


def _totals(result: Result, layers: tuple[LayerFigures, ...]) -> Totals:
    outermost = result.architecture.memories[0].name
    bound = total_bound([layer.lower_bound for layer in layers])
    energy, latency = result.energy, result.latency
    reached = {"J": energy, "s": latency}.get(bound.unit, energy * latency)
    return Totals(
        macs=result.workload.macs, energy=energy, energy_low=result.cost.energy_low,
        energy_high=result.cost.energy_high,
        off_chip_energy=math.fsum(
            e.energy for e in result.cost.entries if e.component == outermost
        ),
        latency=latency, power=result.power, edp=result.edp,
        area=result.prices.area if result.prices.areas else None,
        lower_bound=bound, gap=_gap(reached, bound),
        optimal=bool(layers) and all(layer.optimal for layer in layers),
    )  # fmt: skip


def total_bound(bounds: list[Bound]) -> Bound:
    """Return what no mappings of the whole network can beat.

    Notes
    -----
    Energies and latencies add up.  Of products, ``(ΣE)(ΣT) >= (Σ sqrt(E T))²`` (Cauchy-Schwarz).
    """
    units = {bound.unit for bound in bounds}
    if len(units) != 1:
        return Bound(value=0.0, unit="J")
    unit = units.pop()
    known = [b.compulsory for b in bounds if b.compulsory is not None]
    return Bound(
        value=_total([b.value for b in bounds], unit), unit=unit,
        compulsory=_total(known, unit) if len(known) == len(bounds) else None,
    )  # fmt: skip


def _total(values: list[float], unit: str) -> float:
    if unit in ("J", "s"):
        return math.fsum(values)
    return math.fsum(map(math.sqrt, values)) ** 2


def _levels(result: Result) -> tuple[str, ...]:
    used = dict.fromkeys(e.component for e in result.cost.entries if e.energy)
    nodes = [n.name for n in result.architecture.nodes if n.name in used]
    return (*nodes, *(name for name in used if name not in nodes))


def _parts(result: Result, matrix: dict[tuple[str, str], float]) -> tuple[str, ...]:
    used = dict.fromkeys(p for _, p in matrix)
    first = [t for t in ("Inputs", "Weights", "Outputs") if t in used]
    last = [t for t in (ARITHMETIC, UPKEEP) if t in used]
    return (*first, *(t for t in used if t not in (*first, *last)), *last)


class Group(NamedTuple):
    """Layers that are equal in shape and mapping, and what they cost together [J, s]."""

    name: str
    op: str
    many: int
    layers: tuple[LayerFigures, ...]
    macs: int
    energy: float
    latency: float
    share: float
    bottleneck: str


def grouped(figures: Figures) -> tuple[Group, ...]:
    """Return the layers with equal ones together, in order of first appearance."""
    signatures = {e.name: e.signature for e in figures.result.workload.einsums}
    groups: dict[tuple[object, ...], list[LayerFigures]] = {}
    for layer in figures.layers:
        key = (signatures[layer.name], layer.mapping, layer.op)
        groups.setdefault(key, []).append(layer)
    return tuple(
        Group(
            name=mine[0].name, op=mine[0].op, many=sum(m.count for m in mine),
            layers=tuple(mine), macs=sum(m.macs for m in mine),
            energy=math.fsum(m.energy for m in mine), latency=math.fsum(m.latency for m in mine),
            share=math.fsum(m.share for m in mine), bottleneck=mine[0].bottleneck,
        )
        for mine in groups.values()
    )  # fmt: skip


def notable(groups: tuple[Group, ...]) -> tuple[list[Group], list[Group]]:
    """Return the groups worth a line, and those that each take next to none of energy and time."""
    latency = math.fsum(g.latency for g in groups)
    small = [g for g in groups if g.share < _NOTABLE and g.latency <= _NOTABLE * latency]
    rest = small if len(small) > _FEW else []
    return [g for g in groups if g not in rest], rest


def level_energy(figures: Figures) -> dict[str, float]:
    """Return the energy of each level [J], in the order of the chip."""
    return {
        level: math.fsum(v for (name, _), v in figures.matrix.items() if name == level)
        for level in figures.levels
    }


class Roof(NamedTuple):
    """The limits of a chip: MACs a cycle [1], and bytes a cycle off chip, if limited."""

    peak: float
    bytes_per_cycle: float | None


def roof(result: Result) -> Roof:
    """Return the roofline of a chip: its lanes, and the ports of its outermost memory."""
    chip = result.architecture
    memory = chip.memories[0]
    word = memory.word or chip.mac.inputs_bits
    apart = [r for r in (memory.read_bandwidth, memory.write_bandwidth) if r]
    words = memory.shared_bandwidth or (math.fsum(apart) if apart else None)
    return Roof(float(chip.pes * chip.mac.lanes), words * word / 8 if words else None)


class Link(NamedTuple):
    """Words and energy [J] of a tensor between two levels, in both directions."""

    source: str
    sink: str
    tensor: str
    words: float
    energy: float


def links(result: Result) -> tuple[Link, ...]:
    """Return the flows from the outermost memory inwards, by tensor.

    A link holds what its outer level reads and updates, what its inner level fills and drains, and
    the hops between; the last link of a tensor ends in the MACs.
    """
    nodes = [n.name for n in result.architecture.nodes]
    computes = {n.name for n in result.architecture.nodes if isinstance(n, Compute)}
    memories = {m.name for m in result.architecture.memories}
    vector = {e.name for e in result.workload.einsums if e.work == "vector"}
    unit = result.architecture.vector
    rows: dict[str, list[Entry]] = {}
    for entry in result.cost.entries:
        if entry.component in nodes and entry.component not in computes and entry.tensor:
            rows.setdefault(entry.tensor if entry.einsum not in vector else "", []).append(entry)
    made: list[Link] = []
    for tensor, mine in rows.items():
        end = unit.name if unit and not tensor else result.architecture.mac.name
        chain = [n for n in nodes if n in memories and any(e.component == n for e in mine)]
        for outer, inner in zip(chain, [*chain[1:], end], strict=False):
            crossing = [e for e in mine if _crosses(nodes, e, outer, inner)]
            words = math.fsum(
                e.count for e in crossing if e.component == outer and e.action != "gated"
            )
            energy = math.fsum(e.energy for e in crossing)
            made.append(Link(outer, inner, tensor or "vector work", words, energy))
    return tuple(link for link in made if link.words or link.energy)


def _crosses(nodes: list[str], entry: Entry, outer: str, inner: str) -> bool:
    if entry.action == "hop":
        return nodes.index(outer) < nodes.index(entry.component) < nodes.index(inner)
    inwards = entry.action in ("fill", "drain", "metadata")
    return entry.component == (inner if inwards else outer)
