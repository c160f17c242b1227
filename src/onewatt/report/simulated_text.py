"""A layer that ran, in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from onewatt.report import blocks
from onewatt.report.simulated import Simulated, checksum, cycle_rows

_EQUAL = 1e-9


def show_simulated(found: Simulated, console: Console) -> None:
    """Print what a run did: output, cycles and words, beside the model."""
    run = found.run
    shape = " x ".join(map(str, run.output.shape))
    console.print(Text(f"{found.layer} on {found.chip}, {run.mapping}", style="bold"))
    console.print(Text(
        f"output {shape}, sha256 {checksum(run.output)}\n"
        f"{run.passes:,} passes on {run.active_pes} PEs; {100 * run.gated:.2f} % of the "
        "multiplications gated\n"
    ))  # fmt: skip
    table = blocks.table()
    table.add_column("", no_wrap=True)
    for head in ("machine", "model", "difference"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("because", overflow="fold", style="dim")
    for name, machine, model, note in cycle_rows(found):
        _row(table, f"cycles {name}", machine, model, note)
    table.add_row()
    for row in found.compared:
        _row(table, f"{row.component} {row.action}", row.machine, row.model, row.note)
    console.print(table)


def _row(table: Table, name: str, machine: int, model: float | None, note: str) -> None:
    if model is None:
        table.add_row(name, f"{machine:,}", "–", "–", note)
        return
    apart = machine - model
    same = abs(apart) <= _EQUAL * max(machine, model)
    table.add_row(
        name, f"{machine:,}", f"{model:,.0f}", "same" if same else _difference(apart, model),
        "" if same else note,
    )  # fmt: skip


def _difference(apart: float, model: float) -> str:
    return f"{100 * apart / model:+.2f} %" if model else f"{apart:+,.0f}"
