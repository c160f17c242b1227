"""Single tilings: the room for orders and costs grows with them."""

from __future__ import annotations

import random

import numpy as np
import pytest

import onewatt as ow
from onewatt.components.library import prices
from onewatt.mapper import singles
from onewatt.mapper.exact import LayerSearch
from onewatt.mapper.kernel import arrays
from onewatt.mapper.problem import without_trivial

NOTHING = np.full((1, 2), np.inf)


def tilings(problem, many):
    """Draw chains of divisors with loops wherever a rank may loop."""
    rng = random.Random(3)
    for _ in range(many):
        tile = np.ones((len(problem.sizes), len(problem.is_time) + 1), dtype=np.int64)
        tile[:, 0] = problem.sizes
        for r in range(len(tile)):
            for j in range(len(problem.is_time) - 1):
                outer = int(tile[r, j])
                less = [d for d in range(1, outer + 1) if outer % d == 0]
                tile[r, j + 1] = rng.choice(less) if problem.allowed[j, r] else outer
        yield tile


@pytest.mark.parametrize("mode", [arrays.EDP, arrays.FRONT])
@pytest.mark.parametrize("every", [False, True])
def test_little_room_gives_the_same_costs(monkeypatch, mode, every):
    chip = ow.with_dataflow(ow.load_chip("eyeriss_like"), "free")
    layer = without_trivial(
        next(e for e in ow.load_workload("alexnet").einsums if e.name == "conv3")
    )
    search = LayerSearch(layer, chip, prices(chip), "energy", "perfect", False, None, None)
    problem, case = search.problems[0], search.cases[0][1]
    monkeypatch.setattr(singles, "_ROOM", 1)
    small = singles.Singles(problem, case)
    monkeypatch.setattr(singles, "_ROOM", 5000)
    large = singles.Singles(problem, case)
    words = np.zeros((len(case.costs.terms), len(problem.classes)))
    for tile in tilings(problem, 20):
        costs, orders = large.costs(tile, words, mode, NOTHING, 0.0, every)
        again, same = small.costs(tile, words, mode, NOTHING, 0.0, every)
        assert len(costs)
        assert (costs == again).all()
        assert (orders == same).all()
        assert small.mapping(tile, int(orders[-1])) == large.mapping(tile, int(orders[-1]))
    assert len(large.desk.codes) == 5000
    assert small.found.lists.shape[1] > 1
    assert len(small.desk.codes) > 1
