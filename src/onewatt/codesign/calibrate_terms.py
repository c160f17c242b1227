"""Terms: the joules and seconds of a chip's parts in measured rows, before any factor is fitted.

A *part* is a node of the chip, ``idle`` (what passes whatever happens) or ``launch`` (starting a
layer).  Energy is the sum of the parts; a layer takes as long as its busiest part that overlaps,
and then the parts that do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from onewatt.codesign.calibrate_fit import Floats, Model
from onewatt.components.library import CHIP, LAUNCH
from onewatt.components.library import prices as price_list
from onewatt.model.evaluate import evaluate
from onewatt.model.launch import without_launch
from onewatt.model.ledger import standing_energy
from onewatt.model.parts import STANDING
from onewatt.spec.architecture import Architecture, Container
from onewatt.spec.result import Result

IDLE = "idle"
#: The coefficient of everything without one of its own: of energy, and of time.
SCALE, CLOCK = "scale", "clock"
COMPUTE = "compute"

Blocks = tuple[tuple[str, ...], ...]


class RowTerms(NamedTuple):
    """One row on a chip: energies of parts [J], launches, and each layer's times [s].

    A layer's times are those of the parts that overlap, and of those that do not.
    """

    energy: dict[str, float]
    launches: int
    layers: tuple[tuple[dict[str, float], dict[str, float]], ...]


def row_terms(result: Result, chip: Architecture) -> RowTerms:
    """Return the terms of a result's mappings at the prices and rates of a chip.

    Parameters
    ----------
    result : Result
        What was found, on a chip with the same nodes.
    chip : Architecture
        The chip whose energies and rates the factors will multiply; its launch is left out.
    """
    bare = without_launch(chip)
    prices = price_list(bare)
    energy: dict[str, float] = {}
    launches = 0
    layers: list[tuple[dict[str, float], dict[str, float]]] = []
    for einsum, layer in zip(result.workload.einsums, result.layers, strict=True):
        cost = evaluate(einsum, bare, layer.mapping, prices=prices)
        for entry in cost.entries:
            if entry.action not in STANDING:
                energy[entry.component] = energy.get(entry.component, 0.0) + entry.energy
        launches += 0 if einsum.fused else einsum.count
        beside = {b.component: b.cycles / bare.clock for b in cost.busy if b.overlaps}
        after = {b.component: b.cycles / bare.clock for b in cost.busy if not b.overlaps}
        if beside or after:
            layers.append((beside, after))
    return RowTerms(energy, launches, tuple(layers))


def standing_power(chip: Architecture) -> float:
    """Return what a chip burns whatever happens [W]."""
    return standing_energy(chip, price_list(chip)) * chip.clock


def energy_parts(chip: Architecture, rows: Sequence[RowTerms]) -> list[str]:
    """Return the parts that spend energy in some row, in the order of the chip."""
    spent = {name for row in rows for name, e in row.energy.items() if e > 0}
    return [n.name for n in chip.nodes if not isinstance(n, Container) and n.name in spent]


def latency_parts(chip: Architecture, rows: Sequence[RowTerms]) -> list[str]:
    """Return the parts that take time in some row: compute, then in the order of the chip."""
    used = {n for row in rows for layer in row.layers for part in layer for n in part if part[n]}
    names = [COMPUTE, *(n.name for n in chip.nodes if not isinstance(n, Container))]
    return [n for n in names if n in used]


class Design(NamedTuple):
    """What is fitted: parts, which of them have a value on the chip, and the rows' terms.

    `apart` are those that may get a coefficient of their own unasked: networks keep their energy
    beside the rest, and the ports on the chip their pace beside the clock.  `relative` parts are
    multiples of what the chip states; the others are in W, J or s.  Row i of
    `beside` and `after` is a layer, of row `owner[i]`.
    """

    parts: tuple[str, ...]
    apart: tuple[str, ...]
    relative: frozenset[str]
    spreads: dict[str, float]
    beside: Floats
    after: Floats
    owner: np.ndarray[tuple[int], np.dtype[np.int64]]

    def model(self, blocks: Blocks, rows: Iterable[int] | None = None) -> Model:
        """Return the predictions of rows as a function of one coefficient a block."""
        count = int(self.owner.max()) + 1
        keep = list(range(count) if rows is None else rows)
        tied = np.array([[float(p in b) for b in blocks] for p in self.parts])
        place = np.full(count, -1)
        place[keep] = np.arange(len(keep))
        mine = place[self.owner] >= 0
        beside, after, owner = self.beside[mine], self.after[mine], place[self.owner[mine]]

        def predict(x: Floats) -> tuple[Floats, Floats]:
            times = tied @ x
            busiest = np.argmax(beside * times, axis=1)
            slopes = after.copy()
            lines = np.arange(len(beside))
            slopes[lines, busiest] += beside[lines, busiest]
            total = np.zeros((len(keep), len(self.parts)))
            np.add.at(total, owner, slopes)
            by_block = total @ tied
            return by_block @ x, by_block

        return predict


def energy_design(
    chip: Architecture, rows: Sequence[RowTerms], seconds: Sequence[float]
) -> Design:  # fmt: skip
    """Return the design of energies, of rows that take so many seconds on the calibrated chip."""
    power = standing_power(chip)
    names = [*energy_parts(chip, rows), IDLE, LAUNCH]
    own = chip.launch.energy
    table = np.array(
        [
            [*(row.energy.get(n, 0.0) for n in names[:-2]), s * (power or 1.0),
             row.launches * (own or 1.0)]
            for row, s in zip(rows, seconds, strict=True)
        ]
    )  # fmt: skip
    stated = {*names[:-2], *([IDLE] if power else []), *([LAUNCH] if own else [])}
    return Design(
        tuple(names), _apart(chip, names), frozenset(stated), _spreads(chip),
        np.zeros_like(table), table, np.arange(len(rows), dtype=np.int64),
    )  # fmt: skip


def latency_design(chip: Architecture, rows: Sequence[RowTerms]) -> Design:
    """Return the design of latencies: one line a layer."""
    names = [*latency_parts(chip, rows), LAUNCH]
    own = chip.launch.time
    beside, after, owner = list[list[float]](), list[list[float]](), list[int]()
    for i, row in enumerate(rows):
        for one, other in row.layers:
            beside.append([one.get(n, 0.0) for n in names])
            after.append([other.get(n, 0.0) for n in names])
            owner.append(i)
        beside.append([0.0] * len(names))
        after.append([0.0] * (len(names) - 1) + [row.launches * (own or 1.0)])
        owner.append(i)
    stated = {*names[:-1], *([LAUNCH] if own else [])}
    apart = tuple(n for n in names if n in (COMPUTE, chip.memories[0].name, LAUNCH))
    return Design(
        tuple(names),
        apart,
        frozenset(stated),
        {},
        np.array(beside),
        np.array(after),
        np.array(owner),
    )


def _apart(chip: Architecture, names: Sequence[str]) -> tuple[str, ...]:
    ways = {n.name for n in chip.networks}
    return tuple(n for n in names if n not in ways)


def _spreads(chip: Architecture) -> dict[str, float]:
    """Return how far the chip's own bands reach: a band is two standard deviations either way."""
    found: dict[str, list[float]] = {}
    for price in price_list(chip).prices:
        if price.energy > 0 and price.low > 0:
            name = IDLE if price.action in STANDING or price.component == CHIP else price.component
            found.setdefault(name, []).append(float(np.log(price.high / price.low)) / 4)
    return {name: max(spreads) for name, spreads in found.items()}
