"""A whole network by its row-stationary mappings, as the chip's paper counts: convention jssc17."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, unknown
from onewatt.mapper.front import Choice, choose
from onewatt.mapper.row_stationary import front
from onewatt.mapper.row_stationary_space import Space, spaces
from onewatt.mapper.search import OBJECTIVES
from onewatt.model.bound import bound
from onewatt.model.budget import judge
from onewatt.model.evaluate import evaluate as literal
from onewatt.model.evaluate import priceable, versions
from onewatt.model.jssc17.evaluate import evaluate
from onewatt.model.jssc17.nest import loop_nest
from onewatt.model.jssc17.passes import Grid, active_pes
from onewatt.model.jssc17.shape import Shape
from onewatt.spec.architecture import Architecture, Launch
from onewatt.spec.budget import Budget
from onewatt.spec.cost import Cost
from onewatt.spec.price import Prices
from onewatt.spec.result import Bound, LayerResult, Objective, Result
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import Einsum, Workload

Progress = Callable[[int, int, str], None]
_UNITS = {"energy": "J", "latency": "s", "edp": "J s", "layer_edp": "J s"}


def search_row_stationary(
    workload: Workload,
    architecture: Architecture,
    *,
    objective: Objective = "edp",
    budget: Budget | None = None,
    batch: int = 1,
    seed: int = 0,
    mappings: Mapping[str, RowStationary] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Return a network on Eyeriss as its paper counts, with the best or with given mappings.

    Parameters
    ----------
    workload : Workload
        The network; densities decide what run-length coding and gating save.
    architecture : Architecture
        A chip built like Eyeriss.
    objective : str
        ``edp`` is (ΣE)·(ΣT) of the whole network; ``energy``, ``latency``, ``layer_edp``.
    budget : Budget or None
        Limits to judge the result by.
    batch : int
        Inferences that the workload stands for [1].
    seed : int
        Recorded in the result; nothing is drawn at random.
    mappings : mapping of str to RowStationary or None
        Mappings by layer; layers without one are searched.
    progress : callable or None
        Called with layers done, layers in all and the layer's name.

    Returns
    -------
    Result
        Convention ``jssc17``; the loop nest of each layer shows its seven parameters.

    Raises
    ------
    InputError
        If the objective or a layer in `mappings` is unknown.
    MappingError
        If a layer, or a given mapping, does not fit the chip.

    Examples
    --------
    >>> import onewatt as ow
    >>> vgg = ow.load_workload("vgg16", batch=3)
    >>> result = search_row_stationary(vgg, ow.load_chip("eyeriss"), objective="latency", batch=3)
    >>> len(result.layers) == len(vgg.einsums)
    True
    """
    if objective not in OBJECTIVES:
        raise InputError(unknown("objective", objective, OBJECTIVES))
    if architecture.launch != Launch():
        raise InputError(
            f"chip {architecture.name!r} states a launch, which convention 'jssc17' does not know; "
            "take it out, or use convention 'literal'"
        )
    prices = price_list(architecture)
    able, unpriced = priceable(workload, architecture)
    layers = [e for e in able.einsums if e.work == "mac"]
    for name in mappings or ():
        if name not in {e.name for e in layers}:
            raise InputError(unknown("layer", name, [e.name for e in layers]))
    fixed = Cost()
    for einsum in able.einsums:
        if einsum.work == "vector":
            fixed += literal(einsum, architecture, prices=prices)
    ask = _Ask(architecture, prices, objective, progress)
    chosen = _chosen(layers, ask, fixed, dict(mappings or {}))
    cost, rows = fixed, list[LayerResult]()
    for einsum in able.einsums:
        choice = chosen.get(einsum.name)
        rows.append(_row(einsum, ask, choice))
        if choice is not None:
            cost += evaluate(einsum, architecture, choice.mapping, prices=prices)
    result = Result(
        workload=msgspec.structs.replace(able, unpriced=unpriced), architecture=architecture,
        prices=prices, objective=objective,
        mapspace="row-stationary: m, n, e, p, q, r and t of jssc17, listed in full",
        layers=tuple(rows), cost=cost, convention="jssc17", batch=batch, seed=seed,
        versions=versions(),
    )  # fmt: skip
    if budget is not None:
        result = msgspec.structs.replace(result, budget=judge(result, budget))
    return result


