"""The component library as data: published values, each with its conditions and its source."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

from onewatt.errors import InputError, unknown
from onewatt.spec.files import read_text
from onewatt.spec.types import Bits, Joules, Metres, Noun, SquareMetres, Volts

Rule = Literal["linear", "quadratic", "multiply_accumulate", "scalar", "memory", "wire", "off_chip"]


class Reference(Noun):
    """One published value: the energy of one access or operation of `bits`, and its conditions.

    `energy` is a read or an operation, `write` a write where the source tells them apart.
    """

    source: str
    energy: Joules
    bits: Bits
    write: Joules | None = None
    node: Metres | None = None
    voltage: Volts | None = None
    accumulate: Bits | None = None
    capacity: Bits | None = None
    length: Metres | None = None
    area: SquareMetres | None = None

    @property
    def key(self) -> str:
        """The key of the source in the bibliography."""
        return self.source.split(",")[0]


class ComponentClass(Noun):
    """A kind of component: how its energy scales, and what is published about it."""

    name: str
    title: str
    rule: Rule
    references: tuple[Reference, ...] = ()
    note: str = ""


class Shelf(Noun):
    """One data file of the library."""

    classes: tuple[ComponentClass, ...]


@cache
def classes() -> dict[str, ComponentClass]:
    """Return the whole library by class name.

    Examples
    --------
    >>> sorted(classes())[:4]
    ['adder', 'alu', 'dram', 'dram_ddr3']
    """
    folder = files("onewatt.components") / "data"
    found: dict[str, ComponentClass] = {}
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name.endswith(".yaml"):
            text = path.read_text(encoding="utf-8")
            for entry in read_text(text, Shelf, "components", name=path.name).classes:
                found[entry.name] = entry
    return found


def component_class(name: str, where: str = "component library") -> ComponentClass:
    """Return a class of the library by name.

    Raises
    ------
    InputError
        If there is none of that name, with the nearest one.
    """
    known = classes()
    if name not in known:
        raise InputError(f"{where}: {unknown('component class', name, known)}")
    return known[name]
