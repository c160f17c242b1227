"""How the zeros of a tensor lie: in a structure, or as they were measured."""

from __future__ import annotations

from onewatt.errors import InputError
from onewatt.spec.types import Noun


class Structured(Noun, tag_field="kind", tag="structured"):
    """N:M sparsity: each block of `block` words keeps `kept` of them, at places of equal chance."""

    kept: int
    block: int

    def __post_init__(self) -> None:
        """Refuse blocks that keep nothing or more than they have."""
        if not 1 <= self.kept <= self.block:
            raise InputError(
                f"structure {self.kept}:{self.block} is impossible; expected 1 to {self.block} "
                "kept of each block"
            )

    @property
    def density(self) -> float:
        """Share of non-zeros [1]."""
        return self.kept / self.block


class Run(Noun):
    """A number of zeros in a row, and how often it occurs."""

    zeros: int
    times: int

    def __post_init__(self) -> None:
        """Refuse less than nothing."""
        if self.zeros < 0 or self.times < 1:
            raise InputError(
                f"run of {self.zeros} zeros occurs {self.times} times; expected at least 0 zeros "
                "and 1 time"
            )


class Cut(Noun):
    """The runs of zeros of a tensor cut into segments of `segment` words; 0 leaves it whole.

    `gaps` are the runs before a non-zero (0 zeros where two follow each other), `ends` those
    after the last one of a segment.
    """

    segment: int = 0
    gaps: tuple[Run, ...] = ()
    ends: tuple[Run, ...] = ()


class Measured(Noun, tag_field="kind", tag="measured"):
    """The zeros of a real tensor: `nonzeros` of `words`, and their runs for each way to cut it."""

    words: int
    nonzeros: int
    cuts: tuple[Cut, ...] = ()

    def __post_init__(self) -> None:
        """Refuse counts that contradict each other."""
        if not (0 <= self.nonzeros <= self.words and self.words):
            raise InputError(
                f"measured {self.nonzeros} non-zeros of {self.words} words; expected at least one "
                "word and no more non-zeros than words"
            )
        for cut in self.cuts:
            found = sum(r.times for r in cut.gaps)
            covered = found + sum(r.zeros * r.times for r in (*cut.gaps, *cut.ends))
            if cut.segment < 0 or (found, covered) != (self.nonzeros, self.words):
                raise InputError(
                    f"measured cut into segments of {cut.segment} covers {found} non-zeros and "
                    f"{covered} words; expected {self.nonzeros} and {self.words}"
                )

    @property
    def density(self) -> float:
        """Share of non-zeros [1]."""
        return self.nonzeros / self.words


Zeros = Structured | Measured
