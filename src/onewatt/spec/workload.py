"""Workloads: networks as lists of Einsums."""

from __future__ import annotations

import math
import re
from typing import Literal

from onewatt.errors import InputError
from onewatt.spec.types import Bits, Noun
from onewatt.spec.zeros import Measured, Structured

INPUTS, WEIGHTS, OUTPUTS = "Inputs", "Weights", "Outputs"
#: The ranks that networks of the zoo and of files have (docs/nomenclature.md).
RANKS = ("N", "G", "M", "C", "P", "Q", "R", "S", "Z", "T")
_MOST_SUMS = 10**8
_MOST_POINTS = 2**53  # counts stay exact as floats
_SAME_DENSITY = 1e-9
_MOST_RUNS = 2**31


class Rank(Noun):
    """An index of an Einsum and the number of values it takes."""

    name: str
    size: int

    def __post_init__(self) -> None:
        """Refuse a size that is not a positive integer."""
        if self.size < 1:
            raise InputError(f"rank {self.name!r} has size {self.size}; expected at least 1")


_TERM = re.compile(r"(\d*)\s*\*?\s*([A-Za-z_][A-Za-z_0-9]*)")


class Term(Noun):
    """One summand of an index: ``coefficient * rank``."""

    rank: str
    coefficient: int = 1


