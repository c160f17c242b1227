"""``onewatt map``: the best mapping of one layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onewatt.cli import options, terminal
from onewatt.cli.inputs import chip_with, only, split_layer
from onewatt.errors import InputError


def map(
    layer: options.ModelLayer,
    chip: options.Chip,
    objective: options.ObjectiveName = "edp",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="MAPPING.yaml", help="Write the mapping there."),
    ] = None,
    as_json: options.AsJson = False,
    dataflow: options.DataflowName = "preset",
    energy_table: options.EnergyTable = None,
    area_table: options.AreaTable = None,
    seed: options.Seed = 0,
) -> None:
    """Find the best mapping of one layer and draw its loop nest."""
    wanted = options.read_objective(objective)
    model, name = split_layer(layer)

    from onewatt.importers.load import load_workload
    from onewatt.mapper.search import search

    architecture = chip_with(chip, dataflow, energy_table, area_table)
    workload = only(load_workload(model), name)
    result = search(workload, architecture, objective=wanted, seed=seed)
    if not result.layers:
        raise InputError(f"chip {architecture.name!r} cannot compute layer {layer!r}")
    found = result.layers[0]
    if output is not None:
        if found.mapping is None:
            raise InputError(f"-o: layer {found.name!r} is vector work and has no mapping to write")
        from onewatt.report.store import write_text
        from onewatt.spec.files import dumps

        write_text(output, dumps(found.mapping, "mapping"))
    if as_json:
        from onewatt.report.tables import result_json

        terminal.print_json(result_json(result))
        return
    from onewatt.report.text import show_layer

    show_layer(result, found.name, terminal.console())
