"""The public tables of a result: JSON with a schema, CSV, and the sentences that sum it up."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from typing import Any

from onewatt.diagnose.shortfall import Shortfall, shortfalls
from onewatt.report.figures import (
    Figures,
    LayerFigures,
    Traffic,
    figures,
    grouped,
    level_energy,
)
from onewatt.report.wording import above, percent
from onewatt.spec.budget import Verdict
from onewatt.spec.result import Bound, Result
from onewatt.spec.workload import Unpriced

#: The name and version of the table; readers refuse what they do not know.
SCHEMA = "onewatt/result/1"

Json = dict[str, Any]


def result_json(result: Result) -> Json:
    """Return the public table of a result, ready for `json.dumps`.

    Parameters
    ----------
    result : Result
        What was found.

    Returns
    -------
    dict
        Plain data in a fixed order; SI units, with the unit in the key.  What is not known is None,
        never zero, and no number is infinite.

    Notes
    -----
    Off-chip energy is what the outermost memory spends.  `read_words` of a network are its hops.
    The `compulsory` part of a lower bound does not depend on the sizes of memories.
    `bytes` belong to the words of the same row; draining a memory costs energy but adds no words.
    """
    found = figures(result)
    return {
        "schema": SCHEMA,
        "workload": result.workload.name,
        "chip": result.architecture.name,
        "objective": result.objective,
        "within_s": result.within,
        "mapspace": result.mapspace,
        "convention": result.convention,
        "seed": result.seed,
        "versions": dict(result.versions),
        "sources": _sources(result),
        "totals": _totals(found),
        "layers": [_layer(layer) for layer in found.layers],
        "unpriced": [_unpriced(row) for row in result.workload.unpriced],
        "budget": verdicts_json(result.budget, shortfalls(result)),
    }


def number(value: float | None) -> float | int | None:
    """Return a number as JSON has it: whole ones as integers, what is not finite as None."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value


def _sources(result: Result) -> Json:
    chip = result.architecture
    return {
        "workload": result.workload.source,
        "chip": chip.source,
        "dataflow": {"name": chip.dataflow.name, "source": chip.dataflow.source},
        "prices": [
            {
                "component": p.component, "action": p.action, "energy_J": p.energy,
                "low_J": p.low, "high_J": p.high, "source": p.source,
            }
            for p in result.prices.prices
        ],
        "areas": [
            {"component": a.component, "area_m2": a.area, "source": a.source}
            for a in result.prices.areas
        ],
    }  # fmt: skip


def _totals(found: Figures) -> Json:
    totals = found.totals
    return {
        "macs": totals.macs,
        "energy_J": totals.energy,
        "energy_J_low": totals.energy_low,
        "energy_J_high": totals.energy_high,
        "off_chip_energy_J": totals.off_chip_energy,
        "latency_s": totals.latency,
        "power_W": totals.power,
        "edp_Js": totals.edp,
        "area_m2": totals.area,
        "lower_bound": _bound(totals.lower_bound),
        "optimal": totals.optimal,
    }


def _bound(bound: Bound) -> Json:
    return {"value": bound.value, "unit": bound.unit, "compulsory": bound.compulsory}


def _layer(layer: LayerFigures) -> Json:
    return {
        "name": layer.name,
        "op": layer.op,
        "count": layer.count,
        "macs": layer.macs,
        "cycles": number(layer.cycles),
        "energy_J": layer.energy,
        "latency_s": layer.latency,
        "active_pes": layer.active_pes,
        "lower_bound": _bound(layer.lower_bound),
        "optimal": layer.optimal,
        "gap": number(layer.undercut),
        "bottleneck": layer.bottleneck or None,
        "mapping": layer.mapping or None,
        "traffic": [_traffic(row) for row in layer.traffic],
    }


def _traffic(row: Traffic) -> Json:
    return {
        "component": row.component,
        "tensor": row.tensor,
        "read_words": number(row.read_words),
        "write_words": number(row.write_words),
        "bytes": number(row.bytes),
        "energy_J": row.energy,
    }


def _unpriced(row: Unpriced) -> Json:
    return {
        "name": row.name,
        "op": row.op,
        "shapes": [{"name": s.name, "shape": list(s.shape)} for s in row.shapes],
        "words": row.words,
    }


