"""Readers: YAML as values of a type; the types are the grammar, every refusal names its place.

A quantity carries its unit.  Nothing is evaluated or constructed from tags, and anchors are
refused, because a small file with nested anchors describes a gigantic one.
"""

# PyYAML carries no types, and reading a noun of any type is what this module is for.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import typing
from typing import Any, NoReturn, get_args, get_origin

import msgspec
import yaml

from onewatt.errors import InputError, InsideError, OnewattError, unknown
from onewatt.spec.architecture import (
    ActionEnergy,
    Axis,
    Compute,
    Container,
    Memory,
    Network,
    Share,
)
from onewatt.spec.device import Fitted, Part
from onewatt.spec.mapping import Spatial, Storage, Temporal
from onewatt.spec.places import find
from onewatt.spec.shape import hints_of, is_struct, members_of, tag_of, unwrap
from onewatt.spec.study import Assignment, Knob, Setting
from onewatt.spec.workload import Rank
from onewatt.spec.zeros import Measured, Structured
from onewatt.units import parse_quantity

#: ``memory: GLB`` instead of ``kind: memory`` and ``name: GLB``.
HEADS: dict[type, str] = {
    Memory: "name",
    Network: "name",
    Container: "name",
    Compute: "name",
    Temporal: "rank",
    Spatial: "rank",
    Storage: "memory",
    Structured: "kept",
    Measured: "words",
}

#: Lists that a file may write as a mapping: ``{N: 1, M: 96}``; key field and value field.
KEYED: dict[type, tuple[str, str]] = {
    Rank: ("name", "size"),
    Axis: ("name", "size"),
    Share: ("tensor", "capacity"),
    ActionEnergy: ("action", "energy"),
    Knob: ("path", "values"),
    Setting: ("name", "fields"),
    Assignment: ("path", "value"),
    Fitted: ("name", "chip"),
    Part: ("name", "power"),
}

_DEEPEST = 64
#: Characters of YAML that are read; a million take seconds.
_LARGEST = 16 * 10**6


def compose(text: str, name: str) -> yaml.Node:
    """Return the root node of YAML text: plain, without anchors or aliases, not deep, not huge."""
    if len(text) > _LARGEST:
        raise InputError(
            f"{name}: holds {len(text) / 1e6:.3g} million characters; expected at most "
            f"{_LARGEST // 10**6} million of YAML; is this the file that was meant?"
        )
    try:
        depth = 0
        events: Any = yaml.parse(text, Loader=yaml.SafeLoader)
        for event in events:
            anchored = isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None)
            if anchored:
                mark = event.start_mark
                raise InputError(
                    f"{name}:{mark.line + 1}:{mark.column + 1}: found an anchor or alias; expected "
                    "plain YAML, write the content out"
                )
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                mark = event.start_mark
                raise InputError(
                    f"{name}:{mark.line + 1}:{mark.column + 1}: nested deeper than {_DEEPEST} "
                    "levels; expected a flatter file"
                )
        root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise InputError(f"{name}{at}: not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{name}: not valid YAML: {error}") from error
    if root is None:
        raise InputError(f"{name}: is empty")
    return root


