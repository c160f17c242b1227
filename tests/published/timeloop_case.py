"""One reference case of Timeloop: what the importer makes of it, energy table and statistics."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from onewatt.importers.timeloop.load import load_timeloop
from onewatt.spec.architecture import Architecture
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import Price, Prices
from onewatt.spec.workload import Einsum


class Case(NamedTuple):
    name: str
    einsum: Einsum
    architecture: Architecture
    mapping: Mapping
    prices: Prices
    expected: dict


@cache
def statistics(folder: Path) -> dict:
    return json.loads((folder / "cases.json").read_text())


def _price_list(path: Path) -> Prices:
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
    design = load_timeloop([folder / "parsed-processed-input.yaml", *folder.glob("*.map.yaml")])
    return Case(
        name,
        design.einsum,
        design.architecture,
        design.mapping,
        _price_list(next(folder.glob("*.ERT.yaml"))),
        statistics(root)[name],
    )
