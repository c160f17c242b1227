"""The first bounds from their definitions: every assignment of points to PEs and time, counted."""

from __future__ import annotations

import itertools
import math


def slots(ranks, axes, allowed):
    """Every way to give each rank a number of instances on each axis that has room for them."""
    cells = [(r, a) for r in ranks for a in axes]
    choices = [range(1, axes[a] + 1) if allowed(r, a) else (1,) for r, a in cells]
    for picked in itertools.product(*choices):
        given = dict(zip(cells, picked, strict=True))
        if all(math.prod(given[r, a] for r in ranks) <= n for a, n in axes.items()):
            yield {r: [given[r, a] for a in axes] for r in ranks}


def rounds(size, instances):
    """Count the rounds in which so many instances take the values of a rank, one each."""
    values, n = list(range(size)), 0
    while values:
        values, n = values[instances:], n + 1
    return n


def fewest_steps(sizes, axes, allowed):
    """The fewest steps of all placements."""
    return min(
        math.prod(rounds(sizes[r], math.prod(row)) for r, row in given.items())
        for given in slots(sizes, axes, allowed)
    )


def groups_of_pes(parallel, pes):
    """Count the rounds in which PEs take points that may all go at once."""
    return rounds(parallel, pes)
