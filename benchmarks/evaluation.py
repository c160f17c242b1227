"""How many mappings a second the compiled bound costs, and how often it is exact.

    python benchmarks/evaluation.py [--table]

For random tilings with perfect factors that fit the chip, every combination of order classes is
costed in closed form, energy and cycles.  A class stands for all orders that hold the same tensor
still and slide the same rank first, so the rate counts classes, not permutations (of which there
are up to millions a tiling).  `exact` is the share of tilings for which the cheapest combination
costs what counting every order exactly gives, within one part in a million; the rest is below it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np

import onewatt as ow
from onewatt.components.library import prices as price_list
from onewatt.mapper.begin import bound_of, space_of
from onewatt.mapper.exact import Goal, LayerSearch
from onewatt.mapper.kernel import arrays
from onewatt.mapper.kernel.boxes import tighten
from onewatt.mapper.kernel.prices import open_classes
from onewatt.mapper.kernel.words import least_words
from onewatt.mapper.problem import without_trivial
from onewatt.mapper.singles import Singles

RESULTS = Path(__file__).with_suffix(".json")
LAYERS = (
    ("alexnet", "conv3"), ("resnet18", "layer2.0.conv2"), ("resnet18", "layer2.0.downsample"),
    ("mobilenet_v2", "block7.dw"), ("mobilenet_v2", "block7.project"), ("bert_base", "pooler"),
)  # fmt: skip
CHIPS = ("eyeriss", "eyeriss_like")
TARGET = 5e6
TILINGS, CHECKED = 500, 100
GOAL: Goal = "layer_edp"


@nb.njit
def cost_all(
    tilings: Any, rests: Any, space: Any, layer: Any, costs: Any, bound: Any, times: int
) -> float:
    """Cost every class of every tiling so many times; return a sum, so that nothing is dropped."""
    nothing, found, total = np.full((1, 2), np.inf), np.zeros(3), 0.0
    for _ in range(times):
        for i in range(len(tilings)):
            tile = tilings[i]
            steps = least_words(tile, tile, rests, space, layer, costs, bound)
            open_classes(costs, bound, steps, arrays.EDP, nothing, 0.0, found)
            total += found[0]
    return total


def random_tilings(search: Any, space: Any, rests: Any, rng: random.Random) -> Any:
    """Draw chains of divisors until enough of them fit."""
    problem = search.problems[0]
    ranks, slots = len(problem.sizes), len(problem.is_time)
    made: list[Any] = []
    while len(made) < TILINGS:
        tile = np.ones((ranks, slots + 1), dtype=np.int64)
        tile[:, 0] = problem.sizes
        for r in range(ranks):
            for j in range(1, slots):
                outer = int(tile[r, j - 1])
                divisors = [d for d in range(1, outer + 1) if outer % d == 0]
                tile[r, j] = rng.choice(divisors) if space.allowed[j - 1, r] else outer
            for j in range(slots - 1, 0, -1):
                if not space.allowed[j, r]:
                    tile[r, j] = tile[r, j + 1]
        lo, hi = tile.copy(), tile.copy()
        moved = all(
            (tile[:, j] > tile[:, j + 1])[relevant].any()
            for j in search.cases[0][1].slots[1:] for relevant in problem.layer.relevant
        )  # fmt: skip
        # else another case of the search has the tiling
        falls = moved and (np.diff(tile) <= 0).all()
        if falls and tighten(lo, hi, rests, space, problem.layer) and (lo == hi).all():
            made.append(tile)
    return np.array(made)


def measure(chip: str, network: str, name: str) -> dict[str, Any]:
    """Return the rate of a layer on a chip, and how often its closed form is exact."""
    einsum = next(e for e in ow.load_workload(network).einsums if e.name == name)
    architecture = ow.load_chip(chip)
    search = LayerSearch(
        without_trivial(einsum), architecture, price_list(architecture), GOAL, "perfect", False,
        None, None,
    )  # fmt: skip
    problem, case = search.problems[0], search.cases[0][1]
    space = space_of(problem, case, arrays.PERFECT)
    rests = np.full((len(problem.sizes), len(problem.is_time)), arrays.NEVER, dtype=np.int64)
    tilings = random_tilings(search, space, rests, random.Random(1))
    bound = bound_of(problem, case)
    rest = (rests, space, problem.layer, case.costs)
    cost_all(tilings[:1], *rest, bound, 1)
    start, rounds = time.process_time(), 0
    while time.process_time() - start < 2.0:
        cost_all(tilings, *rest, bound, 20)
        rounds += 20
    taken = time.process_time() - start
    combinations = len(problem.classes) ** len(case.slots)
    exact = 0
    nothing, found, singles = np.full((1, 2), np.inf), np.zeros(3), Singles(problem, case)
    for tile in tilings[:CHECKED]:
        steps = least_words(tile, tile, *rest, bound)
        open_classes(case.costs, bound, steps, arrays.EDP, nothing, 0.0, found)
        paid, _ = singles.costs(tile, bound.words, arrays.EDP, nothing, 0.0)
        least = (paid[:, 0] * paid[:, 1]).min()
        assert found[0] * found[1] <= least * (1 + 1e-9)
        exact += bool(found[0] * found[1] >= least * (1 - 1e-6))
    return {
        "mappings_per_s": round(rounds * len(tilings) * combinations / taken),
        "tilings_per_s": round(rounds * len(tilings) / taken), "classes": combinations,
        "exact": exact / CHECKED, "load": [round(x, 2) for x in os.getloadavg()],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="only print the table")
    if not parser.parse_args().table:
        found = {f"{c}/{n}/{e}": measure(c, n, e) for c in CHIPS for n, e in LAYERS}
        lines = ",\n ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
        RESULTS.write_text(f"{{\n {lines}\n}}\n")
    print("| layer | order classes a tiling | tilings/s | mappings/s | exact |")
    print("| --- | --- | --- | --- | --- |")
    for key, row in json.loads(RESULTS.read_text()).items():
        mark = "" if row["mappings_per_s"] >= TARGET else " ✗"
        print(
            f"| {key} | {row['classes']} | {row['tilings_per_s']:,} | "
            f"{row['mappings_per_s'] / 1e6:.1f} M{mark} | {100 * row['exact']:.0f} % |"
        )


if __name__ == "__main__":
    main()
