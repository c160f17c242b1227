"""Pareto fronts and their hypervolume, exact in any number of objectives."""

from __future__ import annotations

import math
from collections.abc import Sequence

Vector = tuple[float, ...]


def dominates(a: Vector, b: Vector) -> bool:
    """Say whether a is nowhere worse than b and somewhere better; less is better.

    Examples
    --------
    >>> dominates((1.0, 2.0), (1.0, 3.0)), dominates((1.0, 2.0), (1.0, 2.0))
    (True, False)
    """
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def pareto(vectors: Sequence[Vector]) -> list[int]:
    """Return the places of the vectors that none dominates, in the given order.

    Parameters
    ----------
    vectors : sequence of tuple of float
        Values of the objectives, less is better; equal vectors stay together.

    Returns
    -------
    list of int
        Places in `vectors`, rising.

    Notes
    -----
    In lexicographic order a vector can only be dominated by an earlier one, and then also by one
    of the front so far, so each is compared with the front only.

    Examples
    --------
    >>> pareto([(2.0, 1.0), (1.0, 2.0), (2.0, 2.0), (1.0, 2.0)])
    [0, 1, 3]
    """
    front: list[Vector] = []
    kept: list[int] = []
    for i in sorted(range(len(vectors)), key=lambda i: (vectors[i], i)):
        if not any(dominates(f, vectors[i]) for f in reversed(front)):
            kept.append(i)
            if not front or front[-1] != vectors[i]:
                front.append(vectors[i])
    return sorted(kept)


def hypervolume(vectors: Sequence[Vector], reference: Vector) -> float:
    """Return the volume that is dominated by some vector, up to a reference.

    Parameters
    ----------
    vectors : sequence of tuple of float
        Values of the objectives, less is better.
    reference : tuple of float
        The worst corner; a vector that is not better than it everywhere adds nothing.

    Returns
    -------
    float
        The volume, in the product of the units of the objectives.

    Notes
    -----
    By exclusive volumes (While, Bradstreet and Barone, "A fast way of calculating exact
    hypervolumes", IEEE TEVC 16(1), 2012): each vector adds its box less what the later ones share
    with it.  Two objectives are swept in one pass.

    Examples
    --------
    >>> hypervolume([(1.0, 2.0), (2.0, 1.0)], (3.0, 3.0))
    3.0
    """
    inside = [v for v in vectors if all(x < r for x, r in zip(v, reference, strict=True))]
    front = sorted({inside[i] for i in pareto(inside)})
    return _volume(front, reference)


def _volume(front: list[Vector], reference: Vector) -> float:
    if not front:
        return 0.0
    if len(reference) == 1:
        return reference[0] - front[0][0]
    if len(reference) == 2:
        return _sweep(front, reference)
    parts: list[float] = []
    for i, own in enumerate(front):
        shared = [tuple(map(max, own, later)) for later in front[i + 1 :]]
        common = sorted({shared[j] for j in pareto(shared)})
        parts.append(_box(own, reference) - _volume(common, reference))
    return math.fsum(parts)


def _sweep(front: list[Vector], reference: Vector) -> float:
    """Add the steps of a front of two objectives, sorted by the first."""
    ends = [*(v[0] for v in front[1:]), reference[0]]
    return math.fsum(
        (end - x) * (reference[1] - y) for (x, y), end in zip(front, ends, strict=True)
    )


def _box(corner: Vector, reference: Vector) -> float:
    return math.prod(r - x for x, r in zip(corner, reference, strict=True))
