"""ONNX files as workloads; weights may be missing, external data are never opened."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from onewatt.errors import ImportFailure, InputError, MissingDependency, nearest
from onewatt.importers.onnx_graph import MOST_KNOWN, Graph, Node, fold, resolved
from onewatt.spec.workload import Workload

Shapes = Mapping[str, tuple[int, ...]]

_DEEPEST = 16
_DOMAINS = {"ai.onnx": ""}
#: What Python raises on names that are no text, sizes that are no numbers and the like.
_BROKEN = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError,
           MemoryError)  # fmt: skip


def load_onnx(path: str | Path, *, batch: int = 1, shapes: Shapes | None = None) -> Workload:
    """Read an ONNX file as a workload.

    Parameters
    ----------
    path : str or Path
        The file; its weights may be missing.
    batch : int
        Batch size [1].  1 takes the file as it is, and a dynamic first axis as 1; a larger one
        replaces the first axis of the inputs, also where the file bakes it into reshapes.
    shapes : mapping of str to tuple of int, optional
        Shapes of graph inputs by name, for dynamic axes.

    Returns
    -------
    Workload
        The network; what has no price is in its `unpriced` list.

    Raises
    ------
    ImportFailure
        If the file is truncated, inconsistent, or a dynamic axis has no size.
    """
    path = Path(path)
    model = _parse(path)
    return from_model(model, name=path.stem, source=str(path), batch=batch, shapes=shapes)


def _onnx() -> Any:
    try:
        import onnx
        import onnx.shape_inference  # registers the submodule
    except ImportError as error:  # pragma: no cover - onnx is a core dependency
        raise MissingDependency(
            "reading ONNX files needs the package onnx: pip install onnx"
        ) from error
    return onnx


def _parse(path: Path) -> Any:
    onnx = _onnx()
    try:
        return onnx.load(str(path), format="protobuf", load_external_data=False)
    except OSError as error:
        raise ImportFailure(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # protobuf raises its own, undocumented kinds
        raise ImportFailure(
            f"{path}: is not a complete ONNX file; expected an ONNX protobuf, export it again"
        ) from error


def from_model(
    model: Any, *, name: str, source: str, batch: int = 1, shapes: Shapes | None = None
) -> Workload:
    """Return the workload of an ONNX model in memory; parameters as in `load_onnx`."""
    if batch < 1:
        raise InputError(f"found batch {batch!r}; expected at least 1")
    try:
        return _read(model, name, source, batch, dict(shapes or {}))
    except _BROKEN as error:
        raise ImportFailure(
            f"{source}: is broken ({type(error).__name__}: {' '.join(str(error).split())[:120]}); "
            "expected a complete ONNX model, export it again"
        ) from error


def _read(model: Any, name: str, source: str, batch: int, shapes: Shapes) -> Workload:
    if not model.HasField("graph") or not (model.graph.node):
        raise ImportFailure(f"{source}: has no operators; expected an ONNX model with a graph")
    if model.functions:
        model = _inlined(model, source)
    opsets = {_DOMAINS.get(o.domain, o.domain): o.version for o in model.opset_import}
    graph = Graph(source, opsets, model.opset_import)
    for tensor in model.graph.initializer:
        _constant(graph, tensor.name, tensor)
    for sparse in model.graph.sparse_initializer:
        kind = sparse.values.data_type
        graph.declare(sparse.values.name, kind, tuple(sparse.dims), constant=True)
    if not shapes:
        graph.hints = {v.name: v.type for v in (*model.graph.value_info, *model.graph.output)}
    found = _inputs(graph, model.graph, dict(shapes), batch)
    nodes = [_node(n, i) for i, n in enumerate(model.graph.node)]
    _run(graph, nodes)
    outputs = [o.name for o in model.graph.output]
    return graph.rec.finish(name, outputs, batch=(batch, found))


def _inlined(model: Any, source: str) -> Any:
    import onnx.inliner

    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:
        raise ImportFailure(
            f"{source}: its local functions cannot be expanded ({str(error)[:200]})"
        ) from error


def _node(proto: Any, position: int) -> Node:
    onnx = _onnx()
    name = proto.name or next((o for o in proto.output if o), "") or f"node_{position}"
    attributes: dict[str, Any] = {}
    for attribute in proto.attribute:
        try:
            value = onnx.helper.get_attribute_value(attribute)
        except Exception:
            value = None  # a broken attribute counts as left out; inference then judges the node
        attributes[attribute.name] = value.decode("utf-8", "replace") if isinstance(
            value, bytes
        ) else value  # fmt: skip
    domain = _DOMAINS.get(proto.domain, proto.domain)
    return Node(
        name, proto.op_type, domain, list(proto.input), list(proto.output), attributes, proto
    )


def _constant(graph: Graph, name: str, tensor: Any) -> None:
    """Note a constant; its content is read only when it is small enough to be a shape."""
    onnx = _onnx()
    for entry in tensor.external_data:
        if entry.key == "location":
            _check_location(graph.source, name, entry.value)
    dims = tuple(tensor.dims)
    graph.declare(name, tensor.data_type, dims, constant=True)
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    if external or min(dims, default=0) < 0 or math.prod(dims) > MOST_KNOWN:
        return
    try:
        value = onnx.numpy_helper.to_array(tensor)
    except Exception:
        return  # weights may be missing; only a shape that is really needed is missed later
    if value.shape == dims and value.dtype.kind in "iufb":
        graph.known[name] = value


def _check_location(source: str, name: str, location: str) -> None:
    posix, windows = PurePosixPath(location), PureWindowsPath(location)
    leaves = ".." in posix.parts or ".." in windows.parts
    if leaves or posix.is_absolute() or windows.is_absolute() or windows.drive:
        raise ImportFailure(
            f"{source}: tensor {name!r} keeps its data in {location!r}; expected a path inside the "
            "folder of the file"
        )


def _inputs(graph: Graph, proto: Any, shapes: dict[str, Any], batch: int) -> int:
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


def _run(graph: Graph, nodes: list[Node]) -> None:
    """Visit the nodes in an order in which every operand is ready."""
    ready = {*graph.types, ""}
    waits = [len({i for i in n.inputs if i not in ready}) for n in nodes]
    readers: dict[str, list[int]] = {}
    for position, node in enumerate(nodes):
        for name in {i for i in node.inputs if i not in ready}:
            readers.setdefault(name, []).append(position)
    queue = [i for i, w in enumerate(waits) if not w]
    heapq.heapify(queue)  # ties in the order of the file
    done: set[int] = set()
    while queue:
        position = heapq.heappop(queue)
        done.add(position)
        _visit(graph, nodes[position], depth=0)
        for name in nodes[position].outputs:
            for reader in readers.pop(name, ()):
                waits[reader] -= 1
                if not waits[reader]:
                    heapq.heappush(queue, reader)
    left = [n for i, n in enumerate(nodes) if i not in done]
    if left:
        known = ready.union(*(n.outputs for i, n in enumerate(nodes) if i in done))
        raise _stuck(graph.source, left, known)


def _stuck(source: str, nodes: list[Node], ready: set[str]) -> ImportFailure:
    produced = {o: n for n in nodes for o in n.outputs}
    for node in nodes:
        for name in node.inputs:
            if name not in ready and name not in produced:
                return ImportFailure(
                    f"{source}: node {node.name!r} ({node.op}) reads tensor {name!r}, which "
                    "nothing produces; expected a graph input, a constant or a node output"
                )
    return ImportFailure(
        f"{source}: the graph has a cycle through node {nodes[0].name!r} ({nodes[0].op}); expected "
        "a graph without cycles"
    )


def _visit(graph: Graph, node: Node, depth: int) -> None:
    """Record one node."""
    if node.op == "Constant" and node.domain == "":
        _constant_node(graph, node)
        return
    if fold(graph, node):
        return
    branch = _branch(graph, node) if depth < _DEEPEST else None
    if branch is not None:
        _inline(graph, node, branch, depth)
        return
    from onnx import AttributeProto

    bodies = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
    if any(a.type in bodies for a in node.proto.attribute):
        _refuse(graph, node, "control flow: how often its body runs is known only at run time")
        return
    missing = [i for i in node.inputs if i and i not in graph.types]
    if missing:
        _refuse(graph, node, f"the shape of its operand {missing[0]!r} is unknown")
        return
    _record(graph, node)


def _record(graph: Graph, node: Node) -> None:
    from onnx import TensorProto

    from onewatt.importers.onnx_ops import MAC_OPS, OWN_SHAPES, SAME_WIDTH, handler

    constant = (
        node.op not in MAC_OPS
        and bool(node.inputs)
        and graph.rec.constant(i for i in node.inputs if i)
    )
    own = OWN_SHAPES.get((node.domain, node.op))
    if own is not None:
        kind = graph.types[node.operand(0)].tensor_type.elem_type or TensorProto.FLOAT
        outputs = {node.outputs[0]: (kind, own(graph, node))}
    else:
        outputs = graph.infer(node)
    for name in (o for o in node.outputs if o and o not in outputs and o in graph.hints):
        stated = resolved(graph.hints[name])
        if stated is not None:
            outputs[name] = stated
    for name, (kind, shape) in outputs.items():
        if name:
            graph.declare(name, kind, shape, constant=constant)
    if constant and all(o in outputs for o in node.outputs if o):
        width = graph.rec.bits.get(node.operand(0))
        if width and node.op in SAME_WIDTH:  # quantised weights, dequantised and turned
            graph.rec.bits.setdefault(node.outputs[0], width)
        return
    function = handler(node)
    if function is None:
        where = f"{node.domain}.{node.op}" if node.domain else node.op
        _refuse(graph, node, f"onewatt has no price for operator {where}")
    elif node.outputs[0] not in graph.types:
        _refuse(graph, node, "the shape of its output depends on data")
    else:
        reason = function(graph, node)
        if reason:
            _refuse(graph, node, reason)


def _refuse(graph: Graph, node: Node, reason: str) -> None:
    captured: Iterable[str] = [i for i in node.inputs if i]
    op = f"{node.domain}.{node.op}" if node.domain else node.op
    graph.rec.refuse(node.name, op, list(captured), [o for o in node.outputs if o], reason)


def _constant_node(graph: Graph, node: Node) -> None:
    for key, value in node.attributes.items():
        if key == "value" and value is not None and hasattr(value, "dims"):
            _constant(graph, node.outputs[0], value)
            return
        if key in ("value_int", "value_ints", "value_float", "value_floats") and value is not None:
            import numpy as np

            kind = np.int64 if "int" in key else np.float32
            graph.learn(node.outputs[0], np.asarray(value, dtype=kind))
            return
    _refuse(graph, node, "a constant that is neither a tensor nor a number")


def _branch(graph: Graph, node: Node) -> Any:
    """Return the branch of an If whose condition is a constant, else None."""
    if node.op != "If" or node.domain or node.operand(0) not in graph.known:
        return None
    value = graph.known[node.operand(0)]
    return node.get("then_branch" if bool(value.ravel()[:1].any()) else "else_branch")


def _inline(graph: Graph, node: Node, branch: Any, depth: int) -> None:
    for tensor in branch.initializer:
        _constant(graph, tensor.name, tensor)
    for i, proto in enumerate(branch.node):
        inner = _node(proto, i)
        unknown = [v for v in inner.inputs if v and v not in graph.types]
        if unknown:
            _refuse(graph, inner, f"the shape of its operand {unknown[0]!r} is unknown")
            continue
        _visit(graph, inner, depth + 1)
    for outer, inner in zip(node.outputs, branch.output, strict=False):
        if inner.name in graph.types:
            graph.types[outer] = graph.types[inner.name]
            graph.rec.tensor(outer, graph.rec.shapes[inner.name])
            graph.rec.view(outer, inner.name)
            if inner.name in graph.known:
                graph.known[outer] = graph.known[inner.name]
