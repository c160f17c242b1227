"""Templates: the places where a chip lets loops stand, and the ranks its dataflow allows there.

A template is the outline of every mapping of a layer on a chip, outermost first: *stages* of
memories that hold their tiles at the same point of the nest, and *slots* between them, each either
loops over time inside a stage or loops over one axis of an array.
"""

from __future__ import annotations

from typing import NamedTuple

from onewatt.errors import InputError, unknown
from onewatt.spec.architecture import Architecture, Axis, Container, Limit, Memory
from onewatt.spec.mapping import Mapping, Node, Spatial, Storage, Temporal
from onewatt.spec.workload import Einsum


class Slot(NamedTuple):
    """Where loops may stand: over time inside a stage (axis is empty) or over an axis."""

    stage: int
    axis: str
    size: int
    ranks: tuple[str, ...]
    order: tuple[str, ...]


class Stage(NamedTuple):
    """Memories whose tiles are cut at the same point, with the tensors each keeps."""

    memories: tuple[tuple[Memory, tuple[str, ...]], ...]

    @property
    def tensors(self) -> frozenset[str]:
        """Every tensor some memory of the stage keeps."""
        return frozenset(t for _, kept in self.memories for t in kept)


class Template(NamedTuple):
    """Stages and slots of a layer on a chip, outermost first; stage i stands before its slots."""

    ranks: tuple[str, ...]
    stages: tuple[Stage, ...]
    slots: tuple[Slot, ...]

    def first_slot(self, stage: int) -> int:
        """Return the number of slots outside a stage."""
        return next(j for j, s in enumerate(self.slots) if s.stage == stage)

    def mapping(self, tiles: list[list[int]], orders: list[tuple[int, ...]]) -> Mapping:
        """Build the mapping with a tile of each rank after each slot and loop orders."""
        nodes: list[Node] = []
        left = dict(zip(self.ranks, tiles[0], strict=True))
        stage = -1
        for slot, after, order in zip(self.slots, tiles[1:], orders, strict=True):
            while stage < slot.stage:
                stage += 1
                nodes += [
                    Storage(memory=m.name, tensors=kept) for m, kept in self.stages[stage].memories
                ]
            for r in order:
                rank, size = self.ranks[r], after[r]
                if size >= left[rank]:
                    continue
                left[rank] = size
                nodes.append(
                    Spatial(rank=rank, size=size, axis=slot.axis)
                    if slot.axis
                    else Temporal(rank=rank, size=size)
                )
        return Mapping(nodes=tuple(nodes))


def templates(einsum: Einsum, architecture: Architecture) -> list[Template]:
    """Return the outline of mappings for each choice of memories to bypass.

    Memories in a row that keep different tensors make one stage.  A memory's `may_keep` gives two
    templates a tensor, with and without it, unless the dataflow says what it keeps.

    Raises
    ------
    InputError
        If the dataflow names a place or asks a memory for something that the chip does not have.
    """
    every = tuple(t.name for t in einsum.tensors)
    limits = _limits(architecture)
    choices: list[dict[str, tuple[str, ...]]] = [{}]
    for memory in architecture.memories:
        limit = limits.get(memory.name)
        named = limit.keeps if limit else None
        must = tuple(t for t in every if t in (memory.keeps if named is None else named))
        may = memory.may_keep if named is None else ()
        optional = _subsets(tuple(t for t in every if t in may))
        choices = [
            {**c, memory.name: tuple(t for t in every if t in (*must, *s))}
            for c in choices
            for s in optional
        ]
    return [_template(einsum, architecture, kept) for kept in choices]


def _subsets(tensors: tuple[str, ...]) -> list[tuple[str, ...]]:
    subsets: list[tuple[str, ...]] = [()]
    for tensor in tensors:
        subsets += [(*s, tensor) for s in subsets]
    return subsets[::-1]


def _template(
    einsum: Einsum, architecture: Architecture, kept: dict[str, tuple[str, ...]]
) -> Template:
    ranks = tuple(r.name for r in einsum.ranks)
    limits = _limits(architecture)

    def slot(stage: int, axis: Axis | None) -> Slot:
        """Return a slot with what the dataflow says of its axis, or of the stage's memories."""
        wheres = [axis.name] if axis else [m.name for m, _ in reversed(stages[stage])]
        named = [limits[w] for w in wheres if w in limits]
        allowed = next((n.ranks for n in named if n.ranks is not None), ranks)
        order = next((n.order for n in named if n.order), ())
        usable = tuple(r for r in ranks if r in allowed)
        return Slot(stage, axis.name if axis else "", axis.size if axis else 0, usable, order)

    stages: list[list[tuple[Memory, tuple[str, ...]]]] = []
    slots: list[Slot] = []
    for node in architecture.nodes:
        if isinstance(node, Memory) and kept[node.name]:
            held = {t for _, tensors in stages[-1] for t in tensors} if stages else set[str]()
            closed = bool(slots) and slots[-1].stage == len(stages) - 1
            if not stages or closed or held & set(kept[node.name]):
                if stages and not closed:
                    slots.append(slot(len(stages) - 1, None))
                stages.append([])
            stages[-1].append((node, kept[node.name]))
        elif isinstance(node, Container) and stages:
            if not slots or slots[-1].stage != len(stages) - 1:
                slots.append(slot(len(stages) - 1, None))
            slots += [slot(len(stages) - 1, axis) for axis in node.fanout]
    if not slots or slots[-1].stage != len(stages) - 1 or slots[-1].axis:
        slots.append(slot(len(stages) - 1, None))
    return Template(ranks, tuple(Stage(tuple(s)) for s in stages), tuple(slots))


def _limits(architecture: Architecture) -> dict[str, Limit]:
    """Return the limits of a dataflow by place; a place the chip does not have is refused."""
    limits = {limit.where: limit for limit in architecture.dataflow.limits}
    places = [n.name for n in architecture.memories] + [a.name for a in architecture.axes]
    for where in limits:
        if where not in places:
            raise InputError(
                f"chip {architecture.name!r}, dataflow {architecture.dataflow.name!r}: "
                f"{unknown('memory or axis', where, places)}"
            )
    for memory in architecture.memories:
        limit = limits.get(memory.name)
        if limit and limit.keeps is not None:
            _check_keeps(architecture, memory, limit.keeps)
    return limits


def _check_keeps(architecture: Architecture, memory: Memory, keeps: tuple[str, ...]) -> None:
    where = f"chip {architecture.name!r}, dataflow {architecture.dataflow.name!r}"
    for tensor in keeps:
        if tensor not in (*memory.keeps, *memory.may_keep):
            raise InputError(
                f"{where}: memory {memory.name!r} cannot keep {tensor!r}; add it to its 'may_keep'"
            )
    for tensor in memory.keeps:
        if tensor not in keeps:
            raise InputError(
                f"{where}: memory {memory.name!r} must keep {tensor!r}, which the dataflow holds "
                "elsewhere; move it from its 'keeps' to its 'may_keep'"
            )
