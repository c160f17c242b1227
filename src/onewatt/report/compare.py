"""Comparison: two results side by side, in all, by level and by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from onewatt.diagnose.difference import Difference, Summand, difference
from onewatt.model.uncertainty import Odds
from onewatt.report.figures import Figures, figures, level_energy
from onewatt.report.wording import objective
from onewatt.spec.result import Result

#: The name and version of the table.
SCHEMA = "onewatt/comparison/1"


class Change(NamedTuple):
    """A figure of two results; None where one has no such figure."""

    name: str
    unit: str
    before: float | None
    after: float | None

    @property
    def ratio(self) -> float | None:
        """What `after` is of `before` [1]."""
        if self.before is None or self.after is None or not self.before:
            return None
        return self.after / self.before


class Comparison(NamedTuple):
    """What changed from one result to another; layers are matched by name."""

    before: str
    after: str
    totals: tuple[Change, ...]
    levels: tuple[Change, ...]
    layers: tuple[tuple[Change, Change], ...]
    why: Difference
    notes: tuple[str, ...]


def compare(before: Result, after: Result) -> Comparison:
    """Return what changed between two results.

    Parameters
    ----------
    before, after : Result
        Two results, of any workloads and chips.

    Returns
    -------
    Comparison
        Totals, energy of each level [J], and energy [J] and latency [s] of each layer.
    """
    old, new = figures(before), figures(after)
    levels = [level_energy(old), level_energy(new)]
    energies = [{x.name: x.energy for x in f.layers} for f in (old, new)]
    latencies = [{x.name: x.latency for x in f.layers} for f in (old, new)]
    names = dict.fromkeys([*energies[0], *energies[1]])
    return Comparison(
        before=_name(before), after=_name(after), totals=_totals(old, new),
        levels=tuple(
            Change(name, "J", levels[0].get(name), levels[1].get(name))
            for name in dict.fromkeys([*levels[0], *levels[1]])
        ),
        layers=tuple(
            (Change(name, "J", energies[0].get(name), energies[1].get(name)),
             Change(name, "s", latencies[0].get(name), latencies[1].get(name)))
            for name in names
        ),
        why=difference(before, after), notes=tuple(_unlike(before, after)),
    )  # fmt: skip


def _unlike(before: Result, after: Result) -> Iterator[str]:
    """Yield what else than the chip differs, so that no difference is taken for the chip's."""
    names = before.workload.name, after.workload.name
    work = [[(e.op, e.ranks, e.count) for e in r.workload.einsums] for r in (before, after)]
    if work[0] != work[1]:
        what = f"two networks, {names[0]} and {names[1]}"
        if names[0] == names[1]:
            what = f"two versions of {names[0]}"
            if before.batch != after.batch:
                what = f"batches of {before.batch} and {after.batch}, figures of a whole batch"
        yield f"{what}: the difference is not that of the chips alone"
    if before.convention != after.convention:
        yield f"counted by two conventions, {before.convention} and {after.convention}"


def _name(result: Result) -> str:
    return f"{result.workload.name} on {result.architecture.name} for {objective(result)}"


def _totals(old: Figures, new: Figures) -> tuple[Change, ...]:
    rows = (("energy", "J"), ("off_chip_energy", "J"), ("latency", "s"), ("power", "W"),
            ("edp", "J s"), ("area", "m2"), ("macs", "MAC"))  # fmt: skip
    return tuple(
        Change(name, unit, getattr(old.totals, name), getattr(new.totals, name))
        for name, unit in rows
    )


def comparison_json(found: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data, in a fixed order."""
    return {
        "schema": SCHEMA,
        "before": found.before,
        "after": found.after,
        "notes": list(found.notes),
        "totals": [_change(c) for c in found.totals],
        "levels": [_change(c) for c in found.levels],
        "layers": [
            {"name": e.name, "energy_J": _change(e), "latency_s": _change(s)}
            for e, s in found.layers
        ],
        "differences": _differences(found.why),
        "after_better": {
            "energy": _odds(found.why.energy_odds), "edp": _odds(found.why.edp_odds),
        },
    }  # fmt: skip


def _differences(why: Difference) -> dict[str, Any]:
    return {
        "energy_J": _summand(why.energy),
        "latency_s": _summand(why.latency),
        "cycles": _summand(why.cycles),
        "by_layer": [
            {"name": x.name, "energy_J": x.energy.difference, "latency_s": x.latency.difference,
             "mostly": x.part or None}
            for x in why.layers
        ],
        "by_level_and_tensor_J": [_summand(p) for p in why.parts],
        "by_step_cycles": [_summand(s) for s in why.steps],
        "by_step_s": [_summand(s) for s in why.step_times],
        "no_steps": why.no_steps or None,
    }  # fmt: skip


def _summand(row: Summand) -> dict[str, Any]:
    return {
        "name": row.name, "before": row.before, "after": row.after, "difference": row.difference,
    }  # fmt: skip


def _odds(row: Odds | None) -> dict[str, Any] | None:
    if row is None:
        return None
    finite = [x if math.isfinite(x) else None for x in row.apart]
    return {
        "probability": row.better, "ratio": row.ratio, "ratio_low": row.low,
        "ratio_high": row.high, "unshared_low": finite[0], "unshared_high": finite[1],
        "sure": row.sure(),
    }  # fmt: skip


def _change(change: Change) -> dict[str, Any]:
    ratio = change.ratio
    return {
        "name": change.name,
        "unit": change.unit,
        "before": change.before,
        "after": change.after,
        "ratio": ratio if ratio is None or math.isfinite(ratio) else None,
    }
