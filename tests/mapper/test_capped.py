"""Least energy within a latency: against every combination, and over the whole range of caps."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chips_by_hand import tiny
from layers_by_hand import conv, gemm, network, relu
from near import near
from onewatt.components.library import prices
from onewatt.errors import InputError, MappingError, UnitError
from onewatt.mapper.capped import least_energy_within
from onewatt.mapper.exact import search_layer
from onewatt.mapper.front import Choice, choose
from onewatt.mapper.search import search
from onewatt.spec.mapping import Mapping
from onewatt.units import format_quantity

NOTHING = Mapping(nodes=())
NET = network(
    conv("a", m=6, c=4, p=4), gemm("b", m=30, c=20, p=4), relu(), conv("c", m=6, c=4, p=4),
    gemm("d", m=7, c=9, p=5, count=3),
)  # fmt: skip
choices = st.builds(
    lambda e, t: Choice(float(e), float(t), NOTHING), st.integers(0, 60), st.integers(0, 40)
)
fronts = st.lists(st.lists(choices, min_size=1, max_size=5), min_size=1, max_size=5)


@given(fronts, st.integers(0, 220))
def test_is_the_best_of_every_combination(fronts, cap):
    """The lists need not be fronts, and many sums are equal: whole numbers are."""
    sums = [
        (sum(c.energy for c in combo), sum(c.cycles for c in combo))
        for combo in itertools.product(*fronts)
    ]
    within = [energy for energy, cycles in sums if cycles <= cap]
    picks = least_energy_within(fronts, float(cap))
    if not within:
        assert picks is None
        return
    taken = [front[i] for front, i in zip(fronts, picks, strict=True)]
    assert sum(c.cycles for c in taken) <= cap
    assert sum(c.energy for c in taken) == near(min(within), rel=1e-9)


@given(fronts)
def test_without_a_need_to_hurry_it_is_the_least_energy(fronts):
    picks = least_energy_within(fronts, 1e9)
    freely = choose(fronts, (0.0, 0.0), "energy")
    assert [f[i].energy for f, i in zip(fronts, picks, strict=True)] == [
        f[i].energy for f, i in zip(fronts, freely, strict=True)
    ]


def test_a_network_without_fronts_needs_no_choice():
    assert least_energy_within([], 0.0) == []
    assert least_energy_within([], -1.0) is None


@pytest.fixture(scope="module")
def ends():
    return {o: ask(objective=o) for o in ("energy", "latency")}


def ask(**options):
    """Search among factors, which is proved at once."""
    return search(NET, tiny(), tiles="perfect", **options)


def test_energy_never_rises_with_the_cap(ends):
    slow, fast = ends["energy"].latency, ends["latency"].latency
    assert fast < slow
    energies = []
    for step in range(13):
        cap = fast + (slow - fast) * step / 12
        found = ask(objective="energy", within=cap)
        assert found.latency <= cap * (1 + 1e-12)
        energies.append(found.energy)
    assert all(later <= before * (1 + 1e-9) for before, later in itertools.pairwise(energies))
    assert energies[0] > energies[-1]
    assert energies[-1] == near(ends["energy"].energy, rel=1e-6)


def test_at_the_least_latency_it_is_as_fast(ends):
    fast = ends["latency"]
    found = ask(objective="energy", within=fast.latency)
    assert found.latency == fast.latency
    assert found.energy <= fast.energy * (1 + 1e-6)
    assert (found.objective, found.within) == ("energy", fast.latency)


def test_what_is_not_proved_is_told_in_energy(ends):
    cap = ends["energy"].latency
    found = search(NET, tiny(), objective="energy", within=cap, effort=1)
    left = [layer for layer in found.layers if not layer.optimal]
    assert left
    entries = found.cost.entries
    for layer in left:
        spent = sum(e.energy for e in entries if e.einsum == layer.name)
        assert spent * (1 - layer.gap) == near(layer.lower_bound.value)
    for layer in found.layers:
        if layer.optimal:
            assert layer.gap == 0


def test_is_the_best_of_every_combination_of_a_network():
    chip = tiny()
    layers = [e for e in NET.einsums if e.work == "mac"]
    free = search(network(relu()), chip, objective="energy")
    fixed = sum(free.cost.cycles_by_einsum().values())
    every = [search_layer(e, chip, prices(chip), goal="front", tiles="perfect").front
             for e in layers]  # fmt: skip
    sums = [
        (sum(c.energy * e.count for c, e in zip(combo, layers, strict=True)) + free.energy,
         sum(c.cycles * e.count for c, e in zip(combo, layers, strict=True)) + fixed)
        for combo in itertools.product(*every)
    ]  # fmt: skip
    least, most = min(t for _, t in sums), max(t for _, t in sums)
    for share in (0.0, 0.2, 0.45, 0.8):
        cap = (least + share * (most - least)) / chip.clock
        found = ask(objective="energy", within=cap)
        best = min(e for e, t in sums if t <= cap * chip.clock * (1 + 1e-12))
        assert found.energy == near(best, rel=1e-9)


def test_text_has_a_unit():
    assert ask(objective="energy", within="1 s").within == 1.0
    with pytest.raises(UnitError, match="within: found '10' without a unit"):
        ask(objective="energy", within="10")


@pytest.mark.parametrize("cap", [0, -1.0, float("nan"), float("inf"), "0 s"])
def test_a_cap_is_a_time(cap):
    with pytest.raises(InputError, match="expected a time of more than 0"):
        ask(objective="energy", within=cap)


@pytest.mark.parametrize("objective", ["edp", "latency", "layer_edp"])
def test_a_cap_goes_with_energy(objective):
    with pytest.raises(InputError, match="expected objective 'energy'"):
        ask(objective=objective, within="1 s")


def test_a_cap_that_nothing_meets_says_what_is_possible(ends):
    fast = ends["latency"].latency
    with pytest.raises(MappingError) as refused:
        ask(objective="energy", within=fast * 0.999)
    said = str(refused.value)
    assert f"the least latency is {format_quantity(fast, 's', digits=6)}" in said
    cycles = ends["latency"].cost.cycles_by_einsum()
    slowest = max(cycles, key=cycles.__getitem__)
    share = 100 * cycles[slowest] / sum(cycles.values())
    held_up = ends["latency"].cost.bottleneck(slowest)
    assert f"{slowest!r} {share:.0f} % (held up by {held_up})" in said
