"""The search: the best mapping of every layer of a network on a chip, with proof."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, MappingError, Stopped, UnitError, unknown
from onewatt.mapper import store
from onewatt.mapper.capped import ROUNDING, least_energy_within
from onewatt.mapper.compiled import compile_ahead, compiled
from onewatt.mapper.exact import TOLERANCE, Found, Goal, Tiles, search_layer
from onewatt.mapper.front import Choice, choose
from onewatt.mapper.problem import without_trivial
from onewatt.mapper.whynot import check_limits, why_not
from onewatt.model.bound import bound
from onewatt.model.budget import judge
from onewatt.model.evaluate import evaluate, priceable, versions
from onewatt.model.launch import launch_cycles, launch_energy, without_launch
from onewatt.model.ledger import standing_energy
from onewatt.model.nest import lower
from onewatt.model.words import check_words
from onewatt.run.workers import each
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget
from onewatt.spec.cost import Cost
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import Prices
from onewatt.spec.result import LayerResult, Objective, Result
from onewatt.spec.workload import Einsum, Workload
from onewatt.units import format_quantity, parse_quantity

OBJECTIVES = ("edp", "energy", "latency", "layer_edp")
#: The largest set of tile sizes whose optimum is proved in about a second for most layers.
DEFAULT_TILES: Tiles = "tight"
#: Boxes of tilings that are looked at in each set before a search settles for a stated gap.
EFFORT = 2_000_000
_NOTHING_FITS = "nothing fits"  # what `search_layer` says when no tiling does
_SETS: dict[Tiles, str] = {
    "perfect": "tiles that divide the tile outside",
    "tight": "tiles ceil(parent / n)",
    "full": "tiles of every size",
}

Progress = Callable[[int, int, str], None]


def search(
    workload: Workload,
    architecture: Architecture,
    *,
    objective: Objective = "edp",
    within: float | str | None = None,
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
    within : float, str or None
        With objective ``energy``: what the latency of one batch may come to, in seconds or as text
        such as ``"10 ms"``.  The energy of the whole network is least within it.
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
        The sizes tiles may have: ``perfect``, ``tight`` or ``full``; docs/mapper.md.
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
        If the objective is unknown, or `within` is no time or asked with another objective.
    MappingError
        If a layer does not fit the chip at all, or no mappings are as fast as `within` asks.
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
    if workers < 0 or (effort or 0) < 0:
        raise InputError(f"found workers {workers!r} and effort {effort!r}; expected at least 0")
    cap = _read_cap(within, objective)
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    prices = price_list(architecture)
    workload, unpriced = priceable(workload, architecture)
    if not workload.einsums:
        names = ", ".join(f"{u.name!r} ({u.op})" for u in unpriced[:6])
        raise InputError(f"workload {workload.name!r} has nothing that can be priced: {names}")
    check_limits(workload, architecture)
    launch = _launch(architecture, prices)
    apart = objective == "layer_edp" and any(launch)  # a launch weighs on each layer's product
    goal: Goal = "front" if objective == "edp" or cap is not None or apart else objective
    bare = without_launch(architecture)
    ask = _Ask(bare, price_list(bare), goal, tiles, cache, effort)
    found = _search_distinct(workload, ask, workers, progress, stop)
    mac = [e for e in workload.einsums if e.work == "mac"]
    fixed = _fixed(workload, architecture, prices)
    fronts = [
        [Choice((c.energy + launch[0]) * e.count, (c.cycles + launch[1]) * e.count, c.mapping)
         for c in found[e.signature].front]
        for e in mac
    ]  # fmt: skip
    if cap is None:
        picks = choose(fronts, (fixed.energy, _cycles(fixed)), objective)
    else:
        picks = _within(cap, mac, fronts, found, _cycles(fixed), architecture)
    chosen = {e.name: f[i].mapping for e, f, i in zip(mac, fronts, picks, strict=True)}
    cost, layers = Cost(), list[LayerResult]()
    for einsum in workload.einsums:
        mapping = chosen.get(einsum.name)
        answer = found[einsum.signature] if mapping else None
        spent = evaluate(einsum, architecture, mapping, prices=prices)
        layer = _layer(einsum, architecture, prices, mapping, objective, answer, spent)
        layers.append(layer if cap is None else _capped(layer, spent))
        cost += spent
    result = Result(
        workload=workload, architecture=architecture, prices=prices, objective=objective,
        mapspace=_mapspace(architecture, tiles), layers=tuple(layers),
        cost=cost, batch=batch, seed=seed, versions=versions(), within=cap,
    )  # fmt: skip
    if budget is not None:
        result = msgspec.structs.replace(result, budget=judge(result, budget))
    return result


def _launch(architecture: Architecture, prices: Prices) -> tuple[float, int]:
    """Return what one launch takes, with what every cycle costs: energy [J] and cycles [1]."""
    cycles = launch_cycles(architecture)
    standing = cycles * standing_energy(architecture, prices) if cycles else 0.0
    return launch_energy(architecture, prices) + standing, cycles


def _read_cap(within: float | str | None, objective: Objective) -> float | None:
    """Return the cap on latency [s], or None."""
    if within is None:
        return None
    try:
        cap = parse_quantity(within, "s") if isinstance(within, str) else float(within)
    except UnitError as error:
        raise UnitError(f"within: {error}") from error
    if not (math.isfinite(cap) and cap > 0):
        raise InputError(f"found within {within!r}; expected a time of more than 0 seconds")
    if objective != "energy":
        raise InputError(
            f"found within {within!r} with objective {objective!r}; expected objective 'energy': a "
            "cap on latency goes with the least energy"
        )
    return cap


def _within(
    cap: float,
    layers: list[Einsum],
    fronts: list[list[Choice]],
    found: dict[object, Found],
    fixed: float,
    architecture: Architecture,
) -> list[int]:
    """Return the choices of least energy within a latency [s]; refuse what no choices reach."""
    clock = architecture.clock
    # whole cycles, so a cap that was printed by a result is met by it whatever the last digit
    picks = least_energy_within(fronts, cap * clock * (1 + ROUNDING) - fixed)
    if picks is not None:
        return picks
    fastest = [min(f, key=lambda c: (c.cycles, c.energy)) for f in fronts]
    least = fixed + sum(c.cycles for c in fastest)
    slowest = sorted(zip(layers, fastest, strict=True), key=lambda row: -row[1].cycles)[:3]
    named = ", ".join(
        f"{e.name!r} {100 * c.cycles / least:.0f} % "
        f"(held up by {evaluate(e, architecture, c.mapping).bottleneck(e.name)})"
        for e, c in slowest
    )
    vector = f", work without a choice {100 * fixed / least:.0f} %" if fixed else ""
    known = "no mappings are" if not any(f.gap for f in found.values()) else "no mapping found is"
    raise MappingError(
        f"within {format_quantity(cap, 's')}: {known} so fast; the least latency is "
        f"{format_quantity(least / clock, 's', digits=6)}. Of that: "
        f"{named}{vector}. Allow more time, or choose a chip with more of what holds these up"
    )


def _capped(layer: LayerResult, spent: Cost) -> LayerResult:
    """Measure what is not proved in energy; the gap of a front is one of products."""
    if not layer.gap:
        return layer
    gap = 1 - layer.lower_bound.value / spent.energy
    return msgspec.structs.replace(layer, gap=gap)


def _mapspace(architecture: Architecture, tiles: Tiles) -> str:
    return (
        f"{tiles}: {_SETS[tiles]}; every order of loops; every bypass; one loop a rank at each "
        f"place; dataflow {architecture.dataflow.name}"
    )


class _Ask(NamedTuple):
    """What is asked of every layer."""

    architecture: Architecture
    prices: Prices
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
    if not compiled() and any(_known(*_asked(einsum, ask)) is None for einsum in layers):
        compile_ahead()
    # the largest first, so that no worker is left alone with it at the end
    order = sorted(range(len(layers)), key=lambda i: (-_effort(layers[i]), i))
    found = each(_search_task, [(layers[i], ask) for i in order], workers, report, stop)
    return {layers[i].signature: f for i, f in zip(order, found, strict=True)}


def _effort(einsum: Einsum) -> float:
    return math.prod(math.log2(1 + r.size) for r in einsum.ranks if r.size > 1)


def _search_task(task: tuple[Einsum, _Ask], stop: Callable[[], bool]) -> Found:
    einsum, ask = task
    one, _, (proved, tried) = asked = _asked(einsum, ask)
    known = _known(*asked)
    if known is not None:
        return known
    try:
        found = search_layer(
            one, ask.architecture, ask.prices, goal=ask.goal, tiles=ask.tiles, stop=stop,
            effort=ask.effort,
        )  # fmt: skip
    except MappingError as error:
        where = f"layer {einsum.name!r} {{}} chip {ask.architecture.name!r}"
        if str(error) != _NOTHING_FITS:  # it may well fit, but nobody could prove an optimum
            raise MappingError(f"{where.format('cannot be searched on')}: {error}") from error
        why = why_not(one, ask.architecture)
        raise MappingError(f"{where.format('does not fit')}: {why}") from error
    except Stopped as stopped:
        raise Stopped(f"stopped before any mapping of layer {einsum.name!r} was found") from stopped
    # the same effort ends with the same gap, but an interrupt comes at any time
    if found.gap == 0.0:
        store.save(ask.cache, proved, found)
    elif ask.effort is not None and not stop():
        store.save(ask.cache, tried, found)
    return found


def _asked(einsum: Einsum, ask: _Ask) -> tuple[Einsum, _Ask, tuple[str, str]]:
    """Return a layer, and where its proved answer is kept and that which a stated effort gave."""
    one = without_trivial(einsum)
    asked = (one, ask.architecture, ask.prices, ask.goal, ask.tiles)
    return one, ask, (store.key(*asked), store.key(*asked, ask.effort))


def _known(one: Einsum, ask: _Ask, keys: tuple[str, str]) -> Found | None:
    """Return the answer for a layer if it is kept."""
    for key in dict.fromkeys(keys):
        known = store.load(ask.cache, key, one, ask.architecture, ask.prices)
        if known is not None:
            return known
    return None


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
