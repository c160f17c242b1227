"""ONNX files as workloads; weights may be missing, external data are never opened."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from onewatt.errors import ImportFailure, InputError, MissingDependency
from onewatt.importers.onnx_graph import MOST_KNOWN, Graph, Node, fold, resolved
from onewatt.importers.onnx_inputs import Shapes, declare_inputs
from onewatt.spec.workload import Workload

_DEEPEST = 16
_DOMAINS: dict[Any, str] = {"ai.onnx": ""}
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
        from onnx import shape_inference
    except ImportError as error:  # pragma: no cover - onnx is a core dependency
        raise MissingDependency(
            "reading ONNX files needs the package onnx: pip install onnx"
        ) from error
    assert shape_inference  # importing it registers the submodule
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
    opsets = {str(_DOMAINS.get(o.domain, o.domain)): o.version for o in model.opset_import}
    graph = Graph(source, opsets, model.opset_import)
    for tensor in model.graph.initializer:
        _constant(graph, tensor.name, tensor)
    for sparse in model.graph.sparse_initializer:
        kind = sparse.values.data_type
        graph.declare(sparse.values.name, kind, tuple(sparse.dims), constant=True)
    if not shapes:
        graph.hints = {v.name: v.type for v in (*model.graph.value_info, *model.graph.output)}
    found = declare_inputs(graph, model.graph, dict(shapes), batch)
    nodes = [_node(n, i) for i, n in enumerate(model.graph.node)]
    _check_written_once(source, nodes)
    _run(graph, nodes)
    outputs = [o.name for o in model.graph.output]
    return graph.rec.finish(name, outputs, batch=(batch, found))


def _check_written_once(source: str, nodes: list[Node]) -> None:
    """Refuse a graph in which two nodes write one tensor: it has no meaning."""
    writers: dict[str, str] = {}
    for node in nodes:
        for output in filter(None, node.outputs):
            if output in writers:
                raise ImportFailure(
                    f"{source}: tensor {output!r} is written by node {writers[output]!r} and again "
                    f"by {node.name!r}; expected one writer for each tensor"
                )
            writers[output] = node.name


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
    domain = str(_DOMAINS.get(proto.domain, proto.domain))
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
    from onewatt.importers.onnx_ops import MAC_OPS, SAME_WIDTH, handler

    constant = (
        node.op not in MAC_OPS
        and bool(node.inputs)
        and graph.rec.constant(i for i in node.inputs if i)
    )
    outputs = _outputs(graph, node)
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


def _outputs(graph: Graph, node: Node) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Return type and shape of the outputs: our rule, ONNX's inference, or what the file states."""
    from onewatt.importers.onnx_custom import OWN_SHAPES

    own = OWN_SHAPES.get((node.domain, node.op))
    if own is not None:
        kind = graph.types[node.operand(0)].tensor_type.elem_type or 1  # float where unsaid
        outputs = {node.outputs[0]: (kind, own(graph, node))}
    else:
        outputs = graph.infer(node)
    for name in (o for o in node.outputs if o and o not in outputs and o in graph.hints):
        stated = resolved(graph.hints[name])
        if stated is not None:
            outputs[name] = stated
    return outputs


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
