"""What would have to shrink: energies, rates, clocks, areas and capacities."""

from __future__ import annotations

import math

from onewatt.diagnose.remedy import Remedy, listed, say, shrunk, times
from onewatt.model.budget import on_chip_bits
from onewatt.model.parts import energy_by_part
from onewatt.spec.budget import Verdict
from onewatt.spec.result import Result
from onewatt.units import format_quantity

#: How many single places are told.
_TOLD = 3
#: Layers of a group need not shrink by more than this, if more layers can share it.
_MOST = 4.0


def energies(result: Result, need: float) -> list[Remedy]:
    """Return what would have to cost less for a batch to cost no more than `need` [J]."""
    whole, over = result.energy, result.energy - need
    if need <= 0 or over <= 0:
        return []
    cells = energy_by_part(result.architecture, result.cost)
    told: list[Remedy] = []
    for (level, part), energy in sorted(cells.items(), key=lambda c: -c[1])[:_TOLD]:
        if energy:
            told.append(shrunk(f"{level} {part}", energy, whole, over, need, "J"))
    rows = {x.name: 0.0 for x in result.layers}
    for entry in result.cost.entries:
        rows[entry.einsum] += entry.energy
    layers = fewest(rows, whole, over, "J", "layers")
    return [*told, layers] if layers else told


def fewest(
    rows: dict[str, float], whole: float, over: float, unit: str, things: str
) -> Remedy | None:
    """Return the fewest summands that could shrink together, by one factor of at most four.

    Parameters
    ----------
    rows : dict
        Summands by name, in `unit`.
    whole, over : float
        The sum with all else in it, and how much it is too large, in `unit`.
    unit : str
        As a file writes it.
    things : str
        What the summands are.

    Returns
    -------
    Remedy or None
        All of them with a larger factor if no few are enough; None if without all of them the sum
        is still too large.

    Examples
    --------
    >>> fewest({"GLB": 4.0, "spad": 3.0, "regs": 1.0}, 8.0, 5.0, "J", "memories").change
    'GLB and spad take 7.00 J of 8.00 J; 3.5x less would do'
    """
    some, names = 0.0, list[str]()
    if over >= math.fsum(rows.values()):
        return None
    for name, value in sorted(rows.items(), key=lambda row: -row[1]):
        some += value
        names.append(name)
        if some > over and some / (some - over) <= _MOST:
            break
    factor = some / (some - over)
    if len(names) == len(rows) and len(rows) > 1:
        text = f"all {things} together {times(factor)} less; no few of them are enough"
        return Remedy(place=things, change=text, factor=factor, enough=True)
    take = "takes" if len(names) == 1 else "take"
    text = f"{listed(names)} {take} {say(some, unit)} of {say(whole, unit)}; {times(factor)} less"
    return Remedy(place=", ".join(names), change=f"{text} would do", factor=factor, enough=True)


def layers_of_time(result: Result, need: float) -> Remedy | None:
    """Return the fewest layers that would have to be faster for a batch to take `need` [s]."""
    clock = result.architecture.clock
    rows = {name: c / clock for name, c in result.cost.cycles_by_einsum().items()}
    return fewest(rows, result.latency, result.latency - need, "s", "layers")


def rates(result: Result, watts: float, idle: float) -> list[Remedy]:
    """Return the highest rate that a power allows, with resting chips at `idle` [W]."""
    if not result.latency:
        return []
    sustained = result.batch / result.latency
    extra = result.energy / result.batch - idle / sustained  # what one inference costs beyond rest
    if idle >= watts or extra <= 0:
        text = f"no rate is low enough: standing still alone costs {say(idle, 'W')}"
        return [Remedy(place="rate", change=text, factor=None, enough=False)]
    most = (watts - idle) / extra
    text = (
        f"at most {say(most, 'Hz', 'down')}, busy {100 * most / sustained:.3g} % of the time, with "
        "clock and voltage as they are"
    )
    return [Remedy(place="rate", change=text, factor=sustained / most, enough=True)]


