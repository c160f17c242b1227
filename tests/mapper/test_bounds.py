"""No bound exceeds what a tiling inside its box costs, counted exactly, on layers of real size."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import onewatt as ow
from laws.nests import tensor
from mapper import random_cases
from onewatt.components.library import prices
from onewatt.errors import MappingError
from onewatt.mapper.begin import bound_of, space_of
from onewatt.mapper.exact import LayerSearch
from onewatt.mapper.kernel import arrays
from onewatt.mapper.kernel.boxes import agrees, in_set, rests_at, tighten
from onewatt.mapper.kernel.prices import open_classes
from onewatt.mapper.kernel.words import least_words
from onewatt.mapper.problem import without_trivial
from onewatt.mapper.singles import Singles
from onewatt.model.evaluate import evaluate
from onewatt.spec.workload import Einsum, Index, Rank

#: More for a long run: ONEWATT_EXAMPLES=3000 pytest tests/mapper/test_bounds.py
EXAMPLES = int(os.environ.get("ONEWATT_EXAMPLES", "60"))
NOTHING = np.full((1, 2), np.inf)


def layer(rng):
    """A convolution with two windows, or a depthwise one, of a size that no brute force reaches."""
    stride, dilation = rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2])
    window = f"{stride}P+{dilation}R", f"{stride}Q+{rng.choice([1, dilation])}S"
    i, w, o = rng.choice([
        (("C", *window), ("M", "C", "R", "S"), ("M", "P", "Q")),
        (("C", *window), ("C", "R", "S"), ("C", "P", "Q")),
        (("N", "C", *window), ("M", "C", "R", "S"), ("N", "M", "P", "Q")),
    ])  # fmt: skip
    most = {"R": 5, "S": 5, "P": 16, "Q": 16, "N": 3, "C": 16, "M": 16}
    names = sorted({t.rank for d in (*i, *w, *o) for t in Index.parse(d).terms})
    return Einsum(
        name="layer", op="conv",
        ranks=tuple(Rank(name=n, size=rng.randint(1, most[n])) for n in names),
        inputs=(tensor("Inputs", *i), tensor("Weights", *w)), output=tensor("Outputs", *o),
    )  # fmt: skip


def chain(rng, size, allowed, tiles):
    """Draw tiles of one rank, outermost first."""
    made = [size]
    for may in allowed[:-1]:
        outer = made[-1]
        sizes = [t for t in range(1, outer + 1) if tiles != "perfect" or outer % t == 0]
        tile = rng.choice([*sizes, outer, outer]) if may else outer
        made.append(-(-outer // -(-outer // tile)) if tiles == "tight" else tile)
    return [*made, 1]


def around(rng, tile, sizes):
    """Draw a box that holds a tiling."""
    lo, hi = tile.copy(), tile.copy()
    for r in range(tile.shape[0]):
        for j in range(1, tile.shape[1] - 1):
            if rng.random() < 0.5:
                lo[r, j] = rng.randint(1, tile[r, j])
                hi[r, j] = rng.randint(tile[r, j], sizes[r])
    return lo, hi


def resting(rng, tile, problem):
    """Say of some ranks, truly, whether they rest."""
    rests = np.full((tile.shape[0], tile.shape[1] - 1), arrays.MAYBE, dtype=np.int64)
    sizes = np.zeros(64, dtype=np.int64)
    for r in range(tile.shape[0]):
        for j in range(1, tile.shape[1] - 1):
            if rng.random() < 0.3:
                rests[r, j] = arrays.ALWAYS if rests_at(tile, r, j, sizes) else arrays.NEVER
    return rests


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(st.integers(0, 2**40), st.sampled_from(["perfect", "tight", "full"]))
@example(940999960, "perfect")
@example(441488, "perfect")
def test_a_box_costs_no_more_than_a_tiling_in_it(seed, tiles):
    rng = random.Random(seed)
    one = without_trivial(layer(rng))
    presets = [ow.load_chip(name) for name in ("eyeriss", "eyeriss_v2", "systolic_ws")]
    chip = rng.choice([random_cases.chip(rng), *presets])
    kind = {"perfect": arrays.PERFECT, "tight": arrays.TIGHT, "full": arrays.FULL}[tiles]
    goal = rng.choice(["energy", "latency", "layer_edp"])
    search = LayerSearch(one, chip, prices(chip), goal, tiles, False, None, None)
    for _ in range(30):
        problem = rng.choice(search.problems)
        cases = [c for _, c in search.cases if c.problem is problem]
        rows = [
            chain(rng, int(n), problem.allowed[:, r].tolist(), tiles)
            for r, n in enumerate(problem.sizes)
        ]
        tile = np.array(rows, dtype=np.int64)
        rests, (lo, hi) = resting(rng, tile, problem), around(rng, tile, problem.sizes)
        sizes = np.zeros(64, dtype=np.int64)
        least, exact, with_bounds = np.inf, None, np.inf
        for case in cases:
            space = space_of(problem, case, kind)
            maybe = np.full_like(rests, arrays.MAYBE)
            if not all(in_set(tile, r, kind) for r in range(len(tile))):
                break
            if not tighten(tile.copy(), tile.copy(), maybe, space, problem.layer):
                continue  # not a tiling of this case
            assert all(agrees(tile, r, rests, sizes) for r in range(len(tile)))
            bound, found = bound_of(problem, case), np.zeros(3)
            low, high = lo.copy(), hi.copy()
            assert tighten(low, high, rests, space, problem.layer)
            assert (low <= tile).all()
            assert (tile <= high).all()
            steps = least_words(low, high, rests, space, problem.layer, case.costs, bound)
            open_classes(case.costs, bound, steps, search.mode, NOTHING, 0.0, found)
            least = min(least, value(found, goal))
            least_words(tile, tile, rests, space, problem.layer, case.costs, bound)
            singles = Singles(problem, case)
            ruled_out = singles.costs(tile, bound.words, search.mode, NOTHING, 0.0)[0]
            with_bounds = min([with_bounds, *(value(p, goal) for p in ruled_out)])
            if exact is None:
                nothing = np.zeros_like(bound.words)
                exact = Singles(problem, case).costs(tile, nothing, search.mode, NOTHING, 0.0)
                paid, orders = exact
                mapping = singles.mapping(tile, int(orders[-1]))
        if exact is not None and least < np.inf:
            cheapest = min(value(p, goal) for p in paid)
            assert least <= cheapest * (1 + 1e-9)
            # ruling orders out by what bounds know loses none that is cheapest
            assert with_bounds == pytest.approx(cheapest, rel=1e-9, abs=0)
            try:
                cost = evaluate(one, chip, mapping, prices=prices(chip))
            except MappingError:
                continue  # windows are taken to need as few words as they may
            assert paid[-1, 0] <= cost.energy * (1 + 1e-9)
            assert paid[-1, 1] <= cost.cycles(one.name)


def value(paid, goal):
    return {"energy": paid[0], "latency": paid[1], "layer_edp": paid[0] * paid[1]}[goal]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_what_is_counted_is_what_the_model_says(name):
    """On chips without ports of many instances the count is the model's cost, rounding included."""
    rng, chip = random.Random(2), ow.load_chip("eyeriss")
    layers = [without_trivial(e) for e in ow.load_workload(name).einsums if e.work == "mac"]
    for one in rng.sample(layers, 3):
        search = LayerSearch(one, chip, prices(chip), "energy", "tight", False, None, 20_000)
        (choice,) = search.run().front
        (problem,), case = search.problems, search.cases[0][1]
        cost = evaluate(one, chip, choice.mapping, prices=prices(chip))
        assert choice.energy == pytest.approx(cost.energy, rel=1e-12, abs=0)
        best = search.incumbents()
        best.costs[0] = np.inf
        trees = search._explore("perfect", 0, best, False, False, 1e-6)
        entry, ranks = best.tilings[0], len(problem.sizes)
        tile = entry[:ranks, : len(problem.is_time) + 1].copy()
        mapping = Singles(problem, case).mapping(tile, int(entry[ranks, 0]))
        assert not trees.codes
        again = evaluate(one, chip, mapping, prices=prices(chip))
        assert best.costs[0, 0] == pytest.approx(again.energy, rel=1e-9, abs=0)
        assert best.costs[0, 1] == again.cycles(one.name)
