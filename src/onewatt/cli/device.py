"""``onewatt device``: workloads at their rates on the chips of one battery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, searching, terminal
from onewatt.cli.codes import BUDGET_MISSED

if TYPE_CHECKING:
    from onewatt.model.device import DeviceResult


def device(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="DEVICE.yaml", show_default=False,
                             help="Chips, workloads with their rates, parts and a battery.")
    ],
    budget: options.BudgetText = None,
    tiles: options.TilesName = "perfect",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Write device.json and device.html."),
    ] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    jobs: options.Jobs = 0,
    fresh: options.Fresh = False,
) -> None:  # fmt: skip
    """Say what a device draws on average, who spends it, and how long its battery lasts.

    Exit code 2 if a limit is missed, a workload may be late, or the battery does not last.
    """
    among = options.read_tiles(tiles)

    from onewatt.cli.devices import load_device
    from onewatt.mapper.device import search_device
    from onewatt.spec.budget import Budget

    limits = Budget.parse(budget) if budget is not None else None
    if output is not None:
        options.check_folder(output)
    loaded = load_device(file)
    watched = not (quiet or as_json)
    with searching.stop_on_interrupt() as stop, terminal.progress(watched) as progress:
        result = search_device(
            *loaded, budget=limits, tiles=among, workers=jobs, progress=progress, stop=stop,
            cache=None if fresh else searching.cache_folder(),
        )  # fmt: skip
    for task in loaded.workloads.values():
        terminal.warn_unpriced_of(task)
    if output is not None:
        _write(result, output, str(context.obj or ""))
    _print(result, output, as_json=as_json, quiet=quiet)
    if not result.met:
        raise typer.Exit(BUDGET_MISSED)


def _write(result: DeviceResult, folder: Path, command: str) -> None:
    import json

    from onewatt.report.device_html import device_page
    from onewatt.report.device_tables import device_json
    from onewatt.report.store import write_texts

    table = json.dumps(device_json(result), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    page = device_page(result, command=command)
    write_texts({folder / "device.json": table, folder / "device.html": page})


def _print(result: DeviceResult, folder: Path | None, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        from onewatt.report.device_tables import device_json

        terminal.print_json(device_json(result))
        return
    if quiet:
        return
    from onewatt.report.device_text import show_device_result

    show_device_result(result, terminal.console())
    if folder is not None:
        typer.echo(f"\nWrote {folder / 'device.html'} and device.json.")
