"""In every order of loops each term counts what one class of orders says, or more.

The law behind all bounds, looked at term by term: a sum over terms would hide one that is too
large behind others, and the cheapest order behind those that cost more.
"""

from __future__ import annotations

import os
import random

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import onewatt as ow
from mapper import random_cases
from mapper.test_bounds import around, chain, layer, resting
from onewatt.components.library import prices
from onewatt.mapper.begin import bound_of, space_of
from onewatt.mapper.exact import KINDS, LayerSearch
from onewatt.mapper.kernel.arrays import LEVEL, MAYBE
from onewatt.mapper.kernel.boxes import in_set, tighten
from onewatt.mapper.kernel.prices import open_classes
from onewatt.mapper.kernel.tilings import nest_of, words_in
from onewatt.mapper.kernel.words import least_words
from onewatt.mapper.problem import without_trivial

#: More for a long run: ONEWATT_EXAMPLES=3000 pytest tests/mapper/test_words.py
EXAMPLES = int(os.environ.get("ONEWATT_EXAMPLES", "60"))
ORDERS = 12


def count(problem, case, space, tile, orders):
    """The words of every term in one nest of loops."""
    most = len(problem.is_time) * len(tile)
    nest = tuple(np.zeros(most, dtype=np.int64) for _ in range(5))
    depth = np.zeros(len(problem.is_time) + 1, dtype=np.int64)
    nest_of(tile, orders, space.is_time, nest, depth)
    rest = (tile[:, 0].copy(), nest, depth, problem.layer, case.costs)
    return np.array([words_in(t, *rest) for t in range(len(case.costs.terms))])


def covers(case, bound, exact):
    """Whether at every level some class bounds all words of its terms from below."""
    level = case.costs.terms[:, LEVEL]
    pays = (case.costs.rates != 0).any(axis=1)
    alone = pays & (level < 0)
    if (bound.words[alone, 0] > exact[alone] * (1 + 1e-9)).any():
        return False
    for at in range(len(case.costs.deciding)):
        mine = pays & (level == at)
        low, seen = bound.words[mine], exact[mine, None] * (1 + 1e-9)
        whole = (low + bound.gain[mine] <= seen).all(axis=0)  # the run of the class is whole,
        apart = (low + bound.fine[mine] <= seen).all(axis=0)  # or it is not
        if not (whole | apart).any():
            return False
    return True


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(st.integers(0, 2**40), st.sampled_from(["perfect", "tight", "full"]))
@example(31295193, "perfect")
def test_some_class_bounds_the_words_of_an_order(seed, tiles):
    rng = random.Random(seed)
    one = without_trivial(rng.choice([layer, random_cases.layer])(rng))
    presets = [ow.load_chip(name) for name in ("eyeriss", "eyeriss_v2", "systolic_ws")]
    chip = rng.choice([random_cases.chip(rng), random_cases.chip(rng), *presets])
    search = LayerSearch(one, chip, prices(chip), "energy", tiles, False, None, None)
    for _ in range(30):
        problem = rng.choice(search.problems)
        rows = [
            chain(rng, int(n), problem.allowed[:, r].tolist(), tiles)
            for r, n in enumerate(problem.sizes)
        ]
        tile = np.array(rows, dtype=np.int64)
        if not all(in_set(tile, r, KINDS[tiles]) for r in range(len(tile))):
            continue
        rests, boxes = resting(rng, tile, problem), [around(rng, tile, problem.sizes), (tile, tile)]
        cases, nothing = [], np.full((1, 2), np.inf)
        for case in (c for _, c in search.cases if c.problem is problem):
            space = space_of(problem, case, KINDS[tiles])
            if not tighten(tile.copy(), tile.copy(), np.full_like(rests, MAYBE), space,
                           problem.layer):  # fmt: skip
                continue  # not a tiling of this case
            bounds = []
            for lo, hi in boxes:
                low, high = lo.copy(), hi.copy()
                assert tighten(low, high, rests, space, problem.layer)
                bounds.append(bound_of(problem, case))
                steps = least_words(low, high, rests, space, problem.layer, case.costs, bounds[-1])
                assert open_classes(case.costs, bounds[-1], steps, 0, nothing, 0.0, np.zeros(3))
            cases.append((case, space, bounds))
        for _ in range(ORDERS if cases else 0):
            orders = np.array([rng.sample(range(len(tile)), len(tile)) for _ in problem.is_time])
            named = problem.fixed[:, 0] >= 0
            orders[named] = problem.fixed[named]
            exact = [count(problem, case, space, tile, orders) for case, space, _ in cases]
            for which in range(len(boxes)):
                assert any(
                    covers(case, bounds[which], seen)
                    for (case, _, bounds), seen in zip(cases, exact, strict=True)
                )
