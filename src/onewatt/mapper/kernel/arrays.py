"""The arrays that the compiled search takes.

Symbols.  Slot j cuts the tile of rank r from T[r, j] to T[r, j + 1]; T[r, 0] is its size and
T[r, J] is 1.  A *box* says lo[r, j] <= T[r, j] <= hi[r, j], and `rests[r, j]` whether the last
tile at place j is no larger than one of place j + 1.  A *term* counts words of one tensor that
enter the tiles at a place.  A *class* of loop orders of a slot is (tensor, rank): the tensor whose
irrelevant loops are innermost, and the rank along which a sliding window moves first.

R ranks, J slots, X tensors, E terms, C classes, D deciding slots, K memory limits, M masks.
Row 0 of what is paid is the energy [J], the others are the cycles of ports.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PERFECT, TIGHT, FULL = 0, 1, 2
ENERGY, LATENCY, EDP, FRONT = 0, 1, 2, 3
MAYBE, NEVER, ALWAYS = 0, 1, 2  # whether a last tile at a place is one tile of the next
BOUNDED, EMPTY, SCORED, SPLIT = 0, 1, 2, 8
#: Tile sizes up to which an interval is looked through one by one.
SCAN = 64


class Layer(NamedTuple):
    """What is computed: dimensions a·p + b·r of every tensor."""

    dims: Ints  #: (X, F, 4): rank p, rank r or -1, coefficients over their common divisor
    n_dims: Ints  #: (X,)
    relevant: Flags  #: (X, R): whether a rank addresses a tensor
    free: Ints  #: (X,): the ranks that do not address a tensor, as a bit set
    line: Flags  #: (X, R): whether a rank addresses a tensor alone in a dimension
    windows: int  #: the ranks that address some tensor together with another, as a bit set
    factors: Ints  #: (X, F, 4): as the model's kernel takes them
    n_factors: Ints  #: (X,)


class Unrolled(NamedTuple):
    """Ways to unroll ranks over the axes of an array, see `onewatt.mapper.unrolling`."""

    copies: Ints  #: (U, R, J): of a rank along the axis of a slot
    parts: Ints  #: (U, R): steps of each rank
    steps: Ints  #: (U + 1,): their product, rising; the last at least for ways that are not here


class Space(NamedTuple):
    """Which tiles there are."""

    kind: int
    is_time: Flags  #: (J,)
    axis_size: Ints  #: (J,)
    domain: Ints  #: (R, most): the sizes of a set, rising
    n_domain: Ints  #: (R,)
    allowed: Flags  #: (J, R): whether a slot may loop over a rank
    limit_place: Ints  #: (K,)
    limit_bits: Floats  #: (K, X): bits of a word of each tensor
    limit_most: Floats  #: (K,): bits that fit
    unrolled: Unrolled


class Costs(NamedTuple):
    """What mappings cost, in one case."""

    terms: Ints  #: (E, 11), see below
    masks: Ints  #: (M, 2): a set of slots, and a place
    steps: int  #: the mask of all slots of time
    needed: Flags  #: (R, M): whether tiles of a rank are counted there
    rates: Floats  #: (E, 1 + ports): what a word pays
    base: Floats  #: (1 + ports,)
    exact: Floats  #: (1 + ports, E): the same without what is accessed and with all signs
    exact_base: Floats  #: (1 + ports,)
    accesses: Floats  #: (A, E): words that a memory accesses
    access_base: Floats  #: (A,)
    access_pays: Floats  #: (A, 4): [J] an access, accesses a word, the place, rows of instances
    per_step: Floats  #: (1 + ports,)
    standing: float  #: [J] a cycle
    pace: float  #: cycles a step
    deciding: Ints  #: (D,): slots whose order matters, outermost first
    classes: Ints  #: (C, 4): tensor held still, rank that slides first or -1, the innermost
    #: ranks as a bit set, and whether these are all that the tensor does not have
    fixed: Ints  #: (J, R): the order that the dataflow asks for, outermost first, or -1


#: Columns of a term; the masks of slots that count, without the one that decides, and without all
#: deciding ones down to it.
TENSOR, PLACE, KEEPS, SHARED, DECIDES, STEP, OWN, WITH, WITHOUT, LEVEL, APART = range(11)
