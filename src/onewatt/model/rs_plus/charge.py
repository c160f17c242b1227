"""The ledger of a plan: what row-stationary plus reads, writes, moves and computes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from onewatt.components.library import prices as price_list
from onewatt.model.rs_plus.machine import Machine
from onewatt.model.rs_plus.plan import Plan, moved_bits
from onewatt.model.rs_plus.windows import slowest_window
from onewatt.spec.architecture import Architecture, Memory, Network
from onewatt.spec.cost import Busy, Cost, Entry, LedgerAction
from onewatt.spec.price import Prices

Row = tuple[str, str, LedgerAction, float, float]


def charge(plan: Plan, machine: Machine, *, standing: float = 0.0, scale: float = 1.0) -> Cost:
    """Return the ledger of a plan, all runs of its layer together.

    Parameters
    ----------
    plan : Plan
        The mapping.
    machine : Machine
        The chip it is for.
    standing : float
        Power of clock and leakage [W].
    scale : float
        Factor on every energy of the price list but that of DRAM.

    Returns
    -------
    Cost
        Entries with energy [J] and its band; busy times [cycle].
    """
    chip, n = machine.chip, plan.layer.runs
    listed = price_list(chip)
    entries = [
        _entry(listed, plan, row, 1.0 if row[0] == chip.memories[0].name else scale)
        for row in _rows(plan, machine) if row[3]
    ]  # fmt: skip
    if standing:
        energy = standing * plan.cycles * n / chip.clock
        entries.append(
            Entry(einsum=plan.layer.name, component="chip", tensor="", action="clock",
                  count=plan.cycles * n, energy=energy, energy_low=energy, energy_high=energy)
        )  # fmt: skip
    busy = tuple(
        Busy(einsum=plan.layer.name, component=name, cycles=cycles * n, overlaps=overlaps)
        for name, cycles, overlaps in _busy(plan, machine)
    )
    return Cost(entries=tuple(entries), busy=busy)


def _busy(plan: Plan, machine: Machine) -> Iterator[tuple[str, float, bool]]:
    for part, cycles in plan.busy.items():
        name = part
        if part in machine.networks:
            name = machine.networks[part].name
        elif part == "DRAM":
            name = machine.chip.memories[0].name
        yield name, cycles, part != "Weights" or machine.overlaps


def _entry(listed: Prices, plan: Plan, row: Row, scale: float) -> Entry:
    component, tensor, action, count, paid = row
    n = plan.layer.runs
    # an address is read from registers like those of the data beside it
    price = listed.find(component, "read" if action == "metadata" else action)
    each = paid * n * scale
    return Entry(
        einsum=plan.layer.name, component=component, tensor=tensor, action=action, count=count * n,
        energy=each * price.energy, energy_low=each * price.low, energy_high=each * price.high,
    )  # fmt: skip


def _rows(plan: Plan, machine: Machine) -> Iterator[Row]:
    """Yield component, tensor, action, words and accesses of one run."""
    yield from _in_pes(plan, machine)
    yield from _moved(plan, machine)
    yield from _buffers(plan, machine)


def _in_pes(plan: Plan, machine: Machine) -> Iterator[Row]:
    layer, macs = plan.layer, float(plan.layer.macs)
    weights, inputs, sums = (machine.spad(t).name for t in ("Weights", "Inputs", "Outputs"))
    if machine.skips:
        done = macs * layer.inputs * layer.weights
        columns = macs / plan.m0 * layer.inputs
        # one row of the spad holds a weight for each multiplier
        rows = columns * slowest_window(1.0, layer.weights, (1, plan.m0), lanes=machine.lanes)
        yield weights, "Weights", "read", done, rows
        yield inputs, "Inputs", "read", columns, columns
        if layer.weights < 1 or layer.inputs < 1:  # else raw: the addresses rest
            yield inputs, "Weights", "metadata", columns, columns
            yield inputs, "Inputs", "metadata", plan.words["windows"], plan.words["windows"]
    else:
        done = macs * layer.inputs  # zeros of inputs are gated
        yield weights, "Weights", "read", done, done
        yield inputs, "Inputs", "read", macs, macs
    yield sums, "Outputs", "read", done, done
    yield sums, "Outputs", "update", done, done
    yield sums, "Outputs", "drain", plan.words["sums"], plan.words["sums"]
    yield machine.chip.mac.name, "Outputs", "compute", done, done
    if not machine.skips and layer.inputs < 1 and _gated(machine.chip):
        yield machine.chip.mac.name, "Outputs", "gated", macs - done, macs - done


def _gated(chip: Architecture) -> bool:
    return any(e.action == "gated" for e in chip.mac.energy)


def _moved(plan: Plan, machine: Machine) -> Iterator[Row]:
    """Yield fills of PEs and hops on the way there."""
    layer, words = plan.layer, plan.words
    for tensor, key, density in (
        ("Inputs", "inputs", layer.inputs), ("Weights", "weights", layer.weights)
    ):  # fmt: skip
        bits, raw = moved_bits(machine, tensor, density), machine.bits[tensor]
        spad = machine.spad(tensor)
        stored = density if bits < raw or (machine.skips and tensor == "Inputs") else 1.0
        per_row = machine.lanes if tensor == "Weights" else 1
        yield spad.name, tensor, "fill", words[key] * stored, words[key] * stored / per_row
        yield machine.networks[tensor].name, tensor, "hop", words[key], words[key] * bits / raw
    ratio = moved_bits(machine, "Inputs", layer.inputs) / machine.bits["Inputs"]
    for tensor, key, size in (("Inputs", "arriving", ratio), ("Outputs", "leaving", 1.0)):
        between = _between(machine, tensor)
        if between is not None:
            yield between.name, tensor, "hop", words[key], words[key] * size
    network = machine.networks["Outputs"]
    yield network.name, "Outputs", "hop", words["sums"], words["sums"]


def _between(machine: Machine, tensor: str) -> Network | None:
    """Return the network of a tensor between clusters, if it is another one."""
    mine = [n for n in machine.chip.networks if tensor in n.tensors]
    return mine[0] if len(mine) > 1 else None


def _buffers(plan: Plan, machine: Machine) -> Iterator[Row]:
    layer, words = plan.layer, plan.words
    buffer, dram = machine.buffer, machine.chip.memories[0]
    inputs = moved_bits(machine, "Inputs", layer.inputs)
    weights = moved_bits(machine, "Weights", layer.weights)
    sums, narrow = machine.bits["Outputs"], machine.bits["Inputs"]
    moves: tuple[tuple[Memory, str, LedgerAction, float, float], ...] = (
        (buffer, "Inputs", "fill", words["entered"], inputs),
        (buffer, "Inputs", "read", words["read"], inputs),
        (buffer, "Outputs", "update", words["back"], sums),
        (buffer, "Outputs", "read", words["back"], sums),
        (dram, "Inputs", "read", words["entered"], inputs),
        (dram, "Weights", "read", words["fetched"], weights),
        (dram, "Outputs", "update", layer.output_words, narrow),
    )
    for memory, tensor, action, count, bits in moves:
        yield memory.name, tensor, action, count, math.ceil(count * bits / (memory.width or narrow))


def with_rate(chip: Architecture, network: str, words_per_cycle: float) -> Architecture:
    """Return a chip one of whose networks has another rate [word/cycle]."""
    nodes = tuple(
        msgspec.structs.replace(n, words_per_cycle=words_per_cycle) if n.name == network else n
        for n in chip.nodes
    )
    return msgspec.structs.replace(chip, nodes=nodes)
