"""Timeloop's architecture as a row of parts, from a tree of nodes or from a flattened list."""

# PyYAML carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import yaml

from onewatt.errors import unknown
from onewatt.importers.timeloop.source import Fields, Source, empty

Kind = Literal["memory", "array", "compute"]

_LEAF = ("name", "attributes", "spatial", "constraints")
_COMPONENT = (*_LEAF, "class", "subclass", "required_actions", "area_share", "enabled")
_STORAGE = ("dram", "sram", "regfile", "smartbuffer", "storage")
_COMPUTE = ("mac", "compute")
_NETWORKS = ("XY_NoC", "Legacy", "ReductionTree", "SimpleMulticast")
_RANGE = re.compile(r"(?P<name>.*?)\[1\.\.(?P<count>\d{1,9})\]")
_NO_SPARSE = {"sparse_optimizations": "compressed and skipped data are described in a chip file"}
_NO_NETWORK = {
    "networks": "data move free of charge as in Timeloop's examples; add networks to a chip file"
}


class Part(NamedTuple):
    """A memory, an array of what follows, or the compute; `mesh` is the array's X and Y."""

    name: str
    kind: Kind
    node: yaml.Node
    attributes: Fields
    mesh: tuple[int, int] = (1, 1)
    constraints: yaml.Node | None = None
    category: str = ""
    parallel: bool = False


def read_parts(source: Source, node: yaml.Node) -> list[Part]:
    """Return the parts of an ``architecture:`` section, outermost first.

    Raises
    ------
    InputError
        With file:line:column, for what onewatt does not model and for undeclared keys.
    """
    fields = source.fields(node, "architecture", ("version", "nodes", "subtree"))
    source.check_version(fields)
    if "nodes" in fields and "subtree" in fields:
        source.fail(node, "found both 'nodes' and 'subtree' in architecture; expected one of them")
    if "subtree" in fields:
        parts = _flattened(source, fields["subtree"])
    else:
        parts = _tree(source, source.needed(node, fields, "nodes", "architecture"), {})
    names = [p.name for p in parts]
    for part in parts:
        if names.count(part.name) > 1:
            source.fail(part.node, f"found two nodes named {part.name!r} in the architecture")
    return parts


def _tree(source: Source, node: yaml.Node, inherited: Fields, parallel: bool = False) -> list[Part]:
    parts: list[Part] = []
    inherited = dict(inherited)
    for entry in source.items(node, "nodes"):
        if entry.tag in ("!Hierarchical", "!Parallel"):
            fields = source.fields(entry, f"{entry.tag} node", ("nodes",))
            if parallel:
                source.refuse(entry, f"{entry.tag} inside !Parallel", "branches of one memory only")
            inner = source.needed(entry, fields, "nodes", f"{entry.tag} node")
            parts += _tree(source, inner, inherited, entry.tag == "!Parallel")
        elif entry.tag == "!Container":
            if parallel:
                source.refuse(entry, "!Container inside !Parallel", "branches of one memory only")
            parts += _container(source, entry, inherited)
        elif entry.tag == "!Component":
            parts += _component(source, entry, inherited, parallel)
        elif entry.tag == "!Nothing":
            source.fields(entry, "!Nothing node", ("name", "class", "constraints"))
        elif entry.tag == "!Pipelined":
            source.refuse(entry, "node !Pipelined", "stages work one after another here")
        else:
            source.fail(entry, "found a node without tag; expected !Component or !Container")
    return parts


def _container(source: Source, entry: yaml.Node, inherited: Fields) -> list[Part]:
    """Return the array a container makes, if it is one; what it states holds for all inside."""
    fields = source.fields(entry, "container", _LEAF, {**_NO_SPARSE, **_NO_NETWORK})
    name = source.name_of(source.needed(entry, fields, "name", "container"), "name")
    stated = fields.get("attributes")
    if stated is not None and not empty(stated):
        if not isinstance(stated, yaml.MappingNode):
            source.fail(stated, "found no mapping as attributes; expected one")
        inherited.update({k.value: v for k, v in source.reader.pairs(stated)})
    if "spatial" not in fields:
        if "constraints" in fields:
            source.refuse(entry, f"a constraint on {name!r}", "it is no array of instances")
        return []
    mesh = _mesh(source, fields["spatial"])
    return [Part(name, "array", entry, {}, mesh, fields.get("constraints"))]


