"""Names of chips that points of a front take away, so that two of them can be told apart."""

from __future__ import annotations

import re

from msgspec.structs import replace

from onewatt.spec.architecture import ActionEnergy, Architecture, Container
from onewatt.spec.front import Point

_LONGEST = 60


def named_chip(chip: Architecture, study: str, number: int, point: Point) -> Architecture:
    """Return the chip of a point under a name of its own, with what was chosen as its source.

    Parameters
    ----------
    chip : Architecture
        The chip of the point, which still bears the name of the one that it was made from.
    study : str
        The name of the study.
    number : int
        The number of the point.
    point : Point
        What was chosen.

    Returns
    -------
    Architecture
        The same chip otherwise.  A price without a source gets the old chip as its source, so that
        chips made from one chip still share the error of what it states.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> point = Point(knobs=(("chip.GLB.capacity", "54 KiB"),))
    >>> chip = named_chip(load_chip("eyeriss"), "buffer size", 3, point)
    >>> chip.name, chip.title
    ('buffer_size_3', 'Eyeriss (JSSC 2017), 168 PEs, 65 nm, point 3 of buffer size')
    >>> chip.source.partition(";")[0]
    'point 3 of study buffer size: chip.GLB.capacity 54 KiB'
    """
    chosen = ", ".join(f"{k} {v}" for k, v in point.knobs)
    before = f"; made from chip {chip.name}" + (f" ({chip.source})" if chip.source else "")
    nodes = tuple(
        n if isinstance(n, Container) else replace(n, energy=_sourced(chip, n.name, n.energy))
        for n in chip.nodes
    )
    upkeep = replace(chip.upkeep, energy=_sourced(chip, "chip", chip.upkeep.energy))
    return replace(
        chip, name=identifier(study, number), nodes=nodes, upkeep=upkeep,
        title=_line(f"{chip.title or chip.name}, point {number} of {study}"),
        source=_line(f"point {number} of study {study}: {chosen}{before}"),
    )  # fmt: skip


def identifier(study: str, number: int) -> str:
    """Return a name for a point that is one word in a file, a command and a program.

    Examples
    --------
    >>> identifier("same area", 12), identifier("4 mm²: 層", 0), identifier("!", 7)
    ('same_area_12', 'study_4_mm_0', 'study_7')
    """
    word = re.sub(r"[^A-Za-z0-9]+", "_", study).strip("_")[:_LONGEST].rstrip("_")
    if not word or word[0].isdigit():
        word = f"study_{word}".rstrip("_")
    return f"{word}_{number}"


def _sourced(
    chip: Architecture, place: str, own: tuple[ActionEnergy, ...]
) -> tuple[ActionEnergy, ...]:
    return tuple(
        e if e.source else replace(e, source=f"chip {chip.name}, {place} {e.action}") for e in own
    )


def _line(text: str) -> str:
    """Return a text as one line of what can be printed."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
