"""Single tilings, costed in all their orders by the compiled search's exact count."""

from __future__ import annotations

import numpy as np

from onewatt.mapper.kernel.arrays import Floats, Ints
from onewatt.mapper.kernel.orders import Orders, every_order
from onewatt.mapper.kernel.tilings import Desk, tiling_costs
from onewatt.mapper.problem import Case, Problem
from onewatt.spec.mapping import Mapping

#: Orders of a slot, and costs of a tiling, that there is room for at first.
_ROOM = 64
#: Counts of a term that are remembered while a tiling is costed in all its orders.
_MEMO = 256


class Singles:
    """The single tilings of one case."""

    def __init__(self, problem: Problem, case: Case) -> None:
        self.problem, self.case = problem, case
        self.found, self.desk = self._room_for(_ROOM), _desk(problem, case)

    def orders(self, tile: Ints) -> list[Ints]:
        """Return the orders (K, R) that can differ of every slot that decides.

        They hold until the next call.
        """
        while not every_order(tile, self.problem.layer, self.case.costs, self.found):
            self.found = self._room_for(4 * self.found.lists.shape[1])
        return [some[:n] for some, n in zip(self.found.lists, self.found.length, strict=True)]

    def costs(
        self, tile: Ints, words: Floats, mode: int, best: Floats, tolerance: float,
        every: bool = False,
    ) -> tuple[Floats, Ints]:  # fmt: skip
        """Return energy and cycles (N, 2) and orders (N,) of a tiling (R, J + 1), if not beaten.

        They hold until the next call; see `onewatt.mapper.kernel.tilings.tiling_costs`.
        """
        self.orders(tile)
        while True:
            many = tiling_costs(
                tile, self.problem.is_time, self.problem.layer, self.case.costs, words, mode, best,
                tolerance, every, self.found, self.desk,
            )  # fmt: skip
            if many >= 0:
                return self.desk.made[:many], self.desk.codes[:many]
            room = 4 * len(self.desk.codes)
            self.desk = self.desk._replace(
                made=np.zeros((room, 2)), codes=np.zeros(room, dtype=np.int64)
            )

    def mapping(self, tile: Ints, orders: int) -> Mapping:
        """Return a mapping from its tiles and the number of its orders."""
        problem = self.problem
        every = tuple(range(len(problem.sizes)))
        chosen = [tuple(f) if f[0] >= 0 else every for f in problem.fixed.tolist()]
        for j, some in zip(reversed(self.case.slots), reversed(self.orders(tile)), strict=True):
            chosen[j] = tuple(some[orders % len(some)].tolist())
            orders //= len(some)
        return problem.template.mapping(tile.T.tolist(), chosen)

    def _room_for(self, most: int) -> Orders:
        layer, levels = self.problem.layer, len(self.case.costs.deciding)
        return Orders(
            lists=_whole(levels, most, len(self.problem.sizes)), length=_whole(levels),
            number=_whole(levels, len(layer.n_dims), most),
            seen=_whole(most, len(self.problem.sizes)), shut=_whole(most), scratch=_whole(7, 64),
        )  # fmt: skip


def _desk(problem: Problem, case: Case) -> Desk:
    ranks, slots, costs = len(problem.sizes), len(problem.is_time), case.costs
    levels, terms, rows = len(costs.deciding), len(costs.terms), len(costs.base)
    return Desk(
        made=np.zeros((_ROOM, 2)), codes=_whole(_ROOM), orders=_whole(slots, ranks),
        sizes=_whole(ranks), nest=tuple(_whole(5, slots * ranks)), depth=_whole(slots + 1),
        paid=np.zeros((levels + 1, rows)), low=np.zeros((levels + 1, terms)),
        nothing=np.zeros(rows), limit=np.zeros((1, 2)), where=_whole(terms),
        sequence=_whole(terms), picked=_whole(levels + 1), memo_key=_whole(terms, _MEMO),
        memo_value=np.zeros((terms, _MEMO)), memo_size=_whole(terms), scratch=_whole(2, 64),
    )  # fmt: skip


def _whole(*shape: int) -> Ints:
    return np.zeros(shape, dtype=np.int64)
