"""The page of a device: one HTML file with a picture of who spends what and of the schedule."""

from __future__ import annotations

import html
import math

from onewatt import __version__
from onewatt.diagnose.device_remedies import device_shortfalls, late
from onewatt.model.device import DeviceResult
from onewatt.model.schedule import Run, timeline
from onewatt.report.budget_html import badge, budget
from onewatt.report.device_tables import hours, spenders
from onewatt.report.page import card, fill, rows_html, table_html, template
from onewatt.report.wording import percent, quantity

#: Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_REST = "#8A8F98"
#: What the schedule shows, in periods of the slowest workload, and at most so many runs a chip.
_PERIODS, _MOST_RUNS = 1.0, 400
_WIDTH = 1000.0


def device_page(result: DeviceResult, *, command: str = "") -> str:
    """Return the report of a device as one self-contained HTML page.

    Parameters
    ----------
    result : DeviceResult
        What was found.
    command : str
        The command line that makes it again, to be shown.

    Returns
    -------
    str
        HTML with its style and pictures inside; it asks nothing of any network.
    """
    device = result.device
    colours = _colours(result)
    shown = {"title": device.title or device.name, "version": __version__, "command": command,
             "source": device.source or "no source stated"}  # fmt: skip
    parts = {k: html.escape(v) for k, v in shown.items()} | {
        "style": template("style.css"),
        "cards": _cards(result),
        "verdict": _verdict(result),
        "budget": budget(result.budget, device_shortfalls(result)) + _problems(result),
        "spending": _bars(result, colours),
        "schedule": _schedule(result, colours),
        "workloads": _workloads(result),
        "chips": _chips(result),
        "levels": _levels(result),
        "sources": _sources(result),
    }
    return fill(template("device.html"), parts)


def _colours(result: DeviceResult) -> dict[str, str]:
    names = [t.name for t in result.tasks] + [p.name for p in result.device.parts]
    return {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}


def _verdict(result: DeviceResult) -> str:
    late_ones = result.problems
    extra = f' <span class="badge bad">{html.escape(late_ones[0])}</span>' if late_ones else ""
    return badge(result.budget) + extra


def _cards(result: DeviceResult) -> str:
    low, high = quantity(result.power_low, "W"), quantity(result.power_high, "W")
    busiest = max((c.busy for c in result.chips), default=0.0)
    rows = [
        ("Average", quantity(result.power, "W"), f"{low} to {high}"),
        ("Peak", quantity(result.peak, "W"), "every chip in its dearest layer"),
        ("Battery", hours(result.lasts), _battery(result)),
        ("Busiest chip", percent(busiest), "of its waking time"),
    ]
    return "".join(card(*row) for row in rows)


def _battery(result: DeviceResult) -> str:
    battery = result.device.battery
    if battery is None:
        return "none stated"
    return f"{quantity(battery.energy / 3600, 'W')}h, {percent(battery.usable)} usable"


def _problems(result: DeviceResult) -> str:
    items = [*result.problems, *(r.change for r in late(result))]
    if not items:
        return '<p class="muted">Every workload is in time.</p>' if result.tasks else ""
    return "<ul>" + "".join(f"<li>{html.escape(i)}</li>" for i in items) + "</ul>"


def _bars(result: DeviceResult, colours: dict[str, str]) -> str:
    """Return one bar for each spender and one that stacks them, as SVG."""
    rows, whole = spenders(result), result.power or 1.0
    drawn, x = list[str](), 0.0
    for name, _, power in rows:
        width = _WIDTH * power / whole
        label = html.escape(f"{name}: {quantity(power, 'W')}, {percent(power / whole)}")
        drawn.append(
            f'<rect x="{x:.2f}" y="0" width="{max(width - 1, 0):.2f}" height="34" '
            f'fill="{colours.get(name, _REST)}"><title>{label}</title></rect>'
        )
        x += width
    key = "".join(
        f'<tr><td><i class="dot" style="background:{colours.get(name, _REST)}"></i>'
        f"{html.escape(name)}</td><td>{quantity(power, 'W')}</td>"
        f"<td>{percent(power / whole)}</td></tr>"
        for name, _, power in rows
    )
    return (
        f'<svg class="stack" viewBox="0 0 {_WIDTH:.0f} 34" preserveAspectRatio="none" role="img" '
        f'aria-label="Who spends the power; the table below holds the figures.">{"".join(drawn)}'
        f'</svg><div class="scroll"><table class="plain tight"><tbody>{key}</tbody></table></div>'
    )


