"""What PyTorch's multiply-accumulate operators record."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import math
from collections.abc import Callable

from onewatt.importers import layers, vector
from onewatt.importers.attention import record_attention
from onewatt.importers.onnx_mac import split_equation
from onewatt.importers.record import Recorder
from onewatt.importers.recurrent import GATES, record_direction
from onewatt.importers.torch_call import Call, Ref, pair
from onewatt.importers.torch_vector import times_repeated

Handler = Callable[[Recorder, Call], str | None]


def _convolve(
    rec: Recorder,
    call: Call,
    stride: object,
    dilation: object,
    groups: int,
    transposed: bool,
) -> str | None:
    data, weight = call.ref(0), call.ref(1, "weight")
    dims = len(weight.shape) - 2
    shape = data.shape if len(data.shape) == dims + 2 else (1, *data.shape)
    out = call.out.shape[-dims:]
    steps = {"stride": pair(stride, dims), "dilation": pair(dilation, dims)}
    values = (data.name, weight.name, call.out.name)
    if transposed:
        rec.add(
            layers.transposed_convolution(
                call.name, values, batch=shape[0], groups=groups, outputs=weight.shape[1],
                inputs=weight.shape[0] // groups, size=shape[2:], kernel=weight.shape[2:], **steps,
            )
        )  # fmt: skip
    else:
        rec.add(
            layers.convolution(
                call.name, values, batch=shape[0], groups=groups,
                outputs=weight.shape[0] // groups, inputs=weight.shape[1], size=out,
                kernel=weight.shape[2:], **steps,
            )
        )  # fmt: skip
    return None


def _conv(rec: Recorder, call: Call) -> str | None:
    groups = call.get(6, "groups", 1)
    return _convolve(rec, call, call.get(3, "stride", 1), call.get(5, "dilation", 1), groups, False)


def _conv_transpose(rec: Recorder, call: Call) -> str | None:
    groups = call.get(6, "groups", 1)
    return _convolve(rec, call, call.get(3, "stride", 1), call.get(7, "dilation", 1), groups, True)


def _convolution(rec: Recorder, call: Call) -> str | None:
    stride, dilation = call.get(3, "stride", 1), call.get(5, "dilation", 1)
    groups = call.get(8, "groups", 1)
    return _convolve(rec, call, stride, dilation, groups, bool(call.get(6, "transposed", False)))


def _multiply(rec: Recorder, call: Call, left: Ref, right: Ref) -> None:
    rec.product(call.name, (left.name, right.name, call.out.name), left.shape, right.shape)


def _linear(rec: Recorder, call: Call) -> str | None:
    data, weight = call.ref(0), call.ref(1, "weight")
    values = (data.name, weight.name, call.out.name)
    rec.product(call.name, values, data.shape, weight.shape[::-1])


def _product(first: int) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        left, right = call.ref(first), call.ref(first + 1, "other")
        shared = _shared(rec, call.op, left, right)
        if shared is None:
            _multiply(rec, call, left, right)
            return None
        heads, times = shared
        groups = math.prod(left.shape[:-3]) * heads
        rec.add(
            layers.matmul(
                call.name,
                (left.name, right.name, call.out.name),
                groups=groups,
                rows=times * left.shape[-2],
                outputs=right.shape[-1],
                inputs=left.shape[-1],
            )
        )

    return run


def _shared(rec: Recorder, op: str, left: Ref, right: Ref) -> tuple[int, int] | None:
    """Return heads and query heads per head where the right side repeats its heads."""
    times = times_repeated(rec, right)
    if times == 1 or op != "matmul" or len(left.shape) < 4 or left.shape[:-2] != right.shape[:-2]:
        return None
    return right.shape[-3] // times, times


def _einsum(rec: Recorder, call: Call) -> str | None:
    refs = call.refs()
    found = split_equation(str(call.args[0]), [r.shape for r in refs])
    if isinstance(found, str):
        return found
    groups, rows, outputs, inputs = found
    left, right = (groups, rows, inputs), (groups, inputs, outputs)
    if groups == 1:
        left, right = left[1:], right[1:]
    rec.product(call.name, (refs[0].name, refs[1].name, call.out.name), left, right)
    return None


def _grouped(rec: Recorder, call: Call) -> str | None:
    """Record the experts of a mixture: tokens are taken to spread evenly over them."""
    data, weight = call.ref(0), call.ref(1)
    if len(data.shape) != 2 or len(weight.shape) != 3:
        return "a grouped product whose sides are not tokens and a stack of weights"
    tokens, experts = data.shape[0], weight.shape[0]
    groups = max(d for d in range(1, min(tokens, experts) + 1) if tokens % d == 0)
    rec.add(
        layers.matmul(
            call.name,
            (data.name, weight.name, call.out.name),
            groups=groups,
            rows=tokens // groups,
            outputs=weight.shape[2],
            inputs=weight.shape[1],
        ),
        grows="P",
    )
    return None


def _attention(rec: Recorder, call: Call) -> str | None:
    q, k, v = call.ref(0, "query"), call.ref(1, "key"), call.ref(2, "value")
    if any(len(r.shape) < 2 for r in (q, k, v)):
        return "attention on vectors"
    (queries, depth), keys, value_depth = q.shape[-2:], k.shape[-2:][0], v.shape[-1:][0]
    heads = q.shape[-3] if len(q.shape) > 2 else 1
    kept = k.shape[-3] if len(k.shape) > 2 else 1
    if kept == heads:
        times = times_repeated(rec, k)
        if times == times_repeated(rec, v) and heads % times == 0:
            kept = heads // times
    if heads % kept:
        return f"{heads} query heads do not share {kept} heads of keys evenly"
    record_attention(
        rec,
        call.name,
        (q.name, k.name, v.name, call.out.name),
        batch=math.prod(q.shape[:-3]),
        heads=kept,
        shared_by=heads // kept,
        queries=queries,
        keys=keys,
        depth=depth,
        value_depth=value_depth,
    )
    return None


def _recurrent(kind: str) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        if isinstance(call.args[1], Ref) and isinstance(call.args[2], Ref):
            return "a recurrent layer on packed sequences of different lengths"
        data, params = call.ref(0), [p for p in call.args[2] if isinstance(p, Ref)]
        biases, number = bool(call.args[3]), int(call.args[4])
        both, first = bool(call.args[7]), bool(call.args[8])
        ways = ("forward", "reverse") if both else ("forward",)
        projected = params[0].shape[0] // GATES[kind] if params else 0
        steps, batch = (data.shape[1], data.shape[0]) if first else data.shape[:2]
        each = len(params) // (number * len(ways))
        hidden, size = projected, each - (2 if biases else 0)
        state = params[1].shape[1]
        source, inputs = data.name, data.shape[-1]
        for layer in range(number):
            out = call.out.name if layer == number - 1 else f"{call.out.name}/layer{layer}"
            for way in ways:
                weights = params[:each]
                params = params[each:]
                record_direction(
                    rec,
                    _part(call.name, number, layer, ways, way),
                    kind,
                    (source, weights[0].name, weights[1].name, out),
                    batch=batch,
                    steps=steps,
                    inputs=inputs,
                    hidden=hidden,
                    projected=state if size == 3 else 0,
                )
            source, inputs = out, state * len(ways)
        for other in call.outputs[1:]:
            rec.view(other.name, call.out.name, whole=False)
        return None

    return run


def _mkldnn(rec: Recorder, call: Call) -> str | None:
    """Record one layer in one direction, as the CPU backend runs LSTMs."""
    data, weight, recurrent = call.ref(0), call.ref(1), call.ref(2)
    gates = weight.shape[0] // recurrent.shape[1]
    kind = next((k for k, n in GATES.items() if n == gates), None)
    if kind is None or len(data.shape) != 3:
        return "a recurrent layer of an unknown kind"
    record_direction(
        rec,
        call.name,
        kind,
        (data.name, weight.name, recurrent.name, call.out.name),
        batch=data.shape[1],
        steps=data.shape[0],
        inputs=data.shape[2],
        hidden=recurrent.shape[1],
    )
    for other in call.outputs[1:]:
        rec.view(other.name, call.out.name, whole=False)
    return None


def _part(name: str, layers_: int, layer: int, ways: tuple[str, ...], way: str) -> str:
    name = f"{name}.layer{layer}" if layers_ > 1 else name
    return f"{name}.{way}" if len(ways) > 1 else name


def _cell(kind: str) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        refs = call.refs()
        data = refs[0]
        weights = [r for r in refs if rec.constant([r.name]) and len(r.shape) == 2]
        if len(weights) < 2:
            return "a recurrent cell whose weights are not constants"
        record_direction(
            rec,
            call.name,
            kind,
            (data.name, weights[-2].name, weights[-1].name, call.out.name),
            batch=math.prod(data.shape[:-1]),
            steps=1,
            inputs=data.shape[-1],
            hidden=weights[-1].shape[1],
        )
        for other in call.outputs[1:]:
            rec.view(other.name, call.out.name, whole=False)
        return None

    return run


def _bilinear(rec: Recorder, call: Call) -> str | None:
    """Record ``x1 W x2``: the weights meet the first side, then a product with the second."""
    a, b, weight = call.ref(0), call.ref(1), call.ref(2)
    rows = math.prod(a.shape[:-1])
    outputs, left, right = weight.shape
    mixed = f"{call.out.name}/mixed"
    rec.tensor(mixed, (rows, outputs * right))
    values = (a.name, weight.name, mixed)
    rec.add(layers.gemm(call.name, values, rows=rows, outputs=outputs * right, inputs=left))
    values = (mixed, b.name, call.out.name)
    name = f"{call.name}.second"
    rec.add(layers.matmul(name, values, groups=rows, rows=outputs, outputs=1, inputs=right))


def _outer(rec: Recorder, call: Call) -> str | None:
    a, b = call.ref(0), call.ref(1)
    operands = [(a.name, (*a.shape, 1)), (b.name, b.shape)]
    rec.add(vector.pointwise(call.name, "mul", operands, (call.out.name, call.out.shape)))


#: Operators that multiply and accumulate.
MAC: dict[str, Handler] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _conv_transpose),
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), _convolution),
    "linear": _linear,
    **dict.fromkeys(("mm", "bmm", "matmul", "mv", "dot", "_int_mm"), _product(0)),
    **dict.fromkeys(("addmm", "baddbmm", "addmv", "_addmm_activation"), _product(1)),
    "einsum": _einsum,
    "_grouped_mm": _grouped,
    "grouped_mm_fallback": _grouped,
    **dict.fromkeys(
        (
            "scaled_dot_product_attention",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
            "_scaled_dot_product_attention_math",
            "_scaled_dot_product_fused_attention_overrideable",
        ),
        _attention,
    ),
    "mkldnn_rnn_layer": _mkldnn,
    "lstm": _recurrent("lstm"),
    "gru": _recurrent("gru"),
    "rnn_tanh": _recurrent("rnn"),
    "rnn_relu": _recurrent("rnn"),
    "lstm_cell": _cell("lstm"),
    "gru_cell": _cell("gru"),
    "rnn_tanh_cell": _cell("rnn"),
    "rnn_relu_cell": _cell("rnn"),
    "bilinear": _bilinear,
    "outer": _outer,
}
