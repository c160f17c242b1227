"""The price list of a chip: its own energies first, the component library for the rest."""

from __future__ import annotations

import math
from functools import lru_cache

from msgspec.structs import replace

from onewatt.components.estimate import Conditions, Estimate, area, estimate
from onewatt.components.reference import component_class
from onewatt.errors import InputError
from onewatt.spec.architecture import (
    ActionEnergy,
    Architecture,
    Compute,
    Container,
    Memory,
    Network,
    Node,
)
from onewatt.spec.price import ComponentArea, Price, Prices

#: The component that the upkeep of a whole chip is charged to.
CHIP = "chip"
#: The component that starting a layer is charged to.
LAUNCH = "launch"
#: How far a hop goes where a network does not say [m]: the middle of ISCA16's array hop, assumed.
ARRAY_HOP = 1.5e-3

#: An action a chip does not state costs what this one does: draining reads, filling writes.
_SAME = {"read": "drain", "drain": "read", "fill": "update", "update": "fill"}
_WRITES = ("fill", "update")
_NEEDED: dict[type, tuple[str, ...]] = {
    Memory: ("read", "fill", "update", "drain"),
    Network: ("hop",),
    Compute: ("compute",),
}


@lru_cache(maxsize=256)
def prices(architecture: Architecture) -> Prices:
    """Return what every action of a chip costs.

    Parameters
    ----------
    architecture : Architecture
        The chip.

    Returns
    -------
    Prices
        Per node and action the energy of one access of `width` bits (of one word where the chip
        states no width), of one word over one hop, of one operation or of one cycle [J], with its
        band and source; and the area of all instances of each node, where known [m²].

    Raises
    ------
    InputError
        If an action has no energy, or a component class does not exist.

    Notes
    -----
    An energy that the chip states wins.  Its band is the one it states; if it states none, the band
    of its component class where one is given; otherwise the value stands alone.  What the chip
    does not state is looked up in the component library (`onewatt.components.estimate`).  Draining
    costs a read, filling and updating a write; a chip that states a read, no write and no class
    pays a read for both, and the source says so.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> price = prices(load_chip("eyeriss")).find("MAC", "compute")
    >>> f"{price.energy * 1e12:.3g} pJ"
    '2 pJ'
    """
    found: list[Price] = []
    for node in architecture.nodes:
        if not isinstance(node, Container):
            found += _of_node(architecture, node)
    for stated in architecture.upkeep.energy:
        found.append(_stated(architecture, CHIP, stated.action, stated, None))
    launch = architecture.launch
    if launch.energy or launch.high:
        stated = ActionEnergy(
            action="idle", energy=launch.energy, low=launch.low, high=launch.high,
            source=launch.source,
        )  # fmt: skip
        found.append(_stated(architecture, LAUNCH, "launch", stated, None))
    return Prices(prices=tuple(found), areas=_areas(architecture))


def unknown_areas(architecture: Architecture) -> tuple[str, ...]:
    """Return the nodes whose area neither the chip nor the library knows; they add nothing."""
    known = {a.component for a in prices(architecture).areas}
    nodes = [n for n in architecture.nodes if not isinstance(n, Container)]
    return tuple(n.name for n in nodes if n.name not in known and not _is_off_chip(n))


def _of_node(architecture: Architecture, node: Memory | Network | Compute) -> list[Price]:
    stated: dict[str, ActionEnergy] = {e.action: e for e in node.energy}
    leak = None if isinstance(node, Network) else node.leak
    if leak is not None and "leak" not in stated:
        per_cycle = leak / architecture.clock
        source = "" if isinstance(node, Network) else node.source
        stated["leak"] = ActionEnergy(action="leak", energy=per_cycle, source=source)
    needed = _NEEDED[type(node)]
    found = [_needed(architecture, node, action, stated) for action in needed]
    more = [own for action, own in stated.items() if action not in needed]
    return found + [_stated(architecture, node.name, own.action, own, None) for own in more]


def _needed(
    architecture: Architecture,
    node: Memory | Network | Compute,
    action: str,
    stated: dict[str, ActionEnergy],
) -> Price:
    """Return the price of an action that a node of its kind must have."""
    own = stated.get(action) or stated.get(_SAME.get(action, ""))
    looked_up = _looked_up(architecture, node, action) if node.component else None
    if own is not None:
        return _stated(architecture, node.name, action, own, looked_up)
    if looked_up is not None:
        energy, low, high, source = looked_up
        return Price(
            component=node.name, action=action, energy=energy, low=low, high=high, source=source
        )
    if action in _WRITES and "read" in stated:
        like = _stated(architecture, node.name, action, stated["read"], None)
        return replace(like, source=f"{like.source}; no write stated, taken as a read")
    raise InputError(
        f"{_where(architecture, node)}: no energy for action {action!r}; state it "
        f"(energy: {{{action}: 1.0 pJ}}) or name a component class (component: {_usual(node)})"
    )


