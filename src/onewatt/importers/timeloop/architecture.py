"""Timeloop's storages, arrays and compute as the nodes of a chip."""

# PyYAML carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import re

from msgspec.structs import replace

from onewatt.errors import InputError, unknown
from onewatt.importers.timeloop.constraints import Directives, dataflow_of
from onewatt.importers.timeloop.parts import Part
from onewatt.importers.timeloop.source import Fields, Source, empty
from onewatt.spec.architecture import (
    TENSORS,
    Architecture,
    Axis,
    Compute,
    Container,
    Memory,
    Node,
    Technology,
)

#: What the chip takes from a storage.
_STORAGE = (
    "width", "datawidth", "block_size", "cluster_size", "depth", "entries", "sizeKB", "n_banks",
    "multiple_buffering", "read_bandwidth", "write_bandwidth", "shared_bandwidth",
)  # fmt: skip
_COMPUTE = ("width", "datawidth", "multiplier_width", "adder_width")
#: What only estimators of energy and area read; prices come from tables or the chip file.
_ESTIMATORS = (
    "technology", "global_cycle_seconds", "type", "subclass", "n_ports", "nports", "num_ports",
    "n_rd_ports", "n_wr_ports", "n_rdwr_ports", "update_fifo_depth", "latency", "voltage",
    "power_gated_at", "meshX", "meshY", "metadata_block_size", "metadata_datawidth",
    "metadata_storage_width", "metadata_storage_depth", "metadata_counter_width",
    "decompression_supported", "compression_supported", "concordant_compressed_tile_traversal",
    "tile_partition_supported", "action_latency_cycles", "cycle_time",
)  # fmt: skip
#: What changes counts or cycles in a way onewatt has no model of, unless it has this value.
_OFF = {
    "has_power_gating": "false",
    "reduction_supported": "true",
    "allow_overbooking": "false",
    "min_utilization": "0",
    "network_fill_latency": "0",
    "network_drain_latency": "0",
}
_UNMODELLED = {"per_dataspace_bandwidth_consumption_scale": "words of all tensors weigh the same"}
#: Containers may define variables for expressions, in capitals by custom.
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_DRAM = ("LPDDR4", "LPDDR", "DDR3", "GDDR5", "HBM2")
_SECONDS, _NODE = 1e-9, 45e-9


def read_chip(
    source: Source, parts: list[Part], directives: Directives, defaults: Fields, *, searched: bool
) -> Architecture:
    """Return the chip that parts and constraints make.

    Parameters
    ----------
    source : Source
        The file of the architecture.
    parts : list of Part
        Outermost first.
    directives : Directives
        The constraints.
    defaults : dict
        Entries of the ``variables:`` section.
    searched : bool
        Whether a mapper is to use the constraints; then all of them must be limits of a dataflow.

    Raises
    ------
    InputError
        With file:line:column.
    """
    nodes: list[Node] = []
    for part in parts:
        if part.kind == "array":
            nodes.append(_array(part))
            continue
        _check_attributes(source, part)
        outermost = not any(isinstance(n, Memory) for n in nodes)
        nodes.append(_node(source, part, directives.held(part.name), outermost))
    every = {k: v for part in parts for k, v in part.attributes.items()}
    try:
        chip = Architecture(
            name="timeloop",
            clock=1 / _setting(source, {**defaults, **every}, "global_cycle_seconds", _SECONDS),
            technology=Technology(node=_technology(source, {**defaults, **every})),
            nodes=tuple(nodes),
            source="Timeloop v4",
        )
    except InputError as error:
        raise InputError(f"{source.name}: {error}") from error
    return replace(chip, dataflow=dataflow_of(chip, directives)) if searched else chip


def _node(source: Source, part: Part, held: dict[str, bool], outermost: bool) -> Memory | Compute:
    """Return a memory or the compute; the outermost memory keeps everything."""
    if part.parallel and not held:
        source.fail(part.node, f"{part.name!r} is in !Parallel and keeps nothing by constraint")
    keeps = tuple(t for t in TENSORS if held.get(t, outermost))
    may_keep = tuple(t for t in TENSORS if t not in held and not (outermost or part.parallel))
    try:
        if part.kind == "compute":
            return _compute(source, part)
        return _memory(source, part, keeps, may_keep)
    except InputError as error:
        if str(error).startswith(f"{source.name}:"):
            raise
        source.fail(part.node, str(error))


def _array(part: Part) -> Container:
    """Return an array; an axis of one instance is left out unless both are."""
    axes = [
        Axis(name=f"{_word(part.name)}_{letter}", size=size)
        for letter, size in zip("XY", part.mesh, strict=True)
        if size > 1 or (letter == "X" and part.mesh == (1, 1))
    ]
    return Container(name=part.name, fanout=tuple(axes))


