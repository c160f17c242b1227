"""Scaling: the energy and area of a component at another node, width or capacity."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Nominal supply by node [nm] -> [V].  An assumption: typical logic supplies, not from one source.
NOMINAL_VOLTAGE = (
    (5, 0.70), (7, 0.70), (10, 0.75), (14, 0.80), (16, 0.80), (22, 0.85), (28, 0.90), (32, 0.90),
    (40, 0.90), (45, 0.90), (65, 1.00), (90, 1.10), (130, 1.20), (180, 1.80),
)  # fmt: skip


def nominal_voltage(node: float) -> float:
    """Return the usual supply of a node, interpolated.

    Parameters
    ----------
    node : float
        Feature size [m].

    Returns
    -------
    float
        Supply [V].

    Examples
    --------
    >>> nominal_voltage(65e-9)
    1.0
    """
    x = node * 1e9
    below = max((p for p in NOMINAL_VOLTAGE if p[0] <= x * (1 + 1e-9)), default=NOMINAL_VOLTAGE[0])
    above = min((p for p in NOMINAL_VOLTAGE if p[0] >= x * (1 - 1e-9)), default=NOMINAL_VOLTAGE[-1])
    if above[0] == below[0]:
        return below[1]
    return below[1] + (above[1] - below[1]) * (x - below[0]) / (above[0] - below[0])


def node_factor(node: float, voltage: float | None, reference: float) -> float:
    """Return the energy at a node relative to a reference node.

    Parameters
    ----------
    node, reference : float
        Feature sizes [m].
    voltage : float or None
        Supply at `node` [V]; nominal if None.  The reference runs at its nominal supply.

    Returns
    -------
    float
        Ratio of energies [1].

    Notes
    -----
    Switching energy is C V², with the capacitance of a gate and its wires proportional to the
    feature size: constant-field scaling, stated as an assumption, since wires scale less.

    Examples
    --------
    >>> node_factor(65e-9, None, 65e-9)
    1.0
    """
    supply = voltage if voltage is not None else nominal_voltage(node)
    return node / reference * (supply / nominal_voltage(reference)) ** 2


def width_factor(bits: float, reference: float, law: str) -> float:
    """Return the energy at a width relative to a reference: linear, or quadratic for multipliers."""
    ratio = bits / reference
    return ratio * ratio if law == "quadratic" else ratio


def capacity_exponent(points: Sequence[tuple[float, float]]) -> float:
    """Fit energy ~ capacity^x to points of (capacity, energy) by least squares of logarithms.

    Examples
    --------
    >>> round(capacity_exponent([(8, 10.0), (32, 20.0), (1024, 100.0)]), 2)
    0.47
    """
    logs = [(math.log(c), math.log(e)) for c, e in points]
    mean_c = sum(c for c, _ in logs) / len(logs)
    mean_e = sum(e for _, e in logs) / len(logs)
    spread = sum((c - mean_c) ** 2 for c, _ in logs)
    return sum((c - mean_c) * (e - mean_e) for c, e in logs) / spread if spread else 0.0


def area_factor(node: float, reference: float) -> float:
    """Return the area at a node relative to a reference: the square of the feature size."""
    return (node / reference) ** 2
