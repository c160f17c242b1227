"""``onewatt schema``: the JSON Schemas of what onewatt reads and writes."""

from __future__ import annotations

from typing import Annotated

import typer

from onewatt.cli import terminal


def schema(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            show_default=False,
            help="result, device-result, front, comparison, prices, calibration, eyexam, "
            "flexibility, simulation, chip, device, workload, mapping or study.",
        ),
    ],
) -> None:
    """Print the JSON Schema of a kind of file, for editors and checks."""
    from onewatt.report.schema import schema as published

    terminal.print_json(published(kind))
