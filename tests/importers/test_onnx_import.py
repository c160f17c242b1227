"""ONNX files: exact counts against an independent counter, batches, shapes, refusals."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_models import model_of, read

from onewatt.importers.onnx import load_onnx

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"

#: Sums of output size x weights per output over all layers, written out by `count` below once.
EXPECTED = {
    "bvlc_alexnet": 654_560_384,
    "densenet121": 2_834_161_664,
    "inception_v1": 1_431_556_352,
    "inception_v2": 2_018_851_840,
    "resnet50": 4_089_184_256,
    "shufflenet": 124_664_528,
    "squeezenet": 349_151_936,
    "vgg19": 19_632_062_464,
    "zfnet512": 1_481_727_008,
}


def count(path):
    """Count multiplications from the shapes that ONNX's own inference finds, and nothing else."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in (*model.graph.value_info, *model.graph.input, *model.graph.output)
    }
    shapes |= {t.name: list(t.dims) for t in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            total += math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
        elif node.op_type == "Gemm":
            assert {a.name: a.i for a in node.attribute}["transB"] == 1
            total += math.prod(shapes[node.output[0]]) * shapes[node.input[1]][1]
    return total


@pytest.mark.parametrize("name", EXPECTED)
def test_light_graphs_are_exact(name):
    path = LIGHT / f"light_{name}.onnx"
    workload = load_onnx(path)
    assert workload.macs == EXPECTED[name] == count(path)
    assert not workload.unpriced
    batched = load_onnx(path, batch=4)
    assert batched.macs == 4 * workload.macs
    words = [sum(e.words(e.output) for e in w.einsums) for w in (workload, batched)]
    assert words[1] == 4 * words[0]


def test_resnet50_imports_in_under_a_second():
    path = LIGHT / "light_resnet50.onnx"
    start = time.process_time()
    load_onnx(path)
    assert time.process_time() - start < 1.0


def test_neither_loading_nor_onnx_imports_torch():
    code = (
        "import sys; from onewatt.importers.load import load_workload as load\n"
        "assert 'onnx' not in sys.modules and 'numpy' not in sys.modules\n"
        f"load({str(LIGHT / 'light_squeezenet.onnx')!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)


def test_norm_and_activation_after_a_convolution_are_fused():
    workload = load_onnx(LIGHT / "light_resnet50.onnx")
    fused = [e for e in workload.einsums if e.fused]
    assert {e.op for e in fused} == {"batch_norm", "relu"}
    assert sum(e.op == "batch_norm" for e in fused) == 53
    assert sum(e.op == "relu" for e in fused) == 49  # 16 of them follow an addition
    sums = [e for e in workload.einsums if e.op == "sum"]
    assert len(sums) == 16
    assert not any(e.fused for e in sums)


def test_equal_layers_are_recognised():
    workload = load_onnx(LIGHT / "light_resnet50.onnx")
    layers = [e for e in workload.einsums if e.work == "mac"]
    assert len(layers) == 54
    # 24 distinct shapes of the 54 layers: references/model_validation.md, section 9
    assert len({e.signature for e in layers}) == 24


def test_conv_with_groups_strides_and_dilation():
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], "c", group=2, strides=[2, 1], dilations=[1, 3], pads=[1, 3, 1, 3]
    )
    model = model_of([node], [("x", [1, 8, 20, 30])], [("y", None)], {"w": (6, 4, 3, 3)})
    (layer,) = read(model).einsums
    assert layer.op == "conv"
    assert layer.sizes == {"N": 1, "G": 2, "M": 3, "C": 4, "P": 10, "Q": 30, "R": 3, "S": 3}
    assert str(layer.inputs[0].projection[3]) == "2P+R"
    assert str(layer.inputs[0].projection[4]) == "Q+3S"
    assert layer.macs == 6 * 10 * 30 * 4 * 9


def test_depthwise_and_three_dimensions():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], "dw", group=4),
        helper.make_node("Conv", ["y", "v"], ["z"], "c"),
    ]
    weights = {"w": (8, 1, 3, 3, 3), "v": (5, 8, 1, 1, 1)}
    a, b = read(model_of(nodes, [("x", [2, 4, 5, 6, 7])], [("z", None)], weights)).einsums
    assert (a.op, a.macs) == ("depthwise", 2 * 8 * 3 * 4 * 5 * 27)
    assert (b.op, b.macs) == ("conv", 2 * 5 * 3 * 4 * 5 * 8)
    assert a.sizes["M"] == 2


def test_conv_transpose_scatters_input_pixels():
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], "up", strides=[2, 2], group=2)
    model = model_of([node], [("x", [1, 4, 5, 6])], [("y", None)], {"w": (4, 3, 3, 3)})
    (layer,) = read(model).einsums
    assert layer.macs == 5 * 6 * 4 * 3 * 9
    assert layer.words(layer.output) == 2 * 3 * 11 * 13
    assert layer.op == "conv_transpose"


