"""JSON Schemas of what onewatt reads and writes, for editors and for checks."""

from __future__ import annotations

from typing import get_args

import msgspec

from onewatt.diagnose.eyexam import STEPS
from onewatt.errors import InputError, unknown
from onewatt.report.exam_tables import FLEXIBILITY_SCHEMA
from onewatt.report.exam_tables import SCHEMA as EXAM
from onewatt.report.schema_more import (
    calibration_schema,
    comparison_schema,
    device_schema,
    prices_schema,
)
from onewatt.report.schema_parts import (
    AMOUNT,
    COUNT,
    DIALECT,
    SHARE,
    TEXT,
    Schema,
    listed,
    maybe,
    record,
    verdict,
)
from onewatt.report.simulated import SCHEMA as SIMULATION
from onewatt.report.tables import SCHEMA
from onewatt.spec.files import KINDS
from onewatt.spec.front import SCHEMA as FRONT
from onewatt.spec.front import Front
from onewatt.spec.result import Convention, Objective
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.schema import json_schema


def schema(kind: str) -> Schema:
    """Return the JSON Schema of a kind of file.

    Raises
    ------
    InputError
        If there is no such kind.
    """
    tables = {
        "result": result_schema, "front": front_schema, "eyexam": exam_schema,
        "flexibility": flexibility_schema, "simulation": simulation_schema,
        "device-result": device_schema, "comparison": comparison_schema, "prices": prices_schema,
        "calibration": calibration_schema,
    }  # fmt: skip
    if kind in tables:
        return tables[kind]()
    if kind not in KINDS:
        raise InputError(unknown("kind of file", kind, [*tables, *KINDS]))
    return json_schema(kind)


def result_schema() -> Schema:
    """Return the JSON Schema of the table that `result_json` makes."""
    bound = record(value=AMOUNT, unit={"enum": ["J", "s", "J s"]}, compulsory=maybe(AMOUNT))
    traffic = record(
        component=TEXT, tensor=TEXT, read_words=AMOUNT, write_words=AMOUNT, bytes=AMOUNT,
        energy_J=AMOUNT,
    )  # fmt: skip
    layer = record(
        name=TEXT, op=TEXT, count={"type": "integer", "minimum": 1}, macs=COUNT, cycles=AMOUNT,
        energy_J=AMOUNT, latency_s=AMOUNT, active_pes=COUNT, lower_bound=bound,
        optimal={"type": "boolean"}, gap=maybe({"type": "number", "minimum": 0, "maximum": 1}),
        bottleneck=maybe(TEXT), mapping=maybe(TEXT),
        traffic=listed(traffic),
    )  # fmt: skip
    totals = record(
        macs=COUNT, energy_J=AMOUNT, energy_J_low=AMOUNT, energy_J_high=AMOUNT,
        off_chip_energy_J=AMOUNT, latency_s=AMOUNT, power_W=AMOUNT, edp_Js=AMOUNT,
        area_m2=maybe(AMOUNT), lower_bound=bound, optimal={"type": "boolean"},
    )  # fmt: skip
    shape = record(name=TEXT, shape=listed(COUNT))
    unpriced = record(name=TEXT, op=TEXT, shapes=listed(shape), words=COUNT)
    table = record(
        schema={"const": SCHEMA}, workload=TEXT, chip=TEXT,
        objective={"enum": list(get_args(Objective))}, within_s=maybe(AMOUNT), mapspace=TEXT,
        convention={"enum": list(get_args(Convention))}, seed={"type": "integer"},
        versions={"type": "object", "additionalProperties": TEXT}, sources=_sources(),
        totals=totals, layers=listed(layer), unpriced=listed(unpriced), budget=listed(verdict()),
    )  # fmt: skip
    # a saved result.json is the same table with two more keys, so that it can be drawn again
    table["properties"] |= {"command": TEXT, "result": {"type": "object"}}
    return {"$schema": DIALECT, "$id": SCHEMA, "title": "A result of onewatt", **table}


