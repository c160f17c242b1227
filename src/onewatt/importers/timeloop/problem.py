"""Timeloop's problem: a shape with dimensions and data spaces, and an instance with their sizes."""

# PyYAML carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import NamedTuple

import yaml

from onewatt.errors import InputError, unknown
from onewatt.importers.timeloop.source import Fields, Source, empty
from onewatt.spec.workload import (
    INPUTS,
    OUTPUTS,
    WEIGHTS,
    Einsum,
    Index,
    Rank,
    Tensor,
    Term,
)

#: What instances say of the layer besides its sizes: the input plane before and without padding.
_DESCRIPTION = ("H", "W", "Hpad", "Wpad")
_DENSITIES = ("fixed_structured", "hypergeometric")


class Problem(NamedTuple):
    """A layer, and our name of each data space."""

    einsum: Einsum
    names: dict[str, str]


def read_problem(source: Source, node: yaml.Node) -> Problem:
    """Return the layer of a ``problem:`` section.

    Raises
    ------
    InputError
        With file:line:column, if the problem is not a product of two data spaces accumulated in
        a third, a key is not declared, or a coefficient is not one of the shape's.
    """
    fields = source.fields(node, "problem", ("version", "shape", "instance"))
    source.check_version(fields)
    shape_node = source.needed(node, fields, "shape", "problem")
    if isinstance(shape_node, yaml.ScalarNode):
        source.refuse(shape_node, f"shape {shape_node.value!r} by name", "write the shape out")
    shape = source.fields(
        shape_node, "shape", ("name", "dimensions", "data_spaces", "coefficients")
    )
    dimensions = source.words(source.needed(shape_node, shape, "dimensions", "shape"), "dimensions")
    defaults = _coefficients(source, shape)
    instance = source.needed(node, fields, "instance", "problem")
    values, densities = _instance(source, instance, dimensions, defaults)
    for name in dimensions:
        if name not in values:
            source.fail(instance, f"instance has no {name!r}, a dimension of its shape")
    spaces = source.items(source.needed(shape_node, shape, "data_spaces", "shape"), "data_spaces")
    tensors, names = _tensors(source, shape_node, spaces, dimensions, {**defaults, **values})
    for space, share in _densities(source, densities, names).items():
        tensors[names[space]] = _with_density(tensors[names[space]], share)
    title = source.text(shape["name"], "name") if "name" in shape else ""
    try:
        einsum = Einsum(
            name=title or "layer",
            op="einsum",
            ranks=tuple(Rank(name=d, size=values[d]) for d in dimensions),
            inputs=tuple(tensors[t] for t in names.values() if t != OUTPUTS),
            output=tensors[OUTPUTS],
        )
    except InputError as error:
        source.fail(node, str(error))
    return Problem(einsum, names)


def _coefficients(source: Source, shape: Fields) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in source.items(shape.get("coefficients"), "coefficients"):
        fields = source.fields(entry, "coefficient", ("name", "default"))
        name = source.word(source.needed(entry, fields, "name", "coefficient"), "coefficient")
        found[name] = source.whole(fields["default"], "default") if "default" in fields else 1
    return found


def _instance(
    source: Source, node: yaml.Node, dimensions: list[str], coefficients: dict[str, int]
) -> tuple[dict[str, int], yaml.Node | None]:
    """Return sizes and coefficients by name, and the densities.

    Timeloop takes any key, so a stride under another name than the shape's is 1; here it is an
    error.
    """
    declared = [*dimensions, *coefficients, *_DESCRIPTION, "name", "densities"]
    fields = source.fields(node, "instance (its shape declares them)", declared)
    known = {*dimensions, *coefficients}
    values = {k: source.whole(v, k) for k, v in fields.items() if k in known}
    for key in fields.keys() & {*_DESCRIPTION}:
        source.whole(fields[key], key, least=0)
    return values, fields.get("densities")


