"""The row-stationary mapping as the chip's paper writes it: seven numbers a layer."""

from __future__ import annotations

import re

from onewatt.errors import MappingError
from onewatt.spec.types import Noun

NAMES = ("m", "n", "e", "p", "q", "r", "t")
_PART = re.compile(r"([mnepqrt])\s*=?\s*(\d+)")


class RowStationary(Noun):
    """How a layer is cut for Eyeriss (jssc17, Table II).

    `m` output channels have their partial sums in the buffer at once, `n` images and `e` output
    rows are in a pass.  A PE interleaves `p` filters and `q` channels; the array has PE sets for
    `r` times as many channels and `t` times as many filters.

    Examples
    --------
    >>> print(RowStationary(m=96, n=1, e=7, p=16, q=1, r=1, t=2))
    m96 n1 e7 p16 q1 r1 t2
    """

    m: int
    n: int
    e: int
    p: int
    q: int
    r: int
    t: int

    def __post_init__(self) -> None:
        """Refuse numbers below one."""
        for name in NAMES:
            if getattr(self, name) < 1:
                raise MappingError(
                    f"row-stationary mapping has {name} = {getattr(self, name)}; "
                    "expected at least 1"
                )

    def __str__(self) -> str:
        """Write the seven numbers, as ``m96 n1 e7 p16 q1 r1 t2``."""
        return " ".join(f"{name}{getattr(self, name)}" for name in NAMES)

    @classmethod
    def parse(cls, text: str) -> RowStationary:
        """Read what `str` writes; ``m=96`` is read too.

        Raises
        ------
        MappingError
            If one of the seven is missing, comes twice, or is something else.

        Examples
        --------
        >>> RowStationary.parse("m=64 n=1 e=27 p=16 q=2 r=1 t=1").e
        27
        """
        found: dict[str, int] = {}
        for part in re.sub(r"\s*=\s*", "=", text).replace(",", " ").split():
            match = _PART.fullmatch(part)
            if match is None or match[1] in found:
                raise MappingError(f"found {part!r}; expected m, n, e, p, q, r and t once each")
            found[match[1]] = int(match[2])
        missing = [name for name in NAMES if name not in found]
        if missing:
            raise MappingError(
                f"found no {', '.join(missing)} in {text!r}; expected such as "
                "'m96 n1 e7 p16 q1 r1 t2'"
            )
        return cls(**found)
