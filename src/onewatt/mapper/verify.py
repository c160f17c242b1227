"""The checker of certificates: recounts a proof that no mapping is better, in plain Python.

It shares the outlines of mappings (`template`, which define the mapspace) and the model's nouns
with the search, and nothing else: terms, bounds and boxes are written here once more, from
docs/mapper.md.
"""

# pyright: basic
# fmt: off
# Written to be read beside its page of formulas: one thought a line, no helper without a use.

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, MappingError
from onewatt.mapper.certificate import Certificate
from onewatt.mapper.template import Template, templates
from onewatt.model import sparse
from onewatt.model.delivery import edge
from onewatt.model.evaluate import evaluate
from onewatt.model.ledger import standing_energy
from onewatt.model.words import block, stored_bits
from onewatt.spec.mapping import Mapping

Box = tuple[list[list[int]], list[list[int]], dict[tuple[int, int], bool]]


class Refuted(InputError):
    """A certificate that does not prove what it claims."""


class Checker:
    """Checks one layer on one chip under one outline of its mappings."""

    def __init__(self, einsum: Any, chip: Any, template: Template, tiles: str) -> None:
        self.e, self.chip, self.t, self.tiles = einsum, chip, template, tiles
        self.prices, self.n = price_list(chip), [r.size for r in einsum.ranks]
        self.R, self.J = range(len(self.n)), range(len(template.slots))
        self.time = [not s.axis for s in template.slots]
        self.rel = [[r in t.ranks() for r in template.ranks] for t in einsum.tensors]
        number = {r: i for i, r in enumerate(template.ranks)}
        self.dims: list[list[tuple[int, int, int, int]]] = []
        for tensor in einsum.tensors:
            rows: list[tuple[int, int, int, int]] = []
            for index in tensor.projection:
                terms = [x for x in index.terms if einsum.sizes[x.rank] > 1] or [index.terms[0]]
                if len(terms) == 1:
                    rows.append((number[terms[0].rank], -1, 1, 0))
                else:
                    a, b = terms[0].coefficient, terms[1].coefficient
                    g = math.gcd(a, b)
                    rows.append((number[terms[0].rank], number[terms[1].rank], a // g, b // g))
            self.dims.append(rows)
        self.domain = [self._domain(n) for n in self.n]
        self.ledger()
        pairs = sorted({r for row in self.dims for d in row if d[1] >= 0 for r in d[:2]})
        self.classes: list[tuple[int, int, set[int], bool]] = []
        still = [x for x in range(3) if any(not self.rel[x][r] and self.n[r] > 1 for r in self.R)]
        for x in still or [0]:
            free = {r for r in self.R if not self.rel[x][r]}
            slid = [r for r in pairs if r in free]
            self.classes += [(x, a, free, True) for a in (slid or pairs or [-1])]
            self.classes += [(x, a, set(slid), False) for a in slid if len(slid) < len(free)]
        self.still = still
        self.deciding = sorted({max(j for j in range(k[1]) if self.time[j])
                                for k in self.coef if k[2]})

    def _domain(self, n: int) -> list[int]:
        if self.tiles == "full":
            return list(range(1, n + 1))
        if self.tiles == "perfect":
            return [d for d in range(1, n + 1) if n % d == 0]
        return sorted({-(-n // m) for m in range(1, n + 1)})

    # -- what a word costs: terms (tensor, place, keeps, shared slots, own) -> J and cycles

    def ledger(self) -> None:
        """Write energy and port cycles as sums over terms."""
        chip, e, mac = self.chip, self.e, self.chip.mac
        self.coef: dict[Any, float] = {}
        self.ports: dict[str, dict[Any, float]] = {}
        done = sparse.effective(e, mac)
        self.fixed = e.points * (
            self.prices.find(mac.name, "compute").energy * done.actual
            + sum(p.energy * part
                  for action, part in (("gated", done.gated), ("skipped", done.skipped))
                  if part and (p := self.prices.get(mac.name, action)))
        )
        self.standing = standing_energy(chip, self.prices)
        self.pace = sparse.duration(e, mac, 1) / mac.lanes
        for x, tensor in enumerate(e.tensors):
            chain = [(next(j for j in self.J if self.t.slots[j].stage == i), m)
                     for i, st in enumerate(self.t.stages) for m, kept in st.memories
                     if tensor.name in kept]
            out, unread = tensor is e.output, {None: float(e.words(tensor))}
            for (top, parent), low in zip(chain, [*chain[1:], None], strict=True):
                place, child = low or (len(self.t.slots), None)
                way = edge(chip, tensor.name, parent.name, (child or mac).name, out)

                def words(axes: Any, own: bool, x: int = x, top: int = top, place: int = place,
                          keeps: bool = child is not None) -> dict[Any, float]:
                    mask = frozenset(j for j in range(top, place) if self.t.slots[j].axis in axes
                                     and self.t.slots[j].axis)
                    return {(x, place, keeps, mask, own): 1.0}

                each = words((), True)
                if not out:
                    sent = read = words(way.shared, not (way.forwards and child is not None))
                    hops = each
                    self.pay(parent, tensor, "read", read)
                    fill = each
                else:
                    update = words(way.shared, False)
                    read = _plus(update, unread, -1)
                    self.pay(parent, tensor, "read", read)
                    self.pay(parent, tensor, "update", update)
                    sent = _plus(update, read)
                    axes = frozenset(s.axis for s in self.t.slots)
                    fill = _plus(words(axes, False), unread, -1) if child else {}
                    hops = _plus(each, fill)
                if child:
                    self.pay(child, tensor, "fill", fill)
                    if out:
                        self.pay(child, tensor, "drain", each)
                        unread = _plus(each, fill, -1)
                for net in way.networks:
                    price = self.prices.get(net.name, "hop")
                    self.charge(hops, price.energy if price else 0.0)
                    if net.words_per_cycle:
                        self.load(net.name, sent, 1 / net.words_per_cycle, chip.instances(net.name))
        self.coef = _lifted(self.coef)
        self.ports = {name: _lifted(row) for name, row in self.ports.items()}

    def charge(self, words: dict[Any, float], joules: float) -> None:
        """Add the energy of words."""
        for k, v in words.items():
            if k is None:
                self.fixed += v * joules
            else:
                self.coef[k] = self.coef.get(k, 0.0) + v * joules

    def pay(self, memory: Any, tensor: Any, action: str, words: dict[Any, float]) -> None:
        """Charge words to a memory and its ports."""
        out = tensor is self.e.output
        narrow = bits = stored_bits(self.chip, memory, tensor, out)

        def word(width: int) -> float:
            s = sparse.share(self.e, memory, tensor, action, width)
            gated = self.prices.get(memory.name, "gated") if s.gated else None
            paid = self.prices.find(memory.name, action).energy * s.accesses  # type: ignore[arg-type]
            paid /= block(memory, width) * memory.cluster
            return paid + (s.gated * gated.energy if gated else 0.0)

        if out and memory.word is None and memory is self.chip.memories[0]:
            bits = self.chip.mac.accumulate_bits
            if action == "update":
                self.fixed += self.e.words(tensor) * (word(narrow) - word(bits))
        self.charge(words, word(bits))
        port = sparse.share(self.e, memory, tensor, action, narrow).port
        reads = action in ("read", "drain")
        for rate, name in ((memory.read_bandwidth if reads else None, " read"),
                           (None if reads else memory.write_bandwidth, " write"),
                           (memory.shared_bandwidth, "")):
            if rate:
                self.load(memory.name + name, words, port / rate,
                          self.chip.instances(memory.name))

    def load(self, name: str, words: dict[Any, float], cycles: float, many: int) -> None:
        """Load a port; compute asks the first of many instances for a word in every step."""
        row = self.ports.setdefault(name, {})
        for k, v in words.items():
            key = "step" if k is not None and not k[2] and many > 1 else k
            row[key] = row.get(key, 0.0) + v * cycles / (1 if key == "step" else many)

    # -- bounds

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
        e = step if shared else place
        keeping = [y for y in windows if self.overlaps(lo, hi, y, place, step)]
        moved, different = 1.0, 1.0
        for y in windows:
            p, r, a, b = y
            plain = _pair(self.n[p], self.n[r], a, b, hi[p][e], hi[r][e], -(-self.n[p] // hi[p][e]))
            f = plain
            if d >= 0 and c[1] in (p, r):
                q, s, u, v = (p, r, a, b) if c[1] == p else (r, p, b, a)
                lines = {z[0] for z in self.dims[x] if z[1] < 0}
                turned = c[3] and c[0] != x and any(lo[k][d] > hi[k][d + 1] for k in c[2] & lines)
                alone = keeping in ([], [y])
                f = min(f, self.slide(lo, hi, x, q, s, u, v, d, place, step, own, e,
                                      turned and alone, alone, plain))
            moved *= f
            different *= min(plain, _union(self.n[p], self.n[r], a, b))
        # every word of a window comes at least once, whatever is held between its sweeps
        out = fixed * tiles(set(irr), {j for j in self.deciding if j <= d}) * different
        value = max(value * fixed * moved, out if windows else 0.0)
        if d <= 0 or self.tiles == "perfect":
            return value, 0.0, 0.0
        share = self.shares(lo, hi, rests, x, d)
        sure = {p for p in self.R if lo[p][d] > hi[p][d + 1]}  # these loop there
        fine = 0.0
        if c[0] == x and c[3] and not windows and sure & c[2]:
            outside = min(tiles(set(irr) - {p}, {d}) for p in sure & c[2])
            more = fixed * (outside - tiles(set(irr), {d}))
            fine = more * (1 - max(share.values(), default=0.0))
        cheapest = out if windows else fixed * tiles(set(irr), {d})
        most, least = (min(s * (value - out) + t * max(0.0, value - cheapest), value - out)
                       for s, t in self.kept(lo, hi, d, x, c, share, sure))
        return value - most, most - least, fine

    def overlaps(self, lo: Any, hi: Any, window: Any, place: int, step: int) -> bool:
        """Whether a step of a rank of a window may keep some of its words."""
        p, r, a, b = window
        first, second = (
            any(self.time[j] and hi[q][j] > lo[q][j + 1] for j in range(place)) for q in (p, r))
        return (first and second) or (first and b * (hi[r][step] - 1) + 1 > a) or (
            second and a * (hi[p][step] - 1) + 1 > b)

    def _fan(self, lo: Any, hi: Any, r: int, shared: Any) -> int:
        return min(self.n[r], math.prod(
            min(self.t.slots[j].size, -(-hi[r][j] // lo[r][j + 1])) for j in shared))

    def slide(self, lo: Any, hi: Any, x: int, p: int, r: int, a: int, b: int, d: int, place: int,
              step: int, own: bool, e: int, turned: bool, alone: bool, plain: float) -> float:
        """Return the least words of a window that rank p moves first at slot d."""
        np, nr, at = self.n[p], self.n[r], place if own else step
        if -(-hi[p][d] // lo[p][d + 1]) <= 1:
            return plain
        wide, move = a * (hi[p][at] - 1) + b * (hi[r][at] - 1) + 1, a * lo[p][step]
        trips, sweeps = -(-lo[p][d] // hi[p][d + 1]), float(-(-np // hi[p][d]))
        if not turned and (trips < 3 or wide > (trips - 1) * move):
            sweeps = 0.0
        elif any(self.time[j] and hi[p][j] > lo[p][j + 1] for j in range(d)) and not turned:
            lines = {y[0] for y in self.dims[x] if y[1] < 0}
            if not any(-(-lo[q][d] // hi[q][d + 1]) >= (2 if q in lines else 3)
                       for q in self.R if self.rel[x][q] and q not in (p, r)):
                sweeps = 0.0
        total = _pair(np, nr, a, b, hi[p][e], hi[r][e], sweeps, True) if wide > move else plain
        if turned or not any(self.time[j] and hi[r][j] > lo[r][j + 1] for j in range(place)):
            return total
        unit = max(-(-nr // hi[r][e]), nr * min(1.0, a / hi[r][e]) if b == 1 else 0.0)
        n = max(2, trips)
        least = unit * np * (n - 1) / n
        if not alone:
            return least
        if any(lo[q][j] != hi[q][j] for q in (p, r) for j in range(1, place + 1)):
            return least
        if any(self.time[j] and j != d and lo[q][j] > lo[q][j + 1]
               for q in (p, r) for j in range(place)):
            return least
        jump = abs(b * lo[r][step] - a * (trips - 1) * lo[p][step])
        steps = _alive(tuple(lo[r]), frozenset(range(place)), 0, e, nr)
        return max(least, total - steps * max(0, wide - jump))

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
             sure: set[int]) -> list[tuple[float, float]]:
        """Return the shares that loops outside the slot and in it may keep.

        At most, and if all loops of the run are innermost.
        """
        still, slides, run, full = c
        every = max(share.values(), default=0.0)
        whole = min([share[p] for p in sure if p in share], default=1.0)  # all loops must rest
        if still == x:
            return [(min(every, whole), 0.0 if full else every)] * 2
        free = {p for p in self.R if not self.rel[still][p]}
        pairs = {p for row in self.dims for y in row if y[1] >= 0 for p in y[:2]}
        # the innermost loop over its ranks, which does not address what is held still, must rest
        most = max([s for p, s in share.items() if all(row[p] for row in self.rel) or (
            p in free and (p == slides or p not in pairs or slides not in free))], default=0.0)
        common = any(not self.rel[x][p] for p in free)
        outside = min(every if common else most, whole)
        if not full:
            return [(outside, most)] * 2
        within = min([most, *(share[p] for p in sure & run if p in share)])
        alone = sum(hi[p][d] > lo[p][d + 1] for p in run) == 1
        return [(outside, within if alone else most), (outside, within)]

    def last(self, lo: Any, hi: Any, rests: Any, p: int, d: int) -> tuple[int, int]:
        """Return the most values in last tiles that may rest, and the most such tiles."""
        n, many = self.n[p], 1 + sum(self.n[p] // t for t in lo[p][1:d] if t < self.n[p])
        if rests.get((p, d), True) is False or hi[p][d] == lo[p][d + 1] or lo[p][d] == n:
            return 0, many
        if many > 1:
            return min(n, min(hi[p][d + 1], hi[p][d] - 1) * many), many
        high, some = min(hi[p][d], n - 1), self.domain[p]
        some = some[bisect_left(some, lo[p][d]) : bisect_right(some, high)]
        return max((n % t for t in some if n % t <= hi[p][d + 1] and t > lo[p][d + 1]),
                   default=0), many

    def costs(self, box: Box, through: Any) -> Iterator[tuple[float, float]]:
        """Yield least energy and cycles of a box under each combination of classes."""
        lo, hi, rests = box
        axes = [j for j in self.J if not self.time[j]]
        steps = 1.0
        for r in self.R:
            copies = math.prod(
                min(self.t.slots[j].size, -(-hi[r][j] // lo[r][j + 1])) for j in axes)
            steps *= max(math.ceil(self.n[r] / copies - 1e-9), self.tally(
                lo, hi, r, {j for j in self.J if self.time[j]}, len(self.J)))
        steps = max(steps, math.ceil(
            math.prod(self.n) / math.prod(self.t.slots[j].size for j in axes) - 1e-9))
        keys = sorted({*self.coef, *(k for row in self.ports.values() for k in row)}
                      - {None, "step"}, key=str)
        table = [[self.words(lo, hi, rests, k, through, c) for c in self.classes] for k in keys]
        where = [self._decides(k, through) for k in keys]
        for chosen in itertools.product(range(len(self.classes)), repeat=len(self.deciding)):
            pick = [chosen[self.deciding.index(d)] if d >= 0 else 0 for d in where]
            rows = {k: row[i] for k, row, i in zip(keys, table, pick, strict=True)}

            def paid(price: dict[Any, float], rows: Any = rows) -> float:
                total = sum(v * rows[k][0] for k, v in price.items() if k in rows)
                for d in self.deciding:  # the run of a slot's class is whole, or it is not
                    mine = [(v, rows[k]) for k, v in price.items() if k in rows
                            and where[keys.index(k)] == d]
                    total += min(sum(v * w[1] for v, w in mine), sum(v * w[2] for v, w in mine))
                return total + price.get("step", 0.0) * steps + price.get(None, 0.0)

            cycles = max([1.0, math.ceil(steps * self.pace - 1e-6)] + [
                math.ceil(paid(row) - 1e-6) for row in self.ports.values()])
            energy = self.fixed + paid(self.coef)
            yield energy + cycles * self.standing, cycles

    def _decides(self, key: Any, through: Any) -> int:
        if not key[2]:
            return -1
        d = max(j for j in range(key[1]) if self.time[j])
        while through.get(d, -1) in (-2, key[0]):
            d = max(j for j in range(d) if self.time[j])
        return d

    # -- boxes

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
                    tile[p] if q < 0 else _union(tile[p], tile[q], a, b)
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

    # -- the proof

    def replay(self, codes: list[int], through: dict[int, int], answer: Any, goal: str) -> int:
        """Walk a tree of boxes; every leaf must be empty, beaten or costed. Returns the leaves."""
        boxes, at, leaves = [self.root()], 0, 0
        while boxes:
            box = boxes.pop()
            some = self.shrink(box, through)
            code = codes[at] if at < len(codes) else -1
            if code >= 8:
                r, high, j, cut = (code - 8) // 2, code % 2, codes[at + 1], codes[at + 2]
                at += 3
                boxes += self._halves(box, r, j, cut, bool(high))
                continue
            at, leaves = at + 1, leaves + 1
            if code not in (0, 1, 2):
                raise Refuted(f"the tree breaks off after {at} codes: boxes are not covered")
            if some and not self._closed(box, through, answer, goal, code == 2):
                raise Refuted(f"leaf {leaves} may hold a better one: tiles {box[0]} to {box[1]}")
        if at != len(codes):
            raise Refuted(f"{len(codes) - at} codes are left over after the tree")
        return leaves

    def _halves(self, box: Box, r: int, j: int, cut: int, high: bool) -> list[Box]:
        a, b = ([list(v) for v in box[0]], [list(v) for v in box[1]], dict(box[2])), box
        if not (r in self.R and 0 < j < len(self.J)):
            raise Refuted(f"a cut of rank {r} at place {j} is not of this layer")
        if cut == 0:
            a[2][r, j], b[2][r, j] = True, False
            return [a, b]
        a[1][r][j], b[0][r][j] = min(a[1][r][j], cut), max(b[0][r][j], cut + 1)
        return [a, b] if high else [b, a]

    def _closed(self, box: Box, through: Any, answer: Any, goal: str, single: bool) -> bool:
        if all(_beaten(e, c, answer, goal) for e, c in self.costs(box, through)):
            return True
        if not single or box[0] != box[1]:
            return False
        if not all(self._member(box, r) for r in self.R):
            return True
        tiles = [list(row) for row in zip(*box[0], strict=True)]
        for orders in self._orders(tiles):
            try:
                mapping = self.t.mapping(tiles, orders)
                cost = evaluate(self.e, self.chip, mapping, prices=self.prices)
            except MappingError:  # the words of a window were counted as few as they may be
                continue
            if not _beaten(cost.energy, cost.cycles(self.e.name), answer, goal):
                return False
        return True

    def _member(self, box: Box, r: int) -> bool:
        """Whether a single chain rests where the box says."""
        return all(_rests(box[0][r], j) == says for (q, j), says in box[2].items() if q == r)

    def _orders(self, tiles: Any) -> Iterator[Any]:
        """Yield orders of all slots; loops outside one that moves all words of all tensors tie."""
        lines = [{d[0] for d in row if d[1] < 0} for row in self.dims]

        def grow(loops: list[int], inner: tuple[int, ...], open_: set[int],
                 j: int) -> Iterator[Any]:
            if not loops or not open_:
                yield (*loops, *inner)
            else:
                for r in loops:
                    rest, idle = [q for q in loops if q != r], _rests([t[r] for t in tiles], j)
                    still = {x for x in open_ if idle or r not in lines[x]}
                    yield from grow(rest, (r, *inner), still, j)

        choices: list[Any] = []
        for j in self.J:
            loops = [r for r in self.R if tiles[j][r] > tiles[j + 1][r]]
            named = [self.t.ranks.index(r) for r in self.t.slots[j].order if r in self.t.ranks]
            if self.t.slots[j].order:
                choices.append([(*(r for r in self.R if r not in named), *named)])
            elif j in self.deciding:
                choices.append([(*(r for r in self.R if r not in o), *o)
                                for o in grow(loops, (), {0, 1, 2}, j)])
            else:
                choices.append([tuple(self.R)])
        return itertools.product(*choices)


def check(certificate: Certificate) -> int:
    """Check a certificate: re-score its answer, recount the boxes, recompute every bound.

    Returns
    -------
    int
        The boxes that no better mapping can be in.

    Raises
    ------
    Refuted
        If something is not proved; says what.
    """
    e, chip = certificate.einsum, certificate.architecture
    costs: list[tuple[float, float]] = []
    for text in certificate.answer:
        cost = evaluate(e, chip, Mapping.parse(text))
        costs.append((cost.energy, cost.cycles(e.name)))
    claimed = list(zip(certificate.energies, certificate.cycles, strict=True))
    if not costs or any(abs(a - b) > 1e-9 * abs(a) for x, y in zip(costs, claimed, strict=True)
                        for a, b in zip(x, y, strict=True)):
        raise Refuted(f"the answer costs {costs}, not {claimed}")
    if certificate.goal != "front" and len(costs) != 1:
        raise Refuted("one answer is expected")
    leaves, outlines = 0, templates(e, chip)
    trees = {(t.template, t.through): t.codes for t in certificate.trees}
    for i, template in enumerate(outlines):
        checker = Checker(e, chip, template, certificate.tiles)
        inner = checker.deciding[1:]
        for case in itertools.product((-1, *checker.still, -2), repeat=len(inner)):
            if (i, case) not in trees:
                raise Refuted(f"case {case} of outline {i} is missing: the space is not covered")
            leaves += checker.replay(
                list(trees[i, case]), dict(zip(inner, case, strict=True)), costs, certificate.goal
            )
    return leaves


def _beaten(energy: float, cycles: float, answer: Any, goal: str) -> bool:
    """Whether an answer costs no more, up to one part in a million."""
    for e, c in answer:
        if {
            "energy": energy >= e * (1 - 2e-6),
            "latency": cycles > c or (cycles == c and energy >= e * (1 - 2e-6)),
            "layer_edp": energy * cycles >= e * c * (1 - 2e-6),
            "front": cycles >= c and energy >= e * (1 - 2e-6),
        }[goal]:
            return True
    return False


def _plus(a: dict[Any, float], b: dict[Any, float], times: float = 1.0) -> dict[Any, float]:
    return {k: a.get(k, 0.0) + times * b.get(k, 0.0) for k in {**a, **b}}


def _lifted(row: dict[Any, float]) -> dict[Any, float]:
    """Move negative coefficients to terms that never count fewer words."""
    made = dict(row)
    for k in sorted((k for k in made if isinstance(k, tuple)), key=str):
        if made[k] < 0:
            larger = [o for o in made if isinstance(o, tuple) and o != k and o[:3] == k[:3]
                      and o[3] <= k[3] and made[o] + made[k] >= -1e-30]
            if not larger:
                raise Refuted("the prices of this chip leave no bound on partial sums")
            best = max(larger, key=lambda o: (made[o], str(o)))
            made[best] += made[k]
            made[k] = 0.0
    return made


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


def _rests(chain: Any, j: int) -> bool:
    """Whether a last tile at place j is no larger than the next tile, though a full one is."""
    sizes = {chain[0]}
    for t in chain[1 : j + 1]:
        sizes = {min(s, t) for s in sizes} | {s % t for s in sizes if s > t and s % t}
    return chain[j] > chain[j + 1] and min(sizes) <= chain[j + 1]


def _union(np: int, nr: int, a: int, b: int) -> float:
    if a > 1 and b > 1:
        return float(np + nr - 1)
    return float(min(a * (np - 1) + b * (nr - 1) + 1, np * nr))


def _pair(np: int, nr: int, a: int, b: int, ep: int, er: int, c: float,
          credit: bool = False) -> float:
    """Words of a window a*p + b*r over all tiles of p (or sweeps) and all tiles of r."""

    def slide(e: int) -> float:
        if b == 1:
            return float(np * e) if e <= a else a * np + c * (e - a)
        if credit:
            return float(np)
        if a == 1:
            return float(np * e) if ep <= b else np + np / ep * min(ep, b) * (e - 1)
        return np + c * (e - 1)

    return nr // er * slide(er) + (slide(nr % er) if nr % er else 0.0)
