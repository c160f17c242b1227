"""Problems: a layer, a chip and an outline of its mappings as the arrays the kernel takes."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from onewatt.mapper.kernel.arrays import (
    APART,
    TENSOR,
    WITH,
    WITHOUT,
    Costs,
    Floats,
    Ints,
    Layer,
    Unrolled,
)
from onewatt.mapper.template import Template
from onewatt.mapper.terms import Key, Ledger, Linear, without_negative
from onewatt.mapper.unrolling import unrollings
from onewatt.model.nest import factors
from onewatt.model.words import stored_bits
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum, Index, Tensor


class State(NamedTuple):
    """A case of the search: for each inner stage slot, which tensor alone rests through it.

    An entry is -1 if every tensor moves there, -2 if the slot has no loop at all, else the number
    of the tensor whose own ranks do not loop there.
    """

    through: tuple[int, ...]


class Problem:
    """A layer, a chip and a template in numbers."""

    def __init__(
        self, einsum: Einsum, architecture: Architecture, prices: Prices, template: Template
    ) -> None:
        self.einsum, self.chip, self.template = einsum, architecture, template
        self.sizes = np.array([r.size for r in einsum.ranks], dtype=np.int64)
        self.layer = _layer(einsum, template.ranks)
        slots = template.slots
        self.is_time = np.array([not s.axis for s in slots])
        self.axis_size = np.array([max(1, s.size) for s in slots], dtype=np.int64)
        self.allowed = np.array([[r in s.ranks for r in template.ranks] for s in slots])
        self.limits = self._limits()
        self.ledger = Ledger(einsum, architecture, prices, template)
        self.classes = self._classes()
        self.fixed = np.array([self._fixed_order(j) for j in range(len(slots))], dtype=np.int64)
        self._unrolled: dict[bool, Unrolled] = {}

    def unrolled(self, perfect: bool) -> Unrolled:
        """Return the ways to unroll the layer over the array, in whole copies or in divisors."""
        if perfect not in self._unrolled:
            self._unrolled[perfect] = unrollings(
                self.sizes, self.axis_size, self.allowed, self.is_time, perfect
            )
        return self._unrolled[perfect]

    # -- memories ---------------------------------------------------------------------------

    def _limits(self) -> tuple[Ints, Floats, Floats]:
        """Return the place, the bits of a word of each tensor, and the bits that fit."""
        places: list[int] = []
        bits: list[list[float]] = []
        most: list[float] = []
        tensors = self.einsum.tensors
        for i, stage in enumerate(self.template.stages):
            for memory, kept in stage.memories:
                copies = 2 if memory.reserves_half else 1
                widths = [
                    copies * float(self._bits(memory, t)) if t.name in kept else 0.0
                    for t in tensors
                ]
                rows: list[tuple[list[float], float]] = []
                if memory.capacity is not None:
                    rows.append((widths, float(memory.capacity)))
                for share in memory.partition:
                    row = [w if t.name == share.tensor else 0.0
                           for w, t in zip(widths, tensors, strict=True)]  # fmt: skip
                    rows.append((row, float(share.capacity)))
                for row, capacity in rows:
                    if any(row):
                        places.append(self.template.first_slot(i))
                        bits.append(row)
                        most.append(capacity)
        return (
            np.array(places, dtype=np.int64),
            np.array(bits, dtype=np.float64).reshape(len(bits), len(tensors)),
            np.array(most, dtype=np.float64),
        )

    def _bits(self, memory: Memory, tensor: Tensor) -> int:
        return stored_bits(self.chip, memory, tensor, tensor is self.einsum.output)

    # -- orders and cases -------------------------------------------------------------------

    def _classes(self) -> Ints:
        """List the classes of orders: the tensor held still, and the rank that slides first."""
        layer, every = self.layer, range(len(self.sizes))
        still = [x for x in range(len(self.einsum.tensors))
                 if any(not layer.relevant[x, r] and self.sizes[r] > 1 for r in every)]  # fmt: skip
        made: list[tuple[int, int, int, int]] = []
        pairs = sorted({int(r) for x in range(len(layer.n_dims))
                        for i in range(layer.n_dims[x]) if layer.dims[x, i, 1] >= 0
                        for r in layer.dims[x, i, :2]})  # fmt: skip
        for x in still or [0]:
            free = [r for r in every if not layer.relevant[x, r]]
            slid = [r for r in pairs if r in free]
            whole = sum(1 << r for r in free)
            made += [(x, r, whole, 1) for r in slid or pairs] or [(x, -1, whole, 1)]
            if any(layer.line[:, r].any() and self.sizes[r] > 1 for r in free if r not in slid):
                # loops over lines outside another tensor's, so that its window may turn back
                made += [(x, r, sum(1 << q for q in slid), 0) for r in slid]
        return np.array(made, dtype=np.int64).reshape(len(made), 4)

    def _fixed_order(self, slot: int) -> tuple[int, ...]:
        """Return the order, outermost first, that the dataflow asks for at a slot, or all -1."""
        ranks = self.template.ranks
        if not self.template.slots[slot].order:
            return (-1,) * len(ranks)
        named = [ranks.index(r) for r in self.template.slots[slot].order if r in ranks]
        return (*(r for r in range(len(ranks)) if r not in named), *named)

    def deciding(self) -> list[int]:
        """Return the time slots with a memory below them, outermost first."""
        places = sorted({k.place for k in self.ledger.energy if k.keeps})
        return sorted({max(j for j in range(p) if self.is_time[j]) for p in places})

    def states(self) -> list[State]:
        """Return the cases that together hold every mapping."""
        inner = self.deciding()[1:]
        able = sorted({int(x) for x in self.classes[:, 0]})
        cases: list[tuple[int, ...]] = [()]
        for _ in inner:
            cases = [(*c, x) for c in cases for x in (-1, *able, -2)]
        return [State(c) for c in cases]

    def case(self, state: State) -> Case:
        """Return the arrays of one case."""
        return Case(self, state)


def _layer(einsum: Einsum, ranks: tuple[str, ...]) -> Layer:
    """Return the dimensions of every tensor as arrays."""
    tensors = einsum.tensors
    relevant = np.array([[r in t.ranks() for r in ranks] for t in tensors])
    every = [factors(einsum, t) for t in tensors]
    # a factor of coefficient 0 is a rank that does not address the tensor
    rows = [
        [f for f in table.tolist() if f[2] or relevant[x, f[0]]] for x, table in enumerate(every)
    ]
    dims = np.zeros((len(tensors), max(1, *map(len, rows)), 4), dtype=np.int64)
    line = np.zeros_like(relevant)
    for x, table in enumerate(rows):
        for i, (p, r, a, b) in enumerate(table):
            step = np.gcd(a, b) if r >= 0 else 1
            dims[x, i] = (p, r, a // step, b // step)
            if r < 0:
                line[x, p] = True
    padded = np.zeros((len(tensors), max(1, *map(len, every)), 4), dtype=np.int64)
    for x, table in enumerate(every):
        padded[x, : len(table)] = table
    return Layer(
        dims=dims, n_dims=np.array([len(r) for r in rows], dtype=np.int64), relevant=relevant,
        free=np.array([sum(1 << r for r in range(len(ranks)) if not row[r]) for row in relevant]),
        line=line,
        windows=sum(1 << r for r in {int(r) for table in rows for f in table
                                     if f[1] >= 0 for r in f[:2]}),
        factors=padded, n_factors=np.array([len(t) for t in every], dtype=np.int64),
    )  # fmt: skip


class Case:
    """One case of a problem: its terms with the slot that decides about each."""

    def __init__(self, problem: Problem, state: State) -> None:
        self.problem, self.state = problem, state
        self.slots = problem.deciding()
        self.allowed = problem.allowed.copy()
        for j, x in zip(self.slots[1:], state.through, strict=True):
            if x == -2:
                self.allowed[j] = False
            elif x >= 0:
                self.allowed[j] &= ~problem.layer.relevant[x]
        ledger = problem.ledger
        keys = sorted({*ledger.energy, *(k for p in ledger.ports.values() for k in p)})
        self._masks: dict[tuple[int, int], int] = {}
        terms = np.array([self._row(k) for k in keys], dtype=np.int64).reshape(len(keys), 11)
        n_slot = len(problem.is_time)
        steps = self._mask(sum(1 << j for j in range(n_slot) if problem.is_time[j]), n_slot)
        needed = np.zeros((len(problem.sizes), len(self._masks)), dtype=np.bool_)
        needed[:, steps] = True
        for row in terms:
            for mask in (row[WITH], row[WITHOUT], row[APART]):
                needed[~problem.layer.relevant[row[TENSOR]], mask] = True

        def table(rows: list[Linear]) -> Floats:
            return np.array([[row.get(k, 0.0) for k in keys] for row in rows]).reshape(
                len(rows), len(keys)
            )

        names = sorted({*ledger.ports, *ledger.per_step})
        paid = [ledger.energy, *(ledger.ports.get(n, Linear()) for n in names)]
        rows = [without_negative(row) for row in paid]
        self.costs = Costs(
            terms=terms,
            masks=np.array(list(self._masks), dtype=np.int64),
            steps=steps,
            needed=needed,
            rates=table(rows).T.copy(),
            exact=table([ledger.exact, *paid[1:]]),
            exact_base=np.array([ledger.exact.one, *(row.one for row in paid[1:])]),
            accesses=table([a.words for a in ledger.accesses]),
            access_base=np.array([a.words.one for a in ledger.accesses]),
            access_pays=np.array([(a.price, a.each, a.place, a.rows) for a in ledger.accesses]),
            base=np.array([row.one for row in rows]),
            per_step=np.array([0.0, *(ledger.per_step.get(n, 0.0) for n in names)]),
            standing=float(ledger.standing),
            pace=float(ledger.step_cycles),
            deciding=np.array(self.slots, dtype=np.int64),
            classes=problem.classes,
            fixed=problem.fixed,
        )

    def _mask(self, slots: int, place: int) -> int:
        """Return the number of a mask, the one for time steps last."""
        return self._masks.setdefault((slots, place), len(self._masks))

    def _row(self, k: Key) -> tuple[int, ...]:
        """Return a term, with the slot that decides whether its irrelevant loops matter."""
        free, decide, step = 0, -1, k.place
        if k.keeps:
            above = [j for j in range(k.place) if self.problem.is_time[j]]
            step = above[-1] + 1
            at = self.slots.index(above[-1])
            while at > 0 and self.state.through[at - 1] in (-2, k.tensor):
                free |= 1 << self.slots[at]
                at -= 1
            decide = self.slots[at]
        slots = ((1 << k.place) - 1) & ~k.shared & ~free
        outside = slots & ~(1 << decide) if decide >= 0 else slots
        apart = slots & ~sum(1 << j for j in self.slots if j <= decide)
        level = self.slots.index(decide) if decide >= 0 else -1
        return (
            k.tensor, k.place, int(k.keeps), k.shared, decide, step, int(k.own),
            self._mask(slots, k.place), self._mask(outside, k.place), level,
            self._mask(apart, k.place),
        )  # fmt: skip


def without_trivial(einsum: Einsum) -> Einsum:
    """Return one run of a layer without its ranks of size 1; they change nothing.

    Examples
    --------
    >>> import onewatt as ow
    >>> layer = ow.load_workload("alexnet").einsums[0]
    >>> [r.name for r in without_trivial(layer).ranks]
    ['M', 'C', 'P', 'Q', 'R', 'S']
    """
    kept = {r.name for r in einsum.ranks if r.size > 1} or {einsum.ranks[0].name}
    tensors: list[Tensor] = []
    for tensor in einsum.tensors:
        projection: list[Index] = []
        for index in tensor.projection:
            terms = tuple(t for t in index.terms if t.rank in kept)
            if terms:
                projection.append(msgspec.structs.replace(index, terms=terms))
        tensors.append(msgspec.structs.replace(tensor, projection=tuple(projection)))
    return msgspec.structs.replace(
        einsum, count=1, ranks=tuple(r for r in einsum.ranks if r.name in kept),
        inputs=tuple(tensors[:-1]), output=tensors[-1],
    )  # fmt: skip
