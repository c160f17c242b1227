"""Cycles of a sparse PE from densities alone: the mean of what `onewatt.simulate` runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onewatt.errors import InputError


class PointwiseShape(NamedTuple):
    """A layer as a matrix product: positions, input channels C and output channels M."""

    positions: int
    channels: int
    outputs: int


def sparse_pe_cycles(
    inputs: float | Sequence[float],
    weights: float | Sequence[float],
    shape: tuple[int, int, int],
    *,
    simd: Literal[1, 2] = 1,
    m0: int = 16,
    covariance: float = 0.0,
) -> float:
    """Return the cycles in which a multiplier of a sparse PE is expected to work.

    Parameters
    ----------
    inputs, weights : float or sequence of float, shape (C,)
        Share of non-zeros of the tensor, or of each input channel [1].
    shape : (positions, C, M)
        The layer as a matrix product.
    simd : 1 or 2
        Weights multiplied in a cycle.
    m0 : int
        Output channels that the PE holds at once.
    covariance : float
        Of the two densities over input channels [1], if both are given for the tensor as a whole:
        their correlation times both standard deviations.

    Returns
    -------
    float
        Cycles; filling the pipeline is not among them.

    Raises
    ------
    InputError
        If a density is not from 0 to 1, there are not as many as channels, or no channels could
        have the covariance.

    Notes
    -----
    Without SIMD, positions · M · Σ_c d_I(c) d_W(c).  One density for a whole tensor takes channels
    as independent, which they are not: channels with many activations tend to have many weights
    too, so it comes out too low.  Densities of channels carry that correlation, and so does their
    covariance, since the mean of a product is the product of the means and the covariance: without
    SIMD both are exact, with it the covariance is taken to first order.  With two
    multipliers a column of M0 weights with density d has an odd number of non-zeros with chance
    (1 - (1 - 2d)^M0) / 2, and loses half a cycle then [1]_.

    References
    ----------
    .. [1] jetcas19, section IV-B.

    Examples
    --------
    >>> sparse_pe_cycles(0.5, 0.25, (64, 8, 16))
    1024.0
    >>> sparse_pe_cycles([1, 0], [0.5, 1], (10, 2, 4))
    20.0
    >>> sparse_pe_cycles(0.5, 0.75, (10, 2, 4), covariance=-0.125)
    20.0
    """
    layer = PointwiseShape(*shape)
    if min(layer) < 1 or m0 < 1 or simd not in (1, 2):
        raise InputError(
            f"shape {tuple(layer)}, m0 {m0} and simd {simd}; expected sizes of at least 1 and 1 "
            "or 2 multipliers"
        )
    active = _densities(inputs, "inputs", layer.channels)
    kept = _densities(weights, "weights", layer.channels)
    rows, slope = layer.outputs * kept, float(layer.outputs)
    if simd == 2:
        heights = [min(m0, layer.outputs - m) for m in range(0, layer.outputs, m0)]
        odd = sum((1 - (1 - 2 * kept) ** height) / 2 for height in heights)
        rows = (rows + odd) / 2
        slope = (slope + sum(h * float(1 - 2 * kept[0]) ** (h - 1) for h in heights)) / 2
    mean = float((active * rows).sum())
    if covariance:
        _check_covariance(covariance, inputs, weights)
        mean += layer.channels * covariance * slope
    return float(layer.positions * mean)


def _check_covariance(
    covariance: float, inputs: float | Sequence[float], weights: float | Sequence[float]
) -> None:
    """Refuse what no shares of these means can have: a share of mean d varies by d (1 - d)."""
    active, kept = np.asarray(inputs, np.float64), np.asarray(weights, np.float64)
    if active.shape or kept.shape:
        raise InputError(
            f"covariance {covariance!r} goes with one density for each tensor; densities of "
            "channels have it already"
        )
    most = float(np.sqrt(active * (1 - active) * kept * (1 - kept)))
    if not abs(covariance) <= most:
        raise InputError(
            f"covariance is {covariance!r}; expected at most {most:.4g} either way for densities "
            f"{float(active)!r} and {float(kept)!r}"
        )


def _densities(density: float | Sequence[float], where: str, channels: int) -> NDArray[np.float64]:
    values = np.asarray(density, np.float64)
    if values.shape not in ((), (channels,)):
        raise InputError(
            f"{where} have densities of shape {values.shape}; expected one, or one for each of "
            f"{channels} channels"
        )
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        raise InputError(
            f"{where} have density {float(values[wrong].flat[0])!r}; expected a share of non-zeros "
            "from 0 to 1"
        )
    return np.broadcast_to(values, (channels,))
