"""A comparison in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from onewatt.report.compare import Change, Comparison
from onewatt.report.wording import large, plain, quantity

#: Changes smaller than this are not coloured [1].
_SAME = 0.005


def show_comparison(found: Comparison, console: Console) -> None:
    """Print what changed, in all, by level and by layer."""
    console.print(Text(f"before: {found.before}\nafter:  {found.after}\n"))
    console.print(_table("total", found.totals))
    console.print(_table("energy of level", found.levels))
    console.print(_table("energy of layer", [e for e, _ in found.layers]))
    console.print(_table("latency of layer", [s for _, s in found.layers]))


def _table(title: str, changes: tuple[Change, ...] | list[Change]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(title, overflow="fold")
    for head in ("before", "after", "change"):
        table.add_column(head, justify="right", no_wrap=True)
    for c in changes:
        table.add_row(Text(c.name.replace("_", " ")), _value(c.before, c.unit),
                      _value(c.after, c.unit), _ratio(c))  # fmt: skip
    table.add_row()
    return table


def _value(value: float | None, unit: str) -> str:
    if unit == "MAC" and value is not None:
        return large(value)
    return quantity(value, unit)


def _ratio(change: Change) -> Text:
    ratio = change.ratio
    if ratio is None:
        return Text("–")
    if abs(ratio - 1) < _SAME:
        return Text("same", style="dim")
    words = f"{plain(ratio)}x" if ratio >= 2 else f"{100 * (ratio - 1):+.1f} %"
    return Text(words, style="red" if ratio > 1 else "green")
