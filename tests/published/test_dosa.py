"""Timeloop's cycles and energies of DOSA's mappings, on a sample of the rows.

Rows: repository ucb-bar/dosa (BSD-2-Clause).  `benchmarks/dosa.py` replays all of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import dosa
import numpy as np
import pytest

from onewatt.model.counts import count
from onewatt.model.nest import lower

DATA = os.environ.get("ONEWATT_REFERENCE_DATA")
EVERY = 71  # a prime, so that the sample walks through architectures and layers
STRIDED = 12


@pytest.fixture(scope="module")
def sample():
    if not DATA:
        pytest.skip("ONEWATT_REFERENCE_DATA is not set: the rows of DOSA are NOT checked")
    rows = dosa.rows(Path(DATA))
    strided = [r for r in rows if r["prob.Hstride"] != "1"]
    chosen = rows[::EVERY] + strided[:: len(strided) // STRIDED]
    return chosen, [dosa.replay(row) for row in chosen]


def test_cycles_agree(sample):
    rows, mine = sample
    missed = list(dosa.misses(zip(rows, mine, strict=True)))
    assert len(missed) <= 0.001 * len(rows), [(r["mapping.mapping"], m.bound) for r, m in missed]


def test_every_kind_of_stall_is_in_the_sample(sample):
    assert {m.bound for m in sample[1]} >= {"compute", "DRAM", "accumulator"}


def test_six_energies_of_half_the_architectures_price_the_other_half(sample):
    rows, mine = sample
    coefficients, error = dosa.fit(rows, mine)
    held_out = error[~dosa.halves(rows)]
    assert len(coefficients) == 6
    assert (coefficients > 0).all()
    assert np.median(held_out) < 0.02


def test_other_chips_agree_with_the_energies_of_the_first(sample):
    coefficients, _ = dosa.fit(*sample)
    rows = dosa.other_rows(Path(DATA))
    mine = [dosa.replay(row) for row in rows]
    assert list(dosa.misses(zip(rows, mine, strict=True))) == []
    error = np.abs(dosa.energies(rows, mine) @ coefficients - 1)
    assert np.median(error) < 0.02


ROW = {
    "arch.meshX": "32", "arch.mem1_word-bits": "32", "arch.mem1_entries": "128",
    "arch.mem1_width": "32", "arch.mem1_shared_bandwidth": "2", "arch.mem2_word-bits": "8",
    "arch.mem2_entries": "65536", "arch.mem2_width": "256", "arch.mem2_shared_bandwidth": "64",
    "prob.shape": "cnn-layer", "prob.C": "3", "prob.K": "64", "prob.N": "1", "prob.P": "112",
    "prob.Q": "112", "prob.R": "7", "prob.S": "7", "prob.Hstride": "2", "prob.Wstride": "2",
    "prob.Hdilation": "1", "prob.Wdilation": "1",
}  # fmt: skip


def words(text, **changes):
    """Words of inputs read from DRAM for a mapping of a small strided layer."""
    row = {**ROW, **{f"prob.{k}": str(v) for k, v in changes.items()}}
    einsum, architecture = dosa.layer(row), dosa.chip(row)
    mapping = dosa.ow.read_mapping_string(text, einsum, architecture)
    traffic = count(einsum, architecture, lower(einsum, mapping), "timeloop").traffic
    return next(t.words for t in traffic if (t.level, t.tensor) == ("DRAM", "Inputs"))


SMALL = {"C": 1, "K": 1, "Q": 1, "S": 1}


def test_gaps_of_a_strided_tile_count_as_words():
    """A tile of 4 outputs at stride 2 and filter 1 spans 7 inputs, and Timeloop holds boxes."""
    text = "L3[WIO] P2 - L2[WI] N1 - L1[O] P4 - L0[W] N1"
    assert words(text, **SMALL, P=8, R=1) == 14


@pytest.mark.parametrize(
    ("text", "sizes", "expected"),
    [
        # P carries by 2 after R = 1: one step of R, so one word of two is kept
        ("L3[WIO] P2 R2 - L2[WI] N1 - L1[O] P2 - L0[W] N1", {"P": 4, "R": 2}, 2 + 1 + 1 + 1),
        # the same for three filter rows, although the tile then stands still
        ("L3[WIO] P2 R3 - L2[WI] N1 - L1[O] P2 - L0[W] N1", {"P": 4, "R": 3}, 4 + 1 + 1 + 1),
        # P carries by 4: no step of R, nothing is kept
        ("L3[WIO] P2 R2 - L2[WI] N1 - L1[O] P4 - L0[W] N1", {"P": 8, "R": 2}, 4 + 1 + 4 + 1),
    ],
)
def test_a_carry_is_credited_if_it_moves_like_a_step(text, sizes, expected):
    assert words(text, **SMALL, **sizes, Wstride=1, Hstride=1) == expected
