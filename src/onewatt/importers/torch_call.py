"""One operator call of PyTorch, as the exporter or the recorder under fake tensors saw it."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from onewatt.errors import ImportFailure


class Ref(NamedTuple):
    """A tensor: its name in the network, its shape, and whether it holds floating-point numbers."""

    name: str
    shape: tuple[int, ...]
    floating: bool = True


@dataclass
class Call:
    """An operator with its arguments, tensors replaced by `Ref`."""

    name: str
    op: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[Ref]

    def get(self, position: int, name: str, default: Any = None) -> Any:
        """Return an argument by position or by name."""
        inside = position < len(self.args)
        value = self.args[position] if inside else self.kwargs.get(name)
        return default if value is None else value

    def ref(self, position: int, name: str = "input") -> Ref:
        """Return a tensor argument."""
        value = self.get(position, name)
        if not isinstance(value, Ref):
            raise ImportFailure(
                f"layer {self.name!r} ({self.op}) has no tensor as argument {position}; found "
                f"{value!r}"
            )
        return value

    def refs(self) -> list[Ref]:
        """Return all tensors among the arguments."""
        found: list[Ref] = []
        stack: list[Any] = [*self.args, *self.kwargs.values()]
        while stack:
            item = stack.pop(0)
            if isinstance(item, Ref):
                found.append(item)
            elif isinstance(item, (list, tuple)):
                stack[:0] = list(item)
        return found

    @property
    def out(self) -> Ref:
        """The first output."""
        return self.outputs[0]


def pair(value: Any, dims: int) -> tuple[int, ...]:
    """Return a setting that may be one number for all dimensions."""
    if isinstance(value, int):
        return (value,) * dims
    sizes = tuple(int(v) for v in value)
    return sizes * dims if len(sizes) == 1 else sizes
