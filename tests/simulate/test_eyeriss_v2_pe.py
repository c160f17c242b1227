"""The sparse PE against a literal oracle, the published cycles and matrix products."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.errors import InputError
from onewatt.simulate import sparse_pe
from simulate import pe_oracle

DATA = os.environ.get("ONEWATT_REFERENCE_DATA")


@st.composite
def layers(draw):
    """A small layer, from empty to dense, some with columns or positions of zeros only."""
    positions, channels = draw(st.integers(1, 9)), draw(st.integers(1, 18))
    outputs = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9, 1.0]))
    other = draw(st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9, 1.0]))
    low = draw(st.sampled_from([-128, 0]))
    inputs = np.where(
        rng.random((positions, channels)) < share,
        rng.integers(low, low + 256, (positions, channels)),
        0,
    )
    weights = np.where(
        rng.random((outputs, channels)) < other, rng.integers(-128, 128, (outputs, channels)), 0
    )
    return inputs, weights


@settings(deadline=None, max_examples=300)
@given(
    layers(), st.sampled_from([1, 2]),
    st.sampled_from([(16, 8), (8, 8), (32, 3), (32, 6), (17, 5), (1, 15), (20, 1), (12, 15)]),
)  # fmt: skip
def test_the_machine_is_the_description(layer, simd, tile):
    inputs, weights = layer
    found = sparse_pe(inputs, weights, simd, tile=tile)
    sums, cycles, mac_cycles, counts = pe_oracle.run(inputs.tolist(), weights.tolist(), simd, *tile)
    assert found.output.tolist() == sums
    assert np.array_equal(found.output, inputs @ weights.T)
    assert (found.cycles, found.mac_cycles) == (cycles, mac_cycles)
    assert {k: n for k, n in found.counts.items() if n} == counts


@settings(deadline=None)
@given(layers())
def test_one_multiplier_works_once_for_each_pair_of_non_zeros(layer):
    inputs, weights = layer
    pairs = ((inputs != 0).sum(0) * (weights != 0).sum(0)).sum()
    assert sparse_pe(inputs, weights).mac_cycles == pairs


@settings(deadline=None)
@given(layers())
def test_two_multipliers_lose_half_a_cycle_for_each_odd_column(layer):
    inputs, weights = layer
    found = sparse_pe(inputs, weights, simd=2)
    active = (inputs != 0).sum(0)
    odd = sum(
        ((weights[m : m + 16] != 0).sum(0) % 2 * active).sum() for m in range(0, len(weights), 16)
    )
    assert found.counts["mac", "gated"] == odd
    assert 2 * found.mac_cycles == found.counts["mac", "compute"] + odd


def masks(layer):
    if not DATA:
        pytest.skip("ONEWATT_REFERENCE_DATA is not set: published cycles of the PE are NOT checked")
    stored = np.load(Path(DATA) / f"eyeriss_v2/masks/L{layer}.npz")

    def mask(key):
        shape = stored[f"{key}_shape"]
        return np.unpackbits(stored[f"{key}_packed"])[: shape.prod()].reshape(shape)

    return mask("iacts"), mask("weights")


def published(layer):
    with (Path(DATA) / "eyeriss_v2/sparse_pe_cycles.csv").open() as file:
        return next(r for r in csv.DictReader(file) if r["layer"] == layer)


@pytest.mark.parametrize("layer", ["07", "13", "21", "27"])
def test_published_cycles_to_the_integer(layer):
    inputs, weights = masks(layer)
    found = sparse_pe(inputs, weights)
    assert found.mac_cycles == int(published(layer)["ground_truth_cycles"])
    assert np.array_equal(found.output, inputs.astype(int) @ weights.T.astype(int))
    # address bubbles and refilled pipelines: what the published count leaves out
    assert found.mac_cycles + 6 * found.tiles <= found.cycles <= 1.02 * found.mac_cycles


def test_a_dense_segment_fills_the_pipeline_once():
    found = sparse_pe(np.ones((5, 8), int), np.ones((16, 8), int))
    assert found.cycles == 5 * 8 * 16 + 6  # seven stages, the last of which is at work first
    assert found.counts["psum", "read"] == 5 * 16 * 7
    assert found.counts["mac", "gated"] == 0


def test_an_activation_without_weights_costs_a_bubble_only_behind_a_short_column():
    weights = np.array([[1, 0, 1], [1, 0, 1]])
    hidden = sparse_pe([[1, 1, 1]], weights)
    bare = sparse_pe([[1, 1, 1]], weights[:1])
    assert hidden.cycles == 4 + 6
    assert bare.cycles == 2 + 6 + 1
    assert hidden.counts["weight data", "read"] == 4


def test_an_explicit_zero_takes_a_cycle():
    weights = np.zeros((32, 1), int)
    weights[20] = 3
    assert sparse_pe([[2]], weights, tile=(32, 1)).mac_cycles == 2
    assert sparse_pe([[2]], weights).mac_cycles == 1


def test_partial_sums_have_twenty_bits():
    edge = np.full((1, 41), 127)  # 32 * 127 * 127 = 516128; 2^19 = 524288
    fits = sparse_pe(edge[:, :32], edge[:, :32])
    assert fits.output[0, 0] == 516128
    with pytest.raises(InputError, match="position 0 and output channel 0 leaves 20 bits"):
        sparse_pe(edge, edge)
    weights = np.vstack([np.zeros((17, 41), int), -edge])
    with pytest.raises(
        InputError, match=r"position 1 and output channel 17 .* channels from 32 on"
    ):
        sparse_pe(np.vstack([0 * edge, edge]), weights)
    low = np.zeros((1, 41), int)
    low[0, :32], low[0, 32:] = -128, 0
    assert sparse_pe(np.full((1, 32), 128), low[:, :32]).output[0, 0] == -(2**19)
    with pytest.raises(InputError, match="leaves 20 bits"):
        sparse_pe(np.full((1, 33), 128), np.full((1, 33), -128))


@pytest.mark.parametrize(
    ("inputs", "weights", "options", "message"),
    [
        ([[1, 2]], [[1, 2, 3]], {}, r"shape \(1, 2\) have 2 channels and weights of shape"),
        ([1, 2], [[1, 2]], {}, r"inputs have shape \(2,\); expected \(positions, C\)"),
        ([[1, 2]], [[[1, 2]]], {}, r"weights have shape .*; expected \(M, C\)"),
        (np.zeros((0, 2)), [[1, 2]], {}, "none of them 0"),
        ([[1, 2], [3]], [[1, 2]], {}, "inputs is ragged"),
        ([[0.5, 1]], [[1, 2]], {}, r"inputs\[0, 0\] is 0.5; expected a whole number"),
        ([[1, float("nan")]], [[1, 2]], {}, r"inputs\[0, 1\] is nan; expected a whole number"),
        ([[1, 256]], [[1, 2]], {}, r"inputs\[0, 1\] is 256; expected 0 to 255"),
        ([[-1, 128]], [[1, 2]], {}, r"inputs\[0, 1\] is 128; expected -128 to 127"),
        ([[1, 1]], [[1, 2], [-129, 0]], {}, r"weights\[1, 0\] is -129; expected -128 to 127"),
        ([["a", "b"]], [[1, 2]], {}, "inputs holds <U1 values; expected whole numbers"),
        ([[1, 1]], [[1, 1]], {"simd": 3}, "simd is 3; expected 1 or 2"),
        ([[1, 1]], [[1, 1]], {"simd": True}, "simd is True; expected 1 or 2"),
        ([[1, 1]], [[1, 1]], {"simd": 2.0}, "simd is 2.0; expected 1 or 2"),
        ([[1, 1]], [[1, 1]], {"simd": np.array([1, 2])}, "simd is array.*; expected 1 or 2"),
        ([[1, 1]], [[1, 1]], {"tile": (16,)}, r"tile is \(16,\); expected two whole numbers"),
        ([[1, 1]], [[1, 1]], {"tile": (1.5, 2)}, "tile is .*; expected two whole numbers"),
        ([[1, 1]], [[1, 1]], {"tile": None}, "tile is None; expected two whole numbers"),
        ([[1, 1]], [[1, 1]], {"tile": (33, 1)}, "tile is 33 x 1; expected 1 to 32 output"),
        ([[1, 1]], [[1, 1]], {"tile": (16, 16)}, "1 to 15 input channels"),
        (np.ones((1, 15), int), np.ones((32, 15), int), {"tile": (32, 15)},
         "take 480 compressed words; the scratchpad holds 192; choose a smaller tile"),
    ],
)  # fmt: skip
def test_refusals(inputs, weights, options, message):
    with pytest.raises(InputError, match=message):
        sparse_pe(inputs, weights, **options)


def test_options_may_be_numbers_of_numpy():
    two = np.array([2])
    run = sparse_pe([[1, 2]], [[3, 4], [5, 6]], simd=two[0], tile=(two[0], two[0]))
    assert run.output.tolist() == [[11, 17]]
    assert run.mac_cycles == 2


def test_whole_floats_and_masks_are_numbers():
    mask = np.array([[True, False], [True, True]])
    assert sparse_pe(mask, [[2.0, -1.0]]).output.tolist() == [[2], [1]]


@pytest.mark.parametrize(
    "kind", [bool, np.int8, np.uint8, np.int16, np.int64, np.float32, np.float64]
)
def test_arrays_of_any_type_and_layout_are_the_same_numbers(kind):
    """Fortran order, every other row, turned over, read-only: only the values count."""
    rng = np.random.default_rng(3)
    inputs, weights = rng.integers(0, 2, (22, 37)), rng.integers(0, 2, (41, 37))
    plain = sparse_pe(inputs[::2], weights[:, ::-1], simd=2)
    typed, frozen = inputs.astype(kind), weights.astype(kind)
    frozen.flags.writeable = False
    layouts = {
        "views": (typed[::2], frozen[:, ::-1]),
        "Fortran": (np.asfortranarray(typed[::2]), np.asfortranarray(frozen[:, ::-1])),
        "transposed": (np.ascontiguousarray(typed[::2].T).T, frozen[:, ::-1]),
        "lists": (typed[::2].tolist(), frozen[:, ::-1].tolist()),
    }
    for name, operands in layouts.items():
        found = sparse_pe(*operands, simd=2)
        assert np.array_equal(found.output, plain.output), name
        assert (found.cycles, found.mac_cycles, found.counts) == (
            plain.cycles, plain.mac_cycles, plain.counts
        ), name  # fmt: skip
    assert np.array_equal(typed, inputs.astype(kind))  # nothing was written


@pytest.mark.parametrize("simd", [1, 2])
@pytest.mark.parametrize(
    ("positions", "outputs", "channels"),
    [(1, 1, 1), (1, 17, 9), (3, 16, 8), (5, 33, 7), (2, 15, 23), (13, 1, 40), (1, 40, 1)],
)
def test_shapes_that_are_no_multiple_of_a_tile(positions, outputs, channels, simd):
    rng = np.random.default_rng(positions + outputs + channels)
    inputs = rng.integers(-8, 8, (positions, channels))
    weights = rng.integers(-8, 8, (outputs, channels))
    run = sparse_pe(inputs, weights, simd)
    assert np.array_equal(run.output, inputs @ weights.T)
    assert run.tiles == -(-outputs // 16) * -(-channels // 8)
    active = (inputs != 0).sum(0)
    cycles = sum(
        (active * -(-(weights[m : m + 16] != 0).sum(0) // simd)).sum()
        for m in range(0, outputs, 16)
    )
    assert run.mac_cycles == cycles
    assert run.cycles >= run.mac_cycles
    assert run.counts["mac", "compute"] == (active * (weights != 0).sum(0)).sum()


@pytest.mark.parametrize("simd", [1, 2])
@pytest.mark.parametrize("zero", ["inputs", "weights", "both"])
def test_nothing_but_zeros_takes_no_multiplication(zero, simd):
    inputs = np.ones((6, 20), int) * (zero == "weights")
    weights = np.ones((18, 20), int) * (zero == "inputs")
    run = sparse_pe(inputs, weights, simd)
    assert not run.output.any()
    assert run.output.shape == (6, 18)
    assert (run.mac_cycles, run.counts["mac", "compute"], run.counts["mac", "gated"]) == (0, 0, 0)


@pytest.mark.parametrize(
    "shape", [((0, 3), (2, 3)), ((2, 0), (3, 0)), ((2, 3), (0, 3)), ((0, 0), (0, 0))]
)
def test_empty_layers_are_refused(shape):
    inputs, weights = (np.zeros(s, int) for s in shape)
    with pytest.raises(InputError, match="none of them 0"):
        sparse_pe(inputs, weights)
