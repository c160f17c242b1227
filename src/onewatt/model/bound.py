"""Bounds that no mapping of a layer on a chip can beat, whatever its order."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

from msgspec.structs import replace

from onewatt.model import sparse, vector
from onewatt.model.boundaries import least_moved
from onewatt.model.latency import transfer_cycles
from onewatt.model.launch import launch_cycles, launch_energy, launched
from onewatt.model.ledger import standing_energy
from onewatt.model.words import block, stored_bits
from onewatt.spec.architecture import Architecture
from onewatt.spec.cost import Cost
from onewatt.spec.price import Prices
from onewatt.spec.result import Bound, Objective
from onewatt.spec.workload import Einsum

#: What a bound allows for: every word once from and to the outermost memory (``once``), also
#: through every memory and to the arithmetic (``compulsory``), and that memories are full at some
#: time (``sizes``).  Conventions that count otherwise than literally keep to the first.
Part = Literal["once", "compulsory", "sizes"]


def least(
    einsum: Einsum, architecture: Architecture, prices: Prices, part: Part = "sizes"
) -> tuple[float, float]:
    """Return the least energy [J] and cycles [1] of all runs of a layer.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip.
    prices : Prices
        Energy of each action [J].
    part : str
        How much the bound allows for: ``once``, ``compulsory`` or ``sizes``; each is at least the
        one before it.

    Notes
    -----
    Compulsory work is every operation once, every word once from and to every memory that must hold
    it, the operands of every operation from the innermost memory (one read serves the PEs that
    share it), and the cycles that this takes on all PEs or on the ports of the memories.  The
    sizes of memories add what must enter again: `onewatt.model.boundaries`.
    """
    standing = standing_energy(architecture, prices)
    if einsum.work == "vector":
        cost: Cost = vector.stream(einsum, architecture, prices)
        cost += launched(einsum, architecture, prices)
        cycles = cost.cycles(einsum.name)
        return cost.energy + cycles * standing, cycles
    moved, ported = _once(einsum, architecture, prices)
    if part != "once":
        for sizes in (False, True) if part == "sizes" else (False,):
            more = _moved(_nameless(einsum), architecture, prices, sizes)
            if more is not None:
                moved, ported = max(moved, more[0]), max(ported, more[1])
    mac = architecture.mac
    done = sparse.effective(einsum, mac)
    energy = moved + einsum.points * done.actual * prices.find(mac.name, "compute").energy
    paced = einsum.points / mac.lanes * done.paced
    cycles = max(math.ceil(paced / architecture.pes - 1e-9), ported) + launch_cycles(architecture)
    energy += launch_energy(architecture, prices)
    return (energy + cycles * standing) * einsum.count, float(cycles * einsum.count)


@lru_cache(maxsize=4096)
def _moved(
    einsum: Einsum, architecture: Architecture, prices: Prices, sizes: bool
) -> tuple[float, int] | None:
    """Return `least_moved`, once for equal layers: it takes most of the time of a bound."""
    return least_moved(einsum, architecture, prices, sizes=sizes)


def _nameless(einsum: Einsum) -> Einsum:
    """Return a layer without what tells it from an equal one."""
    inputs = tuple(replace(t, value="") for t in einsum.inputs)
    output = replace(einsum.output, value="")
    return replace(einsum, name="", count=1, inputs=inputs, output=output)


def _once(einsum: Einsum, architecture: Architecture, prices: Prices) -> tuple[float, int]:
    """Return energy [J] and cycles of every word once from or to the outermost memory."""
    memory, energy = architecture.memories[0], 0.0
    moved = {"read": 0.0, "update": 0.0}
    for tensor in einsum.tensors:
        output = tensor is einsum.output
        action = "update" if output else "read"
        bits = stored_bits(architecture, memory, tensor, output)
        share = sparse.share(einsum, memory, tensor, action, bits)
        accesses = math.ceil(einsum.words(tensor) * share.accesses / block(memory, bits) - 1e-9)
        energy += accesses * prices.find(memory.name, action).energy
        moved[action] += einsum.words(tensor) * share.port
    return energy, transfer_cycles(memory, moved["read"], moved["update"])


def bound(
    einsum: Einsum,
    architecture: Architecture,
    prices: Prices,
    objective: Objective,
    *,
    literal: bool = True,
) -> Bound:
    """Return the least value of an objective for a layer, with its unit.

    `literal` of False is for conventions that charge less than every action.
    """
    unit = {"energy": "J", "latency": "s"}.get(objective, "J s")

    def value(part: Part) -> float:
        energy, cycles = least(einsum, architecture, prices, part)
        latency = cycles / architecture.clock
        return {"J": energy, "s": latency}.get(unit, energy * latency)

    if not literal:
        return Bound(value=value("once"), unit=unit)
    return Bound(value=value("sizes"), unit=unit, compulsory=value("compulsory"))
