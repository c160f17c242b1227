"""Scaling laws: from the conditions of a published value to those of a chip.

Every law is one documented function.  Energies grow with capacitance times voltage squared;
the laws say how the capacitance changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from onewatt.errors import InputError
from onewatt.spec.types import Bits, Metres, Volts

#: Supply assumed where neither the source nor the chip states one [V] by node [m].
NOMINAL_VOLTAGE: tuple[tuple[float, float], ...] = (
    (180e-9, 1.8), (130e-9, 1.2), (90e-9, 1.1), (65e-9, 1.0), (45e-9, 0.9), (28e-9, 0.9),
    (22e-9, 0.8), (14e-9, 0.8), (7e-9, 0.7),
)  # fmt: skip

#: Exponents of the gate capacitance in the node: low end, value, high end of the assumption.
CAPACITANCE_EXPONENTS = (0.7, 1.0, 1.3)


class Band(NamedTuple):
    """A factor with its low and high end [1]."""

    low: float
    value: float
    high: float


def nominal_voltage(node: Metres) -> Volts:
    """Return the supply assumed for a node [V], linear between the nodes of `NOMINAL_VOLTAGE`.

    Parameters
    ----------
    node : float
        Feature size [m].

    Notes
    -----
    An assumption, not a published table: 1.0 V at 65 nm is the supply at which the Eyeriss chip was
    measured [1]_ and 0.9 V at 45 nm that of the 45 nm values used here [2]_.

    References
    ----------
    .. [1] jssc17, Table V.
    .. [2] horowitz14.

    Examples
    --------
    >>> nominal_voltage(65e-9)
    1.0
    >>> nominal_voltage(32e-9)
    0.9
    """
    if not (math.isfinite(node) and node > 0):
        raise InputError(f"found technology node {node!r} m; expected more than 0, such as '65 nm'")
    upper = NOMINAL_VOLTAGE[0]
    for lower in NOMINAL_VOLTAGE:
        if node >= lower[0]:
            if lower is upper:
                return upper[1]
            share = (node - lower[0]) / (upper[0] - lower[0])
            return lower[1] + share * (upper[1] - lower[1])
        upper = lower
    return NOMINAL_VOLTAGE[-1][1]


def voltage_factor(source: Volts, target: Volts) -> float:
    """Return how energy changes with the supply [1]: its square, E = C V².

    Examples
    --------
    >>> voltage_factor(0.9, 1.8)
    4.0
    """
    return (target / source) ** 2


def node_factor(source: Metres, target: Metres) -> Band:
    """Return how the switched capacitance of gates and cells changes with the node [1].

    Parameters
    ----------
    source, target : float
        Feature sizes [m].

    Notes
    -----
    C ~ L: with every dimension shrunk by one factor, capacitance shrinks by that factor
    (constant-field scaling).  Real processes do better or worse, so the band assumes
    L^0.7 to L^1.3.  An assumption of onewatt; wires do not follow it (`length_factor`).

    Examples
    --------
    >>> node_factor(65e-9, 65e-9)
    Band(low=1.0, value=1.0, high=1.0)
    >>> round(node_factor(65e-9, 32.5e-9).value, 3)
    0.5
    """
    ratio = target / source
    low, value, high = (ratio**e for e in CAPACITANCE_EXPONENTS)
    return Band(min(low, high), value, max(low, high))


def linear_width(source: Bits, target: Bits) -> float:
    """Return how adders, registers, wires and memory rows change with their width [1]: linearly.

    Examples
    --------
    >>> linear_width(8, 16)
    2.0
    """
    return target / source


def quadratic_width(source: Bits, target: Bits) -> float:
    """Return how a multiplier changes with the width of its operands [1]: with the square.

    Notes
    -----
    An array multiplier of b by b bits has b² cells.  The published pair of 8 and 32 bits
    (0.2 and 3.1 pJ) [1]_ has the exponent 1.98.

    References
    ----------
    .. [1] horowitz14.

    Examples
    --------
    >>> quadratic_width(8, 32)
    16.0
    """
    return (target / source) ** 2


def capacity_factor(source: Bits, target: Bits, exponent: float) -> float:
    """Return how the energy of one access changes with the capacity of a memory [1].

    Notes
    -----
    A power law, since bit and word lines grow with the side of the array: the exponent of a square
    array is 0.5.  The library fits it to its own reference points with `power_law`.

    Examples
    --------
    >>> capacity_factor(100, 400, 0.5)
    2.0
    """
    return (target / source) ** exponent


def length_factor(source: Metres, target: Metres) -> float:
    """Return how the energy of a wire changes with its length [1]: linearly.

    Examples
    --------
    >>> round(length_factor(1e-3, 2e-3), 9)
    2.0
    """
    return target / source


def area_factor(source: Metres, target: Metres) -> float:
    """Return how areas change with the node [1]: with the square of the feature size.

    Examples
    --------
    >>> round(area_factor(65e-9, 32.5e-9), 6)
    0.25
    """
    return (target / source) ** 2


def power_law(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Fit y = a·x^b to points by least squares of the logarithms.

    Parameters
    ----------
    points : sequence of (float, float)
        At least two points with different, positive x and positive y.

    Returns
    -------
    tuple of (float, float)
        The coefficient a and the exponent b.

    Raises
    ------
    InputError
        If the points do not determine a power law.

    Examples
    --------
    >>> a, b = power_law([(1.0, 3.0), (4.0, 6.0), (16.0, 12.0)])
    >>> round(a, 9), round(b, 9)
    (3.0, 0.5)
    """
    if any(x <= 0 or y <= 0 for x, y in points) or len({x for x, _ in points}) < 2:
        raise InputError(
            f"found points {list(points)!r}; expected two or more positive ones with different x"
        )
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    exponent = sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread
    return math.exp(mean_y - exponent * mean_x), exponent


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean: the middle of values that differ by factors.

    Examples
    --------
    >>> round(geometric_mean([1.0, 100.0]), 9)
    10.0
    """
    if any(v == 0 for v in values):
        return 0.0
    return math.exp(sum(map(math.log, values)) / len(values))
