"""Expected cycles of a sparse PE against the machine, the published cycles and Sparseloop's."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onewatt.errors import InputError
from onewatt.model.sparse_pe import sparse_pe_cycles
from onewatt.simulate import sparse_pe

DATA = os.environ.get("ONEWATT_REFERENCE_DATA")
MASKED = ("07", "13", "21", "27")


def rows():
    if not DATA:
        pytest.skip("ONEWATT_REFERENCE_DATA is not set: published cycles of the PE are NOT checked")
    with (Path(DATA) / "eyeriss_v2/sparse_pe_cycles.csv").open() as file:
        return {r["layer"]: r for r in csv.DictReader(file)}


def masks(layer):
    stored = np.load(Path(DATA) / f"eyeriss_v2/masks/L{layer}.npz")

    def mask(key):
        shape = stored[f"{key}_shape"]
        return np.unpackbits(stored[f"{key}_packed"])[: shape.prod()].reshape(shape)

    return mask("iacts"), mask("weights")


def by_channel(mask):
    return (mask != 0).mean(axis=0).tolist()


def shape_of(inputs, weights):
    return (inputs.shape[0], inputs.shape[1], weights.shape[0])


def test_one_density_for_each_tensor_is_the_published_statistical_model():
    """Sparseloop's uniform densities give the same cycles from the same rounded densities."""
    table = rows()
    for name in ("07", "21"):
        inputs, weights = masks(name)
        row = table[name]
        found = sparse_pe_cycles(
            float(row["ifmap_density"]), float(row["weight_density"]), shape_of(inputs, weights)
        )
        assert found == pytest.approx(int(row["sparseloop_cycles"]), rel=1e-4)


def test_densities_of_channels_give_the_published_cycles():
    """Exact without SIMD: the published count is the sum over channels of products."""
    table = rows()
    expected, truth = [], []
    for name in MASKED:
        inputs, weights = masks(name)
        expected.append(
            sparse_pe_cycles(by_channel(inputs), by_channel(weights), shape_of(inputs, weights))
        )
        truth.append(int(table[name]["ground_truth_cycles"]))
        assert expected[-1] == pytest.approx(truth[-1], rel=1e-9)
    assert sum(expected) == pytest.approx(sum(truth), rel=1e-9)


def test_uniform_densities_miss_by_the_correlation_of_channels():
    """7 % at worst, always too low: what one density for a tensor leaves out (docs/simulate.md)."""
    table = rows()
    errors = []
    for name in MASKED:
        inputs, weights = masks(name)
        found = sparse_pe_cycles(inputs.mean(), weights.mean(), shape_of(inputs, weights))
        errors.append(100 * (found / int(table[name]["ground_truth_cycles"]) - 1))
    assert errors == pytest.approx([-6.66, -1.65, -3.87, -5.45], abs=0.01)


def test_published_densities_keep_the_published_errors():
    """6.5 % a layer, as printed with two digits; 6.66 % is what exact densities leave."""
    table = rows()
    for name in MASKED:
        inputs, weights = masks(name)
        found = sparse_pe_cycles(
            float(table[name]["ifmap_density"]), float(table[name]["weight_density"]),
            shape_of(inputs, weights),
        )  # fmt: skip
        assert abs(found / int(table[name]["ground_truth_cycles"]) - 1) < 0.065


@pytest.mark.parametrize("name", MASKED)
def test_two_densities_and_their_covariance_give_the_published_cycles(name):
    inputs, weights = masks(name)
    active, kept = np.array(by_channel(inputs)), np.array(by_channel(weights))
    together = float(((active - active.mean()) * (kept - kept.mean())).mean())
    assert together > 0  # channels with many activations have many weights
    shape, means = shape_of(inputs, weights), (float(active.mean()), float(kept.mean()))
    found = sparse_pe_cycles(*means, shape, covariance=together)
    assert found == pytest.approx(int(rows()[name]["ground_truth_cycles"]), rel=1e-9)
    two = sparse_pe_cycles(*means, shape, simd=2, covariance=together)
    assert two == pytest.approx(sparse_pe(inputs, weights, simd=2).mac_cycles, rel=0.004)


@given(
    st.integers(1, 30).flatmap(
        lambda c: st.tuples(*[st.lists(st.floats(0, 1), min_size=c, max_size=c)] * 2)
    ),
    st.integers(1, 40),
)
def test_the_covariance_stands_for_any_channels(densities, outputs):
    active, kept = (np.array(d) for d in densities)
    together = float((active * kept).mean() - active.mean() * kept.mean())
    most = np.sqrt(active.mean() * (1 - active.mean()) * kept.mean() * (1 - kept.mean()))
    together = float(np.clip(together, -most, most))  # but for rounding it is within
    shape = (7, len(active), outputs)
    found = sparse_pe_cycles(
        float(active.mean()), float(kept.mean()), shape, covariance=together
    )  # fmt: skip
    assert found == pytest.approx(sparse_pe_cycles(list(active), list(kept), shape), abs=1e-6)


@pytest.mark.parametrize("name", MASKED)
def test_two_multipliers_on_real_masks(name):
    rows()
    inputs, weights = masks(name)
    expected = sparse_pe_cycles(
        by_channel(inputs), by_channel(weights), shape_of(inputs, weights), simd=2
    )
    assert sparse_pe(inputs, weights, simd=2).mac_cycles == pytest.approx(expected, rel=0.003)


@pytest.mark.parametrize("simd", [1, 2])
@pytest.mark.parametrize(("share", "kept"), [(0.3, 0.1), (0.7, 0.5), (1.0, 0.9), (0.2, 1.0)])
def test_the_mean_of_random_layers(simd, share, kept):
    rng = np.random.default_rng(5)
    shape = (64, 96, 40)  # the last eight output channels are a smaller tile
    found = [
        sparse_pe(rng.random((64, 96)) < share, rng.random((40, 96)) < kept, simd).mac_cycles
        for _ in range(30)
    ]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - sparse_pe_cycles(share, kept, shape, simd=simd)) <= 4 * error + 1e-6


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((-0.1, 0.5, (1, 1, 1)), {}, "inputs have density -0.1"),
        ((0.1, 1.5, (1, 1, 1)), {}, "weights have density 1.5"),
        (([0.1, float("nan")], 0.5, (1, 2, 1)), {}, "inputs have density nan"),
        (([0.1, 0.2], 0.5, (1, 3, 1)), {}, r"shape \(2,\); expected one, or one for each of 3"),
        ((0.1, 0.5, (1, 0, 1)), {}, "expected sizes of at least 1"),
        ((0.1, 0.5, (1, 1, 1)), {"simd": 3}, "simd 3"),
        ((0.1, 0.5, (1, 2, 1)), {"covariance": 0.2}, "covariance is 0.2; expected at most 0.15"),
        ((0.1, 0.5, (1, 2, 1)), {"covariance": float("nan")}, "covariance is nan"),
        (([0.1, 0.2], 0.5, (1, 2, 1)), {"covariance": 0.01}, "goes with one density"),
    ],
)
def test_refusals(arguments, options, message):
    with pytest.raises(InputError, match=message):
        sparse_pe_cycles(*arguments, **options)
