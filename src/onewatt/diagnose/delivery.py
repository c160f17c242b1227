"""Delivery: what each data type asks of each port and network while a layer runs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from onewatt.model.counts import Counts
from onewatt.model.jssc17.counts import stored_bits
from onewatt.model.latency import port_words
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.result import Convention
from onewatt.spec.types import Noun
from onewatt.spec.workload import INPUTS, OUTPUTS, Einsum

#: What a port serves: words out of a memory, into it, or both; or words over a network.
OUT, IN, BOTH, OVER = "read", "write", "read or write", "network"


class Delivery(Noun):
    """One data type at one port, or on one network, in one run of a layer.

    `words` are those of the busiest instance, `instances` is how many have work, `rate` is what
    each can move in a cycle.  `cycles` is what this data type needs if it has the port to itself.
    """

    component: str
    tensor: str
    port: str
    words: float
    rate: float
    instances: int

    @property
    def cycles(self) -> float:
        """Cycles that the busiest instance needs for this data type alone."""
        return self.words / self.rate


def deliveries(
    einsum: Einsum,
    architecture: Architecture,
    counts: Counts,
    convention: Convention = "literal",
) -> tuple[Delivery, ...]:
    """Return what each data type asks of every port and network of limited rate.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip.
    counts : Counts
        What moves in one run.
    convention : str
        How the ledger counts; with ``jssc17`` feature maps are coded off chip, whatever the chip's
        file says.

    Returns
    -------
    tuple of Delivery
        Ports of memories outermost first, then networks.
    """
    rows: list[Delivery] = []
    for memory in architecture.memories:
        rows += _ports(einsum, architecture, memory, counts, convention)
    for network in architecture.networks:
        rate = network.words_per_cycle
        outer = _outer(architecture, network.name)
        for passing in counts.passing:
            if rate and passing.network == network.name and passing.busiest:
                rows.append(
                    Delivery(
                        component=network.name, tensor=passing.tensor, port=OVER,
                        words=float(passing.busiest), rate=rate,
                        instances=counts.instances.get(outer, 1),
                    )
                )  # fmt: skip
    return tuple(rows)


def _outer(architecture: Architecture, name: str) -> str:
    """Return the memory that a network hangs on, the nearest one outside."""
    names = [n.name for n in architecture.nodes]
    at = names.index(name)
    return [m.name for m in architecture.memories if names.index(m.name) < at][-1]


def _ports(
    einsum: Einsum,
    architecture: Architecture,
    memory: Memory,
    counts: Counts,
    convention: Convention,
) -> Iterator[Delivery]:
    coded: dict[str, float] = {}
    if convention == "jssc17" and memory is architecture.memories[0]:
        coded = _coded(einsum, architecture.mac.inputs_bits)
        memory = msgspec.structs.replace(memory, sparse=())
    moved: dict[tuple[str, bool], list[float]] = {}
    for tensor, inward, words in port_words(einsum, architecture, memory, counts):
        moved.setdefault((tensor, inward), []).append(words * coded.get(tensor, 1.0))
    tensors = tuple(dict.fromkeys(t for t, _ in moved))
    for port, rate, ways in (
        (OUT, memory.read_bandwidth, (False,)),
        (IN, memory.write_bandwidth, (True,)),
        (BOTH, memory.shared_bandwidth, (False, True)),
    ):
        for tensor in tensors if rate else ():
            words = math.fsum(w for way in ways for w in moved.get((tensor, way), ()))
            if words and rate:
                yield Delivery(
                    component=memory.name, tensor=tensor, port=port, words=words, rate=rate,
                    instances=counts.instances.get(memory.name, 1),
                )  # fmt: skip


def _coded(einsum: Einsum, word: int) -> dict[str, float]:
    """Return the size of feature maps in run-length code, over that of their words."""
    return {
        t.name: stored_bits(t.density, word) / word
        for t in einsum.tensors
        if t.name in (INPUTS, OUTPUTS)
    }
