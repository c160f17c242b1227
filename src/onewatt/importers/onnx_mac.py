"""What ONNX operators of convolutions and matrix products record.

A function returns None when it recorded the node, or the reason why it has no price.
"""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import math

from onewatt.importers import layers
from onewatt.importers.onnx_graph import Graph, Handler, Node


def conv(graph: Graph, node: Node, x: int = 0, w: int = 1) -> str | None:
    """Record a convolution whose operands `x` and `w` are the data and the weights."""
    data, weight, out = graph.shape(node, x), graph.shape(node, w), graph.out(node)
    groups = int(node.get("group", 1))
    if len(weight) != len(data) or groups < 1 or weight[0] % groups or out[1] != weight[0]:
        return f"the weight shape {list(weight)} does not fit {groups} groups"
    graph.rec.add(
        layers.convolution(
            node.name,
            (node.inputs[x], node.inputs[w], node.outputs[0]),
            batch=data[0],
            groups=groups,
            outputs=weight[0] // groups,
            inputs=weight[1],
            size=out[2:],
            kernel=weight[2:],
            stride=node.get("strides"),
            dilation=node.get("dilations"),
        )
    )
    return None


def qlinear_conv(graph: Graph, node: Node) -> str | None:
    """Record a convolution whose operands carry scales and zero points."""
    return conv(graph, node, 0, 3)


def conv_transpose(graph: Graph, node: Node) -> str | None:
    """Record a convolution that scatters each input pixel."""
    data, weight = graph.shape(node, 0), graph.shape(node, 1)
    groups = int(node.get("group", 1))
    if len(weight) != len(data) or groups < 1 or weight[0] % groups or data[1] != weight[0]:
        return f"the weight shape {list(weight)} does not fit {groups} groups"
    graph.rec.add(
        layers.transposed_convolution(
            node.name,
            (node.inputs[0], node.inputs[1], node.outputs[0]),
            batch=data[0],
            groups=groups,
            outputs=weight[1],
            inputs=weight[0] // groups,
            size=data[2:],
            kernel=weight[2:],
            stride=node.get("strides"),
            dilation=node.get("dilations"),
        )
    )
    return None


def gemm(graph: Graph, node: Node) -> str | None:
    """Record a product of two matrices, either of which may be transposed."""
    a, b = graph.shape(node, 0), graph.shape(node, 1)
    a = a[::-1] if node.get("transA", 0) else a
    b = b[::-1] if node.get("transB", 0) else b
    graph.rec.product(node.name, (node.inputs[0], node.inputs[1], node.outputs[0]), a, b)


def product(first: int, second: int) -> Handler:
    """Return the function of an operator that multiplies two of its operands, batched."""

    def run(graph: Graph, node: Node) -> str | None:
        a, b = graph.shape(node, first), graph.shape(node, second)
        names = (node.inputs[first], node.inputs[second], node.outputs[0])
        swap = (*range(len(a) - 2), len(a) - 1, len(a) - 2)
        a = tuple(a[i] for i in swap) if node.get("transA") else a
        swap = (*range(len(b) - 2), len(b) - 1, len(b) - 2)
        b = tuple(b[i] for i in swap) if node.get("transB") else b
        graph.rec.product(node.name, names, a, b)

    return run


def einsum(graph: Graph, node: Node) -> str | None:
    """Record a product given by letters in an attribute."""
    return record_einsum(graph, node, str(node.get("equation", "")))


def record_einsum(graph: Graph, node: Node, equation: str) -> str | None:
    """Record a product of two tensors given by letters, as one batched matrix product."""
    values = [i for i in node.inputs if i]
    found = split_equation(equation, [graph.rec.shapes[v] for v in values])
    if isinstance(found, str):
        return found
    groups, rows, outputs, inputs = found
    names = (values[0], values[1], node.outputs[0])
    left, right = (groups, rows, inputs), (groups, inputs, outputs)
    if groups == 1:
        left, right = left[1:], right[1:]
    graph.rec.product(node.name, names, left, right)
    return None


def split_equation(equation: str, shapes: list[tuple[int, ...]]) -> tuple[int, int, int, int] | str:
    """Return groups, rows, columns and summed elements of a product, or why it is none."""
    text = equation.replace(" ", "")
    if "->" not in text or "." in text or text.count(",") != 1 or len(shapes) != 2:
        return f"einsum {equation!r} is not a product of two tensors with a stated output"
    terms, out = text.split("->")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms.split(","), shapes, strict=True):
        if len(term) != len(shape) or len(set(term)) != len(term):
            return f"einsum {equation!r} does not fit its operands"
        for letter, size in zip(term, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                return f"einsum {equation!r} has an axis of two sizes"
    a, b = (set(t) for t in terms.split(","))
    kept = set(out)
    if (a ^ b) - kept:
        return f"einsum {equation!r} sums one operand alone"

    def product(letters: set[str]) -> int:
        return math.prod(sizes[i] for i in letters)

    sides = a & b & kept, (a - b) & kept, (b - a) & kept, (a & b) - kept
    groups, rows, outputs, inputs = map(product, sides)
    return groups, rows, outputs, inputs