def verdicts_json(verdicts: Iterable[Verdict], missed: Iterable[Shortfall] = ()) -> list[Json]:
    """Return each limit with what was reached and, where it is missed, what would lift it."""
    short = {row.kind: row for row in missed}
    return [_verdict(row, short.get(row.kind)) for row in verdicts]


def _verdict(row: Verdict, missed: Shortfall | None) -> Json:
    table: Json = {
        "kind": row.kind,
        "unit": row.unit,
        "asked": row.asked,
        "reached": number(row.reached),
        "met": row.met,
        "factor": None,
        "floor": None,
        "impossible": None,
        "remedies": [],
    }
    if missed is None:
        return table
    return table | {
        "factor": number(missed.factor),
        "floor": number(missed.floor),
        "impossible": missed.impossible or None,
        "remedies": [
            {"place": r.place, "change": r.change, "factor": number(r.factor), "enough": r.enough}
            for r in missed.remedies
        ],
    }


def layers_csv(result: Result) -> str:
    """Return one line a layer with its energy by level, for a spreadsheet.

    `gap` is the share by which a better mapping could undercut the layer; empty if nothing was
    searched.  Text that a spreadsheet would read as a formula is marked with an apostrophe.
    """
    found = figures(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["name", "op", "count", "macs", "cycles", "energy_J", "energy_J_low", "energy_J_high",
         "latency_s", "active_pes", "lower_bound", "lower_bound_unit",
         "lower_bound_compulsory", "optimal", "gap", "bottleneck", "off_chip_bytes",
         *(f"{_cell(level)}_J" for level in found.levels), "mapping"]
    )  # fmt: skip
    for layer in found.layers:
        levels = [_sum(v for (name, _), v in layer.parts.items() if name == level)
                  for level in found.levels]  # fmt: skip
        writer.writerow(
            [_cell(layer.name), _cell(layer.op), layer.count, layer.macs, number(layer.cycles),
             layer.energy, layer.energy_low, layer.energy_high, layer.latency, layer.active_pes,
             layer.lower_bound.value, layer.lower_bound.unit, layer.lower_bound.compulsory,
             str(layer.optimal).lower(), number(layer.undercut), _cell(layer.bottleneck),
             number(layer.off_chip_bytes), *levels, layer.mapping]
        )  # fmt: skip
    return text.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _sum(values: Iterable[float]) -> float:
    return math.fsum(values)


def proof(found: Figures) -> str:
    """Return what the search has proved; nothing if the mappings were given."""
    layers = [layer for layer in found.layers if layer.mapping]
    if found.totals.optimal:
        return "proved optimal in this mapspace"
    if any(layer.undercut is None for layer in layers):
        return ""
    left = [layer.undercut for layer in layers if layer.undercut]
    return f"{len(left)} of {len(layers)} layers not proved, {above(max(left, default=0.0))}"


def layer_proof(layer: LayerFigures) -> str:
    """Return what the search has proved of a layer; nothing if its mapping was given."""
    if layer.undercut is None:
        return ""
    return f"not proved, {above(layer.undercut)}" if layer.undercut else "proved optimal"


def findings(found: Figures) -> list[str]:
    """Return the few sentences that say where the energy and the time go."""
    totals, said = found.totals, list[str]()
    if totals.energy:
        levels = level_energy(found)
        most = max(levels, key=lambda level: levels[level])
        said.append(f"{most} takes {percent(levels[most] / totals.energy)} of the energy.")
        dearest = max(grouped(found), key=lambda g: g.energy)
        times = f" (x{dearest.many})" if dearest.many > 1 else ""
        said.append(
            f"{dearest.name}{times} takes {percent(dearest.share)}, the most of all layers."
        )
    if totals.latency:
        waits: dict[str, float] = {}
        for layer in found.layers:
            waits[layer.bottleneck] = waits.get(layer.bottleneck, 0.0) + layer.latency
        slowest = max(waits, key=lambda name: waits[name])
        share = percent(waits[slowest] / totals.latency)
        limit = "arithmetic" if slowest == "compute" else slowest
        said.append(f"Layers held up by {limit} take {share} of the time.")
    return said
