"""The search: the best mapping of every layer of a network on a chip, as far as it looked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, MappingError, unknown
from onewatt.mapper.front import Choice, choose, pareto
from onewatt.mapper.ranking import Ranking
from onewatt.mapper.space import enumerate_tilings
from onewatt.mapper.template import templates
from onewatt.mapper.workers import each
from onewatt.model.bound import bound
from onewatt.model.budget import judge
from onewatt.model.evaluate import evaluate, priceable, versions
from onewatt.model.nest import lower
from onewatt.model.words import check_words
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget
from onewatt.spec.cost import Cost
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import Prices
from onewatt.spec.result import LayerResult, Objective, Result
from onewatt.spec.workload import Einsum, Index, Tensor, Workload

#: Tilings of a layer that the model costs, the best ranked of all that were enumerated.
COSTED = 120
#: Choices of bypassed memories searched in full, and the share of the beam that picks them.
FEW_TEMPLATES, QUICK_LOOK = 4, 0.05
OBJECTIVES = ("edp", "energy", "latency", "layer_edp")
MAPSPACE = (
    "ladder: tiles ceil(n/j) for a ladder of divisions j, grown from compute outwards with a beam; "
    f"orders that hold one tensor still; the best {COSTED} ranked tilings costed exactly; "
    "not proven"
)

Progress = Callable[[int, int, str], None]


class Found(NamedTuple):
    """The front of one layer, and how much was looked at."""

    front: tuple[Choice, ...]
    visited: int


def search(
    workload: Workload,
    architecture: Architecture,
    *,
    objective: Objective = "edp",
    budget: Budget | str | None = None,
    batch: int = 1,
    seed: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Result:
    """Find a good mapping for every layer of a network on a chip.

    Parameters
    ----------
    workload : Workload
        The network; layers of equal shape are searched once.
    architecture : Architecture
        The chip with its dataflow.
    objective : str
        ``edp`` is (ΣE)·(ΣT) of the whole network; ``energy``, ``latency``, ``layer_edp``.
    budget : Budget, str or None
        Limits to judge the result by, also as text such as ``"1 W, 30 fps"``.
    batch : int
        Inferences that the workload stands for [1].
    seed : int
        Recorded in the result; this search draws nothing at random.
    workers : int
        Processes to search layers in, 0 for every processor; more than one needs a main module
        that can be imported.
    progress : callable or None
        Called with layers done, layers in all and the layer's name.

    Returns
    -------
    Result
        Mappings, ledger, and for each layer a bound that no mapping beats.  `optimal` is False: the
        search is exhaustive only on what `mapspace` names.

    Raises
    ------
    InputError
        If the objective is unknown.
    MappingError
        If a layer does not fit the chip at all.

    Examples
    --------
    >>> import onewatt as ow
    >>> result = ow.search(ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss"))
    >>> result.workload.macs
    264192
    """
    if objective not in OBJECTIVES:
        raise InputError(unknown("objective", objective, OBJECTIVES))
    if batch < 1:
        raise InputError(f"found batch {batch!r}; expected at least 1")
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    prices = price_list(architecture)
    workload, unpriced = priceable(workload, architecture)
    if not workload.einsums:
        names = ", ".join(f"{u.name!r} ({u.op})" for u in unpriced[:6])
        raise InputError(f"workload {workload.name!r} has nothing that can be priced: {names}")
    found = _search_distinct(workload, architecture, workers, progress)
    mac = [e for e in workload.einsums if e.work == "mac"]
    fixed = _fixed(workload, architecture, prices)
    fronts = [
        [Choice(c.energy * e.count, c.cycles * e.count, c.mapping)
         for c in found[e.signature].front]
        for e in mac
    ]  # fmt: skip
    picks = choose(fronts, (fixed.energy, _cycles(fixed)), objective)
    chosen = {e.name: f[i].mapping for e, f, i in zip(mac, fronts, picks, strict=True)}
    cost, layers = Cost(), list[LayerResult]()
    for einsum in workload.einsums:
        mapping = chosen.get(einsum.name)
        visited = found[einsum.signature].visited if mapping else 0
        layers.append(_layer(einsum, architecture, prices, mapping, objective, visited))
        cost += evaluate(einsum, architecture, mapping, prices=prices)
    result = Result(
        workload=workload, architecture=architecture, prices=prices, objective=objective,
        mapspace=f"{MAPSPACE}; dataflow {architecture.dataflow.name}", layers=tuple(layers),
        cost=cost, batch=batch, seed=seed, versions=versions(),
    )  # fmt: skip
    if budget is not None:
        result = msgspec.structs.replace(result, budget=judge(result, budget))
    return result


def _search_distinct(
    workload: Workload, architecture: Architecture, workers: int, progress: Progress | None
) -> dict[object, Found]:
    distinct = {e.signature: e for e in workload.einsums if e.work == "mac"}
    layers = list(distinct.values())
    for einsum in layers:
        check_words(einsum, architecture)

    def report(done: int) -> None:
        if progress:
            progress(done, len(layers), layers[done].name if done < len(layers) else "")

    report(0)
    # the largest first, so that no worker is left alone with it at the end
    order = sorted(range(len(layers)), key=lambda i: (-_effort(layers[i]), i))
    tasks = [(layers[i], architecture) for i in order]
    found = each(_search_task, tasks, workers, report)
    return {layers[i].signature: f for i, f in zip(order, found, strict=True)}


def _effort(einsum: Einsum) -> float:
    return math.prod(math.log2(1 + r.size) for r in einsum.ranks if r.size > 1)


def _search_task(task: tuple[Einsum, Architecture]) -> Found:
    einsum, architecture = task
    return search_layer(einsum, architecture, price_list(architecture))


def search_layer(einsum: Einsum, architecture: Architecture, prices: Prices) -> Found:
    """Return the energy-cycles front of one run of a layer over everything enumerated."""
    one = _without_trivial(einsum)
    sizes = np.array([r.size for r in one.ranks], dtype=np.int64)
    ranked: list[tuple[float, float, Mapping]] = []
    visited, refused = 0, list[str]()
    rankings = _promising(one, architecture, prices, sizes)
    for ranking in rankings:
        template = ranking.template
        try:
            space = enumerate_tilings(template, ranking, sizes)
        except MappingError as error:
            refused.append(str(error))
            continue
        visited += space.visited
        best = ranking.best(space.tiles, COSTED)
        energy, cycles, choice = ranking.rank(space.tiles[best])
        for i, picks in enumerate(choice):
            orders = [
                tuple(int(r) for r in ranking.order_sets[j, pick]) for j, pick in enumerate(picks)
            ]
            mapping = template.mapping(space.tiles[best[i]].tolist(), orders)
            ranked.append((float(energy[i]), float(cycles[i]), mapping))
    front, reasons = _cost(one, architecture, prices, ranked)
    if not front:
        why = "; ".join(dict.fromkeys([*refused, *reasons])) or "nothing was enumerated"
        raise MappingError(f"layer {einsum.name!r} does not fit chip {architecture.name!r}: {why}")
    return Found(tuple(front), visited)


def _promising(
    einsum: Einsum, architecture: Architecture, prices: Prices, sizes: NDArray[np.int64]
) -> list[Ranking]:
    """Return the templates to search, fewer if there are many: a quick look at each decides."""
    rankings = [Ranking(einsum, architecture, prices, t) for t in templates(einsum, architecture)]
    if len(rankings) <= FEW_TEMPLATES:
        return rankings
    looks: list[tuple[float, float, int]] = []
    for i, ranking in enumerate(rankings):
        try:
            tiles = enumerate_tilings(ranking.template, ranking, sizes, effort=QUICK_LOOK).tiles
        except MappingError:
            continue
        energy, cycles, _ = ranking.rank(tiles)
        looks.append((float(energy.min()), float((energy * cycles).min()), i))
    by_energy = [i for *_, i in sorted(looks)]
    by_product = [i for *_, i in sorted(looks, key=lambda look: (look[1], look[2]))]
    best = list(dict.fromkeys(i for pair in zip(by_product, by_energy, strict=True) for i in pair))
    return [rankings[i] for i in best[:FEW_TEMPLATES] or range(len(rankings))]


def _without_trivial(einsum: Einsum) -> Einsum:
    """Return one run of a layer without its ranks of size 1; they change nothing."""
    kept = {r.name for r in einsum.ranks if r.size > 1} or {einsum.ranks[0].name}
    tensors: list[Tensor] = []
    for tensor in einsum.tensors:
        projection: list[Index] = []
        for index in tensor.projection:
            terms = tuple(t for t in index.terms if t.rank in kept)
            if terms:
                projection.append(msgspec.structs.replace(index, terms=terms))
        tensors.append(msgspec.structs.replace(tensor, projection=tuple(projection)))
    return msgspec.structs.replace(
        einsum, count=1, ranks=tuple(r for r in einsum.ranks if r.name in kept),
        inputs=tuple(tensors[:-1]), output=tensors[-1],
    )  # fmt: skip


def _cost(
    einsum: Einsum,
    architecture: Architecture,
    prices: Prices,
    ranked: list[tuple[float, float, Mapping]],
) -> tuple[list[Choice], list[str]]:
    """Cost the best ranked mappings with the model and keep their front."""
    picks: dict[Mapping, None] = {}
    for key in (0, 1, 2):
        ordered = sorted(ranked, key=lambda r: (*(r[0] * r[1], r[0], r[1])[key:], str(r[2])))
        picks |= dict.fromkeys(r[2] for r in ordered[: COSTED // 3])
    choices, reasons = list[Choice](), list[str]()
    for mapping in picks:
        try:
            cost = evaluate(einsum, architecture, mapping, prices=prices)
        except MappingError as error:
            reasons.append(str(error))
            continue
        choices.append(Choice(cost.energy, cost.cycles(einsum.name), mapping))
    return pareto(choices), reasons


def _fixed(workload: Workload, architecture: Architecture, prices: Prices) -> Cost:
    cost = Cost()
    for einsum in workload.einsums:
        if einsum.work == "vector":
            cost += evaluate(einsum, architecture, prices=prices)
    return cost


def _cycles(cost: Cost) -> float:
    return sum(cost.cycles_by_einsum().values())


def _layer(
    einsum: Einsum,
    architecture: Architecture,
    prices: Prices,
    mapping: Mapping | None,
    objective: Objective,
    visited: int,
) -> LayerResult:
    least = bound(einsum, architecture, prices, objective)
    return LayerResult(
        name=einsum.name, mapping=mapping,
        active_pes=lower(einsum, mapping).active if mapping else 0,
        lower_bound=least, optimal=mapping is None, evaluations=visited,
    )  # fmt: skip