class _Choice(NamedTuple):
    """A layer's mapping; how many were costed for it and the least objective among them."""

    mapping: RowStationary
    tried: int = 0
    least: float = 0.0


class _Ask(NamedTuple):
    architecture: Architecture
    prices: Prices
    objective: Objective
    progress: Progress | None


def _chosen(
    layers: list[Einsum], ask: _Ask, fixed: Cost, given: dict[str, RowStationary]
) -> dict[str, _Choice]:
    """Return a mapping for each layer: as given, or of the best set for the whole network."""
    known: dict[object, _Known] = {}
    chip, taken = ask.architecture, dict[str, _Choice]()
    searched = [e for e in layers if e.name not in given]
    for einsum in layers:
        if einsum.name in given:
            taken[einsum.name] = _Choice(given[einsum.name])
            fixed += evaluate(einsum, chip, given[einsum.name], prices=ask.prices)
    for done, einsum in enumerate(searched):
        if ask.progress:
            ask.progress(done, len(searched), einsum.name)
        if einsum.signature not in known:
            known[einsum.signature] = _search(einsum, ask)
    if ask.progress:
        ask.progress(len(searched), len(searched), "")
    fronts = [_choices(e, chip, known[e.signature].front) for e in searched]
    spent = fixed.energy, math.fsum(fixed.cycles_by_einsum().values())
    for einsum, pick in zip(searched, choose(fronts, spent, ask.objective), strict=True):
        found = known[einsum.signature]
        least = _least(found.front, ask.objective, einsum.count, chip.clock)
        taken[einsum.name] = _Choice(found.front.grid.at(pick), found.tried, least)
    return taken


class _Known(NamedTuple):
    """The front of a layer's mappings, and how many were costed for it."""

    front: Space
    tried: int


def _search(einsum: Einsum, ask: _Ask) -> _Known:
    best, tried = list[Space](), 0
    for part in spaces(einsum, ask.architecture, ask.prices):
        tried += int(part.grid.e.size)
        best.append(front(part))
    return _Known(front(Space.join(best)), tried)


def _choices(einsum: Einsum, chip: Architecture, found: Space) -> list[Choice]:
    n = einsum.count
    return [
        Choice(float(found.scores.energy[i]) * n, float(found.scores.latency[i]) * n,
               loop_nest(einsum, chip, found.grid.at(i)))
        for i in range(found.grid.e.size)
    ]  # fmt: skip


def _least(found: Space, objective: Objective, count: int, clock: float) -> float:
    """Return the least energy [J], latency [s] or product of a layer; its front has all three."""
    energy, latency = found.scores.energy * count, found.scores.latency * count / clock
    figures = {"energy": energy, "latency": latency}.get(objective, energy * latency)
    return float(figures.min())


def _row(einsum: Einsum, ask: _Ask, choice: _Choice | None) -> LayerResult:
    if choice is None:
        least = bound(einsum, ask.architecture, ask.prices, ask.objective)
        return LayerResult(name=einsum.name, mapping=None, active_pes=0, lower_bound=least,
                           optimal=True)  # fmt: skip
    mapping = choice.mapping
    return LayerResult(
        name=einsum.name, mapping=loop_nest(einsum, ask.architecture, mapping),
        active_pes=int(active_pes(Shape.of(einsum), Grid.of(mapping))[0]),
        lower_bound=Bound(value=choice.least, unit=_UNITS[ask.objective]),
        optimal=choice.tried > 0, evaluations=choice.tried or 1,
    )  # fmt: skip
