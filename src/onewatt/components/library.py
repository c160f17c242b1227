"""Prices: what one action of each component of a chip costs, where it is from, and its band."""

from __future__ import annotations

import functools
import math
from importlib import resources
from typing import Literal, NamedTuple

from onewatt.components import scaling
from onewatt.errors import InputError, unknown
from onewatt.spec import files
from onewatt.spec.architecture import ActionEnergy, Architecture, Compute, Memory, Network
from onewatt.spec.price import ComponentArea, Price, Prices
from onewatt.spec.types import Bits, Joules, Metres, Noun, SquareMetres


class Point(Noun):
    """One published or simulated energy of a component."""

    energy: Joules
    node: Metres
    bits: Bits
    source: str
    capacity: Bits | None = None


class AreaPoint(Noun):
    """One published or simulated area of a component."""

    area: SquareMetres
    node: Metres
    source: str
    bits: Bits | None = None
    capacity: Bits | None = None


class ComponentClass(Noun):
    """A kind of component: its reference points and how they scale."""

    name: str
    what: str
    points: tuple[Point, ...]
    width_law: Literal["linear", "quadratic"] = "linear"
    capacity_law: bool = False
    on_chip: bool = True
    area: AreaPoint | None = None


class Library(Noun):
    """All component classes."""

    classes: tuple[ComponentClass, ...]

    def find(self, name: str, where: str) -> ComponentClass:
        """Return a class by name; an error names the place that asked."""
        for found in self.classes:
            if found.name == name:
                return found
        known = [c.name for c in self.classes]
        raise InputError(f"{where}: {unknown('component class', name, known)}")


class Wanted(NamedTuple):
    """At which node, supply, width and capacity a price is wanted."""

    node: float
    voltage: float | None
    bits: float
    capacity: float | None


class Estimate(NamedTuple):
    """An energy with its band and sources [J]."""

    value: float
    low: float
    high: float
    source: str


@functools.cache
def library() -> Library:
    """Return the component library that comes with onewatt."""
    text = resources.files("onewatt.components").joinpath("data/library.yaml").read_text("utf-8")
    return files.loads_as(Library, text, name="library.yaml")


def estimate(kind: ComponentClass, wanted: Wanted) -> Estimate:
    """Scale the reference points of a class to what is wanted.

    Parameters
    ----------
    kind : ComponentClass
        The class.
    wanted : Wanted
        Node [m], supply [V], width [bit] and capacity [bit].

    Returns
    -------
    Estimate
        The geometric mean of the scaled points, the lowest and the highest [J].
    """
    exponent = 0.0
    if kind.capacity_law:
        exponent = _exponent(kind)
    scaled: list[float] = []
    for point in kind.points:
        energy = point.energy * scaling.width_factor(wanted.bits, point.bits, kind.width_law)
        if kind.on_chip:
            energy *= scaling.node_factor(wanted.node, wanted.voltage, point.node)
        if kind.capacity_law and wanted.capacity and point.capacity:
            energy *= (wanted.capacity / point.capacity) ** exponent
        scaled.append(energy)
    mean = math.exp(sum(math.log(e) for e in scaled) / len(scaled))
    sources = "; ".join(p.source for p in kind.points)
    return Estimate(mean, min(scaled), max(scaled), f"library {kind.name}: {sources}")


def _exponent(kind: ComponentClass) -> float:
    """Fit the growth with capacity on the largest set of points of one source and node."""
    groups: dict[tuple[str, float], list[tuple[float, float]]] = {}
    for point in kind.points:
        if point.capacity:
            key = (point.source.split(":")[0], point.node)
            groups.setdefault(key, []).append((point.capacity, point.energy / point.bits))
    return scaling.capacity_exponent(max(groups.values(), key=len))


@functools.lru_cache(maxsize=512)
def prices(architecture: Architecture) -> Prices:
    """Return the price list of a chip: every action of every component, with band and source.

    Parameters
    ----------
    architecture : Architecture
        The chip.  What it states itself wins; the rest is scaled from the component library.  A
        stated energy takes its stated band, or else the spread of the library class around it.

    Returns
    -------
    Prices
        Energies per access, operation, hop or cycle [J], and areas [m²].

    Raises
    ------
    InputError
        If a component class is unknown or an action has no energy.

    Examples
    --------
    >>> import onewatt as ow
    >>> price = prices(ow.load_chip("eyeriss")).find("MAC", "compute")
    >>> price.low <= price.energy <= price.high
    True
    """
    found: list[Price] = []
    for node in architecture.nodes:
        if isinstance(node, Memory):
            found += _memory_prices(architecture, node)
        elif isinstance(node, Network):
            found += _network_prices(architecture, node)
        elif isinstance(node, Compute):
            found += _compute_prices(architecture, node)
    for stated in architecture.upkeep.energy:
        found.append(_stated("chip", stated.action, stated, None))
    areas = [a for n in architecture.nodes if isinstance(n, (Memory, Compute))
             if (a := _area(architecture, n)) is not None]  # fmt: skip
    if architecture.overhead_area is not None:
        areas.append(ComponentArea(component="chip", area=architecture.overhead_area,
                                   source=architecture.source))  # fmt: skip
    return Prices(prices=tuple(found), areas=tuple(areas))


