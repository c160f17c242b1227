"""Outcomes: what a point gives, worked out by the mapper, and how it is kept."""

from __future__ import annotations

import functools
import hashlib
import math
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from onewatt.codesign.study import FileStudy, Options, Study, options_of
from onewatt.errors import InputError, MappingError, Stopped
from onewatt.mapper.capped import ROUNDING
from onewatt.mapper.search import search
from onewatt.model.budget import average_power, judge, on_chip_bits
from onewatt.model.evaluate import versions
from onewatt.model.uncertainty import spread_of
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget, Verdict
from onewatt.spec.cost import Busy, Cost, Entry
from onewatt.spec.front import LayerSummary, LevelEnergy, Outcome, Point, Totals
from onewatt.spec.result import LayerResult, Result
from onewatt.spec.study import MEASURES, MapperObjective
from onewatt.spec.workload import Einsum, Workload

#: Version of what an outcome holds: raised when a point would be worked out differently.
OUTCOME = 2
_TIMED = ("latency", "rate")
_DECODER = msgspec.json.Decoder(Outcome)


class Context(NamedTuple):
    """What every worker gets once: the study, and where finished layers are kept."""

    study: Study
    cache: str | None = None


class Built(NamedTuple):
    """A point as a network and a chip, with how the mapper is asked."""

    workload: Workload
    architecture: Architecture
    options: Options


def build(study: Study, point: Point) -> Built:
    """Return the network and the chip of a point."""
    return Built(study.workload(point), study.architecture(point), options_of(study, point))


def key_of(study: Study, point: Point, built: Built) -> str:
    """Return the key of an outcome: a digest of everything that it depends on."""
    # what a program measures itself depends on the program; a file has nothing but its content
    kind = type(study)
    own = "" if kind is FileStudy else f"{kind.__module__}.{kind.__qualname__} {study.name}"
    asked = msgspec.json.encode(
        (OUTCOME, own, point, digest(built.workload), built.architecture, built.options,
         study.constraints, versions())
    )  # fmt: skip
    return hashlib.sha256(asked).hexdigest()


@functools.lru_cache(maxsize=256)
def digest(workload: Workload) -> str:
    """Return a digest of a network."""
    return hashlib.sha256(msgspec.json.encode(workload)).hexdigest()


def worked_out(context: Context, point: Point) -> bytes:
    """Return the outcome of a point as it is kept; whatever goes wrong is its reason."""
    try:
        outcome = outcome_of(context, point)
    except Stopped:
        raise
    except Exception as error:
        outcome = failed(error)
    return encode(outcome)


def failed(error: Exception) -> Outcome:
    """Return the outcome of a point that failed."""
    said = str(error) or type(error).__name__
    known = isinstance(error, InputError) or type(error).__module__.startswith("onewatt.")
    return Outcome(reason=said if known else f"{type(error).__name__}: {said}")


def encode(outcome: Outcome) -> bytes:
    """Return an outcome as the store keeps it."""
    return zlib.compress(msgspec.json.encode(outcome), 6)


