"""What the compiled search begins with: the tiles of a set, the box of all tiles, a workspace."""

from __future__ import annotations

import numpy as np

from onewatt.mapper.kernel import arrays
from onewatt.mapper.kernel.arrays import Ints, Space
from onewatt.mapper.kernel.branching import Learnt
from onewatt.mapper.kernel.explore import Stack, Workspace
from onewatt.mapper.kernel.windows import COLUMNS
from onewatt.mapper.kernel.words import Bound
from onewatt.mapper.problem import Case, Problem

#: Boxes that a stack has room for.
_DEEP = 4096


def space_of(problem: Problem, case: Case, kind: int) -> Space:
    """Return the tiles of a set in one case."""
    domains = [_domain(int(n), kind) for n in problem.sizes]
    domain = np.zeros((len(domains), max(map(len, domains))), dtype=np.int64)
    for i, values in enumerate(domains):
        domain[i, : len(values)] = values
    places, bits, most = problem.limits
    return Space(
        kind=kind, is_time=problem.is_time, axis_size=problem.axis_size, domain=domain,
        n_domain=np.array([len(d) for d in domains], dtype=np.int64), allowed=case.allowed,
        limit_place=places, limit_bits=bits, limit_most=most,
        unrolled=problem.unrolled(kind == arrays.PERFECT),
    )  # fmt: skip


def stack_of(problem: Problem, rests: int) -> Stack:
    """Return a stack with the box of all tiles."""
    slots, ranks = len(problem.is_time), len(problem.sizes)
    lo = np.ones((_DEEP, ranks, slots + 1), dtype=np.int64)
    hi = np.empty_like(lo)
    lo[0, :, 0] = problem.sizes
    hi[0] = problem.sizes[:, None]
    hi[0, :, -1] = 1
    return Stack(
        lo, hi, np.full((_DEEP, ranks, slots), rests, dtype=np.int64),
        np.full(_DEEP, -1, dtype=np.int64), np.zeros(_DEEP),
    )  # fmt: skip


def learnt_of(problem: Problem) -> Learnt:
    """Return what is known of cuts before the first."""
    cuts = 4 * len(problem.sizes) * (len(problem.is_time) + 1)
    return Learnt(np.zeros(cuts), np.zeros(cuts))


def bound_of(problem: Problem, case: Case) -> Bound:
    """Return arrays for the least words of one case."""
    ranks, slots, costs = len(problem.sizes), len(problem.is_time), case.costs
    words, rows = (len(costs.terms), len(costs.classes)), len(costs.base)
    levels, windows = len(costs.deciding), problem.layer.dims.shape[1]
    whole = np.int64
    return Bound(
        words=np.zeros(words), lost=np.zeros(words), gain=np.zeros(words), fine=np.zeros(words),
        at=np.zeros(words, whole), counts=np.zeros((ranks, len(costs.masks))),
        pair=np.zeros((windows, COLUMNS)), last=np.zeros((2, ranks, slots), whole),
        share=np.zeros(ranks), scratch=np.zeros((3, 64), whole),
        copied=np.zeros((ranks, slots), whole),
        part=np.zeros((3, levels, rows, words[1])), paid=np.zeros((levels + 1, rows)),
        more=np.zeros((levels + 1, rows)), picked=np.zeros(levels, whole),
    )  # fmt: skip


def workspace_of(problem: Problem, case: Case) -> Workspace:
    """Return arrays for a search of one case."""
    ranks, slots = len(problem.sizes), len(problem.is_time)
    lo = np.zeros((ranks, slots + 1), dtype=np.int64)
    rests = np.zeros((ranks, slots), dtype=np.int64)
    return Workspace(
        bound_of(problem, case), lo, lo.copy(), rests, np.zeros(lo.shape), np.zeros(rests.shape),
        np.zeros(3), lo.copy(),
    )  # fmt: skip


def _domain(size: int, kind: int) -> Ints:
    """Return the tile sizes of a set, rising."""
    if kind == arrays.FULL:
        return np.arange(1, size + 1, dtype=np.int64)
    root = int(size**0.5)
    small = np.arange(1, min(size, root + 1) + 1, dtype=np.int64)
    if kind == arrays.PERFECT:
        some = small[size % small == 0]
        return np.unique(np.concatenate([some, size // some]))
    return np.unique(np.concatenate([small[-(-size // (-(-size // small))) == small],
                                     -(-size // small)]))  # fmt: skip
