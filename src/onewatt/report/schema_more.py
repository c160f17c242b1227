"""JSON Schemas of the tables of devices, comparisons, prices and calibrations."""

from __future__ import annotations

from typing import get_args

from onewatt.report.calibration import SCHEMA as CALIBRATION
from onewatt.report.compare import SCHEMA as COMPARISON
from onewatt.report.device_tables import SCHEMA as DEVICE
from onewatt.report.prices_tables import SCHEMA as PRICES
from onewatt.report.schema_parts import (
    AMOUNT,
    COUNT,
    DIALECT,
    SHARE,
    TEXT,
    TRUTH,
    Schema,
    listed,
    maybe,
    record,
    remedy,
    verdict,
)
from onewatt.spec.result import Objective

_NUMBER: Schema = {"type": "number"}


def device_schema() -> Schema:
    """Return the JSON Schema of the table that `device_json` makes."""
    power = {"power_W": AMOUNT, "power_W_low": AMOUNT, "power_W_high": AMOUNT}
    workload = record(
        name=TEXT, chip=TEXT, rate_Hz=AMOUNT, energy_J=AMOUNT, latency_s=AMOUNT, busy=AMOUNT,
        response_s=maybe(AMOUNT), deadline_s=AMOUNT, met=TRUTH, power_W=AMOUNT, optimal=TRUTH,
    )  # fmt: skip
    chip = record(
        name=TEXT, chip=TEXT, busy=AMOUNT, keeps_up=TRUTH, idle_W=AMOUNT, power_W=AMOUNT,
        peak_W=AMOUNT,
    )  # fmt: skip
    part = record(name=TEXT, average_W=AMOUNT, active=SHARE, source=TEXT)
    spending = record(
        kind={"enum": ["workload", "idle", "part", "asleep"]}, name=TEXT, chip=maybe(TEXT),
        level=maybe(TEXT), **power,
    )  # fmt: skip
    totals = record(
        **power, peak_W=AMOUNT, battery_J=maybe(AMOUNT), lasts_s=maybe(AMOUNT)
    )  # fmt: skip
    table = record(
        schema={"const": DEVICE}, device=TEXT, source=TEXT, tiles=TEXT, totals=totals,
        met=TRUTH, problems=listed(TEXT), remedies=listed(remedy()), workloads=listed(workload),
        chips=listed(chip), parts=listed(part), spending=listed(spending), budget=listed(verdict()),
    )  # fmt: skip
    return {"$schema": DIALECT, "$id": DEVICE, "title": "A device judged by onewatt", **table}


def comparison_schema() -> Schema:
    """Return the JSON Schema of the table that `comparison_json` makes."""
    change = record(
        name=TEXT, unit=TEXT, before=maybe(AMOUNT), after=maybe(AMOUNT), ratio=maybe(AMOUNT)
    )
    summand = record(name=TEXT, before=_NUMBER, after=_NUMBER, difference=_NUMBER)
    layer = record(name=TEXT, energy_J=_NUMBER, latency_s=_NUMBER, mostly=maybe(TEXT))
    why = record(
        energy_J=summand, latency_s=summand, cycles=summand, by_layer=listed(layer),
        by_level_and_tensor_J=listed(summand), by_step_cycles=listed(summand),
        by_step_s=listed(summand), no_steps=maybe(TEXT),
    )  # fmt: skip
    odds = record(
        probability=SHARE, ratio=AMOUNT, ratio_low=AMOUNT, ratio_high=AMOUNT,
        unshared_low=maybe(AMOUNT), unshared_high=maybe(AMOUNT), sure=TRUTH,
    )  # fmt: skip
    table = record(
        schema={"const": COMPARISON}, before=TEXT, after=TEXT, notes=listed(TEXT),
        totals=listed(change), levels=listed(change),
        layers=listed(record(name=TEXT, energy_J=change, latency_s=change)), differences=why,
        after_better=record(energy=maybe(odds), edp=maybe(odds)),
    )  # fmt: skip
    return {"$schema": DIALECT, "$id": COMPARISON, "title": "A comparison by onewatt", **table}


