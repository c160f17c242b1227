"""Prices in a terminal: what more of a chip is worth, and what meets a missed budget."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from onewatt.diagnose.changes import Lever
from onewatt.diagnose.prices import ChipPrices, Priced, Worth
from onewatt.diagnose.smallest import Meeting, Turn
from onewatt.report import blocks
from onewatt.report.wording import plain, quantity, verdict

#: What a search for a budget answers.
SMALLEST = "The smallest change of the chip that meets the budget"
#: The name of a row that follows one which gains nothing.
NEXT = "  the first more that gains"


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
    console.print(blocks.title(title))
    heads = ("figure", "has>", "added>", "energy each>", "time each>", "objective>", "area>")
    shown = [i for i, head in enumerate(heads)
             if console.width >= blocks.WIDE or head not in ("has>", "area>")]  # fmt: skip
    table = blocks.table(*(heads[i] for i in shown))
    for row in ordered(found):
        for worth, name, has in _lines(row):
            filled = (name, has, *cells(worth))
            style = "dim" if not worth.matters else "green" if worth.gains else "red"
            table.add_row(*(Text(filled[i], style if heads[i] == "objective>" else "")
                            for i in shown))  # fmt: skip
    console.print(Padding(table, (0, 0, 1, 2)))
    for note in notes_of(found):
        console.print(Padding(Text(note, style="dim"), (0, 0, 0, 2)))


def ordered(found: ChipPrices) -> list[Priced]:
    """Return prices, those that gain most first."""
    return sorted(found.rows, key=lambda r: (r.next or r.step).share)


def _lines(row: Priced) -> Iterator[tuple[Worth, str, str]]:
    """Return what is said of a figure: what a change is worth, its name, and what the chip has."""
    lever = row.step.lever
    yield row.step, lever.name, value_text(lever, lever.value)
    if row.next is not None:
        yield row.next, NEXT, ""


def cells(worth: Worth) -> tuple[str, str, str, str, str]:
    """Return what a change adds and what it is worth: energy, time, objective and area, as text."""
    unit = "instance" if (worth.unit, worth.amount) == ("instances", 1) else worth.unit
    added = f"+{plain(worth.amount)} {unit}"
    if worth.failed:
        return added, "unknown", "", "", ""
    area = "–" if worth.area is None else _signed(worth.area, "m2")
    if not worth.matters:
        return added, "nothing", "", "", area
    return (
        added, _signed(worth.energy / worth.amount, "J"),
        _signed(worth.latency / worth.amount, "s"), f"{100 * worth.share:+.2g} %", area,
    )  # fmt: skip


def _signed(value: float, unit: str) -> str:
    if not value:
        return "0"
    return ("+" if value > 0 else "-") + quantity(abs(value), unit)


def value_text(lever: Lever, value: float) -> str:
    """Return a value of a lever with its unit."""
    if lever.unit == "1":
        return f"{value:.0f}"
    if lever.unit == "word/cycle":
        return f"{plain(value)} word/cycle"
    return quantity(value, lever.unit)


def notes_of(found: ChipPrices) -> list[str]:
    """Return what has to be said below a table of prices."""
    notes = [
        f"{found.searches} chips searched, {found.tiles} tiles; where the next step gains "
        f"nothing, steps were doubled up to {plain(found.reach)}x the figure.  KiB are of all "
        "instances together, energies and times of one batch."
    ]
    for row in found.rows:
        worth = row.next or row.step
        if worth.access is not None:
            after, before = (quantity(x, "J") for x in worth.access)
            notes.append(f"A read of {worth.lever.place} costs {after} instead of {before} then.")
    notes += [f"{', '.join(names)}: {reason}" for reason, names in _failures(found).items()]
    if any(r.step.lever.what == "instances" for r in found.rows):
        notes.append(
            "One more instance of an axis is one more row or column of the array, with all that is "
            "inside; networks keep their words."
        )
    return notes


def _failures(found: ChipPrices) -> dict[str, list[str]]:
    """Return why steps have no worth, each reason once with the levers that it holds for."""
    made: dict[str, list[str]] = {}
    for row in found.rows:
        lever, failed = row.step.lever, row.step.failed
        if failed:
            reason = failed.split(f"node {lever.place!r}: ")[-1].rstrip(".") + "."
            made.setdefault(reason, []).append(lever.name)
    return made


def show_meeting(meeting: Meeting, console: Console) -> None:
    """Print the smallest change of a chip that meets a budget.

    Parameters
    ----------
    meeting : Meeting
        What was found.
    console : Console
        Where to print.
    """
    console.print(blocks.title(SMALLEST))
    said, detail, looked = meeting_text(meeting)
    lines = [Text(said, style="bold green" if meeting.found else "bold red")]
    lines += [Text(line) for line in detail]
    for line in (*lines, Text(looked, style="dim")):
        console.print(Padding(line, (0, 0, 0, 2)))


def meeting_text(meeting: Meeting) -> tuple[str, list[str], str]:
    """Return the smallest change, what more is known of it, and how it was found, in words."""
    looked = (
        f"{meeting.looked_at} chips looked at, {meeting.bounded} of them dismissed by a bound "
        "that no mapping undercuts"
    )
    if not meeting.found:
        pairs = "not all pairs were tried" if meeting.given_up else "nor is any pair up to 4x"
        return f"none found: no figure is enough up to 16x, {pairs}", [], looked
    if not meeting.turns:
        return "none is needed: the budget is met", [], looked
    detail = [f"  {verdict(v)}" for v in meeting.verdicts]
    detail += [f"or {turn_text(t)}" for t in meeting.others[:5]]
    return " and ".join(turn_text(t) for t in meeting.turns), detail, looked


def turn_text(turn: Turn) -> str:
    """Return a change of a chip in words."""
    lever = turn.lever
    values = f"{value_text(lever, lever.value)} to {value_text(lever, turn.after)}"
    return f"{lever.name}: {values} ({plain(turn.factor)}x)"
