"""Boundaries: what a layer must pay between the memories of a chip, whatever its mapping.

A *stage* is a row of memories without an array between them that hold different tensors; its
instances are equal.  Two boundaries belong to it: the one *inside* it, where its words are read
and updated, and the one *around* it, where they are filled.  Each action is charged at one of them
only, so the prices of all boundaries add up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from onewatt.model import sparse
from onewatt.model.blocking import (
    Exponents,
    Operand,
    exponents,
    least_price,
    least_price_of_steps,
)
from onewatt.model.delivery import edge
from onewatt.model.words import block, stored_bits
from onewatt.spec.architecture import Architecture, Container, Memory, Network
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum, Index, Tensor

#: More choices of what memories keep than this are not gone through.
_MOST_CHOICES = 64

Kept = dict[str, Memory]


class Stage(NamedTuple):
    """Memories beside each other with the tensor each holds, and how often the chip has them."""

    kept: Kept
    instances: int


class Way(NamedTuple):
    """How a tensor passes a stage: from which memory to which, and over which networks."""

    tensor: Tensor
    memory: Memory
    child: Memory | None
    networks: tuple[Network, ...]
    shared: int


class _Layer:
    """A layer on a chip: its tensors with what does not depend on the mapping."""

    def __init__(self, einsum: Einsum, architecture: Architecture, prices: Prices) -> None:
        self.einsum, self.chip, self.prices = einsum, architecture, prices
        ranks = [r.name for r in einsum.ranks if r.size > 1]
        self.tensors = einsum.tensors
        self.powers = exponents([frozenset(t.ranks()) for t in self.tensors], ranks)
        self.words = {t.name: float(einsum.words(t)) for t in self.tensors}
        self.windows = {
            t.name: math.prod(float(overlap(einsum, i)) for i in t.projection) for t in self.tensors
        }

    def output(self, tensor: Tensor) -> bool:
        return tensor is self.einsum.output

    def energy(self, memory: Memory, tensor: Tensor, action: str, bits: int | None = None) -> float:
        """Return the least energy of an action for each word [J]."""
        bits = bits or stored_bits(self.chip, memory, tensor, self.output(tensor))
        part = sparse.share(self.einsum, memory, tensor, action, bits)
        have = self.chip.instances(memory.name)
        rows = min(1.0, have // memory.cluster / have)
        price = self.prices.find(memory.name, action).energy
        return price * rows * part.accesses / block(memory, bits)

    def port(self, memory: Memory, tensor: Tensor, action: str) -> float:
        """Return the words that pass a port for each word of a tensor [1]."""
        bits = stored_bits(self.chip, memory, tensor, self.output(tensor))
        return sparse.share(self.einsum, memory, tensor, action, bits).port

    def hop(self, networks: Sequence[Network]) -> float:
        """Return the energy of a word on its way [J]."""
        found = (self.prices.get(n.name, "hop") for n in networks)
        return sum(p.energy for p in found if p)


def overlap(einsum: Einsum, index: Index) -> int:
    """Return how many values of its ranks an index can have in common: a·p + b·r = h."""
    terms = [(t.coefficient, n) for t in index.terms if (n := einsum.sizes[t.rank]) > 1]
    if len(terms) == 2:
        (a, n), (b, m) = terms
        g = math.gcd(a, b)
        return min(-(-n * g // b), -(-m * g // a))
    sizes = sorted(n for _, n in terms)
    return math.prod(sizes[:-1])


def choices(einsum: Einsum, architecture: Architecture) -> list[list[Stage]] | None:
    """Return the stages for each choice of what memories keep; None if there are too many."""
    every = [t.name for t in einsum.tensors]
    options: list[list[tuple[str, ...]]] = []
    for memory in architecture.memories:
        must = tuple(t for t in every if t in memory.keeps)
        may = [t for t in every if t in memory.may_keep and t not in must]
        several = itertools.chain.from_iterable(
            itertools.combinations(may, n) for n in range(len(may) + 1)
        )
        options.append([(*must, *some) for some in several])
    if math.prod(len(o) for o in options) > _MOST_CHOICES:
        return None
    return [_stages(architecture, chosen) for chosen in itertools.product(*options)]


def _stages(architecture: Architecture, kept: Sequence[tuple[str, ...]]) -> list[Stage]:
    stages: list[Stage] = []
    closed = True
    memories = iter(kept)
    for node in architecture.nodes:
        if isinstance(node, Container):
            closed = True
        if not isinstance(node, Memory) or not (tensors := next(memories)):
            continue
        if closed or set(tensors) & set(stages[-1].kept):
            stages.append(Stage({}, architecture.instances(node.name)))
            closed = False
        stages[-1].kept.update(dict.fromkeys(tensors, node))
    return stages


def least_moved(
    einsum: Einsum, architecture: Architecture, prices: Prices, *, sizes: bool
) -> tuple[float, int] | None:
    """Return the least energy [J] and cycles [1] of one run for what moves between memories.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip.
    prices : Prices
        Energy of each action [J].
    sizes : bool
        Whether memories have their sizes; without, they hold everything.

    Returns
    -------
    tuple or None
        None if the memories can keep tensors in too many ways to go through.

    Notes
    -----
    The least of all choices of what memories keep, energy and cycles each by itself.  Ports of
    memories count, networks do not.
    """
    stages = choices(einsum, architecture)
    if stages is None:
        return None
    layer = _Layer(einsum, architecture, prices)
    found = [_Boundaries(layer, s, sizes) for s in stages]
    return min(f.energy() for f in found), min(f.cycles() for f in found)


class _Boundaries:
    """All boundaries of one choice of what memories keep."""

    def __init__(self, layer: _Layer, stages: list[Stage], sizes: bool) -> None:
        self.layer, self.stages, self.sizes = layer, stages, sizes
        self.points = float(layer.einsum.points)

    def ways(self, number: int) -> Iterator[Way]:
        """Yield the ways from the memories of a stage inwards."""
        chip = self.layer.chip
        for tensor in self.layer.tensors:
            memory = self.stages[number].kept.get(tensor.name)
            if memory is None:
                continue
            child = self._keeper(number + 1, tensor)
            end = child.name if child else chip.mac.name
            way = edge(chip, tensor.name, memory.name, end, self.layer.output(tensor))
            sizes = {a.name: a.size for a in chip.axes}
            shared = math.prod(sizes[a] for a in way.shared)
            yield Way(tensor, memory, child, way.networks, shared)

    def _keeper(self, number: int, tensor: Tensor) -> Memory | None:
        kept = (stage.kept.get(tensor.name) for stage in self.stages[number:])
        return next((m for m in kept if m), None)

    def _least(
        self, number: int, start: int, prices: dict[str, float], points: float, places: int
    ) -> float:
        """Return the least price at a boundary of a stage; inside is what is kept from `start` on.

        Each tensor inside is a part of the tile of its outermost memory there, so that memory alone
        limits it.
        """
        if not self.sizes or not any(prices.values()):
            return 0.0
        chip, each = self.layer.chip, self.stages[number].instances
        rooms: dict[str, int] = {}
        limits: list[float] = []
        operands: list[Operand] = []
        for tensor in self.layer.tensors:
            words, windows = self.layer.words[tensor.name], self.layer.windows[tensor.name]
            price = prices.get(tensor.name, 0.0)
            keeper = self._keeper(start, tensor)
            if keeper is None:
                operands.append(Operand(words, windows, price, flying=chip.pes / each))
                continue
            copies = 2 if keeper.reserves_half else 1
            bits = copies * stored_bits(chip, keeper, tensor, self.layer.output(tensor))
            share = next((s for s in keeper.partition if s.tensor == tensor.name), None)
            key, size = (
                (f"{keeper.name} {tensor.name}", share.capacity) if share
                else (keeper.name, keeper.capacity)
            )  # fmt: skip
            if key not in rooms:
                rooms[key] = len(rooms)
                many = chip.instances(keeper.name) / each
                limits.append(math.inf if size is None else size * many)
            operands.append(Operand(words, windows, price, rooms[key], float(bits)))
        return least_price(operands, limits, self.layer.powers, points, places) * (1 - 1e-9)

    # -- energy -----------------------------------------------------------------------------

    def energy(self) -> float:
        """Return the least energy of all boundaries [J]."""
        return sum(
            self._inside(number) + (self._around(number) if number else 0.0)
            for number in range(len(self.stages))
        )

    def _inside(self, number: int) -> float:
        """Charge reads and updates of a stage, and hops from it straight to the arithmetic."""
        layer, ways = self.layer, list(self.ways(number))
        prices = {w.tensor.name: self._served(w) for w in ways}
        hops = self.points * sum(layer.hop(w.networks) for w in ways if w.child is None)
        once = sum(prices[w.tensor.name] * self._served_words(w) for w in ways)
        each = self.stages[number].instances
        best = max(once, self._least(number, number + 1, prices, self.points, each))
        if all(self._keeper(number + 1, t) is None for t in layer.tensors):
            best = max(best, self._steps(prices, layer.chip.pes / each))
        if number == 0:
            best = max(best, self._with_sums(ways, prices))
        return best + hops

    def _served_words(self, way: Way) -> float:
        words = self.layer.words[way.tensor.name]
        return words if way.child else max(words, self.points / way.shared)

    def _served(self, way: Way) -> float:
        """Return what a word costs that a memory serves, or an output that comes up [J]."""
        layer, memory, tensor = self.layer, way.memory, way.tensor
        if not layer.output(tensor):
            return layer.energy(memory, tensor, "read")
        update = layer.energy(memory, tensor, "update")
        if memory is layer.chip.memories[0]:
            return update  # the first one of each; further ones are in `_with_sums`
        # a sum is read before it is updated, or it is new to the memory and must be drained
        return update + min(
            layer.energy(memory, tensor, "read"), layer.energy(memory, tensor, "drain")
        )

    def _with_sums(self, ways: list[Way], prices: dict[str, float]) -> float:
        """Charge sums that come to the outermost memory again, and are read before, in full."""
        layer, output = self.layer, self.layer.einsum.output
        memory = layer.chip.memories[0]
        wide = layer.chip.mac.accumulate_bits if memory.word is None else memory.word
        again = layer.energy(memory, output, "read", wide)
        again += layer.energy(memory, output, "update", wide)
        less = layer.words[output.name] * (again - prices[output.name])
        prices = {**prices, output.name: again}
        once = sum(prices[w.tensor.name] * self._served_words(w) for w in ways)
        best = max(once, self._least(0, 1, prices, self.points, 1))
        if len(self.stages) == 1:
            best = max(best, self._steps(prices, layer.chip.pes))
        return best - less

    def _steps(self, prices: dict[str, float], width: float) -> float:
        operands = [
            Operand(self.layer.words[t.name], self.layer.windows[t.name], prices.get(t.name, 0.0))
            for t in self.layer.tensors
        ]
        return least_price_of_steps(operands, self._used(prices), self.points, width) * (1 - 1e-9)

    def _used(self, prices: dict[str, float]) -> list[Exponents]:
        """Return the exponents that ask only for tensors with a price."""
        free = [not prices.get(t.name) for t in self.layer.tensors]
        return [
            s for s in self.layer.powers
            if not any(x > 0 and f for x, f in zip(s, free, strict=True))
        ]  # fmt: skip

    def _around(self, number: int) -> float:
        """Charge fills of a stage, hops to it, and what draining costs beyond reading."""
        layer, prices = self.layer, dict[str, float]()
        for outer in range(number):
            for way in self.ways(outer):
                if way.child is not self.stages[number].kept.get(way.tensor.name) or not way.child:
                    continue
                price = layer.hop(way.networks)
                if layer.output(way.tensor):
                    drain = layer.energy(way.child, way.tensor, "drain")
                    price += max(0.0, drain - layer.energy(way.child, way.tensor, "read"))
                else:
                    price += layer.energy(way.child, way.tensor, "fill")
                prices[way.tensor.name] = price
        once = sum(p * layer.words[name] for name, p in prices.items())
        each = self.stages[number].instances
        return max(once, self._least(number, number, prices, self.points, each))

    # -- cycles -----------------------------------------------------------------------------

    def cycles(self) -> int:
        """Return the least cycles that the ports of the first instance of any memory need."""
        port = 0
        for number, stage in enumerate(self.stages):
            for memory in {m.name: m for m in stage.kept.values()}.values():
                port = max(port, self._port_cycles(number, memory))
        return port

    def _port_cycles(self, number: int, memory: Memory) -> int:
        layer, needed = self.layer, [0.0]
        ways = [w for w in self.ways(number) if w.memory is memory]
        for rate, served, filled in (
            (memory.read_bandwidth, "read", ""),
            (memory.write_bandwidth, "update", "fill"),
            (memory.shared_bandwidth, "read update", "fill"),
        ):
            if not rate:
                continue
            reads = {
                w.tensor.name: layer.port(memory, w.tensor, action) for w in ways
                if (action := "update" if layer.output(w.tensor) else "read") in served.split()
            }  # fmt: skip
            fills = {
                w.tensor.name: layer.port(memory, w.tensor, "fill") for w in ways
                if filled and number and not layer.output(w.tensor)
            }  # fmt: skip
            needed.append((self._first(number, ways, reads) + self._entered(number, fills)) / rate)
        return math.ceil(max(needed) - 1e-9)

    def _first(self, number: int, ways: list[Way], ports: dict[str, float]) -> float:
        """Return the least words the first instance serves: it does at least its share of work."""
        each = self.stages[number].instances
        points = self.points / each
        once = sum(
            ports.get(w.tensor.name, 0.0)
            * max(
                self.layer.words[w.tensor.name] if each == 1 else 0.0,
                points / w.shared if w.child is None else 0.0,
            )
            for w in ways
        )
        return max(once, self._least(number, number + 1, ports, points, 1))

    def _entered(self, number: int, ports: dict[str, float]) -> float:
        each = self.stages[number].instances
        once = sum(p * self.layer.words[name] for name, p in ports.items()) if each == 1 else 0.0
        return max(once, self._least(number, number, ports, self.points / each, 1))