def decode(content: bytes) -> Outcome:
    """Return the outcome that the store kept.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        return _DECODER.decode(zlib.decompress(content))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise InputError(f"the store holds an outcome that cannot be read ({error})") from error


def outcome_of(context: Context, point: Point) -> Outcome:
    """Search the mappings of a point and return what it gives."""
    study = context.study
    built = build(study, point)
    cache = Path(context.cache) if context.cache else None
    result = result_of(built, cache, study.constraints)
    measures = measured(result, study.constraints) | _quality(study, point)
    verdicts = judge(result, study.constraints) if study.constraints else ()
    return Outcome(
        workload=result.workload.name,
        measures=measures,
        budget=tuple(map(_finite, verdicts)),
        totals=_totals(result),
        levels=_levels(result),
        layers=_layers(result),
        unpriced=tuple(u.name for u in result.workload.unpriced),
        spread=spread_of(result),
    )  # fmt: skip


def result_of(built: Built, cache: Path | None = None, constraints: Budget | None = None) -> Result:
    """Return the full result of a point; layers that were searched before are found in `cache`.

    Where the mapper minimises energy, a limit on latency or a rate steers it: the energy is the
    least within that time.  Where no mapping keeps it, the result is the fastest.
    """
    plain = _searched(built, cache)
    limit = time_limit(constraints, built.options)
    if limit is None or _in_time(plain, constraints):
        return plain
    # a search allows for the rounding of its cap, a verdict for none
    for cap in (limit, limit * (1 - 2 * ROUNDING)):
        try:
            found = _searched(built, cache, within=cap)
        except MappingError:
            break
        if _in_time(found, constraints):
            return found
    return _searched(built, cache, objective="latency")


def _searched(
    built: Built, cache: Path | None, *, objective: MapperObjective | None = None,
    within: float | None = None,
) -> Result:  # fmt: skip
    options = built.options
    return search(
        built.workload, built.architecture, objective=objective or options.objective,
        tiles=options.mapspace, batch=options.batch, cache=cache, within=within,
    )  # fmt: skip


def time_limit(constraints: Budget | None, options: Options) -> float | None:
    """Return how long a batch may take at a point [s]; None if nothing says so to the mapper.

    Examples
    --------
    >>> time_limit(Budget.parse("30 fps, 50 ms"), Options("energy", batch=1))
    0.03333333333333333
    >>> time_limit(Budget.parse("30 fps"), Options("edp")) is None
    True
    """
    if constraints is None or options.objective != "energy":
        return None
    limits = [options.batch / x.asked if x.kind == "rate" else x.asked
              for x in constraints.limits if x.kind in _TIMED]  # fmt: skip
    return min(limits, default=None)


def _in_time(result: Result, constraints: Budget | None) -> bool:
    limits = constraints.limits if constraints else ()
    timed = Budget(limits=tuple(x for x in limits if x.kind in _TIMED))
    return all(v.met for v in judge(result, timed))


def measured(result: Result, constraints: Budget | None) -> dict[str, float]:
    """Return every measure of a result by its name, in SI units.

    Energy is that of one inference, latency that of one batch, their product the EDP.  With a rate
    among the constraints, power is the average at that rate.
    """
    rate = constraints.rate if constraints else None
    energy, latency = result.energy / result.batch, result.latency
    found = {
        "energy": energy,
        "latency": latency,
        "edp": energy * latency,
        "power": average_power(result, rate) if rate else result.power,
        "rate": result.batch / latency if latency else math.inf,
        "area": result.prices.area if result.prices.areas else math.nan,
        "capacity": on_chip_bits(result.architecture),
    }
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _quality(study: Study, point: Point) -> dict[str, float]:
    found = study.quality(point)
    if found is None:
        return {}
    own = dict(found) if isinstance(found, Mapping) else {"quality": float(found)}
    taken = sorted(set(own) & set(MEASURES))
    if taken:
        raise InputError(f"quality measures {taken[0]!r}, which the model does; name it otherwise")
    return {name: float(value) for name, value in own.items()}


def _finite(verdict: Verdict) -> Verdict:
    """JSON has no infinity."""
    if math.isfinite(verdict.reached):
        return verdict
    return msgspec.structs.replace(verdict, reached=sys.float_info.max)


def _totals(result: Result) -> Totals:
    return Totals(
        batch=result.batch, macs=result.workload.macs, energy=result.energy,
        energy_low=result.cost.energy_low, energy_high=result.cost.energy_high,
        latency=result.latency, edp=result.edp, power=result.power,
        area=result.prices.area if result.prices.areas else None,
        capacity=on_chip_bits(result.architecture),
        optimal=all(layer.optimal for layer in result.layers if layer.mapping),
    )  # fmt: skip


def _levels(result: Result) -> tuple[LevelEnergy, ...]:
    found = result.cost.energy_by(lambda e: e.component)
    return tuple(LevelEnergy(level=str(name), energy=value) for name, value in found.items())


def _layers(result: Result) -> tuple[LayerSummary, ...]:
    einsums = {e.name: e for e in result.workload.einsums}
    entries: dict[str, list[Entry]] = {}
    busy: dict[str, list[Busy]] = {}
    for entry in result.cost.entries:
        entries.setdefault(entry.einsum, []).append(entry)
    for row in result.cost.busy:
        busy.setdefault(row.einsum, []).append(row)
    return tuple(
        _layer(
            einsums[layer.name], layer, result.architecture.clock,
            Cost(entries=tuple(entries.get(layer.name, ())), busy=tuple(busy.get(layer.name, ()))),
        )
        for layer in result.layers
    )  # fmt: skip


def _layer(einsum: Einsum, layer: LayerResult, clock: float, cost: Cost) -> LayerSummary:
    return LayerSummary(
        name=layer.name, op=einsum.op, count=einsum.count, macs=einsum.macs, energy=cost.energy,
        latency=cost.cycles(layer.name) / clock, active_pes=layer.active_pes,
        bottleneck=cost.bottleneck(layer.name), optimal=layer.optimal,
        mapping=str(layer.mapping) if layer.mapping else None,
    )  # fmt: skip
