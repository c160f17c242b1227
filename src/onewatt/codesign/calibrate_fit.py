"""Least squares of logarithms with coefficients that are not negative.

A prediction is a sum (energy) or a sum of maxima (latency) of terms times coefficients, so it is
homogeneous: doubling every coefficient doubles it.  Errors of measurements multiply, so what is
minimised is the sum of ``ln(predicted / measured)²``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Coefficients -> predictions (rows,) and their derivatives (rows, coefficients).
Model = Callable[[Floats], tuple[Floats, Floats]]

_ROUNDS = 60
_SETTLED = 1e-10
#: Predictions that differ by less are the same.
_UNMOVED = 1e-6
#: What the spread of errors is taken to be before any row is seen, and how many rows that weighs.
PRIOR_SPREAD, PRIOR_ROWS = 0.25, 2.0
#: 97.5 % quantiles of Student's t by degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


class Fitted(NamedTuple):
    """Coefficients, the spread of the errors (as a share) and the standard errors of logarithms.

    `log_error` is infinite for a coefficient of zero; `high` is then what the rows allow at most.
    """

    values: Floats
    spread: float
    log_error: Floats
    low: Floats
    high: Floats


def nonnegative(matrix: Floats, target: Floats) -> Floats:
    """Return the least-squares solution whose entries are not negative.

    Notes
    -----
    The active-set method of C. L. Lawson and R. J. Hanson, *Solving Least Squares Problems*, 1974,
    chapter 23.

    Examples
    --------
    >>> nonnegative(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([2.0, -1.0])).tolist()
    [2.0, 0.0]
    """
    n = matrix.shape[1]
    free, x = np.zeros(n, dtype=bool), np.zeros(n)
    slack = 1e-12 * max(1.0, float(np.abs(matrix.T @ target).max(initial=0.0)))
    for _ in range(3 * n + 1):
        pull = np.where(free, -np.inf, matrix.T @ (target - matrix @ x))
        if free.all() or pull.max() <= slack:
            break
        free[int(pull.argmax())] = True
        while True:
            tried = np.zeros(n)
            tried[free] = np.linalg.lstsq(matrix[:, free], target, rcond=None)[0]
            if (tried[free] > 0).all():
                x = tried
                break
            stuck = free & (tried <= 0)
            step = float((x[stuck] / (x[stuck] - tried[stuck])).min())
            x = x + step * (tried - x)
            free &= x > 1e-14
            x[~free] = 0.0
            if not free.any():
                break
    return x


def fit_log(model: Model, measured: Floats, count: int, near: Floats | None = None) -> Floats:
    """Return the coefficients that minimise the squares of ``ln(predicted / measured)``.

    Parameters
    ----------
    model : callable
        Homogeneous and, in each coefficient, not falling.
    measured : array (rows,)
        What was measured, more than 0.
    count : int
        Number of coefficients [1].
    near : array (coefficients,) or None
        Where to start, if something near is known.

    Notes
    -----
    Gauss-Newton: with ``p = J x`` (homogeneity), ``ln p(x')`` is near ``ln p + J x' / p - 1``, so
    each step is a linear problem with non-negative unknowns, shortened until the error falls.
    A sum of maxima has several valleys, so it starts from several points.

    Examples
    --------
    >>> terms = np.array([[1.0, 0.0], [1.0, 2.0], [3.0, 1.0]])
    >>> found = fit_log(lambda x: (terms @ x, terms), terms @ np.array([2.0, 0.5]), 2)
    >>> found.round(6).tolist()
    [2.0, 0.5]
    """
    best, least = np.ones(count), np.inf
    starts = (
        _starts(model, measured, count) if near is None else [np.maximum(near, near.max() * 1e-6)]
    )
    for start in starts:
        found = _descend(model, measured, start)
        error = _error(model, measured, found)
        if error < least * (1 - 1e-9):
            best, least = found, error
    return best


def _starts(model: Model, measured: Floats, count: int) -> list[Floats]:
    points = [np.ones(count)]
    for i in range(count if count > 1 else 0):
        for factor in (1e-2, 1e2):
            point = np.ones(count)
            point[i] = factor
            points.append(point)
    return [p * np.exp(np.median(np.log(measured / model(p)[0]))) for p in points]


def _error(model: Model, measured: Floats, x: Floats) -> float:
    predicted, _ = model(x)
    if not (predicted > 0).all():
        return float("inf")
    return float(np.square(np.log(predicted / measured)).sum())


def _descend(model: Model, measured: Floats, x: Floats) -> Floats:
    error = _error(model, measured, x)
    for _ in range(_ROUNDS):
        predicted, slopes = model(x)
        relative = slopes / predicted[:, None]
        size = np.sqrt(np.square(relative).sum(0))
        size[size == 0] = 1.0
        aim = nonnegative(relative / size, 1.0 - np.log(predicted / measured)) / size
        x, there = _shortened(lambda at: _error(model, measured, at), x, aim - x, error)
        if error - there <= _SETTLED * error:
            return x
        error = there
    return x


def _shortened(
    loss: Callable[[Floats], float], x: Floats, move: Floats, before: float
) -> tuple[Floats, float]:
    """Return the first of x + move, x + move / 2, ... with less loss, and its loss; else x."""
    for halvings in range(20):
        tried = x + move / 2**halvings
        there = loss(tried)
        if there < before:
            return tried, there
    return x, before


def fit_prior(model: Model, measured: Floats, spread: Floats) -> tuple[Floats, float]:
    """Return the likeliest coefficients given log-normal priors around 1, and the error's spread.

    Parameters
    ----------
    model : callable
        As for `fit_log`.
    measured : array (rows,)
        What was measured, more than 0.
    spread : array (coefficients,)
        Standard deviation of the logarithm of the first coefficient, and of the ratio of each other
        one to it [1]: the parts of a chip are dear or cheap together.

    Notes
    -----
    Minimises ``Σ ln(predicted / measured)² / s² + ln(x₀)² / spread₀² + Σ ln(xᵢ / x₀)² / spreadᵢ²``;
    s² is the mean of the rows'
    squares and of `PRIOR_ROWS` rows at `PRIOR_SPREAD`, found in turn with x.
    """
    log, s = np.zeros(len(spread)), PRIOR_SPREAD
    for _ in range(_ROUNDS):
        before = log
        log = _settle(model, measured, spread, s, log)
        errors = np.log(model(np.exp(log))[0] / measured)
        total = float(np.square(errors).sum()) + PRIOR_ROWS * PRIOR_SPREAD**2
        s = float(np.sqrt(total / (len(measured) + PRIOR_ROWS)))
        if np.abs(log - before).max() < 1e-7:
            break
    return np.exp(log), s


def prior_pull(spread: Floats) -> Floats:
    """Return what turns logarithms of coefficients into deviations of a prior, see `fit_prior`."""
    pull = np.eye(len(spread))
    pull[1:, 0] = -1.0
    return pull / spread[:, None]


def _settle(model: Model, measured: Floats, spread: Floats, s: float, log: Floats) -> Floats:
    pull = prior_pull(spread)

    def loss(at: Floats) -> float:
        rows = np.log(model(np.exp(at))[0] / measured) / s
        return float(np.square(rows).sum() + np.square(pull @ at).sum())

    here = loss(log)
    for _ in range(_ROUNDS):
        x = np.exp(log)
        predicted, slopes = model(x)
        matrix = np.vstack([slopes * x / predicted[:, None] / s, pull])
        target = np.concatenate([-np.log(predicted / measured) / s, -pull @ log])
        move: Floats = np.linalg.lstsq(matrix, target, rcond=None)[0].astype(np.float64)
        log, there = _shortened(loss, log, move, here)
        if here - there <= _SETTLED * here:
            return log
        here = there
    return log


def unmoved(model: Model, x: Floats) -> Floats:
    """Return coefficients with those that decide no prediction back at 1, or as near as may be.

    A part that is never the slowest may be as fast as the chip says: what is changed is only what
    the rows show.

    Examples
    --------
    >>> def slowest(x):
    ...     return np.array([max(x)]), np.array([[float(x[0] >= x[1]), float(x[1] > x[0])]])
    >>> unmoved(slowest, np.array([4.0, 0.0])).tolist()
    [4.0, 1.0]
    """
    predicted, slopes = model(x)
    x = x.copy()
    for i in np.flatnonzero(~slopes.any(0)):
        x[i], least = 1.0, 1e-12
        while x[i] > least and np.abs(model(x)[0] / predicted - 1).max() > _UNMOVED:
            x[i] *= 0.98
    return x


def uncertainty(model: Model, measured: Floats, x: Floats, prior: Floats | None = None,
                spread: float | None = None) -> Fitted:  # fmt: skip
    """Return coefficients with standard errors and 95 % intervals of their logarithms.

    Parameters
    ----------
    model : callable
        As for `fit_log`.
    measured : array (rows,)
        What was measured.
    x : array (coefficients,)
        The fitted coefficients.
    prior : array (coefficients,) or None
        The spreads of `fit_prior`, if there was a prior.
    spread : float or None
        Spread of the rows' errors; found from the rows where it is left out.

    Notes
    -----
    The inverse of the curvature of the squares at the fit, times the square of the spread.  A
    coefficient at zero has no logarithm: its upper end is what makes the predictions of the rows
    that feel it most larger by the spread.  One that decides no row is at its upper end.
    """
    predicted, slopes = model(x)
    live = (x > 0) & slopes.any(0)
    free = len(measured) - int(live.sum())
    if spread is None:
        total = float(np.square(np.log(predicted / measured)).sum())
        spread = float(np.sqrt(total / free)) if free > 0 else float("inf")
    relative = (slopes * x / predicted[:, None])[:, live]
    curve = relative.T @ relative / max(spread, 1e-12) ** 2
    if prior is not None:
        pull = prior_pull(prior)[:, live]
        curve += pull.T @ pull
    error = np.full(len(x), np.inf)
    error[live] = np.sqrt(np.maximum(np.diag(np.linalg.pinv(curve)), 0.0))
    t = 2.0 if prior is not None else student(free)
    with np.errstate(over="ignore"):
        low, high = x * np.exp(-t * error), x * np.exp(np.minimum(t * error, 700.0))
    low[~live] = 0.0
    for i in np.flatnonzero(~live):
        share = slopes[:, i] / predicted
        high[i] = spread / float(np.sqrt(np.square(share).sum())) * t if share.any() else x[i]
    return Fitted(x, spread, error, low, high)


def student(free: int) -> float:
    """Return the 97.5 % quantile of Student's t; beyond 10 degrees of freedom by its expansion.

    Notes
    -----
    M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions*, 26.7.5.

    Examples
    --------
    >>> student(3), round(student(30), 3)
    (3.182, 2.042)
    """
    if free < 1:
        return float("inf")
    if free <= len(_T):
        return _T[free - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)


def spearman(one: Floats, other: Floats) -> float | None:
    """Return the rank correlation, with mean ranks for ties; None for fewer than two values.

    Examples
    --------
    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    if len(one) < 2:
        return None
    a, b = _ranks(one), _ranks(other)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / size if size else None


def _ranks(values: Floats) -> Floats:
    _, where, many = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(many)
    return (last - (many - 1) / 2)[where].astype(np.float64)
