"""The table of verbs."""

from __future__ import annotations

from typing import Annotated

import typer

from onewatt import __version__
from onewatt.cli import (
    analyze,
    calibrate,
    chips,
    compare,
    device,
    evaluate,
    explain,
    explore,
    flexibility,
    map,
    report,
    schema,
    show,
    simulate,
    verify,
)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"onewatt {__version__}")
        raise typer.Exit


@app.callback()
def onewatt(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Say where the joules and cycles of a neural network on a chip go.

    Exit codes: 0 done, 1 bad input, 2 budget missed, 130 interrupted: a search
    that Ctrl-C has stopped still reports the best so far.
    """


for verb in (
    analyze, device, map, evaluate, explore, explain, flexibility, calibrate, simulate, verify,
    report, show, compare, schema,
):  # fmt: skip
    name = verb.__name__.rpartition(".")[2]
    app.command(name)(getattr(verb, name))
app.add_typer(chips.app, name="chips")
