"""A recorder that front ends write a network into, operator by operator.

It knows which tensors are constants (work on constants alone is done before inference and is
free), which are views of others, who reads what, and in the end which vector work runs on the
output path of the MAC layer before it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from onewatt.errors import ImportFailure
from onewatt.importers import layers
from onewatt.importers.layers import MOST_POINTS
from onewatt.importers.vector import FUSABLE
from onewatt.spec.types import Bits
from onewatt.spec.workload import INPUTS, Einsum, Rank, Tensor, TensorShape, Unpriced, Workload

#: Width of the sums of integer products.
ACCUMULATE: Bits = 32
_BATCH_RANK = {"gemm": "P", "matmul": "G"}
#: Movements that MAC work absorbs: a projection addresses in any order, and padding is not stored.
_ADDRESSING = frozenset(("transpose", "pad"))


@dataclass
class _Draft:
    """An Einsum on its way, with what it reads and which rank grows with the batch."""

    einsum: Einsum
    reads: tuple[str, ...]
    grows: str | None
    fused: bool = False
    absorbed: bool = False


class Recorder:
    """Collects the tensors and Einsums of one network."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.constants: set[str] = set()
        self.bits: dict[str, int] = {}
        #: Tensors whose heads are copies: how often, and of what.
        self.repeats: dict[str, tuple[int, str]] = {}
        self._roots: dict[str, tuple[str, bool]] = {}
        self._drafts: list[_Draft] = []
        self._unpriced: list[tuple[Unpriced, tuple[str, ...]]] = []
        self._sized: set[str] = set()

    def tensor(
        self,
        name: str,
        shape: Iterable[int],
        *,
        constant: bool = False,
        bits: int | None = None,
    ) -> None:
        """Note the shape of a tensor; sizes below 1 are allowed only where nothing computes."""
        sizes = tuple(shape)
        if any(s < 0 for s in sizes) or math.prod(sizes) > MOST_POINTS:
            raise ImportFailure(
                f"{self.source}: tensor {name!r} has shape {list(sizes)}; expected sizes of at "
                "least 1 with a product of at most 2^53: the file is broken"
            )
        self.shapes[name] = sizes
        if constant:
            self.constants.add(name)
        if bits is not None:
            self.bits[name] = bits

    def shape(self, name: str, layer: str) -> tuple[int, ...]:
        """Return the shape of a tensor that a layer computes on."""
        if name not in self.shapes:
            raise ImportFailure(
                f"{self.source}: layer {layer!r} reads tensor {name!r}, which nothing produces; "
                "expected a graph input, a constant or the output of an earlier layer"
            )
        found = self.shapes[name]
        if 0 in found:
            raise ImportFailure(
                f"{self.source}: layer {layer!r} uses tensor {name!r} of shape {list(found)}, "
                "which has no elements; expected sizes of at least 1"
            )
        return found

    def view(self, output: str, operand: str, *, whole: bool = True) -> None:
        """Note that a tensor is another one, or a part of it, under a new name and shape."""
        if output == operand:
            return
        self._roots[output] = (operand, whole)
        if operand in self.constants:
            self.constants.add(output)
        if operand in self.bits and output not in self.bits:
            self.bits[output] = self.bits[operand]

    def origin(self, name: str) -> str:
        """Return the tensor that holds the data of a view, also of a part."""
        while name in self._roots:
            name = self._roots[name][0]
        return name

    def same(self, name: str) -> str:
        """Return the first name of exactly these data."""
        while name in self._roots and self._roots[name][1]:
            name = self._roots[name][0]
        return name

    def touch(self, name: str) -> None:
        """Note that something was written into a tensor, so that it is no constant any more."""
        written = self.origin(name)
        self.constants = {c for c in self.constants if self.origin(c) != written}

    def constant(self, names: Iterable[str]) -> bool:
        """Whether all tensors are constants."""
        return all(n in self.constants for n in names)

    def add(self, einsum: Einsum, reads: Iterable[str] = (), *, grows: str | None = "") -> None:
        """Append an Einsum; `grows` names the rank that grows with the batch (None: no rank)."""
        values = tuple(t.value for t in einsum.inputs)
        rank = _BATCH_RANK.get(einsum.op, "N") if grows == "" else grows
        read = tuple(reads) or values
        if self.constant(read):
            rank = None  # the same work for any batch
        self._drafts.append(_Draft(einsum, read, rank))

    def product(
        self, name: str, values: layers.Values, left: Sequence[int], right: Sequence[int]
    ) -> None:
        """Append a matrix product; a constant side is the weights."""
        a, b, out = values
        if a in self.constants and b not in self.constants and len(left) > 1 and len(right) > 1:
            flip = (*right[:-2], right[-1], right[-2]), (*left[:-2], left[-1], left[-2])
            self.add(layers.broadcast_matmul(name, (b, a, out), *flip), grows="P")
            return
        weights = b in self.constants
        einsum = layers.broadcast_matmul(name, values, left, right, weights=weights)
        self.add(einsum, grows="P" if weights else "G")

    def refuse(
        self, name: str, op: str, operands: Sequence[str], outputs: Sequence[str], reason: str
    ) -> None:
        """Note an operator without a price."""
        shapes = [
            TensorShape(name=n, shape=self.shapes[n])
            for n in (*operands, *outputs)
            if n in self.shapes
        ]
        words = sum(math.prod(s.shape) for s in shapes)
        entry = Unpriced(name=name, op=op, shapes=tuple(shapes), words=words, reason=reason)
        self._unpriced.append((entry, tuple(operands)))

    def finish(self, name: str, outputs: Iterable[str] = (), *, batch: tuple[int, int] = (1, 1)):
        """Return the workload, with the batch changed from ``batch[1]`` to ``batch[0]``."""
        readers = self._readers(outputs)
        self._absorb(readers)
        self._fuse(readers)
        seen: Counter[str] = Counter()
        used = {d.einsum.name for d in self._drafts}
        einsums = [
            self._final(d, _unique(d.einsum.name, seen, used), batch)
            for d in self._drafts
            if not d.absorbed
        ]
        unpriced = tuple(u for u, _ in self._unpriced)
        if not einsums and not unpriced:
            raise ImportFailure(
                f"{self.source}: the network computes nothing on its inputs; expected at least one "
                "layer"
            )
        return Workload(name=name, einsums=tuple(einsums), source=self.source, unpriced=unpriced)

    def _readers(self, outputs: Iterable[str]) -> dict[str, list[int]]:
        """Return who reads the data of each origin; -1 is the world outside or the unpriced."""
        readers: dict[str, list[int]] = {}
        for i, draft in enumerate(self._drafts):
            for value in {self.origin(v) for v in draft.reads}:
                readers.setdefault(value, []).append(i)
        outside = [*outputs, *(v for _, operands in self._unpriced for v in operands)]
        for value in outside:
            readers.setdefault(self.origin(value), []).append(-1)
        return readers

    def _absorb(self, readers: dict[str, list[int]]) -> None:
        """Drop transpositions and paddings that only MAC work reads: they are addressing.

        So is a concatenation that only attention reads: a cache is read where it lies.
        """
        for i in reversed(range(len(self._drafts))):
            draft = self._drafts[i]
            op, value = draft.einsum.op, draft.einsum.output.value
            users = readers.get(value, [])
            if op == "concat" and users:
                draft.absorbed = all(
                    u >= 0 and self._drafts[u].einsum.op == "matmul" for u in users
                )
            if op not in _ADDRESSING:
                continue
            if users and all(u >= 0 and self._drafts[u].einsum.work == "mac" for u in users):
                draft.absorbed = True
                source = draft.einsum.inputs[0].value
                self._roots[value] = (source, True)
                into = readers.setdefault(self.origin(source), [])
                into[:] = [u for u in into if u != i] + users

    def _fuse(self, readers: dict[str, list[int]]) -> None:
        """Mark the element-wise work that runs on the output path of the operator before it."""
        path: dict[str, int] = {}
        for i, draft in enumerate(self._drafts):
            einsum = draft.einsum
            if draft.absorbed:
                continue
            path[einsum.output.value] = i
            if einsum.work == "mac":
                continue
            live = {self.same(v) for v in draft.reads if v not in self.constants}
            if einsum.op not in FUSABLE or len(live) != 1:
                continue
            (value,) = live
            size = einsum.words(einsum.output)
            operand = next(t for t in einsum.inputs if self.same(t.value) == value)
            if value in path and readers.get(value) == [i] and einsum.words(operand) == size:
                draft.fused = True
                path[einsum.output.value] = path[value]
        for draft in reversed(self._drafts):
            if draft.fused and draft.einsum.output.value in self.bits:
                value = self.same(next(v for v in draft.reads if v not in self.constants))
                self.bits.setdefault(value, self.bits[draft.einsum.output.value])

    def _final(self, draft: _Draft, name: str, batch: tuple[int, int]) -> Einsum:
        einsum = draft.einsum
        wide = einsum.work == "mac" and any(
            self.bits.get(self.same(t.value)) for t in einsum.inputs if t.name == INPUTS
        )
        output = self._tensor(einsum.output)
        if wide:
            output = msgspec.structs.replace(output, accumulate_bits=ACCUMULATE)
        ranks = einsum.ranks
        if batch[0] != batch[1] and draft.grows is not None:
            ranks = _grown(einsum, draft.grows, batch, self.source)
            if math.prod(r.size for r in ranks) * einsum.count > MOST_POINTS:
                raise ImportFailure(
                    f"{self.source}: layer {name!r} has more than 2^53 points at batch "
                    f"{batch[0]}; expected a smaller batch or sound shapes"
                )
        return msgspec.structs.replace(
            einsum,
            name=name,
            ranks=ranks,
            inputs=tuple(self._tensor(t) for t in einsum.inputs),
            output=output,
            fused=draft.fused,
        )

    def _tensor(self, tensor: Tensor) -> Tensor:
        value = self.same(tensor.value)
        while value in self.repeats:
            value = self.same(self.repeats[value][1])
        bits = self.bits.get(tensor.value) or self.bits.get(value)
        if value == tensor.value and bits == tensor.bits:
            return tensor
        return msgspec.structs.replace(tensor, value=value, bits=bits)


def _unique(name: str, seen: Counter[str], used: set[str]) -> str:
    seen[name] += 1
    if seen[name] == 1:
        return name
    fresh = f"{name}_{seen[name]}"
    while fresh in used:
        seen[name] += 1
        fresh = f"{name}_{seen[name]}"
    used.add(fresh)
    return fresh


def _grown(einsum: Einsum, rank: str, batch: tuple[int, int], source: str) -> tuple[Rank, ...]:
    wanted, found = batch
    sizes = einsum.sizes
    if rank not in sizes or sizes[rank] * wanted % found:
        raise ImportFailure(
            f"{source}: layer {einsum.name!r} cannot run at batch {wanted}: its rank {rank} of "
            f"size {sizes.get(rank)} belongs to a file of batch {found}; export the network with "
            "batch 1 or a dynamic batch"
        )
    sizes[rank] = sizes[rank] * wanted // found
    return tuple(Rank(name=n, size=s) for n, s in sizes.items())
