"""The one table of vector work: pooling, normalisation, element-wise work and data movement.

A point is one element of the output, times the window for pooling and the summed elements for
reductions.  `OPERATIONS` says how many scalar operations a point takes; an elementary function
(exponential, root, error function, ...) counts as one operation.  Channels are rank ``M``, the
leading dimension is always rank ``N``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from onewatt.errors import ImportFailure
from onewatt.importers.layers import LONGEST_STEP, MOST_POINTS, index, window
from onewatt.spec.workload import INPUTS, OUTPUTS, Einsum, Index, Rank, Tensor

_ONE = (
    "abs", "neg", "sign", "not", "add", "sub", "mul", "div", "max", "min", "pow", "mod", "and",
    "or", "xor", "equal", "greater", "less", "greater_or_equal", "less_or_equal", "where",
    "relu", "sqrt", "rsqrt", "reciprocal", "exp", "log", "erf", "sin", "cos", "tan", "tanh",
    "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "floor", "ceil", "round",
    "square", "isnan", "isinf", "shift", "copysign", "cast", "sum", "quantize", "cumsum",
    "threshold", "maxpool", "avgpool", "reduce", "fill", "erfc", "log1p", "expm1", "prod", "any",
    "all", "argmax", "argmin", "mean",
)  # fmt: skip

#: Scalar operations a point, by kind of work; kinds that only move data take none.
OPERATIONS: dict[str, float] = {
    **dict.fromkeys(_ONE, 1.0),
    **dict.fromkeys(("clip", "relu6", "leaky_relu", "prelu", "hardtanh", "log2", "lerp"), 2.0),
    **dict.fromkeys(("elu", "celu", "softplus", "softsign", "addcmul", "addcdiv", "var"), 3.0),
    "sigmoid": 4.0,  # negate, exponential, add, divide
    "log_sigmoid": 4.0,
    "hard_sigmoid": 4.0,  # multiply, add, two comparisons
    "selu": 4.0,
    "silu": 5.0,
    "hard_swish": 5.0,
    "mish": 5.0,
    "glu": 5.0,
    "gelu": 5.0,  # scale, error function, add, multiply, halve
    "gelu_tanh": 8.0,  # cube (2), scale, add, scale, tanh, add, multiply; halving is folded
    "logit": 4.0,
    "batch_norm": 2.0,  # scale and shift; the statistics are constants
    "layer_norm": 7.0,  # sum, subtract, square, sum, multiply, scale, shift
    "group_norm": 7.0,
    "instance_norm": 7.0,
    "rms_norm": 4.0,  # square, sum, multiply, scale
    "l2_norm": 3.0,
    "lrn": 9.0,  # square, window of five, scale, shift, power, product
    "softmax": 5.0,  # maximum, subtract, exponential, sum, divide
    "log_softmax": 5.0,
    "nearest": 0.0,
    "bilinear": 7.0,  # four taps: four products, three sums
    "bicubic": 31.0,  # sixteen taps
    "rotary": 3.0,
    "lstm_cell": 6.5,  # 26 an output, four gates
    "gru_cell": 6.0,
    "rnn_cell": 2.0,
    "topk": 1.0,
    **dict.fromkeys(
        ("gather", "embedding", "concat", "transpose", "pad", "copy", "tile", "scatter", "roll"),
        0.0,
    ),
}

_ALONE = (
    "layer_norm", "group_norm", "instance_norm", "rms_norm", "l2_norm", "softmax", "log_softmax",
    "nearest", "bilinear", "bicubic", "lstm_cell", "gru_cell", "rnn_cell", "gather", "embedding",
    "concat", "transpose", "pad", "copy", "tile", "scatter", "maxpool", "avgpool", "reduce",
    "argmax", "argmin", "mean", "var", "topk", "cumsum", "rotary", "roll", "glu", "lrn",
)  # fmt: skip

#: Kinds that may run on the output path of the MAC layer before them.
FUSABLE = frozenset(OPERATIONS) - frozenset(_ALONE)

_NAMES = {
    0: (),
    1: ("N",),
    2: ("N", "M"),
    3: ("N", "P", "M"),
    4: ("N", "M", "P", "Q"),
    5: ("N", "M", "Z", "P", "Q"),
}
_CHANNELS_LAST = {4: ("N", "P", "Q", "M"), 5: ("N", "Z", "P", "Q", "M")}

Operand = tuple[str, Sequence[int]]  #: name and shape of a tensor of the network


def rank_names(dims: int, *, channels_last: bool = False) -> tuple[str, ...]:
    """Return rank names for a tensor of so many dimensions."""
    if channels_last and dims in _CHANNELS_LAST:
        return _CHANNELS_LAST[dims]
    return _NAMES.get(dims) or ("N", *(f"D{i}" for i in range(1, dims)))


def _vector(
    name: str,
    op: str,
    sizes: dict[str, int],
    inputs: Sequence[Tensor],
    output: Tensor,
    operations: float,
    count: int = 1,
) -> Einsum:
    einsum = Einsum(
        name=name,
        op=op,
        ranks=tuple(Rank(name=n, size=s) for n, s in sizes.items()),
        inputs=tuple(inputs),
        output=output,
        work="vector",
        operations=operations,
        count=count,
    )
    if einsum.points * count > MOST_POINTS:
        raise ImportFailure(
            f"layer {name!r} has {einsum.points * count:.3g} points; expected at most 2^53: the "
            "shapes in the file are broken"
        )
    return einsum


def _input_names(number: int) -> list[str]:
    return [INPUTS if i == 0 else f"{INPUTS}{i + 1}" for i in range(number)]


def _against(shape: Sequence[int], out: Sequence[int], names: Sequence[str]) -> tuple[Index, ...]:
    """Return the projection of an operand that broadcasts against the output."""
    aligned = list(zip(reversed(shape), reversed(names), reversed(out), strict=False))
    return index(*(n for size, n, full in reversed(aligned) if size > 1 and full == size))


def pointwise(
    name: str,
    op: str,
    operands: Sequence[Operand],
    output: Operand,
    *,
    operations: float | None = None,
    channels_last: bool = False,
    count: int = 1,
) -> Einsum:
    """Return work with one point per output element, whose operands broadcast.

    Parameters
    ----------
    name, op : str
        Name of the layer and a key of `OPERATIONS`.
    operands : sequence of (str, shape)
        Tensors read; one that occurs twice is read once.
    output : (str, shape)
        The tensor written.
    operations : float, optional
        Scalar operations a point; the table's number when left out.
    channels_last : bool
        Whether the last dimension holds the channels of a picture.
    count : int
        Equal repetitions.

    Returns
    -------
    Einsum
        Vector work.
    """
    value, shape = output
    names = rank_names(len(shape), channels_last=channels_last) or ("N",)
    sizes = dict(zip(names, shape or (1,), strict=True))
    distinct = list({v: (v, s) for v, s in operands}.values())
    tensors = [
        Tensor(name=n, projection=_against(s, shape, names), value=v)
        for n, (v, s) in zip(_input_names(len(distinct)), distinct, strict=True)
    ]
    result = Tensor(name=OUTPUTS, projection=index(*names), value=value)
    each = OPERATIONS[op] if operations is None else operations
    return _vector(name, op, sizes, tensors, result, each, count)


def pool(
    name: str,
    op: str,
    values: tuple[str, str],
    *,
    batch: int,
    channels: int,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int] | None = None,
) -> Einsum:
    """Return pooling (``maxpool`` or ``avgpool``): a window of points per output element."""
    dims = len(size)
    dilation = dilation or (1,) * dims
    if dims not in (1, 2, 3) or not len(kernel) == len(stride) == len(dilation) == dims:
        raise ImportFailure(
            f"layer {name!r} pools over {dims} dimensions with kernel {list(kernel)}, strides "
            f"{list(stride)}; expected 1 to 3 dimensions with one number each"
        )
    if not all(1 <= s <= LONGEST_STEP for s in (*stride, *dilation)):
        raise ImportFailure(
            f"layer {name!r} has strides {list(stride)} and dilations {list(dilation)}; expected "
            f"whole numbers from 1 to {LONGEST_STEP}"
        )
    first = 3 - max(dims, 2)
    out, taps = ("Z", "P", "Q")[first:][:dims], ("T", "R", "S")[first:][:dims]
    windows = tuple(
        window(o, u, t, d) for o, u, t, d in zip(out, stride, taps, dilation, strict=True)
    )
    sizes = {"N": batch, "M": channels}
    sizes |= dict(zip((*out, *taps), (*size, *kernel), strict=True))
    read = Tensor(name=INPUTS, projection=(*index("N", "M"), *windows), value=values[0])
    result = Tensor(name=OUTPUTS, projection=index("N", "M", *out), value=values[1])
    return _vector(name, op, sizes, [read], result, OPERATIONS[op])


def reduction(
    name: str,
    op: str,
    operand: Operand,
    axes: Sequence[int],
    output: str,
    *,
    channels_last: bool = False,
) -> Einsum:
    """Return a sum, mean or maximum over axes: one point per element that is read."""
    value, shape = operand
    names = rank_names(len(shape), channels_last=channels_last) or ("N",)
    sizes = dict(zip(names, shape or (1,), strict=True))
    gone = {a % max(len(shape), 1) for a in axes}
    kept = [n for i, n in enumerate(names) if i not in gone]
    read = Tensor(name=INPUTS, projection=index(*names), value=value)
    result = Tensor(name=OUTPUTS, projection=index(*kept), value=output)
    return _vector(name, op, sizes, [read], result, OPERATIONS[op])


def resize(name: str, op: str, operand: Operand, output: Operand) -> Einsum:
    """Return interpolation to another size; a whole factor reads every input element once."""
    (value, shape), (result, out) = operand, output
    factors = [b // a if b % a == 0 else 0 for a, b in zip(shape, out, strict=True)]
    if not all(1 <= f <= LONGEST_STEP for f in factors):
        return pointwise(name, op, [(value, out)], output)
    names = rank_names(len(shape))
    sizes, projection = dict(zip(names, shape, strict=True)), list[Index]()
    for rank, factor in zip(names, factors, strict=True):
        if factor == 1:
            projection += index(rank)
            continue
        sizes[rank + "r"] = factor
        projection.append(window(rank, factor, rank + "r", 1))
    read = Tensor(name=INPUTS, projection=index(*names), value=value)
    written = Tensor(name=OUTPUTS, projection=tuple(projection), value=result)
    return _vector(name, op, sizes, [read], written, OPERATIONS[op])


def movement(name: str, op: str, operand: str, output: Operand) -> Einsum:
    """Return data movement: as many words read as written, no operations."""
    return pointwise(name, op, [(operand, output[1])], output)


def cell(name: str, op: str, values: tuple[str, str], *, batch: int, hidden: int, gates: int,
         count: int) -> Einsum:  # fmt: skip
    """Return the gates of a recurrent cell, once per time step."""
    sizes = {"N": batch, "G": gates, "M": hidden}
    read = Tensor(name=INPUTS, projection=index("N", "G", "M"), value=values[0])
    result = Tensor(name=OUTPUTS, projection=index("N", "M"), value=values[1])
    return _vector(name, op, sizes, [read], result, OPERATIONS[op], count)


def words(shape: Sequence[int]) -> int:
    """Return the number of elements of a shape."""
    return math.prod(shape)