def test_products():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], "proj"),
        helper.make_node("MatMul", ["y", "yt"], ["s"], "scores"),
        helper.make_node("Gemm", ["v", "u", "b"], ["g"], "fc", transA=1),
        helper.make_node("MatMul", ["a", "z"], ["l"], "left"),
        helper.make_node("Einsum", ["y", "yt"], ["e"], "ein", equation="bhpc,bhcm->bhpm"),
        helper.make_node("Einsum", ["y"], ["f"], "trace", equation="bhpc->bh"),
    ]
    inputs = [("x", [2, 3, 7, 5]), ("yt", [2, 3, 4, 7]), ("v", [6, 2]), ("z", [5, 9])]
    weights = {"w": (5, 4), "u": (6, 3), "b": (3,), "a": (8, 5)}
    outputs = [(n, None) for n in "sglef"]
    workload = read(model_of(nodes, inputs, outputs, weights))
    found = {e.name: e for e in workload.einsums}
    assert found["proj"].sizes == {"P": 42, "M": 4, "C": 5}
    assert found["scores"].sizes == {"G": 6, "P": 7, "M": 7, "C": 4}
    assert found["fc"].sizes == {"P": 2, "M": 3, "C": 6}
    assert found["left"].sizes == {"P": 9, "M": 8, "C": 5}
    assert found["left"].inputs[1].value == "a"
    assert found["ein"].sizes == found["scores"].sizes
    assert [u.name for u in workload.unpriced] == ["trace"]


def test_quantised_layers_carry_their_width():
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xf"]),
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"]),
        helper.make_node("Conv", ["xf", "wf"], ["y"], "conv"),
        helper.make_node("Relu", ["y"], ["r"], "relu"),
        helper.make_node("QuantizeLinear", ["r", "s", "z"], ["rq"]),
        helper.make_node("QLinearConv", ["rq", "s", "z", "w", "s", "z", "s", "z"], ["t"], "qconv"),
        helper.make_node("MatMulInteger", ["t", "u"], ["v"], "mmi"),
        helper.make_node("ConvInteger", ["t", "w"], ["c"], "ci"),
    ]
    weights = {
        "s": np.float32(0.1),
        "z": np.int8(0),
        "w": np.zeros((4, 4, 3, 3), np.int8),
        "u": np.zeros((4, 6), np.int8),
    }
    kinds = {"v": TensorProto.INT32, "c": TensorProto.INT32}
    outputs = [("v", None), ("c", None)]
    workload = read(model_of(nodes, [("x", [1, 4, 8, 8])], outputs, weights, **kinds))
    found = {e.name: e for e in workload.einsums}
    for name in ("conv", "qconv"):
        assert [t.bits for t in found[name].tensors] == [8, 8, 8]
        assert found[name].output.accumulate_bits == 32
    assert found["relu"].fused
    assert found["mmi"].macs == 4 * 4 * 4 * 6
    assert found["mmi"].inputs[0].bits == 8
    assert found["ci"].macs == 2 * 2 * 4 * 4 * 9
    assert not workload.unpriced


@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_recurrent_layers(kind, gates):
    node = helper.make_node(
        kind, ["x", "w", "r"], ["y"], "rnn", hidden_size=6, direction="bidirectional"
    )
    weights = {"w": (2, gates * 6, 5), "r": (2, gates * 6, 6)}
    workload = read(model_of([node], [("x", [7, 3, 5])], [("y", None)], weights))
    assert workload.macs == 2 * 7 * 3 * gates * 6 * (5 + 6)
    assert [e.count for e in workload.einsums] == [1, 7, 7] * 2


def test_attention_of_opset_23_and_of_onnx_runtime():
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], "a")
    shapes = [("q", [2, 8, 10, 16]), ("k", [2, 2, 12, 16]), ("v", [2, 2, 12, 20])]
    workload = read(model_of([node], shapes, [("y", None)], opset=23))
    assert workload.macs == 2 * 8 * 10 * 12 * (16 + 20)
    scores = workload.einsums[0]
    assert scores.sizes == {"G": 4, "P": 40, "M": 12, "C": 16}
    node = helper.make_node(
        "Attention", ["x", "w"], ["y"], "a", domain="com.microsoft", num_heads=4
    )
    model = model_of(
        [node], [("x", [1, 9, 32])], [("y", None)], {"w": (32, 96)}, extra=["com.microsoft"]
    )
    assert read(model).macs == 9 * 32 * 96 + 2 * 9 * 9 * 32


def test_fused_operators_of_onnx_runtime_have_shapes():
    nodes = [
        helper.make_node("FastGelu", ["x"], ["g"], domain="com.microsoft"),
        helper.make_node(
            "SkipLayerNormalization", ["g", "x", "s", "s"], ["n"], domain="com.microsoft"
        ),
        helper.make_node("FusedMatMul", ["n", "w"], ["y"], domain="com.microsoft", transB=1),
    ]
    weights = {"s": (8,), "w": (5, 8)}
    model = model_of(nodes, [("x", [1, 3, 8])], [("y", None)], weights, extra=["com.microsoft"])
    workload = read(model)
    assert [e.op for e in workload.einsums] == ["gelu_tanh", "layer_norm", "gemm"]
    assert workload.macs == 3 * 8 * 5


