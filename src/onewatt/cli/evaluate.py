"""``onewatt evaluate``: what a given mapping costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, terminal
from onewatt.cli.inputs import chip_with, only, split_layer, timeloop_file, with_tables
from onewatt.errors import InputError

if TYPE_CHECKING:
    from onewatt.spec.architecture import Architecture
    from onewatt.spec.mapping import Mapping
    from onewatt.spec.workload import Workload


def evaluate(
    workload: Annotated[
        str,
        typer.Argument(
            metavar="WORKLOAD[::LAYER]", show_default=False, help="A workload YAML or any model."
        ),
    ],
    chip: Annotated[
        str, typer.Argument(metavar="CHIP", show_default=False, help="A preset or a YAML file.")
    ],
    mapping: Annotated[
        Path,
        typer.Argument(
            metavar="MAPPING.yaml", show_default=False, help="From 'onewatt map -o', or by hand."
        ),
    ],
    convention: options.ConventionName = "literal",
    energy_table: options.EnergyTable = None,
    area_table: options.AreaTable = None,
    as_json: options.AsJson = False,
) -> None:
    """Cost a given mapping: no search, every access counted."""
    reading = options.read_convention(convention)

    from onewatt.model.evaluate import evaluate_workload
    from onewatt.spec.files import load

    if timeloop_file(mapping):
        network, architecture, nest = _from_timeloop(workload, chip, mapping)
    else:
        network, architecture = _network(workload), chip_with(chip)
        nest = load(mapping, "mapping")
    architecture = with_tables(architecture, energy_table, area_table)
    result = evaluate_workload(network, architecture, nest, convention=reading)
    if as_json:
        from onewatt.report.tables import result_json

        terminal.warn_unpriced(result)
        terminal.print_json(result_json(result))
        return
    from onewatt.report.text import show_layer, show_result

    screen = terminal.console()
    if len(result.layers) == 1:
        show_layer(result, result.layers[0].name, screen)
    else:
        show_result(result, screen)


def _network(workload: str) -> Workload:
    from onewatt.importers.load import load_workload

    model, layer = split_layer(workload)
    network = load_workload(model)
    macs = [e.name for e in network.einsums if e.work == "mac"]
    if layer and layer not in macs and layer in {e.name for e in network.einsums}:
        raise InputError(f"layer {layer!r} is vector work, which needs no mapping")
    return only(network, layer) if layer else network


def _from_timeloop(
    workload: str, chip: str, mapping: Path
) -> tuple[Workload, Architecture, Mapping]:
    """Return what a mapping of Timeloop is for: files of Timeloop are read together."""
    from onewatt.importers.timeloop.load import load_timeloop

    network = only(_network(workload), "")
    apart = {Path(p).resolve(): Path(p) for p in (workload, chip, mapping) if timeloop_file(p)}
    given = None if timeloop_file(chip) else chip_with(chip)
    design = load_timeloop(list(apart.values()), einsum=network.einsums[0], architecture=given)
    if design.architecture is None or design.mapping is None:
        raise InputError(f"{mapping}: is a Timeloop file without a mapping; expected one")
    return network, design.architecture, design.mapping