def _component(source: Source, entry: yaml.Node, inherited: Fields, parallel: bool) -> list[Part]:
    fields = source.fields(entry, "component", _COMPONENT, _NO_SPARSE)
    name = source.name_of(source.needed(entry, fields, "name", "component"), "name")
    kind, category = _kind(source, entry, fields)
    own = source.fields(fields.get("attributes"), f"attributes of {name!r}", _Anything())
    part = Part(
        name, kind, entry, {**inherited, **own}, (1, 1), fields.get("constraints"), category,
        parallel,
    )  # fmt: skip
    mesh = _mesh(source, fields["spatial"]) if "spatial" in fields else (1, 1)
    if mesh == (1, 1):
        return [part]
    if parallel:
        source.refuse(entry, "'spatial' inside !Parallel", "branches of one memory only")
    return [Part(f"inter_{name}_spatial", "array", entry, {}, mesh), part]


class _Anything(tuple[str, ...]):
    """Declares every key: attributes are checked where the kind of the part is known."""

    def __contains__(self, _: object) -> bool:
        return True


def _mesh(source: Source, node: yaml.Node) -> tuple[int, int]:
    fields = source.fields(node, "spatial", ("meshX", "meshY"))
    x, y = (source.whole(fields[k], k) if k in fields else 1 for k in ("meshX", "meshY"))
    return x, y


def _kind(source: Source, entry: yaml.Node, fields: Fields) -> tuple[Kind, str]:
    node = source.needed(entry, fields, "class", "component")
    if "enabled" in fields and source.text(fields["enabled"], "enabled").lower() != "true":
        source.refuse(fields["enabled"], "'enabled' other than true", "remove the component")
    text = source.text(node, "class")
    if text in _NETWORKS:
        source.refuse(node, f"class {text!r}", "add networks to a chip file")
    more = source.text(fields["subclass"], "subclass") if "subclass" in fields else ""
    category = f"{text} {more}".lower()
    if text == "dummy_storage":
        return "array", category
    if any(word in text.lower() for word in _COMPUTE):
        return "compute", category
    if any(word in text.lower() for word in _STORAGE):
        return "memory", category
    source.fail(node, unknown("class", text, (*_STORAGE, *_COMPUTE)))


def _flattened(source: Source, node: yaml.Node) -> list[Part]:
    """Return the parts of what Timeloop's front end writes: ``name[1..N]`` with total meshes.

    The instances of a level over those of the level before are the array between them, which
    Timeloop names by the dummy storage there.
    """
    trees = source.items(node, "subtree")
    if len(trees) != 1:
        source.refuse(node, f"a subtree of {len(trees)} entries", "expected exactly one")
    tree = source.fields(
        trees[0], "subtree", ("name", "attributes", "local"),
        {"subtree": "flatten the architecture"},
    )  # fmt: skip
    inherited = source.fields(tree.get("attributes"), "attributes", _Anything())
    source.check_version(inherited)
    inherited.pop("version", None)
    parts: list[Part] = []
    have = (1, 1)
    for entry in source.items(tree.get("local"), "local"):
        fields = source.fields(
            entry, "component", ("name", "class", "subclass", "attributes", "required_actions",
                                 "enabled", "area_share")
        )  # fmt: skip
        part, mesh = _ranged(source, entry, fields, inherited)
        if mesh[0] % have[0] or mesh[1] % have[1]:
            source.fail(entry, f"found mesh {mesh} inside mesh {have}; expected a multiple")
        between = mesh[0] // have[0], mesh[1] // have[1]
        if between != (1, 1):
            if parts and parts[-1].kind == "array" and parts[-1].mesh == (1, 1):
                parts[-1] = parts[-1]._replace(mesh=between)
            else:
                parts.append(Part(f"inter_{part.name}_spatial", "array", entry, {}, between))
        have = mesh
        parts.append(part)
    return parts


def _ranged(
    source: Source, entry: yaml.Node, fields: Fields, inherited: Fields
) -> tuple[Part, tuple[int, int]]:
    node = source.needed(entry, fields, "name", "component")
    match = _RANGE.fullmatch(source.text(node, "name"))
    if match is None:
        source.fail(node, f"found {source.text(node, 'name')!r}; expected NAME[1..COUNT]")
    kind, category = _kind(source, entry, fields)
    own = source.fields(fields.get("attributes"), "attributes", _Anything())
    x, y = (source.whole(own[k], k) if k in own else 1 for k in ("meshX", "meshY"))
    if x * y != int(match["count"]):
        source.fail(node, f"found {match['count']} instances on a mesh of {x} x {y}")
    attributes = {} if kind == "array" else {**inherited, **own}
    return Part(match["name"], kind, entry, attributes, (1, 1), None, category), (x, y)