def front_schema() -> Schema:
    """Return the JSON Schema of a front file, derived from the type that reads it."""
    (table,), parts = msgspec.json.schema_components([Front], ref_template="#/$defs/{name}")
    del table
    main = parts.pop("Front")
    return {
        "$schema": DIALECT,
        "$id": FRONT,
        **main,
        "title": "A front of onewatt",
        "$defs": parts,
    }


def exam_schema() -> Schema:
    """Return the JSON Schema of the table that `exam_json` makes."""
    step = record(
        name={"enum": list(STEPS)}, bound=AMOUNT, cycles=AMOUNT, loss=AMOUNT, lost=AMOUNT,
        cause=TEXT, knob=maybe(TEXT),
    )  # fmt: skip
    delivery = record(
        component=TEXT, tensor=TEXT, port=TEXT, words=AMOUNT, words_per_cycle=AMOUNT,
        instances=COUNT, cycles=AMOUNT,
    )  # fmt: skip
    slope = record(
        component=TEXT, port=TEXT, tensors=listed(TEXT), words_per_cycle=AMOUNT,
        macs_per_word=AMOUNT, bound=AMOUNT,
    )  # fmt: skip
    layer = record(
        name=TEXT, op=TEXT, count=COUNT, macs=COUNT, cycles=AMOUNT, peak=AMOUNT,
        active=AMOUNT, spatial=SHARE, temporal=SHARE, chosen=AMOUNT, bottleneck=TEXT,
        measured={"type": "boolean"}, steps=listed(step), deliveries=listed(delivery),
        slopes=listed(slope),
    )  # fmt: skip
    table = record(
        schema={"const": EXAM}, workload=TEXT, chip=TEXT, objective=TEXT, cycles=AMOUNT,
        causes=listed(record(name=TEXT, cycles=AMOUNT, share=SHARE)), layers=listed(layer),
        left=listed(TEXT),
    )  # fmt: skip
    return {"$schema": DIALECT, "$id": EXAM, "title": "An exam of onewatt", **table}


def flexibility_schema() -> Schema:
    """Return the JSON Schema of the table that `flexibility_json` makes."""
    layer = record(name=TEXT, count=COUNT, array=SHARE, kept=SHARE, limit=TEXT)
    row = record(
        chip=TEXT, network=TEXT, stress=TEXT, worst=SHARE, worst_layer=TEXT, limit=TEXT,
        mean=SHARE, array_mean=SHARE, whole=SHARE, layers=listed(layer),
    )  # fmt: skip
    table = record(schema={"const": FLEXIBILITY_SCHEMA}, rows=listed(row))
    return {
        "$schema": DIALECT, "$id": FLEXIBILITY_SCHEMA, "title": "Flexibility by onewatt", **table,
    }  # fmt: skip


def simulation_schema() -> Schema:
    """Return the JSON Schema of the table that `simulated_json` makes."""
    output = record(
        shape={"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 4,
               "maxItems": 4},
        sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"},
    )  # fmt: skip
    cycles = record(name=TEXT, machine=COUNT, model=AMOUNT, note=TEXT)
    count = record(component=TEXT, action=TEXT, machine=COUNT, model=maybe(AMOUNT), note=TEXT)
    parts = "".join(f" {name}[0-9]+" for name in RowStationary.__struct_fields__).lstrip()
    table = record(
        schema={"const": SIMULATION}, layer=TEXT, chip=TEXT,
        mapping={"type": "string", "pattern": f"^{parts}$"}, output=output, passes=COUNT,
        active_pes=COUNT, gated=SHARE, cycles=listed(cycles), counts=listed(count),
    )  # fmt: skip
    return {"$schema": DIALECT, "$id": SIMULATION, "title": "A simulation by onewatt", **table}


def _sources() -> Schema:
    price = record(
        component=TEXT, action=TEXT, energy_J=AMOUNT, low_J=AMOUNT, high_J=AMOUNT, source=TEXT
    )
    area = record(component=TEXT, area_m2=AMOUNT, source=TEXT)
    return record(
        workload=TEXT, chip=TEXT, dataflow=record(name=TEXT, source=TEXT),
        prices=listed(price), areas=listed(area),
    )  # fmt: skip