class Index(Noun):
    """How one dimension of a tensor is addressed: a sum of ranks with coefficients, as ``4P+R``."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        """Write the index as ``4P+R``."""
        return "+".join(
            f"{t.coefficient if t.coefficient != 1 else ''}{t.rank}" for t in self.terms
        )

    @classmethod
    def parse(cls, text: str) -> Index:
        """Read an index such as ``4P+R``; a coefficient stands before its rank."""
        terms: list[Term] = []
        for part in text.replace(" ", "").split("+"):
            match = _TERM.fullmatch(part)
            if match is None:
                raise InputError(
                    f"found index {text!r}; expected ranks joined by '+', such as '4P+R'"
                )
            terms.append(Term(rank=match[2], coefficient=int(match[1] or 1)))
        if any(t.coefficient < 1 for t in terms):
            raise InputError(f"index {text!r} has a coefficient below 1")
        if len({t.rank for t in terms}) != len(terms):
            raise InputError(f"index {text!r} names a rank twice")
        return cls(terms=tuple(terms))


class Tensor(Noun):
    """An operand of an Einsum.

    `name` is its part in the Einsum (for MAC work ``Inputs``, ``Weights`` or ``Outputs``: the names
    chips use), `value` is the tensor of the network it is, so that Einsums share it by that name.
    `bits` of None means as wide as the chip computes.  `density` is the share of non-zeros;
    `zeros` says how the zeros lie, without it anywhere with equal chance.
    """

    name: str
    projection: tuple[Index, ...]
    value: str = ""
    bits: Bits | None = None
    accumulate_bits: Bits | None = None
    density: float = 1.0
    zeros: Structured | Measured | None = None

    def __post_init__(self) -> None:
        """Refuse a density that is no share or contradicts the zeros, and widths below one bit."""
        if not 0.0 <= self.density <= 1.0:
            raise InputError(
                f"tensor {self.name!r} has density {self.density!r}; expected a number from 0 to 1"
            )
        if self.zeros is not None and abs(self.zeros.density - self.density) > _SAME_DENSITY:
            raise InputError(
                f"tensor {self.name!r} has density {self.density!r}, but its zeros make it "
                f"{self.zeros.density!r}; write the same in both"
            )
        for field, bits in (("bits", self.bits), ("accumulate_bits", self.accumulate_bits)):
            if bits is not None and bits < 1:
                raise InputError(f"tensor {self.name!r} has {field} {bits}; expected at least 1")

    def ranks(self) -> tuple[str, ...]:
        """Return the names of the ranks that address this tensor."""
        return tuple(t.rank for index in self.projection for t in index.terms)


class Einsum(Noun):
    """One operation: every point of its ranks is one multiply-accumulate or one vector step.

    `work` says what a point is: ``mac`` work is mapped onto the array, ``vector`` work (pooling,
    softmax, normalisation, element-wise) streams through the chip's vector unit with `operations`
    scalar operations a point.  `fused` vector work runs on the output path of the layer before
    it and moves no data of its own.
    """

    name: str
    op: str
    ranks: tuple[Rank, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor
    work: Literal["mac", "vector"] = "mac"
    operations: float = 1.0
    fused: bool = False
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse names that are used twice or not declared."""
        names = [r.name for r in self.ranks]
        where = f"einsum {self.name!r}"
        if len(set(names)) != len(names):
            raise InputError(f"{where} declares a rank twice: {', '.join(names)}")
        if not 1 <= self.count <= _MOST_RUNS:
            raise InputError(f"{where} has count {self.count}; expected 1 to {_MOST_RUNS}")
        if self.points > _MOST_POINTS:
            raise InputError(f"{where} has {self.points:.3g} points; expected at most 2^53")
        if not (math.isfinite(self.operations) and self.operations >= 0):
            raise InputError(f"{where} has operations {self.operations!r}; expected 0 or more")
        tensors = [t.name for t in self.tensors]
        if len(set(tensors)) != len(tensors):
            raise InputError(f"{where} names a tensor twice: {', '.join(tensors)}")
        operands, result = set(tensors[:-1]), tensors[-1]
        if self.work == "mac" and (operands, result) != ({INPUTS, WEIGHTS}, OUTPUTS):
            raise InputError(
                f"{where} is MAC work on {', '.join(tensors)}; expected inputs {INPUTS!r} and "
                f"{WEIGHTS!r} and output {OUTPUTS!r}: the names that chips use"
            )
        for tensor in self.tensors:
            self._check_ranks(tensor, names)

    def _check_ranks(self, tensor: Tensor, names: list[str]) -> None:
        where = f"einsum {self.name!r}"
        used = tensor.ranks()
        for rank in used:
            if rank not in names:
                raise InputError(
                    f"{where}, tensor {tensor.name!r} uses rank {rank!r}, which is not among "
                    f"its ranks {', '.join(names)}"
                )
        if len(set(used)) != len(used):
            raise InputError(
                f"{where}, tensor {tensor.name!r} uses a rank in two dimensions; expected each "
                "rank in at most one"
            )
        for index in tensor.projection:
            reach = sum(t.coefficient * (self.sizes[t.rank] - 1) for t in index.terms)
            if reach >= _MOST_POINTS or any(t.coefficient >= _MOST_POINTS for t in index.terms):
                raise InputError(
                    f"{where}, tensor {tensor.name!r}: index {index} reaches {reach:.3g}; expected "
                    "coefficients and sums below 2^53"
                )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The inputs, then the output."""
        return (*self.inputs, self.output)

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each rank by name."""
        return {r.name: r.size for r in self.ranks}

    @property
    def points(self) -> int:
        """Number of points of one run: the product of all rank sizes."""
        return math.prod(r.size for r in self.ranks)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all `count` runs; vector work has none."""
        return self.points * self.count if self.work == "mac" else 0

    def words(self, tensor: Tensor) -> int:
        """Return the number of words of a tensor in one run, as its index range spans them."""
        return math.prod(self.extent(index) for index in tensor.projection)

    def extent(self, index: Index) -> int:
        """Return the number of different values an index takes."""
        sizes = self.sizes
        return distinct([(t.coefficient, sizes[t.rank]) for t in index.terms])

    @property
    def signature(self) -> tuple[object, ...]:
        """What makes two layers equal: everything that a cost can depend on, and no names.

        Ranks of size 1 are left out, so a 1x1 convolution of one pixel equals a matrix product.
        """
        sizes = self.sizes

        def of(tensor: Tensor) -> tuple[object, ...]:
            dims = (
                tuple(sorted((t.rank, t.coefficient) for t in i.terms if sizes[t.rank] > 1))
                for i in tensor.projection
            )
            kept = tuple(sorted(d for d in dims if d))
            return (
                tensor.name,
                kept,
                tensor.bits,
                tensor.accumulate_bits,
                tensor.density,
                tensor.zeros,
            )

        ranks = tuple(sorted((n, s) for n, s in sizes.items() if s > 1))
        tensors = tuple(of(t) for t in self.tensors)
        return self.work, self.operations, self.fused, ranks, tensors


def distinct(terms: list[tuple[int, int]]) -> int:
    """Return how many different sums ``Σ coefficient·i`` exist with ``0 <= i < size``.

    Examples
    --------
    >>> distinct([(4, 55), (1, 11)])
    227
    >>> distinct([(2, 4), (1, 1)])
    4
    """
    terms = sorted(t for t in terms if t[1] > 1)
    if not terms:
        return 1
    step = math.gcd(*(c for c, _ in terms))
    terms = [(c // step, n) for c, n in terms]
    reaches = [sum(c * (n - 1) for c, n in terms[:i]) for i in range(len(terms) + 1)]
    if all(c <= r + 1 for (c, _), r in zip(terms, reaches, strict=False)):
        return reaches[-1] + 1  # no gap
    if all(c > r for (c, _), r in zip(terms, reaches, strict=False)):
        return math.prod(n for _, n in terms)  # no sum occurs twice
    if len(terms) == 2:
        (a, n), (b, m) = terms
        return _count_two(a, n, b, m)
    return _count_sums(terms)


def _count_two(a: int, n: int, b: int, m: int) -> int:
    """Count the sums a·i + b·j for coprime a and b: (i, j) and (i + b, j - a) are one sum."""
    return n * m - max(0, n - b) * max(0, m - a)


def _count_sums(terms: list[tuple[int, int]]) -> int:
    if math.prod(n for _, n in terms) > _MOST_SUMS:
        raise InputError(f"an index with coefficients and sizes {terms} is too irregular to count")
    sums = 1  # bit i set: sum i occurs
    for coefficient, size in terms:
        grown = 0
        for i in range(size):
            grown |= sums << (coefficient * i)
        sums = grown
    return sums.bit_count()


class TensorShape(Noun):
    """The shape of an operand that onewatt could not price."""

    name: str
    shape: tuple[int, ...]


class Unpriced(Noun):
    """An operator without a price: named with its tensor sizes, never a silent zero."""

    name: str
    op: str
    shapes: tuple[TensorShape, ...] = ()
    words: int = 0
    reason: str = ""


class Workload(Noun):
    """A network as the Einsums it computes, in order of execution."""

    name: str
    einsums: tuple[Einsum, ...]
    source: str = ""
    unpriced: tuple[Unpriced, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two layers of one name and an empty network."""
        names = [e.name for e in self.einsums]
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise InputError(f"workload {self.name!r} has two layers named {twice!r}")
        if not names and not self.unpriced:
            raise InputError(f"workload {self.name!r} has no layers")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole network."""
        return sum(e.macs for e in self.einsums)
