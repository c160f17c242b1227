"""``onewatt calibrate``: a chip whose coefficients are fitted to measured rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, terminal
from onewatt.cli.inputs import chip_with
from onewatt.errors import InputError

if TYPE_CHECKING:
    from onewatt.codesign.calibrate import Calibration, Checked


def calibrate(
    context: typer.Context,
    chip: Annotated[
        str,
        typer.Argument(metavar="CHIP", show_default=False, help="A preset or a YAML file."),
    ],
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE.csv",
            show_default=False,
            help="Measured rows: workload,batch,energy_J,latency_s (whole batches).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="CHIP.yaml", help="Write the calibrated chip."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="OTHER.csv", help="Errors on rows that are not fitted."),
    ] = None,
    energy: Annotated[
        str | None,
        typer.Option(
            "--energy",
            metavar="PARTS",
            help="Parts with a coefficient of their own, such as 'DRAM,idle,launch'; '' for none.",
        ),
    ] = None,
    latency: Annotated[
        str | None,
        typer.Option("--latency", metavar="PARTS", help="The same for times."),
    ] = None,
    prior: Annotated[
        bool, typer.Option("--prior", help="Take the chip's own values and bands as prior.")
    ] = False,
    objective: options.ObjectiveName = "edp",
    as_json: options.AsJson = False,
    jobs: options.Jobs = 1,
    fresh: options.Fresh = False,
) -> None:  # fmt: skip
    """Fit a few coefficients of a chip to measured energies and latencies.

    Coefficients are chosen by how well they predict networks left out; a fit that the rows do not
    support is refused.  Relative paths of networks count from the folder of the table.
    """
    wanted = options.read_objective(objective)
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise InputError(f"-o: {output} cannot be written; expected a file in a folder that exists")

    from onewatt.cli.searching import cache_folder
    from onewatt.codesign import calibrate as fitting
    from onewatt.codesign.calibrate_table import load_rows, read_table

    base = chip_with(chip)
    rows = read_table(table)
    other = read_table(against) if against is not None else None
    if other is not None:
        load_rows(other)
    with terminal.progress(not as_json) as progress:
        asked = fitting.Options(
            objective=wanted, energy=_names(energy), latency=_names(latency), prior=prior,
            workers=jobs, cache=None if fresh else cache_folder(), progress=progress,
        )  # fmt: skip
        made = fitting.calibrate(base, rows, asked)
        checked = fitting.check_against(made, other, asked) if other is not None else None
    if output is not None:
        from onewatt.report.calibration import chip_text
        from onewatt.report.store import write_text

        write_text(output, chip_text(made, command=str(context.obj or "")))
    if as_json:
        from onewatt.report.calibration import calibration_json

        terminal.print_json(calibration_json(made, checked))
    else:
        _print(made, checked, output)


def _names(text: str | None) -> tuple[str, ...] | None:
    """Return the names of a list, None if it was not given."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _print(made: Calibration, checked: Checked | None, output: Path | None) -> None:
    from onewatt.report.calibration import error_line, side_lines

    for side in (made.energy, made.latency):
        if side is None:
            continue
        typer.echo(f"{side.what}")
        for line in side_lines(made.chip, side):
            typer.echo(f"  {line}")
        for name, why in side.refused:
            typer.echo(f"  without {name}: {why}")
    if not made.settled:
        typer.echo(
            "mappings and coefficients still changed each other; the errors above are those of the "
            "best chip found"
        )
    if checked is not None:
        typer.echo(f"rows that were not fitted ({checked.table.path})")
        typer.echo(f"  energy: {error_line(checked.energy)}")
        typer.echo(f"  latency: {error_line(checked.latency)}")
        if checked.dropped:
            rows = "1 row that was" if checked.dropped == 1 else f"{checked.dropped} rows that were"
            typer.echo(f"  without {rows} fitted, value for value")
    if output is not None:
        typer.echo(f"Wrote {output}.")