def _where(architecture: Architecture, node: Node) -> str:
    return f"chip {architecture.name!r}, node {node.name!r}"


def _usual(node: Memory | Network | Compute) -> str:
    if isinstance(node, Network):
        return "noc_hop"
    if isinstance(node, Memory):
        return "sram"
    return "mac" if node.work == "mac" else "alu"


def _stated(
    architecture: Architecture,
    component: str,
    action: str,
    own: ActionEnergy,
    looked_up: Estimate | None,
) -> Price:
    """Return the price a chip states, with the band of the library where it states none."""
    source = own.source or f"chip {architecture.name!r}"
    low, high = own.low, own.high
    if low is None and high is None and looked_up is not None:
        low, high = min(own.energy, looked_up.low), max(own.energy, looked_up.high)
        source = f"{source}; band: {looked_up.source}"
    low = own.energy if low is None else low
    high = own.energy if high is None else high
    if not (0 <= low <= own.energy <= high < math.inf):
        raise InputError(
            f"chip {architecture.name!r}, node {component!r}, action {action!r}: found energy "
            f"{own.energy!r} J in a band from {low!r} to {high!r} J; expected finite values with "
            "0 <= low <= energy <= high"
        )
    return Price(
        component=component, action=action, energy=own.energy, low=low, high=high, source=source
    )


def _looked_up(
    architecture: Architecture, node: Memory | Network | Compute, action: str
) -> Estimate:
    where = _where(architecture, node)
    component_class(node.component, where)
    try:
        return estimate(node.component, conditions(architecture, node), write=action in _WRITES)
    except InputError as error:
        raise InputError(f"{where}, action {action!r}: {error}") from error


def conditions(architecture: Architecture, node: Memory | Network | Compute) -> Conditions:
    """Return the process and the size that the library prices a node of a chip for."""
    technology, mac = architecture.technology, architecture.mac
    if isinstance(node, Memory):
        return Conditions(
            technology, bits=node.width or _word(architecture, node), capacity=node.size
        )
    if isinstance(node, Network):
        bits = max(_bits(architecture, t, inside=True) for t in node.tensors or ("Inputs",))
        return Conditions(technology, bits=bits, length=node.length or ARRAY_HOP)
    operands = (node.inputs_bits, node.weights_bits)
    bits = max(operands) if node.work == "mac" else mac.bits("Outputs")
    return Conditions(technology, bits=bits, operands=operands, accumulate=node.accumulate_bits)


def _word(architecture: Architecture, memory: Memory) -> int:
    """Return the width of the widest word a memory holds [bit]."""
    if memory.word is not None:
        return memory.word
    inside = memory is not architecture.memories[0]
    tensors = (*memory.keeps, *memory.may_keep) or ("Inputs",)
    return max(_bits(architecture, t, inside=inside) for t in tensors)


def _bits(architecture: Architecture, tensor: str, *, inside: bool) -> int:
    mac = architecture.mac
    return mac.accumulate_bits if inside and tensor == "Outputs" else mac.bits(tensor)


def _is_off_chip(node: Node) -> bool:
    if isinstance(node, Container) or not node.component:
        return False
    return component_class(node.component).rule == "off_chip"


def _areas(architecture: Architecture) -> tuple[ComponentArea, ...]:
    found: list[ComponentArea] = []
    for node in architecture.nodes:
        if isinstance(node, Container) or _is_off_chip(node):
            continue
        copies = architecture.instances(node.name)
        if not isinstance(node, Network) and node.area is not None:
            source = node.source or f"chip {architecture.name!r}"
            found.append(ComponentArea(component=node.name, area=node.area * copies, source=source))
        elif node.component:
            looked_up = area(node.component, conditions(architecture, node))
            if looked_up is not None:
                each, source = looked_up
                found.append(ComponentArea(component=node.name, area=each * copies, source=source))
    if architecture.overhead_area is not None:
        source = architecture.source or f"chip {architecture.name!r}"
        found.append(
            ComponentArea(component="overhead", area=architecture.overhead_area, source=source)
        )
    return tuple(found)
