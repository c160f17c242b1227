"""Architectures: the memories, networks and compute of a chip, outermost first."""

from __future__ import annotations

import math
from typing import Literal

from onewatt.errors import InputError, unknown
from onewatt.spec.network import (
    TENSORS,
    ActionEnergy,
    Network,
    above_zero,
    at_least_zero,
    known_tensors,
    named_once,
)
from onewatt.spec.types import (
    Bits,
    Hertz,
    Joules,
    Metres,
    Noun,
    Seconds,
    SquareMetres,
    Volts,
    Watts,
)
from onewatt.spec.types import WordsPerCycle as Rate

_LARGEST_NODE = 10e-6


class Share(Noun):
    """The part of a memory that belongs to one tensor."""

    tensor: str
    capacity: Bits


class SparseFeature(Noun):
    """What a memory or the compute does with the zeros of a tensor.

    `format` compresses (``rlc``, ``csc``, ``bitmask``, ``coordinate``); `gates` names the tensors
    whose reads or operations are not paid while this one is zero; `skips` also saves their cycles.
    CSC cuts the tensor into segments of `segment` words, each with an address of `address` bits;
    0 leaves it one stream without addresses.
    """

    tensor: str
    format: Literal["dense", "rlc", "csc", "bitmask", "coordinate"] = "dense"
    gates: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()
    segment: int = 0
    address: Bits = 0

    def __post_init__(self) -> None:
        """Refuse segments in formats that have none, and addresses without segments."""
        where = f"sparse feature of {self.tensor!r}"
        at_least_zero(where, segment=self.segment, address=self.address)
        if self.segment and self.format != "csc":
            raise InputError(f"{where} has segments in format {self.format!r}; only csc has them")
        if self.address and not self.segment:
            raise InputError(f"{where} has addresses of no segments; say how long a segment is")


