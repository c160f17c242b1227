"""A layer as row-stationary plus sees it: eight ranks and a stride."""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.errors import InputError
from onewatt.spec.workload import INPUTS, WEIGHTS, Einsum, Index

#: The ranks that the dataflow knows.  A row of the filter (S) stays whole inside a PE.
RANKS = ("N", "G", "M", "C", "P", "Q", "R", "S")


class Layer(NamedTuple):
    """A convolution, depthwise or fully connected layer.

    It has `runs` equal runs.  `size` is by rank, `down` and `along` are the strides of rows and
    columns, `inputs` and `weights` the shares of non-zeros [1], `spread` the standard deviation of
    that of the weights from PE to PE; the words are those of whole tensors.
    """

    name: str
    runs: int
    size: dict[str, int]
    down: int
    along: int
    inputs: float
    weights: float
    spread: float
    input_words: int
    weight_words: int
    output_words: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return math.prod(self.size.values())


def layer_of(einsum: Einsum, *, spread: float = 0.0) -> Layer:
    """Return a layer in the terms of row-stationary plus.

    Raises
    ------
    InputError
        If the work is not MAC work, or it has a rank that the dataflow does not know.
    """
    where = f"layer {einsum.name!r}"
    if einsum.work != "mac":
        raise InputError(f"{where} is vector work; row-stationary plus maps MAC work only")
    strange = [r.name for r in einsum.ranks if r.name not in RANKS and r.size > 1]
    if strange:
        raise InputError(
            f"{where} has rank {strange[0]!r}; row-stationary plus knows {', '.join(RANKS)}"
        )
    inputs = next(t for t in einsum.inputs if t.name == INPUTS)
    weights = next(t for t in einsum.inputs if t.name == WEIGHTS)
    size = {rank: einsum.sizes.get(rank, 1) for rank in RANKS}
    return Layer(
        einsum.name, einsum.count, size, _stride(inputs.projection, "P"),
        _stride(inputs.projection, "Q"), inputs.density, weights.density, spread,
        einsum.words(inputs), einsum.words(weights), einsum.words(einsum.output),
    )  # fmt: skip


def _stride(projection: tuple[Index, ...], rank: str) -> int:
    return next((t.coefficient for i in projection for t in i.terms if t.rank == rank), 1)
