"""AI in a one-watt budget: where the joules and cycles of a network on a chip go, and why.

import onewatt as ow
net = ow.load_workload("resnet50.onnx")
chip = ow.load_chip("eyeriss")
result = ow.search(net, chip, objective="edp")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from onewatt.version import __version__

if TYPE_CHECKING:
    from onewatt.codesign.explore import explore as explore
    from onewatt.codesign.study import Study as Study
    from onewatt.codesign.study import load_study as load_study
    from onewatt.components.accelergy import load_energy_table as load_energy_table
    from onewatt.components.accelergy import with_energy_table as with_energy_table
    from onewatt.components.chips import list_chips as list_chips
    from onewatt.components.chips import load_chip as load_chip
    from onewatt.components.dataflows import list_dataflows as list_dataflows
    from onewatt.components.dataflows import with_dataflow as with_dataflow
    from onewatt.components.library import prices as prices
    from onewatt.diagnose.difference import difference as difference
    from onewatt.diagnose.eyexam import eyexam as eyexam
    from onewatt.diagnose.flexibility import flexibility as flexibility
    from onewatt.diagnose.prices import chip_prices as chip_prices
    from onewatt.diagnose.roofline import roofline as roofline
    from onewatt.diagnose.smallest import smallest_change as smallest_change
    from onewatt.diagnose.stresses import stressed as stressed
    from onewatt.errors import InputError as InputError
    from onewatt.errors import MappingError as MappingError
    from onewatt.errors import OnewattError as OnewattError
    from onewatt.importers.densities import with_densities as with_densities
    from onewatt.importers.load import load_workload as load_workload
    from onewatt.importers.timeloop.export import timeloop_mapping_yaml as timeloop_mapping_yaml
    from onewatt.importers.timeloop.load import load_timeloop as load_timeloop
    from onewatt.importers.timeloop.strings import read_mapping_string as read_mapping_string
    from onewatt.mapper.device import search_device as search_device
    from onewatt.mapper.search import search as search
    from onewatt.model.budget import judge as judge
    from onewatt.model.evaluate import evaluate as evaluate
    from onewatt.model.evaluate import evaluate_workload as evaluate_workload
    from onewatt.report.front_store import load_front as load_front
    from onewatt.report.front_store import save_front as save_front
    from onewatt.report.html import write_report as write_report
    from onewatt.report.store import load_result as load_result
    from onewatt.report.store import save_result as save_result
    from onewatt.spec.architecture import Architecture as Architecture
    from onewatt.spec.budget import Budget as Budget
    from onewatt.spec.cost import Cost as Cost
    from onewatt.spec.files import dumps as dumps
    from onewatt.spec.files import load as load
    from onewatt.spec.front import Front as Front
    from onewatt.spec.mapping import Mapping as Mapping
    from onewatt.spec.result import Result as Result
    from onewatt.spec.workload import Einsum as Einsum
    from onewatt.spec.workload import Workload as Workload

#: Public name -> module.  Loaded on first use, so that ``import onewatt`` stays cheap.
_HOMES = {
    "Architecture": "spec.architecture",
    "Budget": "spec.budget",
    "Cost": "spec.cost",
    "Einsum": "spec.workload",
    "Front": "spec.front",
    "InputError": "errors",
    "Mapping": "spec.mapping",
    "MappingError": "errors",
    "OnewattError": "errors",
    "Result": "spec.result",
    "Study": "codesign.study",
    "Workload": "spec.workload",
    "chip_prices": "diagnose.prices",
    "difference": "diagnose.difference",
    "dumps": "spec.files",
    "evaluate": "model.evaluate",
    "evaluate_workload": "model.evaluate",
    "explore": "codesign.explore",
    "eyexam": "diagnose.eyexam",
    "flexibility": "diagnose.flexibility",
    "judge": "model.budget",
    "list_chips": "components.chips",
    "list_dataflows": "components.dataflows",
    "load": "spec.files",
    "load_chip": "components.chips",
    "load_energy_table": "components.accelergy",
    "load_front": "report.front_store",
    "load_result": "report.store",
    "load_study": "codesign.study",
    "load_timeloop": "importers.timeloop.load",
    "load_workload": "importers.load",
    "prices": "components.library",
    "read_mapping_string": "importers.timeloop.strings",
    "roofline": "diagnose.roofline",
    "save_front": "report.front_store",
    "save_result": "report.store",
    "search": "mapper.search",
    "search_device": "mapper.device",
    "smallest_change": "diagnose.smallest",
    "stressed": "diagnose.stresses",
    "timeloop_mapping_yaml": "importers.timeloop.export",
    "with_dataflow": "components.dataflows",
    "with_densities": "importers.densities",
    "with_energy_table": "components.accelergy",
    "write_report": "report.html",
}

__all__ = ["__version__", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"onewatt.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'onewatt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
