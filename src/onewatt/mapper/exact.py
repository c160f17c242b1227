"""The exact search of one layer: the best mappings of a mapspace, with the proof that they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.components.library import prices as price_list
from onewatt.errors import MappingError, Stopped
from onewatt.mapper import kernel
from onewatt.mapper.certificate import Certificate, Tree
from onewatt.mapper.front import Choice, pareto
from onewatt.mapper.orders import count_words, every_order, orders_of
from onewatt.mapper.problem import Case, Problem, without_trivial
from onewatt.mapper.template import templates
from onewatt.model.evaluate import evaluate
from onewatt.spec.architecture import Architecture
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum

Tiles = Literal["perfect", "steady", "tight", "full"]
Goal = Literal["energy", "latency", "layer_edp", "front"]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Two costs closer than this share of the larger are equal to the search.
TOLERANCE = 1e-6
KINDS: dict[Tiles, int] = {
    "perfect": kernel.PERFECT, "steady": kernel.TIGHT, "tight": kernel.TIGHT,
    "full": kernel.FULL,
}  # fmt: skip
GOALS: dict[Goal, int] = {
    "energy": kernel.ENERGY, "latency": kernel.LATENCY, "layer_edp": kernel.EDP,
    "front": kernel.FRONT,
}  # fmt: skip
NOTHING = Mapping(nodes=())
#: Boxes of a tile set where the effort is limited.
_ROOM = 300_000
#: Boxes between two questions whether to stop, about a tenth of a second.
_FRONT, _DEEP, _CHUNK = 2048, 4096, 20_000


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


class _Space:
    """A problem with its cases, boxes and domains for one tile set."""

    def __init__(self, problem: Problem, tiles: Tiles) -> None:
        self.problem = problem
        self.kind = kind = KINDS[tiles]
        self.rests = kernel.NEVER if tiles in ("perfect", "steady") else kernel.MAYBE
        domains = [_domain(int(n), kind) for n in problem.sizes]
        self.n_domain = np.array([len(d) for d in domains], dtype=np.int64)
        self.domain = np.zeros((len(domains), int(self.n_domain.max())), dtype=np.int64)
        for i, values in enumerate(domains):
            self.domain[i, : len(values)] = values

    def root(self) -> tuple[Ints, Ints]:
        """Return the box of all tiles."""
        n_slot = len(self.problem.is_time)
        lo = np.ones((len(self.problem.sizes), n_slot + 1), dtype=np.int64)
        hi = np.repeat(self.problem.sizes[:, None], n_slot + 1, axis=1)
        lo[:, 0], hi[:, -1] = self.problem.sizes, 1
        return lo, hi


def _domain(size: int, kind: int) -> Ints:
    """Return the tile sizes of a set, rising."""
    if kind == kernel.FULL:
        return np.arange(1, size + 1, dtype=np.int64)
    root = int(size**0.5)
    small = np.arange(1, min(size, root + 1) + 1, dtype=np.int64)
    if kind == kernel.PERFECT:
        some = small[size % small == 0]
        return np.unique(np.concatenate([some, size // some]))
    return np.unique(np.concatenate([small[-(-size // (-(-size // small))) == small],
                                     -(-size // small)]))  # fmt: skip


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
        Which sizes tiles may have: ``perfect`` (factors), ``steady`` (ceil(parent / n), no last
        tile rests), ``tight`` (ceil(parent / n)) or ``full`` (every integer).
    proof : bool
        Whether to keep the trees of boxes for a certificate.
    stop : callable or None
        Asked every now and then whether to stop with what is found so far.
    effort : int or None
        Tilings that may be costed in all their orders where the closed form is not exact, which
        also limits the boxes; beyond that the answer is the best so far and `gap` says how far
        below it the bound lies.

    Raises
    ------
    MappingError
        If nothing fits.
    Stopped
        If it was to stop before anything was found.
    """
    one = without_trivial(einsum)
    return _Search(one, architecture, prices, goal, tiles, proof, stop, effort).run()


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
    one = without_trivial(einsum)
    found = search_layer(
        one, architecture, price_list(architecture), goal=goal, tiles=tiles, proof=True
    )
    return Certificate(
        einsum=one, architecture=architecture, goal=goal, tiles=tiles,
        answer=tuple(str(c.mapping) for c in found.front),
        energies=tuple(c.energy for c in found.front),
        cycles=tuple(float(c.cycles) for c in found.front), trees=found.trees,
    )  # fmt: skip


