"""How long the slowest PE takes for a window where zeros are skipped."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: Standard deviations over which the densities of tiles are averaged, and their number.
_REACH, _STEPS = 4.0, 33


def slowest_window(
    inputs: float,
    weights: float,
    shape: tuple[int, int],
    *,
    lanes: int = 1,
    pes: int = 1,
    spread: float = 0.0,
) -> float:
    """Return the cycles until every PE has finished a window [cycle].

    Parameters
    ----------
    inputs, weights : float
        Shares of non-zeros [1].
    shape : (words, filters)
        Inputs of a window, and weights that each of them meets.
    lanes : int
        Weights multiplied in a cycle.
    pes : int
        PEs that wait for each other.
    spread : float
        Standard deviation of the density of the weights from PE to PE, beyond chance [1].

    Returns
    -------
    float
        The expected maximum over the PEs.

    Notes
    -----
    A zero input takes no cycle, another one ceil(non-zeros of its column / lanes), none of them if
    the column is empty [1]_.  Zeros lie anywhere with equal chance, independently in each PE, so
    the chance that all PEs are done after t cycles is F(t)^pes, and the mean is Σ (1 - F(t)^pes).
    With a spread, F is the mean over a normal distribution of densities, cut at 0 and 1.

    References
    ----------
    .. [1] jetcas19, section IV-B.

    Examples
    --------
    >>> slowest_window(1.0, 1.0, (8, 16), lanes=2, pes=192)
    64.0
    >>> slowest_window(0.5, 1.0, (1, 1), pes=2)
    0.75
    """
    done = _done(inputs, weights, shape, lanes, spread)
    return float((1 - done[:-1] ** pes).sum())


@lru_cache(maxsize=4096)
def _done(
    inputs: float, weights: float, shape: tuple[int, int], lanes: int, spread: float
) -> NDArray[np.float64]:
    """Return the chance that a PE is done after 0, 1, ... cycles."""
    places = np.linspace(-_REACH, _REACH, _STEPS) if spread else np.zeros(1)
    share = np.exp(-(places**2) / 2)
    share /= share.sum()
    densities = np.clip(weights + spread * places, 0.0, 1.0)
    words, filters = shape
    total = np.zeros(words * -(-filters // lanes) + 1)
    for density, part in zip(densities, share, strict=True):
        one = _column(filters, float(density), lanes) * inputs
        one[0] += 1 - inputs
        chance = np.ones(1)
        for _ in range(words):
            chance = np.convolve(chance, one)
        total += part * np.minimum(1.0, np.cumsum(chance))
    return np.minimum(1.0, total)


def _column(filters: int, density: float, lanes: int) -> NDArray[np.float64]:
    """Return the chance of each number of cycles for a column of weights."""
    nonzeros = np.ones(1)
    for _ in range(filters):
        nonzeros = np.convolve(nonzeros, (1 - density, density))
    cycles = -(-np.arange(filters + 1) // lanes)
    return np.bincount(cycles, weights=nonzeros).astype(np.float64)
