"""Chen, Krishna, Emer, Sze, JSSC 2017 (jssc17): Eyeriss' Table VI, VGG-16, batch 3.

The model was finished before this table was read, and nothing of it was changed for it.  Mappings
are not published: `vgg16_table.nearest` finds the one that explains a block of layers best.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import onewatt as ow
from near import near
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid
from onewatt.model.jssc17.shape import Shape

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page():
    folders = [str(ROOT / "examples"), str(ROOT / "benchmarks/validation")]
    sys.path[:0] = folders
    yield importlib.import_module("eyeriss_vgg16")
    for folder in folders:
        sys.path.remove(folder)


def test_the_typed_columns_add_up_to_the_published_totals(page):
    """Each of 13 cells is rounded by 0.05 at most; a wrong digit would show."""
    for field in ("total", "processing", "buffer", "dram"):
        added = sum(getattr(known, field) for known in page.PUBLISHED.values())
        assert abs(added - page.TOTAL[field]) <= 14 * 0.05, field
    macs = sum(page.layer(name).macs for name in page.NAMES)
    assert round(macs / 1e9, 2) == 46.04  # the table's total, halves of conv1 included
    # the abstract: 0.7 frames a second and 0.0035 DRAM accesses a MAC
    assert round(3 / page.TOTAL["total"] * 1e3, 1) == 0.7
    assert round(page.TOTAL["dram"] * 1e6 / 2 / macs, 4) == 0.0035


def test_what_the_transcription_has_wrong_contradicts_the_sums(page):
    """The four cells that are corrected, as the file has them."""
    for field, name, read in (
        ("dram", "conv1_1", 154), ("dram", "conv4_2", 20.6),
    ):  # fmt: skip
        others = sum(getattr(k, field) for n, k in page.PUBLISHED.items() if n != name)
        assert abs(others + read - page.TOTAL[field]) > 14 * 0.05
    assert page.PUBLISHED["conv2_2"].buffer == page.PUBLISHED["conv1_2"].buffer
    exact = sum(k.buffer for k in page.PUBLISHED.values())
    assert exact == near(page.TOTAL["buffer"], rel=1e-9)
    shares = {n: round(100 * k.active_pes / 168) for n, k in page.PUBLISHED.items()}
    assert {n: 100 if n >= "conv4" else 93 for n in page.NAMES} == shares


def test_the_typed_powers_have_the_published_mean(page):
    known = page.PUBLISHED.values()
    mean = sum(k.power * k.total for k in known) / sum(k.total for k in known)
    assert abs(mean - page.TOTAL["power"]) < 0.5
    assert page.UNCONFIRMED == ("conv1_1", "conv4_1", "conv5_1", "conv5_2", "conv5_3")


def test_active_pes_are_those_published(page):
    for name, known in page.PUBLISHED.items():
        assert page.computed(name).active_pes == known.active_pes


def test_processing_latency_keeps_the_limits_of_alexnet(page):
    errors = page.errors("processing")
    assert max(map(abs, errors.values())) < 0.05  # asked of AlexNet: 0.1
    ours = sum(page.computed(n).processing for n in page.NAMES) * 1e3
    assert ours == near(page.TOTAL["processing"], rel=0.03)
    total = sum(page.computed(n).total for n in page.NAMES) * 1e3
    assert total == near(page.TOTAL["total"], rel=0.05)


def test_the_psum_buses_make_the_early_layers_four_times_slower(page):
    found = page.computed("conv1_2")
    alone = found.macs / found.active_pes / 200e6
    assert page.PUBLISHED["conv1_2"].processing * 1e-3 > 4 * alone
    assert found.processing > 4 * alone


def test_power_with_the_constant_of_alexnet(page):
    errors = page.errors("power")
    mine = page.mean_size(errors.values())
    guess = page.fitted([(0.0, k.power) for k in page.PUBLISHED.values()])
    assert mine < 0.08
    assert mine < page.mean_size(guess / k.power - 1 for k in page.PUBLISHED.values())


def test_accesses_are_as_far_off_as_the_page_says(page):
    """The limit of 1 % for the buffer is missed in conv1 to conv4; a better form shows here."""
    buffer, dram = page.errors("buffer"), page.dram_errors()
    assert 0.01 < max(map(abs, buffer.values())) < 0.05
    assert all(abs(e) < 0.01 for n, e in buffer.items() if n.startswith("conv5"))
    assert max(map(abs, dram.values())) < 0.045


def test_no_mapping_moves_as_few_sums_as_published(page):
    """One pass for each channel, by the ratios of layers; sums alone are more than is published."""
    words = {n: k.buffer for n, k in page.PUBLISHED.items()}
    assert words["conv1_1"] * 64 / 3 == near(words["conv1_2"], rel=0.05 / 112.6)
    assert words["conv2_1"] * 2 == near(words["conv2_2"], rel=0.05 / 1201.4)
    n, m, e, c = 3, 128, 112, 128
    assert 2 * 2 * n * m * e * e * c / 1e6 > words["conv2_2"]


def test_the_inferred_mappings(page):
    assert {b: str(page.nearest(b)[0]) for b in page.BLOCKS} == {
        "conv1": "m32 n1 e13 p8 q1 r1 t4", "conv2": "m32 n1 e13 p8 q1 r1 t4",
        "conv3": "m64 n1 e13 p16 q2 r1 t4", "conv4": "m36 n1 e28 p18 q4 r1 t2",
        "conv5": "m68 n3 e14 p17 q4 r2 t2",
    }  # fmt: skip


def banks(page, name, channels):
    """Return the banks for strips of so many channels, and those for sums."""
    chip = Machine.of(ow.load_chip("eyeriss"))
    shape, grid = Shape.of(page.layer(name)), Grid.of(page.nearest(name.split("_")[0])[0])
    rows = (int(grid.e[0]) - 1) * shape.U + shape.R
    held = int(grid.n[0]) * channels * rows * shape.W
    sums = int(grid.n[0]) * int(grid.m[0]) * int(grid.e[0]) * shape.F
    return -(-held // chip.bank), -(-sums // chip.bank)


def test_passes_are_the_largest_if_strips_had_twice_their_room(page):
    for name in ("conv1_2", "conv2_2", "conv3_2"):
        mapping = page.nearest(name.split("_")[0])[0]
        channels = mapping.q * mapping.r
        strips, sums = banks(page, name, channels)
        assert 2 * strips + sums <= 25
        more, _ = banks(page, name, channels + 1)
        assert more + sums <= 25 < 2 * more + sums


def test_our_best_mapping_is_never_worse_than_what_was_measured(page):
    for name, known in page.PUBLISHED.items():
        found = page.best(name)
        assert found.buffer / 8e6 <= known.buffer
        assert found.processing * 1e3 <= known.processing
