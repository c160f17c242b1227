"""Ranking: a layer, a chip and a template as the numbers that the ranking kernel takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onewatt.mapper import kernel
from onewatt.mapper.template import Slot, Template
from onewatt.model.delivery import Edge, edge
from onewatt.model.ledger import standing_energy
from onewatt.model.nest import factors
from onewatt.model.words import block, stored_bits
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum, Tensor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Ranking:
    """Ranks complete tilings of one template; see `kernel.rank` for the meaning of the arrays."""

    def __init__(
        self, einsum: Einsum, architecture: Architecture, prices: Prices, template: Template
    ) -> None:
        self.einsum, self.chip, self.prices = einsum, architecture, prices
        self.template = template
        rows = [factors(einsum, t) for t in einsum.tensors]
        self.dims = np.zeros((len(rows), max(len(r) for r in rows), 4), dtype=np.int64)
        self.n_dims = np.array([len(r) for r in rows], dtype=np.int64)
        for t, row in enumerate(rows):
            self.dims[t, : len(row)] = row
        self.relevant = np.array(
            [[r in t.ranks() for r in template.ranks] for t in einsum.tensors], dtype=np.bool_
        )
        self.spatial = np.array([bool(s.axis) for s in template.slots])
        sets = [self._orders(s) for s in template.slots]
        self.n_orders = np.array([len(s) for s in sets], dtype=np.int64)
        self.order_sets = np.zeros((len(sets), max(map(len, sets)), len(template.ranks)), np.int64)
        for j, orders in enumerate(sets):
            self.order_sets[j, : len(orders)] = orders
        self._limits = [self._stage_limits(i) for i in range(len(template.stages))]
        self._edges()
        self.standing = standing_energy(architecture, prices)
        self.pe_work = prices.find(architecture.mac.name, "compute").energy

    def _orders(self, slot: Slot) -> list[tuple[int, ...]]:
        """Return the loop orders tried at a slot: each tensor held still in turn."""
        ranks = self.template.ranks
        everything = tuple(range(len(ranks)))
        if slot.axis:
            return [everything]
        if slot.order:
            named = [ranks.index(r) for r in slot.order if r in ranks]
            return [(*(r for r in everything if r not in named), *named)]
        innermost = slot is self.template.slots[-1]
        if innermost and len(self.template.slots) > 1:
            return [everything]  # compute holds nothing, so no order is better there
        orders: dict[tuple[int, ...], None] = {}
        for tensor in self.einsum.tensors:
            moves = tuple(i for i in everything if ranks[i] in tensor.ranks())
            rests = tuple(i for i in everything if ranks[i] not in tensor.ranks())
            orders[(*moves, *rests)] = None
        return list(orders)

    def _stage_limits(self, stage: int) -> tuple[Ints, Ints, Flags, Floats, Floats]:
        memories = self.template.stages[stage].memories
        tensors = self.einsum.tensors
        level = np.zeros((len(memories), len(tensors)), dtype=np.bool_)
        bits = np.zeros((len(memories), len(tensors)))
        capacity = np.full((len(memories), len(tensors) + 1), np.inf)
        for m, (memory, kept) in enumerate(memories):
            copies = 2 if memory.reserves_half else 1
            shares = {s.tensor: s.capacity for s in memory.partition}
            if memory.capacity is not None:
                capacity[m, -1] = memory.capacity
            for t, tensor in enumerate(tensors):
                level[m, t] = tensor.name in kept
                bits[m, t] = copies * self._bits(memory, tensor)
                capacity[m, t] = shares.get(tensor.name, np.inf)
        return self.dims, self.n_dims, level, bits, capacity

    def limits(self, stage: int) -> tuple[Flags, Ints, Ints, Floats, Floats]:
        """Return the arguments of `kernel.fits` after the tiles."""
        dims, n_dims, level, bits, capacity = self._limits[stage]
        return level, dims, n_dims, bits, capacity

    def _bits(self, memory: Memory, tensor: Tensor) -> int:
        return stored_bits(self.chip, memory, tensor, tensor is self.einsum.output)

    def _edges(self) -> None:
        """Fill the arrays of edges: every tensor from each memory to the next that keeps it."""
        stages, slots = self.template.stages, self.template.slots
        first = [next(j for j, s in enumerate(slots) if s.stage == i) for i in range(len(stages))]
        edges: list[tuple[int, int, int, int]] = []
        shares: list[list[bool]] = []
        prices: list[tuple[float, float, float, float]] = []
        rates: list[tuple[float, float]] = []
        for t, tensor in enumerate(self.einsum.tensors):
            written = tensor is self.einsum.output
            chain = [
                (first[i], memory)
                for i, stage in enumerate(stages)
                for memory, kept in stage.memories
                if tensor.name in kept
            ]
            for (top, parent), below in zip(chain, [*chain[1:], None], strict=True):
                bottom, child = below or (len(slots), None)
                name = child.name if child else self.chip.mac.name
                way = edge(self.chip, tensor.name, parent.name, name, written)
                edges.append((t, top, bottom, int(written)))
                shares.append([s.axis in way.shared for s in slots])
                prices.append(self._edge_prices(tensor, parent, child, way, written))
                carried = max(
                    (1 / (n.words_per_cycle * self.chip.instances(n.name))
                     for n in way.networks if n.words_per_cycle),
                    default=0.0,
                )  # fmt: skip
                into = self._rate(child) if child else 0.0
                rates.append((max(self._rate(parent), carried), into))
        self.edges = np.array(edges, dtype=np.int64)
        self.shares = np.array(shares, dtype=np.bool_)
        self.word_prices = np.array(prices)
        self.rates = np.array(rates)

    def _edge_prices(
        self, tensor: Tensor, parent: Memory, child: Memory | None, way: Edge, written: bool
    ) -> tuple[float, float, float, float]:
        hops = [self.prices.get(n.name, "hop") for n in way.networks]
        hop = sum(p.energy for p in hops if p is not None)
        return (
            self._word(parent, tensor, "read"),
            hop + (self._word(child, tensor, "fill") if child else 0.0),
            self._word(parent, tensor, "update") if written else 0.0,
            hop + (self._word(child, tensor, "drain") if child else 0.0),
        )

    def _word(self, memory: Memory, tensor: Tensor, action: str) -> float:
        price = self.prices.find(memory.name, action)
        return price.energy / block(memory, self._bits(memory, tensor))

    def _rate(self, memory: Memory) -> float:
        rates = (memory.read_bandwidth, memory.write_bandwidth, memory.shared_bandwidth)
        known = [r for r in rates if r]
        return 1 / (min(known) * self.chip.instances(memory.name)) if known else 0.0

    def rank(self, tiles: Ints) -> tuple[Floats, Floats, Ints]:
        """Return energy [J], cycles [1] and the chosen order of each slot for complete tilings."""
        return kernel.rank(
            np.ascontiguousarray(tiles), self.spatial, self.order_sets, self.n_orders, self.edges,
            self.shares, self.dims, self.n_dims, self.relevant, self.word_prices, self.rates,
            self.standing, float(self.einsum.points), self.pe_work,
        )  # fmt: skip

    def best(self, tiles: Ints, most: int) -> Ints:
        """Return the tilings that rank best by energy, by cycles and by their product."""
        energy, cycles, _ = self.rank(tiles)
        picks = [np.lexsort(keys)[: max(1, most // 3)] for keys in (
            (cycles, energy), (energy, cycles), (energy, energy * cycles)
        )]  # fmt: skip
        return np.unique(np.concatenate(picks))
