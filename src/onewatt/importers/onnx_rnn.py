"""Recurrent layers and attention of ONNX."""

from __future__ import annotations

from collections.abc import Callable

from onewatt.importers.attention import record_attention
from onewatt.importers.onnx_graph import Graph, Node
from onewatt.importers.recurrent import GATES, record_direction


def _recurrent(kind: str) -> Callable[[Graph, Node], str | None]:
    def run(graph: Graph, node: Node) -> str | None:
        data, weight = graph.shape(node, 0), graph.shape(node, 1)
        recurrent = graph.shape(node, 2)
        gates = GATES[kind]
        if len(data) != 3 or len(weight) != 3 or weight[1] != gates * recurrent[2]:
            return f"its weight shape {list(weight)} is not that of {gates} gates"
        steps, batch = (data[1], data[0]) if node.get("layout", 0) else data[:2]
        ways = ("forward", "reverse") if weight[0] == 2 else ("",)
        if node.get("direction") == "reverse":
            ways = ("reverse",)
        out = next(o for o in node.outputs if o)
        for way in ways:
            record_direction(
                graph.rec,
                ".".join(filter(None, (node.name, way))),
                kind,
                (node.inputs[0], node.inputs[1], node.inputs[2], out),
                batch=batch,
                steps=steps,
                inputs=data[2],
                hidden=recurrent[2],
            )
        for other in node.outputs:
            if other and other != out:
                graph.rec.view(other, out, whole=False)
        return None

    return run


lstm, gru, rnn = _recurrent("lstm"), _recurrent("gru"), _recurrent("rnn")


def attention(graph: Graph, node: Node) -> str | None:
    """Record the standard's Attention: heads apart (4-D) or side by side (3-D)."""
    q, k, v = (graph.shape(node, i) for i in range(3))
    if node.operand(4) or node.operand(5):
        return "attention with a past of keys and values inside one operator"
    if len(q) == 3:
        heads, shared = int(node.get("q_num_heads", 0)), int(node.get("kv_num_heads", 0))
        if heads < 1 or shared < 1 or q[2] % heads or k[2] % shared or v[2] % shared:
            return f"{heads} query heads and {shared} key heads do not divide its operands"
        q = (q[0], heads, q[1], q[2] // heads)
        k, v = ((t[0], shared, t[1], t[2] // shared) for t in (k, v))
    if len(q) != 4 or len(k) != 4 or len(v) != 4 or q[1] % k[1] or q[3] != k[3] or k[1] != v[1]:
        return f"attention of shapes {list(q)}, {list(k)}, {list(v)}"
    record_attention(
        graph.rec,
        node.name,
        (node.inputs[0], node.inputs[1], node.inputs[2], node.outputs[0]),
        batch=q[0],
        heads=k[1],
        shared_by=q[1] // k[1],
        queries=q[2],
        keys=k[2],
        depth=q[3],
        value_depth=v[3],
    )
    return None


def microsoft_attention(graph: Graph, node: Node) -> str | None:
    """Record ONNX Runtime's fused attention: one projection for Q, K and V, then the heads."""
    data, weight = graph.shape(node, 0), graph.shape(node, 1)
    heads, sizes = int(node.get("num_heads", 0)), node.get("qkv_hidden_sizes")
    if node.operand(4) or len(data) != 3 or len(weight) != 2 or heads < 1:
        return "fused attention with a past of keys and values inside one operator"
    q, k, v = (int(s) for s in sizes) if sizes else (weight[1] // 3,) * 3
    if q + k + v != weight[1] or q != k or q % heads or v % heads:
        return f"fused attention with sizes {q}, {k}, {v} for {weight[1]} weight columns"
    joined, out = f"{node.outputs[0]}/qkv", node.outputs[0]
    graph.rec.tensor(joined, (*data[:2], weight[1]))
    graph.rec.product(f"{node.name}.qkv", (node.inputs[0], node.inputs[1], joined), data, weight)
    parts = [f"{joined}/{p}" for p in "qkv"]
    for part in parts:
        graph.rec.view(part, joined, whole=False)
    record_attention(
        graph.rec,
        node.name,
        (parts[0], parts[1], parts[2], out),
        batch=data[0],
        heads=heads,
        queries=data[1],
        keys=data[1],
        depth=q // heads,
        value_depth=v // heads,
    )
    return None
