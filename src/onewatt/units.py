"""Quantities with units: the only place where a prefix becomes a number.

Inside onewatt everything is SI (J, s, Hz, W, m², V, m) and capacities are in bits.  A file says
``108 KiB`` or ``0.96 pJ``; a bare number where a unit is needed is an error.  Conversions are exact
in decimals and rounded once, so that what is written reads back as the same number.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Literal, NamedTuple

from onewatt.errors import UnitError, nearest

_PREFIX = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3,
           "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}  # fmt: skip
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}


def _prefixed(unit: str, prefixes: str, scale: float = 1.0) -> dict[str, float]:
    names = [*prefixes.replace("u", "uµμ"), ""]
    return {p + unit: _PREFIX[p] * scale for p in names}


def _capacity() -> dict[str, float]:
    table = {p + u: f * s for u, s in (("B", 8.0), ("bit", 1.0)) for p, f in _BINARY.items()}
    table |= _prefixed("B", "kMG", 8.0) | _prefixed("bit", "kMG") | {"bits": 1.0, "b": 1.0}
    return table


class Dimension(NamedTuple):
    """A kind of quantity: its SI unit and every unit a file may use for it."""

    unit: str
    what: str
    table: dict[str, float]
    example: str


DIMENSIONS: dict[str, Dimension] = {
    d.unit: d
    for d in (
        Dimension(
            "J",
            "an energy",
            _prefixed("J", "fpnumk") | {"mWh": 3.6, "Wh": 3600.0, "kWh": 3.6e6},
            "0.96 pJ",
        ),
        Dimension("s", "a time", _prefixed("s", "pnum") | {"min": 60.0, "h": 3600.0}, "5 ms"),
        Dimension("W", "a power", _prefixed("W", "pnumk"), "30 mW"),
        Dimension(
            "Hz", "a frequency", _prefixed("Hz", "kMG") | {"fps": 1.0, "1/s": 1.0}, "200 MHz"
        ),
        Dimension(
            "m2",
            "an area",
            {"m2": 1.0, "cm2": 1e-4, "mm2": 1e-6, "um2": 1e-12, "µm2": 1e-12, "nm2": 1e-18}
            | {"m²": 1.0, "cm²": 1e-4, "mm²": 1e-6, "um²": 1e-12, "µm²": 1e-12},
            "12.25 mm2",
        ),
        Dimension("bit", "a capacity or width", _capacity(), "108 KiB"),
        Dimension("m", "a length", _prefixed("m", "num"), "65 nm"),
        Dimension("V", "a voltage", _prefixed("V", "m"), "1.0 V"),
        Dimension(
            "word/cycle",
            "a bandwidth",
            {"word/cycle": 1.0, "words/cycle": 1.0},
            "4 word/cycle",
        ),
        Dimension(
            "bit/s", "a data rate", {u + "/s": f for u, f in _capacity().items()}, "3.2 GB/s"
        ),
        Dimension("word", "a number of words", {"word": 1.0, "words": 1.0}, "224 word"),
    )
}

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*\Z", re.DOTALL)


def parse_quantity(text: object, unit: str) -> float:
    """Read a quantity such as ``"108 KiB"`` and return it in the SI unit asked for.

    Parameters
    ----------
    text : object
        What a file or an option says; only strings with a number and a unit are accepted.
    unit : str
        The SI unit wanted, a key of `DIMENSIONS`.

    Returns
    -------
    float
        The value in that unit.

    Raises
    ------
    UnitError
        If the unit is missing, unknown, or of another kind, or the number is not finite.

    Examples
    --------
    >>> parse_quantity("108 KiB", "bit") / 8
    110592.0
    >>> parse_quantity("200 MHz", "Hz")
    200000000.0
    """
    dimension = DIMENSIONS[unit]
    expected = f"expected {dimension.what} with its unit, such as {dimension.example!r}"
    if isinstance(text, bool) or not isinstance(text, str):
        hint = f"; write {text} with a unit" if isinstance(text, (int, float)) else ""
        raise UnitError(f"found {text!r}, {expected}{hint}")
    match = _NUMBER.match(text)
    if match is None:
        raise UnitError(f"found {text!r}, {expected}")
    number, found = float(match[1]), match[2]
    if not math.isfinite(number):
        raise UnitError(f"found {text!r}, which is not a finite number; {expected}")
    if not found:
        raise UnitError(f"found {text!r} without a unit, {expected}")
    if found not in dimension.table:
        others = [d.what for d in DIMENSIONS.values() if found in d.table]
        near = nearest(found, dimension.table)
        kind = f"unit {found!r}, which is {others[0]}" if others else f"unknown unit {found!r}"
        hint = f".{near} E{expected[1:]}" if near and not others else f"; {expected}"
        raise UnitError(f"found {text!r}: {kind}{hint}")
    value = float(Decimal(match[1]) * Decimal(repr(dimension.table[found]))) if number else 0.0
    if not math.isfinite(value):
        raise UnitError(f"found {text!r}, which is too large for a number; {expected}")
    return value


_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "J": ((1, "J"), (1e-3, "mJ"), (1e-6, "uJ"), (1e-9, "nJ"), (1e-12, "pJ"), (1e-15, "fJ")),
    "s": ((1, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"), (1e-12, "ps")),
    "W": ((1e3, "kW"), (1, "W"), (1e-3, "mW"), (1e-6, "uW"), (1e-9, "nW"), (1e-12, "pW")),
    "Hz": ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1, "Hz")),
    "m2": ((1, "m2"), (1e-6, "mm2"), (1e-12, "um2"), (1e-18, "nm2")),
    "bit": ((2.0**23, "MiB"), (2.0**13, "KiB"), (8, "B"), (1, "bit")),
    "m": ((1, "m"), (1e-3, "mm"), (1e-6, "um"), (1e-9, "nm")),
    "V": ((1, "V"), (1e-3, "mV")),
    "word/cycle": ((1, "word/cycle"),),
    "bit/s": ((8e9, "GB/s"), (8e6, "MB/s"), (8e3, "kB/s"), (1, "bit/s")),
    "word": ((1, "word"),),
}


#: How digits are cut: to the nearest, or to what is not below or not above the value.
Rounding = Literal["nearest", "up", "down"]


def format_quantity(
    value: float, unit: str, digits: int | None = None, rounding: Rounding = "nearest"
) -> str:
    """Write an SI value with a readable unit; without `digits` it parses back to the same value.

    Examples
    --------
    >>> format_quantity(9.6e-13, "J")
    '960 fJ'
    >>> format_quantity(884736, "bit")
    '108 KiB'
    >>> format_quantity(0.0321234, "J", digits=3)
    '32.1 mJ'
    >>> format_quantity(0.0321234, "J", digits=3, rounding="up")
    '32.2 mJ'
    """
    scales = _SCALES[unit]
    if digits is not None:
        least = 0.01 if unit == "m2" else 1 - 1e-9  # 0.26 mm2 reads better than 260000 um2
        factor, name = next((s for s in scales if abs(value) >= s[0] * least), scales[-1])
        if value == 0:
            factor, name = 1.0, unit
        return f"{_significant(value / factor, digits, rounding)} {name}"
    whole = (s for s in scales if unit != "bit" or value % s[0] == 0)
    factor, name = next((s for s in whole if abs(value) >= s[0]), scales[-1])
    exact = (Decimal(repr(value)) / Decimal(repr(factor))).normalize()
    return f"{exact:f} {name}" if abs(exact.adjusted()) < 16 else f"{exact} {name}"


def _significant(value: float, digits: int, rounding: Rounding) -> str:
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{rounded(value, decimals, rounding):.{decimals}f}"


def rounded(value: float, decimals: int, rounding: Rounding) -> float:
    """Return a value cut to some decimals; what differs only by the errors of floats is not moved.

    Examples
    --------
    >>> rounded(1.1148, 2, "up"), rounded(1.1148, 2, "down"), rounded(1.5 + 1e-15, 1, "up")
    (1.12, 1.11, 1.5)
    """
    if rounding == "nearest":
        return value
    many, slack = value * 10.0**decimals, 1e-9 * abs(value) * 10.0**decimals
    whole = math.ceil(many - slack) if rounding == "up" else math.floor(many + slack)
    return whole / 10.0**decimals


_TYPED = re.compile(r"(?<=\d )(?:u(?:J|s|W|m2?)|[mc]?m2)\b")


def typeset(text: str) -> str:
    """Write the units of quantities in a text as a report does; files and options read both.

    Examples
    --------
    >>> typeset("area: 9.5 mm2, 50 uJ within 12 us")
    'area: 9.5 mm², 50 µJ within 12 µs'
    """
    return _TYPED.sub(lambda unit: unit[0].replace("u", "µ").replace("2", "²"), text)
