"""What PyTorch's other operators record: vector work, data movement, views."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import math
from collections.abc import Callable

from onewatt.importers import vector
from onewatt.importers.record import Recorder
from onewatt.importers.torch_call import Call, Ref, pair

Handler = Callable[[Recorder, Call], str | None]


def _size(ref: Ref) -> int:
    return math.prod(ref.shape)


def view(rec: Recorder, call: Call) -> str | None:
    """Record another name for the same data, or for a part of them."""
    source = call.ref(0)
    for out in call.outputs:
        rec.view(out.name, source.name, whole=_size(out) == _size(source))
    _note_repeats(rec, call, source)
    return None


def _note_repeats(rec: Recorder, call: Call, source: Ref) -> None:
    """Follow heads that are repeated for grouped queries: expand, then merge the two axes."""
    out, old = call.out.shape, source.shape
    times: object = 1
    if call.op == "expand" and len(out) == len(old) == 5 and old[2] == 1:
        times = out[2] if _size(call.out) == _size(source) * out[2] else 1
    elif call.op == "repeat_interleave" and len(out) == 4 and call.get(2, "dim") in (1, -3):
        times = call.get(1, "repeats")
    if isinstance(times, int) and times > 1:
        rec.repeats[rec.same(call.out.name)] = times, source.name


def times_repeated(rec: Recorder, ref: Ref) -> int:
    """Return how often every head of a tensor is repeated."""
    return rec.repeats.get(rec.same(ref.name), (1, ""))[0]


def _cast(rec: Recorder, call: Call) -> str | None:
    source = call.ref(0)
    if (source.floating and call.out.floating) or source.shape == ():
        return view(rec, call)
    return _elementwise("cast")(rec, call)


def _transpose(rec: Recorder, call: Call) -> str | None:
    source = call.ref(0)
    kept = [s for s in source.shape if s > 1]
    result = (call.out.name, call.out.shape)
    if len(kept) < 2 or _keeps_order(call, source.shape):
        return view(rec, call)
    rec.add(vector.movement(call.name, "transpose", source.name, result))
    repeated = rec.repeats.get(rec.same(source.name))
    if repeated:
        rec.repeats[call.out.name] = repeated
    return None


def _keeps_order(call: Call, shape: tuple[int, ...]) -> bool:
    """Whether only axes of size 1 change their place."""
    dims = len(shape)
    if call.op in ("transpose", "swapaxes"):
        order = list(range(dims))
        a, b = int(call.get(1, "dim0")) % dims, int(call.get(2, "dim1")) % dims
        order[a], order[b] = order[b], order[a]
    elif call.op == "permute":
        order = [int(d) % dims for d in call.get(1, "dims")]
    else:
        return False
    kept = [i for i in order if shape[i] > 1]
    return kept == sorted(kept)


def _elementwise(op: str) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        operands = [(r.name, r.shape) for r in call.refs()]
        rec.add(vector.pointwise(call.name, op, operands, (call.out.name, call.out.shape)))
        for other in call.outputs[1:]:
            rec.view(other.name, call.out.name, whole=False)

    return run


def _first(op: str) -> Handler:
    """Work on the first operand alone; the others are parameters of a channel or settings."""

    def run(rec: Recorder, call: Call) -> str | None:
        source = next(r for r in call.refs() if _size(r) == _size(call.out))
        operand = (source.name, source.shape)
        rec.add(vector.pointwise(call.name, op, [operand], (call.out.name, call.out.shape)))
        for other in call.outputs[1:]:
            rec.view(other.name, call.out.name, whole=False)

    return run


def _gelu(rec: Recorder, call: Call) -> str | None:
    tanh = "tanh" in (call.kwargs.get("approximate"), *call.args[1:])
    return _elementwise("gelu_tanh" if tanh else "gelu")(rec, call)


def _norm(op: str) -> Handler:
    """Normalisation over the last axes, whose scale and shift lie along them."""

    def run(rec: Recorder, call: Call) -> str | None:
        return _elementwise(op)(rec, call)

    return run


def _move(op: str, source: int = 0) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        reads = [r.name for r in call.refs()]
        result = (call.out.name, call.out.shape)
        einsum = vector.movement(call.name, op, call.ref(source).name, result)
        rec.add(einsum, reads=reads)
        if op == "tile":
            _note_repeats(rec, call, call.ref(source))

    return run


def _concat(rec: Recorder, call: Call) -> str | None:
    parts = [r for r in call.refs() if _size(r)]
    if len(parts) == 1 and _size(parts[0]) == _size(call.out):
        rec.view(call.out.name, parts[0].name)
        return
    result = (call.out.name, call.out.shape)
    rec.add(vector.movement(call.name, "concat", "", result), reads=[r.name for r in parts])


def _embedding(rec: Recorder, call: Call) -> str | None:
    table, ids = call.ref(0, "weight"), call.ref(1, "indices")
    result = (call.out.name, call.out.shape)
    operands = [(table.name, call.out.shape), (ids.name, (*ids.shape, 1))]
    rec.add(vector.pointwise(call.name, "embedding", operands, result))


def _pool(op: str, dims: int) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        source = call.ref(0)
        kernel = pair(call.get(1, "kernel_size"), dims)
        stride = call.get(2, "stride") or kernel
        dilation = call.get(4, "dilation", 1) if op == "maxpool" else 1
        shape = source.shape if len(source.shape) == dims + 2 else (1, *source.shape)
        rec.add(
            vector.pool(
                call.name,
                op,
                (source.name, call.out.name),
                batch=shape[0],
                channels=shape[1],
                size=call.out.shape[-dims:],
                kernel=kernel,
                stride=pair(stride, dims),
                dilation=pair(dilation, dims),
            )
        )
        for other in call.outputs[1:]:
            rec.view(other.name, call.out.name, whole=False)

    return run


def _adaptive(op: str, dims: int) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        source, out = call.ref(0), call.out.shape[-dims:]
        size = source.shape[-dims:]
        if all(o == 1 for o in out):
            axes = range(len(source.shape) - dims, len(source.shape))
            operand = (source.name, source.shape)
            rec.add(vector.reduction(call.name, op, operand, axes, call.out.name))
            return None
        shape = source.shape if len(source.shape) == dims + 2 else (1, *source.shape)
        kernel = tuple(-(-s // o) for s, o in zip(size, out, strict=True))
        stride = tuple(max(s // o, 1) for s, o in zip(size, out, strict=True))
        rec.add(
            vector.pool(
                call.name, op, (source.name, call.out.name), batch=shape[0], channels=shape[1],
                size=out, kernel=kernel, stride=stride,
            )
        )  # fmt: skip
        return None

    return run


def _reduce(op: str) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        source = call.ref(0)
        given = next((a for a in call.args[1:] if isinstance(a, (int, list, tuple))), None)
        given = call.kwargs.get("dim", given)
        if call.op in ("norm", "linalg_vector_norm", "logsumexp") and len(call.args) > 2:
            given = call.args[2]
        if isinstance(given, bool) or given is None or given == []:
            given = list(range(len(source.shape)))
        axes = [given] if isinstance(given, int) else list(given)
        if _size(call.out) == _size(source) and op != "cumsum":
            return _first("copy" if op in ("reduce", "mean") else op)(rec, call)
        operand = (source.name, source.shape)
        rec.add(vector.reduction(call.name, op, operand, axes, call.out.name))
        for other in call.outputs[1:]:
            rec.view(other.name, call.out.name, whole=False)
        return None

    return run


def _resize(op: str) -> Handler:
    def run(rec: Recorder, call: Call) -> str | None:
        source = call.ref(0)
        operand = (source.name, source.shape)
        rec.add(vector.resize(call.name, op, operand, (call.out.name, call.out.shape)))

    return run


_VIEWS = """view reshape _unsafe_view _reshape_alias flatten unflatten squeeze unsqueeze expand
expand_as alias detach contiguous clone dropout alpha_dropout feature_dropout view_as reshape_as
lift_fresh_copy lift_fresh slice select split split_with_sizes chunk unbind narrow
tensor_split unsafe_split unsafe_chunk as_strided diagonal identity broadcast_to detach_ positive
view_as_real view_as_complex real squeeze_ unsqueeze_ unfold atleast_2d ravel resolve_conj
resolve_neg dropout_ slice_copy hsplit vsplit native_dropout""".split()  # noqa: SIM905

_CASTS = ("to", "_to_copy", "type_as", "float", "half", "bfloat16", "double", "int", "long", "bool")

_ELEMENTWISE = {
    "add": "add", "sub": "sub", "rsub": "sub", "mul": "mul", "div": "div", "true_divide": "div",
    "floor_divide": "div", "remainder": "mod", "fmod": "mod", "pow": "pow", "maximum": "max",
    "minimum": "min", "fmax": "max", "fmin": "min", "where": "where", "masked_fill": "where",
    "eq": "equal", "ne": "equal", "gt": "greater", "ge": "greater", "lt": "less", "le": "less",
    "logical_and": "and", "logical_or": "or", "logical_xor": "xor", "logical_not": "not",
    "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor", "bitwise_not": "not",
    "__and__": "and", "__or__": "or", "__xor__": "xor", "__lshift__": "shift",
    "__rshift__": "shift", "lerp": "lerp", "addcmul": "addcmul", "addcdiv": "addcdiv",
    "atan2": "atan", "copysign": "copysign", "masked_fill_": "where", "prelu": "prelu",
    "_prelu_kernel": "prelu", "copy": "copy", "square": "square", "relu": "relu",
    "relu6": "relu6", "leaky_relu": "leaky_relu", "rrelu": "leaky_relu", "elu": "elu",
    "celu": "celu", "selu": "selu", "silu": "silu", "sigmoid": "sigmoid", "tanh": "tanh",
    "hardtanh": "hardtanh", "hardswish": "hard_swish", "hardsigmoid": "hard_sigmoid",
    "softplus": "softplus", "softsign": "softsign", "mish": "mish", "log_sigmoid": "log_sigmoid",
    "threshold": "threshold", "hardshrink": "threshold", "softshrink": "threshold",
    "clamp": "clip", "clip": "clip", "clamp_min": "max", "clamp_max": "min", "abs": "abs",
    "neg": "neg", "negative": "neg", "sign": "sign", "exp": "exp", "exp2": "exp", "log": "log",
    "log2": "log2", "log10": "log2", "log1p": "log1p", "expm1": "expm1", "sqrt": "sqrt",
    "rsqrt": "rsqrt", "reciprocal": "reciprocal", "erf": "erf", "erfc": "erfc", "sin": "sin",
    "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh",
    "cosh": "cosh", "floor": "floor", "ceil": "ceil", "round": "round", "trunc": "round",
    "isnan": "isnan", "isinf": "isinf", "logit": "logit", "nan_to_num": "where",
    "tril": "where", "triu": "where", "cumsum": "cumsum", "cumprod": "cumsum", "topk": "topk",
    "sort": "topk", "argsort": "topk", "softmax": "softmax", "_softmax": "softmax",
    "_safe_softmax": "softmax", "log_softmax": "log_softmax", "_log_softmax": "log_softmax",
    "complex": "copy", "polar": "sin", "diff": "sub", "isin": "equal", "histc": "add",
    "bucketize": "less", "searchsorted": "less", "one_hot": "equal",
}  # fmt: skip

_FIRST = {
    "batch_norm": "batch_norm", "_native_batch_norm_legit_no_training": "batch_norm",
    "native_batch_norm": "batch_norm", "_batch_norm_no_update": "batch_norm",
    "cudnn_batch_norm": "batch_norm", "group_norm": "group_norm",
    "native_group_norm": "group_norm", "instance_norm": "instance_norm",
}  # fmt: skip

_REDUCTIONS = {
    "mean": "mean", "sum": "sum", "amax": "max", "amin": "min", "max": "max", "min": "min",
    "prod": "prod", "any": "any", "all": "all", "argmax": "argmax", "argmin": "argmin",
    "var": "var", "std": "var", "norm": "reduce", "linalg_vector_norm": "reduce",
    "logsumexp": "reduce", "count_nonzero": "reduce", "var_mean": "var", "std_mean": "var",
}  # fmt: skip

_MOVES = {
    "index": "gather", "index_select": "gather", "gather": "gather", "take_along_dim": "gather",
    "take": "gather", "constant_pad_nd": "pad", "pad": "pad", "reflection_pad2d": "copy",
    "reflection_pad1d": "copy", "replication_pad2d": "copy", "replication_pad1d": "copy",
    "roll": "roll", "flip": "copy", "repeat": "tile", "tile": "tile", "repeat_interleave": "tile",
    "pixel_shuffle": "copy", "pixel_unshuffle": "copy", "channel_shuffle": "copy",
    "index_put": "scatter", "index_put_": "scatter", "_unsafe_index_put": "scatter",
    "_unsafe_index": "gather", "scatter": "scatter", "scatter_": "scatter",
    "scatter_add": "scatter", "scatter_add_": "scatter", "index_add": "scatter",
    "index_add_": "scatter", "index_copy": "scatter", "index_copy_": "scatter",
    "slice_scatter": "scatter", "select_scatter": "scatter", "masked_scatter": "scatter",
    "index_fill": "scatter", "rot90": "copy", "im2col": "copy", "col2im": "copy",
}  # fmt: skip


def _table() -> dict[str, Handler]:
    table: dict[str, Handler] = dict.fromkeys(_VIEWS, view)
    table |= dict.fromkeys(_CASTS, _cast)
    transposes = ("transpose", "permute", "t", "movedim", "swapaxes", "numpy_T", "mT", "adjoint")
    table |= dict.fromkeys(transposes, _transpose)
    table |= {n: _elementwise(op) for n, op in _ELEMENTWISE.items()}
    table |= {n: _first(op) for n, op in _FIRST.items()}
    table |= {n: _reduce(op) for n, op in _REDUCTIONS.items()}
    table |= {n: _move(op) for n, op in _MOVES.items()}
    table |= dict.fromkeys(("cat", "concat", "stack", "hstack", "vstack", "concatenate"), _concat)
    for dims in (1, 2, 3):
        table[f"max_pool{dims}d"] = _pool("maxpool", dims)
        table[f"max_pool{dims}d_with_indices"] = _pool("maxpool", dims)
        table[f"avg_pool{dims}d"] = _pool("avgpool", dims)
        table[f"adaptive_avg_pool{dims}d"] = _adaptive("avgpool", dims)
        table[f"_adaptive_avg_pool{dims}d"] = _adaptive("avgpool", dims)
        table[f"adaptive_max_pool{dims}d"] = _adaptive("maxpool", dims)
        table[f"upsample_nearest{dims}d"] = _resize("nearest")
        table[f"_upsample_nearest_exact{dims}d"] = _resize("nearest")
    for kind in ("upsample_bilinear2d", "_upsample_bilinear2d_aa", "upsample_linear1d"):
        table[kind] = _resize("bilinear")
    for kind in ("upsample_bicubic2d", "_upsample_bicubic2d_aa"):
        table[kind] = _resize("bicubic")
    for kind in ("layer_norm", "native_layer_norm"):
        table[kind] = _norm("layer_norm")
    for kind in ("rms_norm", "_fused_rms_norm"):
        table[kind] = _norm("rms_norm")
    return table | {"embedding": _embedding, "gelu": _gelu, "glu": _glu}


def _glu(rec: Recorder, call: Call) -> str | None:
    source, out = call.ref(0), (call.out.name, call.out.shape)
    rec.add(vector.pointwise(call.name, "glu", [(source.name, call.out.shape)], out))


#: Operators that do not multiply and accumulate.
VECTOR: dict[str, Handler] = _table()
