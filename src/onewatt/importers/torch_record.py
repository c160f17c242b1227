"""Records what a module does under fake tensors, for programs that cannot be exported."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import copy
from typing import Any

from onewatt.importers.record import Recorder
from onewatt.importers.torch_call import Call, Ref
from onewatt.importers.torch_graph import dispatch
from onewatt.spec.workload import Workload


def record(torch: Any, module: Any, args: Any, kwargs: Any, name: str) -> Workload:
    """Return the workload of a forward pass on shapes alone."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils._python_dispatch import TorchDispatchMode

    book = _Book(torch, Recorder(name))

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            found = func(*args, **(kwargs or {}))
            book.call(func, args, kwargs or {}, found)
            return found

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        fake = _fake_copy(torch, module, mode)
        for path, tensor in (*fake.named_parameters(), *fake.named_buffers()):
            book.learn(tensor, path, constant=True)
        args, kwargs = _faked(torch, mode, args), _faked(torch, mode, kwargs)
        for i, tensor in enumerate(_tensors(torch, (args, kwargs))):
            book.learn(tensor, f"input{i}", constant=False)
        handles = book.follow(fake)
        with Watch():
            found = fake(*args, **kwargs)
        for handle in handles:
            handle.remove()
    outputs = [book.names[id(t)] for t in _tensors(torch, found) if id(t) in book.names]
    return book.rec.finish(name, outputs)


def _fake_copy(torch: Any, module: Any, mode: Any) -> Any:
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in (*part.parameters(False), *part.buffers(False), *vars(part).values()):
            if isinstance(value, torch.Tensor) and id(value) not in memo:
                fake = mode.from_tensor(value)
                if isinstance(value, torch.nn.Parameter):
                    fake = torch.nn.Parameter(fake, requires_grad=False)
                memo[id(value)] = fake
    return copy.deepcopy(module, memo).eval()


def _faked(torch: Any, mode: Any, item: Any) -> Any:
    if isinstance(item, torch.Tensor):
        return mode.from_tensor(item)
    if isinstance(item, dict):
        return {k: _faked(torch, mode, v) for k, v in item.items()}
    if isinstance(item, (list, tuple)):
        return type(item)(_faked(torch, mode, v) for v in item)
    return item


def _tensors(torch: Any, item: Any) -> list[Any]:
    if isinstance(item, torch.Tensor):
        return [item]
    if isinstance(item, dict):
        return [t for v in item.values() for t in _tensors(torch, v)]
    if isinstance(item, (list, tuple)):
        return [t for v in item for t in _tensors(torch, v)]
    return []


class _Book:
    """Names for tensors as they pass by; it keeps them alive so that no name is used twice."""

    def __init__(self, torch: Any, rec: Recorder) -> None:
        self.torch, self.rec = torch, rec
        self.names: dict[int, str] = {}
        self.alive: list[Any] = []
        self.path: list[str] = [""]

    def learn(self, tensor: Any, name: str, *, constant: bool) -> Ref:
        self.names[id(tensor)] = name
        self.alive.append(tensor)
        shape = tuple(int(s) for s in tensor.shape)
        self.rec.tensor(name, shape, constant=constant)
        return Ref(name, shape, tensor.dtype.is_floating_point)

    def ref(self, tensor: Any) -> Ref:
        if id(tensor) not in self.names:  # a tensor made outside: a constant of the program
            return self.learn(tensor, f"constant{len(self.alive)}", constant=True)
        shape = tuple(int(s) for s in tensor.shape)
        return Ref(self.names[id(tensor)], shape, tensor.dtype.is_floating_point)

    def resolve(self, item: Any) -> Any:
        if isinstance(item, self.torch.Tensor):
            return self.ref(item)
        if isinstance(item, (list, tuple)):
            return tuple(self.resolve(i) for i in item)
        return item

    def call(self, func: Any, args: Any, kwargs: Any, found: Any) -> None:
        op = str(func.overloadpacket.__name__)
        resolved = self.resolve(args), {k: self.resolve(v) for k, v in kwargs.items()}
        outputs = [
            self.ref(t)
            if id(t) in self.names
            else self.learn(t, f"{op}_{len(self.alive)}", constant=False)
            for t in _tensors(self.torch, found)
        ]
        name = ".".join(filter(None, (self.path[-1], op.strip("_"))))
        weight = next((r.name for r in _refs(resolved[0]) if r.name.endswith(".weight")), None)
        if weight and op in ("convolution", "addmm", "mm", "t"):
            name = weight.removesuffix(".weight")
        dispatch(self.rec, Call(name, op, resolved[0], resolved[1], outputs))

    def follow(self, module: Any) -> list[Any]:
        """Keep track of the module that runs."""
        handles: list[Any] = []
        for path, part in module.named_modules():
            handles.append(part.register_forward_pre_hook(self._enter(path)))
            handles.append(part.register_forward_hook(self._leave))
        return handles

    def _enter(self, path: str) -> Any:
        def enter(_module: Any, _args: Any) -> None:
            self.path.append(path)

        return enter

    def _leave(self, _module: Any, _args: Any, _result: Any) -> None:
        self.path.pop()


def _refs(item: Any) -> list[Ref]:
    if isinstance(item, Ref):
        return [item]
    return [r for i in item for r in _refs(i)] if isinstance(item, tuple) else []