class _Search:
    """One search; the incumbents pass from smaller tile sets to larger ones."""

    def __init__(
        self, einsum: Einsum, architecture: Architecture, prices: Prices, goal: Goal, tiles: Tiles,
        proof: bool, stop: Callable[[], bool] | None, effort: int | None,
    ) -> None:  # fmt: skip
        self.einsum, self.chip, self.prices = einsum, architecture, prices
        self.mode, self.tiles, self.proof = GOALS[goal], tiles, proof
        self.stop = stop or (lambda: False)
        self.left, self.room = effort, 0
        self.problems = [
            Problem(einsum, architecture, prices, t) for t in templates(einsum, architecture)
        ]
        self.cases = [(i, p.case(s)) for i, p in enumerate(self.problems) for s in p.states()]
        self.choices: list[Choice] = []
        self.costs: dict[Mapping, Choice | None] = {}
        self.boxes = self.scored = 0
        self.trees: list[Tree] = []
        self.open = 0.0

    def run(self) -> Found:
        """Search the sets from the smallest to the one asked for."""
        for name in KINDS:
            self._search(name, last=name == self.tiles)
            if name == self.tiles:
                break
        if not self.choices:
            if self.open:
                raise Stopped("stopped before any mapping was found")
            raise MappingError("nothing fits")
        return Found(tuple(self.choices), self.boxes, self.scored, self.open, tuple(self.trees))

    # -- one tile set -----------------------------------------------------------------------

    def _search(self, name: Tiles, last: bool) -> None:
        """Take the least cost of a tiling for its cost; if that was too good, ask for real ones."""
        spaces = [_Space(p, name) for p in self.problems]
        self.open, self.room = 0.0, _ROOM
        keep = last and self.proof
        best, entries, n_best = self._incumbents()
        trees = [self._explore(spaces, c, best, entries, n_best, False, keep) for c in self.cases]
        n_best = int(np.isfinite(best[:-1, 0]).sum())
        fresh = [k for k in range(n_best) if entries[k].any()]
        true = all([self._confirm(best[k], entries[k]) for k in fresh])
        if not true and last and not self.open:
            floor = best[:n_best].copy()
            best, entries, n_best = self._incumbents()
            trees = [
                self._explore(spaces, c, best, entries, n_best, True, keep) for c in self.cases
            ]
            if self.left == 0:
                self.open = self._above(floor)
        if keep:
            self.trees = [t for t in trees if t is not None]

    def _above(self, floor: Floats) -> float:
        """Return how far the answer lies above a bound, as a share of the answer."""
        bounds = [self._value(Choice(float(e), float(c), NOTHING))[0] for e, c in floor]
        return max(0.0, 1 - min(bounds) / min(self._value(c)[0] for c in self.choices))

    def _incumbents(self) -> tuple[Floats, Ints, int]:
        ranks = max(len(p.sizes) for p in self.problems)
        slots = max(len(p.is_time) for p in self.problems)
        size = _FRONT if self.mode == kernel.FRONT else 1
        best = np.full((size + 1, 2), np.inf)
        entries = np.zeros((size + 1, ranks + 1, max(2, slots + 1)), dtype=np.int64)
        for k, choice in enumerate(self.choices):
            best[k] = choice.energy, choice.cycles
        return best, entries, len(self.choices)

    def _explore(
        self, spaces: Sequence[_Space], case: tuple[int, Case], best: Floats, entries: Ints,
        n_best: int, ask: bool, keep: bool,
    ) -> Tree | None:  # fmt: skip
        which, c = case
        space, problem = spaces[which], self.problems[which]
        lo, hi = space.root()
        stack_lo = np.empty((_DEEP, *lo.shape), dtype=np.int64)
        stack_hi = np.empty_like(stack_lo)
        stack_lo[0], stack_hi[0] = lo, hi
        stack_rests = np.full((_DEEP, *problem.allowed.T.shape), space.rests, dtype=np.int64)
        depth, n_tree = 1, 0
        codes: list[int] = []
        tree = np.zeros(1 << 16 if keep else 0, dtype=np.int64)
        tag = self.cases.index(case)
        # the last row of `best` stays free: it is no answer but the place where tilings are asked
        limit = best[:-1]
        n_best = int(np.isfinite(limit[:, 0]).sum())
        if self.left == 0 or (self.left is not None and self.room <= 0 and n_best):
            self.open = self.open or 1.0
            return None
        if n_best and self.stop():
            self.open = 1.0
            return Tree(which, c.state.through, ()) if keep else None
        while depth > 0:
            depth, n_best, boxes, scored, n_tree = kernel.explore(
                stack_lo, stack_hi, stack_rests, depth,
                (problem.is_time, problem.axis_size), space.kind, space.domain,
                space.n_domain, c.allowed, problem.limits, c.terms, c.coef, c.ports,
                problem.classes, problem.dims, problem.n_dims, problem.relevant, problem.line,
                c.scalars, np.array(c.slots, dtype=np.int64), self.mode, limit, entries, n_best,
                TOLERANCE, _CHUNK, ask, tag, tree, 0,
            )  # fmt: skip
            self.boxes += boxes
            self.scored += scored
            if keep:
                codes += tree[:n_tree].tolist()
            if ask and entries[-1].any():
                self._score(problem, c, entries[-1], limit)
                if self.left is not None:
                    self.left -= 1
                entries[-1] = 0
                fresh, _, n_best = self._incumbents()
                best[:] = fresh
            self.room -= boxes
            if depth > 0 and (self.stop() or (self.left is not None and self.room <= 0)):
                self.open = 1.0
                break
            if self.left == 0:
                break
        return Tree(which, c.state.through, tuple(codes)) if keep else None

    # -- single tilings ---------------------------------------------------------------------

    def _tiles(self, problem: Problem, entry: Ints) -> list[list[int]]:
        ranks, slots = len(problem.sizes), len(problem.is_time)
        return entry[:ranks, : slots + 1].T.tolist()

    def _confirm(self, claimed: Floats, entry: Ints) -> bool:
        """Cost an answer of the closed form; whether it was right."""
        which, c = self.cases[int(entry[len(self.problems[0].sizes), 1])]
        problem = self.problems[which]
        tiles = self._tiles(problem, entry)
        orders = orders_of(problem, c.slots, int(entry[len(problem.sizes), 0]))
        choice = self._cost(problem, tiles, orders)
        if choice is None:
            return False
        self._take(choice)
        return choice.energy <= claimed[0] * (1 + TOLERANCE) and choice.cycles <= claimed[1]

    def _score(self, problem: Problem, c: Case, entry: Ints, best: Floats) -> None:
        """Cost a tiling in every order that can differ, unless counting its words rules it out."""
        tiles = self._tiles(problem, entry)
        for orders in every_order(problem, tiles):
            energy, cycles = count_words(problem, c, tiles, orders)
            if kernel.beaten(energy, cycles, self.mode, best, TOLERANCE):
                continue
            choice = self._cost(problem, tiles, orders)
            if choice is not None:
                self._take(choice)

    def _cost(
        self, problem: Problem, tiles: list[list[int]], orders: list[tuple[int, ...]]
    ) -> Choice | None:
        mapping = problem.template.mapping(tiles, orders)
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
        if self.mode == kernel.FRONT:
            self.choices = every
            return
        self.choices = [min(every, key=self._value)]

    def _value(self, choice: Choice) -> tuple[float, float]:
        if self.mode == kernel.ENERGY:
            return choice.energy, choice.cycles
        if self.mode == kernel.LATENCY:
            return choice.cycles, choice.energy
        return choice.energy * choice.cycles, choice.energy
