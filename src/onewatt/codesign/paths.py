"""Paths: any field of a chip by name, such as ``GLB.capacity`` or ``PE.fanout.Y``."""

# The fields of nouns are read by their names, so their types are known only at run time.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from onewatt.errors import InputError, nearest
from onewatt.spec.architecture import Architecture, Container
from onewatt.spec.reader import KEYED, Snippet, compose
from onewatt.spec.shape import hints_of, is_struct, members_of, unwrap

#: Lists whose items have a name although a file writes them as a list.
_NAMES: dict[str, str] = {"Limit": "where", "SparseFeature": "tensor"}


class Field(NamedTuple):
    """A field of a chip: where it is, what type it has and what it says now."""

    path: str
    keys: tuple[str | int, ...]
    hint: Any
    value: Any


def fields(chip: Architecture) -> dict[str, Field]:
    """Return every field of a chip by its path.

    Parameters
    ----------
    chip : Architecture
        The chip.

    Returns
    -------
    dict
        Fields by path.  A node stands by its name, an item of a list by its name or its number;
        an axis of an array also directly behind its container (``PE.Y``).

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> found = fields(load_chip("eyeriss"))
    >>> found["GLB.capacity"].value / 8192, found["PE.Y"].value, found["technology.node"].value
    (100.0, 12, 6.5e-08)
    """
    found: dict[str, Field] = {}
    for field in _walk(chip, Architecture, (), ""):
        found.setdefault(field.path, field)
    for node in chip.nodes:
        if isinstance(node, Container):
            for axis in node.fanout:
                long = found[f"{node.name}.fanout.{axis.name}"]
                found.setdefault(f"{node.name}.{axis.name}", long)
    return found


def find(chip: Architecture, path: str, *, where: str = "") -> Field:
    """Return the field at a path.

    Raises
    ------
    InputError
        If there is none, with the nearest there is.
    """
    known = fields(chip)
    if path in known:
        return known[path]
    raise InputError(
        f"{where}chip {chip.name!r} has no field {path!r}.{nearest(path, known)} "
        "A path is a node and its field, such as 'GLB.capacity', or a field of the chip, such as "
        "'clock'"
    )


def read_value(field: Field, text: str, *, where: str) -> Any:
    """Return the value of a field that a text states, in the words of chip files.

    Raises
    ------
    InputError
        If the field cannot take it.
    """
    reader = Snippet(f"{where}value {text!r}")
    return reader.read(field.hint, compose(text, reader.name))


def with_values(chip: Architecture, values: Mapping[tuple[str | int, ...], Any]) -> Architecture:
    """Return a chip with other values at some fields, given by the keys of their `Field`.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> chip = load_chip("eyeriss")
    >>> wide = with_values(chip, {find(chip, "PE.X").keys: 28})
    >>> wide.pes
    336
    """
    return _replaced(chip, dict(values)) if values else chip


def _walk(value: Any, hint: Any, keys: tuple[str | int, ...], path: str) -> Iterator[Field]:
    """Yield a field and what is inside it."""
    if keys:
        yield Field(path, keys, hint, value)
    dot = f"{path}." if path else ""
    if isinstance(value, msgspec.Struct):
        hints = hints_of(type(value))
        for name in value.__struct_fields__:
            if isinstance(value, Architecture) and name == "nodes":
                for i, node in enumerate(value.nodes):
                    yield from _inside(node, (*keys, name, i), f"{dot}{node.name}")
            else:
                yield from _walk(getattr(value, name), hints[name], (*keys, name), f"{dot}{name}")
    elif isinstance(value, tuple):
        yield from _items(value, hint, keys, dot)


def _inside(node: Any, keys: tuple[str | int, ...], path: str) -> Iterator[Field]:
    """Yield what is inside a node; a whole node is no field."""
    hints = hints_of(type(node))
    for name in node.__struct_fields__:
        yield from _walk(getattr(node, name), hints[name], (*keys, name), f"{path}.{name}")


def _items(
    value: tuple[Any, ...], hint: Any, keys: tuple[str | int, ...], dot: str
) -> Iterator[Field]:
    bare, _ = unwrap(hint)
    of_items = next((get_args(m)[0] for m in members_of(bare) if get_origin(m) is tuple), None)
    item, _ = unwrap(of_items)
    if not is_struct(item):
        return  # a list of words is one value
    name = KEYED[item][0] if item in KEYED else _NAMES.get(item.__name__)
    for i, child in enumerate(value):
        inner = f"{dot}{getattr(child, name) if name else i}"
        if item in KEYED:  # the path of ``{Y: 12}`` is that of the number
            field = KEYED[item][1]
            hints = hints_of(item)
            yield Field(inner, (*keys, i, field), hints[field], getattr(child, field))
        yield from _inside(child, (*keys, i), inner)


def _replaced(value: Any, values: dict[tuple[str | int, ...], Any]) -> Any:
    """Return a noun or list with new values inside, each part replaced once."""
    if () in values:
        return values[()]
    parts: dict[str | int, dict[tuple[str | int, ...], Any]] = {}
    for keys, new in values.items():
        parts.setdefault(keys[0], {})[keys[1:]] = new
    if isinstance(value, tuple):
        return tuple(_replaced(v, parts[i]) if i in parts else v for i, v in enumerate(value))
    return msgspec.structs.replace(
        value, **{str(k): _replaced(getattr(value, str(k)), new) for k, new in parts.items()}
    )
