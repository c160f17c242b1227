"""The table of operators."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onewatt.errors import ImportFailure, InputError
from onewatt.importers import layers, vector

NAMES = ("x", "w", "y")
SMALL = st.integers(1, 5)


@given(n=SMALL, g=SMALL, m=SMALL, c=SMALL, p=SMALL, q=SMALL, r=SMALL, s=SMALL, u=SMALL, d=SMALL)
def test_convolution(n, g, m, c, p, q, r, s, u, d):
    layer = layers.convolution(
        "l", NAMES, batch=n, groups=g, outputs=m, inputs=c, size=(p, q), kernel=(r, s),
        stride=(u, 1), dilation=(1, d),
    )  # fmt: skip
    touched = {u * i + j for i in range(p) for j in range(r)}
    across = {i + d * j for i in range(q) for j in range(s)}
    assert layer.macs == n * g * m * c * p * q * r * s
    assert layer.words(layer.inputs[0]) == n * g * c * len(touched) * len(across)
    assert layer.words(layer.inputs[1]) == g * m * c * r * s
    assert layer.words(layer.output) == n * g * m * p * q


@given(c=SMALL, m=SMALL, h=SMALL, w=SMALL, r=SMALL, u=SMALL)
def test_transposed_convolution(c, m, h, w, r, u):
    layer = layers.transposed_convolution(
        "l", NAMES, outputs=m, inputs=c, size=(h, w), kernel=(r, r), stride=(u, u)
    )
    assert layer.macs == c * m * h * w * r * r
    rows = {u * i + j for i in range(h) for j in range(r)}
    columns = {u * i + j for i in range(w) for j in range(r)}
    assert layer.words(layer.output) == m * len(rows) * len(columns)


def test_a_point_convolution_equals_a_product():
    conv = layers.convolution("a", NAMES, outputs=10, inputs=20, size=(1, 1), kernel=(1, 1))
    assert conv.signature == layers.gemm("b", NAMES, rows=1, outputs=10, inputs=20).signature
    one = layers.matmul("c", NAMES, groups=1, rows=1, outputs=10, inputs=20)
    assert one.signature == conv.signature


@pytest.mark.parametrize(
    ("left", "right", "op", "sizes"),
    [
        ((7, 5), (5, 4), "gemm", {"P": 7, "M": 4, "C": 5}),
        ((2, 3, 7, 5), (5, 4), "gemm", {"P": 42, "M": 4, "C": 5}),
        ((2, 3, 7, 5), (3, 5, 4), "matmul", {"G": 3, "P": 14, "M": 4, "C": 5}),
        ((2, 3, 7, 5), (2, 3, 5, 4), "matmul", {"G": 6, "P": 7, "M": 4, "C": 5}),
        ((2, 3, 7, 5), (2, 1, 5, 4), "matmul", {"G": 2, "P": 21, "M": 4, "C": 5}),
        ((7, 5), (3, 5, 4), "gemm", {"P": 7, "M": 12, "C": 5}),
        ((5,), (5, 4), "gemm", {"P": 1, "M": 4, "C": 5}),
        ((7, 5), (5,), "gemm", {"P": 7, "M": 1, "C": 5}),
    ],
)
def test_products_that_broadcast(left, right, op, sizes):
    layer = layers.broadcast_matmul("l", NAMES, left, right)
    assert (layer.op, layer.sizes) == (op, sizes)


@pytest.mark.parametrize(("left", "right"), [((7, 5), (4, 5)), ((2, 7, 5), (3, 5, 4)), ((), (3,))])
def test_products_that_do_not_fit(left, right):
    with pytest.raises(ImportFailure, match="'l' multiplies"):
        layers.broadcast_matmul("l", NAMES, left, right)


def test_refusals():
    with pytest.raises(InputError, match="2\\^53"):
        layers.gemm("l", NAMES, rows=2**30, outputs=2**30, inputs=2)
    with pytest.raises(ImportFailure, match="strides"):
        layers.convolution(
            "l", NAMES, outputs=1, inputs=1, size=(2, 2), kernel=(1, 1), stride=(0, 1)
        )
    with pytest.raises(ImportFailure, match="over 4 dimensions"):
        layers.convolution("l", NAMES, outputs=1, inputs=1, size=(2,) * 4, kernel=(1,) * 4)
    with pytest.raises(InputError, match="2\\^53"):
        vector.pointwise("l", "add", [("x", (2**31, 2**31))], ("y", (2**31, 2**31)))
    with pytest.raises(ImportFailure, match="pools over 2"):
        vector.pool("l", "maxpool", ("x", "y"), batch=1, channels=1, size=(2, 2), kernel=(2,),
                    stride=(1, 1))  # fmt: skip


def test_operands_broadcast():
    layer = vector.pointwise(
        "l", "mul", [("x", (2, 3, 4, 5)), ("s", (3, 1, 1)), ("x", (2, 3, 4, 5))],
        ("y", (2, 3, 4, 5)),
    )  # fmt: skip
    assert [layer.words(t) for t in layer.tensors] == [120, 3, 120]
    scalar = vector.pointwise("l", "mul", [("x", ()), ("s", ())], ("y", ()))
    assert scalar.points == 1


def test_resize_by_a_whole_factor_reads_the_input_once():
    layer = vector.resize("l", "bilinear", ("x", (1, 2, 3, 4)), ("y", (1, 2, 6, 12)))
    assert layer.words(layer.inputs[0]) == 24
    assert layer.points == layer.words(layer.output) == 144
    other = vector.resize("l", "bilinear", ("x", (1, 2, 3, 4)), ("y", (1, 2, 5, 4)))
    assert other.points == 40


def test_every_fusable_kind_has_a_price():
    assert set(vector.OPERATIONS) > vector.FUSABLE
    assert "relu" in vector.FUSABLE
    assert "softmax" not in vector.FUSABLE
