"""Blocking: the least that must move into a place of limited size to do a number of operations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Exponents = tuple[float, ...]

#: Lengths of a period that are tried, as shares of the one that is best for endless work.
_PERIODS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05, 0.02, 0.005)
#: Values of a bit of room that are tried, as shares of what it saves at most.
_ROOM = (1.0, 0.3, 0.1, 0.03)


#: Half of the least exponent, where a sum of exponents may be empty.
_LEAST = 0.25


class Operand(NamedTuple):
    """A tensor at a boundary: what enters of it costs `price` a word, what stays takes room.

    `words` are the different ones; a word is used with at most `windows` values of the ranks that
    its index sums.  Words that stay inside take `bits` of room number `room`, or no room if that is
    -1; beside those `flying` words are in use without being stored.
    """

    words: float
    windows: float
    price: float
    room: int = -1
    bits: float = 1.0
    flying: float = 0.0


def exponents(addressed: Sequence[frozenset[str]], ranks: Sequence[str]) -> list[Exponents]:
    """Return the exponents s for which N words_t of each tensor serve at most Π N_t^s_t operations.

    Parameters
    ----------
    addressed : sequence of frozenset of str
        The ranks that address each tensor.
    ranks : sequence of str
        Every rank of more than one value.

    Notes
    -----
    Loomis and Whitney, generalised [1]_: every rank must be covered by exponents that add up to 1
    or more.  Multiples of a half hold every corner for three tensors.

    References
    ----------
    .. [1] M. Christ, J. Demmel, N. Knight, T. Scanlon, K. Yelick, "Communication lower bounds and
       optimal algorithms for programs that reference arrays", arXiv:1308.0068, 2013.

    Examples
    --------
    >>> product = [frozenset("PC"), frozenset("MC"), frozenset("PM")]
    >>> exponents(product, "PMC")
    [(0.0, 1.0, 1.0), (0.5, 0.5, 0.5), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)]
    """
    valid = [
        s
        for s in itertools.product((0.0, 0.5, 1.0), repeat=len(addressed))
        if all(sum(x for x, a in zip(s, addressed, strict=True) if r in a) >= 1 for r in ranks)
    ]
    return [
        s
        for s in valid
        if not any(o != s and all(x <= y for x, y in zip(o, s, strict=True)) for o in valid)
    ]


def least_price(
    operands: Sequence[Operand],
    rooms: Sequence[float],
    powers: Sequence[Exponents],
    points: float,
    places: int = 1,
) -> float:
    """Return a price that entering words cannot undercut, whatever is done when.

    Parameters
    ----------
    operands : sequence of Operand
        The tensors; what leaves of an output counts as what enters of an input.
    rooms : sequence of float
        Bits that can stay inside, by number [bit]; infinite if there is no limit.
    powers : sequence of tuple of float
        From `exponents`.
    points : float
        Operations of all places together [1].
    places : int
        Equal places that share the work in any way.

    Notes
    -----
    Cut what a place does into periods that each pay X.  A period has no more of a tensor than what
    stays inside plus what X pays for, so it does at most F(X) operations; a place with N operations
    has more than N / F(X) - 1 full periods [1]_.  F is bounded from above with any price for a
    bit of room (Lagrange), and the answer is the best over several X.  For a matrix product with
    S words of one room, X = 2 S gives 2 N / sqrt(S) - 2 S, the sharp constant of [2]_.

    References
    ----------
    .. [1] D. Irony, S. Toledo, A. Tiskin, "Communication lower bounds for distributed-memory
       matrix multiplication", JPDC 64(9), 2004.
    .. [2] T. M. Smith, B. Lowery, J. Langou, R. A. van de Geijn, "A tight I/O lower bound for
       matrix multiplication", arXiv:1702.02017, 2019.

    Examples
    --------
    >>> each = [Operand(1000.0**2, 1.0, 1.0, room=0) for _ in range(3)]
    >>> round(least_price(each, [100.0], [(0.5, 0.5, 0.5)], 1000.0**3))
    199999800
    """
    values = _values(operands, rooms)
    whole = max((sum(v * r for v, r in zip(vs, rooms, strict=True) if v) for vs in values),
                default=0.0)  # fmt: skip
    whole += sum(t.price * t.flying for t in operands)
    if whole <= 0 or not powers:  # words serve any number of operations along a rank of no tensor
        return 0.0
    paid = 2 * whole * np.array(_PERIODS)
    worth = np.array(values, dtype=np.float64).reshape(len(values), len(rooms))
    most = np.min([_most_points(operands, rooms, s, worth, paid) for s in powers], axis=(0, 2))
    return max(0.0, float(np.max(paid * (points / most - places))))


def _values(operands: Sequence[Operand], rooms: Sequence[float]) -> list[tuple[float, ...]]:
    """Return prices of a bit of each room to try; endless room is worth nothing."""
    choices: list[list[float]] = []
    for number, room in enumerate(rooms):
        saved = {t.price / t.bits for t in operands if t.room == number and t.price}
        shares = _ROOM if len(rooms) > 1 else _ROOM[:1]
        worth = sorted({v * share for v in saved for share in shares})
        choices.append(worth if worth and math.isfinite(room) else [0.0])
    return list(itertools.product(*choices))


def _most_points(
    operands: Sequence[Operand],
    rooms: Sequence[float],
    powers: Exponents,
    values: Floats,
    paid: Floats,
) -> Floats:
    """Return the most operations of a period: max Π (windows·N)^s with Σ price·N within means.

    `values` are prices of a bit [tries, rooms], `paid` of a period [periods]; the answer is of
    every period with every try.  What is left of the means goes to each tensor by its exponent,
    those that then have all of their words first.
    """
    free = np.where(np.isfinite(rooms), rooms, 0.0)  # endless room is worth nothing
    ends = np.stack([
        np.minimum(t.price, values[:, t.room] * t.bits) if t.room >= 0
        else np.full(len(values), t.price) for t in operands
    ])  # fmt: skip
    flying = np.array([t.flying for t in operands])
    means = paid[:, None] + values @ free + flying @ ends
    wanted = [i for i, s in enumerate(powers) if s > 0]
    s = np.array([powers[i] for i in wanted])[:, None, None]
    price = ends[wanted][:, None, :]
    words = np.array([operands[i].words for i in wanted])[:, None, None]
    whole = words**s
    windows = math.prod(operands[i].windows ** powers[i] for i in wanted)
    most = windows * np.prod(np.where(price > 0, 1.0, whole), axis=0) * np.ones_like(means)
    left = np.broadcast_to(price > 0, (len(wanted), *means.shape))
    price = np.where(price > 0, price, 1.0)
    for _ in range(len(wanted) + 1):
        shares = np.maximum(means, 0.0) / np.maximum(np.sum(s * left, axis=0), _LEAST) * s / price
        full = left & (shares >= words)
        last = ~full.any(axis=0)  # nothing more is used up: the rest is shared
        most = most * np.prod(np.where(left & last, shares**s, 1.0), axis=0)
        most = most * np.prod(np.where(full, whole, 1.0), axis=0)
        means = means - np.sum(np.where(full, price * words, 0.0), axis=0)
        left = left & ~full & ~last
        if not left.any():
            break
    return most


def least_price_of_steps(
    operands: Sequence[Operand], powers: Sequence[Exponents], points: float, width: float
) -> float:
    """Return a price that words used at once cannot undercut if none of them stays.

    Parameters
    ----------
    operands : sequence of Operand
        The tensors.
    powers : sequence of tuple of float
        From `exponents`.
    points : float
        Operations in all [1].
    width : float
        The most operations that happen at once and share what they use [1].

    Notes
    -----
    A step of A operations needs Π (windows·N)^s >= A, so by the inequality of means its words
    cost at least σ Π (price / (s windows))^(s/σ) A^(1/σ) with σ = Σ s; an operation costs least in
    the widest step.

    Examples
    --------
    >>> each = [Operand(100.0, 1.0, 1.0) for _ in range(3)]
    >>> round(least_price_of_steps(each, [(0.5, 0.5, 0.5)], 800.0, 8.0), 6)
    1200.0
    """
    best = 0.0
    for s in powers:
        total = sum(s)
        rows = [(t, x) for t, x in zip(operands, s, strict=True) if x > 0]
        if total < 1 or any(t.price <= 0 for t, _ in rows):
            continue
        each = total * math.prod((t.price / (x * t.windows)) ** (x / total) for t, x in rows)
        best = max(best, points * each * width ** (1 / total - 1))
    return best
