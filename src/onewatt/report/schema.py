"""JSON Schemas of what onewatt reads and writes, for editors and for checks."""

from __future__ import annotations

from typing import Any, get_args

from onewatt.diagnose.eyexam import STEPS
from onewatt.errors import InputError, unknown
from onewatt.report.device_tables import SCHEMA as DEVICE
from onewatt.report.exam_tables import FLEXIBILITY_SCHEMA
from onewatt.report.exam_tables import SCHEMA as EXAM
from onewatt.report.tables import SCHEMA
from onewatt.spec.budget import BudgetKind
from onewatt.spec.files import KINDS
from onewatt.spec.result import Convention, Objective
from onewatt.spec.schema import json_schema

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_AMOUNT: Schema = {"type": "number", "minimum": 0}
_TRUTH: Schema = {"type": "boolean"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1.000001}


def schema(kind: str) -> Schema:
    """Return the JSON Schema of a kind of file.

    Raises
    ------
    InputError
        If there is no such kind.
    """
    tables = {
        "result": result_schema, "eyexam": exam_schema, "flexibility": flexibility_schema,
        "device-result": device_schema,
    }  # fmt: skip
    if kind in tables:
        return tables[kind]()
    if kind not in KINDS:
        raise InputError(unknown("kind of file", kind, [*tables, *KINDS]))
    return json_schema(kind)


def result_schema() -> Schema:
    """Return the JSON Schema of the table that `result_json` makes."""
    bound = _record(value=_AMOUNT, unit={"enum": ["J", "s", "J s"]}, compulsory=_maybe(_AMOUNT))
    traffic = _record(
        component=_TEXT, tensor=_TEXT, read_words=_AMOUNT, write_words=_AMOUNT, bytes=_AMOUNT,
        energy_J=_AMOUNT,
    )  # fmt: skip
    layer = _record(
        name=_TEXT, op=_TEXT, count={"type": "integer", "minimum": 1}, macs=_COUNT, cycles=_AMOUNT,
        energy_J=_AMOUNT, latency_s=_AMOUNT, active_pes=_COUNT, lower_bound=bound,
        optimal={"type": "boolean"}, gap=_maybe({"type": "number", "minimum": 0, "maximum": 1}),
        bottleneck=_maybe(_TEXT), mapping=_maybe(_TEXT),
        traffic=_list(traffic),
    )  # fmt: skip
    totals = _record(
        macs=_COUNT, energy_J=_AMOUNT, energy_J_low=_AMOUNT, energy_J_high=_AMOUNT,
        off_chip_energy_J=_AMOUNT, latency_s=_AMOUNT, power_W=_AMOUNT, edp_Js=_AMOUNT,
        area_m2=_maybe(_AMOUNT), lower_bound=bound, optimal={"type": "boolean"},
    )  # fmt: skip
    shape = _record(name=_TEXT, shape=_list(_COUNT))
    unpriced = _record(name=_TEXT, op=_TEXT, shapes=_list(shape), words=_COUNT)
    table = _record(
        schema={"const": SCHEMA}, workload=_TEXT, chip=_TEXT,
        objective={"enum": list(get_args(Objective))}, within_s=_maybe(_AMOUNT), mapspace=_TEXT,
        convention={"enum": list(get_args(Convention))}, seed={"type": "integer"},
        versions={"type": "object", "additionalProperties": _TEXT}, sources=_sources(),
        totals=totals, layers=_list(layer), unpriced=_list(unpriced), budget=_list(_verdict()),
    )  # fmt: skip
    # a saved result.json is the same table with two more keys, so that it can be drawn again
    table["properties"] |= {"command": _TEXT, "result": {"type": "object"}}
    return {"$schema": _DIALECT, "$id": SCHEMA, "title": "A result of onewatt", **table}


def exam_schema() -> Schema:
    """Return the JSON Schema of the table that `exam_json` makes."""
    step = _record(
        name={"enum": list(STEPS)}, bound=_AMOUNT, cycles=_AMOUNT, loss=_AMOUNT, lost=_AMOUNT,
        cause=_TEXT, knob=_maybe(_TEXT),
    )  # fmt: skip
    delivery = _record(
        component=_TEXT, tensor=_TEXT, port=_TEXT, words=_AMOUNT, words_per_cycle=_AMOUNT,
        instances=_COUNT, cycles=_AMOUNT,
    )  # fmt: skip
    slope = _record(
        component=_TEXT, port=_TEXT, tensors=_list(_TEXT), words_per_cycle=_AMOUNT,
        macs_per_word=_AMOUNT, bound=_AMOUNT,
    )  # fmt: skip
    layer = _record(
        name=_TEXT, op=_TEXT, count=_COUNT, macs=_COUNT, cycles=_AMOUNT, peak=_AMOUNT,
        active=_AMOUNT, spatial=_SHARE, temporal=_SHARE, chosen=_AMOUNT, bottleneck=_TEXT,
        measured={"type": "boolean"}, steps=_list(step), deliveries=_list(delivery),
        slopes=_list(slope),
    )  # fmt: skip
    table = _record(
        schema={"const": EXAM}, workload=_TEXT, chip=_TEXT, objective=_TEXT, cycles=_AMOUNT,
        causes=_list(_record(name=_TEXT, cycles=_AMOUNT, share=_SHARE)), layers=_list(layer),
        left=_list(_TEXT),
    )  # fmt: skip
    return {"$schema": _DIALECT, "$id": EXAM, "title": "An exam of onewatt", **table}


