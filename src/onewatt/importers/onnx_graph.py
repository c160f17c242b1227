"""Shapes and small constants of an ONNX graph, node by node.

Inference runs one node at a time, so that a broken file fails at a named node and no weight is
ever copied; integers that hold shapes are computed here, which resolves reshapes of shapes.
"""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onewatt.errors import ImportFailure
from onewatt.importers.record import Recorder

#: Constants larger than this are weights, not shapes; their content is never read.
MOST_KNOWN = 4096
_LONGEST = 2**31


@dataclass
class Node:
    """One operator: names resolved, attributes as Python values."""

    name: str
    op: str
    domain: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    proto: Any

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def operand(self, position: int) -> str:
        """Return the name of an input, empty when it is left out."""
        return self.inputs[position] if position < len(self.inputs) else ""


class Graph:
    """The state of an import: what is known about every tensor so far."""

    def __init__(self, source: str, opsets: dict[str, int], imports: Sequence[Any]) -> None:
        self.rec = Recorder(source)
        self.source = source
        self.opsets = opsets
        self.imports = list(imports)
        self.types: dict[str, Any] = {}
        self.known: dict[str, Any] = {}
        self.hints: dict[str, Any] = {}

    def shape(self, node: Node, position: int) -> tuple[int, ...]:
        """Return the shape of an input of a node."""
        if not node.operand(position):
            raise ImportFailure(
                f"{self.source}: node {node.name!r} ({node.op}) has no input {position}; expected "
                "the operands that ONNX defines for it"
            )
        return self.rec.shape(node.operand(position), node.name)

    def out(self, node: Node, position: int = 0) -> tuple[int, ...]:
        """Return the shape of an output of a node."""
        return self.rec.shape(node.outputs[position], node.name)

    def integers(self, name: str) -> list[int] | None:
        """Return a known constant as a list of whole numbers."""
        if name not in self.known:
            return None
        return [int(v) for v in np.ravel(self.known[name])]

    def learn(self, name: str, value: Any) -> None:
        """Note a small constant."""
        from onnx import helper

        array = np.asarray(value)
        self.known[name] = array
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        self.declare(name, kind, array.shape, constant=True)

    def declare(
        self, name: str, kind: int, shape: Sequence[int], *, constant: bool = False
    ) -> None:
        """Note type and shape of a tensor."""
        from onnx import helper

        self.rec.tensor(name, shape, constant=constant, bits=integer_bits(kind))
        self.types[name] = helper.make_tensor_type_proto(kind, list(shape))

    def infer(self, node: Node) -> dict[str, tuple[int, tuple[int, ...]]]:
        """Return element type and shape of every output whose shape can be found."""
        import onnx

        version = self.opsets.get(node.domain)
        if version is None or not onnx.defs.has(node.op, version, node.domain):
            return {}
        schema = onnx.defs.get_schema(node.op, version, node.domain)
        operands = [i for i in node.inputs if i]
        types = {i: self.types[i] for i in operands if i in self.types}
        data = {
            i: onnx.numpy_helper.from_array(self.known[i], i) for i in operands if i in self.known
        }
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema, node.proto, types, data, opset_imports=self.imports
            )
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise ImportFailure(
                f"{self.source}: node {node.name!r} ({node.op}) does not fit its operands "
                f"{self._operands(node)}: {reason}"
            ) from error
        return {n: r for n, t in found.items() if (r := resolved(t)) is not None}

    def _operands(self, node: Node) -> str:
        return ", ".join(f"{i} {list(self.rec.shapes[i])}" for i in node.inputs if i in self.types)


def integer_bits(kind: int) -> int | None:
    """Return the width of a quantised element type; None for floating point and indices."""
    from onnx import TensorProto as T

    widths: dict[int, int] = {
        T.INT8: 8,
        T.UINT8: 8,
        T.INT4: 4,
        T.UINT4: 4,
        T.INT16: 16,
        T.UINT16: 16,
        T.FLOAT8E4M3FN: 8,
        T.FLOAT8E5M2: 8,
    }
    return widths.get(kind)


def resolved(proto: Any) -> tuple[int, tuple[int, ...]] | None:
    """Return element type and shape of a tensor type, or None where a size is open."""
    if not proto.HasField("tensor_type") or not proto.tensor_type.HasField("shape"):
        return None
    dims = proto.tensor_type.shape.dim
    if not all(d.HasField("dim_value") for d in dims):
        return None
    return proto.tensor_type.elem_type, tuple(d.dim_value for d in dims)


def fold(graph: Graph, node: Node) -> bool:
    """Compute a small constant output (a shape, an index); return whether that was possible."""
    if node.domain not in ("", "ai.onnx") or len(node.outputs) != 1:
        return False
    if node.op == "Shape":
        sizes = graph.rec.shapes.get(node.operand(0))
        if sizes is None:
            return False
        span = slice(node.get("start", 0), node.get("end"))
        graph.learn(node.outputs[0], np.asarray(sizes[span], dtype=np.int64))
        return True
    if node.op == "Size" and node.operand(0) in graph.rec.shapes:
        graph.learn(node.outputs[0], np.int64(math.prod(graph.rec.shapes[node.operand(0)])))
        return True
    function = _FOLD.get(node.op)
    if function is None or not all(i in graph.known for i in node.inputs if i):
        return False
    if any(np.size(graph.known[i]) > MOST_KNOWN for i in node.inputs if i):
        return False
    try:
        with np.errstate(all="ignore"):
            value = function(node, *(graph.known[i] if i else None for i in node.inputs))
    except (ValueError, TypeError, IndexError, KeyError, ArithmeticError, MemoryError):
        return False
    if value is None or np.size(value) > MOST_KNOWN or np.asarray(value).dtype == object:
        return False
    graph.learn(node.outputs[0], value)
    return True


