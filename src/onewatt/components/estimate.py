"""Estimates: what the library says a component costs under the conditions of a chip."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

from onewatt.components import scaling
from onewatt.components.reference import ComponentClass, Reference, component_class
from onewatt.components.scaling import Band
from onewatt.errors import InputError
from onewatt.spec.architecture import Technology
from onewatt.spec.types import Bits, Joules, Metres, SquareMetres

#: The node at which the exponents of capacity are fitted [m].
_FIT_NODE = 45e-9
#: The band of a value with a single source, either way: the half width of the only published range
#: for DRAM, 1.3 to 2.6 nJ (horowitz14).
SINGLE_SOURCE = math.sqrt(2.0)


class Estimate(NamedTuple):
    """An energy with its band and where it is from [J]."""

    energy: Joules
    low: Joules
    high: Joules
    source: str


class Conditions(NamedTuple):
    """What an estimate is for: the process, and the size of the component."""

    technology: Technology
    bits: Bits
    operands: tuple[Bits, Bits] | None = None
    accumulate: Bits | None = None
    capacity: Bits | None = None
    length: Metres | None = None

    @property
    def voltage(self) -> float:
        """The supply of the chip, the nominal one of its node if it states none [V]."""
        return self.technology.voltage or scaling.nominal_voltage(self.technology.node)


def estimate(name: str, wanted: Conditions, *, write: bool = False) -> Estimate:
    """Return the energy of one access or operation of a component class.

    Parameters
    ----------
    name : str
        A class of the library, see `onewatt.components.reference.classes`.
    wanted : Conditions
        The process of the chip and the size of the component.
    write : bool
        Whether the access writes.

    Returns
    -------
    Estimate
        The geometric mean of the scaled sources and their spread [J].

    Raises
    ------
    InputError
        If the class is unknown, or the law needs a condition that is missing.

    Notes
    -----
    The value is the geometric mean of the reference points, each scaled to the conditions; the band
    reaches from the lowest to the highest of them, the uncertainty of the node scaling included.

    Examples
    --------
    >>> at = Conditions(Technology(node=45e-9, voltage=0.9), bits=32)
    >>> found = estimate("adder", at)
    >>> round(found.energy * 1e12, 3)
    0.106
    """
    kind = component_class(name)
    if kind.rule == "scalar":
        return _scalar(kind, wanted)
    scaled = [_scaled(kind, r, wanted, write) for r in kind.references]
    energy = scaling.geometric_mean([s.value for s in scaled])
    low, high = min(s.low for s in scaled), max(s.high for s in scaled)
    keys = sorted({r.key for r in kind.references})
    many = f"{len(scaled)} sources" if len(scaled) > 1 else "one source, band of factor 1.41"
    if len(scaled) == 1:
        low, high = energy / SINGLE_SOURCE, energy * SINGLE_SOURCE
    source = f"library class {name!r}, {many} ({', '.join(keys)}){_scaled_to(kind, wanted)}"
    return Estimate(energy, low, high, source)


def _scaled_to(kind: ComponentClass, wanted: Conditions) -> str:
    if kind.rule == "off_chip":
        return ""
    return f", scaled to {wanted.technology.node * 1e9:g} nm and {wanted.voltage:g} V"


def _scalar(kind: ComponentClass, wanted: Conditions) -> Estimate:
    add, multiply = estimate("adder", wanted), estimate("multiplier", wanted)
    energy = scaling.geometric_mean([add.energy, multiply.energy])
    source = f"library class {kind.name!r}, between an adder and a multiplier: {add.source}"
    return Estimate(energy, add.low, multiply.high, source)


def _scaled(kind: ComponentClass, point: Reference, wanted: Conditions, write: bool) -> Band:
    """Return the energy of a reference point under the conditions wanted [J]."""
    energy = point.write if write and point.write is not None else point.energy
    size = energy * _size_factor(kind, point, wanted)
    if kind.rule == "off_chip":
        return Band(size, size, size)
    node = _node_of(point)
    volts = scaling.voltage_factor(point.voltage or scaling.nominal_voltage(node), wanted.voltage)
    wires = kind.rule == "wire"
    shrink = Band(1, 1, 1) if wires else scaling.node_factor(node, wanted.technology.node)
    return Band(*(size * volts * s for s in shrink))


def _node_of(point: Reference) -> Metres:
    if point.node is None:
        raise InputError(f"component library, {point.source!r}: no 'node' to scale from")
    return point.node


def _size_factor(kind: ComponentClass, point: Reference, wanted: Conditions) -> float:
    if kind.rule == "quadratic":
        return scaling.quadratic_width(point.bits, wanted.bits)
    if kind.rule == "multiply_accumulate":
        return _mac_size(wanted) / _mac_size_of(point)
    width = scaling.linear_width(point.bits, wanted.bits)
    if kind.rule == "memory":
        have = _needed(kind, "capacity", point.capacity, "component library")
        want = _needed(kind, "capacity", wanted.capacity, "memory")
        return width * scaling.capacity_factor(int(have), int(want), capacity_exponent(kind.name))
    if kind.rule == "wire":
        have = _needed(kind, "length", point.length, "component library")
        want = _needed(kind, "length", wanted.length, "network")
        return width * scaling.length_factor(have, want)
    return width


def _needed(kind: ComponentClass, what: str, value: float | None, where: str) -> float:
    if not value:
        raise InputError(
            f"{where} of class {kind.name!r} states no {what}; expected one, because energy grows "
            f"with it (write '{what}: ...')"
        )
    return value


@cache
def capacity_exponent(name: str) -> float:
    """Return the exponent of capacity of a memory class, fitted to its own reference points [1].

    Notes
    -----
    Energy per bit at 45 nm and its nominal voltage against capacity, see `scaling.power_law`.

    Examples
    --------
    >>> 0.4 < capacity_exponent("sram") < 0.6
    True
    """
    at = Technology(node=_FIT_NODE)
    points: list[tuple[float, float]] = []
    for point in component_class(name).references:
        node = _node_of(point)
        volts = scaling.voltage_factor(
            point.voltage or scaling.nominal_voltage(node), scaling.nominal_voltage(at.node)
        )
        shrink = scaling.node_factor(node, at.node).value
        points.append((float(point.capacity or 0), point.energy / point.bits * volts * shrink))
    return scaling.power_law(points)[1]


def _mac_size_of(point: Reference) -> float:
    return _multiply_add(point.bits, point.bits, point.accumulate or 2 * point.bits)


def _mac_size(wanted: Conditions) -> float:
    left, right = wanted.operands or (wanted.bits, wanted.bits)
    return _multiply_add(left, right, wanted.accumulate or left + right)


def _multiply_add(left: Bits, right: Bits, accumulate: Bits) -> float:
    """Return the relative energy of a multiplier and an adder, as in the published parts [1]."""
    multiply, add = _unit("multiplier", 2), _unit("adder", 1)
    return multiply * left * right + add * accumulate


@cache
def _unit(name: str, power: int) -> float:
    """Return the energy of a class per bit (or bit²) at its own node [J]."""
    points = component_class(name).references
    return scaling.geometric_mean([p.energy / p.bits**power for p in points])


def area(name: str, wanted: Conditions) -> tuple[SquareMetres, str] | None:
    """Return the area of one instance of a class and its source, or None if none is published.

    Notes
    -----
    The geometric mean of the reference points, scaled with the square of the node and, for
    memories, linearly with capacity; for arithmetic with its energy law.  The spread of the
    sources is large: an area from the library is an estimate within a factor of about two.

    Examples
    --------
    >>> at = Conditions(Technology(node=45e-9), bits=64, capacity=128 * 8192)
    >>> found = area("sram", at)
    >>> found is not None and 0.2e-6 < found[0] < 1e-6
    True
    """
    kind = component_class(name)
    found: list[float] = []
    for point in kind.references:
        if point.area is None:
            continue
        if kind.rule == "memory":
            size = (wanted.capacity or 0) / (point.capacity or 1)
        else:
            size = _size_factor(kind, point, wanted)
        shrink = scaling.area_factor(_node_of(point), wanted.technology.node)
        found.append(point.area * size * shrink)
    if not found or min(found) <= 0:
        return None
    keys = sorted({p.key for p in kind.references if p.area is not None})
    source = f"library class {name!r}, {len(found)} sources ({', '.join(keys)})"
    return scaling.geometric_mean(found), source