def prices_schema() -> Schema:
    """Return the JSON Schema of the table that `prices_json` makes."""
    worth = record(
        value=AMOUNT, added=_NUMBER, unit=TEXT, energy_J=_NUMBER, latency_s=_NUMBER,
        energy_J_each=_NUMBER, latency_s_each=_NUMBER, objective=_NUMBER, area_m2=maybe(_NUMBER),
        read_J=maybe(AMOUNT), read_J_before=maybe(AMOUNT), failed=maybe(TEXT),
    )  # fmt: skip
    lever = {"place": TEXT, "what": TEXT, "tensor": maybe(TEXT)}
    price = record(
        **lever, value=AMOUNT, value_unit=TEXT, step=worth, next=maybe(worth), note=maybe(TEXT)
    )
    turn = record(**lever, unit=TEXT, before=AMOUNT, after=AMOUNT, factor=AMOUNT)
    meeting = record(
        met=TRUTH, changes=listed(turn), others=listed(turn), energy_J=AMOUNT, latency_s=AMOUNT,
        budget=listed(verdict()), looked_at=COUNT, bounded=COUNT, given_up=TRUTH,
    )  # fmt: skip
    table = record(
        schema={"const": PRICES}, workload=TEXT, chip=TEXT, objective=TEXT, tiles=TEXT,
        energy_J=AMOUNT, latency_s=AMOUNT, reach=AMOUNT, searches=COUNT, prices=listed(price),
        smallest_change=maybe(meeting),
    )  # fmt: skip
    return {"$schema": DIALECT, "$id": PRICES, "title": "Prices of a chip by onewatt", **table}


def calibration_schema() -> Schema:
    """Return the JSON Schema of the table that `calibration_json` makes."""
    errors: dict[str, Schema] = {
        "rows": COUNT, "mape": maybe(AMOUNT), "median_ape": maybe(AMOUNT),
        "spearman": maybe({"type": "number", "minimum": -1.000001, "maximum": 1.000001}),
    }  # fmt: skip
    file: dict[str, Schema] = {
        "path": TEXT, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }  # fmt: skip
    coefficient = record(
        name=TEXT, covers=listed(TEXT), value=AMOUNT, low=AMOUNT, high=maybe(AMOUNT),
        unit={"enum": ["x", "W", "J", "s"]}, standard_error=maybe(AMOUNT),
        stated={"type": "object", "additionalProperties": TEXT},
    )  # fmt: skip
    row = {"line": COUNT, "workload": TEXT, "batch": COUNT}
    fitted = record(**row, measured=AMOUNT, predicted=AMOUNT, left_out=maybe(AMOUNT))
    side = record(
        coefficients=listed(coefficient), prior=TRUTH, spread=maybe(AMOUNT),
        fit=record(**errors), leave_one_network_out=maybe(record(**errors)),
        refused=listed(record(name=TEXT, why=TEXT)), rows=listed(fitted),
    )  # fmt: skip
    checked = record(
        **row, energy_J=maybe(AMOUNT), predicted_energy_J=AMOUNT, latency_s=maybe(AMOUNT),
        predicted_latency_s=AMOUNT,
    )  # fmt: skip
    table = record(
        schema={"const": CALIBRATION}, base=TEXT, chip=TEXT,
        objective={"enum": list(get_args(Objective))},
        table=record(**file, rows=COUNT, networks=listed(TEXT)), settled=TRUTH,
        energy=maybe(side), latency=maybe(side),
        versions={"type": "object", "additionalProperties": TEXT},
    )  # fmt: skip
    # what --against adds
    table["properties"]["against"] = record(
        table=record(**file), **errors, energy=record(**errors), latency=record(**errors),
        fitted_rows_dropped=COUNT, predictions=listed(checked),
    )  # fmt: skip
    return {"$schema": DIALECT, "$id": CALIBRATION, "title": "A calibration by onewatt", **table}
