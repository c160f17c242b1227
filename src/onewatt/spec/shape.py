"""The shape of nouns: what their types say about how a file writes them."""

from __future__ import annotations

import functools
import types
import typing
from typing import Any, get_args, get_origin

import msgspec

from onewatt.spec.types import Unit


@functools.cache
def hints_of(kind: Any) -> dict[str, Any]:
    """Return the types of a noun's fields, with their units."""
    return typing.get_type_hints(kind, include_extras=True)


def unwrap(kind: Any) -> tuple[Any, str | None]:
    """Split an annotated type into the bare type and the unit of its quantity, if any."""
    if get_origin(kind) is typing.Annotated:
        bare, *marks = get_args(kind)
        return bare, next((m.name for m in marks if isinstance(m, Unit)), None)
    if get_origin(kind) in (types.UnionType, typing.Union):
        split = [unwrap(m) for m in get_args(kind)]
        unit = next((u for _, u in split if u), None)
        return typing.Union[tuple(m for m, _ in split)], unit  # noqa: UP007
    return kind, None


def members_of(kind: Any) -> list[Any]:
    """Return the alternatives of a type; one that is no union has itself."""
    return list(get_args(kind)) if get_origin(kind) in (types.UnionType, typing.Union) else [kind]


def is_struct(kind: Any) -> bool:
    """Say whether a type is a noun."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def tag_of(kind: Any) -> str:
    """Return the word that opens a node in a file, such as ``memory``."""
    return str(kind.__struct_config__.tag)
