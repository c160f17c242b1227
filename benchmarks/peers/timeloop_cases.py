"""Timeloop's published mapper results, re-scored and mapped anew on their own chip and layer.

Reads the cases that ONEWATT_REFERENCE_DATA names (folder `timeloop_cases`, taken from the
repository timeloop-accelergy-exercises); without it the comparison is skipped.  A case publishes
no search time, so times are set against 3 to 16 CPU seconds a layer, which Timeloop's shipped
settings took in a measurement of its own (version 3.0.3, two threads).
"""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import yaml

import nests
import onewatt as ow
import ours
from onewatt.spec.architecture import (
    ActionEnergy,
    Architecture,
    Container,
    Dataflow,
    Limit,
    Memory,
    Node,
    Technology,
)

sys.path.append(str(Path(__file__).parents[2] / "tests"))
from published.timeloop_case import Case, read_case

CPU_SECONDS = (3.0, 16.0)
CASES = {
    "timeloop__05-mapper-conv1d+oc-3level__null": "",
    "timeloop__06-mapper-convlayer-eyeriss": "",
    "timeloop+accelergy__intmac": "",
    "eyeriss_like": "",
    "simba_like": "",
    "simple_weight_stationary": "",
    "timeloop__05-mapper-conv1d+oc-3level__baked": "its constraints leave one mapping: no search",
    "sparse_tensor_core_like": "its constraints and metadata have no counterpart in a dense search",
}
ENERGIES = {"read": "read", "drain": "read", "fill": "write", "update": "update", "leak": "leak"}


def compare() -> dict[str, Any]:
    """Return every case with Timeloop's mapping and onewatt's, scored by one model."""
    data = os.environ.get("ONEWATT_REFERENCE_DATA")
    if not data:
        return {"skipped": "set ONEWATT_REFERENCE_DATA to the folder with timeloop_cases"}
    root, found = Path(data) / "timeloop_cases", dict[str, Any]()
    for name, why_not in CASES.items():
        found[name] = {"skipped": why_not} if why_not else _one(root, name)
    return found


def _one(root: Path, name: str) -> dict[str, Any]:
    case = read_case(root, name)
    given = yaml.safe_load((root / name / "parsed-processed-input.yaml").read_text())
    free = chip_of(case, given)
    row: dict[str, Any] = {
        "metric": given["mapper"]["optimization_metric"],
        "published": {k: case.expected["summary"][k] for k in ("Cycles",)},
    }
    try:
        row["timeloop"] = _score(case.einsum, free, case.mapping)
    except ow.OnewattError as error:
        return {**row, "skipped": f"not one mapping of onewatt: {error}"}
    limited = msgspec.structs.replace(free, dataflow=dataflow_of(given, free))
    for label, chip in (("free", free), ("limited", limited)):
        for tiles in ours.tile_sets():
            row[f"onewatt/{label}/{tiles}"] = _ours(case.einsum, chip, tiles)
    return row


