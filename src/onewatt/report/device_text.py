"""A device in a terminal: what it draws, who spends it, and what is late."""

from __future__ import annotations

import math

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from onewatt.diagnose.device_remedies import device_shortfalls, late
from onewatt.model.device import DeviceResult
from onewatt.report import blocks
from onewatt.report.device_tables import hours, spenders
from onewatt.report.text import verdict_lines
from onewatt.report.wording import band, percent, quantity


def show_device_result(result: DeviceResult, console: Console) -> None:
    """Print what a device draws, who spends it, and what is late.

    Parameters
    ----------
    result : DeviceResult
        What was found.
    console : Console
        Where to print; its width decides the layout.
    """
    for block in (_head(result), *_budget(result), _tasks(result), _chips(result),
                  _spending(result, console.width)):  # fmt: skip
        console.print(block)


def _head(result: DeviceResult) -> RenderableType:
    device, battery = result.device, result.device.battery
    rows = [
        ("average", band(result.power, result.power_low, result.power_high, "W")),
        ("peak", f"{quantity(result.peak, 'W')} (every chip in its dearest layer)"),
    ]
    if battery is not None:
        held = f"{quantity(battery.energy / 3600, 'W')}h"
        usable = f", {percent(battery.usable)} of it usable" if battery.usable < 1 else ""
        rows.append(("battery", f"{hours(result.lasts)} from {held}{usable}"))
    if device.awake < 1:
        asleep = f"asleep at {quantity(device.asleep, 'W')}"
        rows.append(("awake", f"{percent(device.awake)} of the time, {asleep}"))
    title = Table.grid()
    title.add_row(blocks.title(device.title or device.name))
    title.add_row(blocks.facts(rows))
    return title


def _budget(result: DeviceResult) -> list[RenderableType]:
    lines = verdict_lines(result.budget, device_shortfalls(result))
    lines += [Text(f"  {said}", style="bold red") for said in result.problems]
    lines += [Padding(Text(f"+ {r.change}"), (0, 0, 0, 4)) for r in late(result)]
    return [blocks.title("Budget"), *lines, Text("")] if lines else []


def _tasks(result: DeviceResult) -> RenderableType:
    if not result.tasks:
        return Text("", end="")
    table = blocks.table(
        "workload", "chip", "rate>", "energy>", "run>", "busy>", "at worst>", "due>", "average>"
    )
    for t in result.tasks:
        response = quantity(t.response, "s") if math.isfinite(t.response) else "never"
        table.add_row(
            Text(t.name), Text(t.chip), quantity(t.rate, "Hz"), quantity(t.energy, "J"),
            quantity(t.latency, "s"), percent(t.busy),
            Text(response, style="" if t.met else "bold red"), quantity(t.due, "s"),
            quantity(t.power, "W"),
        )  # fmt: skip
    return _block("Workloads", table)


def _chips(result: DeviceResult) -> RenderableType:
    if not result.chips:
        return Text("", end="")
    table = blocks.table("chip", "what", "busy>", "at rest>", "average>", "peak>")
    for c in result.chips:
        busy = Text(percent(c.busy), style="" if c.keeps_up else "bold red")
        table.add_row(Text(c.name), Text(c.chip), busy, quantity(c.idle, "W"),
                      quantity(c.power, "W"), quantity(c.peak, "W"))  # fmt: skip
    return _block("Chips", table)


def _block(title: str, table: Table) -> RenderableType:
    block = Table.grid(expand=True)
    block.add_row(blocks.title(title))
    block.add_row(Padding(table, (0, 0, 1, 2)))
    return block


def _spending(result: DeviceResult, width: int) -> RenderableType:
    table = blocks.table("who", "power>", "share>", "", "most of it in")
    table.columns[3].no_wrap = True
    whole = result.power or 1.0
    for name, kind, power in spenders(result):
        levels = [s for s in result.spending if s.kind == kind == "workload" and s.name == name]
        levels.sort(key=lambda s: -s.power)
        most = ", ".join(f"{s.level} {percent(s.power / power)}" for s in levels[:3] if power)
        drawn = Text(blocks.bar(power / whole, 16 if width >= blocks.WIDE else 0), style="cyan")
        table.add_row(Text(name), quantity(power, "W"), percent(power / whole), drawn, Text(most))
    return _block("Who spends it", table)
