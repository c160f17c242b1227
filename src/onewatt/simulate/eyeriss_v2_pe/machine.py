"""The sparse PE of Eyeriss v2: tensors are cut to its scratchpads, compressed and run."""

from __future__ import annotations

from operator import index
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from onewatt.errors import InputError
from onewatt.simulate.codecs.csc import CscCode, encode_csc
from onewatt.simulate.eyeriss_v2_pe import kernel
from onewatt.simulate.integers import Integers, fitting, is_whole, whole

#: JETCAS 2019, section IV: iact address 9 x 4 b and data 16 x 12 b; weight address 16 x 7 b and
#: data 96 x 24 b (192 x 12 b without SIMD); psum 32 x 20 b.
IACT_SEGMENTS = 8
IACT_ADDRESS_BITS = 4
IACT_WORDS = (1 << IACT_ADDRESS_BITS) - 1
WEIGHT_COLUMNS = 15
WEIGHT_WORDS = 192
PSUM_WORDS = 32
PSUM_BITS = 20

#: What the memories and the multipliers of the PE are called in the counts.
COMPONENTS = ("iact address", "iact data", "weight address", "weight data", "psum", "mac")

Counts = dict[tuple[str, str], int]


class Tile(NamedTuple):
    """What the PE holds at once: M0 output channels of C0 input channels."""

    m0: int
    c0: int


#: The tile of the published per-layer cycles; it fits without any zero, and no count overflows.
DEFAULT_TILE = Tile(16, 8)


class SparseRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one PE did with a layer.

    `output`, shape (positions, M), are the sums; `cycles` is the time from the first address to
    the last sum, over all tiles; `mac_cycles` are those in which a multiplier worked; `counts` are
    the words (or operations) by component and action; `tiles` is how often weights were loaded.
    """

    output: Integers
    cycles: int
    mac_cycles: int
    counts: Counts
    tiles: int
    simd: int


def sparse_pe(
    inputs: ArrayLike, weights: ArrayLike, simd: Literal[1, 2] = 1, *,
    tile: tuple[int, int] = DEFAULT_TILE,
) -> SparseRun:  # fmt: skip
    """Run a layer on one sparse PE of Eyeriss v2, cycle by cycle.

    Weights stay: a tile of M0 by C0 weights is loaded once, then all positions pass, each as a
    segment of C0 activations; partial sums come back for the next C0 channels.  Activations and
    weights are compressed (CSC); a zero activation takes no cycle, one without weights is dropped
    before it reads any.

    Parameters
    ----------
    inputs : array_like, shape (positions, C)
        Activations of 8 bits, signed or unsigned; a mask of zeros and ones will do.
    weights : array_like, shape (M, C)
        Weights of 8 bits, signed.
    simd : 1 or 2
        Weights that are read and multiplied in a cycle.
    tile : (M0, C0)
        Output and input channels that the PE holds at once.

    Returns
    -------
    SparseRun
        Output, cycles and the accesses of every scratchpad.

    Raises
    ------
    InputError
        If the shapes do not fit together, a value is no whole number of 8 bits, a tile does not fit
        the scratchpads, or a partial sum does not fit 20 bits.

    Notes
    -----
    Seven stages, blocking: two for the activation, three for its weights, two for the MAC [1]_.
    The pipeline runs empty where weights change, and after each position if the psum scratchpad
    does not hold two of them (M0 > 16).  Loading scratchpads is counted (fill, drain), not timed.
    An activation is read once and kept for all its weights; the first partial sum is not read.  Of
    the paper's modes the compressed one is built; the raw mode for dense data is not.

    References
    ----------
    .. [1] jetcas19, section IV and Fig. 17.

    Examples
    --------
    >>> run = sparse_pe([[0, 2, 3], [1, 0, 0]], [[5, 0, 1], [0, 0, 1]])
    >>> run.output, run.mac_cycles, run.cycles
    (array([[3, 3],
           [5, 0]]), 3, 10)
    >>> run.counts["psum", "update"]
    3
    """
    if not is_whole(simd) or simd not in (1, 2):
        raise InputError(f"simd is {simd!r}; expected 1 or 2 multipliers")
    simd = 2 if simd == 2 else 1  # a number of numpy too
    size = _checked_tile(tile)
    iacts, matrix, signed = _operands(inputs, weights)
    positions, channels = iacts.shape
    output = np.zeros((positions, len(matrix)), np.int64)
    events = np.zeros(8, np.int64)
    counts: Counts = {}
    tiles = 0
    for c in range(0, channels, size.c0):
        segments = encode_csc(iacts[:, c : c + size.c0], signed=signed)
        for m in range(0, len(matrix), size.m0):
            columns = encode_csc(matrix[m : m + size.m0, c : c + size.c0].T, lanes=simd)
            _check_fit(columns, Tile(m, c))
            tiles += 1
            rows = slice(m, m + size.m0)
            _run_tile(segments, columns, output[:, rows], events, first=c == 0, at=Tile(m, c))
            _count_transfers(counts, segments, columns, output[:, rows].size, c == 0)
    _count_events(counts, events, simd)
    return SparseRun(
        output=output, cycles=int(events[kernel.CYCLES]), mac_cycles=int(events[kernel.ROWS]),
        counts=counts, tiles=tiles, simd=simd,
    )  # fmt: skip


def _operands(inputs: ArrayLike, weights: ArrayLike) -> tuple[Integers, Integers, bool]:
    iacts, matrix = whole(inputs, "inputs"), whole(weights, "weights")
    for array, name, wanted in ((iacts, "inputs", "(positions, C)"), (matrix, "weights", "(M, C)")):
        if array.ndim != 2 or not array.size:
            raise InputError(f"{name} have shape {array.shape}; expected {wanted}, none of them 0")
    if iacts.shape[1] != matrix.shape[1]:
        raise InputError(
            f"inputs of shape {iacts.shape} have {iacts.shape[1]} channels and weights of shape "
            f"{matrix.shape} have {matrix.shape[1]}; expected (positions, C) and (M, C)"
        )
    signed = bool((iacts < 0).any())
    fitting(iacts, "inputs", 8, signed=signed)
    return iacts, fitting(matrix, "weights", 8, signed=True), signed


def _checked_tile(tile: tuple[int, int]) -> Tile:
    try:
        m0, c0 = (index(side) for side in tile)
    except (TypeError, ValueError) as error:
        raise InputError(f"tile is {tile!r}; expected two whole numbers, (M0, C0)") from error
    if not (1 <= m0 <= PSUM_WORDS and 1 <= c0 <= WEIGHT_COLUMNS):
        raise InputError(
            f"tile is {m0} x {c0}; expected 1 to {PSUM_WORDS} output channels (psum scratchpad) of "
            f"1 to {WEIGHT_COLUMNS} input channels (address scratchpads)"
        )
    return Tile(m0, c0)


def _check_fit(columns: CscCode, at: Tile) -> None:
    if columns.words.size > WEIGHT_WORDS:
        raise InputError(
            f"weights from output channel {at.m0} and input channel {at.c0} take "
            f"{columns.words.size} compressed words; the scratchpad holds {WEIGHT_WORDS}; choose a "
            "smaller tile"
        )


def _run_tile(
    segments: CscCode, columns: CscCode, sums: Integers, events: Integers, *, first: bool, at: Tile
) -> None:
    """Run all positions on one weight tile; add to the sums and to the events."""
    fault = np.zeros(2, np.int64)
    fitted = bool(kernel.run_tile(
        (segments.count, segments.data, segments.address),
        (columns.count, columns.data, columns.address),
        columns.lanes, 2 * sums.shape[1] > PSUM_WORDS, sums,
        np.full(sums.shape, first), 1 << (PSUM_BITS - 1), events, fault,
    ))  # fmt: skip
    if not fitted:
        position, row = int(fault[kernel.POSITION]), int(fault[kernel.ROW_OF_PSUM])
        raise InputError(
            f"the partial sum of position {position} and output channel {at.m0 + row} leaves "
            f"{PSUM_BITS} bits (signed) among the input channels from {at.c0} on; scale the "
            "tensors down"
        )


def _count_transfers(
    counts: Counts, segments: CscCode, columns: CscCode, sums: int, first: bool
) -> None:
    """Add what passes between the scratchpads and the networks for one weight tile."""
    loads = kernel.loads(segments.address, IACT_SEGMENTS, IACT_WORDS)
    addresses = segments.address.size - 1 + loads
    _add(counts, "iact address", "fill", addresses)
    _add(counts, "iact address", "read", loads)  # the start of each load, beside every end
    _add(counts, "iact data", "fill", segments.words.size)
    _add(counts, "weight address", "fill", columns.address.size)
    _add(counts, "weight data", "fill", columns.words.size)
    _add(counts, "psum", "fill", 0 if first else sums)
    _add(counts, "psum", "drain", sums)


def _count_events(counts: Counts, events: Integers, simd: int) -> None:
    """Add what happened inside the PE."""
    for component, action, event, each in (
        ("iact address", "read", kernel.IACT_ADDRESS, 1),
        ("iact data", "read", kernel.IACT_DATA, 1),
        ("weight address", "read", kernel.WEIGHT_ADDRESS, 1),
        ("weight data", "read", kernel.ROWS, simd),
        ("psum", "read", kernel.PSUM_READ, 1),
        ("psum", "update", kernel.COMPUTE, 1),
        ("mac", "compute", kernel.COMPUTE, 1),
        ("mac", "gated", kernel.GATED, 1),
    ):
        _add(counts, component, action, int(events[event]) * each)


def _add(counts: Counts, component: str, action: str, words: int) -> None:
    counts[component, action] = counts.get((component, action), 0) + words
