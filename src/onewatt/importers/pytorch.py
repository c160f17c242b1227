"""PyTorch programs as workloads: traced on shapes alone, nothing runs and nothing is changed.

The ladder: `torch.export` first; where a program cannot be exported, its operators are recorded
under fake tensors; where that fails too, the message asks for ONNX.
"""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from onewatt.errors import ImportFailure, InputError, MissingDependency
from onewatt.importers.record import Recorder
from onewatt.spec.workload import Workload

#: Files that can only be read by unpickling, or that hold weights and no network.
REFUSED = (".pt", ".pth", ".pt2", ".bin", ".pkl", ".pickle", ".ckpt", ".safetensors")


def require_torch() -> Any:
    """Return the torch package, or say how to install it."""
    try:
        import torch
    except ImportError as error:
        raise MissingDependency(
            'PyTorch modules need the package torch: pip install "onewatt[torch]"'
        ) from error
    return torch


def refuse_file(path: str | Path) -> None:
    """Refuse a file of weights or pickled code, with what to do instead."""
    suffix = Path(path).suffix.lower()
    if suffix in REFUSED:
        raise ImportFailure(
            f"{path}: a {suffix} file is not read: "
            + (
                "it holds weights without a network"
                if suffix == ".safetensors"
                else "reading it would unpickle it, which can run code"
            )
            + "; export the network to ONNX (torch.onnx.export), or call "
            "onewatt.load_workload(module, example_inputs=...) from Python"
        )


def load_module(
    module: Any,
    example_inputs: Any = None,
    *,
    batch: int = 1,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    name: str | None = None,
) -> Workload:
    """Return the workload of a `torch.nn.Module`.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it is neither changed nor run.
    example_inputs : tensor, shape, sequence or mapping of them
        The arguments of its forward, in order or by name.  A shape stands for a floating-point
        tensor; token numbers need a tensor of integers.
    batch : int
        Batch size [1]; above 1 it replaces a first axis of size 1 of every input.
    shapes : mapping of str to tuple of int, optional
        Shapes of inputs by argument name.
    name : str, optional
        Name of the workload, the class name when left out.

    Returns
    -------
    Workload
        The network.

    Raises
    ------
    ImportFailure
        If the network can neither be exported nor recorded.
    InputError
        If the example inputs are missing or do not fit.
    """
    torch = require_torch()
    args, kwargs = _arguments(torch, module, example_inputs, shapes or {}, batch)
    clone = _structural_copy(torch, module)
    title = name or type(module).__name__
    with _quiet(torch):
        try:
            exported = torch.export.export(clone, args, kwargs or None, strict=False)
        except Exception as first:
            return _recorded(torch, module, args, kwargs, title, first)
    return load_exported(exported, name=title)


def load_exported(exported: Any, *, name: str = "ExportedProgram") -> Workload:
    """Return the workload of a `torch.export.ExportedProgram` in memory."""
    from onewatt.importers.torch_graph import Walker

    rec = Recorder(name)
    walker = Walker(rec, exported.graph_module)
    signature = exported.graph_signature
    stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    stored |= getattr(signature, "inputs_to_lifted_tensor_constants", {})
    for node in exported.graph_module.graph.nodes:
        if node.op == "placeholder":
            walker.bind(node, stored.get(node.name, node.name), constant=node.name in stored)
    outputs = walker.run()
    return rec.finish(name, outputs)


def _recorded(
    torch: Any, module: Any, args: Any, kwargs: Any, name: str, first: Exception
) -> Workload:
    from onewatt.importers.torch_record import record

    try:
        return record(torch, module, args, kwargs, name)
    except (ImportFailure, MissingDependency):
        raise
    except Exception as second:
        raise ImportFailure(
            f"{name}: can neither be exported ({_short(first)}) nor recorded under fake tensors "
            f"({_short(second)}); check that the example inputs fit (token numbers need integer "
            "tensors), or export it to ONNX and load the file"
        ) from second


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}"


@contextlib.contextmanager
def _quiet(torch: Any) -> Generator[None]:
    """Trace without gradients, fused fast paths and the exporter's chatter."""
    logger = logging.getLogger("torch")
    level, fast = logger.level, torch.backends.mha.get_fastpath_enabled()
    logger.setLevel(logging.CRITICAL)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        logger.setLevel(level)


def _structural_copy(torch: Any, module: Any) -> Any:
    """Copy a module for inference; the copy shares the parameters, so it costs no memory."""
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in (*part.parameters(False), *part.buffers(False), *vars(part).values()):
            if isinstance(value, torch.Tensor):
                memo[id(value)] = value
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return copy.deepcopy(module, memo).eval()
    except Exception as error:
        raise ImportFailure(
            f"{type(module).__name__}: cannot be copied ({_short(error)}); expected a plain module"
        ) from error


def _arguments(
    torch: Any, module: Any, given: Any, shapes: Mapping[str, tuple[int, ...]], batch: int
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and named example inputs as tensors on the module's device."""
    if batch < 1:
        raise InputError(f"found batch {batch!r}; expected at least 1")
    if given is None and not shapes:
        raise InputError(
            "a torch module needs example_inputs (tensors or shapes of its forward's arguments), "
            "such as example_inputs=(torch.zeros(1, 3, 224, 224),) or [(1, 3, 224, 224)]"
        )
    first = next(iter(module.parameters()), None)
    device = torch.device("cpu") if first is None else first.device
    kind = torch.get_default_dtype() if first is None else first.dtype
    kind = kind if kind.is_floating_point else torch.get_default_dtype()

    def tensor(value: Any, where: str) -> Any:
        if _is_shape(value):
            value = torch.empty(tuple(value), dtype=kind, device=device)
        if not isinstance(value, torch.Tensor):
            return value
        if batch > 1 and value.ndim:
            value = _batched(value, batch, where)
        if value.is_meta and device.type != "meta":
            return torch.empty_like(value, device=device)
        return value.to(device)

    named = dict(given) if isinstance(given, Mapping) else {}
    named |= dict(shapes)
    ordered = () if given is None or isinstance(given, Mapping) else _ordered(torch, given)
    args = tuple(tensor(v, f"example input {i}") for i, v in enumerate(ordered))
    return args, {k: tensor(v, f"example input {k!r}") for k, v in named.items()}


def _ordered(torch: Any, given: Any) -> tuple[Any, ...]:
    if isinstance(given, torch.Tensor) or _is_shape(given):
        return (given,)
    if isinstance(given, (list, tuple)):
        return tuple(given)
    raise InputError(
        f"found example_inputs of type {type(given).__name__}; expected a tensor, a shape, a "
        "sequence of them or a mapping by argument name"
    )


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in value)
    )


def _batched(value: Any, batch: int, where: str) -> Any:
    if value.shape[0] == batch:
        return value
    if value.shape[0] != 1:
        raise InputError(
            f"{where} has first size {value.shape[0]}, so batch {batch} has no meaning; give "
            "example inputs of that batch"
        )
    return value.expand(batch, *value.shape[1:])
