"""Reads one reference case of Timeloop: its chip, layer, mapping, energy table and statistics."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from onewatt.spec.architecture import Architecture, Axis, Compute, Container, Memory, Technology
from onewatt.spec.mapping import Mapping, Spatial, Storage, Temporal
from onewatt.spec.price import Price, Prices
from onewatt.spec.workload import Einsum, Index, Rank, Tensor, Term


class Case(NamedTuple):
    name: str
    einsum: Einsum
    architecture: Architecture
    mapping: Mapping
    prices: Prices
    expected: dict
    convolved: bool


@cache
def statistics(folder: Path) -> dict:
    return json.loads((folder / "cases.json").read_text())


def _names(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)\[(\d+)\.\.(\d+)\]", text)
    return match[1], int(match[3]) - int(match[2]) + 1


def _einsum(problem: dict, roles: dict[str, str]) -> Einsum:
    shape, instance = problem["shape"], problem["instance"]
    coefficients = {
        c["name"]: instance.get(c["name"], c.get("default", 1))
        for c in shape.get("coefficients") or []
    }
    tensors = []
    for space in shape["data_spaces"]:
        dims = []
        for terms in space["projection"]:
            dims.append(
                Index(
                    terms=tuple(
                        Term(rank=t[0], coefficient=coefficients[t[1]] if len(t) > 1 else 1)
                        for t in terms
                    )
                )
            )
        tensors.append(
            (
                space.get("read_write", False),
                Tensor(name=roles[space["name"]], projection=tuple(dims)),
            )
        )
    return Einsum(
        name="layer",
        op="einsum",
        ranks=tuple(Rank(name=d, size=instance[d]) for d in shape["dimensions"]),
        inputs=tuple(t for written, t in tensors if not written),
        output=next(t for written, t in tensors if written),
    )


def _levels(map_text: str) -> list[tuple[str, list[str], list[tuple[str, int, bool]]]]:
    levels = []
    for line in map_text.splitlines():
        head = re.fullmatch(r"(\S+) \[(.*)\]\s*", line)
        loop = re.fullmatch(r"[| ]*for (\w+) in \[0:(\d+)\)( \(Spatial-\w\))?\s*", line)
        if head:
            levels.append((head[1], re.findall(r"(\w+):", head[2]), []))
        elif loop:
            levels[-1][2].append((loop[1], int(loop[2]), bool(loop[3])))
    return levels


def _memory(entry: dict, name: str, tensors: list[str]) -> Memory:
    a = entry["attributes"]
    rate = {
        k: float(a[k])
        for k in ("read_bandwidth", "write_bandwidth", "shared_bandwidth")
        if isinstance(a.get(k), (int, float))
    }
    cluster = a.get("cluster_size", 1)
    return Memory(
        name=name,
        keeps=tuple(tensors),
        width=a["width"] // cluster,
        word=a["datawidth"],
        cluster=cluster,
        **rate,
    )


def _price_list(path: Path, memories: set[str]) -> Prices:
    tables = yaml.safe_load(path.read_text())["ERT"]["tables"]
    prices = []
    for table in tables:
        name = re.search(r"(\w+)\[\d+\.\.\d+\]$", table["name"])[1]
        for action in table["actions"]:
            actions = {"write": ["fill"], "read": ["read", "drain"]}
            for ours in actions.get(action["name"], [action["name"]]):
                energy = action["energy"] * 1e-12
                prices.append(
                    Price(
                        component=name,
                        action=ours,
                        energy=energy,
                        low=energy,
                        high=energy,
                        source="ERT",
                    )
                )
    return Prices(prices=tuple(prices))


def read_case(root: Path, name: str) -> Case:
    folder = root / name
    given = yaml.safe_load((folder / "parsed-processed-input.yaml").read_text())
    map_text = next(folder.glob("*.map.txt")).read_text()
    ert = next(folder.glob("*.ERT.yaml"))
    entries = {}
    for subtree in given["architecture"]["subtree"]:
        for entry in subtree["local"]:
            entries[_names(entry["name"])[0]] = (entry, _names(entry["name"])[1])
    spaces = [s["name"] for s in given["problem"]["shape"]["data_spaces"]]
    roles = {s: s for s in spaces}
    if "A" in roles:
        roles = {"A": "Inputs", "B": "Weights", "Z": "Outputs"}
    einsum = _einsum(given["problem"], roles)
    nodes, path, left, have = [], [], einsum.sizes, 1
    levels = _levels(map_text)
    for number, (level, tensors, loops) in enumerate(levels):
        entry, instances = entries[level]
        if instances > have:
            nodes.append(
                Container(
                    name=f"to_{level}", fanout=(Axis(name=f"to_{level}", size=instances // have),)
                )
            )
            have = instances
        kept = [roles[t] for t in tensors]
        if kept:
            nodes.append(_memory(entry, level, kept))
            path.append(Storage(memory=level, tensors=tuple(kept)))
        for rank, factor, spatial in loops:
            left[rank] //= factor
            if spatial:
                after = next((n for n, *_ in levels[number + 1 :] if entries[n][1] > have), "mac")
                path.append(Spatial(rank=rank, size=left[rank], axis=f"to_{after}"))
            else:
                path.append(Temporal(rank=rank, size=left[rank]))
    mac = next(
        n
        for n, (e, _) in entries.items()
        if "mac" in e["class"].lower() or "compute" in e["class"].lower()
    )
    if entries[mac][1] > have:
        nodes.append(
            Container(name="to_mac", fanout=(Axis(name="to_mac", size=entries[mac][1] // have),))
        )
    nodes.append(Compute(name=mac))
    architecture = Architecture(
        name=name, clock=1e9, technology=Technology(node=4e-8), nodes=tuple(nodes)
    )
    return Case(
        name,
        einsum,
        architecture,
        Mapping(nodes=tuple(path)),
        _price_list(ert, set(entries)),
        statistics(root)[name],
        "Inputs" in spaces,
    )
