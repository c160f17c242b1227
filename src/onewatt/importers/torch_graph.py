"""Walks PyTorch graphs and records their operators."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any

from onewatt.errors import ImportFailure
from onewatt.importers.record import Recorder
from onewatt.importers.torch_call import Call, Ref
from onewatt.importers.torch_mac import MAC
from onewatt.importers.torch_vector import VECTOR

#: Operators that make tensors from settings alone, whatever their arguments.
CREATE = frozenset(
    """arange zeros ones full empty zeros_like ones_like full_like empty_like new_zeros new_ones
    new_full new_empty scalar_tensor eye linspace tril_indices triu_indices empty_strided
    new_empty_strided hann_window lift_fresh_copy _tensor_constant fill_ zero_""".split()  # noqa: SIM905
)
_SILENT = (
    "_assert",
    "sym_",
    "_set_grad",
    "_enter_autocast",
    "_exit_autocast",
    "is_",
    "_local_scalar",
)
_INLINE = {"wrap_with_set_grad_enabled": 1, "wrap_with_autocast": 4, "wrap": 0,
           "invoke_subgraph": 0, "tag_activation_checkpoint": 0}  # fmt: skip


def dispatch(rec: Recorder, call: Call) -> None:
    """Record one call; what has no price is noted by name."""
    refs = call.refs()
    for ref in (*refs, *call.outputs):
        rec.shapes.setdefault(ref.name, ref.shape)
    op = _base(call.op)
    if op in CREATE:
        rec.constants.update(o.name for o in call.outputs)
        return
    if not call.outputs:
        return
    if refs and op not in MAC and rec.constant(r.name for r in refs):
        rec.constants.update(o.name for o in call.outputs)
        return
    if call.op.endswith("_") and not call.op.endswith("__") and refs:
        rec.touch(refs[0].name)
    function = MAC.get(op) or VECTOR.get(op)
    if function is None:
        _refuse(rec, call, f"onewatt has no price for operator aten.{call.op}")
        return
    if any(0 in o.shape for o in call.outputs[:1]):
        return  # nothing is computed
    reason = function(rec, call)
    if reason:
        _refuse(rec, call, reason)


def _base(op: str) -> str:
    known = op in MAC or op in VECTOR or op in CREATE or op.endswith("__")
    return op if known else op.removesuffix("_")


def _refuse(rec: Recorder, call: Call, reason: str) -> None:
    operands = [r.name for r in call.refs()]
    rec.refuse(call.name, f"aten.{call.op}", operands, [o.name for o in call.outputs], reason)


def sizes(tensor: Any, name: str) -> tuple[int, ...]:
    """Return a shape as whole numbers; a symbolic size counts as in the example it came from."""
    found: list[int] = []
    for size in tensor.shape:
        if isinstance(size, int):
            found.append(size)
            continue
        hint = getattr(size.node, "hint", None)
        if hint is None:
            raise ImportFailure(
                f"tensor {name!r} has a size {size} that depends on data; expected shapes that "
                "follow from the inputs: give another example input or export to ONNX"
            )
        found.append(int(hint))
    return tuple(found)


class Walker:
    """Turns the nodes of an exported graph into calls."""

    def __init__(self, rec: Recorder, module: Any) -> None:
        self.rec = rec
        self.module = module
        self.values: dict[Any, Any] = {}

    def run(self) -> list[str]:
        """Visit the nodes in order and return the names of the outputs."""
        groups = norm_groups(self.module.graph)
        outputs: list[str] = []
        for node in self.module.graph.nodes:
            if node.op == "output":
                outputs = [r.name for r in _flat(self.resolve(node.args))]
            elif node.op == "get_attr":
                self._attribute(node)
            elif node.op == "call_function" and groups.get(node) is not None:
                self._norm(node, groups[node])
            elif node.op == "call_function":
                self._call(node)
        return outputs

    def bind(self, node: Any, name: str, *, constant: bool) -> None:
        """Give a placeholder its tensor."""
        value = node.meta.get("val")
        if not hasattr(value, "shape"):
            self.values[node] = value
            return
        shape = sizes(value, name)
        self.rec.tensor(name, shape, constant=constant, bits=_bits(value))
        self.values[node] = Ref(name, shape, value.dtype.is_floating_point)

    def resolve(self, item: Any) -> Any:
        """Replace graph nodes by their tensors."""
        if isinstance(item, (list, tuple)):
            return tuple(self.resolve(i) for i in item)
        if hasattr(item, "users") and hasattr(item, "meta"):
            return self.values.get(item)
        return item

    def _attribute(self, node: Any) -> None:
        value: Any = self.module
        for part in str(node.target).split("."):
            value = getattr(value, part, None)
        if hasattr(value, "graph"):
            self.values[node] = value
            return
        value = node.meta.get("val", value)
        if hasattr(value, "shape"):
            name = str(node.target)
            self.rec.tensor(name, sizes(value, name), constant=True, bits=_bits(value))
            self.values[node] = Ref(name, sizes(value, name), value.dtype.is_floating_point)

    def _call(self, node: Any) -> None:
        if getattr(node.target, "__name__", "") == "getitem":
            source, position = self.resolve(node.args)
            self.values[node] = source[position] if isinstance(source, tuple) else None
            return
        op = _name(node.target)
        if op.startswith(_SILENT):
            return
        args, kwargs = self.resolve(node.args), {k: self.resolve(v) for k, v in node.kwargs.items()}
        if type(node.target).__module__.startswith("torch._higher_order_ops") or op in _INLINE:
            self._higher(node, op, args)
            return
        outputs = self._outputs(node, floating=True)
        name = layer_name(node, op, args)
        dispatch(self.rec, Call(name, op, args, kwargs, outputs))

    def _outputs(self, node: Any, *, floating: bool) -> list[Ref]:
        value = node.meta.get("val")
        if isinstance(value, (list, tuple)):
            refs = [self._ref(v, f"{node.name}.{i}") for i, v in enumerate(value)]
            self.values[node] = tuple(refs)
            return [r for r in refs if r is not None]
        ref = self._ref(value, node.name)
        self.values[node] = ref
        return [] if ref is None else [ref]

    def _ref(self, value: Any, name: str) -> Ref | None:
        if not hasattr(value, "shape"):
            return None
        shape = sizes(value, name)
        self.rec.tensor(name, shape, bits=_bits(value))
        return Ref(name, shape, value.dtype.is_floating_point)

    def _higher(self, node: Any, op: str, args: tuple[Any, ...]) -> None:
        """Walk into wrappers around a graph; loops and branches have no price."""
        body: Any = args[_INLINE[op]] if op in _INLINE and len(args) > _INLINE[op] else None
        if not hasattr(body, "graph"):
            outputs = self._outputs(node, floating=True)
            operands = [r.name for r in _flat(args)]
            reason = "control flow: how often its body runs is known only at run time"
            name = layer_name(node, op, args)
            self.rec.refuse(name, op, operands, [o.name for o in outputs], reason)
            return
        first = _INLINE[op] + (2 if op == "invoke_subgraph" else 1)
        inner = Walker(self.rec, body)
        holders = [n for n in body.graph.nodes if n.op == "placeholder"]
        inner.values.update(zip(holders, args[first:], strict=False))
        inner.run()
        last = next(n for n in body.graph.nodes if n.op == "output")
        result = inner.resolve(last.args[0])
        self.values[node] = result

    def _norm(self, node: Any, group: tuple[Any, Any]) -> None:
        """Record a root-mean-square normalisation that is spelt out, once, at its last node."""
        source, last = group
        outputs = self._outputs(node, floating=True)
        if node is not last:
            return
        operand, out = self.resolve(source), outputs[0]
        weights = [
            r
            for r in _flat(self.resolve(list(node.all_input_nodes)))
            if r.name in self.rec.constants
        ]
        name = _path(node)[0] or "norm"
        call = Call(name, "rms_norm", (operand, *weights), {}, [out])
        dispatch(self.rec, call)


def norm_groups(graph: Any) -> dict[Any, tuple[Any, Any]]:
    """Return, for each node inside an RMSNorm module, that module's input and its last node.

    Only where all that leaves the module is its last node (casts apart) are the nodes one layer.
    """
    found: dict[Any, tuple[Any, Any]] = {}
    members: dict[str, list[Any]] = {}
    for node in graph.nodes:
        path, kind = _path(node)
        if node.op == "call_function" and kind.endswith("RMSNorm"):
            members.setdefault(path + "@" + str(_call_number(node)), []).append(node)
    for nodes in members.values():
        work = [n for n in nodes if not _name(n.target).startswith(("to", "_assert", "_to_copy"))]
        inside = set(nodes)
        leaving = [n for n in work if any(u not in inside for u in n.users)]
        powers = [n for n in work if _name(n.target) in ("pow", "square")]
        if len(leaving) == 1 and leaving[0] is work[-1] and len(powers) == 1:
            found |= dict.fromkeys(work, (powers[0].args[0], work[-1]))
    return found


def _call_number(node: Any) -> str:
    """Return what tells two calls of one module apart: the key of its stack entry."""
    return str(next(reversed(node.meta["nn_module_stack"])))


def _flat(item: Any) -> list[Ref]:
    if isinstance(item, Ref):
        return [item]
    if isinstance(item, (list, tuple)):
        return [r for i in item for r in _flat(i)]
    return []


def _name(target: Any) -> str:
    packet = getattr(target, "overloadpacket", target)
    return str(getattr(packet, "__name__", packet)).rsplit(".", 1)[-1]


def _bits(value: Any) -> int | None:
    kind = str(value.dtype).removeprefix("torch.")
    return {"int8": 8, "uint8": 8, "quint8": 8, "qint8": 8, "int16": 16}.get(kind)


def _path(node: Any) -> tuple[str, str]:
    stack = node.meta.get("nn_module_stack") or {}
    if not stack:
        return "", ""
    path, kind = list(stack.values())[-1]
    path = str(path).removeprefix("L['self'].").removeprefix("L__self__").lstrip(".")
    return path, kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def layer_name(node: Any, op: str, args: tuple[Any, ...]) -> str:
    """Return the module path, with the operator where the module is not a layer by itself."""
    if op in MAC:
        for ref in _flat(args):
            if ref.name.endswith(".weight"):
                return ref.name.removesuffix(".weight")
    path, kind = _path(node)
    plain = op.strip("_")
    leaf = kind.startswith("torch.nn.modules.") and not kind.endswith(
        ("MultiheadAttention", "Layer", "Transformer", "Encoder", "Decoder", "Sequential")
    )
    if not path:
        return str(node.name)
    return path if leaf else f"{path}.{plain}"
