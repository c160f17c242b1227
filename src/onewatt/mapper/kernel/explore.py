"""Compiled branch and bound over boxes of tilings."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from onewatt.mapper.kernel.arrays import (
    ALWAYS,
    BOUNDED,
    EMPTY,
    ENERGY,
    FRONT,
    NEVER,
    SCORED,
    SPLIT,
    Floats,
    Ints,
)
from onewatt.mapper.kernel.boxes import agrees, copy_rows, in_set, tighten
from onewatt.mapper.kernel.branching import choose, gap_of, learn, number
from onewatt.mapper.kernel.jit import leaf
from onewatt.mapper.kernel.prices import open_classes, rank_of, weigh
from onewatt.mapper.kernel.words import Bound, least_words


class Stack(NamedTuple):
    """Boxes still to look at."""

    lo: Ints  #: (depth, R, J + 1)
    hi: Ints
    rests: Ints  #: (depth, R, J)
    half: Ints  #: (depth,): which half of which cut a box is, or -1
    gap: Floats  #: (depth,): how near the box that was cut was to the best answers


class Best(NamedTuple):
    """The best answers so far, by rising cycles; unused rows are infinite."""

    costs: Floats  #: (B, 2): energy, cycles
    tilings: Ints  #: (B, R + 1, J + 1): tiles, then orders and case


class Workspace(NamedTuple):
    """What a search writes to while it looks at one box."""

    bound: Bound
    lo: Ints  #: (R, J + 1)
    hi: Ints
    rests: Ints  #: (R, J)
    weight: Floats  #: (R, J + 1): what a tile bears on the cost
    resting: Floats  #: (R, J): what was given up for tiles that may rest
    found: Floats  #: (3,): least energy and cycles of a box, and the class of its words
    tile: Ints  #: (R, J + 1): a single tiling that bounds do not rule out


@leaf
def _push(stack, at, lo, hi, rests, half, gap):
    copy_rows(lo, stack.lo[at])
    copy_rows(hi, stack.hi[at])
    copy_rows(rests, stack.rests[at])
    stack.half[at], stack.gap[at] = half, gap


@leaf
def _note(tilings, at, lo, orders, tag):
    """Write a tiling: the tiles, and below them its orders and the case."""
    tilings[at].fill(0)
    copy_rows(lo, tilings[at])
    tilings[at, lo.shape[0], 0], tilings[at, lo.shape[0], 1] = orders, tag


@leaf
def _move(best, here, there):
    best.costs[there, 0], best.costs[there, 1] = best.costs[here, 0], best.costs[here, 1]
    copy_rows(best.tilings[here], best.tilings[there])


@leaf
def add(
    best: Any, n_best: int, mode: int, energy: float, cycles: float, tile: Any, orders: int,
    tag: int,
) -> int:  # fmt: skip
    """Note a point that is not beaten; returns how many there are."""
    at = 0
    if mode == FRONT:
        keep = 0
        for k in range(n_best):  # drop what the point beats
            if best.costs[k, 1] >= cycles and best.costs[k, 0] >= energy:
                continue
            if keep != k:
                _move(best, k, keep)
            keep += 1
        for k in range(keep, n_best):
            best.costs[k, 0], best.costs[k, 1] = np.inf, np.inf
        if keep == len(best.costs):
            return keep  # no room: the front is cut, which the caller sees by its size
        while at < keep and best.costs[at, 1] < cycles:
            at += 1
        for k in range(keep, at, -1):
            _move(best, k - 1, k)
        n_best = keep
    else:
        n_best = 0
    best.costs[at, 0], best.costs[at, 1] = energy, cycles
    _note(best.tilings, at, tile, orders, tag)
    return n_best + 1


@leaf
def explore(
    stack: Any, depth: int, space: Any, layer: Any, costs: Any, mode: int, best: Any,
    tolerance: float, quota: int, work: Any, tree: Any, learnt: Any,
) -> Any:  # fmt: skip
    """Explore boxes depth first until the stack is empty or `quota` boxes are done.

    Stop as well at every single tiling that its bounds do not rule out, left in `work` with the
    words of its terms.  Costing it is another kernel's work: linked into this one, it would be
    compiled twice.

    Returns
    -------
    depth, boxes, n_tree, single
        `depth` is -1 if the stack is too small; `tree` holds codes of boxes if it has any room.
    """
    bound, lo, hi, rests, weight, resting, found, tile = work
    sizes = bound.scratch[0]
    n_rank = lo.shape[0]
    boxes, n_tree = 0, 0
    record = len(tree) > 0
    while depth > 0 and boxes < quota and (not record or n_tree + 4 < len(tree)):
        if depth + 2 > len(stack.lo):
            return -1, boxes, n_tree, False
        depth -= 1
        boxes += 1
        copy_rows(stack.lo[depth], lo)
        copy_rows(stack.hi[depth], hi)
        copy_rows(stack.rests[depth], rests)
        code, steps = EMPTY, 0.0
        if tighten(lo, hi, rests, space, layer):
            steps = least_words(lo, hi, rests, space, layer, costs, bound)
            code = BOUNDED
            if open_classes(costs, bound, steps, mode, best, tolerance, found):
                code = SPLIT
        gap = gap_of(found[0], found[1], mode, best) if code == SPLIT else 0.0
        if stack.half[depth] >= 0:
            learn(learnt, stack.half[depth], stack.gap[depth], gap)
        if code != SPLIT:
            if record:
                tree[n_tree] = code
                n_tree += 1
            continue
        weigh(lo, hi, costs, layer, bound, int(found[2]), weight, resting)
        stretch = (found[0] if mode != ENERGY else found[1] * costs.standing) + 1e-30
        r, j, of_rest, matters = choose(
            lo, hi, rests, weight, resting, space.is_time, stretch, gap * found[0], learnt
        )
        if of_rest:
            half = number(r, j, True, lo.shape, False)
            _push(stack, depth, lo, hi, rests, half, gap)
            _push(stack, depth + 1, lo, hi, rests, half + 1, gap)
            stack.rests[depth, r, j], stack.rests[depth + 1, r, j] = ALWAYS, NEVER
            depth += 2
            if record:
                tree[n_tree], tree[n_tree + 1], tree[n_tree + 2] = SPLIT + 2 * r, j, 0
                n_tree += 3
            continue
        if r < 0:
            if record:
                tree[n_tree] = SCORED
                n_tree += 1
            good = True
            for q in range(n_rank):
                good = good and in_set(lo, q, space.kind) and agrees(lo, q, rests, sizes)
            if good:
                copy_rows(lo, tile)
                return depth, boxes, n_tree, True
            continue
        middle = int(math.sqrt(float(lo[r, j]) * float(hi[r, j])))
        middle = max(lo[r, j], min(middle, hi[r, j] - 1))
        # larger tiles cost less and are explored first; where nothing hangs on it, smaller ones
        first = depth + 1 if matters else depth
        second = depth if matters else depth + 1
        half = number(r, j, False, lo.shape, False)
        _push(stack, first, lo, hi, rests, half + 1, gap)
        _push(stack, second, lo, hi, rests, half, gap)
        stack.lo[first, r, j] = middle + 1
        stack.hi[second, r, j] = middle
        depth += 2
        if record:
            tree[n_tree], tree[n_tree + 1], tree[n_tree + 2] = SPLIT + 2 * r + matters, j, middle
            n_tree += 3
    return depth, boxes, n_tree, False


@leaf
def least_value(
    stack: Any, depth: int, space: Any, layer: Any, costs: Any, mode: int, nothing: Any, work: Any
) -> float:  # fmt: skip
    """The least cost that a mapping in the boxes on a stack could have, in the unit of the mode.

    `nothing` (1, 2) are answers that beat no other.
    """
    least = np.inf
    for i in range(depth):
        lo, hi, rests = stack.lo[i], stack.hi[i], stack.rests[i]
        if not tighten(lo, hi, rests, space, layer):
            continue
        steps = least_words(lo, hi, rests, space, layer, costs, work.bound)
        if open_classes(costs, work.bound, steps, mode, nothing, 0.0, work.found):
            least = min(least, rank_of(work.found[0], work.found[1], mode))
    return least