def _ours(einsum: ow.Einsum, chip: ow.Architecture, tiles: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for objective in ours.OBJECTIVES:
        try:
            ours.best(einsum, chip, objective, tiles)  # once before, so that all is compiled
            start = time.process_time()
            mapping = ours.best(einsum, chip, objective, tiles).layers[0].mapping
        except ow.OnewattError as error:
            return {"failed": str(error)}
        seconds = time.process_time() - start
        found[objective] = {"cpu_s": seconds, **_score(einsum, chip, mapping)}
    return found


def _score(einsum: ow.Einsum, chip: ow.Architecture, mapping: ow.Mapping) -> dict[str, Any]:
    cost = ow.evaluate(einsum, chip, mapping)
    theirs = ow.evaluate(einsum, chip, mapping, convention="timeloop")
    return {
        "energy_J": cost.energy,
        "cycles": cost.cycles(einsum.name),
        "energy_as_timeloop_counts_J": theirs.energy,
        "mapping": str(mapping),
    }


def ratios(row: dict[str, Any], tiles_set: str, objective: str) -> dict[str, float]:
    """Return how much worse Timeloop's mapping is, and how much longer its search took."""
    mine, theirs = row[tiles_set][objective], row["timeloop"]
    worse = nests.figure(theirs["energy_J"], theirs["cycles"], objective)
    best = nests.figure(mine["energy_J"], mine["cycles"], objective)
    low, high = (s / mine["cpu_s"] for s in CPU_SECONDS)
    return {"quality": worse / best, "time_low": low, "time_high": high}


def chip_of(case: Case, given: dict[str, Any]) -> Architecture:
    """Return the whole chip of a case, with what a memory may keep besides what it must."""
    told = {n.name: n for n in case.architecture.nodes}
    prices = {(p.component, p.action): p.energy for p in case.prices.prices}
    keeps = _keeps(given)
    nodes: list[Node] = []
    entries = given["architecture"]["subtree"][0]["local"]
    arrays = (n for n in case.architecture.nodes if isinstance(n, Container))
    have, first = 1, True
    for entry in entries:
        name, instances = _instances(entry["name"])
        if instances > have:  # what stands between is an array of the case, by its own axes
            array = next(arrays)
            size = math.prod(axis.size for axis in array.fanout)
            if size != instances // have:
                raise ValueError(f"{array.name!r} is of {size}, not {instances // have} instances")
            nodes.append(array)
            have = instances
        attributes, kind = entry["attributes"], entry["class"].lower()
        if "mac" in kind or "compute" in kind:
            energy = _energies(prices, name, {"compute": "", "leak": ""})
            nodes.append(msgspec.structs.replace(told[name], energy=energy))
        elif "dummy" not in kind:
            energy = _energies(prices, name, ENERGIES)
            nodes.append(_memory(attributes, name, keeps.get(name), first, energy))
            first = False
    technology = Technology(node=4e-8)
    return Architecture(name=case.name, clock=1e9, technology=technology, nodes=tuple(nodes))


def _instances(text: str) -> tuple[str, int]:
    name, _, span = text.partition("[")
    first, _, last = span.rstrip("]").partition("..")
    return name, int(last) - int(first) + 1 if span else 1


def _keeps(given: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    targets = (given.get("architecture_constraints") or {}).get("targets") or []
    return {t["target"]: tuple(t.get("keep", ())) for t in targets if t["type"] == "bypass"}


def _energies(
    prices: dict[tuple[str, str], float], name: str, actions: dict[str, str]
) -> tuple[ActionEnergy, ...]:
    return tuple(
        ActionEnergy(action=a, energy=prices[name, a], source="ERT")  # type: ignore[arg-type]
        for a in actions
        if (name, a) in prices
    )


def _memory(
    a: dict[str, Any],
    name: str,
    kept: tuple[str, ...] | None,
    outermost: bool,
    energy: tuple[ActionEnergy, ...],
) -> Memory:
    everything = ("Inputs", "Weights", "Outputs")
    keeps = everything if outermost else kept or ()
    rates = {
        k: float(a[k])
        for k in ("read_bandwidth", "write_bandwidth", "shared_bandwidth")
        if isinstance(a.get(k), int | float)
    }
    cluster = a.get("cluster_size", 1)
    size = None if outermost or "depth" not in a else a["depth"] * a["width"] // cluster
    return Memory(
        name=name,
        keeps=keeps,
        may_keep=() if keeps else everything,
        capacity=size,
        width=a["width"] // cluster,
        word=a["datawidth"],
        cluster=cluster,
        energy=energy,
        **rates,
    )


def dataflow_of(given: dict[str, Any], chip: Architecture) -> Dataflow:
    """Return Timeloop's constraints of a case as limits: ranks whose factor it fixes to one.

    onewatt has one place for loops before memories that stand together, so their permissions add.
    """
    ranks = set(given["problem"]["shape"]["dimensions"])
    allowed: dict[str, set[str]] = {}
    for target in (given.get("architecture_constraints") or {}).get("targets") or []:
        fixed = {f.partition("=")[0] for f in str(target.get("factors", "")).split(",") if f}
        for place in _places(target, chip) if fixed else ():
            allowed[place] = allowed.get(place, set()) | (ranks - fixed)
    limits = tuple(Limit(where=w, ranks=tuple(sorted(r))) for w, r in sorted(allowed.items()))
    return Dataflow(name="timeloop's constraints", limits=limits)


def _places(target: dict[str, Any], chip: Architecture) -> tuple[str, ...]:
    """Return the axes, or the innermost memory of the stage, that a constraint speaks of."""
    nodes, name = list(chip.nodes), target["target"]
    at = next((i for i, n in enumerate(nodes) if n.name == name), -1)
    if at < 0:
        return ()
    inside = nodes[at + 1 :]
    if target["type"] == "spatial":
        array = next((n for n in inside if isinstance(n, Container)), None)
        return tuple(a.name for a in array.fanout) if array else ()
    if target["type"] != "temporal" or not isinstance(nodes[at], Memory):
        return ()  # nothing loops where nothing is held
    for node in inside:
        if not isinstance(node, Memory) or set(node.keeps) & set(_held(nodes, name, node)):
            break
        name = node.name
    return (name,)


def _held(nodes: list[Node], start: str, end: Memory) -> set[str]:
    names = [n.name for n in nodes]
    stage = nodes[names.index(start) : names.index(end.name)]
    return {t for n in stage if isinstance(n, Memory) for t in n.keeps}
