"""Uncertainty: how sure it is that one result is better than another."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from onewatt.errors import InputError
from onewatt.spec.architecture import Architecture, Container
from onewatt.spec.cost import Cost
from onewatt.spec.price import Prices, Spread, Uncertain
from onewatt.spec.result import Result
from onewatt.spec.types import Noun

Floats = NDArray[np.float64]

#: Worlds that are drawn by default; the error of a probability is below 0.01.
DRAWS = 4096
#: What lies outside a stated interval on either side [1].
TAIL = 0.05
#: Two energies closer than this share are equal: what rounding makes of sums in another order.
_ROUNDING = 1e-12
#: Shares are rounded to this many digits, so that equal bands share their draws.
_DIGITS = 12


class Odds(Noun):
    """How sure it is that one figure is below another.

    `better` is the probability that the first is below the second, equality counted as half.
    `ratio` is the first over the second as stated; in nine of ten worlds it lies from `low` to
    `high`.  `apart` are the band of the ratio if nothing were shared: low over high and high over
    low.
    """

    better: float
    ratio: float
    low: float
    high: float
    apart: tuple[float, float]

    def sure(self, confidence: float = 0.95) -> bool:
        """Whether one of the two is below the other with this probability."""
        return max(self.better, 1 - self.better) >= confidence


def spread(cost: Cost, architecture: Architecture, prices: Prices) -> Spread:
    """Return what each price adds to the energy of a ledger, with its band.

    Parameters
    ----------
    cost : Cost
        The ledger.
    architecture : Architecture
        The chip it was charged on.
    prices : Prices
        The price list of that chip.

    Returns
    -------
    tuple of Uncertain
        One for each component and action that cost something or might.

    Notes
    -----
    Prices of one component class of the library move together, whatever the size, and so do those
    that chips state with the same source.  What a chip states without a source stands for itself.
    """
    sums: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for e in cost.entries:
        row = (e.energy, e.energy_low, e.energy_high)
        sums.setdefault((e.component, e.action), []).append(row)
    keys: dict[tuple[str, str], str] = {}
    classes = {
        n.name: n.component for n in architecture.nodes if not isinstance(n, Container)
    }  # fmt: skip
    for p in prices.prices:
        stated = p.source and p.source != f"chip {architecture.name!r}"
        own = f"source {p.source}" if stated else f"{architecture.name} {p.component} {p.action}"
        kind = classes.get(p.component, "")
        keys[p.component, p.action] = f"class {kind}" if kind else own
    made: list[Uncertain] = []
    for (component, action), rows in sums.items():
        energy, low, high = (math.fsum(column) for column in zip(*rows, strict=True))
        key = keys.get((component, action), f"{architecture.name} {component} {action}")
        if high > 0:
            made.append(Uncertain(key, energy, low, high))
    return tuple(made)


def spread_of(result: Result) -> Spread:
    """Return what each price adds to the energy of a result, see `spread`."""
    return spread(result.cost, result.architecture, result.prices)


@lru_cache(maxsize=4096)
def _uniform(key: str, draws: int, seed: int) -> Floats:
    """Return one number between 0 and 1 a world for a source of error, one in each of n strata."""
    digest = hashlib.sha256(f"{seed} {key}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    return (rng.permutation(draws) + rng.random(draws)) / draws


@lru_cache(maxsize=8192)
def _factors(key: str, low: float, high: float, draws: int, seed: int) -> Floats:
    """Return what a price is of its stated value in each world [1]."""
    u = _uniform(key, draws, seed)
    if low <= 0:
        return _triangular(u, low, 1.0, high)
    return np.exp(_triangular(u, math.log(low), 0.0, math.log(high)))


def _triangular(u: Floats, low: float, mode: float, high: float) -> Floats:
    """Return the quantiles of a triangular distribution."""
    width = high - low
    if width <= 0:
        return np.full_like(u, mode)
    turn = (mode - low) / width
    left = low + np.sqrt(u * width * (mode - low))
    right = high - np.sqrt((1 - u) * width * (high - mode))
    return np.where(u < turn, left, right)


def energies(spreads: Sequence[Spread], *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Return the energy of several results in the same worlds.

    Parameters
    ----------
    spreads : sequence of Spread
        What each result is made of.
    draws : int
        Worlds to draw.
    seed : int
        Which worlds; the same seed gives the same ones.

    Returns
    -------
    array of float [results, draws]
        Energies [J].

    Notes
    -----
    In a world each source of error has one position in its band, the same for every price that
    shares it: the results are drawn together.  A price lies between the ends of its band and most
    likely at its stated value: triangular in the logarithm, because the bands of the library are
    factors; triangular in joules where the low end is 0.

    Examples
    --------
    >>> half = (Uncertain("class sram", 1.0, 0.5, 2.0),)
    >>> twice = (Uncertain("class sram", 2.0, 1.0, 4.0),)
    >>> one, two = energies([half, twice], draws=100)
    >>> bool((two == 2 * one).all())
    True
    """
    if draws < 1:
        raise InputError(f"found draws {draws!r}; expected at least 1")
    rows = np.zeros((len(spreads), draws))
    for row, terms in zip(rows, spreads, strict=True):
        for term in terms:
            row += _drawn(term, draws, seed)
    return rows


