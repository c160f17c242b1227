"""Latency: the cycles each component is busy with a layer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from onewatt.model import sparse
from onewatt.model.counts import Counts
from onewatt.model.words import stored_bits
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.cost import Busy
from onewatt.spec.workload import Einsum


def busy(einsum: Einsum, architecture: Architecture, counts: Counts) -> Iterator[Busy]:
    """Yield the cycles of compute, of every memory's ports and of every network."""
    n, mac = einsum.count, architecture.mac
    cycles = math.ceil(counts.steps / mac.lanes * sparse.duration(einsum, mac, counts.active))
    yield Busy(einsum=einsum.name, component="compute", cycles=cycles * n)
    for memory in architecture.memories:
        cycles = port_cycles(einsum, architecture, memory, counts)
        if cycles:
            overlaps = memory.buffering == 2
            yield Busy(
                einsum=einsum.name, component=memory.name, cycles=cycles * n, overlaps=overlaps
            )
    for network in architecture.networks:
        sent = sum(p.busiest for p in counts.passing if p.network == network.name)
        if network.words_per_cycle and sent:
            cycles = math.ceil(sent / network.words_per_cycle)
            yield Busy(einsum=einsum.name, component=network.name, cycles=cycles * n)


def port_cycles(einsum: Einsum, architecture: Architecture, memory: Memory, counts: Counts) -> int:
    """Return the cycles the busiest instance of a memory needs for its ports in one run."""
    read = write = 0.0
    for _, inward, words in port_words(einsum, architecture, memory, counts):
        if inward:
            write += words
        else:
            read += words
    return transfer_cycles(memory, read, write)


def port_words(
    einsum: Einsum, architecture: Architecture, memory: Memory, counts: Counts
) -> Iterator[tuple[str, bool, float]]:
    """Yield what passes the ports of the busiest instance of a memory in one run.

    Each row has the name of a tensor, whether its words go in, and how many they are as the port
    sees them: compressed, and without those that are skipped.
    """
    tensors = {t.name: t for t in einsum.tensors}
    for row in counts.traffic:
        if row.level != memory.name:
            continue
        tensor = tensors[row.tensor]
        bits = stored_bits(architecture, memory, tensor, tensor is einsum.output)
        words = row.busiest * sparse.share(einsum, memory, tensor, row.action, bits).port
        yield row.tensor, row.action not in ("read", "drain"), words


def transfer_cycles(memory: Memory, read: float, write: float) -> int:
    """Return the cycles an instance of a memory needs to read and write so many words."""
    needed = [0.0]
    for words, rate in (
        (read, memory.read_bandwidth),
        (write, memory.write_bandwidth),
        (read + write, memory.shared_bandwidth),
    ):
        if rate:
            needed.append(words / rate)
    return math.ceil(max(needed) - 1e-9)
