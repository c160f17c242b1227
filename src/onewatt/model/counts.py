"""Counts: how often each memory is read, filled, updated and drained for each tensor."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from onewatt.errors import MappingError
from onewatt.model.delivery import Edge, edge
from onewatt.model.kernel.crossing import crossing, distinct_held
from onewatt.model.kernel.crossing import steps as count_steps
from onewatt.model.kernel.factors import FORWARD, FRESH
from onewatt.model.nest import Level, Nest, factors
from onewatt.spec.architecture import Architecture
from onewatt.spec.cost import LedgerAction
from onewatt.spec.result import Convention
from onewatt.spec.workload import Einsum, Tensor

_MOST_WORDS = 2**60


class Traffic(NamedTuple):
    """Words of one tensor at one memory, over all instances and for the busiest one.

    The busiest is the first instance: its tiles are the largest, and it never rests.  (An instance
    that rests in the last, smaller trips forgets its tile and may fetch a few words more.)
    """

    level: str
    tensor: str
    action: LedgerAction
    words: int
    busiest: int


class Passing(NamedTuple):
    """Words of one tensor that a network carries.

    `hops` counts one for each word delivered and each partial sum passed on; `sent` are the words
    that enter the network from the side of the memory, where sharing counts once, and `busiest`
    those of the first memory.
    """

    network: str
    tensor: str
    hops: int
    sent: int
    busiest: int


class Counts(NamedTuple):
    """Everything that moves in one run of a layer."""

    traffic: tuple[Traffic, ...]
    passing: tuple[Passing, ...]
    steps: int
    active: int
    instances: dict[str, int]


class _Crossing:
    """Counts words on one edge of one tensor."""

    def __init__(self, einsum: Einsum, nest: Nest, tensor: Tensor, lenient: bool) -> None:
        self.nest, self.lenient = nest, lenient
        self.dims = factors(einsum, tensor, boxes=lenient)
        self.slides = bool(((self.dims[:, 1] >= 0) & (self.dims[:, 2] > 0)).any())

    def __call__(
        self,
        place: int,
        parent: int,
        shared: int,
        form: int,
        *,
        first: int = -1,
        keeps: bool = True,
    ) -> int:
        """Return the words that enter at a place; see `kernel/crossing.py`."""
        nest = self.nest
        return int(
            crossing(
                self.dims, nest.loops, nest.extent, place, parent, first, shared, form, keeps,
                self.lenient,
            )
        )  # fmt: skip

    def distinct(self, place: int) -> int:
        """Return the different words ever held at a place, summed over instances."""
        return int(distinct_held(self.dims, self.nest.loops, self.nest.extent, place))


def count(
    einsum: Einsum, architecture: Architecture, nest: Nest, convention: Convention = "literal"
) -> Counts:
    """Count every access of one run of a layer.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip, for its networks.
    nest : Nest
        The lowered mapping.
    convention : str
        ``literal`` counts what a machine does that holds exactly its current tiles; ``timeloop``
        credits overlap only where the innermost loop above a buffer moves the tensor or a carry
        moves it as far, shares only reads of whole tiles, counts the gaps inside a strided tile,
        fetches every partial sum again in each instance that ever held it, and does not count
        draining.  ``isca16`` counts literally and is charged otherwise, see
        `onewatt.model.isca16.reread`.

    Returns
    -------
    Counts
        Words [1] by memory, tensor and action.

    Raises
    ------
    MappingError
        If the convention cannot express the layer.
    """
    if einsum.points * nest.active >= _MOST_WORDS:
        raise MappingError(
            f"layer {einsum.name!r}: {einsum.points:.3g} operations on {nest.active} instances are "
            "more than can be counted exactly"
        )
    traffic: list[Traffic] = []
    passing: list[Passing] = []
    lenient = convention == "timeloop"
    for tensor in einsum.inputs:
        cross = _Crossing(einsum, nest, tensor, lenient)
        for parent, child, way in _edges(architecture, nest, tensor.name, output=False):
            _input_edge(traffic, passing, cross, parent, child, way, tensor.name)
    output = einsum.output
    if lenient and any(len(i.terms) > 1 for i in output.projection):
        raise MappingError(
            f"layer {einsum.name!r}: convention 'timeloop' has no reading of outputs that overlap; "
            "use 'literal'"
        )
    cross = _Crossing(einsum, nest, output, lenient)
    unread = busiest_unread = 0
    for position, (parent, child, way) in enumerate(
        _edges(architecture, nest, output.name, output=True)
    ):
        if position == 0:
            whole = parent.depth == 0 and not lenient
            unread = einsum.words(output) if whole else cross.distinct(parent.depth)
            busiest_unread = unread // nest.instances(parent.depth)
        unread, busiest_unread = _output_edge(
            traffic, passing, cross, parent, child, way, output.name, (unread, busiest_unread)
        )
    instances = {level.memory: nest.instances(level.depth) for level in nest.levels}
    steps = int(count_steps(nest.loops, nest.extent))
    return Counts(tuple(traffic), tuple(passing), steps, nest.active, instances)


def _edges(
    architecture: Architecture, nest: Nest, tensor: str, *, output: bool
) -> list[tuple[Level, Level | None, Edge]]:
    chain = nest.chain(tensor)
    pairs: list[tuple[Level, Level | None]] = [*itertools.pairwise(chain)]
    pairs.append((chain[-1], None))
    mac = architecture.mac.name
    return [
        (p, c, edge(architecture, tensor, p.memory, c.memory if c else mac, output))
        for p, c in pairs
    ]


def _mask(nest: Nest, shared: frozenset[str]) -> int:
    return sum(1 << i for i, axis in enumerate(nest.axes) if axis in shared)


def _input_edge(
    traffic: list[Traffic],
    passing: list[Passing],
    cross: _Crossing,
    parent: Level,
    child: Level | None,
    way: Edge,
    tensor: str,
) -> None:
    place = child.depth if child else cross.nest.depth
    keeps = child is not None
    form = FORWARD if way.forwards and keeps else FRESH
    shared = _mask(cross.nest, way.shared)
    read = cross(place, parent.depth, shared, form, keeps=keeps)
    busiest = cross(place, parent.depth, shared, form, first=parent.depth, keeps=keeps)
    traffic.append(Traffic(parent.memory, tensor, "read", read, busiest))
    if child or way.networks:
        delivered = cross(place, place, 0, FRESH, keeps=keeps)
        passing += [Passing(n.name, tensor, delivered, read, busiest) for n in way.networks]
        if child:
            busiest = cross(place, place, 0, FRESH, first=place)
            traffic.append(Traffic(child.memory, tensor, "fill", delivered, busiest))


def _output_edge(
    traffic: list[Traffic],
    passing: list[Passing],
    cross: _Crossing,
    parent: Level,
    child: Level | None,
    way: Edge,
    tensor: str,
    unread: tuple[int, int],
) -> tuple[int, int]:
    """Count partial sums on one edge; return how many enter the child without being read."""
    nest, lenient = cross.nest, cross.lenient
    place, keeps = (child.depth if child else nest.depth), child is not None
    form = FRESH if lenient else FORWARD
    shared = _mask(nest, way.shared)
    update = cross(place, parent.depth, shared, form, keeps=keeps)
    one = cross(place, parent.depth, shared, form, first=parent.depth, keeps=keeps)
    traffic.append(Traffic(parent.memory, tensor, "read", update - unread[0], one - unread[1]))
    traffic.append(Traffic(parent.memory, tensor, "update", update, one))
    inside = cross(place, place, 0, FRESH, keeps=keeps)
    sent, sent_one = 2 * update - unread[0], 2 * one - unread[1]
    if child is None:
        passing += [Passing(n.name, tensor, inside, sent, sent_one) for n in way.networks]
        return 0, 0
    inside_one = cross(place, place, 0, FRESH, first=place)
    if lenient:
        first = cross.distinct(place)
        fill, fill_one = inside - first, inside_one - first // nest.instances(place)
    else:
        everyone = (1 << len(nest.axes)) - 1
        fill = cross(place, parent.depth, everyone, form) - unread[0]
        fill_one = min(fill, inside_one)
        if not cross.slides:  # one receiver of each group that shares a sum carries what was there
            fill_one = min(fill_one, -(-fill * inside_one // max(1, fill + unread[0])))
        traffic.append(Traffic(child.memory, tensor, "drain", inside, inside_one))
    traffic.append(Traffic(child.memory, tensor, "fill", fill, fill_one))
    hops = inside + fill
    passing += [Passing(n.name, tensor, hops, sent, sent_one) for n in way.networks]
    return inside - fill, inside_one - fill_one
