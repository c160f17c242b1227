"""The exact search of one layer: the best mappings of a mapspace, with the proof that they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from onewatt.components.library import prices as price_list
from onewatt.errors import MappingError, Stopped
from onewatt.mapper.begin import learnt_of, space_of, stack_of, workspace_of
from onewatt.mapper.certificate import Certificate, Tree
from onewatt.mapper.front import Choice, pareto
from onewatt.mapper.kernel import arrays
from onewatt.mapper.kernel.arrays import Floats, Ints
from onewatt.mapper.kernel.explore import Best, Workspace, add, explore, least_value
from onewatt.mapper.kernel.prices import beaten
from onewatt.mapper.problem import Problem, without_trivial
from onewatt.mapper.singles import Singles
from onewatt.mapper.template import templates
from onewatt.model.evaluate import evaluate
from onewatt.model.launch import without_launch
from onewatt.spec.architecture import Architecture
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum

Tiles = Literal["perfect", "tight", "full"]
Goal = Literal["energy", "latency", "layer_edp", "front"]

#: Two costs closer than this share of the larger are equal to the search.
TOLERANCE = 1e-6
#: Shares by which answers must be better in passes before the one that proves: a good answer comes
#: soon where all that is only a little better is left aside.
_SLACKS = (0.8, 0.6, 0.4, 0.2)
#: Boxes without a better answer after which such a pass is given up, a single tiling counting as
#: below: where bounds say little, thousands of either may lie side by side.
_PATIENCE = 20_000
KINDS: dict[Tiles, int] = {
    "perfect": arrays.PERFECT, "tight": arrays.TIGHT, "full": arrays.FULL,
}  # fmt: skip
GOALS: dict[Goal, int] = {
    "energy": arrays.ENERGY, "latency": arrays.LATENCY, "layer_edp": arrays.EDP,
    "front": arrays.FRONT,
}  # fmt: skip
NOTHING = Mapping(nodes=())
#: Boxes between two questions whether to stop, about a tenth of a second.
_CHUNK = 20_000
#: Points that a front has room for.
_FRONT = 2048
#: Boxes that a single tiling, costed in all its orders, counts for.
_SINGLE = 60


class Found(NamedTuple):
    """The answer for one run of a layer.

    `front` holds the one best mapping, or all that no other beats in energy and cycles; `boxes` and
    `scored` count what was bounded and what was looked at singly; `gap` is 0 if the answer is
    proven, else the share by which a better mapping could still undercut it.
    """

    front: tuple[Choice, ...]
    boxes: int
    scored: int
    gap: float
    trees: tuple[Tree, ...] = ()


def search_layer(
    einsum: Einsum,
    architecture: Architecture,
    prices: Prices,
    *,
    goal: Goal = "front",
    tiles: Tiles = "tight",
    proof: bool = False,
    stop: Callable[[], bool] | None = None,
    effort: int | None = None,
) -> Found:
    """Return the best mappings of one run of a layer and prove that there are none better.

    What a launch takes is left out: it is the same for all mappings.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip with its dataflow.
    prices : Prices
        Energy of each action [J].
    goal : str
        ``energy``, ``latency``, ``layer_edp``, or ``front`` for all that no other beats.
    tiles : str
        Which sizes tiles may have: ``perfect`` (factors), ``tight`` (ceil(parent / n)) or
        ``full`` (every integer).
    proof : bool
        Whether to keep the trees of boxes for a certificate.
    stop : callable or None
        Asked every now and then whether to stop with what is found so far.
    effort : int or None
        Boxes of a tile set to look at, a single tiling counting for sixty; beyond that the answer
        is the best so far and `gap` says how far below it the bound of the boxes left over lies.

    Raises
    ------
    MappingError
        If nothing fits.
    Stopped
        If it was to stop before anything was found.
    """
    one, chip = without_trivial(einsum), without_launch(architecture)
    return LayerSearch(one, chip, prices, goal, tiles, proof, stop, effort).run()


def certify(einsum: Einsum, architecture: Architecture, goal: Goal, tiles: Tiles) -> Certificate:
    """Search a layer and return its answer with the proof.

    Raises
    ------
    MappingError
        If nothing fits.

    Examples
    --------
    >>> import onewatt as ow
    >>> from onewatt.mapper.verify import check
    >>> layer = ow.load_workload("mlperf_ad").einsums[0]
    >>> proof = certify(layer, ow.load_chip("eyeriss"), "energy", "perfect")
    >>> check(proof) > 0
    True
    """
    one, architecture = without_trivial(einsum), without_launch(architecture)
    found = search_layer(
        one, architecture, price_list(architecture), goal=goal, tiles=tiles, proof=True
    )
    return Certificate(
        einsum=one, architecture=architecture, goal=goal, tiles=tiles,
        answer=tuple(str(c.mapping) for c in found.front),
        energies=tuple(c.energy for c in found.front),
        cycles=tuple(float(c.cycles) for c in found.front), trees=found.trees,
    )  # fmt: skip


class LayerSearch:
    """One search; the incumbents pass from smaller tile sets to larger ones."""

    def __init__(
        self, einsum: Einsum, architecture: Architecture, prices: Prices, goal: Goal, tiles: Tiles,
        proof: bool, stop: Callable[[], bool] | None, effort: int | None,
    ) -> None:  # fmt: skip
        self.einsum, self.chip, self.prices = einsum, architecture, prices
        self.mode, self.tiles, self.proof = GOALS[goal], tiles, proof
        self.stop = stop or (lambda: False)
        self.effort = effort
        self.problems = [
            Problem(einsum, architecture, prices, t) for t in templates(einsum, architecture)
        ]
        self.cases = [(i, p.case(s)) for i, p in enumerate(self.problems) for s in p.states()]
        self.singles: dict[int, Singles] = {}
        self.choices: list[Choice] = []
        self.costs: dict[Mapping, Choice | None] = {}
        self.boxes = self.scored = 0
        self.trees: list[Tree] = []
        self.floor, self.room = math.inf, math.inf

    def run(self) -> Found:
        """Search the sets from the smallest to the one asked for."""
        for name in KINDS:
            self._search(name, last=name == self.tiles)
            if name == self.tiles:
                break
        if not self.choices:
            if self.floor < math.inf:
                raise Stopped("stopped before any mapping was found")
            raise MappingError("nothing fits")
        return Found(tuple(self.choices), self.boxes, self.scored, self._gap(), tuple(self.trees))

    def _gap(self) -> float:
        """Return how far the answer lies above what is not proved, as a share of the answer."""
        if self.floor == math.inf:
            return 0.0
        gap = 1 - self.floor / min(self._value(c)[0] for c in self.choices)
        return gap if gap > TOLERANCE else 0.0

    # -- one tile set -----------------------------------------------------------------------

    def _search(self, name: Tiles, last: bool) -> None:
        """Take the words of a tiling for its cost; if rounding made that too good, ask the model.

        The model rounds words to accesses, so it never says less.
        """
        keep = last and self.proof
        best, trees = self._cases(name, False, keep)
        fresh = [k for k in range(len(best.costs)) if best.tilings[k].any()]
        true = all([self._confirm(best.costs[k], best.tilings[k]) for k in fresh])
        if not true and last and (self.floor == math.inf or not self.choices):
            _, trees = self._cases(name, True, keep)
        elif not true:  # what was dropped is no better than what was counted
            counted = [Choice(float(e), float(c), NOTHING) for e, c in best.costs[fresh]]
            self.floor = min(self.floor, *(self._value(c)[0] for c in counted))
        self.trees = trees

    def _cases(self, name: Tiles, ask: bool, keep: bool) -> tuple[Best, list[Tree]]:
        """Explore every case of a set."""
        self.floor, self.room = math.inf, math.inf if self.effort is None else self.effort
        best = self.incumbents()
        for slack in self._slacks():
            for tag in range(len(self.cases)):
                self._explore(name, tag, best, ask, False, slack)
        trees = [
            self._explore(name, tag, best, ask, keep, TOLERANCE) for tag in range(len(self.cases))
        ]
        return best, trees if keep else []

    def _slacks(self) -> tuple[float, ...]:
        """Return the passes that a set of tiles begins with."""
        if not self.choices:
            return _SLACKS
        return () if self.mode == arrays.FRONT else _SLACKS[-1:]

    def incumbents(self) -> Best:
        """Return what the passes so far found."""
        ranks = max(len(p.sizes) for p in self.problems)
        slots = max(len(p.is_time) for p in self.problems)
        size = _FRONT if self.mode == arrays.FRONT else 1
        costs = np.full((size, 2), np.inf)
        for k, choice in enumerate(self.choices):
            costs[k] = choice.energy, choice.cycles
        tilings = np.zeros((size, ranks + 1, max(2, slots + 1)), dtype=np.int64)
        return Best(costs, tilings)

    def _explore(
        self, name: Tiles, tag: int, best: Best, ask: bool, keep: bool, slack: float
    ) -> Tree:
        which, c = self.cases[tag]
        problem = self.problems[which]
        rests = arrays.NEVER if name == "perfect" else arrays.MAYBE
        space, stack, depth = space_of(problem, c, KINDS[name]), stack_of(problem, rests), 1
        work, learnt = workspace_of(problem, c), learnt_of(problem)
        codes: list[int] = []
        tree = np.zeros(1 << 16 if keep else 0, dtype=np.int64)
        begun = False  # without any answer yet, every case gets its first boxes
        idle = 0
        while depth > 0:
            some = bool(np.isfinite(best.costs[0, 0]))
            if ((some or begun) and self.stop()) or (some and self.room <= 0):
                nothing = np.full((1, 2), np.inf)
                left = least_value(
                    stack, depth, space, problem.layer, c.costs, self.mode, nothing, work
                )
                self.floor = min(self.floor, left)
                break
            depth, boxes, n_tree, single = explore(
                stack, depth, space, problem.layer, c.costs, self.mode, best.costs, slack,
                _CHUNK, work, tree, learnt,
            )  # fmt: skip
            if depth < 0:
                raise MappingError("the search ran out of room for boxes")
            self.boxes += boxes
            self.room -= boxes
            idle += boxes
            if keep:
                codes += tree[:n_tree].tolist()
            if single:
                self.room -= _SINGLE
                better = self._score(tag, best, work, ask, slack)
                idle = 0 if better else idle + _SINGLE
            else:
                begun = True
            if slack > TOLERANCE and some and idle >= _PATIENCE:
                break
            if self.mode == arrays.FRONT and np.isfinite(best.costs[-1, 0]):
                self.floor = 0.0  # points may be missing from a front that fills its room
        return Tree(which, c.state.through, tuple(codes))

    # -- single tilings ---------------------------------------------------------------------

    def _singles(self, tag: int) -> Singles:
        """Return what costs the single tilings of a case, made when it is first asked for."""
        if tag not in self.singles:
            which, case = self.cases[tag]
            self.singles[tag] = Singles(self.problems[which], case)
        return self.singles[tag]

    def _confirm(self, claimed: Floats, entry: Ints) -> bool:
        """Cost an answer by the model; whether it is as cheap as its words."""
        ranks = len(self.problems[0].sizes)
        orders, tag = int(entry[ranks, 0]), int(entry[ranks, 1])
        slots = len(self.problems[self.cases[tag][0]].is_time)
        tile = entry[:ranks, : slots + 1].copy()
        choice = self._cost(self._singles(tag).mapping(tile, orders))
        if choice is None:
            return False
        self._take(choice)
        return choice.energy <= claimed[0] * (1 + TOLERANCE) and choice.cycles <= claimed[1]

    def _score(self, tag: int, best: Best, work: Workspace, ask: bool, slack: float) -> bool:
        """Cost a tiling in every order that its words leave; ask the model, or take the count.

        Returns whether that gave a better answer.
        """
        self.scored += 1
        better, singles, tile = False, self._singles(tag), work.tile
        paid, orders = singles.costs(tile, work.bound.words, self.mode, best.costs, slack, ask)
        if not ask:
            n_best = int(np.isfinite(best.costs[:, 0]).sum()) if len(paid) else 0
            for (energy, cycles), order in zip(paid, orders, strict=True):
                if not beaten(energy, cycles, self.mode, best.costs, slack):
                    n_best = add(best, n_best, self.mode, energy, cycles, tile, order, tag)
                    better = True
            return better
        for k in np.lexsort((paid[:, 1], paid[:, 0])):
            if beaten(paid[k, 0], paid[k, 1], self.mode, best.costs, slack):
                continue
            choice = self._cost(singles.mapping(tile, int(orders[k])))
            if choice is not None:
                self._take(choice)
                best.costs[:] = self.incumbents().costs
                better = True
        return better

    def _cost(self, mapping: Mapping) -> Choice | None:
        if mapping not in self.costs:
            try:
                cost = evaluate(self.einsum, self.chip, mapping, prices=self.prices)
            except MappingError:
                self.costs[mapping] = None
            else:
                cycles = cost.cycles(self.einsum.name)
                self.costs[mapping] = Choice(cost.energy, cycles, mapping)
        return self.costs[mapping]

    def _take(self, choice: Choice) -> None:
        """Keep a choice if it is an answer so far."""
        every = pareto([*self.choices, choice])
        if self.mode == arrays.FRONT:
            self.choices = every
            return
        self.choices = [min(every, key=self._value)]

    def _value(self, choice: Choice) -> tuple[float, float]:
        if self.mode == arrays.ENERGY:
            return choice.energy, choice.cycles
        if self.mode == arrays.LATENCY:
            return choice.cycles, choice.energy
        return choice.energy * choice.cycles, choice.energy
