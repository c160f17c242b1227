"""Shortfalls: what would have to change for a missed budget to be met, and by how much."""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.diagnose import faster, smaller
from onewatt.diagnose.remedy import Remedy, say
from onewatt.model.bound import bound
from onewatt.model.budget import average_power, idle_power
from onewatt.spec.budget import BudgetKind, Verdict
from onewatt.spec.result import Result
from onewatt.spec.types import Noun


class Shortfall(Noun):
    """A missed limit, how far it is missed, and what would lift it.

    `factor` is by how much the figure is too high (or a rate too low) [1]; None if nothing was
    reached.  `floor` is what no mapping on this chip undercuts (of a rate: exceeds), in `unit`, if
    it is known.  `impossible` says why no mapping can meet the limit; empty if one might.
    """

    kind: BudgetKind
    unit: str
    asked: float
    reached: float
    factor: float | None
    floor: float | None
    impossible: str
    remedies: tuple[Remedy, ...]


class Floor(NamedTuple):
    """Energy [J] or latency [s] of a batch that no mapping undercuts.

    `compulsory` is the part that the sizes of memories do not change.
    """

    value: float
    compulsory: float


def shortfalls(result: Result) -> tuple[Shortfall, ...]:
    """Return, for each limit that a result misses, what would have to change and by how much.

    Parameters
    ----------
    result : Result
        A result that was judged by a budget.

    Returns
    -------
    tuple of Shortfall
        In the order of the budget; none if every limit is met.

    Notes
    -----
    Remedies are read off the ledger of these mappings, each alone and exactly: energies and areas
    add up, and the cycles of a layer follow from the busy times of its components.  A search that
    may change the mapping too is `onewatt.diagnose.prices`.

    Examples
    --------
    >>> import onewatt as ow
    >>> result = ow.search(ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss"), budget="1 uJ")
    >>> missed = shortfalls(result)[0]
    >>> round(missed.factor)
    160
    >>> "no mapping on this chip can meet it" in missed.impossible
    True
    """
    rate = next((v.asked for v in result.budget if v.kind == "rate"), None)
    return tuple(_shortfall(result, v, rate) for v in result.budget if not v.met)


def _shortfall(result: Result, missed: Verdict, rate: float | None) -> Shortfall:
    up = missed.kind == "rate"
    over, under = (missed.asked, missed.reached) if up else (missed.reached, missed.asked)
    floor, impossible, remedies = _advice(result, missed, rate)
    return Shortfall(
        kind=missed.kind, unit=missed.unit, asked=missed.asked, reached=missed.reached,
        factor=over / under if under else None, floor=floor, impossible=impossible,
        remedies=tuple(remedies),
    )  # fmt: skip


def _advice(
    result: Result, missed: Verdict, rate: float | None
) -> tuple[float | None, str, list[Remedy]]:
    if missed.kind == "energy":
        return _energy(result, missed)
    if missed.kind == "power":
        return _power(result, missed, rate)
    if missed.kind in ("latency", "rate"):
        return _time(result, missed)
    if missed.kind == "area":
        fixed = sum(a.area for a in result.prices.areas if a.component == "overhead")
        known = fixed if fixed > missed.asked else None
        why = _too_large("area outside its components", fixed, "m2") if known else ""
        return known, why, smaller.areas(result, missed)
    return None, "", smaller.capacities(result, missed)


def _too_large(what: str, value: float, unit: str) -> str:
    return f"the {what} alone is {say(value, unit)}: no smaller memories or arrays can meet it"


def _energy(result: Result, missed: Verdict) -> tuple[float | None, str, list[Remedy]]:
    batch, least = result.batch, least_energy(result)
    need = missed.asked * batch
    if least is None:
        return None, "", smaller.energies(result, need)
    per = Floor(least.value / batch, least.compulsory / batch)
    impossible = _cannot(per, missed.asked, "J")
    remedies = smaller.energies(result, need)
    if not impossible and result.objective != "energy" and result.mapspace != "given mappings":
        remedies.append(_search_again("energy", f"the lower bound is {say(per.value, 'J')}"))
    return per.value, impossible, remedies


