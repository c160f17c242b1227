"""Shapes of operators that ONNX Runtime adds to the standard."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onewatt.importers.onnx_graph import Graph, Node

MICROSOFT = "com.microsoft"

#: Element-wise operators and the kind of vector work they are.
ELEMENTWISE: dict[str, str] = {
    "QLinearAdd": "add", "QLinearMul": "mul", "QLinearLeakyRelu": "leaky_relu",
    "QLinearSigmoid": "sigmoid", "Gelu": "gelu", "FastGelu": "gelu_tanh", "BiasGelu": "gelu",
    "QuickGelu": "silu", "Silu": "silu",
}  # fmt: skip


def _first(graph: Graph, node: Node) -> tuple[int, ...]:
    return graph.shape(node, 0)


def _product_shape(graph: Graph, node: Node) -> tuple[int, ...]:
    import numpy as np

    a, b = graph.shape(node, 0), graph.shape(node, 1)
    a = (*a[:-2], a[-1], a[-2]) if node.get("transA") else a
    b = (*b[:-2], b[-1], b[-2]) if node.get("transB") else b
    return (*np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1])


def _attention_shape(graph: Graph, node: Node) -> tuple[int, ...]:
    data, weight = graph.shape(node, 0), graph.shape(node, 1)
    sizes: Any = node.get("qkv_hidden_sizes")
    return (*data[:2], int(sizes[2]) if sizes else weight[-1] // 3)


#: Output shapes of operators that are not in the ONNX standard.
OWN_SHAPES: dict[tuple[str, str], Callable[[Graph, Node], tuple[int, ...]]] = {
    **{(MICROSOFT, n): _first for n in (*ELEMENTWISE, "SkipLayerNormalization")},
    (MICROSOFT, "SkipSimplifiedLayerNormalization"): _first,
    ("", "SimplifiedLayerNormalization"): _first,
    (MICROSOFT, "FusedMatMul"): _product_shape,
    (MICROSOFT, "Attention"): _attention_shape,
}
