"""Prices in a terminal: what more of a chip is worth, and what meets a missed budget."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from onewatt.diagnose.changes import Lever
from onewatt.diagnose.prices import ChipPrices, Priced, Worth
from onewatt.diagnose.smallest import Meeting, Turn
from onewatt.report.wording import plain, quantity, verdict


def show_prices(found: ChipPrices, console: Console) -> None:
    """Print what each figure of a chip is worth.

    Parameters
    ----------
    found : ChipPrices
        What was found.
    console : Console
        Where to print.
    """
    title = f"What more of {found.chip} is worth to {found.workload}, for {found.objective}"
    console.print(Rule(Text(title, style="bold"), align="left", style="dim"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("figure", "has>", "added>", "energy each>", "time each>", "objective>", "area>"):
        right = head.endswith(">")
        table.add_column(head.rstrip(">"), justify="right" if right else "left", no_wrap=right,
                         overflow="fold")  # fmt: skip
    for row in sorted(found.rows, key=lambda r: (r.next or r.step).share):
        _add(table, row, row.step, _value(row.step.lever, row.step.lever.value))
        if row.next is not None:
            _add(table, row, row.next, "")
    console.print(Padding(table, (0, 0, 1, 2)))
    for note in _notes(found):
        console.print(Padding(Text(note, style="dim"), (0, 0, 0, 2)))


def _add(table: Table, row: Priced, worth: Worth, has: str) -> None:
    name = row.step.lever.name if has else "  the first more that gains"
    added = f"+{plain(worth.amount)} {worth.unit}"
    if worth.failed:
        table.add_row(Text(name), has, added, Text("unknown"), "", "", "")
        return
    area = "–" if worth.area is None else _signed(worth.area, "m2")
    if not worth.matters:
        table.add_row(Text(name), has, added, Text("nothing", style="dim"), "", "", area)
        return
    style = "green" if worth.share < 0 else "red"
    table.add_row(
        Text(name), has, added, _signed(worth.energy / worth.amount, "J"),
        _signed(worth.latency / worth.amount, "s"),
        Text(f"{100 * worth.share:+.2g} %", style=style), area,
    )  # fmt: skip


def _signed(value: float, unit: str) -> str:
    if not value:
        return "0"
    return ("+" if value > 0 else "-") + quantity(abs(value), unit)


def _value(lever: Lever, value: float) -> str:
    if lever.unit == "1":
        return f"{value:.0f}"
    if lever.unit == "word/cycle":
        return f"{plain(value)} word/cycle"
    return quantity(value, lever.unit)


def _notes(found: ChipPrices) -> list[str]:
    notes = [
        f"{found.searches} chips searched, {found.tiles} tiles; where the next step gains "
        f"nothing, steps were doubled up to {plain(found.reach)}x the figure.  KiB are of all "
        "instances together, energies and times of one batch."
    ]
    for row in found.rows:
        worth = row.next or row.step
        if worth.failed:
            notes.append(f"{worth.lever.name}: {worth.failed.rstrip('.')}.")
        if worth.access is not None:
            after, before = (quantity(x, "J") for x in worth.access)
            notes.append(f"A read of {worth.lever.place} costs {after} instead of {before} then.")
    if any(r.step.lever.what == "instances" for r in found.rows):
        notes.append("A longer axis has more of all that is inside; networks keep their words.")
    return notes


def show_meeting(meeting: Meeting, console: Console) -> None:
    """Print the smallest change of a chip that meets a budget.

    Parameters
    ----------
    meeting : Meeting
        What was found.
    console : Console
        Where to print.
    """
    title = "The smallest change of the chip that meets the budget"
    console.print(Rule(Text(title, style="bold"), align="left", style="dim"))
    lines: list[Text] = []
    if not meeting.found:
        pairs = "not all pairs were tried" if meeting.given_up else "nor is any pair up to 4x"
        lines.append(Text(f"none found: no figure is enough up to 16x, {pairs}", style="bold red"))
    elif not meeting.turns:
        lines.append(Text("none is needed: the budget is met", style="green"))
    else:
        said = " and ".join(_turn(t) for t in meeting.turns)
        lines.append(Text(said, style="bold green"))
        lines += [Text(f"  {verdict(v)}") for v in meeting.verdicts]
        lines += [Text(f"or {_turn(t)}") for t in meeting.others[:5]]
    lines.append(
        Text(
            f"{meeting.looked_at} chips looked at, {meeting.bounded} of them dismissed by a bound "
            "that no mapping undercuts", style="dim",
        )
    )  # fmt: skip
    for line in lines:
        console.print(Padding(line, (0, 0, 0, 2)))


def _turn(turn: Turn) -> str:
    lever = turn.lever
    values = f"{_value(lever, lever.value)} to {_value(lever, turn.after)}"
    return f"{lever.name}: {values} ({plain(turn.factor)}x)"