class Memory(Noun, tag_field="kind", tag="memory"):
    """A storage level; every instance holds the current tile of the tensors it keeps.

    `keeps` must be held here, `may_keep` may also be bypassed.  `capacity` of None is unlimited.
    One access moves `width` bits at once.  Bandwidths are words per cycle and instance; `shared`
    limits reads and writes together.  `buffering` 2 overlaps transfer and compute and halves the
    capacity only if `reserves_half`.  `word` overrides the width of the words stored here;
    `cluster` instances make one wide row that is accessed, and paid for, at once.  `area` is that
    of one instance.
    """

    name: str
    component: str = ""
    keeps: tuple[str, ...] = ()
    may_keep: tuple[str, ...] = ()
    capacity: Bits | None = None
    partition: tuple[Share, ...] = ()
    banks: int = 1
    width: Bits | None = None
    word: Bits | None = None
    cluster: int = 1
    read_bandwidth: Rate | None = None
    write_bandwidth: Rate | None = None
    shared_bandwidth: Rate | None = None
    buffering: Literal[1, 2] = 2
    reserves_half: bool = False
    sparse: tuple[SparseFeature, ...] = ()
    leak: Watts | None = None
    area: SquareMetres | None = None
    energy: tuple[ActionEnergy, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse sizes and rates of nothing, and tensors no chip knows."""
        where = f"memory {self.name!r}"
        above_zero(
            where, capacity=self.capacity, banks=self.banks, width=self.width, word=self.word,
            cluster=self.cluster, read_bandwidth=self.read_bandwidth,
            write_bandwidth=self.write_bandwidth, shared_bandwidth=self.shared_bandwidth,
        )  # fmt: skip
        at_least_zero(where, leak=self.leak, area=self.area)
        known_tensors(where, (*self.keeps, *self.may_keep, *(s.tensor for s in self.partition)))
        _known_features(where, self.sparse)

    @property
    def size(self) -> int | None:
        """What one instance holds: its capacity, or its partitions together [bit].

        None is unlimited.

        Examples
        --------
        >>> parts = (Share(tensor="Inputs", capacity=96), Share(tensor="Outputs", capacity=32))
        >>> Memory(name="GLB", partition=parts).size, Memory(name="DRAM").size
        (128, None)
        """
        return self.capacity or sum(s.capacity for s in self.partition) or None


def _known_features(where: str, features: tuple[SparseFeature, ...]) -> None:
    for feature in features:
        known_tensors(where, (feature.tensor, *feature.gates, *feature.skips))


class Axis(Noun):
    """One dimension of an array of instances."""

    name: str
    size: int

    def __post_init__(self) -> None:
        """Refuse an axis without instances, or with more than any chip has."""
        if not 1 <= self.size <= 2**20:
            raise InputError(
                f"axis {self.name!r} has size {self.size}; expected at least 1 and at most 2^20"
            )


class Container(Noun, tag_field="kind", tag="container"):
    """An array of equal instances of everything that follows it."""

    name: str
    fanout: tuple[Axis, ...]
    source: str = ""


class Compute(Noun, tag_field="kind", tag="compute"):
    """The arithmetic of the innermost instance.

    `precision` is the native word of each tensor and `accumulate` that of a partial sum.
    `lanes` operations start each cycle.
    """

    name: str
    work: Literal["mac", "vector"] = "mac"
    component: str = ""
    inputs_bits: Bits = 16
    weights_bits: Bits = 16
    outputs_bits: Bits = 16
    accumulate_bits: Bits = 16
    lanes: int = 1
    sparse: tuple[SparseFeature, ...] = ()
    leak: Watts | None = None
    area: SquareMetres | None = None
    energy: tuple[ActionEnergy, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse words and lanes of nothing."""
        where = f"compute {self.name!r}"
        above_zero(
            where, lanes=self.lanes, inputs_bits=self.inputs_bits, weights_bits=self.weights_bits,
            outputs_bits=self.outputs_bits, accumulate_bits=self.accumulate_bits,
        )  # fmt: skip
        at_least_zero(where, leak=self.leak, area=self.area)
        _known_features(where, self.sparse)

    def bits(self, tensor: str) -> int:
        """Return the native word width of a tensor by name [bit]."""
        widths = {"Weights": self.weights_bits, "Outputs": self.outputs_bits}
        return widths.get(tensor, self.inputs_bits)


class Technology(Noun):
    """The process the energies are scaled to."""

    node: Metres
    voltage: Volts | None = None

    def __post_init__(self) -> None:
        """Refuse what no process is."""
        above_zero("technology", node=self.node, voltage=self.voltage)
        if self.node > _LARGEST_NODE:
            raise InputError(f"technology has node {self.node!r} m; expected at most 10 um")


class Clock(Noun):
    """The energy of the clock network and of idling, per cycle of the whole chip."""

    energy: tuple[ActionEnergy, ...] = ()


class Launch(Noun):
    """What every run of a layer takes to start: set-up, a kernel call, an interrupt.

    It comes before the layer's own work and overlaps with nothing.  Work that is fused with the
    layer before it has no launch of its own.
    """

    time: Seconds = 0.0
    energy: Joules = 0.0
    low: Joules | None = None
    high: Joules | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse less than nothing."""
        at_least_zero("launch", time=self.time, energy=self.energy, low=self.low, high=self.high)


class Limit(Noun):
    """A loop that a dataflow allows or demands.

    `where` is a memory (temporal loops directly inside it) or an axis; `ranks` lists what may be
    looped there; `order` fixes the loops, outermost first.  `keeps` names the tensors that a memory
    holds, of all it could keep; the others pass it by.  A limit of the catalogue may say ``rows``,
    ``columns``, ``registers`` or ``buffers`` instead of a name.
    """

    where: str
    ranks: tuple[str, ...] | None = None
    order: tuple[str, ...] = ()
    keeps: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse tensors no chip knows, and ranks named twice."""
        where = f"limit at {self.where!r}"
        known_tensors(where, self.keeps or ())
        named_once(where, "rank", self.ranks or (), self.order)


class Dataflow(Noun):
    """A class of mappings, as limits on the loops at each place."""

    name: str = "free"
    limits: tuple[Limit, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse two limits at one place: they may contradict each other."""
        named_once(f"dataflow {self.name!r}", "place", [n.where for n in self.limits])


Node = Memory | Network | Container | Compute


class Architecture(Noun):
    """A chip: its nodes outermost first, its clock and technology, and its dataflow."""

    name: str
    clock: Hertz
    technology: Technology
    nodes: tuple[Node, ...]
    title: str = ""
    source: str = ""
    dataflow: Dataflow = Dataflow()
    upkeep: Clock = Clock()
    launch: Launch = Launch()
    overhead_area: SquareMetres | None = None

    def __post_init__(self) -> None:
        """Refuse a chip that cannot hold or compute anything, and names used twice."""
        names = [n.name for n in self.nodes]
        where = f"chip {self.name!r}"
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{where} has two nodes named {name!r}")
        if not math.isfinite(self.clock) or self.clock <= 0:
            raise InputError(f"{where} has clock {self.clock!r} Hz; expected more than 0")
        if not self.memories:
            raise InputError(f"{where} has no memory; expected at least one, outermost first")
        if sum(c.work == "mac" for c in self.computes) != 1:
            raise InputError(f"{where} needs exactly one compute node with work: mac")
        axes = [a.name for a in self.axes]
        if len(set(axes)) != len(axes):
            raise InputError(f"{where} has two axes of one name: {', '.join(axes)}")
        self._check_order()
        self._check_outermost()
        self._check_networks(names, axes)

    def _check_order(self) -> None:
        """Refuse arrays of nothing, rows wider than the chip, and zeros decided too far out."""
        where = f"chip {self.name!r}"
        kinds = [type(n) for n in self.nodes]
        if Container in kinds:
            if kinds.index(Container) < kinds.index(Memory):
                raise InputError(f"{where} has an array outside its outermost memory")
            last = max(i for i, kind in enumerate(kinds) if kind is Container)
            if last > self.nodes.index(self.mac):
                raise InputError(f"{where} has an array inside its MAC; put it before the MAC")
        for memory in self.memories:
            if self.instances(memory.name) % memory.cluster:
                raise InputError(
                    f"{where}, memory {memory.name!r}: cluster {memory.cluster} does not divide "
                    f"its {self.instances(memory.name)} instances"
                )
            self._check_features(memory)

    def _check_features(self, memory: Memory) -> None:
        inside = self.memories[self.memories.index(memory) + 1 :]
        for feature in memory.sparse:
            for tensor in (*feature.gates, *feature.skips):
                if any(tensor in (*m.keeps, *m.may_keep) for m in inside):
                    raise InputError(
                        f"chip {self.name!r}, memory {memory.name!r}: gates or skips {tensor!r}, "
                        "which a memory inside it keeps; only the innermost one sees single words"
                    )

    def _check_outermost(self) -> None:
        outermost = self.memories[0]
        for tensor in TENSORS:
            if tensor not in outermost.keeps:
                raise InputError(
                    f"chip {self.name!r}: its outermost memory {outermost.name!r} does not keep "
                    f"{tensor!r}, so it would come from nowhere; add it to its 'keeps'"
                )

    def _check_networks(self, names: list[str], axes: list[str]) -> None:
        for network in self.networks:
            place = f"chip {self.name!r}, network {network.name!r}"
            for name in filter(None, (network.source, *network.sinks)):
                if name not in names:
                    raise InputError(f"{place}: {unknown('node', name, names)}")
            for axis in network.axes:
                if axis not in axes:
                    raise InputError(f"{place}: {unknown('axis', axis, axes)}")
            self._check_groups(network, place)

    def _check_groups(self, network: Network, place: str) -> None:
        if network.delivery not in ("grouped", "interleaved"):
            return
        start = next((i for i, n in enumerate(self.nodes) if n.name == network.source), 0)
        arrays = [n for n in self.nodes[start:] if isinstance(n, Container)]
        if len(arrays) < 2:
            raise InputError(
                f"{place}: {network.delivery} delivery with {len(arrays)} array behind its source; "
                "expected an array inside an array, whose instances are the groups"
            )

    @property
    def memories(self) -> tuple[Memory, ...]:
        """The memories, outermost first."""
        return tuple(n for n in self.nodes if isinstance(n, Memory))

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks, outermost first."""
        return tuple(n for n in self.nodes if isinstance(n, Network))

    @property
    def computes(self) -> tuple[Compute, ...]:
        """The compute nodes."""
        return tuple(n for n in self.nodes if isinstance(n, Compute))

    @property
    def mac(self) -> Compute:
        """The compute node that multiplies and accumulates."""
        return next(c for c in self.computes if c.work == "mac")

    @property
    def vector(self) -> Compute | None:
        """The compute node for vector work, if the chip has one."""
        return next((c for c in self.computes if c.work == "vector"), None)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Every axis of every container, outermost first."""
        return tuple(a for n in self.nodes if isinstance(n, Container) for a in n.fanout)

    @property
    def pes(self) -> int:
        """Number of MAC instances."""
        return self.instances(self.mac.name)

    def instances(self, name: str) -> int:
        """Return how many instances of a node the chip has."""
        total = 1
        for node in self.nodes:
            if node.name == name:
                return total
            if isinstance(node, Container):
                total *= math.prod(a.size for a in node.fanout)
        raise InputError(f"chip {self.name!r} has no node named {name!r}")
