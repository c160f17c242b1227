"""The fewest steps of any way to unroll ranks, against every way written out."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from onewatt.mapper.checker.unrolling import Unrolling
from onewatt.mapper.kernel.words import unrolled_steps
from onewatt.mapper.unrolling import unrollings


def fewest(sizes, axes, most, tiles, divides):
    """The definition: every number of copies of every rank on every axis."""
    rows = []
    for j, (size, able) in axes.items():
        ranges = [
            [c for c in range(1, most[r, j] + 1) if not divides or n % c == 0] if r in able else [1]
            for r, n in enumerate(sizes)
        ]
        rows.append([c for c in itertools.product(*ranges) if math.prod(c) <= size])
    return min(
        math.prod(
            max(math.ceil(n / math.prod(w[r] for w in way)), tiles[r]) for r, n in enumerate(sizes)
        )
        for way in itertools.product(*rows)
    )


def listed(found, most, tiles, shape):
    """What the search takes for the fewest steps."""
    copies = np.ones(shape, dtype=np.int64)
    for at, c in most.items():
        copies[at] = c
    return unrolled_steps(copies, np.array(tiles, dtype=float)[:, None], 0, found)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("divides", [False, True])
def test_no_way_takes_fewer_steps(seed, divides):
    rng = random.Random(seed)
    sizes = [rng.choice([1, 2, 3, 5, 6, 7, 12, 13, 28]) for _ in range(rng.randint(1, 3))]
    axes = {
        j: (rng.choice([1, 3, 4, 7, 8]), [r for r in range(len(sizes)) if rng.random() < 0.8])
        for j in range(1, rng.randint(1, 2) + 1)
    }
    slots = len(axes) + 2
    allowed = np.zeros((slots, len(sizes)), dtype=bool)
    for j, (_, able) in axes.items():
        allowed[j, able] = True
    is_time = np.array([j not in axes for j in range(slots)])
    axis_size = np.array([axes[j][0] if j in axes else 1 for j in range(slots)])
    found = unrollings(np.array(sizes), axis_size, allowed, is_time, divides)
    proof = Unrolling(
        sizes, {j: s for j, (s, _) in axes.items()}, {j: a for j, (_, a) in axes.items()}, divides
    )
    assert (np.diff(found.steps) >= 0).all()
    exact = 0
    for k in range(12):
        most = {
            (r, j): (rng.randint(1, size) if k else size)
            for j, (size, _) in axes.items() for r in range(len(sizes))
        }  # fmt: skip
        tiles = [rng.randint(1, n) if k % 2 else 1 for n in sizes]
        true = fewest(sizes, axes, most, tiles, divides)
        low = listed(found, most, tiles, (len(sizes), slots))
        assert low <= proof.steps(most, tiles) <= true
        assert low == true or low == found.steps[-1]
        exact += low == true
    assert exact or not len(found.copies)  # without a limit the first of the list is it


def test_arrays_with_too_many_ways_are_bounded_by_points_over_instances():
    sizes = np.array([512, 512, 28, 28, 3, 3])
    allowed, is_time = np.ones((3, 6), dtype=bool), np.array([True, False, True])
    found = unrollings(sizes, np.array([1, 1000, 1]), allowed, is_time, False)
    assert len(found.copies) == 0
    assert found.steps.tolist() == [-(-512 * 512 * 28 * 28 * 9 // 1000)]
    assert (
        Unrolling(sizes.tolist(), {1: 1000}, {1: list(range(6))}, False).steps({}, [1] * 6)
        == found.steps[0]
    )
