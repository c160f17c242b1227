"""The one table from operators to MAC Einsums: every importer calls these builders.

Ranks: ``N`` batch, ``G`` groups, heads or the batch of a matrix product, ``M`` output channels,
``C`` input channels (summed), ``P Q`` output rows and columns (the rows of a matrix product are
``P``), ``R S`` filter rows and columns; a third dimension is ``Z`` (output) and ``T`` (filter).
A convolution always has all its ranks, also those of size 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from onewatt.errors import ImportFailure
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum, Index, Rank, Tensor, Term

#: A network has fewer points than this; a file that says otherwise is broken or hostile.
MOST_POINTS = 2**53
#: The longest stride or dilation; beyond it an index is not an addressing pattern but an accident.
LONGEST_STEP = 4096

_OUT = {1: ("P",), 2: ("P", "Q"), 3: ("Z", "P", "Q")}
_FILTER = {1: ("R",), 2: ("R", "S"), 3: ("T", "R", "S")}

Values = tuple[str, str, str]  #: names of the inputs, the weights and the outputs


def ranks(**sizes: int) -> tuple[Rank, ...]:
    """Return ranks from ``name=size``."""
    return tuple(Rank(name=n, size=s) for n, s in sizes.items())


def index(*names: str) -> tuple[Index, ...]:
    """Return one plain index per rank name."""
    return tuple(Index(terms=(Term(rank=n),)) for n in names)


def window(out: str, step: int, tap: str, spread: int) -> Index:
    """Return the index ``step*out + spread*tap`` of a sliding window."""
    return Index(terms=(Term(rank=out, coefficient=step), Term(rank=tap, coefficient=spread)))


def _checked(name: str, einsum: Einsum) -> Einsum:
    if einsum.points * einsum.count > MOST_POINTS:
        raise ImportFailure(
            f"layer {name!r} has {einsum.points * einsum.count:.3g} points; expected at most 2^53: "
            "the shapes in the file are broken"
        )
    return einsum


def _steps(name: str, stride: Sequence[int], dilation: Sequence[int], dims: int) -> None:
    if dims not in _OUT:
        raise ImportFailure(
            f"layer {name!r} is a convolution over {dims} dimensions; expected 1, 2 or 3"
        )
    for what, steps in (("strides", stride), ("dilations", dilation)):
        if len(steps) != dims or not all(1 <= s <= LONGEST_STEP for s in steps):
            raise ImportFailure(
                f"layer {name!r} has {what} {list(steps)}; expected {dims} whole numbers from 1 to "
                f"{LONGEST_STEP}"
            )


def convolution(
    name: str,
    values: Values,
    *,
    batch: int = 1,
    groups: int = 1,
    outputs: int,
    inputs: int,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
) -> Einsum:
    """Return a convolution over one, two or three dimensions.

    Parameters
    ----------
    name : str
        Name of the layer.
    values : tuple of str
        Names of the input, weight and output tensors in the network.
    batch, groups, outputs, inputs : int
        Batch, groups, and output and input channels *of one group* [1].
    size, kernel : sequence of int
        Output size and filter size per dimension [1].
    stride, dilation : sequence of int, optional
        Steps per dimension, 1 when left out.

    Returns
    -------
    Einsum
        ``depthwise`` when every group has one input channel, ``conv`` otherwise.
    """
    dims = len(size)
    stride, dilation = stride or (1,) * dims, dilation or (1,) * dims
    _steps(name, stride, dilation, dims)
    out, taps = _OUT[dims], _FILTER[dims]
    windows = tuple(
        window(o, u, t, d) for o, u, t, d in zip(out, stride, taps, dilation, strict=True)
    )
    sizes = dict(zip((*out, *taps), (*size, *kernel), strict=True))
    einsum = Einsum(
        name=name,
        op="depthwise" if groups > 1 and inputs == 1 else "conv",
        ranks=ranks(N=batch, G=groups, M=outputs, C=inputs, **sizes),
        inputs=(
            Tensor(name=INPUTS, projection=(*index("N", "G", "C"), *windows), value=values[0]),
            Tensor(name=WEIGHTS, projection=index("G", "M", "C", *taps), value=values[1]),
        ),
        output=Tensor(name=OUTPUTS, projection=index("N", "G", "M", *out), value=values[2]),
    )
    return _checked(name, einsum)


def transposed_convolution(
    name: str,
    values: Values,
    *,
    batch: int = 1,
    groups: int = 1,
    outputs: int,
    inputs: int,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
) -> Einsum:
    """Return a transposed convolution in scatter form; `size` is that of its *input*.

    Every input pixel adds a filter-sized patch to the output, so the points are exactly the
    multiplications that are needed; no zeros are inserted.
    """
    dims = len(size)
    stride, dilation = stride or (1,) * dims, dilation or (1,) * dims
    _steps(name, stride, dilation, dims)
    out, taps = _OUT[dims], _FILTER[dims]
    windows = tuple(
        window(o, u, t, d) for o, u, t, d in zip(out, stride, taps, dilation, strict=True)
    )
    sizes = dict(zip((*out, *taps), (*size, *kernel), strict=True))
    einsum = Einsum(
        name=name,
        op="conv_transpose",
        ranks=ranks(N=batch, G=groups, M=outputs, C=inputs, **sizes),
        inputs=(
            Tensor(name=INPUTS, projection=index("N", "G", "C", *out), value=values[0]),
            Tensor(name=WEIGHTS, projection=index("G", "C", "M", *taps), value=values[1]),
        ),
        output=Tensor(name=OUTPUTS, projection=(*index("N", "G", "M"), *windows), value=values[2]),
    )
    return _checked(name, einsum)


def gemm(
    name: str, values: Values, *, rows: int, outputs: int, inputs: int, count: int = 1
) -> Einsum:
    """Return a matrix product with weights: every token or batch entry is a row (rank P)."""
    einsum = Einsum(
        name=name,
        op="gemm",
        ranks=ranks(P=rows, M=outputs, C=inputs),
        inputs=(
            Tensor(name=INPUTS, projection=index("P", "C"), value=values[0]),
            Tensor(name=WEIGHTS, projection=index("M", "C"), value=values[1]),
        ),
        output=Tensor(name=OUTPUTS, projection=index("P", "M"), value=values[2]),
        count=count,
    )
    return _checked(name, einsum)


def matmul(
    name: str, values: Values, *, groups: int, rows: int, outputs: int, inputs: int
) -> Einsum:
    """Return a batch of matrix products: every group has its own right-hand matrix.

    In attention a group is a head of keys or values; the query heads that share it are rows.
    """
    einsum = Einsum(
        name=name,
        op="matmul",
        ranks=ranks(G=groups, P=rows, M=outputs, C=inputs),
        inputs=(
            Tensor(name=INPUTS, projection=index("G", "P", "C"), value=values[0]),
            Tensor(name=WEIGHTS, projection=index("G", "M", "C"), value=values[1]),
        ),
        output=Tensor(name=OUTPUTS, projection=index("G", "P", "M"), value=values[2]),
    )
    return _checked(name, einsum)


def _leading(
    name: str, left: tuple[int, ...], right: tuple[int, ...]
) -> tuple[list[int], list[int]]:
    """Return the leading sizes of two stacks of matrices, padded to the same number."""
    lead, tail = list(left[:-2]), list(right[:-2])
    width = max(len(lead), len(tail))
    lead, tail = [1] * (width - len(lead)) + lead, [1] * (width - len(tail)) + tail
    for a, b in zip(lead, tail, strict=True):
        if a != b and 1 not in (a, b):
            raise ImportFailure(
                f"layer {name!r} multiplies {list(left)} by {list(right)}, whose leading sizes do "
                "not broadcast; expected equal sizes or 1"
            )
    return lead, tail


def broadcast_matmul(
    name: str,
    values: Values,
    left: Sequence[int],
    right: Sequence[int],
    *,
    weights: bool = True,
) -> Einsum:
    """Return the product of two stacks of matrices whose leading dimensions broadcast.

    Parameters
    ----------
    name : str
        Name of the layer.
    values : tuple of str
        Names of the left, right and output tensors.
    left, right : sequence of int
        Shapes ``[..., P, C]`` and ``[..., C, M]``; a vector is a matrix of one row or column.
    weights : bool
        Whether the right side is constant, so that one matrix of it serves the whole batch.

    Returns
    -------
    Einsum
        A ``gemm`` when one matrix of weights serves all rows, else a ``matmul``.  Where the left
        side has more leading dimensions than the right, the extra ones are rows.

    Raises
    ------
    ImportFailure
        If the shapes do not fit.
    """
    left = (1, *left) if len(left) == 1 else tuple(left)
    right = (*right, 1) if len(right) == 1 else tuple(right)
    if not left or not right or left[-1] != right[-2]:
        raise ImportFailure(
            f"layer {name!r} multiplies {list(left)} by {list(right)}; expected the last size of "
            "the first to equal the last but one of the second"
        )
    rows, outputs, inputs = left[-2], right[-1], left[-1]
    lead, tail = _leading(name, left, right)
    shared = math.prod(a for a, b in zip(lead, tail, strict=True) if b == 1)
    alone = math.prod(b for a, b in zip(lead, tail, strict=True) if a == 1)
    groups = math.prod(tail)
    if weights and groups == 1:
        return gemm(name, values, rows=rows * shared, outputs=outputs, inputs=inputs)
    if weights and shared == 1 and alone == groups:
        # one left matrix for many right ones: the right matrices stand side by side
        return gemm(name, values, rows=rows, outputs=outputs * groups, inputs=inputs)
    return matmul(name, values, groups=groups, rows=rows * shared, outputs=outputs, inputs=inputs)
