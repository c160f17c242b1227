"""Launches: one for every run of a layer that is not fused, whatever its mapping."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

import onewatt as ow
from onewatt.errors import InputError
from onewatt.mapper.exact import certify
from onewatt.mapper.row_stationary_network import search_row_stationary
from onewatt.mapper.verify import check
from onewatt.model.bound import bound
from onewatt.spec.architecture import Launch
from onewatt.spec.files import loads

TIME, ENERGY = 7e-6, 3e-6
CHIP = ow.load_chip("eyeriss")
SLOW = replace(CHIP, launch=Launch(time=TIME, energy=ENERGY, source="test"))
NET = ow.load_workload("mlperf_ad")


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "layer_edp"])
def test_a_launch_is_paid_once_a_run(objective):
    """Energies also grow by what the chip burns while it waits."""
    before = ow.search(NET, CHIP, objective=objective)
    after = ow.search(NET, SLOW, objective=objective)
    launches = sum(e.count for e in NET.einsums if not e.fused)
    idle = 30e-3  # W, of Eyeriss
    assert after.latency == pytest.approx(before.latency + launches * TIME)
    assert after.energy == pytest.approx(before.energy + launches * (ENERGY + idle * TIME))
    assert all(layer.optimal for layer in after.layers)


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "layer_edp"])
def test_no_bound_exceeds_what_is_reached(objective):
    result = ow.search(NET, SLOW, objective=objective)
    for einsum in NET.einsums:
        cost = [e for e in result.cost.entries if e.einsum == einsum.name]
        energy = sum(e.energy for e in cost)
        latency = result.cycles(einsum.name) / SLOW.clock
        reached = {"energy": energy, "latency": latency}.get(objective, energy * latency)
        assert bound(einsum, SLOW, result.prices, objective).value <= reached * (1 + 1e-9)


def test_a_long_launch_moves_the_optimum_of_a_product_towards_energy():
    """With nearly all time in the launch, energy times time is least where energy is."""
    layer = ow.load_workload("mlperf_kws")
    slow = replace(CHIP, launch=Launch(time=10.0))
    for objective in ("edp", "layer_edp"):
        found = ow.search(layer, slow, objective=objective)
        least = ow.search(layer, slow, objective="energy")
        assert found.energy == pytest.approx(least.energy, rel=1e-6)


def test_a_cap_on_latency_counts_launches():
    least = ow.search(NET, SLOW, objective="latency").latency
    assert ow.search(NET, SLOW, objective="energy", within=least * 1.001).latency <= least * 1.001
    with pytest.raises(ow.MappingError, match="so fast"):
        ow.search(NET, SLOW, objective="energy", within=least * 0.99)


def test_certificates_are_about_mappings():
    layer = next(e for e in NET.einsums if e.work == "mac")
    assert check(certify(layer, SLOW, "energy", "perfect")) > 0


def test_fused_work_has_no_launch():
    fused = [e for e in NET.einsums if e.fused]
    assert fused
    assert all(ow.evaluate(e, SLOW).cycles(e.name) == 0 for e in fused)


def test_a_convention_that_knows_no_launch_refuses_one():
    alexnet = ow.load_workload("alexnet")
    with pytest.raises(InputError, match="states a launch"):
        search_row_stationary(alexnet, SLOW)


def test_a_file_states_a_launch():
    text = ow.dumps(CHIP, "chip") + "launch: {time: 7 us, energy: 3 uJ, low: 1 uJ, source: test}\n"
    chip = loads(text, "chip")
    assert chip.launch == Launch(time=7e-6, energy=3e-6, low=1e-6, source="test")
    price = ow.prices(chip).find("launch", "launch")
    assert (price.low, price.energy, price.high) == (1e-6, 3e-6, 3e-6)
    with pytest.raises(InputError, match="a time"):
        loads(text.replace("7 us", "7"), "chip")


def test_the_report_shows_a_launch_as_upkeep():
    from onewatt.report.figures import figures

    shown = figures(ow.search(NET, SLOW, objective="energy"))
    assert shown.matrix["launch", "upkeep"] == pytest.approx(ENERGY * 10)
    assert all(t.component != "launch" for layer in shown.layers for t in layer.traffic)
