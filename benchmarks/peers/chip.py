"""The chip every tool maps to: ``eyeriss_like``, with the freedom all of them have."""

from __future__ import annotations

from typing import Any

import msgspec

import onewatt as ow
from onewatt.model.words import block, stored_bits
from onewatt.spec.architecture import Container, Dataflow, Memory
from onewatt.spec.workload import Tensor

CHIP = "eyeriss_like"


def load(dataflow: str = "free") -> ow.Architecture:
    """Return the chip, ``free`` of its dataflow's limits as the peers are, or as ``shipped``."""
    chip = ow.load_chip(CHIP)
    if dataflow == "shipped":
        return chip
    return msgspec.structs.replace(chip, dataflow=Dataflow())


def describe(chip: ow.Architecture) -> dict[str, Any]:
    """Return the chip as plain data: sizes in words, energies in pJ a word, rates a cycle."""
    prices, levels, inside = ow.prices(chip), [], False
    for node in chip.nodes:
        inside = inside or isinstance(node, Container)
        if isinstance(node, Memory):
            levels.append(_level(chip, prices, node, inside))
    mac = chip.mac.name
    return {
        "levels": levels,
        "axes": [[a.name, a.size] for a in chip.axes],
        "mac_pJ": prices.find(mac, "compute").energy * 1e12,
        "mac_leak_pJ": _leak(prices, mac),
        "clock_Hz": chip.clock,
    }


def _level(chip: ow.Architecture, prices: Any, memory: Memory, inside: bool) -> dict[str, Any]:
    tensor = memory.keeps[0]
    bits = stored_bits(chip, memory, Tensor(name=tensor, projection=()), tensor == "Outputs")
    words = block(memory, bits)
    return {
        "name": memory.name,
        "keeps": list(memory.keeps),
        "words": None if memory.capacity is None else memory.capacity // bits,
        "read_pJ": prices.find(memory.name, "read").energy / words * 1e12,
        "write_pJ": prices.find(memory.name, "fill").energy / words * 1e12,
        "leak_pJ": _leak(prices, memory.name),
        "read_rate": memory.read_bandwidth,
        "write_rate": memory.write_bandwidth,
        "in_array": inside,
    }


def _leak(prices: Any, component: str) -> float:
    price = prices.get(component, "leak")
    return price.energy * 1e12 if price else 0.0
