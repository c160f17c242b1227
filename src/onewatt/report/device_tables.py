"""The public table of a device: JSON with a schema."""

from __future__ import annotations

from typing import Any

from onewatt.diagnose.device_remedies import device_shortfalls, late
from onewatt.model.device import DeviceResult, Spending
from onewatt.report.tables import number, verdicts_json

#: The name and version of the table.
SCHEMA = "onewatt/device-result/1"


def device_json(result: DeviceResult) -> dict[str, Any]:
    """Return the public table of a device, ready for `json.dumps`.

    Parameters
    ----------
    result : DeviceResult
        What was found.

    Returns
    -------
    dict
        Plain data in a fixed order; SI units, with the unit in the key.  What is not known or not
        finite (the response of a workload on a chip that cannot keep up) is None.
    """
    device, battery = result.device, result.device.battery
    return {
        "schema": SCHEMA,
        "device": device.name,
        "source": device.source,
        "tiles": result.tiles,
        "totals": {
            "power_W": result.power,
            "power_W_low": result.power_low,
            "power_W_high": result.power_high,
            "peak_W": result.peak,
            "battery_J": battery.energy * battery.usable if battery else None,
            "lasts_s": number(result.lasts),
        },
        "met": result.met,
        "problems": list(result.problems),
        "remedies": [
            {"place": r.place, "change": r.change, "factor": number(r.factor), "enough": r.enough}
            for r in late(result)
        ],
        "workloads": [
            {
                "name": t.name, "chip": t.chip, "rate_Hz": t.rate, "energy_J": t.energy,
                "latency_s": t.latency, "busy": t.busy, "response_s": number(t.response),
                "deadline_s": t.due, "met": t.met, "power_W": t.power, "optimal": t.optimal,
            }
            for t in result.tasks
        ],
        "chips": [
            {
                "name": c.name, "chip": c.chip, "busy": c.busy, "keeps_up": c.keeps_up,
                "idle_W": c.idle, "power_W": c.power, "peak_W": c.peak,
            }
            for c in result.chips
        ],
        "parts": [
            {"name": p.name, "average_W": p.average, "active": p.active, "source": p.source}
            for p in device.parts
        ],
        "spending": [_spending(s) for s in result.spending],
        "budget": verdicts_json(result.budget, device_shortfalls(result)),
    }  # fmt: skip


def _spending(row: Spending) -> dict[str, Any]:
    return {
        "kind": row.kind, "name": row.name, "chip": row.chip or None, "level": row.level or None,
        "power_W": row.power, "power_W_low": row.low, "power_W_high": row.high,
    }  # fmt: skip


def spenders(result: DeviceResult) -> list[tuple[str, str, float]]:
    """Return name, kind and power [W] of each workload, chip at rest and part, dearest first."""
    rows: dict[tuple[str, str], float] = {}
    for s in result.spending:
        name = f"{s.name} at rest" if s.kind == "idle" else s.name
        rows[name, s.kind] = rows.get((name, s.kind), 0.0) + s.power
    return sorted(((n, k, p) for (n, k), p in rows.items()), key=lambda row: -row[2])


def hours(seconds: float | None) -> str:
    """Write how long something lasts.

    Examples
    --------
    >>> hours(36_000.0), hours(600.0), hours(1e7), hours(None)
    ('10 h', '10 min', '116 days', 'no battery')
    """
    if seconds is None:
        return "no battery"
    if seconds == float("inf"):
        return "for ever"
    if seconds < 5400:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h" if seconds < 100 * 3600 else f"{seconds / 86400:.3g} days"
