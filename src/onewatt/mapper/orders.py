"""Orders: the loop orders of a tiling that can differ in cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from onewatt.mapper.problem import Case, Problem
from onewatt.model import kernel

Tiles = list[list[int]]
Order = tuple[int, ...]


def order_of(problem: Problem, picked: int) -> Order:
    """Return an order, outermost first, that belongs to a class."""
    still, slides, run, _ = (int(v) for v in problem.classes[picked])
    ranks = range(len(problem.sizes))
    inner = [r for r in ranks if run >> r & 1]
    resting = [r for r in ranks if not problem.relevant[still, r] and r not in inner]
    moving = [r for r in ranks if problem.relevant[still, r]]
    for group in (inner, moving):
        if slides in group:
            group.remove(slides)
            group.append(slides)
    return (*resting, *moving, *inner)


def orders_of(problem: Problem, slots: list[int], combo: int) -> list[Order]:
    """Return the order of every slot for a combination of classes at the deciding slots."""
    everything = tuple(range(len(problem.sizes)))
    picked: dict[int, int] = {}
    for slot in slots:
        picked[slot] = combo % len(problem.classes)
        combo //= len(problem.classes)
    return [
        problem.fixed_order(j) or (order_of(problem, picked[j]) if j in picked else everything)
        for j in range(len(problem.is_time))
    ]


def every_order(problem: Problem, tiles: Tiles) -> Iterator[list[Order]]:
    """Yield orders of all slots such that every other order costs the same as one of them.

    `tiles` has a row for each place, outermost first.  From the innermost loop outwards: once a
    loop moves every word of a tensor, loops outside it only repeat that, in any order.
    """
    everything = tuple(range(len(problem.sizes)))
    deciding = problem.deciding()
    choices: list[list[Order]] = []
    for j in range(len(problem.is_time)):
        fixed = problem.fixed_order(j)
        if fixed is not None:
            choices.append([fixed])
        elif j in deciding:
            choices.append(list(_slot_orders(problem, tiles, j)))
        else:
            choices.append([everything])
    for chosen in itertools.product(*choices):
        yield list(chosen)


def _slot_orders(problem: Problem, tiles: Tiles, slot: int) -> Iterator[Order]:
    ranks = range(len(problem.sizes))
    loops = [r for r in ranks if tiles[slot][r] > tiles[slot + 1][r]]
    idle = tuple(r for r in ranks if r not in loops)
    tensors = range(len(problem.n_dims))

    def grow(inner: Order, open_: frozenset[int]) -> Iterator[Order]:
        rest = [r for r in loops if r not in inner]
        if not rest or not open_:
            yield (*idle, *rest, *inner)
            return
        for r in rest:
            yield from grow((r, *inner), open_ - {x for x in open_ if problem.line[x, r]})

    yield from grow((), frozenset(tensors))


def count_words(
    problem: Problem, case: Case, tiles: Tiles, orders: list[Order]
) -> tuple[float, float]:
    """Return energy [J] and cycles [1] of a mapping, counted exactly but for rounding to accesses.

    It is at most what the model says, and needs a tenth of the time.
    """
    rows: list[tuple[int, int, int, int, int]] = []
    depth = [0]
    for j, order in enumerate(orders):
        kind = kernel.TEMPORAL if problem.is_time[j] else kernel.SPATIAL
        for r in order:
            outer, inner = tiles[j][r], tiles[j + 1][r]
            if outer > inner:
                axis = -1 if problem.is_time[j] else j
                rows.append((kind, r, inner, axis, -(-outer // inner)))
        depth.append(len(rows))
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 5).T.copy()
    nest = (table[0], table[1], table[2], table[3], table[4])
    words = [
        kernel.crossing(
            problem.factors[k.tensor], nest, problem.sizes, depth[k.place], 0, -1, k.shared,
            kernel.FRESH if k.own else kernel.FORWARD, k.keeps, False,
        )
        for k in case.keys
    ]  # fmt: skip
    steps = float(kernel.steps(nest, problem.sizes))
    per_word, offset, per_step = case.ports
    loads = (per_word[:, : len(words)] @ np.array(words, dtype=np.float64)) + offset
    cycles = max(1.0, math.ceil(steps * problem.step_cycles - 1e-6))
    cycles = max([cycles, *np.ceil(loads + per_step * steps - 1e-6).tolist()])
    energy = problem.energy.one + float(case.coef[: len(words)] @ np.array(words, dtype=np.float64))
    return energy + cycles * problem.standing, cycles
