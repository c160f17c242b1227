"""Timeloop's lists of loops: factors such as ``C=4 M=8`` and permutations such as ``PRK``."""

# PyYAML carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from onewatt.errors import unknown
from onewatt.importers.timeloop.source import Source, empty

_FACTOR = re.compile(
    r"(?P<rank>[A-Za-z_]\w*?)\s*(?P<sign><=|>=|=)?\s*(?P<count>\d{1,15})(?:,(?P<last>\d{1,15}))?"
    r"(?=[\s,]|$)"
)


class Factor(NamedTuple):
    """How often a rank loops: `trips` times, `last` times where the rank ends; 0 is what is left.

    `sign` is ``=``, or in constraints ``<=`` or ``>=``.
    """

    rank: str
    sign: str
    trips: int
    last: int | None


def factors(source: Source, node: yaml.Node | None, ranks: list[str]) -> list[Factor]:
    """Return the factors of a text or list; every rank at most once."""
    if node is None or empty(node):
        return []
    if isinstance(node, yaml.ScalarNode):
        return _from_text(source, node, node.value, ranks)
    found: list[Factor] = []
    for item in source.items(node, "factors"):
        found += _from_text(source, item, source.text(item, "factor"), ranks)
    _check_once(source, node, found)
    return found


def _from_text(source: Source, node: yaml.Node, text: str, ranks: list[str]) -> list[Factor]:
    found: list[Factor] = []
    position = 0
    while rest := text[position:].lstrip(" \t\n,"):
        position = len(text) - len(rest)
        match = _FACTOR.match(text, position)
        if match is None:
            source.fail(node, f"found {rest.split()[0]!r} among factors; expected RANK=NUMBER")
        if match["rank"] not in ranks:
            source.fail(node, unknown("rank", match["rank"], ranks))
        last = int(match["last"]) if match["last"] else None
        count = int(match["count"])
        if last is not None and not 1 <= last <= count:
            source.fail(node, f"found {match[0]!r}; expected a remainder from 1 to the factor")
        found.append(Factor(match["rank"], match["sign"] or "=", count, last))
        position = match.end()
    _check_once(source, node, found)
    return found


def _check_once(source: Source, node: yaml.Node, found: list[Factor]) -> None:
    names = [f.rank for f in found]
    for name in names:
        if names.count(name) > 1:
            source.fail(node, f"found a factor of rank {name!r} twice; expected it once")


def permutation(source: Source, node: yaml.Node | None, ranks: list[str]) -> list[str]:
    """Return the ranks of a permutation, innermost first as Timeloop writes them."""
    if node is None or empty(node):
        return []
    if isinstance(node, yaml.ScalarNode):
        text = node.value
        found = re.split(r"[\s,]+", text.strip()) if re.search(r"[\s,]", text) else [text]
        if len(found) == 1 and text not in ranks:
            found = list(text)
    else:
        found = [source.text(n, "permutation") for n in source.items(node, "permutation")]
    for name in found:
        if name not in ranks:
            source.fail(node, unknown("rank", name, ranks))
        if found.count(name) > 1:
            source.fail(node, f"found rank {name!r} twice in a permutation; expected it once")
    return found
