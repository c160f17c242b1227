"""TensorFlow Lite files as workloads, read with bounds checks and without TensorFlow."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from onewatt.errors import ImportFailure, InputError, MissingDependency
from onewatt.importers.record import Recorder
from onewatt.spec.workload import Workload

_MOST_BYTES = 2**31
_MOST_DIMS = 16
_BROKEN = (struct.error, ValueError, TypeError, IndexError, AttributeError, KeyError,
           OverflowError, RuntimeError, MemoryError)  # fmt: skip


@dataclass
class Operator:
    """One operator with its tensors by name; an operand that is left out is empty."""

    name: str
    op: str
    inputs: list[str]
    outputs: list[str]
    options: Any = None
    custom: bool = False


@dataclass
class Graph:
    """The state of an import."""

    rec: Recorder
    data: dict[str, Any] = field(default_factory=dict)
    floating: set[str] = field(default_factory=set)

    def shape(self, op: Operator, position: int) -> tuple[int, ...]:
        """Return the shape of an operand."""
        if position >= len(op.inputs) or not op.inputs[position]:
            raise ImportFailure(
                f"{self.rec.source}: operator {op.name!r} ({op.op}) has no operand {position}; "
                "expected the operands that TensorFlow Lite defines for it"
            )
        return self.rec.shape(op.inputs[position], op.name)

    def out(self, op: Operator) -> tuple[int, ...]:
        """Return the shape of the result."""
        return self.rec.shape(op.outputs[0], op.name)


def load_tflite(
    path: str | Path, *, batch: int = 1, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Workload:
    """Read a TensorFlow Lite file as a workload.

    Parameters
    ----------
    path : str or Path
        The file.
    batch : int
        Batch size [1]; above 1 it replaces the first axis of the inputs.
    shapes : mapping, optional
        Not supported, because such a file fixes every shape; other than None is an error.

    Returns
    -------
    Workload
        The network; integer tensors carry their width.

    Raises
    ------
    ImportFailure
        If the file is truncated or inconsistent.
    """
    path = Path(path)
    if batch < 1:
        raise InputError(f"found batch {batch!r}; expected at least 1")
    if shapes:
        raise InputError(
            f"{path}: found shapes for {', '.join(shapes)}, but a TensorFlow Lite file fixes its "
            "shapes; expected --batch only, or convert the network at another size"
        )
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ImportFailure(f"{path}: larger than 2 GiB, which no flatbuffer can be")
        content = path.read_bytes()
    except OSError as error:
        raise ImportFailure(f"{path}: cannot be read ({error.strerror})") from error
    return from_bytes(content, name=path.stem, source=str(path), batch=batch)


def from_bytes(content: bytes, *, name: str, source: str, batch: int = 1) -> Workload:
    """Return the workload of a TensorFlow Lite file in memory."""
    if len(content) < 16 or content[4:8] != b"TFL3":
        raise ImportFailure(
            f"{source}: does not start as a TensorFlow Lite file (no 'TFL3'); expected a .tflite "
            "flatbuffer"
        )
    try:
        return _read(content, name, source, batch)
    except _BROKEN as error:
        raise ImportFailure(
            f"{source}: is truncated or broken ({type(error).__name__}: {str(error)[:100]}); "
            "expected a complete TensorFlow Lite file"
        ) from error


def _schema() -> Any:
    try:
        import tflite
    except ImportError as error:  # pragma: no cover - tflite is a core dependency
        raise MissingDependency(
            "reading TensorFlow Lite files needs the package tflite: pip install tflite"
        ) from error
    return tflite


def _read(content: bytes, name: str, source: str, batch: int) -> Workload:
    from onewatt.importers.tflite_ops import record

    schema = _schema()
    model = schema.Model.GetRootAsModel(content, 0)
    limit = len(content)
    if not _count(model.SubgraphsLength(), limit, source):
        raise ImportFailure(f"{source}: has no graph; expected a TensorFlow Lite network")
    subgraph = model.Subgraphs(0)
    graph = Graph(Recorder(source))
    names = _tensors(schema, model, subgraph, graph, limit)
    operators = _operators(schema, model, subgraph, names, limit, source)
    inputs = [_tensor_name(names, subgraph.Inputs(i), source)
              for i in range(_count(subgraph.InputsLength(), limit, source))]  # fmt: skip
    known = {*inputs, *graph.rec.constants}
    for operator in operators:
        for operand in operator.inputs:
            if operand and operand not in known and operand not in graph.rec.constants:
                raise ImportFailure(
                    f"{source}: operator {operator.name!r} ({operator.op}) reads tensor "
                    f"{operand!r} before it is made; expected operators in order of execution"
                )
        known.update(operator.outputs)
        record(graph, operator)
    outputs = [_tensor_name(names, subgraph.Outputs(i), source)
               for i in range(_count(subgraph.OutputsLength(), limit, source))]  # fmt: skip
    return graph.rec.finish(name, outputs, batch=(batch, _found_batch(graph, inputs, batch)))


def _found_batch(graph: Graph, inputs: list[str], batch: int) -> int:
    if batch == 1:
        return 1
    sizes = {graph.rec.shapes[i][0] for i in inputs if graph.rec.shapes.get(i)}
    if len(sizes) > 1:
        raise InputError(
            f"{graph.rec.source}: its inputs have different first sizes {sorted(sizes)}, so batch "
            f"{batch} has no meaning"
        )
    return max(sizes.pop(), 1) if sizes else 1


def _count(number: int, limit: int, source: str) -> int:
    """Return a length that a file states, if so many entries fit into it."""
    if not 0 <= number <= limit:
        raise ImportFailure(
            f"{source}: states {number} entries in {limit} bytes; expected a complete file"
        )
    return number


def _tensor_name(names: list[str], position: int, source: str) -> str:
    if position == -1:
        return ""
    if not 0 <= position < len(names):
        raise ImportFailure(
            f"{source}: refers to tensor {position}; expected a number below {len(names)}"
        )
    return names[position]


def _text(raw: Any) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def _tensors(schema: Any, model: Any, subgraph: Any, graph: Graph, limit: int) -> list[str]:
    kinds = schema.TensorType
    widths = {kinds.INT8: 8, kinds.UINT8: 8, kinds.INT16: 16, kinds.UINT16: 16, kinds.INT4: 4}
    floats = (kinds.FLOAT32, kinds.FLOAT16, kinds.FLOAT64)
    source, names, buffers = graph.rec.source, list[str](), model.BuffersLength()
    taken: set[str] = set()
    for i in range(_count(subgraph.TensorsLength(), limit, source)):
        tensor = subgraph.Tensors(i)
        name = _text(tensor.Name()) or f"tensor{i}"
        name = f"{name}#{i}" if name in taken else name
        taken.add(name)
        names.append(name)
        dims = _count(tensor.ShapeLength(), _MOST_DIMS, source)
        shape = tuple(int(tensor.Shape(d)) for d in range(dims))
        stored = _buffer(model, tensor, buffers, source)
        graph.rec.tensor(name, shape, constant=stored, bits=widths.get(tensor.Type()))
        if tensor.Type() in floats:
            graph.floating.add(name)
        if stored and tensor.Type() == kinds.INT32 and math.prod(shape) <= _MOST_DIMS:
            raw = model.Buffers(tensor.Buffer()).DataAsNumpy()
            if isinstance(raw, np.ndarray) and raw.size == 4 * math.prod(shape):
                graph.data[name] = np.frombuffer(raw.tobytes(), dtype="<i4")
    return names


def _buffer(model: Any, tensor: Any, buffers: int, source: str) -> bool:
    position = tensor.Buffer()
    if position >= buffers:
        raise ImportFailure(
            f"{source}: refers to buffer {position}; expected a number below {buffers}"
        )
    buffer = model.Buffers(position)
    return buffer.DataLength() > 0 or buffer.Size() > 1


def _operators(
    schema: Any, model: Any, subgraph: Any, names: list[str], limit: int, source: str
) -> list[Operator]:
    builtin = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    codes, total = _count(model.OperatorCodesLength(), limit, source), 0
    found: list[Operator] = []
    for i in range(_count(subgraph.OperatorsLength(), limit, source)):
        operator = subgraph.Operators(i)
        position = operator.OpcodeIndex()
        if position >= codes:
            raise ImportFailure(
                f"{source}: operator {i} has code {position}; expected a number below {codes}"
            )
        code = model.OperatorCodes(position)
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        op = builtin.get(number, f"operator {number}")
        custom = op == "CUSTOM"
        op = _text(code.CustomCode()) or op if custom else op
        reads, writes = operator.InputsLength(), operator.OutputsLength()
        total += _count(reads, limit, source) + _count(writes, limit, source)
        _count(total, limit, source)
        inputs = [_tensor_name(names, operator.Inputs(j), source) for j in range(reads)]
        outputs = [_tensor_name(names, operator.Outputs(j), source) for j in range(writes)]
        name = next(iter(outputs), "") or f"operator{i}"
        found.append(Operator(name, op, inputs, outputs, operator.BuiltinOptions(), custom))
    return found
