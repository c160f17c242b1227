"""TensorFlow Lite: files written here, counted by hand."""

import numpy as np
import pytest
import tflite_files as files
from tflite_files import OP, T, int8, weights, write

from onewatt.errors import ImportFailure, InputError
from onewatt.importers.tflite import from_bytes, load_tflite

STEP = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}


def read(content, **options):
    return from_bytes(content, name="m", source="m.tflite", **options)


def test_small_network():
    workload = read(files.small_network())
    assert [(e.op, e.macs) for e in workload.einsums if e.work == "mac"] == [
        ("conv", 16 * 4 * 27),
        ("depthwise", 16 * 8 * 9),
        ("gemm", 40),
    ]
    assert not workload.unpriced
    conv = workload.einsums[0]  # the padding before it is addressing
    assert [t.bits for t in conv.tensors] == [8, 8, 8]
    assert conv.output.accumulate_bits == 32
    assert str(conv.inputs[0].projection[3]) == "2P+R"
    relu = workload.einsums[1]
    assert (relu.op, relu.fused) == ("relu6", True)
    by_op = {e.op: e for e in workload.einsums}
    assert by_op["mean"].points == 128
    assert by_op["softmax"].points == 5
    assert by_op["add"].fused  # twice the same stream


def test_batch():
    one, four = read(files.small_network()), read(files.small_network(), batch=4)
    assert four.macs == 4 * one.macs
    assert [e.points for e in four.einsums] == [4 * e.points for e in one.einsums]


def test_transposed_convolution_and_products():
    content = write(
        {
            "x": int8(1, 4, 5, 3),
            "size": ((4,), T.INT32, np.array([1, 8, 10, 6], np.int32)),
            "w": weights(6, 3, 3, 3),
            "y": int8(1, 8, 10, 6),
            "a": ((2, 7, 5), T.FLOAT32, None),
            "b": ((2, 9, 5), T.FLOAT32, None),
            "c": ((2, 7, 9), T.FLOAT32, None),
        },
        [
            (OP.TRANSPOSE_CONV, ["size", "w", "x"], ["y"], "TransposeConvOptions",
             {"StrideH": 2, "StrideW": 2}),
            (OP.BATCH_MATMUL, ["a", "b"], ["c"], "BatchMatMulOptions", {"AdjY": True}),
        ],
        ["x", "a", "b"],
        ["y", "c"],
    )  # fmt: skip
    up, product = read(content).einsums
    assert up.macs == 4 * 5 * 3 * 6 * 9
    assert product.sizes == {"G": 2, "P": 7, "M": 9, "C": 5}
    assert product.output.bits is None


def test_pools_views_and_moves():
    content = write(
        {
            "x": int8(1, 8, 8, 4),
            "p": int8(1, 4, 4, 4),
            "q": int8(1, 4, 4, 4),
            "c": int8(1, 4, 4, 8),
            "r": int8(1, 128),
            "to": ((2,), T.INT32, np.array([1, 128], np.int32)),
            "s": int8(1, 128),
            "u": int8(1, 8, 8, 8),
            "z": ((2,), T.INT32, np.array([8, 8], np.int32)),
        },
        [
            (OP.MAX_POOL_2D, ["x"], ["p"], "Pool2DOptions",
             {"StrideH": 2, "StrideW": 2, "FilterHeight": 2, "FilterWidth": 2}),
            (OP.AVERAGE_POOL_2D, ["x"], ["q"], "Pool2DOptions",
             {"StrideH": 2, "StrideW": 2, "FilterHeight": 3, "FilterWidth": 3}),
            (OP.CONCATENATION, ["p", "q"], ["c"], "ConcatenationOptions", {"Axis": 3}),
            (OP.RESIZE_NEAREST_NEIGHBOR, ["c", "z"], ["u"], None, {}),
            (OP.RESHAPE, ["c", "to"], ["r"], None, {}),
            (OP.LOGISTIC, ["r"], ["s"], None, {}),
        ],
        ["x"],
        ["s", "u"],
    )  # fmt: skip
    workload = read(content)
    assert [e.op for e in workload.einsums] == [
        "maxpool",
        "avgpool",
        "concat",
        "nearest",
        "sigmoid",
    ]
    assert workload.einsums[0].points == 64 * 4
    assert workload.einsums[1].points == 64 * 9
    assert workload.einsums[4].inputs[0].value == "c"


def test_unknown_operators_are_named_never_zero():
    content = write(
        {"x": int8(1, 4), "y": int8(1, 4), "z": int8(1, 4)},
        [("MyOp", ["x"], ["y"], None, {}), (OP.SVDF, ["y"], ["z"], None, {})],
        ["x"],
        ["z"],
    )
    custom, svdf = read(content).unpriced
    assert (custom.op, custom.words, "custom operator" in custom.reason) == ("MyOp", 8, True)
    assert svdf.op == "SVDF"


def test_refusals(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(files.small_network())
    assert load_tflite(path).macs == 16 * 4 * 27 + 16 * 8 * 9 + 40
    with pytest.raises(InputError, match="fixes its shapes"):
        load_tflite(path, shapes={"x": (1,)})
    with pytest.raises(InputError, match="batch 0"):
        load_tflite(path, batch=0)
    with pytest.raises(ImportFailure, match="cannot be read"):
        load_tflite(tmp_path / "none.tflite")
    for content in (b"", b"x" * 100, files.small_network()[:40]):
        with pytest.raises(ImportFailure):
            read(content)


def test_shapes_that_do_not_fit():
    content = write(
        {"x": int8(1, 8, 8, 3), "w": weights(4, 3, 3, 2), "y": int8(1, 8, 8, 4)},
        [(OP.CONV_2D, ["x", "w"], ["y"], "Conv2DOptions", STEP)],
        ["x"],
        ["y"],
    )
    (unpriced,) = read(content).unpriced
    assert "do not fit" in unpriced.reason
    early = write(
        {"x": int8(1, 4), "y": int8(1, 4), "z": int8(1, 4)},
        [(OP.LOGISTIC, ["y"], ["z"], None, {}), (OP.LOGISTIC, ["x"], ["y"], None, {})],
        ["x"],
        ["z"],
    )
    with pytest.raises(ImportFailure, match="before it is made"):
        read(early)
    empty = write(
        {"x": int8(1, 0), "y": int8(1, 0)}, [(OP.LOGISTIC, ["x"], ["y"], None, {})], ["x"], ["y"]
    )
    with pytest.raises(ImportFailure, match="no elements"):
        read(empty)
