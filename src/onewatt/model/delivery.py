"""Delivery: which receivers of an edge share a read, by the networks that lie on it."""

from __future__ import annotations

from typing import NamedTuple

from onewatt.spec.architecture import Architecture, Container, Network


class Edge(NamedTuple):
    """How a tensor gets from a memory to the next place that keeps it.

    `shared` are the axes whose receivers share one read (or whose partial sums are added on the
    way); without any network on the way, delivery is ideal: everything is shared and free.
    """

    shared: frozenset[str]
    forwards: bool
    networks: tuple[Network, ...]


def edge(architecture: Architecture, tensor: str, parent: str, child: str, output: bool) -> Edge:
    """Return the edge of a tensor between two nodes of a chip, by name."""
    names = [n.name for n in architecture.nodes]
    between = architecture.nodes[names.index(parent) + 1 : names.index(child)]
    arrays = [{a.name for a in n.fanout} for n in between if isinstance(n, Container)]
    axes = set[str]().union(*arrays)
    found = tuple(n for n in between if isinstance(n, Network) and tensor in n.tensors)
    if not found:
        return Edge(frozenset(axes), False, ())
    shared: set[str] = set()
    for network in found:
        able = network.reduces if output else network.delivery != "unicast"
        if able:
            shared |= _reached(network, arrays, output)
    return Edge(frozenset(shared & axes), any(n.forwards for n in found), found)


def _reached(network: Network, arrays: list[set[str]], output: bool) -> set[str]:
    """Return the axes along which one read, or one sum, serves everyone.

    Receivers of a group are the instances of the innermost array; receivers that are interleaved
    are at the same place of different groups, so they differ along the outer arrays alone.
    """
    axes = set[str]().union(*arrays)
    along = set(network.axes) or axes
    if output:
        return along
    if network.delivery == "broadcast":
        return axes
    if network.delivery == "grouped":
        return along & arrays[-1] if arrays else set()
    if network.delivery == "interleaved":
        return along & set[str]().union(*arrays[:-1])
    return along
