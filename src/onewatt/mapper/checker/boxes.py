"""Boxes of tilings, shrunk to what chains, sets, axes and memories leave of them."""

# pyright: basic
# fmt: off
# Written to be read beside its page of formulas: one thought a line, no helper without a use.

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any

from onewatt.mapper.checker.bounds import Bounds
from onewatt.mapper.checker.ledger import Box
from onewatt.mapper.checker.windows import union
from onewatt.model.words import stored_bits


class Boxes(Bounds):
    """The bounds with the boxes that they are taken over."""

    def root(self) -> Box:
        """Return the box of all tiles."""
        lo = [[n] + [1] * len(self.J) for n in self.n]
        hi = [[n] * len(self.J) + [1] for n in self.n]
        return lo, hi, {}

    def shrink(self, box: Box, through: dict[int, int]) -> bool:
        """Shrink a box to what chains, sets, axes and memories allow; False if none is left."""
        lo, hi, rests = box
        for r, j in (key for key, yes in rests.items() if yes):
            hi[r][j] = min(hi[r][j], self.n[r] - 1)
            hi[r][j + 1] = min(hi[r][j + 1], hi[r][j] - 1)
            lo[r][j] = max(lo[r][j], lo[r][j + 1] + 1)
        before = None
        while before != (lo, hi):
            before = [list(v) for v in lo], [list(v) for v in hi]
            if not all(self._chain(lo, hi, r, through, rests) for r in self.R):
                return False
            if not self._axes(lo, hi) or not self._memories(lo, hi):
                return False
        return True

    def _chain(self, lo: Any, hi: Any, r: int, through: dict[int, int], rests: Any) -> bool:
        for j in self.J:
            x = through.get(j, -1)
            still = self.t.ranks[r] not in self.t.slots[j].ranks
            if still or x == -2 or (x >= 0 and self.rel[x][r]):
                lo[r][j] = lo[r][j + 1] = max(lo[r][j], lo[r][j + 1])
                hi[r][j] = hi[r][j + 1] = min(hi[r][j], hi[r][j + 1])
            hi[r][j + 1], lo[r][j] = min(hi[r][j : j + 2]), max(lo[r][j : j + 2])
        for j in range(1, len(self.J)):
            all_ = self.domain[r]
            some = all_[bisect_left(all_, lo[r][j]) : bisect_right(all_, hi[r][j])]
            fit = [v for v in some if self._chained(lo, hi, r, j, v)
                   and self._may_rest(lo, hi, r, j, v, rests)]
            if not fit:
                return False
            lo[r][j], hi[r][j] = fit[0], fit[-1]
        return all(lo[r][j] <= hi[r][j] for j in range(len(self.J) + 1))

    def _chained(self, lo: Any, hi: Any, r: int, j: int, v: int) -> bool:
        """Whether a tile may stand between its neighbours where these are known."""
        out, low = (lo[r][j - 1], hi[r][j - 1]), (lo[r][j + 1], hi[r][j + 1])
        if self.tiles == "full":
            return True
        if self.tiles == "perfect":
            return not (out[0] == out[1] and out[0] % v) and not (low[0] == low[1] and v % low[0])
        return out[0] != out[1] or -(-out[0] // -(-out[0] // v)) == v

    def _may_rest(self, lo: Any, hi: Any, r: int, j: int, v: int, rests: Any) -> bool:
        """Whether the last of such tiles can rest, or can fail to, as the box says."""
        n, says = self.n[r], rests.get((r, j))
        if says is None or lo[r][j - 1] != n:
            return True
        if says:
            return 0 < n % v <= hi[r][j + 1] and v > lo[r][j + 1]
        return n % v == 0 or n % v > lo[r][j + 1] or v <= hi[r][j + 1]

    def _axes(self, lo: Any, hi: Any) -> bool:
        for j in (j for j in self.J if not self.time[j]):
            size, least = self.t.slots[j].size, [-(-lo[r][j] // hi[r][j + 1]) for r in self.R]
            used = math.prod(least)
            if used > size:
                return False
            for r in self.R:
                room = size // (used // least[r])
                hi[r][j] = min(hi[r][j], hi[r][j + 1] * room)
                lo[r][j + 1] = max(lo[r][j + 1], -(-lo[r][j] // room))
        return True

    def _memories(self, lo: Any, hi: Any) -> bool:
        for j, limit, widths in self.limits():

            def held(r: int = -1, v: int = 0, j: int = j, widths: Any = widths) -> float:
                tile = [v if q == r else lo[q][j] for q in self.R]
                return sum(w * math.prod(
                    tile[p] if q < 0 else union(tile[p], tile[q], a, b)
                    for p, q, a, b in self.dims[x]) for x, w in widths.items())

            if held() > limit:
                return False
            for r in self.R:
                a, b = lo[r][j], hi[r][j]
                while a < b:  # the largest tile that fits
                    m = (a + b + 1) // 2
                    a, b = (m, b) if held(r, m) <= limit else (a, m - 1)
                hi[r][j] = a
        return True

    def limits(self) -> Iterator[tuple[int, float, dict[int, float]]]:
        """Yield place, capacity [bit] and width of each tensor for every limit of a memory."""
        for i, stage in enumerate(self.t.stages):
            j = next(k for k in self.J if self.t.slots[k].stage == i)
            for m, kept in stage.memories:
                wide = {x: float(stored_bits(self.chip, m, t, t is self.e.output))
                        * (2 if m.reserves_half else 1)
                        for x, t in enumerate(self.e.tensors) if t.name in kept}
                if m.capacity is not None:
                    yield j, float(m.capacity), wide
                for share in m.partition:
                    yield j, float(share.capacity), {
                        x: w for x, w in wide.items() if self.e.tensors[x].name == share.tensor}