def _word(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _check_attributes(source: Source, part: Part) -> None:
    declared = (*(_STORAGE if part.kind == "memory" else _COMPUTE), *_ESTIMATORS, *_OFF)
    for key, node in part.attributes.items():
        if key in declared or empty(node):
            continue
        if key in _UNMODELLED:
            source.refuse(node, f"attribute {key!r} of {part.name!r}", _UNMODELLED[key])
        if key not in (*_STORAGE, *_COMPUTE) and not _VARIABLE.fullmatch(key):
            source.fail(node, unknown(f"attribute of {part.name!r}", key, declared))
    for key, value in _OFF.items():
        if key in part.attributes and not empty(part.attributes[key]):
            found = source.text(part.attributes[key], key)
            if found.lower() != value:
                source.refuse(
                    part.attributes[key], f"{key} {found!r} of {part.name!r}", f"expected {value}"
                )


def _setting(source: Source, fields: Fields, key: str, default: float) -> float:
    if key not in fields or empty(fields[key]):
        return default
    value = source.number(fields[key], key)
    if value == 0:
        source.fail(fields[key], f"found {key} 0; expected more")
    return value


def _technology(source: Source, fields: Fields) -> float:
    """Return the node of a technology such as ``45nm`` [m]; 45 nm where none is stated."""
    if "technology" not in fields or empty(fields["technology"]):
        return _NODE
    text = source.text(fields["technology"], "technology")
    match = re.fullmatch(r"(\d{1,4}(?:\.\d+)?)\s*(?:nm)?", text)
    if match is None:
        source.fail(fields["technology"], f"found technology {text!r}; expected such as 45nm")
    return float(match[1]) * 1e-9


def _whole(source: Source, part: Part, key: str, default: int | None = None) -> int | None:
    if key not in part.attributes or empty(part.attributes[key]):
        return default
    return source.whole(part.attributes[key], f"{key} of {part.name!r}")


def _memory(
    source: Source, part: Part, keeps: tuple[str, ...], may_keep: tuple[str, ...]
) -> Memory:
    word = _whole(source, part, "datawidth")
    if word is None:
        source.fail(part.node, f"storage {part.name!r} has no 'datawidth', which it needs")
    cluster = _whole(source, part, "cluster_size", 1) or 1
    block = _whole(source, part, "block_size")
    width = _whole(source, part, "width", (block or 1) * word * cluster) or word
    if width % cluster:
        source.fail(part.node, f"storage {part.name!r}: cluster_size does not divide its width")
    copies = _whole(source, part, "multiple_buffering", 1)
    if copies not in (1, 2):
        source.refuse(part.node, f"multiple_buffering {copies} of {part.name!r}", "expected 1 or 2")
    read, write, shared = (
        source.number(part.attributes[key], key)
        if key in part.attributes and not empty(part.attributes[key])
        else None
        for key in ("read_bandwidth", "write_bandwidth", "shared_bandwidth")
    )
    return Memory(
        name=part.name, component=_component(source, part), keeps=keeps, may_keep=may_keep,
        capacity=_capacity(source, part, width // cluster, word), width=width // cluster,
        word=word, cluster=cluster, banks=_whole(source, part, "n_banks", 1) or 1,
        reserves_half=copies == 2, source="Timeloop v4", read_bandwidth=read, write_bandwidth=write,
        shared_bandwidth=shared,
    )  # fmt: skip


def _capacity(source: Source, part: Part, width: int, word: int) -> int | None:
    """Return the bits of one instance; only off-chip memory may be without end."""
    stated = [k for k in ("depth", "entries", "sizeKB") if _whole(source, part, k) is not None]
    if not stated:
        if "dram" in part.category:
            return None
        source.fail(part.node, f"storage {part.name!r} needs 'depth', 'entries' or 'sizeKB'")
    if len(stated) > 1:
        source.fail(part.node, f"storage {part.name!r} states {' and '.join(stated)}; keep one")
    bits = {"depth": width, "entries": word, "sizeKB": 8192}[stated[0]]
    return (_whole(source, part, stated[0]) or 0) * bits


def _component(source: Source, part: Part) -> str:
    """Return the class of our component library for chips without a table of energies."""
    if "dram" in part.category:
        kind = part.attributes.get("type")
        text = "LPDDR4" if kind is None else source.text(kind, "type")
        if kind is not None and text.upper() not in _DRAM:
            source.fail(kind, unknown("type of DRAM", text, _DRAM))
        return f"dram_{text.lower()}"
    return "sram" if "sram" in part.category else "register_file"


def _compute(source: Source, part: Part) -> Compute:
    width = _whole(source, part, "width") or _whole(source, part, "datawidth", 16) or 16
    product = _whole(source, part, "multiplier_width", width) or width
    total = _whole(source, part, "adder_width", max(width, product)) or width
    return Compute(
        name=part.name, component="fp_mac" if "fp" in part.category else "mac",
        inputs_bits=product, weights_bits=product, outputs_bits=product, accumulate_bits=total,
        source="Timeloop v4",
    )  # fmt: skip
