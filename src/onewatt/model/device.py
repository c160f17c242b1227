"""Devices: average and peak power, hours of battery, and who spends what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from onewatt.errors import InputError
from onewatt.model.budget import on_chip_bits
from onewatt.model.ledger import standing_band
from onewatt.model.parts import STANDING, UPKEEP
from onewatt.model.schedule import Run, utilisation, worst_response
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget, BudgetLimit, Verdict
from onewatt.spec.device import Device, Fitted, Task
from onewatt.spec.price import Prices
from onewatt.spec.result import Result
from onewatt.spec.types import Noun
from onewatt.units import format_quantity, typeset

#: Response times this close to a deadline meet it: what rounding can make of periods [1].
_ROUNDING = 1e-9


class Spending(Noun):
    """What one level of a chip spends on one workload, or a chip at rest, or another part [W].

    Averages over the whole time, sleep included; together they are the power of the device.
    """

    kind: Literal["workload", "idle", "part", "asleep"]
    name: str
    chip: str
    level: str
    power: float
    low: float
    high: float


class TaskResult(Noun):
    """A workload on the device.

    `energy` [J] is of one inference, `latency` [s] of one run alone on its chip; `busy` is the
    share of its chip's waking time; `response` is the longest from the last input of a run to its
    end while the others use the chip too [s], infinite if the chip cannot keep up.
    """

    name: str
    chip: str
    rate: float
    energy: float
    latency: float
    busy: float
    response: float
    due: float
    power: float
    optimal: bool

    @property
    def met(self) -> bool:
        """Whether no run is late."""
        return self.response <= self.due * (1 + _ROUNDING)


class ChipResult(Noun):
    """A chip of the device: how busy all its workloads together keep it, and its power [W].

    `peak` is the average over the layer that draws most.  `area` [m2] is None if it is not known,
    `capacity` [bit] is that of all memories but the outermost.
    """

    name: str
    chip: str
    busy: float
    idle: float
    power: float
    peak: float
    area: float | None
    capacity: float

    @property
    def keeps_up(self) -> bool:
        """Whether the chip has the time for its workloads."""
        return self.busy <= 1 + _ROUNDING


class DeviceResult(Noun):
    """What a device draws, who spends it, how long its battery lasts, and what is late."""

    device: Device
    tasks: tuple[TaskResult, ...]
    chips: tuple[ChipResult, ...]
    spending: tuple[Spending, ...]
    peak: float
    tiles: str = ""
    budget: tuple[Verdict, ...] = ()

    @property
    def power(self) -> float:
        """Average power [W]."""
        return math.fsum(s.power for s in self.spending)

    @property
    def power_low(self) -> float:
        """Average power if every action cost the low end of its band [W]."""
        return math.fsum(s.low for s in self.spending)

    @property
    def power_high(self) -> float:
        """Average power if every action cost the high end of its band [W]."""
        return math.fsum(s.high for s in self.spending)

    @property
    def lasts(self) -> float | None:
        """How long the battery lasts [s], if there is one."""
        battery = self.device.battery
        if battery is None:
            return None
        return battery.energy * battery.usable / self.power if self.power else math.inf

    @property
    def problems(self) -> tuple[str, ...]:
        """What is too slow or does not last, in words; none if everything is kept."""
        said = [
            f"chip {c.name} has work for {100 * c.busy:.3g} % of its time: it cannot keep up"
            for c in self.chips
            if not c.keeps_up
        ]
        said += [
            f"{t.name} may take {1e3 * t.response:.3g} ms, {1e3 * t.due:.3g} ms are allowed"
            for t in self.tasks
            if not t.met and math.isfinite(t.response)
        ]
        battery, lasts = self.device.battery, self.lasts
        asked = battery.lasts if battery is not None else None
        if asked is not None and lasts is not None and lasts < asked:
            need = format_quantity(self.power * lasts / asked, "W", 3, "down")
            said.append(
                f"the battery lasts {lasts / 3600:.3g} h, {asked / 3600:.3g} h are asked: on "
                f"average at most {typeset(need)} may be drawn"
            )
        return tuple(said)

    @property
    def met(self) -> bool:
        """Whether everything is in time, lasts, and keeps within the budget."""
        return not self.problems and all(v.met for v in self.budget)


def add_up(
    device: Device,
    results: Mapping[str, Result],
    chips: Mapping[str, tuple[Architecture, Prices]],
    *,
    budget: Budget | None = None,
    tiles: str = "",
) -> DeviceResult:
    """Return what a device draws with its workloads as they were mapped.

    Parameters
    ----------
    device : Device
        Which workloads run how often on which chips, and what else is there.
    results : mapping of str to Result
        Of one batch of each workload, by the name it has in the device.
    chips : mapping of str to pair
        Architecture and price list of each chip, by its name in the device.
    budget : Budget or None
        Limits in watts (average), seconds (worst response), areas and bytes (all chips).
    tiles : str
        How the workloads were searched, to be told.

    Returns
    -------
    DeviceResult
        Powers are averages over the whole time [W].

    Raises
    ------
    InputError
        If a budget limits what a device has not.

    Notes
    -----
    A chip with workloads of energy E and latency T a batch, due every P, draws

        Σ a E / P + idle (1 - Σ a T / P)

    while the device is awake, where a is the share of time in which a workload is active.  E holds
    what the chip leaks, clocks and idles during T.  A chip that cannot keep up, Σ T / P > 1, is
    counted as one that never rests and does that share less of everything.
    """
    tasks = tuple(_task(device, t, results) for t in device.workloads)
    found = [_chip(device, c, results, chips[c.name]) for c in device.chips]
    spending = [row for _, rows in found for row in rows]
    for part in device.parts:
        spending.append(_row("part", part.name, "", "", device.awake * part.active * part.average))
    if device.awake < 1:
        spending.append(_row("asleep", "asleep", "", "", (1 - device.awake) * device.asleep))
    peak = math.fsum([c.peak for c, _ in found])
    peak += math.fsum(p.average if p.peak is None else p.peak for p in device.parts)
    result = DeviceResult(
        device=device, tasks=tasks, chips=tuple(c for c, _ in found), spending=tuple(spending),
        peak=peak, tiles=tiles,
    )  # fmt: skip
    if budget is None:
        return result
    verdicts = tuple(_verdict(result, limit, chips) for limit in budget.limits)
    return replace(result, budget=verdicts)


def _row(
    kind: Literal["workload", "idle", "part", "asleep"], name: str, chip: str, level: str,
    power: float, low: float | None = None, high: float | None = None,
) -> Spending:  # fmt: skip
    return Spending(
        kind=kind, name=name, chip=chip, level=level, power=power,
        low=power if low is None else low, high=power if high is None else high,
    )  # fmt: skip


def _runs(device: Device, chip: str, results: Mapping[str, Result]) -> list[Run]:
    mine = [t for t in device.workloads if t.chip == chip]
    return [Run(t.name, results[t.name].latency, t.period) for t in mine]


def _task(device: Device, task: Task, results: Mapping[str, Result]) -> TaskResult:
    result, runs = results[task.name], _runs(device, task.chip, results)
    served = _served(runs)
    return TaskResult(
        name=task.name, chip=task.chip, rate=task.rate, energy=result.energy / task.batch,
        latency=result.latency, busy=result.latency / task.period,
        response=worst_response(runs, task.name), due=task.due,
        power=device.awake * task.active * served * result.energy / task.period,
        optimal=all(x.optimal for x in result.layers),
    )  # fmt: skip


def _served(runs: list[Run]) -> float:
    """Return the share of its work that a chip can do [1]."""
    return min(1.0, 1 / utilisation(runs)) if runs else 1.0


def _chip(
    device: Device,
    chip: Fitted,
    results: Mapping[str, Result],
    priced: tuple[Architecture, Prices],
) -> tuple[ChipResult, list[Spending]]:
    runs = _runs(device, chip.name, results)
    served, rows, busy, peak = _served(runs), list[Spending](), 0.0, 0.0
    for task in (t for t in device.workloads if t.chip == chip.name):
        result = results[task.name]
        scale = device.awake * task.active * served / task.period
        rows += _levels(task, chip.name, result, scale)
        busy += task.active * served * result.latency / task.period
        peak = max(peak, peak_power(result))
    idle, low, high = _idle(chip, *priced)
    rest = device.awake * max(0.0, 1 - busy)
    if idle and rest:
        at_rest = (idle * rest, low * rest, high * rest)
        rows.append(_row("idle", chip.name, chip.name, "idle", *at_rest))
    found = ChipResult(
        name=chip.name, chip=priced[0].name, busy=utilisation(runs), idle=idle,
        power=math.fsum(r.power for r in rows), peak=max(peak, idle),
        area=priced[1].area if priced[1].areas else None, capacity=on_chip_bits(priced[0]),
    )  # fmt: skip
    return found, rows


def _levels(task: Task, chip: str, result: Result, scale: float) -> list[Spending]:
    """Return what each level spends on a workload; what is paid every cycle is upkeep."""
    groups: dict[str, list[tuple[float, float, float]]] = {}
    for e in result.cost.entries:
        level = UPKEEP if e.action in STANDING else e.component
        groups.setdefault(level, []).append((e.energy, e.energy_low, e.energy_high))
    return [
        _row("workload", task.name, chip, level,
             *(scale * math.fsum(column) for column in zip(*values, strict=True)))
        for level, values in groups.items()
    ]  # fmt: skip


def _idle(
    chip: Fitted, architecture: Architecture, prices: Prices
) -> tuple[float, float, float]:  # fmt: skip
    """Return what a chip draws at rest with its band [W]; what the device states has none."""
    if chip.idle is not None:
        return chip.idle, chip.idle, chip.idle
    clock, (energy, low, high) = architecture.clock, standing_band(architecture, prices)
    return clock * energy, clock * low, clock * high


def peak_power(result: Result) -> float:
    """Return the power of the layer that draws most, averaged over it [W].

    What is fused runs on the path of the layer before it, so its energy is spent in that time.
    """
    cycles = result.cost.cycles_by_einsum()
    energies: dict[str, float] = {}
    for entry in result.cost.entries:
        energies[entry.einsum] = energies.get(entry.einsum, 0.0) + entry.energy
    most, energy, taken = 0.0, 0.0, 0.0
    for einsum in result.workload.einsums:
        if cycles.get(einsum.name, 0.0):
            energy, taken = 0.0, cycles[einsum.name] / result.architecture.clock
        energy += energies.get(einsum.name, 0.0)
        most = max(most, energy / taken if taken else 0.0)
    return most


def _verdict(
    result: DeviceResult, limit: BudgetLimit, chips: Mapping[str, tuple[Architecture, Prices]]
) -> Verdict:
    reached = _reached(result, limit, chips)
    return Verdict(
        kind=limit.kind, unit=limit.unit, asked=limit.asked, reached=reached,
        met=reached <= limit.asked,
    )  # fmt: skip


def _reached(
    result: DeviceResult, limit: BudgetLimit, chips: Mapping[str, tuple[Architecture, Prices]]
) -> float:
    if limit.kind == "power":
        return result.power
    if limit.kind == "latency":
        return max((t.response for t in result.tasks), default=0.0)
    if limit.kind == "capacity":
        return math.fsum(on_chip_bits(architecture) for architecture, _ in chips.values())
    if limit.kind == "area":
        bare = [name for name, (_, prices) in chips.items() if not prices.areas]
        if bare:
            raise InputError(f"chip {bare[0]!r} has no area, so an area budget cannot be judged")
        return math.fsum(prices.area for _, prices in chips.values())
    raise InputError(
        f"a device has no single {limit.kind}: its workloads state their own rates; expected a "
        "budget in W (average), s (worst response), mm2 or KiB (all chips)"
    )
