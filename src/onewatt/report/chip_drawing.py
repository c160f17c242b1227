"""A chip as nested boxes: what each part is, and what it spends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onewatt.report.charts import colours_of
from onewatt.report.wording import percent, quantity
from onewatt.spec.architecture import Architecture, Compute, Container, Memory, Node
from onewatt.units import format_quantity

Box = dict[str, Any]


def boxes(
    chip: Architecture, spent: Mapping[str, float], changed: frozenset[str] = frozenset()
) -> list[Box]:
    """Return the parts of a chip, outermost first.

    Parameters
    ----------
    chip : Architecture
        The chip.
    spent : mapping of str to float
        Energy of each part [J].
    changed : frozenset of str
        Names of parts that a knob turns.

    Returns
    -------
    list of dict
        `name`, `kind`, `facts`, how `many` there are, `energy` and `share` as text, `width` of its
        bar [%], `colour`, and whether a knob `turned` it.  What follows an array lies inside it.
    """
    whole = sum(spent.values()) or 1.0
    colours = colours_of(chip, tuple(name for name, energy in spent.items() if energy))
    return [
        {
            "name": node.name, "kind": _kind(node), "facts": _facts(node),
            "many": 1 if isinstance(node, Container) else chip.instances(node.name),
            "energy": quantity(energy, "J") if energy else "",
            "share": percent(energy / whole) if energy else "",
            "width": round(100 * energy / whole, 2), "colour": colours.get(node.name, ""),
            "turned": node.name in changed,
        }
        for node in chip.nodes
        for energy in (spent.get(node.name, 0.0),)
    ]  # fmt: skip


def _kind(node: Node) -> str:
    for kind, name in ((Memory, "memory"), (Container, "array"), (Compute, "arithmetic")):
        if isinstance(node, kind):
            return name
    return "network"


def _facts(node: Node) -> list[str]:
    if isinstance(node, Container):
        return [" × ".join(f"{a.name} {a.size}" for a in node.fanout)]
    if isinstance(node, Compute):
        word = f"{node.inputs_bits} × {node.weights_bits} bit"
        return [f"{node.lanes} lanes, {word}" if node.lanes > 1 else word]
    if isinstance(node, Memory):
        return _memory(node)
    facts = [", ".join(node.tensors), " ".join((node.delivery, *node.axes))]
    if node.words_per_cycle is not None:
        facts.append(f"{node.words_per_cycle:g} word/cycle")
    return facts


def _memory(node: Memory) -> list[str]:
    facts = [", ".join((*node.keeps, *node.may_keep))]
    if node.capacity is not None:
        facts.append(format_quantity(node.capacity, "bit"))
    facts += [f"{format_quantity(s.capacity, 'bit')} for {s.tensor}" for s in node.partition]
    rates = {"read": node.read_bandwidth, "write": node.write_bandwidth, "": node.shared_bandwidth}
    facts += [f"{n} {r:g} word/cycle".strip() for n, r in rates.items() if r is not None]
    return facts
