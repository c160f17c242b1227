"""``onewatt analyze``: a network on a chip, against a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, searching, terminal
from onewatt.cli.codes import BUDGET_MISSED
from onewatt.cli.inputs import chip_with
from onewatt.errors import InputError

if TYPE_CHECKING:
    from onewatt.spec.result import Result
    from onewatt.spec.workload import Workload


def analyze(
    context: typer.Context,
    model: options.Model,
    chip: options.Chip,
    budget: options.BudgetText = None,
    objective: options.ObjectiveName = "edp",
    within: options.Within = None,
    tiles: options.TilesName = "tight",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR",
                     help="Write result.json, report.html and layers.csv there."),
    ] = None,
    as_json: options.AsJson = False,
    as_csv: options.AsCsv = False,
    quiet: options.Quiet = False,
    batch: options.Batch = 1,
    seq_len: options.SequenceLength = None,
    cached: options.Context = None,
    shape: options.Shapes = None,
    densities: options.Densities = None,
    dataflow: options.DataflowName = "preset",
    convention: options.AnalysisConvention = "literal",
    row_stationary: options.RowStationaryFile = None,
    energy_table: options.EnergyTable = None,
    area_table: options.AreaTable = None,
    seed: options.Seed = 0,
    jobs: options.Jobs = 0,
    fresh: options.Fresh = False,
) -> None:  # fmt: skip
    """Find where the joules and cycles of a network go, and whether it fits a budget.

    Ctrl-C ends the search with the best so far: it is reported with what is left unproved, and the
    exit code is 130.  A second Ctrl-C ends at once and writes nothing.
    """
    if as_json and as_csv:
        raise InputError("--json and --csv cannot both be printed; choose one")
    if output is not None:
        options.check_folder(output)
    wanted = options.read_objective(objective)
    cap = options.read_within(within, wanted)
    among = options.read_tiles(tiles)
    shapes = options.read_shapes(shape)
    reading = _convention(convention, row_stationary)
    if reading == "jssc17" and cap is not None:
        raise InputError("--within: expected with --convention literal, whose fronts are searched")

    from onewatt.spec.budget import Budget

    limits = Budget.parse(budget) if budget is not None else None
    architecture = chip_with(chip, dataflow, energy_table, area_table)
    workload = _load(
        model, batch=batch, seq_len=seq_len, context=cached, shapes=shapes, densities=densities
    )
    watched = not (quiet or as_json or as_csv)
    if reading == "jssc17":
        result, stopped = searching.row_stationary(
            workload, architecture, objective=wanted, budget=limits, batch=batch, seed=seed,
            mappings=row_stationary, watched=watched,
        ), False  # fmt: skip
    else:
        result, stopped = searching.found(
            workload, architecture, objective=wanted, within=cap, tiles=among, fresh=fresh,
            budget=limits, batch=batch, seed=seed, workers=jobs, watched=watched,
        )  # fmt: skip
    if output is not None:
        _write(result, output, str(context.obj or ""))
    if as_json or as_csv or not quiet:
        _print(result, output, as_json=as_json, as_csv=as_csv)
    searching.check_finished(result, stopped)
    if not all(verdict.met for verdict in result.budget):
        raise typer.Exit(BUDGET_MISSED)


def _convention(name: str, mappings: Path | None) -> str:
    """Return a convention that can be searched by; the others re-read a given mapping."""
    reading = options.read_convention(name)
    if reading not in ("literal", "jssc17"):
        raise InputError(
            f"--convention: {reading!r} re-reads a given mapping; use 'onewatt evaluate'"
        )
    if mappings is not None and reading != "jssc17":
        raise InputError("--row-stationary: expected together with --convention jssc17")
    return reading


def _load(
    model: str,
    *,
    batch: int,
    seq_len: int | None,
    context: int | None,
    shapes: dict[str, tuple[int, ...]] | None,
    densities: Path | None,
) -> Workload:
    from onewatt.importers.load import load_workload

    workload = load_workload(model, batch=batch, seq_len=seq_len, context=context, shapes=shapes)
    if densities is not None:
        from onewatt.importers.densities import with_densities

        workload = with_densities(workload, densities)
    return workload


def _write(result: Result, folder: Path, command: str) -> None:
    from onewatt.report.html import html_page
    from onewatt.report.store import result_text, write_texts
    from onewatt.report.tables import layers_csv

    write_texts(
        {
            folder / "result.json": result_text(result, command=command),
            folder / "report.html": html_page(result, command=command),
            folder / "layers.csv": layers_csv(result),
        }
    )


def _print(result: Result, folder: Path | None, *, as_json: bool, as_csv: bool) -> None:
    from onewatt.report.tables import layers_csv, result_json

    if as_json or as_csv:
        terminal.warn_unpriced(result)
        if as_json:
            terminal.print_json(result_json(result))
        else:
            typer.echo(layers_csv(result), nl=False)
        return
    from onewatt.report.text import show_result

    show_result(result, terminal.console())
    if folder is not None:
        typer.echo(f"\nWrote {folder / 'report.html'}, result.json and layers.csv.")
