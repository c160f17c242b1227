"""ONNX models made by hand, and what is read of them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from onewatt.importers.onnx import from_model
from onewatt.spec.workload import Workload


def model_of(nodes, inputs, outputs, initializers=(), opset=17, extra=(), **kinds):
    """Return a model; shapes are lists, a string is a dynamic axis."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), s) for n, s in inputs],
        [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), s) for n, s in outputs],
        [
            numpy_helper.from_array(
                np.asarray(v)
                if isinstance(v, (np.ndarray, np.generic))
                else np.zeros(v, np.float32),
                n,
            )
            for n, v in dict(initializers).items()
        ],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in extra)]
    return helper.make_model(graph, opset_imports=opsets)


def read(model, **options) -> Workload:
    return from_model(model, name="m", source="m.onnx", **options)


def macs(workload):
    return [(e.op, e.macs) for e in workload.einsums if e.work == "mac"]
