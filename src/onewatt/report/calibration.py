"""Calibrations as tables: the object that ``--json`` prints, and the head of a chip's file."""

from __future__ import annotations

from typing import Any

from onewatt.codesign.calibrate import Calibration, Checked, Coefficient, Side
from onewatt.codesign.calibrate_select import Errors
from onewatt.components.library import prices as price_list
from onewatt.spec.architecture import Architecture
from onewatt.spec.files import dumps, loads
from onewatt.units import format_quantity
from onewatt.version import __version__

SCHEMA = "onewatt/calibration/1"
_ABSOLUTE = {"W": "W", "J": "J", "s": "s"}


def calibration_json(made: Calibration, checked: Checked | None = None) -> dict[str, Any]:
    """Return a calibration as plain data; errors are shares, 0.1 is 10 %.

    `against` has the errors on rows that were not fitted: of each column, and once more of energy
    (of latency where no energy was measured) at its top.
    """
    table: dict[str, Any] = {
        "schema": SCHEMA,
        "base": made.base.name,
        "chip": made.chip.name,
        "objective": made.objective,
        "table": {"path": made.table.path, "sha256": made.table.digest,
                  "rows": len(made.table.rows), "networks": list(made.table.networks)},
        "settled": made.settled,
        "energy": None if made.energy is None else _side(made, made.energy),
        "latency": None if made.latency is None else _side(made, made.latency),
        "versions": {"onewatt": __version__},
    }  # fmt: skip
    if checked is not None:
        table["against"] = _against(checked)
    return table


