"""What a mapping pays for words, as the checker reads a layer and a chip."""

# pyright: basic
# fmt: off
# Written to be read beside its page of formulas: one thought a line, no helper without a use.

from __future__ import annotations

import math
from typing import Any

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError
from onewatt.mapper.template import Template
from onewatt.model import sparse
from onewatt.model.delivery import edge
from onewatt.model.ledger import standing_energy
from onewatt.model.words import block, stored_bits

Box = tuple[list[list[int]], list[list[int]], dict[tuple[int, int], bool]]


class Refuted(InputError):
    """A certificate that does not prove what it claims."""


class Ledger:
    """One layer on one chip under one outline of its mappings: energy and port cycles as sums.

    Of terms (tensor, place, keeps, shared slots, own): words that enter the tiles at a place.
    """

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

    def ledger(self) -> None:
        """Write energy and port cycles as sums over terms."""
        chip, e, mac = self.chip, self.e, self.chip.mac
        self.coef: dict[Any, float] = {}
        self.ports: dict[str, dict[Any, float]] = {}
        self.many: dict[str, int] = {}
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
                                     and self.t.slots[j].axis and self.t.slots[j].size > 1)
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
        self.ports = {name: self.settled(name, row) for name, row in self.ports.items()}

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

    def settled(self, name: str, row: dict[Any, float]) -> dict[Any, float]:
        """Charge no more than the first of many instances has, if that works in every step.

        It has the average of all words at least, but may have all that are subtracted.  Reads of
        sums that are not needed yet go to terms that count more, or else none is counted as read.
        """
        step, many = row.get("step"), self.many[name]
        if step is None:
            return _lifted(row)
        try:
            row = _lifted(row)
        except Refuted:
            fewer = {k: v for k, v in row.items() if isinstance(k, tuple) and v < 0}
            step += sum(fewer.values()) * many
            if not fewer or step < -1e-12:
                raise
            row = {k: v for k, v in row.items() if k not in fewer} | {"step": step}
        # no term of sums counts fewer words than there are sums
        sums = sum(v for k, v in row.items() if isinstance(k, tuple) and k[0] == 2 and v > 0)
        left = row.get(None, 0.0) + sums * self.e.words(self.e.output)
        return row | {None: row.get(None, 0.0) + min(0.0, left) * (many - 1)}

    def load(self, name: str, words: dict[Any, float], cycles: float, many: int) -> None:
        """Load a port; compute asks the first of many instances for a word in every step."""
        row = self.ports.setdefault(name, {})
        self.many[name] = many
        for k, v in words.items():
            key = "step" if k is not None and not k[2] and many > 1 else k
            row[key] = row.get(key, 0.0) + v * cycles / (1 if key == "step" else many)


def _plus(a: dict[Any, float], b: dict[Any, float], times: float = 1.0) -> dict[Any, float]:
    return {k: a.get(k, 0.0) + times * b.get(k, 0.0) for k in {**a, **b}}


def _lifted(row: dict[Any, float]) -> dict[Any, float]:
    """Move negative coefficients to terms that never count fewer words.

    These are of the same place, or further inside: a partial sum is updated there while it stays.
    """
    made = dict(row)
    for k in sorted((k for k in made if isinstance(k, tuple)), key=str):
        larger = [o for o in made if isinstance(o, tuple) and o[0] == k[0]
                  and (o[1] > k[1] or (o[1] == k[1] and o[2] == k[2]))
                  and {j for j in o[3] if j < k[1]} <= k[3]]
        for o in sorted(larger, key=lambda o: (o[1], -made[o], str(o))):
            if made[k] < 0 < made[o]:
                made[o], made[k] = made[o] + max(made[k], -made[o]), min(0.0, made[k] + made[o])
        if made[k] < -1e-30:
            raise Refuted("the prices of this chip leave no bound on partial sums")
    return made
