"""Remedies: single changes that would lift a missed limit."""

from __future__ import annotations

import math
from collections.abc import Callable

from onewatt.spec.types import Noun
from onewatt.units import DIMENSIONS, format_quantity

#: The largest factor that is looked through.
_MOST = 1e6


class Remedy(Noun):
    """A single change that would lift a missed limit, or how little it would help.

    `place` names what changes (a level and tensor, layers, a component, the clock, the mapping) and
    `change` says how in words.  `factor` is by how much it must shrink or grow [1]; None where no
    amount is enough or none is known.  `enough` says whether the change alone meets the limit; None
    if only a new search can tell.
    """

    place: str
    change: str
    factor: float | None
    enough: bool | None


def say(value: float, unit: str) -> str:
    """Write a value in words; units are as a file or an option writes them.

    Examples
    --------
    >>> say(0.0123, "J"), say(3.25, "J s")
    ('12.3 mJ', '3.25 J s')
    """
    return format_quantity(value, unit, 3) if unit in DIMENSIONS else f"{value:.3g} {unit}"


def times(factor: float) -> str:
    """Write a factor.

    Examples
    --------
    >>> times(2.345), times(160.2), times(1.0049)
    ('2.35x', '160x', '1.005x')
    """
    if factor < 1.1:
        return f"{factor:.3f}x"
    return f"{factor:.3g}x" if factor < 1000 else f"{factor:.0f}x"


def listed(names: list[str], most: int = 3) -> str:
    """Write names, the first few and how many more.

    Examples
    --------
    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 more')
    """
    if len(names) > most + 1:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def shrunk(place: str, mine: float, whole: float, over: float, need: float, unit: str) -> Remedy:
    """Say by how much one summand must shrink, or what is left without it.

    Parameters
    ----------
    place : str
        Whose summand it is.
    mine, whole : float
        The summand and the sum, in `unit`.
    over, need : float
        How much the sum is too large, and what it may be, in `unit`.
    unit : str
        As a file writes it.

    Examples
    --------
    >>> shrunk("GLB", 3.0, 4.0, 1.0, 3.0, "J").change
    'GLB is 3.00 J of 4.00 J; 1.5x less would do'
    >>> shrunk("MAC", 1.0, 4.0, 2.0, 2.0, "J").change
    'MAC is 1.00 J of 4.00 J; even without it the rest is 1.5x too much'
    """
    is_of = f"{place} is {say(mine, unit)} of {say(whole, unit)}"
    if mine > over:
        factor = mine / (mine - over)
        text = f"{is_of}; {times(factor)} less would do"
        return Remedy(place=place, change=text, factor=factor, enough=True)
    text = f"{is_of}; even without it the rest is {times((whole - mine) / need)} too much"
    return Remedy(place=place, change=text, factor=None, enough=False)


def least_factor(enough: Callable[[float], bool], close: float) -> float:
    """Return the least factor above 1 that is enough, by bisection of its logarithm.

    Parameters
    ----------
    enough : callable
        Says whether a factor is enough; every larger one must be enough too.
    close : float
        By how much the answer may be too large, as a share of it [1].

    Returns
    -------
    float
        A factor that is enough, unless none up to a million is.

    Examples
    --------
    >>> f"{least_factor(lambda factor: factor >= 10, 1e-6):.4f}"
    '10.0000'
    """
    low, high = 1.0, 2.0
    while not enough(high) and high < _MOST:
        low, high = high, 2 * high
    while high / low > 1 + close:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
