"""Orders: the loop orders of a tiling that can differ in cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from onewatt.mapper.problem import Problem

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
