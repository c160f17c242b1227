"""The inputs of an ONNX graph: their shapes from the file, the caller, or a named axis."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onewatt.errors import ImportFailure, InputError, nearest
from onewatt.importers.onnx_graph import Graph

Shapes = Mapping[str, tuple[int, ...]]


def declare_inputs(graph: Graph, proto: Any, shapes: Shapes, batch: int) -> int:
    """Declare the graph inputs and return the batch the network is read at."""
    names = [i.name for i in proto.input if i.name not in graph.types]
    for name in shapes:
        if name not in names:
            raise InputError(
                f"{graph.source}: has no input {name!r}.{nearest(name, names)} Valid: "
                f"{', '.join(names)}"
            )
    symbols: dict[str, int] = {}
    tensors = [i for i in proto.input if i.name in names]
    for tensor in tensors:
        if tensor.name in shapes:
            _bind(graph.source, tensor, shapes[tensor.name], symbols)
    found: set[int] = set()
    for tensor in tensors:
        if not tensor.type.HasField("tensor_type"):
            continue  # a sequence or map: whoever reads it is listed as unpriced
        sizes = _sizes(graph.source, tensor, shapes.get(tensor.name), symbols)
        graph.declare(tensor.name, tensor.type.tensor_type.elem_type, sizes)
        if sizes:
            found.add(sizes[0])
    if batch == 1:
        return 1
    if len(found) > 1:
        raise InputError(
            f"{graph.source}: its inputs have different first sizes {sorted(found)}, so batch "
            f"{batch} has no meaning; say the shapes instead (--shape name=...)"
        )
    return found.pop() if found else 1


def _bind(source: str, tensor: Any, shape: tuple[int, ...], symbols: dict[str, int]) -> None:
    """Remember what an override says about named axes."""
    if any(s < 1 for s in shape):
        raise InputError(
            f"{source}: found shape {list(shape)} for input {tensor.name!r}; expected sizes >= 1"
        )
    if not tensor.type.tensor_type.HasField("shape"):
        return
    dims = tensor.type.tensor_type.shape.dim
    if len(dims) != len(shape):
        raise InputError(
            f"{source}: found shape {list(shape)} for input {tensor.name!r}; expected {len(dims)} "
            "sizes"
        )
    for dim, size in zip(dims, shape, strict=True):
        if dim.dim_param:
            symbols[dim.dim_param] = size


def _sizes(
    source: str, tensor: Any, override: tuple[int, ...] | None, symbols: dict[str, int]
) -> tuple[int, ...]:
    if override is not None:
        return tuple(override)
    kind = tensor.type.tensor_type
    if not kind.HasField("shape"):
        raise ImportFailure(
            f"{source}: input {tensor.name!r} has no shape; say it, as --shape "
            f"{tensor.name}=1x3x224x224"
        )
    sizes: list[int] = []
    for axis, dim in enumerate(kind.shape.dim):
        if dim.HasField("dim_value") and dim.dim_value < 0:
            raise ImportFailure(
                f"{source}: axis {axis} of input {tensor.name!r} has size {dim.dim_value}; "
                "expected at least 1"
            )
        if dim.HasField("dim_value") and dim.dim_value > 0:
            sizes.append(dim.dim_value)
        elif dim.dim_param in symbols:
            sizes.append(symbols[dim.dim_param])
        elif axis == 0 and not dim.HasField("dim_value"):
            sizes.append(1)
        else:
            said = repr(dim.dim_param) if dim.dim_param else str(dim.dim_value or "no size")
            example = "x".join("1" if i == 0 else "128" for i in range(len(kind.shape.dim)))
            raise ImportFailure(
                f"{source}: axis {axis} of input {tensor.name!r} is dynamic ({said}); say its "
                f"size, as --shape {tensor.name}={example}"
            )
    return tuple(sizes)
