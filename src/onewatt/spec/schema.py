"""JSON Schemas of onewatt's files, derived from the same types that read them.

An editor that knows the schema completes keys and marks mistakes while a file is written.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Literal, get_args, get_origin

import msgspec

from onewatt.errors import InputError, unknown
from onewatt.spec.files import KINDS
from onewatt.spec.reader import HEADS, KEYED
from onewatt.spec.shape import hints_of, is_struct, members_of, tag_of, unwrap
from onewatt.units import DIMENSIONS

Schema = dict[str, Any]

_NUMBER = r"\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_SCALARS: dict[Any, Schema] = {
    str: {"type": ["string", "number", "boolean"]},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}


def json_schema(kind: str) -> Schema:
    """Return the JSON Schema of a kind of file.

    Parameters
    ----------
    kind : str
        ``chip``, ``workload`` or ``mapping``.

    Returns
    -------
    dict
        A schema of draft 2020-12.  It describes every form that `onewatt.spec.files.loads`
        reads, the short ones included; a quantity is a string with a number and a unit [unit of
        its dimension].  What no schema can say (names used twice, a chip without a MAC) only
        loading finds.

    Raises
    ------
    InputError
        If there is no such kind of file.

    Examples
    --------
    >>> json_schema("chip")["$defs"]["Axis"]["required"]
    ['name', 'size']
    """
    if kind not in KINDS:
        raise InputError(unknown("kind of file", kind, KINDS))
    definitions: dict[str, Schema] = {}
    body = _struct(KINDS[kind], definitions)
    del definitions[KINDS[kind].__name__]
    main = body.pop("$self")
    main["properties"] = {"schema": {"const": f"onewatt/{kind}/1"}, **main["properties"]}
    text = _text_form(KINDS[kind])
    top: Schema = {"anyOf": [text, main]} if text else main
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"onewatt/{kind}/1",
        "title": f"onewatt {kind}",
        **top,
        "$defs": dict(sorted(definitions.items())),
    }


def _of(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a value of a type."""
    kind, unit = unwrap(kind)
    members = members_of(kind)
    options: list[Schema] = [{"type": "null"}] if type(None) in members else []
    if unit is not None:
        return _any([_quantity(unit), *options])
    members = [m for m in members if m is not type(None)]
    for member in members:
        if is_struct(member):
            options.append({"$ref": _refer(member, definitions)})
            options += [form] if len(members) == 1 and (form := _text_form(member)) else []
        elif get_origin(member) is tuple:
            options += _sequence(get_args(member)[0], definitions)
        elif get_origin(member) is Literal:
            options.append({"enum": list(get_args(member))})
        else:
            options.append(dict(_SCALARS[member]))
    return _any(options)


def _any(options: list[Schema]) -> Schema:
    return options[0] if len(options) == 1 else {"anyOf": options}


def _quantity(unit: str) -> Schema:
    dimension = DIMENSIONS[unit]
    units = "|".join(re.escape(u) for u in sorted(dimension.table, key=len, reverse=True))
    return {
        "type": "string",
        "pattern": rf"^\s*{_NUMBER}\s*({units})\s*$",
        "description": f"{dimension.what} with its unit, such as '{dimension.example}'",
        "examples": [dimension.example],
    }


def _text_form(kind: Any) -> Schema | None:
    """Return the schema of a noun that may be written as one line of text, such as ``4P+R``."""
    return {"type": "string", "description": _about(kind.parse)} if hasattr(kind, "parse") else None


def _sequence(item: Any, definitions: dict[str, Schema]) -> list[Schema]:
    options: list[Schema] = [{"type": "array", "items": _of(item, definitions)}]
    bare, _ = unwrap(item)
    if bare is str:
        options.append(dict(_SCALARS[str]))
    if bare in KEYED:
        options.append(_keyed(bare, definitions))
    return options


def _keyed(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a list that is written as a mapping, such as ``{N: 1, M: 96}``."""
    key, value = KEYED[kind]
    _refer(kind, definitions)
    whole = definitions[kind.__name__]
    rest = {k: v for k, v in whole["properties"].items() if k != key}
    required = [r for r in whole["required"] if r != key]
    entry: Schema = {
        "type": "object",
        "properties": rest,
        "required": required,
        "additionalProperties": False,
    }
    form: Schema = {"type": "object", "additionalProperties": _any([rest[value], entry])}
    if "enum" in whole["properties"][key]:
        form["propertyNames"] = whole["properties"][key]
    return form


def _refer(kind: Any, definitions: dict[str, Schema]) -> str:
    if kind.__name__ not in definitions:
        _struct(kind, definitions)
    return f"#/$defs/{kind.__name__}"


def _struct(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """Define a noun; its head key (``memory: GLB``) stands in place of the field it fills."""
    definitions[kind.__name__] = {}  # a noun that holds itself refers to this
    hints, head = hints_of(kind), HEADS.get(kind)
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for field in msgspec.structs.fields(kind):
        key = tag_of(kind) if field.name == head else field.name
        properties[key] = _of(hints[field.name], definitions)
        required += [key] if field.required else []
    schema: Schema = {
        "type": "object",
        "description": _about(kind),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    definitions[kind.__name__] = schema
    return {"$self": dict(schema)}


def _about(thing: Any) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