def _side(made: Calibration, side: Side) -> dict[str, Any]:
    rows = made.table.rows
    held = side.held_out
    return {
        "coefficients": [
            {"name": c.name, "covers": list(c.covers), "value": c.value, "low": c.low,
             "high": _finite(c.high), "unit": c.unit, "standard_error": _finite(c.log_error),
             "stated": quantities(made.chip, c, side.what)}
            for c in side.coefficients
        ],
        "prior": side.prior,
        "spread": _finite(side.spread),
        "fit": _errors(side.fit),
        "leave_one_network_out": None if side.left_out is None else _errors(side.left_out),
        "refused": [{"name": name, "why": why} for name, why in side.refused],
        "rows": [
            {"line": rows[i].line, "workload": rows[i].workload, "batch": rows[i].batch,
             "measured": float(side.measured[k]), "predicted": float(side.predicted[k]),
             "left_out": None if held is None else float(held[k])}
            for k, i in enumerate(side.lines)
        ],
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if value - value == 0 else None


def _errors(found: Errors) -> dict[str, Any]:
    return dict(found._asdict())


def _against(checked: Checked) -> dict[str, Any]:
    main = checked.energy if checked.energy.rows else checked.latency
    return {
        "table": {"path": checked.table.path, "sha256": checked.table.digest},
        **_errors(main),
        "energy": _errors(checked.energy),
        "latency": _errors(checked.latency),
        "fitted_rows_dropped": checked.dropped,
        "predictions": [
            {"line": r.line, "workload": r.workload, "batch": r.batch, "energy_J": r.energy,
             "predicted_energy_J": e, "latency_s": r.latency, "predicted_latency_s": t}
            for r, (e, t) in zip(checked.table.rows, checked.predicted, strict=True)
        ],
    }  # fmt: skip


def quantities(chip: Architecture, coefficient: Coefficient, what: str) -> dict[str, str]:
    """Return what a coefficient makes of a chip: energies per MAC, byte, hop, second and launch."""
    found: dict[str, str] = {}
    for part in coefficient.covers:
        text = _time(chip, part) if what == "latency" else _energy(chip, part)
        if text:
            found[part] = text
    return found


def _energy(chip: Architecture, part: str) -> str:
    if part == "launch":
        return f"{format_quantity(chip.launch.energy, 'J', digits=4)} a layer"
    if part == "idle":
        from onewatt.codesign.calibrate_terms import standing_power

        return format_quantity(standing_power(chip), "W", digits=4)
    prices = price_list(chip)
    if part in {c.name for c in chip.computes}:
        return f"{format_quantity(prices.find(part, 'compute').energy, 'J', digits=4)} an operation"
    memory = next((m for m in chip.memories if m.name == part), None)
    if memory is None:
        return f"{format_quantity(prices.find(part, 'hop').energy, 'J', digits=4)} a hop"
    bits = memory.width or memory.word or chip.mac.inputs_bits
    action = "read" if prices.find(part, "read").energy else "fill"
    each = prices.find(part, action).energy * 8 / bits
    done = "read" if action == "read" else "written"
    return f"{format_quantity(each, 'J', digits=4)} a byte {done}"


def _time(chip: Architecture, part: str) -> str:
    if part == "launch":
        return f"{format_quantity(chip.launch.time, 's', digits=4)} a layer"
    if part == "compute":
        return f"{format_quantity(chip.clock, 'Hz', digits=4)} effective clock"
    memory = next((m for m in chip.memories if m.name == part), None)
    rates = (
        [memory.shared_bandwidth, memory.read_bandwidth, memory.write_bandwidth]
        if memory
        else [n.words_per_cycle for n in chip.networks if n.name == part]
    )
    words = max((r for r in rates if r), default=None)
    if words is None:
        return "never holds up"
    bits = (memory.word if memory else None) or chip.mac.inputs_bits
    return format_quantity(words * bits * chip.clock, "bit/s", digits=4)


def chip_text(made: Calibration, command: str = "") -> str:
    """Return the file of a calibrated chip: comments with its provenance, and the chip.

    What is written is read back first, so that a file that is kept is one that loads.
    """
    lines = [
        f"{made.base.name}, calibrated by onewatt {__version__} to measured rows.",
        f"Table: {made.table.path}, {len(made.table.rows)} rows, sha256 {made.table.digest}",
        f"Networks: {', '.join(made.table.networks)}; mappings for objective {made.objective}",
    ]
    if command:
        lines.append(f"Command: {command}")
    for side in (made.energy, made.latency):
        if side is not None:
            lines += ["", f"{side.what.capitalize()}:", *side_lines(made.chip, side)]
    head = "".join(f"# {_one_line(line)}".rstrip() + "\n" for line in lines)
    text = head + dumps(made.chip, "chip")
    loads(text, "chip", name=f"{made.chip.name}.yaml")
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def side_lines(chip: Architecture, side: Side) -> list[str]:
    """Return the coefficients of a side and its errors as lines of text."""
    lines = [coefficient_line(c, quantities(chip, c, side.what)) for c in side.coefficients]
    spread = "unknown" if side.spread - side.spread else f"{100 * side.spread:.3g} %"
    kind = "with the chip's bands as prior" if side.prior else "without a prior"
    lines.append(f"spread of the rows' errors {spread}, {kind}")
    lines.append(f"on the rows: {error_line(side.fit)}")
    if side.left_out is None:
        lines.append("on networks left out: unknown, there is one network")
    else:
        lines.append(f"on networks left out: {error_line(side.left_out)}")
    return lines


def coefficient_line(coefficient: Coefficient, stated: dict[str, str]) -> str:
    """Return a coefficient as text: its value, its 95 % interval and what it comes to."""
    c = coefficient
    high = "any" if c.high - c.high else f"{c.high:.4g}"
    what = "; ".join(f"{part} {text}" for part, text in stated.items())
    if c.value > 0 and c.log_error == float("inf"):
        what += "; it decides no row, so it is as the chip states it, or as near as the rows allow"
    return f"{c.name} = {c.value:.4g} {c.unit} (95 %: {c.low:.4g} to {high}): {what}"


def error_line(found: Errors) -> str:
    """Return errors as text."""
    if found.mape is None or found.median_ape is None:
        return "no rows"
    rank = "" if found.spearman is None else f", rank correlation {found.spearman:.3f}"
    return (
        f"{found.rows} rows, mean error {100 * found.mape:.3g} %, median "
        f"{100 * found.median_ape:.3g} %{rank}"
    )