def _leak(result: Result) -> float:
    """Return the power that flows whatever the clock [W]."""
    leak = math.fsum(e.energy for e in result.cost.entries if e.action == "leak")
    return leak / result.latency if result.latency else 0.0


def clocks(result: Result, watts: float) -> list[Remedy]:
    """Return the clock at which a chip that never rests takes a power."""
    leak = _leak(result)
    if watts <= leak:
        text = f"no clock is slow enough: leakage alone is {say(leak, 'W')}"
        return [Remedy(place="clock", change=text, factor=None, enough=False)]
    factor = (result.power - leak) / (watts - leak)
    slower = result.architecture.clock / factor
    text = (
        f"a clock of {say(slower, 'Hz', 'down')} instead of {say(result.architecture.clock, 'Hz')} "
        f"at the same voltage: {say(result.latency * factor, 's')} a batch"
    )
    return [Remedy(place="clock", change=text, factor=factor, enough=True)]


def slow_clock(result: Result, watts: float, rate: float) -> list[Remedy]:
    """Return what the lowest clock that keeps a rate comes to: no cycle is paid for waiting."""
    busy = rate * result.latency / result.batch
    if busy >= 1:
        return []
    leak = _leak(result)
    once = result.energy - leak * result.latency
    power = once * rate / result.batch + leak
    slower = result.architecture.clock * busy
    text = (
        f"a clock of {say(slower, 'Hz', 'up')}, the lowest that keeps {say(rate, 'Hz')}: "
        f"{say(power, 'W')}, none of it for waiting"
    )
    return [Remedy(place="clock", change=text, factor=1 / busy, enough=power <= watts)]


def areas(result: Result, missed: Verdict) -> list[Remedy]:
    """Return which components would have to be smaller for a chip to fit an area."""
    over, told = missed.reached - missed.asked, list[Remedy]()
    memories = {m.name: m for m in result.architecture.memories}
    rows = {a.component: a.area for a in result.prices.areas}
    for name, area in sorted(rows.items(), key=lambda row: -row[1])[:_TOLD]:
        remedy = shrunk(name, area, missed.reached, over, missed.asked, "m2")
        memory = memories.get(name)
        if remedy.factor and memory is not None:
            bits = (memory.size or 0) / remedy.factor
            text = f"{remedy.change}: {_size(bits)} each, if area goes with capacity"
            remedy = Remedy(place=name, change=text, factor=remedy.factor, enough=True)
        told.append(remedy)
    rows.pop("overhead", None)  # nobody chooses the size of what is in no component
    return or_together(told, rows, missed, "components")


def capacities(result: Result, missed: Verdict) -> list[Remedy]:
    """Return which memories would have to be smaller for a chip to fit a capacity."""
    chip, told = result.architecture, list[Remedy]()
    whole = on_chip_bits(chip)
    rows = [((m.size or 0) * chip.instances(m.name), m) for m in chip.memories[1:]]
    for bits, memory in sorted(rows, key=lambda row: -row[0])[:_TOLD]:
        remedy = shrunk(memory.name, bits, whole, whole - missed.asked, missed.asked, "bit")
        if remedy.factor:
            each = (memory.size or 0) / remedy.factor
            text = f"{remedy.change}: {_size(each)} each"
            remedy = Remedy(place=memory.name, change=text, factor=remedy.factor, enough=True)
        told.append(remedy)
    return or_together(told, {m.name: bits for bits, m in rows}, missed, "memories")


def or_together(
    told: list[Remedy], rows: dict[str, float], missed: Verdict, things: str
) -> list[Remedy]:
    """Add what several do together, where nothing told is enough alone."""
    if any(remedy.enough for remedy in told):
        return told
    over = missed.reached - missed.asked
    group = fewest(rows, missed.reached, over, missed.unit, things)
    return [*told, group] if group else told


def _size(bits: float) -> str:
    """Write whole bytes, or bits below one, that are no more than these, as a file reads them."""
    unit = 8 if bits >= 8 else 1
    return format_quantity(float(math.floor(bits / unit * (1 + 1e-9)) * unit), "bit")