def _axes(node: Node, given: Any) -> tuple[int, ...] | None:
    axes = node.get("axes") if given is None else np.ravel(given)
    return None if axes is None else tuple(int(a) for a in axes)


def _unsqueeze(node: Node, data: Any, axes: Any = None) -> Any:
    return np.expand_dims(data, _axes(node, axes) or ())


def _squeeze(node: Node, data: Any, axes: Any = None) -> Any:
    return np.squeeze(data, _axes(node, axes))


def _slice(node: Node, data: Any, *bounds: Any) -> Any:
    starts = node.get("starts") if not bounds else bounds[0]
    ends = node.get("ends") if len(bounds) < 2 else bounds[1]
    axes = node.get("axes") if len(bounds) < 3 else bounds[2]
    steps = bounds[3] if len(bounds) > 3 else None
    starts, ends = np.ravel(starts), np.ravel(ends)
    axes = range(len(starts)) if axes is None else np.ravel(axes)
    steps = np.ones(len(starts), dtype=int) if steps is None else np.ravel(steps)
    cut = [slice(None)] * np.ndim(data)
    for a, b, axis, step in zip(starts, ends, axes, steps, strict=True):
        # an end of INT_MAX or INT_MIN means "to the end"
        stop = None if abs(int(b)) >= _LONGEST - 1 else int(b)
        cut[int(axis)] = slice(int(a), stop, int(step))
    return data[tuple(cut)]


def _reshape(_: Node, data: Any, shape: Any) -> Any:
    sizes = [np.shape(data)[i] if s == 0 else int(s) for i, s in enumerate(np.ravel(shape))]
    return np.reshape(data, sizes)


def _constant_of_shape(node: Node, shape: Any) -> Any:
    from onnx import numpy_helper

    sizes = [int(s) for s in np.ravel(shape)]
    if min(sizes, default=1) < 0 or math.prod(sizes) > MOST_KNOWN:
        return None
    fill = node.get("value")
    value = np.zeros(1, np.float32) if fill is None else numpy_helper.to_array(fill)
    return np.full(sizes, np.ravel(value)[0])


def _range(_: Node, start: Any, limit: Any, delta: Any) -> Any:
    start, limit, delta = (np.ravel(v)[0] for v in (start, limit, delta))
    if delta == 0 or abs((limit - start) / delta) > MOST_KNOWN:
        return None
    return np.arange(start, limit, delta)


def _expand(_: Node, data: Any, shape: Any) -> Any:
    sizes = [int(s) for s in np.ravel(shape)]
    if min(sizes, default=1) < 0 or math.prod(sizes) > MOST_KNOWN:
        return None
    return np.array(np.broadcast_to(data, np.broadcast_shapes(np.shape(data), tuple(sizes))))


def _cast(node: Node, data: Any) -> Any:
    from onnx import helper

    return np.asarray(data).astype(helper.tensor_dtype_to_np_dtype(node.get("to", 1)))


def _divide(_: Node, a: Any, b: Any) -> Any:
    if np.issubdtype(np.asarray(a).dtype, np.integer):
        if np.any(np.asarray(b) == 0):
            return None
        return np.asarray(np.trunc(np.true_divide(a, b)), dtype=np.asarray(a).dtype)
    return np.divide(a, b)


def _reduce(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(node: Node, data: Any, axes: Any = None) -> Any:
        return function(data, axis=_axes(node, axes), keepdims=bool(node.get("keepdims", 1)))

    return run


def _binary(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(_: Node, *operands: Any) -> Any:
        shape = np.broadcast_shapes(*(np.shape(o) for o in operands))
        return None if math.prod(shape) > MOST_KNOWN else function(*operands)

    return run


def _concat(node: Node, *parts: Any) -> Any:
    return np.concatenate(parts, axis=node.get("axis", 0))


def _gather(node: Node, data: Any, indices: Any) -> Any:
    if np.size(indices) * np.size(data) > MOST_KNOWN * 16:
        return None
    return np.take(data, np.asarray(indices).astype(int), axis=node.get("axis", 0))


_FOLD: dict[str, Callable[..., Any]] = {
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Expand": _expand,
    "Cast": _cast,
    "Div": _divide,
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Equal": _binary(np.equal),
    "Greater": _binary(np.greater),
    "Less": _binary(np.less),
    "Where": _binary(np.where),
    "And": _binary(np.logical_and),
    "Or": _binary(np.logical_or),
    "Not": lambda _, x: np.logical_not(x),
    "Neg": lambda _, x: np.negative(x),
    "Floor": lambda _, x: np.floor(x),
    "Ceil": lambda _, x: np.ceil(x),
    "Sqrt": lambda _, x: np.sqrt(x),
    "Abs": lambda _, x: np.abs(x),
    "Identity": lambda _, x: x,
    "Transpose": lambda n, x: np.transpose(x, n.get("perm")),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
}


#: Records a node; returns None, or the reason why the node has no price.
Handler = Callable[[Graph, Node], str | None]
