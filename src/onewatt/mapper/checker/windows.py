"""The least words of sliding windows over a box of tilings."""

# pyright: basic
# fmt: off
# Written to be read beside its page of formulas: one thought a line, no helper without a use.

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from onewatt.mapper.checker.ledger import Ledger


class Windows(Ledger):
    """The ledger with the least that a window a*p + b*r of a tensor moves in a box."""

    def overlaps(self, lo: Any, hi: Any, window: Any, slots: Any, held: int,
                 run: Any = None) -> bool:
        """Whether a step of a rank of a window, among some, may keep some of its words."""
        p, r, a, b = window
        first, second = ((run is None or q in run) and any(
            self.time[j] and hi[q][j] > lo[q][j + 1] for j in slots) for q in (p, r))
        return (first and second) or (first and b * (hi[r][held] - 1) + 1 > a) or (
            second and a * (hi[p][held] - 1) + 1 > b)

    def held(self, lo: Any, hi: Any, p: int, r: int, a: int, b: int, d: int) -> float:
        """Return the most words of a window that arrays hold where rank p starts at slot d."""
        wide = a * (hi[p][d + 1] - 1) + b * (hi[r][d + 1] - 1) + 1
        starts = math.prod(-(-hi[q][j] // lo[q][j + 1]) for q in (p, r) for j in range(d))
        return float(wide * starts * -(-hi[r][d] // lo[r][d + 1]))

    def slide(self, lo: Any, hi: Any, x: int, p: int, r: int, a: int, b: int, d: int, place: int,
              step: int, own: bool, e: int, turned: bool, alone: bool, plain: float,
              apart: bool) -> float:
        """Return the least words of a window that rank p moves first at slot d."""
        np, nr, at = self.n[p], self.n[r], place if own else step
        if -(-hi[p][d] // lo[p][d + 1]) <= 1:
            return plain
        if apart:
            return max(0.0, plain - self.held(lo, hi, p, r, a, b, d))
        wide, move = a * (hi[p][at] - 1) + b * (hi[r][at] - 1) + 1, a * lo[p][step]
        trips, short = -(-lo[p][d] // hi[p][d + 1]), self.short(lo, hi, p, d)
        sweeps = float(-(-np // hi[p][d]))
        if not turned:
            far = trips >= 3 and wide <= (trips - 1) * move
            far = far and (not self.again(lo, hi, p, d) or self.apart(lo, hi, x, p, r, d) > 0)
            sweeps = max(0.0, sweeps - short) if far else 0.0
        joined = not own or hi[p][step] == lo[p][place]
        total = plain
        if wide > move:
            total = pair(np, nr, a, b, hi[p][d], hi[r][e], sweeps, joined)
        elif not turned and self.again(lo, hi, p, d) and not self.apart(lo, hi, x, p, r, d):
            total -= self.near(lo, hi, p, r, d, place, step, own) * max(0, wide - a)
            total = max(total, min(plain, pair(np, nr, a, b, hi[p][d], hi[r][e], 0.0, joined)))
        tiles = -(-nr // hi[r][e])
        unit = max(tiles, nr * min(1.0, a / hi[r][e]) if b == 1 else 0.0,
                   nr if a == 1 and 2 * hi[p][d + 1] <= b else 0.0)
        if own and a * (hi[p][step] - 1) < b * lo[r][place] and (
                self.tiles == "perfect" or self.divides(lo, hi, r, place)):
            unit = max(unit, -(-nr // hi[r][place]))  # another word for each receiver
        n, full = max(2, trips), max(0, np - short * (hi[p][d] - 1))
        least = unit * full * (n - 1) / n
        # what comes after the first tile of full sweeps, and the words of that
        later = least if self.tiles == "perfect" else (
            unit * full * max(0.0, 1 - hi[p][d + 1] / lo[p][d]))
        first, begun = nr + tiles * (lo[p][d + 1] - 1), max(0, -(-np // hi[p][d]) - short)
        if turned or not any(self.time[j] and hi[r][j] > lo[r][j + 1] for j in range(place)):
            begun = min(begun, sweeps if wide > move else 0)
            return max(total, least, later + begun * first)
        kept = self.besides(lo, hi, p, r, a, b, d, place, at, place if own else e, own, alone)
        if kept is None:
            return least
        if a * max((n - 1) * lo[p][d + 1], lo[p][d] - hi[p][d + 1]) >= wide:
            total = max(total, later + begun * first)  # steps of all other ranks keep nothing
        return max(least, total - kept)

    def divides(self, lo: Any, hi: Any, q: int, place: int) -> bool:
        """Whether the tiles of a rank are known down to a place, all as large as each other."""
        return lo[q][: place + 1] == hi[q][: place + 1] and not any(
            lo[q][j] % lo[q][j + 1] for j in range(place))

    def besides(self, lo: Any, hi: Any, p: int, r: int, a: int, b: int, d: int, place: int,
                at: int, inside: int, own: bool, alone: bool) -> float | None:
        """Return the most words that steps keep but those of p at slot d, None if not known."""
        if not all(self.divides(lo, hi, q, d + 1) and not any(
                lo[q][j] > lo[q][j + 1] and not self.time[j] for j in range(d)) for q in (p, r)):
            return 0.0 if self.far(lo, hi, p, r, a, b, d, place, at, own) else None
        wide, mp, mr = a * (hi[p][at] - 1) + b * (hi[r][at] - 1) + 1, lo[p][d + 1], lo[r][d + 1]

        def over(step: int, back: int) -> int:  # words in both of two tiles
            return max(0, wide - abs(step - back))

        if over(0, a * (lo[p][d] - mp)) and not alone:
            return None  # steps of another window may keep words too
        kept, runs = 0.0, 1
        for j in range(d):  # of the two loops of a slot outside, either may be the outer one
            n, m = lo[p][j] // lo[p][j + 1], lo[r][j] // lo[r][j + 1]
            backs = {k: (a * (lo[p][k] - mp), b * (lo[r][k] - mr)) for k in (j, j + 1)}
            kept += runs * max(
                (n - 1) * over(a * mp, backs[j][1]) + n * (m - 1) * over(b * mr, backs[j + 1][0]),
                (m - 1) * over(b * mr, backs[j][0]) + m * (n - 1) * over(a * mp, backs[j + 1][1]))
            runs *= n * m
        kept += runs * (lo[r][d] // mr - 1) * over(b * mr, a * (lo[p][d] - mp))
        return kept * math.prod(-(-hi[q][j] // lo[q][j + 1]) for q in (p, r)
                                for j in range(d + 1, inside) if not self.time[j])

    def far(self, lo: Any, hi: Any, p: int, r: int, a: int, b: int, d: int, place: int, at: int,
            own: bool) -> bool:
        """Whether no step keeps words but those of p at slot d: p is moved far by each, or r is."""
        if self.short(lo, hi, p, d):
            return False
        back = 1 + int(self.tiles != "perfect" and own and lo[p][place] < hi[p][d + 1])
        trips = max(2, -(-lo[p][d] // hi[p][d + 1]))
        move = max((trips - back) * lo[p][d + 1], lo[p][d] - back * hi[p][d + 1])
        if self.again(lo, hi, p, d):
            move = min(move, self.step(lo, hi, p, d))
        p_wide, r_wide = a * (hi[p][at] - 1), b * (hi[r][at] - 1)
        if a * move > p_wide + b * (self.n[r] - 1):
            return True
        other = b * self.step(lo, hi, r, d)
        return a * move > p_wide + r_wide and other > r_wide + a * (self.n[p] - 1)

    def step(self, lo: Any, hi: Any, p: int, d: int) -> int:
        """Return the least that a step of a loop over a rank down to slot d moves its tiles by."""
        loops = [j for j in range(d + 1) if hi[p][j] > lo[p][j + 1]]
        least = lo[p][d + 1]
        if self.tiles == "perfect" or sum(self.time[j] for j in loops) < 2:
            return least
        for j in loops:
            last = lo[p][j + 1]
            for k in range(j + 1, d + 1):
                if lo[p][k : k + 2] != hi[p][k : k + 2]:
                    return 1
                last = min(last, (last - 1) % lo[p][k + 1] + 1)
            least = min(least, last)
        return least

    def apart(self, lo: Any, hi: Any, x: int, p: int, r: int, d: int) -> int:
        """Whether the end of a sweep is replaced before the next begins where p steps outside.

        1 if only loops over lines see to that which a last tile outside may leave out, else 2.
        """
        lines = {y[0] for y in self.dims[x] if y[1] < 0}
        loops = [(q in lines, lo[q][d] < self.n[q], -(-lo[q][d] // hi[q][d + 1]))
                 for q in self.R if self.rel[x][q] and q not in (p, r)]
        if any(not cut and n >= (2 if line else 3) for line, cut, n in loops):
            return 2
        return int(any(line and n >= 2 for line, _, n in loops))

    def again(self, lo: Any, hi: Any, p: int, d: int) -> bool:
        """Whether a rank may loop outside a slot too, so that sweeps there follow each other."""
        return any(self.time[j] and hi[p][j] > lo[p][j + 1] for j in range(d))

    def cut(self, lo: Any, hi: Any, p: int, d: int) -> tuple[int, int, Counter[int], list[int]]:
        """Cut a rank down to place d, or as far as its tiles are known.

        Returns how far that is, the full tile, the smaller last ones by size, and the most full
        tiles that leave a last one at each place from there down to d.
        """
        known, sizes = 0, Counter({self.n[p]: 1})
        while known < d and lo[p][known + 1] == hi[p][known + 1]:
            known, tile, outer, sizes = known + 1, lo[p][known + 1], sizes, Counter()
            for size, many in outer.items():
                sizes[tile] += size // tile * many
                sizes[size % tile] += many
            del sizes[0]
        full, leave = sizes.pop(lo[p][known]), []
        for j in range(known, d):
            whole = lo[p][j : j + 2] == hi[p][j : j + 2] and lo[p][j] % lo[p][j + 1] == 0
            leave.append(0 if whole or hi[p][j] == lo[p][j + 1] else
                         full if j == known else self.n[p] // lo[p][j])
        return known, lo[p][known], sizes, leave

    def near(self, lo: Any, hi: Any, p: int, r: int, d: int, place: int, step: int,
             own: bool) -> int:
        """Return how often a receiver starts a sweep at most after a step of a last tile only.

        Its own tile is then less than that of a step; else it keeps nothing there either.
        """
        if not own or lo[p][place] == hi[p][step]:
            return 0
        copies = math.prod(-(-hi[p][j] // lo[p][j + 1]) for j in range(d, place)
                           if not self.time[j])
        return copies * self.short(lo, hi, p, d + 1) * (
            1 if lo[r][place] == self.n[r] else self.n[r])

    def short(self, lo: Any, hi: Any, p: int, d: int) -> int:
        """Return the most sweeps of a rank at a slot that are shorter than a full tile of it."""
        _, _, sizes, leave = self.cut(lo, hi, p, d)
        return 0 if self.tiles == "perfect" else sizes.total() + sum(leave)


def union(np: int, nr: int, a: int, b: int) -> float:
    """Return the different words of a window, at least."""
    if a > 1 and b > 1:
        return float(np + nr - 1)
    return float(min(a * (np - 1) + b * (nr - 1) + 1, np * nr))


def pair(np: int, nr: int, a: int, b: int, ep: int, er: int, c: float,
         joined: bool = True) -> float:
    """Words of a window a*p + b*r over c tiles or sweeps of p and all tiles of r."""

    def slide(e: int) -> float:
        if b == 1:
            return float(np * e) if e <= a else a * np + c * (e - a)
        if joined and a == 1 and c:
            return np + max(c, np / ep * min(ep, b)) * (e - 1)
        return np + c * (e - 1)

    return nr // er * slide(er) + (slide(nr % er) if nr % er else 0.0)
