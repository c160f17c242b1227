"""The ledger: what happened, how often, and what it cost; every figure is a group-by on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from typing import Literal

from onewatt.spec.types import Joules, Noun

LedgerAction = Literal[
    "read", "fill", "update", "drain", "hop", "compute", "gated", "skipped",
    "metadata", "leak", "clock", "idle", "launch",
]  # fmt: skip


class Entry(Noun):
    """One line of the ledger, for all runs of a layer and all instances of a component.

    `count` is in words (or operations, cycles) [1]; `accesses` is what the energy is paid for.
    """

    einsum: str
    component: str
    tensor: str
    action: LedgerAction
    count: float
    energy: Joules
    energy_low: Joules
    energy_high: Joules
    bits: float = 0.0


class Busy(Noun):
    """The cycles a component is busy with a layer, all runs together.

    Components that overlap (double buffering) run beside each other; the others add up.  One may
    have a row of each kind: part of its work done beside the others, part while they wait.
    """

    einsum: str
    component: str
    cycles: float
    overlaps: bool = True


def busy_cycles(rows: Iterable[Busy]) -> dict[str, float]:
    """Return the cycles that each component is busy, by name.

    Examples
    --------
    >>> rows = [Busy(einsum="a", component="DRAM", cycles=3, overlaps=on) for on in (True, False)]
    >>> busy_cycles(rows)
    {'DRAM': 6.0}
    """
    total: dict[str, float] = {}
    for row in rows:
        total[row.component] = total.get(row.component, 0.0) + row.cycles
    return total


class Cost(Noun):
    """A ledger of entries and busy times; ``+`` is concatenation."""

    entries: tuple[Entry, ...] = ()
    busy: tuple[Busy, ...] = ()

    def __add__(self, other: Cost) -> Cost:
        """Concatenate two ledgers."""
        return Cost(entries=self.entries + other.entries, busy=self.busy + other.busy)

    @property
    def energy(self) -> float:
        """Total energy [J]."""
        return math.fsum(e.energy for e in self.entries)

    @property
    def energy_low(self) -> float:
        """Total energy if every action cost the low end of its band [J]."""
        return math.fsum(e.energy_low for e in self.entries)

    @property
    def energy_high(self) -> float:
        """Total energy if every action cost the high end of its band [J]."""
        return math.fsum(e.energy_high for e in self.entries)

    def energy_by(self, key: Callable[[Entry], Hashable]) -> dict[Hashable, float]:
        """Return the energy grouped by any key of the entries [J].

        Examples
        --------
        >>> entry = Entry(einsum="a", component="GLB", tensor="Inputs", action="read", count=3,
        ...               energy=3e-12, energy_low=2e-12, energy_high=4e-12)
        >>> Cost(entries=(entry, entry)).energy_by(lambda e: e.component)
        {'GLB': 6e-12}
        """
        groups: dict[Hashable, list[float]] = {}
        for entry in self.entries:
            groups.setdefault(key(entry), []).append(entry.energy)
        return {k: math.fsum(v) for k, v in groups.items()}

    def count_by(self, key: Callable[[Entry], Hashable]) -> dict[Hashable, float]:
        """Return the counts grouped by any key of the entries [1]."""
        groups: dict[Hashable, float] = {}
        for entry in self.entries:
            groups[key(entry)] = groups.get(key(entry), 0) + entry.count
        return groups

    def cycles(self, einsum: str) -> float:
        """Return the cycles of one layer, all its runs together."""
        mine = [b for b in self.busy if b.einsum == einsum]
        together = max((b.cycles for b in mine if b.overlaps), default=0.0)
        return together + sum(b.cycles for b in mine if not b.overlaps)

    def cycles_by_einsum(self) -> dict[str, float]:
        """Return the cycles of every layer, all its runs together."""
        rows: dict[str, list[Busy]] = {}
        for busy in self.busy:
            rows.setdefault(busy.einsum, []).append(busy)
        return {name: Cost(busy=tuple(mine)).cycles(name) for name, mine in rows.items()}

    def bottleneck(self, einsum: str) -> str:
        """Return the component that is busiest with a layer; compute wins a tie."""
        mine = busy_cycles(b for b in self.busy if b.einsum == einsum)
        if not any(mine.values()):
            return "compute"  # fused work: nothing but arithmetic on another layer's path
        most = max(mine.values())
        tied = [name for name, cycles in mine.items() if cycles == most]
        return "compute" if "compute" in tied else tied[0]
