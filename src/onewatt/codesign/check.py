"""Checks: what is wrong with a study of a file, said before anything runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from onewatt.codesign import knobs as turn
from onewatt.codesign.paths import find, read_value
from onewatt.codesign.strategies import read_strategy
from onewatt.codesign.study import FileStudy, point_of, points, size
from onewatt.components.library import prices
from onewatt.errors import InputError, OnewattError, OutOfReach, unknown
from onewatt.importers.zoo import in_zoo, zoo_options
from onewatt.model.bound import least
from onewatt.model.budget import on_chip_bits
from onewatt.model.evaluate import priceable
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import BudgetLimit
from onewatt.spec.front import Point
from onewatt.spec.study import MEASURES, Knob
from onewatt.units import format_quantity, typeset

#: Points with a value that are tried before the value is said to fit none.
_TRIED = 32
#: Points that are tried before a space counts as too large to say that no point keeps the limits.
_MOST_CHIPS, _MOST_BOUNDS = 4096, 64


def check(study: FileStudy) -> None:
    """Refuse a study with a path, a value, an objective or limits that cannot be.

    Raises
    ------
    InputError
        With the knob and the value, and the nearest path there is.
    """
    for objective in study.objectives:
        if objective.name not in MEASURES:
            raise InputError(
                f"objective {objective.name!r} is measured by no model of a chip; expected one of "
                f"{', '.join(MEASURES)}, or a study in Python with quality(point)"
            )
    try:
        read_strategy(study.asked.strategy)
    except OnewattError as error:
        raise InputError(f"'strategy': {error}") from error
    for knob in study.space:
        for choice in knob.choices:
            _check_choice(study, knob, choice)
        _check_same(study, knob)
    first = _check_builds(study)
    if any(o.name == "area" for o in study.objectives) and not prices(first).areas:
        raise InputError(
            f"objective 'area': chip {first.name!r} states no area and none of its components has "
            "one in the library"
        )
    if study.constraints is not None:
        check_limits(study)


def _check_choice(study: FileStudy, knob: Knob, choice: str) -> None:
    """Refuse what a choice sets if it is nowhere, or no value of its field on some chip."""
    where = f"knob {knob.path!r}: "
    names = {s.text for k in study.space for c in k.choices for s in turn.sets(k, c)
             if s.path == turn.WORKLOAD} or {study.asked.workload}  # fmt: skip
    every = [o for n in sorted(names) for o in _options(n)]
    common = tuple(sorted(o for o in set(every) if every.count(o) == len(names)))
    for one in turn.sets(knob, choice):
        for chip in study.chips.values():
            turn.check_path(one.path, chip, common, where)
            if one.path.startswith("chip."):
                field = find(chip, one.path[5:])
                if not one.scaled:
                    read_value(field, one.text, where=where)
        if one.path in turn.MAPPER and one.text not in turn.MAPPER[one.path]:
            raise InputError(f"{where}{unknown('value', one.text, turn.MAPPER[one.path])}")


def _check_same(study: FileStudy, knob: Knob) -> None:
    """Refuse two ways to write one value: each would be a point, and one of them for nothing."""
    chip = next(iter(study.chips.values()))
    seen: dict[object, str] = {}
    for choice in knob.values:
        given = turn.sets(knob, choice)
        if knob.scale or not all(one.path.startswith("chip.") for one in given):
            return
        value = tuple(read_value(find(chip, one.path[5:]), one.text, where="") for one in given)
        other = seen.setdefault(value, choice)
        if other != choice:
            raise InputError(
                f"knob {knob.path!r}: {other!r} and {choice!r} are one value; leave one out"
            )


def _options(network: str) -> set[str]:
    return set(zoo_options(network)) if in_zoo(network) else set()


def _check_builds(study: FileStudy) -> Architecture:
    """Refuse a value with which no point can be built; return a chip that can."""
    built = None
    for i, knob in enumerate(study.space):
        for place, choice in enumerate(knob.choices):
            refusal: OnewattError | None = None
            for point in itertools.islice(_with(study.space, i, place), _TRIED):
                try:
                    study.workload(point)
                    chip = study.architecture(point)
                    prices(chip)
                    refusal, built = None, built or chip
                    break
                except OnewattError as error:
                    refusal = refusal or error
            if refusal is not None:
                raise InputError(f"knob {knob.path!r}, value {choice!r}: {refusal}") from refusal
    assert built is not None
    return built


def _with(space: tuple[Knob, ...], knob: int, place: int) -> Iterator[Point]:
    """Yield points with a value of a knob, those near the first values first."""
    others = [range(len(k.choices)) if i != knob else (place,) for i, k in enumerate(space)]
    return (point_of(space, places) for places in itertools.product(*others))


def check_limits(study: FileStudy) -> None:
    """Refuse limits that no point of the space can keep, whatever the mappings.

    Raises
    ------
    OutOfReach
        With the best that any point could reach of each limit.

    Notes
    -----
    Area and capacity are known without a mapping; for energy, latency, rate and power at a rate
    the lower bounds of the layers stand in.  A space with more points than can be tried passes.
    """
    assert study.constraints is not None
    limits = study.constraints.limits
    chips = [x for x in limits if x.kind in ("area", "capacity")]
    _refuse(study, chips, lambda p: _chip_figures(study, p), _MOST_CHIPS)
    timed = [x for x in limits if x.kind not in ("area", "capacity")]
    _refuse(study, timed, lambda p: _bounds(study, p), _MOST_BOUNDS)


def _refuse(
    study: FileStudy,
    limits: list[BudgetLimit],
    figures: Callable[[Point], dict[str, float]],
    most: int,
) -> None:
    """Refuse limits that no point keeps, if all points can be tried."""
    if not limits or size(study.space) > most:
        return
    best: dict[str, float] = {}
    for point in points(study.space):
        try:
            found = figures(point)
        except OnewattError:
            continue
        if all(_kept(limit, found) for limit in limits):
            return
        for kind, value in found.items():
            better = max if kind == "rate" else min
            best[kind] = better(best.get(kind, value), value)
    if not best:
        return
    broken = [x for x in limits if not _kept(x, best)]
    said = ", ".join(
        f"{'at least' if x.kind == 'rate' else 'at most'} {_text(x.asked, x.unit)} of {x.kind} is "
        f"asked, {_text(best[x.kind], x.unit)} is the best that any point could reach"
        for x in broken
    )
    if not broken:
        said = "each can be kept, but no point can keep all of them: " + ", ".join(
            f"{x.kind} {_text(x.asked, x.unit)}" for x in limits
        )
    raise OutOfReach(f"the constraints contradict the space: {said}; loosen them or widen a knob")


def _text(value: float, unit: str) -> str:
    return typeset(format_quantity(value, unit, digits=None if unit == "bit" else 3))


def _kept(limit: BudgetLimit, found: dict[str, float]) -> bool:
    if limit.kind not in found:
        return True
    value = found[limit.kind]
    return value >= limit.asked if limit.kind == "rate" else value <= limit.asked


def _chip_figures(study: FileStudy, point: Point) -> dict[str, float]:
    chip = study.architecture(point)
    areas = prices(chip).areas
    known = {"area": sum(a.area for a in areas)} if areas else {}
    return {"capacity": on_chip_bits(chip), **known}


def _bounds(study: FileStudy, point: Point) -> dict[str, float]:
    """Return the energy and latency that no mapping undercuts, and what follows from them."""
    chip, batch = study.architecture(point), study.batch(point)
    assert study.constraints is not None
    network, _ = priceable(study.workload(point), chip)
    priced = prices(chip)
    rows = [least(e, chip, priced) for e in network.einsums]
    energy = sum(e for e, _ in rows) / batch
    latency = sum(c for _, c in rows) / chip.clock
    found = {"energy": energy, "latency": latency, "rate": batch / latency}
    rate = study.constraints.rate
    return found | ({"power": energy * min(rate, batch / latency)} if rate else {})
