"""Compiled: from words to joules and cycles, and whether the best answers beat them."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onewatt.mapper.kernel.arrays import (
    DECIDES,
    EDP,
    ENERGY,
    LATENCY,
    LEVEL,
    PLACE,
    TENSOR,
    WITH,
)
from onewatt.mapper.kernel.jit import leaf


@leaf
def last_within(best: Any, cycles: float) -> int:
    """The point of a front, by rising cycles and falling energy, that costs least within cycles."""
    a, b = 0, len(best)
    while a < b:
        m = (a + b) // 2
        if best[m, 1] <= cycles:
            a = m + 1
        else:
            b = m
    return a - 1


@leaf
def beaten(energy: Any, cycles: Any, mode: int, best: Any, tolerance: float) -> Any:
    """Whether no mapping at least as dear as this can be an answer; best (B, 2), unused are inf."""
    slack = 1.0 - tolerance
    if mode == ENERGY:
        return energy >= best[0, 0] * slack
    if mode == EDP:
        return energy * cycles >= best[0, 0] * best[0, 1] * slack
    if mode == LATENCY:
        return cycles > best[0, 1] or (cycles == best[0, 1] and energy >= best[0, 0] * slack)
    k = last_within(best, cycles)
    return k >= 0 and best[k, 0] * slack <= energy


@leaf
def rank_of(energy, cycles, mode):
    """The number by which a mode compares."""
    return cycles if mode == LATENCY else energy if mode == ENERGY else energy * cycles


@leaf
def priced(paid, more, least, standing):
    """Energy and cycles of the sum of two rows of what is paid, in at least `least` cycles."""
    cycles = least
    for k in range(1, len(paid)):
        total = paid[k] + more[k]
        if total > cycles:
            cycles = math.ceil(total - 1e-6)
    return paid[0] + more[0] + cycles * standing, float(cycles)


@leaf
def open_classes(
    costs: Any, out: Any, steps: float, mode: int, best: Any, tolerance: float, found: Any,
) -> bool:  # fmt: skip
    """Whether orders are left that the best answers do not beat.

    `found` (3,) gets energy, cycles and the combination of classes of the cheapest.
    """
    words, paid, more, picked = out.words, out.paid, out.more, out.picked
    part, gains, fines = out.part[0], out.part[1], out.part[2]
    n_level, n_class, rows = len(costs.deciding), len(costs.classes), len(costs.base)
    for i in range(n_level):
        for k in range(rows):
            for c in range(n_class):
                part[i, k, c], gains[i, k, c], fines[i, k, c] = 0.0, 0.0, 0.0
    for k in range(rows):
        paid[0, k] = costs.base[k] + costs.per_step[k] * steps
    for t in range(len(costs.rates)):
        at = costs.terms[t, LEVEL]
        if at < 0:
            for k in range(rows):
                paid[0, k] += costs.rates[t, k] * words[t, 0]
            continue
        back = False
        for c in range(n_class):
            back = back or out.gain[t, c] > 0 or out.fine[t, c] > 0
        for k in range(rows):
            rate = costs.rates[t, k]
            if rate == 0:
                continue
            for c in range(n_class):
                part[at, k, c] += rate * words[t, c]
            if back:
                for c in range(n_class):
                    gains[at, k, c] += rate * out.gain[t, c]
                    fines[at, k, c] += rate * out.fine[t, c]
    for i in range(n_level):
        for k in range(rows):
            for c in range(n_class):  # the run of a class is whole, or it is not
                part[i, k, c] += min(gains[i, k, c], fines[i, k, c])
    least = max(1.0, math.ceil(steps * costs.pace - 1e-6))
    for k in range(rows):  # `more` is what the levels inside pay at least
        more[n_level, k] = 0.0
    for i in range(n_level - 1, -1, -1):
        for k in range(rows):
            low = part[i, k, 0]
            for c in range(1, n_class):
                low = min(low, part[i, k, c])
            more[i, k] = more[i + 1, k] + low
    energy, cycles = priced(paid[0], more[0], least, costs.standing)
    if beaten(energy, cycles, mode, best, tolerance):
        return False
    if n_level == 0:
        found[0], found[1], found[2] = energy, cycles, 0
        return True
    is_open, lowest = False, np.inf
    picked[0], level = -1, 0
    while level >= 0:
        picked[level] += 1
        c = picked[level]
        if c == n_class:
            level -= 1
            continue
        for k in range(rows):
            paid[level + 1, k] = paid[level, k] + part[level, k, c]
        energy, cycles = priced(paid[level + 1], more[level + 1], least, costs.standing)
        if beaten(energy, cycles, mode, best, tolerance):
            continue
        if level < n_level - 1:
            level += 1
            picked[level] = -1
            continue
        is_open = True
        rank = rank_of(energy, cycles, mode)
        if rank < lowest:
            lowest = rank
            combo = 0
            for i in range(n_level - 1, -1, -1):
                combo = combo * n_class + picked[i]
            found[0], found[1], found[2] = energy, cycles, combo
    return is_open


@leaf
def weigh(lo: Any, hi: Any, costs: Any, layer: Any, bound: Any, combo: int, weight: Any,
          resting: Any) -> None:  # fmt: skip
    """Fill how much of a box's energy hangs on each tile (R, J + 1), and on each rest (R, J)."""
    weight.fill(0.0)
    resting.fill(0.0)
    n_class = len(costs.classes)
    for t in range(len(costs.rates)):
        x, place, d = costs.terms[t, TENSOR], costs.terms[t, PLACE], costs.terms[t, DECIDES]
        c, rest = 0, combo
        for i in range(len(costs.deciding)):
            if costs.deciding[i] == d:
                c = rest % n_class
            rest //= n_class
        value = costs.rates[t, 0] * bound.words[t, c]
        if bound.at[t, c] >= 0:
            at = costs.terms[t, LEVEL]
            back = bound.part[1, at, 0, c] <= bound.part[2, at, 0, c]
            lost = bound.lost[t, c] - (bound.gain[t, c] if back else 0.0)
            resting[bound.at[t, c], d] += costs.rates[t, 0] * lost
            for r in range(lo.shape[0]):  # whether it loops there decides about that too
                if layer.relevant[x, r] and lo[r, d] <= hi[r, d + 1]:
                    weight[r, d] += costs.rates[t, 0] * lost
        mask = costs.masks[costs.terms[t, WITH], 0]
        still = d >= 0 and costs.classes[c, 0] == x
        for r in range(lo.shape[0]):
            if layer.relevant[x, r]:
                continue
            inside = False
            mine = mask & ~(1 << d) if still and (costs.classes[c, 2] >> r) & 1 else mask
            for j in range(place + 1):
                now = j < place and bool((mine >> j) & 1)
                if now != inside and lo[r, j] < hi[r, j]:
                    weight[r, j] += value
                inside = now
