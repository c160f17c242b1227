"""The checker of certificates: recounts a proof that no mapping is better, in plain Python.

It shares the outlines of mappings (`template`, which define the mapspace) and the model's nouns
with the search, and nothing else: terms, bounds and boxes are written once more in `checker/`,
from docs/mapper.md.
"""

# pyright: basic
# fmt: off
# Written to be read beside its page of formulas: one thought a line, no helper without a use.

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from onewatt.errors import MappingError
from onewatt.mapper.certificate import Certificate
from onewatt.mapper.checker.boxes import Boxes
from onewatt.mapper.checker.ledger import Box, Refuted
from onewatt.mapper.template import templates
from onewatt.model.evaluate import evaluate
from onewatt.spec.mapping import Mapping

Progress = Callable[[int, int, str], None]


class Checker(Boxes):
    """Checks one layer on one chip under one outline of its mappings."""

    def replay(self, codes: list[int], through: dict[int, int], answer: Any, goal: str,
               seen: Callable[[int], None]) -> int:
        """Walk a tree of boxes; every leaf must be empty, beaten or costed. Returns the leaves."""
        boxes, at, leaves = [self.root()], 0, 0
        while boxes:
            seen(at)
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
            if some and (code == 1 or (code == 2 and box[0] != box[1])):
                said = "empty" if code == 1 else "a single tiling"
                raise Refuted(f"leaf {leaves} is not {said}: tiles {box[0]} to {box[1]}")
            if some and not self._closed(box, through, answer, goal, code == 2):
                raise Refuted(f"leaf {leaves} may hold a better one: tiles {box[0]} to {box[1]}")
        if at != len(codes):
            raise Refuted(f"{len(codes) - at} codes are left over after the tree")
        return leaves

    def _halves(self, box: Box, r: int, j: int, cut: int, high: bool) -> list[Box]:
        a, b = ([list(v) for v in box[0]], [list(v) for v in box[1]], dict(box[2])), box
        if not (r in self.R and 0 < j < len(self.J) and 0 <= cut < self.n[r]):
            raise Refuted(f"a cut of rank {r} at place {j}, tile {cut}, is not of this layer")
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


def check(certificate: Certificate, progress: Progress | None = None) -> int:
    """Check a certificate: re-score its answer, recount the boxes, recompute every bound.

    Parameters
    ----------
    certificate : Certificate
        The answer and its trees.
    progress : callable or None
        Called with the codes of trees that are read, with how many there are, and a name.

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
    before, every = 0, sum(len(t.codes) for t in certificate.trees)

    def seen(at: int) -> None:
        if progress:
            progress(before + at, every, e.name)

    trees = {(t.template, t.through): t.codes for t in certificate.trees}
    for i, template in enumerate(outlines):
        checker = Checker(e, chip, template, certificate.tiles)
        inner = checker.deciding[1:]
        for case in itertools.product((-1, *checker.still, -2), repeat=len(inner)):
            if (i, case) not in trees:
                raise Refuted(f"case {case} of outline {i} is missing: the space is not covered")
            codes, through = list(trees[i, case]), dict(zip(inner, case, strict=True))
            leaves += checker.replay(codes, through, costs, certificate.goal, seen)
            before += len(codes)
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


def _rests(chain: Any, j: int) -> bool:
    """Whether a last tile at place j is no larger than the next tile, though a full one is."""
    sizes = {chain[0]}
    for t in chain[1 : j + 1]:
        sizes = {min(s, t) for s in sizes} | {s % t for s in sizes if s > t and s % t}
    return chain[j] > chain[j + 1] and min(sizes) <= chain[j + 1]
