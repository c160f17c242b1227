"""Loop nests of other tools, re-scored by onewatt's model.

A neutral nest is plain data: temporal loops with their factors, outermost first; spatial loops with
factor and axis; and for each tensor its memories with the number of temporal loops above each::

    {"loops": [["M", 4], ["P", 2]], "spatial": [["P", 14, "X"]],
     "keeps": {"Inputs": [["DRAM", 0], ["GLB", 1], ["spad", 2]], ...}}

Spatial loops stand between a tensor's last memory outside the array and its first inside it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec

import onewatt as ow
from onewatt.model.latency import transfer_cycles
from onewatt.model.nest import lower
from onewatt.model.words import occupancy
from onewatt.spec.architecture import Container, Memory
from onewatt.spec.cost import Entry
from onewatt.spec.mapping import Node, Spatial, Storage, Temporal

Nest = dict[str, Any]
#: Where spatial loops stand among the temporal loops between the memories around the array.
PLACES = ("outer", "inner")
STANDING = ("leak", "clock", "idle")


class Score(NamedTuple):
    """What onewatt's model says of a nest.

    `method` is ``direct`` if the nest is one onewatt mapping, which is then `mapping`, and ``per
    tensor`` if its tensors change memories at different loops.  `overflow` names memories that the
    nest overfills.
    """

    energy: float  # J
    cycles: float
    method: str
    mapping: str
    overflow: tuple[str, ...]


def score(einsum: ow.Einsum, chip: ow.Architecture, nest: Nest, objective: str) -> Score:
    """Return the better score of a nest over the places its spatial loops may have.

    A nest that is one onewatt mapping is evaluated as that.  Otherwise each tensor is evaluated in
    a nest with the same loops whose memories all stand where this tensor's do, and only its own
    traffic is taken: what a tensor moves depends on the loops and on its own memories alone.  With
    perfect factors that is exact; with a partial last tile the place of the spatial loops matters
    a little, and the better place is taken for all tensors.
    """
    scores = [_one(einsum, chip, nest, place) for place in PLACES]
    return min(scores, key=lambda s: figure(s.energy, s.cycles, objective))


def figure(energy: float, cycles: float, objective: str) -> float:
    """Return what an objective minimises: energy [J] or energy times cycles [J]."""
    return energy if objective == "energy" else energy * cycles


def _one(einsum: ow.Einsum, chip: ow.Architecture, nest: Nest, place: str) -> Score:
    overflow = overfilled(einsum, chip, nest, place)
    mapping = as_mapping(einsum, chip, nest, place)
    if mapping is None:
        energy, cycles = by_tensor(einsum, chip, nest, place)
        return Score(energy, cycles, "per tensor", "", overflow)
    cost = ow.evaluate(einsum, roomy(chip) if overflow else chip, mapping)
    return Score(cost.energy, cost.cycles(einsum.name), "direct", str(mapping), overflow)


def roomy(chip: ow.Architecture) -> ow.Architecture:
    """Return a chip whose memories hold everything; capacity is then checked by `overfilled`."""
    nodes = tuple(
        msgspec.structs.replace(n, capacity=None, partition=()) if isinstance(n, Memory) else n
        for n in chip.nodes
    )
    return msgspec.structs.replace(chip, nodes=nodes)


def as_mapping(
    einsum: ow.Einsum, chip: ow.Architecture, nest: Nest, place: str = "inner"
) -> ow.Mapping | None:
    """Return the nest as one onewatt mapping, or None if it is uneven."""
    depths: dict[str, int] = {}
    for tensor in einsum.tensors:
        for memory, depth in nest["keeps"][tensor.name]:
            if depths.setdefault(memory, depth) != depth:
                return None
    order = [m.name for m in chip.memories if m.name in depths]
    if [depths[m] for m in order] != sorted(depths.values()):
        return None
    return _mapping(einsum, chip, nest, place, depths)


def mapping_for(
    einsum: ow.Einsum, chip: ow.Architecture, nest: Nest, tensor: str, place: str
) -> ow.Mapping:
    """Return the nest with every memory where one tensor's are; others stand directly inside."""
    own, depths, last = dict(nest["keeps"][tensor]), dict[str, int](), 0
    inside = inside_array(chip)
    first_inside = min([d for m, d in own.items() if m in inside], default=len(nest["loops"]))
    for memory in chip.memories:
        if memory.name not in own and memory.name in inside:
            last = max(last, first_inside)
        last = own.get(memory.name, last)
        depths[memory.name] = last
    return _mapping(einsum, chip, nest, place, depths)


