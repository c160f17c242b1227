"""The search finds what brute force over every mapping finds."""

from __future__ import annotations

import itertools
import os
import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mapper import random_cases
from mapper.brute_force import all_costs
from onewatt.components.library import prices
from onewatt.errors import MappingError
from onewatt.mapper.exact import TOLERANCE, search_layer
from onewatt.mapper.problem import without_trivial

#: More for a long run: ONEWATT_EXAMPLES=3000 pytest tests/mapper/test_exact.py
EXAMPLES = int(os.environ.get("ONEWATT_EXAMPLES", "40"))
VALUES = {
    "energy": lambda c: c[0],
    "latency": lambda c: c[1],
    "layer_edp": lambda c: c[0] * c[1],
}


def undominated(costs):
    front = []
    for energy, cycles, *_ in sorted(costs, key=lambda c: (c[1], c[0])):
        if not front or energy < front[-1][0] * (1 - TOLERANCE):
            front.append((energy, cycles))
    return front


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(st.integers(0, 2**40), st.sampled_from(["perfect", "tight", "tight", "full", "full"]))
def test_the_search_equals_brute_force(seed, tiles):
    rng = random.Random(seed)
    layer, chip = without_trivial(random_cases.layer(rng)), random_cases.chip(rng)
    every = all_costs(layer, chip, tiles, most=1500)
    assume(every is not None)
    if not every:
        with pytest.raises(MappingError):
            search_layer(layer, chip, prices(chip), tiles=tiles)
        return
    for goal, value in VALUES.items():
        (found,) = search_layer(layer, chip, prices(chip), goal=goal, tiles=tiles).front
        least = min(map(value, every))
        assert least * (1 - 1e-12) <= value(found) <= least * (1 + TOLERANCE)
    front = search_layer(layer, chip, prices(chip), tiles=tiles).front
    costs = {(c.energy, c.cycles) for c in front}
    assert costs <= {(e, c) for e, c, _ in every}
    for energy, cycles in undominated(every):
        assert any(c <= cycles and e <= energy * (1 + TOLERANCE) for e, c in costs)


def test_a_larger_set_is_never_worse():
    rng, compared = random.Random(5), 0
    for _ in range(12):
        layer, chip = without_trivial(random_cases.layer(rng)), random_cases.chip(rng)
        best = []
        for tiles in ("perfect", "tight", "full"):
            try:
                found = search_layer(
                    layer, chip, prices(chip), goal="layer_edp", tiles=tiles, effort=20_000
                )
            except MappingError:
                continue
            if found.gap == 0:
                best.append(found.front[0].energy * found.front[0].cycles)
        for smaller, larger in itertools.pairwise(best):
            assert larger <= smaller * (1 + TOLERANCE)
            compared += 1
    assert compared > 8
