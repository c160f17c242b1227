"""The first bounds from their definitions: every assignment of points to PEs and time, counted."""

from __future__ import annotations

import itertools
import math


def on_one_axis(ranks, size, allowed):
    """Every way to give ranks so many instances at most, one at least."""
    if not ranks:
        yield {}
        return
    for n in range(1, size + 1 if allowed(ranks[0]) else 2):
        for rest in on_one_axis(ranks[1:], size // n, allowed):
            yield {ranks[0]: n, **rest}


def slots(ranks, axes, allowed):
    """Every way to give each rank a number of instances on each axis that has room for them."""
    each = [
        list(on_one_axis(list(ranks), size, lambda r, a=a: allowed(r, a)))
        for a, size in axes.items()
    ]
    for picked in itertools.product(*each):
        yield {r: [given[r] for given in picked] for r in ranks}


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
