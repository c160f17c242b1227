"""Probabilities against a simulation of worlds that is written from the definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from near import near
from onewatt.components.chips import load_chip
from onewatt.errors import InputError
from onewatt.importers.load import load_workload
from onewatt.mapper.search import search
from onewatt.model.uncertainty import (
    alike,
    distinguishable,
    energies,
    odds,
    spread_of,
    undecided,
)
from onewatt.spec.price import Uncertain


def worlds(first, second, many=200_000, seed=7):
    """Draw a position for each source of error, and from it each price: no strata, no caches."""
    rng = np.random.default_rng(seed)
    at = {key: rng.random(many) for key in sorted({t.key for t in (*first, *second)})}

    def price(term):
        u, e = at[term.key], term.energy
        low, high = math.log(term.low / e), math.log(term.high / e)
        if low == high:
            return np.full(many, e)
        turn = -low / (high - low)
        # the distribution function of a triangle with its top at 0, solved for x
        left = low + np.sqrt(u * (high - low) * -low)
        right = high - np.sqrt((1 - u) * (high - low) * high)
        return e * np.exp(np.where(u < turn, left, right))

    return [sum(price(t) for t in terms) for terms in (first, second)]


@st.composite
def spreads(draw):
    """Two results of a few prices, some of which share their source of error."""

    def one():
        terms = []
        for _ in range(draw(st.integers(1, 4))):
            e = draw(st.floats(0.5, 2.0))
            low, high = draw(st.floats(0.3, 1.0)), draw(st.floats(1.0, 3.0))
            terms.append(Uncertain(draw(st.sampled_from("abcd")), e, e * low, e * high))
        return tuple(terms)

    return one(), one()


@settings(max_examples=25, deadline=None)
@given(spreads())
def test_the_probability_is_that_of_the_definition(pair):
    a, b = worlds(*pair)
    found = odds(*pair)
    ties = np.isclose(a, b, rtol=1e-9, atol=0)
    expected = np.mean(((a < b) & ~ties) + 0.5 * ties)
    # 4,096 worlds have a standard error of at most 0.008
    assert found.better == pytest.approx(expected, abs=0.035)
    low, high = np.quantile(a / b, [0.05, 0.95])
    assert found.low == pytest.approx(low, rel=0.05)
    assert found.high == pytest.approx(high, rel=0.05)


@settings(max_examples=50, deadline=None)
@given(spreads())
def test_laws(pair):
    a, b = pair
    found, back = odds(a, b), odds(b, a)
    assert found.better + back.better == pytest.approx(1.0, abs=1e-12)
    assert found.ratio == near(1 / back.ratio)
    assert found.apart[0] <= found.low <= found.high <= found.apart[1]
    assert odds(a, a).better == 0.5
    assert not distinguishable(a, a)
    rows = energies([a, b], draws=512)
    for row, terms in zip(rows, (a, b), strict=True):
        assert row.min() >= sum(t.low for t in terms) * (1 - 1e-9)
        assert row.max() <= sum(t.high for t in terms) * (1 + 1e-9)


def test_a_shared_error_cancels_and_one_apart_does_not():
    one, more = (Uncertain("sram", 1.0, 0.5, 2.0),), (Uncertain("sram", 1.01, 0.505, 2.02),)
    assert odds(one, more).better == 1.0
    other = (Uncertain("dram", 1.01, 0.505, 2.02),)
    found = odds(one, other)
    assert 0.45 < found.better < 0.6
    assert not distinguishable(one, other)
    assert found.low < 0.7
    assert found.high > 1.4


def test_a_price_of_nothing_may_still_cost():
    terms = (Uncertain("x", 0.0, 0.0, 1.0), Uncertain("y", 1.0, 1.0, 1.0))
    (row,) = energies([terms])
    assert row.mean() == pytest.approx(1 + 1 / 3, rel=0.01)  # a triangle that falls from 0 to 1
    with pytest.raises(InputError, match="costs nothing"):
        odds((), terms)


def test_the_same_seed_gives_the_same_worlds():
    terms = (Uncertain("x", 1.0, 0.5, 2.0),)
    assert (energies([terms], seed=3) == energies([terms], seed=3)).all()
    assert (energies([terms], seed=3) != energies([terms], seed=4)).any()


@pytest.fixture(scope="module")
def results():
    net = load_workload("mlperf_kws")
    asked = (("eyeriss", "energy"), ("eyeriss", "latency"), ("eyeriss_256", "energy"))
    return [search(net, load_chip(c), objective=o, tiles="perfect") for c, o in asked]


def test_chips_of_the_same_components_move_together(results):
    less, fast, other = map(spread_of, results)
    near_ = odds(less, fast)
    # both pay the same prices: the ratio is known far better than either energy
    assert near_.high / near_.low < 1.2
    assert near_.apart[1] / near_.apart[0] > 4
    shared = {t.key for t in less} & {t.key for t in other}
    assert {"class dram", "class mac", "class register_file"} <= shared


def test_spreads_add_up_to_the_ledger(results):
    for result in results:
        terms = spread_of(result)
        assert math.fsum(t.energy for t in terms) == near(result.energy)
        assert math.fsum(t.low for t in terms) == near(result.cost.energy_low)
        assert math.fsum(t.high for t in terms) == near(result.cost.energy_high)


def test_groups_hold_what_cannot_be_told_apart(results):
    terms = [spread_of(r) for r in results]
    groups = alike(terms)
    assert sorted(i for g in groups for i in g) == [0, 1, 2]
    for group in groups:
        for i in group[1:]:
            assert not odds(terms[group[0]], terms[i], draws=1024).better >= 0.95
    for before, after in itertools.pairwise(groups):
        assert odds(terms[before[0]], terms[after[0]], draws=1024).better >= 0.95
    assert alike([]) == ()
    assert alike([terms[0], terms[0]]) == ((0, 1),)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(spreads(), min_size=1, max_size=3),
    st.lists(st.floats(0.8, 1.2), min_size=6, max_size=6),
)
def test_undecided_pairs_are_those_that_are_not_sure(pairs, times):
    every = [s for pair in pairs for s in pair]
    times = times[: len(every)]
    rows = undecided(every, times=times)
    for i, j in itertools.permutations(range(len(every)), 2):
        sure = distinguishable(every[i], every[j], times=times[i] / times[j])
        assert (j in rows[i]) == (not sure)
    assert all(list(row) == sorted(row) for row in rows)
    assert undecided([]) == ()
    assert undecided([every[0], every[0]], confidence=0.51) == ((1,), (0,))
