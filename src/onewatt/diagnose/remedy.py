"""Remedies: single changes that would lift a missed limit."""

from __future__ import annotations

import math
from collections.abc import Callable

from onewatt.spec.types import Noun
from onewatt.units import DIMENSIONS, Rounding, format_quantity, rounded, typeset

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


def say(value: float, unit: str, rounding: Rounding = "nearest") -> str:
    """Write a value in words; one that shall be enough as it is told is rounded up or down.

    Examples
    --------
    >>> say(0.0123, "J"), say(3.25, "J s"), say(509.07e6, "Hz", "up")
    ('12.3 mJ', '3.25 J s', '510 MHz')
    """
    if unit not in DIMENSIONS:
        return f"{value:.3g} {unit}"
    return typeset(format_quantity(value, unit, 3, rounding))


def three(value: float, rounding: Rounding) -> str:
    """Write three digits of a value above 0, rounded up or down.

    Examples
    --------
    >>> three(1.33771, "up"), three(42.68, "down"), three(43.0, "up")
    ('1.34', '42.6', '43')
    """
    return f"{rounded(value, 2 - math.floor(math.log10(value)), rounding):g}"


def times(factor: float) -> str:
    """Write a factor, rounded up: less than what is told would not do.

    Examples
    --------
    >>> times(2.345), times(160.2), times(1.0041), times(1.5)
    ('2.35x', '161x', '1.005x', '1.5x')
    """
    decimals = 3 if factor < 1.1 else max(0, 2 - math.floor(math.log10(factor)))
    enough = rounded(factor, decimals, "up")
    if enough < 1.1:
        return f"{enough:.3f}x"
    return f"{enough:.3g}x" if enough < 1000 else f"{enough:.0f}x"


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