def test_transposes_and_paddings_that_only_products_read_are_addressing():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], "t1", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["t", "w"], ["y"], "fc"),
        helper.make_node("Transpose", ["y"], ["u"], "t2", perm=[0, 2, 1]),
        helper.make_node("Softmax", ["u"], ["z"], "softmax"),
    ]
    workload = read(model_of(nodes, [("x", [1, 4, 6])], [("z", None)], {"w": (4, 5)}))
    assert [e.name for e in workload.einsums] == ["fc", "t2", "softmax"]
    assert workload.einsums[0].inputs[0].value == "x"


def test_vector_work_is_counted_in_points():
    nodes = [
        helper.make_node("MaxPool", ["x"], ["p"], "pool", kernel_shape=[3, 3], strides=[2, 2]),
        helper.make_node("ReduceMean", ["p"], ["m"], "mean", axes=[2, 3], keepdims=1),
        helper.make_node("Sigmoid", ["m"], ["s"], "gate"),
        helper.make_node("Mul", ["p", "s"], ["y"], "scale"),
        helper.make_node("Resize", ["y", "", "up"], ["z"], "resize"),
        helper.make_node("Gather", ["z", "ids"], ["g"], "gather", axis=1),
        helper.make_node("Slice", ["g", "zero", "one", "one"], ["o"], "slice"),
    ]
    weights = {
        "up": np.array([1, 1, 2, 2], np.float32),
        "ids": np.array([0, 3]),
        "zero": np.array([0]),
        "one": np.array([1]),
    }
    workload = read(model_of(nodes, [("x", [2, 4, 9, 9])], [("o", None)], weights))
    found = {e.name: e for e in workload.einsums}
    assert found["pool"].points == 2 * 4 * 4 * 4 * 9
    assert found["pool"].words(found["pool"].inputs[0]) == 2 * 4 * 81
    assert found["mean"].points == 2 * 4 * 16
    assert found["mean"].words(found["mean"].output) == 8
    assert found["scale"].words(found["scale"].inputs[1]) == 8
    assert found["resize"].words(found["resize"].inputs[0]) == 2 * 4 * 16
    assert found["resize"].words(found["resize"].output) == 2 * 4 * 64
    assert found["gather"].operations == 0
    assert "slice" not in found
    assert not workload.unpriced


def test_unknown_operators_are_named_never_zero():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], "fc"),
        helper.make_node("Frobnicate", ["y"], ["z"], "frob", domain="acme"),
        helper.make_node("MatMul", ["z", "w"], ["v"], "after"),
        helper.make_node("NonZero", ["y"], ["i"], "nz"),
    ]
    model = model_of(nodes, [("x", [2, 4])], [("v", None)], {"w": (4, 4)}, extra=["acme"])
    workload = read(model)
    assert [(u.name, u.op) for u in workload.unpriced] == [
        ("frob", "acme.Frobnicate"),
        ("after", "MatMul"),
        ("nz", "NonZero"),
    ]
    assert workload.unpriced[0].words == 8
    assert "no price" in workload.unpriced[0].reason
    assert "shape of its operand 'z' is unknown" in workload.unpriced[1].reason
    # a file that states the shape of the unknown result lets the rest be priced
    model.graph.value_info.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [2, 4]))
    assert read(model).macs == 2 * 2 * 16


def test_control_flow():
    def branch(weights):
        node = helper.make_node("MatMul", ["x", weights], [f"{weights}_out"], f"in_{weights}")
        out = helper.make_tensor_value_info(f"{weights}_out", TensorProto.FLOAT, None)
        return helper.make_graph([node], weights, [], [out])

    node = helper.make_node(
        "If", ["c"], ["y"], "if", then_branch=branch("w"), else_branch=branch("u")
    )
    weights = {"w": (4, 4), "u": (4, 8)}
    inputs = [("x", [2, 4])]
    known = model_of([node], inputs, [("y", None)], {**weights, "c": np.array(False)})
    assert read(known).macs == 2 * 4 * 8
    open_ = model_of([node], [*inputs, ("c", [])], [("y", None)], weights, c=TensorProto.BOOL)
    (unpriced,) = read(open_).unpriced
    assert (unpriced.op, "control flow" in unpriced.reason) == ("If", True)


def test_local_functions_are_expanded():
    function = helper.make_function(
        "acme",
        "Linear",
        ["a", "b"],
        ["c"],
        [helper.make_node("MatMul", ["a", "b"], ["c"])],
        [helper.make_opsetid("", 17)],
    )
    node = helper.make_node("Linear", ["x", "w"], ["y"], domain="acme")
    model = model_of([node], [("x", [2, 4])], [("y", None)], {"w": (4, 5)}, extra=["acme"])
    model.functions.append(function)
    assert read(model).macs == 40
