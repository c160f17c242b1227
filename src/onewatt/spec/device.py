"""Devices: workloads at their rates on the chips of one battery, and whatever else it feeds."""

from __future__ import annotations

import math

from onewatt.errors import InputError, InsideError, unknown
from onewatt.spec.network import above_zero, at_least_zero
from onewatt.spec.result import Objective
from onewatt.spec.types import Hertz, Joules, Noun, Seconds, Watts


class Fitted(Noun):
    """A chip of a device: a preset or a chip file, under the name that workloads call it by.

    `idle` is what it draws while it waits for work; without it, what its price list says it leaks,
    clocks and idles.
    """

    name: str
    chip: str
    idle: Watts | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a power below nothing."""
        at_least_zero(f"chip {self.name!r}", idle=self.idle)


class Task(Noun):
    """A workload that runs on a chip of the device again and again.

    `rate` are the inferences a second; `batch` of them run together, so that a run is due every
    batch / rate.  `deadline` is how long after its last input a run may end, by default when the
    next is due.  `active` is the share of the waking time in which the workload runs at all.
    """

    name: str
    workload: str
    chip: str
    rate: Hertz
    batch: int = 1
    deadline: Seconds | None = None
    active: float = 1.0
    objective: Objective = "edp"
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse rates, batches and deadlines of nothing, and shares that are none."""
        where = f"workload {self.name!r}"
        above_zero(where, rate=self.rate, deadline=self.deadline)
        if self.batch < 1:
            raise InputError(f"{where} has batch {self.batch}; expected at least 1")
        share(where, "active", self.active)

    @property
    def period(self) -> float:
        """Time from one run to the next [s]."""
        return self.batch / self.rate

    @property
    def due(self) -> float:
        """Time after which a run is late [s]."""
        return self.period if self.deadline is None else self.deadline


class Part(Noun):
    """What draws power beside the chips: steadily, or an energy each time at a rate.

    `peak` is what it draws at most, by default its average; `active` is the share of the waking
    time in which it is on.
    """

    name: str
    power: Watts | None = None
    energy: Joules | None = None
    rate: Hertz | None = None
    peak: Watts | None = None
    active: float = 1.0
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a part that says both or neither, and shares that are none."""
        where = f"part {self.name!r}"
        at_least_zero(where, power=self.power, energy=self.energy, peak=self.peak)
        above_zero(where, rate=self.rate)
        if (self.power is None) == (self.energy is None):
            raise InputError(f"{where}: expected either a power, or an energy with a rate")
        if (self.energy is None) != (self.rate is None):
            raise InputError(f"{where}: expected an energy together with its rate")
        share(where, "active", self.active)
        if self.peak is not None and self.peak < self.average:
            raise InputError(
                f"{where} has peak {self.peak!r} W, less than its average of {self.average!r} W"
            )

    @property
    def average(self) -> float:
        """Average power while it is on [W]."""
        if self.power is not None:
            return self.power
        return (self.energy or 0.0) * (self.rate or 0.0)


class Battery(Noun):
    """What feeds the device; `usable` is the share of its energy that may be drawn.

    `lasts` is how long it is asked to last.
    """

    energy: Joules
    usable: float = 1.0
    lasts: Seconds | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse an empty battery."""
        above_zero("battery", energy=self.energy, lasts=self.lasts)
        share("battery", "usable", self.usable)


class Device(Noun):
    """Chips, the workloads that run on them, other parts, and a battery.

    `awake` is the share of time in which the device is on; for the rest it draws `asleep`.
    """

    name: str
    chips: tuple[Fitted, ...] = ()
    workloads: tuple[Task, ...] = ()
    parts: tuple[Part, ...] = ()
    battery: Battery | None = None
    awake: float = 1.0
    asleep: Watts = 0.0
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse names used twice, chips nobody has, and a device that does nothing."""
        where = f"device {self.name!r}"
        share(where, "awake", self.awake)
        at_least_zero(where, asleep=self.asleep)
        for kind, rows in (("chips", self.chips), ("workloads", self.workloads),
                           ("parts", self.parts)):  # fmt: skip
            names = [row.name for row in rows]
            if twice := next((n for n in names if names.count(n) > 1), None):
                raise InputError(f"{where} has two {kind} named {twice!r}")
        chips = [c.name for c in self.chips]
        for task in self.workloads:
            if task.chip not in chips:
                known = unknown("chip of the device", task.chip, chips)
                raise InsideError(
                    f"{where}, workload {task.name!r}: {known}", "workloads", task.name, "chip"
                )
        if not (self.workloads or self.parts or self.chips):
            raise InputError(f"{where} has no workloads, parts or chips; expected at least one")


def share(where: str, name: str, value: float) -> None:
    """Refuse what is no share of more than nothing."""
    if not (math.isfinite(value) and 0 < value <= 1):
        raise InputError(f"{where} has {name} {value!r}; expected a share above 0 and at most 1")
