"""Prices: what one action of one component costs, with its band and its source."""

from __future__ import annotations

from typing import NamedTuple

from onewatt.errors import InputError
from onewatt.spec.types import Joules, Noun, SquareMetres


class Price(Noun):
    """The energy of one access (or operation, hop, cycle) of one instance, and where it is from.

    An access of a memory moves `block` words at once.
    """

    component: str
    action: str
    energy: Joules
    low: Joules
    high: Joules
    source: str


class Uncertain(NamedTuple):
    """What one price adds to an energy [J], its band, and the source of error it moves with."""

    key: str
    energy: float
    low: float
    high: float


#: What the energy of a result is made of.
Spread = tuple[Uncertain, ...]


class ComponentArea(Noun):
    """The area of all instances of a component, and where it is from."""

    component: str
    area: SquareMetres
    source: str


class Prices(Noun):
    """The price list of a chip."""

    prices: tuple[Price, ...]
    areas: tuple[ComponentArea, ...] = ()

    def find(self, component: str, action: str) -> Price:
        """Return the price of one action; an error if the list has none."""
        for price in self.prices:
            if price.component == component and price.action == action:
                return price
        raise InputError(f"no energy for action {action!r} of {component!r}")

    def get(self, component: str, action: str) -> Price | None:
        """Return the price of one action, or None."""
        found = (p for p in self.prices if (p.component, p.action) == (component, action))
        return next(found, None)

    @property
    def area(self) -> float:
        """Area of all components [m²]."""
        return sum(a.area for a in self.areas)
