"""Least squares of logarithms: known coefficients come back, and its parts agree with others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.codesign.calibrate_fit import (
    fit_log,
    fit_prior,
    nonnegative,
    prior_pull,
    spearman,
    student,
    uncertainty,
)


def by_listing(matrix, target):
    """The least squares with non-negative unknowns, from the definition: every set of unknowns."""
    best, least = None, np.inf
    n = matrix.shape[1]
    for mask in range(2**n):
        keep = [i for i in range(n) if mask >> i & 1]
        x = np.zeros(n)
        if keep:
            x[keep] = np.linalg.lstsq(matrix[:, keep], target, rcond=None)[0]
        loss = np.square(matrix @ x - target).sum()
        if (x >= 0).all() and loss < least:
            best, least = x, loss
    return best, least


@given(st.integers(0, 10**6), st.integers(2, 7), st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_nonnegative_is_the_best_of_all_sets_of_unknowns(seed, rows, unknowns):
    rng = np.random.default_rng(seed)
    matrix, target = rng.normal(size=(rows, unknowns)), rng.normal(size=rows)
    found = nonnegative(matrix, target)
    assert (found >= 0).all()
    assert np.square(matrix @ found - target).sum() <= by_listing(matrix, target)[1] + 1e-9


@given(st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_exact_rows_give_their_coefficients_back(seed, unknowns):
    rng = np.random.default_rng(seed)
    terms = 10 ** rng.uniform(-3, 3, size=(12, unknowns)) * 10 ** rng.uniform(-6, 6, size=unknowns)
    truth = 10 ** rng.uniform(-2, 2, size=unknowns)
    found = fit_log(lambda x: (terms @ x, terms), terms @ truth, unknowns)
    assert np.abs(terms @ found / (terms @ truth) - 1).max() < 1e-4


def test_a_sum_of_maxima_is_fitted():
    """Layers take as long as their slowest part, so the loss has corners and valleys."""
    rng = np.random.default_rng(3)
    layers = 10 ** rng.uniform(-1, 1, size=(20, 5, 3))
    truth = np.array([2.0, 0.3, 5.0])

    def model(x):
        most = np.argmax(layers * x, axis=2)
        slopes = np.zeros((20, 3))
        for i in range(20):
            for j in range(5):
                slopes[i, most[i, j]] += layers[i, j, most[i, j]]
        return slopes @ x, slopes

    found = fit_log(model, model(truth)[0], 3)
    assert found == pytest.approx(truth, rel=1e-4)


def test_noise_widens_the_interval_and_the_truth_lies_inside_as_often_as_it_says():
    rng = np.random.default_rng(0)
    terms, truth = 10 ** rng.uniform(-1, 1, size=(10, 2)), np.array([3.0, 0.5])
    inside, widths = 0, []
    for _ in range(300):
        measured = terms @ truth * np.exp(0.1 * rng.normal(size=10))
        x = fit_log(lambda v: (terms @ v, terms), measured, 2)
        found = uncertainty(lambda v: (terms @ v, terms), measured, x)
        inside += found.low[0] <= truth[0] <= found.high[0]
        widths.append(found.spread)
    assert 0.91 <= inside / 300 <= 0.985
    assert np.mean(widths) == pytest.approx(0.1, rel=0.1)


def test_a_coefficient_at_zero_has_an_upper_end():
    terms = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 1.0]])
    measured = terms[:, 0] * np.array([1.02, 0.98, 0.97, 1.03])
    x = fit_log(lambda v: (terms @ v, terms), measured, 2)
    found = uncertainty(lambda v: (terms @ v, terms), measured, x)
    zero = int(np.argmin(x))
    assert x[zero] < 0.05
    assert found.low[zero] <= x[zero] < found.high[zero] < 1


def test_without_rows_to_speak_of_the_prior_stays():
    terms = np.array([[1.0, 1.0]])
    x, _ = fit_prior(lambda v: (terms @ v, terms), np.array([2.0]), np.array([0.01, 0.01]))
    assert x == pytest.approx([1.0, 1.0], abs=0.01)


def test_many_rows_outweigh_the_prior():
    rng = np.random.default_rng(1)
    terms = 10 ** rng.uniform(-1, 1, size=(200, 2))
    truth = np.array([30.0, 5.0])
    x, _ = fit_prior(lambda v: (terms @ v, terms), terms @ truth, np.array([1.0, 1.0]))
    assert x == pytest.approx(truth, rel=0.05)


def test_the_prior_is_minimised_as_it_is_defined():
    """Against a fine grid over the two logarithms, at the spread of errors that was found."""
    terms = np.array([[1.0, 4.0], [2.0, 1.0], [5.0, 3.0]])
    measured, spread = np.array([20.0, 6.0, 40.0]), np.array([0.8, 0.4])
    x, s = fit_prior(lambda v: (terms @ v, terms), measured, spread)

    def loss(a, b):
        rows = np.log(terms @ np.exp([a, b]) / measured) / s
        return np.square(rows).sum() + (a / spread[0]) ** 2 + ((b - a) / spread[1]) ** 2

    grid = np.linspace(-1, 3, 401)
    least = min((loss(a, b), a, b) for a in grid for b in grid)
    assert np.log(x) == pytest.approx(least[1:], abs=0.011)
    assert loss(*np.log(x)) <= least[0] + 1e-9


def test_the_pull_of_a_prior_is_that_of_a_ratio():
    assert prior_pull(np.array([2.0, 0.5])) @ np.array([1.0, 3.0]) == pytest.approx([0.5, 4.0])


def test_quantiles_of_student_against_the_integral_of_its_density():
    import math

    for free in (1, 4, 10, 11, 40):
        c = math.gamma((free + 1) / 2) / math.sqrt(free * math.pi) / math.gamma(free / 2)
        x = np.linspace(0, student(free), 200_001)
        y = c * (1 + x**2 / free) ** (-(free + 1) / 2)
        area = float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum())
        assert 0.5 + area == pytest.approx(0.975, abs=2e-4)


def test_rank_correlation_with_ties_is_that_of_mean_ranks():
    one, other = np.array([1.0, 2.0, 2.0, 5.0]), np.array([3.0, 1.0, 4.0, 9.0])
    expected = np.corrcoef([1, 2.5, 2.5, 4], [2, 1, 3, 4])[0, 1]
    assert spearman(one, other) == pytest.approx(expected)
    assert spearman(one[:1], other[:1]) is None
