"""``onewatt compare``: what changed from one result to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onewatt.cli import options, terminal


def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE.json", show_default=False)],
    after: Annotated[Path, typer.Argument(metavar="AFTER.json", show_default=False)],
    as_json: options.AsJson = False,
) -> None:
    """Set two saved results side by side: totals, levels and layers."""
    from onewatt.report import compare as comparison
    from onewatt.report.store import load_result

    found = comparison.compare(load_result(before), load_result(after))
    if as_json:
        terminal.print_json(comparison.comparison_json(found))
        return
    from onewatt.report.compare_text import show_comparison

    show_comparison(found, terminal.console())