def _drawn(term: Uncertain, draws: int, seed: int) -> Floats:
    key, energy, low, high = term
    if energy <= 0:  # nothing as stated, but perhaps something: likeliest at its low end
        return _triangular(_uniform(key, draws, seed), low, low, high)
    low, high = round(low / energy, _DIGITS), round(high / energy, _DIGITS)
    return energy * _factors(key, low, high, draws, seed)


def odds(
    first: Spread, second: Spread, *, times: float = 1.0, draws: int = DRAWS, seed: int = 0
) -> Odds:
    """Return how sure it is that the first energy is below the second.

    Parameters
    ----------
    first, second : Spread
        What the two results are made of.
    times : float
        What the ratio is multiplied with: 1 for energies, the ratio of latencies for energy-delay
        products, which the model knows exactly.
    draws, seed : int
        See `energies`.

    Returns
    -------
    Odds
        Probability and ratio with its interval.

    Examples
    --------
    >>> one = (Uncertain("class sram", 1.0, 0.5, 2.0),)
    >>> more = (Uncertain("class sram", 1.1, 0.55, 2.2),)
    >>> found = odds(one, more)
    >>> found.better, round(found.low, 3), round(found.high, 3)
    (1.0, 0.909, 0.909)
    """
    a, b = energies([first, second], draws=draws, seed=seed)
    nominal = [math.fsum(t.energy for t in s) for s in (first, second)]
    if min(nominal) <= 0 or not b.all():
        raise InputError("found a result that costs nothing; expected two with energy to compare")
    low, high = ([math.fsum(getattr(t, end) for t in s) for s in (first, second)]
                 for end in ("low", "high"))  # fmt: skip
    ratios = times * a / b
    inside = np.quantile(ratios, [TAIL, 1 - TAIL])
    return Odds(
        better=_better(ratios), ratio=times * nominal[0] / nominal[1], low=float(inside[0]),
        high=float(inside[1]),
        apart=(times * low[0] / high[1], times * high[0] / low[1] if low[1] else math.inf),
    )  # fmt: skip


def _better(ratios: Floats) -> float:
    below = int(np.count_nonzero(ratios < 1 - _ROUNDING))
    above = int(np.count_nonzero(ratios > 1 + _ROUNDING))
    return (below + (ratios.size - below - above) / 2) / ratios.size


