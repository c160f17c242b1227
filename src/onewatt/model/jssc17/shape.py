"""The shape of a layer in the words of the chip's paper (jssc17, Table I)."""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.errors import MappingError
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum, Index, Tensor


class Window(NamedTuple):
    """One dimension of a sliding window: positions, width of the filter, stride [1]."""

    positions: int = 1
    width: int = 1
    stride: int = 1


class Shape(NamedTuple):
    """A layer as loops over images, filters, channels and a window that slides in two dimensions.

    `N` images, `G` groups one after another, each with `M` filters and `C` channels; `E` by `F`
    outputs of a filter of `R` by `S`, moved by strides `U` and `V`.  Densities are shares of
    non-zeros [1].  Inputs are as large as their index range, padding included.
    """

    name: str
    N: int
    G: int
    M: int
    C: int
    E: int
    F: int
    R: int
    S: int
    U: int
    V: int
    input_density: float = 1.0
    output_density: float = 1.0

    @property
    def W(self) -> int:  # noqa: N802
        """Words of an input row."""
        return (self.F - 1) * self.V + self.S

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return self.N * self.G * self.M * self.C * self.E * self.F * self.R * self.S

    @classmethod
    def of(cls, einsum: Einsum) -> Shape:
        """Return the shape of a convolution or matrix product.

        Parameters
        ----------
        einsum : Einsum
            MAC work.  Ranks of all three tensors are groups; those of inputs and outputs are
            images, but rank P (rows) and Q (columns) even without a filter.

        Returns
        -------
        Shape
            The shape.

        Raises
        ------
        MappingError
            If the layer is no such thing, its filter is dilated, or it slides in three dimensions.

        Examples
        --------
        >>> import onewatt as ow
        >>> conv1 = ow.load_workload("alexnet", batch=4).einsums[0]
        >>> shape = Shape.of(conv1)
        >>> shape.E, shape.R, shape.U, shape.W
        (55, 11, 4, 227)
        """
        if einsum.work != "mac":
            raise MappingError(f"layer {einsum.name!r} is vector work; the PE array has none")
        tensors = {t.name: t for t in einsum.tensors}
        inputs, weights, outputs = (tensors[name] for name in (INPUTS, WEIGHTS, OUTPUTS))
        windows = _windows(einsum, inputs, set(weights.ranks()), set(outputs.ranks()))
        rest = [r for r in einsum.ranks if r.name not in windows.used]
        sizes = {"N": 1, "G": 1, "M": 1, "C": 1}
        rows, columns = windows.found
        for rank in rest:
            kind = _kind(einsum, rank.name, inputs, weights, outputs)
            if kind == "N" and rank.name == "P" and rows == Window():
                rows = Window(positions=rank.size)
            elif kind == "N" and rank.name == "Q" and columns == Window():
                columns = Window(positions=rank.size)
            else:
                sizes[kind] *= rank.size
        return cls(
            name=einsum.name, N=sizes["N"], G=sizes["G"], M=sizes["M"], C=sizes["C"],
            E=rows.positions, F=columns.positions, R=rows.width, S=columns.width,
            U=rows.stride, V=columns.stride, input_density=inputs.density,
            output_density=outputs.density,
        )  # fmt: skip


class _Windows(NamedTuple):
    found: tuple[Window, Window]
    used: set[str]


def _windows(einsum: Einsum, inputs: Tensor, weights: set[str], outputs: set[str]) -> _Windows:
    """Return the windows of the inputs, rows first, and the ranks they use."""
    found: list[Window] = []
    used: set[str] = set()
    for index in inputs.projection:
        if len(index.terms) < 2:
            continue
        found.append(_window(einsum, index, weights, outputs))
        used |= {t.rank for t in index.terms}
    if len(found) == 1 and not {t.rank for i in inputs.projection for t in i.terms} & {"P", "R"}:
        found.insert(0, Window())  # a window along columns alone
    if len(found) > 2:
        raise MappingError(
            f"layer {einsum.name!r} slides in {len(found)} dimensions; expected rows and columns"
        )
    found += [Window()] * (2 - len(found))
    return _Windows((found[0], found[1]), used)


def _window(einsum: Einsum, index: Index, weights: set[str], outputs: set[str]) -> Window:
    sizes = einsum.sizes
    slides = [t for t in index.terms if t.rank in outputs and t.rank not in weights]
    taps = [t for t in index.terms if t.rank in weights and t.rank not in outputs]
    if len(index.terms) != 2 or len(slides) != 1 or len(taps) != 1:
        raise MappingError(
            f"layer {einsum.name!r}: index {index} of the inputs is no sliding window; expected "
            "an output rank and a filter rank, such as '4P+R'"
        )
    (slide,), (tap,) = slides, taps
    if tap.coefficient > 1 and sizes[tap.rank] > 1:
        raise MappingError(
            f"layer {einsum.name!r}: index {index} dilates the filter; a PE slides over rows "
            "without gaps, so choose a convolution without dilation"
        )
    stride = slide.coefficient if sizes[slide.rank] > 1 else 1
    return Window(sizes[slide.rank], sizes[tap.rank], stride)


def _kind(einsum: Einsum, rank: str, inputs: Tensor, weights: Tensor, outputs: Tensor) -> str:
    """Return which loop of the paper a rank is: N, G, M or C."""
    held = (rank in inputs.ranks(), rank in weights.ranks(), rank in outputs.ranks())
    kinds = {
        (True, True, True): "G", (True, False, True): "N",
        (False, True, True): "M", (True, True, False): "C",
    }  # fmt: skip
    if held in kinds:
        return kinds[held]
    if math.prod(r.size for r in einsum.ranks if r.name == rank) == 1:
        return "G"  # a loop of one changes nothing
    raise MappingError(
        f"layer {einsum.name!r}: rank {rank!r} is in one tensor alone; expected a convolution or "
        "a matrix product"
    )
