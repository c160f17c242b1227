"""What would have to change for a device that misses its budget or its deadlines."""

from __future__ import annotations

import math

import msgspec

from onewatt.diagnose.remedy import Remedy, least_factor, say, shrunk, three, times
from onewatt.diagnose.shortfall import Shortfall
from onewatt.diagnose.smaller import or_together
from onewatt.model.device import DeviceResult, TaskResult
from onewatt.model.schedule import Run, worst_response
from onewatt.spec.budget import Verdict
from onewatt.spec.device import Task

#: How closely the least speed-up of a chip is found [1].
_CLOSE = 1e-6


def device_shortfalls(result: DeviceResult) -> tuple[Shortfall, ...]:
    """Return, for each limit of its budget that a device misses, what would have to change.

    Parameters
    ----------
    result : DeviceResult
        A device that was judged by a budget.

    Returns
    -------
    tuple of Shortfall
        In the order of the budget; none if every limit is met.
    """
    return tuple(_shortfall(result, v) for v in result.budget if not v.met)


def _shortfall(result: DeviceResult, missed: Verdict) -> Shortfall:
    factor = missed.reached / missed.asked if math.isfinite(missed.reached) else None
    remedies: list[Remedy] = []
    impossible = ""
    if missed.kind == "power":
        remedies, impossible = _power(result, missed.asked)
    elif missed.kind == "latency":
        remedies = _chips_faster(result, missed.asked)
    elif missed.kind in ("area", "capacity"):
        remedies = _sizes(result, missed)
    return Shortfall(
        kind=missed.kind, unit=missed.unit, asked=missed.asked, reached=missed.reached,
        factor=factor, floor=None, impossible=impossible, remedies=tuple(remedies),
    )  # fmt: skip


def _sizes(result: DeviceResult, missed: Verdict) -> list[Remedy]:
    """Say which chips would have to be smaller, one alone or the fewest together."""
    sizes = {f"chip {c.name}": c.area if missed.kind == "area" else c.capacity
             for c in result.chips}  # fmt: skip
    rows = {name: size for name, size in sizes.items() if size}
    over = missed.reached - missed.asked
    told = [
        shrunk(name, size, missed.reached, over, missed.asked, missed.unit)
        for name, size in sorted(rows.items(), key=lambda row: -row[1])
    ]
    return or_together(told, rows, missed, "chips")


def _power(result: DeviceResult, asked: float) -> tuple[list[Remedy], str]:
    over, device = result.power - asked, result.device
    fixed = math.fsum(s.power for s in result.spending if s.kind in ("part", "asleep"))
    impossible = ""
    if fixed > asked:
        impossible = f"parts other than chips draw {say(fixed, 'W')}: no workload or chip matters"
    rows = [(t.power, _slower(result, t, over)) for t in result.tasks]
    for kind in ("idle", "part"):
        for spent in result.spending:
            if spent.kind == kind:
                name = f"{spent.name} at rest" if kind == "idle" else spent.name
                remedy = shrunk(name, spent.power, result.power, over, asked, "W")
                rows.append((spent.power, remedy))
    told = [remedy for _, remedy in sorted(rows, key=lambda row: -row[0])]
    if device.asleep < asked:
        awake = device.awake * (asked - device.asleep) / (result.power - device.asleep)
        if device.awake < 1:
            on = (result.power - (1 - device.awake) * device.asleep) / device.awake
            awake = (asked - device.asleep) / (on - device.asleep)
        share, now = three(100 * awake, "down"), f"{100 * device.awake:.3g}"
        text = f"awake {share} % of the time instead of {now} %"
        told.append(
            Remedy(place="awake", change=text, factor=device.awake / awake, enough=True)
        )  # fmt: skip
    return told, impossible


def _slower(result: DeviceResult, task: TaskResult, over: float) -> Remedy:
    """Say at which rate of one workload the device would meet its budget."""
    given = next(t for t in result.device.workloads if t.name == task.name)
    chip = next(c for c in result.chips if c.name == task.chip)
    head = f"{task.name} is {say(task.power, 'W')} of {say(result.power, 'W')}"
    gained = _gain(result, given, task, chip.idle)
    if chip.keeps_up and gained > over:
        rate = task.rate * (1 - over / gained)
        text = f"{head}; at {say(rate, 'Hz', 'down')} instead of {say(task.rate, 'Hz')} it would do"
        return Remedy(place=task.name, change=text, factor=task.rate / rate, enough=True)
    left = result.power - gained
    if not chip.keeps_up:
        return Remedy(
            place=task.name, change=f"{head}, on a chip that cannot keep up", factor=None,
            enough=None,
        )  # fmt: skip
    text = f"{head}; without it the device still draws {say(left, 'W')}"
    return Remedy(place=task.name, change=text, factor=None, enough=False)


def _gain(result: DeviceResult, given: Task, task: TaskResult, idle: float) -> float:
    """Return what the device would draw less without a workload, its chip resting instead [W]."""
    resting = idle * task.busy * given.active * result.device.awake
    return task.power - resting


def late(result: DeviceResult) -> tuple[Remedy, ...]:
    """Return what would let each late workload of a device be in time.

    Parameters
    ----------
    result : DeviceResult
        What was found.

    Returns
    -------
    tuple of Remedy
        One for each workload that may be late; none if every run is in time.
    """
    return tuple(_faster(result, t, t.due) for t in result.tasks if not t.met)


def _chips_faster(result: DeviceResult, due: float) -> list[Remedy]:
    """Say how much faster each chip would have to be that does not respond within a time."""
    told: list[Remedy] = []
    for chip in result.chips:
        slow = [t for t in result.tasks if t.chip == chip.name and t.response > due]
        each = [_faster(result, task, due) for task in slow]
        if each:
            told.append(max(each, key=lambda remedy: remedy.factor or math.inf))
    if len(told) < 2 or not all(remedy.enough for remedy in told):
        return told
    factors = [(remedy.place, remedy.factor or 1.0) for remedy in told]
    alone = [
        msgspec.structs.replace(r, factor=None, enough=False,
                                change=f"{r.change}; other chips are too slow too")
        for r in told
    ]  # fmt: skip
    text = " and ".join(f"chip {name} {times(factor)} as fast" for name, factor in factors)
    return [
        *alone,
        Remedy(
            place=", ".join(name for name, _ in factors), change=f"{text}, together",
            factor=max(factor for _, factor in factors), enough=True,
        ),
    ]  # fmt: skip


def _faster(result: DeviceResult, task: TaskResult, due: float) -> Remedy:
    """Say how much faster a chip would have to be for one of its workloads to be in time."""
    periods = {t.name: t.period for t in result.device.workloads}
    sharing = [t for t in result.tasks if t.chip == task.chip]

    def response(factor: float) -> float:
        runs = [Run(t.name, t.latency / factor, periods[t.name]) for t in sharing]
        return worst_response(runs, task.name)

    least = least_factor(lambda factor: response(factor) <= due, _CLOSE)
    if response(least) > due:
        text = f"{task.name} is late: no chip is fast enough for {say(due, 's')}"
        return Remedy(place=task.chip, change=text, factor=None, enough=False)
    others = [t.name for t in sharing if t.name != task.name]
    alone = ""
    if others:
        fits = "alone it would be in time" if task.latency <= due else "even alone it is too slow"
        alone = f"; {fits}: {say(task.latency, 's')} of {say(due, 's')}"
    text = f"{task.name} is late: chip {task.chip} would have to be {times(least)} as fast{alone}"
    return Remedy(place=task.chip, change=text, factor=least, enough=True)
