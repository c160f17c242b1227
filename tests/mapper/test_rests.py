"""Last tiles, and those that are one tile of the next place, against every chain written out."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from onewatt.mapper.checker.bounds import Bounds
from onewatt.mapper.kernel.rests import lasts, shares


def pieces(chain, place):
    """The definition: the sizes of all tiles at a place, cut one place after the other."""
    sizes = [chain[0]]
    for tile in chain[1 : place + 1]:
        sizes = [s for whole in sizes for s in (
            *[tile] * (whole // tile), *([whole % tile] if whole % tile else [])
        )]  # fmt: skip
    return sizes


def seen(chain, place):
    """How many last tiles there are, and the values in those that rest."""
    sizes = pieces(chain, place)
    small = [s for s in sizes if s < chain[place]]
    loops = chain[place] > chain[place + 1]
    return len(small), sum(s for s in small if loops and s <= chain[place + 1])


def chains(lo, hi):
    """Every chain of a box."""
    for tiles in itertools.product(*(range(a, b + 1) for a, b in zip(lo, hi, strict=True))):
        if all(a >= b for a, b in itertools.pairwise(tiles)):
            yield tiles


def told(lo, hi, place):
    """What the search and the checker make of a box of one rank that addresses a tensor alone."""
    n, slots = lo[0], len(lo) - 1
    low, high = np.array([lo]), np.array([hi])
    dims, one = np.array([[[0, -1, 1, 0]]]), np.ones(1, dtype=np.int64)
    last, share = np.full((2, 1, slots), -1), np.zeros(1)
    scratch = np.zeros((3, 64), dtype=np.int64)
    rests = np.zeros((1, slots), dtype=np.int64)
    domain = np.arange(1, n + 1)[None]
    shares(
        low, high, rests, 0, place, dims, one, np.ones((1, 1), dtype=np.bool_), domain, n * one,
        last, share, scratch,
    )  # fmt: skip
    checker = Bounds.__new__(Bounds)
    checker.n, checker.domain, checker.tiles = [n], [list(range(1, n + 1))], "full"
    again = checker.short([lo], [hi], 0, place), checker.last([lo], [hi], {}, 0, place)[0]
    return (lasts(low, high, 0, place, scratch), round(share[0] * n)), again


@pytest.mark.parametrize("known", [True, False])
def test_last_tiles_of_a_box(known):
    rng = random.Random(4)
    for _ in range(400):
        n, slots = rng.randint(1, 14), rng.choice([3, 4])
        chain = [n]
        for _ in range(slots - 1):
            chain.append(rng.randint(1, chain[-1]))
        chain.append(1)
        lo, hi = list(chain), list(chain)
        for j in range(1, slots):
            if not known and rng.random() < 0.5:
                lo[j], hi[j] = rng.randint(1, chain[j]), rng.randint(chain[j], n)
        for place in range(1, slots):
            every = [seen(c, place) for c in chains(lo, hi)]
            most = tuple(max(x[i] for x in every) for i in (0, 1))
            for found in told(lo, hi, place):
                if known:
                    assert tuple(found) == most
                else:
                    assert all(a >= b for a, b in zip(found, most, strict=True))
