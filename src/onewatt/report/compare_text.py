"""A comparison in a terminal."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table
from rich.text import Text

from onewatt.model.uncertainty import Odds
from onewatt.report import blocks
from onewatt.report.compare import Change, Comparison
from onewatt.report.wording import large, percent, plain, quantity

#: Changes smaller than this are not coloured [1].
_SAME = 0.005
#: Summands that are told singly.
_FEW = 8


def show_comparison(found: Comparison, console: Console) -> None:
    """Print what changed, in all, by level and by layer."""
    console.print(Text(f"before: {found.before}\nafter:  {found.after}"))
    for note in found.notes:
        console.print(Text(f"note:   {note}"))
    console.print()
    console.print(_table("total", found.totals))
    console.print(_table("energy of level", found.levels))
    console.print(_table("energy of layer", [e for e, _ in found.layers]))
    console.print(_table("latency of layer", [s for _, s in found.layers]))
    why = found.why
    parts = [(p.name, p.before, p.after) for p in why.parts]
    console.print(_why("energy by level and tensor", parts, "J"))
    layers = sorted(why.layers, key=lambda x: -abs(x.energy.difference))
    rows = [(f"{x.name} ({x.part})" if x.part else x.name, x.energy.before, x.energy.after)
            for x in layers]  # fmt: skip
    console.print(_why("energy by layer (mostly)", rows, "J"))
    if why.no_steps:
        console.print(Text(f"no steps of Eyexam: {why.no_steps}\n", style="dim"))
    else:
        steps = sorted(why.step_times, key=lambda s: -abs(s.difference))
        rows = [(s.name, s.before, s.after) for s in steps]
        console.print(_why("latency by step of Eyexam", rows, "s"))
    for name, odds in (("energy", why.energy_odds), ("EDP", why.edp_odds)):
        if odds is not None:
            console.print(Text(sure(name, odds)))


def sure(what: str, odds: Odds) -> str:
    """Write how sure it is that the second result is better.

    Examples
    --------
    >>> sure("energy", Odds(better=0.999, ratio=0.5, low=0.45, high=0.56, apart=(0.2, 1.1)))
    'after has less energy with 99.9 %: 0.5 of it, 0.45 to 0.56 with shared errors (0.2 to 1.1...'
    >>> sure("EDP", Odds(better=0.5, ratio=1.0, low=1.0, high=1.0, apart=(0.6, 1.6)))
    'EDP cannot be told apart: after is better with 50 %, 1 of it, 1 to 1 with shared errors ...'
    """
    span = (
        f"{plain(odds.ratio)} of it, {plain(odds.low)} to {plain(odds.high)} with shared errors "
        f"({plain(odds.apart[0])} to {plain(odds.apart[1])} without)"
    )
    if not odds.sure():
        return f"{what} cannot be told apart: after is better with {percent(odds.better)}, {span}"
    less, chance = ("less", odds.better) if odds.better > 0.5 else ("more", 1 - odds.better)
    exact = f"with {100 * chance:.1f} %" if chance < 1 else "in every world drawn"
    return f"after has {less} {what} {exact}: {span}"


def _why(title: str, rows: list[tuple[str, float, float]], unit: str) -> Table:
    """Return the summands that changed most, and one row for the others: they add up."""
    whole = math.fsum(a - b for _, b, a in rows)
    table = blocks.table()
    table.add_column(f"why: {title}", overflow="fold")
    for head in ("before", "after", "difference", "of all"):
        table.add_column(head, justify="right", no_wrap=True)
    changed = [r for r in rows if r[1] != r[2]]
    few = changed if len(changed) <= _FEW + 1 else changed[:_FEW]
    rest = rows[len(few) :]  # sorted: what did not change comes last
    if rest:
        before, after = math.fsum(r[1] for r in rest), math.fsum(r[2] for r in rest)
        few = [*few, (f"{len(rest)} others", before, after)]
    for name, b, a in few:
        style = "red" if a > b else "green"
        share = f"{round(100 * (a - b) / whole) or 0} %" if whole else "–"
        table.add_row(Text(name), quantity(b, unit), quantity(a, unit),
                      Text(_signed(a - b, unit), style=style), share)  # fmt: skip
    table.add_row(Text("all", style="bold"), "", "", Text(_signed(whole, unit), style="bold"), "")
    table.add_row()
    return table


def _signed(value: float, unit: str) -> str:
    return ("+" if value > 0 else "-" if value < 0 else "") + quantity(abs(value), unit)


def _table(title: str, changes: tuple[Change, ...] | list[Change]) -> Table:
    table = blocks.table()
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
