"""``onewatt flexibility``: how much of their bounds chips keep, whatever the network."""

from __future__ import annotations

from typing import Annotated

import typer

from onewatt.cli import options, terminal
from onewatt.cli.inputs import chip_with

#: The networks of the Eyeriss v2 paper.
_NETWORKS = ("alexnet", "googlenet", "mobilenet_v1")


def flexibility(
    chips: Annotated[
        list[str],
        typer.Argument(metavar="CHIP...", show_default=False, help="Presets or YAML files."),
    ],
    network: Annotated[
        list[str] | None,
        typer.Option(
            "--network", metavar="MODEL", show_default=False,
            help="A model, repeatable; by default AlexNet, GoogLeNet and MobileNet.",
        ),
    ] = None,
    batch: Annotated[
        int,
        typer.Option(
            "--batch", metavar="N", min=1, help="Inferences together, except in 'batch 1'."
        ),
    ] = 16,
    dataflow: options.DataflowName = "preset",
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Set networks against chips: the share of each layer's bounds that a chip keeps.

    Each network as given and under the stresses that break chips: batch 1, one channel a group,
    dense, and zeros that lie anywhere.  The bound is that by layer shape and number of PEs.
    """
    from onewatt.diagnose.flexibility import flexibility as measure
    from onewatt.diagnose.stresses import stressed
    from onewatt.importers.load import load_workload

    architectures = [chip_with(chip, dataflow, None, None) for chip in chips]
    cases = [
        case
        for model in network or _NETWORKS
        for case in stressed(load_workload(model, batch=batch), load_workload(model))
    ]
    rows = measure(cases, architectures)
    if as_json:
        from onewatt.report.exam_tables import flexibility_json

        terminal.print_json(flexibility_json(rows))
        return
    from onewatt.report.exam_text import show_flexibility

    show_flexibility(rows, terminal.console())
