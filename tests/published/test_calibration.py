"""The targets of docs/validation.md on measured data: MLPerf Tiny, Gemmini and Vela."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import onewatt as ow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def section():
    """Return a section's module, with the folders it imports from on the path."""
    if not os.environ.get("ONEWATT_REFERENCE_DATA"):
        pytest.skip("ONEWATT_REFERENCE_DATA is not set: calibrations are NOT checked")
    folders = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks/validation")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*folders, *sys.path])
        yield importlib.import_module


@pytest.fixture(scope="module")
def tiny(section):
    return section("mlperf_tiny")


@pytest.fixture(scope="module")
def gemmini(section):
    return section("gemmini")


@pytest.fixture(scope="module")
def ethos(section):
    return section("ethos_u55")


def test_the_submissions_are_those_of_the_reference(tiny):
    """Figures of the table that the reference prints."""
    gap9 = next(d for d in tiny.devices() if d.system == "gap9_650_240")
    assert {n: round(e * 1e6, 1) for n, e in gap9.energy.items()} == {
        "ad": 5.3, "ic": 27.7, "kws": 18.6, "vww": 40.8,
    }  # fmt: skip
    per_mac = {n: round(e / tiny.terms()[n][0] * 1e12, 1) for n, e in gap9.energy.items()}
    assert per_mac == {"ad": 19.9, "ic": 2.2, "kws": 7.0, "vww": 5.4}


def test_median_error_on_networks_left_out_is_below_40_percent(tiny):
    held = tiny.left_out()
    assert len(held) == sum(len(d.energy) for d in tiny.devices()) == 62
    assert np.median([abs(h.error) for h in held]) < 0.40


def test_a_left_out_network_is_in_neither_the_fit_nor_the_prior(tiny, monkeypatch):
    """Changing what was measured there changes no prediction."""
    device = tiny.devices()[3]
    group = tuple(d for d in tiny.devices() if d != device)
    rest = tuple(n for n in tiny.NETWORKS if n != "ic")

    def changed(d):
        return d._replace(energy={**d.energy, "ic": 1e3})

    before = tiny.fit(device, rest, tiny.pooled(group, rest))
    after = tiny.fit(changed(device), rest, tiny.pooled(tuple(map(changed, group)), rest))
    assert before == pytest.approx(after)


def test_the_preset_states_the_pooled_prior(tiny):
    prior = tiny.class_prior()
    prices = ow.prices(ow.load_chip("microcontroller"))
    mac, byte = prices.find("MAC", "compute"), prices.find("sram", "fill")
    assert mac.energy == pytest.approx(np.exp(prior.middle[0]), rel=2e-3)
    assert byte.energy == pytest.approx(np.exp(prior.middle.sum()), rel=2e-3)
    assert np.log(mac.high / mac.low) / 4 == pytest.approx(prior.spread[0], rel=5e-3)
    whole = np.hypot(*prior.spread)
    assert np.log(byte.high / byte.low) / 4 == pytest.approx(whole, rel=5e-3)


def test_the_command_fits_what_the_section_fits(tiny, tmp_path):
    from onewatt.codesign.calibrate import Options, calibrate
    from onewatt.codesign.calibrate_table import read_table

    device = tiny.devices()[-1]
    rows = "".join(f"mlperf_{n},{e}\n" for n, e in device.energy.items())
    (tmp_path / "t.csv").write_text("workload,energy_J\n" + rows)
    chip = ow.load_chip("microcontroller")
    made = calibrate(chip, read_table(tmp_path / "t.csv"), Options(energy=("sram",), prior=True))
    energies = tiny.fit(device, tuple(device.energy), tiny.class_prior())
    prices = ow.prices(made.chip)
    assert prices.find("MAC", "compute").energy == pytest.approx(energies[0], rel=5e-3)
    assert prices.find("sram", "fill").energy == pytest.approx(energies[1], rel=5e-3)


def test_gemmini_rows_and_timeloop_are_those_of_the_reference(gemmini):
    given = gemmini.rows()
    assert len(given.measured) == 102
    assert np.abs(given.timeloop / given.measured - 1).mean() == pytest.approx(0.256, abs=5e-4)


def test_gemmini_configurations_left_out(gemmini):
    given = gemmini.rows()
    ours, constant, fitted = gemmini.left_out()
    share = np.abs(ours / given.measured - 1)
    assert share.mean() < 0.15
    assert gemmini.spearman(ours, given.measured) >= 0.98
    simple = np.abs(constant / given.measured - 1)
    names = np.array(given.configurations)
    for name in set(given.configurations):
        assert share[names == name].mean() < simple[names == name].mean(), name
    assert all(min(f.cycles) >= 0 and 0 <= f.exposed <= 1 for f in fitted.values())


def test_the_constant_is_the_best_there_is(gemmini):
    given = gemmini.rows()
    found = gemmini.best_constant(given.timeloop, given.measured)

    def mean(factor):
        return np.abs(factor * given.timeloop / given.measured - 1).mean()

    assert all(mean(found) <= mean(f) + 1e-12 for f in np.linspace(0.5, 3, 2501))


def test_a_configuration_left_out_does_not_move_its_own_coefficients(gemmini):
    given = gemmini.rows()
    keep = [i for i, name in enumerate(given.configurations) if name != "8"]
    _, _, fitted = gemmini.left_out()
    again = gemmini.fit([given.works[i] for i in keep], given.measured[keep])
    assert again == fitted["8"]


def test_published_coefficients_are_those_of_all_rows(gemmini):
    from onewatt.model.dma_latency import GEMMINI

    given = gemmini.rows()
    found = gemmini.fit(list(given.works), given.measured)
    assert GEMMINI.cycles == pytest.approx(found.cycles, rel=0.01)
    assert GEMMINI.exposed == pytest.approx(found.exposed)


def test_ethos_u55_against_vela(ethos):
    rows = ethos.rows()
    assert len(rows) == 12
    for ours, limit in (("ours", "our_limit"), ("plain", "plain_limit")):
        assert np.median([abs(getattr(r, ours) / r.vela - 1) for r in rows]) < 0.20
        assert sum(getattr(r, limit) == r.vela_limit for r in rows) >= 10


def test_ethos_u55_keeps_its_peak():
    for macs in (32, 64, 128, 256):
        chip = ow.load_chip("ethos_u55" if macs == 256 else f"ethos_u55_{macs}")
        assert chip.pes * chip.mac.lanes * chip.clock == macs * 500e6
