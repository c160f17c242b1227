"""``onewatt evaluate``: what a given mapping costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onewatt.cli import options, terminal
from onewatt.cli.inputs import chip_with, only, split_layer
from onewatt.errors import InputError


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
    model, layer = split_layer(workload)

    from onewatt.importers.load import load_workload
    from onewatt.model.evaluate import evaluate_workload
    from onewatt.spec.files import load

    network = load_workload(model)
    macs = [e.name for e in network.einsums if e.work == "mac"]
    if layer and layer not in macs and layer in {e.name for e in network.einsums}:
        raise InputError(f"layer {layer!r} is vector work, which needs no mapping")
    network = only(network, layer) if layer else network
    architecture = chip_with(chip, energy_table=energy_table, area_table=area_table)
    result = evaluate_workload(network, architecture, load(mapping, "mapping"), convention=reading)
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
