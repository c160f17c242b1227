"""The fewest time steps of any way to lay ranks over the axes of an array."""

# pyright: basic
# fmt: off
# Written to be read beside its page of formulas: one thought a line, no helper without a use.

from __future__ import annotations

import itertools
import math
from typing import Any


class Unrolling:
    """Ways to lay whole copies of ranks over axes, and the steps they take.

    Of each axis `sizes` has the size and `able` the ranks that may lie on it.
    """

    def __init__(self, n: list[int], sizes: dict[int, int], able: dict[int, list[int]],
                 divides: bool) -> None:
        self.others = math.ceil(math.prod(n) / math.prod(sizes.values()))
        self.ways: list[tuple[int, list[int], dict[tuple[int, int], int]]] = []
        rows: list[list[Any]] = []
        used = 1
        for j, size in sizes.items():
            copies = [[c for c in range(1, min(n[r], size) + 1) if not divides or n[r] % c == 0]
                      for r in able[j]]
            many = _products(copies, size)
            best = max(many)
            used *= best
            if sum(k for p, k in many.items() if p >= 0.8 * best) > 2_000:
                return
            rows.append([{(r, j): c for r, c in zip(able[j], row, strict=True) if c > 1}
                         for row in _rows(copies, 0.8 * best, size)])
        if math.prod(map(len, rows)) > 50_000:
            return
        # an axis that is used less costs a quarter more steps than the fewest that are possible
        self.others = math.ceil(math.prod(n) / used / 0.8 - 1e-9)
        for some in itertools.product(*rows):
            copies = [1] * len(n)
            for row in some:
                for (r, _), c in row.items():
                    copies[r] *= c
            parts = [-(-a // c) for a, c in zip(n, copies, strict=True)]
            if math.prod(parts) < self.others:
                way = {k: c for row in some for k, c in row.items()}
                self.ways.append((math.prod(parts), parts, way))
        self.ways.sort(key=lambda way: way[0])
        if len(self.ways) > 4096:
            self.others = self.ways[4096][0]
            del self.ways[4096:]

    def steps(self, most: dict[tuple[int, int], int], tiles: list[float]) -> float:
        """Return the fewest steps with at most so many copies of a rank on an axis.

        A rank takes no fewer steps than it has `tiles`.
        """
        least = float(self.others)
        for steps, parts, way in self.ways:
            if steps >= least:
                break
            if all(c <= most[k] for k, c in way.items()):
                least = min(least, math.prod(max(p, t) for p, t in zip(parts, tiles, strict=True)))
        return least


def _products(copies: list[list[int]], most: int) -> dict[int, int]:
    """Count the choices of one number of each list by their product."""
    made = {1: 1}
    for some in copies:
        grown: dict[int, int] = {}
        for p, c in itertools.product(made, some):
            if p * c <= most:
                grown[p * c] = grown.get(p * c, 0) + made[p]
        made = grown
    return made


def _rows(copies: list[list[int]], least: float, most: int) -> list[tuple[int, ...]]:
    """Return the choices of one number of each list whose product lies in a range."""
    if not copies:
        return [()] if least <= 1 else []
    return [(c, *row) for c in copies[0] if c <= most
            for row in _rows(copies[1:], least / c, most // c)]
