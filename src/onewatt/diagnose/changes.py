"""Changes: one figure of a chip made larger or smaller, and all that depends on it."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from onewatt.components.rescale import rescaled
from onewatt.errors import InputError, unknown
from onewatt.spec.architecture import Architecture, Container, Memory, Network, Node
from onewatt.spec.types import Noun

What = Literal[
    "capacity", "read bandwidth", "write bandwidth", "shared bandwidth", "words per cycle",
    "instances", "clock",
]  # fmt: skip
UNITS: dict[What, str] = {
    "capacity": "bit", "read bandwidth": "word/cycle", "write bandwidth": "word/cycle",
    "shared bandwidth": "word/cycle", "words per cycle": "word/cycle", "instances": "1",
    "clock": "Hz",
}  # fmt: skip
_PORTS: dict[What, str] = {
    "read bandwidth": "read_bandwidth", "write bandwidth": "write_bandwidth",
    "shared bandwidth": "shared_bandwidth",
}  # fmt: skip


class Lever(Noun):
    """A figure of a chip that may be changed: of a memory, a network, an axis or the clock.

    `tensor` names the partition of a memory; `value` is what the chip has, in `unit`.
    """

    place: str
    what: What
    value: float
    tensor: str = ""

    @property
    def unit(self) -> str:
        """The unit of the value; 1 for instances."""
        return UNITS[self.what]

    @property
    def name(self) -> str:
        """What the lever changes, in words."""
        return f"{self.place} {self.what}" + (f" for {self.tensor}" if self.tensor else "")


def levers(chip: Architecture, *, clock: bool = False) -> tuple[Lever, ...]:
    """Return every figure of a chip that may be changed, outermost first.

    Parameters
    ----------
    chip : Architecture
        The chip.
    clock : bool
        Whether its clock is among them.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> [lever.name for lever in levers(load_chip("eyeriss"))][:3]
    ['DRAM shared bandwidth', 'GLB capacity', 'GLB capacity for Weights']
    """
    found: list[Lever] = []
    for node in chip.nodes:
        found += _of(node)
    if clock:
        found.append(Lever(place="chip", what="clock", value=chip.clock))
    return tuple(found)


def _of(node: Node) -> list[Lever]:
    if isinstance(node, Memory):
        return _of_memory(node)
    if isinstance(node, Network) and node.words_per_cycle:
        return [Lever(place=node.name, what="words per cycle", value=node.words_per_cycle)]
    if isinstance(node, Container):
        return [Lever(place=a.name, what="instances", value=float(a.size)) for a in node.fanout]
    return []


def _of_memory(memory: Memory) -> list[Lever]:
    found: list[Lever] = []
    if memory.capacity is not None:
        found.append(Lever(place=memory.name, what="capacity", value=float(memory.capacity)))
    for share in memory.partition:
        size = float(share.capacity)
        found.append(
            Lever(place=memory.name, what="capacity", value=size, tensor=share.tensor)
        )  # fmt: skip
    for what, field in _PORTS.items():
        rate = getattr(memory, field)
        if rate:
            found.append(Lever(place=memory.name, what=what, value=rate))
    return found


def changed(chip: Architecture, lever: Lever, value: float) -> Architecture:
    """Return a chip with one figure changed, and with it whatever is stated for each instance.

    Parameters
    ----------
    chip : Architecture
        The chip.
    lever : Lever
        One of `levers`; its own value does not matter.
    value : float
        The new figure, in the lever's unit.

    Returns
    -------
    Architecture
        A new chip; the old one is as it was.

    Raises
    ------
    InputError
        If the chip has no such lever, the value is nothing, or a memory has stated energies for one
        size and no component class whose law they could follow to another.

    Notes
    -----
    Prices follow sizes as they do for the knobs of a study (`onewatt.components.rescale`): energies
    and areas that the chip states for a memory are scaled by the law of its component class, those
    of the component library priced anew.  A longer axis has more of everything inside; networks
    keep their words per cycle.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> wide = changed(load_chip("eyeriss"), Lever(place="X", what="instances", value=14), 28)
    >>> wide.pes
    336
    """
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{lever.name}: found {value!r}; expected more than 0")
    if lever.what == "clock":
        return msgspec.structs.replace(chip, clock=value)
    if lever.what == "instances":
        return _resized(chip, lever.place, round(value))
    names = [n.name for n in chip.nodes]
    if lever.place not in names:
        raise InputError(f"chip {chip.name!r}: {unknown('node', lever.place, names)}")
    nodes = tuple(_node(n, lever, value) if n.name == lever.place else n for n in chip.nodes)
    return rescaled(chip, msgspec.structs.replace(chip, nodes=nodes))


def _node(node: Node, lever: Lever, value: float) -> Node:
    if isinstance(node, Network) and lever.what == "words per cycle":
        return msgspec.structs.replace(node, words_per_cycle=value)
    if isinstance(node, Memory) and lever.what == "capacity":
        return _memory(node, lever.tensor, round(value))
    if isinstance(node, Memory) and lever.what in _PORTS:
        return msgspec.structs.replace(node, **{_PORTS[lever.what]: value})
    raise InputError(f"node {node.name!r} has no {lever.what} to change")


def _memory(memory: Memory, tensor: str, bits: int) -> Memory:
    """Return a memory, or its partition for a tensor, with another capacity."""
    if not tensor:
        return msgspec.structs.replace(memory, capacity=bits)
    if tensor not in (s.tensor for s in memory.partition):
        raise InputError(f"memory {memory.name!r} has no partition for {tensor!r}")
    shares = tuple(
        msgspec.structs.replace(s, capacity=bits) if s.tensor == tensor else s
        for s in memory.partition
    )
    return msgspec.structs.replace(memory, partition=shares)


def _resized(chip: Architecture, axis: str, size: int) -> Architecture:
    """Return a chip with another number of instances on an axis."""
    names = [a.name for a in chip.axes]
    if axis not in names:
        raise InputError(f"chip {chip.name!r}: {unknown('axis', axis, names)}")
    before = next(a.size for a in chip.axes if a.name == axis)
    nodes: list[Node] = []
    inside = False
    for node in chip.nodes:
        if isinstance(node, Container) and axis in (a.name for a in node.fanout):
            fanout = tuple(
                msgspec.structs.replace(a, size=size) if a.name == axis else a
                for a in node.fanout
            )  # fmt: skip
            nodes.append(msgspec.structs.replace(node, fanout=fanout))
            inside = True
        elif inside and isinstance(node, Memory) and node.cluster > 1:
            nodes.append(_clustered(chip, node, size, before))
        else:
            nodes.append(node)
    return msgspec.structs.replace(chip, nodes=tuple(nodes))


def _clustered(chip: Architecture, memory: Memory, size: int, before: int) -> Memory:
    """Return a memory whose rows of instances still divide them after an axis has changed."""
    instances = chip.instances(memory.name) // before * size
    if instances % memory.cluster == 0:
        return memory
    if memory.cluster * size % before:
        raise InputError(
            f"memory {memory.name!r}: rows of {memory.cluster} do not divide {instances} instances"
        )
    return msgspec.structs.replace(memory, cluster=memory.cluster * size // before)
