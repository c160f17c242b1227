"""ONNX files that are broken, absurd or made to do harm."""

import time

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_models import model_of, read

from onewatt.errors import ImportFailure, OnewattError
from onewatt.importers.onnx import load_onnx


def external(location):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    model = model_of([node], [("x", [2, 4])], [("y", None)], {"w": (4, 5)})
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return model


def test_weights_may_be_missing_but_not_elsewhere(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(external("weights.bin").SerializeToString())
    assert load_onnx(path).macs == 40
    for location in ("/etc/passwd", "../secret", "a/../../b", "C:\\x", "..\\x"):
        path.write_bytes(external(location).SerializeToString())
        with pytest.raises(ImportFailure, match="inside the folder"):
            load_onnx(path)


def test_hostile_files(tmp_path):
    path = tmp_path / "m.onnx"
    for content in (b"", b"\x08", b"not a model", b"\xff" * 100):
        path.write_bytes(content)
        with pytest.raises(ImportFailure, match=r"m\.onnx"):
            load_onnx(path)
    with pytest.raises(ImportFailure, match="cannot be read"):
        load_onnx(tmp_path / "none.onnx")


def test_hostile_graphs():
    def relu(a, b):
        return helper.make_node("Relu", [a], [b], b)

    cyclic = model_of([relu("b", "a"), relu("a", "b")], [("x", [1])], [("b", None)])
    with pytest.raises(ImportFailure, match="cycle through node 'a'"):
        read(cyclic)
    missing = model_of([relu("nowhere", "a")], [("x", [1])], [("a", None)])
    with pytest.raises(ImportFailure, match="'nowhere', which nothing produces"):
        read(missing)
    backwards = model_of(
        [relu(f"v{i}", f"v{i + 1}") for i in reversed(range(3000))],
        [("v0", [2])],
        [("v3000", None)],
    )
    assert len(read(backwards).einsums) == 3000
    empty = model_of(
        [
            helper.make_node("Slice", ["x", "z", "z"], ["e"]),
            helper.make_node("Exp", ["e"], ["y"], "exp"),
        ],
        [("x", [2, 3])],
        [("y", None)],
        {"z": np.array([0])},
    )
    with pytest.raises(ImportFailure, match="no elements"):
        read(empty)


@pytest.mark.parametrize("shape", [[2**40, 2**40], [-5, 3], [2**62]])
def test_absurd_shapes(shape):
    node = helper.make_node("Relu", ["x"], ["y"])
    with pytest.raises(ImportFailure):
        read(model_of([node], [("x", shape)], [("y", None)]))
    weights = model_of(
        [helper.make_node("Add", ["x", "w"], ["y"])], [("x", [1])], [("y", None)], {"w": (1,)}
    )
    weights.graph.initializer[0].dims[:] = shape
    with pytest.raises(ImportFailure, match="broken"):
        read(weights)


def test_huge_constants_are_not_built():
    for nodes in (
        [helper.make_node("ConstantOfShape", ["s"], ["c"])],
        [helper.make_node("Expand", ["one", "s"], ["c"])],
        [helper.make_node("Tile", ["one", "s"], ["c"])],
    ):
        weights = {"s": np.array([2**28, 2**28]), "one": (1, 1)}
        add = helper.make_node("Add", ["x", "c"], ["y"])
        model = model_of([*nodes, add], [("x", [1])], [("y", None)], weights)
        start = time.process_time()
        with pytest.raises(OnewattError):
            read(model, batch=2**10)
        assert time.process_time() - start < 2


def test_thousands_of_nested_graphs(tmp_path):
    inner = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    proto = inner.SerializeToString()

    def field(number, payload):
        size, out = len(payload), bytearray([number << 3 | 2])
        while True:
            out.append(size & 127 | (128 if size > 127 else 0))
            size >>= 7
            if not size:
                return bytes(out) + payload

    for _ in range(5000):  # a graph in an attribute (5, 6) of a node (1) of a graph
        proto = field(1, field(4, b"If") + field(5, field(6, proto)))
    path = tmp_path / "nested.onnx"
    path.write_bytes(field(7, proto))
    with pytest.raises(ImportFailure):
        load_onnx(path)


def test_two_writers_of_one_tensor_are_refused():
    nodes = [helper.make_node("Relu", ["x"], ["y"], name="a"),
             helper.make_node("Neg", ["x"], ["y"], name="b")]  # fmt: skip
    with pytest.raises(ImportFailure, match="'y' is written by node 'a' and again by 'b'"):
        read(model_of(nodes, [("x", [1, 4])], [("y", [1, 4])]))


def test_a_negative_size_is_refused_as_such():
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    with pytest.raises(ImportFailure, match="axis 1 of input 'x' has size -5"):
        read(model_of(nodes, [("x", [1, -5])], [("y", None)]))
