"""Worst responses against a simulation of events, which knows nothing of busy periods."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.model.schedule import Run, timeline, utilisation, worst_response


def simulated(runs, phases, until):
    """Run the schedule in exact fractions; return the longest response of each run."""
    order = sorted(range(len(runs)), key=lambda i: runs[i].period)
    latency = [Fraction(r.latency) for r in runs]
    period = [Fraction(r.period) for r in runs]
    due = [Fraction(p) for p in phases[: len(runs)]]
    worst = dict.fromkeys((r.name for r in runs), Fraction(0))
    now = Fraction(0)
    while now < until:
        waiting = [i for i in order if due[i] <= now]
        if not waiting:
            now = min(due)
            continue
        i = waiting[0]
        now += latency[i]
        worst[runs[i].name] = max(worst[runs[i].name], now - due[i])
        due[i] += period[i]
    return worst


@st.composite
def loads(draw):
    """A few runs with whole numbers that a chip can keep up with."""
    many = draw(st.integers(1, 4))
    runs = [
        Run(f"r{i}", float(draw(st.integers(1, 6))), float(draw(st.integers(4, 40))))
        for i in range(many)
    ]
    times = max(1, math.ceil(utilisation(runs) / 0.9))
    return [Run(r.name, r.latency, r.period * times) for r in runs]


@settings(max_examples=60, deadline=None)
@given(loads(), st.lists(st.integers(0, 40), min_size=4, max_size=4))
def test_no_simulated_run_is_later_than_the_bound(runs, phases):
    seen = simulated(runs, phases, 1000)
    for run in runs:
        assert float(seen[run.name]) <= worst_response(runs, run.name) + 1e-9


@settings(max_examples=40, deadline=None)
@given(loads())
def test_the_bound_is_met_where_its_derivation_says(runs):
    """A longest less urgent run begins just before this one and all more urgent ones are due."""
    order = sorted(runs, key=lambda r: r.period)
    just = Fraction(1, 10**6)
    for at, run in enumerate(order):
        below = max(order[at + 1 :], key=lambda r: r.latency, default=None)
        phases = [
            Fraction(0) if r is below else just if order.index(r) <= at else Fraction(10**9)
            for r in runs
        ]
        seen = simulated(runs, phases, 2000)[run.name]
        assert float(seen) == pytest.approx(worst_response(runs, run.name), abs=2e-6)


def test_by_hand():
    runs = [Run("a", 2.0, 10.0), Run("b", 5.0, 40.0), Run("c", 8.0, 100.0)]
    assert utilisation(runs) == pytest.approx(0.2 + 0.125 + 0.08)
    # a waits for c, which has just begun; b for c and a; c for a, b and the next a, due at 7.
    assert worst_response(runs, "a") == 10.0
    assert worst_response(runs, "b") == 8 + 2 + 5
    assert worst_response(runs, "c") == 2 + 5 + 8


def test_a_chip_that_cannot_keep_up_never_ends():
    runs = [Run("a", 6.0, 10.0), Run("b", 5.0, 12.0)]
    assert worst_response(runs, "b") == math.inf
    assert worst_response(runs, "a") == 11.0


def test_a_chip_that_is_busy_all_the_time_still_ends():
    runs = [Run("a", 5.0, 10.0), Run("b", 10.0, 20.0)]
    assert utilisation(runs) == 1.0
    assert worst_response(runs, "b") == 15.0


@settings(max_examples=40, deadline=None)
@given(loads())
def test_the_timeline_is_the_simulation_of_a_common_start(runs):
    until = 200.0
    slots = timeline(runs, until)
    assert all(s.due <= s.begin < s.end for s in slots)
    assert all(a.end <= b.begin for a, b in itertools.pairwise(slots))
    seen = simulated(runs, [0] * len(runs), until)
    for run in runs:
        longest = max((s.end - s.due for s in slots if s.name == run.name), default=0.0)
        assert longest == pytest.approx(float(seen[run.name]))
    busy = math.fsum(s.end - s.begin for s in slots if s.end <= until)
    assert busy <= until + 1e-9
