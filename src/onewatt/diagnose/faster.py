"""What would have to be faster for a network to take no longer than it may."""

from __future__ import annotations

import math

from onewatt.diagnose.eyexam import PEAK, VECTOR, eyexam
from onewatt.diagnose.remedy import Remedy, least_factor, say, three, times
from onewatt.diagnose.smaller import layers_of_time
from onewatt.errors import InputError
from onewatt.spec.architecture import Memory, Network
from onewatt.spec.cost import Busy, Cost
from onewatt.spec.result import Result

#: How closely the least speed-up of a component is found [1].
_CLOSE = 1e-9
_TOLD = 3


def remedies(result: Result, need: float) -> list[Remedy]:
    """Return what would make a batch take no longer than `need` [s], with the mappings as they are.

    Parameters
    ----------
    result : Result
        What was found.
    need : float
        The latency of a batch that is asked for [s].

    Returns
    -------
    list of Remedy
        Components that hold layers up, the constraint that costs most, the clock, and layers.
    """
    told = [_component(result, name, need) for name in _holding_up(result)[:_TOLD]]
    told += _constraint(result, need)
    factor = result.latency / need
    faster = result.architecture.clock * factor
    told.append(
        Remedy(
            place="clock", factor=factor, enough=True,
            change=f"a clock of {say(faster, 'Hz', 'up')} instead of "
                   f"{say(result.architecture.clock, 'Hz')}, with as many words a cycle "
                   "everywhere",
        )
    )  # fmt: skip
    layers = layers_of_time(result, need)
    return [*told, layers] if layers else told


def _holding_up(result: Result) -> list[str]:
    """Return the components that hold layers up, the one with the most cycles first."""
    held: dict[str, float] = {}
    for name, cycles in result.cost.cycles_by_einsum().items():
        mine = Cost(busy=tuple(b for b in result.cost.busy if b.einsum == name))
        by = mine.bottleneck(name)
        held[by] = held.get(by, 0.0) + cycles
    return sorted(held, key=lambda name: -held[name])


def latency_with(result: Result, component: str, factor: float) -> float:
    """Return the latency of a batch if one component were faster by a factor [s]."""
    busy = tuple(_sped(b, factor) if b.component == component else b for b in result.cost.busy)
    cycles = Cost(busy=busy).cycles_by_einsum().values()
    return math.fsum(cycles) / result.architecture.clock


def _sped(row: Busy, factor: float) -> Busy:
    return Busy(
        einsum=row.einsum, component=row.component, cycles=row.cycles / factor,
        overlaps=row.overlaps,
    )  # fmt: skip


def _component(result: Result, component: str, need: float) -> Remedy:
    """Say how much faster one component would have to be, or what is left if it took no time."""
    what = "MACs a cycle" if component == "compute" else f"words a cycle at {component}"
    if latency_with(result, component, math.inf) > need:
        left = latency_with(result, component, math.inf)
        text = f"more {what}: at best {say(left, 's')}, {times(left / need)} too long"
        return Remedy(place=component, change=text, factor=None, enough=False)
    least = least_factor(lambda f: latency_with(result, component, f) <= need, _CLOSE)
    text = f"{times(least)} the {what}{_rate(result, component, least)}"
    return Remedy(place=component, change=text, factor=least, enough=True)


def _rate(result: Result, component: str, factor: float) -> str:
    """Write the rates that a component has and would need."""
    node = next((n for n in result.architecture.nodes if n.name == component), None)
    if isinstance(node, Network):
        rates = [node.words_per_cycle]
    elif isinstance(node, Memory):
        rates = [node.shared_bandwidth, node.read_bandwidth, node.write_bandwidth]
    else:
        return ""
    known = [f"{r:g} to {three(r * factor, 'up')}" for r in rates if r]
    return f" ({', '.join(known)} word/cycle)" if known else ""


def _constraint(result: Result, need: float) -> list[Remedy]:
    """Say which constraint of Eyexam costs most, and what is left without it."""
    try:
        exam = eyexam(result)
    except InputError:  # the ledger is of no loop nest
        return []
    worst = exam.costliest
    if worst is None or worst.name in (PEAK, VECTOR):
        return []
    left = result.latency - worst.cycles / result.architecture.clock
    layer = max(exam.layers, key=lambda x: max(s.lost for s in x.steps))
    step = max(layer.steps, key=lambda s: s.lost)
    knob = f"; most of it in {layer.name}: {step.knob}" if step.name == worst.name else ""
    text = (
        f"{worst.name} costs {100 * worst.share:.0f} % of the time: {say(left, 's')} without it"
        f"{knob}"
    )
    enough = None if left <= need else False  # of one layer the knob is told, and not of all
    return [Remedy(place=worst.name, change=text, factor=None, enough=enough)]
