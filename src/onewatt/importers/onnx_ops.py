"""What each ONNX operator records: one table from operator name to a short function.

A function returns None when it recorded the node, or the reason why it has no price.
"""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import math

from onewatt.importers import vector
from onewatt.importers.onnx_custom import ELEMENTWISE, MICROSOFT
from onewatt.importers.onnx_graph import Graph, Handler, Node
from onewatt.importers.onnx_mac import (
    conv,
    conv_transpose,
    einsum,
    gemm,
    product,
    qlinear_conv,
)
from onewatt.importers.onnx_rnn import attention, gru, lstm, microsoft_attention, rnn

#: Operators that multiply and accumulate: they run for every inference, whatever they read.
MAC_OPS = frozenset(
    (
        "Conv", "ConvInteger", "QLinearConv", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger",
        "QLinearMatMul", "Einsum", "Attention", "LSTM", "GRU", "RNN", "FusedMatMul",
    )
)  # fmt: skip

#: Operators whose result is as wide as their operand, or dequantised on the fly from it.
SAME_WIDTH = frozenset(
    ("DequantizeLinear", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose")
)


def handler(node: Node) -> Handler | None:
    """Return the function of an operator, or None when it has no price."""
    return _HANDLERS.get((node.domain, node.op))


def _live(graph: Graph, node: Node) -> list[vector.Operand]:
    return [(i, graph.rec.shapes[i]) for i in node.inputs if i and i in graph.rec.shapes]


def _view(graph: Graph, node: Node) -> str | None:
    graph.rec.view(node.outputs[0], node.inputs[0])


def _part(graph: Graph, node: Node) -> str | None:
    for output in node.outputs:
        if output:
            graph.rec.view(output, node.inputs[0], whole=False)


def _quantize(graph: Graph, node: Node) -> str | None:
    _view(graph, node)
    source = graph.rec.same(node.inputs[0])
    if node.outputs[0] in graph.rec.bits:
        graph.rec.bits[source] = graph.rec.bits[node.outputs[0]]


def _pointwise(op: str) -> Handler:
    def run(graph: Graph, node: Node) -> str | None:
        result = (node.outputs[0], graph.out(node))
        for value, _ in _live(graph, node):
            graph.rec.shape(value, node.name)
        graph.rec.add(vector.pointwise(node.name, op, _live(graph, node), result))

    return run


def _unary(op: str) -> Handler:
    """Work on the first operand; the others (bounds, scales, axes) are settings."""

    def run(graph: Graph, node: Node) -> str | None:
        operand = (node.inputs[0], graph.shape(node, 0))
        result = (node.outputs[0], graph.out(node))
        graph.rec.add(vector.pointwise(node.name, op, [operand], result))

    return run


def _affine(op: str, parameters: int = 3) -> Handler:
    """Normalisation along the last axes, with its scale and shift."""

    def run(graph: Graph, node: Node) -> str | None:
        graph.shape(node, 0)
        operands = _live(graph, node)[:parameters]
        graph.rec.add(vector.pointwise(node.name, op, operands, (node.outputs[0], graph.out(node))))

    return run


def _skip_norm(op: str) -> Handler:
    def run(graph: Graph, node: Node) -> str | None:
        operands = _live(graph, node)
        result = (node.outputs[0], graph.out(node))
        steps = vector.OPERATIONS[op] + len(operands) - 2
        graph.rec.add(vector.pointwise(node.name, op, operands, result, operations=steps))

    return run


def _gelu(graph: Graph, node: Node) -> str | None:
    op = "gelu_tanh" if node.get("approximate", "none") == "tanh" else "gelu"
    return _unary(op)(graph, node)


def _lrn(graph: Graph, node: Node) -> str | None:
    operand = (node.inputs[0], graph.shape(node, 0))
    result = (node.outputs[0], graph.out(node))
    steps = float(node.get("size", 5)) + 4  # square, window sum, scale, shift, power, product
    graph.rec.add(vector.pointwise(node.name, "lrn", [operand], result, operations=max(steps, 1.0)))


def _pool(op: str) -> Handler:
    def run(graph: Graph, node: Node) -> str | None:
        data, out = graph.shape(node, 0), graph.out(node)
        kernel = node.get("kernel_shape") or data[2:]
        if len(data) < 3 or len(out) != len(data):
            return f"it pools a tensor of shape {list(data)}"
        graph.rec.add(
            vector.pool(
                node.name,
                op,
                (node.inputs[0], node.outputs[0]),
                batch=data[0],
                channels=data[1],
                size=out[2:],
                kernel=kernel,
                stride=node.get("strides") or (1,) * (len(data) - 2),
                dilation=node.get("dilations"),
            )
        )
        return None

    return run


def _global_pool(op: str) -> Handler:
    def run(graph: Graph, node: Node) -> str | None:
        data = graph.shape(node, 0)
        axes = range(2, len(data))
        operand = (node.inputs[0], data)
        graph.rec.add(vector.reduction(node.name, op, operand, axes, node.outputs[0]))

    return run


def _reduce(op: str) -> Handler:
    def run(graph: Graph, node: Node) -> str | None:
        data = graph.shape(node, 0)
        axes = node.get("axes") or graph.integers(node.operand(1))
        if axes is None and node.operand(1):
            return "its axes are known only at run time"
        axes = axes or range(len(data))
        operand = (node.inputs[0], data)
        graph.rec.add(vector.reduction(node.name, op, operand, axes, node.outputs[0]))
        return None

    return run


def _arg(graph: Graph, node: Node) -> str | None:
    operand = (node.inputs[0], graph.shape(node, 0))
    axes = [int(node.get("axis", 0))]
    graph.rec.add(vector.reduction(node.name, "argmax", operand, axes, node.outputs[0]))


def _topk(graph: Graph, node: Node) -> str | None:
    data = graph.shape(node, 0)
    operand = (node.inputs[0], data)
    graph.rec.add(vector.pointwise(node.name, "topk", [operand], (node.outputs[0], data)))


def _concat(graph: Graph, node: Node) -> str | None:
    reads = [i for i in node.inputs if i]
    result = (node.outputs[0], graph.out(node))
    live = [i for i in reads if math.prod(graph.rec.shapes[i])]
    if len(live) == 1:
        graph.rec.view(node.outputs[0], live[0])
        return
    graph.rec.add(vector.movement(node.name, "concat", "", result), reads=reads)


def _transpose(graph: Graph, node: Node) -> str | None:
    data = graph.shape(node, 0)
    order = node.get("perm") or tuple(reversed(range(len(data))))
    kept = [i for i in order if data[i] > 1]
    if kept == sorted(kept):
        return _view(graph, node)
    result = (node.outputs[0], graph.out(node))
    graph.rec.add(vector.movement(node.name, "transpose", node.inputs[0], result))
    return None


def _move(op: str) -> Handler:
    def run(graph: Graph, node: Node) -> str | None:
        graph.shape(node, 0)
        result = (node.outputs[0], graph.out(node))
        reads = [i for i in node.inputs if i]
        graph.rec.add(vector.movement(node.name, op, node.inputs[0], result), reads=reads)

    return run


def _resize(graph: Graph, node: Node) -> str | None:
    kinds = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}
    op = kinds.get(str(node.get("mode", "nearest")))
    data, out = graph.shape(node, 0), graph.out(node)
    if op is None or len(out) != len(data):
        return f"interpolation mode {node.get('mode')!r} is unknown"
    operand = (node.inputs[0], data)
    graph.rec.add(vector.resize(node.name, op, operand, (node.outputs[0], out)))
    return None


