"""The nearest nest of a peer that onewatt can write: each memory at one loop for all its tensors.

A peer may let a shared memory hold one tensor for longer than another.  onewatt's mappings have one
place for each memory, so such a nest is outside its mapspace, and a peer that is better by it says
something of the mapspace, not of the search.  This file tells the two apart.
"""

from __future__ import annotations

import itertools

import msgspec

import onewatt as ow
from nests import PLACES, Nest, Score, as_mapping, figure, inside_array
from onewatt.spec.architecture import Memory


def score(einsum: ow.Einsum, chip: ow.Architecture, nest: Nest, objective: str) -> Score | None:
    """Return the best score over the loops at which its tensors change memories, if any fits."""
    found: list[Score] = []
    for even in evened(chip, nest):
        ordered = reordered(chip, even)
        for place in PLACES:
            mapping = as_mapping(einsum, ordered, even, place)
            if mapping is None:
                continue
            try:
                cost = ow.evaluate(einsum, ordered, mapping)
            except ow.MappingError:  # what was held for one tensor does not fit for all
                continue
            cycles = cost.cycles(einsum.name)
            found.append(Score(cost.energy, cycles, "nearest even", str(mapping), ()))
    return min(found, key=lambda s: figure(s.energy, s.cycles, objective), default=None)


def evened(chip: ow.Architecture, nest: Nest) -> list[Nest]:
    """Return the nests in which every memory stands at one of the loops its tensors choose."""
    inside = inside_array(chip)
    places: dict[str, set[int]] = {}
    for at in nest["keeps"].values():
        for memory, depth in at:
            places.setdefault(memory, set()).add(depth)
    names = list(places)
    found: list[Nest] = []
    for choice in itertools.product(*(sorted(places[n]) for n in names)):
        depths = dict(zip(names, choice, strict=True))
        outer = max(d for n, d in depths.items() if n not in inside)
        depths = {n: max(d, outer) if n in inside else d for n, d in depths.items()}
        keeps = {t: [[m, depths[m]] for m, _ in at] for t, at in nest["keeps"].items()}
        found.append({**nest, "keeps": keeps})
    return found


def reordered(chip: ow.Architecture, nest: Nest) -> ow.Architecture:
    """Return the chip with the memories of a PE in the order of the nest.

    They keep different tensors and stand side by side, so their order in the file means nothing.
    """
    inside = inside_array(chip)
    depths = {m: d for at in nest["keeps"].values() for m, d in at}
    mine = [n for n in chip.nodes if isinstance(n, Memory) and n.name in inside]
    if len({t for m in mine for t in m.keeps}) < sum(len(m.keeps) for m in mine):
        return chip
    ranked = iter(sorted(mine, key=lambda m: depths.get(m.name, 0)))
    nodes = tuple(next(ranked) if n in mine else n for n in chip.nodes)
    return msgspec.structs.replace(chip, nodes=nodes)
