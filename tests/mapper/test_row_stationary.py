"""The search of the seven parameters against a brute force over all of their integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import onewatt as ow
from near import near
from onewatt.mapper import row_stationary_space
from onewatt.mapper.row_stationary import front, search
from onewatt.mapper.row_stationary_network import search_row_stationary
from onewatt.mapper.row_stationary_space import evenly, space
from onewatt.model.jssc17.cost import counted, energy
from onewatt.model.jssc17.counts import buffer_words, dram_words
from onewatt.model.jssc17.evaluate import evaluate, row
from onewatt.model.jssc17.limits import fits
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid
from onewatt.model.jssc17.shape import Shape
from onewatt.report.store import load_result, save_result
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import Einsum, Index, Rank, Tensor

CHIP = ow.load_chip("eyeriss")
MACHINE = Machine.of(CHIP)


def conv(n, m, c, p, q, r, s, u=1):
    sizes = {"N": n, "M": m, "C": c, "P": p, "Q": q, "R": r, "S": s}

    def tensor(name, *indices):
        return Tensor(name=name, projection=tuple(map(Index.parse, indices)))

    return Einsum(
        name="layer", op="conv", ranks=tuple(Rank(name=k, size=v) for k, v in sizes.items()),
        inputs=(tensor("Inputs", "N", "C", f"{u}P+R", f"{u}Q+S"), tensor("Weights", *"MCRS")),
        output=tensor("Outputs", *"NMPQ"),
    )  # fmt: skip


def brute_force(einsum):
    """Return the least of every goal over every integer of the seven, m in multiples of p·t."""
    shape = Shape.of(einsum)
    rows = []
    for n, e, p, q in itertools.product(
        range(1, shape.N + 1), range(1, shape.E + 1), range(1, min(shape.M, 24) + 1),
        range(1, min(shape.C, 12 // shape.S) + 1),
    ):  # fmt: skip
        for r in range(1, min(shape.C, 12 // shape.R) + 1):
            for t in range(1, min(shape.M, 168) + 1):
                ms = {min(shape.M, k * p * t) for k in range(1, shape.M + 1)}
                rows += [(m, n, e, p, q, r, t) for m in ms]
    grid = Grid(*np.array(rows, np.int64).T)
    grid = grid.select(fits(shape, MACHINE, grid))
    found = counted(einsum, CHIP, grid)
    latency = found.latency.total
    spent = energy(found, ow.prices(CHIP))
    return {
        "energy": spent.min(), "latency": latency.min(), "layer_edp": (spent * latency).min(),
        "buffer": buffer_words(shape, grid).total.min(),
        "dram": dram_words(shape, grid).bits(shape, 16).total.min() / 16,
    }  # fmt: skip


LAYERS = {
    "convolution": conv(2, 6, 5, 7, 6, 3, 3), "strided": conv(1, 5, 4, 9, 5, 5, 3, 2),
    "tall": conv(2, 4, 2, 5, 4, 11, 4), "wide strip": conv(1, 3, 2, 31, 3, 2, 2),
    "product": conv(5, 9, 14, 1, 1, 1, 1), "skipping": conv(3, 5, 6, 6, 6, 1, 1, 2),
    "large rows": conv(2, 6, 4, 6, 900, 3, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_not_listed_is_not_better(name):
    einsum = LAYERS[name]
    found = space(einsum, CHIP)
    for goal, least in brute_force(einsum).items():
        assert found.scores.by(goal).min() == near(float(least)), goal


@given(
    st.integers(1, 3), st.integers(1, 40), st.integers(1, 40), st.integers(1, 30),
    st.integers(1, 30), st.integers(1, 5), st.integers(1, 5), st.integers(1, 2), st.data(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_best_is_never_worse_than_any_mapping(n, m, c, p, q, r, s, u, data):
    einsum = conv(n, m, c, p, q, r, s, u)
    shape = Shape.of(einsum)
    filters, sets = data.draw(st.integers(1, 24)), data.draw(st.integers(1, 8))
    given_ = RowStationary(
        m=min(m, filters * sets), n=data.draw(st.integers(1, n)), e=data.draw(st.integers(1, p)),
        p=filters, q=data.draw(st.integers(1, 4)), r=data.draw(st.integers(1, 4)), t=sets,
    )  # fmt: skip
    assume(fits(shape, MACHINE, Grid.of(given_))[0])
    known = row(einsum, CHIP, given_)
    for goal in ("latency", "buffer", "layer_edp"):
        found = row(einsum, CHIP, search(einsum, CHIP, goal=goal, than=given_))
        assert found.buffer <= known.buffer
        assert found.processing <= known.processing * (1 + 1e-9)
        assert found.total <= known.total * (1 + 1e-9)
        free = row(einsum, CHIP, search(einsum, CHIP, goal=goal))
        if goal == "latency":
            assert free.total <= found.total * (1 + 1e-9)
        if goal == "buffer":
            assert free.buffer <= found.buffer


def test_cuts_are_even():
    assert evenly(1) == [1]
    assert evenly(55)[-4:] == [14, 19, 28, 55]
    for whole in range(1, 60):
        pieces = {-(-whole // e) for e in evenly(whole)}
        assert pieces == {-(-whole // e) for e in range(1, whole + 1)}


def test_the_front_is_what_no_other_beats():
    found = space(conv(1, 64, 64, 30, 30, 3, 3), CHIP)
    e, t = found.scores.energy, found.scores.latency
    kept = front(found).scores
    assert len(kept.energy) > 1
    for a, b in zip(kept.energy, kept.latency, strict=True):
        assert not ((e < a) & (t <= b) | (e <= a) & (t < b)).any()
    for a, b in zip(e, t, strict=True):
        assert ((kept.energy <= a) & (kept.latency <= b)).any()


def test_the_space_does_not_depend_on_how_many_are_costed_at_once(monkeypatch):
    einsum = conv(3, 30, 20, 13, 13, 3, 3)
    whole, best = space(einsum, CHIP), search(einsum, CHIP)
    monkeypatch.setattr(row_stationary_space, "_AT_ONCE", 500)
    parts = list(row_stationary_space.spaces(einsum, CHIP))
    assert len(parts) > 10
    assert np.array_equal(row_stationary_space.Space.join(parts).grid, whole.grid)
    assert search(einsum, CHIP) == best


def test_a_network_by_every_objective(tmp_path):
    net = ow.load_workload("mlperf_ic", batch=2)
    found = {
        o: search_row_stationary(net, CHIP, objective=o, batch=2)
        for o in ("energy", "latency", "edp", "layer_edp")
    }
    assert found["energy"].energy == min(r.energy for r in found.values())
    assert found["latency"].latency == min(r.latency for r in found.values())
    assert found["edp"].edp <= min(r.edp for r in found.values()) * (1 + 1e-9)
    result = found["edp"]
    assert result.convention == "jssc17"
    assert [layer.name for layer in result.layers] == [e.name for e in net.einsums]
    assert all(layer.optimal for layer in result.layers)
    for layer in result.layers:
        spent = result.cost.cycles(layer.name) / CHIP.clock
        whole = sum(e.energy for e in result.cost.entries if e.einsum == layer.name) * spent
        assert layer.lower_bound.value <= whole * (1 + 1e-9)
    save_result(result, tmp_path / "result.json")
    assert load_result(tmp_path / "result.json") == result


def test_a_network_with_given_mappings():
    net = ow.load_workload("alexnet", batch=4)
    given_ = {"conv1": RowStationary.parse("m32 n1 e7 p16 q1 r1 t2")}
    result = search_row_stationary(net, CHIP, batch=4, mappings=given_, budget=None)
    conv1 = next(e for e in net.einsums if e.name == "conv1")
    alone = evaluate(conv1, CHIP, given_["conv1"])
    assert result.cost.cycles("conv1") == near(alone.cycles("conv1"))
    layer = next(x for x in result.layers if x.name == "conv1")
    assert (layer.optimal, layer.active_pes) == (False, 154)
    assert "M/32 C/1 GLB" in str(layer.mapping)
    with pytest.raises(ow.InputError, match=r"unknown layer 'CONV1'.*'conv1'"):
        search_row_stationary(net, CHIP, mappings={"CONV1": given_["conv1"]})
    with pytest.raises(ow.MappingError, match="gives it"):
        search_row_stationary(
            net, CHIP, mappings={"conv1": RowStationary.parse("m96 n1 e55 p16 q1 r1 t2")}
        )


def test_bad_goals_are_named():
    with pytest.raises(ow.InputError, match=r"unknown goal 'Energy'.*mean 'energy'"):
        search(LAYERS["product"], CHIP, goal="Energy")
    with pytest.raises(ow.InputError, match="unknown objective"):
        search_row_stationary(ow.load_workload("mlperf_ad"), CHIP, objective="power")
    with pytest.raises(ow.MappingError, match="gives it"):
        search(LAYERS["product"], CHIP, than=RowStationary.parse("m9 n1 e2 p1 q1 r1 t1"))
