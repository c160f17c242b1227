"""Terms: what a mapping of a layer costs as a sum of words times what a word pays.

A *term* counts words of one tensor that enter the tiles at a place.  Energy and the cycles of every
port are sums of terms with coefficients, and a constant.
"""

from __future__ import annotations

from typing import NamedTuple

from onewatt.errors import MappingError
from onewatt.mapper.template import Template
from onewatt.model import sparse
from onewatt.model.delivery import Edge, edge
from onewatt.model.ledger import standing_energy
from onewatt.model.words import block, stored_bits
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum, Tensor


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

    def plus(self, other: Linear, times: float = 1.0) -> Linear:
        """Return the sum with another one."""
        made = Linear(self)
        made.one = self.one
        made.add(other, times)
        return made


class _Way(NamedTuple):
    """A tensor's way from a memory at slot `top` to one at `place`, or to compute."""

    number: int
    tensor: Tensor
    top: int
    parent: Memory
    place: int
    child: Memory | None
    edge: Edge


class Access(NamedTuple):
    """Words that a memory reads or writes in whole accesses."""

    words: Linear
    price: float  #: [J] an access of a row of instances
    each: float  #: accesses a word
    place: int
    rows: int  #: rows of instances on the chip


class Ledger:
    """Energy [J] and port cycles of a layer, as sums of terms.

    `energy` is a bound that takes words for accesses; `exact` is what is paid a word, beside the
    `accesses`, which the model rounds.
    """

    def __init__(
        self, einsum: Einsum, chip: Architecture, prices: Prices, template: Template
    ) -> None:
        self.einsum, self.chip, self.prices, self.template = einsum, chip, prices, template
        self.energy, self.exact = Linear(), Linear()
        self.accesses: list[Access] = []
        self.ports: dict[str, Linear] = {}
        self.per_step: dict[str, float] = {}
        self._instances: dict[str, int] = {}
        for x, tensor in enumerate(einsum.tensors):
            self._tensor(x, tensor)
        done = sparse.effective(einsum, chip.mac)
        paid = prices.find(chip.mac.name, "compute").energy * done.actual
        for action, part in (("gated", done.gated), ("skipped", done.skipped)):
            price = prices.get(chip.mac.name, action) if part else None  # type: ignore[arg-type]
            paid += part * price.energy if price else 0.0
        self.energy.one += einsum.points * paid
        self.exact.one += einsum.points * paid
        self._settle()
        self.standing = standing_energy(chip, prices)
        self.step_cycles = sparse.duration(einsum, chip.mac, 1) / chip.mac.lanes

    def _tensor(self, x: int, tensor: Tensor) -> None:
        """Write what a tensor pays from its outermost memory down to compute."""
        chain = [
            (self.template.first_slot(i), memory)
            for i, stage in enumerate(self.template.stages)
            for memory, kept in stage.memories
            if tensor.name in kept
        ]
        output = tensor is self.einsum.output
        unread = Linear()
        unread.one = float(self.einsum.words(tensor))
        for (top, parent), below in zip(chain, [*chain[1:], None], strict=True):
            place, child = below or (len(self.template.slots), None)
            way = edge(self.chip, tensor.name, parent.name, (child or self.chip.mac).name, output)
            step = _Way(x, tensor, top, parent, place, child, way)
            if output:
                unread = self._output_edge(step, unread)
            else:
                self._input_edge(step)

    def _words(self, way: _Way, axes: frozenset[str], own: bool) -> Linear:
        """Return one term: words that enter the child, shared on some axes."""
        slots = self.template.slots
        mask = sum(
            1 << j for j in range(way.top, way.place) if slots[j].axis in axes and slots[j].size > 1
        )
        made = Linear()
        made[Key(way.number, way.place, way.child is not None, mask, own)] = 1.0
        return made

    def _input_edge(self, way: _Way) -> None:
        forwards = way.edge.forwards and way.child is not None
        read = self._words(way, way.edge.shared, not forwards)
        each = self._words(way, frozenset(), True)
        self._pay(way.parent, way.top, way.tensor, "read", read)
        self._carry(way.edge, read, each)
        if way.child is not None:
            self._pay(way.child, way.place, way.tensor, "fill", each)

    def _output_edge(self, way: _Way, unread: Linear) -> Linear:
        """Write an edge of partial sums; `unread` first ones need no read, returns those below."""
        update = self._words(way, way.edge.shared, False)
        inside = self._words(way, frozenset(), True)
        read = update.plus(unread, -1.0)
        self._pay(way.parent, way.top, way.tensor, "read", read)
        self._pay(way.parent, way.top, way.tensor, "update", update)
        sent = update.plus(read)
        if way.child is None:
            self._carry(way.edge, sent, inside)
            return unread
        every_axis = frozenset(s.axis for s in self.template.slots if s.axis)
        fill = self._words(way, every_axis, False).plus(unread, -1.0)
        self._pay(way.child, way.place, way.tensor, "fill", fill)
        self._pay(way.child, way.place, way.tensor, "drain", inside)
        self._carry(way.edge, sent, inside.plus(fill))
        return inside.plus(fill, -1.0)

    def _pay(self, memory: Memory, place: int, tensor: Tensor, action: str, words: Linear) -> None:
        """Charge words to a memory at a place: their energy, and their time at its port."""
        output = tensor is self.einsum.output
        stored = stored_bits(self.chip, memory, tensor, output)
        if output and memory.word is None and memory is self.chip.memories[0]:
            # what is not final passes as wide as sums are accumulated
            wide = Linear(words)
            wide.one = words.one
            if action == "update":
                final = Linear()
                final.one = float(self.einsum.words(tensor))
                self._access(memory, place, tensor, action, final, stored)
                wide.one -= final.one
            self._access(memory, place, tensor, action, wide, self.chip.mac.accumulate_bits)
        else:
            self._access(memory, place, tensor, action, words, stored)
        share = sparse.share(self.einsum, memory, tensor, action, stored)
        side = "read" if action in ("read", "drain") else "write"
        for rate, name in (
            (memory.read_bandwidth if side == "read" else None, f"{memory.name} read"),
            (memory.write_bandwidth if side == "write" else None, f"{memory.name} write"),
            (memory.shared_bandwidth, memory.name),
        ):
            if rate:
                self._load(name, words, share.port / rate, self.chip.instances(memory.name))

    def _access(
        self, memory: Memory, place: int, tensor: Tensor, action: str, words: Linear, bits: int
    ) -> None:
        """Charge words of one width: in the sum of terms, and as the model rounds them."""
        price = self.prices.find(memory.name, action)  # type: ignore[arg-type]
        share = sparse.share(self.einsum, memory, tensor, action, bits)
        each = share.accesses / block(memory, bits)
        rows = self.chip.instances(memory.name) // memory.cluster
        self.energy.add(words, price.energy * each / memory.cluster)
        self.accesses.append(Access(words, price.energy, each, place, rows))
        gated = self.prices.get(memory.name, "gated") if share.gated else None
        if gated:
            self.energy.add(words, share.gated * gated.energy)
            self.exact.add(words, share.gated * gated.energy)

    def _load(self, name: str, words: Linear, cycles: float, instances: int) -> None:
        """Load a port: the first of its instances works in every step, so compute counts steps."""
        row = self.ports.setdefault(name, Linear())
        self._instances[name] = instances
        for key, value in words.items():
            if key.keeps or instances == 1:
                row[key] = row.get(key, 0.0) + value * cycles / instances
            else:
                self.per_step[name] = self.per_step.get(name, 0.0) + value * cycles
        row.one += words.one * cycles / instances

    def _settle(self) -> None:
        """Let ports whose first instance works in every step be charged no more than it is.

        It has at least the average of all words, but may have all that are subtracted: reads of
        sums that are not needed yet.  Where no other term takes these up, none is counted as read.
        """
        for name in self.per_step:
            row, many = self.ports[name], self._instances[name]
            try:
                self.ports[name] = without_negative(row)
            except MappingError:
                for key in [k for k in row if row[k] < 0]:
                    self.per_step[name] += row.pop(key) * many
            self._settle_constant(self.ports[name], many)

    def _settle_constant(self, row: Linear, many: int) -> None:
        """Subtract from one instance what no words of sums, of which there are as many, make up."""
        output = self.einsum.output
        sums = self.einsum.tensors.index(output)
        made_up = sum(v for k, v in row.items() if k.tensor == sums and v > 0)
        left = row.one + made_up * self.einsum.words(output)
        row.one += min(0.0, left) * (many - 1)

    def _carry(self, way: Edge, sent: Linear, hops: Linear) -> None:
        for network in way.networks:
            price = self.prices.get(network.name, "hop")
            if price is not None:
                self.energy.add(hops, price.energy)
                self.exact.add(hops, price.energy)
            if network.words_per_cycle:
                instances = self.chip.instances(network.name)
                self._load(network.name, sent, 1 / network.words_per_cycle, instances)


def without_negative(words: Linear) -> Linear:
    """Move negative coefficients to terms that are at least as large, so that bounds stay bounds.

    Sharing on more slots never counts more words, so a term with a smaller mask is larger.  While a
    partial sum stays at a place at least one update comes to it from inside, so the term of a place
    further inside is larger as well.
    """
    made = Linear(words)
    made.one = words.one
    for key in sorted(made):
        for other in sorted(made, key=lambda k: (k.place, -made[k])):
            inner = (1 << key.place) - 1
            if (
                made[key] < 0 < made[other] and other.tensor == key.tensor
                and (other.place > key.place
                     or (other.place == key.place and other.keeps == key.keeps))
                and other.shared & inner & ~key.shared == 0
            ):  # fmt: skip
                part = min(made[other], -made[key])
                made[other] -= part
                made[key] += part
        if made[key] < -1e-30:
            raise MappingError(
                "its prices leave no bound on partial sums: those that come back (read, fill) cost "
                "more than those that leave (update, drain, hop); state dearer drains or hops, or "
                "let one memory fewer keep Outputs"
            )
    return made
