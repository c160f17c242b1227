"""Remedies: single changes that would lift a missed limit."""

from __future__ import annotations

from onewatt.spec.types import Noun
from onewatt.units import DIMENSIONS, format_quantity


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
