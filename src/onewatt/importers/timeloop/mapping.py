"""Timeloop's mapping directives as a loop nest."""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.errors import InputError, MappingError
from onewatt.importers.timeloop.constraints import (
    Directive,
    Directives,
    Kind,
    axis_letter,
    check_targets,
    place_of,
)
from onewatt.spec.architecture import Architecture, Container, Memory
from onewatt.spec.mapping import Mapping, Node, Spatial, Storage, Temporal
from onewatt.spec.workload import Einsum


class Loop(NamedTuple):
    """A loop of a nest by its bounds: `trips`, `last` where the rank ends, over an axis."""

    rank: str
    trips: int
    last: int
    axis: str = ""


Nest = list[Storage | Loop]


def read_mapping(einsum: Einsum, architecture: Architecture, directives: Directives) -> Mapping:
    """Return the loop nest that directives describe, outermost first.

    Raises
    ------
    InputError
        With file:line:column, if a target is unknown or the factors of a rank do not make its
        size.
    """
    check_targets(architecture, directives)
    by_place: dict[tuple[str, Kind], Directive] = {}
    for (target, kind), directive in directives.loops.items():
        place = str(place_of(architecture, target))
        if (place, kind) in by_place:
            directives.fail(directive.node, f"found two {kind} directives for {place!r}")
        by_place[place, kind] = directive
    nest: Nest = []
    for node in architecture.nodes:
        if isinstance(node, Memory):
            kept = _kept(einsum, node, directives)
            nest += [Storage(memory=node.name, tensors=kept)] if kept else []
        if isinstance(node, Memory | Container):
            nest += _loops(by_place.get((node.name, "temporal")), None)
        if isinstance(node, Container):
            nest += _loops(by_place.get((node.name, "spatial")), node)

    try:
        return nest_of(einsum, nest)
    except InputError as error:
        place = next(iter(directives.places.values()), None)
        if place is None:
            raise
        directives.fail(place, str(error))


def _kept(einsum: Einsum, memory: Memory, directives: Directives) -> tuple[str, ...]:
    """Return the tensors a memory keeps: those stated, then those it can keep if nothing is."""
    held = directives.held(memory.name)
    able = (*memory.keeps, *memory.may_keep)
    stated_first = [t for t, keeps in held.items() if keeps]
    return (*stated_first, *(t.name for t in einsum.tensors
                             if t.name not in held and t.name in able))  # fmt: skip


def _loops(directive: Directive | None, array: Container | None) -> list[Loop]:
    """Return the loops of a directive, outermost first; ranks it does not order stand outside."""
    if directive is None:
        return []
    order = [*directive.permutation]
    order += [f.rank for f in directive.factors if f.rank not in order]
    stated = {f.rank: f for f in directive.factors}
    split = len(order) if directive.split is None else directive.split
    found: list[Loop] = []
    for position, rank in reversed(list(enumerate(order))):
        factor = stated.get(rank)
        if factor is None or factor.trips == 1:
            continue
        axis = ""
        if array is not None:
            wanted = "X" if position < split else "Y"
            axes = {axis_letter(array, a.name): a.name for a in array.fanout}
            axis = axes.get(wanted, array.fanout[0].name)
        found.append(Loop(rank, factor.trips, factor.last or factor.trips, axis))
    return found


def nest_of(einsum: Einsum, nest: Nest) -> Mapping:
    """Return the mapping of loops given by their bounds.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    nest : list of Storage and Loop
        Outermost first.

    Raises
    ------
    MappingError
        If the bounds of a rank do not make its size.
    """
    nest = _filled(einsum, nest)
    inside, span = dict.fromkeys(einsum.sizes, 1), dict.fromkeys(einsum.sizes, 1)
    nodes: list[Node] = []
    for node in reversed(nest):
        if isinstance(node, Storage):
            nodes.append(node)
            continue
        tile = inside[node.rank]
        nodes.append(
            Spatial(rank=node.rank, size=tile, axis=node.axis)
            if node.axis
            else Temporal(rank=node.rank, size=tile)
        )
        inside[node.rank] *= node.trips
        span[node.rank] += (node.last - 1) * tile
    for rank, size in einsum.sizes.items():
        if span[rank] != size:
            raise MappingError(
                f"the factors of rank {rank!r} make {span[rank]}; expected {size}, its size in "
                f"layer {einsum.name!r}"
            )
    return Mapping(nodes=tuple(reversed(nodes)))


def _filled(einsum: Einsum, nest: Nest) -> Nest:
    """Replace the factor 0 of a rank by what the others leave."""
    filled: Nest = []
    for node in nest:
        if isinstance(node, Loop) and node.trips == 0:
            others = [n.trips for n in nest if isinstance(n, Loop) and n.rank == node.rank]
            if others.count(0) > 1:
                raise MappingError(f"rank {node.rank!r} has factor 0 (all that is left) twice")
            rest = math.prod(n for n in others if n)
            trips = max(1, -(-einsum.sizes[node.rank] // rest))
            if trips == 1:
                continue
            node = node._replace(trips=trips, last=trips)
        filled.append(node)
    return filled


def check_obeyed(architecture: Architecture, constraints: Directives, mapping: Directives) -> None:
    """Refuse mapping directives whose factors do not obey constraints.

    The order of loops is not checked: a published result of Timeloop's mapper for a fixed
    permutation has another one.

    Raises
    ------
    InputError
        With file:line:column of the constraint.
    """
    check_targets(architecture, constraints)
    given = {(place_of(architecture, t), kind): d for (t, kind), d in mapping.loops.items()}
    for (target, kind), directive in constraints.loops.items():
        loops = _loops(given.get((place_of(architecture, target), kind)), None)
        trips = {loop.rank: loop.trips for loop in loops}
        _check_factors(constraints, directive, target, trips)


def _check_factors(
    constraints: Directives, directive: Directive, target: str, trips: dict[str, int]
) -> None:
    for factor in directive.factors:
        have = trips.get(factor.rank, 1)
        want = min(factor.trips, constraints.sizes[factor.rank])  # Timeloop cuts them like this
        obeyed = {"<=": have <= want, ">=": have >= want}.get(factor.sign, have == want)
        if want and have and not obeyed:
            constraints.fail(
                directive.node,
                f"the mapping loops {have} times over {factor.rank!r} at {target!r}; the "
                f"constraint is {factor.rank}{factor.sign}{want}",
            )