def _cannot(floor: Floor, asked: float, unit: str) -> str:
    if floor.compulsory > asked:
        return (
            f"even the compulsory traffic and arithmetic cost {say(floor.compulsory, unit)}: no "
            "mapping on this chip can meet it, whatever the sizes of its memories"
        )
    if floor.value > asked:
        return (
            f"with memories of these sizes the least is {say(floor.value, unit)}: no mapping on "
            "this chip can meet it"
        )
    return ""


def _search_again(objective: str, why: str) -> Remedy:
    return Remedy(
        place="mapping", change=f"search with --objective {objective}: {why}", factor=None,
        enough=None,
    )  # fmt: skip


def _power(
    result: Result, missed: Verdict, rate: float | None
) -> tuple[float | None, str, list[Remedy]]:
    idle, batch, asked = idle_power(result), result.batch, missed.asked
    options = smaller.rates(result, asked, idle)
    if rate is None:
        options += smaller.clocks(result, asked)
        if idle > asked:
            return idle, f"{_standing(idle)}, at this clock with any rate and mapping", options
        return None, "", options + smaller.energies(result, asked * result.latency)
    options += smaller.slow_clock(result, asked, rate)
    over = (average_power(result, rate) - asked) * batch / rate
    options += smaller.energies(result, result.energy - over)
    least = least_energy(result)
    if least is None:
        return None, "", options
    floor = Floor(least.value * rate / batch, least.compulsory * rate / batch)
    impossible = _cannot(floor, asked, "W")
    if impossible:
        most = asked * batch / least.value
        impossible += f"; at {say(asked, 'W')} none makes more than {say(most, 'Hz')}"
    return floor.value, impossible, options


def _standing(idle: float) -> str:
    return f"standing still alone costs {say(idle, 'W')}"


def _time(result: Result, missed: Verdict) -> tuple[float | None, str, list[Remedy]]:
    need = result.batch / missed.asked if missed.kind == "rate" else missed.asked
    least = least_latency(result)
    remedies = faster.remedies(result, need)
    if least is None:
        return None, "", remedies
    impossible = ""
    if least.value > need:
        sizes = "" if least.compulsory > need else " with memories of these sizes"
        impossible = (
            f"even all PEs and ports at work all the time{sizes} take {say(least.value, 's')}: no "
            f"mapping on this chip at {say(result.architecture.clock, 'Hz')} can meet it"
        )
    elif result.objective != "latency" and result.mapspace != "given mappings":
        within = "" if result.within else f", or --objective energy --within '{_milli(need)}'"
        text = f"the lower bound is {say(least.value, 's')}{within}"
        remedies.append(_search_again("latency", text))
    floor = result.batch / least.value if missed.kind == "rate" and least.value else least.value
    return floor, impossible, remedies


def _milli(seconds: float) -> str:
    """Write a time that a command line reads and that is no longer than it says."""
    return f"{math.floor(seconds * 1e9) / 1e6:.6g} ms"


def least_energy(result: Result) -> Floor | None:
    """Return the energy of a batch that no mappings undercut [J], or None if it is not known."""
    return _least(result, "energy")


def least_latency(result: Result) -> Floor | None:
    """Return the latency of a batch that no mappings undercut [s], or None if it is not known."""
    return _least(result, "latency")


def _least(result: Result, objective: str) -> Floor | None:
    if result.convention == "jssc17":  # it charges less than every action: nothing is proved
        return None
    value, compulsory = 0.0, 0.0
    for einsum in result.workload.einsums:
        each = bound(
            einsum, result.architecture, result.prices,
            "energy" if objective == "energy" else "latency",
            literal=result.convention == "literal",
        )  # fmt: skip
        value += each.value
        compulsory += each.value if each.compulsory is None else each.compulsory
    return Floor(value, compulsory)
