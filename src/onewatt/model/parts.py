"""Parts: what a line of the ledger is paid for, a tensor, arithmetic or upkeep."""

from __future__ import annotations

import math

from onewatt.spec.architecture import Architecture
from onewatt.spec.cost import Cost, Entry, LedgerAction

#: Actions that are paid as long as a chip stands, and all that belong to no tensor.
STANDING: tuple[LedgerAction, ...] = ("leak", "clock", "idle")
TENSORLESS = (*STANDING, "launch")
#: What a line of the ledger is for, apart from the name of a tensor.
UPKEEP, ARITHMETIC = "upkeep", "arithmetic"

Cell = tuple[str, str]


def part(architecture: Architecture, entry: Entry) -> str:
    """Return what a line is paid for: a tensor, arithmetic, or upkeep.

    Further operands of vector work (``Inputs2``) count as ``Inputs``.
    """
    if entry.action in TENSORLESS or not entry.tensor:
        return UPKEEP
    arithmetic = {c.name for c in architecture.computes}
    return ARITHMETIC if entry.component in arithmetic else entry.tensor.rstrip("0123456789")


def energy_by_part(architecture: Architecture, cost: Cost) -> dict[Cell, float]:
    """Return the energy [J] of a ledger by component and by what it is spent on."""
    groups: dict[Cell, list[float]] = {}
    for entry in cost.entries:
        groups.setdefault((entry.component, part(architecture, entry)), []).append(entry.energy)
    return {key: math.fsum(energies) for key, energies in groups.items()}