def _schedule(result: DeviceResult, colours: dict[str, str]) -> str:
    """Return lanes of runs, one for each chip, from a moment when every workload is due."""
    periods = {t.name: t.period for t in result.device.workloads}
    if not periods:
        return '<p class="muted">No workloads, so there is nothing to schedule.</p>'
    until = _PERIODS * max(periods.values())
    lanes: list[str] = []
    for i, chip in enumerate(result.chips):
        runs = [
            Run(t.name, t.latency, periods[t.name]) for t in result.tasks if t.chip == chip.name
        ]
        shortest = min((r.period for r in runs), default=until)
        shown = min(until, shortest * _MOST_RUNS)
        y = 30 * i
        lanes.append(f'<rect x="0" y="{y}" width="{_WIDTH:.0f}" height="22" class="lane"/>')
        for slot in timeline(runs, shown):
            x, w = _WIDTH * slot.begin / until, _WIDTH * (slot.end - slot.begin) / until
            label = html.escape(
                f"{slot.name} on {chip.name}: due {quantity(slot.due, 's')}, "
                f"{quantity(slot.begin, 's')} to {quantity(slot.end, 's')}"
            )
            lanes.append(
                f'<rect x="{x:.2f}" y="{y}" width="{max(w, 0.6):.2f}" height="22" '
                f'fill="{colours[slot.name]}"><title>{label}</title></rect>'
            )
    names = ", ".join(c.name for c in result.chips)
    height = 30 * len(result.chips)
    return (
        f'<svg class="lanes" viewBox="0 0 {_WIDTH:.0f} {height}" preserveAspectRatio="none" '
        f'style="height:{height}px" role="img" aria-label="Runs over time on {html.escape(names)}">'
        f'{"".join(lanes)}</svg><p class="muted">{quantity(until, "s")} from a moment when every '
        f"workload is due; from top to bottom: {html.escape(names)}.</p>"
    )


def _workloads(result: DeviceResult) -> str:
    body = rows_html(
        [t.name, t.chip, quantity(t.rate, "Hz"), quantity(t.energy, "J"), quantity(t.latency, "s"),
         percent(t.busy), quantity(t.response, "s") if math.isfinite(t.response) else "never",
         quantity(t.due, "s"), quantity(t.power, "W")]
        for t in result.tasks
    )  # fmt: skip
    heads = ("workload", "chip", "rate", "energy each", "run", "busy", "done at worst after",
             "allowed", "average")  # fmt: skip
    return table_html(heads, body, "tight")


def _chips(result: DeviceResult) -> str:
    body = rows_html(
        [c.name, c.chip, percent(c.busy), quantity(c.idle, "W"), quantity(c.power, "W"),
         quantity(c.peak, "W")]
        for c in result.chips
    )  # fmt: skip
    return table_html(("chip", "what", "busy", "at rest", "average", "peak"), body, "tight")


def _levels(result: DeviceResult) -> str:
    rows = sorted(result.spending, key=lambda s: -s.power)
    body = rows_html(
        [s.name, s.chip or "–", s.level or "–", quantity(s.power, "W"),
         f"{quantity(s.low, 'W')} to {quantity(s.high, 'W')}"]
        for s in rows if s.power
    )  # fmt: skip
    return table_html(("who", "chip", "level", "average", "low to high"), body, "tight")


def _sources(result: DeviceResult) -> str:
    device = result.device
    rows = [(t.name, t.workload, t.source) for t in device.workloads]
    rows += [(c.name, c.chip, c.source) for c in device.chips]
    rows += [(p.name, quantity(p.average, "W"), p.source) for p in device.parts]
    if device.battery is not None:
        rows.append(("battery", _battery(result), device.battery.source))
    body = rows_html([name, what, source or "no source stated"] for name, what, source in rows)
    return table_html(("name", "what", "source"), body, "tight")
