"""What the JSON Schemas of several tables share."""

from __future__ import annotations

from typing import Any, get_args

from onewatt.spec.budget import BudgetKind

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
AMOUNT: Schema = {"type": "number", "minimum": 0}
TRUTH: Schema = {"type": "boolean"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1.000001}


def remedy() -> Schema:
    """Return the schema of what would lift a missed limit."""
    return record(place=TEXT, change=TEXT, factor=maybe(AMOUNT), enough=maybe(TRUTH))


def verdict() -> Schema:
    """Return the schema of a limit and what was reached."""
    return record(
        kind={"enum": list(get_args(BudgetKind))}, unit=TEXT, asked=AMOUNT,
        reached=maybe(AMOUNT), met={"type": "boolean"}, factor=maybe(AMOUNT),
        floor=maybe(AMOUNT), impossible=maybe(TEXT), remedies=listed(remedy()),
    )  # fmt: skip


def record(**fields: Schema) -> Schema:
    """Return the schema of an object with exactly these keys."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def listed(item: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": item}


def maybe(kind: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {"anyOf": [kind, {"type": "null"}]}
