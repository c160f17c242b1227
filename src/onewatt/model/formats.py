"""Compressed formats: the mean bits a word takes, for zeros anywhere, structured or measured.

The codecs in `onewatt.simulate` write these formats bit by bit; here is what their mean should be.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

from onewatt.errors import InputError, unknown
from onewatt.spec.zeros import Measured, Structured, Zeros

FORMATS = ("dense", "rlc", "csc", "bitmask", "coordinate")
_COORDINATE_BITS = 16


class _Runs(NamedTuple):
    """A format of runs: `longest` zeros in one symbol, and the bits around a word."""

    longest: int
    head: int
    packing: float
    writes_ends: bool


#: RLC has 5-bit runs and packs three pairs and one bit into 64 bits (JSSC 2017, section V-C);
#: CSC has 4-bit counts, and its segments simply end (JETCAS 2019, section IV).
_RUNS = {"rlc": _Runs(32, 5, 64 / 63, True), "csc": _Runs(16, 4, 1.0, False)}


def compressed_bits(
    form: str, density: float, bits: int, *,
    zeros: Zeros | None = None, segment: int = 0, address: int = 0,
) -> float:  # fmt: skip
    """Return the mean bits a word takes in a compressed format.

    Parameters
    ----------
    form : str
        ``dense``, ``rlc``, ``csc``, ``bitmask`` or ``coordinate``.
    density : float
        Share of non-zeros [1].
    bits : int
        Width of a word [bit].
    zeros : Structured or Measured, optional
        How the zeros lie; without it, each word is one with equal chance.
    segment : int
        Words of a segment of CSC; 0 for one endless stream.
    address : int
        Width of the address of each segment [bit].

    Returns
    -------
    float
        Bits a word [bit], address vector included.

    Raises
    ------
    InputError
        If the density is not from 0 to 1 or contradicts `zeros`, there is no such format, or the
        zeros were not measured in these segments.

    Notes
    -----
    A symbol of runs covers up to L - 1 zeros and the word after them (L = 32 in RLC [1]_, 16 in
    CSC [2]_), so in an endless stream it covers (1 - (1 - d)^L) / d words.  In a segment of n words
    a non-zero after g zeros takes 1 + floor(g / L) symbols, so all of them take n d +
    d Σ (n - kL) (1 - d)^(kL) over k ≥ 1.  In an N:M structure the N + 1 runs of zeros of a block
    are alike: g zeros occur with chance C(M - 1 - g, N - 1) / C(M, N).

    References
    ----------
    .. [1] jssc17, section V-C.
    .. [2] jetcas19, section IV.

    Examples
    --------
    >>> round(compressed_bits("rlc", 1.0, 16), 3)
    21.333
    >>> compressed_bits("csc", 0.5, 8, zeros=Structured(kept=2, block=4), segment=16, address=7)
    6.4375
    """
    if not 0.0 <= density <= 1.0:
        raise InputError(f"density is {density!r}; expected a share of non-zeros from 0 to 1")
    if zeros is not None and abs(zeros.density - density) > 1e-9:
        raise InputError(f"density is {density!r}, but the zeros make it {zeros.density!r}")
    if form == "dense":
        return float(bits)
    if form == "bitmask":
        return 1 + density * bits
    if form == "coordinate":
        return density * (bits + _COORDINATE_BITS)
    if form not in _RUNS:
        raise InputError(unknown("format", form, FORMATS))
    runs = _RUNS[form]
    symbols = _symbols(runs, density, zeros, segment)
    return symbols * (bits + runs.head) * runs.packing + (address / segment if segment else 0.0)


def _symbols(runs: _Runs, density: float, zeros: Zeros | None, segment: int) -> float:
    """Return the mean symbols a word takes."""
    if isinstance(zeros, Measured):
        return _measured(runs, zeros, segment)
    if isinstance(zeros, Structured):
        return _structured(runs.longest, zeros, segment)
    if segment:
        return _in_segment(runs.longest, density, segment)
    if 0 < density < 1:
        return density / -math.expm1(runs.longest * math.log1p(-density))
    return max(density, 1 / runs.longest)


def _in_segment(longest: int, density: float, segment: int) -> float:
    """Return the mean symbols a word of a segment takes, each a zero with equal chance."""
    further = sum(
        (segment - run) * (1 - density) ** run for run in range(longest, segment, longest)
    )
    return density * (1 + further / segment)


def _measured(runs: _Runs, zeros: Measured, segment: int) -> float:
    cut = next((c for c in zeros.cuts if c.segment == segment), None)
    if cut is None:
        known = ", ".join(str(c.segment) for c in zeros.cuts) or "none"
        raise InputError(
            f"zeros were measured in segments of {known} words, and are needed in segments of "
            f"{segment} (0: one stream); measure them with segments=(..., {segment})"
        )
    symbols = sum(run.times * (run.zeros // runs.longest + 1) for run in cut.gaps)
    if runs.writes_ends:
        symbols += sum(run.times * -(-run.zeros // runs.longest) for run in cut.ends)
    return symbols / zeros.words


@functools.lru_cache(maxsize=256)
def _structured(longest: int, zeros: Structured, segment: int) -> float:
    """Return the mean symbols a word takes where each block keeps as many words."""
    kept, block = zeros.kept, zeros.block
    if segment % block:
        raise InputError(
            f"structure {kept}:{block} does not divide segments of {segment} words; expected whole "
            "blocks in a segment"
        )
    ways = math.comb(block, kept)
    chance = [math.comb(block - 1 - g, kept - 1) / ways for g in range(block - kept + 1)]
    inside = math.fsum(p * (g // longest) for g, p in enumerate(chance))
    across = math.fsum(
        p * q * ((g + h) // longest) for g, p in enumerate(chance) for h, q in enumerate(chance)
    )
    if not segment:
        return (kept + (kept - 1) * inside + across) / block
    blocks = segment // block
    further = ((kept - 1) * blocks + 1) * inside + (blocks - 1) * across
    return (kept * blocks + further) / segment