def _tensors(
    source: Source,
    shape_node: yaml.Node,
    spaces: list[yaml.Node],
    dimensions: list[str],
    coefficients: dict[str, int],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    read: list[str] = []
    written: list[str] = []
    projections: dict[str, tuple[Index, ...]] = {}
    for space in spaces:
        fields = source.fields(space, "data space", ("name", "projection", "read_write"))
        name = source.word(source.needed(space, fields, "name", "data space"), "data space")
        if name in projections:
            source.fail(space, f"found data space {name!r} twice")
        node = source.needed(space, fields, "projection", f"data space {name!r}")
        projections[name] = tuple(
            _index(source, i, dimensions, coefficients) for i in source.items(node, "projection")
        )
        (written if _flag(source, fields.get("read_write")) else read).append(name)
    if len(read) != 2 or len(written) != 1:
        source.fail(
            shape_node,
            f"found {len(read)} data spaces that are read and {len(written)} that are written; "
            "expected two operands and one result (read_write: true)",
        )
    names = _roles(read, written[0])
    return {o: Tensor(name=o, projection=projections[s]) for s, o in names.items()}, names


def _roles(read: list[str], written: str) -> dict[str, str]:
    """Name the operands: by their own names where those are ours, else in their order."""
    left = [t for t in (INPUTS, WEIGHTS) if t not in read]
    return {**{s: s if s in (INPUTS, WEIGHTS) else left.pop(0) for s in read}, written: OUTPUTS}


def _flag(source: Source, node: yaml.Node | None) -> bool:
    if node is None or empty(node):
        return False
    text = source.choice(node, "read_write", ("true", "false", "True", "False", "1", "0"))
    return text.lower() in ("true", "1")


def _index(
    source: Source, node: yaml.Node, dimensions: list[str], coefficients: dict[str, int]
) -> Index:
    """Return one dimension of a projection: a list of terms ``[R]`` or ``[R, Wdilation]``."""
    terms: list[Term] = []
    for entry in source.items(node, "dimension of a projection"):
        parts = source.items(entry, "term of a projection")
        if not 1 <= len(parts) <= 2:
            source.fail(entry, f"found a term of {len(parts)} parts; expected [RANK, coefficient]")
        rank = source.word(parts[0], "rank")
        if rank not in dimensions:
            source.fail(parts[0], unknown("dimension", rank, dimensions))
        factor = 1
        if len(parts) == 2:
            name = source.word(parts[1], "coefficient")
            if name not in coefficients or name in dimensions:
                known = [c for c in coefficients if c not in dimensions]
                source.fail(parts[1], unknown("coefficient", name, known))
            factor = coefficients[name]
        terms.append(Term(rank=rank, coefficient=factor))
    if not terms:
        source.fail(node, "found a dimension of a projection without terms; expected at least one")
    return Index(terms=tuple(terms))


def _densities(source: Source, node: yaml.Node | None, names: dict[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for space, entry in source.fields(node, "densities", names).items():
        if isinstance(entry, yaml.ScalarNode):
            found[space] = source.number(entry, "density")
            continue
        fields = source.fields(
            entry, "density", ("density", "distribution", "band_width", "workload_tensor_size")
        )
        if "distribution" in fields:
            kind = source.text(fields["distribution"], "distribution")
            if kind == "banded":
                source.refuse(fields["distribution"], "distribution 'banded'", "use a share")
            source.choice(fields["distribution"], "distribution", _DENSITIES)
        for key in fields.keys() & {"band_width", "workload_tensor_size"}:
            if source.number(fields[key], key):
                source.refuse(fields[key], f"{key} above 0", "only the share of non-zeros counts")
        found[space] = source.number(
            source.needed(entry, fields, "density", f"density of {space!r}"), "density"
        )
    return found


def _with_density(tensor: Tensor, density: float) -> Tensor:
    return Tensor(name=tensor.name, projection=tensor.projection, density=density)
