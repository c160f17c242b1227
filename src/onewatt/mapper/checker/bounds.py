"""The least words of every term over a box of tilings, and what they cost at least."""

# pyright: basic
# fmt: off
# Written to be read beside its page of formulas: one thought a line, no helper without a use.

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from onewatt.mapper.checker.ledger import Box
from onewatt.mapper.checker.unrolling import Unrolling
from onewatt.mapper.checker.windows import Windows, pair, union


class Bounds(Windows):
    """The least that the ledger can come to in a box."""

    @cached_property
    def unrolling(self) -> Unrolling:
        """Ways to lay the ranks over the array."""
        axes = [j for j in self.J if not self.time[j]]
        able = {j: [r for r in self.R if self.t.ranks[r] in self.t.slots[j].ranks] for j in axes}
        sizes = {j: self.t.slots[j].size for j in axes}
        return Unrolling(self.n, sizes, able, self.tiles == "perfect")

    def tally(self, lo: Any, hi: Any, r: int, slots: Any, place: int) -> float:
        """Return the least number of tiles of a rank, counting only some slots."""
        if all(lo[r][j] == hi[r][j] for j in range(place + 1)):
            return float(_alive(tuple(lo[r]), frozenset(slots), 0, place, lo[r][0]))
        parts = [list(g) for on, g in itertools.groupby(range(place), lambda j: j in slots) if on]
        spans = [(lo[r][p[0]], hi[r][p[-1] + 1]) for p in parts]
        spans = [(a, b) for a, b in spans if a > b]
        if len(spans) <= 1:
            return float(-(-spans[0][0] // spans[0][1])) if spans else 1.0
        return max(-(-spans[0][0] // spans[0][1]), math.prod(a / b for a, b in spans))

    def words(self, lo: Any, hi: Any, rests: Any, key: Any, through: Any,
              c: Any) -> tuple[float, float, float]:
        """Return the least words of a term under a class of orders.

        Then what comes back if the run of the class is whole, and what comes on top if not.
        """
        x, place, keeps, shared, own = key
        every = set(range(place)) - shared
        d = max((j for j in range(place) if self.time[j]), default=-1) if keeps else -1
        step = d + 1
        while d >= 0 and keeps and through.get(d, -1) in (-2, x):
            every -= {d}
            d = max(j for j in range(d) if self.time[j])
        irr = [r for r in self.R if not self.rel[x][r]]

        def tiles(run: set[int], without: set[int]) -> float:
            return math.prod(
                self.tally(lo, hi, r, every - without if r in run else every, place) for r in irr
            )

        value = tiles(c[2] if d >= 0 else set(), {d})
        fixed = math.prod(self.n[p] for p, r, _, _ in self.dims[x] if r < 0)
        windows = [y for y in self.dims[x] if y[1] >= 0]
        if not keeps:
            for p, r, _, _ in windows:
                fan = [self._fan(lo, hi, q, shared) for q in (p, r)]
                fixed *= self.n[p] / fan[0] * (self.n[r] / fan[1]) * (sum(fan) - 1) if shared else (
                    self.n[p] * self.n[r])
            return value * fixed, 0.0, 0.0
        e, held = step if shared else place, place if own else step
        keeping = [y for y in windows if self.overlaps(lo, hi, y, range(place), held)]
        # a loop over lines inside the run of another tensor: what loops outside it keeps nothing
        lines = {z[0] for z in self.dims[x] if z[1] < 0}
        turned = d >= 0 and c[1] >= 0 and c[3] and c[0] != x and any(
            lo[k][d] > hi[k][d + 1] for k in c[2] & lines)
        inside = [y for y in windows if self.overlaps(lo, hi, y, [d], held, c[2])]
        moved, different = 1.0, 1.0
        for y in windows:
            p, r, a, b = y
            plain = pair(self.n[p], self.n[r], a, b, hi[p][e], hi[r][e], -(-self.n[p] // hi[p][e]))
            apart = any(j < step for j in shared)  # arrays outside share: tiles that lie far apart
            f = plain = union(self.n[p], self.n[r], a, b) if apart else plain
            if d >= 0 and c[1] in (p, r):
                q, s, u, v = (p, r, a, b) if c[1] == p else (r, p, b, a)
                alone = keeping in ([], [y]) or (turned and inside in ([], [y]))
                f = min(f, self.slide(lo, hi, x, q, s, u, v, d, place, step, own, e,
                                      turned and alone, alone, plain, apart))
            moved *= f
            different *= min(plain, union(self.n[p], self.n[r], a, b))
        if turned:  # all of a window comes anew in every run
            moved = max(moved, different)
        # every word of a window comes at least once, whatever is held between its sweeps
        out = fixed * tiles(set(irr), {j for j in self.deciding if j <= d}) * different
        value = max(value * fixed * moved, out if windows else 0.0)
        if d <= 0 or self.tiles == "perfect":
            return value, 0.0, 0.0
        share = self.shares(lo, hi, rests, x, d)
        # whether only loops over lines keep a window from returning to what is held
        relies = bool(windows) and (turned or any(
            c[1] in y[:2] and self.again(lo, hi, c[1], d) and self.apart(
                lo, hi, x, y[0], y[1], d) == 1 for y in windows))
        sure = {p for p in self.R if lo[p][d] > hi[p][d + 1]}  # these loop there
        fine = 0.0
        if c[0] == x and c[3] and not windows and sure & c[2]:
            outside = min(tiles(set(irr) - {p}, {d}) for p in sure & c[2])
            more = fixed * (outside - tiles(set(irr), {d}))
            fine = more * (1 - max(share.values(), default=0.0))
        cheapest = out if windows else fixed * tiles(set(irr), {d})
        most, least = (min(s * (value - out) + t * max(0.0, value - cheapest), value - out)
                       for s, t in self.kept(lo, hi, d, x, c, share, sure,
                                          lines if relies else None))
        return value - most, most - least, fine

    def _fan(self, lo: Any, hi: Any, r: int, shared: Any) -> int:
        return min(self.n[r], math.prod(
            min(self.t.slots[j].size, -(-hi[r][j] // lo[r][j + 1])) for j in shared))

    def shares(self, lo: Any, hi: Any, rests: Any, x: int, d: int) -> dict[int, float]:
        """Return the share of a tensor's words in last tiles that rest, by the rank they cut."""
        share: dict[int, float] = {}
        for p, r, a, b in (y for z in self.dims[x] for y in (z, (z[1], z[0], z[3], z[2]))):
            if p >= 0:
                rest, many = self.last(lo, hi, rests, p, d)
                share[p] = rest / self.n[p]
                if r >= 0 and rest:
                    m = self.n[r]
                    share[p] = min(1.0, (a * rest + b * m * many) / (a * self.n[p] + b * m))
        return share

    def kept(self, lo: Any, hi: Any, d: int, x: int, c: Any, share: dict[int, float],
             sure: set[int], lines: Any) -> list[tuple[float, float]]:
        """Return the shares that loops outside the slot and in it may keep.

        At most, and if all loops of the run are innermost.
        """
        still, slides, run, full = c
        every = max(share.values(), default=0.0)
        sure = {p for p in sure if p in share and (lines is None or p in lines)}
        whole = min([share[p] for p in sure], default=1.0)  # all loops must rest
        if still == x:
            return [(min(every, whole), 0.0 if full else every)] * 2
        free = {p for p in self.R if not self.rel[still][p]}
        pairs = {p for row in self.dims for y in row if y[1] >= 0 for p in y[:2]}
        # the innermost loop over its ranks, which does not address what is held still, must rest
        most = max([s for p, s in share.items() if all(row[p] for row in self.rel) or (
            p in free and (p == slides or p not in pairs or slides not in free))], default=0.0)
        common = any(not self.rel[x][p] for p in free)
        outside = min(every if common or lines is not None else most, whole)
        if not full:
            return [(outside, most)] * 2
        within = min([most, *(share[p] for p in sure & run)])
        alone = sum(hi[p][d] > lo[p][d + 1] for p in run) == 1
        return [(outside, within if alone else most), (outside, within)]

    def last(self, lo: Any, hi: Any, rests: Any, p: int, d: int) -> tuple[int, int]:
        """Return the most values in last tiles that may rest, and the most such tiles."""
        if rests.get((p, d), True) is False or hi[p][d] == lo[p][d + 1]:
            return 0, 0
        known, tile, sizes, leave = self.cut(lo, hi, p, d)
        most = min(hi[p][d + 1], hi[p][d] - 1)
        some = [(min(s, most), k) for s, k in sizes.items() if known < d or s <= most]
        if known == d - 1:
            every, top = self.domain[p], min(hi[p][d], tile - 1)
            fits = every[bisect_left(every, lo[p][d]) : bisect_right(every, top)]
            most = max((tile % t for t in fits if tile % t <= hi[p][d + 1] and t > lo[p][d + 1]),
                       default=0)
        some += [(most, k) for k in leave if most]
        return min(self.n[p], sum(s * k for s, k in some)), sum(k for _, k in some)

    def costs(self, box: Box, through: Any) -> Iterator[tuple[float, float]]:
        """Yield least energy and cycles of a box under each combination of classes."""
        lo, hi, rests = box
        axes = [j for j in self.J if not self.time[j]]
        most = {(r, j): min(self.t.slots[j].size, -(-hi[r][j] // lo[r][j + 1]))
                for r in self.R for j in axes}
        tiles = [self.tally(lo, hi, r, {j for j in self.J if self.time[j]}, len(self.J))
                 for r in self.R]
        steps = math.prod(max(-(-self.n[r] // math.prod(most[r, j] for j in axes)), tiles[r])
                          for r in self.R)
        steps = max(steps, math.ceil(
            math.prod(self.n) / math.prod(self.t.slots[j].size for j in axes) - 1e-9),
            self.unrolling.steps(most, tiles))
        keys = sorted({*self.coef, *(k for row in self.ports.values() for k in row)}
                      - {None, "step"}, key=str)
        words = {k: [self.words(lo, hi, rests, k, through, c) for c in self.classes] for k in keys}
        where = {k: self._decides(k, through) for k in keys}

        def paid(price: dict[Any, float]) -> tuple[float, list[list[float]]]:
            """Return what is paid under any classes, then at each slot under each class there."""
            always = price.get("step", 0.0) * steps + price.get(None, 0.0)
            always += sum(v * words[k][0][0] for k, v in price.items() if where.get(k) == -1)
            table: list[list[float]] = []
            for d in self.deciding:
                rows = [(v, words[k]) for k, v in price.items() if where.get(k) == d]
                # the run of a slot's class is whole, or it is not
                table.append([sum(v * w[i][0] for v, w in rows) + min(
                    sum(v * w[i][1] for v, w in rows), sum(v * w[i][2] for v, w in rows))
                    for i in range(len(self.classes))])
            return always, table

        joules, ports = paid(self.coef), [paid(row) for row in self.ports.values()]
        least = max(1.0, math.ceil(steps * self.pace - 1e-6))
        for chosen in itertools.product(range(len(self.classes)), repeat=len(self.deciding)):
            energy, *busy = (always + sum(row[i] for row, i in zip(table, chosen, strict=True))
                             for always, table in (joules, *ports))
            cycles = max([least, *(math.ceil(b - 1e-6) for b in busy)])
            yield self.fixed + energy + cycles * self.standing, cycles

    def _decides(self, key: Any, through: Any) -> int:
        if not key[2]:
            return -1
        d = max(j for j in range(key[1]) if self.time[j])
        while through.get(d, -1) in (-2, key[0]):
            d = max(j for j in range(d) if self.time[j])
        return d


def _alive(chain: tuple[int, ...], slots: frozenset[int], j: int, place: int, size: int) -> int:
    """Count tiles with work below a tile, only the first where a slot does not count."""
    while j < place and size <= chain[j + 1]:
        j += 1
    if j >= place:
        return 1
    tile = chain[j + 1]
    one = _alive(chain, slots, j + 1, place, tile)
    if j not in slots:
        return one
    return size // tile * one + (
        _alive(chain, slots, j + 1, place, size % tile) if size % tile else 0
    )
