"""Budgets: what a result reaches of each limit."""

from __future__ import annotations

from onewatt.errors import InputError
from onewatt.model.parts import STANDING
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget, BudgetLimit, Verdict
from onewatt.spec.result import Result


def judge(result: Result, budget: Budget) -> tuple[Verdict, ...]:
    """Return each limit of a budget beside what the result reaches.

    Parameters
    ----------
    result : Result
        What was found.
    budget : Budget
        The limits.

    Returns
    -------
    tuple of Verdict
        In the order of the budget, SI units.

    Raises
    ------
    InputError
        If an area is limited and none is known.

    Notes
    -----
    With a rate f, a limit in watts bounds the average power: f times the energy of an inference,
    plus what the chip burns standing still for the rest of the time.  Without a rate it bounds
    energy over latency.  A limit in joules is per inference, one in seconds per batch.
    """
    if any(limit.kind == "area" for limit in budget.limits) and not result.prices.areas:
        raise InputError(
            f"chip {result.architecture.name!r} states no area and none of its components has one "
            "in the library, so an area budget cannot be judged"
        )
    return tuple(_verdict(result, limit, budget.rate) for limit in budget.limits)


def _verdict(result: Result, limit: BudgetLimit, rate: float | None) -> Verdict:
    reached = {
        "power": lambda: average_power(result, rate) if rate else result.power,
        "energy": lambda: result.energy / result.batch,
        "latency": lambda: result.latency,
        "rate": lambda: result.batch / result.latency if result.latency else float("inf"),
        "area": lambda: result.prices.area,
        "capacity": lambda: on_chip_bits(result.architecture),
    }[limit.kind]()
    met = reached >= limit.asked if limit.kind == "rate" else reached <= limit.asked
    return Verdict(kind=limit.kind, unit=limit.unit, asked=limit.asked, reached=reached, met=met)


def average_power(result: Result, rate: float) -> float:
    """Return the average power at a rate of inferences [W].

    Above the rate the chip can sustain, this is the power of a chip that never rests.
    """
    busy = min(1.0, rate * result.latency / result.batch)
    idle = idle_power(result)
    sustained = min(rate, result.batch / result.latency) if result.latency else rate
    return sustained * result.energy / result.batch + idle * (1 - busy)


def idle_power(result: Result) -> float:
    """Return what the chip burns standing still [W]: what it leaks, clocks and idles a second."""
    standing = sum(e.energy for e in result.cost.entries if e.action in STANDING)
    return standing / result.latency if result.latency else 0.0


def on_chip_bits(architecture: Architecture) -> float:
    """Return the capacity of all memories but the outermost [bit]."""
    inside = architecture.memories[1:]
    return float(sum((m.size or 0) * architecture.instances(m.name) for m in inside))
