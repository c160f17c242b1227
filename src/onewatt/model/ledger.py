"""The ledger: counts times prices, one line for each component, tensor and action."""

from __future__ import annotations

import math

from onewatt.model import sparse
from onewatt.model.counts import Counts, Passing, Traffic
from onewatt.model.parts import STANDING
from onewatt.model.words import block, stored_bits
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.cost import Entry, LedgerAction
from onewatt.spec.price import Price, Prices
from onewatt.spec.result import Convention
from onewatt.spec.workload import Einsum, Tensor


def line(
    einsum: Einsum,
    price: Price,
    tensor: str,
    action: LedgerAction,
    words: float,
    *,
    accesses: float | None = None,
    bits: float = 0.0,
) -> Entry:
    """Return one line of the ledger for all runs of a layer.

    `words` is what is counted, `accesses` what is paid for (by default the same) and `bits` what
    is moved, each for one run.
    """
    n = einsum.count
    paid = (words if accesses is None else accesses) * n
    return Entry(
        einsum=einsum.name, component=price.component, tensor=tensor, action=action,
        count=words * n, energy=paid * price.energy, energy_low=paid * price.low,
        energy_high=paid * price.high, bits=bits * n,
    )  # fmt: skip


def lines(
    einsum: Einsum, architecture: Architecture, prices: Prices, counts: Counts
) -> list[Entry]:
    """Return the lines of everything that moves or is computed in a layer."""
    memories = {m.name: m for m in architecture.memories}
    entries: list[Entry] = []
    for row in counts.traffic:
        memory = memories[row.level]
        entries += _memory_lines(einsum, architecture, prices, memory, row, counts)
    for way in counts.passing:
        entries += _hop_lines(einsum, architecture, prices, way)
    return entries + _compute_lines(einsum, architecture, prices)


def _memory_lines(
    einsum: Einsum,
    architecture: Architecture,
    prices: Prices,
    memory: Memory,
    row: Traffic,
    counts: Counts,
) -> list[Entry]:
    if row.words == 0:
        return []
    tensor = next(t for t in einsum.tensors if t.name == row.tensor)
    instances = counts.instances[memory.name]
    rows = min(instances, architecture.instances(memory.name) // memory.cluster)
    price = prices.find(memory.name, row.action)
    parts = [
        (words, bits, sparse.share(einsum, memory, tensor, row.action, bits))
        for words, bits in _widths(einsum, architecture, memory, tensor, row)
    ]
    each = sum(
        math.ceil(words / instances * part.accesses / block(memory, bits) - 1e-9)
        for words, bits, part in parts
    )
    moved = sum(words * part.bits for words, _, part in parts)
    share = parts[0][2]  # what is held back does not depend on the width
    words = row.words * share.actual
    made = [line(einsum, price, tensor.name, row.action, words, accesses=rows * each, bits=moved)]
    if share.gated:
        gated = prices.get(memory.name, "gated") or _unpaid(memory.name, "gated")
        made.append(line(einsum, gated, tensor.name, "gated", row.words * share.gated))
    return made


def _widths(
    einsum: Einsum, architecture: Architecture, memory: Memory, tensor: Tensor, row: Traffic
) -> list[tuple[int, int]]:
    """Split words by width [bit]: the outermost memory takes final sums narrow, others wide."""
    output = tensor is einsum.output
    bits = stored_bits(architecture, memory, tensor, output)
    if not output or memory.word is not None or memory is not architecture.memories[0]:
        return [(row.words, bits)]
    final = min(row.words, einsum.words(tensor)) if row.action == "update" else 0
    parts = [(final, bits), (row.words - final, architecture.mac.accumulate_bits)]
    return [(words, wide) for words, wide in parts if words]


def _unpaid(component: str, action: LedgerAction) -> Price:
    source = "nothing is paid: the action does not happen"
    return Price(component=component, action=action, energy=0.0, low=0.0, high=0.0, source=source)


def _hop_lines(
    einsum: Einsum, architecture: Architecture, prices: Prices, way: Passing
) -> list[Entry]:
    price = prices.get(way.network, "hop")
    if price is None or way.hops == 0:
        return []
    mac = architecture.mac
    word = mac.accumulate_bits if way.tensor == einsum.output.name else mac.bits(way.tensor)
    bits = way.hops * word
    return [line(einsum, price, way.tensor, "hop", way.hops, bits=bits)]


def _compute_lines(einsum: Einsum, architecture: Architecture, prices: Prices) -> list[Entry]:
    mac, output = architecture.mac, einsum.output.name
    done = sparse.effective(einsum, mac)
    price = prices.find(mac.name, "compute")
    made = [line(einsum, price, output, "compute", einsum.points * done.actual)]
    parts: tuple[tuple[LedgerAction, float], ...] = (
        ("gated", done.gated),
        ("skipped", done.skipped),
    )
    for action, part in parts:
        if part:
            paid = prices.get(mac.name, action) or _unpaid(mac.name, action)
            made.append(line(einsum, paid, output, action, einsum.points * part))
    return made


def standing_energy(architecture: Architecture, prices: Prices) -> float:
    """Return what every cycle costs whatever happens, all instances together [J]."""
    return standing_band(architecture, prices)[0]


def standing_band(architecture: Architecture, prices: Prices) -> tuple[float, float, float]:
    """Return what every cycle costs, all instances together, with its band [J]."""
    rows = [(p, _copies(architecture, p)) for p in prices.prices if p.action in STANDING]
    return (
        math.fsum(p.energy * n for p, n in rows),
        math.fsum(p.low * n for p, n in rows),
        math.fsum(p.high * n for p, n in rows),
    )


def _copies(architecture: Architecture, price: Price) -> int:
    """Return how many instances pay a price; what is of the chip as a whole is there once."""
    names = {n.name for n in architecture.nodes}
    return architecture.instances(price.component) if price.component in names else 1


def upkeep(
    einsum: Einsum,
    architecture: Architecture,
    prices: Prices,
    cycles: float,
    *,
    convention: Convention = "literal",
    used: dict[str, int] | None = None,
) -> list[Entry]:
    """Return the lines of what every cycle costs whatever happens: leakage, clock and idling.

    Every instance leaks; convention ``timeloop`` lets only the used ones leak.
    """
    made: list[Entry] = []
    for price in prices.prices:
        for action in STANDING:
            if price.action != action or not price.energy or not cycles:
                continue
            copies = _copies(architecture, price)
            if convention == "timeloop" and used is not None:
                copies = used.get(price.component, copies)
            made.append(line(einsum, price, "", action, cycles / einsum.count * copies))
    return made
