"""JSON Schemas of what onewatt reads and writes, for editors and for checks."""

from __future__ import annotations

import types
import typing
from typing import Any, get_args, get_origin

import msgspec

from onewatt.errors import InputError, unknown
from onewatt.report.tables import SCHEMA
from onewatt.spec.files import HEADS, KEYED, KINDS
from onewatt.spec.result import Convention, Objective
from onewatt.spec.types import Unit
from onewatt.units import DIMENSIONS

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_AMOUNT: Schema = {"type": "number", "minimum": 0}


def schema(kind: str) -> Schema:
    """Return the JSON Schema of a kind of file.

    Raises
    ------
    InputError
        If there is no such kind.
    """
    if kind == "result":
        return result_schema()
    if kind not in KINDS:
        raise InputError(unknown("kind of file", kind, ["result", *KINDS]))
    return file_schema(kind)


def result_schema() -> Schema:
    """Return the JSON Schema of the table that `result_json` makes."""
    bound = _record(value=_AMOUNT, unit={"enum": ["J", "s", "J s"]})
    traffic = _record(
        component=_TEXT, tensor=_TEXT, read_words=_AMOUNT, write_words=_AMOUNT, bytes=_AMOUNT,
        energy_J=_AMOUNT,
    )  # fmt: skip
    layer = _record(
        name=_TEXT, op=_TEXT, count={"type": "integer", "minimum": 1}, macs=_COUNT, cycles=_AMOUNT,
        energy_J=_AMOUNT, latency_s=_AMOUNT, active_pes=_COUNT, lower_bound=bound,
        optimal={"type": "boolean"}, bottleneck=_maybe(_TEXT), mapping=_maybe(_TEXT),
        traffic=_list(traffic),
    )  # fmt: skip
    totals = _record(
        macs=_COUNT, energy_J=_AMOUNT, energy_J_low=_AMOUNT, energy_J_high=_AMOUNT,
        off_chip_energy_J=_AMOUNT, latency_s=_AMOUNT, power_W=_AMOUNT, edp_Js=_AMOUNT,
        area_m2=_maybe(_AMOUNT), lower_bound=bound, optimal={"type": "boolean"},
    )  # fmt: skip
    shape = _record(name=_TEXT, shape=_list(_COUNT))
    unpriced = _record(name=_TEXT, op=_TEXT, shapes=_list(shape), words=_COUNT)
    kinds = ["power", "energy", "latency", "rate", "area", "capacity"]
    verdict = _record(
        kind={"enum": kinds}, unit=_TEXT, asked=_AMOUNT, reached=_maybe(_AMOUNT),
        met={"type": "boolean"},
    )  # fmt: skip
    table = _record(
        schema={"const": SCHEMA}, workload=_TEXT, chip=_TEXT,
        objective={"enum": list(get_args(Objective))}, mapspace=_TEXT,
        convention={"enum": list(get_args(Convention))}, seed={"type": "integer"},
        versions={"type": "object", "additionalProperties": _TEXT}, sources=_sources(),
        totals=totals, layers=_list(layer), unpriced=_list(unpriced), budget=_list(verdict),
    )  # fmt: skip
    return {"$schema": _DIALECT, "$id": SCHEMA, "title": "A result of onewatt", **table}


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


def file_schema(kind: str) -> Schema:
    """Return the JSON Schema of a YAML file: a key of `onewatt.spec.files.KINDS`.

    Notes
    -----
    It describes the file as it is written (quantities with units, ``memory: GLB``), and editors may
    use it.  What only the whole file can break, such as a name used twice, the reader finds.
    """
    made: dict[str, Schema] = {}
    root = KINDS[kind]
    _struct(root, made)
    whole = made.pop(root.__name__)
    properties = {"schema": {"const": f"onewatt/{kind}/1"}, **whole["properties"]}
    return {
        "$schema": _DIALECT, "$id": f"onewatt/{kind}/1", **whole, "properties": properties,
        "$defs": made,
    }  # fmt: skip


def _struct(kind: type[msgspec.Struct], made: dict[str, Schema]) -> Schema:
    """Describe a struct once in `made`; return the reference to it."""
    name = kind.__name__
    if name not in made:
        made[name] = {}
        hints = typing.get_type_hints(kind, include_extras=True)
        head = HEADS.get(kind)
        tag = str(kind.__struct_config__.tag)
        fields = msgspec.structs.fields(kind)
        keys = {f.name: tag if f.name == head else f.name for f in fields}
        made[name] = {
            "type": "object",
            "description": (kind.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip(),
            "properties": {keys[f.name]: _value(hints[f.name], made) for f in fields},
            "required": [keys[f.name] for f in fields if f.required],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


def _value(kind: Any, made: dict[str, Schema]) -> Schema:
    if get_origin(kind) is typing.Annotated:
        return _quantity(next(m for m in get_args(kind)[1:] if isinstance(m, Unit)))
    if get_origin(kind) in (types.UnionType, typing.Union):
        return {"anyOf": [_value(member, made) for member in get_args(kind)]}
    if get_origin(kind) is typing.Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is tuple:
        return _sequence(get_args(kind)[0], made)
    plain = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    if kind in plain:
        return {"type": plain[kind]}
    reference = _struct(kind, made)
    return {"anyOf": [reference, _TEXT]} if hasattr(kind, "parse") else reference


def _quantity(unit: Unit) -> Schema:
    dimension = DIMENSIONS[unit.name]
    return {
        "type": "string",
        "description": f"{dimension.what} with its unit",
        "examples": [dimension.example],
        "pattern": r"^\s*[+]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\S+",
    }


def _sequence(item: Any, made: dict[str, Schema]) -> Schema:
    whole = _list(_value(item, made))
    if item is str:
        return {"anyOf": [whole, _TEXT]}
    if item not in KEYED:
        return whole
    key, value = KEYED[item]
    hint = typing.get_type_hints(item, include_extras=True)[value]
    rest = {"$ref": f"#/$defs/{item.__name__}Keyed"}
    entry = {k: v for k, v in made[item.__name__].items() if k != "required"}
    made[f"{item.__name__}Keyed"] = entry | {
        "properties": {k: v for k, v in entry["properties"].items() if k != key}
    }
    keyed = {
        "type": "object",
        "additionalProperties": {"anyOf": [_value(hint, made), rest]},
    }
    return {"anyOf": [whole, keyed]}
