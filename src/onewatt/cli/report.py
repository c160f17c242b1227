"""``onewatt report``: the page of a saved result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onewatt.cli import options


def report(
    result: options.ResultFile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.html",
                     help="Where to write; by default report.html beside the result."),
    ] = None,
) -> None:  # fmt: skip
    """Draw a saved result again as one HTML page."""
    from onewatt.report.html import write_report
    from onewatt.report.store import load_saved

    saved = load_saved(result)
    page = output or result.with_name("report.html")
    write_report(saved.result, page, command=saved.command)
    typer.echo(f"Wrote {page}.")