class Reader:
    """Reads YAML nodes as values of a type."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, node: yaml.Node, message: str) -> NoReturn:
        """Refuse a node, naming its place."""
        mark = node.start_mark
        raise InputError(f"{self.name}:{mark.line + 1}:{mark.column + 1}: {message}")

    def without_schema(self, root: yaml.MappingNode, kind: str) -> yaml.MappingNode:
        """Check the ``schema:`` line and drop it."""
        kept = [(k, v) for k, v in root.value if k.value != "schema"]
        for key, value in root.value:
            if key.value == "schema" and value.value != f"onewatt/{kind}/1":
                self.fail(value, f"found schema {_found(value)}; expected 'onewatt/{kind}/1'")
        return yaml.MappingNode(root.tag, kept, root.start_mark, root.end_mark)

    def read(self, kind: Any, node: yaml.Node) -> Any:
        """Return the value of a type that a node states."""
        kind, unit = unwrap(kind)
        members = members_of(kind)
        if type(None) in members and _is_null(node):
            return None
        if unit is not None:
            return self.quantity(node, unit, whole=int in members)
        members = [m for m in members if m is not type(None)]
        structs = [m for m in members if is_struct(m)]
        if structs:
            return self.struct(structs, node)
        (member,) = members
        if get_origin(member) is tuple:
            return self.sequence(get_args(member)[0], node)
        return self.scalar(member, node)

    def quantity(self, node: yaml.Node, unit: str, *, whole: bool) -> float | int:
        """Return a quantity in SI."""
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, "found a list or mapping; expected a quantity with its unit")
        try:
            plain = _number(node.value) if node.tag.endswith((":int", ":float")) else None
            value = parse_quantity(node.value if plain is None else plain, unit)
        except OnewattError as error:
            self.fail(node, str(error))
        if whole and value != int(value):
            self.fail(node, f"found {node.value!r}, which is not a whole number of {unit}")
        if value < 0:
            self.fail(node, f"found {node.value!r}; expected a quantity of at least 0")
        return int(value) if whole else value

    def scalar(self, kind: Any, node: yaml.Node) -> Any:
        """Return a string, number, boolean or one of a few words."""
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, f"found a list or mapping; expected {_name(kind)}")
        text, tag = node.value, node.tag.rsplit(":", 1)[-1]
        if get_origin(kind) is typing.Literal:
            choices = {str(c): c for c in get_args(kind)}
            if text not in choices:
                self.fail(node, unknown("value", text, choices))
            return choices[text]
        if kind is str and tag != "null":
            return text
        number = _number(text) if tag in {"int", "float"} else None
        if kind is int and tag == "int" and isinstance(number, int):
            return number
        if kind is float and isinstance(number, (int, float)) and number - number == 0:
            return float(number)
        if kind is bool and tag == "bool":
            return text.lower() in {"true", "yes", "on"}
        self.fail(node, f"found {text!r}; expected {_name(kind)}")

    def sequence(self, item: Any, node: yaml.Node) -> tuple[Any, ...]:
        """Return a tuple from a list, or from a mapping where the item type is keyed."""
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.read(item, child) for child in node.value)
        bare, _ = unwrap(item)
        if isinstance(node, yaml.MappingNode) and bare in KEYED:
            return tuple(self.keyed(bare, k, v) for k, v in self.pairs(node))
        if isinstance(node, yaml.ScalarNode) and bare is str and not _is_null(node):
            return (node.value,)
        self.fail(node, f"found {_found(node)}; expected a list of {_name(bare)}")

    def keyed(self, kind: Any, key: yaml.ScalarNode, value: yaml.Node) -> Any:
        """Return one item of a list that a file writes as a mapping."""
        key_field, value_field = KEYED[kind]
        if isinstance(value, yaml.MappingNode) and not _is_keyed(kind, value_field):
            items = value.value
        else:
            items = [(yaml.ScalarNode(key.tag, value_field, key.start_mark), value)]
        head = (yaml.ScalarNode(key.tag, key_field, key.start_mark, key.end_mark), key)
        tag = "tag:yaml.org,2002:map"
        return self.struct([kind], yaml.MappingNode(tag, [head, *items], key.start_mark))

    def pairs(self, node: yaml.MappingNode) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """Return the entries of a mapping; a key that is no word or comes twice is refused."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.fail(key, "found a list or mapping as a key; expected a word")
            if key.value in seen:
                self.fail(key, f"found key {key.value!r} twice")
            seen.add(key.value)
        return node.value

    def struct(self, kinds: list[Any], node: yaml.Node) -> Any:
        """Return a noun; among several, the head key (``memory: GLB``) decides."""
        if len(kinds) == 1 and isinstance(node, yaml.ScalarNode) and hasattr(kinds[0], "parse"):
            try:
                return kinds[0].parse(node.value)
            except OnewattError as error:
                self.fail(node, str(error))
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"found {_found(node)}; expected {' or '.join(map(_name, kinds))}")
        pairs = self.pairs(node)
        kind, pairs = self.choose(kinds, node, pairs)
        fields = {f.name: f for f in msgspec.structs.fields(kind)}
        hints = hints_of(kind)
        values: dict[str, Any] = {}
        for key, value in pairs:
            if key.value not in fields:
                self.fail(key, unknown(f"key of {_name(kind)}", key.value, _keys(kind)))
            if key.value in values:
                self.fail(key, f"found {key.value!r} twice; its head already states it")
            values[key.value] = self.read(hints[key.value], value)
        for name, field in fields.items():
            if field.required and name not in values:
                self.fail(node, f"{_name(kind)} has no {name!r}, which it needs")
        try:
            return kind(**values)
        except OnewattError as error:
            inside = error.path if isinstance(error, InsideError) else ()
            self.fail(find(node, inside), str(error))

    def choose(
        self, kinds: list[Any], node: yaml.Node, pairs: list[tuple[yaml.ScalarNode, yaml.Node]]
    ) -> tuple[Any, list[tuple[yaml.ScalarNode, yaml.Node]]]:
        """Return the struct a mapping states, with its head key renamed to the field it fills."""
        tags = {tag_of(k): k for k in kinds if k in HEADS}
        for key, _ in pairs:
            if key.value in tags:
                kind = tags[key.value]
                head = yaml.ScalarNode(key.tag, HEADS[kind], key.start_mark, key.end_mark)
                return kind, [(head if k is key else k, v) for k, v in pairs]
        if tags:
            first = pairs[0][0] if pairs else node
            found = first.value if pairs else ""
            self.fail(first, unknown("kind of node", found, tags))
        return kinds[0], pairs


class Snippet(Reader):
    """Reads a text too short for lines and columns to say where in it something is."""

    def fail(self, node: yaml.Node, message: str) -> NoReturn:
        """Refuse a node by the name of the text."""
        del node
        raise InputError(f"{self.name}: {message}")


def _is_keyed(kind: Any, field: str) -> bool:
    """Say whether a field is itself a list that a file writes as a mapping."""
    hint, _ = unwrap(hints_of(kind)[field])
    return any(get_args(m)[0] in KEYED for m in members_of(hint) if get_origin(m) is tuple)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _found(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value)
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text.replace("_", ""))
        except ValueError:
            continue
    return None


def _keys(kind: Any) -> list[str]:
    head = HEADS.get(kind)
    return [tag_of(kind) if f == head else f for f in kind.__struct_fields__]


_NAMES = {str: "a word", int: "a whole number", float: "a number", bool: "true or false"}


def _name(kind: Any) -> str:
    if kind in _NAMES:
        return _NAMES[kind]
    if get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    return getattr(kind, "__name__", str(kind)).lower()
