"""Cycles and words of row-stationary plus for many mappings at once, and the quickest of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.errors import MappingError
from onewatt.model.rs_plus.layer import RANKS, Layer
from onewatt.model.rs_plus.machine import Level, Machine
from onewatt.model.rs_plus.space import Counts, combine
from onewatt.model.rs_plus.windows import slowest_window

Numbers = NDArray[np.float64]
Order = Literal["weights", "sums"]
Mode = Literal["unicast", "multicast", "broadcast"]
#: Ranks that do not address a tensor: instances that differ in them alone want the same words.
_SAME = {"Inputs": "M", "Weights": "NPQ"}
_CSC_BITS = 4
#: A compressed tile of weights must fit but for one chance in a thousand (one-sided normal).
_SIGMAS = 3.09
_HEIGHTS = (32, 16, 8)


class Spread(NamedTuple):
    """Ways to spread a layer over the array: instances of each rank, shape (ways, ranks).

    `outside` are those of them that are clusters, `clusters` how many; `inputs`, `weights` and
    `sums` are how many PEs of one want different words.
    """

    counts: Counts
    outside: Counts
    clusters: Numbers
    inputs: Numbers
    weights: Numbers
    sums: Numbers


class Words(NamedTuple):
    """Words of one run of a layer, by way.

    Of inputs: `entered` from DRAM, `read` from buffers, `arriving` at clusters, `inputs` at PEs.
    `weights` arrive at PEs and `fetched` ones come from DRAM.  `sums` leave PEs, `leaving` ones
    clusters, and `back` of them wait in a buffer.
    """

    entered: Numbers
    read: Numbers
    arriving: Numbers
    inputs: Numbers
    fetched: Numbers
    weights: Numbers
    sums: Numbers
    leaving: Numbers
    back: Numbers
    windows: Numbers


class Plan(NamedTuple):
    """One mapping of a layer: what is spread, what a PE holds, and its time [cycle].

    `clusters` is what of `counts` is spread over clusters.  `order` says what rests in a PE while
    the rest moves.  `busy` has the cycles of compute and of the networks; `words` what moves in one
    run.
    """

    layer: Layer
    counts: dict[str, int]
    clusters: dict[str, int]
    m0: int
    c0: int
    order: Order
    active: float
    cycles: float
    busy: dict[str, float]
    words: dict[str, float]

    @property
    def bottleneck(self) -> str:
        """What the layer waits for."""
        return max(self.busy, key=lambda k: (self.busy[k], k == "compute"))

    def mode(self, tensor: Literal["Inputs", "Weights"]) -> Mode:
        """Return how clusters get a tensor: each its own words, some the same, or all the same.

        With ``multicast`` both tensors are: one to groups of clusters, the other interleaved, and
        which is which is free.
        """
        same = any(n > 1 for r, n in self.clusters.items() if r in _SAME[tensor])
        different = any(n > 1 for r, n in self.clusters.items() if r not in _SAME[tensor])
        if not same:
            return "unicast"
        return "multicast" if different else "broadcast"


def quickest(layer: Layer, machine: Machine) -> Plan:
    """Return the mapping with the least cycles; of equals, the one that moves the fewest words.

    Parameters
    ----------
    layer : Layer
        The layer.
    machine : Machine
        The chip.

    Raises
    ------
    InputError
        If a PE cannot hold a row of the filter.
    MappingError
        If nothing fits.
    """
    machine.check(layer)
    spread = _spread(layer, machine)
    best: tuple[tuple[float, float], Plan] | None = None
    orders: tuple[Order, ...] = ("weights", "sums")
    for height, order in itertools.product(_HEIGHTS, orders):
        if height > machine.psums and height != min(_HEIGHTS):
            continue
        tried = _Tried(layer, machine, spread, height, order)
        i = tried.best()
        plan = tried.plan(i)
        rank = (round(plan.cycles, 6), sum(plan.words.values()))
        if best is None or rank < best[0]:
            best = rank, plan
    if best is None:
        raise MappingError(f"layer {layer.name!r}: no mapping fits chip {machine.chip.name!r}")
    return best[1]


def _spread(layer: Layer, machine: Machine) -> Spread:
    inner = combine(machine.inner, layer)
    wants = [_wanted(layer, machine.inner, inner, t) for t in ("inputs", "weights", "sums")]
    inside = np.prod(np.stack(inner), axis=0)
    table = np.unique(np.column_stack([inside, *wants]), axis=0)
    ranks = len(RANKS)
    outside = np.ones((1, ranks), np.int64)
    if machine.outer:
        outside = np.unique(np.prod(np.stack(combine(machine.outer, layer)), axis=0), axis=0)
    a, b = np.divmod(np.arange(len(outside) * len(table)), len(table))
    counts = outside[a] * table[b][:, :ranks].astype(np.int64)
    sizes = np.array([layer.size[r] for r in RANKS])
    keep = (counts < 2 * sizes).all(axis=1)
    clusters = outside.prod(axis=1)[a][keep].astype(np.float64)
    inputs, weights, sums = (table[b][keep, ranks + i] for i in range(3))
    return Spread(counts[keep], outside[a][keep], clusters, inputs, weights, sums)


def _wanted(layer: Layer, levels: tuple[Level, ...], ways: list[Counts], tensor: str) -> Numbers:
    """Return how many PEs of a cluster want different words of a tensor."""
    free = {"inputs": _SAME["Inputs"], "weights": _SAME["Weights"], "sums": "CR"}[tensor]
    different = np.ones(len(ways[0]))
    rows = np.ones(len(ways[0]))
    filters = np.ones(len(ways[0]))
    for level, way in zip(levels, ways, strict=True):
        shared = getattr(level, tensor)
        for i, rank in enumerate(RANKS):
            if shared and rank in free:
                continue
            if tensor == "inputs" and shared and rank in "PR":
                rows = rows * (way[:, i] if rank == "P" else 1)
                filters = filters * (way[:, i] if rank == "R" else 1)
                continue
            different = different * way[:, i]
    # a row of inputs that several filter rows use travels along a diagonal
    return different * np.minimum(rows * filters, (rows - 1) * layer.down + filters)


class _Tried:
    """All spreads of a layer with one height of the weight tile and one order."""

    def __init__(
        self, layer: Layer, machine: Machine, spread: Spread, height: int, order: Order
    ) -> None:
        self.layer, self.machine, self.spread = layer, machine, spread
        self.order: Order = order
        sizes = np.array([layer.size[r] for r in RANKS])
        tile = -(-sizes // spread.counts)
        self.t = {r: tile[:, i].astype(np.float64) for i, r in enumerate(RANKS)}
        needed = -(-sizes // tile)
        self.n = {r: needed[:, i].astype(np.float64) for i, r in enumerate(RANKS)}
        self.used = needed.prod(axis=1).astype(np.float64)
        share = sizes / (tile * needed)
        self.share = {r: share[:, i] for i, r in enumerate(RANKS)}
        self._cut(height)
        self.positions = self.t["N"] * self.t["P"] * self.t["Q"]
        self.busy = {
            "compute": self._compute(), "Inputs": self._inputs(), "Weights": self._weights(),
            "Outputs": self._outputs(),
        }  # fmt: skip
        if machine.off_chip:
            self.busy["DRAM"] = self._off_chip() / machine.off_chip

    def _cut(self, height: int) -> None:
        """Cut what a PE holds: C0 channels of a window, M0 filters."""
        layer, machine = self.layer, self.machine
        s, new = layer.size["S"], min(layer.along, layer.size["S"])
        # the next slide comes in while a window is worked on
        channels = max(1, machine.window // (s + new))
        self.c_chunks = np.ceil(self.t["C"] / channels)
        self.c0 = np.ceil(self.t["C"] / self.c_chunks)
        most = _fitting(machine, layer.weights)
        filters = np.maximum(1, np.minimum(min(height, machine.psums), most // (self.c0 * s)))
        self.m_chunks = np.ceil(self.t["M"] / filters)
        self.m0 = np.ceil(self.t["M"] / self.m_chunks)
        self.last = self.t["M"] - (self.m_chunks - 1) * self.m0

    def _full(self, ranks: Iterable[str]) -> Numbers:
        """Return the share of a full array of full tiles that has work, along some ranks."""
        return np.prod(np.stack([self.share[r] for r in ranks]), axis=0)

    @property
    def _once(self) -> NDArray[np.bool_]:
        """Whether a PE holds all weights that one sum needs."""
        return self.c_chunks * self.t["R"] == 1

    def _windows(self) -> Numbers:
        t = self.t
        return t["G"] * self.positions * t["R"] * self.c_chunks * self.m_chunks

    def _compute(self) -> Numbers:
        t, lanes = self.t, self.machine.lanes
        columns = (self.m_chunks - 1) * np.ceil(self.m0 / lanes) + np.ceil(self.last / lanes)
        work = t["G"] * self.positions * t["R"] * t["S"] * t["C"] * columns
        gathered = t["G"] * self.positions * columns
        rows = t["G"] * t["N"] * t["P"] * self.m_chunks
        if self.order == "weights":
            gathered = gathered * t["R"] * self.c_chunks
            rows = rows * t["R"] * self.c_chunks
        else:
            rows = rows * t["Q"]
        return work * self._slowed() + gathered + rows * self.machine.stages

    def _slowed(self) -> Numbers:
        """Return the time of a window where zeros are skipped, over that of a dense one."""
        layer, machine = self.layer, self.machine
        if not machine.skips or (layer.inputs == 1 and layer.weights == 1):
            return np.ones(len(self.used))
        keys = np.column_stack([self.c0 * layer.size["S"], self.m0, self.used]).astype(np.int64)
        unique, place = np.unique(keys, axis=0, return_inverse=True)
        ratios = [
            slowest_window(layer.inputs, layer.weights, (int(k), int(m)), lanes=machine.lanes,
                           pes=int(n), spread=layer.spread) / (k * math.ceil(m / machine.lanes))
            for k, m, n in unique
        ]  # fmt: skip
        return np.array(ratios)[place.ravel()]

    def _input_words(self) -> Numbers:
        """Return the words that reach a PE: each row slides, unless its windows are torn apart."""
        t, new = self.t, min(self.layer.along, self.layer.size["S"])
        lines = t["G"] * t["N"] * t["P"] * t["R"] * t["C"] * self.m_chunks
        slid = lines * ((t["Q"] - 1) * new + t["S"])
        if self.order == "weights":
            return slid
        return np.where(self._once, slid, lines * t["Q"] * t["S"])

    def _strips(self) -> Numbers:
        """Return the strips of positions whose unfinished sums the buffers can hold."""
        if self.order == "sums":
            return np.ones(len(self.used))
        n, size = self.n, self.layer.size
        live = size["N"] * size["P"] * size["Q"] * np.minimum(
            size["G"] * size["M"], n["G"] * n["M"] * self.m0
        )  # fmt: skip
        strips = np.ceil(live * self.machine.bits["Outputs"] / self.machine.glb["Outputs"])
        return np.where(self._once, 1, np.minimum(strips, np.maximum(1, self.positions)))

    def _weight_words(self) -> Numbers:
        t = self.t
        words = t["G"] * t["M"] * t["C"] * t["R"] * t["S"]
        if self.order == "weights":
            return words * self._strips()
        return words * np.where(self._once, 1, self.positions)

    def _sum_words(self) -> Numbers:
        """Return the sums that leave a PE."""
        words = self.t["G"] * self.positions * self.t["M"]
        return words * self.t["R"] * self.c_chunks if self.order == "weights" else words

    def _inputs(self) -> Numbers:
        bits = moved_bits(self.machine, "Inputs", self.layer.inputs)
        return self._input_words() * self.spread.inputs * bits / self.machine.rate["Inputs"]

    def _weights(self) -> Numbers:
        bits = moved_bits(self.machine, "Weights", self.layer.weights)
        return self._weight_words() * self.spread.weights * bits / self.machine.rate["Weights"]

    def _outputs(self) -> Numbers:
        bits = self.machine.bits["Outputs"]
        return self._sum_words() * self.spread.sums * bits / self.machine.rate["Outputs"]

    def _fetched(self) -> Numbers:
        """Return the weights that come from DRAM."""
        again = self._strips()
        if self.order == "sums":
            again = np.where(self._once, 1, self.positions)
        return self.layer.weight_words * again

    def _entered(self) -> Numbers:
        """Return the inputs that come from DRAM: again for every set of filters if too many."""
        layer, machine = self.layer, self.machine
        whole = layer.input_words * moved_bits(machine, "Inputs", layer.inputs)
        if whole <= machine.glb["Inputs"]:
            return np.full(len(self.used), float(layer.input_words))
        return layer.input_words * self.m_chunks

    def _off_chip(self) -> Numbers:
        """Return the bits from and to DRAM."""
        layer, machine = self.layer, self.machine
        return (
            self._fetched() * moved_bits(machine, "Weights", layer.weights)
            + self._entered() * moved_bits(machine, "Inputs", layer.inputs)
            + layer.output_words * machine.bits["Inputs"]
        )

    def words(self) -> Words:
        """Return what moves in one run."""
        layer = self.layer
        n = self.n
        apart = n["G"] * n["N"] * n["C"] * n["Q"] * np.minimum(
            n["P"] * n["R"], (n["P"] - 1) * layer.down + n["R"]
        )  # fmt: skip
        # last tiles are smaller, along the ranks of a tensor
        each = self._input_words() * self._full("NGCPQR")
        weights = self._weight_words() * self.used * self._full("GMCR")
        sum_each = self._sum_words() * self._full("NGMPQ")
        sums, leaving = sum_each * self.used, sum_each * self.spread.sums * self.spread.clusters
        # sums that are not final go through a buffer and come back
        back = np.maximum(0.0, sums / (n["C"] * n["R"]) - layer.output_words)
        return Words(
            self._entered(), each * apart, each * self.spread.inputs * self.spread.clusters,
            each * self.used, self._fetched(), weights, sums, leaving, back,
            self._windows() * self.used * self._full(RANKS),
        )  # fmt: skip

    def cycles(self) -> Numbers:
        """Return the cycles of each way: the busiest of arithmetic and networks."""
        beside = dict(self.busy)
        alone = 0.0 if self.machine.overlaps else beside.pop("Weights")
        busiest = np.max(np.stack(list(beside.values())), axis=0) + alone
        if self.order == "sums":
            # no buffer holds weights: sums rest only where no weight has to come again
            return np.where(self._once | (self.positions == 1), busiest, math.inf)
        return busiest

    def best(self) -> int:
        """Return the quickest way; of equals, the one that moves the fewest words."""
        moved = np.sum(np.stack(self.words()), axis=0)
        return int(np.lexsort((moved, np.round(self.cycles(), 6)))[0])

    def plan(self, i: int) -> Plan:
        """Return one way as a plan."""
        counts = {r: int(n[i]) for r, n in self.n.items() if n[i] > 1}
        many = zip(RANKS, self.spread.outside[i], strict=True)
        outside = {r: int(n) for r, n in many if n > 1}
        return Plan(
            self.layer, counts, outside, int(self.m0[i]), int(self.c0[i]), self.order,
            float(self.used[i] * self._full(RANKS)[i]), float(self.cycles()[i]),
            {k: float(v[i]) for k, v in self.busy.items()},
            {k: float(v[i]) for k, v in self.words()._asdict().items()},
        )  # fmt: skip


def _fitting(machine: Machine, density: float) -> int:
    """Return how many weights, zeros included, a PE holds of a tensor of that density."""
    if not machine.compresses or density >= 1:
        return machine.weights
    spare, most = _SIGMAS * math.sqrt(density * (1 - density)), machine.weights
    root = (-spare + math.sqrt(spare**2 + 4 * density * most)) / (2 * density)
    return max(most, int(root**2))


def moved_bits(machine: Machine, tensor: str, density: float) -> float:
    """Return the bits a word takes on its way: raw, or in CSC where that is shorter [bit]."""
    raw = machine.bits[tensor]
    return min(raw, density * (raw + _CSC_BITS)) if machine.compresses else raw
