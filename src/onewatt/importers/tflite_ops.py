"""What each TensorFlow Lite operator records."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from onewatt.importers import layers, vector
from onewatt.importers.recurrent import record_direction
from onewatt.importers.tflite import Graph, Operator

Handler = Callable[[Graph, Operator], str | None]

_CONTROL = ("WHILE", "IF", "CALL", "CALL_ONCE")


def record(graph: Graph, op: Operator) -> None:
    """Record one operator; what has no price is noted by name."""
    rec = graph.rec
    reads = [i for i in op.inputs if i]
    if op.op == "SHAPE" or (reads and op.op not in _MAC and rec.constant(reads)):
        rec.constants.update(o for o in op.outputs if o)
        return
    function = None if op.custom else _HANDLERS.get(op.op)
    if op.op in _CONTROL:
        reason = "control flow: how often its body runs is known only at run time"
    elif function is None:
        kind = "custom operator" if op.custom else "operator"
        reason = f"onewatt has no price for {kind} {op.op}"
    elif not op.outputs or not op.outputs[0]:
        reason = "it has no result"
    else:
        reason = function(graph, op)
    if reason:
        rec.refuse(op.name, op.op, reads, [o for o in op.outputs if o], reason)


def _options(op: Operator, kind: str) -> Any:
    """Return the settings of an operator; absent ones have their defaults."""
    import tflite

    table = op.options
    options = getattr(tflite, kind)()
    if table is None:
        return None
    options.Init(table.Bytes, table.Pos)
    return options


def _activation(graph: Graph, op: Operator, options: Any) -> str:
    """Record the activation that is part of an operator; return the tensor that it reads."""
    import tflite

    names = {v: k for k, v in vars(tflite.ActivationFunctionType).items() if isinstance(v, int)}
    kinds = {"RELU": "relu", "RELU6": "relu6", "RELU_N1_TO_1": "clip", "TANH": "tanh",
             "SIGN_BIT": "sign"}  # fmt: skip
    kind = kinds.get(names.get(options.FusedActivationFunction() if options else 0, ""))
    return kind or ""


def _with_activation(graph: Graph, op: Operator, kind: str, add: Callable[[str], None]) -> None:
    out, rec = op.outputs[0], graph.rec
    if not kind:
        add(out)
        return
    before = f"{out}/linear"
    rec.tensor(before, rec.shapes[out], bits=rec.bits.get(out))
    add(before)
    operand, last = (before, rec.shapes[out]), _last(rec.shapes[out])
    rec.add(
        vector.pointwise(
            f"{op.name}.{kind}", kind, [operand], (out, rec.shapes[out]), channels_last=last
        )
    )


def _last(shape: tuple[int, ...]) -> bool:
    return len(shape) in (4, 5)


def _pictures(graph: Graph, op: Operator, x: int, w: int) -> tuple[tuple[int, ...], ...] | str:
    data, weight, out = graph.shape(op, x), graph.shape(op, w), graph.out(op)
    if not len(data) == len(weight) == len(out) == 4:
        return f"it has shapes {list(data)}, {list(weight)}, {list(out)}; expected 4 dimensions"
    return data, weight, out


def _conv(graph: Graph, op: Operator) -> str | None:
    found = _pictures(graph, op, 0, 1)
    if isinstance(found, str):
        return found
    data, weight, out = found
    options = _options(op, "Conv2DOptions")
    groups = data[3] // weight[3]
    if options is None or data[3] % weight[3] or weight[0] % groups or out[3] != weight[0]:
        return f"its weights {list(weight)} do not fit its operands"
    sizes = _Channels(groups, weight[0] // groups, weight[3])
    _add_convolution(graph, op, options, (data, weight, out), sizes)
    return None


class _Channels(NamedTuple):
    """Groups, and the output and input channels of one."""

    groups: int
    outputs: int
    inputs: int


def _add_convolution(
    graph: Graph, op: Operator, options: Any, pictures: tuple[tuple[int, ...], ...],
    channels: _Channels,
) -> None:  # fmt: skip
    data, weight, out = pictures

    def add(result: str) -> None:
        graph.rec.add(
            layers.convolution(
                op.name, (op.inputs[0], op.inputs[1], result), batch=data[0],
                groups=channels.groups, outputs=channels.outputs, inputs=channels.inputs,
                size=out[1:3], kernel=weight[1:3],
                stride=(options.StrideH(), options.StrideW()),
                dilation=(options.DilationHFactor(), options.DilationWFactor()),
            )
        )  # fmt: skip

    _with_activation(graph, op, _activation(graph, op, options), add)


def _depthwise(graph: Graph, op: Operator) -> str | None:
    found = _pictures(graph, op, 0, 1)
    if isinstance(found, str):
        return found
    data, weight, out = found
    options = _options(op, "DepthwiseConv2DOptions")
    if options is None or weight[0] != 1 or weight[3] % data[3] or out[3] != weight[3]:
        return f"its weights {list(weight)} do not fit its operands"
    sizes = _Channels(data[3], weight[3] // data[3], 1)
    _add_convolution(graph, op, options, (data, weight, out), sizes)
    return None


def _transpose_conv(graph: Graph, op: Operator) -> str | None:
    found = _pictures(graph, op, 2, 1)
    if isinstance(found, str):
        return found
    data, weight, out = found
    options = _options(op, "TransposeConvOptions")
    if options is None or data[3] != weight[3] or out[3] != weight[0]:
        return f"its weights {list(weight)} do not fit its operands"

    def add(result: str) -> None:
        graph.rec.add(
            layers.transposed_convolution(
                op.name, (op.inputs[2], op.inputs[1], result), batch=data[0], outputs=weight[0],
                inputs=weight[3], size=data[1:3], kernel=weight[1:3],
                stride=(options.StrideH(), options.StrideW()),
            )
        )  # fmt: skip

    _with_activation(graph, op, _activation(graph, op, options), add)
    return None


def _fully_connected(graph: Graph, op: Operator) -> str | None:
    data, weight = graph.shape(op, 0), graph.shape(op, 1)
    if len(weight) != 2 or math.prod(data) % weight[1]:
        return f"its weights {list(weight)} do not fit its operand {list(data)}"
    rows = math.prod(data) // weight[1]
    values = (op.inputs[0], op.inputs[1])

    def add(result: str) -> None:
        graph.rec.add(
            layers.gemm(op.name, (*values, result), rows=rows, outputs=weight[0], inputs=weight[1])
        )

    kind = _activation(graph, op, _options(op, "FullyConnectedOptions"))
    _with_activation(graph, op, kind, add)
    return None


def _batch_matmul(graph: Graph, op: Operator) -> str | None:
    a, b = graph.shape(op, 0), graph.shape(op, 1)
    options = _options(op, "BatchMatMulOptions")
    if len(a) < 2 or len(b) < 2:
        return f"it multiplies {list(a)} by {list(b)}"
    a = (*a[:-2], a[-1], a[-2]) if options is not None and options.AdjX() else a
    b = (*b[:-2], b[-1], b[-2]) if options is not None and options.AdjY() else b
    graph.rec.product(op.name, (op.inputs[0], op.inputs[1], op.outputs[0]), a, b)
    return None


def _lstm(graph: Graph, op: Operator) -> str | None:
    options = _options(op, "UnidirectionalSequenceLSTMOptions")
    if len(op.inputs) < 9 or not op.inputs[1] or (len(op.inputs) > 16 and op.inputs[16]):
        return "an LSTM with coupled gates or a projection"
    data, recurrent = graph.shape(op, 0), graph.shape(op, 6)
    if len(data) != 3 or len(recurrent) != 2:
        return f"an LSTM on a tensor of shape {list(data)}"
    first = options is not None and options.TimeMajor()
    steps, batch = (data[0], data[1]) if first else (data[1], data[0])
    values = (op.inputs[0], op.inputs[2], op.inputs[6], op.outputs[0])
    record_direction(
        graph.rec, op.name, "lstm", values, batch=batch, steps=steps, inputs=data[2],
        hidden=recurrent[0],
    )  # fmt: skip
    return None


def _pool(kind: str) -> Handler:
    def run(graph: Graph, op: Operator) -> str | None:
        data, out = graph.shape(op, 0), graph.out(op)
        options = _options(op, "Pool2DOptions")
        if options is None or len(data) != 4 or len(out) != 4:
            return f"it pools a tensor of shape {list(data)}"
        kernel = (options.FilterHeight(), options.FilterWidth())
        if min(kernel) < 1:
            return f"it has a window of {kernel}"

        def add(result: str) -> None:
            graph.rec.add(
                vector.pool(
                    op.name, kind, (op.inputs[0], result), batch=data[0], channels=data[3],
                    size=out[1:3], kernel=kernel, stride=(options.StrideH(), options.StrideW()),
                )
            )  # fmt: skip

        _with_activation(graph, op, _activation(graph, op, options), add)
        return None

    return run


def _pointwise(kind: str, options: str = "") -> Handler:
    def run(graph: Graph, op: Operator) -> str | None:
        operands = [(i, graph.rec.shape(i, op.name)) for i in op.inputs if i]
        out = graph.out(op)

        def add(result: str) -> None:
            graph.rec.add(
                vector.pointwise(op.name, kind, operands, (result, out), channels_last=_last(out))
            )

        found = _activation(graph, op, _options(op, options)) if options else ""
        _with_activation(graph, op, found, add)
        return None

    return run


def _first(kind: str) -> Handler:
    def run(graph: Graph, op: Operator) -> str | None:
        operand, out = (op.inputs[0], graph.shape(op, 0)), graph.out(op)
        graph.rec.add(
            vector.pointwise(
                op.name, kind, [operand], (op.outputs[0], out), channels_last=_last(out)
            )
        )

    return run


def _gelu(graph: Graph, op: Operator) -> str | None:
    options = _options(op, "GeluOptions")
    return _first("gelu_tanh" if options is not None and options.Approximate() else "gelu")(
        graph, op
    )


def _reduce(kind: str) -> Handler:
    def run(graph: Graph, op: Operator) -> str | None:
        data = graph.shape(op, 0)
        axes = graph.data.get(op.inputs[1]) if len(op.inputs) > 1 else None
        if axes is None:
            return "its axes are known only at run time"
        operand = (op.inputs[0], data)
        graph.rec.add(
            vector.reduction(
                op.name, kind, operand, [int(a) for a in axes], op.outputs[0],
                channels_last=_last(data),
            )
        )  # fmt: skip
        return None

    return run


def _view(graph: Graph, op: Operator) -> str | None:
    graph.rec.view(op.outputs[0], op.inputs[0])


def _part(position: int = 0) -> Handler:
    def run(graph: Graph, op: Operator) -> str | None:
        graph.shape(op, position)
        for output in op.outputs:
            if output:
                graph.rec.view(output, op.inputs[position], whole=False)

    return run


def _move(kind: str) -> Handler:
    def run(graph: Graph, op: Operator) -> str | None:
        graph.shape(op, 0)
        reads = [i for i in op.inputs if i]
        result = (op.outputs[0], graph.out(op))
        source = "" if kind == "concat" else op.inputs[0]
        graph.rec.add(vector.movement(op.name, kind, source, result), reads=reads)

    return run


def _resize(kind: str) -> Handler:
    def run(graph: Graph, op: Operator) -> str | None:
        data, out = graph.shape(op, 0), graph.out(op)
        if len(data) != len(out):
            return f"it resizes {list(data)} to {list(out)}"
        graph.rec.add(vector.resize(op.name, kind, (op.inputs[0], data), (op.outputs[0], out)))
        return None

    return run


_MAC: dict[str, Handler] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}

_BINARY = {
    "ADD": ("add", "AddOptions"), "SUB": ("sub", "SubOptions"), "MUL": ("mul", "MulOptions"),
    "DIV": ("div", "DivOptions"), "MAXIMUM": ("max", ""), "MINIMUM": ("min", ""),
    "POW": ("pow", ""), "SQUARED_DIFFERENCE": ("square", ""), "GREATER": ("greater", ""),
    "LESS": ("less", ""), "EQUAL": ("equal", ""), "NOT_EQUAL": ("equal", ""),
    "GREATER_EQUAL": ("greater_or_equal", ""), "LESS_EQUAL": ("less_or_equal", ""),
    "LOGICAL_AND": ("and", ""), "LOGICAL_OR": ("or", ""), "SELECT": ("where", ""),
    "SELECT_V2": ("where", ""), "PRELU": ("prelu", ""), "ADD_N": ("sum", ""),
    "FLOOR_DIV": ("div", ""), "FLOOR_MOD": ("mod", ""),
}  # fmt: skip

_UNARY = {
    "RELU": "relu", "RELU6": "relu6", "RELU_N1_TO_1": "clip", "LOGISTIC": "sigmoid",
    "TANH": "tanh", "HARD_SWISH": "hard_swish", "LEAKY_RELU": "leaky_relu", "ELU": "elu",
    "EXP": "exp", "LOG": "log", "SQRT": "sqrt", "RSQRT": "rsqrt", "NEG": "neg", "ABS": "abs",
    "SQUARE": "square", "SIN": "sin", "COS": "cos", "FLOOR": "floor", "CEIL": "ceil",
    "ROUND": "round", "CAST": "cast", "LOGICAL_NOT": "not", "QUANTIZE": "quantize",
    "DEQUANTIZE": "quantize", "SOFTMAX": "softmax", "LOG_SOFTMAX": "log_softmax",
    "L2_NORMALIZATION": "l2_norm", "LOCAL_RESPONSE_NORMALIZATION": "lrn", "CUMSUM": "cumsum",
}  # fmt: skip

_REDUCE = {
    "MEAN": "mean", "SUM": "sum", "REDUCE_MAX": "max", "REDUCE_MIN": "min",
    "REDUCE_PROD": "prod", "REDUCE_ANY": "any", "REDUCE_ALL": "all", "ARG_MAX": "argmax",
    "ARG_MIN": "argmin",
}  # fmt: skip

_MOVES = {
    "CONCATENATION": "concat", "PACK": "concat", "PAD": "pad", "PADV2": "copy",
    "MIRROR_PAD": "copy", "TRANSPOSE": "transpose", "GATHER": "gather", "GATHER_ND": "gather",
    "EMBEDDING_LOOKUP": "gather", "TILE": "tile", "SPACE_TO_DEPTH": "copy",
    "DEPTH_TO_SPACE": "copy", "BATCH_TO_SPACE_ND": "copy", "SPACE_TO_BATCH_ND": "copy",
    "SCATTER_ND": "scatter", "REVERSE_V2": "copy", "ONE_HOT": "copy", "FILL": "copy",
    "ZEROS_LIKE": "copy",
}  # fmt: skip

_HANDLERS: dict[str, Handler] = {
    **_MAC,
    **{n: _pointwise(kind, options) for n, (kind, options) in _BINARY.items()},
    **{n: _first(kind) for n, kind in _UNARY.items()},
    **{n: _reduce(kind) for n, kind in _REDUCE.items()},
    **{n: _move(kind) for n, kind in _MOVES.items()},
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _view),
    **dict.fromkeys(("STRIDED_SLICE", "SLICE", "SPLIT_V", "UNPACK", "BROADCAST_TO"), _part()),
    "SPLIT": _part(1),
    "GELU": _gelu,
    "MAX_POOL_2D": _pool("maxpool"),
    "AVERAGE_POOL_2D": _pool("avgpool"),
    "RESIZE_BILINEAR": _resize("bilinear"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("nearest"),
}
