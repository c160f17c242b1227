"""Points of a front that the uncertainty of prices does not tell apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from onewatt.model.uncertainty import undecided
from onewatt.spec.front import Evaluated, Front, Totals
from onewatt.spec.price import Spread

#: How sure it has to be which of two energies is less [1].
CONFIDENCE = 0.95
#: Points of a front that are compared, each with each; of a longer front the first by `Front.best`.
MOST = 200
#: What an energy of a batch is multiplied with to give a measure; the first that is asked counts.
_TIMES: Mapping[str, Callable[[Totals], float]] = {
    "energy": lambda t: 1 / t.batch,
    "edp": lambda t: t.latency / t.batch,
    "power": lambda t: 1 / t.latency,
}


def with_noise(
    front: Front, spread: Callable[[int], Spread], *, confidence: float = CONFIDENCE
) -> Front:
    """Return a front whose points say which others are no surer than its noise.

    Parameters
    ----------
    front : Front
        What was found.
    spread : callable
        Gives what the energy of a batch at a point is made of, by its number; empty if unknown.
    confidence : float
        How sure it has to be which of two is less [1].

    Returns
    -------
    Front
        The same points, those of the front with `within_noise_of`; the front as it was if no
        objective has an energy in it.

    Notes
    -----
    Errors of components that two chips share move together (`onewatt.model.uncertainty`), so chips
    of the same parts are told apart by differences far smaller than the band of either.  The
    measure is what `noisy_measure` names; latencies have no band.
    """
    measure = noisy_measure(front)
    if measure is None:
        return front
    known = [(p, s) for p in front.best[:MOST] if p.result is not None and (s := spread(p.number))]
    near = _near(measure, known, confidence)
    points = tuple(
        replace(p, within_noise_of=near[p.number]) if p.number in near else p for p in front.points
    )
    return replace(front, points=points)


def noisy_measure(front: Front) -> str | None:
    """Return the objective of a front whose noise is looked at: energy, else EDP, else power.

    Power at a rate holds what a chip takes while it rests, which no ledger has; it is left out.
    """
    asked = {o.name for o in front.study.objectives}
    if any(limit.startswith("rate") for limit in front.study.constraints):
        asked -= {"power"}
    return next((name for name in _TIMES if name in asked), None)


def _near(
    measure: str, known: Sequence[tuple[Evaluated, Spread]], confidence: float
) -> dict[int, tuple[int, ...]]:
    times = [_TIMES[measure](p.result.totals) for p, _ in known if p.result is not None]
    rows = undecided([s for _, s in known], times=times, confidence=confidence)
    numbers = [p.number for p, _ in known]
    return {
        number: tuple(sorted(numbers[i] for i in row))
        for number, row in zip(numbers, rows, strict=True)
    }
