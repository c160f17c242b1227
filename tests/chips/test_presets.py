"""Presets: every chip that comes with onewatt loads, is priced, and says what its sources say."""

from __future__ import annotations

import csv
import os
import re
from importlib.resources import files
from pathlib import Path

import pytest

from near import near
from onewatt.components.accelergy import load_energy_table, with_energy_table
from onewatt.components.chips import list_chips, load_chip
from onewatt.components.library import prices
from onewatt.errors import InputError
from onewatt.spec.architecture import Container
from onewatt.spec.files import dumps, loads

DATA = os.environ.get("ONEWATT_REFERENCE_DATA")
NAMES = [chip.name for chip in list_chips()]
PICO = 1e-12


def energy(chip, component, action):
    return prices(load_chip(chip)).find(component, action).energy / PICO


@pytest.fixture
def reference():
    if not DATA:
        pytest.skip("ONEWATT_REFERENCE_DATA is not set: presets are NOT checked against their data")
    return Path(DATA)


def test_the_presets():
    assert NAMES == [
        "ethos_u55", "ethos_u55_128", "ethos_u55_32", "ethos_u55_64",
        "eyeriss", "eyeriss_256", "eyeriss_like", "eyeriss_v2", "eyeriss_v2_1024",
        "eyeriss_v2_16384", "eyeriss_v2_256", "eyeriss_v2_v1", "eyeriss_v2_v15",
        "microcontroller", "systolic_ws",
    ]  # fmt: skip
    assert all(chip.title and chip.source for chip in list_chips())


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_survives_writing_and_reading(name):
    chip = load_chip(name)
    assert loads(dumps(chip, "chip"), "chip") == chip


@pytest.mark.parametrize("name", NAMES)
def test_every_price_has_a_band_and_a_source(name):
    chip = load_chip(name)
    found = prices(chip)
    for node in chip.nodes:
        assert isinstance(node, Container) or any(p.component == node.name for p in found.prices)
    for price in found.prices:
        assert 0 <= price.low <= price.energy <= price.high
        assert price.source


@pytest.mark.parametrize("name", NAMES)
def test_a_dataflow_names_places_of_its_chip(name):
    chip = load_chip(name)
    places = {m.name for m in chip.memories} | {a.name for a in chip.axes}
    assert {limit.where for limit in chip.dataflow.limits} <= places


@pytest.mark.parametrize("name", NAMES)
def test_a_network_names_tensors_axes_and_ends_of_its_chip(name):
    chip = load_chip(name)
    names, axes = {n.name for n in chip.nodes}, {a.name for a in chip.axes}
    for network in chip.networks:
        assert {network.source, *network.sinks} <= names
        assert set(network.axes) <= axes
        assert set(network.tensors) <= {"Inputs", "Weights", "Outputs"}


def test_source_keys_are_in_the_bibliography():
    bibliography = Path(__file__).parents[2] / "docs" / "references.bib"
    keys = set(re.findall(r"@\w+\{(\w+),", bibliography.read_text()))
    for path in files("onewatt.chips").iterdir():
        if path.name.endswith(".yaml"):
            text = path.read_text("utf-8")
            used = set(
                re.findall(r"\b(?:jssc|isca|isscc|jetcas|iccad|horowitz|keckler)\d\d\b", text)
            )
            used |= set(re.findall(r"\b(?:nnd|tae|baselines|fodlam)\b", text))
            assert used <= keys, path.name


def test_eyeriss_is_the_chip_of_the_paper():
    chip = load_chip("eyeriss")
    assert chip.pes == 168
    assert chip.clock * chip.pes == 33.6e9  # GMAC/s at 200 MHz
    capacity = {m.name: m.capacity for m in chip.memories}
    assert capacity["GLB"] == 25 * 512 * 64
    assert [capacity[n] / 16 for n in ("filter_spad", "ifmap_spad", "psum_spad")] == [224, 12, 24]
    assert prices(chip).area == near(12.25e-6, rel=1e-3)


def test_eyeriss_costs_what_nn_dataflow_says(reference):
    with (reference / "eyeriss" / "energy_cost.csv").open() as file:
        published = {r["level"]: float(r["pj_per_16b_nn_dataflow"]) for r in csv.DictReader(file)}
    words = load_chip("eyeriss").memories[1].width / 16
    assert energy("eyeriss", "DRAM", "read") == near(published["DRAM"])
    assert energy("eyeriss", "GLB", "read") / words == near(published["GLB_over_100kB"])
    assert energy("eyeriss", "GIN_ifmap", "hop") == near(published["array_inter_PE"])
    for spad in ("filter_spad", "ifmap_spad", "psum_spad"):
        assert energy("eyeriss", spad, "read") == near(published["RF_0.5kB"])
    assert energy("eyeriss", "MAC", "compute") == near(published["MAC"])
    assert energy("eyeriss", "chip", "idle") * 200e6 * PICO == near(30e-3)


def test_eyeriss_256_has_the_ratios_of_the_paper(reference):
    with (reference / "eyeriss" / "energy_cost.csv").open() as file:
        ratios = [float(r["normalized_to_mac"]) for r in csv.DictReader(file)]
    mac = energy("eyeriss_256", "MAC", "compute")
    places = [("RF", "read"), ("array", "hop"), ("GLB", "read"), ("DRAM", "read")]
    costs = [mac, *(energy("eyeriss_256", *place) for place in places)]
    assert [c / mac for c in costs] == near(ratios)
    assert load_chip("eyeriss_256").pes == 256


def test_eyeriss_like_is_the_reference_table(reference):
    folder = reference / "timeloop_cases" / "eyeriss_like"
    table = load_energy_table(
        folder / "timeloop-mapper.ERT.yaml", folder / "timeloop-mapper.ART.yaml"
    )
    typed = prices(load_chip("eyeriss_like"))
    read = prices(with_energy_table(load_chip("eyeriss_like"), table))
    for price in read.prices:
        if price.energy:
            mine = typed.find(price.component, price.action)
            assert mine.energy == near(price.energy, rel=1e-12)
    areas = {a.component: a.area for a in typed.areas}
    assert areas == near({a.component: a.area for a in read.areas if a.area})


def test_systolic_ws_is_priced_by_the_library_alone():
    chip = load_chip("systolic_ws")
    assert all(not n.energy for n in chip.nodes if not isinstance(n, Container))
    assert all("library class" in p.source for p in prices(chip).prices)
    hierarchy = [("weight_reg", "read"), ("MAC", "compute"), ("buffer", "read"), ("DRAM", "read")]
    costs = [energy("systolic_ws", *place) for place in hierarchy]
    assert costs == sorted(costs)


def test_a_chip_of_ones_own_is_a_path(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(dumps(load_chip("eyeriss"), "chip"))
    assert load_chip(mine) == load_chip(str(mine)) == load_chip("eyeriss")


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"no chip 'eyeris'.*Did you mean 'eyeriss'\? Presets: "):
        load_chip("eyeris")
    with pytest.raises(InputError, match="neither a preset nor a file"):
        load_chip("nowhere/chip.yaml")
