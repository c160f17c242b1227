"""``onewatt report``: the page of a saved result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onewatt.cli import options, terminal


def report(
    result: options.ResultFile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.html",
                     help="Where to write; by default report.html beside the result."),
    ] = None,
) -> None:  # fmt: skip
    """Draw a saved result again as one HTML page; a front is shown as a table."""
    from onewatt.report.front_store import is_front, load_front
    from onewatt.report.front_text import show_front
    from onewatt.report.html import write_report
    from onewatt.report.store import load_saved

    if is_front(result):
        show_front(load_front(result), terminal.console())
        return
    saved = load_saved(result)
    page = output or result.with_name("report.html")
    write_report(saved.result, page, command=saved.command)
    typer.echo(f"Wrote {page}.")
