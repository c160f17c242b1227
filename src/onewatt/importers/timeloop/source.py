"""A Timeloop file as places: declared keys, plain values, and refusals that name where.

Nothing is evaluated or constructed: tags are compared, never executed, and expressions, anchors
and aliases are refused.
"""

# PyYAML carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import NoReturn

import yaml

from onewatt.errors import unknown
from onewatt.spec.reader import Reader, compose

Fields = dict[str, yaml.Node]

#: Tags of Timeloop's architecture nodes.
TAGS = ("!Component", "!Container", "!Nothing", "!Parallel", "!Hierarchical", "!Pipelined")

_PLAIN = {f"tag:yaml.org,2002:{k}" for k in ("map", "seq", "str", "int", "float", "bool", "null")}
_NAME = re.compile(r"[A-Za-z_][\w.\-]*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_LARGEST = 2**53


class Source:
    """One file: its root node, and readers that refuse with file:line:column."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.reader = Reader(name)
        self.root = compose(text, name)
        self._check_tags()

    def _check_tags(self) -> None:
        open_nodes: list[yaml.Node] = [self.root]
        while open_nodes:
            node = open_nodes.pop()
            known = TAGS if isinstance(node, yaml.MappingNode) or not node.value else ()
            if node.tag not in _PLAIN and node.tag not in known:
                self.fail(node, unknown("tag", node.tag, TAGS))
            if isinstance(node, yaml.MappingNode):
                open_nodes += [n for pair in node.value for n in pair]
            elif isinstance(node, yaml.SequenceNode):
                open_nodes += node.value

    def fail(self, node: yaml.Node, message: str) -> NoReturn:
        """Refuse a node, naming its place."""
        self.reader.fail(node, message)

    def fields(
        self,
        node: yaml.Node | None,
        what: str,
        declared: Collection[str],
        unmodelled: Mapping[str, str] | None = None,
    ) -> Fields:
        """Return the entries of a mapping; other keys than the declared ones are errors.

        `unmodelled` gives for each declared key that onewatt has no model for the reason; it is
        refused unless its value is empty.
        """
        if node is None or empty(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"found {_found(node)} as {what}; expected a mapping")
        entries: Fields = {}
        for key, value in self.reader.pairs(node):
            if unmodelled and key.value in unmodelled:
                if not empty(value):
                    self.refuse(key, f"key {key.value!r} of {what}", unmodelled[key.value])
            elif key.value not in declared:
                self.fail(key, unknown(f"key of {what}", key.value, declared))
            else:
                entries[key.value] = value
        return entries

    def refuse(self, node: yaml.Node, what: str, reason: str) -> NoReturn:
        """Refuse what Timeloop has and onewatt does not model, by name."""
        self.fail(node, f"{what} is not modelled by onewatt: {reason}")

    def needed(self, node: yaml.Node, fields: Fields, key: str, what: str) -> yaml.Node:
        """Return an entry that must be there."""
        if key not in fields:
            self.fail(node, f"{what} has no {key!r}, which it needs")
        return fields[key]

    def items(self, node: yaml.Node | None, what: str) -> list[yaml.Node]:
        """Return the items of a list; nothing is an empty list."""
        if node is None or empty(node):
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, f"found {_found(node)} as {what}; expected a list")
        return node.value

    def text(self, node: yaml.Node, what: str) -> str:
        """Return a scalar as it is written."""
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, f"found {_found(node)} as {what}; expected a word")
        return node.value

    def name_of(self, node: yaml.Node, what: str) -> str:
        """Return a name of a node, such as ``shared_glb``."""
        text = self.text(node, what)
        if not _NAME.fullmatch(text):
            self.fail(node, f"found {text!r} as {what}; expected letters, digits, '_', '-' and '.'")
        return text

    def word(self, node: yaml.Node, what: str) -> str:
        """Return a name of a rank, such as ``M``."""
        text = self.text(node, what)
        if not _WORD.fullmatch(text):
            self.fail(node, f"found {text!r} as {what}; expected letters, digits and '_'")
        return text

    def words(self, node: yaml.Node | None, what: str) -> list[str]:
        """Return a list of words, written as a list or as one word."""
        if node is not None and isinstance(node, yaml.ScalarNode) and not empty(node):
            return [self.word(node, what)]
        found = [self.word(n, what) for n in self.items(node, what)]
        for name in found:
            if found.count(name) > 1 and node is not None:
                self.fail(node, f"{what} names {name!r} twice")
        return found

    def number(self, node: yaml.Node, what: str) -> float:
        """Return a finite number of at least 0."""
        text = self.text(node, what)
        try:
            value = float(text)
        except ValueError:
            self.fail(
                node, f"found {text!r} as {what}; expected a number (expressions are not evaluated)"
            )
        if not (math.isfinite(value) and 0 <= value <= _LARGEST):
            self.fail(node, f"found {text!r} as {what}; expected a number from 0 to 2^53")
        return value

    def whole(self, node: yaml.Node, what: str, least: int = 1) -> int:
        """Return a whole number."""
        value = self.number(node, what)
        if value != int(value) or value < least:
            found = self.text(node, what)
            self.fail(node, f"found {found!r} as {what}; expected a whole number from {least}")
        return int(value)

    def choice(self, node: yaml.Node, what: str, valid: Collection[str]) -> str:
        """Return one of a few words."""
        text = self.text(node, what)
        if text not in valid:
            self.fail(node, unknown(what, text, valid))
        return text

    def check_version(self, fields: Fields) -> None:
        """Refuse another version than 0.4."""
        if "version" in fields:
            text = self.text(fields["version"], "version")
            if text != "0.4":
                self.fail(
                    fields["version"], f"found version {text!r}; expected '0.4' (Timeloop v4)"
                )


def empty(node: yaml.Node) -> bool:
    """Say whether a node states nothing: null, an empty list, mapping or text."""
    return not node.value or node.tag.endswith(":null")


def _found(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value)
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
