"""Problems: a layer, a chip and an outline of its mappings as the numbers the kernel takes.

What a mapping costs is a sum of *terms*: words of one tensor that enter the tiles at a place, times
the energy of all that a word does there.  A problem holds the terms, the ports they load, the
memories and axes that limit the tiles, and the classes of loop orders.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from onewatt.errors import MappingError
from onewatt.mapper.template import Template
from onewatt.model import sparse
from onewatt.model.delivery import Edge, edge
from onewatt.model.ledger import standing_energy
from onewatt.model.nest import factors
from onewatt.model.words import block, stored_bits
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum, Index, Tensor

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Key(NamedTuple):
    """What a term counts: words of a tensor at a place, with sharing on some slots.

    `own` says that a word counts as new for each receiver that did not hold it itself.
    """

    tensor: int
    place: int
    keeps: bool
    shared: int
    own: bool


class Linear(dict[Key, float]):
    """A sum of terms with coefficients, and a constant under `one`."""

    one: float = 0.0

    def add(self, other: Linear, times: float = 1.0) -> None:
        """Add another sum."""
        for key, value in other.items():
            self[key] = self.get(key, 0.0) + times * value
        self.one += times * other.one


def _term(key: Key) -> Linear:
    made = Linear()
    made[key] = 1.0
    return made


class State(NamedTuple):
    """A case of the search: for each inner stage slot, which tensor alone rests through it.

    An entry is -1 if every tensor moves there, -2 if the slot has no loop at all, else the number
    of the tensor whose own ranks do not loop there.
    """

    through: tuple[int, ...]


class Problem:
    """A layer, a chip and a template in numbers; see `kernel.bound` for the arrays."""

    def __init__(
        self, einsum: Einsum, architecture: Architecture, prices: Prices, template: Template
    ) -> None:
        self.einsum, self.chip, self.prices = einsum, architecture, prices
        self.template = template
        tensors, ranks = einsum.tensors, template.ranks
        rows = [[row for row in factors(einsum, t).tolist() if row[2] or _alone(row, einsum, t)]
                for t in tensors]  # fmt: skip
        self.factors = [factors(einsum, t) for t in tensors]
        self.dims = np.zeros((len(tensors), max(1, max(map(len, rows))), 4), dtype=np.int64)
        self.n_dims = np.array([len(r) for r in rows], dtype=np.int64)
        for x, row in enumerate(rows):
            for i, (p, r, a, b) in enumerate(row):
                step = np.gcd(a, b) if r >= 0 else 1
                self.dims[x, i] = (p, r, a // step, b // step)
        self.relevant = np.array([[r in t.ranks() for r in ranks] for t in tensors])
        self.line = np.zeros_like(self.relevant)
        for x, row in enumerate(rows):
            for p, r, _, _ in row:
                if r < 0:
                    self.line[x, p] = True
        slots = template.slots
        self.is_time = np.array([not s.axis for s in slots])
        self.axis_size = np.array([max(1, s.size) for s in slots], dtype=np.int64)
        self.sizes = np.array([r.size for r in einsum.ranks], dtype=np.int64)
        self.allowed = np.array([[r in s.ranks for r in ranks] for s in slots])
        self._limits()
        self._ledger()
        self._classes()

    # -- memories ---------------------------------------------------------------------------

    def _limits(self) -> None:
        places: list[int] = []
        bits: list[list[float]] = []
        most: list[float] = []
        for i, stage in enumerate(self.template.stages):
            place = self.first_slot(i)
            for memory, kept in stage.memories:
                copies = 2 if memory.reserves_half else 1
                widths = [
                    copies * self._bits(memory, t) if t.name in kept else 0.0
                    for t in self.einsum.tensors
                ]
                if memory.capacity is not None:
                    places.append(place)
                    bits.append(widths)
                    most.append(float(memory.capacity))
                for share in memory.partition:
                    row = [w if t.name == share.tensor else 0.0
                           for w, t in zip(widths, self.einsum.tensors, strict=True)]  # fmt: skip
                    if any(row):
                        places.append(place)
                        bits.append(row)
                        most.append(float(share.capacity))
        self.limits = (
            np.array(places, dtype=np.int64),
            np.array(bits, dtype=np.float64).reshape(len(bits), len(self.einsum.tensors)),
            np.array(most, dtype=np.float64),
        )

    def first_slot(self, stage: int) -> int:
        """Return the number of slots outside a stage."""
        return next(j for j, s in enumerate(self.template.slots) if s.stage == stage)

    def _bits(self, memory: Memory, tensor: Tensor) -> int:
        return stored_bits(self.chip, memory, tensor, tensor is self.einsum.output)

    # -- what is paid -----------------------------------------------------------------------

    def _ledger(self) -> None:
        """Write energy and port cycles as sums of terms."""
        mac = self.chip.mac
        self.energy = Linear()
        self.ports: dict[str, Linear] = {}
        self.per_step: dict[str, float] = {}
        for x, tensor in enumerate(self.einsum.tensors):
            chain = [
                (self.first_slot(i), memory)
                for i, stage in enumerate(self.template.stages)
                for memory, kept in stage.memories
                if tensor.name in kept
            ]
            unread = Linear()
            unread.one = float(self.einsum.words(tensor))
            for (top, parent), below in zip(chain, [*chain[1:], None], strict=True):
                place, child = below or (len(self.template.slots), None)
                way = edge(
                    self.chip, tensor.name, parent.name, child.name if child else mac.name,
                    tensor is self.einsum.output,
                )  # fmt: skip
                if tensor is self.einsum.output:
                    unread = self._output_edge(x, tensor, top, parent, place, child, way, unread)
                else:
                    self._input_edge(x, tensor, top, parent, place, child, way)
        done = sparse.effective(self.einsum, mac)
        paid = self.prices.find(mac.name, "compute").energy * done.actual
        for action, part in (("gated", done.gated), ("skipped", done.skipped)):
            price = self.prices.get(mac.name, action) if part else None  # type: ignore[arg-type]
            paid += part * price.energy if price else 0.0
        self.energy.one += self.einsum.points * paid
        self.standing = standing_energy(self.chip, self.prices)
        self.step_cycles = sparse.duration(self.einsum, mac, 1) / mac.lanes

    def _mask(self, top: int, place: int, axes: frozenset[str]) -> int:
        slots = self.template.slots
        return sum(1 << j for j in range(top, place) if slots[j].axis and slots[j].axis in axes)

    def _every_axis(self) -> frozenset[str]:
        return frozenset(s.axis for s in self.template.slots if s.axis)

    def _input_edge(
        self, x: int, tensor: Tensor, top: int, parent: Memory, place: int, child: Memory | None,
        way: Edge,
    ) -> None:  # fmt: skip
        keeps = child is not None
        shared = self._mask(top, place, way.shared)
        read = _term(Key(x, place, keeps, shared, not (way.forwards and keeps)))
        each = _term(Key(x, place, keeps, 0, True))
        self._pay(parent, tensor, "read", read)
        self._carry(way, tensor, read, each)
        if child is not None:
            self._pay(child, tensor, "fill", each)

    def _output_edge(
        self, x: int, tensor: Tensor, top: int, parent: Memory, place: int, child: Memory | None,
        way: Edge, unread: Linear,
    ) -> Linear:  # fmt: skip
        keeps = child is not None
        update = _term(Key(x, place, keeps, self._mask(top, place, way.shared), False))
        inside = _term(Key(x, place, keeps, 0, True))
        read = Linear()
        read.add(update)
        read.add(unread, -1.0)
        self._pay(parent, tensor, "read", read)
        self._pay(parent, tensor, "update", update)
        sent = Linear()
        sent.add(update)
        sent.add(read)
        if child is None:
            self._carry(way, tensor, sent, inside)
            return unread
        fill = _term(Key(x, place, keeps, self._mask(top, place, self._every_axis()), False))
        fill.add(unread, -1.0)
        self._pay(child, tensor, "fill", fill)
        self._pay(child, tensor, "drain", inside)
        hops = Linear()
        hops.add(inside)
        hops.add(fill)
        self._carry(way, tensor, sent, hops)
        rest = Linear()
        rest.add(inside)
        rest.add(fill, -1.0)
        return rest

    def _pay(self, memory: Memory, tensor: Tensor, action: str, words: Linear) -> None:
        """Charge words to a memory: their energy, and their time at its port."""
        outermost = memory is self.chip.memories[0]
        output = tensor is self.einsum.output
        bits = self._bits(memory, tensor)
        final = 0.0
        if output and memory.word is None and outermost:
            # what is not final passes as wide as sums are accumulated
            final = float(self.einsum.words(tensor)) if action == "update" else 0.0
            narrow, bits = bits, self.chip.mac.accumulate_bits
            self.energy.one += final * (
                self._word(memory, tensor, action, narrow)
                - self._word(memory, tensor, action, bits)
            )
        self.energy.add(words, self._word(memory, tensor, action, bits))
        share = sparse.share(self.einsum, memory, tensor, action, self._bits(memory, tensor))
        side = "read" if action in ("read", "drain") else "write"
        for rate, name in (
            (memory.read_bandwidth if side == "read" else None, f"{memory.name} read"),
            (memory.write_bandwidth if side == "write" else None, f"{memory.name} write"),
            (memory.shared_bandwidth, memory.name),
        ):
            if rate:
                self._load(name, words, share.port / rate, self.chip.instances(memory.name))

    def _load(self, name: str, words: Linear, cycles: float, instances: int) -> None:
        """Load a port: the first of its instances works in every step, so compute counts steps."""
        row = self.ports.setdefault(name, Linear())
        for key, value in words.items():
            if key.keeps or instances == 1:
                row[key] = row.get(key, 0.0) + value * cycles / instances
            else:
                self.per_step[name] = self.per_step.get(name, 0.0) + value * cycles
        row.one += words.one * cycles / instances

    def _word(self, memory: Memory, tensor: Tensor, action: str, bits: int) -> float:
        price = self.prices.find(memory.name, action)  # type: ignore[arg-type]
        share = sparse.share(self.einsum, memory, tensor, action, bits)
        paid = price.energy * share.accesses / block(memory, bits) / memory.cluster
        gated = self.prices.get(memory.name, "gated") if share.gated else None
        return paid + (share.gated * gated.energy if gated else 0.0)

    def _carry(self, way: Edge, tensor: Tensor, sent: Linear, hops: Linear) -> None:
        for network in way.networks:
            price = self.prices.get(network.name, "hop")
            if price is not None:
                self.energy.add(hops, price.energy)
            if network.words_per_cycle:
                instances = self.chip.instances(network.name)
                self._load(network.name, sent, 1 / network.words_per_cycle, instances)

    # -- orders and cases -------------------------------------------------------------------

    def _classes(self) -> None:
        """List the classes of orders: the tensor held still, and the rank that slides first."""
        still = [x for x in range(len(self.einsum.tensors))
                 if any(not self.relevant[x, r] and self.sizes[r] > 1
                        for r in range(len(self.sizes)))]  # fmt: skip
        made: list[tuple[int, int, int, int]] = []
        pairs = sorted({int(r) for x in range(len(self.n_dims))
                        for i in range(self.n_dims[x]) if self.dims[x, i, 1] >= 0
                        for r in self.dims[x, i, :2]})  # fmt: skip
        for x in still or [0]:
            free = [r for r in range(len(self.sizes)) if not self.relevant[x, r]]
            slid = [r for r in pairs if r in free]
            whole = sum(1 << r for r in free)
            made += [(x, r, whole, 1) for r in slid or pairs] or [(x, -1, whole, 1)]
            if any(self.line[:, r].any() and self.sizes[r] > 1 for r in free if r not in slid):
                # loops over lines outside another tensor's, so that its window may turn back
                made += [(x, r, sum(1 << q for q in slid), 0) for r in slid]
        self.classes = np.array(made, dtype=np.int64).reshape(len(made), 4)

    def fixed_order(self, slot: int) -> tuple[int, ...] | None:
        """Return the order, outermost first, that the dataflow asks for at a slot."""
        ranks = self.template.ranks
        named = [ranks.index(r) for r in self.template.slots[slot].order if r in ranks]
        rest = [r for r in range(len(ranks)) if r not in named]
        return (*rest, *named) if self.template.slots[slot].order else None

    def deciding(self) -> list[int]:
        """Return the time slots with a memory below them, outermost first."""
        places = sorted({k.place for k in self.energy if k.keeps})
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


def _alone(row: list[int], einsum: Einsum, tensor: Tensor) -> bool:
    return row[1] < 0 and einsum.ranks[row[0]].name in tensor.ranks()


class Case:
    """One case of a problem: its terms with the slot that decides about each."""

    def __init__(self, problem: Problem, state: State) -> None:
        slots = problem.deciding()
        self.problem, self.state = problem, state
        self.allowed = problem.allowed.copy()
        for j, x in zip(slots[1:], state.through, strict=True):
            if x == -2:
                self.allowed[j] = False
            elif x >= 0:
                self.allowed[j] &= ~problem.relevant[x]
        keys = sorted(k for k in {*problem.energy, *(k for p in problem.ports.values() for k in p)})
        self.keys = keys
        number = {k: i for i, k in enumerate(keys)}
        self.terms = np.zeros((max(1, len(keys)), 8), dtype=np.int64)
        for k, i in number.items():
            self.terms[i] = self._row(k, slots)
        self.slots = slots
        self.coef = np.zeros(max(1, len(keys)))
        for k, value in _positive(problem.energy).items():
            self.coef[number[k]] = value
        names = sorted({*problem.ports, *problem.per_step})
        per_word = np.zeros((len(names), max(1, len(keys))))
        offset, per_step = np.zeros(len(names)), np.zeros(len(names))
        for i, name in enumerate(names):
            row = _positive(problem.ports.get(name, Linear()))
            offset[i] = row.one
            per_step[i] = problem.per_step.get(name, 0.0)
            for k, value in row.items():
                per_word[i, number[k]] = value
        self.ports = (per_word, offset, per_step)
        self.scalars = np.array([problem.energy.one, problem.standing, problem.step_cycles])

    def _row(self, k: Key, slots: list[int]) -> tuple[int, ...]:
        """Find the slot that decides whether a term's irrelevant loops matter."""
        free, decide, step = 0, -1, k.place
        if k.keeps:
            above = [j for j in range(k.place) if self.problem.is_time[j]]
            step = above[-1] + 1
            at = slots.index(above[-1])
            while at > 0 and self.state.through[at - 1] in (-2, k.tensor):
                free |= 1 << slots[at]
                at -= 1
            decide = slots[at]
        return (k.tensor, k.place, int(k.keeps), k.shared, decide, free, step, int(k.own))


def _positive(words: Linear) -> Linear:
    """Move negative coefficients to terms that are at least as large, so that bounds stay bounds.

    Sharing on more slots never counts more words, so a term with a smaller mask is larger.
    """
    made = Linear(words)
    made.one = words.one
    for key in sorted(made):
        if made[key] >= 0:
            continue
        for other in sorted(made, key=lambda k: -made[k]):
            larger = (
                other.tensor == key.tensor and other.place == key.place
                and other.keeps == key.keeps and other.shared & ~key.shared == 0
            )  # fmt: skip
            if other != key and larger and made[other] + made[key] >= -1e-30:
                made[other] += made[key]
                made[key] = 0.0
                break
        else:
            raise MappingError("the prices of this chip leave no bound on partial sums")
    return made


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
