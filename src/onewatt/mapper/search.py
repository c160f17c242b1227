"""The search: the best mapping of every layer of a network on a chip, with proof."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, MappingError, Stopped, unknown
from onewatt.mapper import store
from onewatt.mapper.exact import TOLERANCE, Found, Goal, Tiles, search_layer
from onewatt.mapper.front import Choice, choose
from onewatt.mapper.problem import without_trivial
from onewatt.mapper.whynot import why_not
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
from onewatt.spec.workload import Einsum, Workload

OBJECTIVES = ("edp", "energy", "latency", "layer_edp")
#: The largest set of tile sizes whose optimum is proved in about a second for most layers.
DEFAULT_TILES: Tiles = "steady"
#: Boxes of tilings that are looked at in each set before a search settles for a stated gap.
EFFORT = 300_000
_SETS: dict[Tiles, str] = {
    "perfect": "tiles that divide the tile outside",
    "steady": "tiles ceil(parent / n), of which no last one rests",
    "tight": "tiles ceil(parent / n)",
    "full": "tiles of every size",
}

Progress = Callable[[int, int, str], None]


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
    tiles: Tiles = DEFAULT_TILES,
    cache: Path | None = None,
    stop: threading.Event | None = None,
    effort: int | None = EFFORT,
) -> Result:
    """Find the best mapping for every layer of a network on a chip, and prove that it is.

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
    tiles : str
        The sizes tiles may have: ``perfect``, ``steady``, ``tight`` or ``full``; docs/mapper.md.
    cache : Path or None
        A folder where finished layers are kept and found again.
    stop : threading.Event or None
        Once set, every layer ends with the best found so far, and says by how much it may be off.
    effort : int or None
        Boxes of tilings to look at for a layer and a set; None for as many as the proof takes.

    Returns
    -------
    Result
        Mappings, ledger, and for each layer a bound that no mapping beats.  `optimal` says that no
        mapping in the space that `mapspace` names is better by more than one part in a million.

    Raises
    ------
    InputError
        If the objective is unknown.
    MappingError
        If a layer does not fit the chip at all.
    Stopped
        If `stop` was set before every layer had a mapping.

    Examples
    --------
    >>> import onewatt as ow
    >>> result = ow.search(ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss"))
    >>> result.workload.macs
    264192
    """
    if objective not in OBJECTIVES:
        raise InputError(unknown("objective", objective, OBJECTIVES))
    if tiles not in get_args(Tiles):
        raise InputError(unknown("tile set", tiles, get_args(Tiles)))
    if batch < 1:
        raise InputError(f"found batch {batch!r}; expected at least 1")
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    prices = price_list(architecture)
    workload, unpriced = priceable(workload, architecture)
    if not workload.einsums:
        names = ", ".join(f"{u.name!r} ({u.op})" for u in unpriced[:6])
        raise InputError(f"workload {workload.name!r} has nothing that can be priced: {names}")
    goal: Goal = "front" if objective == "edp" else objective
    ask = _Ask(architecture, goal, tiles, cache, effort)
    found = _search_distinct(workload, ask, workers, progress, stop)
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
        answer = found[einsum.signature] if mapping else None
        spent = evaluate(einsum, architecture, mapping, prices=prices)
        layers.append(_layer(einsum, architecture, prices, mapping, objective, answer, spent))
        cost += spent
    result = Result(
        workload=workload, architecture=architecture, prices=prices, objective=objective,
        mapspace=_mapspace(architecture, tiles), layers=tuple(layers),
        cost=cost, batch=batch, seed=seed, versions=versions(),
    )  # fmt: skip
    if budget is not None:
        result = msgspec.structs.replace(result, budget=judge(result, budget))
    return result


def _mapspace(architecture: Architecture, tiles: Tiles) -> str:
    return (
        f"{tiles}: {_SETS[tiles]}; every order of loops; every bypass; one loop a rank at each "
        f"place; dataflow {architecture.dataflow.name}"
    )


class _Ask(NamedTuple):
    """What is asked of every layer."""

    architecture: Architecture
    goal: Goal
    tiles: Tiles
    cache: Path | None
    effort: int | None


def _search_distinct(
    workload: Workload, ask: _Ask, workers: int, progress: Progress | None,
    stop: threading.Event | None,
) -> dict[object, Found]:  # fmt: skip
    distinct = {e.signature: e for e in workload.einsums if e.work == "mac"}
    layers = list(distinct.values())
    for einsum in layers:
        check_words(einsum, ask.architecture)

    def report(done: int) -> None:
        if progress:
            progress(done, len(layers), layers[done].name if done < len(layers) else "")

    report(0)
    # the largest first, so that no worker is left alone with it at the end
    order = sorted(range(len(layers)), key=lambda i: (-_effort(layers[i]), i))
    found = each(_search_task, [(layers[i], ask) for i in order], workers, report, stop)
    return {layers[i].signature: f for i, f in zip(order, found, strict=True)}


def _effort(einsum: Einsum) -> float:
    return math.prod(math.log2(1 + r.size) for r in einsum.ranks if r.size > 1)


def _search_task(task: tuple[Einsum, _Ask], stop: Callable[[], bool]) -> Found:
    einsum, ask = task
    one = without_trivial(einsum)
    prices = price_list(ask.architecture)
    key = store.key(one, ask.architecture, prices, ask.goal, ask.tiles)
    known = store.load(ask.cache, key, one, ask.architecture, prices)
    if known is not None:
        return known
    try:
        found = search_layer(
            one,
            ask.architecture,
            prices,
            goal=ask.goal,
            tiles=ask.tiles,
            stop=stop,
            effort=ask.effort,
        )
    except MappingError as error:
        raise MappingError(
            f"layer {einsum.name!r} does not fit chip {ask.architecture.name!r}: "
            f"{why_not(one, ask.architecture)}"
        ) from error
    except Stopped as stopped:
        raise Stopped(f"stopped before any mapping of layer {einsum.name!r} was found") from stopped
    if found.gap == 0.0:
        store.save(ask.cache, key, found)
    return found


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
    found: Found | None,
    spent: Cost,
) -> LayerResult:
    least = bound(einsum, architecture, prices, objective)
    gap = found.gap if found else 0.0
    if gap:  # nothing undercuts the bound
        latency = spent.cycles(einsum.name) / architecture.clock
        reached = {"J": spent.energy, "s": latency}.get(least.unit, spent.energy * latency)
        gap = min(gap, 1 - least.value / reached)
        gap = 0.0 if gap <= TOLERANCE else gap
    return LayerResult(
        name=einsum.name, mapping=mapping,
        active_pes=lower(einsum, mapping).active if mapping else 0,
        lower_bound=least, optimal=gap == 0.0,
        evaluations=found.boxes + found.scored if found else 0, gap=gap,
    )  # fmt: skip