def inside_array(chip: ow.Architecture) -> set[str]:
    """Return the names of the memories that each instance of the array has."""
    names = [n.name for n in chip.nodes]
    arrays = [names.index(n.name) for n in chip.nodes if isinstance(n, Container)]
    first = min(arrays, default=len(names))
    return {m.name for m in chip.memories if names.index(m.name) > first}


def _mapping(
    einsum: ow.Einsum, chip: ow.Architecture, nest: Nest, place: str, depths: dict[str, int]
) -> ow.Mapping:
    inside, loops = inside_array(chip), nest["loops"]
    outer = max(d for m, d in depths.items() if m not in inside)
    inner = min([d for m, d in depths.items() if m in inside], default=len(loops))
    array = outer if place == "outer" else inner
    order: list[Any] = []
    for depth in range(len(loops) + 1):
        at = [m for m in chip.memories if depths.get(m.name) == depth]
        order += [m for m in at if m.name not in inside]
        order += [tuple(s) for s in nest["spatial"]] if depth == array else []
        order += [m for m in at if m.name in inside]
        order += [tuple(loops[depth])] if depth < len(loops) else []
    return ow.Mapping(nodes=tuple(_nodes(einsum, nest, order)))


def _nodes(einsum: ow.Einsum, nest: Nest, order: list[Any]) -> list[Node]:
    """Turn factors into tiles: what a loop hands inside is the product of the factors inside."""
    sizes, tile = einsum.sizes, dict.fromkeys(einsum.sizes, 1)
    nodes: list[Node] = []
    for item in reversed(order):
        if isinstance(item, Memory):
            kept = {t for t, at in nest["keeps"].items() if item.name in dict(at)}
            tensors = tuple(t.name for t in einsum.tensors if t.name in kept)
            nodes.append(Storage(memory=item.name, tensors=tensors))
            continue
        rank, factor, *axis = item
        size = min(tile[rank], sizes[rank])
        tile[rank] *= factor
        loop = Spatial(rank=rank, size=size, axis=axis[0]) if axis else Temporal(rank, size)
        nodes.append(loop)
    short = {r: tile[r] for r in sizes if tile[r] < sizes[r]}
    if short:
        raise ValueError(f"layer {einsum.name!r}: the factors cover only {short} of {sizes}")
    return nodes[::-1]


def overfilled(einsum: ow.Einsum, chip: ow.Architecture, nest: Nest, place: str) -> tuple[str, ...]:
    """Return the memories whose tiles, each where its tensor says, exceed their capacity."""
    held = dict.fromkeys((m.name for m in chip.memories), 0)
    for tensor in einsum.tensors:
        mapping = mapping_for(einsum, chip, nest, tensor.name, place)
        for memory, tiles in occupancy(einsum, chip, lower(einsum, mapping)).items():
            held[memory] += tiles.get(tensor.name, 0)
    return tuple(m.name for m in chip.memories if m.capacity and held[m.name] > m.capacity)


def by_tensor(
    einsum: ow.Einsum, chip: ow.Architecture, nest: Nest, place: str
) -> tuple[float, float]:
    """Return energy [J] and cycles of a nest whose tensors change memories at different loops."""
    if chip.networks:
        raise ValueError(f"chip {chip.name!r} has networks; their hops cannot be told by tensor")
    large, moved, standing = roomy(chip), list[Entry](), 0.0
    busy: dict[str, float] = {}
    for tensor in einsum.tensors:
        mapping = mapping_for(einsum, chip, nest, tensor.name, place)
        cost = ow.evaluate(einsum, large, mapping)
        moved += [e for e in cost.entries if e.tensor == tensor.name and e.action not in STANDING]
        for row in cost.busy:
            memory = next((m for m in chip.memories if m.name == row.component), None)
            if memory is None or set(memory.keeps) == {tensor.name}:
                busy[row.component] = max(busy.get(row.component, 0.0), row.cycles)
        still = [e.energy for e in cost.entries if e.action in STANDING]
        standing = math.fsum(still) / cost.cycles(einsum.name)
    for memory in chip.memories:
        if len(memory.keeps) > 1:
            busy[memory.name] = _ports(chip, memory, moved)
    cycles = max(busy.values())
    return math.fsum(e.energy for e in moved) + standing * cycles, cycles


def _ports(chip: ow.Architecture, memory: Memory, moved: list[Entry]) -> float:
    if chip.instances(memory.name) != 1:
        raise ValueError(f"memory {memory.name!r} is in an array and shared by tensors")
    mine = [e for e in moved if e.component == memory.name]
    reads = sum(e.count for e in mine if e.action in ("read", "drain"))
    writes = sum(e.count for e in mine if e.action in ("fill", "update"))
    return transfer_cycles(memory, reads, writes)
