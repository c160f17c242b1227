"""A loop nest as Timeloop's mapping directives."""

from __future__ import annotations

from typing import Any, NoReturn

import yaml

from onewatt.errors import MappingError
from onewatt.importers.timeloop.constraints import axis_letter
from onewatt.importers.timeloop.mapping import Loop
from onewatt.spec.architecture import Architecture, Container, Memory
from onewatt.spec.mapping import Mapping, Spatial, Storage, Temporal
from onewatt.spec.workload import Einsum

Slots = dict[tuple[str, str], list[Loop]]


def timeloop_mapping_yaml(
    einsum: Einsum,
    architecture: Architecture,
    mapping: Mapping,
    *,
    names: dict[str, str] | None = None,
) -> str:
    """Return a mapping as the ``mapping:`` section of Timeloop v4.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip; its memories and containers are the targets.
    mapping : Mapping
        The loop nest.
    names : dict of str to str, optional
        The data space of each tensor, as in `TimeloopDesign`; by default the tensor's name.

    Returns
    -------
    str
        YAML that `onewatt.load_timeloop` reads back to the same mapping, without loops of one trip.

    Raises
    ------
    MappingError
        If Timeloop cannot say it: a tile that is no multiple of the tile inside it, two loops of
        one rank at one place, or loops over time inside the last array before a memory.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> from onewatt.importers.layers import gemm
    >>> layer = gemm("layer", ("x", "w", "y"), rows=6, outputs=2, inputs=4)
    >>> mapping = Mapping.parse(
    ...     "DRAM[Inputs Weights Outputs] P/1 buffer[Inputs Weights Outputs] M/1@X C/1@Y "
    ...     "weight_reg[Weights]"
    ... )
    >>> print(timeloop_mapping_yaml(layer, load_chip("systolic_ws"), mapping)[:41])
    mapping:
    - target: DRAM
      type: dataspace
    """
    kept = {n.memory: n.tensors for n in mapping.nodes if isinstance(n, Storage)}
    slots = _slots(einsum, architecture, mapping)
    spaces = {t.name: (names or {}).get(t.name, t.name) for t in einsum.tensors}
    directives: list[dict[str, Any]] = []
    for node in architecture.nodes:
        if isinstance(node, Memory):
            held = kept.get(node.name, ())
            keep = [spaces[t] for t in held]
            bypass = [s for t, s in spaces.items() if t not in held]
            directives.append(
                {"target": node.name, "type": "dataspace", "keep": keep, "bypass": bypass}
            )
        if isinstance(node, Memory | Container):
            directives.append(
                _directive(einsum, node.name, "temporal", slots.get((node.name, "temporal"), []))
            )
        if isinstance(node, Container):
            loops = slots.get((node.name, "spatial"), [])
            directives.append(_spatial(einsum, node, loops))
    return yaml.safe_dump(
        {"mapping": directives}, sort_keys=False, width=100, default_flow_style=None
    )


def _refuse(einsum: Einsum, what: str) -> NoReturn:
    raise MappingError(f"layer {einsum.name!r}: Timeloop has no mapping with {what}")


def _slots(einsum: Einsum, architecture: Architecture, mapping: Mapping) -> Slots:
    """Return the loops at each place, outermost first."""
    homes = {
        axis.name: node.name
        for node in architecture.nodes if isinstance(node, Container) for axis in node.fanout
    }  # fmt: skip
    slots: Slots = {}
    memory, array = "", ""
    waiting: list[Loop] = []  # loops over time inside an array: they belong to the next array
    for node, loop in _bounds(einsum, mapping):
        if isinstance(node, Storage):
            if waiting:
                break
            memory, array = node.memory, ""
        elif loop is None:
            continue
        elif isinstance(node, Spatial):
            home = homes.get(node.axis, node.axis)
            if waiting:
                slots[home, "temporal"] = waiting
                waiting = []
            array = home
            slots.setdefault((home, "spatial"), []).append(loop)
        elif array:
            waiting.append(loop)
        else:
            slots.setdefault((memory, "temporal"), []).append(loop)
    if waiting:
        _refuse(einsum, f"loops over time between array {array!r} and the memory inside it")
    return slots


def _bounds(
    einsum: Einsum, mapping: Mapping
) -> list[tuple[Storage | Temporal | Spatial, Loop | None]]:
    """Return each node with its loop by bounds; loops of one trip have none."""
    left = einsum.sizes
    # The size of the last tile, which ends where the rank ends.
    rest = einsum.sizes
    found: list[tuple[Storage | Temporal | Spatial, Loop | None]] = []
    for node in mapping.nodes:
        if isinstance(node, Storage):
            found.append((node, None))
            continue
        given = left[node.rank]
        if node.size >= given:
            found.append((node, None))
            continue
        whole = given == rest[node.rank] == einsum.sizes[node.rank]
        if given % node.size and not whole:
            _refuse(
                einsum,
                f"tiles of {node.size} of rank {node.rank!r} in tiles of {given}, which they do "
                "not divide; search among tiles that do (--tiles perfect)",
            )
        last = -(-rest[node.rank] // node.size)
        rest[node.rank] -= (last - 1) * node.size
        left[node.rank] = node.size
        axis = node.axis if isinstance(node, Spatial) else ""
        found.append((node, Loop(node.rank, -(-given // node.size), last, axis)))
    return found


def _spatial(einsum: Einsum, array: Container, loops: list[Loop]) -> dict[str, Any]:
    """Return the loops over an array; those over Y stand outside those over X."""
    if len(array.fanout) > 2:
        _refuse(einsum, f"the {len(array.fanout)} axes of array {array.name!r}; it has two")
    on_y = [n for n in loops if axis_letter(array, n.axis) == "Y"]
    on_x = [n for n in loops if axis_letter(array, n.axis) == "X"]
    directive = _directive(einsum, array.name, "spatial", on_y + on_x)
    inner_first = directive["permutation"]
    if on_y and not on_x:
        directive["split"] = 0
    elif on_y:
        directive["split"] = inner_first.index(on_x[0].rank) + 1
    else:
        directive["split"] = len(inner_first)
    return directive


def _directive(einsum: Einsum, target: str, kind: str, loops: list[Loop]) -> dict[str, Any]:
    names = [n.rank for n in loops]
    for name in names:
        if names.count(name) > 1:
            advice = "; make the axes two arrays" if kind == "spatial" else ""
            _refuse(einsum, f"two {kind} loops of rank {name!r} at {target!r}{advice}")
    trips = {n.rank: n for n in loops}
    factors = [f"{r}={_factor(trips.get(r))}" for r in einsum.sizes]
    inner_first = [*reversed(names), *(r for r in einsum.sizes if r not in names)]
    return {"target": target, "type": kind, "factors": factors, "permutation": inner_first}


def _factor(loop: Loop | None) -> str:
    if loop is None:
        return "1"
    return str(loop.trips) if loop.last == loop.trips else f"{loop.trips},{loop.last}"
