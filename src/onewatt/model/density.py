"""Densities of real tensors: where their zeros lie is measured, and becomes part of a workload."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from onewatt.errors import InputError
from onewatt.spec.workload import Tensor
from onewatt.spec.zeros import Cut, Measured, Run, Zeros


def measure(values: ArrayLike, *, segments: Sequence[int] = (0,)) -> Measured:
    """Measure where the zeros of a tensor lie.

    Parameters
    ----------
    values : array_like
        The tensor, in the order in which it is stored (row-major).
    segments : sequence of int
        The ways it will be cut: 0 for one stream (RLC), else the words of a CSC segment [1].

    Returns
    -------
    Measured
        Its words, its non-zeros, and its runs of zeros for each way.

    Raises
    ------
    InputError
        If there are no values, one of them is no number, or they are no whole segments.

    Examples
    --------
    >>> found = measure([0, 0, 3, 1, 0, 5, 0, 0])
    >>> found.density, [(r.zeros, r.times) for r in found.cuts[0].gaps]
    (0.375, [(0, 1), (1, 1), (2, 1)])
    """
    flat = np.asarray(values).reshape(-1)
    if not flat.size or flat.dtype.kind not in "biuf":
        raise InputError(
            f"cannot measure {flat.size} values of {flat.dtype}; expected at least one number"
        )
    if flat.dtype.kind == "f" and np.isnan(flat).any():
        raise InputError(f"value {int(np.argmax(np.isnan(flat)))} is not a number (nan)")
    full = flat != 0
    cuts = tuple(_cut(full, segment) for segment in dict.fromkeys(segments))
    return Measured(words=flat.size, nonzeros=int(full.sum()), cuts=cuts)


def _cut(full: NDArray[np.bool_], segment: int) -> Cut:
    length = segment or full.size
    if length < 1 or full.size % length:
        raise InputError(
            f"{full.size} values are no whole segments of {length}; expected a divisor, or 0 for "
            "one stream"
        )
    row, place = np.nonzero(full.reshape(-1, length))
    follows = np.diff(row, prepend=-1) == 0
    gaps = place - np.where(follows, np.roll(place, 1) + 1, 0)
    rest = np.full(full.size // length, length)
    rest[row] = length - 1 - place  # of several in a row the last one counts
    return Cut(segment=segment, gaps=_runs(gaps), ends=_runs(rest[rest > 0]))


def _runs(lengths: NDArray[np.int64]) -> tuple[Run, ...]:
    zeros, times = np.unique(lengths, return_counts=True)
    return tuple(Run(zeros=int(z), times=int(n)) for z, n in zip(zeros, times, strict=True))


def with_zeros(tensor: Tensor, zeros: Zeros) -> Tensor:
    """Return a tensor with its zeros as they were measured, or in a structure.

    Examples
    --------
    >>> from onewatt.spec.workload import Index
    >>> from onewatt.spec.zeros import Structured
    >>> weights = Tensor(name="Weights", projection=(Index.parse("C"),))
    >>> with_zeros(weights, Structured(kept=2, block=4)).density
    0.5
    """
    return msgspec.structs.replace(tensor, density=zeros.density, zeros=zeros)