def distinguishable(
    first: Result | Spread,
    second: Result | Spread,
    *,
    times: float = 1.0,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> bool:
    """Return whether it is sure which of two results takes less energy.

    Parameters
    ----------
    first, second : Result or Spread
        The two.
    times : float
        See `odds`.
    confidence : float
        How sure [1].
    draws, seed : int
        See `energies`.
    """
    one, two = (s if isinstance(s, tuple) else spread_of(s) for s in (first, second))
    return odds(one, two, times=times, draws=draws, seed=seed).sure(confidence)


def undecided(
    spreads: Sequence[Spread],
    *,
    times: Sequence[float] | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[tuple[int, ...], ...]:
    """Return for each of several results the others whose energy is not surely another.

    Parameters
    ----------
    spreads : sequence of Spread
        What each result is made of.
    times : sequence of float or None
        What each energy is multiplied with: one over its batch for the energy of an inference, its
        latency for energy-delay products.
    confidence : float
        How sure it must be which of two is less [1].
    draws, seed : int
        See `energies`.

    Returns
    -------
    tuple of tuples of int
        Indices, rising; who is in the row of another has that other in its own row.

    Examples
    --------
    >>> sram = [(Uncertain("class sram", e, e / 2, e * 2),) for e in (1.0, 1.2)]
    >>> dram = (Uncertain("class dram", 1.1, 0.8, 2.1),)
    >>> undecided([*sram, dram])
    ((2,), (2,), (0, 1))
    """
    weights = np.ones(len(spreads)) if times is None else np.asarray(times, dtype=np.float64)
    drawn = energies(spreads, draws=draws, seed=seed) * weights[:, None]
    rows: list[list[int]] = [[] for _ in spreads]
    for i in range(len(spreads) - 1):
        one, others = drawn[i], drawn[i + 1 :]
        below = np.mean(one < others * (1 - _ROUNDING), axis=1)
        above = np.mean(one > others * (1 + _ROUNDING), axis=1)
        better = below + (1 - below - above) / 2
        unsure = np.maximum(better, 1 - better) < confidence
        for j in map(int, np.flatnonzero(unsure) + i + 1):
            rows[i].append(j)
            rows[j].append(i)
    return tuple(map(tuple, rows))


def alike(
    spreads: Sequence[Spread],
    *,
    times: Sequence[float] | None = None,
    confidence: float = 0.95,
    draws: int = 1024,
    seed: int = 0,
) -> tuple[tuple[int, ...], ...]:
    """Group results whose energies cannot be told apart, for fronts that must not sell noise.

    Parameters
    ----------
    spreads : sequence of Spread
        What each result is made of.
    times : sequence of float or None
        What each energy is multiplied with, for instance its latency for energy-delay products.
    confidence : float
        How sure it must be that two results differ for them to be told apart [1].
    draws, seed : int
        See `energies`.

    Returns
    -------
    tuple of tuples of int
        Groups of indices, the least stated figure first.  A group holds a result and all those
        above it, not yet in a group, that it is not surely better than.

    Examples
    --------
    >>> sram = [(Uncertain("class sram", e, e / 2, e * 2),) for e in (1.0, 1.2)]
    >>> dram = (Uncertain("class dram", 1.3, 0.8, 2.1),)
    >>> alike([*sram, dram])
    ((0, 2), (1,))
    """
    weights = np.ones(len(spreads)) if times is None else np.asarray(times, dtype=np.float64)
    drawn = energies(spreads, draws=draws, seed=seed) * weights[:, None]
    stated = [math.fsum(t.energy for t in s) * w for s, w in zip(spreads, weights, strict=True)]
    left = sorted(range(len(spreads)), key=lambda i: (stated[i], i))
    groups: list[tuple[int, ...]] = []
    while left:
        rows = drawn[left]
        ratios = rows[0] / np.where(rows > 0, rows, np.inf)
        sure = np.mean((ratios < 1 - _ROUNDING) + 0.5 * (np.abs(ratios - 1) <= _ROUNDING), axis=1)
        near = [i for i, p in zip(left, sure, strict=True) if i == left[0] or p < confidence]
        groups.append(tuple(near))
        left = [i for i in left if i not in near]
    return tuple(groups)