_FLOAT_OPS: dict[str, str] = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Sum": "sum", "Max": "max",
    "Min": "min", "Pow": "pow", "Mod": "mod", "And": "and", "Or": "or", "Xor": "xor",
    "Equal": "equal", "Greater": "greater", "Less": "less", "Where": "where",
    "GreaterOrEqual": "greater_or_equal", "LessOrEqual": "less_or_equal", "PRelu": "prelu",
    "BitShift": "shift", "Mean": "sum",
}  # fmt: skip

_UNARY_OPS: dict[str, str] = {
    "Relu": "relu", "LeakyRelu": "leaky_relu", "Clip": "clip", "Elu": "elu", "Celu": "celu",
    "Selu": "selu", "Sigmoid": "sigmoid", "HardSigmoid": "hard_sigmoid", "Tanh": "tanh",
    "HardSwish": "hard_swish", "Softplus": "softplus", "Softsign": "softsign", "Mish": "mish",
    "ThresholdedRelu": "threshold", "Swish": "silu", "Abs": "abs", "Neg": "neg", "Exp": "exp",
    "Log": "log", "Sqrt": "sqrt", "Reciprocal": "reciprocal", "Erf": "erf", "Sin": "sin",
    "Cos": "cos", "Tan": "tan", "Asin": "asin", "Acos": "acos", "Atan": "atan", "Sinh": "sinh",
    "Cosh": "cosh", "Asinh": "asinh", "Acosh": "acosh", "Atanh": "atanh", "Floor": "floor",
    "Ceil": "ceil", "Round": "round", "Sign": "sign", "Not": "not", "IsNaN": "isnan",
    "IsInf": "isinf", "Cast": "cast", "CastLike": "cast", "CumSum": "cumsum",
    "BatchNormalization": "batch_norm", "Softmax": "softmax", "LogSoftmax": "log_softmax",
    "Hardmax": "argmax", "LpNormalization": "l2_norm", "Shrink": "threshold",
    "InstanceNormalization": "instance_norm", "GroupNormalization": "group_norm",
    "MeanVarianceNormalization": "instance_norm", "DynamicQuantizeLinear": "quantize",
    "Trilu": "where",
}  # fmt: skip

