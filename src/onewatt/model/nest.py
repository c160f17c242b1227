"""Lowering: an Einsum and a mapping as the arrays of numbers that the kernel counts with."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.errors import MappingError, unknown
from onewatt.model.kernel.states import SPATIAL, TEMPORAL
from onewatt.spec.architecture import Architecture, Container, Memory
from onewatt.spec.mapping import Mapping, Spatial, Storage
from onewatt.spec.workload import Einsum, Tensor, distinct

Ints = NDArray[np.int64]


class Level(NamedTuple):
    """A memory in a nest: how many loops lie above it, and the tile of each rank inside."""

    memory: str
    depth: int
    tensors: tuple[str, ...]
    extents: dict[str, int]


class Nest(NamedTuple):
    """A lowered loop nest; loops of one trip are gone."""

    loops: tuple[Ints, Ints, Ints, Ints, Ints]
    extent: Ints
    ranks: tuple[str, ...]
    axes: tuple[str, ...]
    levels: tuple[Level, ...]

    @property
    def depth(self) -> int:
        """Number of loops, which is how many lie above compute."""
        return len(self.loops[0])

    @property
    def active(self) -> int:
        """The most MAC instances that work at once."""
        return self.instances(self.depth)

    def instances(self, depth: int) -> int:
        """Return how many instances have work inside the first `depth` loops."""
        total = 1
        for rank, extent in enumerate(self.extent):
            total *= sum(_used(int(extent), self._loops_of(rank, depth)).values())
        return total

    def _loops_of(self, rank: int, depth: int) -> list[tuple[int, int, int]]:
        kind, ranks, tile, _, trips = (row[:depth].tolist() for row in self.loops)
        rows = zip(kind, ranks, tile, trips, strict=True)
        return [(k, t, n) for k, r, t, n in rows if r == rank]

    def chain(self, tensor: str) -> tuple[Level, ...]:
        """Return the levels that keep a tensor, outermost first."""
        return tuple(level for level in self.levels if tensor in level.tensors)


def _used(extent: int, loops: list[tuple[int, int, int]]) -> Counter[int]:
    """Count the instances of one rank by the size of their first, and largest, tile."""
    sizes = Counter({extent: 1})
    for kind, tile, trips in loops:
        cut: Counter[int] = Counter()
        for size, copies in sizes.items():
            if kind == TEMPORAL:
                cut[min(size, tile)] += copies
                continue
            for i in range(min(trips, -(-size // tile))):
                cut[min(tile, size - i * tile)] += copies
        sizes = cut
    return sizes


def lower(einsum: Einsum, mapping: Mapping) -> Nest:
    """Turn a mapping into arrays, checking that it is a complete loop nest of the Einsum.

    Raises
    ------
    MappingError
        If a loop names no rank of the Einsum, a tile is not at least 1, something is left over
        inside, or a tensor is nowhere kept.
    """
    ranks = tuple(r.name for r in einsum.ranks)
    number = {name: i for i, name in enumerate(ranks)}
    left = einsum.sizes
    rows: list[tuple[int, int, int, int, int]] = []
    axes: list[str] = []
    levels: list[Level] = []
    for node in mapping.nodes:
        if isinstance(node, Storage):
            levels.append(Level(node.memory, len(rows), node.tensors, dict(left)))
            continue
        if node.rank not in number:
            raise MappingError(f"layer {einsum.name!r}: {unknown('rank', node.rank, ranks)}")
        if node.size < 1:
            raise MappingError(
                f"layer {einsum.name!r}: loop {node.rank}/{node.size} has a tile below 1"
            )
        trips = -(-left[node.rank] // node.size)
        left[node.rank] = min(left[node.rank], node.size)
        if trips == 1:
            continue
        axis = -1
        if isinstance(node, Spatial):
            if node.axis not in axes:
                axes.append(node.axis)
            axis = axes.index(node.axis)
        kind = SPATIAL if isinstance(node, Spatial) else TEMPORAL
        rows.append((kind, number[node.rank], node.size, axis, trips))
    _check_complete(einsum, left, levels)
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 5).T.copy()
    return Nest(
        loops=(table[0], table[1], table[2], table[3], table[4]),
        extent=np.array([r.size for r in einsum.ranks], dtype=np.int64),
        ranks=ranks,
        axes=tuple(axes),
        levels=tuple(levels),
    )


def _check_complete(einsum: Einsum, left: dict[str, int], levels: list[Level]) -> None:
    for rank, size in left.items():
        if size > 1:
            raise MappingError(
                f"layer {einsum.name!r}: {size} of rank {rank!r} are left inside the innermost "
                f"loop; add {rank}/1"
            )
    for tensor in einsum.tensors:
        if not any(tensor.name in level.tensors for level in levels):
            raise MappingError(f"layer {einsum.name!r}: no memory keeps {tensor.name!r}")


def factors(einsum: Einsum, tensor: Tensor, *, boxes: bool = False) -> Ints:
    """Return the factors of a tensor's counts, shape (F, 4): rank p, rank r or -1, a, b.

    With `boxes` a stride matters even if its window is one wide: gaps count as words then.

    Raises
    ------
    MappingError
        If an index sums more than two ranks.
    """
    number = {r.name: i for i, r in enumerate(einsum.ranks)}
    rows: list[tuple[int, int, int, int]] = []
    for index in tensor.projection:
        terms = [t for t in index.terms if einsum.sizes[t.rank] > 1] or list(index.terms[:1])
        if boxes and len(index.terms) == 2:
            terms = list(index.terms)
        if len(terms) > 2:
            raise MappingError(
                f"layer {einsum.name!r}: index {index} of {tensor.name!r} sums more than two ranks"
            )
        if len(terms) == 2:
            p, r = terms
            rows.append((number[p.rank], number[r.rank], p.coefficient, r.coefficient))
        else:
            rows.append((number[terms[0].rank], -1, 1, 0))
    used = {rank for row in rows for rank in row[:2]}
    rows += [(i, -1, 0, 0) for i in number.values() if i not in used]
    return np.array(rows, dtype=np.int64).reshape(len(rows), 4)


def tile_words(tensor: Tensor, extents: dict[str, int]) -> int:
    """Return the words of a tensor in a tile of the given extents."""
    words = 1
    for index in tensor.projection:
        words *= distinct([(t.coefficient, extents[t.rank]) for t in index.terms])
    return words


def check_place(einsum: Einsum, architecture: Architecture, mapping: Mapping) -> None:
    """Check a mapping against a chip: names, order of memories, places of loops, sizes of axes.

    Raises
    ------
    MappingError
        With the node, what was found and what the chip allows.
    """
    where = f"layer {einsum.name!r} on chip {architecture.name!r}"
    names = [n.name for n in architecture.nodes]
    memories = {m.name: m for m in architecture.memories}
    axes = {a.name: a.size for a in architecture.axes}
    home = {
        a.name: names.index(n.name)
        for n in architecture.nodes if isinstance(n, Container) for a in n.fanout
    }  # fmt: skip
    first = mapping.nodes[0] if mapping.nodes else None
    outermost = architecture.memories[0].name
    if not isinstance(first, Storage) or first.memory != outermost:
        raise MappingError(f"{where}: the mapping must begin with {outermost!r}, where data are")
    position, left, used = -1, einsum.sizes, dict.fromkeys(axes, 1)
    outer, inner = -1, len(names)
    stored = [names.index(n.memory) for n in mapping.nodes
              if isinstance(n, Storage) and n.memory in memories]  # fmt: skip
    for node in mapping.nodes:
        if isinstance(node, Storage):
            _check_storage(where, node, memories, einsum)
            position = names.index(node.memory)
            if position <= outer:
                raise MappingError(
                    f"{where}: {node.memory!r} comes again or after a memory inside it"
                )
            outer, stored = position, stored[1:]
            continue
        if isinstance(node, Spatial):
            if node.axis not in axes:
                raise MappingError(f"{where}: {unknown('axis', node.axis, axes)}")
            inner = stored[0] if stored else len(names)
            if left.get(node.rank, 1) > node.size and not outer < home[node.axis] < inner:
                raise MappingError(
                    f"{where}: spatial loop {node.rank}/{node.size}@{node.axis} is not between the "
                    f"memories outside and inside axis {node.axis!r}"
                )
            used[node.axis] *= -(-left.get(node.rank, 1) // max(node.size, 1))
            if used[node.axis] > axes[node.axis]:
                raise MappingError(
                    f"{where}: axis {node.axis!r} has {axes[node.axis]} instances; the loops on it "
                    f"need {used[node.axis]}"
                )
        if node.rank in left:
            left[node.rank] = min(left[node.rank], node.size)


def _check_storage(where: str, node: Storage, memories: dict[str, Memory], einsum: Einsum) -> None:
    if node.memory not in memories:
        raise MappingError(f"{where}: {unknown('memory', node.memory, memories)}")
    memory = memories[node.memory]
    if len(set(node.tensors)) != len(node.tensors):
        raise MappingError(f"{where}: {node.memory!r} names a tensor twice")
    for tensor in node.tensors:
        if tensor not in {t.name for t in einsum.tensors}:
            tensors = [t.name for t in einsum.tensors]
            raise MappingError(f"{where}: {unknown('tensor', tensor, tensors)}")
        if tensor not in (*memory.keeps, *memory.may_keep):
            raise MappingError(
                f"{where}: {node.memory!r} cannot keep {tensor!r}; it keeps "
                f"{', '.join((*memory.keeps, *memory.may_keep))}"
            )


def check_kept(einsum: Einsum, architecture: Architecture, mapping: Mapping) -> None:
    """Refuse a mapping that bypasses a memory which must keep a tensor.

    Raises
    ------
    MappingError
        With the memory and the tensor.
    """
    kept = {(n.memory, t) for n in mapping.nodes if isinstance(n, Storage) for t in n.tensors}
    for memory in architecture.memories:
        for tensor in einsum.tensors:
            if tensor.name in memory.keeps and (memory.name, tensor.name) not in kept:
                raise MappingError(
                    f"layer {einsum.name!r} on chip {architecture.name!r}: {memory.name!r} must "
                    f"keep {tensor.name!r}; only what it 'may_keep' can be bypassed"
                )
