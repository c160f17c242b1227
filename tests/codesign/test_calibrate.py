"""Calibration: known coefficients are found, unsupported ones refused, the chip says the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onewatt as ow
from onewatt.codesign.calibrate import Options, calibrate, check_against
from onewatt.codesign.calibrate_chip import Factor, calibrated
from onewatt.codesign.calibrate_fit import fit_log
from onewatt.codesign.calibrate_select import Rows, select
from onewatt.codesign.calibrate_table import read_table
from onewatt.codesign.calibrate_terms import (
    energy_design,
    latency_design,
    row_terms,
    standing_power,
)
from onewatt.errors import InputError
from onewatt.report.calibration import calibration_json, chip_text
from onewatt.spec.files import loads

NETWORKS = ("mlperf_ad", "mlperf_ic", "mlperf_kws", "mlperf_vww")
HEAD = "workload,batch,energy_J,latency_s\n"


@pytest.fixture(scope="module")
def chip():
    """A chip whose mappings are found at once."""
    return ow.load_chip("microcontroller")


@pytest.fixture(scope="module")
def searched(chip, tmp_path_factory):
    """Results of networks on chips, each searched once in this module."""
    cache = tmp_path_factory.mktemp("layers")

    def run(name, on=chip, batch=1):
        return ow.search(ow.load_workload(name, batch=batch), on, cache=cache, batch=batch)

    return run


def written(tmp_path, rows):
    path = tmp_path / "table.csv"
    lines = (",".join("" if v is None else str(v) for v in row) for row in rows)
    path.write_text(HEAD + "\n".join(lines) + "\n")
    return read_table(path)


def true_chip(chip):
    energy = {"MAC": Factor(0.3), "sram": Factor(2.0), "launch": Factor(3e-6)}
    return calibrated(chip, energy, {"compute": Factor(4.0), "launch": Factor(1e-4)}, "truth")


def measured(tmp_path, searched, truth, networks=NETWORKS, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for name in networks:
        result = searched(name, truth)
        e, t = np.exp(noise * rng.normal(size=2))
        rows.append((name, 1, result.energy * e, result.latency * t))
    return written(tmp_path, rows)


def test_a_calibrated_chip_multiplies_what_it_says(chip, searched):
    """The ledger of the chip made, part by part, against that of the chip it was made from."""
    made = true_chip(chip)
    before, after = searched("mlperf_kws"), searched("mlperf_kws", made)
    old, new = (r.cost.energy_by(lambda e: e.component) for r in (before, after))
    assert new["MAC"] == pytest.approx(0.3 * old["MAC"])
    assert new["sram"] == pytest.approx(2.0 * old["sram"])
    layers = [e for e in before.workload.einsums if not e.fused]
    assert new["launch"] == pytest.approx(3e-6 * len(layers))
    assert after.latency == pytest.approx(4 * before.latency + 1e-4 * len(layers), rel=1e-4)


def test_idle_power_stays_in_watts_when_the_clock_changes():
    chip = ow.load_chip("eyeriss")
    made = calibrated(chip, {}, {"compute": Factor(2.0)}, "x")
    assert made.clock == chip.clock / 2
    assert standing_power(made) == pytest.approx(standing_power(chip))
    more = calibrated(chip, {"idle": Factor(3.0)}, {"compute": Factor(2.0)}, "x")
    assert standing_power(more) == pytest.approx(3 * standing_power(chip))


def test_a_memory_keeps_its_pace_when_the_clock_changes():
    chip = ow.load_chip("eyeriss")
    made = calibrated(chip, {}, {"compute": Factor(2.0), "DRAM": Factor(1.0)}, "x")
    old, new = chip.memories[0].shared_bandwidth, made.memories[0].shared_bandwidth
    assert new * made.clock == pytest.approx(old * chip.clock)
    free = calibrated(chip, {}, {"compute": Factor(2.0), "DRAM": Factor(0.0)}, "x")
    assert free.memories[0].shared_bandwidth is None


def test_known_coefficients_are_found(chip, searched, tmp_path):
    table = measured(tmp_path, searched, true_chip(chip))
    made = calibrate(chip, table, Options(latency=("launch",)))
    assert made.latency.coefficients[0].value == pytest.approx(4.0, rel=0.02)
    launch = next(c for c in made.latency.coefficients if c.name == "launch")
    assert launch.value == pytest.approx(1e-4, rel=0.02)


def test_energies_of_a_chip_are_found_by_name(chip, searched, tmp_path):
    truth = calibrated(chip, {"MAC": Factor(0.3), "sram": Factor(2.0)}, {}, "truth")
    made = calibrate(chip, measured(tmp_path, searched, truth), Options(energy=("sram",)))
    assert {c.name: c.value for c in made.energy.coefficients} == pytest.approx(
        {"MAC": 0.3, "sram": 2.0}, rel=1e-3
    )
    assert made.energy.fit.mape < 1e-6


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 3), st.floats(3, 30), st.sampled_from([0.02, 0.05]))
def test_noise_moves_coefficients_by_no_more_than_their_errors_say(designs, seed, mac, sram, noise):
    """Five standard errors: a false alarm in a million draws, not one in twenty."""
    design, exact = designs
    rng = np.random.default_rng(seed)
    values = exact @ np.array([mac, sram]) * np.exp(noise * rng.normal(size=len(exact)))
    names = tuple(f"n{i}" for i in range(len(exact)))
    found = select(design, Rows(values, names), common="scale", asked=("sram",))
    for i, truth in enumerate((mac, sram)):
        error = 5 * noise / max(found.fitted.spread, 1e-9) * found.fitted.log_error[i]
        assert abs(np.log(found.fitted.values[i] / truth)) <= error


@pytest.fixture(scope="module")
def designs(chip, searched):
    """The energy design of eight rows, and its columns of MAC and SRAM."""
    names = [*NETWORKS, "squeezenet", "mobilenet_v1:0.25:96", "mobilenet_v1:0.5:64", "alexnet"]
    rows = [row_terms(searched(n), chip) for n in names]
    design = energy_design(chip, rows, [0.0] * len(rows))
    return design, np.array([[r.energy["MAC"], r.energy["sram"]] for r in rows])


def test_what_is_left_out_is_predicted_without_it(designs):
    """Recomputed literally: one fit without each network, with the coefficients as chosen."""
    design, columns = designs
    rng = np.random.default_rng(5)
    values = columns @ np.array([0.5, 3.0]) * np.exp(0.1 * rng.normal(size=8))
    names = ("a", "a", "b", "c", "d", "e", "f", "f")
    found = select(design, Rows(values, names), common="scale", asked=("sram",))
    for i, name in enumerate(names):
        keep = [j for j, other in enumerate(names) if other != name]
        x = fit_log(lambda v, k=keep: (columns[k] @ v, columns[k]), values[keep], 2)
        assert found.held_out[i] == pytest.approx(columns[i] @ x, rel=1e-5)
    shares = np.abs(found.held_out / values - 1)
    assert found.left_out.mape == pytest.approx(shares.mean())
    assert found.left_out.median_ape == pytest.approx(np.median(shares))


def test_coefficients_are_added_only_where_they_are_worth_it(designs):
    design, columns = designs
    names = tuple("abcdefgh")
    tied = columns @ np.array([2.0, 2.0])
    assert len(select(design, Rows(tied, names), common="scale").blocks) == 1
    apart = columns @ np.array([2.0, 40.0])
    found = select(design, Rows(apart, names), common="scale")
    assert len(found.blocks) == 2
    assert found.left_out.mape < 1e-6


def test_absolute_terms_are_found_without_a_value_on_the_chip(chip, searched):
    rows = [row_terms(searched(n), chip) for n in NETWORKS]
    seconds = [0.1, 0.5, 0.2, 0.9]
    design = energy_design(chip, rows, seconds)
    energy = np.array([sum(r.energy.values()) for r in rows])
    values = 2 * energy + 1e-3 * np.array(seconds)
    found = select(design, Rows(values, NETWORKS), common="scale", asked=("idle",))
    assert found.fitted.values == pytest.approx([2.0, 1e-3], rel=1e-4)


def test_a_layer_takes_its_slowest_part_and_then_its_launch(chip, searched):
    rows = [row_terms(searched(n), chip) for n in NETWORKS]
    design = latency_design(chip, rows)
    blocks = (tuple(p for p in design.parts if p != "launch"), ("launch",))
    predicted, slopes = design.model(blocks)(np.array([3.0, 1e-3]))
    for name, value, row in zip(NETWORKS, predicted, rows, strict=True):
        expected = 3 * searched(name).latency + 1e-3 * row.launches
        assert value == pytest.approx(expected, rel=1e-9)
    assert slopes @ np.array([3.0, 1e-3]) == pytest.approx(predicted)


@pytest.mark.parametrize(
    ("rows", "asked", "words"),
    [
        ([("mlperf_ad", 1, 1e-3)], None, ("1 measured row of 1 network", "add rows of 1 more")),
        ([("mlperf_ad", b, 1e-3 * b) for b in (1, 2, 4)], None, ("3 measured rows of 1 network",)),
        (
            [("mlperf_ad", 1, 1e-3), ("mlperf_kws", 1, 2e-3)],
            None,
            ("2 measured rows of 2 networks", "at least 2 rows when any one network is left out"),
        ),
        (
            [(n, 1, 1e-3 * (i + 1)) for i, n in enumerate(NETWORKS[:3])],
            ("sram",),
            ("2 coefficients (MAC, sram)", "at least 3 rows"),
        ),
        (
            [(n, 1, 1e-3) for n in NETWORKS],
            None,
            ("all 4 energies are 0.001", "nothing in the table varies"),
        ),
        (
            [(n, 1, 1e-3 * (i + 1)) for i, n in enumerate(NETWORKS)],
            ("srma",),
            ("unknown coefficient 'srma'", "Did you mean 'sram'?"),
        ),
    ],
)
def test_fits_that_rows_cannot_support_are_refused(chip, tmp_path, rows, asked, words):
    table = written(tmp_path, [(*row, None) for row in rows])
    with pytest.raises(InputError) as caught:
        calibrate(chip, table, Options(energy=asked))
    for part in ("table.csv: energy: ", *words):
        assert part in str(caught.value)


def test_collinear_terms_are_refused_by_name(designs):
    """Networks made of one layer in other sizes have the same mix, so two energies are one."""
    design, columns = designs
    same = design._replace(after=np.outer([1, 2, 3, 4, 5, 6, 7, 8], design.after[0]))
    values = np.arange(1, 9) * columns[0].sum()
    with pytest.raises(InputError, match=r"'MAC' and 'sram' are collinear.*add networks"):
        select(same, Rows(values, tuple("abcdefgh")), common="scale", asked=("sram",))
    chosen = select(same, Rows(values, tuple("abcdefgh")), common="scale")
    assert len(chosen.blocks) == 1


def test_a_part_that_no_row_uses_is_refused(designs):
    design, columns = designs
    values = columns.sum(1)
    with pytest.raises(InputError, match="'idle': no row has any of it"):
        select(design, Rows(values, tuple("abcdefgh")), common="scale", asked=("idle",))


def test_columns_that_are_empty_cannot_be_asked_for(chip, tmp_path):
    table = written(tmp_path, [(n, 1, 1e-3 * (i + 1), None) for i, n in enumerate(NETWORKS)])
    with pytest.raises(InputError, match="column 'latency_s' has no value"):
        calibrate(chip, table, Options(latency=()))


def test_the_written_chip_says_what_calibrate_said(chip, searched, tmp_path):
    table = measured(tmp_path, searched, true_chip(chip), noise=0.1)
    made = calibrate(chip, table)
    path = tmp_path / "made.yaml"
    path.write_text(chip_text(made))
    again = ow.load_chip(path)
    assert again == made.chip
    for i, name in enumerate(NETWORKS):
        result = ow.search(ow.load_workload(name), again)
        assert result.energy == pytest.approx(made.energy.predicted[i], rel=1e-9)
        assert result.latency == pytest.approx(made.latency.predicted[i], rel=1e-9)


def test_provenance_is_in_the_chip(chip, searched, tmp_path):
    table = measured(tmp_path, searched, true_chip(chip), noise=0.1)
    made = calibrate(chip, table)
    text = chip_text(made, command="onewatt calibrate ...")
    assert table.digest in text
    assert "# Command: onewatt calibrate ..." in text
    for source in (made.chip.source, ow.prices(made.chip).find("MAC", "compute").source):
        assert table.digest[:12] in source
    assert loads(text, "chip") == made.chip


def test_every_price_keeps_a_band_around_it(chip, searched, tmp_path):
    made = calibrate(chip, measured(tmp_path, searched, true_chip(chip), noise=0.2))
    for price in ow.prices(made.chip).prices:
        assert price.low <= price.energy <= price.high
    mac, fitted = ow.prices(made.chip).find("MAC", "compute"), made.energy.coefficients[0]
    assert mac.low == pytest.approx(755e-12 * fitted.low)


def test_rows_that_were_not_fitted(chip, searched, tmp_path):
    truth = true_chip(chip)
    made = calibrate(chip, measured(tmp_path, searched, truth))
    (tmp_path / "other").mkdir()
    seen = searched("mlperf_ad", truth)
    new = [searched(n, truth) for n in ("squeezenet", "mobilenet_v1:0.25:96")]
    rows = [("mlperf_ad", 1, made.energy.measured[0], made.latency.measured[0])]
    rows += [("squeezenet", 1, new[0].energy, None)]
    rows += [("mobilenet_v1:0.25:96", 1, new[1].energy, 2 * new[1].latency)]
    checked = check_against(made, written(tmp_path / "other", rows))
    assert seen.energy == pytest.approx(made.energy.measured[0])
    assert (checked.dropped, checked.energy.rows, checked.latency.rows) == (1, 2, 1)
    chip_made = made.chip
    expected = [searched(n, chip_made).energy for n in ("squeezenet", "mobilenet_v1:0.25:96")]
    shares = [abs(e / n.energy - 1) for e, n in zip(expected, new, strict=True)]
    assert checked.energy.mape == pytest.approx(np.mean(shares))
    data = calibration_json(made, checked)["against"]
    assert data["rows"] == data["energy"]["rows"] == 2
    assert data["mape"] == data["energy"]["mape"]
    assert data["latency"]["spearman"] is None


def test_a_prior_supports_what_rows_alone_do_not(chip, tmp_path):
    rows = [("mlperf_kws", 1, 1.4e-3, None)]
    with pytest.raises(InputError, match="1 measured row"):
        calibrate(chip, written(tmp_path, rows))
    made = calibrate(chip, written(tmp_path, rows), Options(energy=("sram",), prior=True))
    before = ow.search(ow.load_workload("mlperf_kws"), chip).energy
    (after,) = made.energy.predicted
    assert min(before, 1.4e-3) < after < max(before, 1.4e-3)
    assert made.energy.left_out is None


def test_zero_energies_can_be_mapped_and_priced(chip, searched, tmp_path):
    """What costs nothing in the rows costs nothing on the chip, and the search still ends."""
    truth = calibrated(chip, {"MAC": Factor(1.0), "sram": Factor(0.0)}, {}, "truth")
    made = calibrate(chip, measured(tmp_path, searched, truth), Options(energy=("sram",)))
    assert made.energy.fit.mape < 1e-3
    assert dict(made.energy.coefficients[1]._asdict())["value"] < 1e-3


def test_batches_and_repetitions_are_rows(chip, searched, tmp_path):
    truth = calibrated(chip, {"MAC": Factor(0.3), "sram": Factor(0.3)}, {}, "truth")
    rows = []
    for name, batch in itertools.product(("mlperf_ad", "mlperf_kws"), (1, 2)):
        energy = searched(name, truth, batch).energy
        rows += [(name, batch, energy * 1.01, None), (name, batch, energy / 1.01, None)]
    made = calibrate(chip, written(tmp_path, rows))
    assert len(made.energy.measured) == 8
    assert made.energy.coefficients[0].value == pytest.approx(0.3, rel=0.02)


def test_a_part_that_never_holds_up_stays_as_the_chip_states_it():
    """And a table cannot be asked for what it does not know."""
    chip = ow.load_chip("systolic_ws")
    rows = [row_terms(ow.search(ow.load_workload(n), chip), chip) for n in NETWORKS]
    design = latency_design(chip, rows)
    blocks = (("compute",), tuple(p for p in design.parts if p not in ("compute", "launch")))
    slow, _ = design.model(blocks)(np.array([1e-9, 30.0]))
    given = Rows(slow, NETWORKS)
    chosen = select(design, given, common="clock")
    assert chosen.left_out.mape < 1e-6
    compute = next(i for i, b in enumerate(chosen.blocks) if "compute" in b)
    assert 1e-9 < chosen.fitted.values[compute] <= 1.0
    assert chosen.predicted == pytest.approx(slow, rel=1e-5)
    with pytest.raises(InputError, match="'compute' decides no row"):
        select(design, given, common="clock", asked=("compute",))
