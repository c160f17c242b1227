"""Fronts and hypervolumes against their definitions."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.codesign.front import hypervolume, pareto

numbers = st.integers(0, 6).map(float)


def vectors(dimensions, most):
    return st.lists(st.tuples(*[numbers] * dimensions), max_size=most)


@given(st.integers(1, 4).flatmap(lambda d: vectors(d, 12)))
def test_a_front_is_what_nothing_dominates(points):
    def beaten(b):
        return any(all(x <= y for x, y in zip(a, b, strict=True)) and a != b for a in points)

    assert pareto(points) == [i for i, p in enumerate(points) if not beaten(p)]


@settings(max_examples=60)
@given(st.integers(1, 4).flatmap(lambda d: vectors(d, 7)))
def test_a_hypervolume_counts_the_unit_cells_that_are_dominated(points):
    """On whole numbers the volume is the number of cells whose lower corner is dominated."""
    dimensions = len(points[0]) if points else 2
    cells = sum(
        any(all(x <= c for x, c in zip(p, corner, strict=True)) for p in points)
        for corner in itertools.product(range(5), repeat=dimensions)
    )
    assert hypervolume(points, (5.0,) * dimensions) == pytest.approx(cells, abs=1e-9)


@settings(max_examples=60)
@given(st.lists(st.tuples(*[st.floats(0.01, 0.99)] * 3), min_size=1, max_size=6))
def test_a_hypervolume_is_that_of_inclusion_and_exclusion(points):
    reference = (1.0, 1.0, 1.0)
    total = 0.0
    for size in range(1, len(points) + 1):
        for some in itertools.combinations(points, size):
            corner = [max(p[i] for p in some) for i in range(3)]
            total += (-1) ** (size + 1) * math.prod(1 - c for c in corner)
    assert hypervolume(points, reference) == pytest.approx(total, abs=1e-9)


def test_a_hypervolume_is_that_of_another_library():
    optuna = pytest.importorskip("optuna._hypervolume")
    import random

    import numpy as np

    chance = random.Random(7)
    for dimensions in (2, 3, 4, 5):
        points = [tuple(chance.random() for _ in range(dimensions)) for _ in range(30)]
        theirs = optuna.compute_hypervolume(np.array(points), np.array([1.1] * dimensions))
        assert hypervolume(points, (1.1,) * dimensions) == pytest.approx(theirs, rel=1e-9)


def test_points_at_or_beyond_the_reference_add_nothing():
    assert hypervolume([(3.0, 1.0), (1.0, 4.0)], (3.0, 4.0)) == 0.0
    assert hypervolume([], (1.0,)) == 0.0
