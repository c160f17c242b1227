"""``onewatt report``: the page of a saved result, or of a front."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onewatt.cli import options
from onewatt.errors import InputError


def report(
    result: options.ResultFile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.html",
                     help="Where to write; by default report.html or front.html beside it."),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option("--files", metavar="DIR", show_default=False,
                     help="Of a front: where the files of its study lie, if not beside it."),
    ] = None,
) -> None:  # fmt: skip
    """Draw a saved result, or the front of a study, as one HTML page.

    The chips and networks that a study names as files are looked for beside the front.
    """
    from onewatt.report.front_html import write_front_page
    from onewatt.report.front_store import is_front, load_front
    from onewatt.report.html import write_report
    from onewatt.report.store import load_saved

    if is_front(result):
        page = output or result.with_suffix(".html")
        front = load_front(result)
        write_front_page(front, page, folder=beside or result.parent, source=result.name)
        typer.echo(f"Wrote {page}.")
        return
    if beside is not None:
        raise InputError("--files is for a front.json")
    saved = load_saved(result)
    page = output or result.with_name("report.html")
    write_report(saved.result, page, command=saved.command)
    typer.echo(f"Wrote {page}.")
