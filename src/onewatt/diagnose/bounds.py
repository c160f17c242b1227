"""Bounds: the fewest cycles of a layer as the constraints of a chip are added one by one."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from onewatt.diagnose.delivery import Delivery, deliveries
from onewatt.diagnose.placement import Placement, best_placement
from onewatt.diagnose.storage import Fitting, fewest_steps
from onewatt.errors import InputError
from onewatt.model import sparse
from onewatt.model.counts import count
from onewatt.model.kernel.crossing import steps as count_steps
from onewatt.model.nest import lower
from onewatt.spec.architecture import Architecture, Container
from onewatt.spec.cost import Busy, busy_cycles
from onewatt.spec.mapping import Mapping, Spatial
from onewatt.spec.result import Convention
from onewatt.spec.workload import Einsum

Allowed = tuple[tuple[bool, ...], ...]


class Space(NamedTuple):
    """Where a dataflow lets the ranks of a layer lie, and what that leaves of its parallelism.

    `allowed` says for each rank and axis whether the rank may lie there.  `serial` are the ranks
    that may lie nowhere, `parallel` the points that the others allow at once.
    """

    allowed: Allowed
    serial: tuple[str, ...]
    parallel: int


class Facts(NamedTuple):
    """What is known of one run of a layer: steps, cycles, and what holds it up.

    `cycles` are those of the seven bounds.  `ideal` are the cycles of all PEs at work all the time,
    which need not be whole, `arithmetic` those of the PEs that the mapping keeps at work.  `chosen`
    is the part of the fifth that no memory forces.
    """

    einsum: Einsum
    chip: Architecture
    space: Space
    placement: Placement
    fitting: Fitting
    steps: int
    active: int
    cycles: tuple[float, ...]
    ideal: float
    arithmetic: float
    chosen: float
    busy: tuple[Busy, ...]
    deliveries: tuple[Delivery, ...]
    measured: bool
    convention: Convention = "literal"


def space(einsum: Einsum, architecture: Architecture, mapping: Mapping | None = None) -> Space:
    """Return where the dataflow of a chip lets the ranks of a layer lie.

    A mapping that was given may leave the dataflow: where it lays a rank, the rank is allowed.
    """
    limits = {limit.where: limit.ranks for limit in architecture.dataflow.limits}
    nodes = mapping.nodes if mapping else ()
    laid = {(n.rank, n.axis) for n in nodes if isinstance(n, Spatial)}

    def able(rank: str, axis: str) -> bool:
        named = limits.get(axis)
        return named is None or rank in named or (rank, axis) in laid

    axes = [a.name for a in architecture.axes]
    allowed = tuple(tuple(able(r.name, a) for a in axes) for r in einsum.ranks)
    rows = list(zip(einsum.ranks, allowed, strict=True))
    serial = tuple(r.name for r, on in rows if r.size > 1 and not any(on))
    return Space(allowed, serial, math.prod(r.size for r, on in rows if any(on)))


def placed(einsum: Einsum, architecture: Architecture, allowed: Allowed) -> Placement:
    """Return the placement of a layer onto the array of a chip that takes the fewest steps."""
    sizes = tuple(r.size for r in einsum.ranks)
    return best_placement(sizes, allowed, tuple(a.size for a in architecture.axes))


def cycles_of(einsum: Einsum, architecture: Architecture, steps: int) -> float:
    """Return the cycles of so many steps if no PE ever waits for another."""
    mac = architecture.mac
    return math.ceil(steps / mac.lanes * sparse.effective(einsum, mac).paced)


def first_four(
    einsum: Einsum, architecture: Architecture, within: Space, placement: Placement
) -> tuple[float, ...]:
    """Return the cycles of the first four bounds, which no mapping of the dataflow undercuts."""
    serial = einsum.points // within.parallel
    rounds = -(-within.parallel // architecture.pes)
    return tuple(
        cycles_of(einsum, architecture, s) for s in (1, serial, serial * rounds, placement.steps)
    )


def ideal_cycles(einsum: Einsum, architecture: Architecture) -> float:
    """Return the cycles of one run with every PE at work all the time; they need not be whole."""
    mac = architecture.mac
    paced = sparse.effective(einsum, mac).paced
    return einsum.points / (architecture.pes * mac.lanes) * paced


def examine(
    einsum: Einsum,
    architecture: Architecture,
    mapping: Mapping,
    busy: tuple[Busy, ...],
    *,
    cycles: float,
    convention: Convention = "literal",
    measured: float | None = None,
) -> Facts:
    """Return the bounds of one run of a layer with its mapping.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip.
    mapping : Mapping
        Its loop nest.
    busy : tuple of Busy
        What the ledger says of the layer.
    cycles : float
        Cycles of one run by the ledger.
    convention : str
        How the ledger counts.
    measured : float or None
        Cycles of one run on a machine, if one has run it.

    Returns
    -------
    Facts
        The seven bounds in cycles, and what they are made of.

    Raises
    ------
    InputError
        If the ledger has fewer cycles than the mapping can take, or the machine than the ledger
        asks of a component.
    """
    within = space(einsum, architecture, mapping)
    placement = placed(einsum, architecture, within.allowed)
    nest = lower(einsum, mapping)
    counts = count(einsum, architecture, nest, convention)
    steps = int(count_steps(nest.loops, nest.extent))
    fitting = fewest_steps(einsum, architecture, placement, within.allowed, steps)
    four = first_four(einsum, architecture, within, placement)
    forced = cycles_of(einsum, architecture, min(fitting.steps, steps))
    arithmetic = cycles_of(einsum, architecture, steps)
    needed = {name: n / einsum.count for name, n in busy_cycles(busy).items()}
    arithmetic = min(arithmetic, needed.get("compute", arithmetic))
    ports = max((c for name, c in needed.items() if name != "compute"), default=0.0)
    chosen = max(0.0, arithmetic - max(forced, ports))
    sixth = max(arithmetic, ports, forced)
    last = cycles if measured is None else measured
    _check(einsum, sixth, cycles, measured)
    return Facts(
        einsum, architecture, within, placement, fitting, steps, counts.active,
        (*four, forced + chosen, sixth, last), ideal_cycles(einsum, architecture), arithmetic,
        chosen, busy, deliveries(einsum, architecture, counts, convention), measured is not None,
        convention,
    )  # fmt: skip


def _check(einsum: Einsum, sixth: float, cycles: float, measured: float | None) -> None:
    if cycles < sixth:
        raise InputError(
            f"layer {einsum.name!r} has {cycles:g} cycles a run in the ledger of this result, but "
            f"its mapping takes at least {sixth:g}: ledger and mapping do not belong "
            "together; evaluate the mapping again"
        )
    if measured is not None and measured < sixth:
        raise InputError(
            f"layer {einsum.name!r} was measured with {measured:g} cycles a run, but one component "
            f"alone is busy for {sixth:g}: the chip or the mapping is not that of the machine"
        )


def with_axes(architecture: Architecture, sizes: tuple[int, ...]) -> Architecture:
    """Return a chip whose axes have other sizes, outermost first.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> with_axes(load_chip("eyeriss"), (24, 28)).pes
    672
    """
    left = iter(sizes)
    nodes = tuple(
        msgspec.structs.replace(
            n, fanout=tuple(msgspec.structs.replace(a, size=next(left)) for a in n.fanout)
        )
        if isinstance(n, Container) else n
        for n in architecture.nodes
    )  # fmt: skip
    return msgspec.structs.replace(architecture, nodes=nodes)