_REDUCTIONS = ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
               "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")  # fmt: skip

_MOVES = {
    "Gather": "gather", "GatherElements": "gather", "GatherND": "gather", "Tile": "tile",
    "Pad": "pad", "DepthToSpace": "copy", "SpaceToDepth": "copy", "ScatterND": "scatter",
    "ScatterElements": "scatter", "OneHot": "copy", "ReverseSequence": "copy",
    "ConstantOfShape": "copy", "Range": "copy", "EyeLike": "copy",
}  # fmt: skip


def _table() -> dict[tuple[str, str], Handler]:
    plain: dict[str, Handler] = {n: _pointwise(op) for n, op in _FLOAT_OPS.items()}
    plain |= {n: _unary(op) for n, op in _UNARY_OPS.items()}
    plain |= {n: _move(op) for n, op in _MOVES.items()}
    plain |= {n: _reduce("mean" if n == "ReduceMean" else "reduce") for n in _REDUCTIONS}
    plain |= dict.fromkeys(("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"), _view)
    plain |= {
        "Dropout": _view, "DequantizeLinear": _view, "QuantizeLinear": _quantize,
        "Slice": _part, "Split": _part, "Expand": _part,
        "Conv": conv, "ConvInteger": conv, "QLinearConv": qlinear_conv,
        "ConvTranspose": conv_transpose, "Gemm": gemm, "MatMul": product(0, 1),
        "MatMulInteger": product(0, 1), "QLinearMatMul": product(0, 3), "Einsum": einsum,
        "Attention": attention, "LSTM": lstm, "GRU": gru, "RNN": rnn,
        "MaxPool": _pool("maxpool"), "AveragePool": _pool("avgpool"), "LpPool": _pool("avgpool"),
        "GlobalAveragePool": _global_pool("avgpool"), "GlobalMaxPool": _global_pool("maxpool"),
        "LRN": _lrn, "LayerNormalization": _affine("layer_norm"),
        "RMSNormalization": _affine("rms_norm", 2), "Gelu": _gelu,
        "SimplifiedLayerNormalization": _affine("rms_norm", 2),
        "ArgMax": _arg, "ArgMin": _arg, "TopK": _topk, "Concat": _concat,
        "Transpose": _transpose, "Resize": _resize, "Upsample": _resize,
    }  # fmt: skip
    table = {("", n): f for n, f in plain.items()}
    extra: dict[str, Handler] = {n: _unary(op) for n, op in ELEMENTWISE.items()}
    extra |= {
        "Attention": microsoft_attention,
        "SkipLayerNormalization": _skip_norm("layer_norm"),
        "SkipSimplifiedLayerNormalization": _skip_norm("rms_norm"),
        "FusedMatMul": product(0, 1),
        "QLinearConcat": _concat,
    }
    return table | {(MICROSOFT, n): f for n, f in extra.items()}


_HANDLERS = _table()
