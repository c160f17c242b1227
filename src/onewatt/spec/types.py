"""Everyday types with a name: what a float means and which unit a file writes."""

from __future__ import annotations

from typing import Annotated, NamedTuple, dataclass_transform

import msgspec


class Unit(NamedTuple):
    """Marks a float field as a quantity; files write it with a unit of this dimension."""

    name: str


Joules = Annotated[float, Unit("J")]
Watts = Annotated[float, Unit("W")]
Seconds = Annotated[float, Unit("s")]
Hertz = Annotated[float, Unit("Hz")]
SquareMetres = Annotated[float, Unit("m2")]
Metres = Annotated[float, Unit("m")]
Volts = Annotated[float, Unit("V")]
Bits = Annotated[int, Unit("bit")]
WordsPerCycle = Annotated[float, Unit("word/cycle")]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Noun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen, hashable record; change it with `msgspec.structs.replace`."""
