"""PEs that skip zeros wait for each other no more often than their scratchpads force them to."""

import numpy as np
import pytest

import onewatt as ow
from onewatt.diagnose.stresses import one_channel, with_density
from onewatt.diagnose.waiting import least_duration, window
from onewatt.model import sparse

CHIP = ow.load_chip("eyeriss_v2")


def layer(name="block1.pw", network="mlperf_kws"):
    return next(e for e in ow.load_workload(network).einsums if e.name == name)


def run_ahead(density, shape, lanes, pes, windows=400):
    """Draw masks for every PE and take the slowest, window after window."""
    words, filters = shape
    rng, spent = np.random.default_rng(7), 0
    for _ in range(windows):
        inputs = rng.random((pes, words)) < density
        weights = rng.random((pes, words, filters)) < density
        cycles = -(-weights.sum(axis=2) // lanes)
        spent += int((cycles * inputs).sum(axis=1).max())
    return spent / windows / (words * -(-filters // lanes))


@pytest.mark.parametrize(("density", "pes"), [(0.5, 192), (0.5, 4), (0.2, 192), (0.9, 64)])
def test_it_is_what_drawn_masks_take(density, pes):
    einsum = with_density(layer(), density)
    shape = window(einsum, CHIP)
    drawn = run_ahead(density, shape, CHIP.mac.lanes, pes)
    assert least_duration(einsum, CHIP, pes) == pytest.approx(drawn, rel=0.02)


@pytest.mark.parametrize("density", [0.01, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("pes", [1, 2, 192])
@pytest.mark.parametrize("one", [False, True])
def test_it_lies_between_even_zeros_and_waiting_at_every_step(density, pes, one):
    einsum = with_density(one_channel(layer()) if one else layer(), density)
    found = least_duration(einsum, CHIP, pes)
    assert sparse.effective(einsum, CHIP.mac).paced <= found
    assert found <= sparse.duration(einsum, CHIP.mac, pes) + 1e-12


def test_a_chip_that_skips_nothing_waits_for_nothing():
    for name in ("eyeriss", "systolic_ws"):
        assert least_duration(with_density(layer(), 0.5), ow.load_chip(name), 100) == 1.0


def test_windows_end_where_spads_or_layers_do():
    """16 inputs and 192 weights, more if weights are zeros (jetcas19); 32 sums."""
    wide = layer()
    assert window(wide, CHIP) == (16, 12)
    assert window(with_density(wide, 0.5), CHIP) == (16, 23)  # and some explicit zeros
    assert window(with_density(wide, 0.1), CHIP) == (16, 32)
    assert window(one_channel(wide), CHIP) == (1, 1)
    assert window(layer("block1.dw"), CHIP) == (9, 1)
    assert window(wide, ow.load_chip("systolic_ws")) == (1, 1)  # one weight a PE, nothing else


def test_long_windows_lose_less():
    """Half of both zeros: a quarter of the work, and a long window comes nearer to it."""
    wide, thin = (with_density(e, 0.5) for e in (layer(), layer("block1.dw")))
    long, short = (least_duration(e, CHIP, 192) for e in (wide, thin))
    assert 0.25 < long < 0.5 < short < sparse.duration(thin, CHIP.mac, 192)