def flexibility_schema() -> Schema:
    """Return the JSON Schema of the table that `flexibility_json` makes."""
    layer = _record(name=_TEXT, count=_COUNT, array=_SHARE, kept=_SHARE, limit=_TEXT)
    row = _record(
        chip=_TEXT, network=_TEXT, stress=_TEXT, worst=_SHARE, worst_layer=_TEXT, limit=_TEXT,
        mean=_SHARE, array_mean=_SHARE, whole=_SHARE, layers=_list(layer),
    )  # fmt: skip
    table = _record(schema={"const": FLEXIBILITY_SCHEMA}, rows=_list(row))
    return {
        "$schema": _DIALECT, "$id": FLEXIBILITY_SCHEMA, "title": "Flexibility by onewatt", **table,
    }  # fmt: skip


def device_schema() -> Schema:
    """Return the JSON Schema of the table that `device_json` makes."""
    power = {"power_W": _AMOUNT, "power_W_low": _AMOUNT, "power_W_high": _AMOUNT}
    workload = _record(
        name=_TEXT, chip=_TEXT, rate_Hz=_AMOUNT, energy_J=_AMOUNT, latency_s=_AMOUNT, busy=_AMOUNT,
        response_s=_maybe(_AMOUNT), deadline_s=_AMOUNT, met=_TRUTH, power_W=_AMOUNT, optimal=_TRUTH,
    )  # fmt: skip
    chip = _record(
        name=_TEXT, chip=_TEXT, busy=_AMOUNT, keeps_up=_TRUTH, idle_W=_AMOUNT, power_W=_AMOUNT,
        peak_W=_AMOUNT,
    )  # fmt: skip
    part = _record(name=_TEXT, average_W=_AMOUNT, active=_SHARE, source=_TEXT)
    spending = _record(
        kind={"enum": ["workload", "idle", "part", "asleep"]}, name=_TEXT, chip=_maybe(_TEXT),
        level=_maybe(_TEXT), **power,
    )  # fmt: skip
    totals = _record(
        **power, peak_W=_AMOUNT, battery_J=_maybe(_AMOUNT), lasts_s=_maybe(_AMOUNT)
    )  # fmt: skip
    table = _record(
        schema={"const": DEVICE}, device=_TEXT, source=_TEXT, tiles=_TEXT, totals=totals,
        met=_TRUTH, problems=_list(_TEXT), remedies=_list(_remedy()), workloads=_list(workload),
        chips=_list(chip), parts=_list(part), spending=_list(spending), budget=_list(_verdict()),
    )  # fmt: skip
    return {"$schema": _DIALECT, "$id": DEVICE, "title": "A device judged by onewatt", **table}


def _remedy() -> Schema:
    return _record(place=_TEXT, change=_TEXT, factor=_maybe(_AMOUNT), enough=_maybe(_TRUTH))


def _verdict() -> Schema:
    remedy = _remedy()
    return _record(
        kind={"enum": list(get_args(BudgetKind))}, unit=_TEXT, asked=_AMOUNT,
        reached=_maybe(_AMOUNT), met={"type": "boolean"}, factor=_maybe(_AMOUNT),
        floor=_maybe(_AMOUNT), impossible=_maybe(_TEXT), remedies=_list(remedy),
    )  # fmt: skip


def _sources() -> Schema:
    price = _record(
        component=_TEXT, action=_TEXT, energy_J=_AMOUNT, low_J=_AMOUNT, high_J=_AMOUNT, source=_TEXT
    )
    area = _record(component=_TEXT, area_m2=_AMOUNT, source=_TEXT)
    return _record(
        workload=_TEXT, chip=_TEXT, dataflow=_record(name=_TEXT, source=_TEXT),
        prices=_list(price), areas=_list(area),
    )  # fmt: skip


def _record(**fields: Schema) -> Schema:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _maybe(kind: Schema) -> Schema:
    return {"anyOf": [kind, {"type": "null"}]}
