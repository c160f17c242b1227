"""ONNX models whose axes or batch are open, fixed or baked in."""

import numpy as np
import pytest
from onnx import helper
from onnx_models import model_of, read

from onewatt.errors import ImportFailure, InputError


def dynamic_model():
    """A reshape that is computed from a shape, as exporters write it."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], "conv"),
        helper.make_node("Shape", ["y"], ["sh"]),
        helper.make_node("Gather", ["sh", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "zeros"], ["n1"]),
        helper.make_node("Concat", ["n1", "minus"], ["to"], axis=0),
        helper.make_node("Reshape", ["y", "to"], ["f"]),
        helper.make_node("MatMul", ["f", "u"], ["z"], "fc"),
    ]
    weights = {
        "w": (4, 3, 3, 3),
        "zero": np.int64(0),
        "zeros": np.zeros(1, np.int64),
        "minus": np.array([-1]),
        "u": (4 * 30 * 30, 10),
    }
    inputs = [("x", ["batch", 3, "height", "width"])]
    return model_of(nodes, inputs, [("z", None)], weights)


def test_dynamic_axes_take_their_size_from_the_caller():
    workload = read(dynamic_model(), shapes={"x": (1, 3, 32, 32)})
    one = 4 * 900 * 27 + 4 * 900 * 10
    assert workload.macs == one
    assert read(dynamic_model(), shapes={"x": (5, 3, 32, 32)}).macs == 5 * one
    with pytest.raises(ImportFailure, match=r"axis 2 of input 'x' is dynamic.*--shape x="):
        read(dynamic_model())


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"no input 'X'\. Did you mean 'x'"):
        read(dynamic_model(), shapes={"X": (1, 3, 32, 32)})
    with pytest.raises(InputError, match="expected 4 sizes"):
        read(dynamic_model(), shapes={"x": (1, 3, 32)})
    with pytest.raises(InputError, match="sizes >= 1"):
        read(dynamic_model(), shapes={"x": (1, 3, 0, 32)})
    with pytest.raises(InputError, match="batch 0"):
        read(dynamic_model(), batch=0)


def test_batch_replaces_a_batch_that_a_reshape_bakes_in():
    nodes = [
        helper.make_node("Reshape", ["x", "to"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["y"], "fc"),
        helper.make_node("Transpose", ["y"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["y", "t"], ["z"], "scores"),
        helper.make_node("Softmax", ["z"], ["s"], "softmax"),
        helper.make_node("Add", ["s", "c"], ["o"], "add"),
    ]
    weights = {"to": np.array([1, 6, 4]), "w": (4, 5), "c": (6, 6)}
    model = model_of(nodes, [("x", [1, 24])], [("o", None)], weights)
    one, eight = read(model), read(model, batch=8)
    assert [e.macs for e in one.einsums][:2] == [6 * 4 * 5, 6 * 6 * 5]
    assert [e.macs for e in eight.einsums][:2] == [8 * 6 * 4 * 5, 8 * 6 * 6 * 5]
    assert [e.points for e in eight.einsums] == [8 * e.points for e in one.einsums]
    fc, scores = eight.einsums[:2]
    assert fc.words(fc.inputs[1]) == 20  # the weights stay
    assert scores.words(scores.inputs[1]) == 8 * 30
    add = eight.einsums[-1]
    assert add.words(add.inputs[1]) == 36


def test_fixed_batch_of_the_file_is_taken_or_replaced():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    model = model_of([node], [("x", [8, 4])], [("y", None)], {"w": (4, 5)})
    assert read(model).macs == 8 * 20
    assert read(model, batch=4).macs == 4 * 20
    two = model_of(
        [helper.make_node("MatMul", ["x", "z"], ["y"])],
        [("x", [8, 4]), ("z", [4, 5])],
        [("y", None)],
    )
    with pytest.raises(InputError, match="first sizes"):
        read(two, batch=2)
