"""Numbers as words: the same rounding and units in every report."""

from __future__ import annotations

import math

from onewatt.spec.budget import Verdict
from onewatt.spec.result import Bound, Result
from onewatt.spec.workload import Unpriced
from onewatt.units import DIMENSIONS, format_quantity, typeset

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def quantity(value: float | None, unit: str) -> str:
    """Write an SI value with three digits; what is not known is a dash.

    Examples
    --------
    >>> quantity(0.0123, "J"), quantity(2.5e-7, "J s"), quantity(None, "m2")
    ('12.3 mJ', '2.5e-07 J s', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit not in DIMENSIONS:
        return f"{value:.3g} {unit}"
    return typeset(format_quantity(value, unit, digits=3))


def band(value: float, low: float, high: float, unit: str) -> str:
    """Write a value with its band in one unit.

    Examples
    --------
    >>> band(0.0123, 0.0081, 0.019, "J")
    '12.3 mJ (8.1 to 19)'
    """
    shown = quantity(value, unit)
    factor = DIMENSIONS[unit].table[shown.split()[-1]]
    if low == value == high:
        return shown
    return f"{shown} ({plain(low / factor)} to {plain(high / factor)})"


def plain(value: float) -> str:
    """Write a number with three digits and no exponent where it stays readable.

    Examples
    --------
    >>> plain(19.04), plain(1234.5), plain(0.5)
    ('19', '1234', '0.5')
    """
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e" in text and 1 <= abs(value) < 1e7 else text


def large(value: float) -> str:
    """Write a large count with a decimal prefix.

    Examples
    --------
    >>> large(724406816), large(12), large(1500)
    ('724 M', '12', '1.5 k')
    """
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """Write a share as a percentage; a small one is not rounded to nothing.

    Examples
    --------
    >>> percent(0.63), percent(0.0004), percent(0.0)
    ('63 %', '< 0.1 %', '0 %')
    """
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def gap(ratio: float | None) -> str:
    """Write how far a value is above its lower bound.

    Examples
    --------
    >>> gap(1.254), gap(None)
    ('1.25x', '–')
    """
    return "–" if ratio is None else f"{plain(ratio)}x"


def above(undercut: float) -> str:
    """Write how far above the optimum a value may be that this share at most could undercut.

    Examples
    --------
    >>> above(0.2), above(1.0)
    ('at most 25 % above the optimum', 'by how much is not known')
    """
    if undercut >= 1:
        return "by how much is not known"
    return f"at most {percent(undercut / (1 - undercut))} above the optimum"


def bound(value: Bound) -> str:
    """Write a lower bound and what it is made of; a bound of nothing is a dash.

    Examples
    --------
    >>> bound(Bound(value=0.002, unit="J", compulsory=0.0015))
    '2.00 mJ (1.50 mJ compulsory, rest memory sizes)'
    >>> bound(Bound(value=0.002, unit="J", compulsory=0.002)), bound(Bound(value=0.002, unit="J"))
    ('2.00 mJ (all compulsory)', '2.00 mJ')
    """
    if value.value <= 0:
        return "–"
    shown = quantity(value.value, value.unit)
    if value.compulsory is None:
        return shown
    part = quantity(value.compulsory, value.unit)
    if part == shown:
        return f"{shown} (all compulsory)"
    return f"{shown} ({part} compulsory, rest memory sizes)"


def objective(result: Result) -> str:
    """Write what was minimised, and within what latency if that was limited."""
    if result.within is None:
        return result.objective
    return f"{result.objective} within {typeset(format_quantity(result.within, 's'))}"


def verdict(row: Verdict) -> str:
    """Write a limit, what was reached and the margin.

    Examples
    --------
    >>> verdict(Verdict(kind="power", unit="W", asked=1.0, reached=0.25, met=True))
    'power met: 250 mW of at most 1.00 W (75 % to spare)'
    >>> verdict(Verdict(kind="rate", unit="Hz", asked=30.0, reached=10.0, met=False))
    'rate MISSED: 10.0 Hz of at least 30.0 Hz (3x too low)'
    """
    word = "met" if row.met else "MISSED"
    limit = "at least" if row.kind == "rate" else "at most"
    reached, asked = quantity(row.reached, row.unit), quantity(row.asked, row.unit)
    return f"{row.kind} {word}: {reached} of {limit} {asked} ({margin(row)})"


def margin(row: Verdict) -> str:
    """Write how far a limit is met or missed."""
    floor = row.kind == "rate"
    if not math.isfinite(row.reached):
        return "nothing to wait for"
    if row.met:
        if floor and row.reached >= 2 * row.asked:
            return f"{plain(row.reached / row.asked)}x of it"
        spare = row.reached / row.asked - 1 if floor else 1 - row.reached / row.asked
        return f"{percent(spare)} to spare"
    if not row.reached:
        return "nothing is reached"
    ratio = row.asked / row.reached if floor else row.reached / row.asked
    by = f"{plain(ratio)}x" if ratio >= 1.1 else percent(ratio - 1)
    return f"{by} too {'low' if floor else 'high'}"


def shapes(row: Unpriced) -> str:
    """Write the operands of an operator without a price."""
    return ", ".join(f"{s.name} {'x'.join(map(str, s.shape)) or 'scalar'}" for s in row.shapes)
