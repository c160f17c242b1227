"""Bounds that no mapping of a layer on a chip can beat, whatever its order."""

from __future__ import annotations

import math

from onewatt.model import sparse, vector
from onewatt.model.latency import transfer_cycles
from onewatt.model.ledger import standing_energy
from onewatt.model.words import block, stored_bits
from onewatt.spec.architecture import Architecture
from onewatt.spec.cost import Cost
from onewatt.spec.price import Prices
from onewatt.spec.result import Bound, Objective
from onewatt.spec.workload import Einsum


def least(einsum: Einsum, architecture: Architecture, prices: Prices) -> tuple[float, float]:
    """Return the least energy [J] and cycles [1] of all runs of a layer.

    Notes
    -----
    Compulsory work only: every operation once, every input read once from and every output written
    once to the outermost memory, and every cycle that this takes on all PEs or on the ports of
    the outermost memory.
    """
    standing = standing_energy(architecture, prices)
    if einsum.work == "vector":
        cost: Cost = vector.stream(einsum, architecture, prices)
        cycles = cost.cycles(einsum.name)
        return cost.energy + cycles * standing, cycles
    memory, mac = architecture.memories[0], architecture.mac
    energy = einsum.points * sparse.effective(einsum, mac).actual
    energy *= prices.find(mac.name, "compute").energy
    moved = {"read": 0.0, "update": 0.0}
    for tensor in einsum.tensors:
        output = tensor is einsum.output
        action = "update" if output else "read"
        bits = stored_bits(architecture, memory, tensor, output)
        share = sparse.share(einsum, memory, tensor, action, bits)
        accesses = math.ceil(einsum.words(tensor) * share.accesses / block(memory, bits) - 1e-9)
        energy += accesses * prices.find(memory.name, action).energy
        moved[action] += einsum.words(tensor) * share.port
    paced = einsum.points / mac.lanes * sparse.effective(einsum, mac).paced
    cycles = max(
        math.ceil(paced / architecture.pes - 1e-9),
        transfer_cycles(memory, moved["read"], moved["update"]),
    )
    return (energy + cycles * standing) * einsum.count, float(cycles * einsum.count)


def bound(
    einsum: Einsum, architecture: Architecture, prices: Prices, objective: Objective
) -> Bound:
    """Return the least value of an objective for a layer, with its unit."""
    energy, cycles = least(einsum, architecture, prices)
    latency = cycles / architecture.clock
    if objective == "energy":
        return Bound(value=energy, unit="J")
    if objective == "latency":
        return Bound(value=latency, unit="s")
    return Bound(value=energy * latency, unit="J s")
