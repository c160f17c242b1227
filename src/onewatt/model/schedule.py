"""Schedules: runs that share a chip, one at a time, the most frequent first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

#: Two times closer than this share are one: what rounding can make of periods.
_ROUNDING = 1e-12
#: Runs of a workload in one busy period, and steps to find when one begins; with more, a chip
#: counts as one that cannot keep up.
_MOST_RUNS, _MOST_STEPS = 10_000, 10_000


class Run(NamedTuple):
    """A workload as a chip sees it: how long a run takes and how often one is due [s]."""

    name: str
    latency: float
    period: float


class Slot(NamedTuple):
    """A run in time [s]: when it was due, when it began and when it ended."""

    name: str
    due: float
    begin: float
    end: float


def utilisation(runs: Sequence[Run]) -> float:
    """Return the share of time that a chip is busy with its runs [1]; above 1 it cannot keep up."""
    return math.fsum(r.latency / r.period for r in runs)


def ranked(runs: Sequence[Run]) -> list[Run]:
    """Return the runs with the most urgent first: the shortest period, the first of equal ones."""
    return sorted(runs, key=lambda r: r.period)


def worst_response(runs: Sequence[Run], name: str) -> float:
    """Return the longest time from when a run is due to its end [s].

    Parameters
    ----------
    runs : sequence of Run
        Everything on the chip.  A run that has begun is finished; of those that wait, the one with
        the shortest period begins (rate-monotonic).
    name : str
        Whose response.

    Returns
    -------
    float
        The worst over all ways in which the runs can meet, infinite if the chip cannot keep up [s].

    Notes
    -----
    Non-preemptive fixed priorities [1]_: the worst case is a run that becomes due together with
    all more urgent ones, just after the longest less urgent one has begun.  Run q of it then
    begins at w = B + q C_i + Σ ceil(w/P) C over the more urgent ones (floor(w/P) + 1 if B is 0) and
    responds after R = w + C_i - q P_i; later runs are looked at until none of its own waits,
    because one of them may wait longer than the first [2]_.
    Runs are due at times that nothing ties together, so the bound is met.

    References
    ----------
    .. [1] L. George, N. Rivierre, M. Spuri, "Preemptive and Non-Preemptive Real-Time UniProcessor
       Scheduling", INRIA RR-2966, 1996.
    .. [2] R. I. Davis, A. Burns, R. J. Bril, J. J. Lukkien, "Controller Area Network (CAN)
       schedulability analysis: Refuted, revisited and revised", Real-Time Systems 35, 2007.

    Examples
    --------
    >>> runs = [Run("fast", 2.0, 10.0), Run("slow", 5.0, 40.0)]
    >>> worst_response(runs, "fast"), worst_response(runs, "slow")
    (7.0, 7.0)
    """
    order = ranked(runs)
    at = [r.name for r in order].index(name)
    mine, above, below = order[at], order[:at], order[at + 1 :]
    if utilisation(order[: at + 1]) > 1 + _ROUNDING:
        return math.inf
    blocked = max((r.latency for r in below), default=0.0)
    worst, wait, end = 0.0, blocked, math.inf
    for q in range(_MOST_RUNS):
        start = blocked + q * mine.latency
        wait = _settle(max(wait, start), lambda t, s=start: s + _before(above, t, blocked))
        worst = max(worst, wait + mine.latency - q * mine.period)
        end = wait + mine.latency
        if not math.isfinite(end) or end <= (q + 1) * mine.period * (1 + _ROUNDING):
            break  # nothing of its own waits, so the next run begins a new busy period
    else:
        return math.inf
    return worst


def _settle(start: float, step: Callable[[float], float]) -> float:
    """Return the least fixed point from below, infinite if there is none within many steps."""
    now = start
    for _ in range(_MOST_STEPS):
        after = step(now)
        if after <= now * (1 + _ROUNDING):
            return after
        now = after
    return math.inf


def _before(runs: Sequence[Run], t: float, blocked: float) -> float:
    """Return the time of the runs that go before one that could begin at a moment.

    What blocked it had begun a moment before all were due, so everything is a moment early, and
    what is due at the moment itself comes too late.
    """
    if blocked:
        many = [max(1, math.ceil(t / r.period * (1 - _ROUNDING))) for r in runs]
        return math.fsum(n * r.latency for n, r in zip(many, runs, strict=True))
    return math.fsum((math.floor(t / r.period * (1 + _ROUNDING)) + 1) * r.latency for r in runs)


def timeline(runs: Sequence[Run], until: float) -> tuple[Slot, ...]:
    """Return what a chip does from a moment when every workload is due, up to a time [s].

    Runs that began before `until` are there with their end.

    Examples
    --------
    >>> [s.name for s in timeline([Run("a", 1.0, 4.0), Run("b", 2.0, 8.0)], 8.0)]
    ['a', 'b', 'a']
    """
    order = ranked(runs)
    next_due = [0.0] * len(order)
    slots: list[Slot] = []
    now = 0.0
    while order:
        ready = [i for i, due in enumerate(next_due) if due <= now * (1 + _ROUNDING)]
        if not ready:
            now = min(next_due)
            ready = [next_due.index(now)]
        if now >= until * (1 - _ROUNDING):
            break
        i = ready[0]
        end = now + order[i].latency
        slots.append(Slot(order[i].name, next_due[i], now, end))
        next_due[i] += order[i].period
        now = end
    return tuple(slots)