_LIKE: dict[str, tuple[str, ...]] = {
    "read": ("read",),
    "drain": ("drain", "read"),
    "fill": ("fill", "update", "read"),
    "update": ("update", "fill", "read"),
}


def _memory_prices(architecture: Architecture, memory: Memory) -> list[Price]:
    bits = memory.width or memory.word or architecture.mac.inputs_bits
    known = _library_estimate(architecture, memory.name, memory.component, bits, memory)
    made = [
        _resolve(architecture, memory.name, action, memory.energy, likes, known)
        for action, likes in _LIKE.items()
    ]
    made += _extras(memory.name, memory.energy, ("gated", "metadata"))
    return made + _leak(architecture, memory.name, memory.leak, memory.energy, memory.source)


def _network_prices(architecture: Architecture, network: Network) -> list[Price]:
    if not network.energy and not network.component:
        return []  # an ideal network: its hops are free, and so are not in the ledger
    bits = architecture.mac.bits(network.tensors[0]) if network.tensors else 16
    known = _library_estimate(architecture, network.name, network.component, bits, None)
    return [_resolve(architecture, network.name, "hop", network.energy, ("hop",), known)]


def _compute_prices(architecture: Architecture, compute: Compute) -> list[Price]:
    known = _library_estimate(
        architecture, compute.name, compute.component, compute.inputs_bits, None
    )
    made = [_resolve(architecture, compute.name, "compute", compute.energy, ("compute",), known)]
    made += _extras(compute.name, compute.energy, ("gated", "skipped"))
    return made + _leak(architecture, compute.name, compute.leak, compute.energy, compute.source)


def _library_estimate(
    architecture: Architecture, name: str, component: str, bits: int, memory: Memory | None
) -> Estimate | None:
    if not component:
        return None
    kind = library().find(component, f"chip {architecture.name!r}, {name!r}")
    capacity = None
    if memory is not None:
        capacity = memory.capacity or sum(s.capacity for s in memory.partition) or None
    technology = architecture.technology
    return estimate(kind, Wanted(technology.node, technology.voltage, bits, capacity))


def _resolve(
    architecture: Architecture,
    name: str,
    action: str,
    stated: tuple[ActionEnergy, ...],
    likes: tuple[str, ...],
    known: Estimate | None,
) -> Price:
    by_action = {s.action: s for s in stated}
    for like in likes:
        if like in by_action:
            return _stated(name, action, by_action[like], known)
    if known is None:
        raise InputError(
            f"chip {architecture.name!r}: {name!r} has no energy for {action!r}; state it under "
            "'energy', or name a 'component' of the library"
        )
    return Price(component=name, action=action, energy=known.value, low=known.low,
                 high=known.high, source=known.source)  # fmt: skip


def _stated(name: str, action: str, stated: ActionEnergy, known: Estimate | None) -> Price:
    """Return a price the chip states, with its own band or the library's spread around it."""
    low = stated.energy if stated.low is None else stated.low
    high = stated.energy if stated.high is None else stated.high
    source = stated.source or "stated by the chip"
    if known is not None and stated.low is None and stated.high is None:
        low, high = min(low, known.low), max(high, known.high)
        source += f"; band from {known.source}"
    if not low <= stated.energy <= high:
        raise InputError(
            f"{name!r}, {action!r}: energy {stated.energy!r} J is outside its band "
            f"{low!r} to {high!r} J"
        )
    return Price(component=name, action=action, energy=stated.energy, low=low, high=high,
                 source=source)  # fmt: skip


def _extras(name: str, stated: tuple[ActionEnergy, ...], actions: tuple[str, ...]) -> list[Price]:
    return [_stated(name, s.action, s, None) for s in stated if s.action in actions]


def _leak(
    architecture: Architecture,
    name: str,
    leak: float | None,
    stated: tuple[ActionEnergy, ...],
    source: str,
) -> list[Price]:
    if leak is not None:
        energy = leak / architecture.clock
        text = source or "leakage power stated by the chip"
        return [Price(component=name, action="leak", energy=energy, low=energy, high=energy,
                      source=text)]  # fmt: skip
    return _extras(name, stated, ("leak",))


def _area(architecture: Architecture, node: Memory | Compute) -> ComponentArea | None:
    copies = architecture.instances(node.name)
    if node.area is not None:
        source = node.source or "stated by the chip"
        return ComponentArea(component=node.name, area=node.area * copies, source=source)
    if not node.component or architecture.overhead_area is not None:
        return None
    point = library().find(node.component, node.name).area
    if point is None:
        return None
    area = point.area * scaling.area_factor(architecture.technology.node, point.node)
    if isinstance(node, Memory) and point.capacity:
        capacity = node.capacity or sum(s.capacity for s in node.partition)
        area *= capacity / point.capacity
    elif isinstance(node, Compute) and point.bits:
        area *= scaling.width_factor(node.inputs_bits, point.bits, "quadratic")
    source = f"library {node.component}: {point.source}"
    return ComponentArea(component=node.name, area=area * copies, source=source)
