"""Budgets: joules, watts, seconds, areas and bytes that a result must not exceed."""

from __future__ import annotations

from typing import Literal

from onewatt.errors import InputError, UnitError
from onewatt.spec.types import Noun
from onewatt.units import DIMENSIONS, parse_quantity

BudgetKind = Literal["power", "energy", "latency", "rate", "area", "capacity"]
_KINDS: dict[str, BudgetKind] = {
    "W": "power", "J": "energy", "s": "latency", "Hz": "rate", "m2": "area", "bit": "capacity",
}  # fmt: skip
_UNITS: dict[BudgetKind, str] = {kind: unit for unit, kind in _KINDS.items()}


class BudgetLimit(Noun):
    """One limit of a budget in SI units; a rate is a floor, everything else a ceiling."""

    kind: BudgetKind
    asked: float

    @property
    def unit(self) -> str:
        """The SI unit of the limit."""
        return _UNITS[self.kind]


class Verdict(Noun):
    """One limit of a budget beside what was reached."""

    kind: BudgetKind
    unit: str
    asked: float
    reached: float
    met: bool


class Budget(Noun):
    """Limits that must all hold."""

    limits: tuple[BudgetLimit, ...]

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read a budget such as ``"1 W, 30 fps"``.

        Examples
        --------
        >>> [(l.kind, l.asked) for l in Budget.parse("1 W, 30 fps").limits]
        [('power', 1.0), ('rate', 30.0)]
        """
        limits: list[BudgetLimit] = []
        for part in text.split(","):
            limit = _limit(part.strip(), text)
            if any(limit.kind == seen.kind for seen in limits):
                raise InputError(f"budget {text!r} limits the {limit.kind} twice")
            limits.append(limit)
        return cls(limits=tuple(limits))

    @property
    def rate(self) -> float | None:
        """Inferences per second asked for [1/s], if any."""
        return next((limit.asked for limit in self.limits if limit.kind == "rate"), None)


def _limit(part: str, text: str) -> BudgetLimit:
    for unit, kind in _KINDS.items():
        try:
            asked = parse_quantity(part, unit)
        except UnitError:
            continue
        if asked <= 0:
            raise InputError(f"budget {text!r}: {part!r} must be more than 0")
        return BudgetLimit(kind=kind, asked=asked)
    examples = ", ".join(f"{DIMENSIONS[u].example!r}" for u in _KINDS)
    raise UnitError(
        f"budget {text!r}: found {part!r}; expected quantities with units joined by commas, such "
        f"as '1 W, 30 fps' (a limit may be like {examples})"
    )
